"""A hundred thousand discrete steps, beside a plain NumPy loop that does the same: `python benchmarks/descents.py`.

GD and EGD on a regression with 10 outputs and 64 inputs, and on 1,000 starts of the folded model at once, on one BLAS
thread. Prints seconds and the ratio of the plain loop's time to ours, for the same number of steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from simulations.population import population
from simulations.steps import steps
from theory.models.folded import Folded
from theory.models.linear import LinearModel
from theory.models.regression import Regression
from theory.rule_ids import rule

Array = NDArray[np.float64]
STEPS, PLAIN_STEPS = 100_000, 20_000  # of ours, and of the plain loop, which is scaled up


def regression() -> tuple[LinearModel, Array]:
    """Ten outputs, 64 inputs, from zero weights."""
    rng = np.random.default_rng(0)
    inputs, outputs = rng.standard_normal((400, 64)), rng.standard_normal((400, 10))
    return Regression.from_data(inputs, outputs), np.zeros((10, 64))


def folded() -> tuple[LinearModel, Array]:
    """The folded model from 1,000 starts (1000, 1, 2)."""
    return Folded(), np.random.default_rng(0).standard_normal((1000, 1, 2))


def plain_way(name: str, gradient: Array) -> Array:
    """GD or EGD as one would write them."""
    if name == "gd":
        return gradient
    if gradient.shape[-2] == 1:
        return gradient / np.linalg.norm(gradient, axis=(-2, -1), keepdims=True)
    left, _, right = np.linalg.svd(gradient, full_matrices=False)
    way: Array = left @ right
    return way


def plain(model: LinearModel, name: str, start: Array) -> None:
    """The loop without anything kept."""
    weights, curvature, cross = start, model.curvature, model.cross
    for _ in range(PLAIN_STEPS):
        weights = weights - 0.01 * plain_way(name, weights @ curvature - cross)


def ours(model: LinearModel, name: str, start: Array) -> None:
    """Every step's weights, chunk by chunk."""
    for _ in steps(population(model), rule(name), 0.01, start, STEPS):
        pass


def seconds(function: Callable[[], object]) -> float:
    """Wall-clock time of a call."""
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def main() -> None:
    """Print the times of each rule and model."""
    with threadpool_limits(1):
        for make in (regression, folded):
            model, start = make()
            for name in ("gd", "egd"):
                taken = seconds(lambda m=model, n=name, s=start: ours(m, n, s))
                loop = seconds(lambda m=model, n=name, s=start: plain(m, n, s)) * STEPS / PLAIN_STEPS
                shape = "×".join(map(str, start.shape))
                print(f"{model.name:10s} {shape:9s} {name:4s} {taken:6.2f} s   plain loop {loop:6.2f} s", end="   ")
                print(f"{loop / taken:5.2f} times ours")


if __name__ == "__main__":
    main()
