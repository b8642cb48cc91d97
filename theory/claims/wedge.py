"""Claims on the wedge model: W1 to W8."""

from __future__ import annotations

from theory.claims import wedge_error, wedge_moments, wedge_plateau
from theory.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = (*wedge_moments.CLAIMS, *wedge_error.CLAIMS, *wedge_plateau.CLAIMS)
