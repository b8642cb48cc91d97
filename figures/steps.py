"""EGD's flow is not smooth and its steps do not settle: located arrivals, and the cycles that finite steps end in.

`python -m figures.steps` writes it to a directory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.captions import listed, tex
from figures.panels import HOLLOW, LINE, SERIES, finished, head, key, logarithmic, row, write, write_beside
from figures.picture import Data, Picture
from figures.style import INK, PAGE, RULES, darker, direction_colours, house_style
from figures.writing import main
from simulations.descent import descend
from simulations.discretisation import discretise, gradient_values
from simulations.flow import flow
from theory.checks import positive
from theory.models.regression import Regression

SHOWN = 20  # measured points of a run
BELOW = 3e-4  # of the largest singular value at the start, the lower end of the axis
SOFTER = "power:0.5"


def data(
    spectrum: tuple[float, ...] = (1.0, 0.3, 0.1),
    seed: int = 0,
    steps: tuple[float, ...] = (0.1, 0.01),
    sizes: tuple[float, ...] = (0.003, 0.006, 0.012, 0.024, 0.048, 0.096),
    count: int = 10_000,
) -> Data:
    """Singular values of the gradient under EGD's flow and its steps, and what is left in the end.

    Parameters
    ----------
    spectrum
        Eigenvalues of the covariance.
    seed
        Of the start error, which shares no directions with the covariance.
    steps
        Step sizes η whose runs are shown.
    sizes
        Step sizes η whose cycles are shown, at least two.
    count
        Steps after which a cycle is taken to be reached.

    Returns
    -------
    dict
        ``flow_times`` and ``flow_values`` (T, n); ``extinctions`` (n,) in flow time; for each step size
        ``steps_I_times`` in flow time and ``steps_I_values``; ``sizes`` (m,) in descending order, and for three runs
        the largest error on the cycle over these, ``…_measured`` (m,) or (m, n), beside ``…_predicted``.

    Raises
    ------
    ArgumentError
        For a value outside its domain.
    """
    model = Regression.from_spectrum(spectrum)
    start = model.minimiser + np.random.default_rng(seed).standard_normal(model.shape)
    smooth = flow(model, "egd", start)
    found: dict[str, Any] = {
        "spectrum": spectrum,
        "flow_times": smooth.times,
        "flow_values": gradient_values(model, smooth.weights),
        "extinctions": smooth.restarts,
        "steps": steps,
    }
    end = 1.25 * float(smooth.times[-1])
    for index, size in enumerate(steps):
        run = descend(model, "egd", positive("steps", size), start, max_steps=max(1, round(end / size)))
        kept = np.unique(np.linspace(0, len(run.times) - 1, SHOWN).round().astype(int))
        found |= {
            f"steps_{index}_times": size * run.times[kept],
            f"steps_{index}_values": gradient_values(model, run.weights[kept]),
        }
    return found | _cycles(model, start, sizes, count)


def _cycles(model: Regression, start: Any, sizes: tuple[float, ...], count: int) -> dict[str, Any]:
    """What steps of several sizes end in: EGD from both starts, and a softer law."""
    turned = discretise(model, "egd", sizes, start, count=count)
    aligned, softer = (discretise(model, how, sizes, count=count) for how in ("egd", SOFTER))
    return {
        "sizes": turned.steps,
        "turned_measured": turned.norms,
        "turned_predicted": np.array([residue.largest for residue in turned.residues], float),
        "aligned_measured": aligned.amplitudes[:, 0],
        "aligned_predicted": np.array([residue.amplitudes[0] for residue in aligned.residues], float),
        "softer_measured": softer.amplitudes,
        "softer_predicted": np.array([residue.amplitudes for residue in softer.residues], float),
    }


def draw(data: Data, axes: Any = None) -> Figure:
    """Two panels: the gradient's singular values over time, and the error that is left over the step size."""
    with house_style():
        left, right = row(axes, 2, width=PAGE, height=2.2, gap=0.6)
        _values(left, data)
        _residues(right, data)
        return finished([left, right])


def _values(axes: Axes, data: Data) -> None:
    logarithmic(axes, "y")
    values, end = data["flow_values"], float(data["flow_times"][-1])
    low = BELOW * float(values[0, 0])
    for index, colour in enumerate(direction_colours(list(np.linspace(1, 0, values.shape[1])))):
        axes.plot(*_until_it_vanishes(data["flow_times"], values[:, index], low / 10), color=colour, zorder=2.5, **LINE)
        write(axes, f"σ{'₁₂₃₄₅₆₇₈₉'[index % 9]}", (0, values[0, index]), shift=(-4, 0), ha="right", color=colour)
        for run, marker in zip(range(len(data["steps"])), SERIES, strict=False):
            points = data[f"steps_{run}_times"], data[f"steps_{run}_values"][:, index]
            style = HOLLOW | {"markersize": 3.0, "markeredgewidth": 0.7}
            axes.plot(*points, color=darker(colour, 0.2), marker=marker, **style)
    for time in data["extinctions"]:
        axes.axvline(time, color="#999999", linewidth=0.5, linestyle=":", zorder=1, gid="extinction")
        write(axes, f"{time:.3f}", (time, low), shift=(2, 5), fontsize=6)
    for run, size in enumerate(data["steps"]):
        last = data[f"steps_{run}_times"][-1], data[f"steps_{run}_values"][-1, 0]
        write(axes, f"η = {size:g}", last, shift=(5, 0))
    axes.set_ylim(low, 2 * float(values[0, 0]))
    axes.set_xlim(-0.1 * end, 1.62 * end)
    axes.set_xlabel("flow time t; steps at t = kη")
    axes.set_ylabel("singular values of the gradient")
    head(axes, "a", "EGD: extinctions of the flow, and steps")


