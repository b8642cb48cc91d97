"""What one run leaves: curves, arrivals, plateaus, and why it stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from theory.checks import ArgumentError

Array = NDArray[np.float64]
ARRAYS = (
    "times",
    "weights",
    "amplitudes",
    "train_error",
    "test_error",
    "singular_values",
    "arrivals",
    "extinctions",
)


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One run of one rule on one model.

    Parameters
    ----------
    rule, model
        Ids.
    view
        ``flow``: times are flow times; ``descent``: times are step counts.
    step
        Step size of a descent, None for a flow.
    times
        Recorded times (T,), thinned on a logarithmic axis.
    weights
        Weights at these times (T, c, d).
    amplitudes
        Length of the error along each direction (T, d).
    train_error, test_error
        Training loss above its minimum, and test error, at these times (T,).
    singular_values
        Curvature of each direction (d,).
    arrivals, extinctions
        Per direction (d,); NaN where it did not happen or was not seen.
    plateaus
        Definition → measured length in the units of `times`; None where it was not seen.
    ranks
        Rank of the gradient at the start and after each restart (flows of rules that extinguish).
    restarts
        Times at which singular values of the gradient vanished and the flow was restarted.
    evaluations
        Gradients evaluated.
    censored
        Whether the run ended before all learning directions had arrived and the plateau was over.
    stop_reason
        Why the run ended, in words.
    """

    rule: str
    model: str
    view: str
    step: float | None
    times: Array
    weights: Array
    amplitudes: Array
    train_error: Array
    test_error: Array
    singular_values: Array
    arrivals: Array
    extinctions: Array
    plateaus: dict[str, float | None]
    ranks: tuple[int, ...]
    restarts: tuple[float, ...]
    evaluations: int
    censored: bool
    stop_reason: str

    @property
    def unit(self) -> str:
        """What `times` count: ``time`` or ``steps``."""
        return "time" if self.view == "flow" else "steps"

    def save(self, path: str | Path) -> None:
        """Write to an npz file."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        record = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ARRAYS}
        np.savez(path, record=json.dumps(record), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a file that `save` wrote.

        Raises
        ------
        ArgumentError
            If the file holds no trajectory.
        """
        try:
            with np.load(path, allow_pickle=False) as found:
                record: dict[str, Any] = json.loads(str(found["record"]))
                arrays = {name: found[name] for name in ARRAYS}
        except (OSError, KeyError, ValueError, EOFError) as error:
            raise ArgumentError("path", "name a saved trajectory", f"{path} is not one ({error})") from None
        return cls(**{**record, "ranks": tuple(record["ranks"]), "restarts": tuple(record["restarts"]), **arrays})
