"""In which order a product of layers learns: large singular values first by gradient descent, small ones by EGD.

`python -m figures.order` writes it to a directory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.captions import listed, tex
from figures.panels import HOLLOW, LINE, SERIES, finished, head, key, row, write
from figures.picture import Data, Picture
from figures.style import PAGE, RULES, darker, direction_colours, house_style
from figures.writing import main
from simulations.flow import flow
from simulations.layered_drifts import largest_drifts
from theory.checks import positive
from theory.factorized_curves import factorized_amplitudes
from theory.models.factorized import Factorized
from theory.predictions import predict
from theory.rule_ids import rule

LAWS = ("gd", "egd")
FLOWS = ("gradient flow", "EGD flow")
KEPT = ("$WW^T$", "$\\sqrt{WW^T}$")  # what each of them conserves, short for the difference of two layers
POINTS, SHOWN = 300, 13  # of a predicted line, and measured points along it
FLOOR = 1e-17  # of the drift


def data(
    spectrum: tuple[float, ...] = (3.0, 1.0, 0.3),
    start: float = 1e-3,
    depth: int = 2,
    imbalance: float = 3.0,
    scale: float = 0.3,
    seed: int = 0,
    threshold: float = 1e-3,
) -> Data:
    """Amplitudes of the product's modes under both flows, and the drift of what each of them conserves.

    Parameters
    ----------
    spectrum
        Singular values of the target.
    start
        Amplitude of every mode at the start, balanced over the layers.
    depth
        Number of layers.
    imbalance
        In the aligned start whose drift is shown, the first layer's factors in units of those of the others.
    scale, seed
        Standard deviation of the entries of the start that is not aligned, and its seed.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.

    Returns
    -------
    dict
        ``targets`` (n,); for each rule its flow times and the modes' amplitudes, ``…_line`` predicted and
        ``…_points`` measured, and ``…_arrivals`` (2, n), predicted and measured in flow time; ``drift`` (2, 2, 2),
        the largest by start (aligned or not), quantity (gradient descent's or EGD's) and flow.

    Raises
    ------
    ArgumentError
        For a value outside its domain.
    """
    positive("imbalance", imbalance)
    model = Factorized.from_spectrum(spectrum, start=start, depth=depth)
    found: dict[str, Any] = {"targets": model.values, "threshold": threshold, "start": start, "depth": depth}
    for name in LAWS:
        how, weights = rule(name), model.start()
        run = flow(model, how, weights, threshold=threshold)
        end = float(run.times[-1])
        times = np.geomspace(1e-2 * end, end, POINTS) if name == "gd" else np.linspace(0, end, POINTS)
        places = np.searchsorted(run.times, times[:: POINTS // SHOWN])
        kept = np.unique(np.minimum(places, len(run.times) - 1))
        line = factorized_amplitudes(model, how, "flow", weights, times, None)
        predicted = predict(model, how, "flow", weights, threshold=threshold).arrivals
        found |= {
            f"{name}_line_times": times,
            f"{name}_line": np.full((POINTS, len(model.values)), np.nan) if line is None else line,
            f"{name}_points_times": run.times[kept],
            f"{name}_points": model.along(run.weights[kept]),
            f"{name}_arrivals": np.array([predicted, run.arrivals], float),
        }
    sizes = np.full((depth, len(model.values)), float(start) ** (1 / depth))
    sizes[0] *= imbalance
    starts = model.aligned_start(sizes), model.random_start(scale, seed)
    return found | {"drift": [largest_drifts(model, LAWS, weights) for weights in starts]}


def draw(data: Data, axes: Any = None) -> Figure:
    """Three panels: modes under gradient flow and under EGD's, and what each conserves."""
    with house_style():
        panels = row(axes, 3, width=PAGE, height=1.85, gap=(0.25, 0.95))
        for panel, name in zip(panels, LAWS, strict=False):
            _modes(panel, data, name)
        panels[0].set_ylabel("amplitude of a mode")
        panels[0].set_xscale("log")
        panels[1].tick_params(labelleft=False)
        key(panels[1], "upper left", anchor=(0, 0.92))
        for panel, letter, flow_name, name in zip(panels, "ab", FLOWS, LAWS, strict=False):
            head(panel, letter, f"{flow_name}: {_first(data, name)} first")
        for target, colour in zip(data["targets"], _colours(data), strict=True):
            system = panels[1].get_yaxis_transform()
            write(panels[1], f"s = {target:g}", (1, target), shift=(3, 0), within=system, color=colour)
        _drift(panels[2], data)
        return finished(panels)


