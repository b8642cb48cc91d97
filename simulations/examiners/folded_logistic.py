"""Trials of F11: the folded model with the logistic loss."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from simulations.classifier_samples import sample_folded_training
from simulations.examiners.folded_points import moments
from simulations.examiners.settings import against, rounded, slope, stated
from simulations.examiners.trial import Examiner, Trial
from theory.claims.claim import Claim
from theory.models.folded import MARGIN, THETA, U1, U2

Array = NDArray[np.float64]
DECADES = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)  # ε toward the limit
INPUTS, STEP_SIZE = 20_000, 0.5  # of a training set, and of gradient descent on it
SETTINGS, SAMPLED = 36, 4  # settings, and those that are also run on a training set
REACH = 6.0  # of s·u₂ cot θ: the plateau grows exponentially with it
Gradient = Callable[[Array], Array]


@functools.cache
def _nodes(margin: float) -> tuple[Array, Array, Array, Array]:
    """Nodes and weights of |x₁| given |x₁| ≥ s (Gauss–Legendre) and of a standard Gaussian (Gauss–Hermite)."""
    x, w = np.polynomial.legendre.leggauss(24)
    edges = np.linspace(0, 12, 9)
    half = np.diff(edges)[:, None] / 2
    tail = (edges[:-1, None] + half * (1 + x)).ravel()
    mass = (half * w).ravel() * np.exp(-tail * (margin + tail / 2))
    z, v = np.polynomial.hermite_e.hermegauss(12)
    return margin + tail, mass / mass.sum(), z, v / v.sum()


def logistic_gradient(epsilon: float, margin: float) -> Gradient:
    """Gradient (2,) of the population's logistic loss at weights (2,), by quadrature."""
    a, mass, z, share = _nodes(margin)
    x, weights = math.sqrt(epsilon) * z[:, None], mass * share[:, None]

    def gradient(w: Array) -> Array:
        misfit = weights / (1 + np.exp(np.minimum(a * w[0] + x * w[1], 700)))
        return -np.array([(a * misfit).sum(), (x * misfit).sum()])

    return gradient


@dataclass(frozen=True)
class _Boundary:
    """Event at which the weights leave the misclassified side: w₂ cos θ = w₁ sin θ."""

    theta: float
    terminal: bool = True

    def __call__(self, _: float, w: Array) -> float:
        return float(w[1] * math.cos(self.theta) - w[0] * math.sin(self.theta))


def flow_plateau(gradient: Gradient, theta: float, start: Array) -> float:
    """Flow time until the boundary is crossed."""
    event, options = _Boundary(theta), {"method": "LSODA", "rtol": 1e-10, "atol": 1e-12}
    found = solve_ivp(lambda _, w: -gradient(w), (0, 1e12), start, events=event, **options)
    return float(found.t_events[0][0])


def _settings(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Starts beyond the boundary, with τ above 1.5."""
    found = 0
    while found < SETTINGS:
        theta, margin, u1, u2 = rounded(rng.uniform((0.3, 0.0, -1.0, 1.0), (1.3, 2.0, 1.0, 6.0)))
        (m1,), (m2,) = moments(np.array([margin]))
        reach = u2 / math.tan(theta)
        if reach > 1.5 * max(u1, m1 / m2) and reach * max(margin, 1.0) < REACH:
            found += 1
            yield {"theta": float(theta), "margin": float(margin), "u1": float(u1), "u2": float(u2)}


def _logistic_loss(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """F11: length of the plateau toward ε = 0, by flow on the population and by steps on a training set."""
    for index, where in enumerate(_settings(rng)):
        theta, margin, start = where["theta"], where["margin"], np.array([where["u1"], where["u2"]])
        lengths = np.array([flow_plateau(logistic_gradient(epsilon, margin), theta, start) for epsilon in DECADES])
        shift = _shift(where)
        limit = float(claim.predicts("flow", (THETA, MARGIN, U1, U2))(theta, margin, *start))
        for epsilon, length in zip(DECADES, lengths, strict=True):
            tolerance = limit * (shift * epsilon + 1e-6)  # the latter that of the flow and the quadrature
            stands = bool(abs(limit - length) <= tolerance)
            yield Trial({"epsilon": epsilon, **where}, None, limit, float(length), tolerance, True, stands)
        found = {**where, "quantity": "exponent of epsilon"}
        laws = stated(claim, "exponent", ())
        yield against(found, laws, slope(np.array(DECADES), lengths), shift * DECADES[0] + 1e-6)
        if index < SAMPLED:
            seed = int(rng.integers(2**31))
            counts = np.array([_steps_on_sample(epsilon, where, seed) for epsilon in DECADES])
            found |= {"inputs": INPUTS, "step": STEP_SIZE, "seed": seed}
            # a number of steps is whole
            yield against(found, laws, slope(np.array(DECADES), counts), shift * DECADES[0] + 1 / counts.min())


def _shift(where: dict[str, Any]) -> float:
    """Relative change of the plateau's length per ε, at most.

    The slow weight moves by at most ε w₂/4 per unit of time, and x₂ changes the speed by ε m₁ w₂² max|σ″|/2 at most.
    """
    reach = where["u2"] / math.tan(where["theta"])
    speed = -float(logistic_gradient(DECADES[-1], where["margin"])(np.array([reach, 0.0]))[0])
    m1 = float(moments(np.array([where["margin"]]))[0][0])
    return (reach / 4 + 0.05 * m1 * where["u2"] ** 2) / speed


def _steps_on_sample(epsilon: float, where: dict[str, Any], seed: int) -> float:
    """Steps of logistic regression on a training set until the weights cross the boundary."""
    inputs, labels = sample_folded_training(epsilon, where["margin"], INPUTS, seed)
    signed, w, count = inputs * labels[:, None], np.array([where["u1"], where["u2"]]), 0
    while w[1] * math.cos(where["theta"]) >= w[0] * math.sin(where["theta"]):
        w = w + STEP_SIZE * (signed / (1 + np.exp(signed @ w))[:, None]).mean(axis=0)
        count += 1
    return float(count)


EXAMINERS: dict[str, Examiner] = {"F11": _logistic_loss}
