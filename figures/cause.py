"""What makes each model's plateau: its length under every control, and its parts, scale and asymmetry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from figures.style import COLUMN, INK, PAGE, RULES, SMALL, darker, house_style, lighter
from simulations.cause import CONTROLS, Cause, Parts
from theory.checks import ArgumentError

ORDER = ("gd", "frobenius", *CONTROLS, "egd", "ngd", "newton")
SCALE, ASYMMETRY = "#9a9a9a", RULES["egd"]
PANEL, BARS, HEAD, FOOT, BETWEEN = 1.45, 0.62, 0.42, 0.4, 0.62  # inches
LEFT, GAP, RIGHT = 0.85, 0.22, 0.12
MOST = 3  # models in a figure
ROOM, BESIDE = 0.16, 0.3  # of the axis: below it a number does not fit into its bar; to the left of zero


def figure(causes: Sequence[Cause]) -> Figure:
    """Draw the plateaus of up to three models in steps under each rule, and below what they are made of.

    A rule without a dot does not end the plateau in the steps that were taken. A factor below 1 is a bar to the left of
    zero.

    Raises
    ------
    ArgumentError
        If there is no model, or more than three.
    """
    if not 1 <= len(causes) <= MOST:
        raise ArgumentError("causes", f"hold one to {MOST} models", f"holds {len(causes)}")
    width = PAGE if len(causes) > 1 else COLUMN
    tall = HEAD + PANEL + BETWEEN + BARS + FOOT
    wide = (width - LEFT - RIGHT - GAP * (len(causes) - 1)) / len(causes)
    with house_style():
        whole = Figure(figsize=(width, tall))
        for index, found in enumerate(causes):
            x = (LEFT + index * (wide + GAP)) / width
            upper = whole.add_axes((x, (FOOT + BARS + BETWEEN) / tall, wide / width, PANEL / tall))
            lower = whole.add_axes((x, FOOT / tall, wide / width, BARS / tall))
            _controls(upper, found, first=index == 0)
            _parts(lower, found, first=index == 0)
        whole.draw_without_rendering()  # ticks are made here, in this style
    return whole


def _controls(axes: Axes, found: Cause, *, first: bool) -> None:
    """One dot for each rule, at the steps to the end of its plateau."""
    axes.set_xscale("log")
    for row, name in enumerate(reversed(ORDER)):
        steps, colour = found.steps[name], RULES[name]
        if steps is None:
            axes.text(0.02, row, "no end", transform=axes.get_yaxis_transform(), va="center", fontsize=SMALL, color=INK)
            continue
        place = max(steps, 1.0)
        axes.plot([1, place], [row, row], color=lighter(colour), linewidth=1.0, zorder=1)
        axes.plot([place], [row], color=darker(colour, 0.15), marker="o", markersize=4.2, gid=name)
    axes.set_ylim(-0.6, len(ORDER) - 0.4)
    ends = [steps for steps in found.steps.values() if steps is not None]
    axes.set_xlim(0.8, 2 * max([10.0, *ends]))
    axes.xaxis.set_major_locator(LogLocator(numticks=6))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(ORDER)), reversed(ORDER) if first else [""] * len(ORDER))
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"steps of {found.step:g} to the end of the plateau")
    told = "equal speeds ≠ rescaling" if found.told_apart else "equal speeds = a rescaling"
    axes.set_title(f"$\\mathbf{{{found.model}}}$\n{told}", loc="left", gid="title")


def _parts(axes: Axes, found: Cause, *, first: bool) -> None:
    """A bar for each view: logarithms of scale and asymmetry, end to end; what is below 1 goes to the left."""
    views = (("flow", found.flow), ("steps", found.descent))
    spans = [_span(parts) for _, parts in views if parts is not None]
    low, high = min([0.0, *(one for one, _ in spans)]), max([1.0, *(one for _, one in spans)])
    low = min(low, -BESIDE * high) if low else low  # room for the number
    axes.set_xlim(1.02 * low, 1.02 * high)
    if low:
        axes.axvline(0, color=INK, linewidth=0.6)
    for row, (_, parts) in enumerate(reversed(views)):
        _bar(axes, row, parts)
    axes.set_ylim(-0.6, 1.6)
    axes.set_yticks(range(2), [name for name, _ in reversed(views)] if first else ["", ""])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("powers of ten")
    if first:
        style: dict[str, Any] = {"transform": axes.transAxes, "fontsize": SMALL, "va": "bottom", "gid": "key"}
        axes.text(0, 1.02, "scale", color=darker(SCALE), **style)
        axes.text(0.22, 1.02, "asymmetry", color=darker(ASYMMETRY), **style)


def _bar(axes: Axes, row: int, parts: Parts | None) -> None:
    low, high = axes.get_xlim()
    if parts is None:
        axes.text(0.02 * high, row, "no plateau", va="center", fontsize=SMALL, color=INK)
        return
    ends = {True: 0.0, False: 0.0}  # of the bars on either side
    for factor, colour, name in ((parts.scale, SCALE, "scale"), (parts.asymmetry, ASYMMETRY, "asymmetry")):
        length = float(np.log10(factor))
        right = length >= 0
        begin = ends[right]
        axes.barh([row], [length], left=begin, height=0.62, color=lighter(colour, 0.3), gid=name)
        if abs(length) > (ROOM * (high - low) if right else 0.0):
            place = begin + (length if right else min(length, -BESIDE * high)) / 2
            style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": SMALL, "gid": f"{name} factor"}
            axes.text(place, row, f"×{factor:.3g}", color=INK, **style)
        ends[right] += length


def _span(parts: Parts) -> tuple[float, float]:
    """How far the bars reach to both sides: a factor below 1 to the left."""
    logs = np.log10([parts.scale, parts.asymmetry])
    return float(np.minimum(logs, 0).sum()), float(np.maximum(logs, 0).sum())
