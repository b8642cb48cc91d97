"""What steps that do not converge end in: cycles of two steps, how large they are, and whether they attract."""

from __future__ import annotations

import functools

import sympy as sp

from theory.checks import ArgumentError
from theory.derivation import Derivation, Step
from theory.discretisation import LEFT, slope_at_zero, speed_along
from theory.models.regression import ERROR, ETA, FAST, RATE, SLOW
from theory.rules import SIGMA, Rule

ONE = sp.Integer(1)
SPREAD = sp.Symbol("u", real=True)  # of the two ends of a cycle, n(1 + u) and n(1 − u)
KEPT = sp.Symbol("b", nonnegative=True)  # norm of the gradient's slow part


@functools.cache
def cycle(rule: Rule) -> Derivation:
    """The cycle e ↔ −e of two steps along one direction, and whether it attracts.

    Laws: ``amplitude`` in `RATE` and `ETA`, and ``multiplier``, by which a small deviation grows from one step to the
    next: the cycle attracts where it lies in (−1, 1). For the power law it is 2α − 1. So the cycle attracts for
    0 < α < 1; it is one of a family, in which |e| ≤ η, for α = 1; and above, every step stretches every distance,
    so that no cycle of any length attracts and nothing settles. α = 2 is x ← x − 1/x in units of √(η/λ): Boole's
    transformation, which preserves length and is ergodic (key ``adler1973``).

    Raises
    ------
    ArgumentError
        If the rule is neither a power law with α > 0 nor damped.
    """
    speed = speed_along(rule)
    if rule.power is not None and rule.power > 0:
        alpha = rule.power
        amplitude = (ETA * RATE ** (1 - alpha) / 2) ** (1 / alpha)
    elif damped(rule):
        amplitude = sp.sqrt((ETA / 2) ** 2 - 1 / (RATE * slope_at_zero(rule)) ** 2)
    else:
        raise ArgumentError("rule", "be a power law with a positive α, or damped", f"is {rule.name}")
    stretch = 1 - ETA * speed.diff(ERROR)
    multiplier = sp.simplify(sp.powsimp(stretch.subs(ERROR, amplitude), force=True))
    steps = [
        Step(
            "cycle",
            sp.Eq(2 * ERROR, ETA * speed, evaluate=False),
            "A step from e to −e goes a length of 2e.",
            lambda: (ERROR - ETA * speed) + ERROR - (2 * ERROR - ETA * speed),
            origin="definition",
        ),
        Step(
            "amplitude",
            sp.Eq(ERROR, amplitude, evaluate=False),
            "Solve for e: stated, and put in.",
            lambda: (
                sp.powsimp(sp.expand_power_base((2 * ERROR / (ETA * speed)).subs(ERROR, amplitude), force=True)) - 1
                if rule.power is not None
                else sp.simplify(((2 * ERROR) ** 2 - (ETA * speed) ** 2).subs(ERROR, amplitude))
            ),
            origin="ansatz",
        ),
        Step(
            "multiplier",
            sp.Eq(sp.Symbol("m"), multiplier, evaluate=False),
            "A deviation from the cycle is multiplied by 1 − ηv′(e) in each step, the same at both ends.",
            lambda: _multiplier_residual(rule, multiplier),
        ),
    ]
    if rule.power is not None and (rule.power - 1).is_positive:
        steps.append(_nothing_attracts(rule.power))
    return Derivation("regression", rule.name, "descent", steps, {"amplitude": amplitude, "multiplier": multiplier})


def damped(rule: Rule) -> bool:
    """Whether the law is σ/√(σ² + δ²)."""
    slope = slope_at_zero(rule) if rule.power is None else None
    return slope is not None and bool(rule.law == SIGMA / sp.sqrt(SIGMA**2 + slope**-2))


def _multiplier_residual(rule: Rule, multiplier: sp.Expr) -> sp.Expr:
    if rule.power is not None:
        return multiplier - (2 * rule.power - 1)
    return multiplier - (1 - 2 * (2 / (ETA * RATE * slope_at_zero(rule))) ** 2)


def _nothing_attracts(alpha: sp.Expr) -> Step:
    pace = ETA * RATE ** (1 - alpha)
    stretch = 1 + (alpha - 1) * pace * ERROR**-alpha
    return Step(
        "nothing attracts",
        sp.Gt(stretch, 1, evaluate=False),
        "The derivative of e − η(λe)^(1−α) is above 1 at every e, so that it is along every cycle.",
        lambda: (ERROR - pace * ERROR ** (1 - alpha)).diff(ERROR) - stretch,
    )


