"""What all chains of a regression share: from the loss to the error along each singular direction."""

from __future__ import annotations

import functools
from typing import Any

import sympy as sp

from theory.derivation import Step
from theory.models.regression import ERROR, RATE
from theory.rules import SIGMA, Rule


@functools.cache
def opening() -> tuple[Step, ...]:
    """From the loss to the gradient in its singular directions, shared by all rules."""
    c, d = sp.symbols("c d", integer=True, positive=True)
    decay = sp.Symbol("lambda", nonnegative=True)
    weights, cross, star = (sp.MatrixSymbol(name, c, d) for name in ("W", "C", "W^*"))
    covariance, error = sp.MatrixSymbol("Sigma", d, d), sp.MatrixSymbol("E", c, d)
    curvature = covariance + decay * sp.Identity(d)
    loss = (
        sp.Trace(weights * covariance * weights.T) / 2
        - sp.Trace(weights * cross.T)
        + decay * sp.Trace(weights * weights.T) / 2
    )
    gradient = weights * curvature - cross
    return (
        Step(
            "loss",
            sp.Eq(sp.Function("L")(weights), loss, evaluate=False),
            "½ E‖W x − y‖² + ½ λ‖W‖² with Σ = E x xᵀ and C = E y xᵀ, up to the constant ½ E‖y‖².",
            _loss_residual,
            origin="definition",
        ),
        Step(
            "gradient",
            sp.Eq(sp.Symbol("G"), gradient, evaluate=False),
            "Differentiate; Σ is symmetric.",
            _gradient_residual,
        ),
        Step(
            "error",
            sp.Eq(sp.Symbol("G"), error * curvature, evaluate=False),
            "Write W = W* + E with W*(Σ + λI) = C, the minimiser.",
            lambda: _error_residual(gradient, weights, cross, star, error, curvature),
        ),
        Step(
            "directions",
            sp.Eq(
                sp.Symbol("G"),
                sp.Sum(
                    sp.Indexed("lambda", sp.Symbol("i")) * sp.Indexed("e", sp.Symbol("i")) * sp.Symbol("u_i v_i^T"),
                    (sp.Symbol("i"), 1, d),
                ),
                evaluate=False,
            ),
            "Aligned start: Σ + λI = Σᵢ λᵢ vᵢvᵢᵀ and E = Σᵢ eᵢ uᵢvᵢᵀ, so the singular values of G are λᵢ|eᵢ|. "
            "Checked for two directions at any angles; more add terms of the same form.",
            _direction_residual,
        ),
    )


def _explicit() -> tuple[sp.Matrix, sp.Matrix, sp.Matrix, sp.Expr, sp.Expr]:
    """A 2×2 instance with general entries: W, Σ, C, λ and the loss written as sums."""
    w = sp.Matrix(2, 2, sp.symbols("w11 w12 w21 w22"))
    a, b, d = sp.symbols("a b d")
    covariance = sp.Matrix([[a, b], [b, d]])
    cross = sp.Matrix(2, 2, sp.symbols("c11 c12 c21 c22"))
    decay = sp.Symbol("lambda")
    loss = sum(
        (w[i, :] * covariance * w[i, :].T)[0] / 2 - (w[i, :] * cross[i, :].T)[0] + decay * w[i, :].dot(w[i, :]) / 2
        for i in range(2)
    )
    return w, covariance, cross, decay, loss


def _loss_residual() -> sp.Expr:
    """The loss against ½ E‖W x − y‖², expanded with the moments in place of the monomials."""
    w, covariance, cross, decay, loss = _explicit()
    x, y = sp.Matrix(sp.symbols("x1 x2")), sp.Matrix(sp.symbols("y1 y2"))
    moments = {x[i] * x[j]: covariance[i, j] for i in range(2) for j in range(2)}
    moments |= {y[i] * x[j]: cross[i, j] for i in range(2) for j in range(2)}
    square = sp.Poly(sp.expand((w * x - y).dot(w * x - y)), *x, *y)
    mean = 0
    for powers, coefficient in square.terms():
        monomial = sp.prod(v**p for v, p in zip((*x, *y), powers, strict=True))
        if any(powers[:2]):
            mean += coefficient * moments[monomial]
    return mean / 2 + decay * sum(entry**2 for entry in w) / 2 - loss


def _gradient_residual() -> list[sp.Expr]:
    w, covariance, cross, decay, loss = _explicit()
    stated = w * (covariance + decay * sp.eye(2)) - cross
    return [sp.diff(loss, w[i, j]) - stated[i, j] for i in range(2) for j in range(2)]


def _error_residual(gradient: Any, weights: Any, cross: Any, star: Any, error: Any, curvature: Any) -> sp.Expr:
    shifted = gradient.subs({weights: star + error}).subs({cross: star * curvature})
    difference = sp.expand(shifted.doit() - (error * curvature).doit()).doit()
    return sp.Integer(0) if difference.is_ZeroMatrix else sp.Integer(1)


COSINES = sp.symbols("c_u c_v", real=True)
SINES = sp.symbols("s_u s_v", real=True)


def rotations() -> tuple[sp.Matrix, sp.Matrix]:
    """Two rotations by any angles, u and v, written with cosines and sines as symbols."""
    u, v = (sp.Matrix([[c, -s], [s, c]]) for c, s in zip(COSINES, SINES, strict=True))
    return u, v


def on_circle(matrix: sp.Matrix) -> list[sp.Expr]:
    """The entries, reduced by cos² + sin² = 1."""

    def reduce(entry: sp.Expr) -> sp.Expr:
        for c, s in zip(COSINES, SINES, strict=True):
            entry = sp.rem(sp.expand(entry), s**2 + c**2 - 1, s)
        return sp.expand(entry)

    return [reduce(entry) for entry in matrix]


def _direction_residual() -> list[sp.Expr]:
    rates, errors = sp.symbols("lambda_1 lambda_2", positive=True), sp.symbols("e_1 e_2", real=True)
    u, v = rotations()
    gradient = (u * sp.diag(*errors) * v.T) * (v * sp.diag(*rates) * v.T)
    squares = sp.diag(*[(rate * e) ** 2 for rate, e in zip(rates, errors, strict=True)])
    return on_circle(gradient * gradient.T - u * squares * u.T)


def mode_residual(rule: Rule, speed: sp.Expr) -> list[sp.Expr]:
    """The rule put on a 2×2 gradient U diag(λe) Vᵀ, against the speeds stated for the two directions."""
    rates, errors = sp.symbols("lambda_1 lambda_2", positive=True), sp.symbols("e_1 e_2", positive=True)
    u, v = rotations()
    stated = u * sp.diag(*[speed.subs({RATE: r, ERROR: e}) for r, e in zip(rates, errors, strict=True)]) * v.T
    values = [r * e for r, e in zip(rates, errors, strict=True)]
    if rule.law is None:  # Newton: the update times the curvature is the gradient
        return on_circle(stated * v * sp.diag(*rates) * v.T - u * sp.diag(*values) * v.T)
    update = u * sp.diag(*[rule.law.subs(SIGMA, value) for value in values]) * v.T
    return [sp.powdenest(entry, force=True) for entry in update - stated]
