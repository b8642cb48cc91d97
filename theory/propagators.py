"""Closed forms of modes along their clocks, where there are any: where a piece of the clock leads, and how long it takes.

A regression's power laws have them, and Newton's rule; of the factorised modes those with two layers under gradient
descent, which keeps w₂² − w₁², and under EGD, which keeps |w₂| − |w₁|. Every difference of nearby numbers is written
as a product, so that the forms hold to rounding over all targets and starts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import sympy as sp
from sympy.codegen.cfunctions import expm1

from theory.models import regression
from theory.models.factorized import TARGET
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
    arrival = regression.derive(path.rule).laws.get("arrival")
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
    """EGD: the larger factor, from its product and its difference with the smaller; and t, from Δ|a| = t² + t(|w₁|+|w₂|)."""
    apart = large - small
    root = sp.sqrt(apart**2 + 4 * AMPLITUDE)
    return (apart + root) / 2, 2 * _passed(path) / (small + large + root)


def _descent(path: Path, small: sp.Expr, large: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Gradient descent: |da/dt| = |a − s| √(c² + 4a²) with c = w₂² − w₁², integrated."""
    apart = (large - small) * (large + small)
    root = sp.sqrt(apart**2 + 4 * TARGET**2)

    def grown(amplitude: sp.Expr, residual: sp.Expr) -> sp.Expr:
        both = root * sp.sqrt(apart**2 + 4 * amplitude**2) + apart**2
        if path.regime != NEGATIVE:
            return (both + 4 * TARGET * amplitude) / residual
        return residual / (4 * (TARGET**2 * apart**2 + amplitude**2 * root**2) / both + 4 * TARGET * amplitude)

    time = sp.log(grown(AMPLITUDE, RESIDUAL) / grown(BEFORE, BEHIND)) / root
    return sp.sqrt((apart + sp.sqrt(apart**2 + 4 * AMPLITUDE**2)) / 2), time


def residuals(path: Path, number: Callable[[sp.Expr], sp.Expr]) -> list[sp.Expr]:
    """What must vanish if a propagator is right, put in numbers: its slopes against the path's, and its begin."""
    found = propagator(path)
    assert found is not None
    there = dict(zip(path.logs, found[:-1], strict=True))
    slopes = [(*path.rates, path.slowness)[i].subs(there, simultaneous=True) for i in range(len(found))]
    begin = [*path.logs, sp.Integer(0)]
    return [
        *[number(one.diff(CLOCK) - slope) for one, slope in zip(found, slopes, strict=True)],
        *[number(one.subs(CLOCK, BEGIN) - start) for one, start in zip(found, begin, strict=True)],
    ]
