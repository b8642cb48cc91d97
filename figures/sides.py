"""The sides of a phase diagram: scale, ticks and words of an axis of a sweep."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, LogFormatterMathtext, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from simulations.phases import Side

Array = NDArray[np.float64]
LETTER = 0.055  # inches, of a tick's word
LABELS = {
    "epsilon": "ε, variance of the slow feature",
    "theta": "θ, angle of the test boundary (rad)",
    "margin": "margin s",
    "weight_decay": "weight decay λ",
    "start_fast": "start of the fast direction w₁",
    "start_slow": "start of the slow direction w₂",
    "w1": "start w₁",
    "w2": "start w₂",
    "step": "step size η",
    "condition": "condition number κ",
    "largest": "largest eigenvalue λ₁",
    "start": "error of each direction at the start",
    "directions": "number of directions",
}


def label(side: Side) -> str:
    """What an axis shows, with its unit."""
    return LABELS.get(side.name, side.name)


def set_side(panel: Axes, letter: str, side: Side) -> Array:
    """Scale, limits and ticks of one axis; returns the edges of its cells (n + 1,)."""
    values = places(side)
    scaled = np.log(values) if side.log else values
    middle = (scaled[1:] + scaled[:-1]) / 2
    edges = np.concatenate([[2 * scaled[0] - middle[0]], middle, [2 * scaled[-1] - middle[-1]]])
    edges = np.exp(edges) if side.log else edges
    axis = getattr(panel, f"{letter}axis")
    if side.log:
        getattr(panel, f"set_{letter}scale")("log")
    elif side.numeric and letter == "x":  # beside each other, numbers need more room
        axis.set_major_locator(MaxNLocator(5))
    elif not side.numeric:
        axis.set_ticks(values, labels=[str(word) for word in side.values])
    getattr(panel, f"set_{letter}lim")(edges[0], edges[-1])
    if side.log:
        log_ticks(axis)
    return np.asarray(edges)


def log_ticks(axis: Axis) -> None:
    """Numbers on a logarithmic axis that has its limits: powers of ten, or short numbers where that would be few."""
    low, high = sorted(axis.get_view_interval())
    axis.set_minor_formatter(NullFormatter())
    if high < 5 * low:
        axis.set_major_locator(FixedLocator(MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(low, high)))
        axis.set_major_formatter(FuncFormatter(_short))
    elif high < 100 * low:
        axis.set_major_locator(LogLocator(subs=(1, 3) if high > 10 * low else (1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(_short))
    else:
        axis.set_major_locator(LogLocator(numticks=5))
        axis.set_major_formatter(LogFormatterMathtext())


def _short(value: float, _: object) -> str:
    if 1e-3 <= value < 1e5:
        return f"{value:.4g}" if value < 1e4 else f"{value:.0f}"
    digits, power = f"{value:.1e}".split("e")
    return rf"${float(digits):g}\times10^{{{int(power)}}}$"


def places(side: Side) -> Array:
    """Where the values of an axis stand on it (n,)."""
    return np.asarray(side.values if side.numeric else np.arange(len(side.values)), float)


def room(side: Side) -> float:
    """Inches that the words beside an axis take more than numbers do."""
    return 0.0 if side.numeric else max(0.0, LETTER * max(map(len, side.values)) - 0.3)
