"""What the derivations predict for one model, rule, view and start: arrivals, extinctions, plateaus.

Each number evaluates a derived expression (or finds the root of one); nothing here steps or integrates the
dynamics, and nothing is shared with `simulations` but the model itself.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from theory import factorized_predictions, planar, plateaus
from theory.checks import ArgumentError, known
from theory.clock import pace as clock_pace
from theory.derivation import Derivation, compiled
from theory.discretisation import largest_stable_step as largest_stable_step
from theory.models import regression, regression_chain
from theory.models.factorized import Factorized
from theory.models.folded import Folded
from theory.models.linear import Directions, LinearModel, checked_start
from theory.models.wedge import Wedge
from theory.path_time import path_clock, path_time
from theory.plateaus import Contraction
from theory.rules import SIGMA, Rule
from theory.rules import rule as named

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

EXACT, ASYMPTOTIC = "exact", "asymptotic"


@dataclass(frozen=True)
class Prediction:
    """Predicted numbers; times are flow times or, for a descent, step counts.

    Parameters
    ----------
    arrivals
        First time at which each direction's error is `threshold` of its start; None where not predicted,
        infinity where it never arrives.
    extinctions
        Time at which each direction's error vanishes; None where not predicted or where it never does.
    plateaus
        Definition → (length, ``exact`` or ``asymptotic``).
    largest_stable_step
        Step size above which the descent diverges; None where there is no such limit or it is not known.
    """

    arrivals: tuple[float | None, ...]
    extinctions: tuple[float | None, ...]
    plateaus: dict[str, tuple[float, str]] = field(default_factory=dict)
    largest_stable_step: float | None = None


def predict(
    model: LinearModel | Factorized,
    rule: Rule | str,
    view: str,
    start: Any,
    *,
    step: float | None = None,
    threshold: float = 1e-3,
) -> Prediction:
    """Predict a run of `rule` from the weights `start`.

    Parameters
    ----------
    model, rule
        What is trained, and how.
    view
        ``flow`` (numbers in flow time) or ``descent`` (numbers in steps).
    start
        Weights (c, d), (d,) for one output, or the layers of a factorised model.
    step
        Step size of a descent.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.

    Raises
    ------
    ArgumentError
        If there is no such rule or view, a descent has no step, or the start has not the model's shape or holds NaN
        or Inf.
    """
    rule = named(rule)
    if known("view", view, ("flow", "descent")) == "descent" and step is None:
        raise ArgumentError("step", "be given for a descent", "is missing")
    if isinstance(model, Factorized):
        return factorized_predictions.predict(model, rule, view, start, step=step, threshold=threshold)
    start = checked_start(model, start)
    seen = model.directions(start)
    limit = largest_stable_step(model, rule) if view == "descent" else None
    if limit is not None and step is not None and step >= limit:
        return _nothing(seen, limit)
    if isinstance(model, Folded | Wedge):
        chain = _derivation(model.derive, rule, view)
        if chain is None:
            return _nothing(seen, limit)
        return planar.predict(model, chain, rule, view, start, step=step, threshold=threshold, limit=limit)
    outputs = model.shape[0]
    return _regression(seen, rule, view, step, threshold, limit, single=outputs == 1)


def _nothing(seen: Directions, limit: float | None) -> Prediction:
    empty = (None,) * len(seen.values)
    return Prediction(empty, empty, {}, limit)


def _derivation(derive: Callable[[Rule, str], Derivation], rule: Rule, view: str) -> Derivation | None:
    try:
        return derive(rule, view)
    except ArgumentError:
        return None


def _regression(
    seen: Directions,
    rule: Rule,
    view: str,
    step: float | None,
    threshold: float,
    limit: float | None,
    single: bool,
) -> Prediction:
    arrival, extinction = _mode_laws(seen, rule, view, step, threshold, single)
    modes = list(zip(map(float, seen.values), map(float, seen.amplitudes), map(bool, seen.learns), strict=True))
    arrivals = tuple(
        None if arrival is None or not learns else 0.0 if e == 0 else arrival(rate, e) for rate, e, learns in modes
    )
    extinctions = tuple(
        None if extinction is None or not learns or e == 0 else extinction(rate, e) for rate, e, learns in modes
    )
    spread = [a for a, (_, e, learns) in zip(arrivals, modes, strict=True) if learns and e > 0]
    known = [a for a in spread if a is not None and math.isfinite(a)]
    found = {}
    if len(known) == len(spread) > 1:
        found[plateaus.ARRIVAL_SPREAD] = (plateaus.spread(known), EXACT)
    return Prediction(arrivals, extinctions, found, limit)


Law = Callable[[float, float], float | None]


def _mode_laws(
    seen: Directions, rule: Rule, view: str, step: float | None, threshold: float, single: bool
) -> tuple[Law | None, Law | None]:
    """Arrival and extinction as functions of (λ, e₀); None where the directions do not keep apart."""
    if view == "flow" and rule.law is not None and (single or rule.isotropic):
        return _clock(seen, rule, threshold)
    apart = seen.aligned or rule.linear
    chain = _derivation(regression_chain.derive, rule, view) if apart else None
    if chain is None or (view == "descent" and "arrival" not in chain.laws):
        return None, None
    symbols = (
        regression.RATE,
        regression.ERROR0,
        regression.THRESHOLD,
        regression.ETA,
        regression.CONTRACTION,
    )

    def value(name: str, rate: float, e: float, contraction: float = -1.0) -> float:
        return float(chain.function(name, symbols)(rate, e, threshold, step, contraction))

    if view == "descent":

        def steps(rate: float, e: float) -> float:
            left = Contraction.of_step(value("product", rate, e)) if rule.power != 1 else None
            if left is not None and left.rate in (0.0, -math.inf):
                return math.inf if left.rate == 0.0 else 1.0
            arrival = value("arrival", rate, e, left.rate if left is not None else -1.0)
            return _steps(arrival, rule, e, step or 0.0, threshold)

        return steps, None
    if "arrival" not in chain.laws:
        return lambda rate, e: _separated(chain, rate, e, threshold), None
    extinction: Law | None = None
    if "extinction" in chain.laws:
        extinction = functools.partial(value, "extinction")
    return lambda rate, e: value("arrival", rate, e), extinction


def _steps(arrival: float, rule: Rule, e: float, step: float, threshold: float) -> float:
    """Whole steps until |e| ≤ threshold·e₀; infinite where the step jumps over that band."""
    count = max(1, math.ceil(arrival))
    if rule.power == 1 and count * step - e > threshold * e:  # short of the band it can only be by rounding
        return math.inf
    return count


def _separated(chain: Derivation, rate: float, e: float, threshold: float) -> float:
    from scipy.integrate import quad

    slowness = chain.function("slowness", (regression.ERROR, regression.RATE))
    return float(quad(lambda x: float(slowness(x, rate)), threshold * e, e, epsabs=0, epsrel=1e-12, limit=200)[0])


def _clock(seen: Directions, rule: Rule, threshold: float) -> tuple[Law, Law | None]:
    """One output, or Frobenius rescaling: gradient descent's path with the clock dt/dτ = σ/h(σ), σ = ‖G‖_F."""
    active = seen.values * seen.amplitudes > 0
    rates, errors, power = seen.values[active], seen.amplitudes[active], float(rule.vanishing_power)
    clock = path_clock(compiled(clock_pace(rule), (SIGMA,)), rates, errors, power)
    ends = (float(rates[0]), float(rates[-1])) if len(rates) else (1.0, 1.0)
    times, last, total = {}, 0.0, 0.0
    for rate in map(float, rates):  # in order of arrival: each continues from the one before
        end = -math.log(threshold) / rate
        total += path_time(clock, last, end, ends, power)
        times[rate], last = total, end
    rest = total + path_time(clock, last, math.inf, ends, power) if power > 0 and len(rates) else None
    return lambda rate, e: times[rate], None if rest is None else lambda rate, e: rest
