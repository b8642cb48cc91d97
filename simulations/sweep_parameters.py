"""What a sweep of each model can vary: its parameters, their defaults and domains, and the plateaus it has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.axes import Axis, Range, axis, words
from simulations.spectra import SHAPES
from theory.checks import ArgumentError, known, nonnegative, positive, whole
from theory.models.folded import Folded
from theory.models.wedge import Wedge
from theory.plateaus import ARRIVAL_SPREAD, CROSSING, FIRST_DEPARTURE, LAG, LEADING_ORDER, LONGEST_RUN, TWO_ORDERS

DEFAULTS: dict[str, dict[str, Any]] = {
    "folded": {
        "epsilon": 0.01,
        "theta": math.pi / 4,
        "margin": 1.0,
        "weight_decay": 0.0,
        "start_fast": 1.0,
        "start_slow": 3.0,
        "step": 0.1,
    },
    "wedge": {"epsilon": 0.01, "theta": math.pi / 4, "weight_decay": 0.0, "w1": 1.0, "w2": 3.0, "step": 0.1},
    "regression": {
        "shape": "geometric",
        "spectrum": "",
        "condition": 100.0,
        "directions": 3.0,
        "largest": 1.0,
        "weight_decay": 0.0,
        "start": 1.0,
        "step": 0.1,
    },
}
SHAPED = {"shape", "condition", "directions", "largest"}  # what a spectrum of one's own stands in place of
DEFINITIONS = {
    "folded": (LONGEST_RUN, LEADING_ORDER, ARRIVAL_SPREAD, FIRST_DEPARTURE, CROSSING, LAG),
    "wedge": (LONGEST_RUN, TWO_ORDERS, ARRIVAL_SPREAD, FIRST_DEPARTURE, CROSSING, LAG),
    "regression": (ARRIVAL_SPREAD, FIRST_DEPARTURE, CROSSING, LAG),
}


def parameter_axis(name: str, given: Any) -> Axis:
    """The axis of a parameter: numbers, or the words of a shape or a spectrum."""
    if name == "spectrum":
        return words(name, given, ";")
    return words(name, given) if name == "shape" else axis(name, given)


def check_domain(model: str, one: Axis) -> None:
    """Refuse a value outside the domain of its parameter, in the words of the model."""
    for value in one.ends:
        if one.name in ("epsilon", "theta", "margin"):
            (Folded if model == "folded" else Wedge)(**{one.name: value})
        elif one.name == "shape":
            known("shape", value, SHAPES)
        elif one.name == "spectrum":
            eigenvalues(value)
        elif one.name == "weight_decay":
            nonnegative(one.name, value)
        elif one.name == "directions":
            whole(one.name, value, 2)
        elif one.name == "condition" and value < 1:
            raise ArgumentError("condition", "be at least 1", f"is {value:g}")
        elif one.name in ("step", "largest", "start"):
            positive(one.name, value)
    if one.name == "directions" and isinstance(one, Range):
        raise ArgumentError("directions", "list whole numbers", f"is {one.text}")


def eigenvalues(text: str) -> NDArray[np.float64]:
    """A user's own spectrum, ``A,B,…``, in descending order (d,).

    Raises
    ------
    ArgumentError
        If it does not list positive numbers.
    """
    listed = axis("spectrum", tuple(text.split(",")))
    return np.sort([positive("spectrum", value) for value in listed.ends])[::-1]
