"""Natural gradient over-corrects: medians over starts, derived and iterated."""

import numpy as np
import pytest

from simulations.natural_steps import cauchy_starts, errors_after
from theory import natural_steps as module
from theory.checks import ArgumentError
from theory.natural_steps import median_bounds, natural_steps, outgrown


@pytest.mark.parametrize("step", natural_steps().steps, ids=lambda step: step.name)
def test_sympy_confirms_each_step(step):
    assert step.holds


def test_a_wrong_distribution_is_not_confirmed(monkeypatch):
    density = module.cauchy
    monkeypatch.setattr(module, "cauchy", lambda x, scale: density(x, scale**2))
    broken = natural_steps.__wrapped__()
    assert [step.name for step in broken.steps if not step.holds] == ["Cauchy to Cauchy"]


@pytest.mark.parametrize("start", [0.05, 1.0])
def test_medians_lie_between_the_bounds(start):
    rate, step, counts = 0.3, 0.01, np.array([1, 3, 10, 30, 100, 300])
    found = np.median(errors_after(rate, step, cauchy_starts(start, 20_000, 1), 300)[counts], axis=1)
    least, most = median_bounds(rate, step, counts, start)
    room = 4 * np.pi / 2 / np.sqrt(20_000)  # four deviations of the median of |Cauchy|, relative
    assert (found > least * (1 - room)).all() and (found < most * (1 + room)).all()
    assert most[-1] < 1.02 * least[-1]


@pytest.mark.parametrize("step", [1e-3, 2.5e-4])
def test_the_slow_error_is_out_again_when_the_fast_one_arrives(step):
    """Whatever the step, and from starts that are not Cauchy: 4,000 of them."""
    starts = np.random.default_rng(0).uniform(0.9, 1.1, 4000)
    found = np.median(errors_after(0.01, step, starts, round(0.5 / step))[-1])
    assert found == pytest.approx(outgrown(1.0, 0.01), rel=0.1)  # four deviations of the median
    assert outgrown(1.0, 0.01) == pytest.approx(np.sqrt(99))


def test_bad_numbers_are_refused():
    with pytest.raises(ArgumentError, match="`start` must be positive"):
        median_bounds(1.0, 0.1, [1], 0.0)
    with pytest.raises(ArgumentError, match="`counts` must be a whole number of at least 1"):
        median_bounds(1.0, 0.1, [0, 1], 1.0)
    with pytest.raises(ArgumentError, match="`slow` must be at most the fast curvature, 1, but is 2"):
        outgrown(1, 2)
