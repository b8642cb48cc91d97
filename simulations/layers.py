"""The flow of a factorised model: every layer follows its own rule, through extinctions and crossings to rest.

Layers are integrated as matrices, in the directions of an aligned start where there are such. Clock: time τ with
dt/dτ = (Σ (h(σ)/σ)²)^(−1/2) over the singular values σ of all layers' gradients, in which a vanishing one decays
exponentially. The moment at which it vanishes is read off dσ/dt.

What follows is Filippov's: where G_l has null directions U₀, V₀ the polar factor may be U_r V_rᵀ + U₀ Θ_l V₀ᵀ with any
‖Θ_l‖ ≤ 1, and the run stays there if some Θ solves U₀ᵀ (dG_l/dt) V₀ = b_l + Σ_m A_lm Θ_m = 0 for all layers:

- *extinction*: the residual vanishes along a direction, which rests. Θ = 0 for two layers and for aligned ones. Else
  several layers need a Θ, which the conditions leave open (chattering steps and smoothed laws tend to different
  limits): the flow is not unique, and the run ends.
- *sliding*: a layer's gradient stays singular though neither the residual nor a factor is, which needs layers that
  are not aligned; discrete steps chatter about this flow. It ends where ‖Θ‖ exceeds 1.
- *crossing*: no such Θ. A factor passes through zero, or the pull back is too weak: the run goes on with the sign
  changed.
- *saddle*: Θ = 0 holds, but since factors vanish in such a way that no layer moves the direction. The flow is not
  unique there, and the direction is left at rest.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853, LSODA, OdeSolver
from scipy.optimize import brentq
from threadpoolctl import threadpool_limits

from simulations.descent import RECORDED
from simulations.directions import rank_cut
from simulations.layered_trajectory import Event, LayeredTrajectory, layered_trajectory
from theory.checks import ArgumentError, inside
from theory.models.factorized import Factorized, Layers, layer_gradients_of
from theory.rules import Rule, rule

Array = NDArray[np.float64]
REMAINING, VANISHED = 1e-9, 1e-9  # an event is extrapolated over this part of the time, or of its singular value
TOGETHER = 1e-8  # events closer than this, relative to the time, are one
LOST = 1e-6  # of a product of layers, the part along a direction below which it has lost it
ZERO = 1e-6  # relative size below which a rate or a Θ counts as zero
RESTED = 1e-7  # part of the first residual below which one of its singular values has vanished
CLOSEST = 1e-14  # of the time: an event that near is one
APART = 1e-4  # of the least singular value that is kept, what null directions may have
MISSED = 1e-2  # part of a singular value that may be left where it should have vanished
LEAVING = 1e-6  # part of the time over which a run leaves a surface on which it slid
EXPLICIT_STEPS = 300  # after which the implicit solver takes over
DENSE = 20  # points recorded of each step while they are few
EMPTIED = 1e-8  # part of the start below which an error counts as extinct after an event
TINY = 1e-200


def can_flow(how: Rule) -> bool:
    """Whether the rule has a flow on layers: an elementwise law, or Frobenius rescaling."""
    return how.kind == "spectral" and (how.elementwise or how.isotropic)


def layered_flow(
    model: Factorized,
    how: Rule | str,
    start: Layers | None = None,
    *,
    threshold: float = 1e-3,
    rtol: float = 1e-10,
    max_evaluations: int = 60_000,
    progress: Callable[[int, int], None] | None = None,
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

    Raises
    ------
    ArgumentError
        If the rule has no flow, or the start has not the model's shapes.
    """
    how = rule(how)
    if not can_flow(how):
        raise ArgumentError("rule", "have a flow on layers (an elementwise law, or frobenius)", f"is {how.name}")
    if not rtol >= 1e-13:
        raise ArgumentError("rtol", "be at least 1e-13", f"is {rtol:g}")
    inside("threshold", threshold, 0, 1, "(0, 1)")
    layers = checked_layers(model, start)
    with threadpool_limits(1):
        run = _Run(model, how, layers, threshold, rtol, max_evaluations, progress)
        run.integrate()
        return run.trajectory()


def checked_layers(model: Factorized, start: Layers | None) -> Layers:
    """The start layers, of the model's shapes and finite."""
    if start is None:
        return model.start()
    found = tuple(np.asarray(layer, float) for layer in start)
    shapes = tuple(layer.shape for layer in found)
    if shapes != model.shapes:
        raise ArgumentError("start", f"hold layers of the shapes {model.shapes}", f"holds {shapes}")
    if not all(np.isfinite(layer).all() for layer in found):
        raise ArgumentError("start", "be finite", "holds NaN or Inf")
    return found


