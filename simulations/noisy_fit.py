"""The test risk of fits to noisy labels, measured: data drawn, a rule run on each draw, and the mean over draws."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.steps import errors
from theory.checks import ArgumentError, whole
from theory.noisy_fit import NoisyRegression
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]
SAMPLES = 3  # of the labels, for each input
FINE = 20  # steps in the fastest direction's own time,
SPARSE, DENSE = 40, 120  # and at least so many from one time to the next, apart and together


@dataclass(frozen=True, eq=False)
class Measured:
    """Mean risk of many draws.

    Parameters
    ----------
    times
        Flow times (T,).
    risk
        Mean test risk at these times (T,).
    deviation
        Standard deviation of that mean (T,).
    """

    times: Array
    risk: Array
    deviation: Array


def measured_risk(
    case: NoisyRegression, how: Rule | str, times: Any, *, draws: int = 200, seed: int = 0, apart: bool = True
) -> Measured:
    """Draw targets and noisy labels, train on each draw from zero, and average the test risk.

    Parameters
    ----------
    case
        What is trained.
    how
        A spectral rule, or its id.
    times
        Flow times (T,), ascending.
    draws
        Number of targets, each with labels of its own.
    seed
        For the draws.
    apart
        Whether each direction is a regression of its own, so that the rule sees one gradient for each, and its flow is
        integrated. Otherwise it sees the gradient of all weights at once, and takes small steps.

    Raises
    ------
    ArgumentError
        If times run backwards, `draws` is not a whole number of at least 2, or the rule is not spectral. If
        directions are not apart and the rule speeds up as an error vanishes, as natural gradient does: its steps do not
        settle, however small they are (`theory.natural_steps`).
    """
    how, count = rule(how), whole("draws", draws, 2)
    grid = np.atleast_1d(np.asarray(times, float))
    if (np.diff(grid) <= 0).any() or grid[0] < 0:
        raise ArgumentError("times", "ascend from zero or later", "runs backwards or starts before")
    if not apart and how.vanishing_power > 1:
        raise ArgumentError("rule", "settle where directions are not apart", f"is {how.name}")
    rng = np.random.default_rng(seed)
    targets, fits = _drawn(case, rng, count)
    paths = (_apart if apart else _together)(case, how, grid, fits)
    squares = np.array([((weights - targets) ** 2).sum(axis=1) @ case.weights for weights in paths])
    return Measured(grid, squares.mean(axis=1), squares.std(axis=1, ddof=1) / np.sqrt(count))


def _drawn(case: NoisyRegression, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Targets (draws, c, d), and least-squares fits of the same shape to data drawn for them."""
    inputs = len(case.rates)
    samples = SAMPLES * inputs
    targets = rng.standard_normal((count, case.outputs, inputs)) * np.sqrt(case.signal)
    basis = np.linalg.qr(rng.standard_normal((samples, inputs)))[0]
    design = np.sqrt(samples * case.rates) * basis  # of sample covariance diag(λ)
    noise = rng.standard_normal((count, samples, case.outputs)) * np.sqrt(case.noise * samples)
    labels = design @ np.swapaxes(targets, 1, 2) + noise
    fits: Array = np.swapaxes(np.linalg.pinv(design) @ labels, 1, 2)
    return targets, fits


def _apart(case: NoisyRegression, how: Rule, times: Array, fits: Array) -> Iterator[Array]:
    """Weights (draws, c, d) at each time, where each direction's error is the only one that its gradient holds.

    Its length r obeys dr/dt = −h(λr); the midpoint rule, and rest at zero.
    """
    sizes = np.linalg.norm(fits, axis=1)
    left = sizes.copy()
    for count, size in _intervals(times, case, SPARSE):
        for _ in range(count):
            middle = np.maximum(left - size / 2 * _speed(how, case.rates * left), 0.0)
            left = np.where(middle > 0, np.maximum(left - size * _speed(how, case.rates * middle), 0.0), 0.0)
        yield fits * (1 - left / sizes)[:, None]


def _speed(how: Rule, values: Array) -> Array:
    """h(σ), with h(0) = 0, of gradients with a single singular value each."""
    safe = np.where(values > 0, values, 1.0)
    return np.where(values > 0, np.asarray(how.speed(safe, safe, 1), float), 0.0)


def _together(case: NoisyRegression, how: Rule, times: Array, fits: Array) -> Iterator[Array]:
    """Weights (draws, c, d) at each time, in small steps under one gradient for all of a draw's weights."""
    error = -fits
    for count, size in _intervals(times, case, DENSE):
        for chunk in errors(np.diag(case.rates), how, size, error, count) if count else ():
            error = chunk[-1]
        yield fits + error


def _intervals(times: Array, case: NoisyRegression, least: int) -> Iterator[tuple[int, float]]:
    """Number and size of the steps from each time to the next, from zero on; none where there is nothing to do."""
    for length in np.diff(times, prepend=0.0):
        count = max(least, math.ceil(FINE * float(length * case.rates.max()))) if length > 0 else 0
        yield count, float(length) / max(count, 1)
