"""Trials of the claims on the wedge."""

from __future__ import annotations

from simulations.examiners import wedge_error, wedge_moments, wedge_plateau
from simulations.examiners.trial import Examiner

EXAMINERS: dict[str, Examiner] = {**wedge_moments.EXAMINERS, **wedge_error.EXAMINERS, **wedge_plateau.EXAMINERS}
