"""When the wedge has a plateau, and how long it is for small ε: the geometry of the flow on the sector's edges.

Written with C = cos ψ and S = sin ψ, where cos θ = p√ε C and sin θ = p S for p = (εC² + S²)^(−½).
"""

from __future__ import annotations

import functools

import sympy as sp

from theory.contractions import DECAY, ETA
from theory.derivation import Step
from theory.geometry import EPSILON, PSI, THETA, U1, U2, W1

Formulas = tuple[sp.Expr, ...]  # Σ₁₁, Σ₁₂, Σ₂₂, c₁, c₂ in ε and ψ
S = sp.symbols("Sigma_11 Sigma_12 Sigma_22")
C = sp.symbols("c_1 c_2")
ROOT = sp.Symbol("r", positive=True)  # √ε
SLOPE = sp.Symbol("T", positive=True)  # tan θ
ALONG = sp.Symbol("s", nonnegative=True)
ROOT_RADIUS = sp.sqrt(sp.pi / 2)  # E r
COSINE, SINE = sp.cos(PSI), sp.sin(PSI)


@functools.cache
def _scale() -> sp.Expr:
    """p, with which cos θ = p√ε cos ψ and sin θ = p sin ψ."""
    return 1 / sp.sqrt(EPSILON * COSINE**2 + SINE**2)


def _normal() -> sp.Matrix:
    """The normal (−sin θ, cos θ) of the front edge, in ψ."""
    return sp.Matrix([[-_scale() * SINE, _scale() * sp.sqrt(EPSILON) * COSINE]])


def _matrices(formulas: Formulas) -> tuple[sp.Matrix, sp.Matrix]:
    s11, s12, s22, c1, c2 = formulas
    return sp.Matrix([[s11, s12], [s12, s22]]), sp.Matrix([c1, c2])


@functools.cache
def outward_pull() -> tuple[sp.Expr, sp.Expr]:
    """n·c and −n·Σv on the front edge, both negative: sin ψ < ψ, and sin ψ/ψ > cos ψ."""
    share, rest = SINE / PSI, (1 - EPSILON) * COSINE
    return -_scale() * ROOT_RADIUS * share * (1 - rest), -(_scale() ** 2) * sp.sqrt(EPSILON) * SINE * (share - rest)


@functools.cache
def bisector() -> sp.Matrix:
    """W* without decay, in ε and ψ."""
    return ROOT_RADIUS / (PSI + SINE) * sp.Matrix([1 - COSINE, -SINE / sp.sqrt(EPSILON)])


def bisector_step(formulas: Formulas) -> Step:
    """Where the minimiser is without decay."""
    return Step(
        "bisector",
        sp.Eq(sp.Symbol("w^*"), bisector(), evaluate=False),
        "Without decay the whitened minimiser lies on the sector's bisector, which classifies everything correctly; "
        "for θ < π/2 its second weight grows like 1/√ε.",
        lambda: _bisector_residual(formulas),
    )


def _bisector_residual(formulas: Formulas) -> list[sp.Expr]:
    """The gradient at the minimiser."""
    covariance, cross = _matrices(formulas)
    return list((covariance * bisector() - cross).applyfunc(sp.simplify))


@functools.cache
def limit_values() -> sp.Matrix:
    """w₂* and n·w*, times the determinant of Σ + λI."""
    depth = ROOT_RADIUS * SINE * (PSI - SINE) / PSI**2
    pull = -ROOT_RADIUS * sp.sqrt(EPSILON) * SINE / PSI, outward_pull()[0]
    return sp.Matrix([-sp.sqrt(EPSILON) * depth + DECAY * pull[0], -EPSILON * _scale() * depth + DECAY * pull[1]])


@functools.cache
def limit_step(formulas: Formulas) -> Step:
    """The minimiser lies beyond both edges, for every decay."""
    return Step(
        "limit",
        sp.Eq(
            sp.Symbol("D") * sp.Matrix([sp.Symbol("w_2^*"), sp.Symbol("n") * sp.Symbol("w^*")]),
            limit_values(),
            evaluate=False,
        ),
        "For every decay, with D the determinant of Σ + λI and n = (−sin θ, cos θ). All terms are negative, as "
        "sin ψ < ψ and (1 − ε) cos ψ < 1: the minimiser lies beyond both edges of the weights with 100 % error.",
        lambda: _limit_residual(formulas),
    )


