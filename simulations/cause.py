"""What makes a plateau: the scale of the gradient as a whole, or the asymmetry between its directions.

*Scale* is what a rescaling of the whole gradient can mend, *asymmetry* what is left after the best of them. Both are
factors: their logarithms add up to that of the whole.

In the flow a rescaling may change from moment to moment, and all that it changes is the pace: going at a constant
speed it turns the time T of gradient descent into the length L of its path. So scale is T/L, in units that change with
those of the loss, and asymmetry is L by the length of the path of equal contraction (Newton's rule), which is
straight. Along gradient descent's path each error only shrinks, so that L is at most Σ‖E₀vᵢ‖: up to the last arrival,
asymmetry is below √d/(1 − q) however long the plateau.

In steps a rescaling is one step size in place of another, and the direction that overshoots first forbids more. Scale
is the number of steps by that at gradient descent's best step size, asymmetry the latter by Newton's number at its
best, which is one: both are pure numbers, and asymmetry grows with the condition number.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations import plateaus
from simulations.descent import Progress, descend
from simulations.flow import flow
from simulations.flow_record import Path
from simulations.leaving import left_for_good
from simulations.population import population
from simulations.trajectory import Trajectory
from theory import markdown
from theory.checks import ArgumentError, inside, positive
from theory.models.linear import LinearModel, checked_start

Array = NDArray[np.float64]
FLOWS = ("gd", "frobenius", "egd", "ngd", "newton")
CONTROLS = ("random-basis", "column-norm")  # which have no flow
FINE, COARSE = 1e-10, 1e-7  # tolerances of the flows, for weights of up to so many entries and for more,
SMALL = 64
SAMPLES = 33  # of each piece of a path, whose length is that of the polygon
TRIED = np.concatenate([np.geomspace(0.05, 1, 20), 2 - np.geomspace(1, 1e-3, 40)[1:]])  # step sizes, in units of 1/λ₁
ALIKE = 1e-9  # singular values that differ by less count as equal, and smaller ones as zero
ITERATED = 200  # steps of a linear rule taken one by one, before its exact propagator,
MOST, FEWER = 20_000, 2_000  # and of any other, for few entries and for many


@dataclass(frozen=True, eq=False)
class Parts:
    """Two factors of a plateau.

    Parameters
    ----------
    whole
        The plateau of gradient descent: flow time, or steps.
    scale
        What the best rescaling of the whole gradient takes away.
    asymmetry
        What is then left, by the plateau under equal contraction.
    """

    whole: float
    scale: float
    asymmetry: float

    @property
    def share(self) -> float | None:
        """The part of the whole that is asymmetry, by logarithms; None where the two cancel.

        It is negative where gradient descent's path is shorter than that of equal contraction.
        """
        both = math.log(self.scale) + math.log(self.asymmetry)
        return math.log(self.asymmetry) / both if both else None

    def document(self) -> dict[str, float | None]:
        """The parts, ready for JSON."""
        return {"whole": self.whole, "scale": self.scale, "asymmetry": self.asymmetry, "share": self.share}


@dataclass(frozen=True, eq=False)
class Cause:
    """The plateau of one model from one start under several rules, and its parts.

    Parameters
    ----------
    model
        Its name.
    step
        Step size η of the descents.
    times
        Flow time to the end of the plateau, by rule; None where it does not end.
    lengths
        Length of path to there, by rule.
    steps
        Steps to there at the given step size, by rule; None where it does not end in the steps that are taken.
    best_step
        Gradient descent's best step size, and its steps there.
    flow, descent
        The parts in both views; None where gradient descent or Newton's rule has no plateau.
    told_apart
        Whether EGD is more than a rescaling at the start: whether singular values of the gradient differ. None where
        that gradient is zero.
    """

    model: str
    step: float
    times: dict[str, float | None]
    lengths: dict[str, float | None]
    steps: dict[str, float | None]
    best_step: tuple[float, float]
    flow: Parts | None
    descent: Parts | None
    told_apart: bool | None

    @property
    def verdict(self) -> str:
        """Whether equal speeds and a rescaling can be told apart here, in words."""
        if self.told_apart is None:
            return "The gradient at the start is zero: no rule leaves it, and nothing is told apart."
        if self.told_apart:
            return "Singular values of the gradient differ: equal speeds and a rescaling can be told apart."
        return (
            "All singular values of the gradient are equal: EGD is a rescaling here, and no control tells them apart."
        )

    def _repr_markdown_(self) -> str:
        tables = (self.times, self.lengths, self.steps)
        rows = [(name, *(markdown.number(found.get(name), 4) for found in tables)) for name in self.steps]
        plateaus = markdown.table(("rule", "flow time", "length of path", "steps"), rows, right=(1, 2, 3))
        views = {"flow": self.flow, "descent": self.descent}
        split = [
            (view, *(markdown.number(x, 4) for x in (part.whole, part.scale, part.asymmetry, part.share)))
            for view, part in views.items()
            if part is not None
        ]
        heads = ("view", "plateau of gd", "= scale", "× asymmetry", "asymmetry's share of the logarithm")
        return f"{plateaus}\n\n{markdown.table(heads, split, right=(1, 2, 3, 4))}\n\n{self.verdict}"

    def document(self) -> dict[str, Any]:
        """What was found, ready for JSON."""
        size, count = self.best_step
        return {
            "step": self.step,
            "times": self.times,
            "lengths": self.lengths,
            "steps": self.steps,
            "best_step": {"step": size, "steps": count if math.isfinite(count) else None},
            "flow": None if self.flow is None else self.flow.document(),
            "descent": None if self.descent is None else self.descent.document(),
            "told_apart": self.told_apart,
        }


def cause(
    model: LinearModel,
    step: float,
    start: Any = None,
    *,
    threshold: float = 1e-2,
    seed: int = 0,
    progress: Progress | None = None,
) -> Cause:
    """Split a model's plateau into scale and asymmetry, by measurement.

    The plateau lasts until the last direction has arrived; for a classifier, which has one where its start is at 100 %
    test error, until it leaves them for good. (At a step near its limit the fast weight alternates, and the error may
    leave 100 % after one step and return to it for as long as the slow direction takes.)

    Parameters
    ----------
    model
        What is trained.
    step
        Step size η of the descents.
    start
        Weights (c, d); the model's own start if left out.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.
    seed
        For rules that draw at random.
    progress
        Called with runs done and runs in all.

    Raises
    ------
    ArgumentError
        If the model is factorised: no rule contracts it equally, so that there is nothing to compare with. If the step
        is not positive, the threshold not in (0, 1), or the start has not the model's shape.
    """
    step, threshold = positive("step", step), inside("threshold", threshold, 0, 1, "(0, 1)")
    if not isinstance(model, LinearModel):
        raise ArgumentError("model", "be linear, with a path of equal contraction to compare with", "is factorized")
    weights = checked_start(model, start)
    ticks = itertools.count(1)

    def tick() -> None:
        if progress is not None:
            progress(next(ticks), 2 * len(FLOWS) + len(CONTROLS) + len(TRIED) + 1)

    runs = {name: _flowed(model, name, weights, threshold, tick) for name in FLOWS}
    times = {name: time for name, (time, _) in runs.items()}
    lengths = {name: length for name, (_, length) in runs.items()}
    steps = {name: _steps(model, name, step, weights, threshold, seed, tick) for name in (*FLOWS, *CONTROLS)}
    best = _best_step(model, weights, threshold, tick)
    equal = _steps(model, "newton", 1.0, weights, threshold, seed, tick)
    return Cause(
        model=model.name,
        step=step,
        times=times,
        lengths=lengths,
        steps=steps,
        best_step=best,
        flow=_parts(times["gd"], lengths["gd"], lengths["newton"]),
        descent=_parts(steps["gd"], best[1], equal),
        told_apart=_told_apart(model, weights),
    )


def _told_apart(model: LinearModel, weights: Array) -> bool | None:
    """Whether singular values of the gradient differ; None where it is zero, to the rounding of the start's error."""
    seen = model.directions(weights)
    if not (seen.learns & (seen.amplitudes > 0)).any():
        return None
    values = np.linalg.svd(model.gradient(weights), compute_uv=False)
    return bool(np.ptp(values[values > ALIKE * values[0]]) > ALIKE * values[0])


