"""How much the spread of the arrivals depends on their threshold, for directions that keep apart in a flow."""

from __future__ import annotations

import functools

import sympy as sp

from theory.derivation import Derivation, Step
from theory.families import ALPHA, POWERS
from theory.models import regression_chain
from theory.models.regression import ERROR0, FAST, RATE, SLOW, THRESHOLD
from theory.rule_ids import rule

SHARE = sp.Symbol("q", positive=True)
TURN = sp.Symbol("c", positive=True)  # Δe/Δ(1/λ)


@functools.cache
def threshold_chain() -> Derivation:
    """By what part an arrival grows when log(1/q) does, and the threshold at which GD's and EGD's spreads are equal.

    Laws: ``gd`` and ``power``, d log t/d log(1/q) of one direction's arrival t times log(1/q), in `SHARE` and `ALPHA`;
    ``turn``, the threshold q* in `TURN`.
    """
    linear, power = 1 / sp.log(1 / SHARE), ALPHA * SHARE**ALPHA / (1 - SHARE**ALPHA)
    turn = -sp.LambertW(-TURN * sp.exp(-TURN)) / TURN
    steps = (
        Step(
            "gradient descent",
            sp.Eq(sp.Symbol("s_GD"), linear, evaluate=False),
            "t = log(1/q)/λ: a threshold ten times smaller adds log 10 to log(1/q), a third at q = 1e-3, to each "
            "arrival and to their spread.",
            lambda: _elasticity(_arrival("gd")) - linear,
        ),
        Step(
            "power law",
            sp.Eq(sp.Symbol("s_alpha"), power, evaluate=False),
            "t = e₀^α λ^(α−1) (1 − q^α)/α: for EGD, α = 1, a part of about q. It tends to gradient descent's as α → 0.",
            lambda: [
                sp.simplify(_elasticity(regression_chain.derive(POWERS).laws["arrival"]) - power),
                sp.limit(power, ALPHA, 0) - linear,
            ],
        ),
        Step(
            "equal spreads",
            sp.Eq(sp.Symbol("q^*"), turn, evaluate=False),
            "Two directions with the errors e₁ and e₂: GD's spread is log(1/q) Δ(1/λ), EGD's (1 − q) Δe. With "
            "c = Δe/Δ(1/λ) they are equal where log(1/q) = c (1 − q). As log(1/q) > 1 − q, GD's is the longer at every "
            "threshold if c ≤ 1; otherwise at q < q* alone.",
            _turn_residual,
        ),
    )
    return Derivation("regression", "gd", "flow", steps, {"gd": linear, "power": power, "turn": turn})


def _arrival(name: str) -> sp.Expr:
    return regression_chain.derive(rule(name)).laws["arrival"]


def _elasticity(arrival: sp.Expr) -> sp.Expr:
    """−q dt/dq / t."""
    return sp.simplify((-THRESHOLD * arrival.diff(THRESHOLD) / arrival).subs(THRESHOLD, SHARE))


def _turn_residual() -> list[sp.Expr]:
    """log(−W(z)/c) = log(−z/c) − W(z), and both spreads from the laws of the arrivals."""
    z = -TURN * sp.exp(-TURN)
    lambert = sp.Symbol("W", negative=True)  # W e^W = z
    condition = sp.log(-z / TURN) - lambert + TURN * (1 + lambert / TURN)  # log q − (−c(1 − q)) at q = −W/c
    spread = _arrival("gd").subs(RATE, SLOW) - _arrival("gd").subs(RATE, FAST)
    other = _arrival("egd").subs(ERROR0, 2 * ERROR0) - _arrival("egd")  # Δe = e₀
    return [
        sp.expand_log(sp.simplify(condition), force=True),
        sp.simplify(spread - sp.log(1 / THRESHOLD) * (1 / SLOW - 1 / FAST)),
        sp.simplify(other - (1 - THRESHOLD) * ERROR0),
    ]
