"""Which rule is right for which signal, where noise is far larger: what early stopping gains, to leading order.

With v ≪ τ² = σ²/(nλ) nothing of the fit is worth keeping whole, and every rule is stopped early, having gone
t(λ|ŵ|)^(1−α) along ŵ. What the risk falls by is then a quadratic in t for all directions together, Bt − At²/2: at its
best it gains B²/2A over no fit at all. By Cauchy's inequality that is most where v goes as λ^(−α/2), and even there it
is a share κ of what the best linear estimate gains. So gradient descent is right for a signal that is even over the
directions, EGD for one that is larger in slow directions, as λ^(−½); and for 2α ≥ c + 2 the quadratic does not exist.
"""

from __future__ import annotations

import functools
from typing import Any

import sympy as sp

from theory.checks import ArgumentError, nonnegative, positive, whole
from theory.derivation import Derivation, Step
from theory.early_stopping import NOISE, OUTPUTS, RADIUS, SIGNAL, density, moment, plainly
from theory.models.linear import one_or_all
from theory.models.regression import RATE, TIME
from theory.rule_ids import rule
from theory.rules import SIGMA, Rule

ALPHA = sp.Symbol("alpha", nonnegative=True)
PER_SAMPLE = sp.Symbol("s2", positive=True)  # σ²/n


@functools.cache
def weak_signal() -> Derivation:
    """The chain from a short time to the gain of the best one.

    Laws, for the power α: ``push`` and ``cost`` in `RATE`, `SIGNAL`, `PER_SAMPLE`, `OUTPUTS` and `ALPHA`, the parts of
    one direction in B and A, and ``share`` κ in `OUTPUTS` and `ALPHA`.
    """
    speed = RATE ** (1 - ALPHA) * RADIUS ** (1 - ALPHA)
    push = 2 * SIGNAL * RATE ** (1 - ALPHA) * NOISE ** (-ALPHA / 2) * moment(2 - ALPHA)
    cost = 2 * RATE ** (2 - 2 * ALPHA) * NOISE ** (1 - ALPHA) * moment(2 - 2 * ALPHA)
    share = moment(2 - ALPHA) ** 2 / (OUTPUTS * moment(2 - 2 * ALPHA))
    here = {NOISE: PER_SAMPLE / RATE}
    steps = [
        Step(
            "short time",
            sp.Eq(sp.Symbol("m"), speed * TIME, evaluate=False),
            "The way of a direction of fit r = |ŵ| to first order in t, h(λr) = (λr)^(1−α).",
            lambda: speed - (SIGMA ** (1 - ALPHA)).subs(SIGMA, RATE * RADIUS),
            origin="definition",
        ),
        Step(
            "gain",
            sp.Eq(sp.Symbol("R_0") - sp.Symbol("R"), push * TIME - cost * TIME**2 / 2, evaluate=False),
            "2E w*·w − E m², E w*·w = (v/V) E r m with V ≈ τ²; r = τχ with c degrees of freedom. The last moment is "
            "finite for 2α < c + 2.",
            lambda: _gain_residual(push, cost),
        ),
        Step(
            "share",
            sp.Eq(sp.Symbol("kappa"), share, evaluate=False),
            "B = Σ p b, A = Σ p a. (Σ p b)² ≤ Σ p a · Σ p b²/a, with equality where b/a is one for all directions, "
            "v ∝ λ^(−α/2): and b²/2a is this part of c v²/τ², what is gained at w = (v/V) ŵ.",
            lambda: [
                _forced(push**2 / (2 * cost) / (OUTPUTS * SIGNAL**2 / NOISE) / share) - 1,
                _forced((push / cost).subs(here).subs(SIGNAL, RATE ** (-ALPHA / 2))).diff(RATE),
            ],
        ),
        Step(
            "one output",
            sp.Eq(sp.Symbol("kappa_1"), 2 / sp.pi, evaluate=False),
            "EGD at c = 1; 1 for gradient descent at any c, and 1 − 2/c for natural gradient, which gains nothing to "
            "this order with two outputs or fewer.",
            lambda: [
                sp.simplify(plainly(share.subs({ALPHA: 1, OUTPUTS: 1})) - 2 / sp.pi),
                sp.gammasimp(plainly(share.subs(ALPHA, 0))) - 1,
                sp.simplify(sp.gammasimp(plainly(share.subs(ALPHA, 2))) - 1 + 2 / OUTPUTS),
            ],
        ),
    ]
    laws = {"push": push.subs(here), "cost": cost.subs(here), "share": share}
    return Derivation("regression", "power:alpha", "flow", steps, laws)


