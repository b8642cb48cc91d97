"""The figures that have a name, one module each; a new one is one more entry here."""

from __future__ import annotations

import importlib

from figures.picture import Picture
from theory.checks import known

NAMES = (
    "datasets",
    "grokking",
    "wedge",
    "spectrum",
    "phases",
    "order",
    "steps",
    "cause",
    "approximate",
    "hurts",
    "networks",
    "verdicts",
)


def picture(name: str) -> Picture:
    """The figure of that name.

    Parameters
    ----------
    name
        Of its module in figures/, as ``evenflow figures`` lists it.

    Raises
    ------
    ArgumentError
        If there is none; the message names the nearest.

    Examples
    --------
    >>> picture("spectrum").parameters["condition"]
    1000.0
    """
    found: Picture = importlib.import_module(f"figures.{known('figure', name, NAMES)}").PICTURE
    return found
