"""The events of a layered flow: singular values of its gradients that vanish, and what is behind them.

What follows depends on whether a part Θ of the speed along the null directions holds the run where it is
(`simulations.surfaces`), and is an

- *extinction*: the residual vanishes along a direction, which rests. With Θ = 0 for two layers and for aligned ones;
  else the other directions push, and the layers work against them until ‖Θ‖ exceeds its bound.
- *sliding*: a layer's gradient stays singular though neither the residual nor a factor is, which needs layers that
  are not aligned. Discrete steps chatter about this flow.
- *leaving*: ‖Θ‖ has reached its bound, and the run leaves such a surface.
- *crossing*: no Θ holds. A factor passes through zero, or the pull back is too weak: the run goes on with the sign
  changed.
- *saddle*: Θ = 0 holds, but since factors vanish in such a way that no layer moves the direction. The flow is not
  unique there, and the direction is left at rest.

Where many Θ would do the flow is not unique.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulations.extinctions import REMAINING, TOGETHER, VANISHED
from simulations.layered_speeds import LayeredSpeeds, Moment, spectral_norm
from simulations.layered_trajectory import Event
from simulations.surfaces import ZERO, Pull, factors_lost
from theory.models.factorized_layers import Layers

Array = NDArray[np.float64]
Gone = list[NDArray[np.bool_]]  # of each layer's gradient, the singular values that vanish now
AFAR = 1e-6  # of the time: an event that was missed is over when the next one is as far away
RETURN = 100  # times what was left before a crossing: a value that vanishes again so soon has not crossed
RESTED = 1e-7  # part of the first residual below which one of its singular values has vanished
CLOSEST = 1e-14  # of the time: an event that near is one
APART = 1e-4  # of the least singular value that is kept, what null directions may have
MISSED = 1e-2  # part of a singular value that may be left where it should have vanished
LEAVING = 1e-6  # part of the time over which a run leaves a surface on which it slid


class EventFinder:
    """Looks for the next event of one flow, and passes it.

    Parameters
    ----------
    speeds
        The law on the layers.
    start
        Where the flow begins; what is held at zero there rests from the start on.
    rtol
        Relative tolerance of the solver.
    """

    def __init__(self, speeds: LayeredSpeeds, start: Moment, rtol: float) -> None:
        self.speeds, self.start, self.rtol = speeds, start, rtol
        self.residual = spectral_norm(start.residual)
        self.settled = self._small_residuals(start)
        self.largest = 0.0  # of gradients so far
        self.near = REMAINING  # of the time, within which an event is looked at

    def passed(self, moment: Moment, sizes: Array) -> tuple[Event, Moment] | None:
        """Go to the next event once it is at hand, and behind it; None where there is none.

        Parameters
        ----------
        moment
            Where the run is.
        sizes
            The largest norm of each layer so far (L,).
        """
        speeds = self.speeds
        pulls = speeds.pulls(moment)
        ways = speeds.ways(moment, pulls)
        remaining = speeds.remaining(moment, pulls, ways)
        soonest = _least(remaining)
        if soonest > AFAR * moment.time:
            self.near = REMAINING
        if not (soonest <= self.near * moment.time or self._in_noise(pulls, remaining, soonest)):
            return self._left(moment, pulls, ways) if moment.slides else None
        gone = [times <= soonest * (1 + TOGETHER) + REMAINING * moment.time for times in remaining]
        found = self._behind(moment, pulls, gone, soonest, sizes)
        self.near = self.near / 10 if found is None else REMAINING
        return found

    def _behind(
        self, before: Moment, pulls: list[Pull], gone: Gone, soonest: float, sizes: Array
    ) -> tuple[Event, Moment] | None:
        """The event at which singular values are gone, and what is behind it; None where they only came close."""
        counts = np.array([int(places.sum()) for places in gone])
        if self.speeds.isotropic:
            counts[:] = self.speeds.full - before.nulls  # the whole gradient vanishes
        there = self._advanced(before, pulls, gone, soonest, self.speeds.vanishing)
        there = replace(there, nulls=before.nulls + counts)
        rested = self._rested(there)
        if rested > before.rested:
            there = replace(there, nulls=np.maximum(there.nulls, rested + self.start.nulls))
        elif self.near > CLOSEST and not self._gone(there, pulls, gone):
            return None
        kind, behind = self._classified(there, pulls, gone, rested, sizes)
        new = there.nulls - before.nulls
        event = Event(there.time, kind, int(new.max()), tuple(int(place) + 1 for place in np.flatnonzero(new)))
        if kind != "crossing":
            return event, behind
        behind = self._crossed(before, pulls, gone, soonest)
        return (event, behind) if self.near <= CLOSEST or not self._falls(behind, soonest) else None

    def _classified(
        self, there: Moment, pulls: list[Pull], gone: Gone, rested: int, sizes: Array
    ) -> tuple[str, Moment]:
        """What an event is, from the Θ that would hold all null directions, and where the run is if they do."""
        held = self.speeds.hold(there, self.speeds.pulls(there))
        size = max(map(spectral_norm, held.thetas))
        unique = held.unique or held.misfit > ZERO
        if unique and (held.misfit > ZERO or size > self.speeds.bound + ZERO):
            return "crossing", there
        if size <= ZERO and factors_lost(there.layers, sizes, pulls, gone):
            return "saddle", replace(there, rested=rested, slides=False, unique=unique)
        whole = rested > there.rested or all(which.any() for which in gone)
        behind = replace(there, rested=rested, slides=size > ZERO, unique=unique)
        return "extinction" if whole else "sliding", behind

    def _advanced(self, moment: Moment, pulls: list[Pull], gone: Gone, length: float, factor: float) -> Moment:
        """Along the present ways for some time, the ways of the vanishing ones times a factor."""
        ways = list(self.speeds.ways(moment, pulls))
        for place, (pull, which) in enumerate(zip(pulls, gone, strict=True)):
            turned = np.where(which, (factor - 1) * pull.speeds, 0.0)
            ways[place] = ways[place] + pull.among(turned)
        return moment.moved(tuple(ways), length)

    def _crossed(self, before: Moment, pulls: list[Pull], gone: Gone, soonest: float) -> Moment:
        """Behind a crossing, as far as the run was before it."""
        length = soonest * self.speeds.vanishing
        there = self._advanced(before, pulls, gone, length, 1.0)
        return self._advanced(there, pulls, gone, length, -1.0)

    def _falls(self, behind: Moment, soonest: float) -> bool:
        """Whether a singular value is again about to vanish behind a crossing: it had only come close."""
        pulls = self.speeds.pulls(behind)
        ways = self.speeds.ways(behind, pulls)
        return _least(self.speeds.remaining(behind, pulls, ways)) <= RETURN * soonest

    def _small_residuals(self, moment: Moment) -> int:
        values = np.linalg.svd(moment.residual, compute_uv=False)
        return int((values <= RESTED * self.residual).sum())

    def _rested(self, moment: Moment) -> int:
        """Directions along which the residual has vanished since the start."""
        return self._small_residuals(moment) - self.settled

    def _gone(self, there: Moment, pulls: list[Pull], gone: Gone) -> bool:
        """Whether the singular values have vanished where they should, and have not only come close to it."""
        if self.speeds.isotropic:
            return True
        for pull, which, gradient in zip(pulls, gone, self.speeds.gradients(there), strict=True):
            if which.any():
                values = np.linalg.svd(gradient, compute_uv=False)
                place = len(pull.values) - int(which.sum())
                if values[place] > max(MISSED * pull.values[which].max(), self.rtol * values[0]):
                    return False
        return True

    def _left(self, moment: Moment, pulls: list[Pull], ways: Layers) -> tuple[Event, Moment] | None:
        """Leave a surface on which the run slid, if ‖Θ‖ exceeds its bound."""
        kept = min((float(pull.values[-1]) for pull in pulls if len(pull.values)), default=0.0)
        gradients = self.speeds.gradients(moment)
        null = max(spectral_norm(p.null[0].T @ g @ p.null[1].T) for p, g in zip(pulls, gradients, strict=True))
        if null > APART * kept:  # too close to the next event to tell null directions from it
            return None
        sizes = np.array([spectral_norm(theta) for theta in self.speeds.hold(moment, pulls).thetas])
        out = sizes > self.speeds.bound
        if not out.any():
            return None
        rested, slides = min(moment.rested, self._rested(moment)), bool((sizes[~out] > ZERO).any())
        behind = moment.moved(ways, LEAVING * moment.time)
        event = Event(behind.time, "leaving", 1, tuple(int(place) + 1 for place in np.flatnonzero(out)))
        return event, replace(behind, nulls=moment.nulls - out, rested=rested, slides=slides)

    def _in_noise(self, pulls: list[Pull], remaining: list[Array], soonest: float) -> bool:
        """For laws that slow down less than EGD, whether the next one to vanish has left the digits of the rest."""
        if self.speeds.vanishing >= 1:
            return False
        largest = max(float(p.values[0]) for p in pulls if len(p.values))
        self.largest = max(self.largest, largest)
        if self.speeds.isotropic:  # the whole gradient vanishes, or nothing does
            return bool(soonest < np.inf and largest <= VANISHED * self.largest)
        near = [p.values[t <= 2 * soonest] for p, t in zip(pulls, remaining, strict=True)]
        return any((values <= VANISHED * self.largest).any() for values in near)


def _least(remaining: list[Array]) -> float:
    return min((float(times.min()) for times in remaining if len(times)), default=np.inf)
