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
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from figures.labels import label_lines
from figures.style import INK, PAGE, SMALL, dots, house_style, inches, rule_colours
from simulations.phases import Border, Phase, Side, phase
from theory.checks import ArgumentError

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
SHOWN = 2  # rules, of which gd and egd come first
PREFERRED = ("gd", "egd")
LEFT, GAP, RIGHT = 0.5, 0.13, 0.1  # inches beside and between the panels
PANEL, BAR, HEAD, FOOT, KEY = 1.75, 0.07, 0.46, 0.36, 0.24  # inches from above: head with bar, panel, axis, key
TURN, LETTER = 0.35, 0.055  # inches: for the numbers between two panels, of a letter of a tick
# The ends of the colour map are left out, so that every length is darker than the cells without a plateau.
LENGTHS = LinearSegmentedColormap.from_list("lengths", colormaps["viridis_r"](np.linspace(0.06, 1, 256)))
RATIOS = LinearSegmentedColormap.from_list("ratios", colormaps["cividis_r"](np.linspace(0.06, 1, 256)))
NONE, UNKNOWN = "#ffffff", "#dddddd"
# Cells that have no colour on the scale: what they say, face and hatch.
CELLS: dict[str, tuple[str, str]] = {
    "no plateau": (NONE, ""),
    "censored": (UNKNOWN, "//////"),
    "not predicted": (UNKNOWN, "//////"),
    "only gd has one": (NONE, "...."),
    "only egd has one": (NONE, "\\\\\\\\"),
}
# Whether a boundary is exact: its line, and what the key says.
BORDERS: dict[bool, tuple[Any, str]] = {True: ("solid", "derived"), False: ((0, (3, 1.6)), "derived for the flow")}
BORDER, WIDE = "#d1495b", 1.4
MARKS, FEW = {"no plateau": "x", "censored": ">", "not predicted": ">"}, 30  # on lines; points that have a marker
LABELS = {
    "epsilon": "ε, variance of the slow feature",
    "theta": "θ, angle of the test boundary (rad)",
    "margin": "margin s",
    "weight_decay": "weight decay λ",
    "start_fast": "start of the fast direction w₁",
    "start_slow": "start of the slow direction w₂",
    "w1": "start w₁",
    "w2": "start w₂",
    "step": "step size η",
    "condition": "condition number κ",
    "largest": "largest eigenvalue λ₁",
    "start": "error of each direction at the start",
    "directions": "number of directions",
}


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
    rules = sorted(found.lengths, key=lambda name: PREFERRED.index(name) if name in PREFERRED else 9)[:SHOWN]
    if not rules:
        raise ArgumentError("sweep", "hold a length to draw", f"holds no {found.kind} one")
    with house_style():
        draw = _maps if found.y is not None else _lines
        whole = draw(found, rules, axes)
        whole.draw_without_rendering()  # ticks are made here, in this style
    return whole


def _panels(count: int, axes: Any, left: float, gap: float = GAP, head: float = HEAD) -> tuple[Figure, list[Axes]]:
    """The panels of a new figure, or those that were given."""
    if axes is not None:
        given = list(np.asarray(axes, dtype=object).ravel())
        if len(given) != count or not all(isinstance(one, Axes) for one in given):
            raise ArgumentError("axes", f"hold {count} axes, one for each panel", f"holds {len(given)}")
        whole = given[0].get_figure(root=True)
        assert isinstance(whole, Figure)
        return whole, given
    height = head + PANEL + FOOT + KEY
    width = (PAGE - left - RIGHT - (count - 1) * gap) / count
    whole = Figure(figsize=(PAGE, height))
    lefts = [left + i * (width + gap) for i in range(count)]
    box = [(left / PAGE, (FOOT + KEY) / height, width / PAGE, PANEL / height) for left in lefts]
    return whole, [whole.add_axes(one) for one in box]


def _room(side: Side) -> float:
    """Inches that the words beside an axis take more than numbers do."""
    return 0.0 if side.numeric else max(0.0, LETTER * max(map(len, side.values)) - 0.3)


# Maps over two axes