@dataclass(frozen=True)
class Frame:
    """The coordinates of a run: the target, and the way back to the model's own layers.

    Parameters
    ----------
    target
        M in these coordinates.
    bases
        W_l = R_{l+1} X_l R_lᵀ for coordinates X; None where X = W.
    """

    target: Array
    bases: tuple[Array, ...] | None

    def back(self, layers: Layers) -> Layers:
        """Layers (…, ·, ·) of the model from those in these coordinates."""
        if self.bases is None:
            return layers
        pairs = itertools.pairwise(self.bases)
        return tuple(after @ layer @ before.T for (before, after), layer in zip(pairs, layers, strict=True))

    def amplitudes(self, model: Factorized, layers: Layers) -> Array:
        """‖(P − P*) vᵢ‖ of each direction (…, n) for layers (…, ·, ·) in these coordinates."""
        product, aligned = model.product(layers), self.bases is not None
        error = product - np.diag(model.reached) if aligned else (product - model.minimiser) @ model.right
        amplitudes: Array = np.sqrt((error**2).sum(axis=-2))
        return amplitudes


def framed(model: Factorized, layers: Layers, turn: bool = True) -> tuple[Frame, Layers]:
    """Coordinates for a run: the directions of an aligned start if `turn`, else those of the model."""
    found = model.frames(layers) if turn else None
    if found is None:
        return Frame(model.target, None), layers
    sizes, bases = found
    return Frame(np.diag(model.values), bases), tuple(np.diag(size) for size in sizes)


def _norms(layers: Layers) -> Array:
    return np.array([np.linalg.norm(layer, 2) for layer in layers])


def _size(matrix: Array) -> float:
    return float(np.linalg.norm(matrix, 2)) if matrix.size else 0.0


def _along(pull: Pull, theta: Array) -> Array:
    """U₀ Θ V₀ᵀ."""
    left, right = pull.null
    return left @ theta @ right


