"""The exact powers of a linear rule's step, and runs that go on by them where they are too long to iterate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simulations import plateaus
from simulations.descent_record import RECORDED, SMALLEST, Record, log_times
from simulations.population import Population
from simulations.trajectory import Trajectory
from theory.checks import plain
from theory.models.linear import LinearModel
from theory.rules import Rule

Array = NDArray[np.float64]


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


def continued(
    model: LinearModel, numbers: Population, how: Rule, step: float, start: Array, record: Record
) -> Trajectory:
    """Finish a linear run too long to iterate: propagate to chosen steps and bisect for what changes.

    Parameters
    ----------
    model, numbers, how, step, start
        The run, as in `simulations.descent.descend`.
    record
        What the steps have left that were taken one by one.
    """
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
