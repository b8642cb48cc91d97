"""Errors that contract on their own: ė = −r e, or e ← (1 − ηr) e, solved by SymPy."""

from __future__ import annotations

import functools

import sympy as sp

from theory.clock import E1, E2

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


def solution_residual(left: tuple[sp.Expr, ...], equation: tuple[sp.Expr, ...], x: sp.Symbol) -> list[sp.Expr]:
    """What is left of both errors put into their mode equations, with `x` the time or the number of steps."""
    at = {E1: E1 * left[0], E2: E2 * left[1]}
    following = [e * f.diff(x) if x is TIME else e * f.subs(x, x + 1) for e, f in zip((E1, E2), left, strict=True)]
    start = [f.subs(x, 0) - 1 for f in left]
    return start + [new - right.subs(at, simultaneous=True) for new, right in zip(following, equation, strict=True)]
