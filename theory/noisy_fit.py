"""A regression on noisy labels, stopped early: its expected test risk under each rule, and when to stop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from theory.checks import ArgumentError, nonnegative, numbers, positive, whole
from theory.early_stopping import NOISE, OUTPUTS, SIGNAL, stopping
from theory.models.linear import one_or_all
from theory.models.regression import RATE, TIME
from theory.rule_ids import rule
from theory.rules import Rule
from theory.stops import Stop, find_stop, flow_times
from theory.weak_signals import gain_share

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SHORTEST, LONGEST = 1e-2, 60.0  # between which the best time is looked for, in units of the directions' own times
TINY = 1e-300  # in place of a time of zero
MOST_OUTPUTS = 60  # under natural gradient: SciPy has no number for Tricomi's function far beyond


@dataclass(frozen=True, eq=False)
class NoisyRegression:
    """c outputs and d inputs whose sample covariance has these eigenvalues; training starts from zero.

    Parameters
    ----------
    rates
        Eigenvalues λ of the sample covariance, none of them zero (d,).
    signal
        Variance v of the target's weights along each direction, in each output, zero where there is nothing but noise;
        one number serves all (d,).
    noise
        Variance σ² of the label noise in each output, over the number n of samples.
    outputs
        Number c of outputs.
    weights
        Weights p of the directions in the test risk Σ p ‖(W − W*)vᵢ‖²; one number serves all (d,). 1 stands for test
        inputs of unit covariance, the rates for test inputs like those of the training.

    Raises
    ------
    ArgumentError
        If an argument lies outside its domain, or has not one number or d of them.
    """

    rates: Any
    signal: Any = 1.0
    noise: float = 0.1
    outputs: int = 1
    weights: Any = 1.0

    def __post_init__(self) -> None:
        import numpy as np

        rates = numbers("rates", self.rates)
        found = {"rates": rates} | {
            name: one_or_all(name, getattr(self, name), len(rates)) for name in ("signal", "weights")
        }
        for name, values in found.items():
            for value in values:
                (positive if name == "rates" else nonnegative)(name, value)
            object.__setattr__(self, name, np.array(values))
            if not np.any(values):
                raise ArgumentError(name, "hold a positive number", "holds zeros only")
        object.__setattr__(self, "noise", positive("noise", self.noise))
        object.__setattr__(self, "outputs", whole("outputs", self.outputs))

    @property
    def fit_noise(self) -> Array:
        """Variance τ² = σ²/(nλ) of the fitted weights about the target's, in each output (d,)."""
        found: Array = self.noise / self.rates
        return found

    @property
    def best_linear(self) -> float:
        """Risk of the best estimate there is, W*'s mean given the fit."""
        share = self.signal * self.fit_noise / (self.signal + self.fit_noise)
        return float(self.outputs * (self.weights * share).sum())

    @property
    def unfitted(self) -> float:
        """Risk at the start, W = 0."""
        return float(self.outputs * (self.weights * self.signal).sum())

    @property
    def fitted(self) -> float:
        """Risk in the end, W = Ŵ."""
        return float(self.outputs * (self.weights * self.fit_noise).sum())

    def risk(self, how: Rule | str, times: Any) -> Array:
        """Expected test risk at flow times (T,), with every direction apart: see `theory.early_stopping`.

        Raises
        ------
        ArgumentError
            If the rule is not gd, egd or ngd, or ngd with more than 60 outputs; if a time is negative or not finite.
        """
        import numpy as np

        how = rule(how)
        law = stopping(how).function("risk", (SIGNAL, NOISE, OUTPUTS, RATE, TIME))
        if how.power == 2 and self.outputs > MOST_OUTPUTS:
            raise ArgumentError("outputs", f"be at most {MOST_OUTPUTS} under ngd", f"is {self.outputs}")
        safe = np.maximum(flow_times(times), TINY)[:, None]
        found: Array = law(self.signal, self.fit_noise, float(self.outputs), self.rates, safe) @ self.weights
        return np.maximum(found, self.best_linear)  # what lies below is rounding

    def best_stop(self, how: Rule | str) -> Stop:
        """The best flow time at which to stop a rule, with every direction apart.

        Raises
        ------
        ArgumentError
            As `risk` does.
        """
        how = rule(how)
        power = float(how.power or 0)
        size = (self.outputs * (self.signal + self.fit_noise)) ** 0.5
        scales = size**power * self.rates ** (power - 1)  # about how long each direction takes to its fit
        share = self.signal / (self.signal + self.fit_noise)
        ends = SHORTEST * float((share * scales)[share > 0].min()), LONGEST * float(scales.max())
        return find_stop(lambda times: self.risk(how, times), *ends, self.fitted)


def break_even(
    rates: Any, noise: float, *, outputs: int = 1, weights: Any = 1.0, rules: tuple[str, str] = ("gd", "egd")
) -> float | None:
    """An exponent β at which two rules, each stopped at its best, have the same risk, for a signal v ∝ λ^(−β).

    Every direction is apart, as in `NoisyRegression.risk`: with one output a regression of its own. Where one gradient
    of a single output holds several directions all rules run through one path, and no place on it is better under one
    than under another. The variances v have the mean one. At β = −2 the first rule is better and at β = 3 the second:
    the signal is then larger in slow directions.

    Parameters
    ----------
    rates, outputs, weights
        As of a `NoisyRegression`.
    noise
        As of one; infinity for the limit, see `theory.weak_signals`.
    rules
        The two rules.

    Returns
    -------
    float or None
        None where it is not so at both ends.

    Raises
    ------
    ArgumentError
        If a rule is not gd, egd or ngd, or another value lies outside the domain of a `NoisyRegression`.
    """
    import numpy as np
    from scipy.optimize import brentq

    curvatures = np.array(numbers("rates", rates))

    def excess(exponent: float) -> float:
        signal = power_law(curvatures, exponent)
        if math.isinf(noise):
            first, second = (-gain_share(rule(how), curvatures, signal, weights, outputs) for how in rules)
        else:
            case = NoisyRegression(curvatures, signal, noise, outputs, weights)
            first, second = (case.best_stop(how).risk for how in rules)
        return second - first

    ends = excess(-2.0), excess(3.0)
    return float(brentq(excess, -2.0, 3.0, xtol=1e-9)) if ends[0] > 0 > ends[1] else None


def power_law(rates: Any, exponent: float) -> Array:
    """Variances ∝ λ^(−β) with the mean one (d,)."""
    import numpy as np

    found: Array = np.asarray(rates, float) ** -exponent
    return found / found.mean()
