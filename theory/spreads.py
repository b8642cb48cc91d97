"""Arrivals and their spread over whole arrays of members: the laws of `theory.predictions`, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from theory.checks import known
from theory.derivation import VIEWS
from theory.members import Members
from theory.models import folded_chain, regression, regression_chain
from theory.rule_ids import rule
from theory.rules import Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def folded_lengths(how: Rule | str, view: str, found: Members, threshold: float = 1e-3) -> dict[str, Array]:
    """Spread of the arrivals, and the leading order of the plateau, of folded models (n,): steps, or flow time.

    Parameters
    ----------
    how
        Gradient descent or Newton's rule, or its id.
    view
        ``descent`` or ``flow``.
    found
        The models.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.

    Returns
    -------
    dict
        Definition → lengths (n,); NaN where there is no such length.

    Raises
    ------
    ArgumentError
        For another rule, or a view that is not known.
    """
    import numpy as np

    from theory.plateaus import ARRIVAL_SPREAD, LEADING_ORDER

    chain = folded_chain.derive(rule(how), known("view", view, VIEWS))
    law = found.laws(chain)
    with np.errstate(divide="ignore", invalid="ignore"):
        products = [found.step * law(f"contraction_{side}") for side in ("fast", "slow")]
        stable = np.maximum(*products) < 2 if view == "descent" else np.ones(len(found), bool)
        rates = [_left(p) for p in products] if view == "descent" else [-p / found.step for p in products]
        ends = [np.log(threshold) / rate for rate in rates]
        if view == "descent":
            ends = [np.maximum(1.0, np.ceil(end)) for end in ends]
        both = stable & (law("error_fast") != 0) & (law("error_slow") != 0)
        lengths = {ARRIVAL_SPREAD: np.where(both, np.abs(ends[0] - ends[1]), np.nan)}
        if "leading" in chain.laws:
            single = stable & (found.start_slow > 0) & ((view == "flow") | (products[1] < 1))
            lengths[LEADING_ORDER] = np.where(single, np.maximum(0.0, law("leading")), np.nan)
    return lengths


def regression_spreads(
    how: Rule | str,
    view: str = "descent",
    *,
    rates: Array,
    errors: Array,
    step: Any = 0.1,
    threshold: float = 1e-3,
) -> Array:
    """From the fastest to the slowest arrival of aligned regressions (n,): steps, or flow time.

    Parameters
    ----------
    how
        A rule with a law of arrival for each direction apart, or its id.
    view
        ``descent`` or ``flow``.
    rates
        Eigenvalues of the curvature Σ + λI (n, d), all positive.
    errors
        Sizes of the errors along the directions (n, d), all positive.
    step
        Step sizes, a number or (n,).
    threshold
        An arrival is |e| ≤ threshold·|e₀|.

    Returns
    -------
    Array
        NaN where a direction never arrives, and where there is but one.

    Raises
    ------
    ArgumentError
        If no such law exists for this rule and view.
    """
    import numpy as np

    how = rule(how)
    chain = regression_chain.derive(how, known("view", view, VIEWS))
    size = np.broadcast_to(np.asarray(step, float).reshape(-1, 1), rates.shape)
    symbols = (regression.RATE, regression.ERROR0, regression.THRESHOLD, regression.ETA, regression.CONTRACTION)
    contraction = np.full(rates.shape, -1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if view == "descent" and how.power != 1:
            product = chain.function("product", symbols)(rates, errors, threshold, size, contraction)
            contraction = _left(np.broadcast_to(np.asarray(product, float), rates.shape))
        arrivals = np.asarray(chain.function("arrival", symbols)(rates, errors, threshold, size, contraction), float)
        arrivals = np.broadcast_to(arrivals, rates.shape)
        if view == "descent":
            arrivals = np.maximum(1.0, np.ceil(arrivals))
            missed = contraction >= 0
            if how.power == 1:
                missed = np.abs(errors - arrivals * size) > threshold * errors
            arrivals = np.where(missed, np.nan, arrivals)
    spread: Array = arrivals.max(axis=1) - arrivals.min(axis=1)
    return spread if rates.shape[1] > 1 else np.full_like(spread, np.nan)


def separate(how: Rule, view: str) -> bool:
    """Whether `regression_spreads` has a law for this rule and view."""
    if view == "descent":
        return how.kind == "newton" or how.power in (0, 1)
    return how.kind == "newton" or how.power is not None


def _left(product: Array) -> Array:
    """log|1 − ηλ|, what a step leaves of an error."""
    import numpy as np

    return np.where(product < 1, np.log1p(-np.minimum(product, 1.0)), np.log(np.abs(product - 1)))
