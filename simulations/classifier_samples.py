"""Exact samples of the folded model and the wedge, without rejection."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtri_exp

from theory.checks import LARGEST, ArgumentError, ArgumentTypeError, inside, nonnegative

Array = NDArray[np.float64]


def sample_folded_training(
    epsilon: float, margin: float, size: int, rng: np.random.Generator | int
) -> tuple[Array, Array]:
    """Draw z ~ N(0, diag(1, ε)) conditioned on |z₁| ≥ s, with label sign(z₁), by inverting the tail.

    Parameters
    ----------
    epsilon
        Variance ε of the second feature, in (0, 1).
    margin
        The least |z₁|, s ≥ 0; accurate to rounding however small the tail Q(s).
    size
        Number of samples.
    rng
        A generator or the seed of one.

    Returns
    -------
    inputs
        (size, 2).
    labels
        −1 and 1 (size,).

    Raises
    ------
    ArgumentTypeError
        If an argument is of the wrong type.
    ArgumentError
        If one is outside its domain.
    """
    deviation = math.sqrt(inside("epsilon", epsilon, 0, 1, "(0, 1)"))
    least = inside("margin", nonnegative("margin", margin), -1, LARGEST, f"[0, {LARGEST:g})")
    count, generator = _size(size), _generator(rng)
    log_tail = log_ndtr(-least) + np.log1p(-generator.random(count))  # log of Q(s)·u, u uniform in (0, 1]
    distance = np.maximum(-ndtri_exp(log_tail), least)  # rounding may fall an ulp short
    labels = _signs(generator, count)
    return np.column_stack((labels * distance, deviation * generator.standard_normal(count))), labels


def sample_folded_test(epsilon: float, theta: float, size: int, rng: np.random.Generator | int) -> tuple[Array, Array]:
    """Draw z ~ N(0, diag(1, ε)) conditioned on (z·v) z₁ ≤ 0, v = (cos θ, sin θ), with label sign(z₁).

    Parameters
    ----------
    epsilon
        Variance ε of the second feature, in (0, 1).
    theta
        Angle θ between the training and the test labels' directions, in radians, in (0, π/2).
    size
        Number of samples.
    rng
        A generator or the seed of one.

    Returns
    -------
    inputs
        (size, 2).
    labels
        −1 and 1 (size,).

    Raises
    ------
    ArgumentTypeError
        If an argument is of the wrong type.
    ArgumentError
        If one is outside its domain.
    """
    return sample_wedge(epsilon, inside("theta", theta, 0, math.pi / 2, "(0, π/2)"), size, rng)


def sample_wedge(epsilon: float, theta: float, size: int, rng: np.random.Generator | int) -> tuple[Array, Array]:
    """Draw from the wedge, z ~ N(0, diag(1, ε)) conditioned on (z·v) z₁ ≤ 0, v = (cos θ, sin θ), with label sign(z₁).

    Up to a common sign z = (r sin ψ, −√ε r cos ψ), and the condition reads sin ψ cos θ ≤ √ε cos ψ sin θ:
    ψ is uniform between 0 and the angle of (cos θ, √ε sin θ), and the radius r is Rayleigh and independent of it.

    Parameters
    ----------
    epsilon
        Variance ε of the second feature, in (0, 1).
    theta
        Angle θ of the second plane's normal to the first axis, in radians, in (0, π).
    size
        Number of samples.
    rng
        A generator or the seed of one.

    Returns
    -------
    inputs
        (size, 2).
    labels
        −1 and 1 (size,).

    Raises
    ------
    ArgumentTypeError
        If an argument is of the wrong type.
    ArgumentError
        If one is outside its domain.
    """
    deviation = math.sqrt(inside("epsilon", epsilon, 0, 1, "(0, 1)"))
    angle = inside("theta", theta, 0, math.pi, "(0, π)")
    count, generator = _size(size), _generator(rng)
    width = math.atan2(deviation * math.sin(angle), math.cos(angle))
    psi = width * (1 - generator.random(count))  # never 0, where the label would be undefined
    labels = _signs(generator, count)
    radius = labels * generator.rayleigh(size=count)
    return np.column_stack((radius * np.sin(psi), -deviation * radius * np.cos(psi))), labels


def _signs(generator: np.random.Generator, count: int) -> Array:
    return np.where(generator.random(count) < 0.5, -1.0, 1.0)


def _size(size: int) -> int:
    if not isinstance(size, (int, np.integer)) or isinstance(size, bool):
        raise ArgumentTypeError("size", "be an integer", f"is {size!r}")
    if size < 1:
        raise ArgumentError("size", "be positive", f"is {size}")
    return int(size)


def _generator(rng: np.random.Generator | int) -> np.random.Generator:
    if isinstance(rng, bool) or not isinstance(rng, (int, np.integer, np.random.Generator)):
        raise ArgumentTypeError("rng", "be a numpy.random.Generator or an integer seed", f"is {rng!r}")
    if not isinstance(rng, np.random.Generator) and rng < 0:
        raise ArgumentError("rng", "be a Generator or a seed of at least 0", f"is {rng}")
    return np.random.default_rng(rng)
