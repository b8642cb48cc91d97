"""What the derivations predict for the models whose test set is a double sector: folded and wedge.

Two directions, one output: the weights leave 100 % test error where a boundary function turns negative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy as sp

from theory import plateaus
from theory.alternation import alternating_plateau
from theory.contractions import DECAY, ETA
from theory.derivation import Derivation, precise
from theory.geometry import EPSILON, THETA, U1, U2
from theory.models import folded, wedge_chain
from theory.models.folded import Folded
from theory.models.wedge import Wedge
from theory.path_time import path_clock, path_time
from theory.plateaus import ASYMPTOTIC, EXACT, Contraction, Edge
from theory.prediction import Prediction
from theory.rules import SIGMA, Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Time = Callable[[float, float], float]


@dataclass(frozen=True)
class Plane:
    """A chain at one model and start.

    Parameters
    ----------
    chain
        The derivation.
    laws
        Its numbers: rates, start errors, coefficients of the boundary functions.
    sides
        Endings of the boundary functions' names.
    leading
        Gives the asymptotic length of the plateau, where the slow error does not alternate; None where none holds.
    definition
        What that length is.
    """

    chain: Derivation
    laws: dict[str, float]
    sides: tuple[str, ...]
    leading: Callable[[], float] | None
    definition: str


def predict(
    model: Folded | Wedge,
    chain: Derivation,
    rule: Rule,
    view: str,
    start: Array,
    *,
    step: float | None,
    threshold: float,
    limit: float | None,
) -> Prediction:
    """Predict a run of a rule that has a chain from the weights `start` (1, 2), as `theory.predictions.predict`."""
    plane = _on_folded(model, chain, start, step) if isinstance(model, Folded) else _on_wedge(model, chain, start, step)
    errors = plane.laws["error_fast"], plane.laws["error_slow"]
    if view == "descent" and "contraction_fast" not in chain.laws:
        return _alternating(plane, errors, step or 0.0)
    fast, slow = _contractions(plane, view, step)
    time = _time(plane, rule, errors)
    arrivals = tuple(_contracted(left, e, threshold, view, time) for left, e in zip((fast, slow), errors, strict=True))
    extinctions: tuple[float | None, ...] = (None, None)
    if view == "flow" and rule.vanishing_power > 0 and any(errors):
        rest = time(0.0, math.inf)
        extinctions = tuple(rest if e else None for e in errors)
    length = _length(_edges(plane, fast, slow), view, time)
    found = {plateaus.LONGEST_RUN: (length, EXACT)}
    if 0.0 not in errors and all(map(math.isfinite, arrivals)):
        found[plateaus.ARRIVAL_SPREAD] = (plateaus.spread(arrivals), EXACT)
    if plane.leading is not None and slow.rate > -math.inf and not slow.alternates:
        found[plane.definition] = (max(0.0, plane.leading()), ASYMPTOTIC)
    return Prediction(arrivals, extinctions, found, limit)


def _numbers(chain: Derivation, symbols: tuple[sp.Symbol, ...]) -> dict[str, sp.Expr]:
    """The laws that depend on the model, its start and the step size alone, without the asymptotic length."""
    return {name: law for name, law in chain.laws.items() if name != "leading" and law.free_symbols <= {*symbols}}


def _on_folded(model: Folded, chain: Derivation, start: Array, step: float | None) -> Plane:
    symbols = (EPSILON, THETA, folded.MARGIN, DECAY, U1, U2, ETA)
    values = (model.epsilon, model.theta, model.margin, model.weight_decay, *map(float, start[0]), step or 0.0)
    laws = {name: float(chain.function(name, symbols)(*values)) for name in _numbers(chain, symbols)}

    def leading() -> float:
        return float(chain.function("leading", symbols)(*values))

    known = "leading" in chain.laws and start[0, 1] > 0
    return Plane(chain, laws, ("",), leading if known else None, plateaus.LEADING_ORDER)


def _on_wedge(model: Wedge, chain: Derivation, start: Array, step: float | None) -> Plane:
    values = model.epsilon, model.theta, model.weight_decay, *map(float, start[0])
    laws = precise(_numbers(chain, wedge_chain.ARGUMENTS), wedge_chain.ARGUMENTS, values)
    seen = model.directions(start).amplitudes
    for name, amplitude in zip(("error_fast", "error_slow"), seen, strict=True):
        laws[name] *= bool(amplitude)  # an error that is rounding counts as none

    def leading() -> float:
        law = chain.function("leading", (EPSILON, THETA, U1, U2, ETA))
        return float(law(model.epsilon, model.theta, *start[0], step or 0.0))

    small = model.theta < math.pi / 2 and model.weight_decay == 0
    known = "leading" in chain.laws and small and min(laws["initial_rear"], laws["initial_front"]) >= 0
    return Plane(chain, laws, wedge_chain.SIDES, leading if known else None, plateaus.TWO_ORDERS)


def _alternating(plane: Plane, errors: tuple[float, float], step: float) -> Prediction:
    """Steps that do not converge: nothing is exact, and one length is known, for EGD on the folded model."""
    empty: tuple[float | None, ...] = (None, None)
    if "pace" not in plane.chain.laws:
        return Prediction(empty, empty)
    laws = plane.laws
    edge = laws["slow"], laws["fast"], laws["constant"]
    length = alternating_plateau((laws["rate_fast"], laws["rate_slow"]), errors, edge, step)
    return Prediction(empty, empty, {} if length is None else {plateaus.ALTERNATING: (length, ASYMPTOTIC)})


def _contractions(plane: Plane, view: str, step: float | None) -> tuple[Contraction, Contraction]:
    """What is left of the fast and the slow error after x steps, or after time x along gradient descent's path."""
    kind = "rate" if "clock" in plane.chain.laws else "contraction"
    fast, slow = plane.laws[f"{kind}_fast"], plane.laws[f"{kind}_slow"]
    if view == "descent":
        assert step is not None
        return Contraction.of_step(step * fast), Contraction.of_step(step * slow)
    return Contraction(-fast), Contraction(-slow)


