"""What the order of learning is worth: a factorised model on a noisy target, stopped on the way.

Of the target's singular values some are signal, the others noise, of which the truth holds nothing. From a small
balanced start gradient descent on two layers learns large ones first: between signal and noise it comes as near to the
truth as the start is small. Under EGD all modes grow alike, x = (a₀^(1/L) + t)^L, whatever they are after: the noise is
there first. What is best on its way does not depend on the start, nor on the number of layers.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.checks import ArgumentError, nonnegative, numbers, positive
from theory.derivation import Derivation, Step
from theory.models.factorized_chain import derive as factorized_chain
from theory.models.factorized_mode import DECAY, START, TARGET, TIME, ZERO
from theory.models.linear import one_or_all
from theory.rule_ids import rule
from theory.rules import Rule
from theory.stops import Stop, find_stop, flow_times

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SIGNAL, NOISE = sp.symbols("s b", positive=True)  # singular values
KEPT, EXTRA = sp.symbols("r m", positive=True)  # how many of each
REACHED = sp.Symbol("x", positive=True)
BIAS, VARIANCE = sp.symbols("A B", positive=True)
SETTLED = 40.0  # powers of e, by which a logistic mode nears its end before it counts as there


@functools.cache
def order_of_learning(rule: Rule) -> Derivation:
    """The chain from the modes to the least risk along the way, for r modes of signal s and m of noise b < s.

    Laws: for egd ``stationary`` in `SIGNAL`, `KEPT` and `EXTRA`, the amplitude at which the risk stands still, and
    ``floor``, the risk there, and ``fitted``, that of all noise and no bias; for gd ``least_risk`` and ``best_time``,
    to leading order in the start, also in `START` and `NOISE`, and ``exponent`` of the start in the least risk.

    Parameters
    ----------
    rule
        gd or egd.

    Raises
    ------
    ArgumentError
        For another rule.
    """
    if rule.power not in (0, 1):
        raise ArgumentError("rule", "be gd or egd", f"is {rule.name}")
    steps, laws = _large_first(rule) if rule.power == 0 else _together(rule)
    return Derivation("factorized", rule.name, "flow", steps, laws)


def _together(rule: Rule) -> tuple[list[Step], dict[str, sp.Expr]]:
    """EGD: one amplitude for all modes that have not arrived."""
    risk = (KEPT * (SIGNAL - REACHED) ** 2 + EXTRA * REACHED**2) / 2
    stationary = KEPT * SIGNAL / (KEPT + EXTRA)
    floor = KEPT * EXTRA * SIGNAL**2 / (2 * (KEPT + EXTRA))
    fitted = EXTRA * NOISE**2 / 2
    steps = [
        Step(
            "path",
            sp.Eq(sp.Symbol("a"), sp.Min(REACHED, TARGET), evaluate=False),
            "Every a^(1/L) grows at unit speed to its end: at one time all modes that are not there are equal.",
            lambda: [
                sp.diff(factorized_chain(rule, "flow", depth).laws["solution"] ** sp.Rational(1, depth), TIME) - 1
                for depth in (2, 3)
            ],
        ),
        Step(
            "best stop",
            sp.Eq(REACHED, stationary, evaluate=False),
            "Up to x = b the risk is ½(r(s − x)² + m x²): least here, if this is below b.",
            lambda: [sp.diff(risk, REACHED).subs(REACHED, stationary), risk.subs(REACHED, stationary) - floor],
        ),
        Step(
            "after the noise",
            sp.Eq(sp.Symbol("R"), (KEPT * (SIGNAL - REACHED) ** 2 + EXTRA * NOISE**2) / 2, evaluate=False),
            "From x = b on all noise is in, and the risk falls to m b²/2 as the signal arrives. So where b is below "
            "rs/(r + m) no stop is better than none.",
            lambda: (KEPT * (SIGNAL - REACHED) ** 2 / 2 + fitted).subs(REACHED, SIGNAL) - fitted,
        ),
    ]
    return steps, {"stationary": stationary, "floor": floor, "fitted": fitted}


def _large_first(rule: Rule) -> tuple[list[Step], dict[str, sp.Expr]]:
    """Gradient descent on two layers: what is missing of the signal falls, while the noise grows from the start."""
    solution = factorized_chain(rule, "flow", 2).laws["solution"].subs(DECAY, ZERO)
    missing, grown = SIGNAL**2 * sp.exp(-2 * SIGNAL * TIME) / START, START * sp.exp(2 * NOISE * TIME)
    lead = {BIAS: KEPT * SIGNAL**4 / (2 * START**2), VARIANCE: EXTRA * START**2 / 2}
    total = BIAS * sp.exp(-4 * SIGNAL * TIME) + VARIANCE * sp.exp(4 * NOISE * TIME)
    best = sp.log(SIGNAL * BIAS / (NOISE * VARIANCE)) / (4 * (SIGNAL + NOISE))
    least = BIAS * (1 + SIGNAL / NOISE) * (SIGNAL * BIAS / (NOISE * VARIANCE)) ** (-SIGNAL / (SIGNAL + NOISE))
    exponent = 2 * (SIGNAL - NOISE) / (SIGNAL + NOISE)
    steps = [
        Step(
            "leading order",
            sp.Eq(sp.Symbol("R"), total, evaluate=False),
            "A = r s⁴/2a₀², B = m a₀²/2. Between the arrivals of signal and noise, a₀e^(2st) ≫ s and a₀e^(2bt) ≪ b: "
            "s − a ≈ s² e^(−2st)/a₀ of a signal, a ≈ a₀ e^(2bt) of a noise.",
            lambda: _leading_residual(solution, missing, grown),
        ),
        Step(
            "best stop",
            sp.Eq(TIME, best, evaluate=False),
            "Where both fall and grow at one rate.",
            lambda: [
                sp.simplify(sp.expand(sp.diff(total, TIME).subs(TIME, best) / BIAS).rewrite(sp.exp)),
                sp.simplify(sp.log(total.subs(TIME, best) / least).rewrite(sp.exp)),
            ],
        ),
        Step(
            "least risk",
            sp.Eq(sp.Symbol("R"), sp.Symbol("C") * START**exponent, evaluate=False),
            "It vanishes with the start, by a power that falls from 2 to 0 as the noise grows up to the signal.",
            lambda: sp.simplify(START * sp.diff(sp.log(least.subs(lead)), START) - exponent),
        ),
    ]
    return steps, {"least_risk": least.subs(lead), "best_time": best.subs(lead), "exponent": exponent}


def _leading_residual(solution: sp.Expr, missing: sp.Expr, grown: sp.Expr) -> list[sp.Expr]:
    """Exact over leading order, with y = a₀ e^(2st): y/(y + s − a₀) of a signal, b/(y + b − a₀) of a noise."""
    signal, noise = solution.subs(TARGET, SIGNAL), solution.subs(TARGET, NOISE)
    swept, grew = START * sp.exp(2 * SIGNAL * TIME), START * sp.exp(2 * NOISE * TIME)
    return [
        sp.simplify((SIGNAL - signal) / missing - swept * (1 - START / SIGNAL) / (swept + SIGNAL - START)),
        sp.simplify(noise / grown - NOISE / (grew + NOISE - START)),
    ]


@dataclass(frozen=True, eq=False)
class NoisyTarget:
    """A factorised model's target of which a part is noise.

    Parameters
    ----------
    values
        Singular values of the target (n,).
    truth
        What of each is true, 0 for noise (n,). The best approximation of rank r is a truth too: the r largest values.
    start
        Amplitude a₀ of every mode at the start, below all values.
    depth
        Number L of layers; gradient descent's path is known for two.

    Raises
    ------
    ArgumentError
        If an argument lies outside its domain.
    """

    values: Any
    truth: Any
    start: float = 1e-3
    depth: int = 2

    def __post_init__(self) -> None:
        import numpy as np

        values = numbers("values", self.values)
        for value in values:
            positive("values", value)
        truth = one_or_all("truth", self.truth, len(values))
        for value in truth:
            nonnegative("truth", value)
        if not positive("start", self.start) < min(values):
            raise ArgumentError("start", f"be below all values, {min(values):g}", f"is {self.start:g}")
        object.__setattr__(self, "values", np.array(values))
        object.__setattr__(self, "truth", np.array(truth))

    @property
    def fitted(self) -> float:
        """Risk in the end, of the whole target."""
        return float(((self.values - self.truth) ** 2).sum() / 2)

    def risk(self, how: Rule | str, times: Any) -> Array:
        """Risk ½‖P − truth‖² of the product P at flow times (T,), on the way from the balanced start.

        Raises
        ------
        ArgumentError
            If the rule is neither gd nor egd, or gd with more than two layers; if a time is negative or not finite.
        """
        import numpy as np

        how = rule(how)
        if how.power not in (0, 1) or (how.power == 0 and self.depth > 2):
            raise ArgumentError("rule", "be egd, or gd with two layers", f"is {how.name} with {self.depth}")
        law = factorized_chain(how, "flow", self.depth).function("solution", (START, TIME, TARGET, DECAY))
        along = flow_times(times)[:, None]
        if how.power == 1:
            along = np.minimum(along, self.values ** (1 / self.depth) - self.start ** (1 / self.depth))
        modes = law(self.start, along, self.values, 0.0)
        found: Array = ((modes - self.truth) ** 2).sum(axis=1) / 2
        return found

    def best_stop(self, how: Rule | str) -> Stop:
        """The best flow time at which to stop.

        Raises
        ------
        ArgumentError
            As `risk` does.
        """
        how, slow, fast = rule(how), float(self.values.min()), float(self.values.max())
        if how.power == 1:
            ends = 1e-3 * self.start ** (1 / self.depth), fast ** (1 / self.depth)
        else:
            ends = 1e-2 / fast, (math.log(slow / self.start) + SETTLED) / (2 * slow)
        return find_stop(lambda times: self.risk(how, times), *ends, self.fitted)
