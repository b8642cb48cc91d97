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

from theory import wedge_plateau
from theory.checks import ArgumentError, inside, known, length, nonnegative, numbers
from theory.clock import E1, E2, RATE1, RATE2, clock
from theory.derivation import VIEWS, Derivation, Step, precise
from theory.geometry import (
    EPSILON,
    PSI,
    THETA,
    U1,
    U2,
    W1,
    W2,
    error_law,
    error_step,
    front,
    polar_mean,
    sector_step,
    width,
)
from theory.models.linear import LinearModel
from theory.modes import DECAY, ETA, STEP, TIME, contract, decay, solution_residual
from theory.rules import Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

S11, S22, C1 = sp.symbols("Sigma_11 Sigma_22 c_1", positive=True)
S12, C2 = sp.symbols("Sigma_12 c_2", negative=True)
AXIS = sp.Symbol("chi", real=True)
X1, X2, Y = sp.symbols("x_1 x_2 y", real=True)
SIDES = ("_rear", "_front")
ARGUMENTS = (EPSILON, THETA, DECAY, U1, U2)


@dataclass(frozen=True, eq=False)
class Wedge(LinearModel):
    """The wedge model.

    At the default angle the start (1, 3) misclassifies everything, as the paper's experiments do at first: it lies
    beyond v, u₂ > u₁ tan θ.

    Parameters
    ----------
    epsilon
        Variance of the second feature, in (0, 1).
    theta
        Angle of the second plane's normal to the first axis in radians, in (0, π).
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
        nonnegative("weight_decay", self.weight_decay)

    def parameters(self) -> dict[str, Any]:
        """The parameters, ready for JSON."""
        return {"epsilon": self.epsilon, "theta": self.theta, "weight_decay": self.weight_decay}

    @functools.cached_property
    def numbers(self) -> dict[str, float]:
        """Moments, eigenvalues, the cosine and sine of the first direction, and the minimiser, none of them rounded."""
        return precise(model_laws(), ARGUMENTS[:3], (self.epsilon, self.theta, self.weight_decay))

    def moments(self) -> tuple[Array, Array]:
        """Σ (2, 2) and C (1, 2), from the derived formulas."""
        import numpy as np

        n = self.numbers
        return np.array([[n["s11"], n["s12"]], [n["s12"], n["s22"]]]), np.array([[n["c1"], n["c2"]]])

    @functools.cached_property
    def eigen(self) -> tuple[Array, Array]:
        """Eigenvalues (2,), descending, and eigenvectors (2, 2) of the curvature, from the derived formulas."""
        import numpy as np

        n = self.numbers
        basis = np.array([[n["cosine"], -n["sine"]], [n["sine"], n["cosine"]]])
        return np.array([n["rate_fast"], n["rate_slow"]]), basis

    @functools.cached_property
    def minimiser(self) -> Array:
        """W* of shape (1, 2), from the derived formula."""
        import numpy as np

        return np.array([[self.numbers["star1"], self.numbers["star2"]]])

    def start(self, amplitudes: Any = None) -> Array:
        """W(0) = (u₁, u₂) of shape (1, 2); (1, 3) by default."""
        import numpy as np

        found = numbers("start", (1.0, 3.0) if amplitudes is None else amplitudes)
        length("start", found, [2])
        return np.array([found])

    def derive(self, rule: Rule, view: str = "flow") -> Derivation:
        """The chain from the loss to the plateau length."""
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


def _formulas() -> tuple[sp.Expr, ...]:
    return tuple(moment_formulas().values())


def _moment_residual() -> list[sp.Expr]:
    """The moments times the mass ψ/π against Gaussian integrals over z₁ > 0, z₂ < −κ√ε z₁, with κ = cot ψ.

    Both vanish as κ → ∞, and their derivatives by κ are compared: that of the integral is one over the moving edge.
    """
    kappa, t = sp.Symbol("kappa", real=True), sp.Symbol("t", positive=True)
    angle = sp.pi / 2 - sp.atan(kappa)
    density = t * sp.exp(-(t**2) * (1 + kappa**2) / 2) / (2 * sp.pi)
    moments = {S11: X1**2, S12: X1 * X2, S22: X2**2, C1: X1, C2: X2}
    found = []
    for symbol, formula in moment_formulas().items():
        edge = moments[symbol].subs({X1: t, X2: -sp.sqrt(EPSILON) * kappa * t})
        slope = -2 * sp.integrate(edge * density, (t, 0, sp.oo), conds="none")
        whole = (PSI / sp.pi) * formula
        found += [whole.subs(PSI, angle).diff(kappa) - slope, sp.limit(whole, PSI, 0)]
    return found


@functools.cache
def _loss() -> sp.Expr:
    """½ E(w·x − y)² + ½ λ‖w‖², each monomial of the square replaced by its expectation."""
    expectations = {(2, 0, 0): S11, (0, 2, 0): S22, (1, 1, 0): S12, (1, 0, 1): C1, (0, 1, 1): C2, (0, 0, 2): 1}
    square = sp.Poly(sp.expand((W1 * X1 + W2 * X2 - Y) ** 2), X1, X2, Y)
    mean = sum(coefficient * expectations[powers] for powers, coefficient in square.terms())
    return mean / 2 + DECAY * (W1**2 + W2**2) / 2


def _curvature() -> sp.Matrix:
    return sp.Matrix([[S11 + DECAY, S12], [S12, S22 + DECAY]])


@functools.cache
def _gradient() -> tuple[sp.Expr, sp.Expr]:
    return sp.diff(_loss(), W1), sp.diff(_loss(), W2)


@functools.cache
def _minimiser() -> dict[sp.Symbol, sp.Expr]:
    return dict(sp.solve(_gradient(), [W1, W2]))


@functools.cache
def rates() -> tuple[sp.Expr, sp.Expr]:
    """Eigenvalues of the curvature: how fast gradient descent contracts the error along each direction."""
    mean, half = (S11 + S22) / 2 + DECAY, sp.sqrt(((S11 - S22) / 2) ** 2 + S12**2)
    return mean + half, mean - half


@functools.cache
def axis() -> sp.Expr:
    """The angle χ of the first singular direction (cos χ, sin χ); the second is (−sin χ, cos χ)."""
    return sp.atan2(2 * S12, S11 - S22) / 2


def _direction_residual() -> list[sp.Expr]:
    """Σ + λI turned by χ is diagonal: its entries, with the cosine and sine of 2χ that `axis` gives."""
    cosine, sine = sp.cos(AXIS), sp.sin(AXIS)
    turn = sp.Matrix([[cosine, -sine], [sine, cosine]])
    double = 2 * axis()
    squares = {
        cosine**2: (1 + sp.cos(double)) / 2,
        sine**2: (1 - sp.cos(double)) / 2,
        cosine * sine: sp.sin(double) / 2,
    }
    difference = (turn.T * _curvature() * turn - sp.diag(*rates())).applyfunc(sp.expand)
    return [entry.subs(squares) for entry in difference]


@functools.cache
def coefficients() -> dict[str, sp.Expr]:
    """A, B, C of the boundary functions A·b + B·a + C of both edges, in the start errors e₁, e₂ and χ."""
    a, b = sp.symbols("a b", positive=True)
    star = _minimiser()
    at = {
        W1: W1 + a * E1 * sp.cos(AXIS) - b * E2 * sp.sin(AXIS),
        W2: W2 + a * E1 * sp.sin(AXIS) + b * E2 * sp.cos(AXIS),
    }
    found: dict[str, sp.Expr] = {}
    for side, edge in zip(SIDES, (W2, front()), strict=True):
        polynomial = sp.Poly(sp.expand(edge.subs(at, simultaneous=True)), a, b)
        found |= {f"slow{side}": polynomial.coeff_monomial(b), f"fast{side}": polynomial.coeff_monomial(a)}
        found[f"constant{side}"] = polynomial.coeff_monomial(1).subs(star)
    return found


def _errors() -> tuple[sp.Expr, sp.Expr]:
    """The start errors along both directions."""
    star = _minimiser()
    first, second = U1 - star[W1], U2 - star[W2]
    return first * sp.cos(AXIS) + second * sp.sin(AXIS), second * sp.cos(AXIS) - first * sp.sin(AXIS)


def _in_parameters(laws: dict[str, sp.Expr]) -> dict[str, sp.Expr]:
    """Laws in ε, θ, λ and the start alone."""
    moments = {symbol: formula.subs(PSI, width()) for symbol, formula in moment_formulas().items()}
    errors = dict(zip((E1, E2), _errors(), strict=True))
    return {name: law.subs(errors).subs(AXIS, axis()).subs(moments) for name, law in laws.items()}


@functools.cache
def model_laws() -> dict[str, sp.Expr]:
    """What the model itself consists of, in ε, θ and λ."""
    star = _minimiser()
    return _in_parameters(
        {"s11": S11, "s12": S12, "s22": S22, "c1": C1, "c2": C2, "star1": star[W1], "star2": star[W2]}
        | {"rate_fast": rates()[0], "rate_slow": rates()[1], "cosine": sp.cos(AXIS), "sine": sp.sin(AXIS)}
    )


@functools.cache
def _laws() -> dict[str, sp.Expr]:
    start = {W1: U1, W2: U2}
    initial = {f"initial{side}": edge.subs(start) for side, edge in zip(SIDES, (W2, front()), strict=True)}
    errors = dict(zip(("error_fast", "error_slow"), _errors(), strict=True))
    speeds = {"rate_fast": rates()[0], "rate_slow": rates()[1]}
    return _in_parameters(coefficients() | initial | errors | speeds)


def _opening() -> list[Step]:
    """The steps that all rules share: from the sector to the error along each singular direction."""
    formulas, star = moment_formulas(), _minimiser()
    gradient, w = sp.Matrix([_gradient()]), sp.Matrix([[W1, W2]])
    cross = sp.Matrix([[C1, C2]])
    return [
        sector_step(),
        Step(
            "moments",
            sp.Eq(sp.Matrix(list(formulas)), sp.Matrix(list(formulas.values())), evaluate=False),
            "Σ = E xxᵀ and c = E yx in polar coordinates: the radius has the moments E r² = 2 and E r = √(π/2), the "
            "angle is uniform in (0, ψ).",
            _moment_residual,
        ),
        Step(
            "loss",
            sp.Eq(sp.Function("L")(W1, W2), _loss(), evaluate=False),
            "Expand ½ (w·x − y)² and take the expectation of each monomial; add ½ λ‖w‖².",
            lambda: (w * _curvature() * w.T)[0] / 2 - (w * cross.T)[0] + sp.Rational(1, 2) - _loss(),
        ),
        Step(
            "gradient",
            sp.Eq(sp.Symbol("G"), gradient, evaluate=False),
            "Differentiate. One output: the gradient is a 1×2 matrix with a single singular value ‖G‖.",
            lambda: list(gradient - (w * _curvature() - cross)),
        ),
        Step(
            "minimiser",
            sp.Eq(w, sp.Matrix([[star[W1], star[W2]]]), evaluate=False),
            "Where the gradient vanishes.",
            lambda: list(gradient.subs(star)),
        ),
        wedge_plateau.bisector_step(_formulas()),
        Step(
            "directions",
            sp.Eq(sp.Matrix([RATE1, RATE2, AXIS]), sp.Matrix([*rates(), axis()]), evaluate=False),
            "The directions (cos χ, sin χ) and (−sin χ, cos χ) diagonalise Σ + λI: with the errors e₁ and e₂ along "
            "them the gradient has the components λ₁e₁ and λ₂e₂.",
            _direction_residual,
        ),
    ]


def _end_step(left: tuple[sp.Expr, sp.Expr], unit: str) -> Step:
    parts = coefficients()
    edges = [parts[f"slow{s}"] * left[1] + parts[f"fast{s}"] * left[0] + parts[f"constant{s}"] for s in SIDES]
    return Step(
        "plateau",
        sp.And(*(sp.Ge(edge, 0) for edge in edges)),
        "The plateau lasts while both hold, w₂ ≥ 0 and w beyond v. Each is a sum of two exponentials and a negative "
        f"constant, so it holds on one interval; the plateau is what both intervals share, in {unit}.",
        lambda: _end_residual(edges, left),
    )


def _end_residual(edges: list[sp.Expr], left: tuple[sp.Expr, sp.Expr]) -> list[sp.Expr]:
    """The boundary functions at w* + left₁ e₁ v₁ + left₂ e₂ v₂, written as a product of matrices."""
    star = sp.Matrix([[_minimiser()[W1], _minimiser()[W2]]])
    basis = sp.Matrix([[sp.cos(AXIS), -sp.sin(AXIS)], [sp.sin(AXIS), sp.cos(AXIS)]])
    w = star + sp.Matrix([[E1 * left[0], E2 * left[1]]]) * basis.T
    normals = sp.Matrix([[0, 1], [-sp.sin(THETA), sp.cos(THETA)]])
    return [sp.expand(edge - value) for edge, value in zip(edges, normals * w.T, strict=True)]


@functools.cache
def derive(rule: Rule, view: str = "flow") -> Derivation:
    """The chain from the loss to the plateau length of the wedge.

    Parameters
    ----------
    rule
        A spectral rule, or ``newton``.
    view
        ``flow``, for every such rule; ``descent`` for ``gd`` and ``newton``, whose steps are linear.

    Raises
    ------
    ArgumentError
        If no derivation exists for this rule and view.
    """
    known("view", view, VIEWS)
    if rule.power == 0 or rule.kind == "newton":
        steps, laws = _linear(rule, view)
    elif rule.kind == "spectral" and view == "flow":
        steps, laws = _by_clock(rule)
    else:
        raise ArgumentError("rule", f"have a derivation in closed form as a {view}", f"is {rule.name}")
    return Derivation("wedge", rule.name, view, [*_opening(), *steps], _laws() | laws)


def _linear(rule: Rule, view: str) -> tuple[list[Step], dict[str, sp.Expr]]:
    """Rules under which each error contracts on its own: ė = −r e, or e ← (1 − ηr) e."""
    newton = rule.kind == "newton"
    named = (sp.Integer(1), sp.Integer(1)) if newton else (RATE1, RATE2)
    if view == "flow":
        parameter, unit = TIME, "flow time t"
        left = decay(named[0]), decay(named[1])
        equation: tuple[sp.Expr, ...] = tuple(-rate * e for rate, e in zip(named, (E1, E2), strict=True))
    else:
        parameter, unit = STEP, "steps k"
        left = contract(named[0]), contract(named[1])
        equation = tuple((1 - ETA * rate) * e for rate, e in zip(named, (E1, E2), strict=True))
    plain = "The rule leaves every singular value as it is, and λᵢeᵢ is the gradient along direction i."
    inverse = "The rule multiplies the gradient by the inverse curvature, so that both errors contract alike."
    steps = [
        Step(
            "mode equations",
            sp.Matrix(equation),
            inverse if newton else plain,
            lambda: _mode_residual(equation, rule, view),
        ),
        Step(
            "solution",
            sp.Eq(
                sp.Matrix([sp.Function("e_1")(parameter), sp.Function("e_2")(parameter)]),
                sp.Matrix([E1 * left[0], E2 * left[1]]),
                evaluate=False,
            ),
            "Found by dsolve." if view == "flow" else "Found by rsolve.",
            lambda: solution_residual(left, equation, parameter),
        ),
        error_step(error_law()),
        wedge_plateau.limit_step(_formulas()),
        _end_step(left, unit),
    ]
    speeds = (sp.Integer(1), sp.Integer(1)) if newton else rates()
    laws = _in_parameters({"contraction_fast": speeds[0], "contraction_slow": speeds[1]})
    if view == "flow":
        steps.append(wedge_plateau.existence_step(_formulas(), newton=newton))
    if not newton:
        expansion, length = wedge_plateau.expansion_steps(_formulas(), view)
        steps += expansion
        laws["leading"] = length
    return steps, laws


def _mode_residual(equation: tuple[sp.Expr, ...], rule: Rule, view: str) -> list[sp.Expr]:
    """The mode equations against the rule applied to the gradient itself, with Σ + λI turned to its directions."""
    turn, star = sp.Matrix([[sp.cos(AXIS), sp.sin(AXIS)], [-sp.sin(AXIS), sp.cos(AXIS)]]), _minimiser()
    errors, speeds = sp.Matrix([E1, E2]), sp.diag(RATE1, RATE2)
    shift = turn.T * errors
    gradient = sp.Matrix(_gradient()).subs({W1: star[W1] + shift[0], W2: star[W2] + shift[1]}, simultaneous=True)
    curvature = turn.T * speeds * turn
    entries = {S11: curvature[0, 0] - DECAY, S12: curvature[0, 1], S22: curvature[1, 1] - DECAY}
    along = (turn * gradient.applyfunc(sp.simplify).subs(entries)).applyfunc(sp.simplify)
    update = speeds.inv() * along if rule.kind == "newton" else along
    stated = sp.Matrix(equation)
    return list(stated + update if view == "flow" else stated - (errors - ETA * update))


def _by_clock(rule: Rule) -> tuple[list[Step], dict[str, sp.Expr]]:
    """Spectral rules: one singular value, so the path is gradient descent's and only its clock differs."""
    found = clock(rule)
    steps = [
        *found.steps,
        error_step(error_law()),
        wedge_plateau.limit_step(_formulas()),
        _end_step(found.left, "time τ along the path, which the clock turns into flow time"),
        wedge_plateau.existence_step(_formulas(), newton=False),
    ]
    return steps, {"clock": found.speed}
