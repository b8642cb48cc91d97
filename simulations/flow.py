"""The flow dW/dt = −D(G) of a rule, integrated through every extinction to rest.

Coordinates: the error E = W − W* is written E = B Z Qᵀ with the columns of Q along the directions of the
curvature and the columns of B an orthonormal basis of E's column space, which never grows. Clock: where the
speed h(σ) does not vanish with σ the flow reaches zero singular values in finite time and is not smooth
there, so it is integrated in τ with dt/dτ = (Σ (h(σᵢ)/σᵢ)²)^(−1/2). In τ a vanishing singular value decays
exponentially and nothing is stiffer than gradient descent on the same covariance. At an extinction
(`simulations.extinctions`) the integration restarts with the vanished left direction removed from B, and columns
that have died are dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853, LSODA, OdeSolver
from threadpoolctl import threadpool_limits

from simulations.extinctions import dead_columns, lost_alone, next_loss, own_extinctions, straight_way
from simulations.flow_record import FlowRecord, Path, Piece
from simulations.population import Population, population
from simulations.reduced_error import Loss, ReducedError
from simulations.solvers import advance
from simulations.speeds import Speeds
from simulations.trajectory import Trajectory
from theory.checks import ArgumentError, inside, tolerance, whole
from theory.models.factorized import Factorized
from theory.models.linear import LinearModel, checked_start
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]
REST, REST_FROM_START = "at rest", "at rest: the gradient is zero at the start"
EXPLICIT_STEPS = 200  # of one segment, after which the implicit solver takes over
FLOOR = 1e-18  # of the largest error: what the implicit solver may err by, far below the smallest threshold


def can_flow(how: Rule) -> bool:
    """Whether the rule has a flow here: spectral with a smooth law, or Newton's."""
    smooth = how.kind == "spectral" and how.refresh == 1 and not how.name.startswith("truncated")
    return how.kind == "newton" or smooth


def flow(
    model: LinearModel | Factorized,
    how: Rule | str,
    start: Any = None,
    *,
    threshold: float = 1e-3,
    rtol: float = 1e-10,
    max_evaluations: int = 60_000,
    progress: Callable[[int, int], None] | None = None,
    observe: Callable[[Path], None] | None = None,
) -> Trajectory:
    """Integrate a rule's flow until every direction has arrived, or through its extinctions to rest.

    Parameters
    ----------
    model
        What is trained.
    how
        A spectral rule or Newton's, or its id.
    start
        Weights (c, d), (d,) for one output, or the layers of a factorised model; the model's own start if left out.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.
    rtol
        Relative tolerance of the solver.
    max_evaluations
        Gradient evaluations after which the run is given up.
    progress
        Called with directions arrived and directions that learn.
    observe
        Called with each piece of the path in turn, as a function of x in [0, 1] that gives the flow time and the
        weights (c, d), or the layers: the whole path, as the solver interpolates it, not only the points that are
        kept.

    Raises
    ------
    ArgumentError
        If the rule has no flow, the start has not the model's shape or is not finite, or a number lies outside its
        range: `threshold` in (0, 1), `rtol` from 1e-13 to 1e-2, `max_evaluations` a whole number of at least 1.
    """
    if isinstance(model, Factorized):
        from simulations.layered_flow import layered_flow

        return layered_flow(
            model,
            how,
            start,
            threshold=threshold,
            rtol=rtol,
            max_evaluations=max_evaluations,
            progress=progress,
            observe=observe,
        )
    how = rule(how)
    if not can_flow(how):
        raise ArgumentError("rule", "have a flow (a smooth spectral law, or newton)", f"is {how.name}")
    inside("threshold", threshold, 0, 1, "(0, 1)")
    tolerance(rtol)
    whole("max_evaluations", max_evaluations)
    start = checked_start(model, start)
    numbers = population(model)
    with threadpool_limits(1):
        seen = model.directions(start)
        record = FlowRecord(numbers, seen, start, threshold, progress, observe)
        run = _Run(numbers, record, how, rtol, int(max_evaluations))
        run.integrate()
        return record.trajectory(model, how, run.evaluations, run.reason)


