"""Points of the folded model at which its claims are tried, and runs of many of them at once."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from simulations.examiners.trial import Trial, compared
from simulations.population import tail_moments
from simulations.sector import classification_error
from theory.claims.claim import Claim

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
DIGITS = 6  # significant digits of a parameter that is drawn
CHUNK = 64  # steps between two looks at the test error


@dataclass(frozen=True, eq=False)
class Points:
    """Settings of the folded model, one per row: parameters, step size η and start (u₁, u₂), each (n,).

    The moments m₁ and m₂ are found by quadrature.
    """

    epsilon: Array
    theta: Array
    margin: Array
    step: Array
    u1: Array
    u2: Array
    m1: Array
    m2: Array

    def __len__(self) -> int:
        return len(self.epsilon)

    def where(self, mask: Mask | Sequence[int]) -> Points:
        """Some of the points."""
        return Points(**{name: values[mask] for name, values in vars(self).items()})

    def but(self, **arrays: Array) -> Points:
        """The same points with other parameters; a new margin brings its moments."""
        if "margin" in arrays:
            m1, m2 = moments(arrays["margin"])
            arrays |= {"m1": m1, "m2": m2}
        return replace(self, **arrays)

    def row(self, index: int, **more: Any) -> dict[str, Any]:
        """One point, ready for JSON."""
        names = ("epsilon", "theta", "margin", "step", "u1", "u2")
        return {name: float(getattr(self, name)[index]) for name in names} | more

    @property
    def optimum(self) -> Array:
        """m₁/m₂, where the first weight rests (n,)."""
        return self.m1 / self.m2

    def gradient(self, weights: Array) -> Array:
        """Gradient of the population loss at weights (…, n, 2)."""
        return np.stack([self.m2 * weights[..., 0] - self.m1, self.epsilon * weights[..., 1]], axis=-1)

    def whole(self, weights: Array) -> Mask:
        """Whether the whole test set is misclassified by weights (…, n, 2)."""
        return self.error(weights) >= 1.0

    def error(self, weights: Array) -> Array:
        """Test error of weights (…, n, 2)."""
        return classification_error(weights[..., None, :], self.epsilon, self.theta)


def rounded(values: Array) -> Array:
    """The values to a few significant digits, as they are used and shown."""
    return np.array([float(f"{value:.{DIGITS}g}") for value in values])


def moments(margin: Array) -> tuple[Array, Array]:
    """m₁ and m₂ at each margin (n,)."""
    first, second = np.array([tail_moments(float(s)) for s in margin]).T
    return first, second


def points(
    rng: np.random.Generator,
    count: int,
    *,
    epsilon: tuple[float, float] = (1e-8, 0.9),
    fraction: tuple[float, float] = (1e-4, 1.0),
    size: tuple[float, float] = (1e-2, 1e2),
) -> Points:
    """Draw points over the whole domain: angles up to both ends, both signs of each start, a zero margin among them.

    Parameters
    ----------
    rng
        A generator.
    count
        How many.
    epsilon, size
        Ranges of ε and of |u₁| and |u₂|, drawn on a logarithmic axis.
    fraction
        Range of ηm₂/2, which is 1 where gradient descent stops converging.
    """
    theta = np.where(
        rng.random(count) < 0.5, rng.uniform(0.02, 1.55, count), np.pi / 4 + 0.77 * np.sin(rng.uniform(0, 7, count))
    )
    margin = rounded(np.where(rng.random(count) < 0.1, 0.0, rng.uniform(0, 6, count)))
    m1, m2 = moments(margin)
    starts = _log(rng, size, (2, count)) * rng.choice([-1.0, 1.0], (2, count))
    return Points(
        rounded(_log(rng, epsilon, count)),
        rounded(theta),
        margin,
        rounded(_log(rng, fraction, count) * 2 / m2),
        rounded(starts[0]),
        rounded(starts[1]),
        m1,
        m2,
    )


def _log(rng: np.random.Generator, ends: tuple[float, float], shape: int | tuple[int, ...]) -> Array:
    low, high = map(float, np.log(ends))
    return np.exp(rng.uniform(low, high, shape))


def descents(at: Points, count: int) -> Array:
    """Weights (count + 1, n, 2) of gradient descent from every start."""
    path = np.empty((count + 1, len(at), 2))
    path[0] = np.stack([at.u1, at.u2], axis=-1)
    for before, after in itertools.pairwise(path):
        np.subtract(before, at.step[:, None] * at.gradient(before), out=after)
    return path


def left_for_good(at: Points, count: int, *, unit: bool = False) -> Array:
    """The step after the last one at 100 % test error (n,); NaN where it is not over after `count` steps.

    Parameters
    ----------
    at
        The points.
    count
        Steps taken.
    unit
        Whether the gradient is divided by its norm, which is EGD with one output.
    """
    weights, end = np.stack([at.u1, at.u2], axis=-1), np.zeros(len(at))
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
    shape = np.broadcast_shapes(*(np.shape(argument) for argument in arguments))
    with np.errstate(all="ignore"):
        found = [np.asarray(each(law, symbols)(*arguments), float) for each in (claim.claims, claim.predicts)]
    return np.broadcast_to(found[0], shape), np.broadcast_to(found[1], shape)


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