def _limit_residual(formulas: Formulas) -> list[sp.Expr]:
    """Against the adjugate of Σ + λI."""
    covariance, cross = _matrices(formulas)
    star = (covariance + DECAY * sp.eye(2)).adjugate() * cross
    return [sp.simplify(star[1] - limit_values()[0]), sp.simplify((_normal() * star)[0] - limit_values()[1])]


@functools.cache
def existence_step(formulas: Formulas, *, newton: bool) -> Step:
    """A plateau is there from the start, or never."""
    reason = (
        "points out of the set of weights with 100 % error, a cone: so a path leaves this set once and never enters "
        "it. There is a plateau exactly where the start misclassifies everything, and it begins there."
    )
    if newton:
        return Step(
            "existence",
            sp.Eq(
                sp.Symbol("D") * sp.Matrix([sp.Symbol("w_2'"), sp.Symbol("n") * sp.Symbol("w'")]),
                limit_values(),
                evaluate=False,
            ),
            f"On the edges w₂ = 0 and n·w = 0 the speed w* − w {reason}",
            lambda: _limit_residual(formulas),
        )
    return Step(
        "existence",
        sp.Eq(sp.Matrix([sp.Symbol("w_2'"), sp.Symbol("n") * sp.Symbol("w'")]), _speeds(formulas), evaluate=False),
        f"On the edge w₂ = 0, w₁ ≤ 0, and on the edge w = s v, s ≥ 0, the speed −G {reason} "
        "Negative, as Σ₁₂ < 0, c₂ < 0 and sin ψ/ψ > cos ψ; decay adds nothing on an edge.",
        lambda: _existence_residual(formulas),
    )


def _speeds(formulas: Formulas) -> sp.Matrix:
    """Speeds across both edges."""
    pull, own = outward_pull()
    return sp.Matrix([-formulas[1] * W1 + formulas[4], pull + ALONG * own])


def _existence_residual(formulas: Formulas) -> list[sp.Expr]:
    """Against −G = c − (Σ + λI) w at points of both edges."""
    covariance, cross = _matrices(formulas)
    curvature = covariance + DECAY * sp.eye(2)
    v = _scale() * sp.Matrix([sp.sqrt(EPSILON) * COSINE, SINE])
    rear = (cross - curvature * sp.Matrix([W1, 0]))[1]
    front = (_normal() * (cross - ALONG * curvature * v))[0]
    return [sp.simplify(rear - _speeds(formulas)[0]), sp.simplify(front - _speeds(formulas)[1])]


@functools.cache
def small_moments() -> tuple[sp.Matrix, sp.Matrix]:
    """Σ/ε and c/√ε as ε → 0, for θ < π/2, in tan θ."""
    return (
        sp.Matrix([[2 * SLOPE**2 / 3, -SLOPE], [-SLOPE, 2]]),
        ROOT_RADIUS * sp.Matrix([SLOPE / 2, -1]),
    )


@functools.cache
def _series(formulas: Formulas, order: int) -> tuple[sp.Matrix, sp.Matrix]:
    """Σ and c as polynomials in √ε, of terms below this order."""
    at = {PSI: sp.atan(ROOT * SLOPE), EPSILON: ROOT**2}
    found = [sp.series(formula.subs(at), ROOT, 0, order).removeO() for formula in formulas]
    return _matrices(tuple(found))


def _small_residual(formulas: Formulas) -> list[sp.Expr]:
    covariance, cross = _series(formulas, 3)
    return [*(covariance / ROOT**2 - small_moments()[0]), *(cross / ROOT - small_moments()[1])]


@functools.cache
def small_condition() -> sp.Expr:
    """λ₁/λ₂ as ε → 0, for θ < π/2 and without decay."""
    mean, half = 1 + SLOPE**2 / 3, sp.sqrt(1 + SLOPE**2 / 3 + SLOPE**4 / 9)
    return (mean + half) / (mean - half)


