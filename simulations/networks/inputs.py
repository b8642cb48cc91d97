"""How inputs meet the first layer: one-hot pairs by gathering and scattering rows, anything else by a product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

Array = NDArray[Any]
BLOCK = 512  # examples that go through the network at once when all are evaluated


class Inputs(Protocol):
    """N inputs of d features: what a layer weights (d, hidden), bias (hidden,) makes of them and of gradients."""

    def forward(self, weights: Array, bias: Array, rows: NDArray[np.int64]) -> Array:
        """Pre-activations (n, hidden) of n rows."""

    def backward(self, change: Array, rows: NDArray[np.int64]) -> Array:
        """Xᵀ D (d, hidden) for D (n, hidden) of n rows X."""

    def blocks(self, weights: Array, bias: Array) -> Iterator[Array]:
        """Pre-activations (·, hidden) of all N rows, in order."""


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

    def blocks(self, weights: Array, bias: Array) -> Iterator[Array]:
        """Every sum of a row for a and a row for b, some a at a time."""
        first, second = weights[: self.modulus] + bias, weights[self.modulus :]
        some = max(1, BLOCK // self.modulus)
        for begin in range(0, self.modulus, some):
            yield (first[begin : begin + some, None] + second).reshape(-1, weights.shape[1])


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

    def blocks(self, weights: Array, bias: Array) -> Iterator[Array]:
        """X W + bias, some rows at a time."""
        for begin in range(0, len(self.values), BLOCK):
            yield self.values[begin : begin + BLOCK] @ weights + bias
