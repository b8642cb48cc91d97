"""What the derivations predict for a linear model of any number of directions: arrivals, extinctions, their spread."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from theory import plateaus
from theory.chains import derived
from theory.clock import pace as clock_pace
from theory.derivation import Derivation, compiled
from theory.models import regression, regression_chain
from theory.models.linear import Directions
from theory.path_time import path_clock, path_time
from theory.plateaus import EXACT, Contraction
from theory.prediction import Prediction
from theory.rules import SIGMA, Rule

Law = Callable[[float, float], float | None]


def predict(
    seen: Directions,
    rule: Rule,
    view: str,
    step: float | None,
    threshold: float,
    limit: float | None,
    single: bool,
) -> Prediction:
    """Predict a run of `rule` along the directions seen from its start; see `theory.predictions.predict`."""
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


def _mode_laws(
    seen: Directions, rule: Rule, view: str, step: float | None, threshold: float, single: bool
) -> tuple[Law | None, Law | None]:
    """Arrival and extinction as functions of (λ, e₀); None where the directions do not keep apart."""
    if view == "flow" and rule.law is not None and (single or rule.isotropic):
        return _clock(seen, rule, threshold)
    apart = seen.aligned or rule.linear
    chain = derived(regression_chain.derive, rule, view) if apart else None
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
