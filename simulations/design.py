"""The inverse question: a spectrum whose plateau has a given length, found on the exact law and confirmed by a run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from simulations.descent import descend
from simulations.flow import flow
from simulations.spectra import SHAPES, spectrum
from theory import markdown
from theory.checks import ArgumentError, known, positive, whole
from theory.discretisation import largest_stable_step
from theory.models.folded import Folded
from theory.models.linear import LinearModel
from theory.models.regression import Regression
from theory.models.wedge import Wedge
from theory.predictions import predict
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]
VIEWS = ("descent", "flow")
CLOSING, NEAREST = 12, 1e-6  # points in the first of its intervals, and how near its end, where the end has no value
SEARCHED = 60  # points of the first search for a change of sign, evenly spread in the logarithm
LARGEST_CONDITION, SMALLEST_EPSILON, LARGEST_EPSILON = 1e12, 1e-12, 1 - 1e-9
EXACT_STEPS = 2**53  # beyond it a whole number of steps has no number of its own
Lengths = list[float | None]  # of the rule, and of the one that divides it
CLOSE = 1e-6  # relative difference from a wanted flow time or ratio


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


@dataclass(frozen=True)
class Family:
    """Models with one unknown parameter.

    Parameters
    ----------
    unknown
        Its name.
    low, high
        Its range.
    build
        The model at a value.
    start
        Numbers of the start, as the model takes them; None for its own.
    """

    unknown: str
    low: float
    high: float
    build: Callable[[float], LinearModel]
    start: Any = None


def folded_family(
    *, theta: float = math.pi / 4, margin: float = 1.0, weight_decay: float = 0.0, start: Any = None
) -> Family:
    """Folded models of any ε from 1e-12 to 1 − 1e-9.

    A value that the model refuses is refused when `design` builds one.

    Parameters
    ----------
    theta
        Angle of the test boundary to the first axis in radians.
    margin
        Least |x₁| of a training input.
    weight_decay
        Coefficient λ of ½ λ‖W‖².
    start
        Weights w₁, w₂ at the start; the model's own if left out.
    """

    def build(epsilon: float) -> LinearModel:
        return Folded(epsilon, theta, margin, weight_decay)

    return Family("epsilon", SMALLEST_EPSILON, LARGEST_EPSILON, build, start)


def wedge_family(*, theta: float = math.pi / 4, weight_decay: float = 0.0, start: Any = None) -> Family:
    """Wedges of any ε from 1e-12 to 1 − 1e-9.

    A value that the model refuses is refused when `design` builds one.

    Parameters
    ----------
    theta
        Angle of the second plane's normal to the first axis in radians.
    weight_decay
        Coefficient λ of ½ λ‖W‖².
    start
        Weights w₁, w₂ at the start; the model's own if left out.
    """

    def build(epsilon: float) -> LinearModel:
        return Wedge(epsilon, theta, weight_decay)

    return Family("epsilon", SMALLEST_EPSILON, LARGEST_EPSILON, build, start)


def spectrum_family(
    shape: str = "geometric", *, directions: float = 2, largest: float = 1.0, weight_decay: float = 0.0
) -> Family:
    """Regressions whose spectrum has this shape and any condition number up to 1e12, with equal errors at the start.

    Parameters
    ----------
    shape
        ``two-level``, ``geometric``, ``power-law`` or ``marchenko-pastur``, as `simulations.spectra.spectrum` has them.
    directions
        Number of eigenvalues, at least 2.
    largest
        The largest of them.
    weight_decay
        Coefficient λ of ½ λ‖W‖².

    Raises
    ------
    ArgumentError
        If the shape is not one of these, `directions` not a whole number of at least 2, or `largest` not positive.
    """
    known("shape", shape, SHAPES)
    count, top = whole("directions", directions, 2), positive("largest", largest)

    def build(condition: float) -> LinearModel:
        return Regression.from_spectrum(spectrum(shape, condition, count, top), weight_decay=weight_decay)

    return Family("condition", 1.0, LARGEST_CONDITION, build)


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
    target = _Target(name, wanted, view, rules)

    def law(value: float) -> Lengths:
        return [_predicted(family.build(value), one, view, family, step, threshold) for one in rules]

    value, predicted = _solve(law, family, target)
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


@dataclass(frozen=True)
class _Target:
    """What is wanted: the length of one rule, or the ratio of those of two."""

    name: str
    wanted: float
    view: str
    rules: list[Rule]

    @property
    def unit(self) -> str:
        """``steps``, ``time`` or ``ratio``."""
        return "ratio" if len(self.rules) > 1 else "steps" if self.view == "descent" else "time"

    def value(self, lengths: Lengths) -> float | None:
        """The length or ratio; None where a length is not known or divides by zero."""
        if None in lengths or lengths[1:] == [0]:
            return None
        one, *others = [length for length in lengths if length is not None]
        return one / others[0] if others else one

    def met(self, lengths: Lengths) -> bool:
        """Whether the first length is within one step of what the target asks of it; times closely."""
        found = self.value(lengths)
        if found is None:
            return False
        if self.view == "flow":
            return abs(found - self.wanted) <= CLOSE * self.wanted
        one, other = lengths[0], 1.0 if len(lengths) == 1 else lengths[1]
        return one is not None and other is not None and abs(one - self.wanted * other) <= 1.0


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


def _solve(law: Callable[[float], Lengths], family: Family, target: _Target) -> tuple[float, float]:
    """The value at which a law meets its target, by bisection in the logarithm, and the length or ratio there."""
    lengths: list[Lengths] = []

    def known() -> Iterator[tuple[float, float]]:
        for value, one in _walk(law, family, target):
            lengths.append(one)
            length = target.value(one)
            if length is not None:
                yield value, length

    jumps = []
    for (low, below), (high, above) in itertools.pairwise(known()):
        if min(below, above) <= target.wanted <= max(below, above):
            ends = _bisected(lambda value: target.value(law(value)), (low, below), (high, above), target.wanted)
            value, predicted = min(ends, key=lambda pair: abs(pair[1] - target.wanted))
            if target.met(law(value)):
                return value, predicted
            jumps.append(ends)
    found = [length for one in lengths if (length := target.value(one)) is not None]
    if not found:
        _refuse_lengths(lengths, family, target)
    _refuse_target(found, jumps, family, target)


def _walk(law: Callable[[float], Lengths], family: Family, target: _Target) -> Iterator[tuple[float, Lengths]]:
    """Values from the family's range in ascending order, each with its lengths, found when it is asked for."""
    grid = [float(value) for value in np.geomspace(family.low, family.high, SEARCHED)]
    first = law(grid[0])
    if target.value(first) is None:  # a ratio of two lengths that vanish there: come close to it
        near = [grid[0] + float(share) * (grid[1] - grid[0]) for share in np.geomspace(NEAREST, 0.5, CLOSING)]
        yield from ((value, law(value)) for value in near)
    else:
        yield grid[0], first
    yield from ((value, law(value)) for value in grid[1:])


