"""What the derivations predict for a factorised model from an aligned start: arrivals, extinctions, plateaus."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy as sp

from theory import plateaus
from theory.checks import ArgumentError
from theory.derivation import Derivation
from theory.factorized_clock import rescaled_times
from theory.models import factorized_chain as chain
from theory.models.factorized import DECAY, TARGET, Factorized
from theory.models.factorized_mode import AMPLITUDE, DISTANCE, END, ENDS, ETA, FACTOR, IMBALANCE, START, THRESHOLD, TIME
from theory.rules import Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from theory.models.factorized import Layers
    from theory.predictions import Prediction

    Array = NDArray[np.float64]

Times = tuple[float | None, float | None]
NOTHING: Times = (None, None)
EQUAL = 1e-12  # relative difference of factors below which a mode counts as balanced


@dataclass(frozen=True)
class Mode:
    """One mode of an aligned start.

    Parameters
    ----------
    target
        Its singular value s.
    reached
        Its amplitude a* at the balanced minimum.
    sizes
        Its factors (L,).
    decay
        Weight decay λ.
    threshold
        The arrival's q.
    """

    target: float
    reached: float
    sizes: tuple[float, ...]
    decay: float
    threshold: float

    @property
    def start(self) -> float:
        """Its amplitude a₀."""
        return math.prod(self.sizes)

    @property
    def balanced(self) -> bool:
        """Whether its factors have the same size."""
        size = max(map(abs, self.sizes))
        return max(size - abs(w) for w in self.sizes) <= EQUAL * size

    @property
    def arrived(self) -> float:
        """The amplitude a₁ at which it has arrived."""
        return self.reached + self.threshold * (self.start - self.reached)


def predict(
    model: Factorized, rule: Rule, view: str, start: Layers, *, step: float | None = None, threshold: float = 1e-3
) -> Prediction:
    """Predict a run of `rule` from these layers; see `theory.predictions.predict`."""
    import numpy as np

    from theory.discretisation import largest_stable_step
    from theory.predictions import EXACT, Prediction

    seen, sizes = model.directions(start), model.sizes(start)
    found: list[Times] = [NOTHING] * len(model.values)
    derivation = _derivation(rule, view, model.depth)
    if sizes is not None and derivation is not None:
        learning = [_mode(model, sizes, index, threshold) for index in map(int, np.flatnonzero(seen.learns))]
        moves = [bool(amplitude) for amplitude in seen.amplitudes[seen.learns]]  # the others begin at their end
        times = iter(_times_of(derivation, rule, learning, moves, sizes, step))
        for index, begins in zip(np.flatnonzero(seen.learns), moves, strict=True):
            found[index] = next(times) if begins else (0.0, None)
    arrivals = tuple(arrival for arrival, _ in found)
    waits = seen.learns & (seen.amplitudes > 0)
    known = [arrival for arrival, waited in zip(arrivals, waits, strict=True) if waited]
    spread = [a for a in known if a is not None and math.isfinite(a)]
    lengths = {}
    if len(spread) == len(known) > 1:
        lengths[plateaus.ARRIVAL_SPREAD] = (plateaus.spread(spread), EXACT)
    limit = largest_stable_step(model, rule) if view == "descent" else None
    return Prediction(arrivals, tuple(extinction for _, extinction in found), lengths, limit)


def _mode(model: Factorized, sizes: Array, index: int, threshold: float) -> Mode:
    factors = tuple(map(float, sizes[:, index]))
    return Mode(float(model.values[index]), float(model.reached[index]), factors, model.weight_decay, threshold)


def _times_of(
    derivation: Derivation, rule: Rule, learning: list[Mode], moves: list[bool], sizes: Array, step: float | None
) -> list[Times]:
    """Arrivals and extinctions of the modes that learn and do not begin at their end."""
    moving = [mode for mode, begins in zip(learning, moves, strict=True) if begins]
    if "clock" not in derivation.laws:
        return [_times(derivation, rule, mode, step) for mode in moving]
    if moving and "path_solution" in derivation.laws and _on_one_clock(learning, sizes):
        return rescaled_times(derivation, rule, moving)
    return [NOTHING] * len(moving)


def _on_one_clock(learning: list[Mode], sizes: Array) -> bool:
    """Whether all modes that are not zero are balanced and learn, so that every layer's gradient has the same norm."""
    balanced = all(mode.balanced and mode.start > 0 for mode in learning)
    return balanced and int(sizes.any(axis=0).sum()) == len(learning)


