"""Trials of the claims on the method as an update of one gradient, E1 to E4; the others have their own modules."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simulations.examiners import method_dynamics, method_practice
from simulations.examiners.trial import Examiner, Trial, compared
from simulations.flow import flow
from simulations.steps import errors
from theory.claims.claim import Claim
from theory.claims.method import CONDITION, GAIN, MEMORY, PRODUCT, RANK, RANK_THEN, ROWS
from theory.models.regression import Regression
from theory.rule_ids import rule
from theory.rules import NORM, SIGMA

Array = NDArray[np.float64]
Built = tuple[dict[str, float], Array, Array, Array]  # where, U (m, r), σ (r,), V (p, r)
MATRICES = 1500
LARGEST_SIDE = 12
FLOWS = 20


def matrices(rng: np.random.Generator, count: int = MATRICES, exponent: float = 4) -> Iterator[Built]:
    """Factors of gradients of any shape, rank and size, of condition numbers up to a power of ten."""
    for index in range(count):
        rows, columns = map(int, rng.integers(1, LARGEST_SIDE + 1, 2) * (1 if index % 50 else 3))
        rank = int(rng.integers(1, min(rows, columns) + 1)) if index % 2 else min(rows, columns)
        # all equal, one apart from the rest, or spread
        condition, scale = float(10 ** rng.uniform(0, exponent)), float(10 ** rng.uniform(-3, 3))
        spread = (np.zeros(rank), np.arange(rank) == rank - 1, np.linspace(0, 1, rank))[index % 3]
        values = scale / condition**spread
        left, right = (np.linalg.qr(rng.standard_normal((side, rank)))[0] for side in (rows, columns))
        where = {"rows": rows, "columns": columns, "rank": rank, "condition": float(values[0] / values[-1])}
        yield where, left, values, right


def _matrix_power(gradient: Array, power: float) -> Array:
    """(GGᵀ)^power by its eigenvectors, a pseudo-inverse where it is singular."""
    squares, basis = np.linalg.eigh(gradient @ gradient.T)
    kept = squares > 1e-13 * squares[-1]
    return (basis[:, kept] * squares[kept] ** power) @ basis[:, kept].T


def _rounding(where: dict[str, float]) -> float:
    """What eigenvectors of GGᵀ err by: ε κ²."""
    return 1e-12 + 1e-14 * where["condition"] ** 2


def _worst_speed(claim: Claim, where: dict[str, float], update: Array, built: Built) -> Trial:
    """The singular value of an update that is farthest from the claimed speed."""
    _, _, values, _ = built
    measured = np.linalg.svd(update, compute_uv=False)[: len(values)]
    claimed, predicted = (
        np.broadcast_to(law("speed", (SIGMA,))(values), values.shape) for law in (claim.claims, claim.predicts)
    )
    worst = int(np.argmax(np.abs(measured - claimed)))
    return compared(where, float(claimed[worst]), float(predicted[worst]), float(measured[worst]), _rounding(where))


def _polar_factor(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """E1: singular values of (GGᵀ)^(−1/2) G, found by eigenvectors, against the speed; and the singular vectors."""
    for built in matrices(rng):
        where, left, values, right = built
        gradient = (left * values) @ right.T
        update = _matrix_power(gradient, -0.5) @ gradient
        yield _worst_speed(claim, where, update, built)
        distance = float(np.abs(update - left @ right.T).max())
        yield compared({**where, "distance from": "U V^T"}, 0.0, 0.0, distance, _rounding(where))


def _root_of_fisher(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """E3: singular values of F^(1/2) F⁻¹ G against the speed; and its distance from (GGᵀ)^(−1/2) G."""
    for built in matrices(rng):
        where, left, values, right = built
        gradient = (left * values) @ right.T
        natural = np.linalg.pinv(gradient @ gradient.T, rcond=1e-12, hermitian=True) @ gradient
        update = _matrix_power(gradient, 0.5) @ natural
        yield _worst_speed(claim, where, update, built)
        distance = float(np.abs(update - left @ right.T).max())
        yield compared({**where, "distance from": "EGD"}, 0.0, 0.0, distance, _rounding(where))


def _norm(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """E2: the norm, plain and weighted by F, of matrices; and its change along flows."""
    symbols = (RANK, ROWS, NORM)
    for where, left, values, right in matrices(rng, MATRICES // 2):
        gradient = (left * values) @ right.T
        update, given = _matrix_power(gradient, -0.5) @ gradient, (where["rank"], where["rows"])
        size = float(np.linalg.norm(gradient))
        measures = {
            "norm": (np.linalg.norm(update) ** 2, where["rank"]),
            "fisher": (np.trace(update.T @ gradient @ gradient.T @ update), size**2),
        }
        for law, (measured, scale) in measures.items():
            claimed, predicted = (
                float(compiled(law, symbols)(*given, size)) for compiled in (claim.claims, claim.predicts)
            )
            found = float(measured) / where["rows"]
            shown = {"law": law, **where, "norm": size, "rank by rows": where["rank"] / where["rows"]}
            yield compared(shown, claimed, predicted, found, _rounding(where) * scale)
    yield from _norm_in_time(claim, rng)


def _norm_in_time(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """Squared speed of the weights along a flow, by the distance of its points, less that at the start."""
    symbols = (RANK, RANK_THEN, ROWS)
    for run in range(FLOWS):
        size = int(rng.integers(2, 5))
        starts, spectrum = np.sort(rng.uniform(0.2, 3, size)), 10 ** rng.uniform(-2, 0.5, size)
        path = flow(Regression.from_spectrum(spectrum, start=starts, seed=run), "egd")
        edges = np.concatenate([[0.0], starts])
        for lost, (begin, end) in enumerate(itertools.pairwise(edges)):
            inside = np.flatnonzero((path.times >= begin) & (path.times <= end))
            if len(inside) < 2 or end - begin < 1e-2:
                continue
            first, last = inside[[0, -1]]
            moved = np.linalg.norm(path.weights[last] - path.weights[first]) / (path.times[last] - path.times[first])
            claimed, predicted = (
                float(law("change", symbols)(size, size - lost, size)) for law in (claim.claims, claim.predicts)
            )
            where = {"law": "change", "rows": size, "rank at the start": size, "time": float(path.times[last])}
            # the flow's tolerance is 1e-10 of its weights
            yield compared(where, claimed, predicted, float(moved**2 - size) / size, 1e-6)


def _weighting(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """E4: components of (GGᵀ)^(−1/2) g; then the rates of directions under Grokfast beside gradient descent's."""
    for where, left, values, right in matrices(rng, MATRICES, exponent=3):
        parts = rng.uniform(0.5, 2, len(values)) * rng.choice([-1, 1], len(values))
        update = _matrix_power((left * values) @ right.T, -0.5) @ (left @ parts)
        index = int(rng.integers(len(values)))
        measured = float(left[:, index] @ update / parts[index])
        claimed, predicted = (float(law("weight", (SIGMA,))(values[index])) for law in (claim.claims, claim.predicts))
        tolerance = 4 * float(_rounding(where) * len(values) / values[-1])
        yield compared({"law": "weight", **where}, claimed, predicted, measured, tolerance)
    for memory in (0.3, 0.6, 0.9, 0.98):
        for gain in (0.5, 2.0, 5.0):
            yield from _filtered(claim, memory, gain, rng)