class _Run:
    """The state of one integration."""

    def __init__(self, numbers: Population, record: FlowRecord, how: Rule, rtol: float, max_evaluations: int) -> None:
        self.record, self.rtol, self.max_evaluations = record, rtol, max_evaluations
        seen = record.seen
        self.starts, self.target = seen.amplitudes, np.minimum(record.level, numbers.resolution)
        self.speeds, self.stiff = Speeds(how), False
        self.time, self.evaluations, self.reason = 0.0, 0, ""
        rates = np.einsum("ij,ij->j", seen.basis, numbers.curvature @ seen.basis)
        on_axes = np.count_nonzero(seen.basis) == len(seen.basis)
        self.error = ReducedError.of(record.origin, record.active, rates, on_axes)
        if len(record.active):
            record.ranks.append(len(self.error.z))

    def integrate(self) -> None:
        """Segment by segment, each ended by an extinction, until rest, arrival or the limit."""
        while not self.reason:
            if self.error.z.size:
                self._segment()
            else:
                self._rest()

    def _rest(self) -> None:
        self.reason = REST if self.record.restarts else REST_FROM_START
        together = self.speeds.isotropic or self.record.ranks[:1] == [1]  # the whole gradient vanishes at once
        last = self.record.active if together else self.error.columns
        self.record.rest(self.time, last if self.speeds.extinguishes else last[:0])

    def _derivative(self, _: float, state: Array) -> Array:
        self.evaluations += 1
        z = state[1:].reshape(-1, len(self.error.columns))
        way, pace = self.speeds.direction(z, self.error.rates)
        return np.concatenate([[pace], (-pace * way).ravel()])

    def _solver(self, kind: type[OdeSolver], state: Array) -> OdeSolver:
        z, rates = self.error.z, self.error.rates
        smallest = np.minimum(1e-3 * self.error.sizes, 0.1 * self.target[self.error.columns])
        smallest = np.maximum(smallest, 1e-15 * np.abs(z).max() if len(z) > 1 else 0.0)
        pace = self.speeds.direction(z, rates)[1]
        soon = self.time + pace / rates.max()
        atol = np.concatenate([[self.rtol * 1e-3 * soon], np.broadcast_to(self.rtol * smallest, z.shape).ravel()])
        options: dict[str, Any] = {"rtol": self.rtol, "atol": atol}
        if kind is LSODA:
            options = {"rtol": self.rtol, "atol": np.maximum(atol, FLOOR * np.abs(z).max())}
            if self.speeds.elementwise:
                options["jac"] = lambda _, y: self.speeds.jacobian(y, rates)
        return kind(self._derivative, 0.0, state, np.inf, **options)

    def _segment(self) -> None:
        """Integrate until a singular value's extinction is at hand, or a column can be dropped."""
        state = np.concatenate([[self.time], self.error.z.ravel()])
        solver, taken = self._solver(LSODA if self.stiff else DOP853, state), 0
        polar, begun = straight_way(self.speeds, self.error), self.time
        while not self.reason:
            if taken == EXPLICIT_STEPS and not self.stiff:
                self.stiff, solver = True, self._solver(LSODA, solver.y)
            message = advance(solver)
            taken += 1
            if solver.status == "failed":
                self.reason = f"the solver gave up at t = {self.time:.6g}: {message}"
                return
            self._accept(solver)
            if self.reason or self._extinguished(begun, polar) or self._drop():
                return

    def _accept(self, solver: OdeSolver) -> None:
        dense, low, high, before = solver.dense_output(), solver.t_old, solver.t, self.error

        def at(x: float) -> tuple[float, ReducedError]:
            y = dense(low + x * (high - low))
            return float(y[0]), before.at(y[1:].reshape(before.z.shape))

        self.time, self.error = float(solver.y[0]), before.at(solver.y[1:].reshape(before.z.shape))
        self.record.keep(Piece(at))
        if self.evaluations > self.max_evaluations:
            self.reason = f"stopped after {self.evaluations} evaluations, before every direction had arrived"
        elif not self.speeds.extinguishes and (at(1.0)[1].sizes <= self.target[self.error.columns]).all():
            self.reason = "every direction has arrived"

    def _extinguished(self, begun: float, polar: Array | None) -> bool:
        """Go on behind the next extinction, if it is at hand; say whether it is."""
        loss = next_loss(self.speeds, self.error, self.time, begun, polar) if self.speeds.extinguishes else None
        if loss is None:
            return False
        before = self.error
        if loss.way is not None:
            self._along(loss.way, loss.length)
        self._lose(loss, before)
        return True

    def _along(self, way: Array, length: float) -> None:
        """Go along a straight line."""
        time, error = self.time, self.error
        self.record.keep(Piece(lambda x: (time + x * length, error.at(error.z - x * length * way))))
        self.time, self.error = time + length, error.at(error.z - length * way)

    def _lose(self, loss: Loss, before: ReducedError) -> None:
        """Go on in the left directions that are left."""
        self.error = self.error.within(loss.kept)
        emptied = (self.error.z**2).sum(axis=0) <= loss.emptied**2 * (before.z**2).sum(axis=0)
        columns, found = self.error.columns, self.record.extinctions
        extinct = emptied | lost_alone(loss, self.error, self.starts[columns])
        for place in np.flatnonzero(extinct & np.isnan(found[columns])):
            total = loss.share[:, place].sum()
            left_over = loss.share[:, place] @ loss.remaining / total if total > 0 else loss.remaining.min()
            found[columns[place]] = self.time + float(left_over)
            if emptied[place] or self.error.sizes[place] <= self.record.level[columns[place]]:
                self._arrive(columns[place], float(before.sizes[place]), float(left_over))
        if self.error.z.size and not emptied.all():  # what is left of an emptied column is rounding
            self.error = self.error.only(~emptied)
        self.record.restarts.append(self.time + float(loss.remaining.min()))
        if not self.error.z.size:
            self.time += float(loss.remaining.max())
        self._drop()
        self.record.ranks.append(len(self.error.z))

    def _arrive(self, column: int, size: float, remaining: float) -> None:
        """Note the arrival of a vanishing column that has not arrived yet: |e|^α falls to zero at a steady rate."""
        if np.isnan(self.record.arrivals[column]):
            left = min(1.0, (self.record.level[column] / size) ** self.speeds.vanishing)
            self.record.arrivals[column] = self.time + remaining * (1 - left)

    def _drop(self) -> bool:
        """Drop the columns that have died; say whether there were such."""
        error, columns = self.error, self.error.columns
        if not error.z.size:
            return False
        arrived = np.isfinite(self.record.arrivals[columns])
        dead = dead_columns(self.speeds, error, arrived, self.starts[columns], self.target[columns])
        if dead.any() and self.speeds.extinguishes and not self.speeds.isotropic:
            self._note_own(dead)
        if not dead.any() or dead.all():
            return False
        self.error = error.only(~dead)
        if len(self.error.z) < len(error.z):
            self.record.ranks.append(len(self.error.z))
            self.record.restarts.append(self.time)
        return True

    def _note_own(self, dead: NDArray[np.bool_]) -> None:
        """Note the extinctions of dying columns that are a singular direction by themselves."""
        times = self.time + own_extinctions(self.speeds, self.error)
        columns, found = self.error.columns, self.record.extinctions
        noted = dead & np.isnan(found[columns]) & np.isfinite(times)
        found[columns[noted]] = times[noted]
