"""What is predicted for two layers under rules that only rescale: gradient descent's path with another clock."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from theory.derivation import Derivation
from theory.models.factorized_mode import DECAY, END, START, TARGET, THRESHOLD, Mode, Times
from theory.models.factorized_rescaled import LEFT
from theory.path_time import path_time, scaled_clock
from theory.rules import SIGMA, Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from theory.path_time import Clock

    Array = NDArray[np.float64]


def rescaled_times(derivation: Derivation, rule: Rule, modes: list[Mode]) -> list[Times]:
    """Arrivals and extinctions of balanced modes that learn, all of those whose gradient is not zero."""
    arrival = derivation.function("path_arrival", (START, END, TARGET, DECAY, THRESHOLD))
    places = [arrival(mode.start, mode.arrived, mode.target, mode.decay, mode.threshold) for mode in modes]
    power = float(rule.vanishing_power)
    clock = _clock(derivation, modes, power)
    pulls = [mode.target - mode.decay for mode in modes]
    rates = 2 * max(pulls), 2 * min(pulls)
    found, total, last = {}, 0.0, 0.0
    for place in sorted(map(float, places)):
        total += path_time(clock, last, place, rates, power)
        found[place], last = total, place
    rest = total + path_time(clock, last, math.inf, rates, power) if power > 0 else None
    return [(found[float(place)], rest) for place in places]


def _clock(derivation: Derivation, modes: list[Mode], power: float) -> Clock:
    """dt/dτ at the norm of each layer's gradient along the path."""
    import numpy as np

    gradient = derivation.function("path_gradient", (START, TARGET, DECAY, LEFT))
    begin, target = (np.array([getattr(mode, name) for mode in modes]) for name in ("start", "target"))
    decay = modes[0].decay
    rates = 2 * (target - decay)
    slowest = float(rates.min())

    def gradients(tau: Array) -> Array:
        left = np.exp(-np.multiply.outer(tau, rates))
        return np.asarray(gradient(begin, target, decay, left)) * np.exp(-np.multiply.outer(tau, rates - slowest))

    return scaled_clock(derivation.function("clock", (SIGMA,)), gradients, slowest, power)
