"""Predicted curves: the error along each direction, and the test error, as functions of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from theory.clock import pace as clock_pace
from theory.derivation import compiled
from theory.discretisation import largest_stable_step
from theory.factorized_curves import factorized_amplitudes
from theory.geometry import EPSILON, THETA, W1, W2, error_law
from theory.models.factorized import Factorized
from theory.models.folded import Folded
from theory.models.linear import Directions, LinearModel
from theory.models.regression import Regression
from theory.models.wedge import Wedge
from theory.rules import SIGMA, Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

POINTS = 400


@dataclass(frozen=True, eq=False)
class Curve:
    """A predicted run.

    Parameters
    ----------
    times
        Flow times or steps (T,).
    amplitudes
        |e| of each direction (T, d).
    test_error
        Test error (T,), or None where the prediction does not reach it.
    weights
        Weights (T, 1, 2) of a linear classifier of the plane; None for other models.
    """

    times: Array
    amplitudes: Array
    test_error: Array | None
    weights: Array | None = None


def predict_curve(
    model: LinearModel | Factorized, rule: Rule, view: str, start: Any, end: float, *, step: float | None = None
) -> Curve | None:
    """The predicted run up to a time `end`, or None where no derivation gives one."""
    import numpy as np

    if isinstance(model, Factorized):
        return _factorized(model, rule, view, start, end, step)

    limit = largest_stable_step(model, rule) if view == "descent" else None
    if not end > 0 or (limit is not None and step is not None and step >= limit):
        return None
    seen = model.directions(start)
    first = 1.0 if view == "descent" else min(end * 1e-5, 1e-2 / float(seen.values[0]))
    grid = np.concatenate([[0.0], np.geomspace(min(first, end), end, POINTS)])
    if view == "descent":
        grid = np.unique(grid.round())
    found = _amplitudes(model, seen, rule, view, grid, end, step)
    if found is None:
        return None
    times, left = found
    amplitudes = np.where(seen.learns, left, 1.0) * seen.amplitudes
    weights = None
    if isinstance(model, Folded | Wedge):
        error = ((start - model.minimiser) @ seen.basis * left) @ seen.basis.T
        weights = (model.minimiser + error)[:, None]
    return Curve(times, np.abs(amplitudes), _test_error(model, seen, weights, left), weights)


def _factorized(model: Factorized, rule: Rule, view: str, start: Any, end: float, step: float | None) -> Curve | None:
    """The predicted modes of a balanced start, where a solution was derived for each that learns."""
    import numpy as np

    if not end > 0:
        return None
    grid = np.concatenate([[0.0], np.geomspace(min(1.0 if view == "descent" else end * 1e-5, end), end, POINTS)])
    grid = np.unique(grid.round()) if view == "descent" else grid
    found = factorized_amplitudes(model, rule, view, start, grid, step)
    if found is None:
        return None
    errors = found - model.reached
    whole = bool(model.directions(start).learns.all())
    fit = 0.5 * ((found - model.values) ** 2).sum(axis=-1) if whole else None
    return Curve(grid, np.abs(errors), fit)


def _amplitudes(
    model: LinearModel, seen: Directions, rule: Rule, view: str, grid: Array, end: float, step: float | None
) -> tuple[Array, Array] | None:
    """What is left of each error, relative to its start (T, d)."""
    import numpy as np

    rates = np.ones_like(seen.values) if rule.kind == "newton" else seen.values
    if rule.kind == "newton" or rule.power == 0:
        if view == "flow":
            return grid, np.exp(-rates * grid[:, None])
        return grid, (1 - (step or 0.0) * rates) ** grid[:, None]
    single = model.shape[0] == 1 or rule.isotropic
    if view == "flow" and rule.law is not None and single:
        return _by_clock(seen, rule, end)
    if not seen.aligned or rule.power is None or (view == "descent" and rule.power != 1):
        return None
    if view == "descent":
        return _equal_steps(seen, grid, step or 0.0)
    alpha = float(rule.power)
    safe = np.where(seen.learns & (seen.amplitudes > 0), seen.amplitudes, 1.0)
    line = safe**alpha - alpha * np.where(seen.values > 0, seen.values, 1.0) ** (1 - alpha) * grid[:, None]
    return grid, np.maximum(line, 0.0) ** (1 / alpha) / safe


def _equal_steps(seen: Directions, grid: Array, step: float) -> tuple[Array, Array]:
    """EGD's steps along a line: e₀ − kη to the last step before the sign changes, then to and fro."""
    import numpy as np

    safe = np.where(seen.amplitudes > 0, seen.amplitudes, 1.0)
    last = np.floor(safe / step)
    rest = safe - last * step
    beyond = np.where((grid[:, None] - last) % 2 == 0, rest, rest - step)
    return grid, np.where(grid[:, None] <= last, safe - grid[:, None] * step, beyond) / safe


def _by_clock(seen: Directions, rule: Rule, end: float) -> tuple[Array, Array]:
    """Gradient descent's path, with the time at each point of it integrated from the clock."""
    import numpy as np
    from scipy.integrate import cumulative_simpson

    rates, errors = seen.values, seen.amplitudes
    active = rates * errors > 0
    path = np.concatenate([[0.0], np.geomspace(1e-6 / rates[0], 60 / rates[active].min(), 40 * POINTS)])
    norm = np.sqrt((rates * errors * np.exp(-rates * path[:, None])) ** 2 @ np.ones_like(rates))
    pace = compiled(clock_pace(rule), (SIGMA,))(np.maximum(norm, 1e-300))
    pace = np.broadcast_to(pace, norm.shape)
    times = np.concatenate([[0.0], cumulative_simpson(pace, x=path)])
    kept = np.flatnonzero(times <= end * (1 + 1e-9))
    kept = np.unique(kept[np.linspace(0, len(kept) - 1, 4 * POINTS).astype(int)])
    return times[kept], np.exp(-rates * path[kept, None])


def _test_error(model: LinearModel, seen: Directions, weights: Array | None, left: Array) -> Array | None:
    """The test error of the predicted weights."""
    import numpy as np

    if weights is not None:
        assert isinstance(model, Folded | Wedge)
        w1, w2 = weights[:, 0].T
        law = compiled(error_law(), (W1, W2, EPSILON, THETA))
        return np.asarray(law(w1, w2, model.epsilon, model.theta), float)
    if isinstance(model, Regression) and model.test is None and model.weight_decay == 0:
        unlearned = np.where(seen.learns, left, 1.0)
        return 0.5 * ((unlearned * seen.amplitudes) ** 2).sum(axis=-1)
    return None
