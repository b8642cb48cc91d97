"""When a descent leaves 100 % test error for good.

At a large step the fast weight alternates: the error may leave 100 % at every other step, or after the first one, long
before it does so for good. The longest unbroken run is then no measure of how long the plateau lasts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.descent_record import DIVERGED, settled
from simulations.population import Population, population
from simulations.propagator import Propagator
from simulations.steps import steps
from theory.checks import positive
from theory.discretisation import largest_stable_step
from theory.models.linear import LinearModel, checked_start
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]
FADED = 80.0  # powers of e: an error that has shrunk by so many is lost in the rounding of the weights
COUNTED = 2.0**52  # steps, up to which a floating point number knows odd from even
GRID = 200  # numbers of steps of a grid, and as many that are one more; each grid lies within a gap of the one before


def left_for_good(
    model: LinearModel, how: Rule | str, step: float, start: Any = None, *, max_steps: int = 20_000, seed: int = 0
) -> float | None:
    """Steps until 100 % test error is left for good: one more than the last step at it, 0 where there is none.

    Parameters
    ----------
    model
        A classifier.
    how
        A rule or its id.
    step
        Step size η.
    start
        Weights (c, d); the model's own start if left out.
    max_steps
        Steps taken one by one, of a rule whose steps are not linear.
    seed
        For rules that draw at random.

    Returns
    -------
    float or None
        None where the steps grow, or where one of the last two that are taken is still at 100 %.

    Raises
    ------
    ArgumentError
        If the step is not positive, or the start has not the model's shape or is not finite.
    """
    how, weights, numbers = rule(how), checked_start(model, start), population(model)
    step = positive("step", step)
    if not how.linear:
        with np.errstate(over="ignore", invalid="ignore"):
            return _iterated(numbers, how, step, weights, max_steps, seed)
    limit, seen = largest_stable_step(model, how), model.directions(weights)
    if limit is not None and step >= limit:
        return None
    return _propagated(numbers, Propagator(numbers, how, step, weights, seen.basis, seen.learns))


def _propagated(numbers: Population, jump: Propagator) -> float | None:
    """By the exact propagator, on ever finer grids that hold odd and even steps."""
    rates = -jump.logs[(jump.logs < 0) & (jump.sizes > 0)]
    far = max(2.0, FADED / rates.min(initial=np.inf))
    far = min(far, COUNTED) if jump.negative.any() else far
    shares, counts = np.linspace(0, 1, GRID), np.floor((far + 1) ** np.linspace(0, 1, GRID)) - 1
    while True:
        counts = np.unique(np.concatenate([counts, counts + 1]))
        whole = np.flatnonzero(numbers.test_error(jump.weights(counts)) >= 1)
        if not len(whole):
            return 0.0
        if whole[-1] >= len(counts) - 2:
            return None
        low, after, high = counts[whole[-1] : whole[-1] + 3]
        if (after - low <= 1 and high - after <= 1) or high - low <= 4 * np.spacing(high):
            return float(low) + 1
        counts = np.floor(low + (high - low) * shares)


def _iterated(numbers: Population, how: Rule, step: float, weights: Array, max_steps: int, seed: int) -> float | None:
    """Step by step, until the steps repeat themselves."""
    scale = max(1.0, step, float(np.abs(weights - numbers.minimiser).max()))
    found, taken = [numbers.test_error(weights[None]) >= 1], 0
    for chunk in steps(numbers, how, step, weights, max_steps, seed=seed):
        if not np.abs(chunk[-1]).max() <= DIVERGED * scale:
            return None
        found.append(numbers.test_error(chunk) >= 1)
        taken += len(chunk)
        if len(chunk) > 2 and settled(chunk, step, scale):
            break
    whole = np.flatnonzero(np.concatenate(found))
    if len(whole) and whole[-1] >= taken - 1:
        return None
    return float(whole[-1]) + 1 if len(whole) else 0.0
