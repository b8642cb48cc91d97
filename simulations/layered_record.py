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
from theory.models.factorized import Factorized, Layers
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
    layers
        Layers at the start, in these coordinates.
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
        layers: Layers,
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
        self.points: list[tuple[float, Layers]] = [(0.0, layers)]
        self.events: list[Event] = []
        self.ranks: list[int] = []

    @property
    def complete(self) -> bool:
        """Whether every direction has arrived that is to."""
        return bool(np.isfinite(self.arrivals[self.active]).all())

    def keep(self, at: Path) -> None:
        """Record points of an accepted step, and locate the arrivals in it."""
        if self.observe is not None:
            self.observe(lambda x: (at(x)[0], self.frame.back(at(x)[1])))
        long = at(1.0)[0] > LONG * at(0.0)[0]
        count = DENSE if long or len(self.points) < RECORDED else 1
        self.points += [at(float(x)) for x in np.arange(1, count + 1) / count]
        for index in np.flatnonzero(self._arrived(at(1.0)[1])):
            self.arrivals[index] = self._located(at, int(index))
        if self.progress is not None:
            arrived = np.isfinite(self.arrivals[self.active])
            self.progress(int(arrived.sum()), len(arrived))

    def happened(self, event: Event, moment: Moment, rank: int, emptied: float) -> None:
        """Record an event, behind which there is this moment and a gradient of this rank.

        Parameters
        ----------
        event, moment, rank
            What happened, and what is behind it.
        emptied
            Part of its start below which an error is extinct now.
        """
        self.events.append(event)
        self.arrivals[self._arrived(moment.layers)] = moment.time
        gone = self.frame.amplitudes(self.model, moment.layers) <= emptied * self.seen.amplitudes
        self.extinctions[np.isnan(self.extinctions) & self.active & gone] = moment.time
        self.points.append((moment.time, moment.layers))
        self.ranks.append(rank)

    def trajectory(self, how: Rule, evaluations: int, reason: str) -> LayeredTrajectory:
        """Measure on the recorded points, and thin these."""
        stride = -(-len(self.points) // (3 * RECORDED))
        kept = [*self.points[:-1:stride], self.points[-1]]
        times = np.maximum.accumulate(np.array([time for time, _ in kept]))
        stacked = tuple(np.array(layer) for layer in zip(*(layers for _, layers in kept), strict=True))
        return layered_trajectory(
            self.model,
            how,
            "flow",
            times,
            self.frame.back(stacked),
            amplitudes=self.frame.amplitudes(self.model, stacked),
            arrivals=self.arrivals,
            extinctions=self.extinctions,
            ranks=tuple(self.ranks),
            events=tuple(self.events),
            evaluations=evaluations,
            reason=reason,
        )

    def _arrived(self, layers: Layers) -> NDArray[np.bool_]:
        """Which directions have arrived that had not."""
        here = self.frame.amplitudes(self.model, layers)
        return np.asarray(np.isnan(self.arrivals) & self.active & (here <= self.level))

    def _located(self, at: Path, index: int) -> float:
        def excess(x: float) -> float:
            return float(self.frame.amplitudes(self.model, at(x)[1])[index] - self.level[index])

        return at(0.0)[0] if excess(0.0) <= 0 else at(float(brentq(excess, 0.0, 1.0, xtol=1e-15)))[0]
