"""Claims on the folded two-feature model: F1 to F12."""

from __future__ import annotations

from theory.claims import folded_beyond, folded_error, folded_moments, folded_plateau
from theory.claims.claim import Claim

_FOUND = (*folded_moments.CLAIMS, *folded_error.CLAIMS, *folded_plateau.CLAIMS, *folded_beyond.CLAIMS)
CLAIMS: tuple[Claim, ...] = tuple(sorted(_FOUND, key=lambda one: int(one.id[1:])))