def _maps(found: Phase, rules: Sequence[str], axes: Any) -> Figure:
    assert found.y is not None
    whole, panels = _panels(len(rules) + (found.ratio is not None), axes, LEFT + _room(found.y))
    shared = np.concatenate([found.lengths[name].ravel() for name in rules])
    seen: list[str] = []
    drawn: set[bool] = set()
    missing = "censored" if found.kind == "measured" else "not predicted"
    for panel, name in zip(panels, rules, strict=False):
        lengths = found.lengths[name]
        special = {"no plateau": lengths == 0, missing: np.isnan(lengths)}
        seen += _map(panel, found, lengths, special, LENGTHS, _scale(shared))
        drawn |= _draw_border(panel, found, found.borders.get(name))
        _bar(panel, f"{name}: plateau ({found.unit})")
    if found.ratio is not None:
        gd, egd = (found.lengths.get(name) for name in PREFERRED)
        seen += _map(panels[-1], found, found.ratio, _special(gd, egd, missing), RATIOS, _scale(found.ratio))
        _bar(panels[-1], "GD/EGD ratio")
    for panel in panels[1:]:
        panel.tick_params(labelleft=False)
    panels[0].set_ylabel(LABELS.get(found.y.name, found.y.name))
    if axes is None:
        _key(whole, found, drawn, seen)
    return whole


def _special(gd: Array | None, egd: Array | None, missing: str) -> dict[str, Mask]:
    """Cells in which a ratio is no finite number above zero, and why."""
    if gd is None or egd is None:
        return {}
    return {
        "no plateau": (gd == 0) & (egd == 0),
        missing: np.isnan(gd) | np.isnan(egd),
        "only gd has one": (gd > 0) & (egd == 0),
        "only egd has one": (gd == 0) & (egd > 0),
    }


def _scale(values: Array) -> LogNorm:
    """The colours' scale: from the least to the greatest length, not less than a factor of 10 apart."""
    lengths = values[np.isfinite(values) & (values > 0)]
    low, high = (float(lengths.min()), float(lengths.max())) if len(lengths) else (1.0, 10.0)
    middle = np.sqrt(low * high)
    return LogNorm(min(low, middle / np.sqrt(10)), max(high, middle * np.sqrt(10)))


def _map(
    panel: Axes, found: Phase, values: Array, special: Mapping[str, Mask], colours: Any, scale: LogNorm
) -> list[str]:
    """The cells of one panel; returns which special ones there are and have no label of their own."""
    assert found.y is not None
    edges = _set_side(panel, "x", found.x), _set_side(panel, "y", found.y)
    known = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    panel.pcolormesh(*edges, known, cmap=colours, norm=scale, rasterized=True, gid="lengths")
    unlabelled = []
    for what, where in special.items():
        if where.any():
            _fill(panel, edges, where, what)
            if not _label_region(panel, edges, where, what):
                unlabelled.append(what)
    panel.set_xlabel(LABELS.get(found.x.name, found.x.name))
    _contours(panel, found, known)
    return unlabelled


def _fill(panel: Axes, edges: tuple[Array, Array], where: Mask, what: str) -> None:
    """Cells in one face and hatch, as one area: the hatch does not begin anew in each."""
    face, hatch = CELLS[what]
    cells = np.where(where, 1.0, np.nan)
    panel.pcolormesh(*edges, cells, cmap=LinearSegmentedColormap.from_list("", [face, face]), gid=what, rasterized=True)
    if hatch:
        fine = np.repeat(np.repeat(where, 2, axis=0), 2, axis=1)  # a contour that keeps to the cells' edges
        places = [np.repeat(side, 2)[1:-1] for side in edges]
        panel.contourf(*places, fine.astype(float), levels=[0.5, 2], colors="none", hatches=[hatch])


