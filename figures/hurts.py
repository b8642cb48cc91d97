"""Where equal speeds hurt: on labels with noise, for a signal that is even, and by the order of learning.

`python -m figures.hurts` writes it to a directory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from figures.captions import tex
from figures.panels import HOLLOW, LINE, finished, head, key, logarithmic, row, write
from figures.picture import Data, Picture
from figures.style import PAGE, RULES, darker, house_style
from figures.writing import main
from simulations.noisy_fit import measured_risk
from simulations.simplicity import measured_risk_along
from theory.checks import ArgumentError, ends, positive, whole
from theory.noisy_fit import NoisyRegression, break_even, power_law
from theory.simplicity import NoisyTarget

Array = NDArray[np.float64]
NAMES = {"gd": "GD", "egd": "EGD", "ngd": "natural"}
MARKERS = {"gd": "o", "egd": "s", "ngd": "D"}
POINTS, SHOWN = 160, 9  # of a predicted line, and measured points along it
FEWER = 20  # times fewer draws where one gradient serves all directions
NEAR = np.geomspace(0.6, 1.6, 7)  # of the best time: where the least measured risk is looked for
FAR = 100.0  # in units of a direction's time, in place of a best time that is infinite
WIDE = np.geomspace(0.02, 20, POINTS)  # of the best time, along which a risk is shown


def data(
    directions: int = 8,
    outputs: int = 5,
    noise: float = 0.5,
    little: float = 0.05,
    exponents: tuple[float, ...] = (-0.5, 1.5),
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
        Of targets and labels, at least 40.

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
    first, last = ends("exponents", exponents)
    whole("draws", draws, 2 * FEWER)
    if whole("rank", rank) >= len(values):
        raise ArgumentError("rank", f"be below the number of values, {len(values)}", f"is {rank}")
    rates = 1 / np.arange(1, whole("directions", directions) + 1.0) ** 2
    signals = np.where(np.arange(len(values)) < rank, values, 0.0)
    case = NoisyRegression(rates, 1.0, positive("little", little), outputs)
    target = NoisyTarget(values, signals, start)
    found: dict[str, Any] = {"exponents": np.linspace(first, last, 41)}
    even = break_even(rates, noise, outputs=outputs)
    found["even"] = np.nan if even is None else even
    for name in NAMES:
        found |= _over_signals(name, rates, noise, outputs, found["exponents"], draws, seed)
        found |= _over_time(name, case, draws, seed)
    for name in ("gd", "egd"):
        found |= _along(name, target, seed)
    given = {"directions": directions, "outputs": outputs, "noise": noise, "little": little, "start": start}
    return found | given | {"fitted": target.fitted, "unfitted": case.unfitted, "full": case.fitted}


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


def draw(data: Data, axes: Any = None) -> Figure:
    """Three panels: which rule for which signal, stopping early, and the order of learning."""
    with house_style():
        panels = row(axes, 3, width=PAGE, height=1.85, gap=0.56)
        _signals(panels[0], data)
        _stopping(panels[1], data)
        _order(panels[2], data)
        return finished(panels)


def _points(axes: Axes, x: Any, y: Any, name: str, **style: Any) -> None:
    axes.plot(x, y, color=darker(RULES[name], 0.2), **HOLLOW | {"marker": MARKERS[name], "markersize": 3.4} | style)


def _signals(axes: Axes, data: Data) -> None:
    for name, place, shift, side in (
        ("gd", 0, (5, 7), "left"),
        ("egd", 6, (-4, -4), "right"),
        ("ngd", 4, (4, 4), "left"),
    ):
        axes.plot(data["exponents"], data[f"{name}_best"], color=RULES[name], **LINE)
        _points(axes, data[f"{name}_exponents"], data[f"{name}_least"], name)
        at = data["exponents"][place], data[f"{name}_best"][place]
        write(axes, NAMES[name], at, shift=shift, color=RULES[name], ha=side)
    axes.set_xlabel("exponent β of the signal, ∝ λ$^{-β}$")
    axes.set_ylabel("best risk / that of the best estimate")
    axes.set_xlim(data["exponents"][0] - 0.05, data["exponents"][-1] + 0.05)
    if np.isfinite(data["even"]):
        axes.axvline(data["even"], color="#999999", linewidth=0.5, linestyle=":", gid="even")
        write(axes, f"even at {data['even']:.2f}", (data["even"], 1), shift=(3, -5), within=axes.get_xaxis_transform())
    head(axes, "a", "which signal for which rule")


def _stopping(axes: Axes, data: Data) -> None:
    logarithmic(axes, "x")
    for name in NAMES:
        colour = RULES[name]
        axes.plot(data[f"{name}_times"], data[f"{name}_risk"], color=colour, **LINE)
        _points(axes, data[f"{name}_at"], data[f"{name}_apart"], name)
        if f"{name}_together" in data:
            _points(axes, data[f"{name}_at"], data[f"{name}_together"], name, marker="x", markeredgewidth=0.8)
        low = int(data[f"{name}_risk"].argmin())
        place = data[f"{name}_times"][low], data[f"{name}_risk"][low]
        write(axes, NAMES[name], place, shift=(0, -9), color=colour, ha="center")
    axes.set_xlabel("flow time t")
    axes.set_ylabel("expected test risk")
    axes.set_ylim(0, 1.25 * max(data["unfitted"], data["full"]))
    for value, words, x in ((data["unfitted"], "no fit", 0.83), (data["full"], "the whole fit", 1)):
        axes.axhline(value, color="#bbbbbb", linewidth=0.5, zorder=1)
        write(axes, words, (x, value), shift=(0, 6), within=axes.get_yaxis_transform(), ha="right")
    write(axes, "× one gradient for all", (0, 0), shift=(4, 5), within=axes.transAxes)
    head(axes, "b", "noisy labels, stopped early")


def _order(axes: Axes, data: Data) -> None:
    logarithmic(axes, "y")
    for name, shift, side in (("gd", (4, 2), "left"), ("egd", (-4, -6), "right")):
        axes.plot(data[f"{name}_along"], data[f"{name}_path"], color=RULES[name], **LINE)
        _points(axes, data[f"{name}_stops"], data[f"{name}_product"], name)
        at = data[f"{name}_along"][POINTS // 2], data[f"{name}_path"][POINTS // 2]
        write(axes, NAMES[name], at, shift=shift, color=RULES[name], ha=side)
    axes.axhline(data["fitted"], color="#bbbbbb", linewidth=0.5, zorder=1)
    whole_target = (1, data["fitted"])
    write(axes, "the whole target", whole_target, shift=(0, -7), within=axes.get_yaxis_transform(), ha="right")
    axes.set_xlabel("flow time t")
    axes.set_ylabel("risk ½‖P − truth‖²")
    key(axes, "upper right")
    head(axes, "c", "order of learning")


def caption(data: Data) -> str:
    """What the figure shows, with the break-even exponent and the least risks."""
    ends = [tex(float(data["egd_best"][place] / data["gd_best"][place])) for place in (0, -1)]
    even = rf", even at $\beta = {tex(data['even'])}$" if np.isfinite(data["even"]) else ""
    stops = ", ".join(rf"{NAMES[name]} ${tex(data[f'{name}_risk'].min())}$" for name in NAMES)
    least = [tex(data[f"{name}_path"].min()) for name in ("gd", "egd")]
    return (
        r"Where equal speeds hurt; lines, predicted; markers, measured. \textbf{a}, least risk of early stopping over "
        rf"that of the best linear estimate (${tex(data['directions'])}$ directions of rates $1/i^2$, "
        rf"${tex(data['outputs'])}$ outputs, $\sigma^2/n = {tex(data['noise'])}$): EGD's is ${ends[0]}$ times gradient "
        rf"descent's at $\beta = {tex(data['exponents'][0])}$ and ${ends[1]}$ times at "
        rf"$\beta = {tex(data['exponents'][-1])}${even}. \textbf{{b}}, test risk over time of an even signal at "
        rf"$\sigma^2/n = {tex(data['little'])}$, each direction apart (crosses: one gradient for all directions); at "
        rf"its least: {stops}. \textbf{{c}}, a factorised model on a target part of which is noise, from "
        rf"$a_0 = {tex(data['start'])}$: on its way gradient descent comes as near to the truth as ${least[0]}$, EGD "
        rf"as ${least[1]}$; the whole target is at ${tex(data['fitted'])}$."
    )


PICTURE = Picture("hurts", "Where equal speeds hurt", data, draw, caption)

if __name__ == "__main__":
    main(PICTURE)
