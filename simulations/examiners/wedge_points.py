"""Points of the wedge at which its claims are tried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.examiners.settings import Settings, logarithmic, rounded, starts
from simulations.sector import sector_minimiser, sector_moments

Array = NDArray[np.float64]
END = 0.01  # radians, how near angles come to 0 and π
NEAR = (1e-4, 0.5)  # of a right angle, how far angles are that are drawn close to it


@dataclass(frozen=True, eq=False, kw_only=True)
class Points(Settings):
    """Settings of the wedge; Σ (n, 2, 2), c (n, 2) and w* (n, 2) are found by quadrature.

    Steps are those of appendix A.3, w ← w − 2η(Σw − c).
    """

    covariance: Array
    cross: Array
    minimiser: Array

    def gradient(self, weights: Array) -> Array:
        """2(Σw − c) at weights (…, n, 2)."""
        return 2 * (np.einsum("nij,...nj->...ni", self.covariance, weights) - self.cross)

    @property
    def rates(self) -> Array:
        """Eigenvalues of Σ (n, 2), the smaller first."""
        return np.asarray(np.linalg.eigvalsh(self.covariance), np.float64)


def at(*, epsilon: Array, theta: Array, step: Array, u1: Array, u2: Array) -> Points:
    """Settings with these parameters, each (n,)."""
    found = [sector_moments(float(e), float(t)) for e, t in zip(epsilon, theta, strict=True)]
    rest = [sector_minimiser(float(e), float(t), 0.0)[0] for e, t in zip(epsilon, theta, strict=True)]
    covariance, cross = (np.array([pair[i] for pair in found]) for i in (0, 1))
    return Points(
        epsilon=epsilon,
        theta=theta,
        step=step,
        u1=u1,
        u2=u2,
        covariance=covariance,
        cross=cross[:, 0],
        minimiser=np.array(rest),
    )


def angles(rng: np.random.Generator, count: int) -> Array:
    """Angles over (0, π): anywhere, close to a right angle on both sides, and close to both ends (n,)."""
    anywhere = rng.uniform(END, np.pi - END, count)
    right = np.pi / 2 + rng.choice([-1.0, 1.0], count) * logarithmic(rng, NEAR, count)
    end = logarithmic(rng, (END, 0.5), count)
    ends = np.where(rng.random(count) < 0.5, end, np.pi - end)
    return rounded(np.choose(rng.choice(3, count, p=(0.6, 0.2, 0.2)), [anywhere, right, ends]))


def points(
    rng: np.random.Generator,
    count: int,
    *,
    epsilon: tuple[float, float] = (1e-8, 0.9),
    fraction: tuple[float, float] = (1e-4, 1.0),
    size: tuple[float, float] = (1e-2, 1e2),
) -> Points:
    """Draw points over the whole domain: all angles, both signs of each start.

    Parameters
    ----------
    rng
        A generator.
    count
        How many.
    epsilon, size
        Ranges of ε and of |u₁| and |u₂|, drawn on a logarithmic axis.
    fraction
        Range of ηλ₊, which is 1 where the steps stop converging.
    """
    theta, (u1, u2) = angles(rng, count), starts(rng, size, count)
    variances = rounded(logarithmic(rng, epsilon, count))
    one = np.ones(count)
    drawn = at(epsilon=variances, theta=theta, step=one, u1=u1, u2=u2)
    return stepped(drawn, rounded(logarithmic(rng, fraction, count) / drawn.rates[:, 1]))


def stepped(points: Points, step: Array) -> Points:
    """The same points with other step sizes (n,)."""
    return Points(**{**vars(points), "step": step})


def rejected(epsilon: float, theta: float, size: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Gaussian inputs (size, 2), and which of them (size,) lie in the wedge; nothing but its definition is used."""
    inputs = rng.standard_normal((size, 2)) * [1.0, np.sqrt(epsilon)]
    return inputs, inputs[:, 0] * (inputs @ [np.cos(theta), np.sin(theta)]) <= 0
