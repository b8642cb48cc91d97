"""From spectrum to plateau: when each direction arrives, and the one law that all power laws share.

`python -m figures.spectrum` writes it to a directory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.captions import code, listed, tex
from figures.panels import HOLLOW, LINE, finished, head, key, logarithmic, row, series_of_rules, write
from figures.picture import Data, Picture
from figures.style import INK, PAGE, darker, house_style
from figures.writing import main
from simulations.flow import flow
from simulations.spectra import spectrum
from theory.checks import ArgumentError, inside, whole
from theory.models.regression import Regression
from theory.predictions import predict
from theory.rule_ids import rule

ROOM = 2.6  # for labels, of the axis: this factor for each decade of the spectrum


def data(
    rules: tuple[str, ...] = ("gd", "power:0.5", "egd", "power:1.5", "ngd"),
    condition: float = 1e3,
    count: int = 7,
    threshold: float = 1e-3,
) -> Data:
    """Arrival times of flows on a geometric spectrum, predicted and measured.

    Parameters
    ----------
    rules
        Power laws, by id: `gd`, `power:ALPHA`, `egd` or `ngd`.
    condition
        Condition number κ of the spectrum, above 1.
    count
        Number of directions, at least 2.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.

    Returns
    -------
    dict
        ``values`` (d,), ``alpha`` (r,), ``predicted`` and ``measured`` (r, d) in flow time.

    Raises
    ------
    ArgumentError
        If a rule is no power law, or a number lies outside its domain.
    """
    inside("condition", condition, 1, np.inf, "(1, ∞)")
    values = spectrum("geometric", condition, whole("count", count, 2))
    inside("threshold", threshold, 0, 1, "(0, 1)")
    laws = [rule(name) for name in dict.fromkeys(rules)]
    strange = [how.name for how in laws if how.power is None]
    if strange:
        raise ArgumentError("rules", "name power laws: gd, egd, ngd or power:ALPHA", f"holds {strange[0]}")
    model = Regression.from_spectrum(values)
    start = model.start()
    return {
        "rules": [how.name for how in laws],
        "alpha": [float(how.power or 0) for how in laws],
        "values": values,
        "threshold": threshold,
        "predicted": [predict(model, how, "flow", start, threshold=threshold).arrivals for how in laws],
        "measured": [flow(model, how, start, threshold=threshold).arrivals for how in laws],
    }


def draw(data: Data, axes: Any = None) -> Figure:
    """Two panels: arrival time over singular value, and the collapse of its ratios onto κ^(1−α)."""
    with house_style():
        left, right = row(axes, 2, width=PAGE, height=2.2, gap=0.75)
        _arrivals(left, data)
        _collapse(right, data)
        return finished([left, right])


def _arrivals(axes: Axes, data: Data) -> None:
    logarithmic(axes)
    for (name, colour, marker), power, line, points in zip(
        series_of_rules(data["rules"]), data["alpha"], data["predicted"], data["measured"], strict=True
    ):
        axes.plot(data["values"], line, color=darker(colour, 0.2), **LINE)
        axes.plot(data["values"], points, marker=marker, color=colour, **HOLLOW)
        label = f"α = {power:g}" if name.startswith("power") else f"{name}, α = {power:g}"
        write(axes, label, (data["values"][-1], line[-1]), shift=(-6, 0), ha="right", color=colour)
    axes.set_xlim(data["values"][-1] / ROOM ** np.log10(data["values"][0] / data["values"][-1]), 2 * data["values"][0])
    axes.set_xlabel("singular value λᵢ of the curvature")
    axes.set_ylabel("arrival (flow time)")
    key(axes)
    head(axes, "a", "each direction's arrival")


def _collapse(axes: Axes, data: Data) -> None:
    logarithmic(axes)
    ratios = data["values"][0] / data["values"]
    ends = []
    for (_, colour, marker), power, points in zip(
        series_of_rules(data["rules"]), data["alpha"], data["measured"], strict=True
    ):
        across, up = ratios ** (1 - power), points / points[0]
        axes.plot(across, up, marker=marker, color=colour, **HOLLOW)
        ends += [across.min(), across.max()]
    low, high = min(ends), max(ends)
    axes.plot([low, high], [low, high], color=INK, zorder=1, **LINE)
    axes.set_xlabel("(λ₁/λᵢ)$^{1−α}$")
    axes.set_ylabel("arrival / arrival of λ₁")
    head(axes, "b", "all on one line")


def caption(data: Data) -> str:
    """What the figure shows, with the largest distance from the law."""
    away = np.nanmax(np.abs(data["measured"] / data["predicted"] - 1))
    condition = data["values"][0] / data["values"][-1]
    spread = [
        f"${tex(measured.max() / measured.min())}$ for {code(name)}"
        for name, measured in zip(data["rules"], data["measured"], strict=True)
    ]
    return (
        r"From spectrum to plateau, on a regression with start errors of one size. "
        rf"\textbf{{a}}, flow time at which each direction's error falls to ${tex(data['threshold'])}$ of its start, "
        rf"over its singular value $\lambda_i$ ($\kappa = {tex(condition)}$), for the speed laws "
        r"$h(\sigma) = \sigma^{1-\alpha}$: lines, derived; markers, integrated. "
        r"\textbf{b}, the same arrivals relative to the first direction's: all lie on "
        r"$(\lambda_1/\lambda_i)^{1-\alpha}$. "
        rf"From the fastest to the slowest direction the ratio is {listed(spread)}. "
        rf"No marker is farther than ${tex(max(away, 1e-16), 2)}$ from its line, relatively."
    )


PICTURE = Picture("spectrum", "From spectrum to plateau", data, draw, caption)

if __name__ == "__main__":
    main(PICTURE)
