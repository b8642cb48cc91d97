"""What is kept of a flow while it goes on, and how a trajectory is read from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from simulations import plateaus
from simulations.descent_record import RECORDED
from simulations.population import Population
from simulations.reduced_error import ReducedError
from simulations.trajectory import Trajectory
from theory.models.linear import Directions, LinearModel
from theory.plateaus import ROUNDING
from theory.rules import Rule

Array = NDArray[np.float64]
Path = Callable[[float], tuple[float, Any]]
DENSE = 20  # points recorded of each step while they are few, one of each when they are many,
LONG = 1.1  # but as many as ever of a step that multiplies the time by this
HALVINGS = 60  # of a piece, to where its test error changes


@dataclass(frozen=True)
class Piece:
    """One accepted step, or a straight line.

    Parameters
    ----------
    at
        x in [0, 1] ↦ the flow time and the error there.
    """

    at: Callable[[float], tuple[float, ReducedError]]

    def excess(self, x: float, place: int, level: float) -> float:
        """How far a column is above a level at x."""
        return float(self.at(x)[1].sizes[place]) - level

    def locate(self, place: int, level: float) -> float:
        """Flow time at which a column falls to a level."""
        if self.excess(0.0, place, level) <= 0:
            return self.at(0.0)[0]
        return self.at(float(brentq(self.excess, 0.0, 1.0, (place, level), xtol=1e-15)))[0]


class FlowRecord:
    """What is kept of a flow: its points, arrivals, extinctions and restarts.

    Parameters
    ----------
    numbers
        The model's numbers.
    seen
        Its directions, seen from the start.
    start
        Weights (c, d).
    threshold
        An arrival is |e| ≤ threshold·|e₀|.
    progress, observe
        As in `simulations.flow.flow`.
    """

    def __init__(
        self,
        numbers: Population,
        seen: Directions,
        start: Array,
        threshold: float,
        progress: Callable[[int, int], None] | None,
        observe: Callable[[Path], None] | None,
    ) -> None:
        self.numbers, self.seen = numbers, seen
        self.progress, self.observe = progress, observe
        self.origin = (start - numbers.minimiser) @ seen.basis
        self.active = np.flatnonzero(seen.learns & (seen.amplitudes > 0))
        self.level = threshold * seen.amplitudes
        self.arrivals = np.where(seen.learns & (seen.amplitudes == 0), 0.0, np.nan)
        self.extinctions = np.full(len(seen.values), np.nan)
        self.points: list[tuple[float, Array]] = [(0.0, self.origin)]
        self.changes: list[float] = []  # times at which the test error reaches or leaves 100 %
        self.begins_whole = self.whole = self._misclassifies_all(self.origin)
        self.ranks: list[int] = []
        self.restarts: list[float] = []

    def keep(self, piece: Piece) -> None:
        """Sample a piece and locate in it the arrivals, and the changes to and from 100 % test error."""
        if self.observe is not None:
            self.observe(self._path(piece))
        long = piece.at(1.0)[0] > LONG * piece.at(0.0)[0]
        count = DENSE if long or len(self.points) < RECORDED else 1
        for x in np.arange(1, count + 1) / count:
            self.points.append(self._point(piece, float(x)))
            whole = self._misclassifies_all(self.points[-1][1])
            if whole != self.whole:
                self.changes.append(self._bisect(piece, float(x) - 1 / count, float(x)))
                self.whole = whole
        self._locate(piece)
        if self.progress is not None:
            self.progress(int(np.isfinite(self.arrivals[self.active]).sum()), len(self.active))

    def _locate(self, piece: Piece) -> None:
        end = piece.at(1.0)[1]
        for place, (index, size) in enumerate(zip(end.columns, end.sizes, strict=True)):
            if np.isnan(self.arrivals[index]) and size <= self.level[index]:
                self.arrivals[index] = piece.locate(place, self.level[index])

    def rest(self, time: float, extinct: NDArray[np.int64]) -> None:
        """Everything has arrived by this flow time, and these directions are extinct."""
        self.arrivals[self.active] = np.fmin(self.arrivals[self.active], time)
        self.extinctions[extinct] = np.fmin(self.extinctions[extinct], time)
        if self.restarts:
            self.points.append((time, np.where(self.seen.learns, 0.0, self.origin)))
            if self.whole and not self._misclassifies_all(self.points[-1][1]):
                self.changes.append(time)

    def trajectory(self, model: LinearModel, how: Rule, evaluations: int, reason: str) -> Trajectory:
        """Measure the plateaus on the sampled points, and thin these."""
        stride = -(-len(self.points) // (3 * RECORDED))
        kept = [*self.points[:-1:stride], self.points[-1]]
        times, errors = np.array([time for time, _ in kept]), np.array([error for _, error in kept])
        times = np.maximum.accumulate(times)  # an interpolated time may err by the tolerance
        weights = self.numbers.minimiser + errors @ self.seen.basis.T
        train, test = self.numbers.train_error(weights), self.numbers.test_error(weights)
        arrived = bool(np.isfinite(self.arrivals[self.active]).all())
        measured: dict[str, float | None] = {}
        if self.numbers.classifies:
            measured[plateaus.LONGEST_RUN] = self._longest() if arrived else None
        measured[plateaus.ARRIVAL_SPREAD] = plateaus.spread(self.arrivals[self.active], np.ones(len(self.active), bool))
        measured |= plateaus.on_curves(times, train, test)
        return Trajectory(
            rule=how.name,
            model=model.name,
            view="flow",
            step=None,
            times=times,
            weights=weights,
            amplitudes=np.sqrt((errors**2).sum(axis=-2)),
            train_error=train,
            test_error=test,
            singular_values=self.seen.values,
            arrivals=self.arrivals,
            extinctions=self.extinctions,
            plateaus=measured,
            ranks=tuple(self.ranks),
            restarts=tuple(self.restarts),
            evaluations=evaluations,
            censored=not arrived,
            stop_reason=reason,
        )

    def _point(self, piece: Piece, x: float) -> tuple[float, Array]:
        """Flow time and error E Q (c, d) at one point of a piece; directions that do not learn keep their error."""
        time, found = piece.at(x)
        error = np.where(self.seen.learns, 0.0, self.origin)
        error[:, found.columns] = found.left @ found.z
        return time, error

    def _path(self, piece: Piece) -> Path:
        def at(x: float) -> tuple[float, Array]:
            time, error = self._point(piece, x)
            return time, self.numbers.minimiser + error @ self.seen.basis.T

        return at

    def _longest(self) -> float:
        """Longest time at 100 % test error."""
        edges = [0.0, *self.changes] if self.begins_whole else self.changes
        return max((float(b - a) for a, b in zip(edges[::2], edges[1::2], strict=False)), default=0.0)

    def _misclassifies_all(self, error: Array) -> bool:
        if not self.numbers.classifies:
            return False
        return bool(self.numbers.test_error(self.numbers.minimiser + error @ self.seen.basis.T) >= 1.0)

    def _bisect(self, piece: Piece, low: float, high: float) -> float:
        """Flow time at which the test error leaves or reaches 100 %, between two points of a piece."""

        def whole(x: float) -> bool:
            return self._misclassifies_all(self._point(piece, x)[1])

        before = whole(low)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if whole(middle) == before else (low, middle)
        time, error = self._point(piece, high)
        blur = ROUNDING * (np.abs(self.numbers.minimiser).max() + np.abs(self.origin).max())
        return 0.0 if np.abs(error - self.origin).max() <= blur else time  # a start on the edge leaves it at once
