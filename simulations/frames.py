"""Coordinates of a factorised model's run: the directions of an aligned start, where there are such."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theory.checks import ArgumentError
from theory.models.factorized import Factorized
from theory.models.factorized_layers import Layers

Array = NDArray[np.float64]


def checked_layers(model: Factorized, start: Layers | None) -> Layers:
    """The start layers, of the model's shapes and finite."""
    if start is None:
        return model.start()
    found = tuple(np.asarray(layer, float) for layer in start)
    shapes = tuple(layer.shape for layer in found)
    if shapes != model.shapes:
        raise ArgumentError("start", f"hold layers of the shapes {model.shapes}", f"holds {shapes}")
    if not all(np.isfinite(layer).all() for layer in found):
        raise ArgumentError("start", "be finite", "holds NaN or Inf")
    return found


@dataclass(frozen=True)
class Frame:
    """The coordinates of a run: the target, and the way back to the model's own layers.

    Parameters
    ----------
    target
        M in these coordinates.
    bases
        W_l = R_{l+1} X_l R_lᵀ for coordinates X; None where X = W.
    """

    target: Array
    bases: tuple[Array, ...] | None

    def back(self, layers: Layers) -> Layers:
        """Layers (…, ·, ·) of the model from those in these coordinates."""
        if self.bases is None:
            return layers
        pairs = itertools.pairwise(self.bases)
        return tuple(after @ layer @ before.T for (before, after), layer in zip(pairs, layers, strict=True))

    def amplitudes(self, model: Factorized, layers: Layers) -> Array:
        """‖(P − P*) vᵢ‖ of each direction (…, n) for layers (…, ·, ·) in these coordinates."""
        return self._lengths(model, model.product(layers) - self._end(model))

    def amplitudes_left(self, model: Factorized, residual: Array) -> Array:
        """‖(P − P*) vᵢ‖ of each direction (…, n), for P − M (…, c, d) that may be far smaller than P's rounding."""
        shift = self.target - self._end(model) if model.weight_decay else 0.0
        return self._lengths(model, residual + shift)

    def _end(self, model: Factorized) -> Array:
        return model.minimiser if self.bases is None else np.diag(model.reached)

    def _lengths(self, model: Factorized, error: Array) -> Array:
        turned = error @ model.right if self.bases is None else error
        lengths: Array = np.sqrt((turned**2).sum(axis=-2))
        return lengths


def framed(model: Factorized, layers: Layers, turn: bool = True) -> tuple[Frame, Layers]:
    """Coordinates for a run: the directions of an aligned start if `turn`, else those of the model."""
    found = model.frames(layers) if turn else None
    if found is None:
        return Frame(model.target, None), layers
    sizes, bases = found
    return Frame(np.diag(model.values), bases), tuple(np.diag(size) for size in sizes)
