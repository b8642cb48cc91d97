"""The look that every figure shares: style sheet, widths, and colours that mean the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib import colormaps
from matplotlib import style as sheets
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb

SHEET = Path(__file__).with_name("evenflow.mplstyle")
COLUMN, PAGE = 3.25, 6.75  # inches
SMALL = 6.5  # points
INK = "#222222"
PREDICTED: dict[str, Any] = {"linewidth": 0.75, "linestyle": (0, (4, 2.5)), "zorder": 2.3}

# Medium tones, so that a darkened dash shows on each of them; apart for colour-blind readers and, as far as
# seven can be, in grey. A parameter after the colon does not change the colour.
RULES = {
    "gd": "#e07b39",
    "egd": "#3f7fc1",
    "newton": "#a8b545",
    "frobenius": "#c58fc9",
    "power": "#3fa58f",
    "ngd": "#c24e5e",
    "newton-schulz": "#6fc3e8",
    "momentum": "#8a6d3b",
    "damped": "#7d74c4",
    "truncated": "#8c8c8c",
    "random-basis": "#e3b23c",
    "column-norm": "#5d9e4a",
    "grokfast": "#d97fa0",
    "rsvd": "#4f8fa0",
}


def house_style() -> AbstractContextManager[None]:
    """The style sheet over Matplotlib's defaults, whatever the user's own settings, inside a ``with`` block."""
    return sheets.context(["default", SHEET])


def rule_colours(names: Sequence[str]) -> dict[str, str]:
    """One colour per rule id: its own where that is still free, else the next that nobody asks for.

    Examples
    --------
    >>> rule_colours(["egd", "power:0.5"]) == {"egd": RULES["egd"], "power:0.5": RULES["power"]}
    True
    """
    heads = [name.partition(":")[0] for name in names]
    spare = [colour for head, colour in RULES.items() if head not in heads] or list(RULES.values())
    found: dict[str, str] = {}
    for name, head in zip(names, heads, strict=True):
        own = RULES.get(head)
        if own is None or own in found.values():
            own = spare[0]
            spare = [*spare[1:], spare[0]]
        found[name] = own
    return found


def direction_map() -> LinearSegmentedColormap:
    """Colours of directions, from the smallest singular value (light) to the largest (dark)."""
    return LinearSegmentedColormap.from_list("directions", colormaps["viridis"](np.linspace(0.88, 0.3, 64)))


def direction_colours(positions: Sequence[float]) -> list[str]:
    """Colours at positions from 0 (smallest singular value) to 1 (largest)."""
    return [to_hex(direction_map()(position)) for position in positions]


def darker(colour: str, part: float = 0.6) -> str:
    """The colour mixed with black."""
    red, green, blue = ((1 - part) * channel for channel in to_rgb(colour))
    return to_hex((red, green, blue))


def lighter(colour: str, part: float = 0.5) -> str:
    """The colour mixed with white."""
    red, green, blue = (channel + part * (1 - channel) for channel in to_rgb(colour))
    return to_hex((red, green, blue))


def inches(axes: Axes, side: Literal["height", "width"] = "height") -> float:
    """Height or width of axes, in inches."""
    return float(getattr(axes.bbox, side)) / dots(axes)


def dots(axes: Axes) -> float:
    """Pixels per inch of the figure that holds the axes."""
    whole = axes.get_figure(root=True)
    assert whole is not None
    return float(whole.dpi)
