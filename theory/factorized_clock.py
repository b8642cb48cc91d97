"""What is predicted for two layers under rules that only rescale: gradient descent's path with another clock."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from theory.derivation import Derivation
from theory.models.factorized import DECAY, TARGET
from theory.models.factorized_mode import END, FACTOR, START, THRESHOLD, TIME
from theory.path_time import path_time
from theory.rules import SIGMA, Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from theory.factorized_predictions import Mode, Times
    from theory.path_time import Clock

    Array = NDArray[np.float64]


def rescaled_times(derivation: Derivation, rule: Rule, modes: list[Mode]) -> list[Times]:
    """Arrivals and extinctions of balanced modes that learn, all of those whose gradient is not zero."""
    arrival = derivation.function("path_arrival", (START, END, TARGET, DECAY, THRESHOLD))
    places = [arrival(mode.start, mode.arrived, mode.target, mode.decay, mode.threshold) for mode in modes]
    clock, power = _clock(derivation, modes), float(rule.vanishing_power)
    pulls = [mode.target - mode.decay for mode in modes]
    rates = 2 * max(pulls), 2 * min(pulls)
    found, total, last = {}, 0.0, 0.0
    for place in sorted(map(float, places)):
        total += path_time(clock, last, place, rates, power)
        found[place], last = total, place
    rest = total + path_time(clock, last, math.inf, rates, power) if power > 0 else None
    return [(found[float(place)], rest) for place in places]


def _clock(derivation: Derivation, modes: list[Mode]) -> Clock:
    """dt/dτ at the norm of each layer's gradient along the path."""
    import numpy as np

    amplitude = derivation.function("path_solution", (START, TIME, TARGET, DECAY))
    gradient = derivation.function("gradient", (FACTOR, TARGET, DECAY))
    pace = derivation.function("clock", (SIGMA,))
    begin, target = (np.array([getattr(mode, name) for mode in modes]) for name in ("start", "target"))
    decay = modes[0].decay

    def clock(tau: Array) -> Array:
        along = amplitude(begin, np.asarray(tau)[..., None], target, decay)
        norm = np.hypot.reduce(gradient(np.sqrt(along), target, decay), axis=-1)
        return np.where(norm > 0, pace(np.where(norm > 0, norm, 1.0)), 0.0)

    return clock
