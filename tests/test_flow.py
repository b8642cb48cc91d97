"""Flows: closed forms reproduced at a small multiple of the tolerance, extinctions located, nothing missed."""

import numpy as np
import pytest

from simulations.flow import can_flow, flow
from theory.checks import ArgumentError
from theory.models.folded import Folded
from theory.models.regression import Regression
from theory.predictions import predict
from theory.rules import SIGMA, Rule, rule

SPECTRUM = (1.0, 0.1, 0.01, 0.001)
STARTS = (1.0, 1.5, 0.3, 2.0)
OFF_CENTRE = [
    (Folded(0.02, 0.4, 0.0), (-1.0, 2.0)),
    (Folded(0.003, 1.3, 2.5, 0.01), (4.0, 5.0)),
    (Folded(0.5, 0.9, 0.3), (0.1, 30.0)),
    (Folded(1e-8, 0.2, 5.0), (0.5, 0.7)),
]


def numbers(values):
    return np.array([np.nan if value is None else value for value in values], float)


@pytest.mark.parametrize("name", ["gd", "egd", "ngd", "newton", "power:0.5", "frobenius", "damped:0.1"])
@pytest.mark.parametrize("case", range(len(OFF_CENTRE)))
def test_folded_flow_has_the_predicted_plateau_and_arrivals(name, case):
    model, start = OFF_CENTRE[case]
    weights = model.start(start)
    expected, measured = predict(model, rule(name), "flow", weights), flow(model, name, weights)
    # solver tolerance 1e-10 per step, a hundred or so steps
    np.testing.assert_allclose(measured.arrivals, numbers(expected.arrivals), rtol=1e-8)
    length = next(iter(measured.plateaus.values()))
    assert length == pytest.approx(next(iter(expected.plateaus.values()))[0], rel=1e-8, abs=1e-12)
    if name in ("egd", "ngd", "power:0.5", "frobenius"):
        np.testing.assert_allclose(measured.extinctions, numbers(expected.extinctions), rtol=1e-8)
        assert measured.stop_reason == "at rest"


@pytest.mark.parametrize("name", ["gd", "egd", "ngd", "power:0.5", "power:0.3", "power:1.7", "newton", "frobenius"])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_aligned_regression_follows_its_closed_form(name, seed):
    model = Regression.from_spectrum(SPECTRUM, start=STARTS, seed=seed, weight_decay=0.0 if seed != 2 else 0.02)
    expected, measured = predict(model, rule(name), "flow", model.start()), flow(model, name)
    np.testing.assert_allclose(measured.arrivals, numbers(expected.arrivals), rtol=1e-8)
    np.testing.assert_allclose(measured.extinctions, numbers(expected.extinctions), rtol=1e-7)


@pytest.mark.parametrize(("name", "exponent"), [("gd", 1.0), ("egd", 0.0), ("power:0.5", 0.5), ("ngd", -1.0)])
def test_arrival_ratio_is_a_power_of_the_condition_number(name, exponent):
    arrivals = flow(Regression.from_spectrum(SPECTRUM, seed=4), name).arrivals
    assert arrivals[-1] / arrivals[0] == pytest.approx(1000**exponent, rel=1e-6)


@pytest.mark.parametrize("seed", [None, 5, 6])
def test_egd_extinctions_are_located_without_the_closed_form(seed, monkeypatch):
    import theory.models.regression as regression

    monkeypatch.setattr(regression, "derive", lambda *_: pytest.fail("the closed form was called"))
    trajectory = flow(Regression.from_spectrum(SPECTRUM, start=STARTS, seed=seed), "egd")
    np.testing.assert_allclose(trajectory.extinctions, STARTS, rtol=1e-9)
    assert trajectory.ranks == (4, 3, 2, 1, 0)
    assert trajectory.stop_reason == "at rest"
    assert trajectory.evaluations < 100 * len(STARTS)
    assert not trajectory.amplitudes[-1].any()


def test_extinctions_that_coincide_and_repeated_singular_values():
    model = Regression.from_spectrum([1, 1, 0.3, 0.3, 0.3], start=[1, 1.5, 0.3, 0.3, 1.5], seed=3)
    trajectory = flow(model, "egd")
    np.testing.assert_allclose(np.sort(trajectory.extinctions), [0.3, 0.3, 1, 1.5, 1.5], rtol=1e-9)
    assert trajectory.ranks == (5, 3, 2, 0)


@pytest.mark.parametrize("shape", [(2, 4), (4, 4), (6, 4)])
def test_general_position_loses_the_nuclear_norm_that_it_travels(shape):
    """dL/dt = −‖G‖_* along the polar flow: the loss against the integral over the recorded path."""
    rng = np.random.default_rng(sum(shape))
    basis = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    model = Regression((basis * [1.0, 0.5, 0.2, 0.05]) @ basis.T, rng.standard_normal(shape))
    trajectory = flow(model, "egd", np.zeros(shape))
    assert trajectory.ranks == tuple(range(min(shape), -1, -1))
    norms = np.linalg.svd(trajectory.weights @ model.curvature - model.cross, compute_uv=False).sum(axis=-1)
    lost = np.sum((norms[1:] + norms[:-1]) / 2 * np.diff(trajectory.times))  # trapezoid: 1e-5 at this density
    assert trajectory.train_error[0] == pytest.approx(lost, rel=1e-4)
    assert trajectory.train_error[-1] < 1e-15