def _first(data: Data, name: str) -> str:
    """Which singular values arrive first."""
    arrivals = data[f"{name}_arrivals"][1]
    return "large" if arrivals[0] < arrivals[-1] else "small"


def _colours(data: Data) -> list[str]:
    return direction_colours(list(np.linspace(1, 0, len(data["targets"]))))


def _modes(axes: Axes, data: Data, name: str) -> None:
    targets = data["targets"]
    for index, (target, colour) in enumerate(zip(targets, _colours(data), strict=True)):
        axes.axhline(target, color="#bbbbbb", linewidth=0.5, zorder=1)
        axes.plot(data[f"{name}_line_times"], data[f"{name}_line"][:, index], color=colour, **LINE)
        points = data[f"{name}_points_times"], data[f"{name}_points"][:, index]
        axes.plot(*points, color=darker(colour, 0.2), marker=SERIES[index % len(SERIES)], clip_on=False, **HOLLOW)
    axes.set_ylim(0, 1.08 * targets.max())
    axes.set_xlabel("flow time t")


def _drift(axes: Axes, data: Data) -> None:
    """One marker for each start, quantity and flow."""
    axes.set_yscale("log")
    axes.set_ylim(FLOOR, 10)
    places = np.array([[0.0, 1.0], [2.4, 3.4]])
    for index, (label, law, marker) in enumerate(zip(FLOWS, LAWS, "os", strict=True)):
        heights = np.maximum(data["drift"][:, :, index], FLOOR)
        across = places + (0.3 * index - 0.15)
        axes.plot(across.ravel(), heights.ravel(), color=RULES[law], marker=marker, clip_on=False, **HOLLOW)
        write(axes, label, (0.6, heights[0, index]), shift=(0, 9), color=RULES[law], ha="center")
    axes.set_xlim(-0.5, 4.1)
    axes.set_xticks(places.ravel(), [*KEPT, *KEPT])
    axes.axvline(1.7, color="#bbbbbb", linewidth=0.5)
    for words, x in (("aligned", 0.5), ("not aligned", 2.9)):
        write(axes, words, (x, FLOOR), shift=(0, -20), ha="center")
    axes.set_ylabel("largest drift (relative)")
    head(axes, "c", "what each conserves")


def caption(data: Data) -> str:
    """What the figure shows, with its arrivals and drifts."""
    times = {
        name: listed(
            f"${tex(time)}$ ($s = {tex(s)}$)"
            for s, time in zip(data["targets"], data[f"{name}_arrivals"][1], strict=True)
        )
        for name in LAWS
    }
    aligned, turned = (tex(drift[1, 1], 1) for drift in data["drift"])
    return (
        rf"Order of learning in a product of {tex(data['depth'])} layers, modes of amplitude ${tex(data['start'])}$ at "
        rf"the start. \textbf{{a}}, gradient flow goes from saddle to saddle, {_first(data, 'gd')} singular values "
        r"$s$ of "
        rf"the target first: arrivals at {times['gd']}. \textbf{{b}}, under EGD's flow all modes grow alike and "
        rf"{_first(data, 'egd')} ones arrive first: {times['egd']}. Lines, derived; markers, integrated. "
        rf"\textbf{{c}}, largest relative "
        r"drift of $W_lW_l^\top - W_{l+1}^\top W_{l+1}$, which gradient flow conserves from any start, and of the "
        r"difference of the square roots of these terms, which EGD's flow conserves where the layers share singular "
        rf"directions (${aligned}$) and not where they do not (${turned}$)."
    )


PICTURE = Picture("order", "Order of learning in a product of layers", data, draw, caption)

if __name__ == "__main__":
    main(PICTURE)