@dataclass(frozen=True)
class Pull:
    """One layer's gradient, seen by its rule: its singular values above zero, and all its singular vectors."""

    left: Array
    values: Array
    right: Array
    speeds: Array

    @property
    def way(self) -> Array:
        """D (·, ·), without its part along null directions."""
        count = len(self.values)
        return (self.left[:, :count] * self.speeds) @ self.right[:count]

    @property
    def null(self) -> tuple[Array, Array]:
        """Null directions U₀ (m, ·) and V₀ᵀ (·, p)."""
        return self.left[:, len(self.values) :], self.right[len(self.values) :]


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
    ) -> None:
        self.model, self.how, self.rtol = model, how, rtol
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
        self.nulls = np.zeros(len(self.layers), int)  # singular values of each layer's gradient that are held at zero
        self.slides = False  # whether some of them need a part of the speed to stay there
        self.bound = 1.0 if how.power == 1 else np.inf if self.vanishing > 1 else 0.0  # of ‖Θ‖
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
        return [self._pull(layer, gradient) for layer, gradient in enumerate(self._gradients(layers))]

    def _pull(self, layer: int, gradient: Array) -> Pull:
        left, values, right = np.linalg.svd(gradient)
        count = int(rank_cut(values, gradient.shape).sum()) if values[0] > 0 else 0
        values = values[: min(count, self.full - self.nulls[layer])]
        norm = float(np.sqrt((values**2).sum()))
        speeds = np.broadcast_to(np.asarray(self.how.speed(values, norm, 1), float), values.shape)
        return Pull(left, values, right, speeds)

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
        layers = self._unpacked(state)
        pulls = self._pulls(layers)
        pace, ways = self._pace(pulls), self._ways(layers, pulls)
        return np.concatenate([[pace], *[-pace * way.ravel() for way in ways]])

    def _ways(self, layers: Layers, pulls: list[Pull]) -> Layers:
        """D of each layer, with its part along null directions where the run slides."""
        ways = tuple(pull.way for pull in pulls)
        if not self.slides:
            return ways
        thetas = self._held(layers, pulls, ways)[0]
        thetas = [theta * min(1.0, self.bound / (_size(theta) or 1.0)) for theta in thetas]
        return tuple(way + _along(pull, theta) for way, pull, theta in zip(ways, pulls, thetas, strict=True))

    def integrate(self) -> None:
        """Segment by segment, each ended by an event, until rest, arrival or the limit."""
        while not self.reason:
            if not any(pull.values.size for pull in self._pulls(self.layers)):
                self.reason = self._rest()
                return
            self._segment()

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
        return kind(self._derivative, 0.0, state, np.inf, rtol=self.rtol, atol=np.maximum(atol, 1e-25))

    def _segment(self) -> None:
        state = np.concatenate([[self.time], *[layer.ravel() for layer in self.layers]])
        solver, taken = self._solver(DOP853, state), 0
        while not self.reason:
            if taken == EXPLICIT_STEPS:
                solver = self._solver(LSODA, solver.y)
            message = solver.step()
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

    def _keep(self, at: Callable[[float], tuple[float, Layers]]) -> None:
        """Record points of an accepted step, and locate the arrivals in it."""
        count = DENSE if len(self.points) < RECORDED else 1
        self.points += [at(float(x)) for x in np.arange(1, count + 1) / count]
        ends = self.frame.amplitudes(self.model, at(1.0)[1])
        for index in np.flatnonzero(np.isnan(self.arrivals) & self.active & (ends <= self.level)):
            self.arrivals[index] = self._located(at, int(index))
        arrived = np.isfinite(self.arrivals[self.active])
        if self.progress is not None:
            self.progress(int(arrived.sum()), len(arrived))
        if self.vanishing <= 0 and arrived.all():
            self.reason = "every direction has arrived"

    def _located(self, at: Callable[[float], tuple[float, Layers]], index: int) -> float:
        def excess(x: float) -> float:
            return float(self.frame.amplitudes(self.model, at(x)[1])[index] - self.level[index])

        return at(0.0)[0] if excess(0.0) <= 0 else at(float(brentq(excess, 0.0, 1.0, xtol=1e-15)))[0]

    def _vanished(self) -> bool:
        """Go to the next event once it is at hand, say what it was, and go on behind it."""
        pulls = self._pulls(self.layers)
        ways = self._ways(self.layers, pulls)
        remaining = self._remaining(pulls, ways)
        soonest = min((float(times.min()) for times in remaining if len(times)), default=np.inf)
        if not (soonest <= self.near * self.time or self._in_noise(pulls, remaining, soonest)):
            return self.slides and self._left(pulls, ways)
        gone = [times <= soonest * (1 + TOGETHER) + REMAINING * self.time for times in remaining]
        counts = np.array([int(places.sum()) for places in gone])
        if self.how.isotropic:
            counts[:] = self.full - self.nulls  # the whole gradient vanishes
        before, held = self.layers, self.nulls
        self._advance(pulls, gone, soonest, self.vanishing)
        self.nulls = held + counts
        rested = self._rested()
        if rested > self.rested:
            self.nulls = np.maximum(self.nulls, rested)
        elif self.near > CLOSEST and not self._gone(pulls, gone):
            self.nulls, self.layers, self.time = held, before, self.time - soonest
            self.near /= 10
            return False
        kind, slides = self._classified(pulls, gone, rested)
        layers = tuple(int(place) + 1 for place in np.flatnonzero(self.nulls - held))
        self.events.append(Event(self.time, kind, int((self.nulls - held).max()), layers))
        self._note()
        if kind == "crossing":
            self.nulls, self.layers, self.time = held, before, self.time - soonest
            self._advance(pulls, gone, soonest * self.vanishing, 1.0)
            self._advance(pulls, gone, soonest * self.vanishing, -1.0)
        else:
            self.rested, self.slides = rested, slides
        self.near = REMAINING
        self.points.append((self.time, self.layers))
        self.ranks.append(self._rank())
        return True

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
                if values[place] > MISSED * pull.values[which].max():
                    return False
        return True

    def _classified(self, pulls: list[Pull], gone: list[NDArray[np.bool_]], rested: int) -> tuple[str, bool]:
        """What an event is, from the Θ that would hold all null directions; and whether they are not zero."""
        shut = self._pulls(self.layers)
        thetas, misfit = self._held(self.layers, shut, tuple(pull.way for pull in shut))
        size = max(map(_size, thetas))
        if misfit > ZERO or size > self.bound + ZERO:
            return "crossing", self.slides
        if size <= ZERO and self._factors_lost(pulls, gone):
            return "saddle", False
        if sum(_size(theta) > ZERO for theta in thetas) > 1:
            self.reason = f"stopped at t = {self.time:.6g}: the flow is not unique beyond this extinction"
        whole = rested > self.rested or all(which.any() for which in gone)
        return ("extinction" if whole else "sliding"), size > ZERO

    def _factors_lost(self, pulls: list[Pull], gone: list[NDArray[np.bool_]]) -> bool:
        """Whether every layer stands still along its new null directions because the layers about it vanish there."""
        lost = []
        for place, (pull, which) in enumerate(zip(pulls, gone, strict=True)):
            count = len(pull.values)
            above = functools.reduce(lambda b, w: w @ b, self.layers[place + 1 :], pull.left[:, :count][:, which])
            below = functools.reduce(lambda b, w: b @ w, reversed(self.layers[:place]), pull.right[:count][which])
            over = np.linalg.norm(above, axis=0) <= LOST * self.sizes[place + 1 :].prod()
            under = np.linalg.norm(below, axis=1) <= LOST * self.sizes[:place].prod()
            lost.append(bool((over | under).all()) and bool(which.any()))
        return all(lost)

    def _held(self, layers: Layers, pulls: list[Pull], ways: Layers) -> tuple[list[Array], float]:
        """The least Θ_l that keep null directions null, and the relative misfit."""
        shapes = [(pull.null[0].shape[1], pull.null[1].shape[0]) for pull in pulls]
        ends = np.cumsum([rows * columns for rows, columns in shapes])
        thetas = [np.zeros(shape) for shape in shapes]
        drift = self._drift(layers, pulls, ways)
        scale = sum(float(np.linalg.norm(change)) for change in self._changes(layers, ways)) or 1.0
        if np.linalg.norm(drift) <= ZERO * scale:
            return thetas, 0.0
        columns = []
        for place, pull in enumerate(pulls):
            for unit in np.eye(shapes[place][0] * shapes[place][1]):
                moved = [np.zeros(layer.shape) for layer in layers]
                moved[place] = _along(pull, unit.reshape(shapes[place]))
                columns.append(self._drift(layers, pulls, tuple(moved)))
        matrix = np.array(columns).T
        found = -np.linalg.lstsq(matrix, drift, rcond=ZERO)[0]
        misfit = float(np.linalg.norm(drift + matrix @ found)) / scale
        parts = np.split(found, ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)], misfit

    def _drift(self, layers: Layers, pulls: list[Pull], ways: Layers) -> Array:
        """U₀ᵀ (dG_l/dt) V₀ of all layers, one after the other."""
        changes = self._changes(layers, ways)
        return np.concatenate(
            [(pull.null[0].T @ change @ pull.null[1].T).ravel() for pull, change in zip(pulls, changes, strict=True)]
        )

    def _left(self, pulls: list[Pull], ways: Layers) -> bool:
        """Whether the run has left a surface on which it slid: ‖Θ‖ exceeds its bound."""
        kept = min((float(pull.values[-1]) for pull in pulls if len(pull.values)), default=0.0)
        gradients = self._gradients(self.layers)
        null = max(_size(p.null[0].T @ g @ p.null[1].T) for p, g in zip(pulls, gradients, strict=True))
        if null > APART * kept:  # too close to the next event to tell null directions from it
            return False
        thetas, _ = self._held(self.layers, pulls, tuple(pull.way for pull in pulls))
        sizes = np.array([_size(theta) for theta in thetas])
        out = sizes > self.bound
        if not out.any():
            return False
        self.nulls[out] -= 1
        self.slides = bool((sizes[~out] > ZERO).any())
        length = LEAVING * self.time
        self.layers = tuple(layer - length * way for layer, way in zip(self.layers, ways, strict=True))
        self.time += length
        self.events.append(Event(self.time, "leaving", 1, tuple(int(place) + 1 for place in np.flatnonzero(out))))
        self.points.append((self.time, self.layers))
        self.ranks.append(self._rank())
        return True

    def _in_noise(self, pulls: list[Pull], remaining: list[Array], soonest: float) -> bool:
        """For laws that slow down less than EGD, whether the next one to vanish has left the digits of the rest."""
        if self.vanishing >= 1:
            return False
        near = [(p.values[t <= 2 * soonest], p) for p, t in zip(pulls, remaining, strict=True)]
        largest = max(float(p.values[0]) for p in pulls if len(p.values))
        self.largest = max(self.largest, largest)
        return any((values <= VANISHED * self.largest).any() for values, _ in near)

    def _advance(self, pulls: list[Pull], gone: list[NDArray[np.bool_]], length: float, factor: float) -> None:
        """Along the present ways for some time, the ways of the vanishing ones times a factor."""
        ways = list(self._ways(self.layers, pulls))
        for place, (pull, which) in enumerate(zip(pulls, gone, strict=True)):
            turned = np.where(which, (factor - 1) * pull.speeds, 0.0)
            ways[place] = ways[place] + (pull.left[:, : len(turned)] * turned) @ pull.right[: len(turned)]
        self.layers = tuple(layer - length * way for layer, way in zip(self.layers, ways, strict=True))
        self.time += length

    def _remaining(self, pulls: list[Pull], ways: Layers) -> list[Array]:
        """Time until each singular value of each layer's gradient vanishes, at its present rate."""
        found = []
        for pull, change in zip(pulls, self._changes(self.layers, ways), strict=True):
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

    def _changes(self, layers: Layers, ways: Layers) -> Layers:
        """dG_l/dt along some ways, by a complex step: the gradients are polynomials."""
        tiny = 1e-100
        moved = tuple(layer - 1j * tiny * way for layer, way in zip(layers, ways, strict=True))
        return tuple(gradient.imag / tiny for gradient in self._gradients(moved))

    def _note(self) -> None:
        """Arrivals within the last stretch before an event, and directions that are extinct."""
        here = self.frame.amplitudes(self.model, self.layers)
        self.arrivals[np.isnan(self.arrivals) & self.active & (here <= self.level)] = self.time
        gone = here <= EMPTIED * self.seen.amplitudes
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
