"""Discrete steps W ← W − η D(G), taken one by one, from one start or many at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simulations.directions import direction
from simulations.population import Population
from theory.checks import positive, whole
from theory.models.linear import check_start_shape, finite_start
from theory.rules import Rule

Array = NDArray[np.float64]
CHUNK_NUMBERS = 400_000  # weights kept at once
FLUSHED = 1e-300  # below which an error is taken to be zero, once it has been reported


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
