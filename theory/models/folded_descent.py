"""The steps of power laws on the folded model: a recursion without a closed form, what it settles in, and for how long.

One output: the gradient has a single singular value σ = ‖G‖, and a step of h(σ) = σ^(1−α) is one of gradient descent
with the step size η/σ^α. That grows as the gradient shrinks, until the fast direction alternates at the largest step
that gradient descent allows, and carries the slow one along.
"""

from __future__ import annotations

import sympy as sp

from theory.alternation import alternation
from theory.clock import E1, E2, RATE1, RATE2
from theory.cycles import SPREAD, rescaled_cycle
from theory.derivation import Step
from theory.models.folded import ETA, THETA, U2, W1, W2, boundary
from theory.models.folded_opening import front_step, gradient, minimiser, rates
from theory.models.regression import SLOW
from theory.models.single_row import Found, modes, settling, two_directions
from theory.rules import SIGMA, Rule

MODES = (
    "One step of size η: e ← e − ηh(σ)G/σ for σ = ‖G‖, where G = (λ₁e₁, λ₂e₂). A step of gradient descent whose size "
    "depends on where it is: there is no closed form, and the errors do not keep apart."
)
ALTERNATION = sp.Symbol("a_1", positive=True)  # size of the fast error while it alternates


def power_descent(rule: Rule, power: sp.Expr) -> Found:
    """The steps of the chain after the opening, for α > 0, and what they predict."""
    found = alternation() if power == 1 else rescaled_cycle(power)
    steps = [modes(rule, power, MODES, _mode_residual), *(two_directions(step) for step in found.steps[1:])]
    if power != 1:
        steps.append(settling(power))
    steps.append(front_step())
    steps += [_lasts(), _leading(power)] if power <= 1 else [_unsettled()]
    return steps, {name: law.subs(SLOW, RATE2) for name, law in found.laws.items()}


def _mode_residual(equation: list[sp.Expr], law: sp.Expr) -> list[sp.Expr]:
    """The mode equations against the rule applied to the gradient itself."""
    star = minimiser()
    found = [sp.factor(g.subs({W1: star[W1] + E1, W2: star[W2] + E2})) for g in gradient()]
    values = dict(zip((RATE1, RATE2), rates(), strict=True))
    size = sp.sqrt(found[0] ** 2 + found[1] ** 2)
    after = [e - ETA * law.subs(SIGMA, size) * g / size for e, g in zip((E1, E2), found, strict=True)]
    return [stated.subs(values).subs(SIGMA, size) - new for stated, new in zip(equation, after, strict=True)]


def _lasts() -> Step:
    """The condition for 100 % test error while the fast error alternates between both signs."""
    high = minimiser()[W1] + ALTERNATION
    edge = W2 * sp.cos(THETA) - high * sp.sin(THETA)
    return Step(
        "plateau",
        sp.Ge(edge, 0),
        "The fast error alternates between both signs; of the two ends that with the larger w₁ = w₁* + a₁ crosses the "
        "boundary first. The plateau lasts until the slow direction has brought w₂ down to it.",
        lambda: edge - boundary().subs(W1, high),
    )


def _unsettled() -> Step:
    """The condition for 100 % test error, with errors that only the recursion gives."""
    star = minimiser()
    at = {W1: star[W1] + E1, W2: star[W2] + E2}
    edge = at[W2] * sp.cos(THETA) - at[W1] * sp.sin(THETA)
    return Step(
        "plateau",
        sp.Ge(edge, 0),
        "The plateau lasts while this holds, with e₁ and e₂ from the mode equations. As they do not settle, no law for "
        "its length is known.",
        lambda: edge - boundary().subs(at),
    )


def _leading(power: sp.Expr) -> Step:
    """The number of steps on the cycle, with the slow part of the gradient small against the fast."""
    high = minimiser()[W1] + ALTERNATION
    pace = (1 - SPREAD**2 if power == 1 else 1) / -sp.log(1 - 2 * RATE2 / RATE1)
    length = pace * sp.log(U2 / (high * sp.tan(THETA)))
    ends = "a₁ = (1 + u)n/λ₁ or (1 − u)n/λ₁, and u stays where it begins" if power == 1 else "a₁ = n/λ₁"
    laws = (alternation() if power == 1 else rescaled_cycle(power)).laws
    stated = laws["pace"].subs(SLOW, RATE2) if power == 1 else -1 / sp.log(laws["slow_left"].subs(SLOW, RATE2))
    return Step(
        "leading order",
        sp.Eq(sp.Symbol("k^*"), length, evaluate=False),
        f"As λ₂/λ₁ → 0 at a fixed step size the slow part b of the gradient is small from the start: {ends}. The time "
        "in which the fast error arrives does not count.",
        lambda: [
            pace - stated,
            sp.simplify(U2 * sp.exp(-length / pace) * sp.cos(THETA) - high * sp.sin(THETA)),
        ],
    )
