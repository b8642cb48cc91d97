"""Which way a rule goes for a given gradient, with the state it needs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.bases import composed, exact, refreshed, sketched
from simulations.bases import rank_cut as rank_cut
from simulations.polar import SMALL, polar
from theory.checks import ArgumentError
from theory.rules import Rule

Array = NDArray[np.float64]
Direction = Callable[[Array, Any], tuple[Array, Any]]


def direction(rule: Rule, curvature: Array | None = None, seed: int = 0) -> Direction:
    """The rule as a function (gradient (…, m, p), state) → (direction (…, m, p), state).

    The state is None before the first step, and belongs to one shape of gradients. A zero gradient gives a zero
    direction, and singular values below max(m, p)·eps of the largest count as zero. A gradient with NaN or Inf
    gives a direction with NaN: nothing is checked here, in the innermost loop.

    Parameters
    ----------
    rule
        Any rule.
    curvature
        Σ + λI (p, p), which Newton's rule needs.
    seed
        Seeds the rules that draw at random (``random-basis``, ``rsvd``).

    Raises
    ------
    ArgumentError
        If Newton's rule has no curvature; by the function returned, if the rank of ``rsvd`` is larger than that
        of the gradients can be.
    """
    if rule.kind == "spectral" and rule.refresh > 1:
        return refreshed(_stateless(exact), functools.partial(_speeds, rule), rule.refresh)
    if rule.kind == "spectral":
        return _stateless(_gradient if rule.power == 0 else functools.partial(spectral, rule))
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
    sketch = sketched(int(rule.options["rank"]), int(rule.options["iterations"]), seed)
    return refreshed(sketch, _unit_speeds, rule.refresh)


def spectral(rule: Rule, gradient: Array) -> Array:
    """U h(S) Vᵀ for a gradient U S Vᵀ of shape (…, m, p)."""
    if rule.isotropic or min(gradient.shape[-2:]) == 1:
        return gradient * _ratio(rule, gradient)
    if rule.power == 1 and gradient.ndim == 2 and min(gradient.shape) >= SMALL and np.isfinite(gradient).all():
        return polar(gradient).factor
    return composed(exact(gradient), functools.partial(_speeds, rule), gradient.shape)


def _ratio(rule: Rule, gradient: Array) -> Array:
    """h(‖G‖)/‖G‖ (…, 1, 1), zero for a zero gradient: the only singular value, or all are scaled by this."""
    norm = np.sqrt(np.einsum("...ij,...ij->...", gradient, gradient))[..., None, None]
    moves = norm > 0
    if rule.power == 1:
        return np.divide(1.0, norm, out=np.zeros_like(norm), where=moves)
    safe = np.where(moves, norm, 1.0)
    return np.where(moves, np.asarray(rule.speed(safe, safe, 1), float) / safe, 0.0)


def _speeds(rule: Rule, values: Array, shape: tuple[int, ...]) -> Array:
    """H of the singular values (…, r) of gradients of that shape, zero where they are cut."""
    kept = rank_cut(values, shape)
    if rule.power == 1:
        return np.where(np.isnan(values), np.nan, kept)
    norm = np.sqrt((values**2).sum(axis=-1, keepdims=True))
    moves = norm > 0
    safe = np.where(kept, values, np.where(moves, values[..., :1], 1.0))  # a law in σ/‖G‖ may not go beyond 1
    index = np.arange(1, values.shape[-1] + 1)
    speeds = np.broadcast_to(np.asarray(rule.speed(safe, np.where(moves, norm, 1.0), index), float), values.shape)
    return np.where(np.isnan(values), np.nan, np.where(kept, speeds, 0.0))


def _unit_speeds(values: Array, shape: tuple[int, ...]) -> Array:
    return np.where(np.isnan(values), np.nan, rank_cut(values, shape))


def _norms(gradient: Array, axis: int) -> Array:
    return np.sqrt((gradient * gradient).sum(axis=axis, keepdims=True))


def _gradient(gradient: Array) -> Array:
    return gradient


def _stateless(function: Callable[[Array], Any]) -> Callable[[Array, Any], tuple[Any, Any]]:
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
        unit = np.divide(turned, norms, out=np.zeros_like(turned), where=norms != 0)
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
