"""Grokking on the folded model: test error of four rules from small and large starts, on one sample and by the law.

`python -m figures.grokking` writes it to a directory.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.captions import listed, tex
from figures.panels import HOLLOW, LINE, SERIES, finished, head, key, logarithmic, row, spread, write
from figures.picture import Data, Picture
from figures.style import PAGE, darker, direction_colours, house_style
from figures.writing import main
from simulations.sampled_training import sampled_error
from theory.checks import positive, whole
from theory.curves import predict_curve
from theory.models.folded import Folded
from theory.rule_ids import rule

PANELS = {"gd": "gradient descent", "egd": "EGD, normalised GD", "newton": "Newton (eq. 9)"}
ALIKE = "frobenius"  # with one output the same as EGD
DIRECTION = (1.0, 3.0)
SHOWN = 17  # measured points of a run


def data(
    epsilon: float = 0.01,
    theta: float = math.pi / 4,
    margin: float = 1.0,
    step: float = 0.1,
    sizes: tuple[float, ...] = (0.1, 1.0, 10.0),
    samples: int = 100_000,
    max_steps: int = 10_000,
    seed: int = 0,
) -> Data:
    """Test error of gradient descent, EGD, normalised GD and Newton, from starts of several sizes.

    Parameters
    ----------
    epsilon, theta, margin
        Of the folded model; θ in radians.
    step
        Step size η.
    sizes
        Sizes c of the start w(0) = c (1, 3).
    samples
        Number of training inputs.
    max_steps
        Steps after which a run ends.
    seed
        Of the sample.

    Returns
    -------
    dict
        ``sizes`` (n,); for each rule and start ``RULE_I_times`` in steps and ``RULE_I_error``, measured on a sample,
        and ``RULE_I_line_times``, ``RULE_I_line``, derived for the population: of EGD's flow, at kη.

    Raises
    ------
    ArgumentError
        For a value outside its domain.
    """
    model = Folded(epsilon=epsilon, theta=theta, margin=margin)
    found: dict[str, Any] = {"sizes": sizes, "epsilon": epsilon, "step": step, "samples": samples}
    count, limit = whole("samples", samples, 2), whole("max_steps", max_steps)
    for index, size in enumerate(sizes):
        start = positive("sizes", size) * np.array([DIRECTION])
        for name in (*PANELS, ALIKE):
            times, error = sampled_error(model, name, step, start, samples=count, max_steps=limit, seed=seed)
            found |= {f"{name}_{index}_times": times, f"{name}_{index}_error": error}
            if name != ALIKE:
                found |= _line(model, name, index, start, step, float(times[-1]))
    return found


def _line(model: Folded, name: str, index: int, start: Any, step: float, end: float) -> dict[str, Any]:
    """The derived test error: of steps, or where only the flow is derived of that, at kη."""
    how = rule(name)
    curve, unit = predict_curve(model, how, "descent", start, end, step=step), 1.0
    if curve is None or curve.test_error is None:
        curve, unit = predict_curve(model, how, "flow", start, step * end), step
    if curve is None or curve.test_error is None:
        return {f"{name}_{index}_line_times": np.array([np.nan]), f"{name}_{index}_line": np.array([np.nan])}
    return {f"{name}_{index}_line_times": curve.times / unit, f"{name}_{index}_line": curve.test_error}


def draw(data: Data, axes: Any = None) -> Figure:
    """Three panels: gradient descent, EGD with normalised GD, and Newton, over the same starts."""
    with house_style():
        panels = row(axes, len(PANELS), width=PAGE, gap=0.16)
        for panel, letter, (name, title) in zip(panels, "abc", PANELS.items(), strict=True):
            _errors(panel, data, name)
            head(panel, letter, title)
        for panel in panels[1:]:
            panel.tick_params(labelleft=False)
        panels[0].set_ylabel("test error (%)")
        key(panels[2], "center right")
        write(panels[2], "(in b, of the flow)", (0.98, 0.36), within=panels[2].transAxes, ha="right")
        return finished(panels)


def _errors(axes: Axes, data: Data, name: str) -> None:
    logarithmic(axes, "x")
    sizes = data["sizes"]
    end = max(float(data[f"{rule}_{index}_times"][-1]) for rule in PANELS for index in range(len(sizes)))
    for index, colour in enumerate(direction_colours(list(np.linspace(0, 1, len(sizes))))):
        line = data[f"{name}_{index}_line_times"], 100 * data[f"{name}_{index}_line"]
        axes.plot(*line, color=colour, zorder=2, **LINE)
        _measured(axes, data, name, index, darker(colour, 0.2), marker=SERIES[index % len(SERIES)], **HOLLOW)
        if name == "egd":
            cross = {"marker": "+", "markersize": 3.0, "markeredgewidth": 0.6, "linestyle": "none", "gid": ALIKE}
            _measured(axes, data, ALIKE, index, darker(colour, 0.2), **cross)
        if name == "newton":
            label = f"c = {sizes[index]:g}" if index == 0 else f"{sizes[index]:g}"
            write(axes, label, (_left(data, name, index), 100), shift=(0, 8), ha="center", color=colour)
    axes.set_xlim(0.8, 1.4 * end)
    axes.set_ylim(-4, 112)
    axes.set_xlabel("steps k")


def _measured(axes: Axes, data: Data, name: str, index: int, colour: str, **style: Any) -> None:
    times, error = (data[f"{name}_{index}_{part}"][1:] for part in ("times", "error"))
    kept = spread(np.log(times), error, SHOWN)
    axes.plot(times[kept], 100 * error[kept], color=colour, clip_on=False, **style)


def _left(data: Data, name: str, index: int, ending: str = "error") -> float:
    """The first recorded step below 100 % test error, NaN where there is none."""
    times = data[f"{name}_{index}_times" if ending == "error" else f"{name}_{index}_line_times"]
    below = data[f"{name}_{index}_{ending}"] < 1
    return float(times[np.argmax(below)]) if below.any() else math.nan


def caption(data: Data) -> str:
    """What the figure shows, with the step at which each run leaves 100 % test error."""
    count = range(len(data["sizes"]))
    sizes = listed(f"${tex(size)}$" for size in data["sizes"])
    ends = {
        name: listed(
            f"${tex(_left(data, name, index))}$ (${tex(_left(data, name, index, 'line'))}$)" for index in count
        )
        for name in PANELS
    }
    apart = max(float(np.abs(data[f"egd_{index}_error"] - data[f"{ALIKE}_{index}_error"]).max()) for index in count)
    return (
        rf"Grokking on the folded model ($\varepsilon = {tex(data['epsilon'])}$, $\eta = {tex(data['step'])}$), from "
        rf"$w(0) = c\,(1, 3)$ with $c = $ {sizes} (labels). Markers, test error of weights trained on one sample of "
        rf"${tex(data['samples'])}$ inputs; lines, derived for the population, in \textbf{{b}} for the flow at "
        r"$t = k\eta$. Test error falls below 100\,\% at step (derived) "
        rf"\textbf{{a}} {ends['gd']}; \textbf{{b}} {ends['egd']}; \textbf{{c}} {ends['newton']}. "
        r"With one output EGD (hollow) is gradient descent of normalised length (crosses): their test errors differ by "
        rf"at most ${tex(max(apart, 1e-16), 1)}$. Its steps leave the line where they begin to swing to and fro along "
        r"the fast direction."
    )


PICTURE = Picture("grokking", "Grokking on the folded model", data, draw, caption)

if __name__ == "__main__":
    main(PICTURE)
