"""Trials of F6, F7 and F9: the length of the folded model's plateau, and its cause."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simulations.descent import descend
from simulations.examiners.folded_points import Points, points
from simulations.examiners.settings import against, descents, left_for_good, rounded, slope, stated
from simulations.examiners.trial import Examiner, Trial
from simulations.flow import flow
from simulations.plateaus import LONGEST_RUN
from theory.claims.claim import Claim
from theory.models.folded import EPSILON, ETA, M1, M2, STEP, THETA, U1, U2, Folded

Array = NDArray[np.float64]
SYMBOLS = (EPSILON, THETA, M1, M2, ETA, U1, U2)
COUNT, EARLY = 12_000, 256  # steps taken one by one, and before the propagator
FAR = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)  # ε toward the limit, for runs too long to take step by step
DECADES = (1e-4, 1e-8)  # ε of two plateaus that are compared
ORDER = 10.0  # factor within which a length is "of the order of" another


def _arguments(at: Points) -> tuple[Array, ...]:
    return (at.epsilon, at.theta, at.m1, at.m2, at.step, at.u1, at.u2)


def _stated(claim: Claim, law: str, at: Points) -> tuple[Array, Array]:
    """A law as printed and as derived at every point (n,)."""
    return stated(claim, law, SYMBOLS, *_arguments(at))


def _far_end(at: Points, i: int) -> float:
    """The step after the last one at 100 % test error: some steps one by one, then the exact propagator and bisection.

    Only for α > 0, where the run of steps at 100 % is unbroken.
    """
    model = Folded(float(at.epsilon[i]), float(at.theta[i]), float(at.margin[i]))
    start = model.start((float(at.u1[i]), float(at.u2[i])))
    run = descend(model, "gd", float(at.step[i]), start, max_steps=EARLY)
    one = at.where([i])
    whole = one.whole(descents(one, EARLY))[:, 0]
    begin = int(np.argmax(whole)) if whole.any() else 0
    return begin + float(run.plateaus[LONGEST_RUN] or 0)


def _large_start(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """F6: lengths where steps can be taken one by one, then toward ε = 0; and the exponent of ε."""
    at = points(rng, 2500, epsilon=(1e-3, 0.9), fraction=(0.05, 0.98), size=(0.1, 30))
    tau = np.abs(at.u2) * np.tan(at.theta) * at.m2 / at.m1  # the condition of the printed statement
    at = at.but(u2=np.where(rng.random(len(at)) < 0.5, np.abs(at.u2), at.u2))
    at = at.where((tau > 1.5) & (at.step * at.epsilon > 1e-3) & (at.step * at.epsilon < 1))
    yield from _lengths(claim, at, left_for_good(at, COUNT))
    base = points(rng, 24, fraction=(0.05, 0.45), size=(0.5, 30))
    base = base.but(u1=rounded(base.u1 / 30), u2=np.where(rng.random(len(base)) < 0.5, np.abs(base.u2), base.u2))
    base = base.where(np.abs(base.u2) * np.tan(base.theta) * base.m2 / base.m1 > 1.5)
    runs = []
    for epsilon in FAR:
        far = base.but(epsilon=np.full(len(base), epsilon))
        runs.append(np.array([_far_end(far, i) for i in range(len(far))]))
        yield from _lengths(claim, far, runs[-1])
    claimed, predicted = _stated(claim, "exponent", base)
    for i, lengths in enumerate(np.array(runs).T):
        measured = slope(np.array(FAR), np.maximum(lengths, 1.0))
        # a length is a whole number: off by one step, over four decades
        tolerance = 0.5 / float(max(lengths.min(), 1))
        where = base.row(i, quantity="exponent of epsilon")
        yield against(where, (claimed[i], predicted[i]), measured, tolerance)


def _lengths(claim: Claim, at: Points, ends: Array) -> Iterator[Trial]:
    """Each end of a plateau against both lengths; the derived one errs by its slack at most."""
    claimed, predicted = _stated(claim, "length", at)
    with np.errstate(all="ignore"):
        slack = claim.predicts("slack", (*SYMBOLS, STEP))(*_arguments(at), ends)
    for i in np.flatnonzero(np.isfinite(ends)).tolist():
        none = at.u2[i] < 0
        said = none or (predicted[i] > 0 and np.isfinite(slack[i]))  # where τ < 1 only the exponent is derived
        tolerance = 0.0 if none else float(slack[i]) * (1 + 1e-6) if said else 1.0
        stands, derived = (abs(law - ends[i]) <= tolerance for law in (claimed[i], predicted[i]))
        shown = float(predicted[i]) if said else None
        yield Trial(
            at.row(i), float(claimed[i]), shown, float(ends[i]), tolerance, bool(stands), bool(derived or not said)
        )


def _small_start(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """F7: lengths with ε toward 0, each within ten times the order claimed, and by the law derived."""
    at = points(rng, 2500, epsilon=(1e-8, 0.5), fraction=(2e-3, 0.49), size=(1e-3, 1))
    steep = np.abs(at.u2) * np.maximum(np.tan(at.theta), 1 / np.tan(at.theta)) * at.m2 / at.m1
    at = at.where((steep < 0.95) & (at.u1 < at.optimum))
    ends = left_for_good(at, COUNT)
    claimed, predicted = _stated(claim, "length", at)
    moved = at.but(u2=at.u2 * np.exp(ends * np.log1p(-at.step * at.epsilon)))
    least = np.minimum(_stated(claim, "length", moved)[1], predicted)  # with the slow weight that is left at the end
    for i in np.flatnonzero(np.isfinite(ends)).tolist():
        measured = float(ends[i])
        order = abs(math.log(max(measured, 1e-300) / float(claimed[i]))) <= math.log(ORDER)
        tolerance = 1 + float(predicted[i] - least[i]) + 1e-9 * float(predicted[i])
        derived = abs(float(predicted[i]) - measured) <= tolerance
        yield Trial(at.row(i), float(claimed[i]), float(predicted[i]), measured, tolerance, order, bool(derived))
    yield from _growth(claim, at.where((ends > 30) & (ends < COUNT / 2)))


def _growth(claim: Claim, at: Points) -> Iterator[Trial]:
    """F7: how much longer the plateau is at the smallest ε than four decades above it."""
    near, far = (at.but(epsilon=np.full(len(at), epsilon)) for epsilon in DECADES)
    ends = left_for_good(near, COUNT), left_for_good(far, COUNT)
    claimed, predicted = (
        f / n for n, f in zip(_stated(claim, "length", near), _stated(claim, "length", far), strict=True)
    )
    slow = -np.log1p(-near.step * near.epsilon) * ends[0] * at.m2 / at.m1 * at.u2 / np.tan(at.theta)
    for i in range(len(at)):
        # each end is a whole number, and the slow weight has moved where ε is larger
        tolerance = float(2 / ends[0][i] + 4 * slow[i])
        where = far.row(i, quantity="growth", longer_than_at=DECADES[0])
        yield against(where, (claimed[i], predicted[i]), ends[1][i] / ends[0][i], tolerance)


def _cause(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """F9: the plateau without ill-conditioning, and with the gradient only rescaled."""
    at = points(rng, 700, epsilon=(1e-3, 0.9), fraction=(0.02, 0.98), size=(0.1, 30))
    at = at.but(step=np.minimum(at.step, 0.9))
    for law, factor in (("preconditioned", at.step), ("equally_slow", at.step * at.epsilon)):
        kept = (factor > 1e-3) & (factor < 1)
        some, left = at.where(kept), factor[kept]
        lengths = _straight(some, left)
        claimed, predicted = _stated(claim, law, some)
        for i in np.flatnonzero(np.isfinite(lengths)).tolist():
            yield against(some.row(i, control=law.replace("_", " ")), (claimed[i], predicted[i]), lengths[i], 0.0)
    yield from _rescaled(claim, rng)


def _straight(at: Points, factor: Array) -> Array:
    """Steps at 100 % test error where each takes the same share of both errors; NaN where it is not over."""
    star = np.stack([at.optimum, np.zeros(len(at))], axis=-1)
    weights = np.stack([at.u1, at.u2], axis=-1)
    ends, whole = np.zeros(len(at)), at.whole(weights)
    for count in range(1, COUNT):
        weights = weights - factor[:, None] * (weights - star)
        ends[whole] = count
        whole = whole & at.whole(weights)
        if not whole.any():
            break
    return np.where(whole, np.nan, ends)


def _rescaled(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """The plateau of a flow whose gradient is divided by its norm, integrated with its events."""
    at = points(rng, 40, epsilon=(1e-4, 1e-3), size=(0.3, 10))
    tau = at.u2 / np.tan(at.theta) * at.m2 / at.m1
    at = at.where((at.u2 > 0) & (tau > 2) & (at.u1 < at.optimum))
    claimed, predicted = _stated(claim, "rescaled", at)
    corner = _stated_derived(claim, "rounded_corner", at)
    for i in range(min(len(at), 8)):
        model = Folded(float(at.epsilon[i]), float(at.theta[i]), float(at.margin[i]))
        run = flow(model, "frobenius", model.start((float(at.u1[i]), float(at.u2[i]))))
        measured = float(run.plateaus[LONGEST_RUN] or 0)
        where = at.row(i, control="gradient of unit length, flow time")
        yield against(where, (claimed[i], predicted[i]), measured, corner[i] + 1e-5 * measured)


def _stated_derived(claim: Claim, law: str, at: Points) -> Array:
    return np.asarray(claim.predicts(law, SYMBOLS)(*_arguments(at)), float)


EXAMINERS: dict[str, Examiner] = {"F6": _large_start, "F7": _small_start, "F9": _cause}
