"""Closed forms of modes along their clocks, where there are any: where a piece of it leads, and how long it takes.

A regression's power laws have them, and Newton's rule; of the factorised modes those with two layers under gradient
descent, which keeps w₂² − w₁², and under EGD, which keeps |w₂| − |w₁|. Every difference of nearby numbers is written
as a product, so that the forms hold to rounding over all targets and starts.
"""

from __future__ import annotations

import functools

import sympy as sp
from sympy.codegen.cfunctions import expm1

from theory.models import factorized_chain, factorized_mode, regression_chain
from theory.models.factorized_mode import IMBALANCE, TARGET
from theory.models.regression import ERROR0, THRESHOLD
from theory.modes import AMPLITUDE, CLOCK, GROWING, NEGATIVE, RESIDUAL, Path

BEGIN = sp.Symbol("z_0", real=True)
BEFORE, BEHIND = sp.symbols("A_0 R_0", positive=True)  # |a| and |a − s| at the begin


@functools.cache
def propagator(path: Path) -> sp.Tuple | None:
    """(x_1, …, x_L, t) at `CLOCK`, from the logarithms x_l at `BEGIN`; None where there is no closed form."""
    if path.regime is None:
        return _regression(path)
    laws = {0: _descent, 1: _straight}
    if len(path.logs) != 2 or path.rule.power not in laws:
        return None
    small, large = (sp.exp(log) for log in path.logs)
    size, time = laws[path.rule.power](path, small, large)
    meaning = {
        AMPLITUDE: path.regime.amplitude,
        RESIDUAL: path.regime.residual,
        BEFORE: path.regime.amplitude.subs(CLOCK, BEGIN),
        BEHIND: path.regime.residual.subs(CLOCK, BEGIN),
    }
    log = sp.log(size)
    return sp.Tuple(sp.log(AMPLITUDE) - log, log, time).subs(meaning)


def _regression(path: Path) -> sp.Tuple | None:
    """The arrival of the derivation, from |e| = e^(−z₀) to the part e^(z₀−z) of it."""
    arrival = regression_chain.derive(path.rule).laws.get("arrival")
    if arrival is None:
        return None
    return sp.Tuple(arrival.subs({ERROR0: sp.exp(-BEGIN), THRESHOLD: sp.exp(BEGIN - CLOCK)}))


def _passed(path: Path) -> sp.Expr:
    """How far |a| has moved since the begin."""
    share = -expm1(BEGIN - CLOCK)
    if path.regime == GROWING:
        return AMPLITUDE * BEHIND / TARGET * share
    return share * (BEFORE if path.regime == NEGATIVE else BEHIND)


def _straight(path: Path, small: sp.Expr, large: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """EGD: the larger factor, from product and difference; and t, from the change t² + t(|w₁| + |w₂|) of |a|."""
    apart = large - small
    root = sp.sqrt(apart**2 + 4 * AMPLITUDE)
    return (apart + root) / 2, 2 * _passed(path) / (small + large + root)


def _descent(path: Path, small: sp.Expr, large: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Gradient descent: the time integral that the chain derives, over √(c² + 4s²), c = w₂² − w₁² conserved."""
    laws = factorized_chain.derive(path.rule).laws
    apart = (large - small) * (large + small)
    wide = laws["wide"].subs(IMBALANCE, apart)

    def grown(amplitude: sp.Expr, residual: sp.Expr) -> sp.Expr:
        if path.regime == NEGATIVE:
            return lifted_below(amplitude, residual).subs(IMBALANCE, apart)
        return laws["lift"].subs({IMBALANCE: apart, factorized_mode.AMPLITUDE: amplitude}) / residual

    time = sp.log(grown(AMPLITUDE, RESIDUAL) / grown(BEFORE, BEHIND)) / wide
    return sp.sqrt((apart + sp.sqrt(apart**2 + 4 * AMPLITUDE**2)) / 2), time


def lifted_below(amplitude: sp.Expr, residual: sp.Expr) -> sp.Expr:
    """The chain's ``lift`` over |a − s|, for a = −`amplitude`, up to the factor 4c²: of positive terms alone."""
    wide = sp.sqrt(IMBALANCE**2 + 4 * TARGET**2)
    both = wide * sp.sqrt(IMBALANCE**2 + 4 * amplitude**2) + IMBALANCE**2
    return residual / (4 * (TARGET**2 * IMBALANCE**2 + amplitude**2 * wide**2) / both + 4 * TARGET * amplitude)
