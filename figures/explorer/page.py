"""The page put together: one HTML file with everything in it, which asks no other file for anything."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import sympy as sp
from sympy.printing.mathml import mathml

from figures.explorer.compiler import javascript
from figures.explorer.laws import NAMED, page_laws
from figures.style import RULES, direction_colours
from theory.checks import ArgumentError, numbers, plain, positive
from theory.families import POWERS
from theory.models import folded_chain, regression_chain
from theory.rules import rule

MOST_DIRECTIONS = 1000
LOW_STEP, HIGH_STEP = 1e-6, 10.0
USUAL_STEP = 0.1
COLOURS = 33  # of directions
LOGIC = ("state.js", "words.js")
DRAWING = ("plot.js", "panels.js", "page.js")
SHOWN: dict[str, dict[str, Any]] = {
    "gd": {"label": "gradient descent", "short": "GD", "speed": "σ", "alpha": 0},
    "power": {"label": "power law", "short": "α", "speed": "σ^(1−α)", "alpha": 0.5},
    "egd": {"label": "EGD", "short": "EGD", "speed": "1", "alpha": 1},
    "ngd": {"label": "natural, F⁻¹G", "short": "NGD", "speed": "1/σ", "alpha": 2},
    "newton": {"label": "Newton", "short": "Newton", "speed": "–", "alpha": None},
}


def page(
    spectrum: Sequence[float] | None = None,
    *,
    name: str | None = None,
    remark: str = "",
    step: float | None = None,
    version: str = "",
) -> str:
    """The page as text.

    Parameters
    ----------
    spectrum
        Singular values of the inputs' covariance from which the page starts, all positive (d,); four values of a
        geometric spectrum if left out.
    name
        What the spectrum is called, such as the name of a data set.
    remark
        A sentence about where it comes from.
    step
        Step size η from which the page starts, from 1e-6 to 10; if left out 0.1, or 1/λ₁ where that is less.
    version
        The release that wrote the page.

    Raises
    ------
    ArgumentError
        If the spectrum holds no value or more than 1,000, or one that is not positive; if the step lies outside.
    """
    values = None if spectrum is None else _spectrum(spectrum)
    size = max(LOW_STEP, min(USUAL_STEP, 1 / (values or [1.0])[0])) if step is None else _step(step)
    script = "\n".join([logic_script(values, size, name, remark), *map(_asset, DRAWING)])
    style = _asset("page.css")
    policy = (
        f"default-src 'none'; img-src data:; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {"policy": policy, "version": version, "style": style, "script": script}
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _asset("page.html"))


def _spectrum(spectrum: Sequence[float]) -> list[float]:
    values = numbers("spectrum", spectrum)
    if len(values) > MOST_DIRECTIONS:
        raise ArgumentError("spectrum", f"hold at most {MOST_DIRECTIONS:,} numbers", f"holds {len(values):,}")
    if min(values) <= 0:
        raise ArgumentError("spectrum", "hold positive numbers", f"holds {plain(min(values))}")
    return sorted(values, reverse=True)


def _step(step: float) -> float:
    value = positive("step", step)
    if not LOW_STEP <= value <= HIGH_STEP:
        raise ArgumentError("step", f"lie between {LOW_STEP:g} and {HIGH_STEP:g} on the page", f"is {plain(value)}")
    return value


def _digest(text: str) -> str:
    """What a content security policy calls a script or style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _asset(name: str) -> str:
    return (files("figures.explorer") / name).read_text(encoding="utf-8")


def logic_script(
    spectrum: list[float] | None = None, step: float = USUAL_STEP, name: str | None = None, remark: str = ""
) -> str:
    """What the page is without its drawing: settings, numbers, addresses and words; parameters as for `page`."""
    content = {
        "start": {"spectrum": spectrum, "step": step, "name": name},
        "limits": {"step": [LOW_STEP, HIGH_STEP], "directions": MOST_DIRECTIONS},
        "rules": [{"id": key, **shown, "colour": RULES[key]} for key, shown in SHOWN.items()],
        "directions": direction_colours([i / (COLOURS - 1) for i in range(COLOURS)]),
        "formulas": formulas(),
        "source": remark,
    }
    settings = json.dumps(content, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return "\n".join(['"use strict";', f"const page = {settings};", numbers_script(), *map(_asset, LOGIC)])


@functools.cache
def numbers_script() -> str:
    """What computes, without what draws: the compiled laws, special functions, searches, quadrature, steps."""
    return "\n".join(
        [_asset("special.js"), f"const laws = {javascript(page_laws())};", _asset("numbers.js"), _asset("measure.js")]
    )


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
    return f'<math display="inline">{text}</math>'
