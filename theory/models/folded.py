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

from theory.checks import ArgumentError, inside, known, length, nonnegative, numbers
from theory.clock import E1, E2, PATH, RATE1, RATE2, clock
from theory.derivation import VIEWS, Derivation, Step, compiled
from theory.folded_plateau import correction_step, existence_step, short_step
from theory.geometry import EPSILON, U1, U2, W1, W2, error_law, error_step, front, front_residual
from theory.geometry import THETA as THETA
from theory.models.linear import LinearModel
from theory.modes import DECAY, ETA, STEP, TIME, solution_residual
from theory.modes import contract as _contract
from theory.modes import decay as _decay
from theory.rules import Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

MARGIN = sp.Symbol("s", nonnegative=True)
M1, M2 = sp.symbols("m_1 m_2", positive=True)
X1, X2, Y = sp.symbols("x_1 x_2 y", real=True)
THRESHOLD = sp.Symbol("q", positive=True)

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
        import numpy as np

        found = numbers("start", (1.0, 3.0) if amplitudes is None else amplitudes)
        length("start", found, [2])
        return np.array([found])

    def derive(self, rule: Rule, view: str = "flow") -> Derivation:
        """The chain from the loss to the plateau length."""
        return derive(rule, view)


@functools.cache
def moment_formulas() -> dict[sp.Symbol, sp.Expr]:
    """m₁ = E|x₁| and m₂ = E x₁² of the training distribution, from the Gaussian density."""
    s, x = sp.symbols("s x", positive=True)
    density = sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
    tail = sp.erfc(MARGIN / sp.sqrt(2)) / 2
    m1 = sp.integrate(x * density, (x, s, sp.oo)).subs(s, MARGIN) / tail
    return {M1: m1, M2: 1 + MARGIN * m1}


def _moment_residual() -> list[sp.Expr]:
    """What is wrong with the moments, by integrating the density from s to infinity."""
    s, x = sp.symbols("s x", positive=True)
    density = sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
    mass, first, second = (sp.integrate(x**n * density, (x, s, sp.oo)) for n in range(3))
    formulas = {key: value.subs(MARGIN, s) for key, value in moment_formulas().items()}
    return [
        (formulas[M1] * mass - first).rewrite(sp.erf),
        (formulas[M2] * mass - second).rewrite(sp.erf),
    ]


@functools.cache
def _loss() -> sp.Expr:
    """½ E(w·x − y)² + ½ λ‖w‖², each monomial of the square replaced by its expectation."""
    expectations = {
        (2, 0, 0): M2,
        (0, 2, 0): EPSILON,
        (1, 1, 0): 0,
        (1, 0, 1): M1,
        (0, 1, 1): 0,
        (0, 0, 2): 1,
    }
    square = sp.Poly(sp.expand((W1 * X1 + W2 * X2 - Y) ** 2), X1, X2, Y)
    mean = sum(coefficient * expectations[powers] for powers, coefficient in square.terms())
    return mean / 2 + DECAY * (W1**2 + W2**2) / 2


def _loss_residual(w: sp.Matrix) -> sp.Expr:
    """The loss against ½ wΣwᵀ − w·c + ½ + ½ λ wwᵀ with Σ = E xxᵀ = diag(m₂, ε) and c = E yx = (m₁, 0)."""
    quadratic = (w * sp.diag(M2 + DECAY, EPSILON + DECAY) * w.T)[0] / 2
    return quadratic - M1 * W1 + sp.Rational(1, 2) - _loss()


@functools.cache
def _gradient() -> tuple[sp.Expr, sp.Expr]:
    return sp.diff(_loss(), W1), sp.diff(_loss(), W2)


@functools.cache
def _minimiser() -> dict[sp.Symbol, sp.Expr]:
    return dict(sp.solve(_gradient(), [W1, W2]))


@functools.cache
def rates() -> tuple[sp.Expr, sp.Expr]:
    """Curvature of the loss along each feature: how fast gradient descent contracts its error."""
    return sp.diff(_gradient()[0], W1), sp.diff(_gradient()[1], W2)


def _errors(parameter: sp.Symbol, factors: tuple[sp.Expr, sp.Expr]) -> tuple[sp.Expr, sp.Expr]:
    star = _minimiser()
    return (U1 - star[W1]) * factors[0], (U2 - star[W2]) * factors[1]


