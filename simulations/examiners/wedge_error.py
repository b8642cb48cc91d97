"""Trials of W4 and W5: gradient descent's path on the wedge by iteration, and its error by geometry and sampling."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simulations.examiners.folded_error import angle_error
from simulations.examiners.settings import Mask, against, descents, stated
from simulations.examiners.trial import Examiner, Trial
from simulations.examiners.wedge_moments import interval
from simulations.examiners.wedge_points import Points, points, rejected
from theory.claims.claim import Claim
from theory.claims.folded_error import MU, NU
from theory.claims.wedge_error import MU_STAR, NU_STAR
from theory.clock import RATE1, RATE2
from theory.contractions import ETA, STEP
from theory.geometry import EPSILON, THETA, U1, U2
from theory.models.wedge import S11, S12, S22

Array = NDArray[np.float64]
COUNT, STEPS = 1200, (1, 2, 7, 40, 200)
WEIGHTS = (MU, NU, EPSILON, THETA)
LAW = (ETA, STEP, U1, U2, MU_STAR, NU_STAR, RATE1, RATE2, S11, S12, S22)
SAMPLED, INPUTS = 40, 400_000
ROUNDING = 1e-15
CLEAR = 1e-9, 1e-6  # of the size of the weights, and radians: nearer to an edge or to ρ_k = 1 rounding decides


def _path(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """W4: both weights after some steps, with rates by an eigenvalue routine and w* by quadrature."""
    for steps in STEPS:
        # steps that diverge too, as far as their size stays within the range of numbers
        at = points(rng, COUNT // len(STEPS), fraction=(1e-4, 1.0 if steps > 50 else 2.0))
        found = descents(at, steps)[-1]
        for name, measured in (("first", found[:, 0]), ("second", found[:, 1])):
            laws = stated(claim, name, LAW, *_arguments(at, steps))
            tolerance = _lost(at, steps)
            for i in range(len(at)):
                where = at.row(i, steps=steps, quantity=f"{name} weight")
                yield against(where, (laws[0][i], laws[1][i]), measured[i], tolerance[i])


def _arguments(at: Points, steps: int) -> tuple[Array, ...]:
    slow, fast = at.rates.T
    first, second = at.minimiser.T
    matrix = at.covariance
    entries = (matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 1])
    return (at.step, np.full(len(at), float(steps)), at.u1, at.u2, first, second, fast, slow, *entries)


def _lost(at: Points, steps: int) -> Array:
    """What rounding does to both routes: in Mᵏ by the gap of its eigenvalues, in w* by the condition number of Σ."""
    slow, fast = at.rates.T
    size = np.abs(at.start).max(axis=1) + np.abs(at.minimiser).max(axis=1)
    growth = np.maximum(1.0, np.abs(1 - 2 * at.step * fast)) ** steps
    gap = np.minimum(1.0, 2 * at.step * (fast - slow))
    return 10 * ROUNDING * steps * growth * size * (1 / gap + np.minimum(fast / slow, 2 * steps * at.step * fast))


def _error(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """W5: the law and the condition at weights that steps reach, some of them also on inputs that are drawn."""
    at = points(rng, COUNT)
    taken = rng.integers(1, 31, len(at))
    weights = descents(at, 30)[taken, np.arange(len(at))]
    mu, nu = weights.T
    exact, tolerance = at.error(weights), angle_error(at, weights)
    clear = _clear(at, weights)
    for name, measured, allowed in (
        ("error", exact, tolerance),
        ("falls", (exact < 1).astype(float), np.zeros(len(at))),
        ("slopes", (exact < 1).astype(float), np.zeros(len(at))),
    ):
        laws = stated(claim, name, WEIGHTS, mu, nu, at.epsilon, at.theta)
        for i in np.flatnonzero(clear).tolist():
            where = at.row(i, steps=int(taken[i]), quantity=QUANTITIES[name])
            yield against(where, (laws[0][i], laws[1][i]), measured[i], allowed[i])
    laws = stated(claim, "error", WEIGHTS, mu, nu, at.epsilon, at.theta)
    enough = np.flatnonzero(clear & (np.sqrt(at.epsilon) * np.tan(at.theta / 2) > 0.02))
    for i in enough[:SAMPLED].tolist():
        seed = int(rng.integers(2**31))
        share, width, inputs = _sampled(at, i, weights[i], seed)
        where = at.row(i, steps=int(taken[i]), quantity=QUANTITIES["error"], inputs=inputs, seed=seed)
        yield against(where, (laws[0][i], laws[1][i]), share, width + tolerance[i])


QUANTITIES = {"error": "error", "falls": "rho_k > rho", "slopes": "slopes"}


def _clear(at: Points, weights: Array) -> Mask:
    """Where rounding does not decide on which side of an edge the weights (n, 2) are."""
    mu, nu = weights.T
    away = np.abs(nu * np.cos(at.theta) - mu * np.sin(at.theta)) > CLEAR[0] * np.hypot(mu, nu)
    turn = np.abs(np.arctan2(np.sqrt(at.epsilon) * nu, mu))
    return away & (turn > CLEAR[1]) & (np.pi - turn > CLEAR[1])


def _sampled(at: Points, i: int, weights: Array, seed: int) -> tuple[float, float, int]:
    """The share of inputs of the wedge that is misclassified, its interval's width, and how many inputs there were."""
    rng = np.random.default_rng(seed)
    inputs, kept = rejected(float(at.epsilon[i]), float(at.theta[i]), INPUTS, rng)
    wrong = int((np.sign(inputs[kept] @ weights) != np.sign(inputs[kept, 0])).sum())
    total = int(kept.sum())
    return *interval(wrong, total), total


EXAMINERS: dict[str, Examiner] = {"W4": _path, "W5": _error}
