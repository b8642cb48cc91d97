"""Trials of the claims on the folded model."""

from __future__ import annotations

from simulations.examiners.trial import Examiner

EXAMINERS: dict[str, Examiner] = {}
