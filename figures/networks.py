"""Networks on modular arithmetic and parity through their training: accuracy, gradient, alignment, and where they went.

`python -m figures.networks` draws stored runs: make them with `evenflow train modular-97-add --seeds 5`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, StrMethodFormatter

from figures.captions import code, listed, tex
from figures.notebook import NotebookFigure
from figures.panels import finished, head, logarithmic, passed, write
from figures.picture import Data, Missing, Picture
from figures.style import INK, PAGE, SMALL, darker, house_style, rule_colours
from figures.writing import main
from simulations.networks.alignment import carriers
from simulations.networks.portraits import ACCURACIES, paths, portrait
from simulations.networks.record import TrainingRun
from simulations.networks.standings import standings, stored
from simulations.networks.transition import QUANTITIES
from theory.checks import ArgumentError

BANDS = (*ACCURACIES, *QUANTITIES)
LINES: dict[str, dict[str, Any]] = {
    "full": {"linewidth": 1.2},
    "thin": {"linewidth": 0.8, "linestyle": (0, (1.5, 1.5))},
}
DOT: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 4.2, "clip_on": False, "zorder": 4}
MARKS = {"memorised": "white", "arrival": None}  # faces of the two marks, None for the rule's colour
FEW = 10.0  # times the least, within which numbers have no two powers of ten between them
TALL, LEFT, RIGHT, BETWEEN, ABOVE, BELOW = 1.45, 0.45, 0.12, 0.55, 0.26, 0.4  # inches


def data(runs: str = "train-modular-97-add", rules: tuple[str, ...] = ("gd", "egd")) -> Data:
    """What stored runs went through, rule by rule.

    Parameters
    ----------
    runs
        A directory that `evenflow train` wrote.
    rules
        Those that are drawn, by id, or RULE@STEP where the step is not the setting's; those not stored are left out.

    Returns
    -------
    dict
        ``rules`` (r,) and their numbers of ``seeds``; ``memorised`` and ``arrival`` (r,), medians in epochs; for rule
        i ``i_epochs`` (T,), ``i_NAME`` (3, T) with the least, median and greatest value over seeds, and ``i_path``
        (K, 2) of one seed with ``i_marks``, where on it memorisation and arrival are; ``median``, ``low`` and
        ``high`` (r,) epochs to arrival with an interval, and ``paper``.

    Raises
    ------
    Missing
        If there is no such directory.
    ArgumentError
        If it holds no runs of these rules.
    """
    if not Path(runs).is_dir():
        how = "name a directory of runs; `evenflow train modular-97-add --seeds 5` makes one"
        raise Missing("runs", how, f"there is no {runs}")
    groups: dict[str, list[TrainingRun]] = {}
    for run in stored(runs):
        groups.setdefault(_name(run), []).append(run)
    shown = {name: groups[name] for name in dict.fromkeys(rules) if name in groups}
    if not shown:
        raise ArgumentError("rules", f"be stored in {runs}: {', '.join(groups)}", f"are {', '.join(rules)}")
    setting = next(iter(shown.values()))[0].setting
    found: dict[str, Any] = {"rules": list(shown), "seeds": [len(group) for group in shown.values()]}
    found |= {"expected": carriers(setting.task).expected, "level": setting.arrival, "known": setting.memorised}
    return found | _bands(shown) | _paths(shown) | _standings([run for group in shown.values() for run in group])


def _name(run: TrainingRun) -> str:
    return run.rule if run.step == run.setting.step else f"{run.rule}@{run.step:g}"


def _bands(shown: dict[str, list[TrainingRun]]) -> dict[str, Any]:
    found: dict[str, Any] = {"memorised": [], "arrival": []}
    for index, group in enumerate(shown.values()):
        one = portrait(group)
        found[f"{index}_epochs"] = one.epochs
        found |= {f"{index}_{name}": one.bands[name] for name in BANDS}
        for name in MARKS:
            found[name].append(getattr(one, name))
    return found


def _paths(shown: dict[str, list[TrainingRun]]) -> dict[str, Any]:
    """The paths from one start: of the first seed that all rules have, or of each rule's own first."""
    common = set.intersection(*({run.seed for run in group} for group in shown.values()))
    runs = [min(group, key=lambda run: (run.seed not in common, run.seed)) for group in shown.values()]
    found, shares = paths(runs)
    marks = [[_place(run, getattr(run, name)) for name in MARKS] for run in runs]
    return {"shares": shares} | {
        f"{index}_{name}": values
        for index, both in enumerate(zip(found, marks, strict=True))
        for name, values in zip(("path", "marks"), both, strict=True)
    }


