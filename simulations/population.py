"""The numbers of a model as a simulation needs them, found without its derivation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from simulations.sector import classification_error, sector_minimiser, sector_moments
from theory.models.folded import Folded
from theory.models.linear import LinearModel
from theory.models.regression import Regression
from theory.models.wedge import Wedge

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Population:
    """A quadratic training loss and a test error.

    Parameters
    ----------
    curvature
        Σ + λI (d, d).
    cross
        E y xᵀ (c, d).
    minimiser
        W* (c, d).
    test_error
        Maps weights (…, c, d) to test errors (…).
    classifies
        Whether the test error is a fraction of misclassified inputs.
    resolution
        Length of an error along a direction below which the test error cannot return to its start.
    """

    curvature: Array
    cross: Array
    minimiser: Array
    test_error: Callable[[Array], Array]
    classifies: bool
    resolution: float = np.inf

    def gradient(self, weights: Array) -> Array:
        """Gradient of the training loss at weights (…, c, d)."""
        return weights @ self.curvature - self.cross

    def train_error(self, weights: Array) -> Array:
        """Training loss above its minimum, at weights (…, c, d)."""
        error = weights - self.minimiser
        return 0.5 * np.einsum("...ij,...ij->...", error @ self.curvature, error)


@singledispatch
def population(model: LinearModel) -> Population:
    """The numbers of a model: a user's own model gives its moments and, if it has one, its test error."""
    error = getattr(model, "test_error", None) or _isotropic(model.minimiser)
    classifies = bool(getattr(model, "classifies", False))
    return Population(model.curvature, model.cross, model.minimiser, error, classifies)


@population.register
def _(model: Folded) -> Population:
    m1, m2 = tail_moments(model.margin)
    curvature = np.diag([m2 + model.weight_decay, model.epsilon + model.weight_decay])
    minimiser = np.array([[m1 / curvature[0, 0], 0.0]])
    return Population(
        curvature,
        np.array([[m1, 0.0]]),
        minimiser,
        lambda weights: classification_error(weights, model.epsilon, model.theta),
        classifies=True,
        resolution=1e-2 * float(minimiser[0, 0]) * np.sin(model.theta),
    )


@population.register
def _(model: Wedge) -> Population:
    covariance, cross = sector_moments(model.epsilon, model.theta)
    curvature = covariance + model.weight_decay * np.eye(2)
    minimiser = sector_minimiser(model.epsilon, model.theta, model.weight_decay)
    beyond = minimiser[0, 0] * np.sin(model.theta) - minimiser[0, 1] * np.cos(model.theta)
    return Population(
        curvature,
        cross,
        minimiser,
        lambda weights: classification_error(weights, model.epsilon, model.theta),
        classifies=True,
        resolution=0.5 * float(max(beyond, -minimiser[0, 1])),  # two such errors do not reach 100 % again
    )


@population.register
def _(model: Regression) -> Population:
    error = _isotropic(model.target) if model.test is None else _held_out(*model.test)
    return Population(model.curvature, model.cross, model.minimiser, error, classifies=False)


def tail_moments(margin: float) -> tuple[float, float]:
    """E|z| and E z² of a standard Gaussian given |z| ≥ margin, by Gauss–Legendre quadrature of its density."""
    nodes, weights = np.polynomial.legendre.leggauss(20)
    edges = np.linspace(0, 40 / max(margin, 1.0), 65)
    half = np.diff(edges)[:, None] / 2
    beyond = edges[:-1, None] + half * (1 + nodes)
    mass = half * weights * np.exp(-beyond * (margin + beyond / 2))  # relative to the density at the margin
    total = mass.sum()
    return float((mass * (margin + beyond)).sum() / total), float((mass * (margin + beyond) ** 2).sum() / total)


def _isotropic(target: Array) -> Callable[[Array], Array]:
    """½‖W − W*‖²: the excess error on inputs of unit covariance."""

    def error(weights: Array) -> Array:
        return 0.5 * ((weights - target) ** 2).sum(axis=(-2, -1))

    return error


def _held_out(covariance: Array, cross: Array, power: float) -> Callable[[Array], Array]:
    """½ E‖W x − y‖² on a test set with these second moments."""

    def error(weights: Array) -> Array:
        fit = np.einsum("...ij,...ij->...", weights @ covariance - 2 * cross, weights)
        return 0.5 * (fit + power)

    return error