@functools.cache
def boundary() -> sp.Expr:
    """With w₂ ≥ 0, the test error is 100 % where this is not negative: w points beyond v, at an angle in [θ, π]."""
    return front()


@functools.cache
def coefficients() -> dict[str, sp.Expr]:
    """A, B, C of the boundary function A·b + B·a + C, where a and b are what is left of both errors."""
    a, b = sp.symbols("a b", positive=True)
    e1, e2 = _errors(TIME, (a, b))
    star = _minimiser()
    polynomial = sp.Poly(sp.expand(boundary().subs({W1: star[W1] + e1, W2: star[W2] + e2})), a, b)
    return {
        "slow": polynomial.coeff_monomial(b),
        "fast": polynomial.coeff_monomial(a),
        "constant": polynomial.coeff_monomial(1),
    }


def _opening() -> list[Step]:
    """The steps that all rules share: from the loss to the error along each singular direction."""
    formulas, star = moment_formulas(), _minimiser()
    g1, g2 = _gradient()
    loss, w = sp.Function("L")(W1, W2), sp.Matrix([[W1, W2]])
    curvature = sp.diag(*rates())
    return [
        Step(
            "moments",
            sp.Eq(sp.Matrix([M1, M2]), sp.Matrix([formulas[M1], formulas[M2]]), evaluate=False),
            "m₁ = E|x₁| and m₂ = E x₁² of a standard Gaussian given |x₁| ≥ s; the feature x₂ has variance ε "
            "and is independent of the label.",
            _moment_residual,
        ),
        Step(
            "loss",
            sp.Eq(loss, _loss(), evaluate=False),
            "Expand ½ (w·x − y)² and take the expectation of each monomial; add ½ λ‖w‖².",
            lambda: _loss_residual(w),
        ),
        Step(
            "gradient",
            sp.Eq(sp.Symbol("G"), sp.Matrix([[g1, g2]]), evaluate=False),
            "Differentiate. One output: the gradient is a 1×2 matrix with a single singular value ‖G‖.",
            lambda: list(sp.Matrix([[g1, g2]]) - (w * curvature - sp.Matrix([[M1, 0]]))),
        ),
        Step(
            "minimiser",
            sp.Eq(sp.Matrix([[W1, W2]]), sp.Matrix([[star[W1], star[W2]]]), evaluate=False),
            "Where the gradient vanishes.",
            lambda: [g1.subs(star), g2.subs(star)],
        ),
        Step(
            "directions",
            sp.Eq(sp.Matrix([RATE1, RATE2]), sp.Matrix(rates()), evaluate=False),
            "With the error e = w − w*, the gradient is (λ₁e₁, λ₂e₂): both features are singular directions.",
            lambda: [
                g1.subs(W1, star[W1] + E1) - rates()[0] * E1,
                g2.subs(W2, star[W2] + E2) - rates()[1] * E2,
            ],
        ),
    ]


def _error_step() -> Step:
    return Step(
        "test error",
        sp.Ge(boundary(), 0),
        "Whitened, the test set is a double sector and the angle of a Gaussian is uniform on it: w errs on all "
        "of it exactly when w₂ ≥ 0 and w points beyond v.",
        lambda: front_residual(boundary()),
    )


def _end_step(left: tuple[sp.Expr, sp.Expr], parameter: sp.Symbol, unit: str) -> Step:
    parts = coefficients()
    edge = parts["slow"] * left[1] + parts["fast"] * left[0] + parts["constant"]
    star, (e1, e2) = _minimiser(), _errors(parameter, left)
    return Step(
        "plateau",
        sp.Ge(edge, 0),
        f"The plateau lasts while this holds; a sum of two exponentials and a constant has at most two zeros, "
        f"so its end is the root beyond the single stationary point, in {unit}.",
        lambda: edge - boundary().subs({W1: star[W1] + e1, W2: star[W2] + e2}),
    )


def _slow_end(factor: sp.Expr, parameter: sp.Symbol, name: str) -> tuple[Step, sp.Expr]:
    """The end of the plateau with the fast direction at rest: the leading order."""
    parts = coefficients()
    x = sp.Symbol("x", positive=True)
    ratio = sp.solve(parts["slow"] * x + parts["constant"], x)[0]
    rate = sp.log(factor.subs(parameter, 1))
    length = sp.log(ratio) / rate
    return (
        Step(
            "leading order",
            sp.Eq(sp.Symbol(name), length, evaluate=False),
            "Once the fast direction has arrived (λ₁ ≫ λ₂) only the slow exponential is left: solve for it.",
            lambda: parts["slow"] * sp.exp(length * rate) + parts["constant"],
        ),
        length,
    )


