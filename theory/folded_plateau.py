"""When the folded model has a plateau, and how far its length is from the leading order in ε.

On gradient descent's path f = A e^(−λ₂t) + B e^(−λ₁t) + C with A = u₂ cos θ, B = (w₁* − u₁) sin θ, C = −w₁* sin θ < 0;
w₂ keeps its sign. τ = −A/C = u₂/(w₁* tan θ) compares the start with the minimiser.
"""

from __future__ import annotations

import sympy as sp

from theory.clock import PATH, RATE1, RATE2
from theory.derivation import Step

SLOW, DEPTH = sp.symbols("A C_0", positive=True)  # A, and −C
FAST = sp.Symbol("B", real=True)
GAIN = sp.Symbol("B_0", positive=True)  # −B where the fast error lowers f
RATIO = sp.Symbol("tau_0", positive=True)


def value(time: sp.Expr, fast: sp.Expr = FAST) -> sp.Expr:
    """The boundary function at a time along the path."""
    return SLOW * sp.exp(-RATE2 * time) + fast * sp.exp(-RATE1 * time) - DEPTH


def peak() -> tuple[sp.Expr, sp.Expr]:
    """Where f is largest, for B < 0, and its value there."""
    place = sp.log(GAIN * RATE1 / (SLOW * RATE2)) / (RATE1 - RATE2)
    return place, SLOW * (1 - RATE2 / RATE1) * sp.exp(-RATE2 * place) - DEPTH


def existence_step() -> Step:
    """Whether there is a plateau at all."""
    place, height = peak()
    return Step(
        "existence",
        sp.Eq(
            sp.Matrix([sp.Symbol("t_p"), sp.Function("f")(sp.Symbol("t_p"))]),
            sp.Matrix([place, height]),
            evaluate=False,
        ),
        "With u₂ ≥ 0 there is a plateau exactly where the start misclassifies everything, u₂ ≥ u₁ tan θ, or, for "
        "u₁ > w₁* and B = −B₀, C = −C₀, f rises to its peak at some t > 0 and is not negative there. As ε → 0 without "
        "decay this reads u₂ > min(u₁, w₁*) tan θ. With u₂ < 0 there is none.",
        lambda: _peak_residual(place, height),
    )


def _peak_residual(place: sp.Expr, height: sp.Expr) -> list[sp.Expr]:
    """The slope at the peak, divided by its slow part, and the value there."""
    ratio = sp.Symbol("x", positive=True)  # e^(−(λ₁−λ₂)t) at the peak
    at = sp.exp(-(RATE1 - RATE2) * place)
    slope = -SLOW * RATE2 + GAIN * RATE1 * ratio
    slow = SLOW - GAIN * ratio  # f + C₀ divided by e^(−λ₂t)
    whole = slow.subs(ratio, at) * sp.exp(-RATE2 * place) - DEPTH
    path = value(PATH, -GAIN) - ((SLOW - GAIN * sp.exp(-(RATE1 - RATE2) * PATH)) * sp.exp(-RATE2 * PATH) - DEPTH)
    return [sp.simplify(slope.subs(ratio, at)), sp.simplify(whole - height), sp.expand(path)]


def correction() -> sp.Expr:
    """What the leading order log(τ)/λ₂ lacks, for τ > 1."""
    return FAST * RATIO ** (-RATE1 / RATE2) / (RATE2 * DEPTH)


def correction_step() -> Step:
    """The error of the leading order: smaller than every power of ε."""
    return Step(
        "error of the leading order",
        sp.Eq(sp.Symbol("t^*") - sp.Symbol("t_0"), correction(), evaluate=False),
        "For τ₀ = u₂/(w₁* tan θ) > 1, with C = −C₀: one Newton step from t₀ = log(τ₀)/λ₂, up to a factor that tends to "
        "1 as ε → 0. As λ₁/λ₂ grows like 1/ε without decay, it is smaller than every power of ε.",
        _correction_residual,
    )


def _correction_residual() -> list[sp.Expr]:
    """The boundary function at t₀ over minus the slope of its slow part."""
    time = sp.log(RATIO) / RATE2
    slow = (value(PATH) - FAST * sp.exp(-RATE1 * PATH)).subs(SLOW, RATIO * DEPTH)
    at, slope = value(time).subs(SLOW, RATIO * DEPTH), slow.diff(PATH).subs(PATH, time)
    return [sp.simplify(correction() + at / slope)]


def short() -> sp.Expr:
    """Length of the plateau as ε → 0 for u₁ < w₁* and τ < 1: before the fast direction arrives."""
    return sp.log(FAST / (DEPTH - SLOW)) / RATE1


def short_step() -> Step:
    """The plateau that ends before the fast direction has arrived."""
    return Step(
        "short plateau",
        sp.Eq(sp.Symbol("t^*"), short(), evaluate=False),
        "For u₁ tan θ ≤ u₂ < w₁* tan θ, with C = −C₀ and no decay: w₂ is at rest meanwhile, up to an error O(ε), so "
        "that the plateau does not grow as ε → 0.",
        lambda: sp.simplify(value(short()).subs(RATE2, 0)),
    )
