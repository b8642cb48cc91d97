"""Trials of the claims on the folded model."""

from __future__ import annotations

from simulations.examiners import (
    folded_egd,
    folded_error,
    folded_logistic,
    folded_minibatches,
    folded_moments,
    folded_plateau,
)
from simulations.examiners.trial import Examiner

EXAMINERS: dict[str, Examiner] = {
    **folded_moments.EXAMINERS,
    **folded_error.EXAMINERS,
    **folded_plateau.EXAMINERS,
    **folded_egd.EXAMINERS,
    **folded_logistic.EXAMINERS,
    **folded_minibatches.EXAMINERS,
}
