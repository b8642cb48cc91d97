"""What is measured of a run from time to time, beside the curves that are kept at every epoch.

A measure is a function of a `Moment`; another one is an entry in `MEASURES`, and every run records it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.networks.network import Weights
from simulations.networks.settings import Setting
from simulations.networks.tasks import Data

Array = NDArray[Any]
DIRECTIONS = 32  # singular vectors that are kept


@dataclass(frozen=True, eq=False)
class Moment:
    """A network at the end of an epoch.

    Parameters
    ----------
    setting
        What is trained, and how.
    data
        Its examples.
    start, weights
        The network at the start and now.
    slope
        The gradient now, of the loss on the whole training set with its L2 term; G in the other folders' notation is
        the transpose (hidden, inputs) of ``slope.first``.
    """

    setting: Setting
    data: Data
    start: Weights
    weights: Weights
    slope: Weights

    @functools.cached_property
    def factors(self) -> tuple[Array, Array]:
        """Singular values (r,) and input-side singular vectors (inputs, r) of ``slope.first``."""
        found = np.linalg.svd(self.slope.first, full_matrices=False)
        return found.S, found.U


def singular_values(moment: Moment) -> Array:
    """Singular values of the first layer's gradient (min(inputs, hidden),), in descending order."""
    return moment.factors[0]


def singular_directions(moment: Moment) -> Array:
    """Input-side singular vectors (inputs, 32 or as many as there are) of the largest of these, as columns."""
    return moment.factors[1][:, :DIRECTIONS]


MEASURES: dict[str, Callable[[Moment], Array]] = {
    "singular_values": singular_values,
    "singular_directions": singular_directions,
}
