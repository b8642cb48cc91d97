"""The steps of a regression from an aligned start: solutions where there are, and what can be said where not."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.derivation import Step
from theory.discretisation import speed_along
from theory.models.regression import CONTRACTION, ERROR, ERROR0, ETA, FAST, RATE, SLOW, STEP, THRESHOLD
from theory.models.regression_opening import mode_residual
from theory.rules import Rule


def descent(rule: Rule) -> tuple[list[Step], dict[str, sp.Expr]]:
    """The steps of the chain after the opening, and what they predict."""
    e = sp.Function("e")
    speed = speed_along(rule)
    following = ERROR - ETA * speed
    solution = sp.rsolve(e(STEP + 1) - following.subs(ERROR, e(STEP)), e(STEP), {e(0): ERROR0})
    real = sp.Symbol("k", nonnegative=True)
    if rule.power == 1:
        arrival = sp.solve(sp.Eq(solution.subs(STEP, real), THRESHOLD * ERROR0), real)[0]
    else:
        arrival = sp.solve(sp.Eq(sp.exp(CONTRACTION * real), THRESHOLD), real)[0]
    until = ", until the first step at which the sign changes" if rule.power == 1 else ""
    steps = [
        Step(
            "mode equations",
            sp.Eq(e(STEP + 1), following.subs(ERROR, e(STEP)), evaluate=False),
            "One step of size η along each direction, written for eᵢ > 0.",
            lambda: [*mode_residual(rule, speed), following - ERROR + ETA * speed],
            origin="definition",
        ),
        Step(
            "solution",
            sp.Eq(e(STEP), solution, evaluate=False),
            f"Found by rsolve{until}.",
            lambda: [
                solution.subs(STEP, STEP + 1) - following.subs(ERROR, solution),
                solution.subs(STEP, 0) - ERROR0,
            ],
        ),
        Step(
            "arrival",
            sp.Eq(sp.Symbol("k_i"), sp.ceiling(arrival), evaluate=False),
            "The first whole step at which |eᵢ| ≤ q|e₀|"
            + (
                "; a step that jumps over this band leaves a cycle |eᵢ| ≤ η, and the direction never arrives."
                if rule.power == 1
                else ", for a contraction |1 − ηλᵢ| = exp ρ < 1 a step."
            ),
            lambda: _descent_residual(rule, solution, arrival, real),
        ),
        Step(
            "plateau",
            sp.Eq(
                sp.Symbol("K"),
                sp.ceiling(_of(arrival, SLOW, rule)) - sp.ceiling(_of(arrival, FAST, rule)),
                evaluate=False,
            ),
            "From the arrival of the fastest direction to that of the slowest.",
            lambda: _of(arrival, SLOW, rule).subs(SLOW, FAST) - _of(arrival, FAST, rule),
        ),
    ]
    return steps, {"arrival": arrival, "solution": solution, "product": sp.simplify(ETA * speed / ERROR)}


def _of(arrival: sp.Expr, rate: sp.Symbol, rule: Rule) -> sp.Expr:
    """The arrival of the direction with this curvature."""
    product = sp.simplify(ETA * speed_along(rule) / ERROR).subs(RATE, rate)
    return arrival.subs(CONTRACTION, sp.log(sp.Abs(1 - product)))


def _descent_residual(rule: Rule, solution: sp.Expr, arrival: sp.Expr, real: sp.Symbol) -> Any:
    if rule.power == 1:
        return solution.subs(STEP, real).subs(real, arrival) - THRESHOLD * ERROR0
    base = sp.Symbol("b", positive=True)  # |1 − ηλ|
    contracts = solution.subs(STEP, 1) / ERROR0 - (1 - sp.simplify(ETA * speed_along(rule) / ERROR))
    return [base ** arrival.subs(CONTRACTION, sp.log(base)) - THRESHOLD, contracts]
