"""How long steps of one length (EGD with one output) carry a slow error along, while the fast direction alternates.

With g = λ₁|e₁| alternating between n(1 + u) and n(1 − u), n = ηλ₁/2, the slow part b of the gradient shrinks by a
factor of 1 − 2ρ/(1 − u²) in two steps, ρ = 2λ/λ₁, and u by one of 1 − 4b²/(n(1 − u²))². Both are small where ρ and
b²/n² are. Then b can be taken for the clock, and log u − u²/2 − b²/(ρn²) is conserved: how far the fast direction
swings in the end was decided by where its first approach left it, and by how large the slow error was.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import sympy as sp

from theory.cycles import KEPT, SPREAD, rescaled_cycle
from theory.derivation import Derivation, Step
from theory.models.regression import ETA, FAST, SLOW

BEGIN = sp.Symbol("b_0", nonnegative=True)  # slow part of the gradient as the alternation begins
SPREAD0 = sp.Symbol("u_0", nonnegative=True)
RATIO = sp.Symbol("rho", positive=True)  # 2λ/λ₁
RESOLVED = 0.5  # of the least norm n(1 − |u|) in the cycle, up to which a slow part counts as small against it
SIZE = sp.Symbol("n", positive=True)  # ηλ₁/2


@functools.cache
def alternation() -> Derivation:
    """The chain from the step to the number of steps in which the slow part falls.

    Laws: ``norm`` n; ``spread_squared`` u² in `KEPT`, `BEGIN`, `SPREAD0`, `ETA`, `FAST` and `SLOW`; ``pace``, the
    steps in which b falls by a factor of e, in `SPREAD`, `FAST` and `SLOW`: to leading order in ρ and b²/n², and for
    u = 0 exact.
    """
    drift = -4 * SPREAD * KEPT**2 / (SIZE**2 * (1 - SPREAD**2) ** 2)
    shrink = 2 * RATIO / (1 - SPREAD**2)
    kept = sp.log(SPREAD) - SPREAD**2 / 2 - KEPT**2 / (RATIO * SIZE**2)
    squared = -sp.LambertW(-(SPREAD0**2) * sp.exp(-(SPREAD0**2) - 2 * (BEGIN**2 - KEPT**2) / (RATIO * SIZE**2)))
    pace = -(1 - SPREAD**2) / sp.log(1 - RATIO)
    cycle = rescaled_cycle()
    steps = [
        *cycle.steps,
        Step(
            "drift",
            sp.Eq(sp.Symbol("u''") - SPREAD, drift, evaluate=False),
            "While b is small, to second order in b: two steps bring n(1 + u) back to n(1 + u'').",
            lambda: _drift_residual(drift),
        ),
        Step(
            "conserved quantity",
            sp.Eq(sp.Symbol("c"), kept, evaluate=False),
            "To first order in ρ = 2λ/λ₁ two steps take 2ρ/(1 − u²) off log b, and the drift off u: this is conserved.",
            lambda: [
                kept.diff(SPREAD) * drift - kept.diff(KEPT) * KEPT * shrink,
                _shrink_residual(cycle.laws["two_steps_left"], shrink),
            ],
        ),
        Step(
            "alternation",
            sp.Eq(SPREAD**2, squared, evaluate=False),
            "Solve for u from the alternation u₀ that the fast direction begins with, at b = b₀; W is Lambert's.",
            lambda: _spread_residual(kept, squared),
        ),
        Step(
            "duration",
            sp.Eq(sp.Symbol("k"), sp.Integral(pace / KEPT, (KEPT, sp.Symbol("b_1"), BEGIN)), evaluate=False),
            "Steps in which the slow part falls from b₀ to b₁: to first order in ρ, and exact where u = 0.",
            lambda: [
                sp.limit(pace * shrink / 2, RATIO, 0) - 1,
                sp.exp(-1 / pace.subs(SPREAD, 0)) - cycle.laws["slow_left"].subs(SLOW, RATIO * FAST / 2),
            ],
        ),
    ]
    size, ratio = cycle.laws["norm"], 2 * SLOW / FAST
    named = {SIZE: size, RATIO: ratio}
    laws = {"norm": size, "spread_squared": squared.subs(named), "pace": pace.subs(named)}
    return Derivation("regression", "frobenius", "descent", steps, laws)


def _drift_residual(drift: sp.Expr) -> list[sp.Expr]:
    """Two steps from n(1 + u), at b = 0 and their derivative by b²."""
    x, square = sp.symbols("x B", positive=True)
    spread = (1 - x) / (1 + x)  # any u in (−1, 1), so that 1 + u and 1 − u are positive

    def following(g: sp.Expr) -> sp.Expr:
        return 2 * SIZE * g / sp.sqrt(g**2 + square) - g

    first, second = sp.symbols("g h", positive=True)
    start = SIZE * (1 + spread)
    middle = sp.simplify(following(first).subs(square, 0).subs(first, start))
    slope = following(second).diff(second).subs(square, 0) * following(first).diff(square).subs(square, 0)
    slope += following(second).diff(square).subs(square, 0)
    found = slope.subs({first: start, second: middle}) * KEPT**2 / SIZE
    return [
        middle - SIZE * (1 - spread),
        following(second).subs(square, 0).subs(second, middle) - start,
        found - drift.subs(SPREAD, spread),
    ]


def _shrink_residual(both: sp.Expr, shrink: sp.Expr) -> sp.Expr:
    """What two steps take off log b, to first order in ρ."""
    return sp.log(both.subs(SLOW, RATIO * FAST / 2)).diff(RATIO).subs(RATIO, 0) + shrink / RATIO


def _spread_residual(kept: sp.Expr, squared: sp.Expr) -> sp.Expr:
    """The conserved quantity at u² against its value at the start, by log x = log(−z) + x for W exp W = z, W = −x."""
    (lambert,) = squared.atoms(sp.LambertW)
    x = sp.Symbol("x", positive=True)
    now = 2 * kept.subs(SPREAD, sp.sqrt(squared.subs(lambert, -x)))
    now = sp.expand_log(now, force=True).subs(sp.log(x), sp.log(-lambert.args[0]) + x)
    begin = 2 * kept.subs({SPREAD: SPREAD0, KEPT: BEGIN})
    return sp.expand(sp.expand_log(now - begin, force=True))


def steps_between(fast: float, slow: float, step: float, spread: float, begin: float, end: float) -> float:
    """Steps of size η in which the slow part of the gradient falls from `begin` to `end`.

    Parameters
    ----------
    fast, slow
        Curvatures λ₁ and λ of the fast and the slow direction.
    step
        Step size η.
    spread
        Alternation |u₀| of the fast direction to begin with.
    begin, end
        Slow part b of the gradient, from b₀ below n = ηλ₁/2.
    """
    from scipy.integrate import quad

    law = alternation().function("pace", (SPREAD, FAST, SLOW))

    def pace(log: float) -> float:
        return float(law(spread_at(fast, slow, step, spread, begin, math.exp(log)), fast, slow))

    return float(quad(pace, math.log(end), math.log(begin), epsabs=0, epsrel=1e-9, limit=200)[0])


def spread_at(fast: float, slow: float, step: float, spread: float, begin: float, now: float) -> float:
    """The alternation |u| by the time the slow part of the gradient has fallen from `begin` to `now`."""
    law = alternation().function("spread_squared", (KEPT, BEGIN, SPREAD0, ETA, FAST, SLOW))
    return math.sqrt(max(0.0, complex(law(now, begin, spread, step, fast, slow)).real))


def alternating_plateau(
    rates: tuple[float, float], errors: tuple[float, float], edge: tuple[float, float, float], step: float
) -> float | None:
    """Steps at 100 % test error of a folded model, the last while its fast direction alternates; asymptotic.

    None where the plateau does not end in the alternation, or where that begins too near zero to be resolved.

    Parameters
    ----------
    rates, errors
        Curvature and start error of the fast and the slow direction.
    edge
        A, B and C of the boundary function A·b + B·a + C, with a and b what is left of the fast and the slow error.
    step
        Step size η.
    """
    (fast, slow), (error, _), (lift, tilt, constant) = rates, errors, edge
    if error == 0 or lift <= 0:
        return None
    size, begin = step * fast / 2, slow * abs(errors[1])
    rest = abs(error) % step / step  # of the last whole step of the approach, which ends at n(1 − u)
    spread = 1 - 2 * rest
    if begin > RESOLVED * size * (1 - abs(spread)):
        return None
    slope = abs(tilt / error)
    side = -math.copysign(1.0, error * spread)  # whether the larger swing is to the side of the boundary

    def above(now: float) -> float:
        swing = 1 + side * spread_at(fast, slow, step, abs(spread), begin, now)
        return lift * now / begin - slope * math.sqrt(size**2 - now**2) / fast * swing + constant

    if above(begin) <= 0:
        return None
    end = _root(above, begin)
    inside = min(abs(error), (lift + constant) / slope) if error > 0 else abs(error)
    return inside / step + steps_between(fast, slow, step, abs(spread), begin, end)


def _root(above: Callable[[float], float], begin: float) -> float:
    """Where the boundary is crossed on the way down from `begin`: `above` is negative at zero."""
    from scipy.optimize import brentq

    return float(brentq(above, begin * 1e-300, begin, xtol=1e-300, rtol=1e-12))
