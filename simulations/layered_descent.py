"""Discrete steps of a factorised model: each layer W_l ← W_l − η D(G_l), all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from simulations.descent import with_limit
from simulations.descent_record import DIVERGED, RECORDED, log_times, settled
from simulations.directions import direction
from simulations.frames import Frame, checked_layers, framed
from simulations.layered_trajectory import LayeredTrajectory, end_of, layered_trajectory
from theory.checks import ArgumentError, inside, positive
from theory.discretisation import largest_stable_step
from theory.models.factorized import Factorized
from theory.models.factorized_layers import Layers, layer_gradients_of
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]
CHUNK = 512
TURNS_ALONG = ("spectral", "momentum", "grokfast")  # rules for which the basis makes no difference


def layered_descend(
    model: Factorized,
    how: Rule | str,
    step: float,
    start: Layers | None = None,
    *,
    threshold: float = 1e-3,
    max_steps: int = 100_000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> LayeredTrajectory:
    """Run one rule with a finite step on every layer until all directions have arrived.

    Parameters
    ----------
    model
        What is trained.
    how
        A rule or its id, except Newton's.
    step
        Step size η.
    start
        Layers; the model's own balanced start if left out.
    threshold
        An arrival is |e| ≤ threshold·|e₀| for the error e = a − a* along a direction.
    max_steps
        Steps after which the run is given up.
    seed
        For rules that draw at random.
    progress
        Called with the steps taken and `max_steps`.

    Raises
    ------
    ArgumentError
        If the step is not positive, the rule is Newton's, or the start has not the model's shapes.
    """
    step, how = positive("step", step), rule(how)
    inside("threshold", threshold, 0, 1, "(0, 1)")
    if how.kind == "newton":
        but = "its steps divide by a constant curvature, and a layer's changes with the others (`derive` has its flow)"
        raise ArgumentError("rules", "leave out newton for a factorised model", but)
    given = checked_layers(model, start)
    frame, layers = framed(model, given, how.kind in TURNS_ALONG)
    record = _Record(model, frame, given, layers, step, threshold)
    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):
        for chunk in _steps(model, frame, how, step, layers, max_steps, seed):
            reason = record.extend(chunk)
            if progress is not None:
                progress(record.count, max_steps)
            if reason:
                break
        else:
            reason = f"stopped after {record.count} steps, before every direction had arrived"
    limit = largest_stable_step(model, how)
    if reason == "diverged" and limit is not None and step >= limit:
        reason = with_limit(reason, step, limit)
    return record.trajectory(how, reason)


def _steps(
    model: Factorized, frame: Frame, how: Rule, step: float, layers: Layers, count: int, seed: int
) -> Iterator[Layers]:
    """Layers after steps 1 … count, in chunks (n, ·, ·) each."""
    follow = [direction(how, seed=seed + place) for place in range(len(layers))]
    states: list[object] = [None] * len(layers)
    while count > 0:
        chunk = []
        for _ in range(min(CHUNK, count)):
            gradients = layer_gradients_of(layers, model.product(layers) - frame.target, model.weight_decay)
            if not all(np.isfinite(gradient).all() for gradient in gradients):
                break
            moved = []
            for place, (layer, gradient) in enumerate(zip(layers, gradients, strict=True)):
                way, states[place] = follow[place](gradient, states[place])
                moved.append(layer - step * way)
            layers = tuple(moved)
            chunk.append(layers)
        count = count - len(chunk) if len(chunk) == min(CHUNK, count) else 0
        if chunk:
            yield tuple(np.array(layer) for layer in zip(*chunk, strict=True))


class _Record:
    """What is kept of a run while it goes on: thinned layers and first arrivals."""

    def __init__(
        self, model: Factorized, frame: Frame, given: Layers, layers: Layers, step: float, threshold: float
    ) -> None:
        self.model, self.frame, self.step = model, frame, step
        seen = model.directions(given)
        self.seen = seen
        self.active, self.level = seen.learns & (seen.amplitudes > 0), threshold * seen.amplitudes
        self.arrivals = np.where(seen.learns & (seen.amplitudes == 0), 0.0, np.nan)
        self.times, self.kept, self.count = [np.zeros(1)], [tuple(layer[None] for layer in layers)], 0
        self.scale = max(1.0, step, float(model.values[0]), *(float(np.abs(layer).max()) for layer in layers))

    def extend(self, chunk: Layers) -> str:
        """Take in the layers after further steps (n, ·, ·); return a reason to stop, or an empty string."""
        reason, length = "", len(chunk[0])
        sizes = np.max([np.abs(layer).max(axis=(-2, -1)) for layer in chunk], axis=0)
        wild = ~(sizes <= DIVERGED * self.scale)
        if wild.any():
            length, reason = int(np.argmax(wild)), "diverged"
        amplitudes = self.frame.amplitudes(self.model, tuple(layer[:length] for layer in chunk))
        done = (amplitudes <= self.level)[:, self.active].all(axis=-1)
        if done.any():
            length, reason = int(np.argmax(done)) + 1, end_of(self.seen)
        for index in np.flatnonzero(np.isnan(self.arrivals) & self.active):
            hit = amplitudes[:length, index] <= self.level[index]
            if hit.any():
                self.arrivals[index] = self.count + 1 + int(np.argmax(hit))
        steps = np.arange(self.count + 1, self.count + 1 + length)
        wanted = np.isin(steps, log_times(self.count + length, RECORDED)) | (steps <= 100)
        self.times.append(steps[wanted].astype(float))
        self.kept.append(tuple(layer[:length][wanted] for layer in chunk))
        self.count += length
        if not reason and length > 2:
            flat = np.concatenate([layer.reshape(length, -1) for layer in chunk], axis=1)
            reason = settled(flat, self.step, self.scale)
        return reason

    def trajectory(self, how: Rule, reason: str) -> LayeredTrajectory:
        layers = tuple(np.concatenate(layer) for layer in zip(*self.kept, strict=True))
        return layered_trajectory(
            self.model,
            how,
            "descent",
            np.concatenate(self.times),
            self.frame.back(layers),
            amplitudes=self.frame.amplitudes(self.model, layers),
            arrivals=self.arrivals,
            extinctions=np.full(len(self.arrivals), np.nan),
            evaluations=self.count,
            reason=reason,
            step=self.step,
        )
