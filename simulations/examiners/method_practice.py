"""Trials of the claim on the method in practice, E8: constant steps, and low rank in its place."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simulations.directions import direction
from simulations.examiners.method_dynamics import EGD, both
from simulations.examiners.trial import Examiner, Trial, compared
from simulations.population import population
from simulations.steps import errors
from theory.claims.claim import Claim
from theory.claims.method_dynamics import ERROR0, ETA, ITERATIONS, KEPT, LARGEST, RANK, TOTAL
from theory.models.regression import Regression
from theory.rule_ids import rule

GRADIENTS = 250
LIMIT = {"truncated": "exact", "rsvd": "a bound from above"}


def _constant_step(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """E8: what a constant step leaves; how much of EGD's direction low rank carries, and when it is done."""
    for run in range(300):
        step, size = float(10 ** rng.uniform(-2, 0)), int(rng.integers(1, 5))
        starts = rng.uniform(0.1, 100 * step, size)
        model = Regression.from_spectrum(10 ** rng.uniform(-1, 1, size), start=starts, seed=run)
        seen = model.directions(model.start())
        *_, chunk = errors(population(model).curvature, EGD, step, model.start() - model.minimiser, 104)
        ends = np.linalg.norm(chunk[-2:] @ seen.basis, axis=-2).max(axis=0)
        at = int(rng.integers(size))
        start = float(seen.amplitudes[at])
        claimed, predicted = both(claim, "residue", (ERROR0, ETA), start, step)
        where = {"law": "residue", "directions": size, "start error": start, "step": step}
        yield compared(where, claimed, predicted, float(ends[at]), 1e-9)
    yield from _shares(claim, rng)
    yield from _sketch_error(claim)
    for size in (2, 3, 4, 5):
        yield _slowdown(claim, size, rng)


def _shares(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """The part of EGD's direction that truncation and sketches carry: tr(DᵀUVᵀ) by that of UVᵀ."""
    for index in range(GRADIENTS):
        rank = int(rng.integers(2, 13))
        kept, gap = int(rng.integers(1, rank)), float(10 ** rng.uniform(-2, 0))
        left, right = (np.linalg.qr(rng.standard_normal((rank + more, rank)))[0] for more in (3, 0))
        gradient = (left * gap ** np.linspace(0, 1, rank)) @ right.T
        claimed, predicted = both(claim, "share", (KEPT, RANK), kept, rank)
        for how in ("truncated", "rsvd"):
            way, _ = direction(rule(f"{how}:{kept}"), seed=index)(gradient, None)
            measured = float(np.sum(way * (left @ right.T))) / rank
            where = {"law": "share", "by": how, "predicted is": LIMIT[how], "rank": rank, "kept by rank": kept / rank}
            stands = measured <= predicted + 1e-10 if how == "rsvd" else abs(measured - predicted) <= 1e-10
            yield Trial(where, claimed, predicted, measured, 1e-10, abs(claimed - measured) <= 1e-10, stands)


def _sketch_error(claim: Claim) -> Iterator[Trial]:
    """Slope of the distance between sketch and exact truncation over two decades of the gap, in logarithms."""
    gaps = np.geomspace(3e-3, 0.3, 9)
    for rank, kept in ((4, 1), (6, 2), (8, 4)):
        left, right = (np.linalg.qr(np.random.default_rng([rank, i]).standard_normal((rank, rank)))[0] for i in (0, 1))
        logs = []
        for gap in gaps:
            gradient = (left * np.where(np.arange(rank) < kept, 1.0, gap)) @ right.T
            exact = left[:, :kept] @ right[:, :kept].T
            ways = (direction(rule(f"rsvd:{kept}"), seed=seed)(gradient, None)[0] for seed in range(20))
            logs.append(np.mean([np.log(np.linalg.norm(way - exact)) for way in ways]))
        slope = float(np.polyfit(np.log(gaps), logs, 1)[0])
        predicted = float(claim.predicts("exponent", (ITERATIONS,))(2))
        where = {"law": "exponent", "rank": rank, "kept by rank": kept / rank, "power iterations": 2}
        # corrections of the order gap², 9 % at the widest, which shift the slope by their share of the range
        yield Trial(where, None, predicted, slope, 0.1, True, abs(predicted - slope) <= 0.1)


def _slowdown(claim: Claim, size: int, rng: np.random.Generator) -> Trial:
    """The last arrival with rank one in units of EGD's, by steps far shorter than the errors."""
    step, spectrum, starts = 1e-3, np.linspace(1, 0.2, size), rng.uniform(0.3, 1, size)
    error, level = np.diag(starts), 10 * step
    counts = []
    for how in ("truncated:1", "egd"):
        chunks = errors(np.diag(spectrum), rule(how), step, error, int(1.5 * starts.sum() / step))
        largest = np.concatenate([np.linalg.norm(chunk, axis=-2).max(axis=-1) for chunk in chunks])
        counts.append(int(np.argmax(largest <= level)) + 1)
    claimed, predicted = both(claim, "slowdown", (TOTAL, LARGEST), float(starts.sum()), float(starts.max()))
    where = {"law": "slowdown", "directions": size, "step": step, "largest start error": float(starts.max())}
    # each error may stop within the level, here and in the denominator
    room = 2 * size * level / float(starts.max())
    return compared(where, claimed, predicted, counts[0] / counts[1], room)


EXAMINERS: dict[str, Examiner] = {"E8": _constant_step}
