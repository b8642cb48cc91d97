"""Trials of the claims on the method."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simulations.examiners.trial import Examiner, Trial, compared
from simulations.polar import polar
from theory.claims.claim import Claim
from theory.rules import SIGMA

Array = NDArray[np.float64]
SHAPES = ((1, 2), (2, 2), (3, 5), (5, 3), (8, 8), (20, 4), (4, 30))
EXPONENTS = (0, 2, 4)  # of the condition number


def matrices(rng: np.random.Generator) -> Iterator[tuple[dict[str, float], Array, Array]]:
    """Gradients of several shapes, condition numbers and ranks, with their singular values."""
    for rows, columns in SHAPES:
        for exponent in EXPONENTS:
            for lost in (0, 1) if min(rows, columns) > 1 else (0,):
                rank = min(rows, columns) - lost
                left = np.linalg.qr(rng.standard_normal((rows, rank)))[0]
                right = np.linalg.qr(rng.standard_normal((columns, rank)))[0]
                values = np.geomspace(1, 10.0**-exponent, rank) * 10 ** rng.uniform(-3, 3)
                where = {"rows": rows, "columns": columns, "condition": 10.0**exponent, "rank": rank}
                yield where, (left * values) @ right.T, values


def _matrix_power(gradient: Array, power: float) -> Array:
    """(GGᵀ)^power by its eigenvectors, a pseudo-inverse where G loses rank."""
    squares, basis = np.linalg.eigh(gradient @ gradient.T)
    kept = squares > 1e-13 * squares[-1]
    return (basis[:, kept] * squares[kept] ** power) @ basis[:, kept].T


def _polar_factor(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """E1: singular values of (GGᵀ)^(−1/2) G, found by eigenvectors, against the speed; and the singular vectors."""
    for where, gradient, values in matrices(rng):
        update = _matrix_power(gradient, -0.5) @ gradient
        measured = np.linalg.svd(update, compute_uv=False)[: len(values)]
        claimed = np.broadcast_to(claim.claims("speed", (SIGMA,))(values), values.shape)
        predicted = np.broadcast_to(claim.predicts("speed", (SIGMA,))(values), values.shape)
        worst = int(np.argmax(np.abs(measured - claimed)))
        # eigenvectors of GGᵀ err by ε κ²
        tolerance = 1e-12 + 1e-14 * where["condition"] ** 2
        yield compared(where, float(claimed[worst]), float(predicted[worst]), float(measured[worst]), tolerance)
        distance = float(np.abs(update - polar(gradient).factor).max())
        yield compared({**where, "distance from": "U V^T"}, 0.0, 0.0, distance, tolerance)


def _root_of_fisher(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """E3: singular values of F^(1/2) F⁻¹ G against the speed."""
    for where, gradient, values in matrices(rng):
        update = _matrix_power(gradient, 0.5) @ _matrix_power(gradient, -1.0) @ gradient
        measured = np.linalg.svd(update, compute_uv=False)[: len(values)]
        claimed = np.broadcast_to(claim.claims("speed", (SIGMA,))(values), values.shape)
        predicted = np.broadcast_to(claim.predicts("speed", (SIGMA,))(values), values.shape)
        worst = int(np.argmax(np.abs(measured - claimed)))
        tolerance = 1e-12 + 1e-14 * where["condition"] ** 2
        yield compared(where, float(claimed[worst]), float(predicted[worst]), float(measured[worst]), tolerance)


EXAMINERS: dict[str, Examiner] = {"E1": _polar_factor, "E3": _root_of_fisher}
