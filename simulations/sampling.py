"""Samples of a model, drawn fresh from its population or with replacement from its data."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from simulations.classifier_samples import sample_folded_training, sample_wedge
from theory.checks import ArgumentError
from theory.models.folded import Folded
from theory.models.linear import LinearModel
from theory.models.regression import Regression
from theory.models.wedge import Wedge

Array = NDArray[np.float64]
Sampler = Callable[[np.random.Generator, int], tuple[Array, Array]]


@singledispatch
def sampler(model: LinearModel) -> Sampler:
    """Draws n samples of a model: inputs (n, d) and outputs (n, c).

    Raises
    ------
    ArgumentError
        For a model that cannot be sampled.
    """
    raise ArgumentError("model", "be `folded`, `wedge` or a `regression`, whose samples are known", f"is {model.name}")


@sampler.register
def _(model: Folded) -> Sampler:
    def draw(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
        inputs, labels = sample_folded_training(model.epsilon, model.margin, size, rng)
        return inputs, labels[:, None]

    return draw


@sampler.register
def _(model: Wedge) -> Sampler:
    def draw(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
        inputs, labels = sample_wedge(model.epsilon, model.theta, size, rng)
        return inputs, labels[:, None]

    return draw


@sampler.register
def _(model: Regression) -> Sampler:
    if model.samples is not None:
        inputs, outputs = model.samples

        def resample(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
            chosen = rng.integers(len(inputs), size=size)
            return inputs[chosen], outputs[chosen]

        return resample
    values, basis = np.linalg.eigh(model.covariance)
    root = (basis * np.sqrt(np.maximum(values, 0))).T

    def draw(rng: np.random.Generator, size: int) -> tuple[Array, Array]:
        inputs = rng.standard_normal((size, len(root))) @ root
        noise = rng.standard_normal((size, len(model.target)))
        return inputs, inputs @ model.target.T + np.sqrt(model.label_noise) * noise

    return draw
