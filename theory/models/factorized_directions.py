"""The singular directions of a factorised model's target, seen from one start, and which of them learn."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from theory.models.factorized_equilibria import factor_at_barrier
from theory.models.linear import Directions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from theory.models.factorized import Factorized
    from theory.models.factorized_layers import Layers

    Array = NDArray[np.float64]

TIE = 1e-12  # relative difference of two factors below which they reach zero together
ROUNDED = 16 * sys.float_info.epsilon  # of a factor, by which it may be rounded


def directions_from(model: Factorized, start: Layers) -> Directions:
    """The target's singular directions, seen from one start; amplitudes are those of the error a₀ − a*."""
    import numpy as np

    product, modes = model.product(start), model.sizes(start)
    along = model.along(product)
    amplitudes = np.sqrt((((product - model.minimiser) @ model.right) ** 2).sum(axis=0))
    learns = model.reached > 0
    if modes is not None:
        along = np.prod(modes, axis=0)
        amplitudes = np.abs(along - model.reached)
        amplitudes[amplitudes <= ROUNDED * (_blur(np.abs(modes)) + model.reached)] = 0.0
        learns = learns & np.array([_learns(model, i, modes[:, i]) for i in range(len(along))])
    return Directions(model.values, model.right, amplitudes, learns, modes is not None, along)


def _learns(model: Factorized, index: int, mode: Array) -> bool:
    """Whether a mode leaves its start for a*: a product that is not positive needs a least factor to cross zero."""
    import numpy as np

    sizes = np.sort(np.abs(mode))
    if np.prod(mode) <= 0:
        return bool(sizes[1] - sizes[0] > TIE * sizes[1])
    return bool(sizes[-1] > factor_at_barrier(float(model.values[index]), model.depth, model.weight_decay))


def _blur(sizes: Array) -> Array:
    """How far products of factors (L, n) move (n,) where each factor does by the largest of its layer."""
    import numpy as np

    others = [np.prod(np.delete(sizes, place, axis=0), axis=0) for place in range(len(sizes))]
    found: Array = (sizes.max(axis=1)[:, None] * others).sum(axis=0)
    return found
