"""Minibatch steps W ← W − η D(G_b), many replicas at once, each with its own stream of samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from simulations.descent import Progress
from simulations.descent_record import log_times
from simulations.directions import direction
from simulations.population import population
from simulations.replicas import Lengths, Tally
from simulations.sampling import sampler
from theory.checks import ArgumentError, inside, positive, whole
from theory.models.linear import LinearModel, checked_start
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]
DRAWN = 4096  # numbers of one replica drawn at once: part of the definition of its stream
HELD = 4_000_000  # numbers held at once for all replicas of a group
RECORDED = 400  # points of a recorded curve


@dataclass(frozen=True, eq=False)
class Stochastic:
    """Replicas of one rule on minibatches of one model, from one start.

    Parameters
    ----------
    rule, model
        Ids.
    step, batch, seed
        Step size η, samples in a minibatch, and the seed of the replicas.
    replicas
        How many there were.
    level
        Confidence level of the bands.
    steps
        Recorded step counts (T,), thinned on a logarithmic axis.
    mean, mean_error
        Mean weights and their standard errors (T, c, d).
    second, second_error
        Mean of EᵀE, E = W − W*, and its standard errors (T, d, d).
    test, test_error
        Mean test error and its standard error (T,).
    share, share_error
        Share of the replicas at 100 % test error and its standard error (T,); zero unless the model classifies.
    plateaus
        Definition → length of each replica; empty unless the model classifies.
    """

    rule: str
    model: str
    step: float
    batch: int
    seed: int
    replicas: int
    level: float
    steps: NDArray[np.int64]
    mean: Array
    mean_error: Array
    second: Array
    second_error: Array
    test: Array
    test_error: Array
    share: Array
    share_error: Array
    plateaus: dict[str, Lengths]

    def band(self, name: str) -> tuple[Array, Array]:
        """Confidence band of ``mean``, ``second``, ``test`` or ``share`` at each recorded step, by Student's t."""
        width = stdtrit(self.replicas - 1, (1 + self.level) / 2) * getattr(self, f"{name}_error")
        return getattr(self, name) - width, getattr(self, name) + width


def stochastic_descend(
    model: LinearModel,
    how: Rule | str,
    step: float,
    batch: int,
    start: Array | None = None,
    *,
    count: int = 1000,
    replicas: int = 100,
    seed: int = 0,
    level: float = 0.95,
    progress: Progress | None = None,
) -> Stochastic:
    """Run one rule on minibatches drawn fresh, or with replacement from a data set.

    Replica i draws from the i-th stream spawned from `seed`: more replicas or more steps leave the earlier ones as they
    were.

    Parameters
    ----------
    model
        What is trained.
    how
        A rule or its id; it sees the minibatch gradient.
    step
        Step size η.
    batch
        Samples in a minibatch.
    start
        Weights (c, d); the model's own start if left out.
    count
        Steps taken.
    replicas
        Independent runs, at least two.
    seed
        Of the samples, and of rules that draw at random.
    level
        Confidence level of the bands, in (0, 1).
    progress
        Called with the replica-steps taken and their number.

    Raises
    ------
    ArgumentError
        For a value outside its domain, a start of another shape, or a model or rule that has no replicas.
    """
    step, batch, count = positive("step", step), whole("batch", batch), whole("count", count)
    replicas, seed, how = whole("replicas", replicas, 2), whole("seed", seed, 0), rule(how)
    inside("level", level, 0, 1, "(0, 1)")
    if how.kind == "rsvd":
        raise ArgumentError("how", "be a rule that takes many gradients at once", f"is {how.name}")
    start = checked_start(model, start)
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(replicas)]
    recorded = np.unique(np.concatenate([[0], log_times(count, RECORDED).astype(int)]))
    tally = Tally(population(model), recorded)
    most = max(1, HELD // max(DRAWN, batch * sum(model.shape), start[0].size ** 2, count // 8))
    for first in range(0, replicas, most):
        group = streams[first : first + most]
        tally.open(len(group), count)
        with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges says so by its NaN
            for done, weights in enumerate(_weights(model, how, step, batch, start, count, group, seed)):
                tally.add(done, weights)
                if progress is not None and done in tally.place:
                    progress(first * count + len(group) * done, replicas * count)
        tally.close()
    return Stochastic(
        rule=how.name,
        model=model.name,
        step=step,
        batch=batch,
        seed=seed,
        replicas=replicas,
        level=level,
        steps=recorded,
        mean=tally.weights.mean,
        mean_error=tally.weights.error(),
        second=tally.second.mean,
        second_error=tally.second.error(),
        test=tally.test.mean,
        test_error=tally.test.error(),
        share=tally.share.mean,
        share_error=tally.share.error(),
        plateaus=tally.plateaus(),
    )


def _weights(
    model: LinearModel,
    how: Rule,
    step: float,
    batch: int,
    start: Array,
    count: int,
    streams: list[np.random.Generator],
    seed: int,
) -> Iterator[Array]:
    """Weights (n, c, d) of a group of replicas after steps 0 … count."""
    follow, draw, state = direction(how, model.curvature, seed), sampler(model), None
    weights = np.broadcast_to(start, (len(streams), *start.shape))
    yield weights
    length = max(1, DRAWN // (batch * sum(model.shape)))  # independent of the number of replicas
    while count > 0:
        drawn = [draw(stream, length * batch) for stream in streams]
        inputs, outputs = (np.stack(part).reshape(len(streams), length, batch, -1) for part in zip(*drawn, strict=True))
        for index in range(min(length, count)):
            x, y = inputs[:, index], outputs[:, index]
            residual = x @ weights.swapaxes(-1, -2) - y
            gradient = residual.swapaxes(-1, -2) @ x / batch + model.weight_decay * weights
            way, state = follow(gradient, state)
            weights = weights - step * way
            yield weights
        count -= length