def _place(run: TrainingRun, epoch: int | None) -> int:
    """Where the weights after that epoch stand among those kept, -1 where there is no such epoch."""
    return -1 if epoch is None else int(np.searchsorted(run.kept_epochs, epoch))


def _standings(runs: list[TrainingRun]) -> dict[str, Any]:
    found = standings(runs)
    return {
        "median": [np.nan if one.epochs.value is None else one.epochs.value for one in found],
        "low": [one.epochs.low for one in found],
        "high": [one.epochs.high for one in found],
        "paper": [np.nan if one.published is None else one.published for one in found],
    }


def draw(data: Data, axes: Any = None) -> Figure:
    """Six panels: accuracy, singular values, alignment; distance, path, and epochs to arrival."""
    with house_style():
        panels = _panels() if axes is None else passed(axes, 6)
        _accuracy(panels[0], data)
        _spectrum(panels[1], data)
        _alignment(panels[2], data)
        _distance(panels[3], data)
        _path(panels[4], data)
        _arrivals(panels[5], data)
        titles = (
            "accuracy",
            "the gradient's spectrum",
            "alignment",
            "distance from the start",
            "path of W₁",
            "arrival",
        )
        for panel, letter, title in zip(panels, "abcdef", titles, strict=True):
            head(panel, letter, title)
        return finished(panels)


def _panels() -> list[Axes]:
    """Two rows of three."""
    tall = 2 * (ABOVE + TALL + BELOW)
    wide = (PAGE - LEFT - RIGHT - 2 * BETWEEN) / 3
    whole = NotebookFigure(figsize=(PAGE, tall))
    corners = [
        (LEFT + column * (wide + BETWEEN), BELOW + (1 - line) * (tall / 2)) for line in range(2) for column in range(3)
    ]
    return [whole.add_axes((x / PAGE, y / tall, wide / PAGE, TALL / tall)) for x, y in corners]


def _colours(data: Data) -> list[str]:
    names = [str(name) for name in data["rules"]]
    found = rule_colours([name.partition("@")[0] for name in names])
    return [found[name.partition("@")[0]] for name in names]


def _lines(axes: Axes, data: Data, name: str, style: str = "full", *, marked: bool = True, scale: float = 1.0) -> None:
    """A quantity of each rule: the median over seeds in a band of all, with memorisation and arrival."""
    for index, colour in enumerate(_colours(data)):
        epochs, (low, middle, high) = data[f"{index}_epochs"], scale * data[f"{index}_{name}"]
        axes.fill_between(epochs, low, high, color=colour, alpha=0.25, linewidth=0, gid="band")
        axes.plot(epochs, middle, color=colour, gid=name, **LINES[style])
        for mark, face in MARKS.items() if marked else ():
            at = float(data[mark][index])
            if np.isfinite(at):
                height = np.interp(np.log(at), np.log(epochs), middle)
                axes.plot([at], [height], color=colour, markerfacecolor=face or colour, gid=mark, **DOT)


def _epochs(axes: Axes, data: Data) -> None:
    axes.set_xlim(1, 1.1 * max(float(data[f"{index}_epochs"][-1]) for index in range(len(data["rules"]))))
    axes.set_xlabel("epochs")


