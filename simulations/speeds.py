"""A rule's law on the singular values of Z Λ, with the clock and the Jacobian that the flow needs."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from simulations.graded_svd import graded_svd
from theory.rules import INDEX, NORM, SIGMA, Rule

Array = NDArray[np.float64]
TINY = 1e-200  # in place of a singular value that is zero


class Speeds:
    """The direction of one rule for errors Z (r, k) along directions with curvatures Λ (k,)."""

    def __init__(self, how: Rule) -> None:
        self.how = how
        self.newton = how.kind == "newton"
        self.elementwise = how.elementwise
        self.linear = self.newton or how.power == 0
        self.isotropic = how.isotropic
        self.vanishing = float(how.vanishing_power)
        self.extinguishes = self.vanishing > 0
        self.straight = how.power == 1

    def direction(self, z: Array, rates: Array) -> tuple[Array, float]:
        """D (r, k) and the clock dt/dτ."""
        if self.newton:
            return z, 1.0
        gradient = z * rates
        if self.linear:
            return gradient, 1.0
        if len(z) == 1 or self.isotropic:
            scale = float(self._ratios(np.sqrt((gradient**2).sum())[None])[0])
            return gradient * scale, 1 / scale
        left, values, right = graded_svd(gradient)
        ratio = self._ratios(values)
        return (left * (ratio * values)) @ right, float(1 / np.sqrt((ratio**2).sum()))

    def polar(self, z: Array, rates: Array) -> Array:
        """U Vᵀ of Z Λ."""
        left, _, right = graded_svd(z * rates)
        polar: Array = left @ right
        return polar

    def remaining(self, values: Array, right: Array, rates: Array) -> tuple[Array, Array]:
        """Time to each singular value's extinction, and a bound on it (r,).

        The time is σ/(α h(σ) vᵀΛv) if the direction v stays; where v turns towards slower directions, as it does
        on gradient descent's path, it is at most σ/(α h(σ)) Σⱼ |vⱼ|/λⱼ.
        """
        if self.isotropic:  # the gradient vanishes as a whole, like a single row
            squares = values**2
            norm = np.sqrt(squares.sum())
            mixed = np.sqrt(squares @ right**2) / norm
            scale = 1 / (self.vanishing * self._ratios(norm[None])[0])
            count = len(right)
            return np.full(count, scale / (mixed**2 @ rates)), np.full(count, scale * (mixed @ (1 / rates)))
        scales = 1 / (self.vanishing * self._ratios(values))
        times, bounds = scales / (right**2 @ rates), scales * (np.abs(right) @ (1 / rates))
        return np.where(values > 0, times, 0.0), np.where(values > 0, bounds, 0.0)

    def _ratios(self, values: Array) -> Array:
        """h(σ)/σ."""
        safe = np.maximum(values, TINY)
        norm, index = np.sqrt((safe**2).sum()), np.arange(1, len(safe) + 1)
        ratios: Array = np.broadcast_to(np.asarray(self.how.speed(safe, norm, index), float), safe.shape) / safe
        return ratios

    @functools.cached_property
    def _slope(self) -> Callable[..., object]:
        """d(h(σ)/σ)/dσ."""
        assert self.how.law is not None
        return sp.lambdify((SIGMA, NORM, INDEX), sp.diff(self.how.law / SIGMA, SIGMA), "numpy")

    def jacobian(self, state: Array, rates: Array) -> Array:
        """Derivative of (c, −c D) by (t, Z), with D = m(GGᵀ) G, m = h(σ)/σ, for an elementwise law."""
        z = state[1:].reshape(-1, len(rates))
        rows, _cols = z.shape
        left, values, right = graded_svd(z * rates)
        values = np.maximum(values, TINY)
        ratio = self._ratios(values)
        slope = np.broadcast_to(np.asarray(self._slope(values, 1.0, 1), float), values.shape)
        turned = values[:, None] * right  # Uᵀ G
        gaps = (values[:, None] - values) * (values[:, None] + values)
        close = np.abs(gaps) <= 1e-8 * np.multiply.outer(values, values)  # of the pair: others may be far larger
        mean = (slope / (2 * values))[:, None]
        quotient = np.where(close, mean, (ratio[:, None] - ratio[None, :]) / np.where(close, 1.0, gaps))
        # entry (i, b; a, e): change of (Uᵀ D)_ib by (Uᵀ Z)_ae
        weighted = turned * rates
        first = np.einsum("aj,je,jb->abe", quotient, weighted, turned)
        change = np.einsum("ia,ie,ab->ibae", quotient, weighted, turned)
        for row in range(rows):
            change[row, :, row, :] += first[row] + ratio[row] * np.diag(rates)
        pace = 1 / np.sqrt((ratio**2).sum())
        by_value = -(pace**3) * ratio * slope
        d_pace = by_value[:, None] * right * rates
        way = ratio[:, None] * turned
        inner = -pace * change - np.multiply.outer(way, d_pace)
        # back from the rows Uᵀ Z to those of Z
        inner = np.tensordot(np.tensordot(left, inner, (1, 0)), left, (2, 1)).swapaxes(2, 3)
        full = np.zeros((1 + z.size, 1 + z.size))
        full[0, 1:] = (left @ d_pace).ravel()
        full[1:, 1:] = inner.reshape(z.size, z.size)
        return full
