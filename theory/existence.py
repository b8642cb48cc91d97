"""Whether a planar model has a plateau at all: for the folded one, the least slow start that gives one.

On the path of gradient descent the whole test set is misclassified at x where u₂ b(x) ≥ (w₁* + e₁ a(x)) tan θ, with a
and b what is left of the fast and the slow error; there is a plateau from u₂ = tan θ · min g, g = (w₁* + e₁ a)/b.
One output: every spectral rule's flow runs through this path, with another clock, and has the same boundary.
The wedge has a plateau exactly where its start misclassifies everything (the chain's step "existence").
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.checks import known
from theory.clock import E1
from theory.derivation import VIEWS, Derivation, Step, compiled
from theory.geometry import THETA, U1, U2, W1, W2, front
from theory.members import Members
from theory.models import folded_chain
from theory.models.folded_opening import coefficients, minimiser
from theory.rule_ids import rule
from theory.rules import Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

STAR = sp.Symbol("w_1^*", positive=True)
GAIN = sp.Symbol("e_1", positive=True)  # a fast error that hides the plateau while it is there
FAST, SLOW = sp.symbols("alpha beta", positive=True)  # rates of both errors, of time or of a step
SHARE = sp.Symbol("rho", positive=True)  # β/α
PLACE = sp.Symbol("x", nonnegative=True)


def ratio(error: sp.Expr = E1) -> sp.Expr:
    """g(x), with errors that keep their sign."""
    return (STAR + error * sp.exp(-FAST * PLACE)) * sp.exp(SLOW * PLACE)


@functools.cache
def existence() -> Derivation:
    """The chain to the least slow start.

    Laws: ``place``, where g is least; ``least``, its value there. Both in w₁*, e₁ > 0 and the rates.
    """
    place = sp.log(GAIN * (FAST - SLOW) / (STAR * SLOW)) / FAST
    least = (STAR / (1 - SHARE)) ** (1 - SHARE) * (GAIN / SHARE) ** SHARE
    steps = (
        Step(
            "condition",
            sp.Ge(U2 / sp.tan(THETA), ratio()),
            "The boundary function A b + B a + C ≥ 0, divided by b sin θ > 0.",
            _condition_residual,
        ),
        Step(
            "least",
            sp.Eq(PLACE, place, evaluate=False),
            "For e₁ > 0 and α > β both terms of g are convex: its one stationary point, if that is not before 0. For "
            "e₁ ≤ 0, and where it is before 0, g grows from the start: the least is g(0) = u₁.",
            lambda: sp.simplify(ratio(GAIN).diff(PLACE).subs(PLACE, place)),
        ),
        Step(
            "boundary",
            sp.Eq(sp.Function("g")(PLACE), least, evaluate=False),
            "With ρ = β/α, a weighted geometric mean of w₁*/(1 − ρ) and e₁/ρ, whose arithmetic mean is u₁ = w₁* + e₁: "
            "never above it, and equal to it where ρu₁ = e₁, from where on the least is u₁ itself. It tends to w₁* as "
            "ρ → 0.",
            lambda: _least_residual(place, least),
        ),
    )
    return Derivation("folded", "gd", "flow", steps, {"place": place, "least": least.subs(SHARE, SLOW / FAST)})


def _condition_residual() -> sp.Expr:
    """The boundary function of the model at u₂ = g tan θ."""
    parts, star = coefficients(), minimiser()[W1]
    slow, fast = sp.exp(-SLOW * PLACE), sp.exp(-FAST * PLACE)
    edge = parts["slow"] * slow + parts["fast"] * fast + parts["constant"]
    start = {U2: sp.tan(THETA) * ratio().subs(STAR, star), U1: star + E1}
    return sp.simplify(edge.subs(start))


def _least_residual(place: sp.Expr, least: sp.Expr) -> list[sp.Expr]:
    """The logarithm of g at its stationary point, and of u₁ where both means are equal."""
    share = SHARE / (1 + SHARE)  # any share below 1, so that 1 − share is positive
    at = ratio(GAIN).subs(PLACE, place).subs(SLOW, share * FAST)
    stated = least.subs(SHARE, share)
    equal = {GAIN: STAR * SHARE}  # ρu₁ = e₁ with ρ = share
    return [
        sp.simplify(sp.expand_log(sp.log(sp.simplify(at / stated)), force=True)),
        sp.simplify(stated.subs(equal) / (STAR + STAR * SHARE)) - 1,
    ]


def least_slow_start(how: Rule | str, view: str, found: Members) -> Array:
    """The least start w₂ ≥ 0 of the slow direction that has a plateau, of each member (n,); its own does not count.

    Parameters
    ----------
    how
        In steps gradient descent or Newton's rule, whose boundary is exact; any other rule gets that of its flow,
        which is the same for every spectral rule, and which its steps tend to as η → 0.
    view
        ``descent`` or ``flow``.
    found
        The members.

    Raises
    ------
    ArgumentError
        If there is no such rule or view.
    """
    import numpy as np

    how, in_steps = rule(how), known("view", view, VIEWS) == "descent"
    chain = folded_chain.derive(how if how.linear else rule("gd"), "descent" if how.linear else "flow")
    law = found.laws(chain)
    star, error = found.start_fast - law("error_fast"), law("error_fast")
    rates = law("contraction_fast"), law("contraction_slow")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        least = _least_in_steps if in_steps and how.linear else _least_on_the_path
        return np.tan(found.theta) * np.maximum(0.0, least(star, error, rates, found.step))


def greatest_angle(how: Rule | str, view: str, found: Members) -> Array:
    """The test angle θ in [0, π/2] up to which each member (n,) has a plateau; its own does not count.

    Parameters
    ----------
    how, view, found
        As in `least_slow_start`, which is in proportion to tan θ.
    """
    import numpy as np

    least = least_slow_start(how, view, found) / np.tan(found.theta)
    return np.arctan2(np.maximum(0.0, found.start_slow), least)


def wedge_excess(theta: Any, w1: Any, w2: Any) -> Array:
    """How far a start lies inside the set of weights with 100 % error on the wedge: negative where it lies outside."""
    import numpy as np

    beyond = compiled(front(), (THETA, W1, W2))
    return np.minimum(w2, beyond(*(np.asarray(values, float) for values in (theta, w1, w2))))


def _least_on_the_path(star: Array, error: Array, rates: tuple[Array, Array], step: Array) -> Array:
    """The least g(x) over x ≥ 0 (n,)."""
    import numpy as np

    fast, slow = rates
    inner = (error > 0) & (slow * (star + error) < fast * error)
    law = existence().function("least", (STAR, GAIN, FAST, SLOW))
    return np.where(inner, law(star, np.where(inner, error, 1.0), fast, slow), star + error)


def _least_in_steps(star: Array, error: Array, rates: tuple[Array, Array], step: Array) -> Array:
    """The least g(k) over whole k ≥ 0 (n,): beside the stationary point of even and of odd steps, or at the start."""
    import numpy as np

    left = [1 - step * rate for rate in rates]
    sizes = [-np.log(np.abs(one)) for one in left]
    place = existence().function("place", (STAR, GAIN, FAST, SLOW))(star, np.abs(error), *sizes)
    below = np.where(np.isfinite(place) & (place > 0), np.floor(place), 0.0)
    least = np.full(star.shape, np.inf)
    for shift in (-below, 1 - below, -1, 0, 1, 2):  # one before and after, of either parity
        count = np.maximum(0.0, below + shift)
        remains = [one**count for one in left]
        value = np.where(remains[1] > 0, (star + error * remains[0]) / remains[1], np.inf)
        least = np.fmin(least, value)
    return least
