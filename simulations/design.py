"""The inverse question: a spectrum whose plateau has a given length, found on the exact law and confirmed by a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.descent import descend
from simulations.design_search import solve
from simulations.design_target import Lengths, Target
from simulations.families import Family
from simulations.flow import flow
from theory import markdown
from theory.checks import ArgumentError, known, positive
from theory.discretisation import largest_stable_step
from theory.models.linear import LinearModel
from theory.predictions import predict
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]
VIEWS = ("descent", "flow")
EXACT_STEPS = 2**53  # beyond it a whole number of steps has no number of its own


@dataclass(frozen=True, eq=False)
class Design:
    """A model whose plateau has the wanted length.

    Parameters
    ----------
    model
        The model found.
    unknown, value
        The parameter that was sought, and its value.
    wanted, predicted, measured
        Length or ratio: as wanted, by the exact law at this value, and of a run.
    unit
        ``steps``, ``time`` or ``ratio``.
    rule, over, view, step, threshold
        As given to `design`, rules by their ids; `over` is None for a length.
    start
        Weights (c, d) at the start.
    """

    model: LinearModel
    unknown: str
    value: float
    wanted: float
    predicted: float
    measured: float
    unit: str
    rule: str
    over: str | None
    view: str
    step: float
    threshold: float
    start: Array

    def document(self, version: str) -> dict[str, Any]:
        """The design as one JSON document."""
        return {
            "version": version,
            "model": self.model.name,
            "parameters": self.model.parameters(),
            "rule": self.rule,
            "over": self.over,
            "view": self.view,
            "step": self.step,
            "threshold": self.threshold,
            "start": self.start.tolist(),
            "unknown": self.unknown,
            "value": self.value,
            "wanted": self.wanted,
            "predicted": self.predicted,
            "measured": self.measured,
            "unit": self.unit,
        }

    def _repr_markdown_(self) -> str:
        values = ", ".join(markdown.number(float(value)) for value in self.model.eigen[0])
        found = (self.value, self.wanted, self.predicted, self.measured)
        cells = [values, *map(markdown.number, found), self.unit]
        heads = ("curvatures", markdown.escaped(self.unknown), "wanted", "predicted", "measured", "unit")
        return markdown.table(heads, [cells], right=(1, 2, 3, 4))


def design(
    family: Family,
    wanted: float,
    how: Rule | str = "gd",
    *,
    view: str = "descent",
    step: float = 0.1,
    threshold: float = 1e-3,
    over: Rule | str | None = None,
) -> Design:
    """The model of a family whose plateau has the wanted length, or is so many times that of another rule.

    Parameters
    ----------
    family
        Where to look.
    wanted
        Steps of a descent or flow time; with `over`, the ratio of two plateaus.
    how
        The rule whose plateau is meant, or its id.
    view
        ``descent`` or ``flow``.
    step
        Step size η of the descents.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.
    over
        The rule whose plateau divides that of `how`.

    Raises
    ------
    ArgumentError
        If no model of the family has it, with what the family does have; or for a value outside its domain.
    """
    how, other = rule(how), None if over is None else rule(over)
    known("view", view, VIEWS)
    positive("step", step)
    name = "plateau" if other is None else "ratio"
    wanted = positive(name, wanted)
    if view == "descent" and other is None and (wanted != int(wanted) or wanted > EXACT_STEPS):
        raise ArgumentError("plateau", f"be a whole number of steps up to {EXACT_STEPS}", f"is {wanted:g}")

    _refuse_unstable(family, how, view, step)
    rules = [one for one in (how, other) if one is not None]
    target = Target(name, wanted, view, rules)

    def law(value: float) -> Lengths:
        return [_predicted(family.build(value), one, view, family, step, threshold) for one in rules]

    value, predicted = solve(law, family, target)
    model = family.build(value)
    measured = [_measured(model, one, view, family, step, threshold) for one in rules]
    found = target.value(measured)
    if found is None or not target.met(measured):
        raise ArgumentError(name, "be one that a run confirms", f"a run with {family.unknown} = {value!r} has {found}")
    return Design(
        model=model,
        unknown=family.unknown,
        value=value,
        wanted=wanted,
        predicted=predicted,
        measured=found,
        unit=target.unit,
        rule=how.name,
        over=None if other is None else other.name,
        view=view,
        step=step,
        threshold=threshold,
        start=model.start(family.start),
    )


def _refuse_unstable(family: Family, how: Rule, view: str, step: float) -> None:
    limit = largest_stable_step(family.build(family.low), how) if view == "descent" else None
    if limit is not None and step >= limit:
        raise ArgumentError("step", f"lie below {limit:.6g}, the largest stable step of {how.name}", f"is {step:g}")


def _predicted(model: LinearModel, how: Rule, view: str, family: Family, step: float, threshold: float) -> float | None:
    found = predict(model, how, view, model.start(family.start), step=step, threshold=threshold).plateaus
    return next((length for length, kind in found.values() if kind == "exact"), None)


def _measured(model: LinearModel, how: Rule, view: str, family: Family, step: float, threshold: float) -> float | None:
    start = model.start(family.start)
    if view == "descent":
        run = descend(model, how, step, start, threshold=threshold, max_steps=10_000)
    else:
        run = flow(model, how, start, threshold=threshold)
    return next(iter(run.plateaus.values()))
