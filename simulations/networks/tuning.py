"""A step size for each rule, chosen alike for all: from the same grid, on the same seeds, by validation accuracy.

The seeds are others than those of the runs that are reported. Each run holds a validation set back, and the step
whose validation accuracy arrives after the fewest epochs, in the median over the seeds, is taken; among steps that do
not arrive, the one of the highest validation accuracy. A validation set is small, and its accuracy of one epoch may be
luck: it has arrived, and is as high, as its median over ten epochs. The test set decides nothing: it ends a run, a
twentieth of the epochs allowed after it has arrived, and a run that ends so before its validation accuracy has arrived
goes on (`undecided`, `to_the_end`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulations.networks.campaign import MOST_SEEDS, Entry, campaign
from simulations.networks.contenders import contender
from simulations.networks.record import TrainingRun
from simulations.networks.settings import Setting
from theory.checks import plain

FACTORS = (1 / 16, 1 / 4, 1.0, 4.0, 16.0, 64.0)  # of a rule's usual step size
SEEDS, FIRST = 2, MOST_SEEDS
NEVER = 1 - 1e-12  # a validation accuracy that is reached once there is nothing left to decide
AFTER, STEADY = 20, 10


@dataclass(frozen=True)
class Tuned:
    """The step size that suits a rule best.

    Parameters
    ----------
    rule
        Its id.
    step
        The step size η.
    epochs
        Epochs to the arrival of the validation accuracy with it, infinite where that did not arrive.
    at_edge
        Whether no larger or no smaller one was tried, so that the best may lie beyond.
    """

    rule: str
    step: float
    epochs: float
    at_edge: bool

    @property
    def name(self) -> str:
        """The contender with this step."""
        return f"{self.rule}@{plain(self.step)}"


def tuning_setting(setting: Setting) -> Setting:
    """The setting with a validation set that decides nothing within a run."""
    return replace(setting, stop_egd_at=NEVER, linger=max(setting.linger, setting.epochs // AFTER))


def tuning_runs(setting: Setting, rules: Sequence[str], out: Path) -> tuple[Entry, ...]:
    """The runs of `tuning_setting` from which the steps are chosen; a RULE@STEP has its step already.

    Raises
    ------
    ArgumentError
        If a rule is not known.
    """
    free = [contender(name.strip(), setting) for name in rules if "@" not in name]
    names = [f"{who.rule}@{plain(who.step * factor)}" for who in free for factor in FACTORS]
    return tuple(_elsewhere(entry) for entry in campaign(setting, names, SEEDS, out)) if names else ()


def _elsewhere(entry: Entry) -> Entry:
    """The same run from a seed that no reported one has."""
    seed = FIRST + entry.seed
    before = entry.path.name.removesuffix(f"-seed{entry.seed}.npz")
    return replace(entry, seed=seed, path=entry.path.with_name(f"{before}-seed{seed}.npz"))


def undecided(run: TrainingRun) -> bool:
    """Whether the test set ended a run of which the validation accuracy has not arrived."""
    return run.arrival is not None and run.epochs < run.setting.epochs and _arrival(run) == np.inf


def to_the_end(setting: Setting) -> Setting:
    """The setting whose runs the test set does not end: the same runs, longer."""
    return replace(setting, linger=setting.epochs)


def tuned(runs: Sequence[TrainingRun]) -> list[Tuned]:
    """The best step of each rule, in the order in which they come."""
    groups: dict[str, dict[float, list[TrainingRun]]] = {}
    for run in runs:
        groups.setdefault(run.rule, {}).setdefault(run.step, []).append(run)
    return [_best(rule, steps) for rule, steps in groups.items()]


def _best(rule: str, steps: dict[float, list[TrainingRun]]) -> Tuned:
    scores = {step: _score(runs) for step, runs in steps.items()}
    best = min(scores, key=lambda step: scores[step])
    return Tuned(rule, best, scores[best][0], best in (min(steps), max(steps)))


def _score(runs: Sequence[TrainingRun]) -> tuple[float, float]:
    """Median epochs to the arrival of the validation accuracy, and its highest value with its sign turned."""
    best = [_steady(run).max() for run in runs]
    return float(np.median([_arrival(run) for run in runs])), -float(np.mean(best))


def _arrival(run: TrainingRun) -> float:
    """Epochs to the arrival of the validation accuracy, infinite where it has not arrived."""
    arrived = np.flatnonzero(_steady(run) >= run.setting.arrival)
    return float(arrived[0]) if len(arrived) else np.inf


def _steady(run: TrainingRun) -> NDArray[np.float64]:
    """The validation accuracy's median from each epoch on over ten (E − 8,), or over all of a shorter run."""
    curve = np.nan_to_num(run.curves["validation_accuracy"])
    windows = np.lib.stride_tricks.sliding_window_view(curve, min(STEADY, len(curve)))
    found: NDArray[np.float64] = np.median(windows, axis=1)
    return found


def with_steps(rules: Sequence[str], found: Sequence[Tuned], setting: Setting) -> list[str]:
    """The rules, each with the step that was found for it."""
    steps = {one.rule: one.name for one in found}
    return [name if "@" in name else steps[contender(name.strip(), setting).rule] for name in rules]
