"""Time along gradient descent's path, against integrals that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from theory.path_time import path_clock, path_time

RATES, ERRORS = (2.0, 3e-7), (0.7, 1.3)


def of_squares(start: float, end: float) -> float:
    """∫ Σ (λe)² exp(−2λτ), the clock of h(σ) = 1/σ."""
    return math.fsum(
        rate * e**2 / 2 * (math.exp(-2 * rate * start) - math.exp(-2 * rate * end))
        for rate, e in zip(RATES, ERRORS, strict=True)
    )


@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (0.3, 2e7), (5.0, math.inf)])
def test_the_clock_of_squares_is_integrated_over_seven_decades(start, end):
    clock = path_clock(lambda norm: norm**2, RATES, ERRORS)
    # 1e-12: parts agree to 1e-13 of the whole, and some of them are left
    assert path_time(clock, start, end, RATES, 2.0) == pytest.approx(of_squares(start, end), rel=1e-12)


def test_one_direction_at_unit_speed_takes_its_distance():
    clock = path_clock(lambda norm: norm, (0.25,), (-3.0,))
    assert path_time(clock, 0.0, math.inf, (0.25, 0.25)) == pytest.approx(0.25 * 3 / 0.25, rel=1e-13)


def test_a_kink_is_found_by_halving():
    """max(σ, ½) of σ = e^−τ: ½ until log 2, ½ for what is left of a time of 3."""
    clock = path_clock(lambda norm: np.maximum(norm, 0.5), (1.0,), (1.0,))
    expected = 0.5 + 0.5 * (3 - math.log(2))
    assert path_time(clock, 0.0, 3.0, (1.0, 1.0)) == pytest.approx(expected, rel=1e-12)  # parts agree to 1e-13


def test_nothing_takes_no_time():
    clock = path_clock(lambda norm: norm**0.5, RATES, (0.0, 0.0))
    assert path_time(clock, 1.0, 1.0, RATES, 0.5) == 0.0
    assert path_time(clock, 0.0, math.inf, RATES, 0.5) == 0.0


@pytest.mark.parametrize("power", [0.01, 0.05, 0.5])
def test_a_small_power_is_integrated_to_where_it_vanishes_too(power):
    """Of two rates that are close neither has died while σ^α has not: ∫ e^(−ατ) (1 + e^(−2δτ))^(α/2) dτ as a series."""
    delta = 1 / 600
    terms, factor = [], 1.0
    for k in range(400_000):  # of the binomial series, whose signs alternate
        terms.append(factor / (power + 2 * delta * k))
        factor *= (power / 2 - k) / (k + 1)
    exact = math.fsum(terms[:-1]) + terms[-1] / 2
    clock = path_clock(lambda norm: norm**power, (1 + delta, 1.0), (1 / (1 + delta), 1.0), power)
    assert path_time(clock, 0.0, math.inf, (1 + delta, 1.0), power) == pytest.approx(exact, rel=1e-12)
