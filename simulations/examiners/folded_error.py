"""Trials of F4 and F5: the test error of the folded model, by geometry, by sampling and on finite training sets."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from simulations.datasets import sample_folded_test, sample_folded_training
from simulations.examiners.folded_points import Points, descents, last_true, points
from simulations.examiners.trial import Examiner, Trial, compared
from theory.claims.claim import Claim
from theory.claims.folded_error import ALPHA, MU, NU
from theory.models.folded import EPSILON, THETA

Array = NDArray[np.float64]
SYMBOLS = (MU, NU, EPSILON, THETA)
POINTS, STEPS = 1500, 30
SAMPLED, INPUTS = 40, 100_000  # points that are sampled, and test inputs at each
LEVEL = 1e-8  # of a confidence interval: none of a few dozen misses by chance
TRAINING, SETS = 20_000, 30  # inputs of a training set, and training sets
ROUNDING = 4e-16


def _reached(rng: np.random.Generator, count: int) -> tuple[Points, Array, NDArray[np.int64]]:
    """Points, the weights (n, 2) that gradient descent reaches from them, and after how many steps."""
    at = points(rng, count)
    path, taken = descents(at, STEPS), rng.integers(1, STEPS + 1, count)
    return at, path[taken, np.arange(count)], taken


def _angle_error(at: Points, weights: Array) -> tuple[Array, Array]:
    """Width of the test set's sector (n,), and what rounding does to arccos(r_k)/arccos(r)."""
    width = np.arctan2(np.sqrt(at.epsilon) * np.sin(at.theta), np.cos(at.theta))
    turn = np.abs(np.arctan2(np.sqrt(at.epsilon) * np.abs(weights[:, 1]), np.abs(weights[:, 0])))
    lost = np.minimum(2 * math.sqrt(ROUNDING), ROUNDING / np.maximum(turn, ROUNDING))
    share = np.minimum(1.0, turn / width)
    return width, 1e-13 + lost / width + share * ROUNDING / width**2


