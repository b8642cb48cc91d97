"""Times to arrival over seeds, some of them censored: medians with intervals, and rules compared seed by seed.

A run that ended before it arrived is known to take longer than it did. It counts as its last time where a lower bound
is wanted and as infinite where an upper one is, so that censoring opens an interval and never moves it. Intervals are
those of order statistics: right for any continuous distribution, at whatever number of seeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from theory.checks import ArgumentError, inside

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Median:
    """A median over seeds with its interval.

    Parameters
    ----------
    value
        The median, None where censored runs leave it open.
    low, high
        The ends of the interval, zero or infinite where censored runs leave them open.
    coverage
        The probability that such an interval holds the median of the distribution: as asked for or above, or that of
        the widest interval where too few seeds give no more.
    seeds, censored
        The number of seeds, and on how many of them a run did not arrive.
    """

    value: float | None
    low: float
    high: float
    coverage: float
    seeds: int
    censored: int


@dataclass(frozen=True)
class Paired:
    """How many times as long one rule takes as another on the same seeds.

    Parameters
    ----------
    ratio
        The median of the ratios, a pure number.
    slower, faster
        On how many seeds the first rule certainly takes longer than the second, and on how many less long.
    p_value
        That of the two-sided sign test.
    """

    ratio: Median
    slower: int
    faster: int
    p_value: float


def median(times: Any, arrived: Any, confidence: float = 0.95) -> Median:
    """The median time to arrival, in the unit of the times.

    Parameters
    ----------
    times
        Positive times (n,): of arrival, or of the end of a run that did not arrive.
    arrived
        Whether each run arrived (n,).
    confidence
        The coverage asked for, in (0, 1).

    Raises
    ------
    ArgumentError
        If there are no runs, a time is not positive, the lengths differ, or `confidence` is not in (0, 1).
    """
    ends, seen = _checked(times, arrived)
    return _median(ends, np.where(seen, ends, np.inf), seen, confidence)


def paired(times: Any, arrived: Any, others: Any, others_arrived: Any, confidence: float = 0.95) -> Paired:
    """One rule's times (n,) by another's on the same n seeds, in the same order.

    Parameters
    ----------
    times, arrived
        As for `median`, of the first rule.
    others, others_arrived
        The same of the second.
    confidence
        As for `median`.

    Raises
    ------
    ArgumentError
        As for `median`, and if the two rules have not the same number of runs.
    """
    (ends, seen), (against, met) = _checked(times, arrived), _checked(others, others_arrived)
    if len(ends) != len(against):
        raise ArgumentError("others", f"hold {len(ends)} times, one for each seed", f"holds {len(against)}")
    low = np.where(met, ends / against, 0.0)
    high = np.where(seen, ends / against, np.inf)
    slower, faster = int((low > 1).sum()), int((high < 1).sum())
    test = float(stats.binomtest(slower, slower + faster).pvalue) if slower + faster else 1.0
    return Paired(_median(low, high, seen & met, confidence), slower, faster, test)


def _checked(times: Any, arrived: Any) -> tuple[Array, NDArray[np.bool_]]:
    ends, seen = np.asarray(times, float), np.asarray(arrived, bool)
    if ends.ndim != 1 or ends.size == 0 or not (ends > 0).all() or not np.isfinite(ends).all():
        raise ArgumentError("times", "be a list of positive numbers", f"is {np.array2string(ends, threshold=4)}")
    if seen.shape != ends.shape:
        raise ArgumentError("arrived", f"hold {len(ends)} values, one for each time", f"holds {seen.size}")
    return ends, seen


def _median(low: Array, high: Array, arrived: NDArray[np.bool_], confidence: float) -> Median:
    """The median of n values that lie between low (n,) and high (n,)."""
    wanted, count = inside("confidence", confidence, 0, 1, "(0, 1)"), len(low)
    below = stats.binom.cdf(np.arange((count + 1) // 2), count, 0.5)  # that so many or fewer lie below the median
    dropped = max(int((2 * below <= 1 - wanted).sum()) - 1, 0)
    middle = float(np.median(low))
    return Median(
        middle if middle == np.median(high) else None,
        float(np.sort(low)[dropped]),
        float(np.sort(high)[count - 1 - dropped]),
        float(1 - 2 * below[dropped]) if count > 1 else 0.0,
        count,
        int((~arrived).sum()),
    )
