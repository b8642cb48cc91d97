"""Layers as matrices W_l, from the input to the output: their product, its gradients, and the directions they share."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from theory.models.linear import ALIGNED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Layers = tuple["Array", ...]
ROUNDING = 1e-14  # part of the largest entry below which a factor counts as zero


def product_of(layers: Layers) -> Array:
    """W_L ⋯ W₁ of layers (…, ·, ·), shape (…, c, d)."""
    return functools.reduce(lambda below, layer: layer @ below, layers)


def layer_gradients_of(layers: Layers, residual: Array, decay: float = 0.0) -> Layers:
    """The gradient in each layer of ½ ‖P − M‖² + ½ λ Σ ‖W_l‖², for P − M of shape (…, c, d)."""
    import numpy as np

    below: list[Any] = [None]
    for layer in layers[:-1]:
        below.append(layer if below[-1] is None else layer @ below[-1])
    found, above = [], residual  # above: (W_L ⋯ W_{l+1})ᵀ (P − M)
    for layer, under in zip(reversed(layers), reversed(below), strict=True):
        gradient = above if under is None else above @ np.swapaxes(under, -1, -2)
        found.append(gradient + decay * layer)
        above = np.swapaxes(layer, -1, -2) @ above
    return tuple(reversed(found))


def random_bases(rows: int, columns: int, count: int, seed: int) -> list[Array]:
    """Random matrices (rows, columns) with orthonormal columns."""
    import numpy as np

    rng = np.random.default_rng(seed)
    return [np.linalg.qr(rng.standard_normal((rows, columns)))[0] for _ in range(count)]


def layers_along(bases: Sequence[Array], sizes: Array) -> Layers:
    """The layers W_l = R_{l+1} diag(w_l) R_lᵀ with these bases R (L + 1 of them) and factors w (L, n)."""
    return tuple(
        (after * size) @ before.T for (before, after), size in zip(itertools.pairwise(bases), sizes, strict=True)
    )


def frames(layers: Layers, left: Array, right: Array) -> tuple[Array, tuple[Array, ...]] | None:
    """Factors w (L, n) and bases R with W_l = R_{l+1} diag(w_l) R_lᵀ; None where the layers share no directions.

    Parameters
    ----------
    layers
        From the input to the output.
    left, right
        The last and the first basis, orthonormal columns (c, n) and (d, n).
    """
    import numpy as np

    sizes, bases = np.zeros((len(layers), right.shape[1])), [right]
    for place, layer in enumerate(layers[:-1]):
        image = layer @ bases[-1]
        sizes[place] = _significant(np.sqrt((image**2).sum(axis=0)), layer)
        after = _completed(image, sizes[place])
        if after is None:
            return None
        bases.append(after)
    sizes[-1] = _significant(((left.T @ layers[-1]) * bases[-1].T).sum(axis=1), layers[-1])
    bases.append(left)
    for wanted, layer in zip(layers_along(bases, sizes), layers, strict=True):
        if np.abs(wanted - layer).max() > ALIGNED * np.abs(layer).max():
            return None
    return sizes, tuple(bases)


def _significant(sizes: Array, layer: Array) -> Array:
    """The factors of a layer, with those that are rounding set to zero."""
    import numpy as np

    return np.where(np.abs(sizes) <= ROUNDING * np.abs(layer).max(), 0.0, sizes)


def _completed(image: Array, sizes: Array) -> Any:
    """Orthonormal columns along those of an image, any for those that vanish; None where they are not orthogonal."""
    import numpy as np

    alive = sizes > 0
    unit = image[:, alive] / sizes[alive]
    if np.abs(unit.T @ unit - np.eye(unit.shape[1])).max(initial=0.0) > ALIGNED:
        return None
    if alive.all():
        return unit
    full = np.linalg.qr(np.concatenate([unit, np.eye(len(image))], axis=1))[0]
    found = np.empty_like(image)
    found[:, alive] = unit
    found[:, ~alive] = full[:, unit.shape[1] : unit.shape[1] + int((~alive).sum())]
    return found
