"""Whether what a plateau says depends on its definition and threshold: existence, order of rules, order of magnitude.

A reading is a definition with its threshold. What is not longer than one step (than η in flow time) is no plateau and
counts as 0. The same runs are read in several ways, and a conclusion changes where

- existence: by one reading a rule has a plateau, and by another it has none;
- order: by one reading the plateau of the first of two rules is longer than that of the second by more than a tenth,
  and by another it is the other way round;
- magnitude: of the plateaus that a rule has, the longest is more than ten times the shortest.

A reading without a length says nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.comparison import Comparison, Run
from theory.models.linear import LinearModel
from theory.plateaus import ARRIVAL_SPREAD, CROSSING, FIRST_DEPARTURE
from theory.predictions import predict

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
EXISTENCE, ORDER, MAGNITUDE = "existence", "order", "magnitude"
TENFOLD = 10.0  # between lengths of one order of magnitude, and between the thresholds compared
CLEAR = 1.1  # times the other: what is read off a sampled curve is known to a few parts in a hundred


@dataclass(frozen=True)
class Change:
    """A conclusion that depends on the reading.

    Parameters
    ----------
    conclusion
        ``existence``, ``order`` or ``magnitude``.
    view
        ``flow`` or ``descent``.
    rules
        The rule, or both.
    readings
        Two readings that disagree.
    lengths
        The length of each rule by each of these (reading, rule): steps, or flow time.
    """

    conclusion: str
    view: str
    rules: tuple[str, ...]
    readings: tuple[str, str]
    lengths: tuple[tuple[float, ...], tuple[float, ...]]

    @property
    def text(self) -> str:
        """Both readings in words.

        Examples
        --------
        >>> Change("existence", "descent", ("newton",), ("longest run", "lag"), ((14.0,), (0.0,))).text
        'newton 14 by longest run, newton none by lag'
        """
        return ", ".join(
            f"{_listed(self.rules, found)} by {name}" for name, found in zip(self.readings, self.lengths, strict=True)
        )


def _listed(rules: tuple[str, ...], lengths: tuple[float, ...]) -> str:
    written = [f"{length:.5g}" if length else "none" for length in lengths]
    return " and ".join(f"{rule} {length}" for rule, length in zip(rules, written, strict=True))


def sensitivity(comparison: Comparison) -> tuple[Change, ...]:
    """What changes with the reading in a comparison: definitions, and the spread of arrivals at other thresholds.

    Thresholds are the comparison's, ten times it and a tenth of it; at these arrivals are the derived ones, and for
    rules without them, at the larger one, where the recorded errors pass it.

    Parameters
    ----------
    comparison
        Runs of several rules, as `compare` returns them.

    Returns
    -------
    tuple of Change
        Each with two readings that disagree most; empty where no conclusion depends on the reading.
    """
    return tuple(change for view in _views(comparison) for change in _changes(*_read(comparison, view)))


QUESTIONS = {
    EXISTENCE: "whether there is a plateau",
    ORDER: "which of two rules has the longer plateau",
    MAGNITUDE: "the plateau's order of magnitude",
}


def warnings(comparison: Comparison) -> list[str]:
    """One line for each conclusion drawn from the table that another reading contradicts, with an example.

    The table's reading is the first. It is contradicted where it shows no plateau and a run at 100 %, a spread of
    arrivals or a lag does (other definitions are times that pass in any run); where it puts two rules in an order that
    another reading turns round; and where its length goes by more than ten with the threshold alone.
    """
    lines = []
    for view in _views(comparison):
        changes = _contradictions(*_read(comparison, view))
        for conclusion, question in QUESTIONS.items():
            found = [change for change in changes if change.conclusion == conclusion]
            if found:
                rules = ", ".join("/".join(change.rules) for change in found)
                lines.append(
                    f"{view.capitalize()}: {question} depends on its definition for {rules} ({found[0].text})."
                )
    return lines


def _views(comparison: Comparison) -> list[str]:
    return list(dict.fromkeys(run.view for run in comparison.runs))


def _read(comparison: Comparison, view: str) -> tuple[str, list[str], list[str], Array]:
    """The view, its rules, the readings, and lengths (readings, rules) with 0 for what is no plateau."""
    runs = [run for run in comparison.runs if run.view == view]
    readings = _readings(comparison, runs)
    lengths = np.array([list(by_rule) for by_rule in readings.values()], float)  # of many digits a count is an int
    least = 1.0 if view == "descent" else float(comparison.parameters["step"])
    return view, [run.rule.name for run in runs], list(readings), plateaus(lengths, least)


def _contradictions(view: str, rules: list[str], readings: list[str], lengths: Array) -> list[Change]:
    """Changes between the first reading, which is the table's, and one that contradicts it most."""

    def change(conclusion: str, places: tuple[int, ...], pair: tuple[int, int]) -> Change:
        at = [tuple(float(lengths[i, j]) for j in places) for i in pair]
        names = tuple(rules[place] for place in places)
        return Change(conclusion, view, names, (readings[pair[0]], readings[pair[1]]), (at[0], at[1]))

    telling = np.array([name not in (FIRST_DEPARTURE, CROSSING) for name in readings])
    same = [i for i, name in enumerate(readings) if name.startswith(readings[0])]
    found = []
    for place, one in enumerate(lengths.T):
        seen = np.where(telling & (one > 0), one, 0.0)
        if one[0] == 0 and seen.any():
            found.append(change(EXISTENCE, (place,), (int(seen.argmax()), 0)))
        if one[0] > 0 and magnitude(one[same, None])[0]:
            apart = np.abs(np.log(np.where(one[same] > 0, one[same], one[0]) / one[0]))
            found.append(change(MAGNITUDE, (place,), (0, same[int(apart.argmax())])))
    for pair in itertools.combinations(range(len(rules)), 2):
        gaps = np.log1p(lengths[:, pair[0]]) - np.log1p(lengths[:, pair[1]])
        longer = _sides(*lengths[:, pair].T)
        against = np.where(longer * longer[0] < 0, abs(gaps), 0.0)
        if against.any():
            found.append(change(ORDER, pair, (0, int(against.argmax()))))
    return found


