"""Trials of F4 and F5: the test error of the folded model, by geometry, by sampling and on finite training sets."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from simulations.classifier_samples import sample_folded_test, sample_folded_training
from simulations.examiners.folded_points import Points, points
from simulations.examiners.settings import Settings, against, descents, stated
from simulations.examiners.trial import Examiner, Trial
from theory.claims.claim import Claim
from theory.claims.folded_error import ALPHA, MU, NU
from theory.models.folded import EPSILON, THETA

Array = NDArray[np.float64]
SYMBOLS = (MU, NU, EPSILON, THETA)
POINTS, STEPS, WATCHED = 1500, 30, 300
SAMPLED, INPUTS = 40, 100_000  # points that are sampled, and test inputs at each
LEVEL = 1e-8  # of a confidence interval: none of a few dozen misses by chance
TRAINING, SETS = 20_000, 30  # inputs of a training set, and training sets
ROUNDING = 4e-16


def _reached(rng: np.random.Generator, count: int) -> tuple[Points, Array, NDArray[np.int64]]:
    """Points, the weights (n, 2) that gradient descent reaches from them, and after how many steps."""
    at = points(rng, count)
    path, taken = descents(at, STEPS), rng.integers(1, STEPS + 1, count)
    return at, path[taken, np.arange(count)], taken


def angle_error(at: Settings, weights: Array) -> Array:
    """What rounding does to arccos(r_k)/arccos(r) at weights (n, 2)."""
    width = np.arctan2(np.sqrt(at.epsilon) * np.sin(at.theta), np.cos(at.theta))
    turn = np.abs(np.arctan2(np.sqrt(at.epsilon) * np.abs(weights[:, 1]), np.abs(weights[:, 0])))
    lost = np.minimum(2 * math.sqrt(ROUNDING), ROUNDING / np.maximum(turn, ROUNDING))
    return 1e-13 + lost / width + np.minimum(1.0, turn / width) * ROUNDING / width**2


def _error(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """F4: the law at the weights that gradient descent reaches."""
    at, weights, taken = _reached(rng, POINTS)
    mu, nu = weights.T
    exact, tolerance = at.error(weights), angle_error(at, weights)
    laws = stated(claim, "error", SYMBOLS, mu, nu, at.epsilon, at.theta)
    for i in range(len(at)):
        yield against(at.row(i, steps=int(taken[i])), (laws[0][i], laws[1][i]), exact[i], tolerance[i])
    cosine = np.cos(np.arctan2(np.sqrt(at.epsilon) * nu, mu))
    ratios = stated(claim, "ratio", SYMBOLS, mu, nu, at.epsilon, at.theta)
    for i in range(0, len(at), 10):
        where = at.row(i, steps=int(taken[i]), quantity="r_k")
        yield against(where, (ratios[0][i], ratios[1][i]), cosine[i], 1e-14)
    for i in range(SAMPLED):
        seed = int(rng.integers(2**31))
        share, width = _sampled(at, i, weights[i], seed)
        where = at.row(i, steps=int(taken[i]), inputs=INPUTS, seed=seed)
        yield against(where, (laws[0][i], laws[1][i]), share, width + tolerance[i])
    yield from _trained(claim, rng)


def _sampled(at: Points, i: int, weights: Array, seed: int) -> tuple[float, float]:
    """The share of sampled test inputs that is misclassified, and its exact interval's width (key clopper1934)."""
    inputs, labels = sample_folded_test(float(at.epsilon[i]), float(at.theta[i]), INPUTS, seed)
    wrong = int((np.sign(inputs @ weights) != labels).sum())
    low = beta.ppf(LEVEL / 2, wrong, INPUTS - wrong + 1) if wrong else 0.0
    high = beta.ppf(1 - LEVEL / 2, wrong + 1, INPUTS - wrong) if wrong < INPUTS else 1.0
    share = wrong / INPUTS
    return share, float(max(share - low, high - share))


def _trained(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """Mean test error after training on finite sets, against the law at the weights of the population."""
    at = points(rng, 200, epsilon=(0.01, 0.5), fraction=(0.02, 0.4), size=(0.5, 5))
    path = descents(at, STEPS)
    errors = at.error(path)
    inside = (errors > 0.1) & (errors < 0.9)
    chosen = [(count, i) for count in (5, STEPS) for i in np.flatnonzero(inside[count])[:3].tolist()]
    for k, i in chosen:
        one, seed = at.where([i]), int(rng.integers(2**31))
        found = _after_training(one, k, seed)
        laws = stated(claim, "error", SYMBOLS, *path[k, i], one.epsilon[0], one.theta[0])
        scatter = float(found.std(ddof=1))
        # six standard errors, and a bias of the order of the variance
        tolerance = 6 * scatter / math.sqrt(SETS) + 10 * scatter**2
        yield against(at.row(i, steps=k, samples=TRAINING, seed=seed), laws, found.mean(), tolerance)


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
    laws = stated(claim, "below", SYMBOLS, mu, nu, at.epsilon, at.theta)
    exact = at.error(weights)
    # nearer to the boundary, or to r_k = 1, rounding decides
    clear = np.abs(nu * np.cos(at.theta) - mu * np.sin(at.theta)) > 1e-9 * np.hypot(mu, nu)
    clear &= np.abs(np.arctan2(np.sqrt(at.epsilon) * nu, mu)) > 1e-6
    for i in np.flatnonzero(clear).tolist():
        where = at.row(i, steps=int(taken[i]), quantity="below 100 %")
        yield against(where, (laws[0][i], laws[1][i]), exact[i] < 1, 0.0)
    # a sample shows that some input is classified correctly if more than a few in 100,000 are
    for i in np.flatnonzero(clear & ((exact < 0.999) | (exact == 1)))[:SAMPLED].tolist():
        seed = int(rng.integers(2**31))
        share, _ = _sampled(at, i, weights[i], seed)
        where = at.row(i, steps=int(taken[i]), quantity="below 100 %", inputs=INPUTS, seed=seed)
        yield against(where, (laws[0][i], laws[1][i]), share < 1, 0.0)
    yield from _falls(claim, rng)


def _falls(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """Number of steps at which the error rises after it has left 100 %."""
    at = points(rng, 1500, epsilon=(1e-3, 0.9), fraction=(0.05, 1.0), size=(0.1, 10))
    errors = at.error(descents(at, WATCHED))
    claimed, predicted = stated(claim, "rises", (ALPHA,), 1 - at.step * at.m2)
    for i, error in enumerate(errors.T):
        whole = error >= 1
        left = np.flatnonzero(whole[:-1] & ~whole[1:])
        if len(left) == 0 or left[0] > WATCHED - 50:
            continue
        rises = int((np.diff(error[left[0] + 1 :]) > 1e-12).sum())
        derived_stands = math.isnan(predicted[i]) or bool(predicted[i] == rises)
        where = at.row(i, quantity="rises after 100 %")
        stands = bool(claimed[i] == rises)
        yield Trial(where, float(claimed[i]), float(predicted[i]), rises, 0.0, stands, derived_stands)


EXAMINERS: dict[str, Examiner] = {"F4": _error, "F5": _onset}
