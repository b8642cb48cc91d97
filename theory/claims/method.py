"""Claims on the method as an update of one gradient: E1 to E4; E5 to E8 are in `method_dynamics`."""

from __future__ import annotations

import sympy as sp

from theory.claims import method_dynamics
from theory.claims.claim import SOURCE, Claim
from theory.derivation import Step
from theory.rules import NORM, SIGMA

RANK, RANK_THEN, ROWS = sp.symbols("r r' m", positive=True, integer=True)
PRODUCT, CONDITION = sp.symbols("x kappa", positive=True)  # ηλ of the faster direction, and its λ by the slower one's
MEMORY, GAIN = sp.symbols("a gamma", positive=True)
LOST = sp.Symbol("y", positive=True)


def _powers() -> list[sp.Expr]:
    """F^(−½), F^(½) F⁻¹ on one singular direction, where F has the value σ²."""
    square = SIGMA**2
    return [square ** sp.Rational(-1, 2) * SIGMA - 1, square ** sp.Rational(1, 2) / square * SIGMA - 1]


E1 = Claim(
    id="E1",
    source=f"eqs. 11–12 and Remark 2, {SOURCE}",
    statement=r"$\tilde G = (GG^\top)^{-1/2} G = UV^\top$: the singular vectors of $G$, all singular values 1; "
    r"a pseudo-inverse where $G$ loses rank.",
    domain="every matrix G",
    assumptions="the pseudo-inverse also serves where m > p, since GGᵀ is singular there whatever G is; U and V hold "
    "the singular vectors of the singular values that are not zero",
    printed={"speed": sp.Integer(1)},
    given=frozenset({SIGMA}),
    proofs=(
        Step(
            "speed",
            sp.Eq(sp.Symbol("h"), 1, evaluate=False),
            "On a singular direction GGᵀ is σ², so that (GGᵀ)^(−1/2) G is σ/σ.",
            lambda: _powers()[:1],
        ),
    ),
)


def _norms() -> list[sp.Expr]:
    """Squared norm of G̃ and tr[G̃ᵀ F G̃], tr[Gᵀ F⁻¹ G] of a general G with two singular values, by its matrices."""
    s1, s2, f, g = sp.symbols("s1 s2 f g", positive=True)
    left, right = (sp.Matrix([[sp.cos(x), -sp.sin(x)], [sp.sin(x), sp.cos(x)]]) for x in (f, g))
    gradient, factor = left * sp.diag(s1, s2) * right.T, left * right.T
    fisher, inverse = left * sp.diag(s1**2, s2**2) * left.T, left * sp.diag(s1**-2, s2**-2) * left.T
    return [
        (fisher - gradient * gradient.T).trace(),
        (factor.T * factor).trace() - 2,
        (factor.T * fisher * factor).trace() - s1**2 - s2**2,
        (gradient.T * inverse * gradient).trace() - 2,
    ]


E2 = Claim(
    id="E2",
    source=f"section 4.1, {SOURCE}",
    statement=r"$\|\tilde G\|_F^2/m = \frac{1}{m}\mathrm{tr}[\tilde G^\top F \tilde G] = 1$ with $F = GG^\top$; this "
    r"Fisher norm is a constant of motion.",
    corrected=r"$\|\tilde G\|_F^2 = \mathrm{tr}[G^\top F^{+} G] = r$, the rank of $G$, so that "
    r"$\|\tilde G\|_F^2/m = r/m$ is 1 only where $r = m$ (never for $m > p$); it is constant until a direction is "
    r"extinct, and each extinction takes $1/m$ from it. Weighted by $F$ it is not constant: "
    r"$\frac{1}{m}\mathrm{tr}[\tilde G^\top F \tilde G] = \|G\|_F^2/m$.",
    domain="every matrix G, and every time of a flow",
    printed={"norm": sp.Integer(1), "fisher": sp.Integer(1), "change": sp.Integer(0)},
    derived={"norm": RANK / ROWS, "fisher": NORM**2 / ROWS, "change": (RANK_THEN - RANK) / ROWS},
    given=frozenset({ROWS, NORM}),
    proofs=(
        Step(
            "norms",
            sp.Eq(sp.Symbol("tr[Gᵀ F⁻¹ G]"), RANK, evaluate=False),
            "Each singular direction adds 1 to the squared norm of G̃ and to tr[Gᵀ F⁻¹ G], and σ² to tr[G̃ᵀ F G̃]. "
            "Checked for two directions at any angles; more add terms of the same form.",
            _norms,
        ),
    ),
)

