"""The flow of a factorised model: every layer follows its own rule, through extinctions and crossings to rest.

Layers are integrated as matrices, in the directions of an aligned start where there are such. Clock: time τ with
dt/dτ = (Σ (h(σ)/σ)²)^(−1/2) over the singular values σ of all layers' gradients, in which a vanishing one decays
exponentially. The moment at which it vanishes is read off dσ/dt. What follows depends on whether a part Θ of the speed
along the null directions holds the run where it is (`simulations.surfaces`), and is an

- *extinction*: the residual vanishes along a direction, which rests. With Θ = 0 for two layers and for aligned ones;
  else the other directions push, and the layers work against them until ‖Θ‖ exceeds its bound.
- *sliding*: a layer's gradient stays singular though neither the residual nor a factor is, which needs layers that
  are not aligned. Discrete steps chatter about this flow.
- *leaving*: ‖Θ‖ has reached its bound, and the run leaves such a surface.
- *crossing*: no Θ holds. A factor passes through zero, or the pull back is too weak: the run goes on with the sign
  changed.
- *saddle*: Θ = 0 holds, but since factors vanish in such a way that no layer moves the direction. The flow is not
  unique there, and the direction is left at rest.

Where many Θ would do the run ends, and says that the flow is not unique.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853, LSODA, OdeSolver
from scipy.optimize import brentq
from threadpoolctl import threadpool_limits

from simulations.descent_record import RECORDED
from simulations.frames import checked_layers, framed
from simulations.layered_trajectory import Event, LayeredTrajectory, end_of, layered_trajectory
from simulations.solvers import advance
from simulations.surfaces import ZERO, Hold, Pull, changes, factors_lost, hold
from theory.checks import TIGHTEST, ArgumentError, inside, tolerance, whole
from theory.models.factorized import Factorized, Layers, layer_gradients_of
from theory.rules import Rule, rule

Array = NDArray[np.float64]
Path = Callable[[float], tuple[float, Layers]]
REMAINING, VANISHED = 1e-9, 1e-9  # an event is extrapolated over this part of the time, or of its singular value
AFAR = 1e-6  # of the time: an event that was missed is over when the next one is as far away
RETURN = 100  # times what was left before a crossing: a value that vanishes again so soon has not crossed
TOGETHER = 1e-8  # events closer than this, relative to the time, are one
RESTED = 1e-7  # part of the first residual below which one of its singular values has vanished
CLOSEST = 1e-14  # of the time: an event that near is one
APART = 1e-4  # of the least singular value that is kept, what null directions may have
MISSED = 1e-2  # part of a singular value that may be left where it should have vanished
LEAVING = 1e-6  # part of the time over which a run leaves a surface on which it slid
DENSER = 1e-2  # of the tolerance for the steps, where they are long, so that what is interpolated keeps it
STILL = 1e-14  # part of what the layers could make of the target below which a gradient is rounding
EXPLICIT_STEPS = 300  # after which the implicit solver takes over
DENSE = 20  # points recorded of each step while they are few,
LONG = 1.1  # or of one that multiplies the time by this
EMPTIED = 1e-8  # part of the start below which an error counts as extinct after an event,
EMPTIED_AT_ONCE = 1e-4  # or after one at which the whole gradient vanishes, slow errors with it
TINY = 1e-200
WILD = 1e20  # times the largest layer so far


def can_flow(how: Rule) -> bool:
    """Whether the rule has a flow on layers: an elementwise law, or Frobenius rescaling."""
    return how.kind == "spectral" and how.refresh == 1 and (how.elementwise or how.isotropic)


def layered_flow(
    model: Factorized,
    how: Rule | str,
    start: Layers | None = None,
    *,
    threshold: float = 1e-3,
    rtol: float = 1e-10,
    max_evaluations: int = 60_000,
    progress: Callable[[int, int], None] | None = None,
    observe: Callable[[Path], None] | None = None,
) -> LayeredTrajectory:
    """Integrate a rule's flow on every layer until all directions have arrived, or through its events to rest.

    Parameters
    ----------
    model
        What is trained.
    how
        An elementwise or isotropic spectral rule, or its id.
    start
        Layers; the model's own balanced start if left out.
    threshold
        An arrival is |e| ≤ threshold·|e₀| for the error e = a − a* along a direction.
    rtol
        Relative tolerance of the solver.
    max_evaluations
        Evaluations of the gradients after which the run is given up.
    progress
        Called with directions arrived and directions that learn.
    observe
        Called with each piece of the path in turn, as a function of x in [0, 1] that gives flow time and layers.

    Raises
    ------
    ArgumentError
        If the rule has no flow, the start has not the model's shapes or is not finite, or a number lies outside its
        range, as in `simulations.flow.flow`.
    """
    how = rule(how)
    if not can_flow(how):
        raise ArgumentError("rule", "have a flow on layers (an elementwise law, or frobenius)", f"is {how.name}")
    tolerance(rtol)
    whole("max_evaluations", max_evaluations)
    inside("threshold", threshold, 0, 1, "(0, 1)")
    layers = checked_layers(model, start)
    with threadpool_limits(1):
        run = _Run(model, how, layers, threshold, rtol, max_evaluations, progress, observe)
        run.integrate()
        return run.trajectory()


def _norms(layers: Layers) -> Array:
    return np.array([np.linalg.norm(layer, 2) for layer in layers])


def _size(matrix: Array) -> float:
    return float(np.linalg.norm(matrix, 2)) if matrix.size else 0.0


def _jump(how: Rule) -> float:
    """h(0⁺), the speed that the law gives to a singular value about to vanish."""
    if how.vanishing_power == 1:
        return float(np.asarray(how.speed(TINY, TINY, 1)))
    return np.inf if how.vanishing_power > 1 else 0.0


class _Run:
    """The state of one integration."""

    def __init__(
        self,
        model: Factorized,
        how: Rule,
        start: Layers,
        threshold: float,
        rtol: float,
        max_evaluations: int,
        progress: Callable[[int, int], None] | None,
        observe: Callable[[Path], None] | None,
    ) -> None:
        self.model, self.how, self.rtol, self.observe = model, how, rtol, observe
        self.max_evaluations, self.progress = max_evaluations, progress
        self.seen = model.directions(start)
        self.frame, self.layers = framed(model, start)
        self.vanishing = float(how.vanishing_power)
        self.shapes = [layer.shape for layer in self.layers]
        self.largest, self.sizes = 0.0, _norms(self.layers)  # of gradients and of layers, the largest so far
        self.full = min(min(shape) for shape in self.shapes)
        self.residual = float(np.linalg.norm(model.product(start) - model.target, 2))
        self.settled = self.rested = 0
        self.settled = self._rested()
        self.near = REMAINING  # of the time, within which an event is looked at
        at_end = self.seen.learns & (self.seen.amplitudes == 0)  # such directions rest from the start on
        self.resting = int(at_end.sum()) if self.seen.aligned and self.vanishing > 0 else 0
        self.nulls = np.full(len(self.layers), self.resting)  # of each layer's gradient, singular values held at zero
        self.slides = False  # whether some of them need a part of the speed to stay there
        self.bound = _jump(how)  # of ‖Θ‖
        self.active = self.seen.learns & (self.seen.amplitudes > 0)
        self.level = threshold * self.seen.amplitudes
        self.arrivals = np.where(self.seen.learns & (self.seen.amplitudes == 0), 0.0, np.nan)
        self.extinctions = np.full(len(self.arrivals), np.nan)
        self.time, self.evaluations, self.reason = 0.0, 0, ""
        self.points: list[tuple[float, Layers]] = [(0.0, self.layers)]
        self.events: list[Event] = []
        self.ranks = [self._rank()]

    def _gradients(self, layers: Layers) -> Layers:
        product = functools.reduce(lambda below, layer: layer @ below, layers)
        return layer_gradients_of(layers, product - self.frame.target, self.model.weight_decay)

    def _pulls(self, layers: Layers) -> list[Pull]:
        most = self.full - self.nulls
        return [Pull.of(self.how, g, int(count)) for g, count in zip(self._gradients(layers), most, strict=True)]

    def _hold(self, pulls: list[Pull]) -> Hold:
        return hold(self._gradients, self.layers, pulls, self.vanishing)

    def _pace(self, pulls: list[Pull]) -> float:
        """dt/dτ."""
        if self.how.power == 0:
            return 1.0
        ratios = np.concatenate([pull.speeds / np.maximum(pull.values, TINY) for pull in pulls])
        return float(1 / np.sqrt((ratios**2).sum())) if len(ratios) else 1.0

    def _rank(self) -> int:
        return max(len(pull.values) for pull in self._pulls(self.layers))

    def _unpacked(self, state: Array) -> Layers:
        found, at = [], 1
        for shape in self.shapes:
            size = shape[0] * shape[1]
            found.append(state[at : at + size].reshape(shape))
            at += size
        return tuple(found)

    def _derivative(self, _: float, state: Array) -> Array:
        self.evaluations += 1
        if not np.abs(state[1:]).max() <= WILD * self.sizes.max():
            return np.full(len(state), np.nan)  # a step that was tried goes too far: the solver takes a shorter one
        layers = self._unpacked(state)
        pulls = self._pulls(layers)
        pace, ways = self._pace(pulls), self._ways(layers, pulls)
        return np.concatenate([[pace], *[-pace * way.ravel() for way in ways]])

    def _ways(self, layers: Layers, pulls: list[Pull]) -> Layers:
        """D of each layer, with its part along null directions where the run slides."""
        if not self.slides:
            return tuple(pull.way for pull in pulls)
        thetas = hold(self._gradients, layers, pulls, self.vanishing).thetas
        cut = [theta * min(1.0, self.bound / (_size(theta) or 1.0)) for theta in thetas]
        return tuple(pull.way + pull.along(theta) for pull, theta in zip(pulls, cut, strict=True))

    def integrate(self) -> None:
        """Segment by segment, each ended by an event, until rest, arrival or the limit."""
        if self._still():
            self.reason = self._rest()
        while not self.reason:
            if not any(pull.values.size for pull in self._pulls(self.layers)):
                self.reason = self._rest()
                return
            self._segment()

    def _still(self) -> bool:
        """Whether all gradients are rounding."""
        largest = max(float(np.abs(gradient).max()) for gradient in self._gradients(self.layers))
        size = float(self.sizes.max())
        return largest <= STILL * (size ** (len(self.layers) - 1)) * max(float(self.model.values[0]), self.sizes.prod())

    def _rest(self) -> str:
        saddles = sum(event.count for event in self.events if event.kind == "saddle")
        if self.time == 0:
            return "at rest: the gradient is zero at the start"
        return "at rest" if not saddles else f"at rest, {saddles} of {len(self.seen.values)} directions at a saddle"

    def _solver(self, kind: type[OdeSolver], state: Array) -> OdeSolver:
        sizes = np.abs(state[1:])
        least = sizes[sizes > 0].min(initial=1.0)
        soon = self._pace(self._pulls(self.layers))
        atol = np.concatenate([[self.rtol * 1e-3 * (self.time + soon)], np.full(len(sizes), self.rtol * 1e-2 * least)])
        rtol = max(DENSER * self.rtol, TIGHTEST) if self.vanishing <= 0 else self.rtol
        return kind(self._derivative, 0.0, state, np.inf, rtol=rtol, atol=np.maximum(atol, 1e-25))

    def _segment(self) -> None:
        state = np.concatenate([[self.time], *[layer.ravel() for layer in self.layers]])
        solver, taken = self._solver(DOP853, state), 0
        while not self.reason:
            if taken == EXPLICIT_STEPS:
                solver = self._solver(LSODA, solver.y)
            message = advance(solver)
            taken += 1
            if solver.status == "failed":
                self.reason = f"the solver gave up at t = {self.time:.6g}: {message}"
                return
            self._accept(solver)
            if not self.reason and self.vanishing > 0 and self._vanished():
                return

    def _accept(self, solver: OdeSolver) -> None:
        dense, low, high = solver.dense_output(), solver.t_old, solver.t

        def at(x: float) -> tuple[float, Layers]:
            y = dense(low + x * (high - low))
            return float(y[0]), self._unpacked(y)

        self.time, self.layers = float(solver.y[0]), self._unpacked(solver.y.copy())
        self.sizes = np.maximum(self.sizes, _norms(self.layers))
        self._keep(at)
        if self.evaluations > self.max_evaluations:
            self.reason = f"stopped after {self.evaluations} evaluations, before every direction had arrived"

    def _keep(self, at: Path) -> None:
        """Record points of an accepted step, and locate the arrivals in it."""
        if self.observe is not None:
            self.observe(lambda x: (at(x)[0], self.frame.back(at(x)[1])))
        long = at(1.0)[0] > LONG * at(0.0)[0]
        count = DENSE if long or len(self.points) < RECORDED else 1
        self.points += [at(float(x)) for x in np.arange(1, count + 1) / count]
        ends = self.frame.amplitudes(self.model, at(1.0)[1])
        for index in np.flatnonzero(np.isnan(self.arrivals) & self.active & (ends <= self.level)):
            self.arrivals[index] = self._located(at, int(index))
        arrived = np.isfinite(self.arrivals[self.active])
        if self.progress is not None:
            self.progress(int(arrived.sum()), len(arrived))
        if self.vanishing <= 0 and arrived.all():
            self.reason = end_of(self.seen)

    def _located(self, at: Path, index: int) -> float:
        def excess(x: float) -> float:
            return float(self.frame.amplitudes(self.model, at(x)[1])[index] - self.level[index])

        return at(0.0)[0] if excess(0.0) <= 0 else at(float(brentq(excess, 0.0, 1.0, xtol=1e-15)))[0]

    def _vanished(self) -> bool:
        """Go to the next event once it is at hand, say what it was, and go on behind it."""
        pulls = self._pulls(self.layers)
        ways = self._ways(self.layers, pulls)
        remaining = self._remaining(pulls, ways)
        soonest = min((float(times.min()) for times in remaining if len(times)), default=np.inf)
        if soonest > AFAR * self.time:
            self.near = REMAINING
        if not (soonest <= self.near * self.time or self._in_noise(pulls, remaining, soonest)):
            return self.slides and self._left(pulls, ways)
        gone = [times <= soonest * (1 + TOGETHER) + REMAINING * self.time for times in remaining]
        before = self.layers, self.nulls, self.time
        event = self._passed(pulls, gone, soonest)
        if event is None:
            self.layers, self.nulls, self.time = before
            self.near /= 10
            return False
        self.near = REMAINING
        self._happened(event)
        return True

    def _passed(self, pulls: list[Pull], gone: list[NDArray[np.bool_]], soonest: float) -> Event | None:
        """Go to the moment at which singular values are gone, and behind it; None where they only came close."""
        layers, nulls, time = self.layers, self.nulls, self.time
        counts = np.array([int(places.sum()) for places in gone])
        if self.how.isotropic:
            counts[:] = self.full - nulls  # the whole gradient vanishes
        self._advance(pulls, gone, soonest, self.vanishing)
        self.nulls = nulls + counts
        rested = self._rested()
        if rested > self.rested:
            self.nulls = np.maximum(self.nulls, rested + self.resting)
        elif self.near > CLOSEST and not self._gone(pulls, gone):
            return None
        kind, slides = self._classified(pulls, gone, rested)
        new = self.nulls - nulls
        event = Event(self.time, kind, int(new.max()), tuple(int(place) + 1 for place in np.flatnonzero(new)))
        if kind == "crossing":
            self.layers, self.nulls, self.time = layers, nulls, time
            self._advance(pulls, gone, soonest * self.vanishing, 1.0)
            self._advance(pulls, gone, soonest * self.vanishing, -1.0)
            return event if self.near <= CLOSEST or not self._falls(soonest) else None
        self.rested, self.slides = rested, slides
        return event

    def _falls(self, soonest: float) -> bool:
        """Whether a singular value is again about to vanish behind a crossing: it had only come close."""
        pulls = self._pulls(self.layers)
        remaining = self._remaining(pulls, self._ways(self.layers, pulls))
        return min((float(times.min()) for times in remaining if len(times)), default=np.inf) <= RETURN * soonest

    def _happened(self, event: Event) -> None:
        """Record an event."""
        self.events.append(event)
        self._note()
        self.points.append((self.time, self.layers))
        self.ranks.append(self._rank())

    def _rested(self) -> int:
        """Directions along which the residual has vanished since the start."""
        product = functools.reduce(lambda below, layer: layer @ below, self.layers)
        values = np.linalg.svd(product - self.frame.target, compute_uv=False)
        return int((values <= RESTED * self.residual).sum()) - self.settled

    def _gone(self, pulls: list[Pull], gone: list[NDArray[np.bool_]]) -> bool:
        """Whether the singular values have vanished where they should, and have not only come close to it."""
        if self.how.isotropic:
            return True
        for pull, which, gradient in zip(pulls, gone, self._gradients(self.layers), strict=True):
            if which.any():
                values = np.linalg.svd(gradient, compute_uv=False)
                place = len(pull.values) - int(which.sum())
                if values[place] > max(MISSED * pull.values[which].max(), self.rtol * values[0]):
                    return False
        return True

    def _classified(self, pulls: list[Pull], gone: list[NDArray[np.bool_]], rested: int) -> tuple[str, bool]:
        """What an event is, from the Θ that would hold all null directions; and whether they are not zero."""
        held = self._hold(self._pulls(self.layers))
        size = max(map(_size, held.thetas))
        if not held.unique and held.misfit <= ZERO:
            self.reason = f"stopped at t = {self.time:.6g}: the flow is not unique beyond this event"
        elif held.misfit > ZERO or size > self.bound + ZERO:
            return "crossing", self.slides
        if size <= ZERO and factors_lost(self.layers, self.sizes, pulls, gone):
            return "saddle", False
        whole = rested > self.rested or all(which.any() for which in gone)
        return ("extinction" if whole else "sliding"), size > ZERO

    def _left(self, pulls: list[Pull], ways: Layers) -> bool:
        """Whether the run has left a surface on which it slid: ‖Θ‖ exceeds its bound."""
        kept = min((float(pull.values[-1]) for pull in pulls if len(pull.values)), default=0.0)
        gradients = self._gradients(self.layers)
        null = max(_size(p.null[0].T @ g @ p.null[1].T) for p, g in zip(pulls, gradients, strict=True))
        if null > APART * kept:  # too close to the next event to tell null directions from it
            return False
        sizes = np.array([_size(theta) for theta in self._hold(pulls).thetas])
        out = sizes > self.bound
        if not out.any():
            return False
        self.nulls[out] -= 1
        self.slides = bool((sizes[~out] > ZERO).any())
        self.rested = min(self.rested, self._rested())
        length = LEAVING * self.time
        self.layers = tuple(layer - length * way for layer, way in zip(self.layers, ways, strict=True))
        self.time += length
        self._happened(Event(self.time, "leaving", 1, tuple(int(place) + 1 for place in np.flatnonzero(out))))
        return True

    def _in_noise(self, pulls: list[Pull], remaining: list[Array], soonest: float) -> bool:
        """For laws that slow down less than EGD, whether the next one to vanish has left the digits of the rest."""
        if self.vanishing >= 1:
            return False
        largest = max(float(p.values[0]) for p in pulls if len(p.values))
        self.largest = max(self.largest, largest)
        if self.how.isotropic:  # the whole gradient vanishes, or nothing does
            return bool(soonest < np.inf and largest <= VANISHED * self.largest)
        near = [p.values[t <= 2 * soonest] for p, t in zip(pulls, remaining, strict=True)]
        return any((values <= VANISHED * self.largest).any() for values in near)

    def _advance(self, pulls: list[Pull], gone: list[NDArray[np.bool_]], length: float, factor: float) -> None:
        """Along the present ways for some time, the ways of the vanishing ones times a factor."""
        ways = list(self._ways(self.layers, pulls))
        for place, (pull, which) in enumerate(zip(pulls, gone, strict=True)):
            turned = np.where(which, (factor - 1) * pull.speeds, 0.0)
            ways[place] = ways[place] + pull.among(turned)
        self.layers = tuple(layer - length * way for layer, way in zip(self.layers, ways, strict=True))
        self.time += length

    def _remaining(self, pulls: list[Pull], ways: Layers) -> list[Array]:
        """Time until each singular value of each layer's gradient vanishes, at its present rate."""
        found = []
        for pull, change in zip(pulls, changes(self._gradients, self.layers, ways), strict=True):
            count = len(pull.values)
            left, right = pull.left[:, :count], pull.right[:count]
            rates, values = -np.einsum("ik,ij,kj->k", left, change, right), pull.values
            if self.how.isotropic and count:
                norm = np.sqrt((values**2).sum())
                rates, values = np.full(count, (values * rates).sum() / norm), np.full(count, norm)
            times = np.full(count, np.inf)
            falling = rates > 0
            times[falling] = values[falling] / (self.vanishing * rates[falling])
            found.append(times)
        return found

    def _note(self) -> None:
        """Arrivals within the last stretch before an event, and directions that are extinct."""
        here = self.frame.amplitudes(self.model, self.layers)
        self.arrivals[np.isnan(self.arrivals) & self.active & (here <= self.level)] = self.time
        gone = here <= (EMPTIED_AT_ONCE if self.how.isotropic else EMPTIED) * self.seen.amplitudes
        self.extinctions[np.isnan(self.extinctions) & self.active & gone] = self.time

    def trajectory(self) -> LayeredTrajectory:
        """Measure on the recorded points, and thin these."""
        stride = -(-len(self.points) // (3 * RECORDED))
        kept = [*self.points[:-1:stride], self.points[-1]]
        times = np.maximum.accumulate(np.array([time for time, _ in kept]))
        stacked = tuple(np.array(layer) for layer in zip(*(layers for _, layers in kept), strict=True))
        return layered_trajectory(
            self.model,
            self.how,
            "flow",
            times,
            self.frame.back(stacked),
            amplitudes=self.frame.amplitudes(self.model, stacked),
            arrivals=self.arrivals,
            extinctions=self.extinctions,
            ranks=tuple(self.ranks),
            events=tuple(self.events),
            evaluations=self.evaluations,
            reason=self.reason,
        )