def _error(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """F4: the law at the weights that gradient descent reaches."""
    at, weights, taken = _reached(rng, POINTS)
    mu, nu = weights.T
    exact, tolerance = at.error(weights), _angle_error(at, weights)[1]
    claimed, predicted = (law("error", SYMBOLS)(mu, nu, at.epsilon, at.theta) for law in (claim.claims, claim.predicts))
    for i in range(len(at)):
        numbers = (float(claimed[i]), float(predicted[i]), float(exact[i]))
        yield compared(at.row(i, steps=int(taken[i])), *numbers, float(tolerance[i]))
    lengths = np.hypot(mu, np.sqrt(at.epsilon) * nu)
    cosine = np.cos(np.arctan2(np.sqrt(at.epsilon) * nu, mu))
    for i in np.flatnonzero(lengths > 0)[::10]:
        stated = (float(law("ratio", SYMBOLS)(mu[i], nu[i], at.epsilon[i], at.theta[i])) for law in (claim.claims, claim.predicts))
        yield compared(at.row(i, steps=int(taken[i]), quantity="r_k"), *stated, float(cosine[i]), 1e-14)
    for i in range(SAMPLED):
        seed = int(rng.integers(2**31))
        yield _sampled(at.row(i, steps=int(taken[i]), seed=seed), at, i, weights[i], (claimed[i], predicted[i]), tolerance[i])
    yield from _trained(claim, rng)


def _sampled(
    where: dict[str, float], at: Points, i: int, weights: Array, stated: tuple[float, float], rounding: float
) -> Trial:
    """The share of sampled test inputs that is misclassified, within its exact confidence interval (key clopper1934)."""
    inputs, labels = sample_folded_test(float(at.epsilon[i]), float(at.theta[i]), INPUTS, int(where["seed"]))
    wrong = int((np.sign(inputs @ weights) != labels).sum())
    low = beta.ppf(LEVEL / 2, wrong, INPUTS - wrong + 1) if wrong else 0.0
    high = beta.ppf(1 - LEVEL / 2, wrong + 1, INPUTS - wrong) if wrong < INPUTS else 1.0
    share = wrong / INPUTS
    tolerance = float(max(share - low, high - share) + rounding)
    return compared({**where, "inputs": INPUTS}, *map(float, stated), share, tolerance)


def _trained(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """Mean test error after training on finite sets, against the law at the weights of the population."""
    at = points(rng, 200, epsilon=(0.01, 0.5), fraction=(0.02, 0.4), size=(0.5, 5))
    path, exact = descents(at, STEPS), []
    inside = [(at.error(path[k]) > 0.1) & (at.error(path[k]) < 0.9) for k in (5, STEPS)]
    exact = [(i, k) for mask, k in zip(inside, (5, STEPS), strict=True) for i in np.flatnonzero(mask)[:3]]
    for i, k in exact:
        one, seed = at.where([int(i)]), int(rng.integers(2**31))
        errors = _after_training(one, k, seed)
        mu, nu = path[k, i]
        stated = (float(law("error", SYMBOLS)(mu, nu, one.epsilon[0], one.theta[0])) for law in (claim.claims, claim.predicts))
        scatter = float(errors.std(ddof=1))
        # six standard errors, and a bias of the order of the variance
        tolerance = 6 * scatter / math.sqrt(SETS) + 10 * scatter**2
        yield compared(at.row(int(i), steps=k, samples=TRAINING, seed=seed), *stated, float(errors.mean()), tolerance)


def _after_training(one: Points, count: int, seed: int) -> Array:
    """Test errors (SETS,) after `count` steps on training sets."""
    inputs, labels = sample_folded_training(float(one.epsilon[0]), float(one.margin[0]), SETS * TRAINING, seed)
    inputs, labels = inputs.reshape(SETS, TRAINING, 2), labels.reshape(SETS, TRAINING)
    covariance = inputs.swapaxes(1, 2) @ inputs / TRAINING
    cross = np.einsum("nij,ni->nj", inputs, labels) / TRAINING
    weights = np.broadcast_to([one.u1[0], one.u2[0]], cross.shape)
    for _ in range(count):
        weights = weights - one.step * (np.einsum("nij,nj->ni", covariance, weights) - cross)
    return np.array([float(one.error(row[None])[0]) for row in weights])


def _onset(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """F5: whether the error is below 100 %, by geometry and on samples; and how often it rises after the plateau."""
    at, weights, taken = _reached(rng, POINTS)
    mu, nu = weights.T
    clear = np.abs(nu * np.cos(at.theta) - mu * np.sin(at.theta)) > 1e-9 * np.hypot(mu, nu)
    claimed, predicted = (law("below", SYMBOLS)(mu, nu, at.epsilon, at.theta) for law in (claim.claims, claim.predicts))
    # where arccos rounds, r_k and r are equal floating-point numbers
    shown = np.abs(np.arctan2(np.sqrt(at.epsilon) * nu, mu)) > 1e-6
    exact = at.error(weights)
    for i in np.flatnonzero(clear & shown):
        where = at.row(i, steps=int(taken[i]), quantity="below 100 %")
        yield compared(where, float(claimed[i]), float(predicted[i]), float(exact[i] < 1), 0.0)
    far = np.flatnonzero(clear & shown & (np.abs(exact - 1) > 1e-3) | (clear & shown & (exact == 1)))
    for i in far[:SAMPLED]:
        seed = int(rng.integers(2**31))
        inputs, labels = sample_folded_test(float(at.epsilon[i]), float(at.theta[i]), INPUTS, seed)
        right = bool((np.sign(inputs @ weights[i]) == labels).any())
        where = at.row(i, steps=int(taken[i]), quantity="below 100 %", seed=seed, inputs=INPUTS)
        yield compared(where, float(claimed[i]), float(predicted[i]), float(right), 0.0)
    yield from _falls(claim, rng)


def _falls(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """Number of steps at which the error rises after it has left 100 %."""
    at = points(rng, 1500, epsilon=(1e-3, 0.9), fraction=(0.05, 1.0), size=(0.1, 10))
    path = descents(at, 300)
    error = at.error(path)
    last = last_true(error >= 1.0)
    first = np.where((error >= 1).any(axis=0), np.argmin(np.where(np.cumsum(error >= 1, axis=0) > 0, error >= 1, True), axis=0), -1)
    alpha = 1 - at.step * at.m2
    law = claim.predicts("rises", (ALPHA,))
    for i in np.flatnonzero((first > 0) & (last < 250)):
        after = error[first[i] :, i]
        rises = int((np.diff(after) > 1e-12).sum())
        predicted = float(law(alpha[i]))
        claimed = float(claim.claims("rises", (ALPHA,))(alpha[i]))
        derived_stands = math.isnan(predicted) or predicted == rises
        where = at.row(i, quantity="rises after 100 %")
        yield Trial(where, claimed, predicted, rises, 0.0, claimed == rises, derived_stands)


EXAMINERS: dict[str, Examiner] = {"F4": _error, "F5": _onset}
