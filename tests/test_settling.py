"""How long a single output takes to settle at a finite step, derived and iterated."""

import numpy as np
import pytest

from simulations.descent import descend
from theory import settling as module
from theory.checks import ArgumentError
from theory.models.folded import Folded
from theory.settling import settling, settling_steps


def iterated(rates, errors, step, threshold, most=200_000):
    """Steps of length η until the slow error is small."""
    error, slow = np.array(errors), threshold * abs(errors[1])
    for count in range(most):
        if abs(error[1]) <= slow:
            return count
        gradient = np.array(rates) * error
        error = error - step * gradient / np.hypot(*gradient)
    raise AssertionError("did not settle")


@pytest.mark.parametrize("step", settling().steps, ids=lambda step: step.name)
def test_sympy_confirms_each_step(step):
    assert step.holds


def test_a_wrong_cycle_is_not_confirmed(monkeypatch):
    cycle = module.rescaled_cycle()
    laws = cycle.laws | {"norm": 2 * cycle.laws["norm"], "slow_left": cycle.laws["slow_left"] ** 2}
    wrong = type(cycle)(cycle.model, cycle.rule, cycle.view, cycle.steps, laws)
    monkeypatch.setattr(module, "rescaled_cycle", lambda: wrong)
    broken = settling.__wrapped__()
    assert [step.name for step in broken.steps if not step.holds] == ["fast error", "steps with an exit"]


def test_steps_to_the_end_of_the_slow_error():
    """Fifty random starts and steps, λ/λ₁ from 1e-3 to 1e-2: half are met to 0.2 %, and each to 3 %."""
    rng, wrong, kinds = np.random.default_rng(3), [], set()
    while len(wrong) < 50:
        fast = 10 ** rng.uniform(-0.5, 0.5)
        rates = fast, fast * 10 ** rng.uniform(-3, -2)
        step, threshold = 10 ** rng.uniform(-3, -1), 10 ** rng.uniform(-3, -1)
        errors = rng.uniform(0.5, 2), 10 ** rng.uniform(-1, 0.5)
        found = settling_steps(rates, errors, step, threshold)
        if found is not None:
            kinds.add(min(2, int(rates[1] * errors[1] / (step * rates[0] / 2))))
            wrong.append(abs(found / iterated(rates, errors, step, threshold) - 1))
    assert kinds == {0, 1, 2}  # in the alternation from the start on, back to it, and never
    assert np.median(wrong) < 2e-3 and max(wrong) < 0.03


def test_the_number_of_steps_goes_with_the_start_only_where_it_is_large():
    """Below ηλ₁/2λ it is the ratio of the rates that counts, and the alternation u; above ηλ₁/λ the size."""
    rates, step = (1.0, 1e-3), 0.02
    small = [settling_steps(rates, (0.51, size), step) for size in (0.01, 0.1, 1.0)]  # u = 0
    assert small[2] == pytest.approx(small[0]) == pytest.approx(np.log(1e3) / 2e-3, rel=0.01)
    swinging = settling_steps(rates, (0.505, 0.01), step)  # u = ½
    assert swinging / small[0] == pytest.approx(1 - 0.5**2, abs=0.01)
    large = [settling_steps(rates, (0.505 * part, 30.0 * part), step, 1e-2) for part in (1, 2)]
    assert large[1] / large[0] == pytest.approx(2)
    assert iterated(rates, (0.505, 30.0), step, 1e-2) == pytest.approx(large[0], rel=2e-3)


def test_steps_on_the_folded_model():
    model, step = Folded(epsilon=2e-3), 1e-3  # below λ₂u₂/λ₁
    start = model.start((1.0, 3.0))
    errors = (start - model.minimiser)[0]
    found = settling_steps(tuple(model.curvature.diagonal()), tuple(errors), step, 1e-2)
    assert descend(model, "egd", step, start, threshold=1e-2).arrivals[1] == pytest.approx(found, rel=2e-3)


@pytest.mark.parametrize(
    ("errors", "step", "why"),
    [
        ((1.0, 3.0), 0.3, "the alternation begins near zero"),
        ((1.01, 3.0), 3e-3, "2n is as far as the slow part"),
        ((1.0, 10.0), 5e-3, "the last step is longer than what is to be left"),
    ],
)
def test_nothing_is_predicted_where_no_law_holds(errors, step, why):
    if "alternation" in why:
        assert settling_steps((1.0, 1e-2), (0.3, 3.0), step) is None
    elif "2n" in why:
        assert settling_steps((1.0, 1e-3), errors, step) is None
    else:
        assert settling_steps((1.0, 1e-3), errors, step, 1e-4) is None


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (((0, 1), (1, 1), 0.1, 0.1), "rates"),
        (((1, 1), (1, 1), 0.1, 0.1), "rates"),
        (((1, 0.1), (np.inf, 1), 0.1, 0.1), "errors"),
        (((1, 0.1), (1, 0), 0.1, 0.1), "errors"),
        (((1, 0.1), (1, 1), 0, 0.1), "step"),
        (((1, 0.1), (1, 1), 0.1, 1), "threshold"),
    ],
)
def test_bad_numbers_are_refused(given, name):
    with pytest.raises(ArgumentError, match=f"Argument `{name}` must"):
        settling_steps(*given)
