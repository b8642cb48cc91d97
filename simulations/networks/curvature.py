"""How the training loss bends along given directions of the first layer, exactly.

With W₂ and b₁ held the outputs are piecewise linear in W₁: a change D moves those of example x by
f′ = W₂ᵀ(1[z > 0] ∘ Dᵀx), and nothing else has a second derivative but the loss in its outputs. The second derivative
along D is therefore the mean of f′ᵀ ℓ″ f′ over the examples, plus the weight decay times ‖D‖². It is never below that:
on this layer the curvature is nowhere negative.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.networks.measures import Moment
from simulations.networks.network import Weights

Array = NDArray[Any]


def curvatures(moment: Moment, inner: Array, outer: Array) -> Array:
    """Second derivatives (k,) of the training loss along the directions uᵢvᵢᵀ of W₁, of unit length.

    Parameters
    ----------
    moment
        The network, with its setting and data.
    inner, outer
        Unit vectors uᵢ on the side of the inputs (inputs, k) and vᵢ on that of the hidden units (hidden, k).
    """
    weights, data, setting = moment.weights, moment.data, moment.setting
    active, outputs = _forward(moment)
    along = data.inputs.forward(inner, np.zeros(inner.shape[1], inner.dtype), data.train)  # uᵢ·x
    found = []
    for index in range(inner.shape[1]):
        change = active @ (outer[:, [index]] * weights.second)
        change *= along[:, [index]]
        found.append(_bend(setting.loss, outputs, change))
    return np.array(found, float) + setting.weight_decay


def _forward(moment: Moment) -> tuple[Array, Array]:
    """Which hidden units are active (n, hidden), as numbers, and the outputs (n, c), for the training set."""
    weights: Weights = moment.weights
    hidden = moment.data.inputs.forward(weights.first, weights.bias, moment.data.train)
    active = (hidden > 0).astype(hidden.dtype)
    return active, (hidden * active) @ weights.second


def _bend(loss: str, outputs: Array, change: Array) -> float:
    """The mean of f′ᵀ ℓ″ f′ over examples, of outputs (n, c) that change by f′ (n, c)."""
    if loss == "hinge":
        return 0.0
    if loss == "mean-square":
        return float(2 * (change**2).sum(axis=1).mean())
    shares = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    mean = (shares * change).sum(axis=1, keepdims=True)
    return float((shares * (change - mean) ** 2).sum(axis=1).mean())
