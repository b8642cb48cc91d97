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

from figures.style import darker

Array = NDArray[np.float64]
APART = 3.0  # points between a line and its label
HEIGHTS = (0.5, 0.58, 0.42, 0.66, 0.34, 0.74, 0.26, 0.82, 0.18, 0.9, 0.1)  # of the panel, in the order in which they are tried
DENSE = 2000  # points along a line that a label must not touch


def label_lines(axes: Axes, lines: Sequence[tuple[str, Line2D]], **style: Any) -> list[Text]:
    """Write a label beside each line, touching no line and no other label; none where there is no room.

    Parameters
    ----------
    axes
        With its final place and limits, and all its lines.
    lines
        Label and line; the label takes a place to the right or left of the line's first descent through one of
        several heights.
    style
        Of the texts, passed on.
    """
    obstacles = np.concatenate([_pixels(axes, line) for line in axes.get_lines() if len(line.get_xydata())])
    taken: list[Bbox] = []
    placed = []
    for label, line in lines:
        for x, y, align in _places(axes, line):
            shift = APART if align == "left" else -APART
            text = axes.annotate(label, (x, y), (shift, 0), "axes fraction", "offset points", ha=align, va="center",
                                 color=darker(str(line.get_color()), 0.3), gid="label", **style)
            box = text.get_window_extent().padded(1)
            if _inside(axes.bbox, box) and not box.count_contains(obstacles) and not box.count_overlaps(taken):
                taken.append(box)
                placed.append(text)
                break
            text.remove()
    return placed


def _inside(outer: Bbox, inner: Bbox) -> bool:
    return bool(outer.x0 <= inner.x0 and inner.x1 <= outer.x1 and outer.y0 <= inner.y0 and inner.y1 <= outer.y1)


def _pixels(axes: Axes, line: Line2D) -> Array:
    """Points close together along a line (n, 2), in pixels."""
    corners = line.get_transform().transform(np.asarray(line.get_xydata(), float))
    path = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    along = np.linspace(0, path[-1], DENSE)
    points = np.column_stack([np.interp(along, path, corners[:, i]) for i in range(2)])
    if line.get_marker() in (None, "None", ""):
        return points
    reach = line.get_markersize() * axes.get_figure(root=True).dpi / 72
    return np.concatenate([points + (reach * x, reach * y) for x in (-1, 0, 1) for y in (-1, 0, 1)])


def _places(axes: Axes, line: Line2D) -> list[tuple[float, float, str]]:
    """Where a line first comes down through each height, in parts of the axes, to its right and to its left."""
    points = axes.transAxes.inverted().transform(_pixels(axes, line))
    found = []
    for height in HEIGHTS:
        below = points[:, 1] < height
        if below.any() and not below[0]:
            x = float(points[np.argmax(below), 0])
            found += [(x, height, "left"), (x, height, "right")]
    return found
