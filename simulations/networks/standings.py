"""Where the rules of a setting stand: epochs to arrival over seeds, beside gradient descent and the paper's table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simulations.networks.campaign import PARAMETERS
from simulations.networks.moments import examples
from simulations.networks.published import SOURCE, published
from simulations.networks.record import TrainingRun
from simulations.survival import Median, Paired, median, paired
from theory.checks import ArgumentError

CLOSE = 0.25  # of a published number, which comes from one run
VERDICTS = INSIDE, WITHIN, NEITHER, OPEN = "inside the interval", "within 25 %", "neither", "not decided"


@dataclass(frozen=True)
class Standing:
    """One rule over its seeds.

    Parameters
    ----------
    rule, step
        The rule's id and its step size η.
    epochs
        Epochs to arrival.
    against
        How many times as many epochs gradient descent takes from the same seeds; None without such runs.
    steps
        Steps of one epoch, the same for all rules of a setting.
    step_norm
        The mean of η‖D‖ over the steps of W₁ up to arrival, the median of it over the seeds.
    published
        The paper's number of epochs, in exactly this setting.
    verdict
        One of `VERDICTS` on that number.
    """

    rule: str
    step: float
    epochs: Median
    against: Paired | None
    steps: int
    step_norm: float
    published: int | None
    verdict: str | None

    def document(self) -> dict[str, Any]:
        """All of it as JSON has it, None for an end that is open."""
        found: dict[str, Any] = closed(asdict(self))
        return found


def stored(directory: Path | str) -> list[TrainingRun]:
    """All runs of a directory, finished or on their way.

    Raises
    ------
    ArgumentError
        If it is no directory of `train`, or holds no run.
    """
    place = Path(directory)
    if not (place / PARAMETERS).is_file():
        raise ArgumentError("directory", "name a directory of `train`", f"{place} is not one")
    found = [TrainingRun.load(path) for path in sorted(place.glob("*-seed*.npz"))]
    if not found:
        raise ArgumentError("directory", "hold runs", f"{place} holds none")
    return found


def standings(runs: Sequence[TrainingRun]) -> list[Standing]:
    """Each rule of a setting over its seeds, in the order in which they come.

    Raises
    ------
    ArgumentError
        If the runs are not all of one setting.
    """
    if any(run.setting.identity() != runs[0].setting.identity() for run in runs):
        raise ArgumentError("runs", "be of one setting", "are of several")
    groups: dict[tuple[str, float], dict[int, TrainingRun]] = {}
    for run in runs:
        groups.setdefault((run.rule, run.step), {})[run.seed] = run
    plain = [step for rule, step in groups if rule == "gd"]
    usual = runs[0].setting.step if runs else 0.0
    descents = groups["gd", usual if usual in plain else plain[0]] if plain else {}
    return [_standing(mine, descents) for mine in groups.values()]


def _standing(mine: dict[int, TrainingRun], descents: dict[int, TrainingRun]) -> Standing:
    one = next(iter(mine.values()))
    epochs = median(*_times(mine.values()))
    theirs = published(one.setting, one.rule, one.step)
    return Standing(
        one.rule,
        one.step,
        epochs,
        _against(mine, descents),
        steps_of_an_epoch(one),
        float(np.median([step_norm(run) for run in mine.values()])),
        theirs,
        None if theirs is None else verdict(epochs, theirs),
    )


def _against(mine: dict[int, TrainingRun], descents: dict[int, TrainingRun]) -> Paired | None:
    """Gradient descent's epochs by a rule's own, seed by seed."""
    seeds = sorted(set(mine) & set(descents))
    if not seeds or mine is descents:
        return None
    return paired(*_times(descents[seed] for seed in seeds), *_times(mine[seed] for seed in seeds))


def _times(runs: Any) -> tuple[list[float], list[bool]]:
    """Epochs of each run, to arrival or gone through without it, and whether it arrived.

    One that was right from the start counts as one epoch; one that diverged will not arrive in those left to it.
    """
    ends, arrived = [], []
    for run in runs:
        gone = max(run.epochs, run.setting.epochs) if run.stop_reason.startswith("diverged") else run.epochs
        ends.append(float(max(gone if run.arrival is None else run.arrival, 1)))
        arrived.append(run.arrival is not None)
    return ends, arrived


def verdict(epochs: Median, published: int) -> str:
    """What the measured epochs say of a published number; nothing where runs too short to tell leave it open."""
    if epochs.low <= published <= epochs.high:
        return OPEN if epochs.value is None else INSIDE
    return WITHIN if epochs.value is not None and abs(epochs.value / published - 1) <= CLOSE else NEITHER


def step_norm(run: TrainingRun) -> float:
    """The mean length of a run's steps of W₁, up to its arrival; NaN where it took none."""
    last = run.epochs if run.arrival is None else run.arrival
    taken = run.curves["step_norm"][1 : last + 1]
    return float(taken.mean()) if len(taken) else math.nan


def steps_of_an_epoch(run: TrainingRun) -> int:
    """Minibatches that an epoch has."""
    count = len(examples(run).train)
    return count // min(run.setting.batch, count)


def documented(found: Sequence[Standing]) -> dict[str, Any]:
    """Standings as JSON has them, with the source of the published numbers."""
    return {"standings": [one.document() for one in found], "published": SOURCE}


def closed(value: Any) -> Any:
    """Nested values as JSON has them, None for a number that is not finite."""
    if isinstance(value, dict):
        return {name: closed(one) for name, one in value.items()}
    if isinstance(value, list):
        return [closed(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
