"""The chain of the folded model: from the loss to the length of its plateau."""

from __future__ import annotations

import functools
from typing import Any

import sympy as sp

from theory.clock import E1, E2, RATE1, RATE2, clock
from theory.contractions import ETA, separate
from theory.derivation import Derivation, Step
from theory.folded_plateau import correction_step, existence_step, short_step
from theory.geometry import W1, W2, error_law, error_step
from theory.models.folded import moment_formulas
from theory.models.folded_descent import power_descent
from theory.models.folded_opening import (
    coefficients,
    end_step,
    front_step,
    gradient,
    minimiser,
    model_laws,
    opening,
    rates,
)
from theory.models.single_row import Found, after_opening
from theory.rules import Rule


def _slow_end(factor: sp.Expr, parameter: sp.Symbol, name: str) -> tuple[Step, sp.Expr]:
    """The end of the plateau with the fast direction at rest: the leading order."""
    parts = coefficients()
    x = sp.Symbol("x", positive=True)
    ratio = sp.solve(parts["slow"] * x + parts["constant"], x)[0]
    rate = sp.log(factor.subs(parameter, 1))
    length = sp.log(ratio) / rate
    return (
        Step(
            "leading order",
            sp.Eq(sp.Symbol(name), length, evaluate=False),
            "Once the fast direction has arrived (λ₁ ≫ λ₂) only the slow exponential is left: solve for it.",
            lambda: parts["slow"] * sp.exp(length * rate) + parts["constant"],
        ),
        length,
    )


@functools.cache
def derive(rule: Rule, view: str = "flow") -> Derivation:
    """The chain from the loss to the plateau length of the folded model.

    Parameters
    ----------
    rule
        A spectral rule, or ``newton``.
    view
        ``flow``, for every such rule; ``descent`` for ``newton`` and for rules that are a power law on one output.

    Raises
    ------
    ArgumentError
        If no derivation exists for this rule and view.
    """
    steps, laws = after_opening(rule, view, _linear, _by_clock, power_descent)
    return Derivation("folded", rule.name, view, [*opening(), *steps], model_laws() | laws)


def _linear(rule: Rule, view: str) -> Found:
    """Rules under which each error contracts on its own."""
    modes = separate(rule, view)
    contraction = (sp.Integer(1), sp.Integer(1)) if modes.inverse else rates()
    values = dict(zip((RATE1, RATE2), rates(), strict=True))
    plain = "The rule leaves every singular value as it is: ė = −G."
    steps = [
        *modes.steps(
            plain if view == "flow" else "One step of size η: e ← e − ηG.",
            lambda: _mode_residual(modes.equation, contraction, values, view),
        ),
        error_step(error_law()),
        front_step(),
        end_step(modes.left, modes.unit),
    ]
    laws = {}
    if not modes.inverse:  # which has no slow direction
        ends, length = _slow_end(modes.left[1], modes.parameter, f"{modes.parameter}^*")
        steps += [ends, correction_step(), short_step(), existence_step()] if view == "flow" else [ends]
        laws["leading"] = length.subs(values).subs(moment_formulas())
    laws |= {"contraction_fast": contraction[0].subs(moment_formulas())}
    laws |= {"contraction_slow": contraction[1].subs(moment_formulas())}
    return steps, laws


def _mode_residual(
    equation: tuple[sp.Expr, ...], contraction: tuple[sp.Expr, sp.Expr], values: dict[Any, Any], view: str
) -> list[sp.Expr]:
    """The mode equations against the rule applied to the gradient itself."""
    star = minimiser()
    at = {W1: star[W1] + E1, W2: star[W2] + E2}
    update = [g.subs(at) * c / rate for g, c, rate in zip(gradient(), contraction, rates(), strict=True)]
    if view == "flow":
        return [e.subs(values) + u for e, u in zip(equation, update, strict=True)]
    return [e.subs(values) - (x - ETA * u) for e, x, u in zip(equation, (E1, E2), update, strict=True)]


def _by_clock(rule: Rule) -> Found:
    """Spectral rules: one singular value, so the path is gradient descent's and only its clock differs."""
    path = clock(rule)
    steps = [
        *path.steps,
        error_step(error_law()),
        front_step(),
        end_step(path.left, "time τ along the path, which the clock turns into flow time"),
        existence_step(),
    ]
    return steps, {"clock": path.pace}
