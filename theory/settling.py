"""How many steps of one length (EGD with one output) a slow error takes to its end, and how that goes with its start.

With n = ηλ₁/2 and b = λ|e| the slow part of the gradient, a step multiplies the fast error by 1 − 2n/b once that is
small. While b is above n it goes on shrinking; below, it grows, but it has to make up first for what it has shrunk:
loss of stability is delayed. As b goes down by ηλ a step, factors at n(1 + v) and n(1 − v) cancel, so that the fast
error is back at b* = 2n − b₁ if it was left behind at b₁, and never if b₁ is above 2n = ηλ₁. Steps of up to λ|e|/λ₁
follow the flow to the end: their number grows in proportion to the start. Larger ones end in the alternation of
`theory.alternation`, in which the slow error falls by 1 − 2λ/λ₁ in a step whatever its size, or sooner by up to 1 − u².
"""

from __future__ import annotations

import functools
import math

import sympy as sp

from theory.alternation import RESOLVED, SIZE, steps_between
from theory.checks import ArgumentError, inside, number, plain, positive
from theory.cycles import rescaled_cycle
from theory.derivation import Derivation, Step
from theory.models.regression import ETA, FAST, SLOW, THRESHOLD

LEFT_BEHIND = sp.Symbol("b_1", positive=True)
SLOW_PART = sp.Symbol("b", positive=True)
BEGIN = sp.Symbol("b_0", positive=True)
EXIT = sp.Symbol("b_e", positive=True)
OFF = sp.Symbol("v", positive=True)  # of b from n, in units of n
EDGE = 0.1  # of n: nearer to 2n it is rounding to a step that decides whether there is an exit
ALMOST = 1e-12  # of n: where a slow part counts as gone


@functools.cache
def settling() -> Derivation:
    """The chain from a step of length η to the number of steps until |e| = q|e₀| of the slow direction.

    Laws: ``balance`` in `SLOW_PART`, `ETA` and `FAST`, of which ηλ times what log|e₁| gains between two places is the
    difference; ``exit`` in `LEFT_BEHIND`, `ETA` and `FAST`; ``steps`` without an exit and ``after``, from one, in
    `LEFT_BEHIND`, `EXIT`, `BEGIN`, `THRESHOLD`, `ETA`, `FAST` and `SLOW`. All of them to leading order in λ/λ₁.
    """
    balance = SLOW_PART * sp.log(SLOW_PART) - (SLOW_PART - 2 * SIZE) * sp.log(sp.Abs(SLOW_PART - 2 * SIZE))
    last = 2 * SIZE - LEFT_BEHIND
    straight = (LEFT_BEHIND - THRESHOLD * BEGIN) / (ETA * SLOW)
    pace = -1 / sp.log(1 - 2 * SLOW / FAST)
    after = (LEFT_BEHIND - EXIT) / (ETA * SLOW) + pace * sp.log(EXIT / (THRESHOLD * BEGIN))
    b, e, norm = sp.symbols("b e n_g", positive=True)
    size = rescaled_cycle().laws["norm"]
    steps = [
        Step(
            "straight",
            sp.Eq(sp.Symbol("b'"), b - ETA * SLOW, evaluate=False),
            "With the fast error left behind the norm of the gradient is b: the step is ηλ long.",
            lambda: sp.expand((b * (1 - ETA * SLOW / norm)).subs(norm, b) - (b - ETA * SLOW)),
            origin="definition",
        ),
        Step(
            "fast error",
            sp.Eq(sp.Symbol("e_1'"), e * (1 - 2 * SIZE / b), evaluate=False),
            "The same step contracts the fast error by 1 − ηλ₁/b, n = ηλ₁/2: it grows where b is below n.",
            lambda: sp.expand((1 - ETA * FAST / b) - (1 - 2 * size / b)),
        ),
        Step(
            "balance",
            sp.Eq(sp.Symbol("B"), balance, evaluate=False),
            "Summed over steps of ηλ in b, log|1 − 2n/b| adds up to (B(b) − B(b₁))/ηλ: to leading order, an integral.",
            lambda: [_balance_residual(balance, side) for side in (1, -1)],
        ),
        Step(
            "exit",
            sp.Eq(EXIT, last, evaluate=False),
            "B is the same at n(1 + v) and n(1 − v). For b₁ above 2n = ηλ₁ there is none: B(0) is below B(b₁).",
            lambda: _exit_residual(balance, last),
        ),
        Step(
            "steps without an exit",
            sp.Eq(sp.Symbol("k"), straight, evaluate=False),
            "As the flow does it, at unit speed.",
            lambda: LEFT_BEHIND - ETA * SLOW * straight - THRESHOLD * BEGIN,
        ),
        Step(
            "steps with an exit",
            sp.Eq(sp.Symbol("k"), after, evaluate=False),
            "From there on the slow error falls by 1 − 2λ/λ₁ in a step.",
            lambda: (
                sp.log(rescaled_cycle().laws["slow_left"]) + 1 / pace
                if after.subs(EXIT, THRESHOLD * BEGIN) - straight == 0
                else sp.Integer(1)
            ),
        ),
    ]
    named = {SIZE: size}
    laws = {"balance": balance.subs(named), "exit": last.subs(named), "steps": straight, "after": after}
    return Derivation("regression", "frobenius", "descent", steps, laws)