@functools.cache
def polar_cycle() -> Derivation:
    """The cycles of EGD from any start, with as many outputs as inputs or more, and how large their error can be.

    Laws: ``largest_error`` in `ETA`, `FAST` and `SLOW`: no cycle has an error of a larger spectral norm, and cycles
    come as near to it as one likes. ‖E Λ^½‖ is at most η ‖Λ^½‖ in every unitarily invariant norm.
    """
    kappa = FAST / SLOW
    largest = ETA * (sp.sqrt(kappa) + 1 / sp.sqrt(kappa)) / 2
    angle = sp.Symbol("phi", real=True)
    mean = FAST * sp.cos(angle) ** 2 + SLOW * sp.sin(angle) ** 2
    inverse = sp.cos(angle) ** 2 / FAST + sp.sin(angle) ** 2 / SLOW
    h, curvature = (sp.MatrixSymbol(name, 2, 2).as_explicit() for name in ("H", "Lambda"))
    p, q = (sp.Matrix(sp.symbols(f"{name}1 {name}2", real=True)) for name in "pq")
    steps = [
        Step(
            "cycle",
            sp.Eq(sp.Symbol("E"), sp.Symbol("D") * sp.Symbol("H") * sp.Symbol("Lambda^{-1}"), evaluate=False),
            "D has orthonormal columns and 0 ≺ H ≺ ηΛ. The gradient D H has the polar factor D; after a step it is "
            "−D (ηΛ − H), of polar factor −D, and the next step leads back. The other way round, E ↔ E − ηD with "
            "polar factors D and −D says that Dᵀ E Λ = H and ηΛ − H are symmetric and not negative.",
            lambda: list((h * curvature.inv() - ETA * sp.eye(2)) * curvature + (ETA * curvature - h)),
        ),
        Step(
            "one vector",
            sp.Le(sp.Symbol("p^T K q"), (sp.Symbol("|p||q|") + sp.Symbol("p^T q")) / 2, evaluate=False),
            "With H = ηΛ^½ K Λ^½ and 0 ≤ K ≤ I the error is E = ηD Λ^½ K Λ^(−½). What K adds to aᵀΛ^½ K Λ^(−½)b "
            "is its product with (p qᵀ + q pᵀ)/2, whose eigenvalues are (pᵀq ± |p||q|)/2: at most the positive one, "
            "and then K = x xᵀ.",
            lambda: _pair_residual(p, q),
        ),
        Step(
            "largest error",
            sp.Le(sp.Symbol("|E|"), largest, evaluate=False),
            "For K = x xᵀ the norm is η √(xᵀΛx · xᵀΛ⁻¹x), at most this by Kantorovich's inequality, with equality half "
            "way between the fastest and the slowest direction.",
            lambda: [
                sp.simplify(
                    (largest / ETA) ** 2
                    - mean * inverse
                    - (FAST - SLOW) ** 2 * sp.cos(2 * angle) ** 2 / (4 * FAST * SLOW)
                ),
            ],
        ),
    ]
    return Derivation("regression", "egd", "descent", steps, {"largest_error": largest})


def _pair_residual(p: sp.Matrix, q: sp.Matrix) -> sp.Expr:
    """The characteristic polynomial of (p qᵀ + q pᵀ)/2, in the plane of both, at the stated eigenvalues."""
    product, size = p.dot(q), sp.sqrt(p.dot(p) * q.dot(q))
    stated = sp.expand((LEFT - (product + size) / 2) * (LEFT - (product - size) / 2))
    return sp.expand(((p * q.T + q * p.T) / 2).charpoly(LEFT).as_expr() - stated)


