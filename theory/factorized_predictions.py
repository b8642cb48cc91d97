"""What the derivations predict for a factorised model from an aligned start: arrivals, extinctions, plateaus."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from theory import plateaus
from theory.chains import derived
from theory.derivation import Derivation
from theory.discretisation import largest_stable_step
from theory.factorized_clock import rescaled_times
from theory.factorized_times import mode_times
from theory.models.factorized import Factorized
from theory.models.factorized_mode import NOTHING, Mode, Times
from theory.plateaus import EXACT
from theory.prediction import Prediction
from theory.rules import Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from theory.models.factorized_layers import Layers

    Array = NDArray[np.float64]


def predict(
    model: Factorized, rule: Rule, view: str, start: Layers, *, step: float | None = None, threshold: float = 1e-3
) -> Prediction:
    """Predict a run of `rule` from these layers; see `theory.predictions.predict`."""
    import numpy as np

    seen, sizes = model.directions(start), model.sizes(start)
    found: list[Times] = [NOTHING] * len(model.values)
    derivation = (
        None if rule.kind == "newton" else derived(model.derive, rule, view)
    )  # Newton's is derived, but not run
    if sizes is not None and derivation is not None:
        learning = [_mode(model, sizes, index, threshold) for index in map(int, np.flatnonzero(seen.learns))]
        moves = [bool(amplitude) for amplitude in seen.amplitudes[seen.learns]]  # the others begin at their end
        times = iter(_times_of(derivation, rule, learning, moves, sizes, step))
        for index, begins in zip(np.flatnonzero(seen.learns), moves, strict=True):
            found[index] = next(times) if begins else (0.0, None)
    arrivals = tuple(arrival for arrival, _ in found)
    waits = seen.learns & (seen.amplitudes > 0)
    known = [arrival for arrival, waited in zip(arrivals, waits, strict=True) if waited]
    spread = [a for a in known if a is not None and math.isfinite(a)]
    lengths = {}
    if len(spread) == len(known) > 1:
        lengths[plateaus.ARRIVAL_SPREAD] = (plateaus.spread(spread), EXACT)
    limit = largest_stable_step(model, rule) if view == "descent" else None
    return Prediction(arrivals, tuple(extinction for _, extinction in found), lengths, limit)


def _mode(model: Factorized, sizes: Array, index: int, threshold: float) -> Mode:
    factors = tuple(map(float, sizes[:, index]))
    return Mode(float(model.values[index]), float(model.reached[index]), factors, model.weight_decay, threshold)


def _times_of(
    derivation: Derivation, rule: Rule, learning: list[Mode], moves: list[bool], sizes: Array, step: float | None
) -> list[Times]:
    """Arrivals and extinctions of the modes that learn and do not begin at their end."""
    moving = [mode for mode, begins in zip(learning, moves, strict=True) if begins]
    if "clock" not in derivation.laws:
        return [mode_times(derivation, rule, mode, step) for mode in moving]
    if moving and "path_solution" in derivation.laws and _on_one_clock(learning, sizes):
        return rescaled_times(derivation, rule, moving)
    return [NOTHING] * len(moving)


def _on_one_clock(learning: list[Mode], sizes: Array) -> bool:
    """Whether all modes that are not zero are balanced and learn, so that every layer's gradient has the same norm."""
    balanced = all(mode.balanced and mode.start > 0 for mode in learning)
    return balanced and int(sizes.any(axis=0).sum()) == len(learning)
