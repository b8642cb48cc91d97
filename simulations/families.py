"""Families of models with one unknown parameter, among which a design is sought."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulations.spectra import SHAPES, spectrum
from theory.checks import known, positive, whole
from theory.models.folded import Folded
from theory.models.linear import LinearModel
from theory.models.regression import Regression
from theory.models.wedge import Wedge

LARGEST_CONDITION, SMALLEST_EPSILON, LARGEST_EPSILON = 1e12, 1e-12, 1 - 1e-9


@dataclass(frozen=True)
class Family:
    """Models with one unknown parameter.

    Parameters
    ----------
    unknown
        Its name.
    low, high
        Its range.
    build
        The model at a value.
    start
        Numbers of the start, as the model takes them; None for its own.
    """

    unknown: str
    low: float
    high: float
    build: Callable[[float], LinearModel]
    start: Any = None


def folded_family(
    *, theta: float = math.pi / 4, margin: float = 1.0, weight_decay: float = 0.0, start: Any = None
) -> Family:
    """Folded models of any ε from 1e-12 to 1 − 1e-9.

    A value that the model refuses is refused when `design` builds one.

    Parameters
    ----------
    theta
        Angle of the test boundary to the first axis in radians.
    margin
        Least |x₁| of a training input.
    weight_decay
        Coefficient λ of ½ λ‖W‖².
    start
        Weights w₁, w₂ at the start; the model's own if left out.
    """

    def build(epsilon: float) -> LinearModel:
        return Folded(epsilon, theta, margin, weight_decay)

    return Family("epsilon", SMALLEST_EPSILON, LARGEST_EPSILON, build, start)


def wedge_family(*, theta: float = math.pi / 4, weight_decay: float = 0.0, start: Any = None) -> Family:
    """Wedges of any ε from 1e-12 to 1 − 1e-9.

    A value that the model refuses is refused when `design` builds one.

    Parameters
    ----------
    theta
        Angle of the second plane's normal to the first axis in radians.
    weight_decay
        Coefficient λ of ½ λ‖W‖².
    start
        Weights w₁, w₂ at the start; the model's own if left out.
    """

    def build(epsilon: float) -> LinearModel:
        return Wedge(epsilon, theta, weight_decay)

    return Family("epsilon", SMALLEST_EPSILON, LARGEST_EPSILON, build, start)


def spectrum_family(
    shape: str = "geometric", *, directions: float = 2, largest: float = 1.0, weight_decay: float = 0.0
) -> Family:
    """Regressions whose spectrum has this shape and any condition number up to 1e12, with equal errors at the start.

    Parameters
    ----------
    shape
        ``two-level``, ``geometric``, ``power-law`` or ``marchenko-pastur``, as `simulations.spectra.spectrum` has them.
    directions
        Number of eigenvalues, at least 2.
    largest
        The largest of them.
    weight_decay
        Coefficient λ of ½ λ‖W‖².

    Raises
    ------
    ArgumentError
        If the shape is not one of these, `directions` not a whole number of at least 2, or `largest` not positive.
    """
    known("shape", shape, SHAPES)
    count, top = whole("directions", directions, 2), positive("largest", largest)

    def build(condition: float) -> LinearModel:
        return Regression.from_spectrum(spectrum(shape, condition, count, top), weight_decay=weight_decay)

    return Family("condition", 1.0, LARGEST_CONDITION, build)
