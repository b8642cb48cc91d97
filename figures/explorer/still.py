"""A picture of what a widget shows, for a notebook that is read without a kernel."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures.explorer.laws import page_laws
from figures.explorer.script import SHOWN
from figures.notebook import NotebookFigure
from figures.style import PAGE, RULES, direction_colours, house_style
from theory.derivation import compiled
from theory.models.folded import Folded
from theory.plateaus import LONGEST_RUN
from theory.predictions import predict
from theory.rule_ids import rule

if TYPE_CHECKING:
    from figures.explorer.widget import Explorer

LEAST = 1e-12  # what is shorter than this part of the longest bar is zero, but for rounding


def picture(explorer: Explorer) -> str:
    """The picture as PNG in base64."""
    with house_style():
        written = io.BytesIO()
        figure(explorer).savefig(written, format="png", dpi=150)
    return base64.b64encode(written.getvalue()).decode()


def figure(explorer: Explorer) -> Figure:
    """Spectrum (of a regression) and plateau length in flow time of each rule on the page."""
    with house_style():
        regression = explorer.model == "regression"
        found = NotebookFigure((PAGE, 2.4), layout="constrained")
        *others, bars = found.subplots(1, 2 if regression else 1, squeeze=False)[0]
        for axes in others:
            _draw_spectrum(axes, explorer.spectrum)
        _draw_lengths(bars, lengths(explorer), explorer)
    return found


def lengths(explorer: Any) -> dict[str, float | None]:
    """Plateau length in flow time by rule, predicted; None for one direction alone, which has no first and last."""
    shown = [name for name in SHOWN if name == "power" or name in explorer.rules]
    names = {name: f"power:{explorer.alpha:g}" if name == "power" else name for name in shown}
    if explorer.model == "folded":
        model = Folded(explorer.epsilon, explorer.theta, explorer.margin, explorer.weight_decay)
        start = model.start((explorer.u1, explorer.u2))
        return {
            name: predict(model, rule(named), "flow", start).plateaus[LONGEST_RUN][0] for name, named in names.items()
        }
    alone = len(explorer.spectrum) == 1
    return {name: None if alone else float(np.ptp(_arrivals(name, explorer))) for name in names}


def _arrivals(name: str, explorer: Any) -> Any:
    """Flow times at which the directions arrive (d,)."""
    special = {0: "gd", 1: "egd", 2: "ngd"}.get(explorer.alpha, "power") if name == "power" else name
    more = (explorer.alpha,) if special == "power" else ()
    law = compiled(*page_laws()[f"arrival_{special}"])
    return law(explorer.spectrum, explorer.start, explorer.threshold, *more)


def _draw_spectrum(axes: Axes, spectrum: Any) -> None:
    places = np.arange(1, len(spectrum) + 1)
    colours = direction_colours([1 - i / max(1, len(spectrum) - 1) for i in range(len(spectrum))])
    axes.vlines(places, spectrum.min() / 3, spectrum, colors=colours, linewidth=1)
    axes.scatter(places, spectrum, c=colours, s=12 if len(spectrum) < 50 else 3, zorder=3)
    axes.set(yscale="log", xlabel="direction $i$", ylabel=r"singular value $\lambda_i$")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_lengths(axes: Axes, found: dict[str, float | None], explorer: Any) -> None:
    labels = {name: shown["label"] for name, shown in SHOWN.items()}
    labels["power"] = rf"power law, $\alpha$ = {explorer.alpha:g}"
    known = [length or 0.0 for length in found.values()]
    longest = max(known)
    seen = [length if length > LEAST * longest else 0.0 for length in known]
    floor = min([length for length in seen if length > 0], default=1.0) / 10
    places = np.arange(len(found))[::-1]
    axes.barh(
        places, [max(length, floor) - floor for length in seen], left=floor, color=[RULES[name] for name in found]
    )
    for place, length, given in zip(places, seen, found.values(), strict=True):
        text = "–" if given is None else f"{length:.4g}"
        axes.annotate(f" {text}", (max(length, floor), place), va="center")
    axes.set(xscale="log", xlim=(floor, max(longest, 10 * floor) * 30), xlabel="plateau, flow time $t$")
    axes.set_yticks(places, [labels[name] for name in found])
