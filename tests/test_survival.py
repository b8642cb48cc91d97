"""Medians over seeds: coverage as stated whatever is censored, and ends that stay open where they must."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulations.survival import median, paired
from theory.checks import ArgumentError


def test_five_runs_that_all_arrive() -> None:
    found = median([5.0, 1.0, 4.0, 2.0, 3.0], [True] * 5)
    assert (found.value, found.low, found.high) == (3.0, 1.0, 5.0)
    assert found.coverage == 1 - 2 / 2**5  # all five on one side of the median
    assert (found.seeds, found.censored) == (5, 0)


def test_eleven_runs_drop_the_outer_one() -> None:
    # 2 · P(Bin(11, ½) ≤ 1) = 24/2048 is below 5 %, 2 · P(Bin(11, ½) ≤ 2) = 134/2048 is not.
    found = median(np.arange(1.0, 12.0), np.ones(11, bool))
    assert (found.value, found.low, found.high) == (6.0, 2.0, 10.0)
    assert found.coverage == pytest.approx(1 - 24 / 2048, rel=1e-14)


@pytest.mark.parametrize(
    ("arrived", "value", "high"),
    [
        ([True, True, True, True, False], 3.0, math.inf),
        ([True, True, False, False, False], None, math.inf),
        ([False, True, True, True, True], None, math.inf),  # ended at 1: its arrival may lie on either side
    ],
)
def test_a_censored_run_opens_what_it_may_move(arrived: list[bool], value: float | None, high: float) -> None:
    found = median([1.0, 2.0, 3.0, 4.0, 5.0], arrived)
    assert (found.value, found.low, found.high) == (value, 1.0, high)
    assert found.censored == arrived.count(False)


def test_the_coverage_is_that_of_many_samples() -> None:
    generator = np.random.default_rng(0)
    held = total = 0
    for _ in range(4000):
        times, limits = generator.exponential(size=7), generator.exponential(2.0, size=7)
        found = median(np.minimum(times, limits), times <= limits)
        held += found.low <= math.log(2) <= found.high
        total += 1
    # The exact coverage is 1 - 2/2⁷ without censoring and more with it; four standard errors of 4,000 draws are .8 %.
    assert held / total > found.coverage - 0.008
    assert found.coverage == 1 - 2 / 2**7


def test_rules_are_compared_seed_by_seed() -> None:
    slow, fast = np.array([50.0, 40.0, 90.0, 60.0, 70.0]), np.array([5.0, 8.0, 3.0, 6.0, 7.0])
    found = paired(slow, [True] * 5, fast, [True] * 5)
    assert (found.ratio.value, found.ratio.low, found.ratio.high) == (10.0, 5.0, 30.0)
    assert (found.slower, found.faster) == (5, 0)
    assert found.p_value == pytest.approx(2 / 2**5, rel=1e-12)


def test_a_censored_pair_counts_only_where_it_is_certain() -> None:
    # The first rule ended at 50 without arriving, the second arrived at 5: more than 10 times as long, and slower.
    # On the second seed the second rule did not arrive by 8: at most 1/2, and faster. On the third nobody arrived.
    found = paired([50.0, 4.0, 9.0], [False, True, False], [5.0, 8.0, 3.0], [True, False, False])
    assert (found.slower, found.faster) == (1, 1)
    assert (found.ratio.low, found.ratio.high, found.ratio.value) == (0.0, math.inf, None)
    assert found.p_value == 1.0


def test_one_run_has_no_interval() -> None:
    found = median([3.0], [True])
    assert (found.value, found.low, found.high, found.coverage) == (3.0, 3.0, 3.0, 0.0)


@pytest.mark.parametrize(
    ("times", "arrived", "said"),
    [
        ([], [], "`times` must be a list of positive numbers"),
        ([1.0, 0.0], [True, True], "`times` must be a list of positive numbers"),
        ([1.0, math.nan], [True, True], "`times` must be a list of positive numbers"),
        ([1.0, 2.0], [True], "`arrived` must hold 2 values"),
    ],
)
def test_bad_times_are_refused(times: list[float], arrived: list[bool], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        median(times, arrived)


def test_unequal_numbers_of_seeds_are_refused() -> None:
    with pytest.raises(ArgumentError, match="`others` must hold 2 times"):
        paired([1.0, 2.0], [True, True], [1.0], [True])
