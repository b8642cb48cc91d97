"""Claims on gradient descent's path on the wedge and its test error: W4 and W5."""

from __future__ import annotations

import sympy as sp

from theory.claims.claim import SOURCE, Claim
from theory.claims.folded_error import LENGTH, MU, NU
from theory.clock import RATE1, RATE2
from theory.contractions import ETA, STEP
from theory.derivation import Step
from theory.geometry import EPSILON, THETA, U1, U2, W1, W2, error_law, error_step, front, sector_step
from theory.models.wedge import S11, S12, S22

MU_STAR, NU_STAR = sp.symbols("mu^* nu^*", real=True)
PLUS, MINUS = 1 - 2 * ETA * RATE1, 1 - 2 * ETA * RATE2  # r₊ and r₋


def _power_parts(plus: sp.Expr, minus: sp.Expr, count: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """α_k and β_k, with which Mᵏ = α_k I + β_k M."""
    gap = plus - minus
    return (plus * minus**count - minus * plus**count) / gap, (plus**count - minus**count) / gap


def _written_out() -> tuple[sp.Expr, sp.Expr]:
    """μ_k and ν_k (eq. 17)."""
    alpha, beta = _power_parts(PLUS, MINUS, STEP)
    first, second = MU_STAR - U1, NU_STAR - U2
    m11, m12, m22 = 1 - 2 * ETA * S11, -2 * ETA * S12, 1 - 2 * ETA * S22
    return (
        MU_STAR - (alpha + beta * m11) * first - beta * m12 * second,
        NU_STAR - beta * m12 * first - (alpha + beta * m22) * second,
    )


def _power_residual() -> list[sp.Expr]:
    """α_{k+1} I + β_{k+1} M against M (α_k I + β_k M) by Cayley and Hamilton, and both at k = 0."""
    plus, minus = sp.symbols("r_+ r_-", positive=True)
    alpha, beta = _power_parts(plus, minus, STEP)
    after = [part.subs(STEP, STEP + 1) for part in (alpha, beta)]
    # M² = (r₊ + r₋) M − r₊r₋ I
    steps = [after[0] + plus * minus * beta, after[1] - alpha - (plus + minus) * beta]
    start = [alpha.subs(STEP, 0) - 1, beta.subs(STEP, 0)]
    return [sp.simplify(sp.powsimp(sp.expand(entry))) for entry in (*steps, *start)]


def _recursion_residual() -> list[sp.Expr]:
    """w* − P M (w* − u) against a step from w* − P (w* − u), for any P in place of Mᵏ that is a polynomial in M."""
    curvature = sp.Matrix([[S11, S12], [S12, S22]])
    once = sp.eye(2) - 2 * ETA * curvature
    alpha, beta = sp.symbols("alpha beta", real=True)
    power = alpha * sp.eye(2) + beta * once
    star, start = sp.Matrix([MU_STAR, NU_STAR]), sp.Matrix([U1, U2])
    weights = star - power * (star - start)
    stepped = weights - 2 * ETA * (curvature * weights - curvature * star)
    return list((stepped - (star - power * once * (star - start))).expand())


_FIRST, _SECOND = _written_out()
W4 = Claim(
    id="W4",
    source=f"eq. 17, appendix A.3, {SOURCE}",
    statement=r"$w(k) = w^* - (I - 2\eta\Sigma)^k (w^* - w(0))$; with $M = I - 2\eta\Sigma$, "
    r"$r_+ = 1 - 2\eta\lambda_+$ and $r_- = 1 - 2\eta\lambda_-$: $M^k = \alpha_k I + \beta_k M$, "
    r"$\alpha_k = (r_+ r_-^k - r_- r_+^k)/(r_+ - r_-)$, $\beta_k = (r_+^k - r_-^k)/(r_+ - r_-)$, from which "
    r"$\mu_k$ and $\nu_k$ are written out.",
    domain="ε in (0, 1), θ in (0, π), every start and every step size, converging or not",
    assumptions="Steps of appendix A.3, with 2η; with eq. 2's η, η is to be halved.",
    printed={"first": _FIRST, "second": _SECOND},
    given=frozenset({ETA, STEP, U1, U2, MU_STAR, NU_STAR, RATE1, RATE2, S11, S12, S22}),
    proofs=(
        Step(
            "recursion",
            sp.Eq(sp.Symbol("w(k+1)"), sp.Symbol("w^* - M^(k+1) (w^* - w(0))"), evaluate=False),
            "Put the closed form for k into a step, w ← w − 2η(Σw − c) with c = Σw*.",
            _recursion_residual,
        ),
        Step(
            "powers",
            sp.Eq(sp.Symbol("M^k"), sp.Symbol("alpha_k I + beta_k M"), evaluate=False),
            "By Cayley and Hamilton M² = (r₊ + r₋)M − r₊r₋I; at k = 0 it is the identity. r₊ ≠ r₋, since b ≠ 0.",
            _power_residual,
        ),
    ),
)

EDGE = sp.cos(THETA) / sp.sqrt(sp.cos(THETA) ** 2 + EPSILON * sp.sin(THETA) ** 2)  # ρ
_RATIO = MU / LENGTH
_AT = {W1: MU, W2: NU}


def _true(condition: sp.Basic) -> sp.Expr:
    return sp.Piecewise((1, condition), (0, True))


_FALLS = _true(sp.Or(NU < 0, front().subs(_AT) < 0))
W5 = Claim(
    id="W5",
    source=f"eq. 19, appendix A.3, {SOURCE}",
    statement=r"$E = \arccos(\max(\rho, \rho_k))/\arccos\rho$ with $\rho_k = \mu_k/L_k$, "
    r"$\rho = \cos\theta/\sqrt{\cos^2\theta + \epsilon\sin^2\theta}$; the error starts to fall precisely when "
    r"$\rho_k > \rho$, i.e. $|\nu_k| < |\mu_k|\,|\tan\theta|$.",
    domain="ε in (0, 1), θ in (0, π), every start and k",
    printed={
        "error": sp.acos(sp.Max(EDGE, _RATIO)) / sp.acos(EDGE),
        "falls": _true(_RATIO > EDGE),
        "slopes": _true(sp.Abs(NU) < sp.Abs(MU) * sp.Abs(sp.tan(THETA))),
    },
    derived={"error": error_law().subs(_AT), "falls": _FALLS, "slopes": _FALLS},
    corrected=r"The law holds where $\nu_k \ge 0$. Where $\nu_k < 0$, "
    r"$E = \max\bigl(0, 1 - (\pi - \arccos\rho_k)/\arccos\rho\bigr)$. The error is below 100\,\% exactly where "
    r"$\nu_k < 0$ or $\nu_k\cos\theta < \mu_k\sin\theta$; that is $|\nu_k| < |\mu_k|\,|\tan\theta|$ only while "
    r"$\theta < \pi/2$, $\mu_k > 0$ and $\nu_k \ge 0$.",
    given=frozenset({MU, NU, EPSILON, THETA}),
    proofs=(sector_step(), error_step(error_law())),
)
CLAIMS: tuple[Claim, ...] = (W4, W5)