def _parts(whole: float | None, rescaled: float | None, equal: float | None) -> Parts | None:
    if not whole or not rescaled or not equal:
        return None
    return Parts(whole, whole / rescaled, rescaled / equal)


def _flowed(
    model: LinearModel, name: str, weights: Array, threshold: float, tick: Callable[[], None]
) -> tuple[float | None, float | None]:
    """Time and length of path to the end of the plateau."""
    tick()
    times, places = [np.zeros(1)], [weights[None]]

    def observe(path: Path) -> None:
        points = [path(x) for x in np.linspace(0, 1, SAMPLES)[1:]]
        times.append(np.array([time for time, _ in points]))
        places.append(np.array([place for _, place in points]))

    end = _end(
        flow(model, name, weights, threshold=threshold, rtol=FINE if weights.size <= SMALL else COARSE, observe=observe)
    )
    if end is None:
        return None, None
    path = np.concatenate(places)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=(1, 2)))])
    return end, float(np.interp(end, np.concatenate(times), along))


def _end(run: Trajectory) -> float | None:
    """Where the plateau that a run begins on ends: the last arrival, or the length of the run at 100 % error."""
    if plateaus.LONGEST_RUN in run.plateaus:
        return run.plateaus[plateaus.LONGEST_RUN] if run.test_error[0] >= 1 else 0.0
    learns = run.singular_values > 0
    return float(run.arrivals[learns].max()) if np.isfinite(run.arrivals[learns]).all() else None


def _steps(
    model: LinearModel, name: str, step: float, weights: Array, threshold: float, seed: int, tick: Callable[[], None]
) -> float | None:
    """Steps to the end of the plateau."""
    tick()
    most = MOST if weights.size <= SMALL else FEWER
    numbers = population(model)
    if numbers.classifies:
        if numbers.test_error(weights) < 1:
            return 0.0
        return left_for_good(model, name, step, weights, max_steps=most, seed=seed)
    most = ITERATED if name in ("gd", "newton") else most
    return _end(descend(model, name, step, weights, threshold=threshold, seed=seed, max_steps=most))


def _best_step(model: LinearModel, weights: Array, threshold: float, tick: Callable[[], None]) -> tuple[float, float]:
    """The step size at which gradient descent's plateau has the fewest steps, of those tried, and these steps."""
    sizes = [float(size) for size in TRIED / model.sharpness]
    counts = [_steps(model, "gd", size, weights, threshold, 0, tick) for size in sizes]
    count, size = min((math.inf if count is None else count, size) for count, size in zip(counts, sizes, strict=True))
    return size, count
