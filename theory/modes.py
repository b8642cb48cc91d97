"""Scalar modes with the residual in the lead: a variable that is smooth where the flow is not.

One mode of a regression is an error e with de/dt = −h(λ|e|) sgn e; one mode of a factorised model has L factors with
dw_l/dt = −h(|g_l|) sgn g_l, product a and target s. In both the residual shrinks all the time, so it can lead: a clock
z that is a logarithm of it carries the factors and the flow time along. In z an extinction (z → ∞), a crossing
(|a| → 0) and an arrival all lie at places known beforehand, and the equations are smooth wherever log h is smooth in
log σ. While a mode keeps its signs it is in one of three regimes; sizes |w_l| suffice, since flipping the signs of two
factors changes nothing.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import sympy as sp

from theory.models import regression_chain
from theory.models.factorized_mode import TARGET, factors, mode_equations
from theory.models.regression import ERROR, RATE
from theory.rules import Rule

CLOCK = sp.Symbol("z", real=True)
AMPLITUDE = sp.Symbol("A", positive=True)
RESIDUAL = sp.Symbol("R", positive=True)
SATURATED = 0.25


@dataclass(frozen=True)
class Regime:
    """A range of the product a in which no gradient changes its sign.

    Parameters
    ----------
    name
        ``growing`` for 0 < a < s, ``shrinking`` for a > s, ``negative`` for a < 0.
    amplitude, residual
        |a| and |a − s| along the clock, in `CLOCK` and `TARGET`.
    slope
        d|a|/dz in `AMPLITUDE`, `RESIDUAL` and `TARGET`.
    """

    name: str
    amplitude: sp.Expr
    residual: sp.Expr
    slope: sp.Expr

    def weight_signs(self, depth: int) -> tuple[int, ...]:
        """Signs of the factors; where a < 0 it is the first that is negative."""
        return (-1 if self.name == "negative" else 1, *[1] * (depth - 1))

    def gradient_signs(self, depth: int) -> tuple[int, ...]:
        """Signs of the layer gradients g_l = (a − s) a/w_l."""
        others = -1 if self.name == "growing" else 1
        return (-1 if self.name == "negative" else others, *[others] * (depth - 1))


GROWING = Regime("growing", TARGET / (1 + sp.exp(-CLOCK)), TARGET / (1 + sp.exp(CLOCK)), AMPLITUDE * RESIDUAL / TARGET)
SHRINKING = Regime("shrinking", TARGET + sp.exp(-CLOCK), sp.exp(-CLOCK), -RESIDUAL)
NEGATIVE = Regime("negative", sp.exp(-CLOCK), TARGET + sp.exp(-CLOCK), -AMPLITUDE)
REGIMES = (GROWING, SHRINKING, NEGATIVE)


@dataclass(frozen=True)
class Path:
    """The equations of a mode along its clock.

    Parameters
    ----------
    rule, regime
        What it belongs to; no regime for a regression.
    parameter
        The symbol that tells members apart: `TARGET`, or the curvature of a regression's direction.
    logs
        Symbols x_l = log|w_l|; empty for a regression, whose error is e^(−z).
    rates
        dx_l/dz.
    slowness
        dt/dz, positive.
    longest
        How long a step may be in z. A law that nears its limit exponentially, such as tanh σ, leaves within rounding
        of the limit no trace of what a longer step meets.
    """

    rule: Rule
    regime: Regime | None
    parameter: sp.Symbol
    logs: tuple[sp.Symbol, ...]
    rates: tuple[sp.Expr, ...]
    slowness: sp.Expr
    longest: float


def _longest(rule: Rule) -> float:
    algebraic = rule.law is None or not rule.law.has(sp.Function)
    return float("inf") if algebraic else SATURATED


def log_factors(depth: int) -> tuple[sp.Symbol, ...]:
    """x_1 … x_L, the logarithms of the sizes of the factors."""
    return sp.symbols(f"x_1:{depth + 1}", real=True)


@functools.cache
def factorized_path(rule: Rule, depth: int, regime: Regime) -> Path:
    """The mode equations of a factorised model, with the factors and the time led by the product.

    With ẇ_l/w_l from the mode equations, d log|a|/dt is their sum, and dz/dt follows from d|a|/dz.

    Raises
    ------
    ArgumentError
        If the rule has no speed of its own for each singular value.
    """
    growth = [speed.subs(_along(depth, regime)) for speed in _growth(rule, depth, regime)]
    slope = regime.slope / (AMPLITUDE * sp.factor_terms(sp.Add(*growth)))
    clock = {AMPLITUDE: regime.amplitude, RESIDUAL: regime.residual}
    rates = tuple((own * slope).subs(clock) for own in growth)
    return Path(rule, regime, TARGET, log_factors(depth), rates, slope.subs(clock), _longest(rule))


def _growth(rule: Rule, depth: int, regime: Regime) -> list[sp.Expr]:
    """ẇ_l/w_l in `AMPLITUDE`, `RESIDUAL` and w_l: the other factors enter by their product a/w_l alone."""
    mode, signs = factors(depth), regime.weight_signs(depth)
    product, found = signs[0] * AMPLITUDE, []
    side = 1 if regime.name == "shrinking" else -1
    for own, equation in zip(mode, mode_equations(rule, depth, regime.gradient_signs(depth)), strict=True):
        other = next(symbol for symbol in mode if symbol != own)
        rest = sp.prod(symbol for symbol in mode if symbol != other)
        speed = equation.subs(other, product / rest).subs(TARGET, product - side * RESIDUAL)
        found.append(speed / own)
    return found


def _along(depth: int, regime: Regime) -> dict[sp.Symbol, sp.Expr]:
    signed = zip(factors(depth), regime.weight_signs(depth), log_factors(depth), strict=True)
    return {symbol: sign * sp.exp(log) for symbol, sign, log in signed}


def factorized_residuals(rule: Rule, depth: int, regime: Regime) -> list[sp.Expr]:
    """What must vanish if a path is right: (dx_l/dz)/(dt/dz) − ẇ_l/w_l, and the clock's own slope.

    The clock is replaced by its meaning, with every size a positive symbol.
    """
    path, sizes = factorized_path(rule, depth, regime), sp.symbols(f"m_1:{depth + 1}", positive=True)
    amplitude = sp.prod(sizes)
    side = 1 if regime.name == "shrinking" else -1
    target = RESIDUAL - amplitude if regime.name == "negative" else amplitude - side * RESIDUAL
    meaning = {
        "growing": sp.log(amplitude / RESIDUAL),
        "shrinking": -sp.log(RESIDUAL),
        "negative": -sp.log(amplitude),
    }[regime.name]
    back = {CLOCK: meaning, **{log: sp.log(size) for log, size in zip(path.logs, sizes, strict=True)}}
    equations = mode_equations(rule, depth, regime.gradient_signs(depth))
    at = {w: sign * size for w, sign, size in zip(factors(depth), regime.weight_signs(depth), sizes, strict=True)}
    found = [regime.amplitude.diff(CLOCK) - _meant(regime.slope, regime)]
    for rate, equation, w in zip(path.rates, equations, factors(depth), strict=True):
        stated = (rate / path.slowness).subs(back).subs(TARGET, target)
        found.append(sp.simplify(stated - (equation / w).subs(at).subs(TARGET, target)))
    return found


def _meant(expression: sp.Expr, regime: Regime) -> sp.Expr:
    return expression.subs({AMPLITUDE: regime.amplitude, RESIDUAL: regime.residual})


@functools.cache
def regression_path(rule: Rule) -> Path:
    """A regression's mode: z = −log|e|, so that dt/dz is |e| times the slowness that its chain derives."""
    slowness = regression_chain.derive(rule).laws["slowness"]
    return Path(rule, None, RATE, (), (), (slowness * ERROR).subs(ERROR, sp.exp(-CLOCK)), _longest(rule))
