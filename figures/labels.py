"""Labels at the lines themselves, where there is room for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from figures.style import darker, dots

Array = NDArray[np.float64]
APART = 3.0  # points between a line and its label,
CLEAR = 1.0  # and around the label
# Of the panel, in the order in which they are tried.
HEIGHTS = (0.5, 0.58, 0.42, 0.66, 0.34, 0.74, 0.26, 0.82, 0.18, 0.9, 0.1)
DENSE = 2000  # points along a line that a label must not touch


def label_lines(axes: Axes, lines: Sequence[tuple[str, Line2D]], **style: Any) -> list[Text]:
    """Write a label beside each line, touching no line and no other label; none where there is no room.

    Parameters
    ----------
    axes
        With its final place and limits, and all its lines.
    lines
        Label and line; the label stands to the right or left of where the line first comes down through one of
        several heights.
    style
        Of the texts, passed on.
    """
    obstacles = np.concatenate([np.empty((0, 2)), *(_pixels(axes, line) for line in axes.get_lines())])
    taken: list[Bbox] = []
    placed: list[Text] = []
    for label, line in lines:
        for x, y, align in _places(axes, line):
            shift = APART if align == "left" else -APART
            text = axes.annotate(
                label,
                (x, y),
                (shift, 0),
                "axes fraction",
                "offset points",
                ha=align,
                va="center",
                color=darker(str(line.get_color()), 0.3),
                gid="label",
                **style,
            )
            box = text.get_window_extent().padded(CLEAR * dots(axes) / 72)
            free = not box.count_contains(obstacles) and not box.count_overlaps(taken)
            if free and _inside(axes.bbox, box):
                taken.append(box)
                placed.append(text)
                break
            text.remove()
    return placed


def _inside(outer: Bbox, inner: Bbox) -> bool:
    return bool(np.all(inner.min >= outer.min) and np.all(inner.max <= outer.max))


def _pixels(axes: Axes, line: Line2D) -> Array:
    """Points close together along a line (n, 2), in pixels."""
    corners = line.get_transform().transform(line.get_xydata())
    corners = corners[np.isfinite(corners).all(axis=1)]
    if not len(corners):
        return np.empty((0, 2))
    path = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    along = np.linspace(0, path[-1], DENSE)
    points = np.column_stack([np.interp(along, path, corners[:, i]) for i in range(2)])
    if line.get_marker() in (None, "None", ""):
        return points
    reach = line.get_markersize() * dots(axes) / 72
    around = reach * np.array([(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)])
    return np.asarray(points[:, None] + around).reshape(-1, 2)


def _places(axes: Axes, line: Line2D) -> list[tuple[float, float, str]]:
    """Right and left of where a line first comes down through each height, in parts of the axes."""
    points = axes.transAxes.inverted().transform(_pixels(axes, line))
    found = []
    for height in HEIGHTS:
        below = points[:, 1] < height
        if below.any() and not below[0]:
            x = float(points[np.argmax(below), 0])
            found += [(x, height, "left"), (x, height, "right")]
    return found