def _until_it_vanishes(times: Any, values: Any, least: float) -> tuple[Any, Any]:
    """A curve (T,) up to its first point below a level, which is drawn at it."""
    count = int(np.argmax(values < least)) + 1 if (values < least).any() else len(values)
    return times[:count], np.maximum(values[:count], least)


def _residues(axes: Axes, data: Data) -> None:
    logarithmic(axes)
    sizes = data["sizes"]
    blue, green = RULES["egd"], RULES["power"]
    dark = darker(blue, 0.3)
    axes.plot(sizes, data["turned_predicted"], color=dark, linestyle="--", **LINE)
    axes.plot(sizes, data["turned_measured"], color=dark, marker="s", **HOLLOW)
    # between these sizes the law goes to and fro
    axes.plot(sizes, data["aligned_predicted"], color=INK, **LINE | {"linestyle": "none", "marker": "_"}, markersize=9)
    axes.plot(sizes, data["aligned_measured"], color=blue, marker="o", **HOLLOW)
    labels = [
        ("bound", data["turned_predicted"][0], dark),
        ("not aligned", data["turned_measured"][0], dark),
        ("aligned", data["aligned_measured"][0], blue),
    ]
    write(axes, "EGD", (sizes[-1], data["turned_predicted"][-1]), shift=(-4, 11), color=blue, fontweight="bold")
    for index, rate in enumerate(data["spectrum"]):
        axes.plot(sizes, data["softer_predicted"][:, index], color=green, **LINE)
        axes.plot(sizes, data["softer_measured"][:, index], color=green, marker=SERIES[2 + index % 4], **HOLLOW)
        labels.append((f"λ = {rate:g}", data["softer_predicted"][0, index], green))
    first = float(data["softer_predicted"][-1].max())
    write(axes, SOFTER, (sizes[-1], first), shift=(-4, 22), color=green, fontweight="bold")
    axes.set_xlim(0.75 * sizes[-1], 3.2 * sizes[0])
    axes.set_ylim(top=2)
    write_beside(axes, [(text, float(sizes[0]), float(y), colour) for text, y, colour in labels])
    axes.set_xlabel("step size η")
    axes.set_ylabel("largest error on the cycle")
    key(axes, "lower right")
    head(axes, "b", "what steps end in")


def caption(data: Data) -> str:
    """What the figure shows, with its extinctions and cycles."""
    times = listed(f"${tex(time)}$" for time in data["extinctions"])
    share = float(np.max(data["turned_measured"] / data["turned_predicted"]))
    most = f", here at most ${tex(share, 2)}$ of it" if np.isfinite(share) else ""
    exact, away = (_met(data[f"{name}_measured"], data[f"{name}_predicted"]) for name in ("aligned", "softer"))
    spectrum = ", ".join(tex(value) for value in data["spectrum"])
    return (
        rf"Where a flow is not smooth (regression, eigenvalues ${spectrum}$). \textbf{{a}}, singular values of the "
        rf"gradient from a start that is not aligned: EGD's flow (lines) loses its rank at the located times {times} "
        rf"and comes to rest; its steps (markers, $\eta = {', '.join(tex(size) for size in data['steps'])}$) lie on it "
        r"up to the first of them and then go to and fro at a height in proportion to $\eta$. "
        r"\textbf{b}, the largest error on the cycle of steps. EGD from an aligned start: $\max(r, \eta - r)$ with "
        rf"$r = |e_0| \bmod \eta$ (dashes){exact}; from one that is not aligned: below "
        rf"the bound $\tfrac12(\sqrt\kappa + 1/\sqrt\kappa)\eta${most}. Under $h = \sigma^{{1/2}}$ each direction "
        rf"keeps $(\eta\lambda^{{1/2}}/2)^2${away}."
    )


def _met(measured: Any, predicted: Any) -> str:
    """How closely a law is met, relatively, where it is known."""
    known = np.isfinite(predicted)
    if not known.any():
        return ""
    away = np.abs(measured[known] / predicted[known] - 1).max()
    return f", met to ${tex(max(away, np.finfo(float).eps), 1)}$"


PICTURE = Picture("steps", "Where a flow is not smooth, and what its steps end in", data, draw, caption)

if __name__ == "__main__":
    main(PICTURE)
