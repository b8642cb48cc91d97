"""Trials of W1, W2 and W3: mass, moments and rates of the wedge, by quadrature and by sampling its definition."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import beta

from simulations.examiners.settings import Mask, against, derived, logarithmic, rounded, slope, stated
from simulations.examiners.trial import Examiner, Trial
from simulations.examiners.wedge_points import angles, at, rejected
from theory.claims.claim import Claim
from theory.geometry import EPSILON, THETA

Array = NDArray[np.float64]
SYMBOLS = (EPSILON, THETA)
POINTS, SAMPLED, INPUTS = 1500, 30, 400_000
LEVEL, SURE = 1e-8, 6.0  # of a confidence interval, and in standard errors: none of a few hundred misses by chance
PANELS = 48  # of the quadrature, each twice as wide as the one before
TOWARD = np.geomspace(1e-4, 1e-8, 5)  # ε toward the limit
STEEP = 10.0  # largest |tan θ| there: √ε tan θ is to be small


def by_density(epsilon: Array, theta: Array) -> dict[str, Array]:
    """Mass and moments (n,) by integrating the density of z₁ with the law of z₂ given z₁, by Gauss–Legendre."""
    kappa = 1 / (np.tan(theta) * np.sqrt(epsilon))
    nodes, weights = np.polynomial.legendre.leggauss(12)
    edges = np.concatenate([[0.0], np.minimum(2.0 ** np.arange(-PANELS, 1), 1.0)]) * 40
    half = np.diff(edges)[:, None] / 2
    t = (edges[:-1, None] + half * (1 + nodes)).ravel()
    share = (half * weights).ravel() * np.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)
    reach = kappa[:, None] * t
    below, density = ndtr(-reach), np.exp(-(reach**2) / 2) / math.sqrt(2 * math.pi)
    mass, root = 2 * below @ share, np.sqrt(epsilon)
    return {
        "mass": mass,
        "a": 2 * below @ (share * t**2) / mass,
        "b": -2 * root * (density @ (share * t)) / mass,
        "d": 2 * epsilon * ((below + reach * density) @ share) / mass,
        "c1": 2 * below @ (share * t) / mass,
        "c2": -2 * root * (density @ share) / mass,
    }


def _settings(rng: np.random.Generator, count: int, least: float = 1e-8) -> tuple[Array, Array]:
    return rounded(logarithmic(rng, (least, 0.9), count)), angles(rng, count)


def _mass(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """W1: the probability by quadrature, and by counting Gaussian inputs."""
    epsilon, theta = _settings(rng, POINTS)
    measured, laws = by_density(epsilon, theta)["mass"], stated(claim, "mass", SYMBOLS, epsilon, theta)
    for i in range(POINTS):
        where = {"epsilon": float(epsilon[i]), "theta": float(theta[i])}
        # arccos x near x = 1 and −1 takes the rounding of x to that divided by the angle
        tolerance = 1e-13 + 1e-16 / min(measured[i], 1 - measured[i])
        yield against(where, (laws[0][i], laws[1][i]), measured[i], tolerance)
    for i in range(SAMPLED):
        seed = int(rng.integers(2**31))
        _, kept = rejected(float(epsilon[i]), float(theta[i]), INPUTS, np.random.default_rng(seed))
        share, width = interval(int(kept.sum()), INPUTS)
        where = {"epsilon": float(epsilon[i]), "theta": float(theta[i]), "inputs": INPUTS, "seed": seed}
        yield against(where, (laws[0][i], laws[1][i]), share, width)


def interval(hits: int, total: int) -> tuple[float, float]:
    """A proportion, and how far its exact interval reaches from it (key clopper1934)."""
    low = beta.ppf(LEVEL / 2, hits, total - hits + 1) if hits else 0.0
    high = beta.ppf(1 - LEVEL / 2, hits + 1, total - hits) if hits < total else 1.0
    return hits / total, float(max(hits / total - low, high - hits / total))


def _moments(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """W2: the five moments by quadrature, and on Gaussian inputs of which those in the wedge are kept."""
    epsilon, theta = _settings(rng, POINTS)
    found = by_density(epsilon, theta)
    one, root = np.ones(POINTS), np.sqrt(epsilon)
    size = {"a": one, "b": root, "d": epsilon, "c1": one, "c2": root}
    for name, largest in size.items():
        laws = stated(claim, name, SYMBOLS, epsilon, theta)
        # (1 − cos ψ)/ψ and the like lose what cancels; quadrature errs by 1e-12 of what it finds
        tolerance = 1e-12 * np.abs(found[name]) + 4e-16 * largest / found["mass"]
        for i in range(POINTS):
            where = {"epsilon": float(epsilon[i]), "theta": float(theta[i]), "quantity": name}
            yield against(where, (laws[0][i], laws[1][i]), found[name][i], tolerance[i])
    epsilon, theta = _settings(rng, SAMPLED, 0.01)
    for i in range(SAMPLED):
        yield from _sampled(claim, float(epsilon[i]), float(theta[i]), int(rng.integers(2**31)))


def _sampled(claim: Claim, epsilon: float, theta: float, seed: int) -> Iterator[Trial]:
    inputs, kept = rejected(epsilon, theta, INPUTS, np.random.default_rng(seed))
    x1, x2 = inputs[kept].T
    label = np.sign(x1)
    for name, values in {"a": x1 * x1, "b": x1 * x2, "d": x2 * x2, "c1": label * x1, "c2": label * x2}.items():
        laws = stated(claim, name, SYMBOLS, epsilon, theta)
        where = {"epsilon": epsilon, "theta": theta, "quantity": name, "inputs": len(x1), "seed": seed}
        tolerance = SURE * float(values.std()) / math.sqrt(len(values))
        yield against(where, (laws[0], laws[1]), values.mean(), tolerance)


def _rates(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """W3: exponents of ε of both eigenvalues, of |b| and of the slow eigenvector's angle to e₂, and constants."""
    theta = angles(rng, 200)
    theta = np.concatenate([[np.pi / 2], theta[_gentle(theta)]])
    seen = [_spectrum(float(epsilon), theta) for epsilon in TOWARD]
    for name, least in (("fast", False), ("slow", False), ("cross", True), ("turn", True)):
        values = np.array([found[name] for found in seen])
        claimed, predicted = stated(claim, f"{name}_exponent", SYMBOLS, 0.0, theta)
        for i, angle in enumerate(theta):
            measured = slope(TOWARD, values[:, i])
            # the next order is √ε tan θ of the leading one at most
            tolerance = math.sqrt(TOWARD[0]) * (1 + _tangent(angle))
            where = {"theta": float(angle), "quantity": f"exponent of {NAMED[name]}"}
            off = min(measured - claimed[i], 0.0) if least else measured - claimed[i]
            derived = abs(predicted[i] - measured) <= tolerance
            pair = float(claimed[i]), float(predicted[i])
            yield Trial(where, *pair, measured, tolerance, bool(abs(off) <= tolerance), bool(derived))
    yield from _constants(claim, theta, seen[-1])


