"""What moves between memorisation and generalisation: the gradient's spectrum, alignments, distance from the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.bases import rank_cut
from simulations.networks.alignment import gradient_alignment, unit_alignment
from simulations.networks.record import TrainingRun
from theory.checks import ArgumentError

Array = NDArray[Any]
QUANTITIES = ("largest", "smallest", "alignment", "units", "distance")


@dataclass(frozen=True, eq=False)
class Course:
    """One quantity through a run.

    Parameters
    ----------
    epochs
        After which it was recorded (n,).
    values
        Its values (n,).
    """

    epochs: Array
    values: Array

    def at(self, epoch: float) -> float:
        """The value at the recorded epoch that is nearest on a logarithmic axis."""
        away = np.abs(np.log(np.maximum(self.epochs, 0.5)) - np.log(max(epoch, 0.5)))
        return float(self.values[np.argmin(away)])


def courses(run: TrainingRun) -> dict[str, Course]:
    """How a run's quantities moved.

    ``largest`` and ``smallest`` are singular values of the gradient of W₁ on the training set, the smallest of those
    above the rank cut; ``alignment`` is that of its leading directions, ``units`` that of the hidden units' incoming
    weights (`simulations.networks.alignment`); ``distance`` is ‖W₁ − W₁(0)‖.
    """
    setting, shape = run.setting, (run.setting.task.features, run.setting.width)
    spectra, directions = (run.measures[f"singular_{name}"] for name in ("values", "directions"))
    ranks = [max(int(rank_cut(values, shape).sum()), 1) for values in spectra]
    measured = {
        "largest": [values[0] for values in spectra],
        "smallest": [values[rank - 1] for values, rank in zip(spectra, ranks, strict=True)],
        "alignment": [gradient_alignment(setting, *pair) for pair in zip(spectra, directions, strict=True)],
    }
    found = {name: Course(run.measured_epochs, np.array(values, float)) for name, values in measured.items()}
    found["units"] = Course(run.kept_epochs, np.array([unit_alignment(setting, first) for first in run.kept.first]))
    found["distance"] = Course(np.arange(run.epochs + 1), run.curves["distance_first"])
    return found


@dataclass(frozen=True, eq=False)
class Transition:
    """A run at memorisation, halfway to its arrival in the logarithm of epochs, and at arrival.

    Parameters
    ----------
    epochs
        These three (3,).
    values
        Name → what it was then (3,), of `QUANTITIES`.
    """

    epochs: Array
    values: dict[str, Array]


def transition(run: TrainingRun) -> Transition:
    """What a run's quantities were at memorisation, halfway, and at arrival, each at the nearest epoch recorded.

    Raises
    ------
    ArgumentError
        If the run has not memorised and then arrived.
    """
    if run.memorised is None or run.arrival is None or not 0 < run.memorised <= run.arrival:
        raise ArgumentError("run", "have memorised before it arrived", f"has {run.memorised} and {run.arrival}")
    epochs = np.array([run.memorised, np.sqrt(run.memorised * run.arrival), run.arrival], float)
    return Transition(epochs, {name: np.array([one.at(at) for at in epochs]) for name, one in courses(run).items()})