def _edges(plane: Plane, fast: Contraction, slow: Contraction) -> list[Edge]:
    laws, only = plane.laws, len(plane.sides) == 1  # one edge: its slow part is w₂, which is the other condition
    return [
        Edge(laws[f"slow{s}"], laws[f"fast{s}"], laws[f"constant{s}"], slow, fast, laws[f"initial{s}"], only)
        for s in plane.sides
    ]


def _time(plane: Plane, rule: Rule, errors: tuple[float, float]) -> Time:
    """The time from one point of the path to another, or the number of steps."""
    if "clock" not in plane.chain.laws:
        return lambda a, b: b - a
    rates = plane.laws["rate_fast"], plane.laws["rate_slow"]
    power = float(rule.vanishing_power)
    clock = path_clock(plane.chain.function("clock", (SIGMA,)), rates, errors, power)

    def time(a: float, b: float) -> float:
        if errors == (0.0, 0.0):
            return 0.0
        return path_time(clock, a, b, rates, power)

    return time


def _length(edges: list[Edge], view: str, time: Time) -> float:
    """Length of the longest unbroken run at 100 % test error."""
    if view == "descent":
        return float(plateaus.longest_run(*edges))
    span, rate = plateaus.longest_interval(*edges), -min(edges[0].a.rate, edges[0].b.rate)
    return 0.0 if span is None or (span[1] - span[0]) * rate <= plateaus.ROUNDING else time(*span)


def _contracted(left: Contraction, error: float, threshold: float, view: str, time: Time) -> float:
    """Arrival of an error that contracts at a known rate."""
    if error == 0:
        return 0.0
    if left.rate == 0:
        return math.inf
    x = math.log(threshold) / left.rate
    return max(1, math.ceil(x)) if view == "descent" else time(0.0, x)
