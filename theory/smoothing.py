"""EGD smoothed, h = s/√(s² + δ²): how far its flow is from EGD's before, at and after an extinction.

The transit of one singular value has a closed form, and with it the orders in δ: 2 before the extinction, 1 at it,
and exponentially small behind it. In general position what outlives the extinction is a tilt: the distance that the
vanishing direction travels is the same to all orders, its moment about the extinction differs by δ² log(1/δ)/2λ², and
the remaining directions turn by as much while it lasts. After the extinction the order is therefore 2 up to a
logarithm.
"""

from __future__ import annotations

import sympy as sp

from theory.derivation import Derivation, Step
from theory.rule_ids import rule
from theory.rules import SIGMA

DELTA, RATE, SIZE, SIZE0 = sp.symbols("delta lambda s s_0", positive=True)
LEFT = sp.Symbol("r", positive=True)  # s₀ − λt, what EGD leaves at the time t
RATIO = sp.Symbol("x", positive=True)  # s/δ
TIME = sp.Symbol("t", nonnegative=True)  # from the start; in `BEHIND` from the extinction
AHEAD = sp.Symbol("theta", positive=True)  # T − t, the time to the extinction
STAYS, MIXED = sp.Symbol("sigma_j", positive=True), sp.Symbol("Lambda_rj", real=True)

SPEED = SIZE / sp.sqrt(SIZE**2 + DELTA**2)
TRANSIT = sp.sqrt(SIZE**2 + DELTA**2) - DELTA * sp.asinh(DELTA / SIZE)
LAG = DELTA**2 / 2 * (1 / LEFT - 1 / SIZE0)
BEHIND = 2 * DELTA * sp.exp(-1 - RATE * TIME / DELTA)
BALANCE = sp.sqrt(1 + RATIO**2) - sp.asinh(1 / RATIO)
MOMENT = (SIZE0 * sp.sqrt(SIZE0**2 + DELTA**2) + DELTA**2 * sp.asinh(SIZE0 / DELTA)) / (2 * RATE**2)
EXCESS = DELTA**2 / (2 * RATE**2) * (sp.log(2 * SIZE0 / DELTA) + sp.Rational(1, 2))
TILT = -MIXED * DELTA**2 * sp.log(1 / DELTA) / (RATE**2 * STAYS)


def laplace_limit(digits: int = 15) -> sp.Float:
    """The root x of √(1 + x²) = arsinh(1/x): at the extinction the smoothed singular value is x·δ.

    Examples
    --------
    >>> laplace_limit()
    0.662743419349182
    """
    return sp.nsolve(BALANCE, RATIO, 0.66, prec=digits)


def derive() -> Derivation:
    """The chain from the smoothed law to its distance from EGD; laws by name, as the steps state them."""
    return Derivation(
        "one singular value",
        "damped",
        "flow",
        (*_transit(), *_passage(), *_moments(), *_tilt()),
        {"lag": LAG, "behind": BEHIND, "excess": EXCESS, "tilt": TILT},
    )


def _transit() -> list[Step]:
    size = sp.Function("s")(TIME)
    return [
        Step(
            "mode equation",
            sp.Eq(size.diff(TIME), -RATE * SPEED.subs(SIZE, size), evaluate=False),
            "Each singular value shrinks at the rule's speed times λ = vᵀΛv, here taken as constant.",
            lambda: sp.sympify(rule("damped:0.5").law).subs(SIGMA, SIZE) - SPEED.subs(DELTA, sp.Rational(1, 2)),
            origin="definition",
        ),
        Step(
            "transit",
            sp.Eq(TRANSIT.subs(SIZE, size), TRANSIT.subs(SIZE, SIZE0) - RATE * TIME, evaluate=False),
            "Separate: ds/h(s) = −λ dt. The left side is the differential of √(s² + δ²) − δ arsinh(δ/s).",
            lambda: TRANSIT.diff(SIZE) * SPEED - 1,
            origin="ansatz",
        ),
    ]


def _passage() -> list[Step]:
    return [
        Step(
            "before the extinction",
            sp.Eq(SIZE, LEFT + LAG, evaluate=False),
            "With r = s₀ − λt, what EGD leaves: the smoothed value lags by δ²(1/r − 1/s₀)/2, up to δ⁴. Order 2.",
            lambda: sp.series(_missed(LEFT + LAG, SIZE0 - LEFT), DELTA, 0, 4).removeO(),
            origin="ansatz",
        ),
        Step(
            "at the extinction",
            sp.Eq(sp.sqrt(1 + RATIO**2), sp.asinh(1 / RATIO), evaluate=False),
            "At λt = s₀ the value is s = xδ up to δ², with x = 0.6627…, Laplace's limit. Order 1.",
            lambda: [
                TRANSIT.subs(SIZE, RATIO * DELTA) / DELTA - BALANCE,
                sp.series(TRANSIT.subs(SIZE, SIZE0) - SIZE0, DELTA, 0, 2).removeO(),
            ],
        ),
        Step(
            "after the extinction",
            sp.Eq(SIZE, BEHIND, evaluate=False),
            "At a time t after it, s ≪ δ: the value itself is exponentially small, below every order.",
            lambda: [
                sp.limit(BALANCE - 1 - sp.log(RATIO / 2), RATIO, 0, "+"),
                sp.expand_log(1 + sp.log(BEHIND / DELTA / 2), force=True) + RATE * TIME / DELTA,
            ],
        ),
    ]


