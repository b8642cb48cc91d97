"""Claims on the method: E1 to E8."""

from __future__ import annotations

import sympy as sp

from theory.claims.claim import SOURCE, Claim
from theory.derivation import Step
from theory.rules import SIGMA


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
E3 = Claim(
    id="E3",
    source=f"eq. 13, {SOURCE}",
    statement=r"$\mathrm{EGD} = F^{1/2}\,\mathrm{NGD}$ with $F = GG^\top$ and $\mathrm{NGD} = F^{-1}G$.",
    domain="every matrix G, with pseudo-inverses where G loses rank",
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
CLAIMS: tuple[Claim, ...] = (E1, E3)
