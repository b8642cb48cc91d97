"""The explorer's script put together: settings, compiled laws, and the modules that compute, speak and draw."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import sympy as sp
from sympy.printing.mathml import mathml

from figures.explorer.compiler import javascript
from figures.explorer.laws import page_laws
from figures.explorer.parameters import (
    MOST_BATCH,
    MOST_DIRECTIONS,
    MOST_EXAMPLES,
    NAMED,
    PARAMETERS,
    SEEDS,
    SWITCHED_ON,
)
from figures.style import RULES, direction_colours
from theory.families import POWERS
from theory.models import folded_chain, regression_chain
from theory.plateaus import LONGEST_RUN
from theory.rule_ids import rule

COLOURS = 33  # of directions
LOGIC = ("state.js", "lengths.js", "headline.js", "titles.js", "stops.js", "law.js", "texts.js")
DRAWING = ("plot.js", "panels.js", "spectrum.js", "curves.js", "paths.js", "plane.js", "phase.js")
PAGE = ("hosts.js", "controls.js", "taken.js", "shown.js", "page.js")
SHOWN: dict[str, dict[str, Any]] = {
    "gd": {"label": "gradient descent", "short": "GD", "speed": "σ", "alpha": 0},
    "power": {"label": "power law", "short": "α", "speed": "σ^(1−α)", "alpha": 0.5},
    "egd": {"label": "EGD", "short": "EGD", "speed": "1", "alpha": 1},
    "ngd": {"label": "natural, F⁻¹G", "short": "NGD", "speed": "1/σ", "alpha": 2},
    "newton": {"label": "Newton", "short": "Newton", "speed": "–", "alpha": None},
}


def asset(name: str) -> str:
    """The text of a file that lies beside this module."""
    return (files("figures.explorer") / name).read_text(encoding="utf-8")


def literal(value: object) -> str:
    """A value as JavaScript that may stand inside a script element."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def settings(
    spectrum: Sequence[float] | None = None,
    step: float = PARAMETERS["step"].value,
    name: str | None = None,
    remark: str = "",
) -> dict[str, Any]:
    """What the script is started with; parameters as for `page`."""
    return {
        "start": {"spectrum": spectrum, "step": step, "name": name},
        "parameters": {key: asdict(parameter) for key, parameter in PARAMETERS.items()},
        "most_directions": MOST_DIRECTIONS,
        "rules": [{"id": key, **shown, "colour": RULES[key]} for key, shown in SHOWN.items()],
        "switched_on": SWITCHED_ON,
        "plateau": LONGEST_RUN,
        "most_batch": MOST_BATCH,
        "directions": direction_colours([i / (COLOURS - 1) for i in range(COLOURS)]),
        "digits": json.loads(asset("digits.json")),
        "formulas": formulas(),
        "source": remark,
    }


@functools.cache
def explorer_script() -> str:
    """The function `explorer(root, page, model)`: draws in a root what `page` starts with, or the traits of a model.

    Without a root it is what a worker runs.
    """
    worker = "if (!root) return serve();"
    parts = ['"use strict";', numbers_script(), worker, *map(asset, (*LOGIC, *DRAWING, *PAGE)), "return begin();"]
    return "function explorer(root, page, model) {\n" + "\n".join(parts) + "\n}"


@functools.cache
def numbers_script() -> str:
    """What computes, without what draws: the compiled laws, special functions, searches, quadrature, steps."""
    return "\n".join(
        [
            asset("special.js"),
            f"const laws = {javascript(page_laws())};",
            asset("numbers.js"),
            asset("measure.js"),
            f"const SEEDS = {SEEDS}, MOST_EXAMPLES = {MOST_EXAMPLES};",
            asset("noise.js"),
        ]
    )


def logic_script(page: dict[str, Any]) -> str:
    """What computes and speaks, without what draws, for a page's settings."""
    return "\n".join(['"use strict";', f"const page = {literal(page)};", numbers_script(), *map(asset, LOGIC)])


@functools.cache
def formulas() -> dict[str, str]:
    """The laws in force as MathML, from the steps of their chains."""
    arrivals = {name: _equation(regression_chain.derive(rule(name)), "arrival") for name in NAMED}
    arrivals["power"] = _equation(regression_chain.derive(POWERS), "arrival")
    chain = folded_chain.derive(POWERS)
    return {**arrivals, "folded": f"{_equation(chain, 'plateau')} </p><p> {_equation(chain, 'clock')}"}


def _equation(chain: Any, step: str) -> str:
    equation: sp.Basic = next(found.equation for found in chain.steps if found.name == step)
    text = mathml(equation, printer="presentation").replace("&ExponentialE;", "e").replace("&dd;", "d")
    text = text.replace("<mo>-</mo>", "<mo>−</mo>")  # which a browser draws as it stands
    return f'<math display="inline">{text}</math>'