def _laws() -> dict[str, sp.Expr]:
    formulas = moment_formulas()
    star = _minimiser()
    laws = {name: part.subs(formulas) for name, part in coefficients().items()}
    laws |= {"initial": boundary().subs({W1: U1, W2: U2})}
    laws |= {"rate_fast": rates()[0].subs(formulas), "rate_slow": rates()[1].subs(formulas)}
    laws |= {"error_fast": (U1 - star[W1]).subs(formulas), "error_slow": (U2 - star[W2]).subs(formulas)}
    return laws


@functools.cache
def derive(rule: Rule, view: str = "flow") -> Derivation:
    """The chain from the loss to the plateau length of the folded model.

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
    linear = {"gd": rates(), "newton": (sp.Integer(1), sp.Integer(1))}
    kind = "gd" if rule.power == 0 else rule.kind
    if kind in linear:
        steps, laws = _linear(linear[kind], rule, view)
    elif rule.kind == "spectral" and view == "flow":
        steps, laws = _by_clock(rule)
    else:
        raise ArgumentError("rule", f"have a derivation in closed form as a {view}", f"is {rule.name}")
    return Derivation("folded", rule.name, view, [*_opening(), *steps], _laws() | laws)


def _linear(contraction: tuple[sp.Expr, sp.Expr], rule: Rule, view: str) -> tuple[list[Step], dict[str, sp.Expr]]:
    """Rules under which each error contracts on its own: ė = −r e, or e ← (1 − ηr) e."""
    named = (RATE1, RATE2) if rule.power == 0 else contraction
    values = dict(zip((RATE1, RATE2), rates(), strict=True))
    if view == "flow":
        parameter, unit, name = TIME, "flow time t", "t^*"
        left = tuple(_decay(rate) for rate in named)
        equation: tuple[sp.Expr, ...] = tuple(-rate * e for rate, e in zip(named, (E1, E2), strict=True))
        reason = "The rule leaves every singular value as it is: ė = −G."
    else:
        parameter, unit, name = STEP, "steps k", "k^*"
        left = tuple(_contract(rate) for rate in named)
        equation = tuple((1 - ETA * rate) * e for rate, e in zip(named, (E1, E2), strict=True))
        reason = "One step of size η: e ← e − ηG."
    if rule.kind == "newton":
        reason = "The rule multiplies the gradient by the inverse curvature, so that both errors contract alike."
    steps = [
        Step(
            "mode equations",
            sp.Matrix(equation),
            reason,
            lambda: _mode_residual(equation, contraction, values, view),
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
        _error_step(),
        _end_step((left[0], left[1]), parameter, unit),
    ]
    laws = {}
    if rule.kind != "newton":  # which has no slow direction
        ends, length = _slow_end(left[1], parameter, name)
        steps += [ends, correction_step(), short_step(), existence_step()] if view == "flow" else [ends]
        laws["leading"] = length.subs(values).subs(moment_formulas())
    laws |= {"contraction_fast": contraction[0].subs(moment_formulas())}
    laws |= {"contraction_slow": contraction[1].subs(moment_formulas())}
    return steps, laws


def _mode_residual(
    equation: tuple[sp.Expr, ...], contraction: tuple[sp.Expr, sp.Expr], values: dict[Any, Any], view: str
) -> list[sp.Expr]:
    """The mode equations against the rule applied to the gradient itself."""
    star = _minimiser()
    at = {W1: star[W1] + E1, W2: star[W2] + E2}
    update = [g.subs(at) * c / rate for g, c, rate in zip(_gradient(), contraction, rates(), strict=True)]
    if view == "flow":
        return [e.subs(values) + u for e, u in zip(equation, update, strict=True)]
    return [e.subs(values) - (x - ETA * u) for e, x, u in zip(equation, (E1, E2), update, strict=True)]


def _by_clock(rule: Rule) -> tuple[list[Step], dict[str, sp.Expr]]:
    """Spectral rules: one singular value, so the path is gradient descent's and only its clock differs."""
    found = clock(rule)
    steps = [
        *found.steps,
        error_step(error_law()),
        _error_step(),
        _end_step(found.left, PATH, "time τ along the path, which the clock turns into flow time"),
        existence_step(),
    ]
    return steps, {"clock": found.pace}
