"""The chain of the folded model: from the loss to the length of its plateau."""

from __future__ import annotations

import functools
from typing import Any

import sympy as sp

from theory.checks import ArgumentError, known
from theory.clock import E1, E2, RATE1, RATE2, clock
from theory.contractions import ETA, STEP, TIME, contract, decay, solution_residual
from theory.derivation import VIEWS, Derivation, Step
from theory.folded_plateau import correction_step, existence_step, short_step
from theory.geometry import W1, W2, error_law, error_step
from theory.models.folded import moment_formulas
from theory.models.folded_descent import power_descent, single_power
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
    known("view", view, VIEWS)
    linear = {"gd": rates(), "newton": (sp.Integer(1), sp.Integer(1))}
    kind = "gd" if rule.power == 0 else rule.kind
    if kind in linear:
        steps, laws = _linear(linear[kind], rule, view)
    elif rule.kind == "spectral" and view == "flow":
        steps, laws = _by_clock(rule)
    elif (power := single_power(rule)) is not None:
        steps, laws = power_descent(rule, power)
    else:
        raise ArgumentError("rule", f"have a derivation as a {view}", f"is {rule.name}")
    return Derivation("folded", rule.name, view, [*opening(), *steps], model_laws() | laws)


def _linear(contraction: tuple[sp.Expr, sp.Expr], rule: Rule, view: str) -> tuple[list[Step], dict[str, sp.Expr]]:
    """Rules under which each error contracts on its own: ė = −r e, or e ← (1 − ηr) e."""
    named = (RATE1, RATE2) if rule.power == 0 else contraction
    values = dict(zip((RATE1, RATE2), rates(), strict=True))
    if view == "flow":
        parameter, unit, name = TIME, "flow time t", "t^*"
        left = tuple(decay(rate) for rate in named)
        equation: tuple[sp.Expr, ...] = tuple(-rate * e for rate, e in zip(named, (E1, E2), strict=True))
        reason = "The rule leaves every singular value as it is: ė = −G."
    else:
        parameter, unit, name = STEP, "steps k", "k^*"
        left = tuple(contract(rate) for rate in named)
        equation = tuple((1 - ETA * rate) * e for rate, e in zip(named, (E1, E2), strict=True))
        reason = "One step of size η: e ← e − ηG."
    if rule.kind == "newton":
        reason = "The rule multiplies the gradient by the inverse curvature, so that both errors contract alike."
    steps = [
        Step(
            "mode equations",
            sp.Matrix(equation),
            reason,
            lambda: _mode_residual(equation, contraction, values, view),
        ),
        Step(
            "solution",
            sp.Eq(
                sp.Matrix([sp.Function("e_1")(parameter), sp.Function("e_2")(parameter)]),
                sp.Matrix([E1 * left[0], E2 * left[1]]),
                evaluate=False,
            ),
            "Found by dsolve." if view == "flow" else "Found by rsolve.",
            lambda: solution_residual(left, equation, parameter),
        ),
        error_step(error_law()),
        front_step(),
        end_step((left[0], left[1]), unit),
    ]
    laws = {}
    if rule.kind != "newton":  # which has no slow direction
        ends, length = _slow_end(left[1], parameter, name)
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


def _by_clock(rule: Rule) -> tuple[list[Step], dict[str, sp.Expr]]:
    """Spectral rules: one singular value, so the path is gradient descent's and only its clock differs."""
    found = clock(rule)
    steps = [
        *found.steps,
        error_step(error_law()),
        front_step(),
        end_step(found.left, "time τ along the path, which the clock turns into flow time"),
        existence_step(),
    ]
    return steps, {"clock": found.pace}
