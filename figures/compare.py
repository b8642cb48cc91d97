"""The picture of `compare`: errors and plateaus of several rules, and the directions that make them."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter

from figures.brackets import ROW, draw_plateau
from figures.compare_notes import ERRORS, notes
from figures.curves import BAND, draw_curve, relative, time_limits
from figures.directions import divide, draw_amplitudes, draw_arrivals, draw_key, learning
from figures.groups import Group, Rows, label, merged, preferred
from figures.labels import label_lines
from figures.notebook import NotebookFigure
from figures.style import INK, PAGE, PREDICTED, SMALL, darker, house_style, inches, lighter, rule_colours
from simulations.comparison import Comparison, Run
from theory.checks import ArgumentError
from theory.plateaus import LONGEST_RUN

TIMES = {"flow": "flow time t", "descent": "steps k"}
PERCENT = (-3.0, 108.0)

PANEL, HEAD, FOOT, KEY = 1.8, 0.4, 0.42, 0.17  # inches: a panel, room above and below, the key's part
TOP, NOTE = 0.24, 0.115  # inches: the legend, a line of notes
MIDDLE, RIGHT = 0.52, 0.14  # inches between the panels and beside them
NOTE_WIDTH = 150  # characters

TEST: dict[str, Any] = {"linewidth": 1.9, "zorder": 2.2, "gid": "test"}
TRAIN: dict[str, Any] = {"linewidth": 0.8, "zorder": 2.1, "gid": "train"}
OPEN: dict[str, Any] = {"marker": ">", "markersize": 4.5, "markerfacecolor": "white", "zorder": 4}


def figure(comparison: Comparison, axes: Any = None) -> Figure:
    """Draw a comparison: one row for each view, errors on the left, directions on the right.

    Rules whose lines coincide share one. Time zero has no place on the logarithmic axes: they begin at the
    first step, or at a hundredth of the earliest arrival.

    Parameters
    ----------
    comparison
        What is drawn.
    axes
        Two axes for each view; a new figure, 6.75 inch wide with legend and notes, if left out. Plateaus are
        written above the left ones, and the right ones are divided among the rules. Axes made inside
        `figures.style.house_style` have the same look.

    Raises
    ------
    ArgumentError
        If `axes` does not hold two for each view.
    """
    rows = {view: merged([run for run in comparison.runs if run.view == view]) for view in TIMES}
    rows = {view: groups for view, groups in rows.items() if groups}
    lines = textwrap.wrap(notes(comparison, rows), NOTE_WIDTH)
    with house_style():
        panels = _panels(rows, len(lines)) if axes is None else _checked(axes, len(rows))
        for (left, right), view in zip(panels, rows, strict=True):
            _draw_errors(left, comparison, view, rows[view])
            _draw_directions(right, comparison, view, rows[view])
        whole = panels[0][0].get_figure(root=True)
        assert isinstance(whole, Figure)
        if axes is None:
            _draw_legend(whole, comparison)
            low = 0.04 / whole.get_figheight()
            whole.text(0.01, low, "\n".join(lines), fontsize=6, va="bottom", gid="notes")
        whole.draw_without_rendering()  # ticks are made here, in this style
    return whole


def _checked(axes: Any, views: int) -> list[tuple[Axes, Axes]]:
    found = np.asarray(axes, dtype=object).ravel()
    if len(found) != 2 * views or not all(isinstance(one, Axes) for one in found):
        raise ArgumentError("axes", f"hold {2 * views} axes, two for each view", f"holds {len(found)}")
    return list(zip(found[::2], found[1::2], strict=True))


def _panels(rows: Rows, notes: int) -> list[tuple[Axes, Axes]]:
    """Two axes for each view on a new figure, with room for what is written around them."""
    heads = [HEAD + ROW * len(groups) for groups in rows.values()]
    height = TOP + sum(heads) + len(rows) * (PANEL + FOOT) + NOTE * notes + 0.04
    longest = max(len(label(group)) for groups in rows.values() for group in groups)
    margin = max(0.62, 0.12 + 0.064 * longest)
    width = (PAGE - margin - MIDDLE - RIGHT) / 2
    whole = NotebookFigure(figsize=(PAGE, height))
    panels, top = [], height - TOP
    for head in heads:
        bottom = top - head - PANEL
        left, right = (
            whole.add_axes((x / PAGE, bottom / height, width / PAGE, tall / height))
            for x, tall in ((margin, PANEL), (margin + width + MIDDLE, PANEL + head - KEY))
        )
        panels.append((left, right))
        top = bottom - FOOT
    return panels


def _colours(comparison: Comparison) -> dict[str, str]:
    return rule_colours(list(dict.fromkeys(run.rule.name for run in comparison.runs)))


def _classifies(comparison: Comparison) -> bool:
    return LONGEST_RUN in comparison.runs[0].trajectory.plateaus


def _time_axis(axes: Axes, view: str, groups: list[Group]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*time_limits([run for group in groups for run in group]))
    axes.xaxis.set_major_locator(LogLocator(numticks=8))
    axes.xaxis.set_minor_locator(LogLocator(numticks=30))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(TIMES[view])


def _draw_errors(axes: Axes, comparison: Comparison, view: str, groups: list[Group]) -> None:
    """Train and test error of each rule, and above them their plateaus."""
    _time_axis(axes, view, groups)
    if _classifies(comparison):
        axes.set_ylim(*PERCENT)
        axes.set_ylabel("test error (%)\ntrain loss (% of its start)")
    else:
        axes.set_yscale("log")
        axes.set_ylim(*ERRORS)
        axes.set_ylabel("test error, train loss\n(relative to the start)")
    colours = _colours(comparison)
    for group in sorted(groups, key=lambda group: -group[0].trajectory.times[-1]):  # the shorter over the longer
        _draw_run(axes, group[0], colours[group[0].rule.name], _classifies(comparison))
    for row, group in enumerate(reversed(groups)):
        draw_plateau(axes, group[0], label(group), colours[group[0].rule.name], row)
    tests = {line.get_color(): line for line in axes.get_lines() if line.get_gid() == "test"}
    lines = [(group[0].rule.name, tests[colours[group[0].rule.name]]) for group in groups]
    label_lines(axes, lines, fontsize=SMALL)
    _write_head(axes, comparison, view, groups)


def _draw_run(axes: Axes, run: Run, colour: str, classifies: bool) -> None:
    trajectory, curve, steps = run.trajectory, run.curve, run.view == "descent"
    scale = 100.0 if classifies else 1.0
    unit = scale / (trajectory.test_error[0] if not classifies and trajectory.test_error[0] > 0 else 1.0)
    train = scale * relative(trajectory.train_error)
    test = unit * trajectory.test_error
    draw_curve(axes, trajectory.times, train, steps=steps, color=lighter(colour, 0.35), **TRAIN)
    draw_curve(axes, trajectory.times, test, steps=steps, color=colour, **TEST)
    if curve is not None and curve.test_error is not None:
        draw_curve(
            axes,
            curve.times,
            unit * curve.test_error,
            steps=steps,
            fill=False,
            color=darker(colour),
            gid="predicted",
            **PREDICTED,
        )
    low, high = axes.get_ylim()
    if trajectory.censored and trajectory.times[-1] > 0 and low <= test[-1] <= high:
        axes.plot(trajectory.times[-1:], test[-1:], color=colour, gid="open end", clip_on=False, **OPEN)


def _write_head(axes: Axes, comparison: Comparison, view: str, groups: list[Group]) -> None:
    y = 1 + (ROW * len(groups) + 0.08) / inches(axes)
    step = comparison.parameters["step"]
    title = "Flow" if view == "flow" else f"Descent, step size η = {step:.4g}"
    definition = groups[0][0].plateaus()[0]["definition"]
    style: dict[str, Any] = {"transform": axes.transAxes}
    axes.text(0, y, f"plateau, measured (predicted): {definition}", fontsize=6, fontstyle="italic", **style)
    axes.text(0, y + 0.13 / inches(axes), title, fontsize=7.5, fontweight="bold", gid="view", **style)


def _draw_directions(host: Axes, comparison: Comparison, view: str, groups: list[Group]) -> None:
    """Error along each direction, in one panel for each rule."""
    shown = learning(comparison.directions)
    chosen = preferred(groups)
    colours = draw_key(host, comparison.directions.values[shown], "s" if comparison.model.name == "factorized" else "λ")
    parts = divide(host, [label(group) for group in chosen])
    for part, group in zip(parts, chosen, strict=True):
        _time_axis(part, view, groups)
        draw_amplitudes(part, group[0], shown, colours)
        draw_arrivals(part, group[0], shown, colours, comparison.parameters["threshold"])
        if part is not parts[-1]:
            part.tick_params(labelbottom=False)
            part.set_xlabel("")


def _draw_legend(whole: Figure, comparison: Comparison) -> None:
    grey = "#888888"
    threshold = comparison.parameters["threshold"]
    entries: dict[str, dict[str, Any]] = {
        "test error, measured": {"color": grey} | TEST,
        "train loss": {"color": lighter(grey, 0.35)} | TRAIN,
        "predicted": {"color": INK} | PREDICTED,
        f"arrival (at {threshold:g})": {
            "color": grey,
            "linestyle": "none",
            "marker": "|",
            "markersize": 8,
            "markeredgewidth": 1.6,
        },
    }
    if any(run.trajectory.censored for run in comparison.runs):
        entries["open end"] = {"color": grey, "linestyle": "none"} | OPEN
    handles: list[Artist] = [Line2D([], [], **style) for style in entries.values()]
    labels = list(entries)
    if whole.findobj(lambda artist: artist.get_gid() == "band"):
        handles.append(Patch(facecolor=grey, alpha=BAND["alpha"]))
        labels.append("swing between steps")
    top = 1 - 0.02 / whole.get_figheight()
    whole.legend(
        handles,
        labels,
        loc="upper center",
        bbox_to_anchor=(0.5, top),
        ncols=len(labels),
        borderaxespad=0.2,
        handlelength=1.8,
        columnspacing=1.4,
        handletextpad=0.6,
    )
