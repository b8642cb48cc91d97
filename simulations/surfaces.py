"""Where singular values of layers' gradients vanish: what would hold a flow on such a surface.

Let U₀, V₀ be null directions of a layer's gradient G_l, and b_l the rate of U₀ᵀ G_l V₀ when the layers move along the
other directions alone. A part Θ_l of the speed along them, D_l = U_r h(S_r) V_rᵀ + U₀ Θ_l V₀ᵀ with ‖Θ_l‖ ≤ h(0⁺), holds
the flow there if b + A Θ = 0 with the linear map A of all Θ to all rates. By Filippov Θ is an average of what the law
gives in the neighbourhood:

- b = 0: it gives opposite parts on opposite sides, and Θ = 0.
- A injective: one Θ. So where one layer's gradient alone is singular.
- One number e decides all null directions, each a 1×1 block γ_l e of its layer: Θ_l = t sgn(γ_l)|γ_l|^(1−α) with one t.
  So where the residual of three or more layers that are not aligned loses its rank for the first time.
- Else many Θ are averages, and which one a run follows depends on how the jump is passed: the flow is not unique.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.bases import rank_cut
from theory.models.factorized_layers import Layers
from theory.rules import Rule

Array = NDArray[np.float64]
Gradients = Callable[[Layers], Layers]
ZERO = 1e-6  # relative size below which a rate, or a singular value of A, counts as zero
LOST = 1e-6  # of a product of layers, the part along a direction below which it has lost it


@dataclass(frozen=True)
class Pull:
    """One layer's gradient, seen by its rule: its singular values above zero, and all its singular vectors.

    Parameters
    ----------
    left
        Left singular vectors as columns (m, m).
    values
        Singular values above zero (r,).
    right
        Right singular vectors as rows (p, p).
    speeds
        What the law makes of the values (r,).
    """

    left: Array
    values: Array
    right: Array
    speeds: Array

    @classmethod
    def of(cls, how: Rule, gradient: Array, most: int) -> Pull:
        """The pull of a gradient (m, p) of which at most so many singular values count."""
        left, values, right = np.linalg.svd(gradient)
        # a law that is smooth at zero needs no cut, which would be a jump where an error fades in another's rounding
        cut = rank_cut(values, gradient.shape) if how.vanishing_power > 0 and not how.isotropic else values > 0
        values = values[: min(int(cut.sum()) if values[0] > 0 else 0, most)]
        norm = float(np.sqrt((values**2).sum()))
        return cls(left, values, right, np.broadcast_to(np.asarray(how.speed(values, norm, 1), float), values.shape))

    @property
    def way(self) -> Array:
        """D (m, p), without its part along null directions."""
        return self.among(self.speeds)

    @property
    def null(self) -> tuple[Array, Array]:
        """Null directions U₀ (m, m − r) and V₀ᵀ (p − r, p)."""
        return self.left[:, len(self.values) :], self.right[len(self.values) :]

    @property
    def block(self) -> tuple[int, int]:
        """Shape of Θ."""
        return len(self.left) - len(self.values), len(self.right) - len(self.values)

    def among(self, speeds: Array) -> Array:
        """U_r diag(speeds) V_rᵀ (m, p)."""
        count = len(self.values)
        return (self.left[:, :count] * speeds) @ self.right[:count]

    def along(self, theta: Array) -> Array:
        """U₀ Θ V₀ᵀ (m, p)."""
        left, right = self.null
        return left @ theta @ right


@dataclass(frozen=True)
class Hold:
    """The Θ of each layer that would hold a flow on a surface.

    Parameters
    ----------
    thetas
        One Θ for each layer.
    misfit
        |b + A Θ| relative to the rates of the gradients: positive where no Θ holds.
    unique
        Whether it is the only average of the law's values about the surface.
    """

    thetas: list[Array]
    misfit: float
    unique: bool


def changes(gradients: Gradients, layers: Layers, ways: Layers) -> Layers:
    """dG_l/dt when each layer moves against its way, by a complex step: the gradients are polynomials."""
    tiny = 1e-100
    moved = tuple(layer - 1j * tiny * way for layer, way in zip(layers, ways, strict=True))
    return tuple(gradient.imag / tiny for gradient in gradients(moved))


def hold(gradients: Gradients, layers: Layers, pulls: list[Pull], vanishing: float) -> Hold:
    """Find the Θ that hold the null directions of these pulls.

    Parameters
    ----------
    gradients
        Layers to the gradient of each.
    layers, pulls
        Where the run is, and the gradients there.
    vanishing
        The law's α: h ~ σ^(1−α) where σ vanishes.
    """
    ways = tuple(pull.way for pull in pulls)
    thetas = [np.zeros(pull.block) for pull in pulls]
    rates = changes(gradients, layers, ways)
    scale = sum(float(np.linalg.norm(rate)) for rate in rates) or 1.0
    drift = _inside(pulls, rates)
    if np.linalg.norm(drift) <= ZERO * scale:
        return Hold(thetas, 0.0, True)
    matrix = _response(gradients, layers, pulls)
    found, shared = _solved(matrix, drift, all(theta.size <= 1 for theta in thetas), vanishing)
    misfit = float(np.linalg.norm(drift + matrix @ found)) / scale
    parts = np.split(found, np.cumsum([theta.size for theta in thetas])[:-1])
    needed = sum(float(np.linalg.norm(part)) > ZERO for part in parts)
    thetas = [part.reshape(theta.shape) for part, theta in zip(parts, thetas, strict=True)]
    return Hold(thetas, misfit, shared or needed <= 1)


def _inside(pulls: list[Pull], rates: Layers) -> Array:
    """U₀ᵀ (dG_l/dt) V₀ of all layers, one after the other."""
    return np.concatenate(
        [(pull.null[0].T @ rate @ pull.null[1].T).ravel() for pull, rate in zip(pulls, rates, strict=True)]
    )


def _response(gradients: Gradients, layers: Layers, pulls: list[Pull]) -> Array:
    """A, with a column for each entry of each Θ."""
    columns = []
    for place, pull in enumerate(pulls):
        for unit in np.eye(pull.block[0] * pull.block[1]):
            ways = [np.zeros(layer.shape) for layer in layers]
            ways[place] = pull.along(unit.reshape(pull.block))
            columns.append(_inside(pulls, changes(gradients, layers, tuple(ways))))
    return np.array(columns).T


def _solved(matrix: Array, drift: Array, single: bool, vanishing: float) -> tuple[Array, bool]:
    """Θ of least misfit and size, or that of one t; and whether it is. `single` where all blocks are 1×1."""
    left, values, _ = np.linalg.svd(matrix)
    rank = int((values > ZERO * values[0]).sum())
    if single and rank == 1:
        size = np.abs(left[:, 0])
        alike = size > ZERO
        share = np.where(alike, np.sign(left[:, 0]) * np.where(alike, size, 1.0) ** (1 - vanishing), 0.0)
        back = matrix @ share
        share *= -float(back @ drift) / float(back @ back)
        return np.asarray(share, float), True
    return np.asarray(-np.linalg.lstsq(matrix, drift, rcond=ZERO)[0], float), rank == len(drift)


def factors_lost(layers: Layers, scales: Array, pulls: list[Pull], gone: list[NDArray[np.bool_]]) -> bool:
    """Whether every layer stands still along its new null directions because the layers about it vanish there."""
    return all(
        bool(which.any()) and _lost(layers[:place], layers[place + 1 :], scales, place, pull, which)
        for place, (pull, which) in enumerate(zip(pulls, gone, strict=True))
    )


def _lost(below: Layers, above: Layers, scales: Array, place: int, pull: Pull, which: NDArray[np.bool_]) -> bool:
    count = len(pull.values)
    image = functools.reduce(lambda found, layer: layer @ found, above, pull.left[:, :count][:, which])
    origin = functools.reduce(lambda found, layer: found @ layer, reversed(below), pull.right[:count][which])
    over = np.linalg.norm(image, axis=0) <= LOST * scales[place + 1 :].prod()
    under = np.linalg.norm(origin, axis=1) <= LOST * scales[:place].prod()
    return bool((over | under).all())
