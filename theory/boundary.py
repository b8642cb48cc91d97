"""The folded model's plateau as a chain of its own: contraction of a step, boundary function, stationary point."""

from __future__ import annotations

import functools

import sympy as sp

from theory.derivation import Derivation, Step

PRODUCT = sp.Symbol("p", positive=True)  # ηλ, of one step
PLACE = sp.Symbol("x", positive=True)  # steps, or time along the path
SLOW, FAST, CONSTANT, SLOW_RATE, FAST_RATE = sp.symbols("A B C b a", real=True)


@functools.cache
def boundary() -> Derivation:
    """f(x) = A exp(bx) + B exp(ax) + C, not negative on the plateau, with rates that steps or a flow have.

    Laws: ``contraction``, the rate log|1 − p| of a step of p = ηλ; ``edge``, f; ``stationary``, its one stationary
    point. What signs alternating steps have is for whoever takes even and odd steps apart.
    """
    rate = sp.Piecewise((sp.log(1 - PRODUCT), PRODUCT < 1), (sp.log(PRODUCT - 1), True))
    edge = SLOW * sp.exp(SLOW_RATE * PLACE) + FAST * sp.exp(FAST_RATE * PLACE) + CONSTANT
    place = sp.log(-SLOW * SLOW_RATE / (FAST * FAST_RATE)) / (FAST_RATE - SLOW_RATE)
    steps = [
        Step(
            "contraction",
            sp.Eq(sp.Symbol("rho"), rate, evaluate=False),
            "A step leaves 1 − p of an error; its size is exp ρ, and beyond p = 1 its sign alternates.",
            lambda: [sp.exp(part) ** 2 - (1 - PRODUCT) ** 2 for part, _ in rate.args],
        ),
        Step(
            "boundary",
            sp.Eq(sp.Function("f")(PLACE), edge, evaluate=False),
            "What is left of the slow and of the fast error, and a constant.",
            lambda: edge.subs({SLOW_RATE: 0, FAST_RATE: 0}) - SLOW - FAST - CONSTANT,
            origin="definition",
        ),
        Step(
            "stationary point",
            sp.Eq(PLACE, place, evaluate=False),
            "Where both terms of f′ cancel: the ratio of the exponentials is −A b/(B a).",
            lambda: sp.exp((FAST_RATE - SLOW_RATE) * place) * FAST * FAST_RATE + SLOW * SLOW_RATE,
        ),
    ]
    laws = {"contraction": rate, "edge": edge, "stationary": place}
    return Derivation("folded", "gd", "descent", steps, laws)
