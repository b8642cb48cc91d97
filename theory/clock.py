"""Rules that only change the pace: gradient descent's path, run through with another clock.

Where the gradient has a single singular value (one output), or a rule scales all of them alike (Frobenius),
the update is a multiple of the gradient. The path is then that of gradient descent, with dt/dτ = σ/h(σ) for
σ = ‖G‖_F.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from theory.derivation import Step
from theory.rules import INDEX, NORM, SIGMA, Rule

PATH = sp.Symbol("tau", nonnegative=True)
END = sp.Symbol("T", nonnegative=True)
RATE1, RATE2 = sp.symbols("lambda_1 lambda_2", positive=True)
E1, E2 = sp.symbols("e_1 e_2", real=True)


def single_law(rule: Rule) -> sp.Expr:
    """The speed of a gradient whose only singular value is its norm."""
    assert rule.law is not None
    return rule.law.subs({NORM: SIGMA, INDEX: 1})


def pace(rule: Rule) -> sp.Expr:
    """dt/dτ = σ/h(σ) in `SIGMA`: how much slower than gradient descent the rule goes."""
    return sp.simplify(SIGMA / single_law(rule))


@dataclass(frozen=True)
class Clock:
    """The chain for two directions: what is left of both errors at τ, dt/dτ there and in `SIGMA`, and the steps."""

    left: tuple[sp.Expr, sp.Expr]
    speed: sp.Expr
    pace: sp.Expr
    steps: tuple[Step, ...]


def clock(rule: Rule) -> Clock:
    """From the mode equations to the clock, for two directions with errors e₁, e₂ at the start."""
    law, slow = single_law(rule), pace(rule)
    left = sp.exp(-RATE1 * PATH), sp.exp(-RATE2 * PATH)
    norm = sp.sqrt((RATE1 * E1 * left[0]) ** 2 + (RATE2 * E2 * left[1]) ** 2)
    speed = slow.subs(SIGMA, norm)
    gradient = RATE1 * E1, RATE2 * E2
    size = sp.sqrt(gradient[0] ** 2 + gradient[1] ** 2)
    direction = [-law.subs(SIGMA, size) * g / size for g in gradient]
    time: sp.Expr = sp.Integral(speed, (PATH, 0, END))
    if rule.power == 2:
        time = sp.expand(time.doit())
    modes = Step(
        "mode equations",
        sp.Matrix(direction),
        "The update is a multiple of the gradient: of size h(σ) for σ = ‖G‖, along G/σ.",
        lambda: [
            sum(d**2 for d in direction) - law.subs(SIGMA, size) ** 2,
            direction[0] * gradient[1] - direction[1] * gradient[0],
        ],
        origin="definition",
    )
    path = Step(
        "solution",
        sp.Eq(
            sp.Matrix([sp.Function("e_1")(PATH), sp.Function("e_2")(PATH)]),
            sp.Matrix([E1 * left[0], E2 * left[1]]),
            evaluate=False,
        ),
        "The path of gradient descent, run through with another clock: dt/dτ = σ/h(σ). Stated, and put into the "
        "mode equations.",
        lambda: _residual(left, direction, slow.subs(SIGMA, norm)),
        origin="ansatz",
    )
    integral = Step(
        "clock",
        sp.Eq(sp.Function("t")(END), time, evaluate=False),
        "Integrate the clock along the path; as T → ∞ this is the time at which the gradient vanishes, finite where "
        "h(σ) is larger than σ near 0.",
        lambda: time.diff(END) - speed.subs(PATH, END),
    )
    return Clock(left, speed, slow, (modes, path, integral))


def _residual(left: tuple[sp.Expr, sp.Expr], direction: list[sp.Expr], rate: sp.Expr) -> list[sp.Expr]:
    """de/dτ − (dt/dτ)(de/dt) along the stated path."""
    at = {E1: E1 * left[0], E2: E2 * left[1]}
    return [
        e * f.diff(PATH) - rate * d.subs(at, simultaneous=True)
        for e, f, d in zip((E1, E2), left, direction, strict=True)
    ]
