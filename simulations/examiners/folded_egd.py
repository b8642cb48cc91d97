"""Trials of F10: EGD's steps on the folded model."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simulations.examiners.folded_points import Points, points
from simulations.examiners.settings import against, left_for_good, rounded, stated
from simulations.examiners.trial import Examiner, Trial
from theory.claims.claim import Claim
from theory.claims.folded_beyond import DRIFT, GROWTH, SCALE
from theory.derivation import compiled
from theory.models.folded import EPSILON, ETA, M1, M2, THETA, U1, U2

Array = NDArray[np.float64]
SYMBOLS = (EPSILON, THETA, M1, M2, ETA, U1, U2)
TOWARD = (1e-3, 3e-4, 1e-4)  # ε toward the limit
LONG = 40_000  # steps
NARROW = 0.25  # of a length: a leading order that is less sure is not put to the test


def _arguments(at: Points) -> tuple[Array, ...]:
    return (at.epsilon, at.theta, at.m1, at.m2, at.step, at.u1, at.u2)


def _unit_steps(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """F10: EGD's steps until the error leaves 100 % for good, from each start and from one four times as large."""
    at = points(rng, 250, size=(0.5, 4))
    at = at.but(
        margin=rounded(rng.uniform(0, 3, len(at))),
        step=rounded(np.exp(rng.uniform(np.log(0.03), np.log(0.8), len(at)))),
        u2=np.abs(at.u2),
        theta=rounded(rng.uniform(0.3, 1.3, len(at))),
    )
    yield from _never(claim, at)
    at = at.where(_cycles(at, 1) & _cycles(at, GROWTH))
    for epsilon in TOWARD:
        near = at.but(epsilon=np.full(len(at), epsilon))
        far = near.but(u1=GROWTH * near.u1, u2=GROWTH * near.u2)
        ends = left_for_good(near, LONG, unit=True), left_for_good(far, LONG, unit=True)
        yield from _ends(claim, near, ends[0])
        yield from _ends(claim, far, ends[1])
        yield from _grown(claim, near, *ends)


def _never(claim: Claim, at: Points) -> Iterator[Trial]:
    """Steps so long that every other one ends where w₁ < 0: the error comes back to 100 % for ever."""
    large = at.but(step=rounded(5 * at.optimum), epsilon=np.minimum(at.epsilon, 0.01))
    large = large.where(np.abs(_share(large) - 0.5) < 0.25)
    claimed, predicted = stated(claim, "length", SYMBOLS, *_arguments(large))
    ends, never = left_for_good(large, LONG // 10, unit=True), ~np.isfinite(predicted)
    for i in range(len(large)):
        where = large.row(i, quantity="steps after which 100 % still recurs")
        seen = LONG // 10 if math.isnan(ends[i]) else float(ends[i])
        stands, derived_stands = bool(seen <= claimed[i]), bool(never[i] == math.isnan(ends[i]))
        yield Trial(where, float(claimed[i]), None, seen, 0.0, stands, derived_stands)


def _share(at: Points) -> Array:
    """The fast error on the cycle, as a share of the step: what is left of it by whole steps."""
    return np.abs(at.u1 - at.optimum) % at.step / at.step


def _cycles(at: Points, scale: float) -> NDArray[np.bool_]:
    """Where the cycle of the larger start is well away from standing still, and clear of the boundary; τ above 1.5."""
    share = _share(at.but(u1=scale * at.u1))
    clear = (share > 0.2) & (share < 0.8) & (at.optimum > 1.2 * at.step)
    return clear & (at.u2 / np.tan(at.theta) > 1.5 * at.optimum)


def _allowed(claim: Claim, at: Points) -> tuple[Array, Array]:
    """The derived length, and by how much the drift of the cycle and the way to it may change it."""
    length = stated(claim, "length", SYMBOLS, *_arguments(at))[1]
    drift = compiled(DRIFT, SYMBOLS)(*_arguments(at))
    return length, 3 + np.abs(at.u1 - at.optimum) / at.step + length * drift


def _ends(claim: Claim, at: Points, ends: Array) -> Iterator[Trial]:
    claimed, _ = stated(claim, "length", SYMBOLS, *_arguments(at))
    length, allowed = _allowed(claim, at)
    for i in np.flatnonzero(np.isfinite(ends)).tolist():
        said = bool(allowed[i] < NARROW * length[i])
        derived = float(length[i]) if said else None
        stands, derived_stands = bool(ends[i] <= claimed[i]), not said or bool(abs(length[i] - ends[i]) <= allowed[i])
        tolerance = float(allowed[i]) if said else 0.0
        yield Trial(at.row(i), float(claimed[i]), derived, float(ends[i]), tolerance, stands, derived_stands)


def _grown(claim: Claim, at: Points, near: Array, far: Array) -> Iterator[Trial]:
    """How many times as long a start four times as large takes."""
    symbols = (*SYMBOLS, SCALE)
    claimed, predicted = stated(claim, "growth", symbols, *_arguments(at), float(GROWTH))
    larger = at.but(u1=GROWTH * at.u1, u2=GROWTH * at.u2)
    shares = [allowed / length for length, allowed in (_allowed(claim, at), _allowed(claim, larger))]
    narrow = shares[0] + shares[1] < NARROW
    for i in np.flatnonzero(np.isfinite(near) & np.isfinite(far) & narrow).tolist():
        tolerance = predicted[i] * (shares[0][i] + shares[1][i])
        yield against(at.row(i, start_grown_by=GROWTH), (claimed[i], predicted[i]), far[i] / near[i], tolerance)


EXAMINERS: dict[str, Examiner] = {"F10": _unit_steps}
