"""Gradient descent on minibatches: how the mean and the second moment of the error move, derived.

A minibatch is b independent samples, drawn fresh from the population or with replacement from a data set (whose
population is its empirical distribution). With W = W* + E and r = W*x − y, the residual of a sample at the minimiser,
the gradient of one sample is (E x + r) xᵀ, up to decay: linear in E. So the mean of E and its second moment obey a
closed linear recursion. Rows of E (outputs) do not mix in P = E EᵀE, the sum of their second moments, which says how
far each direction is from rest.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

import sympy as sp

from theory.contractions import DECAY, ETA
from theory.derivation import Derivation, Step

BATCH = sp.Symbol("b", integer=True, positive=True)
MEAN = sp.Matrix([sp.symbols("e_1 e_2", real=True)])
SECOND = sp.Matrix(2, 2, sp.symbols("P_11 P_12 P_12 P_22", real=True))
Powers = tuple[int, ...]


def expectation(
    expression: sp.Expr, groups: Sequence[Sequence[sp.Symbol]], moment: Callable[[Powers], sp.Expr]
) -> sp.Expr:
    """The expectation of a polynomial in independent groups of variables that share one law.

    Parameters
    ----------
    expression
        A polynomial in all variables.
    groups
        The variables of each independent sample, in the same order.
    moment
        Maps the powers of one sample's variables to the expectation of that monomial.
    """
    size = len(groups[0])
    polynomial = sp.Poly(sp.expand(expression), *itertools.chain(*groups))
    return sp.Add(
        *(
            coefficient * sp.prod(moment(powers[i : i + size]) for i in range(0, len(powers), size))
            for powers, coefficient in polynomial.terms()
        )
    )


def weighted(fourth: Callable[[int, int, int, int], sp.Expr], q: sp.Matrix) -> sp.Matrix:
    """E (zᵀQz) xxᵀ from E z_p z_q x_j x_k."""
    size = range(q.rows)
    return sp.Matrix(2, 2, lambda j, k: sum(q[m, n] * fourth(m, n, j, k) for m in size for n in size))


def next_second(fourth: Callable[[int, int, int, int], sp.Expr], covariance: sp.Matrix, star: sp.Matrix) -> sp.Matrix:
    """P after a step: A P A + (η²/b) (E(zᵀQz)xxᵀ − ΓQΓᵀ), for two inputs and one output.

    Parameters
    ----------
    fourth
        E z_p z_q x_j x_k for z = (x₁, x₂, r).
    covariance, star
        Σ (2, 2) and W* (1, 2).
    """
    a = sp.eye(2) - ETA * (covariance + DECAY * sp.eye(2))
    q = sp.Matrix(sp.BlockMatrix([[SECOND, MEAN.T], [MEAN, sp.eye(1)]]))
    gamma = sp.Matrix.hstack(covariance, -DECAY * star.T)
    return a * SECOND * a + ETA**2 / BATCH * (weighted(fourth, q) - gamma * q * gamma.T)


def drawn(
    count: int, residual: Callable[..., sp.Expr], star: sp.Matrix, moment: Callable[[Powers], sp.Expr]
) -> tuple[sp.Matrix, sp.Matrix]:
    """Mean and P after a step on `count` samples, by expanding the step itself; the other way to find both."""
    groups = [sp.symbols(f"x_{i}1 x_{i}2 z_{i}", real=True) for i in range(count)]
    e = sp.Matrix([sp.symbols("E_1 E_2", real=True)])
    gradient = DECAY * (star + e)
    for *x, last in groups:
        gradient += (e.dot(x) + residual(x[0], last)) * sp.Matrix([x]) / count
    after = e - ETA * gradient

    def expected(entry: sp.Expr) -> sp.Expr:
        return expectation(expectation(entry, groups, moment), [tuple(e)], _state_moment)

    return after.applyfunc(expected), (after.T * after).applyfunc(expected)


def _state_moment(powers: Powers) -> sp.Expr:
    """E E₁ⁱ E₂ʲ of the error before the step, in the symbols of the recursion."""
    (i, j) = powers
    if i + j < 2:
        return MEAN[0] ** i * MEAN[1] ** j
    return SECOND[int(j > 0), int(i == 0)]


def _any_moment(powers: Powers) -> sp.Expr:
    """E x₁ⁱ x₂ʲ rᵏ of any law, with E r xᵀ = −λW*, which makes W* the minimiser."""
    if sum(powers) == 0:
        return sp.Integer(1)
    if powers in ((1, 0, 1), (0, 1, 1)):
        return -DECAY * sp.Symbol(f"w_{1 + powers[1]}", real=True)
    return sp.Symbol("mu_" + "".join(map(str, powers)), real=True)


@functools.cache
def _general_residual() -> tuple[sp.Expr, ...]:
    """The recursion against the expanded step of one, two and three samples: what depends on b is quadratic in it."""
    star = sp.Matrix([sp.symbols("w_1 w_2", real=True)])
    powers = sp.eye(3)

    def moment(*indices: int) -> sp.Expr:
        return _any_moment(tuple(sum(powers[i, j] for i in indices) for j in range(3)))

    covariance = sp.Matrix(2, 2, lambda j, k: moment(j, k))
    stated = next_second(moment, covariance, star)
    mean = MEAN * (sp.eye(2) - ETA * (covariance + DECAY * sp.eye(2)))
    residual = []
    for count in (1, 2, 3):
        found_mean, found = drawn(count, lambda _, r: r, star, _any_moment)
        residual += [*(found_mean - mean), *(found - stated.subs(BATCH, count))]
    return tuple(residual)


def opening() -> list[Step]:
    """From the minibatch gradient to the recursion of mean and second moment, for any law of the samples."""
    d = sp.Symbol("d", integer=True, positive=True)
    eta, i = sp.Symbol("eta", positive=True), sp.Symbol("i")
    second, a, q = sp.MatrixSymbol("P", d, d), sp.MatrixSymbol("A", d, d), sp.MatrixSymbol("Q", d + 1, d + 1)
    gamma, fourth = sp.MatrixSymbol("Gamma", d, d + 1), sp.MatrixSymbol("T_Q", d, d)
    mean = sp.MatrixSymbol("e", 1, d)
    return [
        Step(
            "minibatch",
            sp.Eq(
                sp.Symbol("G_b"),
                sp.Sum(sp.Indexed("g", i), (i, 1, BATCH)) / BATCH + DECAY * (sp.Symbol("W^*") + sp.Symbol("E")),
                evaluate=False,
            ),
            "b independent samples; gᵢ = (E xᵢ + rᵢ) xᵢᵀ with rᵢ = W*xᵢ − yᵢ, the residual at the minimiser of the "
            "regularised loss, for which E r xᵀ = −λW*.",
            _minibatch_residual,
            origin="definition",
        ),
        Step(
            "mean",
            sp.Eq(sp.Symbol("e_{k+1}"), mean * a, evaluate=False),
            "e = E[E] and A = I − η(Σ + λI): the noise has mean zero and the step is linear, so that the mean takes "
            "the steps of gradient descent.",
            lambda: _general_residual()[:2],
        ),
        Step(
            "second moment",
            sp.Eq(
                sp.Symbol("P_{k+1}"),
                a * second * a + eta**2 / BATCH * (fourth - gamma * q * gamma.T),
                evaluate=False,
            ),
            "P = E EᵀE, z = (x, r), Q = E (E, I)ᵀ(E, I), T_Q = E (zᵀQz) xxᵀ and Γ = E x zᵀ = (Σ, −λW*ᵀ): contraction, "
            "and the covariance of one sample's gradient over b. Checked for two inputs, one output, any moments and "
            "b = 1, 2, 3: the noise of a sum of b samples is quadratic in b, and outputs add.",
            _general_residual,
        ),
    ]


def _minibatch_residual() -> list[sp.Expr]:
    """Differentiate ½ mean‖W xᵢ − yᵢ‖² + ½ λ‖W‖² of two samples, at W* + E, with two outputs."""
    w, e, star = (sp.Matrix(2, 2, sp.symbols(f"{name}:4")) for name in "wes")
    samples = [(sp.Matrix(sp.symbols(f"x{i}_:2")), sp.Matrix(sp.symbols(f"y{i}_:2"))) for i in range(2)]
    loss = sum((w * x - y).dot(w * x - y) for x, y in samples) / 4 + DECAY * sum(v**2 for v in w) / 2
    stated = sum(((e * x + star * x - y) * x.T for x, y in samples), sp.zeros(2)) / 2 + DECAY * (star + e)
    at = dict(zip(w, star + e, strict=True))
    return [sp.diff(loss, w[k]).subs(at, simultaneous=True) - stated[k] for k in range(4)]


def _gaussian_step() -> Step:
    d = sp.Symbol("d", integer=True, positive=True)
    full = sp.MatrixSymbol("C", d + 1, d + 1)
    q, gamma, covariance = (
        sp.MatrixSymbol("Q", d + 1, d + 1),
        sp.MatrixSymbol("Gamma", d, d + 1),
        sp.MatrixSymbol("Sigma", d, d),
    )
    return Step(
        "fourth moments",
        sp.Eq(sp.Symbol("T_Q"), sp.Trace(q * full) * covariance + 2 * gamma * q * gamma.T, evaluate=False),
        "Gaussian z of covariance C: Isserlis' theorem. Checked for two inputs on the fourth derivatives of exp ½tᵀCt.",
        _isserlis_residual,
    )


def _isserlis_residual() -> list[sp.Expr]:
    t = sp.symbols("t_1:4")
    c, q = (sp.Matrix(3, 3, lambda i, j, n=n: sp.Symbol(f"{n}_{min(i, j)}{max(i, j)}")) for n in "cq")
    form = (sp.Matrix([t]) * c * sp.Matrix(t))[0] / 2
    fourth_order = sp.Poly(sp.expand(form**2 / 2), *t)  # of exp form

    def moment(*indices: int) -> sp.Expr:
        powers = tuple(indices.count(i) for i in range(3))
        return fourth_order.coeff_monomial(powers) * sp.prod(sp.factorial(power) for power in powers)

    gamma = c[:2, :]
    return list(weighted(moment, q) - (q * c).trace() * c[:2, :2] - 2 * gamma * q * gamma.T)


@functools.cache
def derive() -> Derivation:
    """The chain from a minibatch of Gaussian samples to the second moment of the error."""
    return Derivation("regression", "gd", "minibatches", [*opening(), _gaussian_step()])
