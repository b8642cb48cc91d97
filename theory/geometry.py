"""Test error as geometry: a linear classifier on a double sector of the plane.

The test inputs of the folded model, and all inputs of the wedge, are z ~ N(0, diag(1, ε)) given z₁ (z·v) ≤ 0, with v
at angle θ to the first axis and the label sign z₁. Whitened, these are the directions (sin a, −cos a) with a in
(0, ψ), tan ψ = √ε tan θ, and their opposites; a Gaussian's angle is uniform on them and independent of its radius.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import sympy as sp

from theory.derivation import Step

EPSILON = sp.Symbol("epsilon", positive=True)
THETA = sp.Symbol("theta", positive=True)
W1, W2 = sp.symbols("w_1 w_2", real=True)
U1, U2 = sp.symbols("u_1 u_2", real=True)
PSI = sp.Symbol("psi", positive=True)
RADIUS = sp.Symbol("r", positive=True)
POLAR = sp.Symbol("a", positive=True)
HALF = sp.Symbol("h", positive=True)  # tan(β/2), which makes cos β and sin β rational


@functools.cache
def width() -> sp.Expr:
    """The angle ψ of the sector, in (0, π)."""
    return sp.atan2(sp.sqrt(EPSILON) * sp.sin(THETA), sp.cos(THETA))


@functools.cache
def front() -> sp.Expr:
    """w₂ cos θ − w₁ sin θ: not negative where w lies beyond v."""
    return W2 * sp.cos(THETA) - W1 * sp.sin(THETA)


@functools.cache
def error_law() -> sp.Expr:
    """Error of weights (w₁, w₂), of any sign and size: the share of the sector on the wrong side of w.

    With β in [0, π] the angle of the whitened w to the first axis, w errs where a < β if w₂ ≥ 0, and where a > π − β
    if w₂ < 0. Weights that are zero classify nothing correctly.
    """
    angle = sp.atan2(sp.sqrt(EPSILON) * sp.Abs(W2), W1)
    zero = sp.And(sp.Eq(W1, 0), sp.Eq(W2, 0))
    above, below = sp.Min(angle / width(), 1), sp.Max(1 - (sp.pi - angle) / width(), 0)
    return sp.Piecewise((1, zero), (above, W2 >= 0), (below, True))


def sector_step() -> Step:
    """The test set as a double sector."""
    return Step(
        "sector",
        sp.Eq(PSI, width(), evaluate=False),
        "Whitened by diag(1, √ε), a standard Gaussian remains: its angle is uniform and independent of its radius. "
        "The inputs with z₁ > 0 are those in the directions (sin a, −cos a), 0 < a < ψ; the others are opposite.",
        lambda: _sector_residual(width()),
        origin="definition",
    )


def _sector_residual(angle: sp.Expr) -> list[sp.Expr]:
    """The input at a = ψ lies on the plane of v, the one at a = 0 on that of the first axis, those between inside."""
    first, second = sp.sin(POLAR), -sp.sqrt(EPSILON) * sp.cos(POLAR)
    product = first * sp.cos(THETA) + second * sp.sin(THETA)
    slope = product.diff(POLAR).subs(POLAR, angle)  # positive: z·v is negative up to ψ
    return [product.subs(POLAR, angle), first.subs(POLAR, 0), sp.Abs(slope) - slope]


@functools.cache
def error_step(law: sp.Expr) -> Step:
    """The exact error of any weights."""
    return Step(
        "error",
        sp.Eq(sp.Function("E")(W1, W2), law, evaluate=False),
        "The share of the sector in which w·x and the label differ, from orthant probabilities (Sheppard's formula); "
        "100 % exactly when w₂ ≥ 0 and w points beyond v, that is when β ≥ ψ. Zero weights count as wrong.",
        lambda: _error_residual(law),
    )


def _error_residual(law: sp.Expr) -> list[sp.Expr]:
    """The error against orthant probabilities, in each of the four positions of w; β = 2 arctan h.

    Two half-planes whose normals have the correlation c share the probability ¼ + arcsin(c)/2π.
    """
    cosine = (1 - HALF**2) / (1 + HALF**2)
    angle, share = sp.Symbol("beta", positive=True), PSI / sp.pi

    def orthant(correlation: sp.Expr) -> sp.Expr:
        return sp.Rational(1, 4) + sp.asin(correlation) / (2 * sp.pi)

    def branch(second: sp.Expr, wide: bool) -> sp.Expr:
        """The law at weights of one sign of w₂, with β instead of `atan2` and one side of Min or Max taken."""
        found = law.subs({W1: 1, W2: second}).subs(width(), PSI)
        found = found.subs(sp.atan2(sp.sqrt(EPSILON), 1), angle)
        return found.replace(sp.Min, lambda *x: _taken(x, wide)).replace(sp.Max, lambda *x: _taken(x, wide))

    opposite = 2 * orthant(-cosine)  # x₁ and w·x of opposite signs: next to a = 0 if w₂ > 0, to a = π otherwise
    turn = {angle: 2 * sp.atan(HALF)}
    narrow_above = (branch(sp.Integer(1), True) * share).subs(turn) - opposite
    narrow_below = (branch(sp.Integer(-1), True) * share).subs(turn) - (opposite - (1 - share))
    flat = [narrow_above.diff(HALF), narrow_below.diff(HALF)]  # constant, and zero at one point:
    at_one = [narrow_above.subs(HALF, 1), narrow_below.subs(HALF, 1)]
    ends = [branch(sp.Integer(1), False) - 1, branch(sp.Integer(-1), False), law.subs({W1: 0, W2: 0}) - 1]
    return [sp.simplify(entry) for entry in [*flat, *at_one, *ends]]


def _taken(arguments: tuple[sp.Expr, ...], varying: bool) -> sp.Expr:
    """The varying argument of a Min or Max, or the constant one."""
    return next(argument for argument in arguments if argument.is_number is not varying)


def front_residual(stated: sp.Expr) -> list[sp.Expr]:
    """Whitened by diag(1, √ε), the planes of v, w and e₁ bound the sector: compare the cross products."""
    whiten = sp.Matrix([[1, 0], [0, sp.sqrt(EPSILON)]])
    v = whiten * sp.Matrix([sp.cos(THETA), sp.sin(THETA)])
    w = whiten * sp.Matrix([W1, W2])
    turn = sp.Matrix.hstack(v, w).det() / sp.sqrt(EPSILON)  # positive where w lies beyond v
    limit = sp.Matrix.hstack(sp.Matrix([1, 0]), w).det() / sp.sqrt(EPSILON)  # positive where w₂ is
    return [turn - stated, limit - W2]


def polar_mean(moment: Callable[[sp.Expr, sp.Expr], sp.Expr]) -> sp.Expr:
    """Mean over the sector of moment(z₁, z₂), taken at the inputs with z₁ > 0, by the Gaussian integral."""
    point = RADIUS * sp.sin(POLAR), -sp.sqrt(EPSILON) * RADIUS * sp.cos(POLAR)
    density = RADIUS * sp.exp(-(RADIUS**2) / 2) / PSI
    radial = sp.integrate(sp.expand(moment(*point) * density), (RADIUS, 0, sp.oo))
    return sp.simplify(sp.integrate(radial, (POLAR, 0, PSI)))
