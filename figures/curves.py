"""Lines on a logarithmic time axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from simulations.comparison import Run

Array = NDArray[np.float64]
POINTS = 900  # of one drawn line
BEFORE = 1e-2  # the axis of a flow starts at this part of the earliest arrival
SHORTEST = 1e-4  # ... or at this part of the longest run, where nothing arrives
LEVEL = 1e-3  # a line that changes by less from its first point to the second is level there
BAND: dict[str, Any] = {"alpha": 0.25, "linewidth": 0, "gid": "band", "zorder": 1.9}
JUMP, JUMPS = 0.01, 8  # this many turns larger than this part of the axis make a line a band,
WINDOWS = 60  # and of one that is erratic, its extremes in this many windows are drawn


def relative(values: Array) -> Array:
    """Values (T, …) in units of the first; those that start at zero stay zero."""
    return np.divide(values, values[0], out=np.zeros_like(values), where=values[0] > 0)


def time_limits(runs: Sequence[Run]) -> tuple[float, float]:
    """The time axis of one view: from one step, or from well before the earliest arrival, to the last end."""
    end = max(float(run.trajectory.times[-1]) for run in runs)
    if runs[0].view == "descent":
        return 0.9, max(10.0, 1.2 * end)
    arrivals = np.concatenate([run.trajectory.arrivals for run in runs])
    arrivals = arrivals[np.isfinite(arrivals) & (arrivals > 0)]
    begin = BEFORE * float(arrivals.min()) if len(arrivals) else SHORTEST * end
    return (begin, 1.3 * end) if end > 0 else (0.1, 10.0)


def draw_curve(axes: Axes, times: Array, values: Array, *, steps: bool, fill: bool = True, **style: Any) -> None:
    """One curve (T,) near the axes; of steps that swing to and fro, a band between its two sides."""
    times, values = _visible(axes, times, values)
    sides = _sides(axes, times, values) if steps else []
    if len(sides) == 2 and fill:
        grid = np.unique(np.concatenate([side[0] for side in sides]))
        one, other = (np.interp(grid, *side) for side in sides)
        axes.fill_between(grid, one, other, color=style["color"], **BAND)
    for side in sides or [(times, values)]:
        axes.plot(*_thinned(*side), **style)


def _sides(axes: Axes, times: Array, values: Array) -> list[tuple[Array, Array]]:
    """The even and the odd steps of a curve that swings, or its extremes where these swing too."""
    turns = _turns(axes, values)
    if len(turns) < JUMPS:
        return []
    early = np.arange(len(times)) < turns[0]
    strands = [early | (times % 2 == parity) for parity in (0, 1)]
    if all(len(_turns(axes, values[strand])) < JUMPS for strand in strands):
        return [(times[strand], values[strand]) for strand in strands]
    edges = np.unique(np.searchsorted(times, np.geomspace(times[0], times[-1], WINDOWS)))
    grid = np.append(times[edges], times[-1])
    extremes = np.minimum.reduceat(values, edges), np.maximum.reduceat(values, edges)
    return [(grid, np.append(extreme, extreme[-1])) for extreme in extremes]


def _visible(axes: Axes, times: Array, values: Array) -> tuple[Array, Array]:
    """Finite points after time zero, which has no place on the axis, held close to the axes.

    A line whose first recorded time is inside the axis is carried back to its edge where it is level.
    """
    known = ~np.isnan(values)
    times, values = times[known], values[known]
    low, high = axes.get_ylim()
    low, high = (low / 100, high * 100) if axes.get_yscale() == "log" else (2 * low - high, 2 * high - low)
    values = np.clip(values, low, high)
    later = times > 0
    first, edge = int(np.argmax(later)), axes.get_xlim()[0]
    if first == 1 and times[1] > edge and np.isclose(values[1], values[0], rtol=LEVEL):
        return np.append(edge, times[later]), np.append(values[0], values[later])
    return times[later], values[later]


def _turns(axes: Axes, values: Array) -> NDArray[np.intp]:
    """Where a curve turns back by more than a hair."""
    limits = np.array(axes.get_ylim())
    if axes.get_yscale() == "log":
        limits, values = np.log(limits), np.log(values)
    changes = np.diff(values) / np.ptp(limits)
    return np.flatnonzero((changes[1:] * changes[:-1] < 0) & (np.abs(changes[1:]) > JUMP)) + 1


def _thinned(times: Array, values: Array) -> tuple[Array, Array]:
    """At most `POINTS` points evenly on the logarithmic axis, the first and the last among them."""
    if len(times) <= POINTS:
        return times, values
    kept = np.unique(np.searchsorted(times, np.geomspace(times[0], times[-1], POINTS)))
    return times[kept], values[kept]
