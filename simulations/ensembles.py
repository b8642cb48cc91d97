"""Ensembles: thousands of independent scalar modes under one rule, each with its own arrival, extinction and crossing.

>>> modes = FactorizedModes.balanced([1.0, 4.0], 0.01)
>>> ensemble(modes, "egd").extinctions
array([0.9, 1.9])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.engines import chosen
from simulations.factorized_runs import run_factorized
from simulations.mode_runs import Run, Settings, run_regression
from theory.checks import ArgumentError, ArgumentTypeError, inside, number, whole
from theory.modes import GROWING, Path, factorized_path, regression_path
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]
FINEST, COARSEST = 1e-15, 1e-3


@dataclass(frozen=True, eq=False)
class RegressionModes:
    """Directions of regressions, de/dt = −h(λ|e|) sgn e.

    Parameters
    ----------
    rates
        Curvatures λ (n,), or an array that broadcasts with `errors`.
    errors
        Errors e₀ of either sign (n,), or an array that broadcasts with `rates`.

    Raises
    ------
    ArgumentTypeError
        If one of them is no array of numbers.
    ArgumentError
        If they do not broadcast, or are empty.
    """

    rates: Array
    errors: Array

    def __post_init__(self) -> None:
        _broadcast(self, "rates", "errors")

    def path(self, how: Rule) -> Path:
        """The equations under a rule."""
        return regression_path(how)

    def run(self, settings: Settings, members: slice) -> Run:
        """Carry some of the members to their ends."""
        return run_regression(settings, self.rates[members], self.errors[members])

    def __len__(self) -> int:
        return len(self.rates)


@dataclass(frozen=True, eq=False)
class FactorizedModes:
    """Modes of factorised models, dw_l/dt = −h(|g_l|) sgn g_l with g_l = (∏_{m≠l} w_m)(∏ w_m − s).

    Parameters
    ----------
    targets
        Singular values s of the target (n,).
    factors
        Factors w_l at the start, of either sign (L, n).

    Raises
    ------
    ArgumentTypeError
        If one of them is no array of numbers.
    ArgumentError
        If they have not these shapes, or L is less than 2.
    """

    targets: Array
    factors: Array

    def __post_init__(self) -> None:
        targets, factors = _floats("targets", self.targets), _floats("factors", self.factors)
        if targets.ndim != 1 or not targets.size:
            raise ArgumentError("targets", "have the shape (n,)", f"has the shape {targets.shape}")
        if factors.ndim != 2 or len(factors) < 2 or factors.shape[1] != len(targets):
            raise ArgumentError(
                "factors", f"have the shape (L, {len(targets)}) with L ≥ 2", f"has the shape {factors.shape}"
            )
        object.__setattr__(self, "targets", targets)
        object.__setattr__(self, "factors", factors)

    @classmethod
    def balanced(cls, targets: Any, starts: Any, depth: int = 2) -> FactorizedModes:
        """Factors of equal size; the last has the sign of the product.

        Parameters
        ----------
        targets
            Singular values s of the target (n,), or an array that broadcasts with `starts`.
        starts
            Products ∏ w_l at the start, of either sign (n,), or an array that broadcasts with `targets`.
        depth
            Number L of factors, at least 2.

        Raises
        ------
        ArgumentTypeError
            If `targets` or `starts` is no array of numbers.
        ArgumentError
            If they do not broadcast or are empty, or `depth` is not a whole number of at least 2.
        """
        targets, starts = _broadcast_together("targets", targets, "starts", starts)
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < 2:
            raise ArgumentError("depth", "be a whole number of at least 2", f"is {depth!r}")
        factors = np.tile(np.abs(starts) ** (1 / depth), (depth, 1))
        factors[-1] = np.copysign(factors[-1], starts)
        return cls(targets, factors)

    def path(self, how: Rule) -> Path:
        """The equations under a rule, in the regime in which most of a run is spent."""
        return factorized_path(how, len(self.factors), GROWING)

    def run(self, settings: Settings, members: slice) -> Run:
        """Carry some of the members to their ends."""
        return run_factorized(settings, self.targets[members], self.factors[:, members])

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True, eq=False)
class Ensemble:
    """What became of n members under one rule; all times are flow times, NaN where a thing did not happen.

    Parameters
    ----------
    rule, engine
        Id of the rule; ``exact``, ``heyoka`` or ``scipy``.
    arrivals
        First times at which |e| ≤ threshold·|e₀| (n,).
    extinctions
        Times at which the residual has vanished (n,).
    crossings
        How often a factor has passed through zero (n,).
    ended
        Times of the final states (n,): the extinction, the arrival under a rule without, or that of a saddle.
    states
        Final factors or errors (n, k).
    times
        The grid (T,), or None.
    values
        Factors or errors on the grid (n, T, k), or None.
    steps
        Steps of the integrator (n,); 0 for closed forms.
    outcomes
        ``extinct``, ``arrived``, ``saddle`` (two factors reach zero together), ``at rest`` (the gradient is zero from
        the start), or ``failed:`` with the reason (n,).
    """

    rule: str
    engine: str
    arrivals: Array
    extinctions: Array
    crossings: NDArray[np.int64]
    ended: Array
    states: Array
    times: Array | None
    values: Array | None
    steps: NDArray[np.int64]
    outcomes: NDArray[np.str_]

    @property
    def failed(self) -> NDArray[np.int64]:
        """Members that failed."""
        return np.flatnonzero(np.char.startswith(self.outcomes, "failed"))


def ensemble(
    modes: RegressionModes | FactorizedModes,
    how: Rule | str,
    *,
    times: Any = None,
    threshold: float = 1e-3,
    tolerance: float = 1e-13,
    engine: str = "auto",
    chunk: int = 16384,
    progress: Callable[[int, int], None] | None = None,
) -> Ensemble:
    """Integrate every member through its crossings to its extinction, or to its arrival where there is none.

    A member that cannot be integrated is reported in `outcomes`, and the others go on.

    Parameters
    ----------
    modes
        The members.
    how
        A rule that gives each singular value a speed of its own, or its id; also ``newton`` for a regression.
    times
        Flow times at which the states are wanted (T,), ascending from zero or later.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.
    tolerance
        Relative tolerance of the integrator; SciPy goes no finer than 2.3e-14.
    engine
        ``exact`` for closed forms, ``heyoka``, ``scipy``, or ``auto`` for the first of these that can be had.
    chunk
        Members that are in memory at a time.
    progress
        Called with members done and members in all.

    Raises
    ------
    ArgumentError
        If an argument lies outside its domain, or an engine is wanted that cannot be had.
    """
    how = _with_speed(rule(how), modes)
    name, carry = chosen(engine, modes.path(how))
    settings = Settings(how, carry, _tolerance(tolerance), inside("threshold", threshold, 0, 1, "(0, 1)"), _grid(times))
    size, runs = whole("chunk", chunk), []
    for first in range(0, len(modes), size):
        runs.append(modes.run(settings, slice(first, first + size)))
        if progress is not None:
            progress(min(first + size, len(modes)), len(modes))
    return _gathered(how.name, name, settings, runs)


def ensembles(
    modes: RegressionModes | FactorizedModes, rules: Sequence[Rule | str], **options: Any
) -> dict[str, Ensemble]:
    """The same members under several rules.

    Parameters
    ----------
    modes
        The members, n of them.
    rules
        Rules or their ids, each with a speed for every singular value.
    options
        The options of `ensemble`, by name; they hold for all rules.

    Returns
    -------
    dict
        Id of the rule → its ensemble, in the order of `rules`.

    Raises
    ------
    ArgumentError
        As `ensemble`.
    """
    return {one.rule: one for one in (ensemble(modes, how, **options) for how in rules)}


def _gathered(name: str, engine: str, settings: Settings, runs: list[Run]) -> Ensemble:
    def joined(field: str) -> Any:
        return np.concatenate([getattr(run, field) for run in runs], axis=-1)

    return Ensemble(
        rule=name,
        engine=engine,
        arrivals=joined("arrivals"),
        extinctions=joined("extinctions"),
        crossings=joined("crossings"),
        ended=joined("ended"),
        states=joined("states").T,
        times=settings.times,
        values=None if settings.times is None else joined("values").transpose(2, 0, 1),
        steps=joined("steps"),
        outcomes=joined("outcomes").astype(str),
    )


def _with_speed(how: Rule, modes: RegressionModes | FactorizedModes) -> Rule:
    if how.elementwise or (how.kind == "newton" and isinstance(modes, RegressionModes)):
        return how
    raise ArgumentError("how", "give each singular value a speed of its own", f"is {how.name}")


def _tolerance(value: Any) -> float:
    found = number("tolerance", value)
    if not FINEST <= found <= COARSEST:
        raise ArgumentError("tolerance", f"lie between {FINEST:g} and {COARSEST:g}", f"is {found:g}")
    return found


def _grid(times: Any) -> Array | None:
    if times is None:
        return None
    found = np.atleast_1d(_floats("times", times))
    if found.ndim != 1 or not found.size:
        raise ArgumentError("times", "have the shape (T,)", f"has the shape {found.shape}")
    if not np.isfinite(found).all() or (found < 0).any():
        raise ArgumentError("times", "be finite and not negative", "holds a time that is not")
    if (np.diff(found) <= 0).any():
        raise ArgumentError("times", "ascend", "runs backwards or stands still")
    return found


def _floats(name: str, values: Any) -> Array:
    try:
        return np.array(values, float)
    except (TypeError, ValueError):
        raise ArgumentTypeError(name, "be an array of numbers", f"is {values!r}") from None


def _broadcast_together(first: str, one: Any, second: str, other: Any) -> tuple[Array, Array]:
    found = _floats(first, one), _floats(second, other)
    try:
        left, right = np.broadcast_arrays(*found)
    except ValueError:
        shapes = f"{found[0].shape} and {found[1].shape}"
        raise ArgumentError(second, f"broadcast with `{first}`", f"the shapes are {shapes}") from None
    if not left.size:
        raise ArgumentError(first, "hold at least one number", "is empty")
    return left.ravel().copy(), right.ravel().copy()


def _broadcast(modes: Any, first: str, second: str) -> None:
    both = _broadcast_together(first, getattr(modes, first), second, getattr(modes, second))
    for name, values in zip((first, second), both, strict=True):
        object.__setattr__(modes, name, values)
