"""Discrete steps W ← W − η D(G), one run or many starts at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations import plateaus
from simulations.directions import direction
from simulations.population import Population, population
from simulations.trajectory import Trajectory
from theory.checks import apart, plain, positive, whole
from theory.discretisation import largest_stable_step
from theory.models.factorized import Factorized
from theory.models.linear import Directions, LinearModel, check_start_shape, finite_start
from theory.models.linear import checked_start as checked_start
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]
CHUNK_NUMBERS = 400_000  # weights kept at once
SMALLEST, FADED = 1e-290, "faded"  # an error that is about to leave the range of floating point numbers
FLUSHED = 1e-300  # below which an error is taken to be zero, once it has been reported
DIVERGED = 1e9  # growth of the error at which a run is given up
RECORDED = 1500  # points of a recorded curve


def steps(numbers: Population, how: Rule, step: float, start: Array, count: int, *, seed: int = 0) -> Iterator[Array]:
    """Weights after steps 1 … count, in chunks (n, …, c, d), for starts (…, c, d).

    Parameters
    ----------
    numbers
        The model's numbers.
    how
        Any rule.
    step
        Step size η.
    start
        Weights (…, c, d).
    count
        Number of steps.
    seed
        For rules that draw at random.

    Raises
    ------
    ArgumentError
        If the step is not positive, the count not a whole number, or the start holds NaN or Inf.
    """
    start = finite_start(start)
    check_start_shape(numbers.minimiser.shape, start.shape[-2:])
    error = start - numbers.minimiser
    chunks = errors(numbers.curvature, how, positive("step", step), error, whole("count", count, 0), seed=seed)
    # a whole array of minimisers: adding one (c, d) to a chunk would go in runs of d numbers
    stars = np.broadcast_to(numbers.minimiser, start.shape).copy()
    return (np.add(chunk, stars, out=chunk) for chunk in chunks)


def errors(curvature: Array, how: Rule, step: float, error: Array, count: int, *, seed: int = 0) -> Iterator[Array]:
    """Errors W − W* after steps 1 … count, in chunks (n, …, c, d), from errors (…, c, d)."""
    follow, state, inputs = direction(how, curvature, seed), None, len(curvature)
    length = max(2, min(4096, CHUNK_NUMBERS // max(1, error.size)))
    while count > 0:
        chunk = np.empty((min(length, count), *error.shape))
        for row in chunk:
            gradient = (error.reshape(-1, inputs) @ curvature).reshape(error.shape)  # one product for all starts
            way, state = follow(gradient, state)
            error = np.subtract(error, step * way, out=row)
        # a copy, as whoever takes the chunk may change it; numbers below the normal ones are slow to calculate with
        error = np.where(np.abs(error) < FLUSHED, 0.0, error)
        count -= len(chunk)
        yield chunk


def descend(
    model: LinearModel | Factorized,
    how: Rule | str,
    step: float,
    start: Any = None,
    *,
    threshold: float = 1e-3,
    max_steps: int = 100_000,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trajectory:
    """Run one rule with a finite step until every direction has arrived.

    Past `max_steps` a rule whose steps are linear goes on by its exact propagator; another is censored.

    Parameters
    ----------
    model
        What is trained.
    how
        A rule or its id.
    step
        Step size η.
    start
        Weights (c, d), (d,) for one output, or the layers of a factorised model; the model's own start if left out.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.
    max_steps
        Steps taken one by one.
    seed
        For rules that draw at random.
    progress
        Called with the steps taken and `max_steps`.

    Raises
    ------
    ArgumentError
        If the step is not positive, `max_steps` not a whole number of at least 1, or the start has not the model's
        shape or holds NaN or Inf.
    """
    whole("max_steps", max_steps, 1)
    if isinstance(model, Factorized):
        from simulations.layered_descent import layered_descend

        return layered_descend(
            model, how, step, start, threshold=threshold, max_steps=max_steps, seed=seed, progress=progress
        )
    step, how, numbers = positive("step", step), rule(how), population(model)
    start = checked_start(model, start)
    seen = model.directions(start)
    limit = largest_stable_step(model, how)
    stable = limit is None or step < limit
    record = _Record(numbers, seen, start, step, threshold)
    continues = how.linear and stable
    reason, cycles = "", not how.linear and how.kind not in ("momentum", "grokfast")
    if not record.active.any():
        return record.trajectory(model, how, step, "at rest: the gradient is zero at the start")
    with np.errstate(over="ignore", invalid="ignore"):
        for chunk in steps(numbers, how, step, start, max_steps, seed=seed):
            reason = record.extend(chunk, step, cycles, continues)
            if progress is not None:
                progress(record.count, max_steps)
            if reason:
                break
    if limit is not None and not stable:
        reason = with_limit(reason or f"not settled after {record.count} steps", step, limit)
    elif not reason or reason == FADED:
        if continues:
            return _continued(model, numbers, how, step, start, record)
        reason = f"stopped after {record.count} steps, before every direction had arrived"
    return record.trajectory(model, how, step, reason)


def with_limit(reason: str, step: float, limit: float) -> str:
    """Why a run ended, and the limit that its step is not below."""
    size, largest = apart(step, limit)
    mark = ":" if reason == "diverged" else ";"
    return f"{reason}{mark} step {size} is not below the largest stable step {largest}"


class _Record:
    """What is kept of a run while it goes on: thinned weights, error curves, first arrivals."""

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
    """Whether the last steps only repeat each other, at rest or two by two."""
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


class Propagator:
    """The exact powers of a linear rule's step (gd, newton): weights after any number of steps.

    Parameters
    ----------
    numbers, how, step, start
        The run, as in `steps`, for one start (c, d).
    basis
        Eigenvectors of the curvature as columns (d, d).
    learns
        Which of them have a curvature above rounding (d,).
    """

    def __init__(
        self,
        numbers: Population,
        how: Rule,
        step: float,
        start: Array,
        basis: Array,
        learns: NDArray[np.bool_],
    ) -> None:
        values = np.where(learns, np.einsum("ij,ij->j", basis, numbers.curvature @ basis), 0.0)
        products = step * (np.where(learns, 1.0, 0.0) if how.kind == "newton" else values)
        self.minimiser, self.basis = numbers.minimiser, basis
        self.error = (start - numbers.minimiser) @ basis
        self.sizes = np.sqrt((self.error**2).sum(axis=0))
        self.negative = products > 1
        with np.errstate(divide="ignore"):
            self.logs = np.where(products < 1, np.log1p(-np.minimum(products, 1)), np.log(np.abs(1 - products)))

    def factors(self, counts: Array) -> Array:
        """What is left of each direction's error after whole numbers of steps (n,): (n, d)."""
        steps = counts[:, None]
        with np.errstate(invalid="ignore"):
            sizes = np.maximum(np.exp(np.where(steps == 0, 0.0, steps * self.logs)), SMALLEST)
        return np.where(self.negative & (steps % 2 == 1), -sizes, sizes)

    def weights(self, counts: Array) -> Array:
        """Weights (n, c, d) after whole numbers of steps (n,)."""
        return self.minimiser + (self.error * self.factors(counts)[:, None, :]) @ self.basis.T

    def first(self, index: int, level: float, low: int) -> int:
        """The first step at which one direction's error is at most `level`; `low` is where to start looking."""

        def arrived(count: int) -> bool:
            power = 1.0 if count == 0 else float(np.exp(count * self.logs[index]))
            return bool(power * self.sizes[index] <= level)

        return _first_step(arrived, low)


