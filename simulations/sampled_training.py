"""Training on one sample of the folded model, and the exact test error on its whole population."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulations.descent import descend
from simulations.population import population
from simulations.sampling import sampler
from theory.models.linear import LinearModel
from theory.models.regression import Regression
from theory.rules import Rule

Array = NDArray[np.float64]


def sampled_error(
    model: LinearModel, how: Rule | str, step: float, start: Array, *, samples: int, max_steps: int, seed: int = 0
) -> tuple[Array, Array]:
    """Steps on the squared loss of one sample: step counts (T,), and the population's test error at them (T,).

    Parameters
    ----------
    model
        A classifier whose samples are known; only these are learned from.
    how
        A rule or its id.
    step
        Step size η.
    start
        Weights (1, d).
    samples
        Number of training inputs.
    max_steps
        Steps after which a run ends that has not arrived.
    seed
        Of the sample.

    Raises
    ------
    ArgumentError
        If the model cannot be sampled, or a number lies outside its domain.
    """
    inputs, outputs = sampler(model)(np.random.default_rng(seed), samples)
    run = descend(Regression.from_data(inputs, outputs), how, step, start, max_steps=max_steps)
    return run.times, population(model).test_error(run.weights)
