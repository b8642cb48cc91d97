"""Predicted beside measured: several rules on one model from one start."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from simulations.descent import descend
from simulations.flow import can_flow, flow
from simulations.layered_flow import can_flow as layers_can_flow
from simulations.trajectory import Trajectory
from theory import markdown
from theory.checks import ArgumentError, ArgumentTypeError, inside, positive
from theory.curves import Curve, predict_curve
from theory.models.factorized import Factorized
from theory.models.linear import Directions, LinearModel, checked_start
from theory.prediction import Prediction
from theory.predictions import predict
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]
SLOW_STEPS = 10_000  # of a rule that draws a new basis every step
DEFAULT_RULES = ("gd", "egd", "frobenius", "newton")
Model = LinearModel | Factorized
Report = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Run:
    """One rule in one view: what was predicted, and what was measured."""

    rule: Rule
    view: str
    prediction: Prediction
    trajectory: Trajectory
    curve: Curve | None

    def plateaus(self) -> list[dict[str, Any]]:
        """Every definition with its predicted and measured length, the default one first."""
        measured, predicted = self.trajectory.plateaus, self.prediction.plateaus
        names = [*measured, *(name for name in predicted if name not in measured)]
        return [
            {
                "definition": name,
                "predicted": _plain(predicted[name][0]) if name in predicted else None,
                "kind": predicted[name][1] if name in predicted else None,
                "measured": _plain(measured.get(name, self._counterpart(name))),
                "unit": self.trajectory.unit,
            }
            for name in sorted(names, key=lambda name: name != next(iter(measured)))
        ]

    def _counterpart(self, name: str) -> float | None:
        """An asymptotic law of a definition is measured as that definition is."""
        base = name.split(",")[0]
        return self.trajectory.plateaus.get(base)

    def document(self, seen: Directions) -> dict[str, Any]:
        """The run as the JSON of `compare` shows it."""
        plateaus, trajectory = self.plateaus(), self.trajectory
        return {
            "rule": self.rule.name,
            "view": self.view,
            "plateau": plateaus[0],
            "plateaus": plateaus,
            "directions": [
                {
                    "singular_value": float(seen.values[i]),
                    "start": float(seen.starts[i]),
                    "learns": bool(seen.learns[i]),
                    "arrival": {
                        "predicted": _plain(self.prediction.arrivals[i]),
                        "measured": _plain(trajectory.arrivals[i]),
                    },
                    "extinction": {
                        "predicted": _plain(self.prediction.extinctions[i]),
                        "measured": _plain(trajectory.extinctions[i]),
                    },
                }
                for i in range(len(seen.values))
            ],
            "evaluations": trajectory.evaluations,
            "largest_stable_step": self.prediction.largest_stable_step,
            "censored": trajectory.censored,
            "stop_reason": trajectory.stop_reason,
        }

    def _repr_markdown_(self) -> str:
        rows = [
            (
                found["definition"],
                markdown.number(found["predicted"]),
                found["kind"] or "–",
                markdown.number(found["measured"]),
                found["unit"],
            )
            for found in self.plateaus()
        ]
        return markdown.table(("plateau", "predicted", "prediction", "measured", "unit"), rows, right=(1, 3))


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs of several rules on one model from one start.

    Parameters
    ----------
    model
        What was trained.
    parameters
        Parameters of model and runs, ready for JSON.
    directions
        The singular directions seen from the start.
    runs
        One per rule and view.
    """

    model: Model
    parameters: dict[str, Any]
    directions: Directions
    runs: tuple[Run, ...]

    def run(self, name: str, view: str = "flow") -> Run:
        """The run of one rule in one view.

        Raises
        ------
        ArgumentError
            If there is no such run.
        """
        for run in self.runs:
            if (run.rule.name, run.view) == (name, view):
                return run
        there = ", ".join(f"{run.rule.name} ({run.view})" for run in self.runs)
        raise ArgumentError("name", f"name a run: {there}", f"is {name} ({view})")

    def document(self, version: str) -> dict[str, Any]:
        """The comparison as one JSON document."""
        return {
            "version": version,
            "model": self.model.name,
            "parameters": self.parameters,
            "runs": [run.document(self.directions) for run in self.runs],
        }

    def _repr_markdown_(self) -> str:
        plateaus = [(run, run.plateaus()[0]) for run in self.runs]
        rows = [
            (
                markdown.escaped(run.rule.name),
                run.view,
                markdown.number(found["predicted"]),
                markdown.number(found["measured"]),
                found["unit"],
                found["kind"] or "–",
                markdown.escaped(run.trajectory.stop_reason),
            )
            for run, found in plateaus
        ]
        heads = ("rule", "view", "predicted", "measured", "unit", "prediction", "run ended because")
        return f"Plateau: {plateaus[0][1]['definition']}\n\n{markdown.table(heads, rows, right=(2, 3))}"


