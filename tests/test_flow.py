"""Flows: closed forms reproduced at a small multiple of the tolerance, extinctions located, nothing missed."""

import numpy as np
import pytest
from scipy.optimize import brentq

from simulations.flow import can_flow, flow
from simulations.population import population
from simulations.speeds import Speeds
from simulations.steps import steps
from theory.checks import ArgumentError
from theory.models.folded import Folded
from theory.models.regression import Regression
from theory.plateaus import LONGEST_RUN
from theory.predictions import predict
from theory.rule_ids import rule
from theory.rules import SIGMA, Rule

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
    from theory.models import regression_chain

    monkeypatch.setattr(regression_chain, "derive", lambda *_: pytest.fail("the closed form was called"))
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


def at_times(model, name, times, **options):
    """Weights (len(times), c, d) of a flow at given times, from the solver's own interpolation."""
    found = {}

    def look(path):
        low, high = path(0.0)[0], path(1.0)[0]
        for time in times:
            if low <= time <= high and high > low:
                x = brentq(lambda x, time=time: path(x)[0] - time, 0.0, 1.0, xtol=1e-15)
                found[time] = path(x)[1]

    flow(model, name, np.zeros(model.shape), observe=look, **options)
    return np.array([found[time] for time in times])


def general(shape, kappa, seed):
    """A regression in general position: random directions and targets, a geometric spectrum."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((shape[1], shape[1])))[0]
    covariance = (basis * np.geomspace(1, 1 / kappa, shape[1])) @ basis.T
    return Regression((covariance + covariance.T) / 2, rng.standard_normal(shape))


@pytest.mark.parametrize("shape", [(2, 3), (3, 3), (4, 3)])
def test_general_position_agrees_with_small_steps_between_all_extinctions(shape):
    """EGD's steps are off by O(η), before the first extinction and after each, where a vanished value rattles at η."""
    model = general(shape, 10, 1)
    restarts = (0.0, *flow(model, "egd", np.zeros(shape)).restarts)
    times = np.round((np.array(restarts[1:]) + restarts[:-1]) / 2, 2)
    expected, errors = at_times(model, "egd", times), []
    sizes = 0.01 / 2.0 ** np.arange(3, 7)
    for step in sizes:
        counts = np.round(times / step).astype(int)
        walked = np.concatenate(list(steps(population(model), rule("egd"), step, np.zeros(shape), counts[-1])))
        errors.append(np.abs(walked[counts - 1] - expected).max(axis=(1, 2)))
    first = np.array(errors)[:, 0]
    if shape[0] < shape[1]:
        np.testing.assert_allclose(np.polyfit(np.log(sizes), np.log(first), 1)[0], 1, atol=0.02)
    else:  # a straight line, which steps follow up to the rounding of 500 of them
        assert first.max() < 1e-12
    # a value that rattles has the size η at most; the phase of the rattling is no smooth function of η
    assert (np.array(errors)[:, 1:] <= sizes[:, None]).all()


def test_a_direction_without_curvature_stays_where_it_is():
    model = Regression.from_spectrum([1, 0.5, 0], start=[1, 2, 3], seed=1)
    for name in ("gd", "egd", "newton"):
        trajectory = flow(model, name)
        assert list(np.isfinite(trajectory.arrivals)) == [True, True, False]
        np.testing.assert_allclose(trajectory.amplitudes[:, 2], 3)


def test_a_start_at_the_minimiser_is_at_rest():
    model = Regression.from_spectrum([1, 0.5], start=[0, 0])
    trajectory = flow(model, "egd")
    assert trajectory.stop_reason == "at rest: the gradient is zero at the start"
    assert list(trajectory.arrivals) == [0, 0]
    assert not trajectory.censored
    assert trajectory.evaluations == 0


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


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rtol", 1e-17, "be at least 1e-13 and at most 0.01, but is 1e-17"),
        ("rtol", 1.0, "be at least 1e-13 and at most 0.01, but is 1"),
        ("rtol", np.nan, "be finite"),
        ("threshold", 0.0, r"lie in \(0, 1\), but is 0"),
        ("threshold", 1.0, r"lie in \(0, 1\), but is 1"),
        ("threshold", np.nan, "be finite"),
        ("max_evaluations", 0, "be a whole number of at least 1, but is 0"),
        ("max_evaluations", 2.5, "be a whole number of at least 1, but is 2.5"),
        ("max_evaluations", np.inf, "be finite"),
        ("start", np.zeros(3), "have the shape"),
        ("start", np.array([[np.nan, 1.0]]), "be finite"),
        ("start", np.array([[1.0, -np.inf]]), "be finite"),
    ],
)
def test_bad_numbers_and_starts_are_refused_in_one_line(name, value, message):
    with pytest.raises(ArgumentError, match=f"^Argument `{name}` must {message}.*\\.$") as refused:
        flow(Folded(), "gd", **{name: value})
    assert "\n" not in str(refused.value)


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


