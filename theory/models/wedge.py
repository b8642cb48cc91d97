"""The wedge: a linear classifier trained and tested on one double sector between two planes.

Appendix A.3 of arXiv:2510.04930 (key ``sahebpasand2025``). z ~ N(0, diag(1, ε)) given z₁ (z·v) ≤ 0 with v at angle θ
to the first axis; the label is sign z₁. Training and test inputs have this one distribution, and no margin. A linear
classifier sign(w·x) is trained on ½ E(w·x − y)² + ½ λ‖w‖². The paper's loss has no ½: its 2η is η here.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.checks import ArgumentError, inside, nonnegative
from theory.clock import E1, E2
from theory.contractions import DECAY
from theory.derivation import Derivation, precise
from theory.geometry import EPSILON, PSI, THETA, U1, U2, W1, W2, polar_mean, width
from theory.models.linear import LinearModel, two_weights
from theory.rules import Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

S11, S22, C1 = sp.symbols("Sigma_11 Sigma_22 c_1", positive=True)
S12, C2 = sp.symbols("Sigma_12 c_2", negative=True)
AXIS = sp.Symbol("chi", real=True)
# Below the first, weights of order 1 are lost in the rounding of a minimiser of order 1/√ε; below the second, the slow
# direction, θ²/12 of the fast one, in that of the fast one.
LEAST_EPSILON, LEAST_THETA = 1e-16, 1e-5
X1, X2, Y = sp.symbols("x_1 x_2 y", real=True)


@dataclass(frozen=True, eq=False)
class Wedge(LinearModel):
    """The wedge model.

    At the default angle the start (1, 3) misclassifies everything, as the paper's experiments do at first: it lies
    beyond v, u₂ > u₁ tan θ.

    Parameters
    ----------
    epsilon
        Variance of the second feature, in (0, 1) and at least 1e-16.
    theta
        Angle of the second plane's normal to the first axis in radians, in (0, π) and at least 1e-5.
    weight_decay
        Coefficient λ of ½ λ‖w‖².

    Raises
    ------
    ArgumentError
        If a parameter lies outside its domain.
    """

    epsilon: float = 0.01
    theta: float = math.pi / 4
    weight_decay: float = 0.0
    name = "wedge"

    def __post_init__(self) -> None:
        inside("epsilon", self.epsilon, 0, 1, "(0, 1)")
        inside("theta", self.theta, 0, math.pi, "(0, π) radians")
        for name, value, least in (("epsilon", self.epsilon, LEAST_EPSILON), ("theta", self.theta, LEAST_THETA)):
            if value < least:
                raise ArgumentError(name, f"be at least {least:g}", f"is {value:g}")
        nonnegative("weight_decay", self.weight_decay)

    def parameters(self) -> dict[str, Any]:
        """The parameters, ready for JSON."""
        return {"epsilon": self.epsilon, "theta": self.theta, "weight_decay": self.weight_decay}

    @functools.cached_property
    def derived(self) -> dict[str, float]:
        """Moments, eigenvalues, the cosine and sine of the first direction, and the minimiser, none of them rounded."""
        return precise(model_laws(), (EPSILON, THETA, DECAY), (self.epsilon, self.theta, self.weight_decay))

    def moments(self) -> tuple[Array, Array]:
        """Σ (2, 2) and C (1, 2), from the derived formulas."""
        import numpy as np

        n = self.derived
        return np.array([[n["s11"], n["s12"]], [n["s12"], n["s22"]]]), np.array([[n["c1"], n["c2"]]])

    @functools.cached_property
    def eigen(self) -> tuple[Array, Array]:
        """Eigenvalues (2,), descending, and eigenvectors (2, 2) of the curvature, from the derived formulas."""
        import numpy as np

        n = self.derived
        basis = np.array([[n["cosine"], -n["sine"]], [n["sine"], n["cosine"]]])
        return np.array([n["rate_fast"], n["rate_slow"]]), basis

    @functools.cached_property
    def minimiser(self) -> Array:
        """W* of shape (1, 2), from the derived formula."""
        import numpy as np

        return np.array([[self.derived["star1"], self.derived["star2"]]])

    def start(self, amplitudes: Any = None) -> Array:
        """W(0) = (u₁, u₂) of shape (1, 2); (1, 3) by default."""
        return two_weights(amplitudes)

    def derive(self, rule: Rule, view: str = "flow") -> Derivation:
        """The chain from the loss to the plateau length."""
        from theory.models.wedge_chain import derive

        return derive(rule, view)


@functools.cache
def moment_formulas() -> dict[sp.Symbol, sp.Expr]:
    """Σ = E xxᵀ and c = E yx in ε and ψ, by the Gaussian integral in polar coordinates."""
    return {
        S11: polar_mean(lambda x1, x2: x1**2),
        S12: polar_mean(lambda x1, x2: x1 * x2),
        S22: polar_mean(lambda x1, x2: x2**2),
        C1: polar_mean(lambda x1, x2: x1),
        C2: polar_mean(lambda x1, x2: x2),
    }


@functools.cache
def loss() -> sp.Expr:
    """½ E(w·x − y)² + ½ λ‖w‖², each monomial of the square replaced by its expectation."""
    expectations = {(2, 0, 0): S11, (0, 2, 0): S22, (1, 1, 0): S12, (1, 0, 1): C1, (0, 1, 1): C2, (0, 0, 2): 1}
    square = sp.Poly(sp.expand((W1 * X1 + W2 * X2 - Y) ** 2), X1, X2, Y)
    mean = sum(coefficient * expectations[powers] for powers, coefficient in square.terms())
    return mean / 2 + DECAY * (W1**2 + W2**2) / 2


def curvature() -> sp.Matrix:
    """Σ + λI."""
    return sp.Matrix([[S11 + DECAY, S12], [S12, S22 + DECAY]])


@functools.cache
def gradient() -> tuple[sp.Expr, sp.Expr]:
    """Derivatives of the loss by both weights."""
    return sp.diff(loss(), W1), sp.diff(loss(), W2)


@functools.cache
def minimiser() -> dict[sp.Symbol, sp.Expr]:
    """Where the gradient vanishes."""
    return dict(sp.solve(gradient(), [W1, W2]))


@functools.cache
def rates() -> tuple[sp.Expr, sp.Expr]:
    """Eigenvalues of the curvature: how fast gradient descent contracts the error along each direction."""
    mean, half = (S11 + S22) / 2 + DECAY, sp.sqrt(((S11 - S22) / 2) ** 2 + S12**2)
    return mean + half, mean - half


@functools.cache
def axis() -> sp.Expr:
    """The angle χ of the first singular direction (cos χ, sin χ); the second is (−sin χ, cos χ)."""
    return sp.atan2(2 * S12, S11 - S22) / 2


def errors() -> tuple[sp.Expr, sp.Expr]:
    """The start errors along both directions."""
    star = minimiser()
    first, second = U1 - star[W1], U2 - star[W2]
    return first * sp.cos(AXIS) + second * sp.sin(AXIS), second * sp.cos(AXIS) - first * sp.sin(AXIS)


def in_parameters(laws: dict[str, sp.Expr]) -> dict[str, sp.Expr]:
    """Laws in ε, θ, λ and the start alone."""
    moments = {symbol: formula.subs(PSI, width()) for symbol, formula in moment_formulas().items()}
    starts = dict(zip((E1, E2), errors(), strict=True))
    return {name: law.subs(starts).subs(AXIS, axis()).subs(moments) for name, law in laws.items()}


@functools.cache
def model_laws() -> dict[str, sp.Expr]:
    """What the model itself consists of, in ε, θ and λ."""
    star = minimiser()
    return in_parameters(
        {"s11": S11, "s12": S12, "s22": S22, "c1": C1, "c2": C2, "star1": star[W1], "star2": star[W2]}
        | {"rate_fast": rates()[0], "rate_slow": rates()[1], "cosine": sp.cos(AXIS), "sine": sp.sin(AXIS)}
    )
