"""What the chains of the folded model and the wedge share: one output and two directions.

The gradient is a single row with one singular value σ = ‖G‖, and a step of h(σ) = σ^(1−α) is one of gradient descent
with the step size η/σ^α.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sympy as sp

from theory.checks import ArgumentError, known
from theory.clock import E1, E2, RATE1, RATE2, single_law
from theory.contractions import ETA
from theory.cycles import KEPT, cycle, rescaled_cycle
from theory.derivation import VIEWS, Step
from theory.models.regression import SLOW
from theory.rules import SIGMA, Rule

Found = tuple[list[Step], dict[str, sp.Expr]]


def after_opening(
    rule: Rule,
    view: str,
    linear: Callable[[Rule, str], Found],
    by_clock: Callable[[Rule], Found],
    in_steps: Callable[[Rule, sp.Expr], Found],
) -> Found:
    """What follows the opening: errors that contract on their own, another clock, or the steps of a power law.

    Raises
    ------
    ArgumentError
        If no derivation exists for this rule and view.
    """
    known("view", view, VIEWS)
    if rule.power == 0 or rule.kind == "newton":
        return linear(rule, view)
    if rule.kind == "spectral" and view == "flow":
        return by_clock(rule)
    if (power := single_power(rule)) is not None:
        return in_steps(rule, power)
    raise ArgumentError("rule", f"have a derivation as a {view}", f"is {rule.name}")


def single_power(rule: Rule) -> sp.Expr | None:
    """The α of the rule on a gradient of one row; None where its law is not a power there."""
    if rule.kind != "spectral" or rule.refresh > 1:
        return None
    power = Rule(rule.name, single_law(rule)).power
    return power if power is not None and power > 0 else None


def modes(rule: Rule, power: sp.Expr, reason: str, residual: Callable[[list[sp.Expr], sp.Expr], list[Any]]) -> Step:
    """The mode equations of a power law in steps, with what must vanish of these and the law on a single row."""
    law = single_law(rule)
    equation = [(1 - ETA * rate * law / SIGMA) * e for rate, e in ((RATE1, E1), (RATE2, E2))]
    return Step(
        "mode equations",
        sp.Matrix(equation),
        reason,
        lambda: [law - SIGMA ** (1 - power), *residual(equation, law)],
        origin="definition",
    )


def two_directions(step: Step) -> Step:
    """The same step, with the index 2 for the slow direction."""
    names = {sp.Symbol(f"e_i{primes}"): sp.Symbol(f"e_2{primes}") for primes in ("'", "''")}
    return replace(step, equation=step.equation.subs({SLOW: RATE2, sp.Symbol("e_i", real=True): E2} | names))


def settling(power: sp.Expr) -> Step:
    """What a small deviation does once the slow part of the gradient is gone."""
    return Step(
        "slow part gone",
        sp.Eq(sp.Symbol("m"), 2 * power - 1, evaluate=False),
        "As b → 0 this is the multiplier: the cycle attracts to the end."
        if power < 1
        else "As b → 0 this is the multiplier: the cycle attracts only while b² > n²(1 − 1/α). From then on it repels, "
        "and so does every other cycle of the fast direction: the steps do not settle.",
        lambda: [
            rescaled_cycle(power).laws["multiplier"].subs(KEPT, 0) - (2 * power - 1),
            cycle(Rule("", SIGMA ** (1 - power))).laws["multiplier"] - (2 * power - 1),
        ],
    )
