"""Trials of the claims on the method as a course of training: E5 to E7."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.directions import direction, spectral
from simulations.examiners.trial import Examiner, Trial, compared
from simulations.flow import flow
from simulations.population import population
from simulations.steps import errors
from theory.claims.claim import Claim
from theory.claims.method_dynamics import (
    ANGLE,
    BETA,
    ETA,
    FACTOR,
    G1,
    G2,
    LARGEST,
    PRESET,
    RATE,
    SLOWEST,
    STEPS,
    THRESHOLD,
)
from theory.models.folded import Folded
from theory.models.regression import Regression
from theory.newton_schulz import PRESETS
from theory.rule_ids import rule
from theory.rules import NORM, SIGMA

Array = NDArray[np.float64]
EGD = rule("egd")
POINTS = 2000
APPROXIMATE = 0.5  # what Muon's authors allow a singular value to miss 1 by


def both(claim: Claim, law: str, symbols: tuple[Any, ...], *values: Any) -> tuple[float, float]:
    """A law as printed and as derived, at one point."""
    return float(claim.claims(law, symbols)(*values)), float(claim.predicts(law, symbols)(*values))


def _bounded(parameters: dict[str, Any], claimed: float, predicted: float, measured: float, slack: float) -> Trial:
    """A trial in which the claim gives a bound from above and the derivation a number."""
    return Trial(
        parameters, claimed, predicted, measured, slack, measured <= claimed + slack, abs(predicted - measured) <= slack
    )


def _equal_rates(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """E5: rates of two errors at any angle, by central differences; and last arrivals of integrated flows."""
    angles = np.concatenate([np.linspace(0, np.pi, 41), rng.uniform(0, np.pi, POINTS)])
    spread = np.concatenate([np.full(41, 0.1), 10 ** rng.uniform(-3, 0, POINTS)])
    first = 10 ** rng.uniform(-2, 2, len(angles))
    columns = np.array([[np.ones_like(angles), np.cos(angles)], [np.zeros_like(angles), np.sin(angles)]])
    units = np.moveaxis(columns, -1, 0)  # (n, 2, 2), the columns at their angles
    values = np.stack([first, first * spread], axis=-1)
    gradients = units * values[:, None, :]
    way = spectral(EGD, gradients)
    # errors of unit length: d|e|/dt = −(unit column)·(column of the direction), by a step to either side
    step = 1e-5
    ahead, back = (np.linalg.norm(units + side * step * way, axis=1) for side in (-1, 1))
    rates = (back - ahead) / (2 * step)
    for index, (fast, slow) in enumerate(rates):
        point = values[index, 0], values[index, 1], angles[index]
        claimed, predicted = both(claim, "rates", (G1, G2, ANGLE), *point)
        where = {"law": "rates", "gradient ratio": float(spread[index]), "angle": float(angles[index])}
        # differences err by step², less exactly where a rate of a thousandth divides; the factor's by ε over sin φ
        room = 1e-8 * max(1.0, predicted**2) + 1e-14 / max(float(spread[index] * np.sin(angles[index])), 1e-3)
        yield compared(where, claimed, predicted, float(fast / slow), room)
    yield from _last_arrivals(claim, rng)


def _last_arrivals(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """EGD's last arrival in units of gradient descent's, for aligned starts of any size."""
    symbols = (THRESHOLD, LARGEST, SLOWEST)
    sizes = np.concatenate([np.geomspace(0.1, 100, 25), 10 ** rng.uniform(-2, 3, 25)])
    for run, size in enumerate(sizes):
        level = 1e-3 if run < 25 else float(10 ** rng.uniform(-4, -1))
        spectrum = np.array([1.0, 0.5, 0.25]) if run < 25 else 10 ** rng.uniform(-2, 1, 3)
        starts = size * (np.ones(3) if run < 25 else rng.uniform(0.2, 1, 3))
        model = Regression.from_spectrum(spectrum, start=starts, seed=run)
        last = [float(flow(model, how, threshold=level).arrivals.max()) for how in ("egd", "gd")]
        slowest, largest = float(spectrum.min()), float(starts.max())
        claimed, predicted = both(claim, "exit", symbols, level, largest, slowest)
        where: dict[str, Any] = {
            "law": "exit",
            "claimed is": "a bound from above",
            "slowest rate": slowest,
            "threshold": level,
            "largest start error": largest,
        }
        # the flow's tolerance is 1e-10, here over up to a hundred times the scale of the arrivals
        yield _bounded(where, claimed, predicted, last[0] / last[1], 1e-7 * max(1.0, predicted))


def _newton_schulz(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """E6: one singular value after the iteration on a matrix; and how far momentum drives a direction."""
    for index in range(POINTS):
        size = int(rng.integers(2, 9))
        exponent = 4 * index / POINTS
        values = np.sort(10 ** -rng.uniform(0, exponent, size))[::-1]
        left, right = (np.linalg.qr(rng.standard_normal((size + more, size)))[0] for more in rng.integers(0, 4, 2))
        norm = float(np.linalg.norm(values))
        found = _iterated((left * values) @ right.T / norm)
        at = int(rng.integers(size)) if index % 2 else size - 1
        claimed, predicted = both(claim, "speed", (SIGMA, NORM), values[at], norm)
        measured, where = float(left[:, at] @ found @ right[:, at]), {"law": "speed", "size": size}
        where = {**where, "allowed": APPROXIMATE, "singular value by norm": float(values[at] / norm)}
        near = abs(claimed - measured) <= APPROXIMATE
        yield Trial(where, claimed, predicted, measured, 1e-11, near, abs(predicted - measured) <= 1e-11)
    for run, beta in enumerate(np.linspace(0.0, 0.95, 20)):
        claimed, predicted = both(claim, "overshoot", (BETA,), float(beta))
        measured = _overshoot(float(beta), float(rng.uniform(400, 401)), run)
        # whole steps: the direction turns at the first one beyond, and has then gone on for another
        yield compared({"law": "overshoot", "momentum": float(beta)}, claimed, predicted, measured, 1.0)


def _iterated(x: Array) -> Array:
    """The iteration of matrices."""
    for step in range(STEPS):
        a, b, c = map(float, PRESETS[PRESET].coefficients(step))
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def _overshoot(beta: float, start: float, seed: int) -> float:
    """Steps by which the first of two directions passes its minimum, going along the polar factor of the momentum."""
    left, right = (np.linalg.qr(np.random.default_rng([seed, i]).standard_normal((2, 2)))[0] for i in (0, 1))
    follow, (buffer, state) = direction(rule(f"momentum:{beta}")), (None, None)
    error, lowest = left @ np.diag([start, 3 * start]) @ right.T, start
    for _ in range(int(start) + 60):
        buffer, state = follow(error @ right @ np.diag([1.0, 0.3]) @ right.T, state)
        error = error - spectral(EGD, buffer)
        lowest = min(lowest, float(left[:, 0] @ error @ right[:, 0]))
    return -lowest


def _single_output(claim: Claim, rng: np.random.Generator) -> Iterator[Trial]:
    """E7: one step of eq. 11, the length of a late one, and flows from starts of several sizes."""
    for _ in range(POINTS // 25):
        model = _folded(rng)
        curvature, step = population(model).curvature, float(10 ** rng.uniform(-4, 0.3))
        starts = rng.choice([-1, 1], (25, 1, 2)) * 10 ** rng.uniform(-3, 2, (25, 1, 2))
        (after,) = errors(curvature, EGD, step, starts, 1)
        norms = np.linalg.norm(starts @ curvature, axis=(1, 2))
        for index in range(25):
            one = int(rng.integers(2))
            rate, e = float(curvature[one, one]), float(starts[index, 0, one])
            point = rate, float(norms[index]), step
            claimed, predicted = both(claim, "contraction", (RATE, NORM, ETA), *point)
            where = {"law": "contraction", "epsilon": model.epsilon, "margin": model.margin, "step": step}
            where |= {"curvature by gradient norm": rate / point[1]}
            yield compared(
                where, claimed, predicted, float(after[0, index, 0, one]) / e, 1e-13 * max(1, abs(predicted))
            )
    for step in np.geomspace(0.01, 1, 20):
        model = _folded(rng)
        start = rng.standard_normal((1, 2))
        *_, chunk = errors(population(model).curvature, EGD, float(step), start, 3000)
        claimed, predicted = both(claim, "last_step", (ETA,), float(step))
        measured = float(np.linalg.norm(chunk[-1] - chunk[-2]))
        where = {"law": "last_step", "epsilon": model.epsilon, "step": float(step)}
        yield compared(where, claimed, predicted, measured, 1e-12)
    for factor in np.geomspace(0.1, 10, 9):
        model = Folded(epsilon=0.02, theta=1.0, margin=0.7)
        error = np.array([[0.6, 1.1]])
        small, large = (float(flow(model, "egd", model.minimiser + c * error).arrivals.max()) for c in (1.0, factor))
        claimed, predicted = both(claim, "scaling", (FACTOR,), float(factor))
        where = {"law": "scaling", "factor": float(factor)}
        yield compared(where, claimed, predicted, large / small, 1e-7 * predicted)


def _folded(rng: np.random.Generator) -> Folded:
    return Folded(
        epsilon=float(10 ** rng.uniform(-8, -0.05)),
        theta=float(rng.uniform(0.05, 1.5)),
        margin=float(rng.uniform(0, 6)),
    )


EXAMINERS: dict[str, Examiner] = {"E5": _equal_rates, "E6": _newton_schulz, "E7": _single_output}
