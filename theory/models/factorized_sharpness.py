"""How large a step gradient descent can take near the minimum of a factorised model."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.derivation import Step
from theory.models.factorized_mode import DECAY, FACTOR, TARGET, factors, layer_gradients


def sharpness(depth: int) -> sp.Expr:
    """The largest eigenvalue of the Hessian at the balanced minimum, from the factor w* of the largest mode."""
    return depth * FACTOR ** (2 * depth - 2) - (depth - 2) * DECAY


def sharpness_step(depth: int) -> Step:
    """The largest step size that does not diverge from the balanced minimum."""
    return Step(
        "largest stable step",
        sp.Eq(sp.Symbol("eta_max"), 2 / sharpness(depth), evaluate=False),
        "Gradient descent, near the balanced minimum w* of the largest mode: 2 over the largest eigenvalue of the "
        "Hessian, whose eigenvector moves all layers alike.",
        lambda: _hessian_residual(depth, sharpness(depth)),
    )


def _hessian_residual(depth: int, curvature: sp.Expr) -> list[sp.Expr]:
    """The Hessian of one mode times (1, …, 1), at the factor where decay balances the pull."""
    names = factors(depth)
    rows = [sum(sp.diff(g, name) for name in names) for g in layer_gradients(depth, DECAY)]
    balanced = TARGET - FACTOR**depth  # the decay that holds w there, times w^(2−L)
    at: dict[Any, Any] = dict.fromkeys(names, FACTOR)
    held = {DECAY: FACTOR ** (depth - 2) * balanced}
    return [sp.simplify(row.subs(at).subs(held) - curvature.subs(held)) for row in rows]
