"""A rule's run in discrete steps, until every direction has arrived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from simulations.descent_record import FADED, Record
from simulations.population import population
from simulations.propagator import continued
from simulations.steps import steps
from simulations.trajectory import Trajectory
from theory.checks import apart, positive, whole
from theory.discretisation import largest_stable_step
from theory.models.factorized import Factorized
from theory.models.linear import LinearModel, checked_start
from theory.rule_ids import rule
from theory.rules import Rule

Progress = Callable[[int, int], None]


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
    record = Record(numbers, seen, start, step, threshold)
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
            return continued(model, numbers, how, step, start, record)
        reason = f"stopped after {record.count} steps, before every direction had arrived"
    return record.trajectory(model, how, step, reason)


def with_limit(reason: str, step: float, limit: float) -> str:
    """Why a run ended, and the limit that its step is not below."""
    size, largest = apart(step, limit)
    mark = ":" if reason == "diverged" else ";"
    return f"{reason}{mark} step {size} is not below the largest stable step {largest}"
