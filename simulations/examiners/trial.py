"""One trial of a claim."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory.claims.claim import Claim


@dataclass(frozen=True)
class Trial:
    """What a claim and the derivation say at one point, and what was measured there by another route.

    Parameters
    ----------
    parameters
        Where it was tried, ready for JSON.
    claimed
        The number that the printed statement gives; None where it is qualitative.
    predicted
        The number that the derivation gives; None where there is none.
    measured
        The number found by iteration, integration, quadrature or sampling.
    tolerance
        Largest difference, absolute, that the route of measurement explains.
    stands, derived_stands
        Whether the printed and the derived statement hold here.
    """

    parameters: dict[str, Any]
    claimed: float | None
    predicted: float | None
    measured: float
    tolerance: float
    stands: bool
    derived_stands: bool

    @property
    def where(self) -> str:
        """The parameters as words: *rows 3, condition 10*."""
        shown = (
            f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self.parameters.items()
        )
        return ", ".join(shown).replace("_", " ")

    def document(self) -> dict[str, Any]:
        """The trial as a row of evidence."""
        return {
            "parameters": self.parameters,
            "claimed": _plain(self.claimed),
            "predicted": _plain(self.predicted),
            "measured": _plain(self.measured),
            "tolerance": self.tolerance,
        }


Examiner = Callable[[Claim, np.random.Generator], Iterable[Trial]]


def compared(parameters: dict[str, Any], claimed: float, predicted: float, measured: float, tolerance: float) -> Trial:
    """A trial of two numbers against a third: each statement stands if it lies within the tolerance."""
    return Trial(
        parameters,
        claimed,
        predicted,
        measured,
        tolerance,
        bool(abs(claimed - measured) <= tolerance),
        bool(abs(predicted - measured) <= tolerance),
    )


def _plain(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