def _gain_residual(push: sp.Expr, cost: sp.Expr) -> list[sp.Expr]:
    """The moments of χ by their integrals: E χ^q over E χ^(q − 2) is c + q − 2, and E χ¹ by integration."""
    order = sp.Symbol("q", positive=True)
    first = sp.integrate(RADIUS * density().subs(OUTPUTS, 3), (RADIUS, 0, sp.oo))
    ratio = sp.gammasimp(plainly(moment(order + 2) / moment(order)))
    cross = 2 * SIGNAL / NOISE * RATE ** (1 - ALPHA) * sp.sqrt(NOISE) ** (2 - ALPHA) * moment(2 - ALPHA)
    square = RATE ** (2 - 2 * ALPHA) * sp.sqrt(NOISE) ** (2 - 2 * ALPHA) * moment(2 - 2 * ALPHA)
    return [
        sp.simplify(first - plainly(moment(sp.Integer(1))).subs(OUTPUTS, 3)),
        sp.simplify(ratio - OUTPUTS - order),
        _forced(cross / push) - 1,
        _forced(2 * square / cost) - 1,
    ]


def _forced(expression: sp.Expr) -> sp.Expr:
    return sp.simplify(sp.powsimp(sp.powdenest(sp.expand_power_base(expression, force=True), force=True), force=True))


def gain_share(how: Rule | str, rates: Any, signal: Any, weights: Any, outputs: int) -> float:
    """The part of what can be gained over no fit that a rule gains at its best time, in the limit of large noise.

    Every direction is apart, as in `theory.noisy_fit`.

    Parameters
    ----------
    how
        A power law, 0 ≤ α < c/2 + 1, or its id.
    rates
        Curvatures λ of the directions, all positive (d,).
    signal
        Variances v of w* in each output, or numbers in proportion to them, not all of them zero (d,).
    weights
        Weights p of the directions in the test risk, or one number for all (d,).
    outputs
        Number c of outputs.

    Raises
    ------
    ArgumentError
        If the rule is no such power law, a rate is not positive, or no direction that counts has a signal.
    """
    import numpy as np

    how, count = rule(how), whole("outputs", outputs)
    alpha = how.power
    if alpha is None or alpha < 0 or 2 * alpha >= count + 2:
        raise ArgumentError("rule", f"be a power law with 0 ≤ α < {count / 2 + 1:g}", f"is {how.name}")
    arguments = (RATE, SIGNAL, PER_SAMPLE, OUTPUTS, ALPHA)
    speeds = np.array([positive("rates", rate) for rate in rates])
    sizes = np.array([nonnegative("signal", size) for size in one_or_all("signal", signal, len(speeds))])
    counted = np.array([nonnegative("weights", one) for one in one_or_all("weights", weights, len(speeds))])
    if not (counted * sizes).any():
        raise ArgumentError("signal", "be positive in a direction that counts", "is zero in all of them")
    numbers = speeds, sizes, 1.0, count, float(alpha)
    push, cost = (weak_signal().function(law, arguments)(*numbers) for law in ("push", "cost"))
    best = count * (counted * sizes**2 * speeds).sum()
    return float((counted * push).sum() ** 2 / (2 * (counted * cost).sum() * best))
