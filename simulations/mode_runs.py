"""One chunk of modes, carried by an engine from regime to regime through crossings to arrival, extinction or rest.

Every place at which something happens is known on the clock beforehand, so nothing is searched for: a piece of the
clock ends there. What lies beyond the last piece, where the residual is rounding, is added by its leading term.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.engines import Engine, Pieces, derivative
from theory.modes import Path, regression_path
from theory.rules import Rule

Array = NDArray[np.float64]
Members = NDArray[np.int64]
DIGITS = 37.0  # −log of the precision of a double, with a digit to spare
FARTHEST = 2 * DIGITS
SETTLED = 40.0  # on the clock, where a residual without extinction is rounding
KNOT = 0.5  # length of the pieces of the clock between which the times of a grid are looked for
REFINEMENTS = 8  # of a time's place on the clock, by Newton's method


@dataclass(frozen=True)
class Settings:
    """What all members of an ensemble share."""

    how: Rule
    engine: Engine
    tolerance: float
    threshold: float
    times: Array | None

    @property
    def vanishing(self) -> float:
        """The α of h ~ σ^(1−α) near zero; extinctions take finite time where it is positive."""
        return float(self.how.vanishing_power)

    @property
    def extent(self) -> float:
        """How far on the clock a residual is followed before the rest of its way is added by its leading term.

        The leading term is off by a further factor of the residual under a power law, and by an unknown power of it
        under another.
        """
        if self.vanishing <= 0:
            return SETTLED
        if self.how.power is not None:
            return DIGITS / (1 + self.vanishing)
        return min(DIGITS / self.vanishing, FARTHEST)

    @property
    def apart(self) -> float:
        """Log of the size at which a factor near zero, relative to the next, no longer moves the others."""
        order = 1 + self.steepness  # the others move by this power of it
        return -DIGITS / min(max(order, 0.05), 2.0)

    @property
    def steepness(self) -> float:
        """The exponent p of h ~ σ^p near zero."""
        return 1 - self.vanishing

    @property
    def separates(self) -> bool:
        """Whether one factor can cross zero alone; where h grows as 1/σ or faster, all reach it together."""
        return self.vanishing < 2


class Run:
    """The state of n members on their way; arrays are indexed by member last."""

    def __init__(self, settings: Settings, parameters: Array, logs: Array, signs: Array) -> None:
        self.settings, self.parameters, self.logs, self.signs = settings, parameters, logs, signs
        count, grid = len(parameters), 0 if settings.times is None else len(settings.times)
        self.clock, self.time, self.steps = np.zeros(count), np.zeros(count), np.zeros(count, int)
        self.arrivals, self.extinctions, self.ended = (np.full(count, np.nan) for _ in range(3))
        self.crossings = np.zeros(count, int)
        self.outcomes: NDArray[np.object_] = np.full(count, "", object)
        self.states = np.full(signs.shape, np.nan)
        self.values = np.full((grid, *signs.shape), np.nan)
        self.alive = np.ones(count, bool)

    def state(self, members: Members, logs: Array | None = None, clock: Array | None = None) -> Array:
        """Factors or error (k, m) of these members, here or at other places."""
        logs = self.logs[:, members] if logs is None else logs
        clock = self.clock[members] if clock is None else clock
        sizes = np.exp(logs) if len(logs) else np.exp(-clock)[None]
        return self.signs[:, members] * sizes

    def fail(self, members: Members, why: str) -> None:
        """Report these members and leave them behind."""
        self.outcomes[members] = f"failed: {why}"
        self.alive[members] = False
        for array in (self.arrivals, self.extinctions, self.ended, self.states, self.values):
            array[..., members] = np.nan

    def rest(self, members: Members, outcome: str, states: Array) -> None:
        """Leave these members at `states` (k, m) for good, with this outcome unless they have one."""
        fresh = self.outcomes[members] == ""
        new = members[fresh]
        self.outcomes[new], self.states[:, new], self.ended[new] = outcome, states[:, fresh], self.time[new]
        self.alive[members] = False
        self._fill_beyond(members, states)

    def advance(self, path: Path, members: Members, to: Array) -> Members:
        """Carry members (m,) along their path to these places of the clock (m,); those that got there."""
        if self.settings.times is None or not members.size:
            return self._piece(path, members, to)
        begin = self.clock[members]
        pieces = max(1, int(np.ceil(np.abs(to - begin).max() / KNOT)))
        for number in range(1, pieces + 1):
            kept = self.alive[members]
            members, begin, to = members[kept], begin[kept], to[kept]
            self._piece(path, members, begin + (to - begin) * (number / pieces))
        return members[self.alive[members]]

    def _piece(self, path: Path, members: Members, to: Array) -> Members:
        settings = self.settings
        pieces = Pieces(self.parameters[members], self.clock[members], to, self.logs[:, members])
        carried = settings.engine(path, pieces, settings.tolerance)
        self.steps[members] += carried.steps
        self.fail(members[~carried.done], "the solver gave up")
        there, arrived = members[carried.done], carried.done
        if settings.times is not None:
            self._locate(path, there, pieces.some(arrived), carried.times[arrived])
        self.clock[there], self.logs[:, there] = to[arrived], carried.logs[:, arrived]
        self.time[there] += carried.times[arrived]
        return there

    def _inside(self, members: Members, lengths: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs (grid time, place among the members) with the time within `lengths` (m,) from now."""
        assert self.settings.times is not None
        times, now = self.settings.times[:, None], self.time[members]
        places, owners = np.nonzero((times > now) & (times <= now + lengths))
        return places, owners

    def _locate(self, path: Path, members: Members, pieces: Pieces, lengths: Array) -> None:
        """Values at the grid times within one piece, found on the clock by Newton's method."""
        assert self.settings.times is not None
        places, owners = self._inside(members, lengths)
        if not places.size:
            return
        own, wanted = pieces.some(owners), self.settings.times[places] - self.time[members[owners]]
        low, high = np.minimum(own.begin, own.end), np.maximum(own.begin, own.end)
        clock = own.begin + (own.end - own.begin) * wanted / lengths[owners]
        for _ in range(REFINEMENTS):
            there = self.settings.engine(
                path, Pieces(own.parameters, own.begin, clock, own.logs), self.settings.tolerance
            )
            late = wanted - there.times
            if not (np.abs(late) > 4 * np.finfo(float).eps * self.settings.times[places]).any():
                break
            slowness = derivative(path, own.parameters, clock, there.logs)[1]
            clock = np.clip(clock + late / slowness, low, high)
        self.values[places, :, members[owners]] = self.state(members[owners], there.logs, clock).T

    def _fill_beyond(self, members: Members, states: Array) -> None:
        """The grid times from now on."""
        if self.settings.times is None:
            return
        places, owners = self._inside(members, np.full(len(members), np.inf))
        self.values[places, :, members[owners]] = states[:, owners].T

    def arrive(self, members: Members) -> None:
        """Note that these members are at their thresholds now; where nothing becomes extinct they may stop here."""
        self.arrivals[members] = self.time[members]
        if self.settings.vanishing <= 0:
            self.outcomes[members], self.ended[members] = "arrived", self.time[members]
            self.states[:, members] = self.state(members)
            self.alive[members] = self.settings.times is not None

    def finish(self, path: Path, members: Members, arrival: Array, end: Array) -> None:
        """From here to the arrivals and on to the ends of the clock (m,), in one regime."""
        pending = np.isnan(self.arrivals[members])
        ahead = pending & (arrival > self.clock[members])
        self.arrive(members[pending & ~ahead])
        self.arrive(self.advance(path, members[ahead], arrival[ahead]))
        onward = self.alive[members]
        members = self.advance(path, members[onward], np.maximum(end, arrival)[onward])
        self._vanish(path, members)

    def _vanish(self, path: Path, members: Members) -> None:
        """Add what is left: the residual falls as e^(−z), and the time left is dt/dz divided by α."""
        rates, slowness = derivative(path, self.parameters[members], self.clock[members], self.logs[:, members])
        limit = self.state(members, self.logs[:, members] + rates, np.full(len(members), np.inf))
        if self.settings.vanishing > 0:
            left = slowness / self.settings.vanishing
            self._fade(members, rates, left)
            self.time[members] += left
            self.extinctions[members] = self.time[members]
        self.rest(members, "extinct", limit)

    def _fade(self, members: Members, rates: Array, left: Array) -> None:
        """Values at the grid times within the last stretch (m,), where the residual falls as a power of time left."""
        if self.settings.times is None:
            return
        places, owners = self._inside(members, left)
        share = 1 - (self.settings.times[places] - self.time[members[owners]]) / left[owners]
        residual = np.clip(share, 0, 1) ** (1 / self.settings.vanishing)
        with np.errstate(divide="ignore"):
            clock = self.clock[members[owners]] - np.log(residual)
        logs = self.logs[:, members[owners]] + rates[:, owners] * (1 - residual)
        self.values[places, :, members[owners]] = self.state(members[owners], logs, clock).T


def run_regression(settings: Settings, rates: Array, errors: Array) -> Run:
    """Carry modes of a regression (n,) to their ends."""
    run = Run(settings, rates, np.zeros((0, len(rates))), np.sign(errors)[None])
    opened(run, errors[None], {
        "the start is not finite": ~np.isfinite(errors),
        "the curvature is not finite": ~np.isfinite(rates),
        "the curvature is negative": rates < 0,
    })  # fmt: skip
    still = run.alive & ((rates == 0) | (errors == 0))
    run.arrivals[still & (errors == 0)] = 0.0
    run.rest(np.flatnonzero(still), "at rest", errors[None, still])
    members = np.flatnonzero(run.alive)
    run.clock[members] = -np.log(np.abs(errors[members]))
    begin = run.clock[members]
    run.finish(regression_path(settings.how), members, begin - np.log(settings.threshold), begin + settings.extent)
    return run


def opened(run: Run, start: Array, reasons: dict[str, Any]) -> None:
    """Put the start (k, n) on the grid, and report the members for which one of the reasons holds."""
    if run.settings.times is not None:
        run.values[run.settings.times == 0] = start
    for why, hold in reasons.items():
        run.fail(np.flatnonzero(hold & run.alive), why)
