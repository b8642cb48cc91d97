"""The numbers of a model as a simulation needs them, found without its derivation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

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
        lambda weights: sector_error(weights, model.epsilon, model.theta),
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
        lambda weights: sector_error(weights, model.epsilon, model.theta),
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


def sector_moments(epsilon: float, theta: float) -> tuple[Array, Array]:
    """E xxᵀ (2, 2) and E yx (1, 2) of the wedge, by Gauss–Legendre quadrature over radius and angle.

    Whitened, the inputs of label 1 are r (sin a, −cos a) with a uniform in (0, ψ); what is odd about a = π/2 is
    integrated over the part whose mirror image lies outside.
    """
    root = np.sqrt(epsilon)
    width, mirrored = (np.arctan2(root * np.sin(theta), sign * np.cos(theta)) for sign in (1, -1))
    first = _legendre(lambda r: r**2 * np.exp(-(r**2) / 2), 40.0, 40)
    second = _legendre(lambda r: r**3 * np.exp(-(r**2) / 2), 40.0, 40)
    odd = min(width, mirrored)
    s11 = second * _legendre(lambda a: np.sin(a) ** 2, width) / width
    s22 = second * _legendre(lambda a: np.cos(a) ** 2, width) / width * epsilon
    s12 = -second * _legendre(lambda a: np.sin(a) * np.cos(a), odd) / width * root
    c1 = first * _legendre(np.sin, width) / width
    c2 = -first * _legendre(np.cos, odd) / width * root
    return np.array([[s11, s12], [s12, s22]]), np.array([[c1, c2]])


def sector_minimiser(epsilon: float, theta: float, decay: float) -> Array:
    """Minimiser (1, 2) on the wedge by Cramer's rule, each determinant of moments as a mean over pairs of angles.

    Over pairs nothing cancels: E p·E q − E u·E v is the mean of a product that is symmetric in both angles.
    """
    (s11, _), (_, s22) = sector_moments(epsilon, theta)[0]
    c1, c2 = sector_moments(epsilon, theta)[1][0]
    root = np.sqrt(epsilon)
    width = np.arctan2(root * np.sin(theta), np.cos(theta))
    nodes, weights = np.polynomial.legendre.leggauss(30)
    angle, weight = width * (1 + nodes) / 2, np.outer(weights, weights) / 4
    turn, middle = np.subtract.outer(angle, angle), np.add.outer(angle, angle) / 2
    swing, radial = np.sin(turn / 2) * np.sin(turn), np.sqrt(2 * np.pi)  # E r² · E r
    first = radial * epsilon * (weight * np.sin(middle) * swing).sum() + decay * c1
    second = -radial * root * (weight * np.cos(middle) * swing).sum() + decay * c2
    determinant = 2 * epsilon * (weight * np.sin(turn) ** 2).sum() + decay * (s11 + s22) + decay**2
    return np.array([[first, second]]) / determinant


def _legendre(function: Callable[[Array], Array], end: float, parts: int = 1) -> float:
    """∫ of a function from 0 to `end`, in equal parts."""
    nodes, weights = np.polynomial.legendre.leggauss(30)
    half = end / parts / 2
    points = 2 * half * np.arange(parts)[:, None] + half * (1 + nodes)
    return float((half * weights * function(points)).sum())


def sector_error(weights: Array, epsilon: float, theta: float) -> Array:
    """Exact classification error of weights (…, 1, 2) on the folded model's test set, and on the wedge.

    Whitened, the set is the double sector of width ψ_v, the angle of v to the first axis, and w misclassifies
    the part of it that lies between the first axis and w, at angle ψ_w in (−π, π].
    """
    w1, w2 = weights[..., 0, 0], np.sqrt(epsilon) * weights[..., 0, 1] + 0.0
    width = np.arctan2(np.sqrt(epsilon) * np.sin(theta), np.cos(theta))
    angle = np.arctan2(w2, w1)
    angle = np.where((w1 == 0) & (w2 == 0), np.pi, angle)  # a zero vector classifies nothing correctly
    above = np.minimum(angle / width, 1.0)
    below = np.clip(1.0 - (angle + np.pi) / width, 0.0, np.nextafter(1.0, 0.0))  # the sector is never all wrong here
    return np.where(angle >= 0, above, below)


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
