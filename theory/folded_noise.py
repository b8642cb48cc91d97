"""Noise of minibatches on the folded model: fourth moments, stationary covariance, largest stable step."""

from __future__ import annotations

import functools
import itertools

import sympy as sp

from theory.clock import RATE1, RATE2
from theory.contractions import DECAY, ETA
from theory.derivation import Derivation, Step
from theory.geometry import EPSILON
from theory.models.folded import M1, M2, MARGIN, X1, X2, Y, moment_formulas
from theory.noise import BATCH, MEAN, SECOND, Powers, drawn, expectation, next_second, opening

M3, M4 = sp.symbols("m_3 m_4", positive=True)
STAR = sp.Symbol("w^*", real=True)
N11, N12, N22 = sp.symbols("N_11 N_12 N_22", positive=True)
F1, F2 = sp.symbols("F_1 F_2", nonnegative=True)


@functools.cache
def higher_moments() -> dict[sp.Symbol, sp.Expr]:
    """m₃ = E|x₁|³ and m₄ = E x₁⁴ of the folded model's training distribution, by parts from m₁ and m₂."""
    return {M3: 2 * M1 + MARGIN**2 * M1, M4: 3 * M2 + MARGIN**3 * M1}


def _higher_residual() -> list[sp.Expr]:
    """What is wrong with m₃ and m₄, by integrating the density from s to infinity."""
    s, x = sp.symbols("s x", positive=True)
    density = sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
    mass, third, fourth = (sp.integrate(x**n * density, (x, s, sp.oo)) for n in (0, 3, 4))
    found = [(higher_moments()[m].subs(moment_formulas()).subs(MARGIN, s) * mass).rewrite(sp.erf) for m in (M3, M4)]
    return [sp.expand(f - g.rewrite(sp.erf)) for f, g in zip(found, (third, fourth), strict=True)]


