"""The members of an ensemble: directions of regressions, or modes of factorised models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.factorized_runs import run_factorized
from simulations.mode_runs import Run, Settings, run_regression
from theory.checks import ArgumentError, ArgumentTypeError
from theory.modes import GROWING, Path, factorized_path, regression_path
from theory.rules import Rule

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RegressionModes:
    """Directions of regressions, de/dt = −h(λ|e|) sgn e.

    Parameters
    ----------
    rates
        Curvatures λ (n,), or an array that broadcasts with `errors`.
    errors
        Errors e₀ of either sign (n,), or an array that broadcasts with `rates`.

    Raises
    ------
    ArgumentTypeError
        If one of them is no array of numbers.
    ArgumentError
        If they do not broadcast, or are empty.
    """

    rates: Array
    errors: Array

    def __post_init__(self) -> None:
        _broadcast(self, "rates", "errors")

    def path(self, how: Rule) -> Path:
        """The equations under a rule."""
        return regression_path(how)

    def run(self, settings: Settings, members: slice) -> Run:
        """Carry some of the members to their ends."""
        return run_regression(settings, self.rates[members], self.errors[members])

    def __len__(self) -> int:
        return len(self.rates)


@dataclass(frozen=True, eq=False)
class FactorizedModes:
    """Modes of factorised models, dw_l/dt = −h(|g_l|) sgn g_l with g_l = (∏_{m≠l} w_m)(∏ w_m − s).

    Parameters
    ----------
    targets
        Singular values s of the target (n,).
    factors
        Factors w_l at the start, of either sign (L, n).

    Raises
    ------
    ArgumentTypeError
        If one of them is no array of numbers.
    ArgumentError
        If they have not these shapes, or L is less than 2.
    """

    targets: Array
    factors: Array

    def __post_init__(self) -> None:
        targets, factors = floats("targets", self.targets), floats("factors", self.factors)
        if targets.ndim != 1 or not targets.size:
            raise ArgumentError("targets", "have the shape (n,)", f"has the shape {targets.shape}")
        if factors.ndim != 2 or len(factors) < 2 or factors.shape[1] != len(targets):
            raise ArgumentError(
                "factors", f"have the shape (L, {len(targets)}) with L ≥ 2", f"has the shape {factors.shape}"
            )
        object.__setattr__(self, "targets", targets)
        object.__setattr__(self, "factors", factors)

    @classmethod
    def balanced(cls, targets: Any, starts: Any, depth: int = 2) -> FactorizedModes:
        """Factors of equal size; the last has the sign of the product.

        Parameters
        ----------
        targets
            Singular values s of the target (n,), or an array that broadcasts with `starts`.
        starts
            Products ∏ w_l at the start, of either sign (n,), or an array that broadcasts with `targets`.
        depth
            Number L of factors, at least 2.

        Raises
        ------
        ArgumentTypeError
            If `targets` or `starts` is no array of numbers.
        ArgumentError
            If they do not broadcast or are empty, or `depth` is not a whole number of at least 2.
        """
        targets, starts = _broadcast_together("targets", targets, "starts", starts)
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < 2:
            raise ArgumentError("depth", "be a whole number of at least 2", f"is {depth!r}")
        factors = np.tile(np.abs(starts) ** (1 / depth), (depth, 1))
        factors[-1] = np.copysign(factors[-1], starts)
        return cls(targets, factors)

    def path(self, how: Rule) -> Path:
        """The equations under a rule, in the regime in which most of a run is spent."""
        return factorized_path(how, len(self.factors), GROWING)

    def run(self, settings: Settings, members: slice) -> Run:
        """Carry some of the members to their ends."""
        return run_factorized(settings, self.targets[members], self.factors[:, members])

    def __len__(self) -> int:
        return len(self.targets)


def floats(name: str, values: Any) -> Array:
    """Values as an array of floats, refused if they are no numbers."""
    try:
        return np.array(values, float)
    except (TypeError, ValueError):
        raise ArgumentTypeError(name, "be an array of numbers", f"is {values!r}") from None


def _broadcast_together(first: str, one: Any, second: str, other: Any) -> tuple[Array, Array]:
    found = floats(first, one), floats(second, other)
    try:
        left, right = np.broadcast_arrays(*found)
    except ValueError:
        shapes = f"{found[0].shape} and {found[1].shape}"
        raise ArgumentError(second, f"broadcast with `{first}`", f"the shapes are {shapes}") from None
    if not left.size:
        raise ArgumentError(first, "hold at least one number", "is empty")
    return left.ravel().copy(), right.ravel().copy()


def _broadcast(modes: Any, first: str, second: str) -> None:
    both = _broadcast_together(first, getattr(modes, first), second, getattr(modes, second))
    for name, values in zip((first, second), both, strict=True):
        object.__setattr__(modes, name, values)
