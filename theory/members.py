"""Folded models by the array: their parameters side by side, and the compiled laws evaluated for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from theory.derivation import Derivation
from theory.models import folded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Mask = NDArray[np.bool_]

SYMBOLS = (folded.EPSILON, folded.THETA, folded.MARGIN, folded.DECAY, folded.U1, folded.U2, folded.ETA)


@dataclass(frozen=True, eq=False)
class Members:
    """Folded models, each with its start and step size; every array has one entry for a member (n,).

    Parameters
    ----------
    epsilon, theta, margin, weight_decay
        Parameters of the models.
    start_fast, start_slow
        Both weights at the start.
    step
        Step sizes η.
    """

    epsilon: Array
    theta: Array
    margin: Array
    weight_decay: Array
    start_fast: Array
    start_slow: Array
    step: Array

    def __len__(self) -> int:
        return len(self.epsilon)

    @property
    def values(self) -> tuple[Array, ...]:
        """The arrays, in the order of `SYMBOLS`."""
        return tuple(getattr(self, field.name) for field in fields(self))

    @property
    def fine(self) -> Mask:
        """Which members lie within the domain of their parameters (n,)."""
        import numpy as np

        fine = (self.epsilon > 0) & (self.epsilon < 1) & (self.theta > 0) & (self.theta < np.pi / 2)
        fine &= (self.margin >= 0) & (self.margin <= folded.MAX_MARGIN) & (self.weight_decay >= 0) & (self.step > 0)
        return fine & np.isfinite(self.start_fast) & np.isfinite(self.start_slow)

    def made_fine(self) -> Members:
        """The same members, with a harmless one in place of each that lies outside its domain."""
        import numpy as np

        return Members(*(np.where(self.fine, values, 0.5) for values in self.values))

    def blocks(self, size: int) -> Iterator[tuple[slice, Members]]:
        """All members in order, at most `size` at a time, and where they stand."""
        for first in range(0, len(self), size):
            part = slice(first, first + size)
            yield part, Members(*(values[part] for values in self.values))

    def laws(self, chain: Derivation) -> Callable[[str], Array]:
        """The laws of a chain by name, each for every member (n,)."""
        import numpy as np

        def law(name: str) -> Array:
            return np.broadcast_to(np.asarray(chain.function(name, SYMBOLS)(*self.values), float), len(self))

        return law


def members(
    epsilon: Any, theta: Any, margin: Any, weight_decay: Any, start: tuple[Any, Any], step: Any
) -> tuple[Members, tuple[int, ...]]:
    """Members from numbers or arrays that broadcast together, and the shape that these have together."""
    import numpy as np

    given = (epsilon, theta, margin, weight_decay, *start, step)
    found = np.broadcast_arrays(*(np.asarray(values, float) for values in given))
    return Members(*(values.reshape(-1) for values in found)), found[0].shape
