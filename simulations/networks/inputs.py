"""How inputs meet the first layer: one-hot pairs by gathering and scattering rows, anything else by a product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

Array = NDArray[Any]
BLOCK = 1024  # examples that go through the network at once when all are evaluated


class Inputs(Protocol):
    """N inputs of d features: what a layer weights (d, hidden), bias (hidden,) makes of them and of gradients."""

    def forward(self, weights: Array, bias: Array, rows: NDArray[np.int64]) -> Array:
        """Pre-activations (n, hidden) of n rows."""

    def backward(self, change: Array, rows: NDArray[np.int64]) -> Array:
        """Xᵀ D (d, hidden) for D (n, hidden) of n rows X."""

    def blocks(self) -> list[slice]:
        """All N rows in order, some at a time."""

    def block(self, weights: Array, bias: Array, rows: slice) -> Array:
        """Pre-activations (n, hidden) of a block of n rows."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """All pairs (a, b) of numbers below p; row a·p + b is one-hot a beside one-hot b (2p features)."""

    modulus: int
    dtype: Any

    def forward(self, weights: Array, bias: Array, rows: NDArray[np.int64]) -> Array:
        """W[a] + W[p + b] + bias: two rows of weights gathered for each pair."""
        first, second = np.divmod(rows, self.modulus)
        found: Array = (weights[: self.modulus] + bias).take(first, axis=0)
        found += weights[self.modulus :].take(second, axis=0)
        return found

    def backward(self, change: Array, rows: NDArray[np.int64]) -> Array:
        """Each row of the change added to the two rows of its pair, by a sparse product."""
        places = np.stack(np.divmod(rows, self.modulus), axis=1).astype(np.int32)
        places[:, 1] += self.modulus
        ones, ends = np.ones(places.size, self.dtype), np.arange(0, places.size + 1, 2, dtype=np.int32)
        found: Array = csc_array((ones, places.ravel(), ends), shape=(2 * self.modulus, len(rows))) @ change
        return found

    def blocks(self) -> list[slice]:
        """All pairs, some a at a time."""
        return _slices(self.modulus**2, self.modulus * max(1, BLOCK // self.modulus))

    def block(self, weights: Array, bias: Array, rows: slice) -> Array:
        """Every sum of a row for a and a row for b."""
        first = weights[rows.start // self.modulus : rows.stop // self.modulus] + bias
        return (first[:, None] + weights[self.modulus :]).reshape(-1, weights.shape[1])


@dataclass(frozen=True, eq=False)
class Dense:
    """Inputs (N, d) given as numbers."""

    values: Array

    def forward(self, weights: Array, bias: Array, rows: NDArray[np.int64]) -> Array:
        """X W + bias."""
        found: Array = self.values[rows] @ weights
        found += bias
        return found

    def backward(self, change: Array, rows: NDArray[np.int64]) -> Array:
        """Xᵀ D."""
        found: Array = self.values[rows].T @ change
        return found

    def blocks(self) -> list[slice]:
        """All rows, some at a time."""
        return _slices(len(self.values), BLOCK)

    def block(self, weights: Array, bias: Array, rows: slice) -> Array:
        """X W + bias."""
        return self.values[rows] @ weights + bias


def _slices(count: int, size: int) -> list[slice]:
    return [slice(begin, min(begin + size, count)) for begin in range(0, count, size)]