def _accuracy(axes: Axes, data: Data) -> None:
    logarithmic(axes, "x")
    _lines(axes, data, "train_accuracy", "thin", marked=False, scale=100)
    _lines(axes, data, "test_accuracy", marked=False, scale=100)
    for index, colour in enumerate(_colours(data)):
        for mark, face, height in zip(MARKS, MARKS.values(), (data["known"], data["level"]), strict=True):
            at, up = float(data[mark][index]), 100 * float(height)
            axes.plot([at], [up], color=colour, markerfacecolor=face or colour, gid=mark, **DOT)
        place = _rise(data, index)
        write(axes, str(data["rules"][index]), place, shift=(-4, 0), ha="right", color=colour, fontweight="bold")
    write(axes, "test (full), training (dotted)", (0.03, 0.96), within="axes fraction")
    axes.set_ylim(0, 116)
    _epochs(axes, data)
    axes.set_ylabel("correct (%)")


def _rise(data: Data, index: int) -> tuple[float, float]:
    """A point on the rise of a rule's test accuracy, each rule's at a height of its own."""
    epochs, middle = data[f"{index}_epochs"], 100 * data[f"{index}_test_accuracy"][1]
    part = (index + 1) / (len(data["rules"]) + 1)
    height = middle[0] + part * (middle.max() - middle[0])
    return float(epochs[np.argmax(middle >= height)]), float(height)


def _spectrum(axes: Axes, data: Data) -> None:
    logarithmic(axes)
    for name, style in (("largest", "full"), ("smallest", "thin")):
        _lines(axes, data, name, style)
    _epochs(axes, data)
    _two_names(axes, data, "largest", "smallest above the cut")
    axes.set_ylabel("singular value of ∂loss/∂W₁")


def _two_names(axes: Axes, data: Data, upper: str, lower: str) -> None:
    """Names of the upper and the lower group of lines, above and below them."""
    high = max(float(data[f"{index}_largest"].max()) for index in range(len(data["rules"])))
    low = min(float(data[f"{index}_smallest"].min()) for index in range(len(data["rules"])))
    axes.set_ylim(low / 4, 3.5 * high)
    write(axes, upper, (0.03, 0.96), within="axes fraction")
    write(axes, lower, (0.03, 0.05), within="axes fraction")


def _alignment(axes: Axes, data: Data) -> None:
    logarithmic(axes, "x")
    _lines(axes, data, "units", "full")
    _lines(axes, data, "alignment", "thin")
    expected = float(data["expected"])
    axes.axhline(expected, color=INK, linewidth=0.6, gid="expected", zorder=1)
    axes.set_ylim(-0.11, 1.05)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    _epochs(axes, data)
    write(axes, "hidden units (full), gradient (dotted)", (0.03, 0.97), within="axes fraction")
    write(axes, "a random direction", (1.15, expected), shift=(0, -7))
    axes.set_ylabel("share on the best carrier")


def _distance(axes: Axes, data: Data) -> None:
    logarithmic(axes)
    _lines(axes, data, "distance")
    _epochs(axes, data)
    axes.set_ylabel("‖W₁ − W₁(0)‖")
    write(axes, "○ memorised   ● arrived", (0.98, 0.05), within="axes fraction", ha="right")


def _path(axes: Axes, data: Data) -> None:
    for index, colour in enumerate(_colours(data)):
        path, marks = data[f"{index}_path"], data[f"{index}_marks"]
        axes.plot(*path.T, color=colour, marker=".", markersize=2.5, gid="path", **LINES["full"])
        for place, (mark, face) in zip(marks, MARKS.items(), strict=True):
            if place >= 0:
                axes.plot(*path[[place]].T, color=colour, markerfacecolor=face or colour, gid=mark, **DOT)
        name, far = str(data["rules"][index]), path[np.argmax((path**2).sum(axis=1))]
        write(axes, name, tuple(far), shift=(5, 0), color=colour, fontweight="bold")
    axes.plot([0], [0], marker="+", color=INK, markersize=6, linestyle="none", gid="start", zorder=5)
    axes.margins(0.2, 0.12)
    shares = 100 * np.asarray(data["shares"])
    axes.set_xlabel(f"first direction ({shares[0]:.0f} %)")
    axes.set_ylabel(f"second ({shares[1]:.0f} %)")


