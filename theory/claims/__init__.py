"""The statements of the EGD paper (key ``sahebpasand2025``) under test, one object per id."""

from __future__ import annotations

import functools

from theory.checks import known
from theory.claims.claim import Claim

__all__ = ["Claim", "claim", "claims"]


@functools.cache
def claims() -> dict[str, Claim]:
    """Every claim by its id, in the order F, W, E."""
    from theory.claims import folded, method, wedge

    found = [*folded.CLAIMS, *wedge.CLAIMS, *method.CLAIMS]
    return {one.id: one for one in found}


def claim(name: str) -> Claim:
    """The claim of that id.

    Raises
    ------
    ArgumentError
        If there is none; the message names the nearest.
    """
    found, meant = claims(), name.strip().upper()
    return found[meant if meant in found else known("id", name, tuple(found))]
