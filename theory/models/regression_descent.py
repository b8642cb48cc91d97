"""The steps of a regression from an aligned start: solutions where there are, and what can be said where not."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.cycles import cycle
from theory.derivation import Step
from theory.discretisation import approach, slope_at_zero, speed_along, stability
from theory.models.regression import CONTRACTION, ERROR, ERROR0, ETA, FAST, RATE, SLOW, STEP, THRESHOLD
from theory.models.regression_opening import mode_residual
from theory.rules import Rule

AMPLITUDE = sp.Symbol("r", positive=True)  # of the cycle
Found = tuple[list[Step], dict[str, sp.Expr]]


def descent(rule: Rule) -> Found:
    """The steps of the chain after the opening, and what they predict."""
    return _solved(rule) if rule.kind == "newton" or rule.power in (0, 1) else _recursion(rule)


def _modes(rule: Rule, speed: sp.Expr) -> Step:
    e, following = sp.Function("e"), ERROR - ETA * speed
    return Step(
        "mode equations",
        sp.Eq(e(STEP + 1), following.subs(ERROR, e(STEP)), evaluate=False),
        "One step of size η along each direction, written for eᵢ > 0.",
        lambda: [*mode_residual(rule, speed), following - ERROR + ETA * speed],
        origin="definition",
    )


def _solved(rule: Rule) -> Found:
    """Rules whose recursion has a closed form: gradient descent, Newton's rule, EGD."""
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
        _modes(rule, speed),
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
        _to_and_fro() if rule.power == 1 else _largest_step(rule),
    ]
    return steps, {"arrival": arrival, "solution": solution, "product": sp.simplify(ETA * speed / ERROR)}


def _largest_step(rule: Rule) -> Step:
    """Above which size of the step the minimum repels."""
    limit = stability(rule).laws["largest_step"].subs(RATE, FAST)
    left = (ERROR - ETA * _near_zero(rule)).subs(RATE, FAST) / ERROR
    return Step(
        "largest stable step",
        sp.Le(ETA, limit, evaluate=False),
        "Near the minimum each step leaves a fixed part of an error, 1 less a product that is largest for λ₁: at this "
        "step size that part is −1, and beyond it the fastest direction diverges.",
        lambda: left.subs(ETA, limit) + 1,
    )


def _near_zero(rule: Rule) -> sp.Expr:
    """The speed of a small error, to first order."""
    speed = speed_along(rule)
    return ERROR * sp.limit(speed / ERROR, ERROR, 0, "+")


def _to_and_fro() -> Step:
    """EGD within a step of the minimum."""
    e, after = sp.Function("e"), ERROR - ETA  # of the other sign
    return Step(
        "cycle",
        sp.Eq(e(STEP + 2), e(STEP), evaluate=False),
        "Within a step of the minimum, 0 < eᵢ < η, a step changes the sign and the next one leads back: every such "
        "error belongs to a cycle, which neither attracts nor repels. There is no largest stable step: the error stays "
        "below η and does not vanish.",
        lambda: -((-after) - ETA) - ERROR,
    )


def _recursion(rule: Rule) -> Found:
    """Rules whose recursion has no closed form: how far from the flow they are, and what they end in."""
    speed = speed_along(rule)
    steps = [_modes(rule, speed), *approach(rule).steps[1:]]
    if rule.power is None:
        return [*steps, _arrival(rule, _separated(speed)), *_end(rule)], {}
    alpha = sp.sympify(rule.power)
    flow = ERROR0**alpha * (1 - THRESHOLD**alpha) / (alpha * RATE ** (1 - alpha))
    return [*steps, _arrival(rule, flow), _plateau(flow), *_end(rule)], {}


def _separated(speed: sp.Expr) -> sp.Expr:
    return sp.Integral(1 / speed, (ERROR, THRESHOLD * ERROR0, ERROR0))


def _arrival(rule: Rule, flow: sp.Expr) -> Step:
    """The flow's arrival in steps, and by how much that of the steps differs."""
    speed = speed_along(rule)
    least = speed.subs(ERROR, THRESHOLD * ERROR0)
    later = sp.powdenest(sp.expand_log(sp.log(least / speed.subs(ERROR, ERROR0)), force=True), force=True) / 2
    later = sp.simplify(later)
    leading = approach(rule).laws["leading_error"].subs(ERROR, THRESHOLD * ERROR0)
    return Step(
        "arrival",
        sp.Eq(sp.Symbol("k_i"), flow / ETA + later + sp.Order(ETA), evaluate=False),
        "There is no closed form. To first order in η the steps lie ηc from the flow, which is ηc/v of its time: the "
        "step at which |eᵢ| passes q|e₀|, provided that η is small enough for that to be far above the cycle's size.",
        lambda: [
            flow.diff(THRESHOLD) + ERROR0 / least,
            flow.subs(THRESHOLD, 1).doit(),
            sp.expand_log(leading - later * least, force=True),
        ],
    )


def _plateau(flow: sp.Expr) -> Step:
    """Power laws: every arrival differs from the flow's by the same number of steps."""
    length = sp.simplify(flow.subs(RATE, SLOW) - flow.subs(RATE, FAST)) / ETA
    return Step(
        "plateau",
        sp.Eq(sp.Symbol("K"), length + sp.Order(ETA), evaluate=False),
        "From the arrival of the fastest direction to that of the slowest: both differ from the flow's by the same "
        "number of steps, and the flow's plateau is what is left.",
        lambda: length * ETA - flow.subs(RATE, SLOW) + flow.subs(RATE, FAST),
    )


def _end(rule: Rule) -> list[Step]:
    """What the steps end in: the minimum below the largest stable step, or a cycle."""
    if rule.power is None:
        return [_largest_step(rule)] if slope_at_zero(rule) is not None else []
    if rule.power < 0:
        return []
    amplitude = cycle(rule).laws["amplitude"]
    left = 1 - 2 * (AMPLITUDE / ERROR) ** rule.power
    grows = Step(
        "minimum",
        sp.Eq(sp.Symbol("e'"), ERROR * left, evaluate=False),
        "With r the amplitude of this cycle, a step multiplies e by 1 − 2(r/e)ᵅ. Any error below r grows: the minimum "
        "repels at every step size, and there is no largest stable step.",
        lambda: (
            sp.powsimp(sp.expand_power_base(sp.expand(ERROR * left.subs(AMPLITUDE, amplitude)), force=True), force=True)
            - (ERROR - ETA * speed_along(rule))
        ),
    )
    first, second, *rest = cycle(rule).steps
    return [first, second, grows, *rest]


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