@functools.cache
def rescaled_cycle(power: sp.Expr = ONE) -> Derivation:
    """What steps end in whose length depends on the norm of the gradient alone, ‖G‖^(1−α).

    That is EGD (α = 1) and every power law with one output, and Frobenius rescaling (α = 1) with any number. The
    gradient is divided by ‖G‖^α, so that a step is one of gradient descent with the step size η/‖G‖^α. Laws, with
    λ₁ = `FAST`, another λ = `SLOW`, b = `KEPT` and u = `SPREAD`: ``norm``, the norm n of the gradient on the cycle;
    ``fast_gradient`` = λ₁|e₁| on it; ``multiplier`` of a deviation of λ₁e₁ per step; ``slow_left``, what is left
    of e after a step; for α = 1 ``two_steps_left``, after two, when λ₁|e₁| alternates between n(1 + u) and n(1 − u).

    The cycle exists where the slow part of the gradient has a norm b below s, and attracts where α(1 − b²/n²) lies
    between 0 and 1. For α = 1 that is while b > 0. As b vanishes the attraction does, and u stays where it is by then:
    near zero when the slow errors begin large, anywhere in (−1, 1) when they begin small (`theory.alternation`).
    With u ≠ 0 slow directions end sooner than 1 − 2λ/λ₁ says.

    Parameters
    ----------
    power
        The exponent α > 0.
    """
    alpha = sp.sympify(power)
    e, other = sp.symbols("e_1 e_i", real=True)
    size, ratio = (ETA * FAST / 2) ** (1 / alpha), SLOW / FAST
    norm = sp.Symbol("n", positive=True)
    fast = sp.sqrt(size**2 - KEPT**2)
    multiplier = 2 * alpha * (1 - KEPT**2 / norm**2) - 1
    left = 1 - ETA * SLOW / norm**alpha
    steps = [
        Step(
            "step",
            sp.Eq(sp.Symbol("e_i'"), other * left, evaluate=False),
            "E ← E − ηEΛ/nᵅ, n = ‖G‖: every direction contracts by its curvature, all with the same step size η/nᵅ. "
            "Weight decay is part of the curvature.",
            lambda: other * left - (other - ETA * SLOW * other * norm**-alpha),
            origin="definition",
        ),
        Step(
            "norm",
            sp.Eq(norm, size, evaluate=False),
            "The fast direction alternates, e₁ ← −e₁, where η/nᵅ = 2/λ₁: the largest stable step of gradient descent.",
            lambda: (e * left.subs(SLOW, FAST)).subs(norm, size) + e,
        ),
        Step(
            "fast direction",
            sp.Eq(FAST * sp.Abs(sp.Symbol("e_1")), fast, evaluate=False),
            "What the slow directions leave of that norm: there is such a cycle where the norm b of their part of the "
            "gradient is below n.",
            lambda: fast**2 + KEPT**2 - size**2,
        ),
        Step(
            "multiplier",
            sp.Eq(sp.Symbol("m"), multiplier, evaluate=False),
            "A deviation of g = λ₁e₁ from it, at a given b, is multiplied by this in each step. The cycle attracts "
            "where m lies in (−1, 1).",
            lambda: _rescaled_multiplier(alpha, norm) - multiplier,
        ),
        Step(
            "slow directions",
            sp.Eq(sp.Symbol("e_i'"), other * (1 - 2 * ratio), evaluate=False),
            "They are carried along, by a factor in which the step size does not occur.",
            lambda: left.subs(norm, size) - (1 - 2 * ratio),
        ),
    ]
    laws = {
        "norm": size,
        "fast_gradient": fast,
        "multiplier": multiplier.subs(norm, size),
        "slow_left": 1 - 2 * ratio,
    }
    if alpha == 1:
        both = 1 - 2 * ratio * (2 - 2 * ratio) / (1 - SPREAD**2)
        laws["two_steps_left"] = both
        steps.append(_two_steps(left, norm, size, both))
    return Derivation("regression", "frobenius" if alpha == 1 else f"power:{alpha}", "descent", steps, laws)


def _rescaled_multiplier(alpha: sp.Expr, norm: sp.Symbol) -> sp.Expr:
    """The derivative of a step g ← g − 2nᵅg/(g² + b²)^(α/2) at the cycle."""
    g, b = sp.symbols("g b", positive=True)
    following = g - 2 * norm**alpha * g / (g**2 + b**2) ** (alpha / 2)
    slope = sp.simplify(following.diff(g).subs(g, sp.sqrt(norm**2 - b**2)))
    return sp.powsimp(slope, force=True).subs(b, KEPT)


def _two_steps(left: sp.Expr, norm: sp.Symbol, size: sp.Expr, both: sp.Expr) -> Step:
    ends = left.subs(norm, size * (1 + SPREAD)) * left.subs(norm, size * (1 - SPREAD))
    return Step(
        "two steps",
        sp.Eq(sp.Symbol("e_i''"), sp.Symbol("e_i", real=True) * both, evaluate=False),
        "Where the slow part has vanished, g ← |g − 2n| alternates between n(1 + u) and n(1 − u) for any u.",
        lambda: sp.simplify(ends - both),
    )
