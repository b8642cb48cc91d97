"""Phase diagrams: plateau lengths of a sweep over two of its axes, where there is none, and the GD/EGD ratio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from figures.phase_frame import (
    BAR,
    BORDER,
    BORDERS,
    HALO,
    HEAD,
    LEFT,
    PREFERRED,
    SHOWN,
    WIDE,
    draw_key,
    in_order,
    missing,
    panels,
)
from figures.phase_lines import draw_lines
from figures.regions import fill, label_region
from figures.sides import label, log_ticks, room, set_side
from figures.style import INK, house_style, inches
from simulations.phases import Border, Phase, Side, phase
from theory.checks import ArgumentError

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
# The ends of the colour map are left out, so that every length is darker than the cells without a plateau.
LENGTHS = LinearSegmentedColormap.from_list("lengths", colormaps["viridis_r"](np.linspace(0.06, 1, 256)))
RATIOS = LinearSegmentedColormap.from_list("ratios", colormaps["cividis_r"](np.linspace(0.06, 1, 256)))


def figure(
    sweep: xr.Dataset | Path | str | Phase, x: str | None = None, y: str | None = None, *, axes: Any = None, **cut: Any
) -> Figure:
    """Draw plateau lengths over two axes of a sweep, or lines over one.

    Left, one panel for each rule (gd and egd first): lengths in colour, cells without a plateau white, censored ones
    hatched, and over them the derived boundary of no plateau, dashed where it is that of the rule's flow instead of
    its steps. Right, the GD/EGD ratio.

    Parameters
    ----------
    sweep
        A grid: its Dataset, store or file, or a `Phase`.
    x, y
        Its axes; the first two that vary if left out.
    axes
        One axes for each panel; a new figure, 6.75 inch wide with its key, if left out.
    cut
        Passed on to `simulations.phases.phase`: ``definition``, ``kind``, ``at``.

    Raises
    ------
    ArgumentError
        As `phase` does, or if `axes` does not hold one for each panel.
    """
    found = sweep if isinstance(sweep, Phase) else phase(sweep, x, y, **cut)
    rules = in_order(found)[:SHOWN]
    if not rules:
        raise ArgumentError("sweep", "hold a length to draw", f"holds no {found.kind} one")
    with house_style():
        draw = _maps if found.y is not None else draw_lines
        whole = draw(found, rules, axes)
        whole.draw_without_rendering()  # ticks are made here, in this style
    return whole


def _maps(found: Phase, rules: Sequence[str], axes: Any) -> Figure:
    assert found.y is not None
    sides = found.x, found.y
    whole, drawn_on = panels(len(rules) + (found.ratio is not None), axes, LEFT + room(found.y))
    shared = np.concatenate([found.lengths[name].ravel() for name in rules])
    seen: list[str] = []
    drawn: set[bool] = set()
    unknown = missing(found)
    for panel, name in zip(drawn_on, rules, strict=False):
        lengths = found.lengths[name]
        special = {"no plateau": lengths == 0, unknown: np.isnan(lengths)}
        seen += draw_map(panel, sides, lengths, special, LENGTHS, colour_scale(shared))
        drawn |= _draw_border(panel, found, found.borders.get(name))
        draw_bar(panel, f"{name}: plateau ({found.unit})")
    if found.ratio is not None:
        gd, egd = (found.lengths.get(name) for name in PREFERRED)
        special = special_cells(gd, egd, unknown)
        seen += draw_map(drawn_on[-1], sides, found.ratio, special, RATIOS, colour_scale(found.ratio))
        draw_bar(drawn_on[-1], "GD/EGD ratio")
    for panel in drawn_on[1:]:
        panel.tick_params(labelleft=False)
    drawn_on[0].set_ylabel(label(found.y))
    if axes is None:
        draw_key(whole, found, drawn, seen)
    return whole


def special_cells(gd: Array | None, egd: Array | None, unknown: str) -> dict[str, Mask]:
    """Cells in which a ratio is no finite number above zero, and why."""
    if gd is None or egd is None:
        return {}
    return {
        "no plateau": (gd == 0) & (egd == 0),
        unknown: np.isnan(gd) | np.isnan(egd),
        "only gd has one": (gd > 0) & (egd == 0),
        "only egd has one": (gd == 0) & (egd > 0),
    }


def colour_scale(values: Array) -> LogNorm:
    """The colours' scale: from the least to the greatest length, not less than a factor of 2 apart."""
    lengths = values[np.isfinite(values) & (values > 0)]
    low, high = (float(lengths.min()), float(lengths.max())) if len(lengths) else (1.0, 10.0)
    middle = np.sqrt(low * high)
    return LogNorm(min(low, middle / np.sqrt(2)), max(high, middle * np.sqrt(2)))


