"""What the trials of a claim say: claimed, derived and measured over the parameter that tells them apart."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray
from scipy.stats import spearmanr

from figures.notebook import NotebookFigure
from figures.style import COLUMN, INK, PAGE, RULES, house_style
from simulations.audit import Finding
from simulations.examiners.trial import Trial
from theory.checks import ArgumentError

Array = NDArray[np.float64]
PANELS = 3  # at most, one for each law
POINTS = 120  # in a panel
ALIKE = 1e-9  # differences below this are rounding
SWEEP = 8  # trials that differ in one parameter only, from which these are shown and no others
WIDE, WIDER = 50.0, 100.0  # ratios of the largest to the smallest from which an axis is logarithmic, across and upwards
TICKS = 4  # on a linear axis across, at most
LETTERS = 23  # of a title, in an inch
PANEL, HEAD, FOOT, LEFT, RIGHT = 1.7, 0.42, 0.42, 0.6, 0.12  # inches
CLAIMED: dict[str, Any] = {"marker": "D", "markersize": 3.4, "markerfacecolor": "none", "color": RULES["gd"]}
DERIVED: dict[str, Any] = {"marker": "+", "markersize": 4.0, "markeredgewidth": 0.7, "color": INK}
MEASURED: dict[str, Any] = {"marker": "o", "markersize": 5.0, "markerfacecolor": "none", "color": RULES["egd"]}
STYLES = {"claimed": CLAIMED, "measured": MEASURED, "predicted": DERIVED}
LABELS = {"claimed": "claimed", "measured": "measured", "predicted": "derived in its place"}


def figure(finding: Finding) -> Figure:
    """Draw the trials of a claim that does not hold, one panel for each law that has a counterexample.

    Of many trials an even selection is shown. Where some differ in a single parameter they alone are shown, over
    that; otherwise the parameter is the one whose rank goes most with the distance of the claim.

    Raises
    ------
    ArgumentError
        If no trial stands against the claim, so that there is nothing to show.
    """
    groups = [group for group in _groups(finding.trials) if any(not trial.stands for trial in group)][:PANELS]
    if not groups:
        raise ArgumentError("finding", "hold a trial against its claim", f"holds none ({finding.claim.id})")
    width = PAGE if len(groups) > 1 else COLUMN
    height = HEAD + PANEL + FOOT
    panel = (width - len(groups) * (LEFT + RIGHT)) / len(groups)
    with house_style():
        whole = NotebookFigure(figsize=(width, height))
        for index, group in enumerate(groups):
            left = LEFT + index * (panel + LEFT + RIGHT)
            axes = whole.add_axes((left / width, FOOT / height, panel / width, PANEL / height))
            _draw(axes, *_chosen(group))
            axes.set_title(_title(group, finding.claim.id, panel + RIGHT), loc="left", gid="title")
        handles, names = whole.axes[0].get_legend_handles_labels()
        whole.legend(handles, names, loc="upper left", ncols=3, borderaxespad=0.2, handletextpad=0.2, columnspacing=1.2)
        whole.draw_without_rendering()  # ticks are made here, in this style
    return whole


def _groups(trials: Sequence[Trial]) -> list[list[Trial]]:
    """Trials of one kind together: the same parameters, and the same words among them."""
    found: dict[tuple[Any, ...], list[Trial]] = {}
    for trial in trials:
        kind = tuple((name, None if _numeric(value) else str(value)) for name, value in trial.parameters.items())
        found.setdefault(kind, []).append(trial)
    return list(found.values())


def _numeric(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _chosen(group: list[Trial]) -> tuple[list[Trial], str]:
    """The trials to show, in order, and the parameter to show them over; an empty name for their number."""
    names = [name for name, value in group[0].parameters.items() if _numeric(value)]
    names = [name for name in names if len({trial.parameters[name] for trial in group}) > 2]
    if not names:
        return group[:POINTS], ""
    sweeps = [(found, name) for name in names for found in _sweeps(group, name)]
    if sweeps:
        most = max(sum(not trial.stands for trial in trials) for trials, _ in sweeps)
        sweeps = [sweep for sweep in sweeps if sum(not trial.stands for trial in sweep[0]) == most]
        trials, name = sorted(sweeps, key=lambda sweep: _range(sweep[0]))[len(sweeps) // 2]  # neither flat nor extreme
    else:
        trials, name = group, max(names, key=lambda name: _tells(group, name))
    return _even(trials, name), name


def _sweeps(group: list[Trial], name: str) -> list[list[Trial]]:
    """Trials that differ in one parameter only and whose distance from the claim changes with it."""
    found: dict[str, list[Trial]] = {}
    for trial in group:
        rest = str([value for key, value in trial.parameters.items() if key != name])
        found.setdefault(rest, []).append(trial)
    return [trials for trials in found.values() if len(trials) >= SWEEP and _range(trials) > ALIKE]


def _distances(trials: Sequence[Trial]) -> Array:
    """How far each measurement is from the claim (n,)."""
    return np.array([abs(trial.measured - (np.nan if trial.claimed is None else trial.claimed)) for trial in trials])


def _range(trials: Sequence[Trial]) -> float:
    """By how much the distances from the claim differ."""
    found = _distances(trials)
    found = found[np.isfinite(found)]
    return float(np.ptp(found)) if len(found) else 0.0


def _tells(group: list[Trial], name: str) -> float:
    """How far the distance from the claim goes with a parameter, by rank."""
    values = np.column_stack([[trial.parameters[name] for trial in group], _distances(group)]).astype(float)
    values = values[np.isfinite(values).all(axis=1)]
    if len(values) < 3 or np.ptp(values, axis=0).min() <= ALIKE:
        return 0.0
    return abs(float(spearmanr(values).statistic))


def _even(trials: list[Trial], name: str) -> list[Trial]:
    """At most so many trials, evenly spread along the axis; the first at each place."""
    across = np.array([trial.parameters[name] for trial in trials], float)
    along = np.log(across) if _logarithmic(across) else across
    places = np.round(POINTS * (along - along.min()) / np.ptp(along))
    _, first = np.unique(places, return_index=True)
    # where few values repeat, several trials at each
    chosen = first if len(first) > POINTS / 4 else np.argsort(along, kind="stable")[:: max(1, len(trials) // POINTS)]
    return [trials[place] for place in chosen]


def _logarithmic(across: Array) -> bool:
    return bool(across.min() > 0 and across.max() > WIDE * across.min())


def _title(group: list[Trial], name: str, width: float) -> str:
    """The law, what else is said of these trials in words, and how many stand against the claim; so many inches."""
    words = [str(value) for key, value in group[0].parameters.items() if not _numeric(value) and key[-3:] != " is"]
    against = sum(not trial.stands for trial in group)
    count = f": {against} of {len(group)} against"
    said = (", ".join(words) or name).replace("_", " ")
    return textwrap.shorten(said, max(8, int(LETTERS * width) - len(count)), placeholder=" …") + count


def _draw(axes: Axes, trials: list[Trial], name: str) -> None:
    """The three numbers of each trial over one parameter."""
    across = np.array([trial.parameters[name] for trial in trials] if name else range(len(trials)), float)
    drawn, allowed = [], np.array([trial.tolerance for trial in trials])
    for kind, style in STYLES.items():
        values = np.array([getattr(trial, kind) for trial in trials], float)  # None is NaN
        seen = np.isfinite(values)
        drawn.append(np.where(np.abs(values[seen]) > allowed[seen], values[seen], 0.0))
        axes.plot(across[seen], values[seen], linestyle="none", label=LABELS[kind], gid=kind, **style)
    axes.set_xlabel(name.replace("_", " ") or "trial")
    if _logarithmic(across):
        axes.set_xscale("log")
    else:
        axes.locator_params(axis="x", nbins=TICKS)
    _scale_upwards(axes, np.concatenate(drawn))


def _scale_upwards(axes: Axes, values: Array) -> None:
    """A logarithmic axis for values of many sizes; linear about zero where they are of both signs."""
    sizes = np.abs(values)
    sizes = sizes[sizes > ALIKE * sizes.max(initial=0)]  # what is smaller is zero, but for rounding
    if not len(sizes) or sizes.max() <= WIDER * np.quantile(sizes, 0.1):
        return
    if values.min() > 0:
        axes.set_yscale("log")
        return
    threshold = float(10 ** np.floor(np.log10(max(np.quantile(sizes, 0.25), 1e-4 * sizes.max()))))
    axes.set_yscale("symlog", linthresh=threshold)
    axes.autoscale_view(scalex=False)  # margins of this scale
    axes.yaxis.set_minor_locator(NullLocator())
