"""When one mode of a factorised model arrives and vanishes, where that is an integral over a factor."""

from __future__ import annotations

import math
from collections.abc import Callable

import sympy as sp

from theory.derivation import Derivation
from theory.models.factorized_mode import DECAY, DISTANCE, ENDS, FACTOR, TARGET, Mode, Times
from theory.rules import Rule


def by_factor(derivation: Derivation, rule: Rule, mode: Mode) -> Times:
    """Balanced, any law: the integral of 1/h(|g|) over the factor."""
    depth = len(mode.sizes)
    begin, there, end = (a ** (1 / depth) for a in (mode.start, mode.arrived, mode.reached))
    gradient = derivation.function("gradient", (FACTOR, TARGET, DECAY))
    settling = derivation.function("settling", (DISTANCE, ENDS[0], TARGET, DECAY))

    def distance(part: float) -> float:
        """Of the factor at which this part of the first error is left."""
        return -end * math.expm1(math.log1p(part * (mode.start / mode.reached - 1)) / depth)

    return _elapsed(
        _slowness(derivation, lambda w: gradient(w, mode.target, mode.decay)),
        _slowness(derivation, lambda x: settling(x, end, mode.target, mode.decay)),
        (begin, there, end),
        (distance(1.0), distance(mode.threshold)),
        float(rule.vanishing_power),
    )


def by_least_factor(derivation: Derivation, rule: Rule, mode: Mode) -> Times:
    """A power law, factors of any size and a positive product: the integral over the least factor."""
    alpha = float(sp.sympify(rule.power))
    sizes = tuple(sorted(map(abs, mode.sizes)))
    ends = _ends(sizes, 2 - alpha, mode.target)
    symbols, half = (DISTANCE, *ENDS[: len(ends)]), ends[0] / 2
    residual, pull, others = (derivation.function(name, symbols) for name in ("residual", "least_pull", "others"))

    def product(w: float) -> float:  # anchored at the start, where the distance from the end has no digits
        return w * float(others(sizes[0] - w, *sizes))

    def distance(part: float) -> float:
        """Of the least factor, past half way, at which this part of the first residual is left."""
        left = part * (mode.target - mode.start)
        above = -2 * abs(sizes[0] - ends[0]) - 1e-9 * ends[0]
        return _root(lambda x: float(residual(x, *ends)) - left, 0.0, 1.01 * half if left > 0 else above)

    grows = sizes[0] < half
    if grows and product(half) > mode.arrived:
        there, near = _root(lambda w: product(w) - mode.arrived, sizes[0], half), (half, half)
    else:
        there, near = half, (half if grows else distance(1.0), distance(mode.threshold))
    return _elapsed(
        _slowness(derivation, lambda w: product(w) / w * (mode.target - product(w))),
        _slowness(derivation, lambda x: pull(x, *ends)),
        (sizes[0], there, ends[0]),
        near,
        alpha,
    )


def _slowness(derivation: Derivation, gradient: Callable[[float], float]) -> Callable[[float], float]:
    """1/h of the size of a gradient."""
    law = derivation.function("slowness", (sp.Symbol("g", positive=True),))
    return lambda x: float(law(abs(float(gradient(x)))))


def _elapsed(
    growing: Callable[[float], float],
    settling: Callable[[float], float],
    factor: tuple[float, float, float],
    distance: tuple[float, float],
    alpha: float,
) -> Times:
    """Time to an arrival and to the end: over the factor up to half of its end, then over its distance from there.

    Parameters
    ----------
    growing, settling
        Time for each unit of the factor, as a function of the factor and of its distance from the end.
    factor
        The factor at the start, at the arrival and at the end.
    distance
        Its distance from the end at the start and at the arrival, negative from above.
    alpha
        The law is σ^(1−α) where the gradient vanishes.
    """
    (begin, there, end), (first, arrived) = factor, distance
    grown, rest, half = 0.0, 0.0, end / 2
    if begin < half:
        grown, rest = _logarithmic(growing, begin, min(there, half)), _logarithmic(growing, min(there, half), half)
        first = half
    last = min(first, arrived, key=abs)
    arrival = grown + _logarithmic(settling, last, first)
    return arrival, arrival + rest + _tail(settling, last, alpha) if alpha > 0 else None


def _logarithmic(pace: Callable[[float], float], low: float, high: float) -> float:
    """∫ of 1/h between two numbers of one sign, over the logarithm."""
    sign = math.copysign(1.0, high)
    return _integral(lambda y: pace(sign * math.exp(y)) * math.exp(y), math.log(abs(low)), math.log(abs(high)))


def _tail(pace: Callable[[float], float], far: float, alpha: float) -> float:
    """∫ of 1/h over the distance down to zero, where it behaves as the (α − 1)-th power."""
    power, sign = max(1 / alpha, 1.0), math.copysign(1.0, far)
    return _integral(lambda y: pace(sign * y**power) * power * y ** (power - 1), 0.0, abs(far) ** (1 / power))


def _integral(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.integrate import quad

    return float(quad(function, low, high, epsabs=0, epsrel=1e-12, limit=400, full_output=1)[0])


def _ends(sizes: tuple[float, ...], exponent: float, target: float) -> tuple[float, ...]:
    """The factors at which the product is the target and the conserved quantities are those of the start."""

    def grown(least: float) -> list[float]:
        if exponent == 0:
            return [w * least / sizes[0] for w in sizes]
        lift = least**exponent - sizes[0] ** exponent
        return [least, *((w**exponent + lift) ** (1 / exponent) for w in sizes[1:])]

    def excess(log: float) -> float:
        return sum(map(math.log, grown(math.exp(log)))) - math.log(target)

    low = high = math.log(sizes[0])
    while excess(high) < 0:
        high += 1.0
    while excess(low) > 0:
        low -= 1.0
    return tuple(grown(math.exp(_root(excess, low, high))))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(function, low, high, xtol=1e-300, rtol=8.9e-16, maxiter=500))