def _missed(size: sp.Expr, gone: sp.Expr) -> sp.Expr:
    """By how much a stated value misses the transit, where λt = `gone`."""
    return TRANSIT.subs(SIZE, size) - TRANSIT.subs(SIZE, SIZE0) + gone


def _moments() -> list[Step]:
    h = sp.Function("h")(TIME)
    return [
        Step(
            "distance travelled",
            sp.Eq(sp.Integral(h, (TIME, 0, sp.oo)), SIZE0 / RATE, evaluate=False),
            "h dt = −ds/λ: the net displacement along the vanished pair does not depend on δ.",
            lambda: sp.integrate(sp.simplify(SPEED * TRANSIT.diff(SIZE)) / RATE, (SIZE, 0, SIZE0)) - SIZE0 / RATE,
        ),
        Step(
            "moment",
            sp.Eq(sp.Integral(TIME * h, (TIME, 0, sp.oo)), MOMENT, evaluate=False),
            "∫ t h dt = ∫ (F(s₀) − F(s)) ds/λ² over s from 0 to s₀, with F the transit: its derivative by s₀ is "
            "s₀ F'(s₀)/λ², and it starts at zero.",
            lambda: [
                MOMENT.diff(SIZE0) - (SIZE * TRANSIT.diff(SIZE)).subs(SIZE, SIZE0) / RATE**2,
                MOMENT.subs(SIZE0, 0),
            ],
        ),
        Step(
            "excess of the moment",
            sp.Eq(MOMENT - SIZE0**2 / (2 * RATE**2), EXCESS, evaluate=False),
            "EGD has h = 1 until s₀/λ, and the moment s₀²/2λ². The excess is of order δ² log(1/δ): until the "
            "extinction the distance left exceeds EGD's by the lag, δ²/2λs, whose integral ends at s ~ δ.",
            lambda: sp.limit(((MOMENT - SIZE0**2 / (2 * RATE**2) - EXCESS) / DELTA**2).subs(DELTA, RATIO), RATIO, 0),
        ),
    ]


def _tilt() -> list[Step]:
    small, above, below = sp.Symbol("epsilon"), sp.Symbol("g_jr", real=True), sp.Symbol("g_rj", real=True)
    turn = (below - above) / (STAYS + SIZE)
    factor = sp.Matrix([[1, -small * turn], [small * turn, 1]])
    gradient = sp.Matrix([[STAYS, small * above], [small * below, SIZE]])
    lean = -MIXED * AHEAD / STAYS
    left = sp.Matrix([[STAYS, MIXED * AHEAD], [MIXED * AHEAD, RATE * AHEAD]])
    lag = DELTA**2 / (2 * RATE**2 * AHEAD)
    turned = turn.subs({below: MIXED * lag, above: 0, SIZE: 0})
    slowed = DELTA**2 / (2 * (RATE * AHEAD) ** 2) * lean  # (1 − h) u vᵀ, off the diagonal
    return [
        Step(
            "turn of the polar factor",
            sp.Eq(sp.Symbol("P_rj"), turn, evaluate=False),
            "To first order, off-diagonal entries of a gradient turn its polar factor by their skew part.",
            lambda: [
                entry.expand().coeff(small, 1)
                for entry in (*(factor * factor.T), *(factor.T * gradient - gradient.T * factor))
            ],
        ),
        Step(
            "vanishing direction",
            sp.Eq(sp.Symbol("phi"), lean, evaluate=False),
            "Where the gradient has full column rank, EGD's is Q H with H linear in time. A time θ before the "
            "extinction H has the entries σⱼ + O(θ), Λᵣⱼθ and λθ; its vanishing eigenvector leans by φ towards j.",
            lambda: [
                entry.expand().coeff(AHEAD, 1)
                for entry in left * sp.Matrix([lean, 1]) - RATE * AHEAD * sp.Matrix([lean, 1])
            ],
        ),
        Step(
            "tilt",
            sp.Eq(sp.Symbol("X_rj"), TILT, evaluate=False),
            "X = E(δ) − E(0) changes by −(turn) + (1 − h) u vᵀ. With the lag δ²/2λ²θ both parts add up in row r, to "
            "−2 (Λᵣⱼ/σⱼ) times the lag, and cancel in row j. Integrated down to θ ~ δ this leaves the vanished left "
            "direction tilted by −(Λᵣⱼ/λ²σⱼ) δ² log(1/δ), which stays. Order 2 up to a logarithm.",
            lambda: [
                -turned + slowed + 2 * MIXED * lag / STAYS,
                turned + slowed,
                sp.integrate(-2 * MIXED * lag / STAYS, (AHEAD, DELTA, 1)) - TILT,
            ],
        ),
    ]
