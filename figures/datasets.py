"""The two data sets of the theory: the folded model, trained away from the boundary and tested near it, and the wedge.

`python -m figures.datasets` writes it to a directory.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.captions import tex
from figures.panels import finished, head, row, write
from figures.picture import Data, Picture
from figures.style import INK, PAGE, RULES, house_style
from figures.writing import main
from simulations.classifier_samples import sample_folded_test, sample_folded_training, sample_wedge
from simulations.population import population
from theory.checks import length, whole
from theory.models.folded import Folded

LABELS = {-1: (RULES["gd"], "o"), 1: (RULES["egd"], "s")}
WIDE, CLOSE, TALL = 3.2, 1.6, 3.2  # half widths of the panels in x₁, and in standard deviations of x₂


def data(
    epsilon: float = 0.1,
    theta: float = math.pi / 4,
    margin: float = 1.0,
    start: tuple[float, ...] = (1.0, 3.0),
    samples: int = 120,
    seed: int = 0,
) -> Data:
    """Samples of both models, and the boundaries that tell them apart.

    Parameters
    ----------
    epsilon, theta, margin
        Of the models; θ in radians.
    start
        Weights whose decision boundary is drawn.
    samples
        Number of points of each distribution.
    seed
        Of all samples.

    Returns
    -------
    dict
        ``training``, ``test`` and ``wedge`` (n, 2), with labels −1 and 1 in ``…_labels`` (n,); ``start_error``, what
        part of the test inputs the start misclassifies; the parameters.

    Raises
    ------
    ArgumentError
        For a value outside its domain.
    """
    length("start", start, [2])
    count = whole("samples", samples)
    found: dict[str, Any] = {"epsilon": epsilon, "theta": theta, "margin": margin, "start": start}
    drawn = {
        "training": sample_folded_training(epsilon, margin, count, seed),
        "test": sample_folded_test(epsilon, theta, count, seed + 1),
        "wedge": sample_wedge(epsilon, theta, count, seed + 2),
    }
    error = population(Folded(epsilon=epsilon, theta=theta, margin=margin)).test_error(np.array([start], float))
    found["start_error"] = float(error)
    for name, (inputs, labels) in drawn.items():
        found |= {name: inputs, f"{name}_labels": labels}
    return found


def draw(data: Data, axes: Any = None) -> Figure:
    """Two panels: the folded model's training and test inputs, and the wedge's inputs."""
    with house_style():
        left, right = row(axes, 2, width=PAGE, height=2.3, gap=0.3)
        _frame(left, data, WIDE)
        _frame(right, data, CLOSE)
        _points(left, data, "training", hollow=False)
        _points(left, data, "test", hollow=True)
        _points(right, data, "wedge", hollow=False)
        _margins(left, data)
        _words(left, right, data)
        right.tick_params(labelleft=False)
        left.set_ylabel("$x_2$ (variance ε)")
        head(left, "a", "folded: trained at a margin, tested in a sector")
        head(right, "b", "wedge: trained and tested in one sector")
        return finished([left, right])


def _frame(axes: Axes, data: Data, wide: float) -> None:
    """Limits, the true boundary, the sector's other edge, and the boundary of the start."""
    tall = TALL * math.sqrt(float(data["epsilon"]))
    axes.set_xlim(-wide, wide)
    axes.set_ylim(-tall, tall)
    axes.axvline(0, color=INK, linewidth=1.0, gid="truth")
    ends = np.array([-tall, tall])
    theta, (w1, w2) = float(data["theta"]), data["start"]
    axes.plot(-ends * math.tan(theta), ends, color=INK, linewidth=0.7, linestyle=":", gid="edge")
    if w1:
        axes.plot(-ends * w2 / w1, ends, color=RULES["ngd"], linewidth=1.0, linestyle="--", gid="start")
    axes.set_xlabel("$x_1$ (variance 1)")


def _points(axes: Axes, data: Data, name: str, *, hollow: bool) -> None:
    for label, (colour, marker) in LABELS.items():
        which = data[f"{name}_labels"] == label
        style: dict[str, Any] = {"markerfacecolor": "white" if hollow else colour, "markeredgewidth": 0.6}
        axes.plot(
            *data[name][which].T, linestyle="none", marker=marker, markersize=2.6, color=colour, gid=name, **style
        )


def _margins(axes: Axes, data: Data) -> None:
    margin = float(data["margin"])
    if margin > 0:
        axes.axvspan(-margin, margin, color="#f0f0f0", zorder=0, linewidth=0, gid="margin")
        write(axes, f"|x₁| < {margin:g}", (-margin, 0.05), shift=(3, 0), within=axes.get_xaxis_transform())


def _words(left: Axes, right: Axes, data: Data) -> None:
    tall = TALL * math.sqrt(float(data["epsilon"]))
    write(left, "training (filled)", (0.02, 0.05), within=left.transAxes, ha="left")
    write(left, "test (hollow)", (0, 0.95 * tall), shift=(5, 0))
    write(right, "true boundary", (0, 0.93 * tall), shift=(4, 0))
    write(right, "normal to v", (-0.93 * tall * math.tan(float(data["theta"])), 0.93 * tall), shift=(-5, 0), ha="right")
    w1, w2 = data["start"]
    if w1 and w2:
        edge = min(CLOSE, tall * abs(w2 / w1))
        write(right, "boundary of w(0)", (edge, -edge * w1 / w2), shift=(0, 30), ha="right", color=RULES["ngd"])


def caption(data: Data) -> str:
    """What the figure shows, with its parameters."""
    start = ", ".join(tex(value) for value in data["start"])
    return (
        rf"The two models, at $\varepsilon = {tex(data['epsilon'])}$ and $\theta = {tex(data['theta'])}$. Labels "
        r"(squares $+1$, circles $-1$) are the sign of $x_1$: the true boundary is the solid line. \textbf{a}, folded: "
        rf"training inputs (filled) keep a margin $|x_1| \ge {tex(data['margin'])}$; test inputs (hollow) lie between "
        r"the true boundary and the plane normal to $v$ (dotted). \textbf{b}, wedge: training and test inputs have "
        r"this one "
        rf"distribution. The start $w(0) = ({start})$, whose boundary is dashed, misclassifies "
        rf"${tex(100 * float(data['start_error']))}$\,\% of the test inputs of either."
    )


PICTURE = Picture("datasets", "The two data sets", data, draw, caption)

if __name__ == "__main__":
    main(PICTURE)
