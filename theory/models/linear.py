"""What every linear model has: moments, a curvature, a minimiser, a gradient, singular directions."""

from __future__ import annotations

import functools
import itertools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from theory.checks import ArgumentError, length, numbers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Mask = NDArray[np.bool_]

ALIGNED = 1e-9  # cosine between the errors along two directions below which these count as orthogonal
EQUAL = 1e-12  # relative difference of eigenvalues below which these count as repeated


@dataclass(frozen=True, eq=False)
class Directions:
    """The singular directions of a linear model, seen from one start.

    Parameters
    ----------
    values
        Eigenvalues of the curvature Σ + λI, in descending order (d,).
    basis
        Their unit eigenvectors as columns (d, d).
    amplitudes
        Length of the start error along each direction, ‖E₀ vᵢ‖ (d,).
    learns
        Which directions have a curvature above rounding (d,).
    aligned
        Whether Σ and E₀ share singular directions, ΣE₀ᵀE₀ = E₀ᵀE₀Σ.
    along
        What the start has along each direction, where that is not the error (d,).
    """

    values: Array
    basis: Array
    amplitudes: Array
    learns: Mask
    aligned: bool
    along: Array | None = None

    @property
    def starts(self) -> Array:
        """What a user gives to set the start along each direction (d,)."""
        return self.amplitudes if self.along is None else self.along


class LinearModel(ABC):
    """Base of the models: prediction W x, loss ½ E‖W x − y‖² + ½ λ‖W‖², W of shape (outputs, inputs).

    A model is a frozen dataclass with a `name`, a `weight_decay`, its parameters, and `moments`; it says with
    `starts_by_amplitude` whether its `start` takes error amplitudes rather than weights.
    The gradient is W (Σ + λI) − C for Σ = E x xᵀ and C = E y xᵀ.
    """

    name: str
    weight_decay: float
    starts_by_amplitude = False

    @abstractmethod
    def parameters(self) -> dict[str, Any]:
        """The parameters, ready for JSON."""

    @abstractmethod
    def moments(self) -> tuple[Array, Array]:
        """Σ = E x xᵀ of shape (d, d) and C = E y xᵀ of shape (c, d)."""

    @abstractmethod
    def start(self, amplitudes: Any = None) -> Array:
        """The start weights W(0) of shape (c, d) that the numbers given by a user stand for."""

    @functools.cached_property
    def curvature(self) -> Array:
        """Σ + λI, shape (d, d)."""
        import numpy as np

        covariance, _ = self.moments()
        return covariance + self.weight_decay * np.eye(len(covariance))

    @functools.cached_property
    def cross(self) -> Array:
        """C = E y xᵀ, shape (c, d)."""
        return self.moments()[1]

    @property
    def shape(self) -> tuple[int, int]:
        """Outputs and inputs, (c, d)."""
        c, d = self.cross.shape
        return c, d

    @functools.cached_property
    def eigen(self) -> tuple[Array, Array]:
        """Eigenvalues (descending, those below rounding set to zero) and eigenvectors of the curvature."""
        import numpy as np

        if self.diagonal:
            order = np.argsort(-self.curvature.diagonal(), kind="stable")
            return self.curvature.diagonal()[order], np.eye(len(order))[:, order]
        values, basis = np.linalg.eigh(self.curvature)
        values, basis = values[::-1].copy(), basis[:, ::-1].copy()
        values[values <= len(values) * np.finfo(float).eps * values[0]] = 0.0
        return values, basis

    @property
    def sharpness(self) -> float:
        """The largest curvature λ₁."""
        return float(self.eigen[0][0])

    @property
    def diagonal(self) -> bool:
        """Whether the directions are the axes, so that no eigenvalue or amplitude is rounded."""
        import numpy as np

        return not np.any(self.curvature - np.diag(self.curvature.diagonal()))

    @functools.cached_property
    def minimiser(self) -> Array:
        """W* = C (Σ + λI)⁺, shape (c, d)."""
        import numpy as np

        values, basis = self.eigen
        inverse = np.divide(1, values, out=np.zeros_like(values), where=values > 0)
        return (self.cross @ basis) * inverse @ basis.T

    def gradient(self, weights: Array) -> Array:
        """Gradient of the loss at weights (…, c, d)."""
        return weights @ self.curvature - self.cross

    def directions(self, start: Array) -> Directions:
        """The singular directions, adapted to the start where eigenvalues repeat."""
        import numpy as np

        values, basis = self.eigen
        basis = basis.copy()
        error, turned = start - self.minimiser, np.full(len(values), not self.diagonal)
        for cluster in _clusters(values, each=self.diagonal):
            turned[cluster] = True
            _, _, rotation = np.linalg.svd(error @ basis[:, cluster])
            basis[:, cluster] = basis[:, cluster] @ rotation.T
        gram = (error @ basis).T @ (error @ basis)
        amplitudes, scale = np.sqrt(np.diag(gram)), max(np.abs(start).max(), np.abs(self.minimiser).max())
        aligned = _orthogonal(gram, amplitudes, values, scale)
        amplitudes[turned & (amplitudes <= 16 * np.finfo(float).eps * scale)] = 0.0
        return Directions(values, basis, amplitudes, values > 0, aligned)


