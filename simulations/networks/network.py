"""The two-layer ReLU network x ↦ W₂ᵀ relu(W₁ᵀ x + b₁): its start, its gradients, and its scores on all examples."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.networks.losses import Loss, correct
from simulations.networks.tasks import Data, Task
from simulations.threads import AT_ONCE

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Weights:
    """The numbers of a network, or of a gradient or step of it.

    Parameters
    ----------
    first
        W₁ (inputs, hidden).
    bias
        b₁ (hidden,).
    second
        W₂ (hidden, outputs).
    """

    first: Array
    bias: Array
    second: Array

    def __iter__(self) -> Any:
        return (getattr(self, one.name) for one in fields(self))

    def copy(self) -> Weights:
        """The same numbers elsewhere."""
        return Weights(*(part.copy() for part in self))

    def flush(self) -> None:
        """Set subnormal numbers to zero: decay leaves them of units that are never active, and they slow all down."""
        for part in self:
            part[np.abs(part) < np.finfo(part.dtype).tiny] = 0


def start(task: Task, width: int, bias: str, rng: np.random.Generator, dtype: Any) -> Weights:
    """Independent normal weights of variance 2/fan-in; b₁ zero, or normal of variance 2/inputs (``normal``)."""
    spread = np.sqrt(2 / task.features)
    first = rng.standard_normal((task.features, width)) * spread
    offset = rng.standard_normal(width) * spread
    second = rng.standard_normal((width, task.outputs)) * np.sqrt(2 / width)
    return Weights(first.astype(dtype), (offset * (bias == "normal")).astype(dtype), second.astype(dtype))


def gradients(
    weights: Weights,
    data: Data,
    rows: NDArray[np.int64],
    loss: Loss,
    decay: float,
    helpers: Executor = AT_ONCE,
) -> tuple[float, Weights]:
    """The mean loss of some examples (n,), and the gradients of that plus ½ decay (‖W₁‖² + ‖W₂‖²).

    With D = ∂loss/∂outputs / n: ∂W₂ = Hᵀ D, ∂H = D W₂ᵀ where a hidden unit is active, ∂b₁ = Σ ∂H, ∂W₁ = Xᵀ ∂H.
    A helper takes over ∂W₂.
    """
    hidden = data.inputs.forward(weights.first, weights.bias, rows)
    np.maximum(hidden, 0, out=hidden)
    losses, change = loss(hidden @ weights.second, data.targets[rows])
    change /= len(rows)
    second = helpers.submit(_product, hidden.T, change, weights.second, decay)
    back = change @ weights.second.T
    back *= hidden > 0
    first = data.inputs.backward(back, rows)
    if decay:
        first += decay * weights.first
    return float(losses.mean()), Weights(first, back.sum(axis=0), second.result())


def _product(left: Array, right: Array, weights: Array, decay: float) -> Array:
    """The gradient of one layer's weights."""
    found: Array = left @ right
    if decay:
        found += decay * weights
    return found


def scores(weights: Weights, data: Data, loss: Loss, helpers: Executor = AT_ONCE) -> tuple[NDArray[np.bool_], Array]:
    """Whether each of all N examples is classified correctly (N,), and its loss (N,); helpers share the examples."""

    def block(rows: slice) -> tuple[NDArray[np.bool_], Array]:
        hidden = data.inputs.block(weights.first, weights.bias, rows)
        outputs = np.maximum(hidden, 0, out=hidden) @ weights.second
        return correct(outputs, data.targets[rows]), loss(outputs, data.targets[rows])[0]

    right, losses = zip(*helpers.map(block, data.inputs.blocks()), strict=True)
    return np.concatenate(right), np.concatenate(losses)
