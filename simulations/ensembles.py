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
from simulations.ensemble_modes import FactorizedModes, RegressionModes, floats
from simulations.mode_runs import Run, Settings
from theory.checks import ArgumentError, inside, number, whole
from theory.rule_ids import rule
from theory.rules import Rule

Array = NDArray[np.float64]
FINEST, COARSEST = 1e-15, 1e-3


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
    found = np.atleast_1d(floats("times", times))
    if found.ndim != 1 or not found.size:
        raise ArgumentError("times", "have the shape (T,)", f"has the shape {found.shape}")
    if not np.isfinite(found).all() or (found < 0).any():
        raise ArgumentError("times", "be finite and not negative", "holds a time that is not")
    if (np.diff(found) <= 0).any():
        raise ArgumentError("times", "ascend", "runs backwards or stands still")
    return found
