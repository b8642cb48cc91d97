"""The picture of whatever has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from figures import compare
from simulations.comparison import Comparison
from theory.checks import ArgumentTypeError

if TYPE_CHECKING:
    from simulations.audit import Finding


def figure(shown: Comparison | Finding, axes: Any = None) -> Figure:
    """Draw a comparison, or the trials of a claim that does not hold.

    Parameters
    ----------
    shown
        What `compare` returned, or one finding of `audit`.
    axes
        For a comparison: two axes for each view; a new figure if left out.

    Raises
    ------
    ArgumentError
        If `axes` does not hold two for each view, or no trial stands against the claim.
    ArgumentTypeError
        If `shown` is neither.
    """
    if isinstance(shown, Comparison):
        return compare.figure(shown, axes)
    from figures import audit  # which takes a second
    from simulations.audit import Finding

    if isinstance(shown, Finding):
        return audit.figure(shown)
    raise ArgumentTypeError("shown", "be a Comparison or a Finding", f"is of type {type(shown).__name__}")
