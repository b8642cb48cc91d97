"""Where equal speeds hurt: on labels with noise, for a signal that is even, and by the order of learning.

`python -m figures.hurts DIRECTORY` writes it there.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from figures.output import save
from figures.style import INK, PAGE, RULES, SMALL, darker, house_style
from simulations.noisy_fit import measured_risk
from simulations.simplicity import measured_risk_along
from theory.noisy_fit import NoisyRegression, break_even, power_law
from theory.simplicity import NoisyTarget

Array = NDArray[np.float64]
Data = Mapping[str, Any]
NAMES = {"gd": "GD", "egd": "EGD", "ngd": "natural"}
POINTS, SHOWN = 160, 9  # of a predicted line, and measured points along it
FEWER = 20  # times fewer draws where one gradient serves all directions
NEAR = np.geomspace(0.6, 1.6, 7)  # of the best time: where the least measured risk is looked for
FAR = 100.0  # in units of a direction's time, in place of a best time that is infinite
WIDE = np.geomspace(0.02, 20, POINTS)  # of the best time, along which a risk is shown
LINE: dict[str, Any] = {"linewidth": 1.1, "gid": "predicted"}
DOT: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 3.6, "gid": "measured", "zorder": 3}
PANEL, HEAD, FOOT, LEFT, GAP, RIGHT = 1.75, 0.3, 0.38, 0.46, 0.5, 0.1  # inches


def data(
    directions: int = 8,
    outputs: int = 5,
    noise: float = 0.5,
    little: float = 0.05,
    exponents: tuple[float, float] = (-0.5, 1.5),
    values: tuple[float, ...] = (3.0, 2.5, 1.2, 0.9, 0.6, 0.3),
    rank: int = 2,
    start: float = 1e-3,
    draws: int = 2000,
    seed: int = 0,
) -> Data:
    """Predicted and measured risks of gradient descent, EGD and natural gradient.

    Parameters
    ----------
    directions
        Number d of directions of the noisy regressions, whose rates are 1/i².
    outputs
        Their number of outputs.
    noise, little
        σ²/n where the signal varies, and where the time does.
    exponents
        Ends of the range of β, with the signal's variances v ∝ λ^(−β).
    values, rank, start
        Singular values of a factorised model's target, how many of them are signal, and the start's amplitude.
    draws, seed
        Of targets and labels.

    Returns
    -------
    dict
        ``exponents`` (n,) and for each rule ``…_best`` (n,), the least expected risk in units of the best linear
        estimate's; ``…_exponents`` and ``…_least``, measured; ``even``, the break-even β or NaN. For each rule
        ``…_times``, ``…_risk`` and ``…_window``, ``…_at``, ``…_apart`` and, not of natural gradient, ``…_together``,
        predicted and measured over the flow time. ``…_along``, ``…_path``, ``…_stops`` and ``…_product``, of the
        factorised model.

    Raises
    ------
    ArgumentError
        For a value outside its domain.
    """
    rates = 1 / np.arange(1, directions + 1.0) ** 2
    found: dict[str, Any] = {"exponents": np.linspace(*exponents, 41)}
    even = break_even(rates, noise, outputs=outputs)
    found["even"] = np.nan if even is None else even
    case = NoisyRegression(rates, 1.0, little, outputs)
    target = NoisyTarget(values, np.where(np.arange(len(values)) < rank, values, 0.0), start)
    for name in NAMES:
        found |= _over_signals(name, rates, noise, outputs, found["exponents"], draws, seed)
        found |= _over_time(name, case, draws, seed)
    for name in ("gd", "egd"):
        found |= _along(name, target, seed)
    return found | {"fitted": target.fitted, "unfitted": case.unfitted, "full": case.fitted}


def _over_signals(
    name: str, rates: Array, noise: float, outputs: int, exponents: Array, draws: int, seed: int
) -> dict[str, Array]:
    def case_of(exponent: float) -> NoisyRegression:
        return NoisyRegression(rates, power_law(rates, exponent), noise, outputs)

    cases = [case_of(float(exponent)) for exponent in exponents]
    best = [case.best_stop(name).risk / case.best_linear for case in cases]
    shown, least = exponents[:: len(exponents) // 5], []
    for place, exponent in enumerate(shown):
        case = case_of(float(exponent))
        stop = case.best_stop(name).time
        times = NEAR * (stop if np.isfinite(stop) else FAR / rates.min())
        least.append(measured_risk(case, name, times, draws=draws, seed=seed + place).risk.min() / case.best_linear)
    return {f"{name}_best": np.array(best), f"{name}_exponents": shown, f"{name}_least": np.array(least)}


def _over_time(name: str, case: NoisyRegression, draws: int, seed: int) -> dict[str, Any]:
    stop = case.best_stop(name)
    middle = stop.time if np.isfinite(stop.time) else float(case.fit_noise.mean() * case.rates.min())
    times = middle * WIDE
    at = times[:: POINTS // SHOWN]
    found = {f"{name}_apart": measured_risk(case, name, at, draws=draws, seed=seed).risk}
    if name != "ngd":  # whose steps do not settle
        found[f"{name}_together"] = measured_risk(case, name, at, draws=draws // FEWER, seed=seed, apart=False).risk
    return found | {
        f"{name}_times": times,
        f"{name}_risk": case.risk(name, times),
        f"{name}_window": np.array([stop.earliest, stop.latest]),
        f"{name}_at": at,
    }


def _along(name: str, target: NoisyTarget, seed: int) -> dict[str, Array]:
    end = 1.6 * (target.best_stop("gd").time if name == "gd" else float(np.sqrt(target.values.max())))
    times = np.linspace(0, end, POINTS)
    stops = times[POINTS // SHOWN :: POINTS // SHOWN]
    return {
        f"{name}_along": times,
        f"{name}_path": target.risk(name, times),
        f"{name}_stops": stops,
        f"{name}_product": measured_risk_along(target, name, stops, seed=seed),
    }


def draw(found: Data) -> Figure:
    """Three panels: which rule for which signal, stopping early, and the order of learning."""
    with house_style():
        tall = HEAD + PANEL + FOOT
        wide = (PAGE - LEFT - RIGHT - 2 * GAP) / 3
        whole = Figure(figsize=(PAGE, tall))
        panels = [
            whole.add_axes(((LEFT + index * (wide + GAP)) / PAGE, FOOT / tall, wide / PAGE, PANEL / tall))
            for index in range(3)
        ]
        _signals(panels[0], found)
        _stopping(panels[1], found)
        _order(panels[2], found)
        for panel, letter, title in zip(
            panels,
            "abc",
            ("which signal for which rule", "noisy labels, stopped early", "order of learning"),
            strict=True,
        ):
            panel.set_title(f"$\\mathbf{{{letter}}}$  {title}", loc="left", gid="title")
        whole.draw_without_rendering()  # ticks are made here, in this style
    return whole


def _signals(axes: Axes, found: Data) -> None:
    for name in NAMES:
        axes.plot(found["exponents"], found[f"{name}_best"], color=RULES[name], **LINE)
        axes.plot(found[f"{name}_exponents"], found[f"{name}_least"], color=darker(RULES[name], 0.2), **DOT)
    axes.set_xlabel("β: signal ∝ λ$^{-β}$, larger in slow directions →")
    axes.set_ylabel("best risk / that of the best estimate")
    axes.set_xlim(found["exponents"][0] - 0.05, found["exponents"][-1] + 0.05)
    for name, place, shift, side in (
        ("gd", 0, (5, 7), "left"),
        ("egd", 6, (-4, -4), "right"),
        ("ngd", 4, (4, 4), "left"),
    ):
        at = found["exponents"][place], found[f"{name}_best"][place]
        _write(axes, NAMES[name], at, shift, RULES[name], ha=side)
    if np.isfinite(found["even"]):
        axes.axvline(found["even"], color="#999999", linewidth=0.5, linestyle=":", gid="even")
        words = f"even at {found['even']:.2f}"
        _write(axes, words, (found["even"], 1), (3, -5), INK, xycoords=axes.get_xaxis_transform())


def _stopping(axes: Axes, found: Data) -> None:
    for name in NAMES:
        colour = RULES[name]
        axes.plot(found[f"{name}_times"], found[f"{name}_risk"], color=colour, **LINE)
        axes.plot(found[f"{name}_at"], found[f"{name}_apart"], color=darker(colour, 0.2), **DOT)
        hollow = DOT | {"marker": "s", "markerfacecolor": "white", "markersize": 3.2, "zorder": 2.9}
        if f"{name}_together" in found:
            axes.plot(found[f"{name}_at"], found[f"{name}_together"], color=darker(colour, 0.2), **hollow)
        low = int(found[f"{name}_risk"].argmin())
        place = found[f"{name}_times"][low], found[f"{name}_risk"][low]
        _write(axes, NAMES[name], place, (0, -9), colour, ha="center")
    for height, mark, words in ((0.16, "●", "each direction apart"), (0.06, "□", "one gradient for all")):
        _write(axes, f"{mark} {words}", (0.03, height), (0, 0), INK, xycoords="axes fraction")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(numticks=7))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("flow time t")
    axes.set_ylabel("expected test risk")
    axes.set_ylim(0, 1.25 * max(found["unfitted"], found["full"]))
    for value, words, x in ((found["unfitted"], "no fit", 0.83), (found["full"], "the whole fit", 1)):
        axes.axhline(value, color="#bbbbbb", linewidth=0.5, zorder=1)
        _write(axes, words, (x, value), (0, 5), INK, xycoords=axes.get_yaxis_transform(), ha="right")


def _order(axes: Axes, found: Data) -> None:
    for name in ("gd", "egd"):
        axes.plot(found[f"{name}_along"], found[f"{name}_path"], color=RULES[name], **LINE)
        axes.plot(found[f"{name}_stops"], found[f"{name}_product"], color=darker(RULES[name], 0.2), **DOT)
    axes.set_yscale("log")
    axes.axhline(found["fitted"], color="#bbbbbb", linewidth=0.5, zorder=1)
    _write(
        axes, "the whole target", (1, found["fitted"]), (-1, -5), INK, xycoords=axes.get_yaxis_transform(), ha="right"
    )
    axes.set_xlabel("flow time t")
    axes.set_ylabel("risk ½‖P − truth‖²")
    for name, place, shift, side in (("gd", POINTS // 2, (4, 2), "left"), ("egd", POINTS // 2, (-4, -6), "right")):
        at = found[f"{name}_along"][place], found[f"{name}_path"][place]
        _write(axes, NAMES[name], at, shift, RULES[name], ha=side)


def _write(
    axes: Axes, words: str, place: tuple[float, float], shift: tuple[float, float], colour: str, **style: Any
) -> None:
    settings: dict[str, Any] = {"fontsize": SMALL, "va": "center", "gid": "label", "annotation_clip": False} | style
    axes.annotate(
        words, place, shift, textcoords="offset points", color=darker(colour, 0.35), **{"xycoords": "data"} | settings
    )


def figure(**parameters: Any) -> Figure:
    """The figure for these parameters of `data`."""
    return draw(data(**parameters))


def main(arguments: Sequence[str]) -> None:
    """Write the figure, and the numbers that it is drawn from, to a directory."""
    found = data()
    directory = arguments[0] if arguments else "."
    for path in save(draw(found), directory, "hurts"):
        print(path)
    np.savez(f"{directory}/hurts.npz", **found)


if __name__ == "__main__":
    main(sys.argv[1:])
