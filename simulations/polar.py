"""The polar factor U_r V_rᵀ of a matrix: by the SVD, or faster by its Gram matrix where that is safe.

The Gram matrix G Gᵀ squares the condition number κ, so its eigenvectors give the factor with an error of
about ε κ². Three decisions, each made on the matrix at hand, keep that in bounds:

1. A Cholesky factor of the Gram matrix and two power iterations cost a small part of the SVD. Where it fails, or
   they say κ > `LIKELY_CONDITION`, the SVD is used; so it is wherever a singular value may be cut.
2. With B the eigenvectors that belong to the smallest eigenvalues, Bᵀ G computed from G itself shows by how much the
   Gram matrix errs where that is magnified most, and the factor's error follows. Where twice this stays below
   max(1e-12, 100 ε κ) the factor is used as it is; where ε κ² is far above, that is not tried.
3. Beyond, with all of Uᵀ G computed from G itself, C = P Pᵀ and H = G Pᵀ follow to a relative error of ε κ in the
   eigenbasis. H is symmetric for the true factor: its skew part gives the remaining rotation, Ω S + S Ω = H − Hᵀ,
   and P + (Ω − (C − I)/2) P is right up to the squares of Ω and C − I. Where these are too large for that, the SVD
   is used after all.

A float32 matrix has its Gram matrix in float64, where ε κ² is small for every singular value above the cut of
float32 if the matrix is large, so that no correction is needed and what is cut is left out of the eigenvectors.

What holds, on every route (float64; in brackets float32, which is computed in float64 and rounded once): the kept
singular values of the factor are within 1e-10 (1e-6) of 1 and the others at most 1e-10 (1e-6); the factor is within
max(1e-12, 100 ε κ) (1e-6) of the true one, κ being that of the kept part; with H the symmetric part of PᵀG,
‖P H − G‖ ≤ 1e-12 ‖G‖ (1e-6 ‖G‖) for what is kept, and H has no eigenvalue below −1e-12 ‖G‖ (−1e-6 ‖G‖).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from threadpoolctl import ThreadpoolController

from theory.checks import ArgumentError

Array = NDArray[np.float64]
SMALL = 24  # rows or columns below which the SVD is the fastest
LIKELY_CONDITION, LARGEST_CONDITION = 2e3, 1e4  # of the estimate, and of the eigenvalues
LARGEST_SINGLE = 2e4  # where 4 ε κ², the most that the Gram matrix was seen to err by, is 4e-7
LARGEST_TURN = 1e-7  # of the correction, whose square is neglected
MUCH_WIDER = 2  # columns by rows, from which a QR decomposition before the SVD pays
MODERATE = 1e-50, 1e50  # entries whose squares need no scaling
PROBED = 32  # eigenvectors whose error is measured
SAFETY = 2.0  # between the measured error and the one that is allowed: the worst seen in 2,000 matrices is 1.6
HOPELESS = 4.0  # times what is allowed: with ε κ² above this, the error is not worth measuring
EPS, EPS_SINGLE = float(np.finfo(np.float64).eps), float(np.finfo(np.float32).eps)
THREADS = ThreadpoolController()


@dataclass(frozen=True, eq=False)
class Polar:
    """A polar factor.

    Parameters
    ----------
    factor
        U_r V_rᵀ, of the shape of the matrix (m, p); float32 for a float32 matrix, float64 otherwise.
    rank
        Singular values kept: those above max(m, p)·ε of the largest, with the ε of the matrix.
    route
        ``svd``, ``gram``, ``gram, corrected`` or ``zero``.
    """

    factor: NDArray[Any]
    rank: int
    route: str


def polar(matrix: NDArray[Any]) -> Polar:
    """The polar factor of a matrix (m, p), on one BLAS thread.

    Raises
    ------
    ArgumentError
        If the matrix is empty, not two-dimensional, not real, or holds NaN or Inf.
    """
    given = _checked(matrix)
    size = max(float(given.max()), -float(given.min()))
    if not np.isfinite(size):
        raise ArgumentError("matrix", "be finite", "holds NaN or Inf")
    if size == 0:
        return Polar(np.zeros_like(given), 0, "zero")
    single = given.dtype == np.float32
    with THREADS.limit(limits=1):
        scaled = given.astype(np.float64, copy=False)
        scaled = scaled if MODERATE[0] < size < MODERATE[1] else scaled / size
        found = _wide(scaled if len(scaled) <= scaled.shape[1] else scaled.T, single)
    factor = found.factor if len(given) <= given.shape[1] else found.factor.T
    return Polar(factor.astype(given.dtype, copy=False), found.rank, found.route)


def _checked(matrix: Any) -> NDArray[Any]:
    """The matrix as an array of float32 or float64."""
    try:
        found = np.asarray(matrix)
    except ValueError:
        raise ArgumentError("matrix", "be two-dimensional", "has rows of different lengths") from None
    if found.dtype.kind not in "fiub":
        raise ArgumentError("matrix", "hold real numbers", f"is of type {found.dtype}")
    if found.ndim != 2 or not found.size:
        raise ArgumentError("matrix", "be two-dimensional and not empty", f"has the shape {found.shape}")
    return found if found.dtype == np.float32 else found.astype(np.float64, copy=False)


def _wide(wide: Array, single: bool) -> Polar:
    cut = max(wide.shape) * (EPS_SINGLE if single else EPS)
    if len(wide) < SMALL:
        return _by_svd(wide, cut)
    return (_by_gram_single(wide, cut) if single else _by_gram(wide)) or _by_svd(wide, cut)


def _by_svd(wide: Array, cut: float) -> Polar:
    """The factor by the SVD, of the triangle R of Gᵀ = Q R where that is much smaller."""
    basis = None
    if wide.shape[1] >= MUCH_WIDER * len(wide):
        basis, triangle = np.linalg.qr(wide.T)
        wide = triangle.T
    left, values, right = np.linalg.svd(wide, full_matrices=False)
    rank = int((values > cut * values[0]).sum())
    factor = left[:, :rank] @ right[:rank]
    return Polar(factor if basis is None else factor @ basis.T, rank, "svd")


def _by_gram(wide: Array) -> Polar | None:
    """The factor of a wide matrix from its Gram matrix, or None where the SVD has to do it."""
    gram = wide @ wide.T
    if not _likely(gram, LIKELY_CONDITION):
        return None
    squares, basis = np.linalg.eigh(gram)
    if not squares[0] * LARGEST_CONDITION**2 > squares[-1]:
        return None
    values = np.sqrt(squares)
    condition = float(values[-1] / values[0])
    allowed = max(1e-12, 100 * EPS * condition)
    likely = EPS * condition**2 <= HOPELESS * allowed
    if likely and SAFETY * _measured_error(wide, values, basis) <= allowed:
        return Polar(_inverse_root(basis, values) @ wide, len(wide), "gram")
    return _corrected(wide, values, basis)


def _by_gram_single(wide: Array, cut: float) -> Polar | None:
    """The same to single precision: what is kept of a matrix of some 400 columns is never too ill-conditioned."""
    gram = wide @ wide.T
    if cut * LARGEST_SINGLE < 1 and not _likely(gram, LARGEST_SINGLE):
        return None
    squares, basis = np.linalg.eigh(gram)
    first = int(np.searchsorted(squares, cut**2 * squares[-1], side="right"))
    squares, basis = squares[first:], basis[:, first:]
    if not squares[0] * LARGEST_SINGLE**2 > squares[-1]:
        return None
    return Polar(_inverse_root(basis, np.sqrt(squares)) @ wide, len(squares), "gram")


def _inverse_root(basis: Array, values: Array) -> Array:
    """(G Gᵀ)^(−1/2) from the singular values of G and the left vectors, as a square, of which half is computed."""
    half = basis / np.sqrt(values)
    found: Array = half @ half.T
    return found


def _corrected(wide: Array, values: Array, basis: Array) -> Polar | None:
    """The factor after one correction, or None where its square is no rounding."""
    rows = basis.T @ wide  # σᵢ vᵢᵀ, nearly
    weights = np.add.outer(values, values)
    weights *= values[:, None]
    weights *= 2 * values
    correction = rows @ rows.T  # after division by σᵢ σⱼ this is C; it turns into Ω − (C − I)/2 in place
    correction /= weights
    correction *= np.subtract.outer(values, 3 * values, out=weights)
    diagonal = correction.reshape(-1)[:: len(values) + 1]
    diagonal += 0.5
    if not max(correction.max(), -correction.min()) <= LARGEST_TURN:
        return None
    diagonal += 1
    correction /= values
    return Polar((basis @ correction) @ rows, len(wide), "gram, corrected")


def _measured_error(wide: Array, values: Array, basis: Array) -> float:
    """Size of the factor's error for singular values (m,) and left vectors (m, m) from the Gram matrix.

    First-order perturbation of (G Gᵀ)^(−1/2) G: an error Δᵢⱼ in the eigenbasis is magnified by 1/(σᵢ (σᵢ + σⱼ)). For
    the smallest σᵢ it is measured on G itself; the others are taken to err as much, independently of each other.
    """
    probed = min(PROBED, len(values))
    error = (basis[:, :probed].T @ wide) @ wide.T @ basis
    error.reshape(-1)[:: len(values) + 1][:probed] -= values[:probed] ** 2
    typical = float(np.linalg.norm(error)) / error.size**0.5
    error /= np.multiply.outer(values[:probed], values) + values[:probed, None] ** 2
    measured = float(np.linalg.eigvalsh(error @ error.T)[-1]) ** 0.5
    if probed == len(values):
        return measured
    rest, next_ = values[probed:], values[probed]
    row, column = 1 / (next_ * (next_ + values)), 1 / (rest * (rest + values[0]))
    return measured + typical * float(np.linalg.norm(row) + np.linalg.norm(column))


def _likely(gram: Array, condition: float) -> bool:
    """Whether Cholesky's factor exists and two power iterations, which fall short, keep κ below this."""
    factor, failed = lapack.dpotrf(gram.T, lower=1)
    if failed:
        return False
    high = low = np.ones(len(gram))
    for _ in range(2):
        high = gram @ (high / np.sqrt(high @ high))
        low = lapack.dpotrs(factor, low / np.sqrt(low @ low), lower=1)[0]
    return float((high @ high) * (low @ low)) < condition**4