def folded_moment(powers: Powers) -> sp.Expr:
    """E x₁ⁱ x₂ʲ yᵏ of the folded model: y = sign x₁, x₂ an independent Gaussian of variance ε."""
    i, j, k = powers
    if j % 2 or (i + k) % 2:
        return sp.Integer(0)
    return (sp.Integer(1), M1, M2, M3, M4)[i] * EPSILON ** (j // 2) * sp.factorial2(j - 1)


@functools.cache
def folded_fourth() -> tuple[tuple[sp.Expr, ...], ...]:
    """E z_p z_q x_j x_k of the folded model, z = (x₁, x₂, r) and r = w*x₁ − y: row 3p + q, column 2j + k."""
    x, z = (X1, X2), (X1, X2, STAR * X1 - Y)
    return tuple(
        tuple(expectation(a * b * c * d, [(X1, X2, Y)], folded_moment) for c, d in itertools.product(x, x))
        for a, b in itertools.product(z, z)
    )


def folded_noise() -> dict[sp.Symbol, sp.Expr]:
    """What noise adds to (P₁₁, P₂₂) of the folded model: η²(N − Λ²) P + η² F, see the step `noise`."""
    fast, slow = M2 + DECAY, EPSILON + DECAY
    fourth = folded_fourth()
    return {
        N11: fast**2 + (fourth[0][0] - M2**2) / BATCH,
        N12: fourth[0][3] / BATCH,
        N22: slow**2 + (fourth[4][3] - EPSILON**2) / BATCH,
        F1: (fourth[8][0] - DECAY**2 * STAR**2) / BATCH,
        F2: fourth[8][3] / BATCH,
    }


def _folded_map() -> sp.Matrix:
    """P of the folded model after a step."""
    table = folded_fourth()

    def fourth(p: int, q: int, j: int, k: int) -> sp.Expr:
        return table[3 * p + q][2 * j + k]

    return next_second(fourth, sp.diag(M2, EPSILON), sp.Matrix([[STAR, 0]]))


def _folded_residual() -> list[sp.Expr]:
    """The folded map against the expanded step of one and two samples."""
    star = sp.Matrix([[STAR, 0]])
    residual = []
    for count in (1, 2):
        _, found = drawn(count, lambda x, y: STAR * x - y, star, folded_moment)
        difference = found - _folded_map().subs(BATCH, count)
        residual += list(difference.subs(M1, (M2 + DECAY) * STAR))
    return residual


def _diagonal(fast: sp.Expr, slow: sp.Expr) -> sp.Matrix:
    """2ΛP − ηNP: what a step takes from (P₁₁, P₂₂), over η."""
    curvature, noise = sp.diag(RATE1, RATE2), sp.Matrix([[N11, N12], [N12, N22]])
    return (2 * curvature - ETA * noise) * sp.Matrix([fast, slow])


def _noise_residual() -> list[sp.Expr]:
    """The map at mean zero against P − η(2Λ − ηN)P + η²F."""
    taken = _diagonal(SECOND[0, 0], SECOND[1, 1]).subs({RATE1: M2 + DECAY, RATE2: EPSILON + DECAY})
    after = _folded_map().subs(dict.fromkeys(MEAN, 0))
    return [
        (SECOND[i, i] - ETA * taken[i] + ETA**2 * f).subs(folded_noise()) - after[i, i] for i, f in enumerate((F1, F2))
    ] + [after[0, 1].subs(SECOND[0, 1], 0)]


@functools.cache
def _stationary() -> tuple[sp.Expr, sp.Expr]:
    p = sp.symbols("p_1 p_2")
    found = sp.solve(list(_diagonal(*p) - ETA * sp.Matrix([F1, F2])), p)
    return found[p[0]], found[p[1]]


def _limit() -> sp.Expr:
    """The least root of det(2Λ − ηN), written without cancellation."""
    a, b = RATE1 * N22, RATE2 * N11
    return 4 * RATE1 * RATE2 / (a + b + sp.sqrt((a - b) ** 2 + 4 * RATE1 * RATE2 * N12**2))


def _folded_steps() -> list[Step]:
    noise, stationary = folded_noise(), _stationary()
    minimiser = M1 / (M2 + DECAY)
    return [
        Step(
            "fourth moments",
            sp.Eq(sp.Matrix([M3, M4]), sp.Matrix([higher_moments()[M3], higher_moments()[M4]]), evaluate=False),
            "m₃ = E|x₁|³ and m₄ = E x₁⁴ given |x₁| ≥ s, by parts; with them every moment of x₁, x₂ and r = w*x₁ − y.",
            _higher_residual,
        ),
        Step(
            "minimiser",
            sp.Eq(STAR, minimiser, evaluate=False),
            "Where E r x₁ = −λw*; the second weight of the minimiser is zero.",
            lambda: (
                expectation(X1 * (STAR * X1 - Y), [(X1, X2, Y)], folded_moment).subs(STAR, minimiser)
                + DECAY * minimiser
            ),
        ),
        Step(
            "folded second moment",
            sp.Eq(sp.Symbol("P_{k+1}"), _folded_map(), evaluate=False),
            "These moments put in. The terms with e₁ and e₂ are there because the labels are no linear function of x.",
            _folded_residual,
        ),
        Step(
            "noise",
            sp.Eq(sp.Matrix(list(noise)), sp.Matrix(list(noise.values())), evaluate=False),
            "At mean zero P₁₂ dies out, and (P₁₁, P₂₂) becomes P − η(2Λ − ηN)P + η²F.",
            _noise_residual,
        ),
        Step(
            "stationary covariance",
            sp.Eq(sp.Matrix(sp.symbols("P_11^* P_22^*")), sp.Matrix(stationary), evaluate=False),
            "The fixed point: (2Λ − ηN)P = ηF.",
            lambda: list(_diagonal(*stationary) - ETA * sp.Matrix([F1, F2])),
        ),
        Step(
            "largest stable step",
            sp.Eq(sp.Symbol("eta_max"), _limit(), evaluate=False),
            "The least η at which 2Λ − ηN is singular. N has no negative entry, so that the second moment converges "
            "below it and grows above it.",
            lambda: sp.Matrix.hstack(_diagonal(1, 0), _diagonal(0, 1)).det().subs(ETA, _limit()),
        ),
    ]


def _folded_laws() -> dict[str, sp.Expr]:
    rates = {RATE1: M2 + DECAY, RATE2: EPSILON + DECAY}
    values = [rates, folded_noise(), {STAR: M1 / (M2 + DECAY)}, higher_moments()]
    laws = dict(zip(("stationary_fast", "stationary_slow"), _stationary(), strict=True)) | {"limit": _limit()}
    laws["fourth"] = sp.ImmutableDenseMatrix(folded_fourth())
    return {name: functools.reduce(lambda law, given: law.subs(given), values, law) for name, law in laws.items()}


@functools.cache
def derive() -> Derivation:
    """The chain from a minibatch to the second moment of the error, its fixed point and the largest stable step.

    The laws are functions of m₁ and m₂ besides the parameters: far margins would leave the range of floating point
    numbers. `fourth` holds E z_p z_q x_j x_k for z = (x₁, x₂, r): row 3p + q, column 2j + k.
    """
    return Derivation("folded", "gd", "minibatches", [*opening(), *_folded_steps()], _folded_laws())
