"""When one mode of a factorised model arrives and vanishes: the laws of its derivation, put to its numbers."""

from __future__ import annotations

import math

from theory.derivation import Derivation
from theory.factorized_integrals import by_factor, by_least_factor
from theory.models.factorized_mode import (
    AMPLITUDE,
    DECAY,
    END,
    ETA,
    IMBALANCE,
    NOTHING,
    START,
    TARGET,
    THRESHOLD,
    Mode,
    Times,
)
from theory.rules import Rule

SYMBOLS = (START, END, TARGET, DECAY, THRESHOLD, ETA)


def mode_times(derivation: Derivation, rule: Rule, mode: Mode, step: float | None) -> Times:
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
        return by_least_factor(derivation, rule, mode)
    return by_factor(derivation, rule, mode) if mode.balanced else NOTHING


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
