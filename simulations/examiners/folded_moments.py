"""Trials of F1, F2, F3 and F8: the recursion, the moments and the samples of the folded model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.classifier_samples import sample_folded_training
from simulations.examiners.folded_points import Points, points
from simulations.examiners.settings import against, bounded, slope, stated
from simulations.examiners.trial import Examiner, Trial
from theory.claims.claim import Claim
from theory.claims.folded_moments import HORIZON, RATE, REST, SAMPLES, START
from theory.models.folded import EPSILON, ETA, MARGIN, STEP

Array = NDArray[np.float64]
PROBLEMS = 500  # for each number of samples
SIZES = (2, 3, 10, 50)  # samples
LENGTHS = (1, 2, 7, 40)  # steps
ROUNDING = 2e-15  # of a step, relative to the largest weight on the way
DRAWS, COUNTS = 150, (100, 316, 1000, 3162, 10000)  # repetitions, and samples over two decades
PLACES = 8  # settings at which large samples are drawn
SURE = 5.0  # standard deviations of what is left to chance: 1 in 2 million


class Samples:
    """Training sets (n, size, 2) with their labels (n, size), each drawn from its own seed."""

    def __init__(self, at: Points, size: int, seeds: NDArray[np.int64]) -> None:
        self.seeds = seeds
        drawn = [
            sample_folded_training(float(e), float(s), size, int(seed))
            for e, s, seed in zip(at.epsilon, at.margin, seeds, strict=True)
        ]
        self.inputs = np.stack([inputs for inputs, _ in drawn])
        self.labels = np.stack([labels for _, labels in drawn])
        self.left, self.values, self.right = np.linalg.svd(self.inputs / math.sqrt(size), full_matrices=False)
        reached = np.einsum("nij,ni->nj", self.left, self.labels / math.sqrt(size))
        self.rest = reached / self.values  # least-squares solution along the right singular vectors (n, 2)

    def gradient(self, weights: Array) -> Array:
        """Xᵀ(Xw − Y)/size at weights (n, 2)."""
        residual = np.einsum("nij,nj->ni", self.inputs, weights) - self.labels
        return np.einsum("nij,ni->nj", self.inputs, residual) / residual.shape[1]

    def along(self, weights: Array) -> Array:
        """Weights (n, 2) along the right singular vectors."""
        return np.einsum("nij,nj->ni", self.right, weights)


def _problems(rng: np.random.Generator, fraction: tuple[float, float]) -> Iterator[tuple[Points, Samples, int]]:
    """Points, training sets at each of them, and a number of steps."""
    for size, length in zip(SIZES, LENGTHS, strict=True):
        at = points(rng, PROBLEMS, fraction=fraction)
        yield at, Samples(at, size, rng.integers(2**31, size=PROBLEMS)), length


def _powers(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """F1: iterate the step of eq. 2 on samples, and read the weights along the sample's singular vectors."""
    for at, samples, length in _problems(rng, (1e-4, 2.0)):
        weights = start = np.stack([at.u1, at.u2], axis=-1)
        largest = np.abs(start).max(axis=1)
        for _ in range(length):
            weights = weights - at.step[:, None] * samples.gradient(weights)
            largest = np.maximum(largest, np.abs(weights).max(axis=1))
        arguments = (at.step[:, None], samples.values**2, float(length), samples.along(start), samples.rest)
        laws = stated(claim, "weight", (ETA, RATE, STEP, START, REST), *arguments)
        growth = 1 + at.step * samples.values[:, 0] ** 2
        tolerance = ROUNDING * length * growth * (largest + np.abs(samples.rest).max(axis=1) / length) * 10
        yield from _worst(at, samples, length, laws, samples.along(weights), tolerance)


def _worst(
    at: Points, samples: Samples, length: int, laws: tuple[Array, Array], found: Array, tolerance: Array
) -> Iterator[Trial]:
    """One trial a problem: the singular vector along which the printed law (n, 2) errs most."""
    worst = np.argmax(np.abs(found - laws[0]), axis=1)
    for i, j in enumerate(worst):
        yield against(_where(at, samples, length, i), (laws[0][i, j], laws[1][i, j]), found[i, j], tolerance[i])


def _where(at: Points, samples: Samples, length: int, i: int) -> dict[str, Any]:
    return at.row(i, samples=samples.inputs.shape[1], steps=length, seed=int(samples.seeds[i]))


