"""Phase diagrams over one axis: lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from figures.labels import label_lines
from figures.phase_frame import BORDER, BORDERS, GAP, LEFT, MARKS, TURN, WIDE, draw_key, missing, panels
from figures.sides import label, log_ticks, places, set_side
from figures.style import INK, SMALL, rule_colours
from simulations.phases import Phase

Array = NDArray[np.float64]
FEW = 30  # points that have a marker


def draw_lines(found: Phase, rules: Sequence[str], axes: Any) -> Figure:
    """Lengths of each rule as a line, marks where there are none, the derived boundary, and the ratio beside them."""
    whole, (left, *right) = panels(1 + (found.ratio is not None), axes, LEFT, TURN + GAP, GAP)
    colours, drawn = rule_colours(rules), set()
    lines = [(name, _line(left, found, found.lengths[name][0], colours[name], name)) for name in rules]
    seen = [what for name in rules for what in _marks(left, found, found.lengths[name][0], colours[name])]
    for name in sorted(set(rules) & set(found.borders), key=lambda name: found.borders[name].exact):
        border = found.borders[name]
        for place in _crossings(found.x.fine(), border.excess[0]):
            left.axvline(place, color=BORDER, linewidth=WIDE, linestyle=BORDERS[border.exact][0], gid="border")
            drawn.add(border.exact)
    left.set_ylabel(f"plateau, {found.kind} ({found.unit})")
    if found.ratio is not None:
        _ratio(right[0], found, found.ratio[0])
    labelled = {text.get_text() for text in label_lines(left, lines, fontsize=SMALL)}
    if axes is None:
        draw_key(whole, found, drawn, seen, [line for name, line in lines if name not in labelled])
    return whole


def _ratio(panel: Axes, found: Phase, ratio: Array) -> None:
    """The GD/EGD ratio, or that there is none."""
    _line(panel, found, ratio, INK).set_gid("ratio")
    panel.set_ylabel("GD/EGD ratio")
    if not (np.isfinite(ratio) & (ratio > 0)).any():
        panel.set_yticks([])
        panel.minorticks_off()
        panel.text(
            0.5, 0.5, "no ratio: not both have a plateau", transform=panel.transAxes, ha="center", fontsize=SMALL
        )


def _line(panel: Axes, found: Phase, values: Array, colour: str, name: str = "") -> Line2D:
    """Lengths over one axis, on a logarithmic scale; gaps where there is none."""
    edges = set_side(panel, "x", found.x)
    panel.set_xlim(edges[0], edges[-1])
    panel.set_yscale("log")
    panel.set_xlabel(label(found.x))
    known = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    marker = "o" if len(values) < FEW else ""
    (line,) = panel.plot(places(found.x), known, color=colour, linewidth=1.6, marker=marker, markersize=2.5, label=name)
    log_ticks(panel.yaxis)
    return line


def _marks(panel: Axes, found: Phase, values: Array, colour: str) -> list[str]:
    """Marks at the foot where there is no plateau, and above them where it is not known; returns which there are."""
    seen = []
    for what, where, height in (("no plateau", values == 0, 0.02), (missing(found), np.isnan(values), 0.06)):
        if where.any():
            at = places(found.x)[where]
            style: dict[str, Any] = {"linestyle": "none", "marker": MARKS[what], "markersize": 3, "color": colour}
            panel.plot(at, np.full(len(at), height), transform=panel.get_xaxis_transform(), gid=what, **style)
            seen.append(what)
    return seen


def _crossings(points: Array, excess: Array) -> list[float]:
    """Where a function over (n,) points changes its sign, by the line between two of them."""
    turns = np.flatnonzero((excess[1:] >= 0) != (excess[:-1] >= 0))
    share = excess[turns] / (excess[turns] - excess[turns + 1])
    return [float(a + s * (b - a)) for a, b, s in zip(points[turns], points[turns + 1], share, strict=True)]