def _filtered(claim: Claim, memory: float, gain: float, rng: np.random.Generator) -> Iterator[Trial]:
    """Rates of many directions under one filter, each against a faster one that is below the double root."""
    slope = 1 + gain * (1 - memory)
    products = float(rng.uniform(0.2, 0.5)) * (1 - memory) ** 2 / (2 * slope * (1 + memory) - 4 * memory)
    conditions = np.concatenate([[1.0], 10 ** np.sort(rng.uniform(0, 4, 40))])
    count = int(60 / (1 - memory))  # steps, after which the smaller root has no part in it
    *_, chunk = errors(np.diag(products / conditions), rule(f"grokfast:{memory}:{gain}"), 1.0, np.ones((1, 41)), count)
    rates = np.log1p((chunk[-1, 0] - chunk[-2, 0]) / chunk[-2, 0]) / np.log1p(-products / conditions)
    symbols = (PRODUCT, CONDITION, MEMORY, GAIN)
    for condition, measured in zip(conditions[1:], rates[1:] / rates[0], strict=True):
        claimed, predicted = (
            float(law("ratio", symbols)(products, condition, memory, gain)) for law in (claim.claims, claim.predicts)
        )
        where = {"law": "ratio", "memory": memory, "gain": gain, "step times curvature": products}
        # a step's change is x of the error, and rounds by ε
        tolerance = 1e-8 + 1e-15 * float(condition) / products
        yield compared({**where, "condition": float(condition)}, claimed, predicted, float(measured), tolerance)


EXAMINERS: dict[str, Examiner] = {
    "E1": _polar_factor,
    "E2": _norm,
    "E3": _root_of_fisher,
    "E4": _weighting,
    **method_dynamics.EXAMINERS,
    **method_practice.EXAMINERS,
}
