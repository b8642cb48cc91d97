"""The flow dW/dt = −D(G) of a rule, integrated through every extinction to rest.

Coordinates: the error E = W − W* is written E = B Z Qᵀ with the columns of Q along the directions of the
curvature and the columns of B an orthonormal basis of E's column space, which never grows. Clock: where the
speed h(σ) does not vanish with σ the flow reaches zero singular values in finite time and is not smooth
there, so it is integrated in τ with dt/dτ = (Σ (h(σᵢ)/σᵢ)²)^(−1/2). In τ a vanishing singular value decays
exponentially and nothing is stiffer than gradient descent on the same covariance. A singular value obeys
dσᵢ/dt = −h(σᵢ) vᵢᵀΛvᵢ, from which the time left to its extinction is read off; there the integration
restarts with the vanished left direction removed from B, and columns that have died are dropped.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853, LSODA, OdeSolver
from scipy.linalg import eigh
from scipy.optimize import brentq
from threadpoolctl import threadpool_limits

from simulations import plateaus
from simulations.descent_record import RECORDED
from simulations.directions import rank_cut
from simulations.population import Population, population
from simulations.speeds import TINY, Speeds
from simulations.trajectory import Trajectory
from theory.checks import ArgumentError, inside, tolerance, whole
from theory.models.factorized import Factorized
from theory.models.linear import Directions, LinearModel, checked_start
from theory.rules import Rule, rule

Array = NDArray[np.float64]
Path = Callable[[float], tuple[float, Any]]
REST, REST_FROM_START = "at rest", "at rest: the gradient is zero at the start"
REMAINING = 1e-9  # extinction is extrapolated over this part of the elapsed time,
VANISHED = 1e-9  # or from this part of a singular value, whichever comes first
TOGETHER = 1e-8  # extinctions closer than this, relative to the time, count as one
STRAIGHT = 1e-11  # change of the polar factor since the last restart below which, or within its own rounding, the
# path is a straight line
# A direction is extinct when losing the vanished values leaves this part of its column: of the column as it was
# before the line, or when the extinction was so near that rounding is a larger part.
EMPTIED, EMPTIED_AT_HAND = 1e-9, 1e-4
ALONE = 1e-6  # of a singular direction, the part that lies off one axis
NOISE = 1e-13  # a column below this part of its start has died, and columns that are as nearly dependent are so,
DEAD = 1e-13  # a column's gradient below this part of the smallest singular value has died
DENSE = 20  # points recorded of each step while they are few, one of each when they are many,
LONG = 1.1  # but as many as ever of a step that multiplies the time by this
EXPLICIT_STEPS = 200  # of one segment, after which the implicit solver takes over


@dataclass(frozen=True)
class Piece:
    """One accepted step: x in [0, 1] ↦ (t, Z), with the basis and columns in force."""

    at: Callable[[float], tuple[float, Array]]
    left: Array
    columns: NDArray[np.int64]


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
        from simulations.layers import layered_flow

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
        run = _Run(numbers, seen, how, start, threshold, rtol, int(max_evaluations), progress, observe)
        run.integrate()
        return run.trajectory(model)


class _Run:
    """The state of one integration."""

    def __init__(
        self,
        numbers: Population,
        seen: Directions,
        how: Rule,
        start: Array,
        threshold: float,
        rtol: float,
        max_evaluations: int,
        progress: Callable[[int, int], None] | None,
        observe: Callable[[Path], None] | None,
    ) -> None:
        self.numbers, self.seen, self.how, self.start = numbers, seen, how, start
        self.rtol, self.max_evaluations = rtol, max_evaluations
        self.progress, self.observe = progress, observe
        self.rates = np.einsum("ij,ij->j", seen.basis, numbers.curvature @ seen.basis)
        self.speeds, self.stiff = Speeds(how), False
        self.remaining = max(REMAINING, VANISHED**self.speeds.vanishing)
        self.columns = np.flatnonzero(seen.learns & (seen.amplitudes > 0))
        self.origin = (start - numbers.minimiser) @ seen.basis
        self.active = self.columns.copy()
        self.level = threshold * seen.amplitudes
        self.target = np.minimum(self.level, numbers.resolution)
        size = len(seen.values)
        self.arrivals, self.extinctions = np.full(size, np.nan), np.full(size, np.nan)
        self.arrivals[seen.learns & (seen.amplitudes == 0)] = 0.0
        self.time, self.evaluations, self.reason = 0.0, 0, ""
        self.points: list[tuple[float, Array]] = [(0.0, self.origin)]
        self.changes: list[float] = []  # times at which the test error reaches or leaves 100 %
        self.begins_whole = self.whole = self._misclassifies_all(self.origin)
        self.ranks: list[int] = []
        self.restarts: list[float] = []
        self.left, self.z = self._reduced(np.eye(len(start)), self.origin[:, self.columns])

    def _reduced(self, left: Array, z: Array) -> tuple[Array, Array]:
        """The same error in a basis of its column space: Z gets as many rows as the gradient has rank."""
        if not z.size:
            return left[:, :0], z[:0]
        seen = [_range(z * self.rates[self.columns])]
        if np.count_nonzero(self.seen.basis) == len(self.seen.basis):  # on the axes slow errors are as exact as others
            seen.append(_range(z))
        kept = max(seen, key=lambda basis: basis.shape[1])
        self.ranks.append(kept.shape[1])
        return left @ kept, kept.T @ z

    def integrate(self) -> None:
        """Segment by segment, each ended by an extinction, until rest, arrival or the limit."""
        while not self.reason:
            if not self.z.size:
                self.reason = REST if self.restarts else REST_FROM_START
                self.arrivals[self.active] = np.fmin(self.arrivals[self.active], self.time)
                if self.speeds.extinguishes:
                    together = self.speeds.isotropic or self.ranks[:1] == [1]  # the whole gradient vanishes at once
                    last = self.active if together else self.columns
                    self.extinctions[last] = np.fmin(self.extinctions[last], self.time)
                break
            self._segment()

    def _derivative(self, _: float, state: Array) -> Array:
        self.evaluations += 1
        z = state[1:].reshape(-1, len(self.columns))
        way, pace = self.speeds.direction(z, self.rates[self.columns])
        return np.concatenate([[pace], (-pace * way).ravel()])

    def _solver(self, kind: type[OdeSolver], state: Array) -> OdeSolver:
        sizes = np.sqrt((self.z**2).sum(axis=0))
        smallest = np.minimum(1e-3 * sizes, 0.1 * self.target[self.columns])
        smallest = np.maximum(smallest, 1e-15 * np.abs(self.z).max() if len(self.z) > 1 else 0.0)
        pace = self.speeds.direction(self.z, self.rates[self.columns])[1]
        soon = self.time + pace / self.rates[self.columns].max()
        atol = np.concatenate([[self.rtol * 1e-3 * soon], np.broadcast_to(self.rtol * smallest, self.z.shape).ravel()])
        options: dict[str, Any] = {"rtol": self.rtol, "atol": atol}
        if kind is LSODA:
            options = {"rtol": self.rtol, "atol": np.maximum(atol, 1e-15 * np.abs(self.z).max())}
            if self.speeds.elementwise:
                options["jac"] = lambda _, y: self.speeds.jacobian(y, self.rates[self.columns])
        return kind(self._derivative, 0.0, state, np.inf, **options)

    def _segment(self) -> None:
        """Integrate until a singular value's extinction is at hand, or a column can be dropped."""
        state = np.concatenate([[self.time], self.z.ravel()])
        solver, taken = self._solver(LSODA if self.stiff else DOP853, state), 0
        # a straight line needs full column rank: with fewer rows a slow column turns it, however late
        straight = self.speeds.straight and self.z.shape[0] == self.z.shape[1]
        polar = self.speeds.polar(self.z, self.rates[self.columns]) if straight else None
        begun = self.time
        while not self.reason:
            if taken == EXPLICIT_STEPS and not self.stiff:
                self.stiff, solver = True, self._solver(LSODA, solver.y)
            message = advance(solver)
            taken += 1
            if solver.status == "failed":
                self.reason = f"the solver gave up at t = {self.time:.6g}: {message}"
                return
            self._accept(solver)
            if self.reason:
                return
            if self.speeds.extinguishes and self._extinguished(polar, begun):
                return
            if self._drop():
                return

    def _accept(self, solver: OdeSolver) -> None:
        dense, low, high = solver.dense_output(), solver.t_old, solver.t
        shape = self.z.shape

        def at(x: float) -> tuple[float, Array]:
            y = dense(low + x * (high - low))
            return float(y[0]), y[1:].reshape(shape)

        self.time, self.z = float(solver.y[0]), solver.y[1:].reshape(shape)
        self._keep(Piece(at, self.left, self.columns))
        if self.evaluations > self.max_evaluations:
            self.reason = f"stopped after {self.evaluations} evaluations, before every direction had arrived"

    def _keep(self, piece: Piece) -> None:
        """Sample an accepted piece and locate in it the arrivals, and the changes to and from 100 % test error."""
        if self.observe is not None:
            self.observe(self._path(piece))
        long = piece.at(1.0)[0] > LONG * piece.at(0.0)[0]
        count = DENSE if long or len(self.points) < RECORDED else 1
        for x in np.arange(1, count + 1) / count:
            self.points.append(self.error_at(piece, float(x)))
            whole = self._misclassifies_all(self.points[-1][1])
            if whole != self.whole:
                self.changes.append(self._bisect(piece, float(x) - 1 / count, float(x)))
                self.whole = whole
        ends = np.sqrt((piece.at(1.0)[1] ** 2).sum(axis=0))
        for place, index in enumerate(piece.columns):
            if np.isnan(self.arrivals[index]) and ends[place] <= self.level[index]:
                self.arrivals[index] = _locate(piece, place, self.level[index])
        if self.progress is not None:
            self.progress(int(np.isfinite(self.arrivals[self.active]).sum()), len(self.active))
        if not self.speeds.extinguishes and (ends <= self.target[piece.columns]).all():
            self.reason = "every direction has arrived"

    def _extinguished(self, polar: Array | None, begun: float) -> bool:
        """Extrapolate to the next extinction once it is at hand or the path is straight; then restart."""
        rates = self.rates[self.columns]
        left, values, right = np.linalg.svd(self.z * rates, full_matrices=False)
        way = left @ right
        blur = max(STRAIGHT, 32 * np.finfo(float).eps * float(values[0] / max(values[-1], TINY)))
        if polar is not None and np.abs(way - polar).max() <= blur:
            return self._straight(way, begun)
        remaining, bounds = self.speeds.remaining(values, right, rates)
        if not (bounds <= self.remaining * self.time).any():
            return self._lost_in_noise()
        # by the bound, which is what is left of the error: a value can be small and have a slow column behind it
        gone = bounds <= bounds.min() + TOGETHER * self.time
        self._lose(left[:, ~gone], self.z, remaining[gone], right[gone] ** 2, EMPTIED_AT_HAND)
        return True

    def _straight(self, way: Array, begun: float) -> bool:
        """Go to the end of a straight line and restart there, unless it is too early to tell that it is straight."""
        times, lost, share = line_ends(self.z, way, self.rates[self.columns])
        if self.time - begun < 0.01 * times[0]:
            return False
        before, length = self.z, float(times[0])
        self._keep(self._line(way, length))
        self.time, self.z = self.time + length, self.z - length * way
        gone = times - length <= TOGETHER * self.time
        kept = np.linalg.qr(lost[:, gone], mode="complete")[0][:, gone.sum() :]
        self._lose(kept, before, times[gone] - length, share[gone], EMPTIED)
        return True

    def _lose(self, kept: Array, before: Array, remaining: Array, share: Array, share_left: float) -> None:
        """Go on in the left directions (r, r − g) that are left, of an error that was Z (r, k) before.

        The g others have these times left, and these shares (g, k) in the columns.
        """
        self.left, self.z = self.left @ kept, kept.T @ self.z
        emptied = (self.z**2).sum(axis=0) <= share_left**2 * (before**2).sum(axis=0)
        for place in np.flatnonzero(emptied):
            total = share[:, place].sum()
            left_over = share[:, place] @ remaining / total if total > 0 else remaining.min()
            self.extinctions[self.columns[place]] = self.time + float(left_over)
        if self.z.size and not emptied.all():  # what is left of an emptied column is rounding
            self._keep_columns(~emptied)
        self.restarts.append(self.time + float(remaining.min()))
        if not self.z.size:
            self.time += float(remaining.max())
        self._drop()
        self.ranks.append(self.z.shape[0])

    def _lost_in_noise(self) -> bool:
        """Restart where the columns, each at its own scale, have come to depend on each other but for rounding."""
        if len(self.z) < 2 or self.speeds.isotropic:
            return False
        sizes = np.sqrt((self.z**2).sum(axis=0))
        left, values, right = np.linalg.svd(self.z / np.maximum(sizes, TINY), full_matrices=False)
        gone = values <= NOISE * values[0]
        if gone.any():
            self._lose(left[:, ~gone], self.z, np.zeros(gone.sum()), right[gone] ** 2, EMPTIED_AT_HAND)
        return bool(gone.any())

    def _line(self, way: Array, length: float) -> Piece:
        time, z = self.time, self.z
        return Piece(lambda x: (time + x * length, z - x * length * way), self.left, self.columns)

    def _drop(self) -> bool:
        """Drop the columns that have died: they stay dead, and are the stiffest of all."""
        if not self.z.size:
            return False
        sizes = np.sqrt((self.z**2).sum(axis=0))
        rates = self.rates[self.columns]
        if self.speeds.linear:
            dead = sizes <= 1e-3 * self.target[self.columns]
        else:
            _, values, right = np.linalg.svd(self.z * rates, full_matrices=False)
            lost = sizes <= NOISE * self.seen.amplitudes[self.columns]
            dead = (lost | (rates * sizes <= DEAD * values[-1])) & np.isfinite(self.arrivals[self.columns])
            if dead.any() and self.speeds.extinguishes and not self.speeds.isotropic:
                self._extinct_on_their_own(dead, values, right, rates)
        if not dead.any() or dead.all():
            return False
        if self._keep_columns(~dead):
            self.ranks.append(self.z.shape[0])
            self.restarts.append(self.time)
        return True

    def _keep_columns(self, kept: NDArray[np.bool_]) -> bool:
        """Drop the other columns, and the rows that only these told apart; say whether there were such rows."""
        self.z, self.columns = self.z[:, kept], self.columns[kept]
        if self.z.shape[0] <= self.z.shape[1]:
            return False
        rows = np.linalg.svd(self.z, full_matrices=False)[0]
        self.left, self.z = self.left @ rows, rows.T @ self.z
        return True

    def _extinct_on_their_own(self, dead: NDArray[np.bool_], values: Array, right: Array, rates: Array) -> None:
        """Note the extinction of dying columns that are a singular direction by themselves."""
        remaining, _ = self.speeds.remaining(values, right, rates)
        for place in np.flatnonzero(dead & np.isnan(self.extinctions[self.columns])):
            value = int(np.argmax(right[:, place] ** 2))
            if right[value, place] ** 2 > 1 - ALONE:
                self.extinctions[self.columns[place]] = self.time + float(remaining[value])

    def error_at(self, piece: Piece, x: float) -> tuple[float, Array]:
        """Time and error E Q (c, d) at one point of a piece; directions that do not learn keep their error."""
        time, z = piece.at(x)
        error = np.where(self.seen.learns, 0.0, self.origin)
        error[:, piece.columns] = piece.left @ z
        return time, error

    def _path(self, piece: Piece) -> Path:
        def at(x: float) -> tuple[float, Array]:
            time, error = self.error_at(piece, x)
            return time, self.numbers.minimiser + error @ self.seen.basis.T

        return at

    def trajectory(self, model: LinearModel) -> Trajectory:
        """Measure the plateaus on the sampled points, and thin these."""
        if self.reason == REST:
            self.points.append((self.time, np.where(self.seen.learns, 0.0, self.origin)))
            if self.whole and not self._misclassifies_all(self.points[-1][1]):
                self.changes.append(self.time)
        stride = -(-len(self.points) // (3 * RECORDED))
        kept = [*self.points[:-1:stride], self.points[-1]]
        times, errors = np.array([time for time, _ in kept]), np.array([error for _, error in kept])
        times = np.maximum.accumulate(times)  # an interpolated time may err by the tolerance
        weights = self.numbers.minimiser + errors @ self.seen.basis.T
        train, test = self.numbers.train_error(weights), self.numbers.test_error(weights)
        arrived = bool(np.isfinite(self.arrivals[self.active]).all())
        measured: dict[str, float | None] = {}
        if self.numbers.classifies:
            measured[plateaus.LONGEST_RUN] = self._longest() if arrived else None
        measured[plateaus.ARRIVAL_SPREAD] = plateaus.spread(self.arrivals[self.active], np.ones(len(self.active), bool))
        measured |= plateaus.on_curves(times, train, test)
        return Trajectory(
            rule=self.how.name,
            model=model.name,
            view="flow",
            step=None,
            times=times,
            weights=weights,
            amplitudes=np.sqrt((errors**2).sum(axis=-2)),
            train_error=train,
            test_error=test,
            singular_values=self.seen.values,
            arrivals=self.arrivals,
            extinctions=self.extinctions,
            plateaus=measured,
            ranks=tuple(self.ranks),
            restarts=tuple(self.restarts),
            evaluations=self.evaluations,
            censored=not arrived,
            stop_reason=self.reason,
        )

    def _longest(self) -> float:
        """Longest time at 100 % test error."""
        edges = [0.0, *self.changes] if self.begins_whole else self.changes
        return max((float(b - a) for a, b in zip(edges[::2], edges[1::2], strict=False)), default=0.0)

    def _misclassifies_all(self, error: Array) -> bool:
        if not self.numbers.classifies:
            return False
        return bool(self.numbers.test_error(self.numbers.minimiser + error @ self.seen.basis.T) >= 1.0)

    def _bisect(self, piece: Piece, low: float, high: float) -> float:
        """Time at which the test error leaves or reaches 100 %, between two points of a piece."""

        def whole(x: float) -> bool:
            return self._misclassifies_all(self.error_at(piece, x)[1])

        before = whole(low)
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if whole(middle) == before else (low, middle)
        return piece.at(high)[0]


def advance(solver: OdeSolver) -> str | None:
    """Take a step; what went wrong is in the solver's status, and is warned of by nobody else."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "lsoda", UserWarning)
        message: str | None = solver.step()
    return message


def _range(matrix: Array) -> Array:
    """Orthonormal basis of the column space of a matrix (m, p), of its rank but for rounding."""
    left, values, _ = np.linalg.svd(matrix, full_matrices=False)
    return left[:, rank_cut(values, matrix.shape)] if values[0] > 0 else left[:, :0]


def line_ends(z: Array, way: Array, rates: Array) -> tuple[Array, Array, Array]:
    """Where Z (k, k) loses rank as it goes along −D, while D is the polar factor of Z Λ with Λ (k,) descending.

    On that line Dᵀ Z Λ − tΛ is symmetric, and loses rank at the eigenvalues of Λ^(−½) Dᵀ Z Λ^½, whose upper half has no
    more than the rounding of Z. Returns these times (k,) in ascending order, as columns the left directions that are
    lost then (k, k), and as rows the shares of the columns in them (k, k).
    """
    scale = np.sqrt(rates)
    times, vectors = eigh(np.triu(way.T @ z) * scale / scale[:, None], lower=False)
    right = vectors * scale[:, None]
    return times, way @ (vectors / scale[:, None]), (right / np.sqrt((right**2).sum(axis=0))).T ** 2


def _locate(piece: Piece, place: int, level: float) -> float:
    """Time at which a column of a piece falls to a level."""

    def excess(x: float) -> float:
        return float(np.sqrt((piece.at(x)[1][:, place] ** 2).sum())) - level

    if excess(0.0) <= 0:
        return piece.at(0.0)[0]
    return piece.at(float(brentq(excess, 0.0, 1.0, xtol=1e-15)))[0]