E3 = Claim(
    id="E3",
    source=f"eq. 13, {SOURCE}",
    statement=r"$\mathrm{EGD} = F^{1/2}\,\mathrm{NGD}$ with $F = GG^\top$ and $\mathrm{NGD} = F^{-1}G$.",
    domain="every matrix G, with pseudo-inverses where F is singular",
    printed={"speed": SIGMA * (1 / SIGMA)},
    given=frozenset({SIGMA}),
    proofs=(
        Step(
            "speed",
            sp.Eq(sp.Symbol("h"), 1, evaluate=False),
            "On a singular direction F^(1/2) F⁻¹ G is σ σ⁻² σ.",
            lambda: _powers()[1:],
        ),
    ),
)


def _filtered(product: sp.Expr) -> sp.Matrix:
    """One step of Grokfast's filter on (e, average/λ) along a direction, with x = ηλ."""
    new = sp.Matrix([[1 - MEMORY, MEMORY]])  # the average after the step
    return sp.Matrix([sp.Matrix([[1 - product, 0]]) - GAIN * product * new, new])


def _polynomial(lost: sp.Expr) -> sp.Expr:
    """What vanishes if a step takes 1 − y to (1 − y) times itself: the characteristic polynomial, in y."""
    return lost**2 - (1 - MEMORY + PRODUCT * (1 + GAIN * (1 - MEMORY))) * lost + (1 + GAIN) * (1 - MEMORY) * PRODUCT


def _lost() -> sp.Expr:
    """The part of a slow direction's error that a step takes away in the end: the smaller root, free of differences."""
    middle, last = -_polynomial(LOST).coeff(LOST, 1), _polynomial(sp.S.Zero)
    return 2 * last / (middle + sp.sqrt(middle**2 - 4 * last))


def _gain(product: sp.Expr) -> sp.Expr:
    """How many steps of gradient descent one step of Grokfast is worth along a direction."""
    return (sp.log(1 - _lost()) / sp.log(1 - PRODUCT)).subs(PRODUCT, product)


def _characteristic() -> list[sp.Expr]:
    return [
        sp.expand(((1 - LOST) * sp.eye(2) - _filtered(PRODUCT)).det() - _polynomial(LOST)),
        sp.simplify(_polynomial(_lost())),
    ]


def _slow_limit() -> list[sp.Expr]:
    """Put y = (1 + γ)x into the characteristic polynomial: nothing is left in first order."""
    left = sp.expand(_polynomial((1 + GAIN) * PRODUCT))
    return [left.coeff(PRODUCT, 0), left.coeff(PRODUCT, 1)]


E4 = Claim(
    id="E4",
    source=f"eq. 14, {SOURCE}",
    statement=r"$(GG^\top)^{-1/2} g = \sum_j (c_j/s_j)\, u_j$: components on large $s_j$ are weighted down, hence the "
    r"same bias as Grokfast's low-pass filter. (Tried as: the filter favours a direction by its $1/s_j$ too, "
    r"$\kappa$ times where $s_j$ is $\kappa$ times smaller.)",
    corrected=r"The identity holds, the comparison does not. Grokfast with memory $a$ and gain $\gamma$ multiplies the "
    r"rate of a direction with $x = \eta\lambda$ by $\log(1-y)/\log(1-x)$, $y$ the smaller root of "
    rf"$y^2 - \left({sp.latex(-_polynomial(LOST).coeff(LOST, 1))}\right) y + {sp.latex(_polynomial(sp.S.Zero))} = 0$. "
    r"For slow directions this tends to $1+\gamma$, the same for "
    r"all: arrivals keep gradient descent's $1/\lambda$ where equal speeds have $\lambda^0$.",
    domain="every matrix G and vector g in its column space; every filter, along directions whose gradient falls "
    "slowly enough for real roots",
    assumptions="a linear model, where the gradient along a direction is λe; Grokfast-EMA, G + γ·(moving average)",
    printed={"weight": 1 / SIGMA, "ratio": CONDITION},
    derived={"ratio": _gain(PRODUCT / CONDITION) / _gain(PRODUCT)},
    given=frozenset({SIGMA, CONDITION}),
    proofs=(
        Step(
            "weight",
            sp.Eq(sp.Symbol("c_j'"), sp.Symbol("c_j") / SIGMA, evaluate=False),
            "On u_j the matrix GGᵀ is σ², and its inverse root 1/σ.",
            lambda: (SIGMA**2) ** sp.Rational(-1, 2) - 1 / SIGMA,
        ),
        Step(
            "filter",
            sp.Eq(_polynomial(LOST), 0, evaluate=False),
            "Error and moving average along one direction obey a linear recursion: its characteristic polynomial.",
            _characteristic,
        ),
        Step(
            "slow directions",
            sp.Eq(LOST, (1 + GAIN) * PRODUCT, evaluate=False),
            "To first order in x a step takes away what gradient descent does with the step (1 + γ)η.",
            _slow_limit,
        ),
    ),
)
CLAIMS: tuple[Claim, ...] = (E1, E2, E3, E4, *method_dynamics.CLAIMS)
