"""What is kept of a layered flow while it goes on: its points, arrivals, extinctions and events."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from simulations.descent_record import RECORDED
from simulations.flow_record import DENSE, LONG, Path
from simulations.frames import Frame
from simulations.layered_speeds import Moment
from simulations.layered_trajectory import Event, LayeredTrajectory, layered_trajectory
from theory.models.factorized import Factorized
from theory.models.linear import Directions
from theory.rules import Rule

Array = NDArray[np.float64]


class LayeredRecord:
    """What is kept of one flow.

    Parameters
    ----------
    model
        What is trained.
    frame
        The coordinates of the run.
    seen
        The model's directions, seen from the start.
    start
        Where the flow begins.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.
    progress, observe
        As in `simulations.layered_flow.layered_flow`.
    """

    def __init__(
        self,
        model: Factorized,
        frame: Frame,
        seen: Directions,
        start: Moment,
        threshold: float,
        progress: Callable[[int, int], None] | None,
        observe: Callable[[Path], None] | None,
    ) -> None:
        self.model, self.frame, self.seen = model, frame, seen
        self.progress, self.observe = progress, observe
        self.active = seen.learns & (seen.amplitudes > 0)
        self.level = threshold * seen.amplitudes
        self.arrivals = np.where(seen.learns & (seen.amplitudes == 0), 0.0, np.nan)
        self.extinctions = np.full(len(self.arrivals), np.nan)
        self.points = [start]
        self.events: list[Event] = []
        self.ranks: list[int] = []

    @property
    def complete(self) -> bool:
        """Whether every direction has arrived that is to."""
        return bool(np.isfinite(self.arrivals[self.active]).all())

    def keep(self, at: Callable[[float], Moment]) -> None:
        """Record points of an accepted step, and locate the arrivals in it."""
        if self.observe is not None:
            self.observe(lambda x: (at(x).time, self.frame.back(at(x).layers)))
        long = at(1.0).time > LONG * at(0.0).time
        count = DENSE if long or len(self.points) < RECORDED else 1
        self.points += [at(float(x)) for x in np.arange(1, count + 1) / count]
        for index in np.flatnonzero(self._waiting & (self._amplitudes(at(1.0)) <= self.level)):
            self.arrivals[index] = self._located(at, int(index))
        if self.progress is not None:
            arrived = np.isfinite(self.arrivals[self.active])
            self.progress(int(arrived.sum()), len(arrived))

    def happened(self, event: Event, before: Moment, behind: Moment, emptied: float, vanishing: float) -> None:
        """Record an event.

        Parameters
        ----------
        event, before, behind
            What happened, and where the run was before and is behind it.
        emptied
            Part of its start below which an error is extinct now.
        vanishing
            The law's α: an extinct error was (1 − t/T)^(1/α) of what it was before.
        """
        self.events.append(event)
        ahead, here = self._amplitudes(before), self._amplitudes(behind)
        gone = self.active & (here <= emptied * self.seen.amplitudes)
        length = behind.time - before.time
        for index in np.flatnonzero(self._waiting & (gone | (here <= self.level))):
            level = float(self.level[index] / ahead[index])
            left = (
                level**vanishing
                if gone[index]
                else (level - here[index] / ahead[index]) / (1 - here[index] / ahead[index])
            )
            self.arrivals[index] = behind.time - length * min(left, 1.0)
        self.extinctions[np.isnan(self.extinctions) & gone] = behind.time
        self.points.append(behind)

    def trajectory(self, how: Rule, evaluations: int, reason: str) -> LayeredTrajectory:
        """Measure on the recorded points, and thin these."""
        stride = -(-len(self.points) // (3 * RECORDED))
        kept = [*self.points[:-1:stride], self.points[-1]]
        times = np.maximum.accumulate(np.array([point.time for point in kept]))
        stacked = tuple(np.array(layer) for layer in zip(*(point.layers for point in kept), strict=True))
        return layered_trajectory(
            self.model,
            how,
            "flow",
            times,
            self.frame.back(stacked),
            amplitudes=np.array([self._amplitudes(point) for point in kept]),
            arrivals=self.arrivals,
            extinctions=self.extinctions,
            ranks=tuple(self.ranks),
            events=tuple(self.events),
            evaluations=evaluations,
            reason=reason,
        )

    @property
    def _waiting(self) -> NDArray[np.bool_]:
        """Which directions have not arrived yet."""
        return np.asarray(np.isnan(self.arrivals) & self.active)

    def _amplitudes(self, moment: Moment) -> Array:
        return self.frame.amplitudes_left(self.model, moment.residual)

    def _located(self, at: Callable[[float], Moment], index: int) -> float:
        def excess(x: float) -> float:
            return float(self._amplitudes(at(x))[index] / self.level[index]) - 1

        return at(0.0).time if excess(0.0) <= 0 else at(float(brentq(excess, 0.0, 1.0, xtol=1e-15))).time