def _condition_residual() -> list[sp.Expr]:
    """κ + 1/κ + 2 = (trace)²/determinant."""
    scaled = small_moments()[0]
    kappa = small_condition()
    return [sp.simplify(sp.expand(kappa + 1 / kappa + 2 - scaled.trace() ** 2 / scaled.det()))]


@functools.cache
def two_orders() -> sp.Expr:
    """Flow time at which the error leaves 100 %, to two orders in √ε: at the edge that is reached first."""
    found = [_crossing(normal) for normal in _normals()]
    return sp.Min(*(first / sp.sqrt(EPSILON) + second for first, second in found)).subs(SLOPE, sp.tan(THETA))


def _normals() -> tuple[sp.Matrix, sp.Matrix]:
    """Normals of the rear and the front edge; the latter divided by cos θ > 0."""
    return sp.Matrix([[0, 1]]), sp.Matrix([[-SLOPE, 1]])


def _crossing(normal: sp.Matrix) -> tuple[sp.Expr, sp.Expr]:
    """The factors s₀ and s₁ of t = s₀/√ε + s₁ at which n·w(t) = O(ε)."""
    (covariance, cross), start = small_moments(), sp.Matrix([U1, U2])
    pull = (normal * cross)[0]
    first = sp.simplify(-(normal * start)[0] / pull)
    second = (normal * covariance * (first * start + first**2 * cross / 2))[0] / pull
    return first, sp.factor(second)


def _two_orders_residual(formulas: Formulas) -> list[sp.Expr]:
    """n·w at both times, with w = u − tg + t²Σg/2 − t³Σ²g/6 and the moments as series: orders 0 and 1 vanish."""
    covariance, cross = _series(formulas, 4)
    start = sp.Matrix([U1, U2])
    gradient = covariance * start - cross
    orders = sp.symbols("s_0 s_1")
    time, found = orders[0] / ROOT + orders[1], []
    terms = (time * sp.eye(2), -(time**2) / 2 * covariance, time**3 / 6 * covariance**2)
    w = start - sum((term * gradient for term in terms), sp.zeros(2, 1))
    for normal in _normals():
        value = sp.expand((normal * w)[0])
        at = dict(zip(orders, _crossing(normal), strict=True))
        found += [sp.simplify(value.coeff(ROOT, order).subs(at)) for order in (-1, 0, 1)]
    return found


@functools.cache
def expansion_steps(formulas: Formulas, view: str) -> tuple[tuple[Step, ...], sp.Expr]:
    """The plateau's length for small ε, as steps and as a law in ε, θ, the start and η."""
    length = two_orders() if view == "flow" else two_orders() / ETA
    parts = sp.Matrix([part for normal in _normals() for part in _crossing(normal)])
    (covariance, cross), root = small_moments(), sp.sqrt(EPSILON)
    small = Step(
        "small epsilon",
        sp.Eq(
            sp.Matrix([[S[0] / EPSILON, S[1] / EPSILON, C[0] / root], [S[1] / EPSILON, S[2] / EPSILON, C[1] / root]]),
            covariance.row_join(cross),
            evaluate=False,
        ),
        "As ε → 0 with T = tan θ > 0, up to a factor 1 + O(ε): the sector itself has the width √ε T.",
        lambda: _small_residual(formulas),
    )
    condition = Step(
        "condition number",
        sp.Eq(sp.Symbol("kappa"), small_condition(), evaluate=False),
        "Both curvatures are of order ε and their ratio stays bounded: what is slow is the whole gradient. A step of "
        "order 1/ε is stable and leaves no long plateau.",
        _condition_residual,
    )
    count = "its error is O(√ε)" if view == "flow" else "k = t/η steps, and its error is O(√ε)/η and one step"
    orders = Step(
        "two orders",
        sp.Eq(sp.Matrix(sp.symbols("s_0 s_1 r_0 r_1")), parts, evaluate=False),
        "The pull c, of order √ε, moves the weights by O(1) before Σ, of order ε, matters: put t = s₀/√ε + s₁ into "
        "the series of the matrix exponential and solve order by order, at the edge w₂ = 0 and, r₀ and r₁, at v. "
        f"The smaller t is the length; {count}, for a start that misclassifies everything and does not reach both "
        "edges at once.",
        lambda: _two_orders_residual(formulas),
    )
    return (small, condition, orders), length
