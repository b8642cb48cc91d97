"""What one run of a factorised model leaves: the layers, their events, what they conserve, how far they are aligned."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from simulations import plateaus
from simulations.trajectory import ARRAYS, Trajectory
from theory.checks import ArgumentError
from theory.models.factorized import Factorized
from theory.models.factorized_layers import Layers
from theory.models.linear import Directions
from theory.rules import Rule

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Event:
    """A moment at which singular values of layers' gradients vanish.

    Parameters
    ----------
    time
        Flow time.
    kind
        ``extinction`` (the residual vanishes), ``crossing`` (a factor passes through zero), ``saddle`` (two do),
        ``sliding`` (a layer's gradient stays singular) or ``leaving`` (it no longer does).
    count
        Directions it concerns.
    layers
        Layers whose gradients vanish along them, counted from 1 at the input.
    """

    time: float
    kind: str
    count: int
    layers: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class LayeredTrajectory(Trajectory):
    """One run of one rule on a factorised model; `weights` are those of the product.

    Parameters
    ----------
    layers
        Weights of each layer at the recorded times, (T, ·, ·) each.
    misalignment
        Relative commutator of the Gram matrices of neighbours, from the target's inputs over the layers to its
        outputs (T, L + 1): 0 where they share singular directions.
    drift
        Distance of (W_l W_lᵀ)^(1−α/2) − (W_{l+1}ᵀ W_{l+1})^(1−α/2), which a power law with this α conserves once the
        layers are aligned, from its value at the end, relative to its terms (T, L − 1); NaN for other rules.
    events
        What happened, in order.
    """

    layers: Layers
    misalignment: Array
    drift: Array
    events: tuple[Event, ...]

    def save(self, path: str | Path) -> None:
        """Write to an npz file."""
        arrays = {name: getattr(self, name) for name in (*ARRAYS, "misalignment", "drift")}
        arrays |= {f"layer_{index}": layer for index, layer in enumerate(self.layers, 1)}
        record = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in (*arrays, "layers", "events")}
        record["events"] = [asdict(event) for event in self.events]
        np.savez(path, record=json.dumps(record), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a file that `save` wrote.

        Raises
        ------
        ArgumentError
            If the file holds no trajectory of a factorised model.
        """
        try:
            with np.load(path, allow_pickle=False) as found:
                record: dict[str, Any] = json.loads(str(found["record"]))
                arrays = {name: found[name] for name in (*ARRAYS, "misalignment", "drift")}
                layers = tuple(found[f"layer_{index}"] for index in range(1, arrays["misalignment"].shape[1]))
                events = tuple(Event(**{**e, "layers": tuple(e["layers"])}) for e in record.pop("events"))
        except (OSError, KeyError, ValueError, EOFError) as error:
            raise ArgumentError("path", "name a saved trajectory of layers", f"{path} is not one ({error})") from None
        record |= {"ranks": tuple(record["ranks"]), "restarts": tuple(record["restarts"])}
        return cls(**record, **arrays, layers=layers, events=events)


def end_of(seen: Directions) -> str:
    """Why a run ends in which nothing is left to arrive."""
    return "every direction has arrived" if seen.learns.any() else "no direction learns from this start"


def layered_trajectory(
    model: Factorized,
    how: Rule,
    view: str,
    times: Array,
    layers: Layers,
    *,
    amplitudes: Array,
    arrivals: Array,
    extinctions: Array,
    evaluations: int,
    reason: str,
    step: float | None = None,
    ranks: tuple[int, ...] = (),
    events: tuple[Event, ...] = (),
) -> LayeredTrajectory:
    """Measure errors, plateaus, alignment and what is conserved on layers (T, ·, ·) at `times` (T,)."""
    product = model.product(layers)
    decay = 0.5 * model.weight_decay * np.sum([(layer**2).sum(axis=(-2, -1)) for layer in layers], axis=0)
    fit = 0.5 * ((product - model.target) ** 2).sum(axis=(-2, -1))
    train = fit + decay - _least_loss(model) if model.weight_decay else fit
    seen = model.directions(tuple(layer[0] for layer in layers))
    waits = seen.learns & (seen.amplitudes > 0)
    measured: dict[str, float | None] = {plateaus.ARRIVAL_SPREAD: plateaus.spread(arrivals, waits)}
    measured |= plateaus.on_curves(times, train, fit)
    return LayeredTrajectory(
        rule=how.name,
        model=model.name,
        view=view,
        step=step,
        times=times,
        weights=product,
        amplitudes=amplitudes,
        train_error=train,
        test_error=fit,
        singular_values=model.values,
        arrivals=arrivals,
        extinctions=extinctions,
        plateaus=measured,
        ranks=ranks,
        restarts=tuple(event.time for event in events),
        evaluations=evaluations,
        censored=not np.isfinite(arrivals[seen.learns]).all(),
        stop_reason=reason,
        layers=layers,
        misalignment=misalignment(model, layers),
        drift=conserved_drift(model, how, layers, times if view == "flow" else times * (step or 0.0)),
        events=events,
    )


def _least_loss(model: Factorized) -> float:
    """The loss at the balanced minimum."""
    sizes = model.depth * model.reached ** (2 / model.depth)
    return float(0.5 * ((model.reached - model.values) ** 2 + model.weight_decay * sizes).sum())


def misalignment(model: Factorized, layers: Layers) -> Array:
    """Relative commutators of the Gram matrices of neighbours (T, L + 1), from inputs to outputs."""
    target = model.target
    after = [target.T @ target, *(layer @ np.swapaxes(layer, -1, -2) for layer in layers)]
    before = [*(np.swapaxes(layer, -1, -2) @ layer for layer in layers), target @ target.T]
    return np.stack([_commutator(a, b) for a, b in zip(after, before, strict=True)], axis=-1)


def _commutator(a: Array, b: Array) -> Array:
    size = np.linalg.norm(a, axis=(-2, -1)) * np.linalg.norm(b, axis=(-2, -1))
    found = np.linalg.norm(a @ b - b @ a, axis=(-2, -1))
    return np.divide(found, size, out=np.zeros_like(size), where=size > 0)


def conserved_drift(model: Factorized, how: Rule, layers: Layers, times: Array) -> Array:
    """How far the conserved quantity of a power law is from its end (T, L − 1), at flow times (T,)."""
    alpha = float("nan") if how.power is None else float(how.power)
    if not alpha < 2 or (model.weight_decay > 0 and alpha != 0):
        return np.full((len(times), len(layers) - 1), np.nan)
    grown = np.exp(2 * model.weight_decay * (times - times[-1]))[:, None, None]
    found = []
    for low, high in itertools.pairwise(layers):
        below, above = _power(low, 2 - alpha), _power(np.swapaxes(high, -1, -2), 2 - alpha)
        kept = (below - above) * grown
        size = np.linalg.norm(below, axis=(-2, -1)).max() + np.linalg.norm(above, axis=(-2, -1)).max()
        found.append(np.linalg.norm(kept - kept[-1], axis=(-2, -1)) / (size or 1.0))
    return np.stack(found, axis=-1)


def _power(layers: Array, exponent: float) -> Array:
    """(W Wᵀ)^(exponent/2) of weights (T, ·, ·)."""
    left, values, _ = np.linalg.svd(layers, full_matrices=False)
    powers: Array = (left * values[..., None, :] ** exponent) @ np.swapaxes(left, -1, -2)
    return powers
