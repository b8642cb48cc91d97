"""The audit at a glance: every claim, its verdict, and how many trials stand for and against it.

`python -m figures.verdicts DIR` draws the audit that `evenflow audit --out DIR` stores.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.captions import tex
from figures.panels import finished, row, write
from figures.picture import Data, Missing, Picture
from figures.style import PAGE, RULES, house_style
from figures.writing import main
from simulations.audit import VERDICTS
from theory.checks import ArgumentError

# Colour, marker and face, so that each tells them apart alone.
SIGNS: dict[str, dict[str, Any]] = {
    "holds": {"color": RULES["egd"], "marker": "o", "markerfacecolor": RULES["egd"]},
    "corrected": {"color": RULES["gd"], "marker": "D", "markerfacecolor": "white"},
    "fails": {"color": RULES["ngd"], "marker": "X", "markerfacecolor": RULES["ngd"]},
    "undetermined": {"color": "#888888", "marker": "s", "markerfacecolor": "white"},
}
LINE_HEIGHT = 0.135  # inches for a claim
LONGEST = 62  # characters of a source


def data(audit: str = "out/audit.json") -> Data:
    """A stored audit's verdicts.

    Parameters
    ----------
    audit
        The audit.json that `evenflow audit --out DIR` writes into DIR.

    Returns
    -------
    dict
        ``ids``, ``verdicts``, ``sources``, ``trials`` and ``against`` (n,), one entry for each claim.

    Raises
    ------
    Missing
        If there is no such file.
    ArgumentError
        If it holds no audit.
    """
    path = Path(audit)
    if not path.is_file():
        how = f"name a stored audit; `evenflow audit --out {path.parent}` makes one"
        raise Missing("audit", how, f"there is no {audit}")
    try:
        claims = json.loads(path.read_text(encoding="utf-8"))["claims"]
        columns = {name: [claim[name] for claim in claims] for name in ("id", "verdict", "source", "trials", "against")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArgumentError("audit", "hold an audit", f"{audit} does not ({type(error).__name__}: {error})") from None
    if not claims or not set(columns["verdict"]) <= set(VERDICTS):
        raise ArgumentError("audit", "hold claims with verdicts", f"{audit} does not")
    return {
        "ids": columns["id"],
        "verdicts": columns["verdict"],
        "sources": [source.rpartition(",")[0] for source in columns["source"]],
        "trials": columns["trials"],
        "against": columns["against"],
    }


def draw(data: Data, axes: Any = None) -> Figure:
    """One panel with a line for each claim: its verdict, and the share of trials against it."""
    count = len(data["ids"])
    with house_style():
        (panel,) = row(axes, 1, width=PAGE, height=LINE_HEIGHT * (count + 1), left=0.75, right=3.1)
        for place in range(count):
            _claim(panel, data, place)
        panel.set_ylim(count - 0.3, -0.7)
        panel.set_xlim(-2, 102)
        panel.set_yticks([])
        panel.spines["left"].set_visible(False)
        panel.set_xlabel("trials against the claim as printed (%)")
        _key(panel)
        return finished([panel])


def _claim(axes: Axes, data: Data, place: int) -> None:
    style = SIGNS[str(data["verdicts"][place])]
    share = 100 * data["against"][place] / max(1, data["trials"][place])
    axes.plot([0, 100], [place, place], color="#e4e4e4", linewidth=2.2, solid_capstyle="butt", zorder=1)
    axes.plot(
        [0, share], [place, place], color=style["color"], linewidth=2.2, solid_capstyle="butt", zorder=2, gid="against"
    )
    system = axes.get_yaxis_transform()
    axes.plot(
        [-0.05], [place], transform=system, clip_on=False, markersize=4.6, linestyle="none", gid="verdict", **style
    )
    write(axes, str(data["ids"][place]), (-0.05, place), shift=(-7, 0), within=system, ha="right", fontweight="bold")
    count = f"{data['against'][place]:,} of {data['trials'][place]:,}"
    write(axes, count, (1.0, place), shift=(46, 0), within=system, ha="right")
    write(axes, _short(str(data["sources"][place])), (1.0, place), shift=(54, 0), within=system, color="#666666")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _key(axes: Axes) -> None:
    """What the signs mean, above the panel."""
    for index, (name, style) in enumerate(SIGNS.items()):
        x = -0.05 + 0.27 * index
        axes.plot([x], [1.03], transform=axes.transAxes, clip_on=False, markersize=4.6, linestyle="none", **style)
        write(axes, name, (x, 1.03), shift=(6, 0), within=axes.transAxes)


def caption(data: Data) -> str:
    """What the figure shows, with the number of claims of each verdict."""
    verdicts = list(map(str, data["verdicts"]))
    counts = ", ".join(f"{name} ${verdicts.count(name)}$" for name in VERDICTS if name in verdicts)
    return (
        rf"The audit at a glance: {tex(len(verdicts))} claims: {counts}. Bars, share of trials that stand against the "
        rf"claim as printed, of ${tex(int(np.sum(data['trials'])))}$ trials in all; right, their number and where the "
        r"claim stands. A claim is \emph{corrected} where what is derived in its place stands in every trial, and "
        r"\emph{undetermined} where it uses a symbol that is not defined."
    )


PICTURE = Picture("verdicts", "The audit at a glance", data, draw, caption, {"audit": "audit.json"})

if __name__ == "__main__":
    main(PICTURE)
