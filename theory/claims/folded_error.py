"""Claims on the test error of the folded model: F4 and F5."""

from __future__ import annotations

import sympy as sp

from theory.claims.claim import SOURCE, Claim
from theory.derivation import Step
from theory.geometry import error_law
from theory.models.folded import EPSILON, THETA, W1, W2, boundary

MU, NU = sp.symbols("mu nu", real=True)
ALPHA = sp.Symbol("alpha", real=True)  # 1 − ηm₂

LENGTH = sp.sqrt(MU**2 + EPSILON * NU**2)
RHO = sp.cos(THETA)
EDGE = RHO / sp.sqrt(RHO**2 + EPSILON * (1 - RHO**2))  # the paper's r
WEIGHTS = {W1: MU, W2: NU}


def _sector_residual() -> list[sp.Expr]:
    """tan² of arccos r_k and of arccos r against the slopes of w and v after whitening."""
    ratio = MU / LENGTH
    return [
        sp.simplify((1 - ratio**2) / ratio**2 - EPSILON * NU**2 / MU**2),
        sp.simplify((1 - EDGE**2) / EDGE**2 - EPSILON * sp.tan(THETA) ** 2),
    ]


_ANGLES = Step(
    "angles",
    sp.Eq(sp.Symbol("tan arccos r"), sp.sqrt(EPSILON) * sp.tan(THETA), evaluate=False),
    "After whitening arccos r is the angle of v to the first axis, and arccos r_k that of w, without its sign. The "
    "test set is the double sector between the first axis and v, on one side: the sign counts.",
    _sector_residual,
)

F4 = Claim(
    id="F4",
    source=f"Theorem 1 and eq. 6, {SOURCE}",
    statement=r"$E(w(k)) \simeq \min\bigl(1, \arccos(r_k)/\arccos(r)\bigr)$ with $r_k = \mu_k/L_k$ (eq. 6 also prints "
    r"$\mu_k/\nu_k$), $L_k = \sqrt{\mu_k^2 + \epsilon\nu_k^2}$, $r = \rho/\gamma$, $\rho = \cos\theta$, "
    r"$\gamma = \sqrt{\rho^2 + \epsilon(1 - \rho^2)}$.",
    domain="every s, ε, θ in (0, π/2), start and k ≥ 1, in the limit of many samples",
    printed={"error": sp.Min(1, sp.acos(MU / LENGTH) / sp.acos(EDGE)), "ratio": MU / NU},
    derived={"error": error_law().subs(WEIGHTS), "ratio": MU / LENGTH},
    corrected=r"As printed where $\nu_k \ge 0$, with $r_k = \mu_k/L_k$. Where $\nu_k < 0$, "
    r"$E = \max\bigl(0, 1 - (\pi - \arccos r_k)/\arccos r\bigr)$: 0 unless $w$ points almost backwards.",
    given=frozenset({MU, NU, EPSILON, THETA}),
    proofs=(_ANGLES,),
)

_BEYOND = boundary().subs(WEIGHTS)

F5 = Claim(
    id="F5",
    source=f"text after Theorem 1, {SOURCE}",
    statement=r"The error stays at 100\,\% until $r_k$ falls below $r$, then decreases.",
    domain="every s, ε, θ in (0, π/2), start, and step size at which gradient descent converges",
    printed={"below": sp.Piecewise((1, MU / LENGTH < EDGE), (0, True)), "rises": sp.Integer(0)},
    derived={
        "below": sp.Piecewise((1, sp.Or(NU < 0, _BEYOND < 0)), (0, True)),
        "rises": sp.Piecewise((0, ALPHA > 0), (sp.nan, True)),
    },
    corrected=r"The error is 100\,\% while $\nu_k \ge 0$ and $r_k \le r$, until $r_k$ rises above $r$; where "
    r"$0 < \alpha < 1$ it then decreases at every step. (Where $\alpha < 0$ it may rise again; where $\nu_k < 0$ it is "
    r"below 100\,\% from the start.)",
    given=frozenset({MU, NU, EPSILON, THETA}),
    proofs=(_ANGLES,),
)
CLAIMS: tuple[Claim, ...] = (F4, F5)