def compare(
    model: Model,
    rules: Iterable[Rule | str] | None = None,
    *,
    step: float | None = None,
    start: Any = None,
    threshold: float = 1e-3,
    seed: int | None = None,
    max_steps: int | None = None,
    report: Report | None = None,
) -> Comparison:
    """Predict and measure flows and steps of several rules from one start.

    Parameters
    ----------
    model
        What is trained.
    rules
        Rules or their ids; gd, egd, frobenius and newton if left out, the last not for a factorised model.
    step
        Step size η of the descents; 0.1 if left out, or 1/λ₁ for a data set.
    start
        The numbers that the model's `start` understands.
    threshold
        An arrival is |e| ≤ threshold·|e₀|, in (0, 1).
    seed
        For rules that draw at random; 0 if left out.
    max_steps
        Steps taken one by one; 100,000 if left out, and 10,000 for weights of more than 64 entries.
    report
        Called with a label, work done and work in all.

    Raises
    ------
    ArgumentError
        For a value outside its domain.
    ArgumentTypeError
        If `model` is no model.
    """
    if not isinstance(model, Model):
        raise ArgumentTypeError("model", "be a model, such as Folded()", f"is of type {type(model).__name__}")
    if rules is None:
        rules = DEFAULT_RULES[:-1] if isinstance(model, Factorized) else DEFAULT_RULES
    chosen = [rule(name) for name in ([rules] if isinstance(rules, (str, Rule)) else rules)]
    if not chosen:
        raise ArgumentError("rules", "name at least one rule", "is empty")
    inside("threshold", threshold, 0, 1, "(0, 1)")
    weights = _start(model, start)
    seen = model.directions(weights)
    if step is None:
        step = min(0.1, 1 / float(seen.values[0])) if "data" in model.parameters() else 0.1
    positive("step", step)
    if max_steps is None:
        max_steps = 100_000 if model.shape[0] * model.shape[1] <= 64 and isinstance(model, LinearModel) else 10_000
    runs = []
    with threadpool_limits(1):  # the matrices are small: more threads only wait for each other
        for how in dict.fromkeys(chosen):
            limit = min(max_steps, SLOW_STEPS) if how.kind == "rsvd" else max_steps
            for view in ("flow", "descent") if _flows(model, how) else ("descent",):
                runs.append(_run(model, how, view, weights, step, threshold, seed or 0, limit, report))
    parameters = {
        **model.parameters(),
        "start": _start_record(model, start, weights, seen),
        "step": step,
        "threshold": threshold,
        "seed": seed if seed is not None else model.parameters().get("seed"),
        "rules": [how.name for how in dict.fromkeys(chosen)],
    }
    return Comparison(model, parameters, seen, tuple(runs))


def _start(model: Model, start: Any) -> Any:
    """The weights, or layers, that the numbers of a start stand for."""
    return model.start(start) if isinstance(model, Factorized) else checked_start(model, model.start(start))


def _flows(model: Model, how: Rule) -> bool:
    return layers_can_flow(how) if isinstance(model, Factorized) else can_flow(how)


def _run(
    model: Model,
    how: Rule,
    view: str,
    weights: Any,
    step: float,
    threshold: float,
    seed: int,
    max_steps: int,
    report: Report | None,
) -> Run:
    prediction = predict(model, how, view, weights, step=step, threshold=threshold)

    def progress(done: int, total: int) -> None:
        if report is not None:
            report(f"{how.name} {view}", done, total)

    if view == "flow":
        known = any(arrival is not None for arrival in prediction.arrivals)
        trajectory = flow(model, how, weights, threshold=threshold, rtol=1e-10 if known else 1e-6, progress=progress)
    else:
        trajectory = descend(
            model, how, step, weights, threshold=threshold, max_steps=max_steps, seed=seed, progress=progress
        )
    end = float(trajectory.times[-1])
    curve = predict_curve(model, how, view, weights, end, step=step)
    return Run(how, view, prediction, trajectory, curve)


def _start_record(model: Model, start: Any, weights: Any, seen: Directions) -> list[float]:
    """The start as the model takes it: weights, or error amplitudes with the signs they were given."""
    if not model.starts_by_amplitude:
        return [float(value) for value in weights.ravel()]
    given = model.parameters().get("start") if start is None else start
    return [float(value) for value in np.broadcast_to(seen.starts if given is None else given, len(seen.values))]


def _plain(value: Any) -> float | None:
    """A number for JSON; None for what is unknown or never happens."""
    return None if value is None or not math.isfinite(value) else float(value)
