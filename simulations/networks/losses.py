"""Losses of the outputs of a network, example by example, with their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Loss = Callable[[Array, Array], tuple[Array, Array]]


def cross_entropy(outputs: Array, classes: Array) -> tuple[Array, Array]:
    """−log softmax(outputs)[class] (n,) of outputs (n, c), and its derivative softmax − one-hot (n, c)."""
    rows = np.arange(len(outputs))
    shares = outputs - outputs.max(axis=1, keepdims=True)
    own = shares[rows, classes]
    np.exp(shares, out=shares)
    total = shares.sum(axis=1, keepdims=True)
    shares /= total
    shares[rows, classes] -= 1
    return np.log(total[:, 0]) - own, shares


def mean_square(outputs: Array, signs: Array) -> tuple[Array, Array]:
    """(f − y)² (n,) of outputs f (n, 1), and its derivative 2 (f − y) (n, 1)."""
    error = outputs - signs[:, None]
    return error[:, 0] ** 2, 2 * error


def hinge(outputs: Array, signs: Array) -> tuple[Array, Array]:
    """max(0, 1 − y f) (n,) of outputs f (n, 1), and its derivative, −y where that is positive (n, 1)."""
    slack = 1 - outputs[:, 0] * signs
    return np.maximum(slack, 0), np.where(slack > 0, -signs, np.zeros_like(signs))[:, None]


LOSSES: dict[str, Loss] = {"cross-entropy": cross_entropy, "mean-square": mean_square, "hinge": hinge}


def correct(outputs: Array, targets: Array) -> NDArray[np.bool_]:
    """Whether the largest of several outputs is the class, or a single one has the sign (n,)."""
    if outputs.shape[1] > 1:
        return outputs.argmax(axis=1) == targets
    return outputs[:, 0] * targets > 0
