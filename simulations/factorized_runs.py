"""Modes of factorised models on their way: regimes, crossings and saddles.

The factors of a member are sorted by size, the smallest first: it is the one that may cross zero.
"""

from __future__ import annotations

import numpy as np

from simulations.engines import derivative
from simulations.mode_runs import DIGITS, Array, Members, Run, Settings, opened
from theory.modes import GROWING, NEGATIVE, SHRINKING, Path, Regime, factorized_path

VANISHED = -30.0  # log of the part of itself at which a second factor counts as zero together with the first
TIED = 4.0  # length of the pieces of the clock after which factors of equal size are made equal again


def run_factorized(settings: Settings, targets: Array, factors: Array) -> Run:
    """Carry modes with targets (n,) and factors (L, n) to their ends; factors come back in the order given."""
    order = np.argsort(np.abs(factors), axis=0, kind="stable")
    run = _Factorized(settings, targets, np.take_along_axis(factors, order, axis=0))
    run.integrate()
    back = np.argsort(order, axis=0)
    run.states = np.take_along_axis(run.states, back, axis=0)
    run.values = np.take_along_axis(run.values, back[None], axis=1)
    return run


class _Factorized(Run):
    """Modes with several factors, the smallest first."""

    def __init__(self, settings: Settings, targets: Array, factors: Array) -> None:
        with np.errstate(all="ignore"):
            super().__init__(settings, targets, np.log(np.abs(factors)), np.sign(factors))
            self.products = factors.prod(axis=0)
            self.residuals = np.abs(self.products - targets)
            self.level = settings.threshold * self.residuals
        self.factors = factors

    def integrate(self) -> None:
        """Sort the members by regime, and carry each through what lies ahead of it."""
        opened(self, self.factors, {
            "the start is not finite": ~np.isfinite(self.factors).all(axis=0),
            "the target is not finite": ~np.isfinite(self.parameters),
            "the target is not positive": self.parameters <= 0,
            "the product of the factors overflows": ~np.isfinite(self.products),
        })  # fmt: skip
        zeros = (self.factors == 0).sum(axis=0)
        still = self.alive & ((zeros > 1) | (self.residuals == 0))
        self.arrivals[still & (self.residuals == 0)] = 0.0
        self.rest(np.flatnonzero(still), "at rest", self.factors[:, still])
        below = self.signs.prod(axis=0) < 0
        self._leave_zero(np.flatnonzero(self.alive & (zeros == 1)))
        self._negative(np.flatnonzero(self.alive & below))
        self._positive(GROWING, np.flatnonzero(self.alive & (self.products < self.parameters)))
        self._positive(SHRINKING, np.flatnonzero(self.alive & (self.products > self.parameters)))

    def _path(self, regime: Regime) -> Path:
        return factorized_path(self.settings.how, len(self.logs), regime)

    def _zero_speed(self, members: Members) -> Array:
        """Speed of the first factor while it is zero."""
        gradient = np.exp(self.logs[1:, members].sum(axis=0)) * self.parameters[members]
        speed: Array = np.asarray(self.settings.how.speed(gradient, gradient, 1), float)
        return np.broadcast_to(speed, gradient.shape)

    def _small(self, members: Members) -> Array:
        """Log of a first factor so near zero that it moves neither the others nor the residual."""
        unseen = np.log(self.parameters[members]) - self.logs[1:, members].sum(axis=0) - DIGITS / 2
        return np.minimum(self.logs[1, members] + self.settings.apart, unseen)

    def _leave_zero(self, members: Members) -> None:
        """A single factor that is zero grows at constant speed until it is large enough for the logarithm."""
        if not self.settings.separates:
            self.fail(members, "under this rule no flow leaves a factor that is zero")
            return
        self.signs[0, members] = self.signs[1:, members].prod(axis=0)
        self.logs[0, members] = self._small(members)
        self._jump(members, np.zeros(len(members)))

    def _jump(self, members: Members, begin: Array) -> None:
        """Move the first factor in a straight line from `begin` (m,) to where it stands now."""
        end = self.signs[0, members] * np.exp(self.logs[0, members])
        lengths = np.abs(end - begin) / self._zero_speed(members)
        if self.settings.times is not None:
            places, owners = self._inside(members, lengths)
            share = (self.settings.times[places] - self.time[members[owners]]) / lengths[owners]
            found = self.state(members[owners])
            found[0] = begin[owners] + share * (end - begin)[owners]
            self.values[places, :, members[owners]] = found.T
        self.time[members] += lengths

    def _negative(self, members: Members) -> None:
        """All factors shrink until the first crosses zero, or the first two get there together."""
        path = self._path(NEGATIVE)
        self.clock[members] = -self.logs[:, members].sum(axis=0)
        amplitude = self.level[members] - self.parameters[members]  # at the arrival, if it comes before the crossing
        early = amplitude > 0
        self.arrive(self.advance(path, members[early], -np.log(amplitude[early])))
        begun = self.logs[1].copy()
        members = members[self.alive[members]]
        while members.size:
            excess = self.logs[0, members] - self._small(members)
            saddle = self.logs[1, members] <= begun[members] + VANISHED
            self._saddle(path, members[saddle], begun)
            self._cross(members[~saddle & (excess <= 0)])
            onward = ~saddle & (excess > 0)
            members = self._shrink(path, members[onward], excess[onward] + 1)

    def _shrink(self, path: Path, members: Members, lengths: Array) -> Members:
        """Go on by these lengths (m,); factors that began equal stay equal, which rounding alone would not grant."""
        equal = np.abs(self.factors[:, members]) == np.abs(self.factors[0, members])
        steep = self.settings.steepness
        lengths = np.where(equal[1], np.minimum(lengths, TIED / max(steep, 1.0)), lengths)
        there = self.advance(path, members, self.clock[members] + lengths)
        equal = equal[:, np.isin(members, there)]
        self.logs[:, there] = np.where(equal, self.logs[0, there], self.logs[:, there])
        return there

    def _saddle(self, path: Path, members: Members, begun: Array) -> None:
        """Leave at zero what got there together: in finite time, or in the limit where the speed falls too fast.

        With k factors of size m left, their speed goes as m^((k−1)p) for h ~ σ^p.
        """
        gone = self.logs[:, members] <= begun[members] + VANISHED
        count = gone.sum(axis=0)
        order = 1 - (count - 1) * self.settings.steepness
        _, slowness = derivative(path, self.parameters[members], self.clock[members], self.logs[:, members])
        fresh = self.outcomes[members] == ""
        self.rest(members, "saddle", np.where(gone, 0.0, self.state(members)))
        with np.errstate(divide="ignore"):
            self.ended[members[fresh]] += np.where(order > 0, slowness * count / order, np.inf)[fresh]

    def _cross(self, members: Members) -> None:
        begin = self.signs[0, members] * np.exp(self.logs[0, members])
        self.signs[0, members] *= -1
        self.crossings[members[self.outcomes[members] == ""]] += 1
        self._jump(members, begin)

    def _positive(self, regime: Regime, members: Members) -> None:
        """All factors grow, or all shrink, until the product is the target."""
        target, level = self.parameters[members], self.level[members]
        total = self.logs[:, members].sum(axis=0)
        fresh = self.products[members] > 0
        residual = np.where(fresh, self.residuals[members], target - np.exp(total))
        near = -np.log(np.minimum(residual / target, 1.0))
        if regime is GROWING:
            self.clock[members] = total - np.log(residual)
            with np.errstate(divide="ignore"):
                arrival = np.log(np.maximum(target - level, 0.0)) - np.log(level)
            end = near + self.settings.extent
        else:
            self.clock[members] = -np.log(residual)
            arrival, end = -np.log(level), near - np.log(target) + self.settings.extent
        self.finish(self._path(regime), members, arrival, end)
