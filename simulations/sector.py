"""Numbers of a double sector, the folded model's test set and the wedge: moments, minimiser, error of weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def classification_error(weights: Array, epsilon: float | Array, theta: float | Array) -> Array:
    """Exact classification error of weights (…, 1, 2) on the folded model's test set, and on the wedge."""
    root = np.sqrt(epsilon)
    return sector_error(weights[..., 0, 0], root * weights[..., 0, 1], sector_width(epsilon, theta))


def sector_width(epsilon: Array | float, theta: Array | float) -> Array:
    """Angle ψ_v of v to the first axis, whitened; for numbers or arrays that broadcast together."""
    return np.arctan2(np.sqrt(epsilon) * np.sin(theta), np.cos(theta))


def sector_error(w1: Array, w2: Array, width: Array) -> Array:
    """Error of whitened weights on the double sector of width ψ_v; the arrays broadcast together.

    w misclassifies the part of the sector that lies between the first axis and w, at angle ψ_w in (−π, π].
    """
    angle = np.arctan2(w2 + 0.0, w1)
    if (angle > 0).all():
        return np.minimum(angle / width, 1.0)
    angle = np.where((w1 == 0) & (w2 == 0), np.pi, angle)  # a zero vector classifies nothing correctly
    above = np.minimum(angle / width, 1.0)
    below = np.clip(1.0 - (angle + np.pi) / width, 0.0, np.nextafter(1.0, 0.0))  # the sector is never all wrong here
    return np.where(angle >= 0, above, below)


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
