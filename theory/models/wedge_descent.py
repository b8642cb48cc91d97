"""The steps of power laws on the wedge: a recursion without a closed form, and the cycle that it settles in, if any.

As on the folded model the gradient is a single row, and a step is one of gradient descent with the size η/‖G‖^α. For
small ε both curvatures are of one order, so that the slow part of the gradient does not become small before the
plateau ends: the law for its length that the folded model has does not carry over.
"""

from __future__ import annotations

import sympy as sp

from theory.clock import E1, E2, RATE1, RATE2
from theory.contractions import DECAY, ETA
from theory.cycles import rescaled_cycle
from theory.derivation import Step
from theory.geometry import THETA, W1, W2, front
from theory.models import wedge
from theory.models.regression import SLOW
from theory.models.single_row import Found, modes, settling, two_directions
from theory.models.wedge import AXIS, S11, S12, S22
from theory.rules import SIGMA, Rule

MODES = (
    "One step of size η: e ← e − ηh(σ)G/σ for σ = ‖G‖, where G has the components λ₁e₁ and λ₂e₂. A gradient step whose "
    "size depends on where it is: there is no closed form, and the errors do not keep apart."
)
STAR = sp.symbols("w_1^* w_2^*", real=True)  # the minimiser, by its name


def power_descent(rule: Rule, power: sp.Expr) -> Found:
    """The steps of the chain after the opening, for α > 0, and the laws of the cycle."""
    found = rescaled_cycle(power)
    steps = [modes(rule, power, MODES, _mode_residual), *(two_directions(step) for step in found.steps[1:])]
    if power != 1:
        steps.append(settling(power))
    return [*steps, _lasts()], {name: law.subs(SLOW, RATE2) for name, law in found.laws.items()}


def _mode_residual(equation: list[sp.Expr], law: sp.Expr) -> list[sp.Expr]:
    """The mode equations against the rule applied to the gradient along both directions."""
    along = gradient_along()
    size = sp.Symbol("g", positive=True)
    after = [e - ETA * law.subs(SIGMA, size) * part / size for e, part in zip((E1, E2), along, strict=True)]
    return [sp.expand(stated.subs(SIGMA, size) - new) for stated, new in zip(equation, after, strict=True)]


def gradient_along() -> sp.Matrix:
    """The gradient's components along both directions at the errors e₁ and e₂, from the gradient by w₁ and w₂."""
    turn = sp.Matrix([[sp.cos(AXIS), sp.sin(AXIS)], [-sp.sin(AXIS), sp.cos(AXIS)]])
    away, gradient = turn.T * sp.Matrix([E1, E2]), sp.Matrix(wedge.gradient())
    change = gradient.subs({W1: away[0], W2: away[1]}) - gradient.subs({W1: 0, W2: 0})  # linear, and zero at w*
    curvature = turn.T * sp.diag(RATE1, RATE2) * turn
    entries = {S11: curvature[0, 0] - DECAY, S12: curvature[0, 1], S22: curvature[1, 1] - DECAY}
    return sp.Matrix(on_circle(turn * change.subs(entries)))


def on_circle(vector: sp.Matrix) -> list[sp.Expr]:
    """The entries, reduced by cos² χ + sin² χ = 1."""
    cosine, sine = sp.symbols("c s")
    entries = [sp.expand(entry.subs({sp.cos(AXIS): cosine, sp.sin(AXIS): sine})) for entry in vector]
    return [sp.rem(entry, cosine**2 + sine**2 - 1, cosine) for entry in entries]


def _lasts() -> Step:
    """The condition for 100 % test error, with errors that only the recursion gives."""
    stated = boundary_functions((sp.Integer(1), sp.Integer(1)))
    return Step(
        "plateau",
        sp.Eq(sp.Matrix(sp.symbols("f_1 f_2")), stated, evaluate=False),
        "The plateau lasts while w₂ ≥ 0 and w points beyond v, that is while neither is negative, with e₁ and e₂ from "
        "the mode equations. No law for its length is known.",
        lambda: list((sp.expand_trig(stated) - boundary_values((sp.Integer(1), sp.Integer(1)))).expand()),
    )


def boundary_functions(left: tuple[sp.Expr, sp.Expr]) -> sp.Matrix:
    """w₂ and w₂ cos θ − w₁ sin θ with these parts of both errors left: their values at `STAR`, and what is added."""
    turned = THETA - AXIS
    first, second = E1 * left[0], E2 * left[1]
    return sp.Matrix(
        [
            STAR[1] + first * sp.sin(AXIS) + second * sp.cos(AXIS),
            front().subs({W1: STAR[0], W2: STAR[1]}) - first * sp.sin(turned) + second * sp.cos(turned),
        ]
    )


def boundary_values(left: tuple[sp.Expr, sp.Expr]) -> sp.Matrix:
    """The same as a product of matrices: the normals of both edges with w* + left₁ e₁ v₁ + left₂ e₂ v₂."""
    basis = sp.Matrix([[sp.cos(AXIS), -sp.sin(AXIS)], [sp.sin(AXIS), sp.cos(AXIS)]])
    w = sp.Matrix(STAR) + basis * sp.Matrix([E1 * left[0], E2 * left[1]])
    return sp.Matrix([[0, 1], [-sp.sin(THETA), sp.cos(THETA)]]) * w
