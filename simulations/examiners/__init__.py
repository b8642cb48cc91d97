"""How each claim is tried: an examiner takes a claim and a random generator and yields trials."""

from __future__ import annotations

from simulations.examiners import folded, method, wedge
from simulations.examiners.trial import Examiner

EXAMINERS: dict[str, Examiner] = {**folded.EXAMINERS, **wedge.EXAMINERS, **method.EXAMINERS}