def _refuse_lengths(lengths: list[Lengths], family: Family, target: _Target) -> NoReturn:
    """Say whose plateau is not known, or is zero and cannot divide."""
    for place, how in enumerate(target.rules):
        name, own = ("over" if place else "rule"), [one[place] for one in lengths]
        if all(length is None for length in own):
            but = f"{how.name} has none as a {target.view}"
            but += ", only as a flow" if target.view == "descent" and _has_flow(how, family) else ""
            raise ArgumentError(name, "have a plateau that is predicted exactly", but)
    but = f"that of {target.rules[-1].name} is 0 whatever the {family.unknown}"
    raise ArgumentError("over", "have a plateau to divide by", but)


def _has_flow(how: Rule, family: Family) -> bool:
    """Whether the plateau of a rule's flow is predicted exactly in the middle of a family."""
    model = family.build(math.sqrt(family.low * family.high))
    found = predict(model, how, "flow", model.start(family.start)).plateaus
    return any(kind == "exact" for _, kind in found.values())


def _refuse_target(
    found: list[float], jumps: list[tuple[tuple[float, float], tuple[float, float]]], family: Family, target: _Target
) -> NoReturn:
    """Say what the family has instead."""
    least, most, who = min(found), max(found), target.rules[0].name
    but = f"is {target.wanted:g}"
    if least == most:
        raise ArgumentError(target.name, f"be {least:g}, which {who} has whatever the {family.unknown}", but)
    if jumps:
        (low, below), (_, above) = jumps[0]
        jump = f"jumps from {below:g} to {above:g} at {family.unknown} = {low:.6g}"
        raise ArgumentError(target.name, "be one that this family has", f"{but}, where it {jump}")
    raise ArgumentError(target.name, f"lie between {least:g} and {most:g}, which this family has", but)


def _bisected(
    law: Callable[[float], float | None], one: tuple[float, float], other: tuple[float, float], wanted: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Between two values whose lengths lie on either side: the last two, each with its length."""
    while True:
        middle = math.sqrt(one[0] * other[0])
        if middle in (one[0], other[0]) or not min(one[0], other[0]) < middle < max(one[0], other[0]):
            break
        length = law(middle)
        if length is None:
            break
        if length == wanted:
            return (middle, length), (middle, length)
        if (length - wanted) * (one[1] - wanted) > 0:
            one = (middle, length)
        else:
            other = (middle, length)
    return one, other
