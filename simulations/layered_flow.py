"""The flow of a factorised model: every layer follows its own rule, through extinctions and crossings to rest.

Layers are integrated as matrices, in the directions of an aligned start where there are such. Clock: time τ with
dt/dτ = (Σ (h(σ)/σ)²)^(−1/2) over the singular values σ of all layers' gradients, in which a vanishing one decays
exponentially. The moment at which it vanishes is read off dσ/dt; what follows is told in `simulations.layered_events`.
Where the flow is not unique the run ends, and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853, LSODA, OdeSolver
from threadpoolctl import threadpool_limits

from simulations.flow_record import Path
from simulations.frames import checked_layers, framed
from simulations.layered_events import EventFinder
from simulations.layered_record import LayeredRecord
from simulations.layered_speeds import LayeredSpeeds, Moment
from simulations.layered_trajectory import LayeredTrajectory, end_of
from simulations.solvers import advance
from theory.checks import TIGHTEST, ArgumentError, inside, tolerance, whole
from theory.models.factorized import Factorized
from theory.models.factorized_layers import Layers
from theory.models.linear import Directions
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]
DENSER = 1e-2  # of the tolerance for the steps, where they are long, so that what is interpolated keeps it
STILL = 1e-14  # part of what the layers could make of the target below which a gradient is rounding
EXPLICIT_STEPS = 300  # after which the implicit solver takes over
EMPTIED = 1e-8  # part of the start below which an error counts as extinct after an event,
EMPTIED_AT_ONCE = 1e-4  # or after one at which the whole gradient vanishes, slow errors with it
UNRESOLVED = 10  # times the tolerance: part of a minimum with weight decay below which its errors are lost
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
        range, as in `simulations.flow.flow`; or `threshold` asks for errors that are lost in the solver's tolerance,
        as happens with weight decay where these only fade in the limit.
    """
    how = rule(how)
    if not can_flow(how):
        raise ArgumentError("rule", "have a flow on layers (an elementwise law, or frobenius)", f"is {how.name}")
    tolerance(rtol)
    whole("max_evaluations", max_evaluations)
    inside("threshold", threshold, 0, 1, "(0, 1)")
    layers = checked_layers(model, start)
    with threadpool_limits(1):
        (frame, framed_layers), seen = framed(model, layers), model.directions(layers)
        at_end = seen.learns & (seen.amplitudes == 0)  # such directions rest from the start on
        speeds = LayeredSpeeds(how, frame.target, framed_layers, model.weight_decay)
        if model.weight_decay and not speeds.extinguishes:
            _refuse_unresolved(model, seen, threshold, rtol)
        moment = speeds.start(framed_layers, int(at_end.sum()) if seen.aligned and speeds.extinguishes else 0)
        record = LayeredRecord(model, frame, seen, moment, threshold, progress, observe)
        run = _Run(record, speeds, moment, rtol, max_evaluations)
        run.integrate()
        return record.trajectory(how, run.evaluations, run.reason)


