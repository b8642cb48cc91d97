"""What the derivations predict for one model, rule, view and start: arrivals, extinctions, plateaus.

Each number evaluates a derived expression (or finds the root of one); nothing here steps or integrates the
dynamics, and nothing is shared with `simulations` but the model itself.
"""

from __future__ import annotations

from typing import Any

from theory import factorized_predictions, planar, regression_predictions
from theory.chains import derived
from theory.checks import ArgumentError, known
from theory.discretisation import largest_stable_step
from theory.models.factorized import Factorized
from theory.models.folded import Folded
from theory.models.linear import Directions, LinearModel, checked_start
from theory.models.wedge import Wedge
from theory.prediction import Prediction
from theory.rule_ids import rule as named
from theory.rules import Rule


def predict(
    model: LinearModel | Factorized,
    rule: Rule | str,
    view: str,
    start: Any,
    *,
    step: float | None = None,
    threshold: float = 1e-3,
) -> Prediction:
    """Predict a run of `rule` from the weights `start`.

    Parameters
    ----------
    model, rule
        What is trained, and how.
    view
        ``flow`` (numbers in flow time) or ``descent`` (numbers in steps).
    start
        Weights (c, d), (d,) for one output, or the layers of a factorised model.
    step
        Step size of a descent.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.

    Raises
    ------
    ArgumentError
        If there is no such rule or view, a descent has no step, or the start has not the model's shape or holds NaN
        or Inf.
    """
    rule = named(rule)
    if known("view", view, ("flow", "descent")) == "descent" and step is None:
        raise ArgumentError("step", "be given for a descent", "is missing")
    if isinstance(model, Factorized):
        return factorized_predictions.predict(model, rule, view, start, step=step, threshold=threshold)
    start = checked_start(model, start)
    seen = model.directions(start)
    limit = largest_stable_step(model, rule) if view == "descent" else None
    if limit is not None and step is not None and step >= limit:
        return _nothing(seen, limit)
    if isinstance(model, Folded | Wedge):
        chain = derived(model.derive, rule, view)
        if chain is None:
            return _nothing(seen, limit)
        return planar.predict(model, chain, rule, view, start, step=step, threshold=threshold, limit=limit)
    outputs = model.shape[0]
    return regression_predictions.predict(seen, rule, view, step, threshold, limit, single=outputs == 1)


def _nothing(seen: Directions, limit: float | None) -> Prediction:
    empty = (None,) * len(seen.values)
    return Prediction(empty, empty, {}, limit)