def _label_region(panel: Axes, edges: tuple[Array, Array], where: Mask, what: str) -> bool:
    """Name cells in the middle of where they have most room; False where there is too little."""
    from scipy.ndimage import distance_transform_edt

    to_pixels = panel.transData.transform
    text = panel.text(0, 0, what, ha="center", va="center", fontsize=SMALL, gid=f"label {what}", zorder=5)
    box = text.get_window_extent()
    corners = to_pixels(np.column_stack([edges[0][[0, -1]], edges[1][[0, -1]]]))
    shape = np.maximum(1, np.abs(corners[1] - corners[0]).astype(int) // 2)  # every other pixel
    columns, rows = (np.linspace(low, high, n + 2)[1:-1] for low, high, n in zip(*corners, shape, strict=True))
    points = panel.transData.inverted().transform(_mesh(columns, rows))
    place = [np.clip(np.searchsorted(side, points[:, i]) - 1, 0, len(side) - 2) for i, side in enumerate(edges)]
    inside = where[place[1], place[0]].reshape(len(rows), len(columns))
    squeezed = distance_transform_edt(np.pad(inside, 1), sampling=(2, 2 * box.height / box.width))[1:-1, 1:-1]
    away = np.hypot(*np.meshgrid(*(np.linspace(-1, 1, count) for count in squeezed.shape), indexing="ij"))
    row, column = np.unravel_index(np.argmax(squeezed - 1e-3 * away), squeezed.shape)  # of equals, the most central
    if squeezed[row, column] < box.height / 2 + dots(panel) / 72:
        text.remove()
        return False
    x, y = panel.transData.inverted().transform((columns[column], rows[row]))
    text.set_position((float(x), float(y)))
    if CELLS[what][1]:
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
    return True


def _mesh(columns: Array, rows: Array) -> Array:
    return np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)


def _set_side(panel: Axes, letter: str, side: Side) -> Array:
    """Scale, limits and ticks of one axis; returns the edges of its cells (n + 1,)."""
    values = _places(side)
    scaled = np.log(values) if side.log else values
    middle = (scaled[1:] + scaled[:-1]) / 2
    edges = np.concatenate([[2 * scaled[0] - middle[0]], middle, [2 * scaled[-1] - middle[-1]]])
    edges = np.exp(edges) if side.log else edges
    axis = getattr(panel, f"{letter}axis")
    if side.log:
        getattr(panel, f"set_{letter}scale")("log")
        axis.set_major_locator(LogLocator(numticks=6))
        axis.set_minor_formatter(NullFormatter())
    elif not side.numeric:
        axis.set_ticks(values, labels=[str(word) for word in side.values])
    getattr(panel, f"set_{letter}lim")(edges[0], edges[-1])
    return np.asarray(edges)


def _contours(panel: Axes, found: Phase, known: Array) -> None:
    """Lines at powers of ten, with their value; between cells that all have a length."""
    assert found.y is not None
    if min(known.shape) < 4 or not (found.x.numeric and found.y.numeric) or np.isnan(known).all():
        return
    logs = np.ma.masked_invalid(np.log10(known))
    levels = np.arange(np.ceil(logs.min() + 0.05), logs.max() - 0.05)
    if len(levels):
        lines = panel.contour(found.x.values, found.y.values, logs, levels, colors=INK, linewidths=0.5)
        panel.clabel(lines, fmt=_power, fontsize=6, inline_spacing=2)


def _power(level: float) -> str:
    return f"$10^{{{level:.0f}}}$" if round(level) else "1"


def _draw_border(panel: Axes, found: Phase, border: Border | None) -> set[bool]:
    """The derived boundary of no plateau, over the cells; returns whether it is exact, if it is there."""
    assert found.y is not None
    if border is None or not ((border.excess > 0).any() and (border.excess < 0).any()):
        return set()
    places, dash = (found.x.fine(), found.y.fine()), BORDERS[border.exact][0]
    lines = panel.contour(*places, border.excess, [0.0], colors=BORDER, linewidths=WIDE, linestyles=[dash])
    lines.set_gid("border")
    return {border.exact}


def _bar(panel: Axes, title: str) -> None:
    """The scale of a panel, above it, with its title."""
    whole, unit = panel.get_figure(root=True), 1 / inches(panel)
    assert isinstance(whole, Figure)
    mesh = next(one for one in panel.collections if one.get_gid() == "lengths")
    place = panel.inset_axes((0, 1 + 0.06 * unit, 1, BAR * unit))
    bar = whole.colorbar(mesh, cax=place, orientation="horizontal")
    bar.outline.set_linewidth(0.4)
    place.xaxis.set_ticks_position("top")
    place.xaxis.set_major_locator(LogLocator(numticks=5))
    place.tick_params(labelsize=6, pad=1)
    panel.text(0, 1 + (HEAD - 0.12) * unit, title, transform=panel.transAxes, fontweight="bold", gid="title")