def _arrivals(axes: Axes, data: Data) -> None:
    logarithmic(axes, "x")
    names = [str(name) for name in data["rules"]]
    ends = np.concatenate([np.asarray(data[name], float) for name in ("low", "high", "paper")])
    ends = ends[np.isfinite(ends) & (ends > 0)]
    axes.set_xlim(ends.min() / 2, ends.max() * 2)
    if ends.max() < FEW * ends.min():
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    for place, colour in enumerate(_colours(data)):
        low, high = float(data["low"][place]), min(float(data["high"][place]), axes.get_xlim()[1])
        axes.plot([low, high], [place, place], color=colour, linewidth=2.4, gid="interval")
        axes.plot([data["median"][place]], [place], color=colour, markerfacecolor=colour, gid="median", **DOT)
        paper = {**DOT, "marker": "D", "markersize": 5.5, "markerfacecolor": "none"}
        axes.plot([data["paper"][place]], [place], color=darker(colour, 0.5), gid="paper", **paper)
        write(axes, names[place], (low, place), shift=(0, 10), color=colour, ha="left", fontweight="bold")
    axes.set_ylim(len(names) - 0.5, -0.7)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"epochs to {100 * float(data['level']):g} % test accuracy")
    if np.isfinite(np.asarray(data["paper"], float)).any():
        write(axes, "◇ the paper's run", (0.98, 0.04), within="axes fraction", ha="right", fontsize=SMALL)


def caption(data: Data) -> str:
    """What the figure shows, with the epochs of memorisation and arrival."""
    names = [code(name) for name in data["rules"]]
    seeds = listed(f"{count} ({name})" for count, name in zip(data["seeds"], names, strict=True))
    times = listed(
        f"${_epoch(first)}$ and ${_epoch(last)}$ for {name}"
        for name, first, last in zip(names, data["memorised"], data["arrival"], strict=True)
    )
    theirs = "; diamonds, the paper's single runs" if np.isfinite(np.asarray(data["paper"], float)).any() else ""
    level, known = (rf"{tex(100 * data[name])}\,\%" for name in ("level", "known"))
    return (
        f"Networks through their training. Lines, medians over seeds, of which there are {seeds}; bands, all seeds; "
        f"a run that is over keeps its last value. Hollow dots, memorisation ({known} training accuracy); full dots, "
        f"arrival ({level} test accuracy); medians {times}. "
        r"\textbf{a}, test accuracy (full) and training accuracy (dotted). \textbf{b}, largest singular value of the "
        r"first layer's gradient on the training set, and the smallest above the rank cut. \textbf{c}, mean share of "
        r"the squared length that falls on the best frequency (parity: on the relevant bits), of hidden units' "
        r"incoming weights (full) and of the gradient's leading singular directions (dotted); a random direction has "
        rf"${tex(data['expected'])}$. \textbf{{d}}, Frobenius distance of $W_1$ from its start. \textbf{{e}}, $W_1$ of "
        r"one seed along the two directions that hold most of that distance "
        rf"(${tex(100 * data['shares'][0])}$ and ${tex(100 * data['shares'][1])}\,\%$), from the cross. "
        rf"\textbf{{f}}, epochs to arrival: medians with their intervals{theirs}."
    )


def _epoch(value: float) -> str:
    return r"\text{never}" if np.isnan(value) else tex(value)


PICTURE = Picture("networks", "Networks that memorise and then generalise", data, draw, caption)

if __name__ == "__main__":
    main(PICTURE)
