"""Which way a rule goes for a given gradient, with the state it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.polar import SMALL, polar
from theory.checks import ArgumentError
from theory.rules import Rule

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Direction = Callable[[Array, Any], tuple[Array, Any]]


def direction(rule: Rule, curvature: Array | None = None, seed: int = 0) -> Direction:
    """The rule as a function (gradient (…, m, p), state) → (direction (…, m, p), state).

    The state is None before the first step. A zero gradient gives a zero direction, and singular values below
    max(m, p)·eps of the largest count as zero.

    Parameters
    ----------
    rule
        Any rule.
    curvature
        Σ + λI (p, p), which Newton's rule needs.
    seed
        Seeds the rules that draw at random (``random-basis``, ``rsvd``).
    """
    if rule.kind == "spectral":
        return _stateless(_gradient if rule.power == 0 else lambda gradient: spectral(rule, gradient))
    if rule.kind == "newton":
        if curvature is None:
            raise ArgumentError("curvature", "be given for Newton's rule", "is missing")
        inverse = np.linalg.pinv(curvature, hermitian=True)
        return _stateless(lambda gradient: gradient @ inverse)
    if rule.kind == "column_norm":
        return _stateless(lambda gradient: gradient / np.maximum(_norms(gradient, -1), rule.options["floor"]))
    if rule.kind == "random_basis":
        return _random_basis(seed)
    if rule.kind == "momentum":
        return _momentum(rule.options["beta"])
    if rule.kind == "grokfast":
        return _grokfast(rule.options["memory"], rule.options["gain"])
    return _randomised(int(rule.options["rank"]), int(rule.options["iterations"]), seed)


def spectral(rule: Rule, gradient: Array) -> Array:
    """U h(S) Vᵀ for a gradient U S Vᵀ of shape (…, m, p)."""
    if rule.isotropic or min(gradient.shape[-2:]) == 1:
        norm = _norms(gradient, (-2, -1))
        return gradient * np.divide(
            _speeds(rule, norm[..., 0, :], gradient)[..., None], norm, out=np.zeros_like(norm), where=norm > 0
        )
    if rule.power == 1 and gradient.ndim == 2 and min(gradient.shape) >= SMALL:
        return polar(gradient).factor
    left, values, right = np.linalg.svd(gradient, full_matrices=False)
    return (left * _speeds(rule, values, gradient)[..., None, :]) @ right


def rank_cut(values: Array, shape: tuple[int, ...]) -> Mask:
    """Which singular values (…, r), in descending order, of a matrix of that shape are above rounding."""
    return values > max(shape[-2:]) * np.finfo(values.dtype).eps * values[..., :1]


def _speeds(rule: Rule, values: Array, gradient: Array) -> Array:
    """H of the singular values (…, r), zero where they are cut."""
    kept = rank_cut(values, gradient.shape)
    norm = np.sqrt((values**2).sum(axis=-1, keepdims=True))
    safe = np.where(kept, values, 1.0)
    index = np.arange(1, values.shape[-1] + 1)
    speeds = np.broadcast_to(np.asarray(rule.speed(safe, np.where(norm > 0, norm, 1.0), index), float), values.shape)
    return np.where(kept, speeds, 0.0)


def _norms(gradient: Array, axis: Any) -> Array:
    return np.sqrt((gradient * gradient).sum(axis=axis, keepdims=True))


def _gradient(gradient: Array) -> Array:
    return gradient


def _stateless(function: Callable[[Array], Array]) -> Direction:
    return lambda gradient, state: (function(gradient), None)


def _random_basis(seed: int) -> Direction:
    """Equal speeds along a random orthonormal basis of the inputs, with EGD's Frobenius norm.

    EGD gives unit length to the columns of G V; this gives it to those of G R with R drawn once.
    """

    def apply(gradient: Array, basis: Any) -> tuple[Array, Any]:
        size = gradient.shape[-1]
        if basis is None:
            basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]
        turned = gradient @ basis
        norms = _norms(turned, -2)
        unit = np.divide(turned, norms, out=np.zeros_like(turned), where=norms > 0)
        return np.sqrt(min(gradient.shape[-2:]) / size) * unit @ basis.T, basis

    return apply


def _momentum(beta: float) -> Direction:
    """Heavy ball: v ← βv + G."""

    def apply(gradient: Array, velocity: Any) -> tuple[Array, Any]:
        velocity = gradient if velocity is None else beta * velocity + gradient
        return velocity, velocity

    return apply


def _grokfast(memory: float, gain: float) -> Direction:
    """Grokfast-EMA (Lee et al. 2024, key ``lee2024``): G + gain · (moving average of G)."""

    def apply(gradient: Array, average: Any) -> tuple[Array, Any]:
        average = gradient if average is None else memory * average + (1 - memory) * gradient
        return gradient + gain * average, average

    return apply


def _randomised(rank: int, iterations: int, seed: int) -> Direction:
    """Polar factor of the rank-`rank` randomised SVD without oversampling (Algorithm 3, key ``sahebpasand2025``)."""

    def apply(gradient: Array, rng: Any) -> tuple[Array, Any]:
        from sklearn.utils.extmath import randomized_svd

        rng = np.random.RandomState(np.random.MT19937(seed)) if rng is None else rng
        if rank > min(gradient.shape):
            raise ArgumentError("rules", f"ask rsvd for a rank of at most {min(gradient.shape)}", f"asks for {rank}")
        left, values, right = randomized_svd(gradient, rank, n_oversamples=0, n_iter=iterations, random_state=rng)
        kept = rank_cut(values, gradient.shape)
        return left[:, kept] @ right[kept], rng

    return apply