def _balance_residual(balance: sp.Expr, side: int) -> sp.Expr:
    """−dB/db against log|1 − 2n/b|, above and below 2n."""
    at = 2 * SIZE * (1 + OFF) if side > 0 else 2 * SIZE / (1 + OFF)
    inner = side * (SLOW_PART - 2 * SIZE)
    slope = -balance.replace(sp.Abs, lambda x: inner).diff(SLOW_PART) - sp.log(inner / SLOW_PART)
    return sp.simplify(sp.expand_log(slope.subs(SLOW_PART, at), force=True))


def _exit_residual(balance: sp.Expr, last: sp.Expr) -> list[sp.Expr]:
    """B at b₁ = n(1 + v), v < 1, and at the exit; and B(0) = B(2n)."""
    below = balance.replace(sp.Abs, lambda x: -x)
    at = SIZE * (1 + OFF)
    both = below.subs(SLOW_PART, at) - below.subs(SLOW_PART, last.subs(LEFT_BEHIND, at))
    ends = sp.limit(below, SLOW_PART, 0, "+") - sp.limit(below, SLOW_PART, 2 * SIZE, "-")
    return [sp.simplify(sp.expand(both)), sp.simplify(ends)]


def settling_steps(
    rates: tuple[float, float], errors: tuple[float, float], step: float, threshold: float = 1e-3
) -> float | None:
    """Steps until the slow error is `threshold` of its start; to leading order in λ/λ₁.

    None where no law holds: where the slow part of the gradient is near 2n, where the fast error begins to alternate
    while the slow part is not small, and where steps jump over zero with a slow error that is not yet small enough.

    Parameters
    ----------
    rates, errors
        Curvature and start error of the fast and the slow direction, the latter error not zero.
    step
        Step size η.
    threshold
        What is to be left of the slow error, q.

    Raises
    ------
    ArgumentError
        If a rate, the slow error or the step is not positive in size, the slow rate not below the fast one, or the
        threshold not in (0, 1).
    """
    fast, slow = (positive("rates", rate) for rate in rates)
    if slow >= fast:
        raise ArgumentError("rates", "be the fast one and then a slower one", f"is {plain(fast)}, {plain(slow)}")
    number("errors", errors[0])
    size = positive("step", step) * fast / 2
    begin, level = slow * positive("errors", abs(errors[1])), inside("threshold", threshold, 0, 1, "(0, 1)")
    gradient = fast * abs(errors[0])
    taken = max(0.0, math.log(gradient / begin) / (fast - slow)) if gradient else 0.0  # gradient descent's time
    behind = begin * math.exp(-slow * taken)
    if abs(behind - 2 * size) < EDGE * size:
        return None
    if behind >= size:
        rest = _from(behind, min(gradient, behind), begin, (fast, slow), step, level)
        return None if rest is None else rest + _elapsed((fast, slow), (gradient, begin), taken) / step
    spread = abs(1 - 2 * (abs(errors[0]) % step / step))
    if begin > RESOLVED * size * (1 - spread):
        return None
    return abs(errors[0]) / step + steps_between(fast, slow, step, spread, begin, level * begin)


def _elapsed(rates: tuple[float, float], gradient: tuple[float, float], taken: float) -> float:
    """Flow time of the approach: the length of gradient descent's path."""
    from scipy.integrate import quad

    def norm(time: float) -> float:
        return math.hypot(*(g * math.exp(-rate * time) for g, rate in zip(gradient, rates, strict=True)))

    return float(quad(norm, 0.0, taken, epsrel=1e-10)[0])


def _from(
    behind: float, fast_part: float, begin: float, rates: tuple[float, float], step: float, level: float
) -> float | None:
    """Steps from where the fast error is left behind; None where they jump over zero before the slow one arrives."""
    from scipy.optimize import brentq

    balance = settling().function("balance", (SLOW_PART, ETA, FAST))
    size, end = step * rates[0] / 2, level * begin

    def returned(b: float) -> float:
        """Log of the fast part of the gradient in units of n."""
        gained = float(balance(b, step, rates[0]) - balance(behind, step, rates[0])) / (step * rates[1])
        return gained + (math.log(fast_part / size) if fast_part else -math.inf)

    symbols = (LEFT_BEHIND, EXIT, BEGIN, THRESHOLD, ETA, FAST, SLOW)
    nearest = max(end, ALMOST * size)
    if nearest >= size or returned(nearest) <= 0:
        if end < step * rates[1]:
            return None
        return float(settling().function("steps", symbols)(behind, 1.0, begin, level, step, *rates))
    last = size if returned(size) >= 0 else float(brentq(returned, nearest, size, xtol=1e-300, rtol=1e-12))
    return float(settling().function("after", symbols)(behind, last, begin, level, step, *rates))