class _Run:
    """The state of one integration."""

    def __init__(
        self, record: LayeredRecord, speeds: LayeredSpeeds, start: Moment, rtol: float, max_evaluations: int
    ) -> None:
        self.record, self.model, self.rtol, self.max_evaluations = record, record.model, rtol, max_evaluations
        self.speeds, self.moment = speeds, start
        self.finder = EventFinder(speeds, start, rtol)
        self.sizes = _norms(start.layers)  # the largest so far
        self.evaluations, self.reason = 0, ""
        self.record.ranks.append(speeds.rank(start))

    def _packed(self, time: float, residual: Array, layers: Layers) -> Array:
        """Time, residual and layers in one row; of an aligned run the diagonals, as the rest of them stays zero."""
        aligned = self.record.frame.bases is not None
        return np.concatenate([[time], *[m.diagonal() if aligned else m.ravel() for m in (residual, *layers)]])

    def _unpacked(self, state: Array) -> Moment:
        if self.record.frame.bases is not None:
            residual, *layers = map(np.diag, state[1:].reshape(-1, len(self.model.values)))
        else:
            shapes = [self.moment.residual.shape, *self.model.shapes]
            parts = np.split(state[1:], np.cumsum([rows * columns for rows, columns in shapes])[:-1])
            residual, *layers = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        return replace(self.moment, time=float(state[0]), residual=residual, layers=tuple(layers))

    def _derivative(self, _: float, state: Array) -> Array:
        self.evaluations += 1
        if not np.abs(state[1:]).max() <= WILD * self.sizes.max():
            return np.full(len(state), np.nan)  # a step that was tried goes too far: the solver takes a shorter one
        here = self._unpacked(state)
        pulls = self.speeds.pulls(here)
        pace, ways = self.speeds.pace(pulls), self.speeds.ways(here, pulls)
        return self._packed(pace, pace * self.speeds.residual_rate(here, ways), tuple(-pace * way for way in ways))

    def integrate(self) -> None:
        """Segment by segment, each ended by an event, until rest, arrival or the limit."""
        if self._still():
            self.reason = self._rest()
        while not self.reason:
            if self.speeds.rank(self.moment):
                self._segment()
            else:
                self.reason = self._rest()

    def _still(self) -> bool:
        """Whether all gradients are rounding."""
        layers = self.moment.layers
        largest = max(float(np.abs(gradient).max()) for gradient in self.speeds.gradients(self.moment))
        size = float(self.sizes.max())
        return largest <= STILL * (size ** (len(layers) - 1)) * max(float(self.model.values[0]), self.sizes.prod())

    def _rest(self) -> str:
        saddles = sum(event.count for event in self.record.events if event.kind == "saddle")
        if self.moment.time == 0:
            return "at rest: the gradient is zero at the start"
        return "at rest" if not saddles else f"at rest, {saddles} of {len(self.model.values)} directions at a saddle"

    def _solver(self, kind: type[OdeSolver], state: Array) -> OdeSolver:
        count = len(self._packed(0.0, self.moment.residual, ()))
        sizes = np.abs(state[count:])
        least = np.full(len(sizes), np.maximum(1e-2 * self.rtol * sizes[sizes > 0].min(initial=1.0), 1e-25))
        soon = self.moment.time + self.speeds.pace(self.speeds.pulls(self.moment))
        smallest = np.full(count - 1, 1e-2 * self.rtol * self.record.level[self.record.active].min(initial=1.0))
        rtol = self.rtol if self.speeds.extinguishes else max(DENSER * self.rtol, TIGHTEST)
        atol = np.concatenate([[self.rtol * 1e-3 * soon], smallest, least])
        return kind(self._derivative, 0.0, state, np.inf, rtol=rtol, atol=atol)

    def _segment(self) -> None:
        state = self._packed(self.moment.time, self.moment.residual, self.moment.layers)
        solver, taken = self._solver(DOP853, state), 0
        while not self.reason:
            if taken == EXPLICIT_STEPS:
                solver = self._solver(LSODA, solver.y)
            message = advance(solver)
            taken += 1
            if solver.status == "failed":
                self.reason = f"the solver gave up at t = {self.moment.time:.6g}: {message}"
                return
            self._accept(solver)
            if not self.reason and self.speeds.extinguishes and self._passed():
                return

    def _accept(self, solver: OdeSolver) -> None:
        dense, low, high, unpacked = solver.dense_output(), solver.t_old, solver.t, self._unpacked

        def at(x: float) -> Moment:
            return unpacked(dense(low + x * (high - low)))

        self.moment = self._unpacked(solver.y.copy())
        self.sizes = np.maximum(self.sizes, _norms(self.moment.layers))
        self.record.keep(at)
        if self.evaluations > self.max_evaluations:
            self.reason = f"stopped after {self.evaluations} evaluations, before every direction had arrived"
        elif not self.speeds.extinguishes and self.record.complete:
            self.reason = end_of(self.record.seen)

    def _passed(self) -> bool:
        """Go on behind the next event, if it is at hand; say whether it is."""
        found = self.finder.passed(self.moment, self.sizes)
        if found is None:
            return False
        (event, behind), emptied = found, EMPTIED_AT_ONCE if self.speeds.isotropic else EMPTIED
        self.record.happened(event, self.moment, behind, emptied, self.speeds.vanishing)
        self.record.ranks.append(self.speeds.rank(behind))
        self.moment = behind
        if not self.moment.unique:
            self.reason = f"stopped at t = {self.moment.time:.6g}: the flow is not unique beyond this event"
        return True


def _refuse_unresolved(model: Factorized, seen: Directions, threshold: float, rtol: float) -> None:
    """Refuse errors from a minimum with weight decay that are lost in the solver's tolerance of the layers."""
    waits = seen.learns & (seen.amplitudes > 0)
    least = float((UNRESOLVED * rtol * model.reached[waits] / seen.amplitudes[waits]).max(initial=0.0))
    if threshold < least:
        must = f"be at least {least:.2g} for a flow with weight decay from this start and an `rtol` of {rtol:g}"
        raise ArgumentError("threshold", must, f"is {threshold:g}")


def _norms(layers: Layers) -> Array:
    return np.array([np.linalg.norm(layer, 2) for layer in layers])
