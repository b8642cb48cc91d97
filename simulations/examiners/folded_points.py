"""Points of the folded model at which its claims are tried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from simulations.examiners.settings import Settings, logarithmic, rounded, starts
from simulations.population import tail_moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Points(Settings):
    """Settings of the folded model; the moments m₁ and m₂ (n,) are found by quadrature."""

    margin: Array
    m1: Array
    m2: Array
    names: ClassVar[tuple[str, ...]] = ("epsilon", "theta", "margin", "step", "u1", "u2")

    def but(self, **arrays: Array) -> Points:
        """The same points with other parameters; a new margin brings its moments."""
        if "margin" in arrays:
            m1, m2 = moments(arrays["margin"])
            arrays |= {"m1": m1, "m2": m2}
        return replace(self, **arrays)

    @property
    def optimum(self) -> Array:
        """m₁/m₂, where the first weight rests (n,)."""
        return self.m1 / self.m2

    def gradient(self, weights: Array) -> Array:
        """Gradient of the population loss at weights (…, n, 2)."""
        return np.stack([self.m2 * weights[..., 0] - self.m1, self.epsilon * weights[..., 1]], axis=-1)


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
    u1, u2 = starts(rng, size, count)
    return Points(
        epsilon=rounded(logarithmic(rng, epsilon, count)),
        theta=rounded(theta),
        margin=margin,
        step=rounded(logarithmic(rng, fraction, count) * 2 / m2),
        u1=u1,
        u2=u2,
        m1=m1,
        m2=m2,
    )