def draw_map(
    panel: Axes, sides: tuple[Side, Side], values: Array, special: Mapping[str, Mask], colours: Any, scale: LogNorm
) -> list[str]:
    """The cells (y, x) of one panel; returns which special ones there are and have no label of their own."""
    edges = set_side(panel, "x", sides[0]), set_side(panel, "y", sides[1])
    known = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    panel.pcolormesh(*edges, known, cmap=colours, norm=scale, rasterized=True, gid="lengths")
    unlabelled = []
    for what, where in special.items():
        if where.any():
            fill(panel, edges, where, what)
            if not label_region(panel, edges, where, what):
                unlabelled.append(what)
    panel.set_xlabel(label(sides[0]))
    _contours(panel, sides, edges, known)
    return unlabelled


def _contours(panel: Axes, sides: tuple[Side, Side], edges: tuple[Array, Array], known: Array) -> None:
    """Lines at powers of ten, between cells that all have a length; with their value where it covers such cells."""
    if min(known.shape) < 4 or not all(side.numeric for side in sides) or np.isnan(known).all():
        return
    logs = np.ma.masked_invalid(np.log10(known))
    levels = np.arange(np.ceil(logs.min() + 0.05), logs.max() - 0.05)
    if len(levels):
        lines = panel.contour(*(side.values for side in sides), logs, levels, colors=INK, linewidths=0.5)
        panel.clabel(lines, fmt=_power, fontsize=6, inline_spacing=2)
        for text in list(lines.labelTexts):
            corners = panel.transData.inverted().transform(text.get_window_extent().corners())
            column, row = (np.searchsorted(edges[i], corners[:, i]) - 1 for i in range(2))
            inside = (column >= 0) & (column < known.shape[1]) & (row >= 0) & (row < known.shape[0])
            text.set_path_effects(HALO)
            if not inside.all() or np.isnan(known[row, column]).any():
                text.remove()


def _power(level: float) -> str:
    return f"$10^{{{level:.0f}}}$" if round(level) else "1"


def _draw_border(panel: Axes, found: Phase, border: Border | None) -> set[bool]:
    """The derived boundary of no plateau, over the cells; returns whether it is exact, if it is there."""
    assert found.y is not None
    if border is None or not ((border.excess > 0).any() and (border.excess < 0).any()):
        return set()
    places, dash = (found.x.fine(), found.y.fine()), BORDERS[border.exact][0]
    lines = panel.contour(*places, border.excess, [0.0], colors=BORDER, linewidths=WIDE, linestyles=[dash])
    lines.set(gid="border", path_effects=HALO)
    return {border.exact}


def draw_bar(panel: Axes, title: str) -> None:
    """The scale of a panel, above it, with its title."""
    whole, unit = panel.get_figure(root=True), 1 / inches(panel)
    assert isinstance(whole, Figure)
    mesh = next(one for one in panel.collections if one.get_gid() == "lengths")
    place = panel.inset_axes((0, 1 + 0.06 * unit, 1, BAR * unit))
    bar = whole.colorbar(mesh, cax=place, orientation="horizontal")
    bar.outline.set_linewidth(0.4)
    place.xaxis.set_ticks_position("top")
    log_ticks(place.xaxis)
    place.tick_params(labelsize=6, pad=1)
    panel.text(0, 1 + (HEAD - 0.12) * unit, title, transform=panel.transAxes, fontweight="bold", gid="title")


phase_diagram = figure  # its name in evenflow, where `figure` is that of a comparison
