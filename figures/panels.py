"""Panels in a row, on a new figure or those that were passed; labels at a place; letters; numbers in a caption."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from figures.notebook import NotebookFigure
from figures.style import INK, SMALL, darker, dots, rule_colours
from theory.checks import ArgumentError

SERIES = "osD^vP"  # markers of series, which tell them apart in grey
HOLLOW: dict[str, Any] = {"linestyle": "none", "markersize": 4.2, "markerfacecolor": "white", "gid": "measured"}
LINE: dict[str, Any] = {"linewidth": 1.0, "gid": "predicted"}
APART = 8.0  # points between the middles of two labels
LEFT, RIGHT, GAP, TOP, BOTTOM = 0.52, 0.12, 0.46, 0.3, 0.4  # inches beside, between, above and below the panels


def series_of_rules(rules: Iterable[Any]) -> list[tuple[str, str, str]]:
    """Name, colour and marker of each rule."""
    names = [str(name) for name in rules]
    colours = rule_colours(names)
    return [(name, colours[name], SERIES[index % len(SERIES)]) for index, name in enumerate(names)]


def row(
    axes: Any,
    count: int,
    *,
    width: float,
    height: float = 1.75,
    left: float = LEFT,
    gap: float | Sequence[float] = GAP,
    right: float = RIGHT,
    top: float = TOP,
    bottom: float = BOTTOM,
) -> list[Axes]:
    """So many panels side by side on a new figure of that width, all in inches; or the axes that were passed.

    Raises
    ------
    ArgumentError
        If axes were passed, but not so many.
    """
    if axes is not None:
        return passed(axes, count)
    tall = top + height + bottom
    gaps = np.broadcast_to(np.asarray(gap, float), count - 1)
    wide = (width - left - right - gaps.sum()) / count
    whole = NotebookFigure(figsize=(width, tall))
    places = left + wide * np.arange(count) + np.concatenate([[0.0], gaps.cumsum()])
    return [whole.add_axes((x / width, bottom / tall, wide / width, height / tall)) for x in places]


def passed(axes: Any, count: int) -> list[Axes]:
    """The axes that were passed, in one list.

    Raises
    ------
    ArgumentError
        If they are not so many.
    """
    found = np.asarray(axes, dtype=object).ravel()
    if len(found) != count or not all(isinstance(one, Axes) for one in found):
        raise ArgumentError("axes", f"hold {count} axes", f"holds {len(found)}")
    return list(found)


def finished(panels: list[Axes]) -> Figure:
    """The figure of these panels, with its ticks made: call it inside the style."""
    whole = panels[0].get_figure(root=True)
    assert isinstance(whole, Figure)
    whole.draw_without_rendering()
    return whole


def spread(x: Any, y: Any, count: int) -> Any:
    """At most so many indices of points (n,) that lie evenly along their curve, as it is drawn on square axes."""
    x, y = (np.asarray(values, float) / (np.ptp(values) or 1.0) for values in (x, y))
    path = np.concatenate([[0.0], np.hypot(np.diff(x), np.diff(y)).cumsum()])
    return np.unique(np.searchsorted(path, np.linspace(0, path[-1], count)).clip(max=len(path) - 1))


def head(axes: Axes, letter: str, title: str) -> None:
    """A letter and a title above a panel, at its left edge."""
    axes.set_title(f"$\\mathbf{{{letter}}}$  {title}" if letter else title, loc="left", gid="title")


def logarithmic(axes: Axes, which: str = "both") -> None:
    """Logarithmic axes with a tick for each decade where there is room, and bare ticks between."""
    for name in ("x", "y") if which == "both" else (which,):
        getattr(axes, f"set_{name}scale")("log")
        axis = getattr(axes, f"{name}axis")
        axis.set_major_locator(LogLocator(numticks=7))
        axis.set_minor_locator(LogLocator(numticks=30))
        axis.set_minor_formatter(NullFormatter())


def write(
    axes: Axes,
    text: str,
    place: tuple[float, float],
    *,
    shift: tuple[float, float] = (0, 0),
    within: Any = "data",
    color: str = INK,
    **style: Any,
) -> None:
    """A label at a place of the data, or of another system, shifted by points, in a dark tone of its colour."""
    settings: dict[str, Any] = {"fontsize": SMALL, "va": "center", "gid": "label", "annotation_clip": False} | style
    axes.annotate(text, place, shift, within, "offset points", color=darker(color, 0.35), **settings)


def key(axes: Axes, place: Any = "upper right", *, anchor: Any = None) -> None:
    """What lines and markers stand for, in every figure the same."""
    line = Line2D([], [], color="#777777", **LINE)
    marker = Line2D([], [], color="#777777", marker="o", **HOLLOW)
    axes.legend(
        [line, marker],
        ["predicted", "measured"],
        loc=place,
        bbox_to_anchor=anchor,
        handlelength=1.6,
        borderaxespad=0.2,
        labelspacing=0.25,
    ).set_gid("key")


def write_beside(axes: Axes, labels: Sequence[tuple[str, float, float, str]]) -> None:
    """Labels (text, x, y, colour) to the right of points, moved up and down until they are a line apart.

    Call it when the panel has its final place and limits.
    """
    heights = axes.transData.transform([(x, y) for _, x, y, _ in labels])[:, 1] * 72 / dots(axes)
    order = np.argsort(heights)
    wanted = heights[order]
    # pooled: labels that are too close stand about their mean
    groups: list[list[float]] = []
    for height in wanted:
        groups.append([height])
        while len(groups) > 1 and _low(groups[-1]) < _low(groups[-2]) + APART * len(groups[-2]):
            last = groups.pop()
            groups[-1] += last
    found = np.concatenate([_low(group) + APART * np.arange(len(group)) for group in groups])
    for place, height, before in zip(order, found, wanted, strict=True):
        text, x, y, colour = labels[place]
        write(axes, text, (x, y), shift=(6, height - before), color=colour, ha="left")


def _low(group: list[float]) -> float:
    """Where the lowest of labels stands, in points, that are spread about their mean."""
    return float(np.mean(group)) - APART * (len(group) - 1) / 2
