"""One mode of a product of layers: its symbols, its gradient in each layer, its equations, and its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from theory.checks import ArgumentError
from theory.rules import SIGMA, Rule

TARGET = sp.Symbol("s", positive=True)
DECAY = sp.Symbol("lambda", nonnegative=True)
ZERO = sp.Integer(0)
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

Times = tuple[float | None, float | None]  # a mode's arrival and extinction, None where not predicted
NOTHING: Times = (None, None)
EQUAL = 1e-12  # relative difference of factors below which a mode counts as balanced


def factors(depth: int) -> tuple[sp.Symbol, ...]:
    """One factor of a mode for each layer, w₁ … w_L."""
    return sp.symbols(f"w_1:{depth + 1}", real=True)


def layer_gradients(depth: int, decay: sp.Expr = ZERO) -> tuple[sp.Expr, ...]:
    """The gradient of one mode in each layer, g_l = (∏_{m≠l} w_m)(a − s) + λ w_l with a = ∏ w_m."""
    mode = factors(depth)
    residual = sp.prod(mode) - TARGET
    return tuple(sp.prod(mode[:layer] + mode[layer + 1 :]) * residual + decay * mode[layer] for layer in range(depth))


def mode_equations(rule: Rule, depth: int, signs: Sequence[int]) -> tuple[sp.Expr, ...]:
    """dw_l/dt = −h(|g_l|) sgn g_l of one mode, while the gradients of the layers keep these signs (±1 each).

    Raises
    ------
    ArgumentError
        If the rule has no speed of its own for each singular value.
    """
    if not rule.elementwise or rule.law is None:
        raise ArgumentError("rule", "have a speed of its own for each singular value", f"is {rule.name}")
    return tuple(
        -sign * rule.law.subs(SIGMA, sign * gradient)
        for sign, gradient in zip(signs, layer_gradients(depth), strict=True)
    )


def balanced_gradient(depth: int) -> sp.Expr:
    """The gradient g of each layer, for factors of equal size w."""
    return -(FACTOR ** (depth - 1)) * (TARGET - FACTOR**depth) + DECAY * FACTOR


@dataclass(frozen=True)
class Mode:
    """One mode of an aligned start.

    Parameters
    ----------
    target
        Its singular value s.
    reached
        Its amplitude a* at the balanced minimum.
    sizes
        Its factors (L,).
    decay
        Weight decay λ.
    threshold
        The arrival's q.
    """

    target: float
    reached: float
    sizes: tuple[float, ...]
    decay: float
    threshold: float

    @property
    def start(self) -> float:
        """Its amplitude a₀."""
        return math.prod(self.sizes)

    @property
    def balanced(self) -> bool:
        """Whether its factors have the same size."""
        size = max(map(abs, self.sizes))
        return max(size - abs(w) for w in self.sizes) <= EQUAL * size

    @property
    def arrived(self) -> float:
        """The amplitude a₁ at which it has arrived."""
        return self.reached + self.threshold * (self.start - self.reached)
