"""Singular values and vectors of matrices whose columns differ by many orders of magnitude."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dgejsv

Array = NDArray[np.float64]
COLUMNS_GRADED, ROWS_GRADED = 0, 2  # how LAPACK is to pivot; it takes no more columns than rows


def graded_svd(matrix: Array) -> tuple[Array, Array, Array]:
    """U (m, r), σ in descending order (r,) and Vᵀ (r, p) of a matrix (m, p) with r = min(m, p).

    One-sided Jacobi rotations round each column at its own scale, where bidiagonalisation rounds all at the largest:
    the polar factor of Z Λ is as exact as Z is well conditioned, whatever Λ.

    Raises
    ------
    LinAlgError
        If the matrix is not finite.
    """
    if not np.isfinite(matrix.sum()):
        raise np.linalg.LinAlgError("SVD of a matrix that is not finite")
    tall = matrix.shape[0] >= matrix.shape[1]
    graded = COLUMNS_GRADED if tall else ROWS_GRADED
    values, left, right, work, _, info = dgejsv(matrix if tall else matrix.T, joba=graded, jobu=0, jobv=0, jobr=0)
    if info:
        return np.linalg.svd(matrix, full_matrices=False)
    values = values * (work[0] / work[1])
    left = left[:, : len(values)]
    return (left, values, right.T) if tall else (right, values, left.T)
