"""Singular directions of gradients: exact, by randomised sketches, or those of some steps ago."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.checks import ArgumentError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Factors = tuple[Array, Array, Array]  # U (…, m, r), σ (…, r) in descending order, Vᵀ (…, r, p)
Factorise = Callable[[Array, Any], tuple[Factors, Any]]  # with the state that it needs
Speeds = Callable[[Array, tuple[int, ...]], Array]  # of the values (…, r) of gradients of a shape


def rank_cut(values: Array, shape: tuple[int, ...]) -> Mask:
    """Which singular values (…, r), in descending order, of a matrix of that shape are above rounding."""
    return values > max(shape[-2:]) * np.finfo(values.dtype).eps * values[..., :1]


def exact(gradient: Array) -> Factors:
    """The factors of gradients (…, m, p); those of a gradient with NaN or Inf are NaN.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the SVD of a finite gradient does not converge.
    """
    try:
        left, values, right = np.linalg.svd(gradient, full_matrices=False)
    except np.linalg.LinAlgError:
        finite = np.asarray(np.isfinite(gradient).all(axis=(-2, -1), keepdims=True))
        if finite.all():
            raise
        left, values, right = np.linalg.svd(np.where(finite, gradient, 0.0), full_matrices=False)
        values = np.where(finite[..., 0], values, np.nan)
    return left, values, right


def sketched(rank: int, iterations: int, seed: int) -> Factorise:
    """Randomised SVD of that rank without oversampling, by scikit-learn (Halko et al., key ``halko2011``).

    Each step draws anew. All gradients of a stack (…, m, p) are sketched by the same random matrix, so that runs
    side by side are the runs one by one.

    Raises
    ------
    ArgumentError
        By the function returned, if the rank is larger than that of the gradients can be.
    """
    from sklearn.utils.extmath import randomized_svd

    def one(gradient: Array, draw: int) -> Factors:
        if not np.isfinite(gradient).all():
            return gradient[:, :rank], np.full(rank, np.nan), gradient[:rank]
        left, values, right = randomized_svd(gradient, rank, n_oversamples=0, n_iter=iterations, random_state=draw)
        return left, values, right

    def factorise(gradient: Array, rng: Any) -> tuple[Factors, Any]:
        largest = min(gradient.shape[-2:])
        if rank > largest:
            raise ArgumentError("rules", f"ask rsvd for a rank of at most {largest}", f"asks for {rank}")
        rng = np.random.default_rng(seed) if rng is None else rng
        draw, stack = int(rng.integers(2**32)), gradient.reshape(-1, *gradient.shape[-2:])
        parts = [np.stack(part) for part in zip(*(one(single, draw) for single in stack), strict=True)]
        left, values, right = (part.reshape(*gradient.shape[:-2], *part.shape[1:]) for part in parts)
        return (left, values, right), rng

    return factorise


def composed(factors: Factors, speeds: Speeds, shape: tuple[int, ...]) -> Array:
    """U h(S) Vᵀ (…, m, p)."""
    left, values, right = factors
    way: Array = (left * speeds(values, shape)[..., None, :]) @ right
    return way


def refreshed(factorise: Factorise, speeds: Speeds, every: int) -> Callable[[Array, Any], tuple[Array, Any]]:
    """The direction with singular pairs computed at steps 0, `every`, 2·`every`, … and kept in between.

    In between pair (u, v) goes at the speed h(|a|) in the sense of the sign of a = uᵀ G v. Pairs whose singular
    value was cut when they were computed rest.
    """

    def apply(gradient: Array, state: Any) -> tuple[Array, Any]:
        count, pairs, inner = (0, (), None) if state is None else state
        if count % every == 0:
            factors, inner = factorise(gradient, inner)
            left, values, right = factors
            pairs = left * rank_cut(values, gradient.shape)[..., None, :], right
        else:
            factors = _seen_along(gradient, *pairs)
        return composed(factors, speeds, gradient.shape), (count + 1, pairs, inner)

    return apply


def _seen_along(gradient: Array, left: Array, right: Array) -> Factors:
    """The diagonal of Uᵀ G V as factors: in descending order, with its signs in U."""
    values = np.einsum("...ir,...ij,...rj->...r", left, gradient, right, optimize=True)
    order = np.argsort(-np.abs(values), axis=-1, kind="stable")
    values = np.take_along_axis(values, order, -1)
    left = np.take_along_axis(left, order[..., None, :], -1) * np.sign(values)[..., None, :]
    return left, np.abs(values), np.take_along_axis(right, order[..., :, None], -2)
