"""Engines that carry many modes along their clocks: closed forms, heyoka's Taylor series, SciPy's DOP853.

The last two integrate the same equations, compiled, for x_l = log|w_l| and ℓ = log(1 + t/c) with c = dt/dz at the
begin, over the unit interval that maps onto each member's own piece of the clock. All of these stay of the order of
one to a hundred, so one tolerance on their sizes is a relative tolerance on factors and times.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from theory.checks import ArgumentError, known
from theory.derivation import compiled
from theory.modes import CLOCK, Path
from theory.propagators import BEGIN, propagator

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
LANES = 4  # registers of a batch
SHORTEST = 1e-300  # piece of the clock
STACK = 1024  # members that SciPy integrates as one system
MOST_STEPS = 20_000  # of one member on one piece, after which it counts as stuck
MOST_EVALUATIONS = 200_000
LARGEST_STATE = 32.0  # to which logarithms grow
FINEST = 2.3e-14  # SciPy refuses smaller relative tolerances
SPAN, UNIT = sp.symbols("delta c", real=True)
ELAPSED, SHARE = sp.symbols("ell xi", real=True)


@dataclass(frozen=True)
class Pieces:
    """Where each of n members starts on its clock, and how far it goes.

    Parameters
    ----------
    parameters
        Target or curvature (n,).
    begin, end
        Ends of the piece of the clock (n,); an end may lie before its begin.
    logs
        log|w_l| at the begin (L, n), with L = 0 for a regression.
    """

    parameters: Array
    begin: Array
    end: Array
    logs: Array

    def some(self, members: Any) -> Pieces:
        """The pieces of these members."""
        return Pieces(self.parameters[members], self.begin[members], self.end[members], self.logs[:, members])


@dataclass(frozen=True)
class Carried:
    """What became of n members at the ends of their pieces.

    Parameters
    ----------
    logs
        log|w_l| (L, n).
    times
        Flow time that passed (n,); negative for a piece that runs backwards.
    steps
        Steps of the solver (n,).
    done
        Whether the end was reached (n,); where it was not, the other arrays hold no meaning.
    """

    logs: Array
    times: Array
    steps: NDArray[np.int64]
    done: Mask


Engine = Callable[[Path, Pieces, float], Carried]


def derivative(path: Path, parameters: Array, clock: Array, logs: Array) -> tuple[Array, Array]:
    """dx_l/dz (L, n) and dt/dz (n,) on these places of the clock (n,)."""
    arguments = (CLOCK, path.parameter, *path.logs)
    with np.errstate(all="ignore"):
        found = compiled(sp.Tuple(*path.rates, path.slowness), arguments)(clock, parameters, *logs)
    rows = [np.broadcast_to(np.asarray(row, float), clock.shape) for row in found]
    return np.array(rows[:-1]).reshape(logs.shape), np.array(rows[-1])


def chosen(name: str, path: Path) -> tuple[str, Engine]:
    """The engine of that name; ``auto`` is the first of exact, heyoka and SciPy that is at home with the path.

    A law that saturates exponentially is not for heyoka: where its limit is reached to rounding, so are the
    coefficients of its Taylor series.

    Raises
    ------
    ArgumentError
        If the name is unknown, heyoka is wanted and missing, or a closed form is wanted and there is none.
    """
    closed = propagator(path) is not None
    if name == "auto" and closed:
        name = "exact"
    present = importlib.util.find_spec("heyoka") is not None
    if name == "auto":
        name = "heyoka" if present and np.isinf(path.longest) else "scipy"
    known("engine", name, ("auto", *ENGINES))
    if name == "exact" and not closed:
        raise ArgumentError("engine", "be heyoka or scipy where no closed form exists", "is exact")
    if name == "heyoka" and not present:
        raise ArgumentError("engine", "be installed (the extra `fast` brings heyoka)", "heyoka is not")
    return name, ENGINES[name]


def by_heyoka(path: Path, pieces: Pieces, tolerance: float) -> Carried:
    """Taylor series of high order, several members to a SIMD register, each with steps of its own."""
    integrator = integrator_for(path, tolerance)
    units, carried = _prepared(path, pieces)
    members = _by_length(pieces, carried)
    if members.size:
        width = integrator.batch_size
        filled = np.arange(-(-len(members) // width) * width)  # the last batch repeats its last member
        batches = members[np.minimum(filled, len(members) - 1)].reshape(-1, width)
        failed = _batches(integrator, path, pieces, units, batches, carried)
        if failed.size:  # one that fails holds up the others of its batch: each on its own
            alone = np.repeat(np.unique(failed)[:, None], width, axis=1)
            _batches(integrator, path, pieces, units, alone, carried)
    return _finished(carried, units)


def _batches(
    integrator: Any, path: Path, pieces: Pieces, units: Array, batches: NDArray[np.int64], carried: Carried
) -> NDArray[np.int64]:
    """Carry batches of members (b, width) along; returns the members of those batches in which one failed."""
    own = pieces.some(batches)
    span = own.end - own.begin
    values = np.stack([own.parameters, own.begin, span, units[batches]], axis=1)
    ends = np.concatenate([own.logs, np.zeros((1, *batches.shape))]).swapaxes(0, 1).copy()
    reports: list[Any] = []
    options: dict[str, Any] = {"max_steps": MOST_STEPS}
    for number, value in enumerate(values):
        integrator.set_time(0.0)
        integrator.state[:], integrator.pars[:] = ends[number], value
        if np.isfinite(path.longest):
            options["max_delta_t"] = path.longest / np.maximum(np.abs(span[number]), SHORTEST)
        integrator.propagate_until(1.0, **options)
        ends[number] = integrator.state
        reports += integrator.propagate_res
    reached = np.array([report[0] == type(report[0]).time_limit for report in reports]).reshape(batches.shape)
    carried.logs[:, batches], carried.times[batches] = ends[:, :-1].swapaxes(0, 1), ends[:, -1]
    carried.steps[batches] = np.reshape([report[3] for report in reports], batches.shape)
    carried.done[batches] = reached
    return batches[~reached.all(axis=1)]


def _by_length(pieces: Pieces, carried: Carried) -> NDArray[np.int64]:
    """The members that can start, those with pieces of nearly the same length next to each other."""
    members = np.flatnonzero(carried.done)
    ordered: NDArray[np.int64] = members[np.argsort(np.abs(pieces.end - pieces.begin)[members], kind="stable")]
    return ordered


def _prepared(path: Path, pieces: Pieces) -> tuple[Array, Carried]:
    """The unit of time of each member, and a record in which those that cannot start are marked."""
    units = derivative(path, pieces.parameters, pieces.begin, pieces.logs)[1]
    starts = np.isfinite(units) & (units > 0) & np.isfinite(pieces.end) & np.isfinite(pieces.logs).all(axis=0)
    count = len(units)
    return units, Carried(np.full_like(pieces.logs, np.nan), np.full(count, np.nan), np.zeros(count, int), starts)


def _finished(carried: Carried, units: Array) -> Carried:
    """The record with log(1 + t/c) turned into time."""
    with np.errstate(all="ignore"):
        times = units * np.expm1(carried.times)
    sound = carried.done & np.isfinite(times) & np.isfinite(carried.logs).all(axis=0)
    return Carried(carried.logs, times, carried.steps, sound)


@functools.cache
def integrator_for(path: Path, tolerance: float) -> Any:
    """Heyoka's integrator for a path, compiled once.

    Raises
    ------
    ArgumentError
        If the law holds a function that heyoka cannot take.
    """
    import heyoka

    names = [str(symbol) for symbol in (*path.logs, ELAPSED)]
    states = heyoka.make_vars(*names) if len(names) > 1 else [heyoka.make_vars(*names)]
    meaning = dict(zip((*path.logs, ELAPSED), states, strict=True))
    places = {symbol: heyoka.par[i] for i, symbol in enumerate((path.parameter, BEGIN, SPAN, UNIT))}
    equations = [
        rate.subs(CLOCK, BEGIN + SPAN * SHARE) * SPAN for rate in (*path.rates, path.slowness * sp.exp(-ELAPSED) / UNIT)
    ]
    try:
        system = [heyoka.from_sympy(_rounded(one), {**meaning, **places, SHARE: heyoka.time}) for one in equations]
    except (TypeError, ValueError) as error:
        raise ArgumentError("engine", "be scipy for a law that heyoka cannot take", f"is heyoka: {error}") from None
    width = LANES * heyoka.recommended_simd_size()
    return heyoka.taylor_adaptive_batch(
        list(zip(states, system, strict=True)),
        np.zeros((len(states), width)),
        pars=np.ones((4, width)),
        tol=max(tolerance / LARGEST_STATE, float(np.finfo(float).eps)),  # heyoka measures by the largest state
        force_avx512=True,
        fast_math=True,
    )


def _rounded(expression: Any) -> sp.Expr:
    """The same expression with its numbers in double precision, which is what heyoka takes."""
    numbers = sp.sympify(expression).atoms(sp.Rational, sp.NumberSymbol)
    return sp.sympify(expression).xreplace({n: sp.Float(n, 15) for n in numbers if not n.is_Integer})


def by_scipy(path: Path, pieces: Pieces, tolerance: float) -> Carried:
    """DOP853 on stacks of members, with the step that the most demanding of them needs."""
    units, carried = _prepared(path, pieces)
    members = _by_length(pieces, carried)
    for first in range(0, len(members), STACK):
        _stack(path, pieces, tolerance, units, members[first : first + STACK], carried)
    return _finished(carried, units)


class _StuckError(Exception):
    """Too many evaluations."""


def _stack(
    path: Path, pieces: Pieces, tolerance: float, units: Array, members: NDArray[np.int64], carried: Carried
) -> None:
    """Integrate these members together; where that fails, each half of them."""
    own, unit, evaluations = pieces.some(members), units[members], 0
    span, shape = own.end - own.begin, (len(pieces.logs) + 1, len(members))

    def rates(share: float, state: Array) -> Array:
        nonlocal evaluations
        evaluations += 1
        if evaluations > MOST_EVALUATIONS:
            raise _StuckError
        rows = state.reshape(shape)
        logs, slowness = derivative(path, own.parameters, own.begin + share * span, rows[:-1])
        with np.errstate(all="ignore"):
            return (np.concatenate([logs, [slowness * np.exp(-rows[-1]) / unit]]) * span).ravel()

    start = np.concatenate([own.logs, np.zeros((1, len(members)))]).ravel()
    steps = 0
    try:
        with np.errstate(all="ignore"):
            found = solve_ivp(rates, (0.0, 1.0), start, method="DOP853", rtol=FINEST, atol=tolerance)
        reached, steps = found.success and bool(np.isfinite(found.y[:, -1]).all()), len(found.t) - 1
    except _StuckError:
        reached = False
    if reached:
        end = found.y[:, -1].reshape(shape)
        carried.logs[:, members], carried.times[members] = end[:-1], end[-1]
    elif len(members) > 1:
        for half in np.array_split(members, 2):
            _stack(path, pieces, tolerance, units, half, carried)
        return
    carried.steps[members], carried.done[members] = steps, reached


def by_closed_form(path: Path, pieces: Pieces, tolerance: float) -> Carried:
    """The propagator of a path that has one; exact, whatever the tolerance."""
    expressions = propagator(path)
    assert expressions is not None
    arguments = (CLOCK, BEGIN, path.parameter, *path.logs)
    with np.errstate(all="ignore"):
        found = compiled(expressions, arguments)(pieces.end, pieces.begin, pieces.parameters, *pieces.logs)
    rows = np.array([np.broadcast_to(np.asarray(row, float), pieces.begin.shape) for row in found])
    return Carried(rows[:-1], rows[-1], np.zeros(len(pieces.begin), int), np.isfinite(rows).all(axis=0))


ENGINES: dict[str, Engine] = {"exact": by_closed_form, "heyoka": by_heyoka, "scipy": by_scipy}
