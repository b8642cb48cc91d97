"""A rule's law on the gradients of all layers, with the clock that the flow needs."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulations.speeds import TINY
from simulations.surfaces import Gradients, Hold, Pull, changes, hold
from theory.models.factorized_layers import Layers, layer_gradients_of
from theory.rules import Rule

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moment:
    """Where a flow is, and what holds it there.

    Parameters
    ----------
    time
        Flow time.
    layers
        In the coordinates of the run.
    residual
        P − M there (c, d): followed by itself, as it becomes far smaller than the rounding of P.
    nulls
        Of each layer's gradient, the singular values that are held at zero (L,).
    rested
        Directions along which the residual has vanished since the start.
    slides
        Whether some of the nulls need a part of the speed to stay there.
    unique
        Whether the flow that goes on from here is the only one.
    """

    time: float
    layers: Layers
    residual: Array
    nulls: NDArray[np.int64]
    rested: int = 0
    slides: bool = False
    unique: bool = True

    def moved(self, ways: Layers, length: float) -> Moment:
        """Some flow time later, along these ways."""
        layers, residual = list(self.layers), self.residual
        for place, way in enumerate(ways):  # one layer after the other, so that no difference of products is taken
            above, below = layers[place + 1 :], layers[:place]
            residual = residual - length * _product([*below, way, *above])
            layers[place] = layers[place] - length * way
        return replace(self, time=self.time + length, layers=tuple(layers), residual=residual)


class LayeredSpeeds:
    """The directions that one rule takes on layers.

    Parameters
    ----------
    how
        An elementwise or isotropic law.
    target, layers
        The model's target (c, d), and layers of the shapes that they have, in the coordinates of the run.
    weight_decay
        The model's.
    """

    def __init__(self, how: Rule, target: Array, layers: Layers, weight_decay: float) -> None:
        self.how, self.target, self.weight_decay = how, target, weight_decay
        self.isotropic, self.vanishing = how.isotropic, float(how.vanishing_power)
        self.extinguishes = self.vanishing > 0
        self.full = min(min(layer.shape) for layer in layers)
        self.bound = _jump(how)  # of ‖Θ‖

    def start(self, layers: Layers, resting: int) -> Moment:
        """The start, with so many directions that rest from there on."""
        return Moment(0.0, layers, _product(layers) - self.target, np.full(len(layers), resting))

    def gradients(self, moment: Moment) -> Layers:
        """The gradient of each layer."""
        return layer_gradients_of(moment.layers, moment.residual, self.weight_decay)

    def pulls(self, moment: Moment) -> list[Pull]:
        """The gradients as the rule sees them, but for the singular values that are held at zero."""
        most = self.full - moment.nulls
        return [Pull.of(self.how, g, int(count)) for g, count in zip(self.gradients(moment), most, strict=True)]

    def rank(self, moment: Moment) -> int:
        """Rank of the gradient of largest rank."""
        return max(len(pull.values) for pull in self.pulls(moment))

    def pace(self, pulls: list[Pull]) -> float:
        """dt/dτ."""
        if self.how.power == 0:
            return 1.0
        ratios = np.concatenate([pull.speeds / np.maximum(pull.values, TINY) for pull in pulls])
        return float(1 / np.sqrt((ratios**2).sum())) if len(ratios) else 1.0

    def hold(self, moment: Moment, pulls: list[Pull]) -> Hold:
        """What would hold the null directions."""
        return hold(self._nearby(moment), moment.layers, pulls, self.vanishing)

    def ways(self, moment: Moment, pulls: list[Pull]) -> Layers:
        """D of each layer, with its part along null directions where the run slides."""
        if self.isotropic or self.how.power == 0:  # without the rounding of small errors by large ones
            return tuple(self._scaled(g, p) for g, p in zip(self.gradients(moment), pulls, strict=True))
        if not moment.slides:
            return tuple(pull.way for pull in pulls)
        thetas = self.hold(moment, pulls).thetas
        cut = [theta * min(1.0, self.bound / (spectral_norm(theta) or 1.0)) for theta in thetas]
        return tuple(pull.way + pull.along(theta) for pull, theta in zip(pulls, cut, strict=True))

    def _scaled(self, gradient: Array, pull: Pull) -> Array:
        """The gradient times the one ratio of speed to value that all its directions have."""
        return gradient * (pull.speeds[0] / pull.values[0]) if len(pull.values) else 0.0 * gradient

    def residual_rate(self, moment: Moment, ways: Layers) -> Array:
        """d(P − M)/dt when each layer moves against its way (c, d)."""
        layers = moment.layers
        parts = [_product([*layers[:place], way, *layers[place + 1 :]]) for place, way in enumerate(ways)]
        return -functools.reduce(operator.add, parts)

    def remaining(self, moment: Moment, pulls: list[Pull], ways: Layers) -> list[Array]:
        """Flow time until each singular value of each layer's gradient vanishes, at its present rate."""
        found = []
        for pull, change in zip(pulls, changes(self._nearby(moment), moment.layers, ways), strict=True):
            count = len(pull.values)
            left, right = pull.left[:, :count], pull.right[:count]
            rates, values = -np.einsum("ik,ij,kj->k", left, change, right), pull.values
            if self.isotropic and count:
                norm = np.sqrt((values**2).sum())
                rates, values = np.full(count, (values * rates).sum() / norm), np.full(count, norm)
            times = np.full(count, np.inf)
            falling = rates > 0
            times[falling] = values[falling] / (self.vanishing * rates[falling])
            found.append(times)
        return found

    def _nearby(self, moment: Moment) -> Gradients:
        """Layers a complex step away to the gradient of each."""

        def gradients(layers: Layers) -> Layers:
            residual = moment.residual + 1j * _product(layers).imag
            return layer_gradients_of(layers, residual, self.weight_decay)

        return gradients


def _product(layers: Sequence[Array]) -> Array:
    return functools.reduce(lambda below, layer: layer @ below, layers)


def spectral_norm(matrix: Array) -> float:
    """The largest singular value of a matrix that may be empty."""
    return float(np.linalg.norm(matrix, 2)) if matrix.size else 0.0


def _jump(how: Rule) -> float:
    """h(0⁺), the speed that the law gives to a singular value about to vanish."""
    if how.vanishing_power == 1:
        return float(np.asarray(how.speed(TINY, TINY, 1)))
    return np.inf if how.vanishing_power > 1 else 0.0
