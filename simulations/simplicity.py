"""The risk of factorised models on the way to a noisy target, measured on integrated layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.descent import descend
from simulations.flow import flow
from simulations.flow_record import Path
from theory.checks import ArgumentError
from theory.models.factorized import Factorized
from theory.rule_ids import rule
from theory.rules import Rule
from theory.simplicity import NoisyTarget

Array = NDArray[np.float64]
DENSE = 33  # points of each piece of a flow, between which the product is taken as straight
SETTLED = 1e-6  # of its start, where an error counts as gone
MOST_STEPS = 4000


def measured_risk_along(case: NoisyTarget, how: Rule | str, times: Any, *, seed: int = 0) -> Array:
    """Risk ½‖P − truth‖² at flow times (T,), from layers in bases drawn at random.

    Parameters
    ----------
    case
        The target, its truth and the start.
    how
        A rule with a flow, or its id.
    times
        Flow times (T,), ascending.
    seed
        For the bases.

    Raises
    ------
    ArgumentError
        If times run backwards, or the rule has no flow.
    """
    grid = np.atleast_1d(np.asarray(times, float))
    if (np.diff(grid) <= 0).any() or grid[0] < 0:
        raise ArgumentError("times", "ascend from zero or later", "runs backwards or starts before")
    model = Factorized.from_spectrum(case.values, depth=case.depth, start=case.start, seed=seed)
    truth = (model.left * case.truth[list(model.order)]) @ model.right.T
    layers = model.start()
    found: list[tuple[float, Array]] = [(0.0, model.product(layers))]

    def observe(path: Path) -> None:
        for x in np.linspace(0, 1, DENSE)[1:]:
            time, place = path(float(x))
            found.append((time, model.product(place)))

    flow(model, rule(how), layers, threshold=SETTLED, observe=observe)
    at, products = np.maximum.accumulate([time for time, _ in found]), np.array([place for _, place in found])
    flat = np.array([np.interp(grid, at, entry) for entry in products.reshape(len(at), -1).T]).T
    risk: Array = ((flat - truth.ravel()) ** 2).sum(axis=1) / 2
    return risk


@dataclass(frozen=True)
class Planted:
    """Risks ½‖P − truth‖² of one run on a target under Gaussian noise.

    Parameters
    ----------
    least
        The least along the way.
    fitted
        Of the target itself, which the run ends in.
    truncated
        Of the target's best approximation of the truth's rank.
    """

    least: float
    fitted: float
    truncated: float


def planted(
    how: Rule | str, step: float, *, size: int, rank: int, signal: float, noise: float, scale: float, seed: int = 0
) -> Planted:
    """Steps on two layers from small random weights, to a target of low rank under Gaussian noise.

    Nothing is aligned here: neither the start with the target, nor the target's directions with those of its truth.

    Parameters
    ----------
    how
        A rule or its id.
    step
        Step size η.
    size, rank
        Rows and columns of the target, and directions of its truth.
    signal
        Singular value of each of these.
    noise
        The largest singular value of the noise, nearly: its entries have the deviation noise/2√size.
    scale
        Deviation of the layers' entries at the start.
    seed
        For the directions, the noise and the start.

    Raises
    ------
    ArgumentError
        As `simulations.descent.descend` does.
    """
    rng = np.random.default_rng(seed)
    left, right = (np.linalg.qr(rng.standard_normal((size, rank)))[0] for _ in range(2))
    truth = signal * left @ right.T
    model = Factorized.from_target(truth + rng.standard_normal((size, size)) * noise / (2 * np.sqrt(size)))
    run = descend(model, how, step, model.random_start(scale, seed), threshold=SETTLED, max_steps=MOST_STEPS)
    risks = ((run.weights - truth) ** 2).sum(axis=(1, 2)) / 2
    kept = (model.left[:, :rank] * model.values[:rank]) @ model.right[:, :rank].T
    return Planted(float(risks.min()), *(float(((found - truth) ** 2).sum() / 2) for found in (model.target, kept)))