def _changes(view: str, rules: list[str], readings: list[str], lengths: Array) -> list[Change]:
    def change(conclusion: str, places: tuple[int, ...], pair: tuple[int, int]) -> Change:
        at = [tuple(float(lengths[i, j]) for j in places) for i in pair]
        names = tuple(rules[place] for place in places)
        return Change(conclusion, view, names, (readings[pair[0]], readings[pair[1]]), (at[0], at[1]))

    def ends(values: Array) -> tuple[int, int]:
        return int(np.nanargmax(values)), int(np.nanargmin(values))

    found = []
    for place, one in enumerate(lengths.T):
        if existence(one[:, None])[0]:
            found.append(change(EXISTENCE, (place,), ends(one)))
        if magnitude(one[:, None])[0]:
            found.append(change(MAGNITUDE, (place,), ends(np.where(one > 0, one, np.nan))))
    for pair in itertools.combinations(range(len(rules)), 2):
        one, other = (lengths[:, place] for place in pair)
        if order(one[:, None], other[:, None])[0]:
            found.append(change(ORDER, pair, ends(np.log1p(one) - np.log1p(other))))
    return found


def plateaus(lengths: Array, least: Any) -> Array:
    """Lengths with 0 for what is no plateau, as the conclusions take them."""
    return np.where(lengths <= least, 0.0, lengths)


def existence(lengths: Array) -> Mask:
    """Whether there is a plateau by some readings and none by others: (readings, n) → (n,)."""
    return np.asarray((lengths > 0).any(axis=0) & (lengths == 0).any(axis=0))


def magnitude(lengths: Array) -> Mask:
    """Whether the longest plateau is more than ten times the shortest that is there: (readings, n) → (n,)."""
    there = lengths > 0
    longest = np.where(there, lengths, -np.inf).max(axis=0)
    return np.asarray(longest > TENFOLD * np.where(there, lengths, np.inf).min(axis=0))


def order(one: Array, other: Array) -> Mask:
    """Whether one rule's plateau is the longer by some readings and the other's by others: (readings, n) → (n,)."""
    return np.asarray(clearly(one, other).any(axis=0) & clearly(other, one).any(axis=0))


def clearly(one: Array, other: Array) -> Mask:
    """Whether one length is clearly the longer: by more than what a sampled curve leaves open."""
    return np.asarray(one > CLEAR * other)


def _sides(one: Array, other: Array) -> Array:
    """1 where the first is clearly the longer, −1 where the second is, 0 else."""
    return clearly(one, other).astype(float) - clearly(other, one)


def _readings(comparison: Comparison, runs: Sequence[Run]) -> dict[str, list[float]]:
    """Reading → lengths of the rules, NaN where they are not known; the default reading first."""
    measured = [{plateau["definition"]: plateau["measured"] for plateau in run.plateaus()} for run in runs]
    found = {name: [_number(one.get(name)) for one in measured] for name in runs[0].trajectory.plateaus}
    threshold = float(comparison.parameters["threshold"])
    for other in (TENFOLD * threshold, threshold / TENFOLD):
        if 0 < other < 1:
            found[f"{ARRIVAL_SPREAD} at {other:g}"] = [_number(_spread(comparison, run, other)) for run in runs]
    return found


def _number(length: float | None) -> float:
    return np.nan if length is None else length


def _spread(comparison: Comparison, run: Run, threshold: float) -> float | None:
    """The spread of the arrivals at another threshold: derived, or read off the recorded errors."""
    weights, step = run.trajectory.weights[0], comparison.parameters["step"]
    size = step if run.view == "descent" else None
    if isinstance(comparison.model, LinearModel):
        predicted = predict(comparison.model, run.rule, run.view, weights, step=size, threshold=threshold).plateaus
        if ARRIVAL_SPREAD in predicted:
            return predicted[ARRIVAL_SPREAD][0]
    return _recorded(run, threshold) if threshold > comparison.parameters["threshold"] else None


def _recorded(run: Run, threshold: float) -> float | None:
    """From the first to the last recorded time at which an error first lies below the threshold."""
    sizes = run.trajectory.amplitudes
    there = (sizes[0] > 0) & (run.trajectory.arrivals != 0)  # what lies at its end to rounding has arrived
    below = sizes[:, there] <= threshold * sizes[0, there]
    if there.sum() < 2 or not below.any(axis=0).all():
        return None
    times = run.trajectory.times[np.argmax(below, axis=0)]
    return float(times.max() - times.min())
