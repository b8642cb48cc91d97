"""Settings of a linear classifier of two inputs, many at once: what the trials on both planar models share."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from simulations.examiners.trial import Trial, compared
from simulations.sector import classification_error
from theory.claims.claim import Claim

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
DIGITS = 6  # significant digits of a parameter that is drawn
CHUNK = 64  # steps between two looks at the test error


@dataclass(frozen=True, eq=False, kw_only=True)
class Settings(ABC):
    """Settings of a planar model, one per row: ε, θ, step size η and start (u₁, u₂), each (n,)."""

    epsilon: Array
    theta: Array
    step: Array
    u1: Array
    u2: Array
    names: ClassVar[tuple[str, ...]] = ("epsilon", "theta", "step", "u1", "u2")

    def __len__(self) -> int:
        return len(self.epsilon)

    def where(self, mask: Mask | Sequence[int]) -> Self:
        """Some of the settings."""
        return type(self)(**{name: values[mask] for name, values in vars(self).items()})

    def row(self, index: int, **more: Any) -> dict[str, Any]:
        """One setting, ready for JSON."""
        return {name: float(getattr(self, name)[index]) for name in self.names} | more

    @property
    def start(self) -> Array:
        """Weights at the start (n, 2)."""
        return np.stack([self.u1, self.u2], axis=-1)

    @abstractmethod
    def gradient(self, weights: Array) -> Array:
        """What a step goes down at weights (…, n, 2), by its size."""

    def whole(self, weights: Array) -> Mask:
        """Whether the whole test set is misclassified by weights (…, n, 2)."""
        return self.error(weights) >= 1.0

    def error(self, weights: Array) -> Array:
        """Test error of weights (…, n, 2)."""
        return classification_error(weights[..., None, :], self.epsilon, self.theta)


def rounded(values: Array) -> Array:
    """The values to a few significant digits, as they are used and shown."""
    return np.array([float(f"{value:.{DIGITS}g}") for value in values])


def logarithmic(rng: np.random.Generator, ends: tuple[float, float], shape: int | tuple[int, ...]) -> Array:
    """Numbers drawn between both ends on a logarithmic axis."""
    low, high = map(float, np.log(ends))
    return np.exp(rng.uniform(low, high, shape))


def starts(rng: np.random.Generator, ends: tuple[float, float], count: int) -> Array:
    """Weights u₁ and u₂ (2, count) of both signs, their sizes drawn likewise."""
    drawn = logarithmic(rng, ends, (2, count)) * rng.choice([-1.0, 1.0], (2, count))
    return np.array([rounded(row) for row in drawn])


def descents(at: Settings, count: int) -> Array:
    """Weights (count + 1, n, 2) of gradient descent from every start."""
    path = np.empty((count + 1, len(at), 2))
    path[0] = at.start
    for before, after in itertools.pairwise(path):
        np.subtract(before, at.step[:, None] * at.gradient(before), out=after)
    return path


def left_for_good(at: Settings, count: int, *, unit: bool = False) -> Array:
    """The step after the last one at 100 % test error (n,); NaN where it is not over after `count` steps.

    Parameters
    ----------
    at
        The settings.
    count
        Steps taken.
    unit
        Whether the gradient is divided by its norm, which is EGD with one output.
    """
    weights, end = at.start, np.zeros(len(at))
    chunk = np.empty((CHUNK, *weights.shape))
    for first in range(0, count, CHUNK):
        for row in chunk:
            row[:] = weights
            way = at.gradient(weights)
            if unit:
                way /= np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-300)[:, None]
            weights = weights - at.step[:, None] * way
        last = last_true(at.whole(chunk))
        end = np.where(last >= 0, first + last + 1, end)
    return np.where(end >= first, np.nan, end)


def last_true(table: Mask) -> NDArray[np.int64]:
    """Place of the last True in each column (n,) of a table (T, n); −1 where there is none."""
    return np.where(table.any(axis=0), len(table) - 1 - np.argmax(table[::-1], axis=0), -1)


def stated(claim: Claim, law: str, symbols: Sequence[sp.Symbol], *arguments: Any) -> tuple[Array, Array]:
    """A law as printed and as derived, at arguments that broadcast; without warnings of branches that do not apply."""
    return _at(claim.claims(law, symbols), arguments), _at(claim.predicts(law, symbols), arguments)


def derived(claim: Claim, law: str, symbols: Sequence[sp.Symbol], *arguments: Any) -> Array:
    """A law as derived, likewise."""
    return _at(claim.predicts(law, symbols), arguments)


def _at(law: Callable[..., Any], arguments: Sequence[Any]) -> Array:
    with np.errstate(all="ignore"):
        found = np.asarray(law(*arguments), float)
    return np.broadcast_to(found, np.broadcast_shapes(*(np.shape(argument) for argument in arguments)))


def against(parameters: dict[str, Any], pair: tuple[Any, Any], measured: Any, tolerance: Any) -> Trial:
    """A trial of what is printed and what is derived against a number, all plain floats."""
    return compared(parameters, float(pair[0]), float(pair[1]), float(measured), float(tolerance))


def bounded(
    parameters: dict[str, Any], claimed: float, predicted: float, measured: float, tolerance: float, *, below: bool
) -> Trial:
    """A trial of two bounds on a number, a strict one that is printed and a derived one that may be reached."""
    side = 1.0 if below else -1.0
    stands, derived = side * (claimed - measured) > 0, side * (predicted - measured) >= -tolerance
    return Trial(parameters, claimed, predicted, measured, tolerance, bool(stands), bool(derived))


def slope(x: Array, y: Array) -> float:
    """Least-squares exponent of y in x, both positive (n,)."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])
