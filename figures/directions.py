"""The panel of `compare` that shows the error along each singular direction, divided among the rules."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

from figures.brackets import amount
from figures.curves import draw_curve, relative
from figures.style import INK, PREDICTED, SMALL, direction_colours, direction_map, inches
from simulations.comparison import Run
from theory.models.linear import Directions

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
LABELLED = 6  # directions that have a label each; of more, as many have their predicted line drawn
THIN, THICK = 0.6, 1.3  # points, where there are many directions and where there are few
LONGEST_KEY = 36  # characters; a longer one gives way to a colour bar
RANGE = (1e-4, 2.0)
TITLE = 0.16  # inches above each part
NAME: dict[str, Any] = {"fontsize": SMALL, "fontweight": "bold", "gid": "rule"}


def learning(seen: Directions) -> Indices:
    """The directions that have something to learn and can."""
    return np.flatnonzero(np.asarray(seen.learns, bool) & (seen.amplitudes > 0))


def divide(host: Axes, titles: list[str]) -> list[Axes]:
    """One panel for each title in the place of `host`, from top to bottom."""
    host.set_axis_off()
    gap = TITLE / inches(host)
    tall = 1 / len(titles) - gap
    parts = []
    for place, title in enumerate(titles):
        part = host.inset_axes((0, 1 - (place + 1) * (tall + gap), 1, tall))
        part.text(0, 1 + 0.15 * gap / tall, title, transform=part.transAxes, **NAME)
        part.set_yscale("log")
        part.set_ylim(*RANGE)
        part.yaxis.set_major_locator(FixedLocator([1, 1e-2, 1e-4]))
        part.yaxis.set_minor_locator(FixedLocator([1e-1, 1e-3]))
        part.yaxis.set_minor_formatter(NullFormatter())
        parts.append(part)
    host.annotate(
        "error |eᵢ| / |eᵢ(0)| of a direction",
        (0, 0.5),
        (-26, 0),
        "axes fraction",
        "offset points",
        rotation=90,
        ha="right",
        va="center",
        gid="ylabel",
    )
    return parts


def draw_amplitudes(panel: Axes, run: Run, shown: Indices, colours: list[str]) -> None:
    """Slow directions below and wider, so that directions that coincide are all seen."""
    trajectory, curve, steps = run.trajectory, run.curve, run.view == "descent"
    for rank, index in reversed(list(enumerate(shown))):
        width = THIN if len(shown) > LABELLED else THICK + min(0.6, 1.8 / len(shown)) * rank
        draw_curve(
            panel,
            trajectory.times,
            relative(trajectory.amplitudes[:, index]),
            steps=steps,
            color=colours[rank],
            linewidth=width,
            gid="amplitude",
        )
    for index in () if curve is None else _some(shown):
        assert curve is not None
        draw_curve(
            panel,
            curve.times,
            relative(curve.amplitudes[:, index]),
            steps=steps,
            fill=False,
            color=INK,
            gid="predicted",
            **PREDICTED,
        )


def draw_arrivals(panel: Axes, run: Run, shown: Indices, colours: list[str], threshold: float) -> None:
    """Ticks at the threshold: measured in the direction's colour, predicted short and dark over it."""
    panel.axhline(threshold, color="#999999", linewidth=0.5, linestyle=":", zorder=1, gid="threshold")
    wide = 0.7 if len(shown) > LABELLED else 1.6
    for rank, index in enumerate(shown):
        for arrival, size, width, colour, gid in (
            (run.trajectory.arrivals[index], 8.0, wide, colours[rank], "arrival"),
            (run.prediction.arrivals[index], 4.0, wide / 2.5, INK, "predicted arrival"),
        ):
            if arrival is not None and np.isfinite(arrival) and arrival > 0:
                panel.plot(
                    [arrival],
                    [threshold],
                    linestyle="none",
                    marker="|",
                    markersize=size,
                    color=colour,
                    markeredgewidth=width,
                    zorder=3,
                    clip_on=False,
                    gid=gid,
                )


def _some(shown: Indices) -> Indices:
    """Up to `LABELLED` of the directions, from the first to the last."""
    if len(shown) <= LABELLED:
        return shown
    return shown[np.linspace(0, len(shown) - 1, LABELLED).round().astype(int)]


def draw_key(host: Axes, values: Array, letter: str = "λ") -> list[str]:
    """Colours of directions with these singular values, and their key above the panel."""
    labels = [f"{letter}{'₁₂₃₄₅₆'[rank]} = {_short(value)}" for rank, value in enumerate(values[:LABELLED])]
    if len(values) <= LABELLED and len("".join(labels)) <= LONGEST_KEY:
        colours = direction_colours(list(np.linspace(1, 0, len(values))))
        handles = [Line2D([], [], color=colour, linewidth=1.9) for colour in colours]
        host.legend(
            handles,
            labels,
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=LABELLED,
            borderpad=0,
            handlelength=1.0,
            handletextpad=0.3,
            columnspacing=0.8,
            borderaxespad=0.1,
        )
        return colours
    norm = LogNorm(float(values.min()), float(values.max()))
    tall = inches(host)
    bar = host.inset_axes((0.55, 1 + 0.03 / tall, 0.3, 0.06 / tall))
    host.figure.colorbar(ScalarMappable(norm, direction_map()), cax=bar, orientation="horizontal")
    bar.xaxis.set_major_locator(NullLocator())
    bar.xaxis.set_minor_locator(NullLocator())
    style: dict[str, Any] = {"transform": bar.transAxes, "va": "center_baseline", "fontsize": SMALL, "gid": "key"}
    bar.text(-0.03, 0.5, f"singular value {letter} (log)  {_short(values.min())}", ha="right", **style)
    bar.text(1.03, 0.5, _short(values.max()), ha="left", **style)
    return direction_colours([float(position) for position in norm(values)])


def _short(value: float) -> str:
    return amount(float(f"{value:.3g}"))