def _continued(
    model: LinearModel, numbers: Population, how: Rule, step: float, start: Array, record: _Record
) -> Trajectory:
    """Finish a linear run too long to iterate: propagate to chosen steps and bisect for what changes."""
    jump = Propagator(numbers, how, step, start, record.basis, record.seen.learns)
    if not (jump.logs[record.active] < 0).all():
        reason = f"not settled after {record.count} steps; step {plain(step)} is the largest stable step, to rounding"
        return record.trajectory(model, how, step, reason)
    arrivals, last = record.arrivals.copy(), record.count
    for index in map(int, np.flatnonzero(record.active)):
        last = max(last, jump.first(index, float(record.target[index]), record.count))
        if np.isnan(arrivals[index]):
            arrivals[index] = jump.first(index, float(record.level[index]), record.count)
    grid = np.unique(np.concatenate([log_times(last, RECORDED), *record.kept_times])).astype(float)
    path = jump.weights(grid)
    test, train = numbers.test_error(path), numbers.train_error(path)
    measured: dict[str, float | None] = {plateaus.ARRIVAL_SPREAD: plateaus.spread(arrivals, record.active)}
    measured |= plateaus.on_curves(grid, train, test)
    if numbers.classifies:
        whole = np.concatenate(record.test) >= 1.0
        run = plateaus.longest_run(whole)
        if whole[-2:].any():
            run = max(run, _run_across(lambda k: _errs(numbers, jump, k), whole))
        measured = {plateaus.LONGEST_RUN: float(run), **measured}
    reason = f"every direction has arrived; {record.count} steps taken, then the exact propagator"
    return Trajectory(
        rule=how.name,
        model=model.name,
        view="descent",
        step=step,
        times=grid,
        weights=path,
        amplitudes=np.abs(jump.factors(grid)) * jump.sizes,
        train_error=train,
        test_error=test,
        singular_values=record.seen.values,
        arrivals=arrivals,
        extinctions=np.full(len(arrivals), np.nan),
        plateaus=measured,
        ranks=(),
        restarts=(),
        evaluations=record.count,
        censored=False,
        stop_reason=reason,
    )


def _errs(numbers: Population, jump: Propagator, count: int) -> bool:
    """Whether the whole test set is misclassified after this many steps."""
    return bool(numbers.test_error(jump.weights(np.array([float(count)])))[0] >= 1.0)


def _first_step(reached: Callable[[int], bool], low: int) -> int:
    """The first step ≥ 0 at which a condition that stays true once it is true holds, by doubling and bisection."""
    if reached(0):
        return 0
    no, yes = 0, max(1, low)
    while not reached(yes):
        no, yes = yes, 2 * yes
    while yes - no > 1:
        middle = (yes + no) // 2
        no, yes = (no, middle) if reached(middle) else (middle, yes)
    return yes


def _run_across(misclassified: Callable[[int], bool], whole: NDArray[np.bool_]) -> int:
    """The run of 100 % test error that reaches past the iterated steps: where it began, and where it ends."""
    final = len(whole) - 1
    if not whole[-1]:  # steps alternate; past the iterated ones no run is longer
        return 1
    broken = np.flatnonzero(~whole)
    begin = int(broken[-1]) + 1 if len(broken) else 0
    end = _first_step(lambda k: k > final and not misclassified(k), final + 1)
    return end - begin