def _clusters(values: Array, each: bool) -> list[slice]:
    """Runs of equal eigenvalues, longer than one; off the axes small ones are rounded like large ones.

    Parameters
    ----------
    values
        In descending order (d,).
    each
        Whether each eigenvalue is exact, however small, as on the axes.
    """
    edges = [0]
    for index in range(1, len(values)):
        if values[index - 1] - values[index] > EQUAL * values[index - 1 if each else 0]:
            edges.append(index)
    edges.append(len(values))
    return [slice(a, b) for a, b in itertools.pairwise(edges) if b - a > 1]


def _orthogonal(gram: Array, sizes: Array, values: Array, scale: float) -> bool:
    """Whether the errors along all directions are orthogonal, but for the rounding of errors and of directions.

    Parameters
    ----------
    gram
        The errors' inner products (d, d).
    sizes
        The errors' lengths (d,).
    values
        Eigenvalues (d,); a small gap between two is a large rounding of their directions.
    scale
        The largest entry of what the errors are a difference of.
    """
    import numpy as np

    eps = np.finfo(float).eps
    rounding = 16 * eps * scale * np.add.outer(sizes, sizes)
    beyond = np.abs(gram) - ALIGNED * np.multiply.outer(sizes, sizes) - rounding
    turned = 64 * eps * values[0] * np.add.outer(sizes**2, sizes**2)
    return bool((np.abs(np.subtract.outer(values, values)) * beyond <= turned).all())


def checked_start(model: LinearModel, start: Any) -> Array:
    """The start weights (c, d), of the model's shape and finite; one row may be a list of numbers (d,).

    Parameters
    ----------
    start
        The model's own start if None.

    Raises
    ------
    ArgumentError
        If the start has not the model's shape or holds NaN or Inf.
    """
    import numpy as np

    if start is None:
        return model.start()
    found = np.asarray(start, float)
    if found.ndim == 1 and model.shape[0] == 1:
        found = found[None]
    check_start_shape(model.shape, found.shape)
    return finite_start(found)


def check_start_shape(wanted: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Refuse a start of another shape."""
    if shape != wanted:
        raise ArgumentError("start", f"have the shape {wanted}", f"has {shape}")


def finite_start(start: Any) -> Array:
    """A start as an array of floats, refused if one is NaN or Inf."""
    import numpy as np

    found = np.asarray(start, float)
    if not np.isfinite(found).all():
        raise ArgumentError("start", "be finite", "holds NaN or Inf")
    return found


def two_weights(given: Any = None) -> Array:
    """W(0) = (u₁, u₂) of shape (1, 2); (1, 3) by default.

    Raises
    ------
    ArgumentError
        If they are not two finite numbers.
    """
    import numpy as np

    found = numbers("start", (1.0, 3.0) if given is None else given)
    length("start", found, [2])
    return np.array([found])


def one_or_all(name: str, given: Any, count: int) -> tuple[float, ...]:
    """`count` numbers from `count` or from one that serves all.

    Raises
    ------
    ArgumentError
        If there are neither one nor `count`.
    """
    found = numbers(name, given)
    if len(found) not in (1, count):
        wanted = "1 number" if count == 1 else f"1 or {count} numbers"
        raise ArgumentError(name, f"hold {wanted}", f"holds {len(found)}")
    return found * count if len(found) == 1 else found
