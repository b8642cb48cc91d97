"""A figure of one's own without a module: series over one axis, predicted as lines and measured as markers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from figures.panels import HOLLOW, LINE, SERIES, finished, head, key, logarithmic, row, write_beside
from figures.picture import Data, Picture
from figures.style import COLUMN, darker, house_style, rule_colours
from theory.checks import ArgumentError

ROOM = 0.75  # inches for the labels


def series(
    name: str,
    title: str,
    x: Any,
    *,
    predicted: Mapping[str, Any] | None = None,
    measured: Mapping[str, Any] | None = None,
    xlabel: str = "",
    ylabel: str = "",
    caption: str = "",
    log: bool = True,
) -> Picture:
    """A picture, one column wide, of series over one axis.

    Parameters
    ----------
    name, title, caption
        Of the picture; the name is that of its files, the caption LaTeX.
    x
        Places on the axis (n,).
    predicted, measured
        Label → values (n,); NaN leaves a gap. A label that is a rule's id has the rule's colour.
    xlabel, ylabel
        Of the axes, with units.
    log
        Whether both axes are logarithmic.

    Raises
    ------
    ArgumentError
        If the name is not that of a file, or a series has not as many values as there are places, or none is given.
    """
    if not re.fullmatch(r"[\w-]+", name):
        raise ArgumentError("name", "hold letters, digits, _ and - only", f"is {name!r}")
    lines, markers = ({label: np.asarray(values, float) for label, values in (found or {}).items()}
                      for found in (predicted, measured))  # fmt: skip
    across = np.asarray(x, float)
    for label, values in [*lines.items(), *markers.items()]:
        if across.ndim != 1 or values.shape != across.shape:
            raise ArgumentError(label, f"hold one number for each of {across.size} places", f"has shape {values.shape}")
    if not lines and not markers:
        raise ArgumentError("measured", "hold a series, or `predicted`", "both are empty")

    def data() -> Data:
        arrays = {f"predicted {label}": values for label, values in lines.items()}
        return {"x": across} | arrays | {f"measured {label}": values for label, values in markers.items()}

    def draw(data: Data, axes: Any = None) -> Figure:
        with house_style():
            (panel,) = row(axes, 1, width=COLUMN, height=1.9, right=ROOM)
            if log:
                logarithmic(panel)
            _draw(panel, data)
            panel.set_xlabel(xlabel)
            panel.set_ylabel(ylabel)
            head(panel, "", title)
            if lines and markers:
                key(panel)
            return finished([panel])

    return Picture(name, title, data, draw, lambda _: caption)


def _draw(panel: Any, data: Data) -> None:
    """All series of the data, with a label at the last point of each."""
    kinds = [found.partition(" ") for found in data if found != "x"]
    names = list(dict.fromkeys(label for _, _, label in kinds))
    colours, x = rule_colours(names), data["x"]
    ends: dict[str, tuple[str, float, float, str]] = {}
    for kind, _, label in kinds:
        values, colour = data[f"{kind} {label}"], colours[label]
        if kind == "predicted":
            panel.plot(x, values, color=darker(colour, 0.2), **LINE)
        else:
            panel.plot(x, values, color=colour, marker=SERIES[names.index(label) % len(SERIES)], **HOLLOW)
        known = np.flatnonzero(np.isfinite(values))
        if len(known):
            last = known[np.argmax(x[known])]
            ends[label] = (label, float(x[last]), float(values[last]), colour)
    write_beside(panel, list(ends.values()))