NAMED = {"fast": "lambda+", "slow": "lambda-", "cross": "|b|", "turn": "slow direction to e2"}


def _gentle(theta: Array) -> Mask:
    return np.abs(np.tan(theta)) < STEEP


def _tangent(theta: float) -> float:
    """|tan θ|, and zero at the right angle, where √ε tan θ does not occur."""
    return 0.0 if theta == np.pi / 2 else abs(math.tan(theta))


def _spectrum(epsilon: float, theta: Array) -> dict[str, Array]:
    """Eigenvalues, |b| and the angle of the slow eigenvector at one ε (n,)."""
    one = np.ones(len(theta))
    covariance = at(epsilon=epsilon * one, theta=theta, step=one, u1=one, u2=one).covariance
    values, vectors = np.linalg.eigh(covariance)
    turn = np.arctan2(np.abs(vectors[:, 0, 0]), np.abs(vectors[:, 1, 0]))
    return {"fast": values[:, 1], "slow": values[:, 0], "cross": np.abs(covariance[:, 0, 1]), "turn": turn}


def _constants(claim: Claim, theta: Array, seen: dict[str, Array]) -> Iterator[Trial]:
    """What the quantities tend to, divided by the power of ε that is derived, at the smallest ε."""
    epsilon = float(TOWARD[-1])
    for name in ("fast", "slow", "turn"):
        power = stated(claim, f"{name}_exponent", SYMBOLS, epsilon, theta)[1]
        limit = derived(claim, f"{name}_constant", SYMBOLS, epsilon, theta)
        for i, angle in enumerate(theta):
            measured = float(seen[name][i] / epsilon ** power[i])
            tolerance = float(limit[i]) * math.sqrt(epsilon) * (1 + _tangent(angle)) + 1e-7
            where = {"theta": float(angle), "epsilon": epsilon, "quantity": f"constant of {NAMED[name]}"}
            stands = bool(abs(limit[i] - measured) <= tolerance)
            yield Trial(where, None, float(limit[i]), measured, tolerance, True, stands)


EXAMINERS: dict[str, Examiner] = {"W1": _mass, "W2": _moments, "W3": _rates}
