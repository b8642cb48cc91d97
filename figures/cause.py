"""What makes each model's plateau: its length under every control, and its parts, scale and asymmetry.

`python -m figures.cause` writes it, for the folded model, the wedge and a regression, to a directory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures.captions import listed, tex
from figures.notebook import NotebookFigure
from figures.panels import finished, logarithmic, passed, write
from figures.picture import Data, Picture
from figures.style import COLUMN, INK, PAGE, RULES, darker, house_style, lighter
from figures.writing import main
from simulations.cause import CONTROLS, Cause, cause
from theory.checks import ArgumentError, length
from theory.models.folded import Folded
from theory.models.regression import Regression
from theory.models.wedge import Wedge

ORDER = ("gd", "frobenius", *CONTROLS, "egd", "ngd", "newton")
VIEWS = ("flow", "steps")
SCALE, ASYMMETRY = "#9a9a9a", RULES["egd"]
PARTS = (("scale", SCALE, ""), ("asymmetry", ASYMMETRY, "////"))
PANEL, BARS, HEAD, FOOT, BETWEEN = 1.45, 0.5, 0.36, 0.34, 0.58  # inches
LEFT, GAP, RIGHT = 0.85, 0.22, 0.12
TOLD = {1.0: "equal speeds ≠ rescaling", 0.0: "equal speeds = a rescaling"}
MOST = 3  # models in a figure
ROOM, BESIDE = 0.16, 0.42  # of the axis: below it a number does not fit into its bar; to the left of zero


def data(
    epsilon: float = 0.01,
    theta: float = math.pi / 4,
    start: tuple[float, ...] = (1.0, 3.0),
    spectrum: tuple[float, ...] = (1.0, 0.1, 0.01),
    step: float = 0.1,
    threshold: float = 1e-2,
    seed: int = 0,
) -> Data:
    """The plateaus of the folded model, the wedge and a regression, measured under each rule, and their parts.

    Parameters
    ----------
    epsilon, theta, start
        Variance of the slow feature, angle in radians and both weights at the start, of the first two.
    spectrum
        Eigenvalues of the regression's covariance.
    step, threshold
        Step size η, and the share of an error that counts as arrived.
    seed
        Of the regression and of rules that draw at random.

    Returns
    -------
    dict
        What `arrays` returns.

    Raises
    ------
    ArgumentError
        For a value outside its domain.
    """
    length("start", start, [2])
    planar = [Folded(epsilon=epsilon, theta=theta), Wedge(epsilon=epsilon, theta=theta)]
    regression = Regression.from_spectrum(spectrum, seed=seed)
    models = [*((model, np.array([start], float)) for model in planar), (regression, None)]
    given = {"epsilon": epsilon, "spectrum": spectrum}
    return given | arrays([cause(model, step, at, threshold=threshold, seed=seed) for model, at in models])


def arrays(causes: Sequence[Cause]) -> dict[str, Any]:
    """What is drawn of m models: ``models``, ``told_apart`` and step sizes ``step`` (m,); ``rules`` (r,).

    ``told_apart`` is 1 or 0, NaN where there is no gradient at the start.

    ``steps`` (m, r) to the end of the plateau, NaN where it does not end in those that were taken; ``scale`` and
    ``asymmetry`` (m, 2), in the flow and in steps, NaN without a plateau; ``best_step`` and ``best_steps`` (m,).
    """
    parts = [(found.flow, found.descent) for found in causes]
    return {
        "models": [found.model for found in causes],
        "told_apart": np.array([found.told_apart for found in causes], float),
        "step": [found.step for found in causes],
        "rules": ORDER,
        "steps": np.array([[found.steps[name] for name in ORDER] for found in causes], float),
        "scale": np.array([[np.nan if part is None else part.scale for part in both] for both in parts]),
        "asymmetry": np.array([[np.nan if part is None else part.asymmetry for part in both] for both in parts]),
        "best_step": [found.best_step[0] for found in causes],
        "best_steps": [found.best_step[1] for found in causes],
    }


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
    return draw({name: np.asarray(values) for name, values in arrays(causes).items()})


def draw(data: Data, axes: Any = None) -> Figure:
    """Two panels for each model, one above the other: steps under each rule, and the plateau's parts."""
    count = len(data["models"])
    with house_style():
        panels = _panels(axes, count)
        for place in range(count):
            _controls(panels[2 * place], data, place)
            _parts(panels[2 * place + 1], data, place)
        return finished(panels)


def _panels(axes: Any, count: int) -> list[Axes]:
    """The upper and the lower panel of each model, all in inches; or the axes that were passed."""
    if axes is not None:
        return passed(axes, 2 * count)
    width, tall = PAGE if count > 1 else COLUMN, HEAD + PANEL + BETWEEN + BARS + FOOT
    wide = (width - LEFT - RIGHT - GAP * (count - 1)) / count
    whole = NotebookFigure(figsize=(width, tall))
    lefts = [(LEFT + index * (wide + GAP)) / width for index in range(count)]
    heights = [((FOOT + BARS + BETWEEN) / tall, PANEL / tall), (FOOT / tall, BARS / tall)]
    return [whole.add_axes((x, y, wide / width, height)) for x in lefts for y, height in heights]


