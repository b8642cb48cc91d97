"""What maps and lines of a phase diagram share: the panels, the key below them, and the style of the boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import AbstractPathEffect, withStroke

from figures.panels import row
from figures.regions import CELLS
from figures.style import INK, PAGE
from simulations.phases import Phase

LEFT, GAP, RIGHT = 0.5, 0.13, 0.1  # inches beside and between the panels
PANEL, BAR, HEAD, FOOT, KEY = 1.75, 0.07, 0.46, 0.36, 0.24  # inches from above: head with bar, panel, axis, key
TURN = 0.35  # inches, for the numbers between two panels
SHOWN = 2  # rules
PREFERRED = ("gd", "egd")
# Whether a boundary is exact: its line, and what the key says.
BORDERS: dict[bool, tuple[Any, str]] = {True: ("solid", "derived"), False: ((0, (3, 1.6)), "derived for the flow")}
BORDER, WIDE = "#d1495b", 1.4
HALO: list[AbstractPathEffect] = [withStroke(linewidth=WIDE + 0.6, foreground="white")]  # on cells, for print in grey
# On lines.
MARKS = {"no plateau": "x", "censored": ">", "not predicted": ">"}


def panels(count: int, axes: Any, left: float, gap: float = GAP, head: float = HEAD) -> tuple[Figure, list[Axes]]:
    """The panels of a new figure, or those that were given."""
    drawn_on = row(axes, count, width=PAGE, height=PANEL, left=left, gap=gap, right=RIGHT, top=head, bottom=FOOT + KEY)
    whole = drawn_on[0].get_figure(root=True)
    assert isinstance(whole, Figure)
    return whole, drawn_on


def draw_key(whole: Figure, found: Phase, drawn: set[bool], seen: Sequence[str], lines: Sequence[Line2D] = ()) -> None:
    """What the boundaries drawn are, the lines and cells that had no room for a label, and the other parameters."""
    handles: list[Any] = [
        Line2D([], [], color=BORDER, linewidth=WIDE, linestyle=dash, label=f"no plateau beyond ({words})")
        for exact, (dash, words) in BORDERS.items()
        if exact in drawn
    ]
    handles[:0] = lines
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


def in_order(found: Phase) -> list[str]:
    """The rules that have lengths, in the order in which they are drawn: gd and egd first."""
    return sorted(found.lengths, key=lambda name: PREFERRED.index(name) if name in PREFERRED else len(PREFERRED))


def not_drawn(found: Phase) -> str:
    """Which rules of the sweep are not drawn, and why; empty where all are."""
    why = {f"no {found.kind} length": found.unknown, "there is room for two rules": in_order(found)[SHOWN:]}
    parts = [f"{', '.join(names)} ({reason})" for reason, names in why.items() if names]
    return f"Not drawn: {'; '.join(parts)}." if parts else ""


def missing(found: Phase) -> str:
    """What a length that is not there is called."""
    return "censored" if found.kind == "measured" else "not predicted"