@pytest.mark.parametrize("name", ["egd", "power:0.5", "damped:0.001"])
def test_the_jacobian_tells_small_singular_values_apart(name):
    """Two values of 1e-4 and 1e-5 beside one of 1; a wrong entry there costs the implicit solver its step."""
    rng, speeds, rates = np.random.default_rng(0), Speeds(rule(name)), np.array([1.0, 0.5, 0.2, 0.1])
    left, right = np.linalg.qr(rng.standard_normal((3, 3)))[0], np.linalg.qr(rng.standard_normal((4, 3)))[0]
    state = np.concatenate([[0.0], ((left * [1.0, 1e-4, 1e-5]) @ right.T / rates).ravel()])

    def derivative(state):
        way, pace = speeds.direction(state[1:].reshape(3, 4), rates)
        return np.concatenate([[pace], (-pace * way).ravel()])

    width = 1e-9  # of the smallest value 1e-4: differences of second order err by 1e-8, rounding by 1e-16/1e-9
    found = np.stack([(derivative(state + e) - derivative(state - e)) / (2 * width) for e in width * np.eye(13)], -1)
    np.testing.assert_allclose(speeds.jacobian(state, rates), found, atol=1e-5 * np.abs(found).max())


@pytest.mark.parametrize(
    ("shape", "kappa", "seed"),
    [((5, 6), 1e4, 3), ((4, 4), 1e5, 7), ((5, 4), 1e4, 0), ((5, 4), 1e5, 16), ((4, 3), 1e6, 2)],
)
def test_general_position_reaches_rest_however_ill_conditioned(shape, kappa, seed):
    """The worst of 1,000 such runs, of up to nine outputs and condition numbers to 1e10, takes 23,000 evaluations."""
    measured = flow(general(shape, kappa, seed), "egd", np.zeros(shape), max_evaluations=30_000)
    assert measured.stop_reason == "at rest"
    assert measured.ranks == tuple(range(min(shape), -1, -1))
    assert len(measured.restarts) == min(shape)
    assert np.isfinite(measured.arrivals).all()


@pytest.mark.parametrize("epsilon", [1e-10, 1e-12, 1e-14, 1e-16, 1e-30])
def test_a_path_that_seems_straight_is_followed_to_its_turn(epsilon):
    """One output: the slow direction is within rounding of nothing at first, and all that is left in the end."""
    model = Folded(epsilon=epsilon)
    start = model.start((1, 3))
    predicted, run = predict(model, rule("egd"), "flow", start), flow(model, "egd", start)
    assert run.arrivals == pytest.approx(predicted.arrivals, rel=1e-8)  # the solver's tolerance is 1e-10
    assert run.plateaus[LONGEST_RUN] == pytest.approx(predicted.plateaus[LONGEST_RUN][0], rel=1e-8)


def test_a_long_straight_piece_is_recorded_like_any_other() -> None:
    """Its points come after thousands of the short steps in which the fast direction dies."""
    trajectory = flow(Folded(epsilon=1e-8, theta=1e-6), "egd", start=[[-1.0, 3.0]])
    ends = trajectory.plateaus[LONGEST_RUN]
    assert ends is not None
    assert np.interp(0.9 * ends, trajectory.times, trajectory.test_error) == 1.0


@pytest.mark.parametrize("name", ["gd", "egd", "power:0.5", "power:1.7", "ngd"])
@pytest.mark.parametrize("threshold", [1e-8, 1e-10, 1e-14])
def test_arrivals_below_what_is_extrapolated_are_as_predicted(name, threshold):
    model = Regression.from_spectrum((1.0, 0.5, 0.2), start=(1.0, 0.3, 2.0), seed=1)
    found = predict(model, rule(name), "flow", model.start(), threshold=threshold)
    # ten times the solver's tolerance
    np.testing.assert_allclose(flow(model, name, threshold=threshold).arrivals, numbers(found.arrivals), rtol=1e-9)
