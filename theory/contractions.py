"""Errors that contract on their own: ė = −r e, or e ← (1 − ηr) e, solved by SymPy."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.clock import E1, E2, RATE1, RATE2
from theory.derivation import Step
from theory.rules import Rule

DECAY = sp.Symbol("lambda", nonnegative=True)
ETA = sp.Symbol("eta", positive=True)
TIME = sp.Symbol("t", nonnegative=True)
STEP = sp.Symbol("k", integer=True, nonnegative=True)


@functools.cache
def decay(rate: sp.Expr) -> sp.Expr:
    """What a flow leaves of an error of this rate at `TIME`."""
    e = sp.Function("e")
    return sp.dsolve(sp.Eq(e(TIME).diff(TIME), -rate * e(TIME)), e(TIME), ics={e(0): 1}).rhs


@functools.cache
def contract(rate: sp.Expr) -> sp.Expr:
    """What `STEP` steps of size η leave of an error of this rate."""
    e = sp.Function("e")
    return sp.rsolve(e(STEP + 1) - (1 - ETA * rate) * e(STEP), e(STEP), {e(0): 1})


@dataclass(frozen=True)
class Separate:
    """Two errors e₁ and e₂ that contract on their own.

    Parameters
    ----------
    parameter, unit
        `TIME` or `STEP`, and how it is read.
    equation
        Right-hand sides of the mode equations.
    left
        What is left of both errors.
    inverse
        Whether the rule multiplies the gradient by the inverse curvature.
    """

    parameter: sp.Symbol
    unit: str
    equation: tuple[sp.Expr, sp.Expr]
    left: tuple[sp.Expr, sp.Expr]
    inverse: bool

    def steps(self, reason: str, residual: Callable[[], Any]) -> list[Step]:
        """The mode equations of a gradient that the rule leaves as it is, for this reason, and their solution."""
        inverse = "The rule multiplies the gradient by the inverse curvature, so that both errors contract alike."
        return [
            Step("mode equations", sp.Matrix(self.equation), inverse if self.inverse else reason, residual),
            Step(
                "solution",
                sp.Eq(
                    sp.Matrix([sp.Function("e_1")(self.parameter), sp.Function("e_2")(self.parameter)]),
                    sp.Matrix([E1 * self.left[0], E2 * self.left[1]]),
                    evaluate=False,
                ),
                "Found by dsolve." if self.parameter is TIME else "Found by rsolve.",
                lambda: _solution_residual(self.left, self.equation, self.parameter),
            ),
        ]


def separate(rule: Rule, view: str) -> Separate:
    """Both errors under gradient descent, with the rates λ₁ and λ₂, or under Newton's rule, with the rate 1."""
    inverse = rule.kind == "newton"
    fast, slow = (sp.Integer(1), sp.Integer(1)) if inverse else (RATE1, RATE2)
    if view == "flow":
        return Separate(TIME, "flow time t", (-fast * E1, -slow * E2), (decay(fast), decay(slow)), inverse)
    equation = (1 - ETA * fast) * E1, (1 - ETA * slow) * E2
    return Separate(STEP, "steps k", equation, (contract(fast), contract(slow)), inverse)


def _solution_residual(left: tuple[sp.Expr, ...], equation: tuple[sp.Expr, ...], x: sp.Symbol) -> list[sp.Expr]:
    """What is left of both errors put into their mode equations, with `x` the time or the number of steps."""
    at = {E1: E1 * left[0], E2: E2 * left[1]}
    following = [e * f.diff(x) if x is TIME else e * f.subs(x, x + 1) for e, f in zip((E1, E2), left, strict=True)]
    start = [f.subs(x, 0) - 1 for f in left]
    return start + [new - right.subs(at, simultaneous=True) for new, right in zip(following, equation, strict=True)]
