"""Rows above a panel: one plateau each, as a bar over its time with its length."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Text

from figures.style import INK, SMALL, darker, dots, inches
from simulations.comparison import Run
from simulations.trajectory import Trajectory
from theory.plateaus import LONGEST_RUN

ROW = 0.13  # inches, height of a row
CAP = 0.3  # of a row, half the height of a bar's end
APART = 4.0  # points between a bar and its text
SMALLEST = 1e-9  # of the run's end: a plateau shorter than this is written as zero


def amount(value: float) -> str:
    """A length for a label: four digits, or thousands apart.

    Examples
    --------
    >>> [amount(value) for value in (0.0, 0.4995, 160.28238, 25552.01, 255519.0, 1.5e-5)]
    ['0', '0.4995', '160.3', '25,552', '255,519', '1.5e-05']
    """
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def length_text(run: Run) -> str:
    """The measured plateau length, and the predicted one in parentheses where there is one."""
    plateau = run.plateaus()[0]
    negligible = SMALLEST * float(run.trajectory.times[-1])
    measured, predicted = (
        None if value is None else amount(0.0 if abs(value) < negligible else value)
        for value in (plateau["measured"], plateau["predicted"])
    )
    if measured is None:
        measured = "diverged" if diverged(run) else "not over" if run.trajectory.censored else "none"
    return measured if predicted is None else f"{measured} ({predicted})"


def diverged(run: Run) -> bool:
    """Whether the run was given up because its error grew."""
    return run.trajectory.stop_reason.startswith("diverged")


def plateau_span(run: Run) -> tuple[float, float] | None:
    """Where the measured plateau begins and ends; up to the end of the run where it was not over.

    None where there is none. Of a run at 100 % test error the trajectory says how long it was, not where:
    it is taken to begin where the longest run among the recorded times does.
    """
    plateau, trajectory = run.plateaus()[0], run.trajectory
    length = plateau["measured"]
    if plateau["definition"] == LONGEST_RUN:
        begin = _longest_run_begin(trajectory)
    else:
        arrived = np.isfinite(trajectory.arrivals) & (trajectory.amplitudes[0] > 0)
        begin = float(trajectory.arrivals[arrived].min()) if arrived.any() else None
    if begin is None or diverged(run):
        return None
    return begin, float(trajectory.times[-1]) if length is None else begin + length


def _longest_run_begin(trajectory: Trajectory) -> float | None:
    whole = np.concatenate([[False], trajectory.test_error >= 1, [False]])
    edges = np.flatnonzero(whole[1:] != whole[:-1])
    if not len(edges):
        return None
    begins, ends = trajectory.times[edges[::2]], trajectory.times[edges[1::2] - 1]
    return float(begins[np.argmax(ends - begins)])


def draw_plateau(axes: Axes, run: Run, label: str, colour: str, row: int) -> None:
    """One plateau above axes that have their final place and time axis; rows count upwards from 0."""
    unit = ROW / inches(axes)
    y, low = 1 + (row + 0.8) * unit, axes.get_xlim()[0]
    _write(axes, label, 0, y, "right", color=darker(colour, 0.35), fontweight="bold", gid="rule")
    span, over = plateau_span(run), run.plateaus()[0]["measured"] is not None
    begin, end = (low, low) if span is None else (max(span[0], low), max(span[1], low))
    if span is not None:
        _draw_bar(axes, begin, end, y, colour, CAP * unit, seen=(span[0] > low, over))
        if over and run.plateaus()[0]["definition"] == LONGEST_RUN:
            axes.axvline(end, color=colour, linewidth=0.5, alpha=0.7, zorder=1, gid="plateau end")
    _write_length(axes, length_text(run), begin, end, y)


def _draw_bar(
    axes: Axes, begin: float, end: float, y: float, colour: str, half: float, seen: tuple[bool, bool]
) -> None:
    """A bar with a cap at each end that was seen, and an arrow where the run ended before its plateau."""
    style: dict[str, Any] = {"color": colour, "transform": axes.get_xaxis_transform(), "clip_on": False}
    axes.add_line(Line2D([begin, end], [y, y], linewidth=1.6, gid="plateau bar", **style))
    for x, cap in zip((begin, end), seen, strict=True):
        if cap:
            axes.add_line(Line2D([x, x], [y - half, y + half], linewidth=1.0, **style))
    if not seen[1]:
        axes.add_line(Line2D([end], [y], marker=">", markersize=3.5, **style))


def _write_length(axes: Axes, text: str, begin: float, end: float, y: float) -> None:
    """The length to the right of its bar if there is room, else on it, else to the left."""
    to_axes = axes.transData + axes.transAxes.inverted()
    left, right = (float(to_axes.transform((x, axes.get_ylim()[1]))[0]) for x in (begin, end))
    written = _write(axes, text, right, y, "left", color=INK, gid="plateau")
    need = (written.get_window_extent().width / dots(axes) + 2 * APART / 72) / inches(axes, "width")
    if 1 - right < need:
        written.remove()
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        if right - left < need:
            _write(axes, text, left, y, "right", color=INK, gid="plateau")
        else:
            _write(axes, text, (left + right) / 2, y, "center", color=INK, gid="plateau", bbox=box)


def _write(axes: Axes, text: str, x: float, y: float, align: str, **style: Any) -> Text:
    shift = {"left": APART, "center": 0.0, "right": -APART}[align]
    return axes.annotate(
        text,
        (x, y),
        (shift, 0),
        "axes fraction",
        "offset points",
        ha=align,
        va="center_baseline",
        fontsize=SMALL,
        annotation_clip=False,
        **style,
    )
