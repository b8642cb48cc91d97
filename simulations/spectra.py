"""Shapes of a spectrum: how eigenvalues lie between the largest and the smallest."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from theory.checks import known

Array = NDArray[np.float64]
ANGLES = 1 << 12  # intervals in which the Marchenko–Pastur law is integrated


def spectrum(shape: str, condition: float, count: int, largest: float = 1.0) -> Array:
    """Eigenvalues (count,) in descending order, of a given shape and condition number.

    ``two-level``: half of the directions at either end; ``geometric``: even in the logarithm; ``power-law``:
    λᵢ = λ₁ i^(−γ); ``marchenko-pastur``: quantiles of the law whose edges have this condition number.

    Raises
    ------
    ArgumentError
        If the shape is not known.

    Examples
    --------
    >>> spectrum("geometric", 100, 3).round(12).tolist()
    [1.0, 0.1, 0.01]
    """
    return largest * spectra(shape, np.array([condition]), count)[0]


def spectra(shape: str, conditions: Array, count: int) -> Array:
    """Spectra (n, count) of one shape with the largest eigenvalue 1 and condition numbers (n,)."""
    return FORMS[known("shape", shape, SHAPES)](np.asarray(conditions, float)[:, None], count)


def _two_level(conditions: Array, count: int) -> Array:
    return conditions ** -np.round(np.linspace(0, 1, count) + 1e-9)


def _geometric(conditions: Array, count: int) -> Array:
    return conditions ** -np.linspace(0, 1, count)


def _power_law(conditions: Array, count: int) -> Array:
    return conditions ** -(np.log(np.arange(1, count + 1)) / math.log(count))


def _marchenko_pastur(conditions: Array, count: int) -> Array:
    """With the edges (1 ± q)², λ = 1 + q² + 2q cos φ has the density 2 sin²φ / (πλ) in φ; scaled to λ₁ = 1."""
    angle = np.linspace(0, math.pi, ANGLES + 1)
    middle = (angle[1:] + angle[:-1]) / 2
    found = np.empty((len(conditions), count))
    for row, edge in zip(found, 1 / np.sqrt(conditions[:, 0]), strict=True):
        # λ in terms of half the angle, so that the lower edge, (1 − q)/(1 + q) squared, is not rounded away
        half = np.cos(middle / 2) ** 2 + edge**2 * np.sin(middle / 2) ** 2
        share = np.concatenate([[0.0], np.cumsum(np.sin(middle) ** 2 / half)])
        at = np.interp(np.linspace(0, share[-1], count), share, angle) / 2
        row[:] = np.cos(at) ** 2 + edge**2 * np.sin(at) ** 2
    return found


FORMS: dict[str, Callable[[Array, int], Array]] = {
    "two-level": _two_level,
    "geometric": _geometric,
    "power-law": _power_law,
    "marchenko-pastur": _marchenko_pastur,
}
SHAPES = tuple(FORMS)
