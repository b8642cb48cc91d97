"""What linear theory says at memorisation of the epochs that remain, beside what happened.

At the epoch of memorisation the first layer's gradient on the training set is Σ sᵢ uᵢvᵢᵀ, and λᵢ is the loss's exact
second derivative along uᵢvᵢᵀ (`simulations.networks.curvature`). Were the loss quadratic with these directions as its
own, each would be eᵢ = sᵢ/λᵢ away from its minimum, and `theory.predictions` has the time at which eᵢ has fallen to a
threshold: gradient descent takes log q / log(1 − ηλᵢ) steps, EGD (1 − q) eᵢ/η at unit speed. The prediction is that
of the slowest direction:

- directions: all whose singular value is above the rank cut; none is picked by hand. Beside it stands the slowest of
  the leading ones, those whose alignment is measured;
- threshold: q = 1 − `arrival` of the setting, 0.05, as accuracy knows no distance from a minimum;
- steps: whole minibatches of an epoch, with the gradient of the whole set; the noise of batches is left out;
- weight decay is part of the loss, so that λᵢ is at least its coefficient. What it would take alone is told too.

There is no answer where a run has not memorised or arrived before, where some λᵢ vanishes (the hinge loss without
weight decay), where η is above gradient descent's largest stable step, and for rules without a law for arrivals; with
``norm=equal`` that is all but EGD, whose length is its own. The bias and W₂, which move as well, are held in all this:
the linear theory is that of W₁ alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.bases import rank_cut
from simulations.networks.alignment import carriers
from simulations.networks.contenders import ADAM, law_of
from simulations.networks.curvature import curvatures
from simulations.networks.moments import moment
from simulations.networks.record import TrainingRun
from simulations.networks.standings import closed, steps_of_an_epoch
from simulations.survival import Median, median, paired
from theory.checks import ArgumentError
from theory.models.regression import Regression
from theory.predictions import predict

Array = NDArray[np.float64]
NO_CURVATURE = "a direction has no curvature"
NO_ARRIVALS = "linear theory has no arrivals for this rule and step size"


@dataclass(frozen=True)
class Said:
    """What linear theory says of one run, in epochs.

    Parameters
    ----------
    slowest
        Until the slowest direction is at the threshold.
    leading
        The same for the leading directions alone.
    decay
        What gradient descent takes along a direction that nothing but weight decay bends; None for other rules.
    """

    slowest: float
    leading: float
    decay: float | None


@dataclass(frozen=True)
class Remaining:
    """The plateau that remains of one run at memorisation.

    Parameters
    ----------
    rule, step, seed
        Which run it is.
    said
        The prediction; None where there is no answer.
    measured
        Epochs from memorisation to arrival, or to the end of a run that did not arrive; 0 where none remained.
    arrived
        Which of the two.
    reason
        Why there is no answer; empty where there is one.
    """

    rule: str
    step: float
    seed: int
    said: Said | None
    measured: float
    arrived: bool
    reason: str = ""


@dataclass(frozen=True)
class Outlook:
    """How well the predictions for one rule did over its seeds.

    Parameters
    ----------
    rule, step
        Which rule it is.
    slowest, leading, decay
        As for `Said`, the medians over the seeds with an answer.
    longer
        How many times as long as predicted it took, by seed; a run that did not arrive is censored.
    against_predicted, against_measured
        How many times as long gradient descent takes from the same seeds, by prediction and in fact.
    reasons
        Why some seeds have no answer.
    """

    rule: str
    step: float
    slowest: float | None
    leading: float | None
    decay: float | None
    longer: Median | None
    against_predicted: Median | None
    against_measured: Median | None
    reasons: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """All of it as JSON has it, None for an end that is open."""
        found: dict[str, Any] = closed(asdict(self))
        return found


def remaining(run: TrainingRun) -> Remaining:
    """What linear theory says at memorisation of the epochs that a run has before it, beside those it took."""
    last, arrived = run.epochs if run.arrival is None else run.arrival, run.arrival is not None
    who = run.rule, run.step, run.seed
    if run.memorised is None or last <= run.memorised:
        reason = "not memorised" if run.memorised is None else "nothing remained once it had memorised"
        return Remaining(*who, None, 0.0, arrived, reason)
    values, bends = spectrum(run)
    told = arrivals(run, values / bends, bends) if (bends > 0).all() else None
    reason = "" if told is not None else NO_ARRIVALS if (bends > 0).all() else NO_CURVATURE
    return Remaining(*who, None if told is None else _said(run, told), float(last - run.memorised), arrived, reason)


def _said(run: TrainingRun, epochs: Array) -> Said:
    """What the arrivals (r,) of all directions, from the largest singular value down, come to."""
    decay = run.setting.weight_decay
    alone = arrivals(run, np.ones(1), np.array([decay])) if decay and run.rule == "gd" else None
    leading = epochs[: carriers(run.setting.task).count]
    return Said(float(epochs.max()), float(leading.max()), None if alone is None else float(alone[0]))


def spectrum(run: TrainingRun) -> tuple[Array, Array]:
    """Singular values (r,) of the gradient at memorisation above the rank cut, and the curvatures (r,) along them.

    Raises
    ------
    ArgumentError
        If the run has not memorised.
    """
    if run.memorised is None:
        raise ArgumentError("run", "have memorised its training set", "has not")
    then = moment(run, run.memorised)
    inner, values, outer = np.linalg.svd(then.slope.first, full_matrices=False)
    rank = int(rank_cut(values, then.slope.first.shape).sum())
    return values[:rank].astype(float), curvatures(then, inner[:, :rank], outer[:rank].T)


def arrivals(run: TrainingRun, errors: Array, bends: Array) -> Array | None:
    """Epochs (r,) after which errors (r,) along directions of these curvatures (r,) are at the threshold, or None.

    Gradient descent is told in its own steps. Other rules are told by their flow, at time kη: their steps jump to and
    fro over errors that are smaller than a step.
    """
    if run.rule == ADAM or (run.setting.norm == "equal" and run.rule != "egd"):
        return None
    how, order = law_of(run.rule), np.argsort(-bends, kind="stable")
    view, step = ("descent", run.step) if run.rule == "gd" else ("flow", None)
    model = Regression.from_spectrum(bends[order], start=errors[order])
    found = predict(model, how, view, model.start(), step=step, threshold=1 - run.setting.arrival).arrivals
    if None in found:
        return None
    times = np.empty(len(order))
    times[order] = found
    return times / (1 if view == "descent" else run.step) / steps_of_an_epoch(run)


def outlooks(found: Sequence[Remaining]) -> list[Outlook]:
    """How well linear theory does for each rule of a setting, in the order in which they come."""
    groups: dict[tuple[str, float], dict[int, Remaining]] = {}
    for one in found:
        groups.setdefault((one.rule, one.step), {})[one.seed] = one
    descents = next((group for (name, _), group in groups.items() if name == "gd"), {})
    return [_outlook(group, descents) for group in groups.values()]


def _outlook(mine: dict[int, Remaining], descents: dict[int, Remaining]) -> Outlook:
    one = next(iter(mine.values()))
    told = [(each.said, each) for each in mine.values() if each.said is not None]
    longer = [each.measured / said.slowest for said, each in told]
    both = [seed for seed in mine if seed in descents and mine is not descents]
    both = [seed for seed in both if mine[seed].said is not None and descents[seed].said is not None]
    sides = [[group[seed] for seed in both] for group in (descents, mine)]
    return Outlook(
        one.rule,
        one.step,
        _middle([said.slowest for said, _ in told]),
        _middle([said.leading for said, _ in told]),
        _middle([said.decay for said, _ in told]),
        median(longer, [each.arrived for _, each in told]) if told else None,
        _ratio([[each.said.slowest for each in side if each.said] for side in sides], [[True] * len(both)] * 2),
        _ratio(
            [[each.measured for each in side] for side in sides], [[each.arrived for each in side] for side in sides]
        ),
        tuple(sorted({each.reason for each in mine.values()} - {""})),
    )


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _ratio(epochs: list[list[float]], arrived: list[list[bool]]) -> Median | None:
    """The median over seeds of the first epochs by the second; None without seeds."""
    return paired(epochs[0], arrived[0], epochs[1], arrived[1]).ratio if epochs[0] else None
