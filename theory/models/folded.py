"""The folded two-feature model: a classifier trained away from the boundary and tested near it.

Section 3 of arXiv:2510.04930 (key ``sahebpasand2025``). z ~ N(0, diag(1, ε)); training inputs are z given
|z₁| ≥ s, test inputs are z given (z·v) z₁ ≤ 0 with v at angle θ to the first axis; the label of both is
sign z₁. A linear classifier sign(w·x) is trained on ½ E(w·x − y)² + ½ λ‖w‖².
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.checks import ArgumentError, inside, nonnegative
from theory.contractions import DECAY as DECAY
from theory.contractions import ETA as ETA
from theory.contractions import STEP as STEP
from theory.contractions import TIME as TIME
from theory.derivation import compiled
from theory.geometry import EPSILON as EPSILON
from theory.geometry import THETA as THETA
from theory.geometry import U1 as U1
from theory.geometry import U2 as U2
from theory.geometry import W1 as W1
from theory.geometry import W2 as W2
from theory.geometry import front
from theory.models.linear import LinearModel, two_weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from theory.derivation import Derivation
    from theory.rules import Rule

    Array = NDArray[np.float64]

MARGIN = sp.Symbol("s", nonnegative=True)
M1, M2 = sp.symbols("m_1 m_2", positive=True)
X1, X2, Y = sp.symbols("x_1 x_2 y", real=True)

MAX_MARGIN = 30.0  # beyond it the Gaussian tail leaves the range of floating point numbers


@dataclass(frozen=True, eq=False)
class Folded(LinearModel):
    """The folded two-feature model.

    Parameters
    ----------
    epsilon
        Variance of the second feature, in (0, 1).
    theta
        Angle of the test boundary to the first axis in radians, in (0, π/2).
    margin
        Least |x₁| of a training input (the paper's s), from 0 to 30.
    weight_decay
        Coefficient λ of ½ λ‖w‖².

    Raises
    ------
    ArgumentError
        If a parameter lies outside its domain.
    """

    epsilon: float = 0.01
    theta: float = math.pi / 4
    margin: float = 1.0
    weight_decay: float = 0.0
    name = "folded"

    def __post_init__(self) -> None:
        inside("epsilon", self.epsilon, 0, 1, "(0, 1)")
        inside("theta", self.theta, 0, math.pi / 2, "(0, π/2) radians")
        nonnegative("margin", self.margin)
        if self.margin > MAX_MARGIN:
            raise ArgumentError("margin", f"be at most {MAX_MARGIN:g}", f"is {self.margin:g}")
        nonnegative("weight_decay", self.weight_decay)

    def parameters(self) -> dict[str, Any]:
        """The parameters, ready for JSON."""
        return {
            "epsilon": self.epsilon,
            "theta": self.theta,
            "margin": self.margin,
            "weight_decay": self.weight_decay,
        }

    def moments(self) -> tuple[Array, Array]:
        """Σ = diag(m₂, ε) and C = (m₁, 0), from the derived formulas."""
        import numpy as np

        m1 = float(compiled(moment_formulas()[M1], (MARGIN,))(self.margin))
        m2 = float(compiled(moment_formulas()[M2], (MARGIN,))(self.margin))
        return np.diag([m2, self.epsilon]), np.array([[m1, 0.0]])

    def start(self, amplitudes: Any = None) -> Array:
        """W(0) = (u₁, u₂) of shape (1, 2); (1, 3) by default."""
        return two_weights(amplitudes)

    def derive(self, rule: Rule, view: str = "flow") -> Derivation:
        """The chain from the loss to the plateau length."""
        from theory.models.folded_chain import derive

        return derive(rule, view)


@functools.cache
def moment_formulas() -> dict[sp.Symbol, sp.Expr]:
    """m₁ = E|x₁| and m₂ = E x₁² of the training distribution, from the Gaussian density."""
    s, x = sp.symbols("s x", positive=True)
    density = sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
    tail = sp.erfc(MARGIN / sp.sqrt(2)) / 2
    m1 = sp.integrate(x * density, (x, s, sp.oo)).subs(s, MARGIN) / tail
    return {M1: m1, M2: 1 + MARGIN * m1}


@functools.cache
def boundary() -> sp.Expr:
    """With w₂ ≥ 0, the test error is 100 % where this is not negative: w points beyond v, at an angle in [θ, π]."""
    return front()
