"""One mode of a product of layers: its symbols, and its gradient while its factors are equal."""

from __future__ import annotations

import sympy as sp

from theory.models.factorized import DECAY, TARGET

TIME = sp.Symbol("t", nonnegative=True)
ETA = sp.Symbol("eta", positive=True)
THRESHOLD = sp.Symbol("q", positive=True)
FACTOR = sp.Symbol("w", positive=True)  # of a balanced mode, the same in every layer
AMPLITUDE = sp.Symbol("a", positive=True)
START, END = sp.symbols("a_0 a_1", positive=True)  # amplitude at the start, and at the arrival
IMBALANCE = sp.Symbol("c", real=True)  # w₁² − w₂²
DISTANCE = sp.Symbol("delta", real=True)  # of the least factor from where it ends
ENDS = sp.symbols("z_1:9", positive=True)  # factors at the end, the least one first
FAST, SLOW = sp.symbols("s_1 s_n", positive=True)


def balanced_pull(depth: int) -> sp.Expr:
    """−g of a balanced mode without decay."""
    return FACTOR ** (depth - 1) * (TARGET - FACTOR**depth)


def balanced_gradient(depth: int) -> sp.Expr:
    """The gradient g of each layer, for factors of equal size w."""
    return -balanced_pull(depth) + DECAY * FACTOR
