"""Trials of F12: the folded model on minibatches."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad

from simulations.examiners.folded_points import Points, points
from simulations.examiners.settings import against, rounded, stated
from simulations.examiners.trial import Examiner, Trial
from simulations.stochastic import Stochastic, stochastic_descend
from theory.claims.claim import Claim
from theory.models.folded import EPSILON, ETA, M1, M2, MARGIN, STEP, THETA, U1, U2, Folded
from theory.noise import BATCH

Array = NDArray[np.float64]
SYMBOLS = (EPSILON, THETA, M1, M2, ETA, U1, U2, MARGIN, BATCH, STEP)
RELAXED = 12  # times that the second moment's slow part decays by e before it is taken to rest
LEVEL = 1 - 1e-6  # of confidence bands: none of a few dozen misses by chance
REPLICAS = 300
RUNS, LIMITS = 10, 200  # settings that are run, and at which the limit of the step is found
HALVES = (0.1, 0.1, 0.03, 0.01, 0.01, 0.003, 0.001)  # ε of settings of which half of the runs are followed


def _laws(claim: Claim, law: str, one: Points, batch: int, count: float = 0.0) -> tuple[Array, Array]:
    """A law as printed and as derived at one point."""
    arguments = (one.epsilon, one.theta, one.m1, one.m2, one.step, one.u1, one.u2, one.margin, batch, count)
    claimed, predicted = stated(claim, law, SYMBOLS, *arguments)
    return claimed[0], predicted[0]


def _model(one: Points) -> tuple[Folded, Array]:
    """The model at one point, and its start (1, 2)."""
    model = Folded(float(one.epsilon[0]), float(one.theta[0]), float(one.margin[0]))
    return model, model.start((float(one.u1[0]), float(one.u2[0])))


def _minibatches(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """F12: mean on the way, second moment and test error at rest, the limit in mean square, and half of the runs."""
    at = points(rng, RUNS, epsilon=(0.15, 0.6), fraction=(0.1, 0.25), size=(0.5, 3))
    at = at.but(margin=rounded(rng.uniform(0, 1.5, len(at))))
    for i in range(len(at)):
        one, batch, seed = at.where([i]), int(rng.integers(1, 6)), int(rng.integers(2**31))
        where, step = one.row(0, batch=batch, seed=seed), float(one.step[0])
        model, start = _model(one)
        run = functools.partial(stochastic_descend, model, "gd", step, batch, replicas=REPLICAS, level=LEVEL, seed=seed)
        yield from _means(claim, one, where, run(start, count=30))
        count = math.ceil(RELAXED / (2 * step * model.epsilon))
        yield from _at_rest(claim, one, where, run(model.minimiser, count=count))
    yield from _limits(claim, rng)
    yield from _halves(claim, rng)


def _means(claim: Claim, one: Points, where: dict[str, Any], run: Stochastic) -> Iterator[Trial]:
    low, high = run.band("mean")
    for place in (len(run.steps) // 3, -1):
        count = int(run.steps[place])
        for index, name in enumerate(("mean_fast", "mean_slow")):
            laws = _laws(claim, name, one, run.batch, float(count))
            width = (high - low)[place, 0, index] / 2
            yield against({**where, "steps": count, "quantity": name}, laws, run.mean[place, 0, index], width)


def _at_rest(claim: Claim, one: Points, where: dict[str, Any], run: Stochastic) -> Iterator[Trial]:
    low, high = run.band("second")
    for index, name in enumerate(("rest_fast", "rest_slow")):
        laws = _laws(claim, name, one, run.batch)
        tolerance = (high - low)[-1, index, index] / 2 + math.exp(-RELAXED) * abs(laws[1])
        found = {**where, "steps": int(run.steps[-1]), "quantity": name}
        yield against(found, laws, run.second[-1, index, index], tolerance)
    below, above = run.band("test")
    claimed, measured, tolerance = (
        float(_laws(claim, "rest_error", one, run.batch)[0]),
        float(run.test[-1]),
        float(above[-1] - below[-1]) / 2,
    )
    stands = abs(claimed - measured) <= tolerance
    yield Trial({**where, "quantity": "test error at rest"}, claimed, None, measured, tolerance, stands, True)


def _limits(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """The step at which the map of the second moment has the spectral radius 1, from moments by quadrature."""
    at = points(rng, LIMITS, epsilon=(1e-4, 0.9))
    for i in range(len(at)):
        batch, epsilon, margin = int(rng.integers(1, 9)), float(at.epsilon[i]), float(at.margin[i])
        arguments = (epsilon, float(at.m1[i]), float(at.m2[i]), margin, batch)
        predicted = float(claim.predicts("limit", (EPSILON, M1, M2, MARGIN, BATCH))(*arguments))
        measured = critical_step(epsilon, margin, batch)
        where = {"epsilon": epsilon, "margin": margin, "batch": batch, "quantity": "largest step"}
        tolerance = 1e-8 * measured  # that of the bisection, and of the quadrature
        yield Trial(where, None, predicted, measured, tolerance, True, bool(abs(predicted - measured) <= tolerance))


def critical_step(epsilon: float, margin: float, batch: int) -> float:
    """Step at which the second moment on minibatches no longer shrinks, by bisection on its map's spectral radius."""

    def tail(power: int) -> float:
        return quad(lambda t: (margin + t) ** power * math.exp(-t * (margin + t / 2)), 0, 40, epsabs=0, epsrel=1e-12)[0]

    m2, m4 = tail(2) / tail(0), tail(4) / tail(0)
    fourth = np.array([[m4, m2 * epsilon], [m2 * epsilon, 3 * epsilon**2]])
    values = np.array([m2, epsilon])

    def radius(step: float) -> float:
        once = np.diag((1 - step * values) ** 2) + step**2 / batch * (fourth - np.diag(values**2))
        return float(np.abs(np.linalg.eigvals(once)).max())

    low, high = 0.0, 2 / m2
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if radius(middle) < 1 else (low, middle)
    return low


def _halves(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """The steps between which half of the replicas are at 100 % test error, over two decades of ε."""
    step, batch = 0.4, 8
    for epsilon in HALVES:
        seed = int(rng.integers(2**31))
        theta, margin, u1, u2 = map(float, rounded(rng.uniform((0.6, 0.5, 0.0, 2.5), (1.0, 1.5, 1.0, 4.0))))
        setting = {"epsilon": epsilon, "theta": theta, "margin": margin, "step": step, "u1": u1, "u2": u2}
        one = points(rng, 1).but(**{name: np.array([value]) for name, value in setting.items()})
        model, start = _model(one)
        count = round(2.5 / (step * epsilon))
        run = stochastic_descend(model, "gd", step, batch, start, count=count, seed=seed, level=LEVEL)
        low, high = run.band("share")
        first = float(run.steps[np.flatnonzero(low > 0.5)[-1]])
        last = float(run.steps[np.flatnonzero(high < 0.5)[0]])
        where = one.row(0, batch=batch, seed=seed, quantity="half of the runs at 100 %")
        yield against(where, _laws(claim, "half", one, batch), (first + last) / 2, (last - first) / 2)


EXAMINERS: dict[str, Examiner] = {"F12": _minibatches}
