"""What is kept of steps while they are taken: thinned weights, error curves, first arrivals, and when to stop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulations import plateaus
from simulations.population import Population
from simulations.trajectory import Trajectory
from theory.models.linear import Directions, LinearModel
from theory.rules import Rule

Array = NDArray[np.float64]
SMALLEST, FADED = 1e-290, "faded"  # an error that is about to leave the range of floating point numbers
DIVERGED = 1e9  # growth of the error at which a run is given up
RECORDED = 1500  # points of a recorded curve


class Record:
    """What is kept of a run while it goes on.

    Parameters
    ----------
    numbers
        The model's numbers.
    seen
        Its directions, seen from the start.
    start
        Weights (c, d).
    step
        Step size η.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.
    """

    def __init__(self, numbers: Population, seen: Directions, start: Array, step: float, threshold: float) -> None:
        self.numbers, self.seen = numbers, seen
        self.basis = seen.basis
        self.level = threshold * seen.amplitudes
        self.target = np.minimum(self.level, numbers.resolution)
        self.active = seen.learns & (seen.amplitudes > 0)
        self.arrivals = np.where(seen.learns & (seen.amplitudes == 0), 0.0, np.nan)
        self.count = 0
        self.kept_times: list[Array] = [np.zeros(1)]
        self.kept: list[Array] = [start[None]]
        self.train = [numbers.train_error(start[None])]
        self.test = [numbers.test_error(start[None])]
        self.scale = max(1.0, step, float(np.abs(start - numbers.minimiser).max()))

    def extend(self, chunk: Array, step: float, cycles: bool, continues: bool) -> str:
        """Take in the weights after further steps; return a reason to stop, or an empty string.

        A run that `continues` by the propagator stops before an error fades: its sign would be lost with it.
        """
        amplitudes = np.sqrt((((chunk - self.numbers.minimiser) @ self.basis) ** 2).sum(axis=-2))
        times = np.arange(self.count + 1, self.count + len(chunk) + 1)
        reason, length = "", len(chunk)
        wild = ~(amplitudes.max(axis=-1) <= DIVERGED * self.scale)
        if wild.any():
            length, reason = int(np.argmax(wild)), "diverged"
        faded = (amplitudes[:length] < SMALLEST)[:, self.active].any(axis=-1)
        if continues and faded.any():
            length, reason = int(np.argmax(faded)), FADED
        done = (amplitudes[:length] <= self.target)[:, self.active].all(axis=-1)
        if done.any():
            length, reason = int(np.argmax(done)) + 1, "every direction has arrived"
        chunk, amplitudes, times = chunk[:length], amplitudes[:length], times[:length]
        for index in np.flatnonzero(np.isnan(self.arrivals) & self.active):
            hit = amplitudes[:, index] <= self.level[index]
            if hit.any():
                self.arrivals[index] = times[np.argmax(hit)]
        self.train.append(self.numbers.train_error(chunk))
        self.test.append(self.numbers.test_error(chunk))
        wanted = np.isin(times, log_times(int(times[-1]) if length else 1, RECORDED)) | (times <= 100)
        self.kept_times.append(times[wanted].astype(float))
        self.kept.append(chunk[wanted])
        self.count += length
        if not reason and cycles and length > 2:
            reason = settled(chunk, step, self.scale)
        return reason

    def trajectory(self, model: LinearModel, how: Rule, step: float, reason: str) -> Trajectory:
        """Measure the plateaus on the error curves of all steps, and keep the thinned weights."""
        times, weights = np.concatenate(self.kept_times), np.concatenate(self.kept)
        train, test = np.concatenate(self.train), np.concatenate(self.test)
        every = np.arange(len(test), dtype=float)
        index = times.astype(int)
        measured: dict[str, float | None] = {}
        arrived = bool(np.isfinite(self.arrivals[self.seen.learns]).all())
        over = True
        if self.numbers.classifies:
            whole = test >= 1.0
            over = (arrived or not whole[-2:].all()) and not reason.startswith("diverged")
            measured[plateaus.LONGEST_RUN] = float(plateaus.longest_run(whole)) if over else None
        measured[plateaus.ARRIVAL_SPREAD] = plateaus.spread(
            self.arrivals, self.seen.learns & (self.seen.amplitudes > 0)
        )
        measured |= plateaus.on_curves(every, train, test)
        return Trajectory(
            rule=how.name,
            model=model.name,
            view="descent",
            step=step,
            times=times,
            weights=weights,
            amplitudes=np.sqrt((((weights - self.numbers.minimiser) @ self.basis) ** 2).sum(axis=-2)),
            train_error=train[index],
            test_error=test[index],
            singular_values=self.seen.values,
            arrivals=self.arrivals,
            extinctions=np.full(len(self.arrivals), np.nan),
            plateaus=measured,
            ranks=(),
            restarts=(),
            evaluations=self.count,
            censored=not (arrived and over),
            stop_reason=reason,
        )


def settled(chunk: Array, step: float, scale: float) -> str:
    """How the last steps repeat each other, at rest or two by two, in words; empty if they do not."""
    rounding = 8 * np.finfo(float).eps * scale
    if np.abs(chunk[-1] - chunk[-2]).max() <= rounding:
        return "at rest"
    swing = np.abs(chunk[-1] - chunk[-2]).max()
    drift = np.abs(chunk[-1] - chunk[-3]).max()
    if drift <= max(1e-12 * step, rounding):
        return f"settled into a cycle of two steps, {swing:.3g} apart"
    return ""


def log_times(last: int, count: int) -> Array:
    """About `count` whole steps up to `last`, evenly spread on a logarithmic axis."""
    return np.unique(np.geomspace(1.0, float(max(1, last)), count).round())