def _controls(axes: Axes, data: Data, place: int) -> None:
    """One dot for each rule, at the steps to the end of its plateau."""
    logarithmic(axes, "x")
    found, names = data["steps"][place], [str(name) for name in data["rules"]]
    for row, (steps, name) in enumerate(zip(found[::-1], names[::-1], strict=True)):
        if np.isnan(steps):
            write(axes, "no end", (0.02, row), within=axes.get_yaxis_transform())
            continue
        colour, end = RULES[name], max(float(steps), 1.0)
        axes.plot([1, end], [row, row], color=lighter(colour), linewidth=1.0, zorder=1)
        axes.plot([end], [row], color=darker(colour, 0.15), marker="o", markersize=4.2, linestyle="none", gid=name)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlim(0.8, 2 * max(10.0, float(np.nanmax(found, initial=0.0))))
    axes.set_yticks(range(len(names)), names[::-1] if place == 0 else [""] * len(names))
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"steps of {data['step'][place]:g} to the plateau's end")
    told = TOLD.get(float(data["told_apart"][place]), "no gradient at the start")
    axes.set_title(f"$\\mathbf{{{data['models'][place]}}}$\n{told}", loc="left", gid="title")


def _parts(axes: Axes, data: Data, place: int) -> None:
    """A bar for each view: logarithms of scale and asymmetry, end to end; what is below 1 goes to the left."""
    logs = np.log10(np.column_stack([data["scale"][place], data["asymmetry"][place]]))  # (views, 2)
    high = max(1.0, float(np.nanmax(np.maximum(logs, 0).sum(axis=1), initial=0.0)))
    low = float(np.nanmin(np.minimum(logs, 0).sum(axis=1), initial=0.0))
    if low < 0:
        low -= BESIDE * high  # room for the number
        axes.axvline(0, color=INK, linewidth=0.6)
    axes.set_xlim(1.02 * low, 1.02 * high)
    for row, both in enumerate(logs[::-1]):
        _bar(axes, row, both)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_ylim(-0.6, 1.6)
    axes.set_yticks(range(2), VIEWS[::-1] if place == 0 else ["", ""])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("factors, in powers of ten")
    if place == 0:
        write(axes, "scale", (0, 1), shift=(0, 5), within=axes.transAxes, color=SCALE)
        write(axes, "asymmetry", (0, 1), shift=(26, 5), within=axes.transAxes, color=ASYMMETRY)


def _bar(axes: Axes, row: int, logs: Any) -> None:
    low, high = axes.get_xlim()
    if np.isnan(logs).any():
        write(axes, "no plateau", (0.02 * high, row))
        return
    ends = {True: 0.0, False: 0.0}  # of the bars on either side of zero
    for size, (name, colour, hatch) in zip(map(float, logs), PARTS, strict=True):
        right = size >= 0
        begin = ends[right]
        ends[right] += size
        style: dict[str, Any] = {"color": lighter(colour, 0.4), "edgecolor": lighter(colour, 0.1), "linewidth": 0.0}
        axes.barh([row], [size], left=begin, height=0.62, hatch=hatch, gid=name, **style)
        label = f"×{10**size:.3g}"
        if not right:
            write(axes, label, (ends[right], row), shift=(-3, 0), ha="right", color=colour)
        elif size > ROOM * (high - low):
            box = {"facecolor": lighter(colour, 0.4), "edgecolor": "none", "pad": 0.6}
            write(axes, label, (begin + size / 2, row), ha="center", color=INK, bbox=box)
        elif name == "asymmetry" and begin < (1 - ROOM) * high:
            write(axes, label, (ends[right], row), shift=(4, 0), color=colour)


def caption(data: Data) -> str:
    """What the figure shows, with the best step of each model and what it leaves of the plateau."""
    names = [str(name) for name in data["models"]]
    rescaled = [name for name, told in zip(names, data["told_apart"], strict=True) if told == 0]
    same = f" On {listed(rescaled)} EGD is a rescaling: nothing tells it from frobenius." if rescaled else ""
    left = listed(
        rf"${tex(best)}$ of ${tex(steps[0])}$ on {name}"
        for name, best, steps in zip(names, data["best_steps"], data["steps"], strict=True)
        if np.isfinite([best, steps[0]]).all()
    )
    best = rf": of gradient descent's steps its best step size leaves {left}" if left else ""
    return (
        rf"What makes the plateau, all measured (folded and wedge at $\varepsilon = {tex(data['epsilon'])}$, "
        rf"regression with eigenvalues ${', '.join(tex(value) for value in data['spectrum'])}$). Above, steps of "
        rf"$\eta = {tex(data['step'][0])}$ to its end under each rule and control.{same} Below, gradient descent's "
        r"plateau as scale, what the best rescaling of the whole gradient takes away, times asymmetry (hatched), what "
        rf"is then left by that of equal contraction{best}."
    )


PICTURE = Picture("cause", "Scale or asymmetry: what makes the plateau", data, draw, caption)

if __name__ == "__main__":
    main(PICTURE)
