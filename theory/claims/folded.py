"""Claims on the folded two-feature model: F1 to F12."""

from __future__ import annotations

from theory.claims import folded_error, folded_moments
from theory.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = tuple(
    sorted([*folded_moments.CLAIMS, *folded_error.CLAIMS], key=lambda one: int(one.id[1:]))
)