def test_general_position_agrees_with_small_steps():
    from simulations.descent import steps
    from simulations.population import population

    rng = np.random.default_rng(0)
    model = Regression(np.diag([1.0, 0.3, 0.1]), rng.standard_normal((2, 3)))
    trajectory = flow(model, "egd", np.zeros((2, 3)))
    errors = []
    for step in (4e-3, 2e-3, 1e-3):
        count = round(0.1 / step)  # before the first extinction
        (*_, chunk) = steps(population(model), rule("egd"), step, np.zeros((2, 3)), count)
        index = np.searchsorted(trajectory.times, 0.1)
        low, high = trajectory.times[index - 1 : index + 1]
        part = (0.1 - low) / (high - low)
        at = (1 - part) * trajectory.weights[index - 1] + part * trajectory.weights[index]
        errors.append(np.abs(chunk[-1] - at).max())
    order = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(order, 1, atol=0.05)


def test_a_direction_without_curvature_stays_where_it_is():
    model = Regression.from_spectrum([1, 0.5, 0], start=[1, 2, 3], seed=1)
    for name in ("gd", "egd", "newton"):
        trajectory = flow(model, name)
        assert list(np.isfinite(trajectory.arrivals)) == [True, True, False]
        np.testing.assert_allclose(trajectory.amplitudes[:, 2], 3)


def test_a_start_at_the_minimiser_is_at_rest():
    model = Regression.from_spectrum([1, 0.5], start=[0, 0])
    trajectory = flow(model, "egd")
    assert trajectory.stop_reason == "at rest"
    assert list(trajectory.arrivals) == [0, 0]


def test_a_users_own_law_flows():
    softened = Rule("softened", SIGMA / (1 + SIGMA))
    model = Regression.from_spectrum([1, 0.1], seed=1)
    expected = predict(model, softened, "flow", model.start())
    np.testing.assert_allclose(flow(model, softened).arrivals, numbers(expected.arrivals), rtol=1e-8)


@pytest.mark.parametrize("name", ["truncated:2", "momentum:0.9", "random-basis"])
def test_rules_without_a_flow_are_refused(name):
    assert not can_flow(rule(name))
    with pytest.raises(ArgumentError, match="`rule` must have a flow"):
        flow(Folded(), name)


def test_bad_tolerances_and_starts_are_refused():
    with pytest.raises(ArgumentError, match="`rtol` must be at least 1e-13"):
        flow(Folded(), "gd", rtol=1e-17)
    with pytest.raises(ArgumentError, match="`start` must have the shape"):
        flow(Folded(), "gd", np.zeros(3))
    with pytest.raises(ArgumentError, match="`start` must be finite"):
        flow(Folded(), "gd", np.array([[np.nan, 1.0]]))


def test_directions_that_die_first_leave_no_spare_rows():
    model = Regression.from_spectrum([2531.5, 312.2, 1.25, 0.0127, 0.00127, 1.31e-5])
    expected = predict(model, rule("damped:0.01"), "flow", model.start())
    measured = flow(model, "damped:0.01", rtol=1e-8)
    np.testing.assert_allclose(measured.arrivals, numbers(expected.arrivals), rtol=1e-5)


@pytest.mark.parametrize(
    ("spectrum", "start", "seed"),
    [
        ([0.010956, 0.226639, 0.992718], [0.8998, 55.0471, 0.0117], 625591),
        (np.geomspace(1, 6e-5, 8), [84.18, 0.022, 3.1, 0.4, 12.0, 0.9, 0.0292, 30.0], 5),
    ],
)
def test_extinctions_of_wide_spectra_and_starts_are_each_located(spectrum, start, seed):
    model = Regression.from_spectrum(spectrum, start=start, seed=seed)
    expected = predict(model, rule("egd"), "flow", model.start())
    measured = flow(model, "egd")
    np.testing.assert_allclose(measured.extinctions, numbers(expected.extinctions), rtol=1e-9)
    assert measured.evaluations < 100 * len(start)
    assert (np.diff(measured.times) >= 0).all()


@pytest.mark.parametrize("seed", range(8))
def test_random_aligned_starts_cost_few_evaluations_and_miss_nothing(seed):
    """Condition numbers to 1e5, amplitudes over four decades: the worst seen in 600 such runs is 2e-12 and 92."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 9))
    spectrum, start = 10.0 ** rng.uniform(-5, 0, count), 10.0 ** rng.uniform(-2, 2, count)
    model = Regression.from_spectrum(spectrum, start=start, seed=seed)
    measured = flow(model, "egd")
    np.testing.assert_allclose(np.sort(measured.extinctions), np.sort(start), rtol=1e-9)
    assert measured.ranks == tuple(range(count, -1, -1))
    assert measured.evaluations < 100 * count


def test_extinctions_a_hair_apart_are_told_apart():
    model = Regression.from_spectrum([1.0, 0.02, 0.3], start=[1.0, 1.00003, 2.0], seed=9)
    measured = flow(model, "egd")
    np.testing.assert_allclose(measured.extinctions, [1.0, 2.0, 1.00003], rtol=1e-9)
