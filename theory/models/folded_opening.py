"""What all chains of the folded model share: from the loss to the error of each feature, and to the test error."""

from __future__ import annotations

import functools

import sympy as sp

from theory.clock import E1, E2, RATE1, RATE2
from theory.derivation import Step
from theory.geometry import front_residual
from theory.models.folded import (
    DECAY,
    EPSILON,
    M1,
    M2,
    MARGIN,
    U1,
    U2,
    W1,
    W2,
    X1,
    X2,
    Y,
    boundary,
    moment_formulas,
)


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
def loss() -> sp.Expr:
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
    return quadratic - M1 * W1 + sp.Rational(1, 2) - loss()


@functools.cache
def gradient() -> tuple[sp.Expr, sp.Expr]:
    """The gradient by w₁ and w₂."""
    return sp.diff(loss(), W1), sp.diff(loss(), W2)


@functools.cache
def minimiser() -> dict[sp.Symbol, sp.Expr]:
    """The weights w₁* and w₂* at which the gradient vanishes."""
    return dict(sp.solve(gradient(), [W1, W2]))


@functools.cache
def rates() -> tuple[sp.Expr, sp.Expr]:
    """Curvature of the loss along each feature: how fast gradient descent contracts its error."""
    return sp.diff(gradient()[0], W1), sp.diff(gradient()[1], W2)


def errors(left: tuple[sp.Expr, sp.Expr]) -> tuple[sp.Expr, sp.Expr]:
    """Both errors, from what is left of each."""
    star = minimiser()
    return (U1 - star[W1]) * left[0], (U2 - star[W2]) * left[1]


@functools.cache
def coefficients() -> dict[str, sp.Expr]:
    """A, B, C of the boundary function A·b + B·a + C, where a and b are what is left of both errors."""
    a, b = sp.symbols("a b", positive=True)
    e1, e2 = errors((a, b))
    star = minimiser()
    polynomial = sp.Poly(sp.expand(boundary().subs({W1: star[W1] + e1, W2: star[W2] + e2})), a, b)
    return {
        "slow": polynomial.coeff_monomial(b),
        "fast": polynomial.coeff_monomial(a),
        "constant": polynomial.coeff_monomial(1),
    }


@functools.cache
def opening() -> tuple[Step, ...]:
    """The steps that all rules share: from the loss to the error along each singular direction."""
    formulas, star = moment_formulas(), minimiser()
    g1, g2 = gradient()
    w = sp.Matrix([[W1, W2]])
    curvature = sp.diag(*rates())
    return (
        Step(
            "moments",
            sp.Eq(sp.Matrix([M1, M2]), sp.Matrix([formulas[M1], formulas[M2]]), evaluate=False),
            "m₁ = E|x₁| and m₂ = E x₁² of a standard Gaussian given |x₁| ≥ s; the feature x₂ has variance ε "
            "and is independent of the label.",
            _moment_residual,
        ),
        Step(
            "loss",
            sp.Eq(sp.Function("L")(W1, W2), loss(), evaluate=False),
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
    )


@functools.cache
def front_step() -> Step:
    """Where the test error is 100 %."""
    return Step(
        "test error",
        sp.Ge(boundary(), 0),
        "Whitened, the test set is a double sector and the angle of a Gaussian is uniform on it: w errs on all "
        "of it exactly when w₂ ≥ 0 and w points beyond v.",
        lambda: front_residual(boundary()),
    )


def end_step(left: tuple[sp.Expr, sp.Expr], unit: str) -> Step:
    """The condition under which the plateau lasts, from what is left of both errors."""
    parts = coefficients()
    edge = parts["slow"] * left[1] + parts["fast"] * left[0] + parts["constant"]
    star, (e1, e2) = minimiser(), errors(left)
    return Step(
        "plateau",
        sp.Ge(edge, 0),
        f"The plateau lasts while this holds; a sum of two exponentials and a constant has at most two zeros, "
        f"so its end is the root beyond the single stationary point, in {unit}.",
        lambda: edge - boundary().subs({W1: star[W1] + e1, W2: star[W2] + e2}),
    )


def model_laws() -> dict[str, sp.Expr]:
    """The numbers of the model that every prediction needs, in its parameters."""
    formulas = moment_formulas()
    star = minimiser()
    laws = {name: part.subs(formulas) for name, part in coefficients().items()}
    laws |= {"initial": boundary().subs({W1: U1, W2: U2})}
    laws |= {"rate_fast": rates()[0].subs(formulas), "rate_slow": rates()[1].subs(formulas)}
    laws |= {"error_fast": (U1 - star[W1]).subs(formulas), "error_slow": (U2 - star[W2]).subs(formulas)}
    return laws
