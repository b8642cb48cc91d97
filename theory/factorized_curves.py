"""The amplitudes that are predicted for a factorised model, as functions of time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from theory.chains import derived
from theory.models.factorized import Factorized
from theory.models.factorized_mode import DECAY, EQUAL, ETA, START, TARGET, TIME
from theory.rules import Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from theory.models.factorized_layers import Layers

    Array = NDArray[np.float64]


def factorized_amplitudes(
    model: Factorized, rule: Rule, view: str, start: Layers, times: Array, step: float | None
) -> Array | None:
    """Predicted amplitudes a (T, n), those that do not learn at rest.

    None where no solution was derived: for a start that is not balanced, EGD with weight decay, and most rules.

    Parameters
    ----------
    model, rule
        What is trained, and how.
    view
        ``flow`` or ``descent``.
    start
        The layers at the start.
    times
        Flow times, or steps of a descent (T,).
    step
        Step size of a descent, None for a flow.
    """
    import numpy as np

    sizes, derivation = model.sizes(start), derived(model.derive, rule, view)
    if sizes is None or derivation is None or "solution" not in derivation.laws:
        return None
    if np.ptp(np.abs(sizes), axis=0).max() > EQUAL * np.abs(sizes).max() or (model.weight_decay and rule.power == 1):
        return None
    solution = derivation.function("solution", (START, TIME, ETA, TARGET, DECAY))
    seen, found = model.directions(start), np.zeros((len(times), len(model.values)))
    for index, begin in enumerate(map(float, seen.starts)):
        s, end = float(model.values[index]), float(model.reached[index])
        found[:, index] = begin
        if seen.learns[index] and rule.power == 1:
            found[:, index] = _to_and_fro(solution, begin, end, times, step if view == "descent" else None, model.depth)
        elif seen.learns[index]:
            found[:, index] = solution(begin, times, 1.0, s, model.weight_decay)
    return found


def _to_and_fro(
    solution: Callable[..., Array], begin: float, end: float, times: Array, step: float | None, depth: int
) -> Array:
    """EGD's amplitude: at unit speed to its end, where it rests or, in steps, goes to and fro about it."""
    import numpy as np

    way = 1.0 if end >= begin else -1.0
    length = abs(end ** (1 / depth) - begin ** (1 / depth))
    if step is not None:
        last = np.floor(length / step)
        times = np.where(times <= last, times, last + (times - last) % 2)
        return np.asarray(solution(begin, way * times, step, end, 0.0), float)
    moved = np.asarray(solution(begin, way * np.minimum(times, length), 1.0, end, 0.0), float)
    return np.where(times >= length, end, moved)
