"""Trials of the claims on the folded model."""

from __future__ import annotations

from simulations.examiners import folded_error, folded_moments, folded_plateau
from simulations.examiners.trial import Examiner

EXAMINERS: dict[str, Examiner] = {
    **folded_moments.EXAMINERS,
    **folded_error.EXAMINERS,
    **folded_plateau.EXAMINERS,
}
