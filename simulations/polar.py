"""The polar factor U_r V_rᵀ of a matrix: by the SVD, or faster by its Gram matrix where that is safe.

The Gram matrix G Gᵀ squares the condition number κ, so its eigenvectors give the factor with an error of
about ε κ². Three decisions, each made on the matrix at hand, keep that in bounds:

1. A Cholesky factor of the Gram matrix and a few power iterations cost a small part of the SVD. Where it fails, or
   they say κ > `LIKELY_CONDITION`, the SVD is used; so it is wherever a singular value may be cut.
2. The expected error follows from the singular values. Well below max(1e-12, 100 ε κ) the factor is used as it is.
3. Beyond, with Uᵀ G computed from G itself, C = P Pᵀ and H = G Pᵀ follow to a relative error of ε κ in the
   eigenbasis. H is symmetric for the true factor: its skew part gives the remaining rotation, Ω S + S Ω = H − Hᵀ,
   and P + (Ω − (C − I)/2) P is right up to the squares of Ω and C − I. Where these are too large for that, the SVD
   is used after all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from threadpoolctl import ThreadpoolController

from theory.checks import ArgumentError

Array = NDArray[np.float64]
SMALL = 24  # rows or columns below which the SVD is the fastest
LIKELY_CONDITION, LARGEST_CONDITION = 2e3, 1e4  # of the estimate, and of the eigenvalues
LARGEST_TURN = 1e-7  # of the correction, whose square is neglected
MODERATE = 1e-50, 1e50  # entries whose squares need no scaling
SAFETY = 3.0  # between the expected error and the one that is allowed
EPS = float(np.finfo(float).eps)
THREADS = ThreadpoolController()


@dataclass(frozen=True, eq=False)
class Polar:
    """A polar factor.

    Parameters
    ----------
    factor
        U_r V_rᵀ, of the shape of the matrix (m, p).
    rank
        Singular values kept: those above max(m, p)·ε of the largest.
    route
        ``svd``, ``gram``, ``gram, corrected`` or ``zero``.
    """

    factor: Array
    rank: int
    route: str


def polar(matrix: Array) -> Polar:
    """The polar factor of a matrix (m, p), on one BLAS thread.

    Raises
    ------
    ArgumentError
        If the matrix is empty, not two-dimensional, or holds NaN or Inf.
    """
    matrix = np.asarray(matrix, float)
    if matrix.ndim != 2 or not matrix.size:
        raise ArgumentError("matrix", "be two-dimensional and not empty", f"has the shape {matrix.shape}")
    size = float(np.abs(matrix).max())
    if not np.isfinite(size):
        raise ArgumentError("matrix", "be finite", "holds NaN or Inf")
    if size == 0:
        return Polar(np.zeros_like(matrix), 0, "zero")
    with THREADS.limit(limits=1):
        scaled = matrix if MODERATE[0] < size < MODERATE[1] else matrix / size
        wide = scaled if len(matrix) <= matrix.shape[1] else scaled.T
        found = _by_gram(wide) if len(wide) >= SMALL else None
        found = found or _by_svd(wide)
    return found if len(matrix) <= matrix.shape[1] else Polar(found.factor.T, found.rank, found.route)


def _by_svd(wide: Array) -> Polar:
    left, values, right = np.linalg.svd(wide, full_matrices=False)
    rank = int((values > max(wide.shape) * EPS * values[0]).sum())
    return Polar(left[:, :rank] @ right[:rank], rank, "svd")


def _by_gram(wide: Array) -> Polar | None:
    """The factor of a wide matrix from its Gram matrix, or None where the SVD has to do it."""
    gram = wide @ wide.T
    if not _well_conditioned(gram):
        return None
    squares, basis = np.linalg.eigh(gram)
    if not squares[0] * LARGEST_CONDITION**2 > squares[-1]:
        return None
    values = np.sqrt(squares)
    if SAFETY * _expected_error(values) <= max(1e-12, 100 * EPS * values[-1] / values[0]):
        return Polar(((basis / values) @ basis.T) @ wide, len(wide), "gram")
    rows = basis.T @ wide  # σᵢ vᵢᵀ, nearly
    overlap = (rows @ rows.T) / np.multiply.outer(values, values)
    turn = overlap * (values[:, None] - values) / (values[:, None] + values)
    unit = overlap - np.eye(len(wide))
    if max(np.abs(turn).max(), np.abs(unit).max()) > LARGEST_TURN:
        return None
    correction = np.eye(len(wide)) + turn - unit / 2
    return Polar((basis @ correction / values) @ rows, len(wide), "gram, corrected")


def _expected_error(values: Array) -> float:
    """Size of the factor's error when the Gram matrix, in its eigenbasis, errs by ε σ₁².

    First-order perturbation of (G Gᵀ)^(−1/2) G: entry (i, j) is magnified by 1/(σᵢ (σᵢ + σⱼ)). The error may sit in
    the entry that is magnified most, or be spread over all of them at random.
    """
    magnified = 1 / (values[:, None] * (values[:, None] + values))
    spread = np.sqrt((magnified**2).sum() / len(values))
    return float(EPS * values[-1] ** 2 * (magnified.max() + spread))


def _well_conditioned(gram: Array) -> bool:
    """Whether Cholesky's factor exists and a few power iterations keep κ below the largest."""
    factor, failed = lapack.dpotrf(gram, lower=1)
    if failed:
        return False
    high = low = np.ones(len(gram))
    for _ in range(4):
        high = gram @ (high / np.linalg.norm(high))
        low = lapack.dpotrs(factor, low / np.linalg.norm(low), lower=1)[0]
    return bool(np.linalg.norm(high) * np.linalg.norm(low) < LIKELY_CONDITION**2)
