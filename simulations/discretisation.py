"""Finite steps measured against their flow: order of approach, largest stable step, and what they end in."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from simulations.directions import direction
from simulations.flow import can_flow, flow
from simulations.population import population
from simulations.steps import errors
from theory.checks import ArgumentError, inside, positive, whole
from theory.discretisation import approach, largest_stable_step
from theory.models.linear import LinearModel, checked_start
from theory.models.regression import ERROR, ERROR0, RATE
from theory.residues import Residue, residue
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]
SMALL, LARGER = 1e-9, 1e-6  # sizes of the errors that a stable step brings down, whichever of them it is
TRIED, WINDOW = 400, 20  # steps of a try, and those at its middle and end whose largest error counts
REACH, TRIALS, HALVINGS = 8.0, 20, 36  # factor and number of steps that enclose the limit, and that narrow it down
GONE = 1e-12  # of an error, which rounding then keeps from shrinking
GROWN = 100.0  # times an error, above which it drifts in a cycle that it has run away to
ROUNDING = 1e-11  # of the start error: a distance to the flow below which steps lie on it
SETTLED = 1e-9  # of a step: a change over two steps below which they repeat


@dataclass(frozen=True, eq=False)
class Discretisation:
    """One rule as a function of the step size, from one start.

    Parameters
    ----------
    model, rule
        Their names.
    steps
        Step sizes η in descending order (n,).
    time
        Flow time t at which steps are compared with the flow; None for a rule without a flow.
    distances
        ‖W_k − W(kη)‖ at the whole number of steps k nearest to t/η (n,); empty without a flow.
    leading
        Its derived leading order (n,), zero where the steps lie on the flow; NaN where it is not derived.
    order
        Slope of log distance by log η; None without a flow, infinity where the steps lie on the flow.
    largest_step
        Largest stable step, predicted and measured; None where there is none.
    amplitudes
        Larger |e| of the last two steps along each direction (n, d).
    norms
        Larger spectral norm of the error at the last two steps (n,).
    settled
        Whether the steps then repeat two by two, or rest (n,).
    residues
        What was predicted of them, one per step size.
    """

    model: str
    rule: str
    steps: Array
    time: float | None
    distances: Array
    leading: Array
    order: float | None
    largest_step: tuple[float | None, float | None]
    amplitudes: Array
    norms: Array
    settled: NDArray[np.bool_]
    residues: tuple[Residue, ...]


def discretise(
    model: LinearModel,
    how: Rule | str,
    sizes: Sequence[float],
    start: Array | None = None,
    *,
    time: float | None = None,
    count: int = 5_000,
    seed: int = 0,
) -> Discretisation:
    """Measure a rule's steps as a function of their size, beside what is derived of them.

    Parameters
    ----------
    model
        What is trained.
    how
        A rule or its id.
    sizes
        Step sizes η, at least two.
    start
        Weights (c, d); the model's own start if left out.
    time
        Flow time at which steps are compared with the flow, before its first extinction; a third of the time to
        that, or to the first arrival, if left out.
    count
        Steps after which the run is taken to have ended.
    seed
        For rules that draw at random.

    Raises
    ------
    ArgumentError
        If a step size is not positive or fewer than two are given, or the time is not before the first extinction,
        or the start has not the model's shape.
    """
    how, weights = rule(how), checked_start(model, start)
    steps = np.sort([positive("sizes", size) for size in sizes])[::-1]
    if len(np.unique(steps)) < 2:
        raise ArgumentError("sizes", "hold at least two step sizes", f"holds {len(np.unique(steps))}")
    whole("count", count, WINDOW)
    seen = model.directions(weights)
    until = _time(model, how, weights, time) if can_flow(how) else None
    if until is not None and steps[0] > until:
        raise ArgumentError("sizes", f"be at most the time {until:.6g}", f"holds {steps[0]:.6g}")
    pairs = [] if until is None else [_distance(model, how, weights, size, until) for size in steps]
    distances, leading = np.array(pairs, float).reshape(-1, 2).T
    ends = [_ending(model, how, weights, size, count, seed) for size in steps]
    return Discretisation(
        model=model.name,
        rule=how.name,
        steps=steps,
        time=until,
        distances=distances,
        leading=leading,
        order=None if until is None else fitted_order(steps, distances, float(np.linalg.norm(seen.amplitudes))),
        largest_step=(largest_stable_step(model, how), measured_largest_step(model, how, seed=seed)),
        amplitudes=np.array([np.sqrt(((end @ seen.basis) ** 2).sum(axis=-2)).max(axis=0) for end in ends]),
        norms=np.array([np.linalg.norm(end, 2, axis=(-2, -1)).max() for end in ends]),
        settled=np.array([np.abs(end[2] - end[0]).max() for end in ends]) <= SETTLED * steps,
        residues=tuple(residue(model, how, seen, float(size)) for size in steps),
    )


def _time(model: LinearModel, how: Rule, weights: Array, time: float | None) -> float:
    if time is not None and how.vanishing_power <= 0:
        return positive("time", time)
    path = flow(model, how, weights, rtol=1e-6)
    first = min([*path.restarts, *path.arrivals[path.arrivals > 0]], default=1.0)
    if time is None:
        return first / 3
    first = min([*path.restarts, *path.extinctions[np.isfinite(path.extinctions)]], default=np.inf)
    return inside("time", time, 0, first, f"(0, {first:.6g}), before an extinction")


def _distance(model: LinearModel, how: Rule, weights: Array, step: float, time: float) -> tuple[float, float]:
    """‖W_k − W(kη)‖ at the whole number of steps nearest to a time, and its derived leading order."""
    count = round(time / step)
    (*_, chunk) = errors(population(model).curvature, how, step, weights - model.minimiser, count)
    flowed = _flowed(model, how, weights, count * step)
    return float(np.linalg.norm(chunk[-1] - flowed)), step * _leading(model, how, weights, flowed)


def _flowed(model: LinearModel, how: Rule, weights: Array, time: float) -> Array:
    """The error (c, d) after a flow time, before any extinction: the flow is smooth up to there."""
    curvature, error = population(model).curvature, weights - model.minimiser
    way = direction(how if how.refresh == 1 else Rule(how.name, how.law), curvature)

    def derivative(_: float, flat: Array) -> Array:
        return -way(flat.reshape(error.shape) @ curvature, None)[0].ravel()

    scale = 1e-14 * float(np.abs(error).max())
    found = solve_ivp(derivative, (0.0, time), error.ravel(), method="DOP853", rtol=1e-13, atol=scale)
    return np.asarray(found.y[:, -1].reshape(error.shape))


def _leading(model: LinearModel, how: Rule, weights: Array, flowed: Array) -> float:
    """The derived ‖c‖ of a distance ηc, at the error (c, d) that the flow has by then; NaN where it is not derived."""
    seen = model.directions(weights)
    gradient = (weights - model.minimiser) @ model.curvature
    if how.power == 1 and how.refresh == 1 and np.linalg.matrix_rank(gradient) == len(model.curvature):
        return 0.0  # straight while the gradient has full column rank
    apart = seen.aligned or how.linear
    if not apart or not (how.kind == "newton" or how.elementwise):
        return np.nan
    law = approach(how).function("leading_error", (ERROR, ERROR0, RATE))
    left = flowed @ seen.basis
    now, moves = np.sqrt((left**2).sum(axis=0)), seen.learns & (seen.amplitudes > 0)
    parts = law(now[moves], seen.amplitudes[moves], seen.values[moves])
    return float(np.linalg.norm(np.broadcast_to(parts, int(moves.sum()))))


def fitted_order(steps: Array, distances: Array, scale: float) -> float:
    """Slope of log distance by log step (n,); infinity where every distance is rounding of errors of that size."""
    if (distances <= ROUNDING * scale).all():
        return np.inf
    return float(np.polyfit(np.log(steps), np.log(np.maximum(distances, ROUNDING * scale)), 1)[0])


def _ending(model: LinearModel, how: Rule, weights: Array, step: float, count: int, seed: int) -> Array:
    """The last three errors (3, c, d) of a run; infinite if it has left the range of numbers."""
    run = errors(population(model).curvature, how, step, weights - model.minimiser, count, seed=seed)
    last = np.zeros((0, *weights.shape))
    with np.errstate(over="ignore", invalid="ignore"):
        for chunk in run:
            last = np.concatenate([last, chunk[-3:]])[-3:]
    return np.where(np.isfinite(last), last, np.inf)


def measured_largest_step(model: LinearModel, how: Rule | str, *, seed: int = 0) -> float | None:
    """The step size above which small errors no longer shrink, by bisection; None where there is none.

    It is measured with errors of two sizes. A rule whose step does not shrink with the gradient has a limit for each
    size, in proportion to a power of it, but none that is the rule's own.

    Parameters
    ----------
    model, how
        What is trained, and a rule or its id.
    seed
        Of the errors, and of rules that draw at random.
    """
    how = rule(how)
    error = np.random.default_rng(seed).standard_normal(model.shape)

    def shrinks(step: float, size: float = SMALL) -> bool:
        return _shrinks(model, how, size * error, step, seed)

    grows = not shrinks(1.0)
    edge = _first(shrinks, 1 / REACH) if grows else _first(lambda step: not shrinks(step), REACH)
    if edge is None:
        return None
    low, high = (edge, edge * REACH) if grows else (edge / REACH, edge)
    if shrinks(high, LARGER):
        return None
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if shrinks(middle) else (low, middle)
    return low if shrinks(0.99 * low, LARGER) and not shrinks(1.01 * low, LARGER) else None


def _first(holds: Callable[[float], bool], factor: float) -> float | None:
    """The first of the powers of a factor at which a condition holds; None if they run out."""
    return next((factor**k for k in range(1, TRIALS) if holds(factor**k)), None)


def _shrinks(model: LinearModel, how: Rule, error: Array, step: float, seed: int) -> bool:
    """Whether the error along the fastest direction shrinks from the middle of a run to its end."""
    fastest = model.eigen[1][:, 0]
    run = errors(population(model).curvature, how, step, error, TRIED, seed=seed)
    with np.errstate(over="ignore", invalid="ignore"):
        sizes = np.concatenate([np.linalg.norm(chunk @ fastest, axis=-1) for chunk in run])
    middle, end, first = sizes[TRIED // 2 - WINDOW : TRIED // 2].max(), sizes[-WINDOW:].max(), np.linalg.norm(error)
    return bool(end <= min(max((1 - 1e-9) * middle, GONE * first), GROWN * first))


def gradient_values(model: LinearModel, weights: Array) -> Array:
    """Singular values (T, r) of the gradients at weights (T, c, d), in descending order."""
    return np.asarray(np.linalg.svd(population(model).gradient(weights), compute_uv=False))


def contractions(curvature: Array, step: float, error: Array, count: int, *, last: int) -> tuple[Array, float]:
    """What steps of one length leave of each direction's error, per step, and the spread u of the cycle they end in.

    Parameters
    ----------
    curvature
        Σ + λI (d, d), diagonal, its largest entry first.
    step
        Step size η.
    error
        Start error (c, d); the gradient as a whole is divided by its norm.
    count
        Number of steps.
    last
        Over how many of the last steps the mean is taken; an even number.
    """
    chunks = list(errors(curvature, rule("frobenius"), step, error, count))
    sizes = np.linalg.norm(np.concatenate(chunks), axis=-2)
    left = (sizes[-1] / sizes[-1 - last]) ** (1 / last)
    one, other = itertools.islice(reversed(sizes[:, 0]), 2)
    return left, float(abs(one - other) / (one + other))
