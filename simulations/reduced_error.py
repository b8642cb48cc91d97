"""A flow's error in a basis of its column space, which never grows, and in the columns that have not died."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulations.directions import rank_cut

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ReducedError:
    """The error E Q = B Z along the directions Q of the curvature.

    Parameters
    ----------
    left
        Orthonormal basis B (c, r).
    z
        Z (r, k).
    columns
        Which of the directions these are (k,).
    rates
        Their curvatures (k,).
    """

    left: Array
    z: Array
    columns: NDArray[np.int64]
    rates: Array

    @classmethod
    def of(cls, error: Array, columns: NDArray[np.int64], rates: Array, on_axes: bool) -> ReducedError:
        """Reduce an error E Q (c, d) with curvatures (d,): Z gets as many rows as the gradient has rank.

        Parameters
        ----------
        error, rates
            Of all directions.
        columns
            Those that are wanted (k,).
        on_axes
            Whether the directions are the axes, on which slow errors are as exact as others.
        """
        found = cls(np.eye(len(error)), error[:, columns], columns, rates[columns])
        if not found.z.size:
            return found.within(np.zeros((len(error), 0)))
        kept = _range(found.gradient)
        if on_axes:
            kept = max(kept, _range(found.z), key=lambda basis: basis.shape[1])
        return found.within(kept)

    @property
    def gradient(self) -> Array:
        """Z Λ (r, k)."""
        return self.z * self.rates

    @property
    def sizes(self) -> Array:
        """Lengths of the columns (k,)."""
        sizes: Array = np.sqrt((self.z**2).sum(axis=0))
        return sizes

    def at(self, z: Array) -> ReducedError:
        """The same with another Z."""
        return replace(self, z=z)

    def within(self, kept: Array) -> ReducedError:
        """The part in some of the left directions (r, ·)."""
        return replace(self, left=self.left @ kept, z=kept.T @ self.z)

    def only(self, kept: NDArray[np.bool_]) -> ReducedError:
        """Some of the columns, without the rows that only the others told apart."""
        found = ReducedError(self.left, self.z[:, kept], self.columns[kept], self.rates[kept])
        if found.z.shape[0] <= found.z.shape[1]:
            return found
        return found.within(np.linalg.svd(found.z, full_matrices=False)[0])


@dataclass(frozen=True)
class Loss:
    """Left directions that an error loses.

    Parameters
    ----------
    kept
        The left directions that stay (r, r − g).
    remaining
        Flow time until each of the others vanishes (g,).
    share
        Their shares in the columns (g, k).
    emptied
        Part of a column below which what is left of it is rounding.
    way, length
        D (r, k) of a straight line that leads there, and the flow time it takes; None and 0 where there is none.
    """

    kept: Array
    remaining: Array
    share: Array
    emptied: float
    way: Array | None = None
    length: float = 0.0


def _range(matrix: Array) -> Array:
    """Orthonormal basis of the column space of a matrix (m, p), of its rank but for rounding."""
    left, values, _ = np.linalg.svd(matrix, full_matrices=False)
    return left[:, rank_cut(values, matrix.shape)] if values[0] > 0 else left[:, :0]
