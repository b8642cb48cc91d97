"""What the paper prints for the wedge (appendix A.3), with its 2η as η: its loss has no ½."""

from __future__ import annotations

import functools

import sympy as sp

from theory.claims.folded_error import F4, MU, NU
from theory.contractions import ETA
from theory.geometry import EPSILON, THETA, U2

STAR1, STAR2 = sp.symbols("mu_* nu_*", real=True)
SLOW = sp.Symbol("lambda_-", positive=True)


def printed_error() -> sp.Expr:
    """Eq. 19, arccos(max(ρ, ρ_k))/arccos(ρ), in μ, ν, ε and θ: eq. 6 again, in which the sign of ν is lost."""
    return F4.printed["error"]


@functools.cache
def printed_plateau() -> sp.Expr:
    """The steps to |ν_k| ≤ T = |μ*| |tan θ| in eq. 20, with its constants at 1, from u₂ and the minimiser (μ*, ν*)."""
    return sp.log(sp.Abs(U2 - STAR2) / sp.Abs(STAR1 * sp.tan(THETA))) / (ETA * SLOW)


PRINTED_ERROR = (MU, NU, EPSILON, THETA)
PRINTED_PLATEAU = (U2, STAR1, STAR2, SLOW, THETA, ETA)
