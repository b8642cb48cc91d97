"""Runs of one rule from several seeds as a picture needs them: over common epochs, and the path of the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.networks.record import TrainingRun
from simulations.networks.transition import Course, courses
from theory.checks import ArgumentError

Array = NDArray[Any]
POINTS = 160  # epochs of a band
ACCURACIES = ("train_accuracy", "test_accuracy")


@dataclass(frozen=True, eq=False)
class Portrait:
    """What the runs of one rule went through.

    Parameters
    ----------
    epochs
        Common epochs (T,), evenly on a logarithmic axis from 1 to the last that a run went through.
    bands
        Name → the least, the median and the greatest value over the seeds (3, T), of `ACCURACIES` and of
        `simulations.networks.transition.QUANTITIES`. A run that is over keeps its last value.
    memorised, arrival
        The medians over the seeds, NaN where half of them or more have none.
    """

    epochs: Array
    bands: dict[str, Array]
    memorised: float
    arrival: float


def portrait(runs: Sequence[TrainingRun]) -> Portrait:
    """The portrait of some runs of one rule.

    Raises
    ------
    ArgumentError
        If there is none, or one has not gone through an epoch.
    """
    if not runs or not all(run.epochs for run in runs):
        raise ArgumentError("runs", "have gone through an epoch", "have not" if runs else "are none")
    epochs = np.geomspace(1, max(run.epochs for run in runs), POINTS)
    moved = [courses(run) | _accuracies(run) for run in runs]
    bands = {}
    for name in moved[0]:
        values = np.array([_over(one[name], epochs) for one in moved])
        bands[name] = np.array([values.min(axis=0), np.median(values, axis=0), values.max(axis=0)])
    return Portrait(epochs, bands, _middle(runs, "memorised"), _middle(runs, "arrival"))


def _accuracies(run: TrainingRun) -> dict[str, Course]:
    return {name: Course(np.arange(run.epochs + 1), run.curves[name]) for name in ACCURACIES}


def _over(course: Course, epochs: Array) -> Array:
    """The values at these epochs (T,), between recorded ones along a logarithmic axis."""
    later = course.epochs > 0
    return np.interp(np.log(epochs), np.log(course.epochs[later]), course.values[later])


def _middle(runs: Sequence[TrainingRun], name: str) -> float:
    reached = [getattr(run, name) for run in runs]
    found = float(np.median([np.inf if epoch is None else epoch for epoch in reached]))
    return found if np.isfinite(found) else np.nan


def paths(runs: Sequence[TrainingRun]) -> tuple[list[Array], Array]:
    """The kept W₁ of some runs, less their start, along their two principal directions.

    Parameters
    ----------
    runs
        Of one seed, which is where they start alike.

    Returns
    -------
    list of ndarray
        Coordinates (K, 2) of each run's kept weights; the start is the origin.
    ndarray
        The share of the squared distance from the start that falls on either direction (2,).
    """
    moved = [(run.kept.first - run.kept.first[0]).reshape(len(run.kept.first), -1) for run in runs]
    rows = np.concatenate(moved).astype(float)
    squares, axes = np.linalg.eigh(rows @ rows.T)
    squares, axes = squares[::-1][:2].clip(0), axes[:, ::-1][:, :2]
    found = axes * np.sqrt(squares)
    found *= np.where(found[np.abs(found).argmax(axis=0), [0, 1]] < 0, -1, 1)  # the largest coordinate is positive
    total = float((rows**2).sum())
    return np.split(found, np.cumsum([len(one) for one in moved])[:-1]), squares / (total or 1.0)
