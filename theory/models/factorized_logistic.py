"""Gradient descent on two layers: the logistic equation, and its unbalanced generalisation."""

from __future__ import annotations

import sympy as sp

from theory.derivation import Step
from theory.models.factorized_mode import (
    AMPLITUDE,
    DECAY,
    FACTOR,
    FAST,
    IMBALANCE,
    SLOW,
    START,
    TARGET,
    THRESHOLD,
    TIME,
    balanced_gradient,
    factors,
)


def logistic(laws: dict[str, sp.Expr]) -> list[Step]:
    """Gradient descent on two layers: the logistic equation, and its unbalanced generalisation."""
    pull = sp.Symbol("sigma_d", positive=True)  # s − λ
    e = sp.Function("a")
    solution = pull / (1 + (pull / START - 1) * sp.exp(-2 * pull * TIME))
    arrival = sp.log(1 + pull * (1 - THRESHOLD) / (THRESHOLD * START)) / (2 * pull)
    wide = sp.sqrt(IMBALANCE**2 + 4 * TARGET**2)
    root = sp.sqrt(IMBALANCE**2 + 4 * AMPLITUDE**2)
    lift = IMBALANCE**2 + 4 * TARGET * AMPLITUDE + wide * root
    below = 4 * IMBALANCE**2 * (TARGET - AMPLITUDE) ** 2 / (wide * root - IMBALANCE**2 - 4 * TARGET * AMPLITUDE)
    elapsed = (sp.log(lift) - sp.log(TARGET - AMPLITUDE)) / wide
    laws |= {
        "arrival": arrival.subs(pull, TARGET - DECAY),
        "solution": solution.subs(pull, TARGET - DECAY),
        "wide": wide,
        "lift": lift,
        "lift_below": below,
    }
    late = sp.log(1 / (THRESHOLD * START)) / (2 * TARGET)
    return [
        Step(
            "solution",
            sp.Eq(e(TIME), solution, evaluate=False),
            "Balanced: da/dt = 2a(σ − a) with σ = s − λ, the logistic equation.",
            lambda: [
                rate_residual(solution.subs(pull, TARGET - DECAY), TIME),
                sp.simplify(solution.subs(TIME, 0) - START),
                sp.simplify(solution.diff(TIME) - 2 * solution * (pull - solution)),
            ],
            origin="ansatz",
        ),
        Step(
            "arrival",
            sp.Eq(sp.Symbol("t_i"), arrival, evaluate=False),
            "The time to the amplitude σ + q(a₀ − σ) of the common threshold q.",
            lambda: sp.simplify(solution.subs(TIME, arrival) - pull - THRESHOLD * (START - pull)),
        ),
        Step(
            "unbalanced",
            sp.Eq(sp.Symbol("t") + sp.Symbol("const"), elapsed, evaluate=False),
            "From factors of any size, c = w₁² − w₂² is conserved and da/dt = (s − a) √(c² + 4a²); the last logarithm "
            "is that of |s − a|.",
            lambda: [
                sp.simplify(sp.diff(elapsed, AMPLITUDE) * (TARGET - AMPLITUDE) * root - 1),
                sp.expand(lift * (wide * root - IMBALANCE**2 - 4 * TARGET * AMPLITUDE))
                - sp.expand(4 * IMBALANCE**2 * (TARGET - AMPLITUDE) ** 2),
                _imbalance_residual(),
            ],
        ),
        Step(
            "order of learning",
            sp.Eq(
                sp.Symbol("t_1") / sp.Symbol("t_n"),
                sp.simplify(late.subs(TARGET, FAST) / late.subs(TARGET, SLOW)),
                evaluate=False,
            ),
            "From vanishing starts large modes arrive first: to leading order in log 1/a₀ the ratio of the arrivals is "
            "1/κ.",
            lambda: sp.limit((arrival / late).subs(TARGET, pull), START, 0, "+") - 1,
        ),
    ]


def rate_residual(amplitude: sp.Expr, clock: sp.Symbol) -> sp.Expr:
    """ȧ − 2wẇ for an amplitude a = w² of gradient descent, as a function of its time."""
    factor = sp.sqrt(amplitude)
    return sp.simplify(amplitude.diff(clock) + sp.expand(2 * FACTOR * balanced_gradient(2)).subs(FACTOR, factor))


def _imbalance_residual() -> sp.Expr:
    """w₁² + w₂² = √((w₁² − w₂²)² + 4 w₁² w₂²)."""
    first, second = factors(2)
    return sp.expand((first**2 + second**2) ** 2 - (first**2 - second**2) ** 2 - 4 * first**2 * second**2)
