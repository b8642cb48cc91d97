"""Claims on the wedge model: W1 to W8."""

from __future__ import annotations

from theory.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = ()
