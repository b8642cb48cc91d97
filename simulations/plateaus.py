"""Plateaus measured on a curve, by several definitions side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from theory.plateaus import ARRIVAL_SPREAD, CROSSING, FIRST_DEPARTURE, LAG, LONGEST_RUN

Array = NDArray[np.float64]
LEVEL = 0.05  # of the initial error
DEPARTURE = 0.01  # of the initial error
TOGETHER = 16 * np.finfo(float).eps  # of the arrivals; equal ones of a flow were found within a quarter of it


def longest_run(misclassified: NDArray[np.bool_]) -> int:
    """Length of the longest unbroken run of True in a sequence (T,).

    Examples
    --------
    >>> longest_run(np.array([True, False, True, True, False]))
    2
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], misclassified, [False]]).astype(int)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def first(condition: NDArray[np.bool_], times: Array) -> float | None:
    """Time (T,) at which a condition (T,) first holds; None where it never does."""
    index = int(np.argmax(condition))
    return float(times[index]) if condition[index] else None


def on_curves(times: Array, train_error: Array, test_error: Array) -> dict[str, float | None]:
    """First departure, threshold crossing and train-to-test lag on sampled curves (T,)."""
    start = test_error[0]
    departed = first(np.abs(test_error - start) > DEPARTURE * start, times) if start > 0 else None
    crossed = first(test_error <= LEVEL * start, times) if start > 0 else None
    trained = first(train_error <= LEVEL * train_error[0], times)
    lag = None if crossed is None or trained is None else crossed - trained
    return {FIRST_DEPARTURE: departed, CROSSING: crossed, LAG: lag}


def spread(arrivals: Array, learns: NDArray[np.bool_]) -> float | None:
    """From the fastest to the slowest arrival (d,) of the directions that learn; None while one has not.

    A direction without an error at the start has no arrival to wait for, and is not among these; where fewer than two
    are, there is no fastest and slowest to tell apart. Arrivals that differ by rounding are at one time.
    """
    found = arrivals[learns]
    if len(found) < 2 or not np.isfinite(found).all():
        return None
    apart = float(np.ptp(found))
    return apart if apart > TOGETHER * found.max() else 0.0


__all__ = ["ARRIVAL_SPREAD", "LONGEST_RUN", "first", "longest_run", "on_curves", "spread"]
