"""The best time to stop along a curve of expected risk, and how exactly it must be met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from theory.checks import ArgumentError, plain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

NEAR_BEST = 1.1  # of the least risk: times with less are good times to stop
POINTS = 400  # of the grid on which the best time is looked for


@dataclass(frozen=True)
class Stop:
    """When to stop, and what it is worth.

    Parameters
    ----------
    time
        Flow time of the least expected risk; zero where it is least at the start, infinity where it is in the end alone
        and not, to rounding, from some time on.
    risk
        The least expected risk.
    earliest, latest
        Flow times about it between which the risk stays within a tenth of the least: zero where it does so from the
        start, infinity where it does so to the end; both are `time` where no other is seen.
    """

    time: float
    risk: float
    earliest: float
    latest: float

    @property
    def window(self) -> float:
        """Ratio of the latest to the earliest good time to stop; infinity where it is good from the start on."""
        if self.earliest == self.latest:
            return 1.0
        return self.latest / self.earliest if self.earliest else float("inf")


def flow_times(values: Any) -> Array:
    """Flow times, one or many, as an array (T,).

    Raises
    ------
    ArgumentError
        If one is negative or not finite.
    """
    import numpy as np

    found = np.atleast_1d(np.asarray(values, float))
    wrong = found[~(np.isfinite(found) & (found >= 0))]
    if wrong.size:
        raise ArgumentError("times", "be zero or positive, and finite", f"holds {plain(wrong[0])}")
    return found


def find_stop(risk: Callable[[Array], Array], shortest: float, longest: float, final: float) -> Stop:
    """The best time to stop.

    Parameters
    ----------
    risk
        Risk at flow times (T,) → (T,).
    shortest, longest
        Flow times between which it is looked for, on a grid even in the logarithm, and then refined.
    final
        Risk as the time goes to infinity.
    """
    import numpy as np
    from scipy.optimize import minimize_scalar

    def at(log: float) -> float:
        return float(risk(np.exp(np.array([log])))[0])

    logs = np.linspace(np.log(shortest), np.log(longest), POINTS)
    values = risk(np.exp(logs))
    place = int(values.argmin())
    low, high = logs[max(place - 1, 0)], logs[min(place + 1, POINTS - 1)]
    found = minimize_scalar(at, bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    best, log = min((float(found.fun), float(found.x)), (float(values[place]), float(logs[place])))
    best, log = min((best, log), (float(risk(np.zeros(1))[0]), -np.inf), (final, np.inf))
    start, level = float(np.clip(log, logs[0], logs[-1])), NEAR_BEST * best
    if at(start) > level:
        return Stop(float(np.exp(log)), best, float(np.exp(log)), float(np.exp(log)))
    before, after = (
        side[values[side] > level] for side in (np.flatnonzero(logs < start), np.flatnonzero(logs > start))
    )
    earliest = _edge(at, float(logs[before[-1]]), start, level) if len(before) else None
    latest = _edge(at, start, float(logs[after[0]]), level) if len(after) else None
    return Stop(
        time=float(np.exp(log)),
        risk=best,
        earliest=0.0 if earliest is None else float(np.exp(earliest)),
        latest=float("inf") if latest is None else float(np.exp(latest)),
    )


def _edge(at: Callable[[float], float], low: float, high: float, level: float) -> float:
    """Where the risk goes through a level."""
    from scipy.optimize import brentq

    return float(brentq(lambda x: at(x) - level, low, high, xtol=1e-12))