def _preconditioned(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """F8: iterate the step of eq. 9, whose direction is found by least squares, and how much of the error is left."""
    for at, samples, length in _problems(rng, (1e-4, 1.0)):
        at = at.but(step=np.minimum(at.step, 2.5))
        weights = start = np.stack([at.u1, at.u2], axis=-1)
        inverse = np.linalg.pinv(samples.inputs, rcond=1e-14)
        for _ in range(length):
            residual = np.einsum("nij,nj->ni", samples.inputs, weights) - samples.labels
            weights = weights - at.step[:, None] * np.einsum("nij,nj->ni", inverse, residual)
        arguments = (at.step[:, None], float(length), samples.along(start), samples.rest)
        laws = stated(claim, "weight", (ETA, STEP, START, REST), *arguments)
        condition = samples.values[:, 0] / samples.values[:, 1]
        size = np.abs(start).max(axis=1) + np.abs(samples.rest).max(axis=1)
        growth = np.maximum(1.0, np.abs(1 - at.step)) ** length
        # least squares err by κ in what is fitted, and by κ² in the residual that it leaves
        tolerance = ROUNDING * length * growth * (condition * size + condition**2 / samples.values[:, 0])
        yield from _worst(at, samples, length, laws, samples.along(weights), tolerance)
        left = np.linalg.norm(samples.along(weights) - samples.rest, axis=1)
        begin = np.linalg.norm(samples.along(start) - samples.rest, axis=1)
        laws = stated(claim, "left", (ETA, STEP), at.step, float(length))
        for i in range(0, len(at), 10):
            where = _where(at, samples, length, i) | {"quantity": "error left"}
            yield against(where, (laws[0][i], laws[1][i]), left[i] / begin[i], 2 * tolerance[i] / begin[i])


def _ranges(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """F2: moments by quadrature, their bounds, and the factor by which steps shrink the second weight."""
    at = points(rng, 1000, fraction=(1e-4, 1e3))
    at = at.but(margin=np.concatenate([[0.0, 0.3, 0.302, 0.3031], at.margin[4:]]))
    shrunk = at.step / 2  # from a second weight of 1/2, so that rounding keeps the factor on its side of 1
    factor = (0.5 - shrunk * at.epsilon) / 0.5
    inside = ((factor > 0) & (factor < 1)).astype(float)
    for name, measured in (("m1", at.m1), ("m2", at.m2)):
        laws = stated(claim, name, (MARGIN,), at.margin)
        for i in range(len(at)):
            where = {"margin": float(at.margin[i]), "quantity": name}
            yield against(where, (laws[0][i], laws[1][i]), measured[i], 1e-12 * measured[i])  # that of quadrature
    for name, measured in {"m1_below": at.m1, "m1_above": at.m1, "m2_above": at.m2}.items():
        laws = stated(claim, name, (MARGIN,), at.margin)
        for i in range(len(at)):
            where = {"margin": float(at.margin[i]), "bound": name.replace("_", " ")}
            numbers = (float(laws[0][i]), float(laws[1][i]), float(measured[i]))
            yield bounded(where, *numbers, 1e-12 * numbers[2], below="below" in name)  # that of quadrature
    laws = stated(claim, "slow_factor_inside", (ETA, EPSILON), at.step, at.epsilon)
    for i in range(len(at)):
        where = {"epsilon": float(at.epsilon[i]), "step": float(at.step[i]), "quantity": "beta in (0, 1)"}
        yield against(where, (laws[0][i], laws[1][i]), inside[i], 0.0)


def _large_samples(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """F3: scatter of what is estimated from n samples, and of runs on them, over two decades of n."""
    at = points(rng, PLACES, epsilon=(0.02, 0.5), fraction=(0.1, 0.3), size=(0.5, 5))
    width = SURE / math.sqrt(2 * DRAWS) / float(np.linalg.norm(np.log(COUNTS) - np.mean(np.log(COUNTS))))
    for i in range(len(at)):
        seed = int(rng.integers(2**31))
        estimated, ratios = _estimates(at.where([i]), seed)
        for name, deviations in estimated.items():
            where = at.row(i, quantity=name, seed=seed)
            exponent = slope(np.array(COUNTS, float), deviations)
            # leading orders err by O(1/n) at the smallest n
            yield against(where, stated(claim, "exponent", ()), exponent, width + 2 / COUNTS[0])
        for name, law in (("w_1", "fast_scatter"), ("w_2", "slow_scatter")):
            arguments = (float(at.epsilon[i]), float(at.margin[i]), float(COUNTS[-1]))
            predicted = float(claim.predicts(law, (EPSILON, MARGIN, SAMPLES))(*arguments))
            where = at.row(i, quantity=f"standard deviation of {name}", samples=COUNTS[-1], seed=seed)
            measured = float(estimated[name][-1])
            tolerance = predicted * (SURE / math.sqrt(2 * DRAWS) + 20 / COUNTS[-1])
            stands = bool(abs(predicted - measured) <= tolerance)
            yield Trial(where, None, predicted, measured, tolerance, True, stands)
        for horizon, deviations in ratios.items():
            where = at.row(i, quantity="factor of nu_k", horizon=horizon, seed=seed)
            exponent = slope(np.array(COUNTS, float), deviations)
            laws = stated(claim, "factor_exponent", (HORIZON,), horizon)
            tolerance = width + 2 / COUNTS[0] + _mixture(claim, at.where([i]), horizon)
            yield against(where, laws, exponent, tolerance)


def _mixture(claim: Claim, at: Points, horizon: float) -> float:
    """What the other part of the factor's error, (1 + c log n)√(2/n) from the slow rate, may take off the exponent.

    It is smaller by n^c and a constant, which need not be much at the smallest n; for c = 0 both have one exponent.
    """
    if horizon == 0:
        return 0.0
    scatter = claim.predicts("slow_scatter", (EPSILON, MARGIN, SAMPLES))(at.epsilon[0], at.margin[0], 1.0)
    added = math.e * COUNTS[0] ** horizon * float(scatter) / abs(float(at.u2[0]))
    other = math.sqrt(2) * (1 + horizon * math.log(COUNTS[0]))
    return math.log1p((other / added) ** 2) / math.log(COUNTS[-1] / COUNTS[0])


def _estimates(at: Points, seed: int) -> tuple[dict[str, Array], dict[float, Array]]:
    """Root-mean-square deviations at each number of samples: of moments and weights, and of ν̂_k/ν_k from 1."""
    rng, found = np.random.default_rng(seed), []
    limits = np.array([at.m2[0], at.epsilon[0], 0, at.m1[0], 0, at.optimum[0], 0])
    ratios: dict[float, list[float]] = {0.0: [], 1.0: [], 2.0: []}
    for count in COUNTS:
        inputs, labels = sample_folded_training(float(at.epsilon[0]), float(at.margin[0]), DRAWS * count, rng)
        inputs, labels = inputs.reshape(DRAWS, count, 2), labels.reshape(DRAWS, count)
        covariance = inputs.swapaxes(1, 2) @ inputs / count
        cross = np.einsum("nij,ni->nj", inputs, labels) / count
        least = np.linalg.solve(covariance, cross[..., None])[..., 0]
        seen = np.column_stack([covariance[:, [0, 1, 0], [0, 1, 1]], cross, least])
        found.append(np.sqrt(((seen - limits) ** 2).mean(axis=0)))
        weights = np.broadcast_to([at.u1[0], at.u2[0]], (DRAWS, 2))
        slow, done = float(at.u2[0]), 0
        for horizon in ratios:
            until = round((1 + horizon * math.log(count)) / float(at.step[0] * at.epsilon[0]))
            for _ in range(until - done):
                weights = weights - at.step * (np.einsum("nij,nj->ni", covariance, weights) - cross)
                slow -= float(at.step[0]) * float(at.epsilon[0]) * slow
            done = until
            ratios[horizon].append(float(np.sqrt(np.mean((weights[:, 1] / slow - 1) ** 2))))
    names = ("Sigma_11", "Sigma_22", "Sigma_12", "c_1", "c_2", "w_1", "w_2")
    return dict(zip(names, np.array(found).T, strict=True)), {h: np.array(row) for h, row in ratios.items()}


EXAMINERS: dict[str, Examiner] = {
    "F1": _powers,
    "F2": _ranges,
    "F3": _large_samples,
    "F8": _preconditioned,
}
