"""Steps of many folded models at once, each with its own parameters: every step taken, every plateau measured."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.plateaus import DEPARTURE, LEVEL
from simulations.population import tail_moments
from simulations.sector import sector_error, sector_width
from theory.checks import ArgumentError
from theory.plateaus import ARRIVAL_SPREAD, CROSSING, FIRST_DEPARTURE, LAG, LONGEST_RUN
from theory.rules import INDEX, NORM, SIGMA, Rule

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
HELD = 1 << 14  # steps of members held at once: they stay in the cache
MOST_ROWS = 4096
DIVERGED = 1e9  # growth of the error at which a run is given up
REPEATS = 1e-12  # of a step: two steps apart by less repeat each other
FLUSHED = 1e-300  # errors are taken to be zero: numbers below the normal ones are slow to calculate with
NO_RETURN = 1e-2  # of the distance at which the whole test set is misclassified


@dataclass(frozen=True, eq=False)
class Members:
    """Folded models of one rule, each with its start and step size; every array has one entry for a member (n,).

    Parameters
    ----------
    epsilon, theta, margin, weight_decay
        Parameters of the models.
    start_fast, start_slow
        Both weights at the start.
    step
        Step sizes η.
    """

    epsilon: Array
    theta: Array
    margin: Array
    weight_decay: Array
    start_fast: Array
    start_slow: Array
    step: Array

    def moments(self) -> tuple[Array, Array]:
        """E|x₁| and E x₁² of each training distribution (n,)."""
        margins, place = np.unique(self.margin, return_inverse=True)
        first, second = np.array([tail_moments(float(margin)) for margin in margins]).T
        return first[place], second[place]


def measure(
    how: Rule, members: Members, *, threshold: float = 1e-3, max_steps: int = 1_000_000
) -> tuple[dict[str, Array], NDArray[np.int64]]:
    """Plateau lengths in steps (n,) by each definition, NaN where a run ended without one, and steps taken (n,).

    Parameters
    ----------
    how
        A spectral rule that is not refreshed, or Newton's.
    members
        What is trained.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.
    max_steps
        Most steps of a member.

    Raises
    ------
    ArgumentError
        For another rule.
    """
    if not steps_together(how):
        raise ArgumentError("how", "be a spectral rule that is not refreshed, or newton", f"is {how.name}")
    runs = _Runs(how, members, threshold)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        while len(runs.alive) and runs.count < max_steps:
            runs.advance(min(max(2, min(MOST_ROWS, HELD // len(runs.alive))), max_steps - runs.count))
    runs.taken[runs.alive] = runs.count
    return runs.lengths(), runs.taken


def steps_together(how: Rule) -> bool:
    """Whether `measure` takes this rule."""
    return how.kind == "newton" or (how.kind == "spectral" and how.refresh == 1)


class _Runs:
    """Errors of the members still running, and what has been found for all (N members, n of them alive)."""

    def __init__(self, how: Rule, members: Members, threshold: float) -> None:
        first, second = members.moments()
        curvature = np.array([second + members.weight_decay, members.epsilon + members.weight_decay])
        size = len(members.epsilon)
        self.linear = how.kind == "newton" or how.power == 0
        self.scale = None if self.linear else _scale(how)
        self.star = first / curvature[0]
        self.error = np.array([members.start_fast - self.star, members.start_slow])
        self.rates = np.ones_like(curvature) if how.kind == "newton" else curvature
        self.curvature, self.step = curvature, np.asarray(members.step, float)
        self.overshoot = self.step * _fastest(how)
        if self.linear:
            self.overshoot = np.where((self.step * self.rates < 2).all(axis=0), 0.0, np.inf)
        self.root, self.width = np.sqrt(members.epsilon), sector_width(members.epsilon, members.theta)
        self.slope = np.tan(members.theta)
        self.level = threshold * np.abs(self.error)
        self.target = np.minimum(self.level, NO_RETURN * self.star * np.sin(members.theta))
        self.wild = DIVERGED * np.maximum(np.maximum(1.0, self.step), np.abs(self.error).max(axis=0))
        self.begin = self._test(self.error)
        self.loss = self._loss(self.error)
        self.run = (self.begin >= 1.0).astype(np.int64)
        self.alive, self.count = np.arange(size), 0
        self.arrival = np.where(self.error == 0, 0.0, np.nan)
        self.apart = (self.error != 0).all(axis=0)
        self.longest, self.over = self.run.copy(), np.zeros(size, bool)
        self.departed, self.crossed = np.full(size, np.nan), np.full(size, np.nan)
        self.trained = np.where(self.loss > 0, np.nan, 0.0)
        self.taken = np.zeros(size, np.int64)
        self._retire(np.zeros(size, bool))

    def _test(self, error: Array) -> Array:
        """Exact test error of the alive members at errors (…, 2, n)."""
        return sector_error(self.star + error[..., 0, :], self.root * error[..., 1, :], self.width)

    def _loss(self, error: Array) -> Array:
        return (self.curvature * error**2).sum(axis=-2)

    def advance(self, rows: int) -> None:
        """Take this many steps with all that are alive, note what they show, and retire those that are done."""
        path = np.empty((rows + 1, *self.error.shape))
        path[0] = self.error
        way = np.empty_like(self.error)
        rates = self.rates * self.step if self.linear else self.rates
        for before, after in itertools.pairwise(path):
            np.multiply(rates, before, out=way)
            if self.scale is not None:
                way *= self.scale(way, self.step)
            np.subtract(before, way, out=after)
        self._note(path[1:])
        self.count += rows
        self.error = np.where(np.abs(path[-1]) < FLUSHED, 0.0, path[-1])
        # an update that overflows is given up with those that grow beyond bounds
        ended = ~(np.abs(path[-1]).max(axis=0) <= self.wild)
        if not self.linear:
            still = np.abs(path[-1] - path[-3 if rows > 1 else 0]) <= REPEATS * self.step
            settled = (still | np.isfinite(self.arrival[:, self.alive])).all(axis=0)
            self.over[self.alive[settled & (self.run < 2)]] = True  # both steps of a cycle must err to go on for ever
            ended |= settled
        self._retire(ended)

    def _note(self, path: Array) -> None:
        """Take in the errors (rows, 2, n) after further steps."""
        who, at = self.alive, self.count + 1

        def close(side: int) -> Mask:
            return np.abs(path[:, side]) <= self.level[side]

        for side in range(2):
            _first(self.arrival[side], who, functools.partial(close, side), at)
        if not self._open(who).any():
            return
        test = self._test(path)
        self._extend(test >= 1.0)
        _first(self.departed, who, lambda: np.abs(test - self.begin) > DEPARTURE * self.begin, at)
        _first(self.crossed, who, lambda: (test <= LEVEL * self.begin) & (self.begin > 0), at)
        _first(self.trained, who, lambda: self._loss(path) <= LEVEL * self.loss, at)

    def _open(self, who: NDArray[np.int64]) -> Mask:
        """Which members still have a question about their curves."""
        asked = np.isnan(self.departed[who]) | np.isnan(self.crossed[who])
        return ~self.over[who] | (asked & (self.begin > 0)) | np.isnan(self.trained[who])

    def _extend(self, whole: Mask) -> None:
        """Go on with the run of steps at 100 % test error that each member is in."""
        rows = np.arange(1, len(whole) + 1)[:, None]
        runs = rows - np.maximum.accumulate(np.where(whole, -self.run, rows), axis=0)
        self.longest[self.alive] = np.maximum(self.longest[self.alive], runs.max(axis=0))
        self.run = runs[-1]

    def _retire(self, ended: Mask) -> None:
        """Let go of the members whose questions are answered, or that have ended."""
        reach = np.maximum(np.abs(self.error), self.overshoot)
        out_of_reach = reach[1] < self.slope * (self.star - reach[0])  # |e| never exceeds its reach again
        arrived = (np.abs(self.error) <= self.target).all(axis=0)
        self.over[self.alive[out_of_reach | arrived]] = True
        done = ended | (np.isfinite(self.arrival[:, self.alive]).all(axis=0) & ~self._open(self.alive))
        if not done.any():
            return
        self.taken[self.alive[done]] = self.count
        for name in ("error", "rates", "curvature", "step", "star", "overshoot", "root", "width", "slope", "level"):
            setattr(self, name, np.ascontiguousarray(getattr(self, name)[..., ~done]))
        for name in ("target", "wild", "begin", "loss", "run", "alive"):
            setattr(self, name, np.ascontiguousarray(getattr(self, name)[..., ~done]))

    def lengths(self) -> dict[str, Array]:
        """What was found (N,)."""
        return {
            LONGEST_RUN: np.where(self.over, self.longest, np.nan),
            ARRIVAL_SPREAD: np.where(self.apart, np.abs(self.arrival[0] - self.arrival[1]), np.nan),
            FIRST_DEPARTURE: self.departed,
            CROSSING: self.crossed,
            LAG: self.crossed - self.trained,
        }


def _first(found: Array, who: NDArray[np.int64], condition: Callable[[], Mask], at: int) -> None:
    """Note the first of the rows, which count from step `at`, at which a condition (rows, n) holds."""
    missing = np.isnan(found[who])
    if not missing.any():
        return
    holds = condition()
    hit = missing & holds.any(axis=0)
    if hit.any():
        found[who[hit]] = at + np.argmax(holds[:, hit], axis=0)


def _scale(how: Rule) -> Callable[[Array, Array], Array]:
    """η h(σ)/σ for gradients (2, n) and step sizes (n,)."""
    speed: Callable[..., Any] = how.speed

    def scale(gradient: Array, step: Array) -> Array:
        size = np.sqrt(np.einsum("ij,ij->j", gradient, gradient))
        safe = np.where(size > 0, size, 1.0)  # at rest the gradient itself is zero
        return step * speed(safe, safe, 1) / safe

    return scale


def _fastest(how: Rule) -> float:
    """A bound on the speed of a rule on one output, infinite where none is known."""
    if how.law is None:
        return np.inf
    alone = how.law.subs({NORM: SIGMA, INDEX: 1})
    return float(alone) if alone.is_number else np.inf
