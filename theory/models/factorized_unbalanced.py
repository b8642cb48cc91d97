"""Factors of any size: what a power law conserves, and the time as an integral over the least factor.

Near the end the distance from it is the variable, so that nothing cancels.
"""

from __future__ import annotations

import sympy as sp

from theory.derivation import Step
from theory.models.factorized_mode import DECAY, DISTANCE, ENDS, FACTOR, TARGET, TIME
from theory.rules import SIGMA, Rule


def conserved(rule: Rule, depth: int) -> Step:
    """w_l^(2−α) − w_m^(2−α), or log w_l − log w_m for α = 2."""
    exponent = 2 - sp.sympify(rule.power)
    first, second = sp.symbols("w_l w_m", positive=True)

    def kept(w: sp.Expr) -> sp.Expr:
        return w**exponent if exponent != 0 else sp.log(w)

    others = sp.Symbol("p", positive=True)  # product of the other factors
    pull = sp.Symbol("r", positive=True)  # s − a
    assert rule.law is not None
    speeds = [rule.law.subs(SIGMA, others * w * pull) for w in (second, first)]
    rate = sp.diff(kept(first), first) * speeds[0] - sp.diff(kept(second), second) * speeds[1]
    return Step(
        "conserved quantity",
        sp.Eq(sp.Derivative(kept(first) - kept(second), TIME), 0, evaluate=False),
        "For a power law and no decay; of the layers as matrices once they are aligned, W_l W_lᵀ − W_mᵀ W_m under "
        "gradient descent (from any start), and the difference of their square roots under EGD.",
        lambda: sp.powsimp(sp.powdenest(sp.expand_power_base(sp.simplify(rate), force=True), force=True), force=True),
    )


def unbalanced(rule: Rule, depth: int, laws: dict[str, sp.Expr]) -> Step:
    """The time as an integral over the least factor, which the conserved quantities leave as the only unknown."""
    assert rule.law is not None and rule.power is not None
    exponent = 2 - sp.sympify(rule.power)
    ends = ENDS[:depth]
    if exponent == 0:
        logs = [_log1p(-DISTANCE / ends[0])] * depth
    else:
        lost = -(ends[0] ** exponent) * _expm1(exponent * _log1p(-DISTANCE / ends[0]))
        logs = [_log1p(-lost / end**exponent) / exponent for end in ends]
    residual = -sp.prod(ends) * _expm1(sp.Add(*logs))  # s − a
    others = sp.prod(ends[1:]) * sp.exp(sp.Add(*logs[1:]))
    laws |= {"residual": residual, "least_pull": others * residual, "others": others}
    time = sp.Symbol("t")
    return Step(
        "time",
        sp.Eq(sp.Derivative(time, DISTANCE), 1 / rule.law.subs(SIGMA, sp.Symbol("g_1", positive=True)), evaluate=False),
        "The least factor, at distance δ from where it ends, decides the others by the conserved quantities; the time "
        "is the integral of 1/h(|g₁|) over δ.",
        lambda: _unbalanced_residual(exponent, ends, logs, residual),
    )


def _unbalanced_residual(
    exponent: sp.Expr, ends: tuple[sp.Symbol, ...], logs: list[sp.Expr], residual: sp.Expr
) -> list[sp.Expr]:
    """The stated factors against the conserved quantities, and the residual against the product."""
    part = sp.Symbol("u", positive=True)  # of the least factor, that is 1 − δ/z₁

    def value(expression: sp.Expr) -> sp.Expr:
        return _plain(expression).subs(DISTANCE, ends[0] * (1 - part))

    def forced(expression: sp.Expr) -> sp.Expr:
        return sp.powdenest(sp.expand_power_base(sp.expand_log(expression, force=True), force=True), force=True)

    gained = [value(log) for log in logs]  # log w − log z
    now = [end * sp.exp(gain) for end, gain in zip(ends, gained, strict=True)]
    if exponent == 0:
        kept = [forced(sp.log(w)) for w in now]
    else:
        kept = [forced(end**exponent * sp.exp(exponent * gain)) for end, gain in zip(ends, gained, strict=True)]
    drift = [sp.expand(sp.diff(entry - kept[0], part)) for entry in kept]
    return [sp.simplify(now[0] - ends[0] * part), *drift, sp.simplify(value(residual) - sp.prod(ends) + sp.prod(now))]


def settling_pull(depth: int) -> sp.Expr:
    """−g of a balanced mode at distance δ from the factor z where its gradient vanishes, without cancellation."""
    end = ENDS[0]
    terms = [
        (depth - 1, TARGET * end ** (depth - 1)),
        (2 * depth - 1, -(end ** (2 * depth - 1))),
        (1, -DECAY * end),
    ]
    return sp.Add(*(term * _expm1(power * _log1p(-DISTANCE / end)) for power, term in terms))


def settling_residual(settling: sp.Expr, gradient: sp.Expr) -> sp.Expr:
    """The stated pull against the gradient, which vanishes at z."""
    end = ENDS[0]
    exact = _plain(settling).subs(DISTANCE, end - FACTOR)
    return sp.expand(sp.simplify(exact) + gradient - gradient.subs(FACTOR, end))


def _expm1(x: sp.Expr) -> sp.Expr:
    """exp(x) − 1, which NumPy has without cancellation."""
    return sp.Function("expm1")(x)


def _log1p(x: sp.Expr) -> sp.Expr:
    """log(1 + x), likewise."""
    return sp.Function("log1p")(x)


def _plain(expression: sp.Expr) -> sp.Expr:
    """The same in functions that SymPy simplifies."""
    return expression.replace(sp.Function("expm1"), lambda x: sp.exp(x) - 1).replace(
        sp.Function("log1p"), lambda x: sp.log(1 + x)
    )
