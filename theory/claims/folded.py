"""Claims on the folded two-feature model: F1 to F12."""

from __future__ import annotations

from theory.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = ()