def amplitudes(
    model: Factorized, rule: Rule, view: str, start: Layers, times: Array, step: float | None
) -> Array | None:
    """Predicted amplitudes a of a balanced start at flow times or steps (T,): (T, n), those that do not learn at rest.

    None where no solution was derived.
    """
    import numpy as np

    sizes, derivation = model.sizes(start), _derivation(rule, view, model.depth)
    if sizes is None or derivation is None or "solution" not in derivation.laws:
        return None
    if np.ptp(np.abs(sizes), axis=0).max() > EQUAL * np.abs(sizes).max() or (model.weight_decay and rule.power == 1):
        return None
    solution = derivation.function("solution", (START, TIME, ETA, TARGET, DECAY))
    seen, found = model.directions(start), np.zeros((len(times), len(model.values)))
    for index, begin in enumerate(map(float, seen.starts)):
        s, end = float(model.values[index]), float(model.reached[index])
        found[:, index] = begin
        if seen.learns[index] and rule.power == 1:
            found[:, index] = _to_and_fro(solution, begin, end, times, step if view == "descent" else None, model.depth)
        elif seen.learns[index]:
            found[:, index] = solution(begin, times, 1.0, s, model.weight_decay)
    return found


def _to_and_fro(
    solution: Callable[..., Array], begin: float, end: float, times: Array, step: float | None, depth: int
) -> Array:
    """EGD's amplitude: at unit speed to its end, where it rests or, in steps, goes to and fro about it."""
    import numpy as np

    way = 1.0 if end >= begin else -1.0
    length = abs(end ** (1 / depth) - begin ** (1 / depth))
    if step is not None:
        last = np.floor(length / step)
        times = np.where(times <= last, times, last + (times - last) % 2)
        return np.asarray(solution(begin, way * times, step, end, 0.0), float)
    moved = np.asarray(solution(begin, way * np.minimum(times, length), 1.0, end, 0.0), float)
    return np.where(times >= length, end, moved)


def _derivation(rule: Rule, view: str, depth: int) -> Derivation | None:
    if rule.kind == "newton":  # which is derived, but not run
        return None
    try:
        return chain.derive(rule, view, depth)
    except ArgumentError:
        return None


def _times(derivation: Derivation, rule: Rule, mode: Mode, step: float | None) -> Times:
    """Arrival and extinction of one mode that learns."""
    if derivation.view == "descent":
        return (_steps(derivation, mode, step or 0.0), None) if "arrival" in derivation.laws else NOTHING
    if mode.start <= 0:
        return (_unbalanced_descent(derivation, mode), None) if "lift" in derivation.laws else NOTHING
    if mode.balanced and "arrival" in derivation.laws:
        return _closed(derivation, mode)
    if mode.decay == 0 and "lift" in derivation.laws:
        return _unbalanced_descent(derivation, mode), None
    if mode.decay == 0 and "least_pull" in derivation.laws:
        return _by_least_factor(derivation, rule, mode)
    return _by_factor(derivation, rule, mode) if mode.balanced else NOTHING


SYMBOLS = (START, END, TARGET, DECAY, THRESHOLD, ETA)


def _closed(derivation: Derivation, mode: Mode) -> Times:
    """Balanced, by a law for the arrival."""
    values = mode.start, mode.arrived, mode.target, mode.decay, mode.threshold, 1.0
    arrival = float(derivation.function("arrival", SYMBOLS)(*values))
    if "extinction" not in derivation.laws:
        return arrival, None
    rest = (mode.start, mode.arrived, mode.reached, *values[3:])
    return arrival, float(derivation.function("extinction", SYMBOLS)(*rest))


def _steps(derivation: Derivation, mode: Mode, step: float) -> float | None:
    """Whole steps of EGD, balanced; infinite where they jump over the threshold, to and fro."""
    if not mode.balanced or mode.start <= 0:
        return None
    values = mode.start, mode.arrived, mode.target, mode.decay, mode.threshold, step
    count = max(1, math.ceil(float(derivation.function("arrival", SYMBOLS)(*values))))
    depth, way = len(mode.sizes), math.copysign(step, mode.reached - mode.start)
    landed = (mode.start ** (1 / depth) + count * way) ** depth
    beyond = (landed - mode.reached) * math.copysign(1.0, way)  # short of the threshold it can only be by rounding
    return count if beyond <= mode.threshold * abs(mode.start - mode.reached) else math.inf


def _unbalanced_descent(derivation: Derivation, mode: Mode) -> float | None:
    """Two layers under gradient descent, any factors: the closed form between two amplitudes."""
    if mode.decay > 0:
        return None
    first, second = mode.sizes
    imbalance = (first - second) * (first + second)
    symbols = (AMPLITUDE, TARGET, IMBALANCE)

    def law(name: str, a: float) -> float:
        return float(derivation.function(name, symbols)(a, mode.target, imbalance))

    def lift(a: float) -> float:
        return math.log(law("lift" if a >= 0 else "lift_below", a))  # the same, without cancellation

    return (lift(mode.arrived) - lift(mode.start) - math.log(mode.threshold)) / law("wide", 0.0)


def _by_factor(derivation: Derivation, rule: Rule, mode: Mode) -> Times:
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


def _by_least_factor(derivation: Derivation, rule: Rule, mode: Mode) -> Times:
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
