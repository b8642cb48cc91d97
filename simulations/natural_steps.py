"""Natural gradient's steps along one direction, from many starts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.steps import errors
from theory.rule_ids import rule

Array = NDArray[np.float64]


def errors_after(rate: float, step: float, starts: Any, count: int) -> Array:
    """|e| after steps 0 … count (count + 1, n), from errors (n,), of a regression with one input of this curvature.

    Raises
    ------
    ArgumentError
        If the step is not positive or the count not a whole number.
    """
    begin = np.asarray(starts, float).reshape(-1, 1, 1)
    chunks = errors(np.array([[rate]]), rule("ngd"), step, begin, count)
    return np.abs(np.concatenate([begin[None], *chunks])[..., 0, 0])


def cauchy_starts(median: float, count: int, seed: int = 0) -> Array:
    """Errors from a Cauchy distribution about zero with this median of |e| (n,)."""
    found: Array = median * np.random.default_rng(seed).standard_cauchy(count)
    return found
