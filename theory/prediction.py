"""What is predicted of one run, whatever its model."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Prediction:
    """Predicted numbers; times are flow times or, for a descent, step counts.

    Parameters
    ----------
    arrivals
        First time at which each direction's error is `threshold` of its start; None where not predicted,
        infinity where it never arrives.
    extinctions
        Time at which each direction's error vanishes; None where not predicted or where it never does.
    plateaus
        Definition → (length, ``exact`` or ``asymptotic``).
    largest_stable_step
        Step size above which the descent diverges; None where there is no such limit or it is not known.
    """

    arrivals: tuple[float | None, ...]
    extinctions: tuple[float | None, ...]
    plateaus: dict[str, tuple[float, str]] = field(default_factory=dict)
    largest_stable_step: float | None = None