def _key(whole: Figure, found: Phase, drawn: set[bool], seen: Sequence[str]) -> None:
    """What the boundaries drawn are, the cells that had no room for a label, and the other parameters."""
    handles: list[Any] = [
        Line2D([], [], color=BORDER, linewidth=WIDE, linestyle=dash, label=f"no plateau beyond ({words})")
        for exact, (dash, words) in BORDERS.items()
        if exact in drawn
    ]
    for what in dict.fromkeys(seen):
        face, hatch = CELLS[what]
        if found.y is None:
            handles.append(Line2D([], [], color=INK, linestyle="none", marker=MARKS[what], markersize=3, label=what))
        else:
            handles.append(Patch(facecolor=face, hatch=hatch, edgecolor="#777777", linewidth=0.4, label=what))
    height = whole.get_figheight()
    if handles:
        whole.legend(
            handles=handles,
            loc="lower center",
            bbox_to_anchor=(0.5, 0.12 / height),
            ncols=5,
            borderpad=0,
            columnspacing=1.4,
        )
    whole.text(0.01, 0.03 / height, _note(found), fontsize=6, va="bottom", gid="notes")


def _note(found: Phase) -> str:
    """What the lengths are, and the parameters that are not axes."""
    rest = [
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in found.rest.items()
    ]
    thinned = " Not all points of the sweep are drawn." if found.thinned else ""
    return f"{found.model}, {found.kind}: {found.definition}; {', '.join(rest)}.{thinned}"


# Lines over one axis


def _lines(found: Phase, rules: Sequence[str], axes: Any) -> Figure:
    whole, panels = _panels(1 + (found.ratio is not None), axes, LEFT, TURN + GAP, GAP)
    colours, drawn = rule_colours(rules), set()
    lines = [(name, _line(panels[0], found, found.lengths[name][0], colours[name])) for name in rules]
    seen = [what for name in rules for what in _marks(panels[0], found, found.lengths[name][0], colours[name])]
    for name in sorted(set(rules) & set(found.borders), key=lambda name: found.borders[name].exact):
        border = found.borders[name]
        for place in _crossings(found.x.fine(), border.excess[0]):
            panels[0].axvline(place, color=BORDER, linewidth=WIDE, linestyle=BORDERS[border.exact][0], gid="border")
            drawn.add(border.exact)
    panels[0].set_ylabel(f"plateau, {found.kind} ({found.unit})")
    if found.ratio is not None:
        _line(panels[1], found, found.ratio[0], INK).set_gid("ratio")
        panels[1].set_ylabel("GD/EGD ratio")
    label_lines(panels[0], lines, fontsize=SMALL)
    if axes is None:
        _key(whole, found, drawn, seen)
    return whole


def _line(panel: Axes, found: Phase, values: Array, colour: str) -> Line2D:
    """Lengths over one axis, on a logarithmic scale; gaps where there is none."""
    edges = _set_side(panel, "x", found.x)
    panel.set_xlim(edges[0], edges[-1])
    panel.set_yscale("log")
    panel.set_xlabel(LABELS.get(found.x.name, found.x.name))
    known = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    marker = "o" if len(values) < FEW else ""
    (line,) = panel.plot(_places(found.x), known, color=colour, linewidth=1.6, marker=marker, markersize=2.5)
    return line


def _marks(panel: Axes, found: Phase, values: Array, colour: str) -> list[str]:
    """Marks at the foot where there is no plateau, and above them where it is not known; returns which there are."""
    missing = "censored" if found.kind == "measured" else "not predicted"
    seen = []
    for what, where, height in (("no plateau", values == 0, 0.02), (missing, np.isnan(values), 0.06)):
        if where.any():
            places = _places(found.x)[where]
            style: dict[str, Any] = {"linestyle": "none", "marker": MARKS[what], "markersize": 3, "color": colour}
            panel.plot(places, np.full(len(places), height), transform=panel.get_xaxis_transform(), gid=what, **style)
            seen.append(what)
    return seen


def _places(side: Side) -> Array:
    """Where the values of an axis stand on it (n,)."""
    return np.asarray(side.values if side.numeric else np.arange(len(side.values)), float)


def _crossings(places: Array, excess: Array) -> list[float]:
    """Where a function over (n,) points changes its sign, by the line between two of them."""
    turns = np.flatnonzero((excess[1:] >= 0) != (excess[:-1] >= 0))
    share = excess[turns] / (excess[turns] - excess[turns + 1])
    return [float(a + s * (b - a)) for a, b, s in zip(places[turns], places[turns + 1], share, strict=True)]


phase_diagram = figure  # its name in evenflow, where `figure` is that of a comparison
