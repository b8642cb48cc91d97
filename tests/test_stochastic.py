"""Minibatches: the moment recursion against enumeration, quadrature and replicas; its limit; the departure."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom, multivariate_normal
from scipy.stats import t as student

from simulations import stochastic
from simulations.plateaus import longest_run
from simulations.population import population
from simulations.replicas import Lengths, Running, measure
from simulations.sampling import sampler
from simulations.steps import steps
from simulations.stochastic import stochastic_descend
from theory import departure, folded_noise, noise
from theory.checks import ArgumentError
from theory.departure import predict_departure
from theory.minibatch import expect, mean_square_limit, stationary
from theory.models.folded import DECAY, EPSILON, ETA, M1, M2, MARGIN, Folded
from theory.models.linear import LinearModel
from theory.models.regression import Regression
from theory.models.wedge import Wedge
from theory.plateaus import FIRST_BELOW, LEFT_FOR_GOOD, LONGEST_RUN
from theory.predictions import predict
from theory.rule_ids import rule
from theory.samples import sample_law

FOLDED = [  # off the convenient point: both ends of ε and of the margin, decay, starts of both signs
    (Folded(1e-3, 0.3, 3.0, 0.01), (1.0, -2.0)),
    (Folded(0.9, 1.2, 0.0, 0.01), (-2.0, 3.0)),
    (Folded(0.9, 0.5, 3.0), (2.0, 1.0)),
]


def data(samples, inputs, outputs, seed=0, **options):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((samples, inputs)) @ rng.standard_normal((inputs, inputs))
    return Regression.from_data(x, rng.standard_normal((samples, outputs)) + x[:, :1] ** 2, **options)


def test_one_output_may_start_from_a_list_of_numbers():
    row, flat = (expect(Folded(), "gd", 0.1, 2, start, steps=[3]) for start in ([[1.0, 3.0]], [1.0, 3.0]))
    np.testing.assert_array_equal(row.mean, flat.mean)
    departures = [predict_departure(Folded(), 0.1, 2, start, count=5).survival for start in ([[1.0, 3.0]], [1.0, 3.0])]
    np.testing.assert_array_equal(*departures)


def test_every_step_of_both_derivations_holds():
    for chain in (noise.derive(), folded_noise.derive()):
        assert [step.name for step in chain.steps if not step.holds] == []
        assert chain.document()["holds"]


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_the_recursion_is_the_average_over_every_sequence_of_batches(decay):
    model = data(3, 2, 2, weight_decay=decay)
    inputs, outputs = model.samples
    start, step = np.array([[1.0, -2.0], [0.5, 3.0]]), 0.1
    found = expect(model, "gd", step, 2, start, steps=[0, 1, 2, 3])
    weights = start[None]
    for index in range(4):
        error = weights - model.minimiser
        scale = np.abs(error).max()
        np.testing.assert_allclose(found.mean[index], weights.mean(axis=0), atol=1e-13 * scale)
        average = (error.swapaxes(1, 2) @ error).mean(axis=0)
        np.testing.assert_allclose(found.second[index], average, atol=1e-13 * scale**2)
        weights = np.concatenate(
            [
                weights - step * ((weights @ x.T - y.T) @ x / 2 + decay * weights)
                for batch in itertools.product(range(3), repeat=2)
                for x, y in [(inputs[list(batch)], outputs[list(batch)])]
            ]
        )


@pytest.mark.parametrize("margin", [0.0, 0.7, 3.0, 30.0])
def test_fourth_moments_of_the_folded_model_are_those_of_its_density(margin):
    model = Folded(0.4, 1.0, margin, 0.02)
    star = model.minimiser[0, 0]
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)  # exact for x₂ up to the seventh power
    weighting = np.array([[1.0, 0.3, -0.4], [0.3, 2.0, 0.7], [-0.4, 0.7, 0.5]])

    def average(entry):
        def density(excess, power):  # relative to that at the margin
            x1 = margin + excess
            values = 0.0
            for x2, weight in zip(np.sqrt(model.epsilon) * nodes, weights / weights.sum(), strict=True):
                for sign in (-1, 1):
                    z = np.array([sign * x1, x2, sign * (star * x1 - 1)])
                    values += weight / 2 * (z @ weighting @ z * z[entry[0]] * z[entry[1]]) ** power
            return values * np.exp(-excess * (margin + excess / 2))

        return np.divide(*(quad(density, 0, 40 / max(margin, 1), (n,), epsabs=0, epsrel=1e-12)[0] for n in (1, 0)))

    expected = [[average((i, j)) for j in range(2)] for i in range(2)]
    np.testing.assert_allclose(sample_law(model).fourth(weighting), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("margin", [0.0, 3.0, 30.0])
def test_the_residual_keeps_its_digits_far_out(margin):
    model = Folded(0.4, 1.0, margin)
    only_residual = np.diag([0.0, 0.0, 1.0])

    def density(excess, power):
        x1 = margin + excess
        return ((model.minimiser[0, 0] * x1 - 1) * x1) ** (2 * power) * np.exp(-excess * (margin + excess / 2))

    integrals = [quad(density, 0, 40 / max(margin, 1), (n,), epsabs=0, epsrel=1e-12)[0] for n in (1, 0)]
    # r² is a difference of numbers 1 + s⁴ times larger: eight digits are left of sixteen at s = 30
    np.testing.assert_allclose(sample_law(model).fourth(only_residual)[0, 0], np.divide(*integrals), rtol=1e-7)


def test_fourth_moments_of_gaussian_inputs_are_those_of_quadrature():
    model = Regression(np.array([[2.0, 0.6], [0.6, 0.5]]), np.array([[1.0, -2.0]]), weight_decay=0.3, label_noise=0.7)
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)  # exact up to the fifth power of each
    root = np.linalg.cholesky(model.covariance)
    weighting = np.array([[1.0, 0.3, -0.4], [0.3, 2.0, 0.7], [-0.4, 0.7, 0.5]])
    fourth, joint = np.zeros((2, 2)), np.zeros((2, 3))
    for places in itertools.product(range(3), repeat=3):
        weight = np.prod(weights[list(places)]) / weights.sum() ** 3
        x = root @ nodes[list(places[:2])]
        y = model.target @ x + np.sqrt(model.label_noise) * nodes[places[2]]
        z = np.concatenate([x, model.minimiser @ x - y])
        fourth += weight * (z @ weighting @ z) * np.outer(x, x)
        joint += weight * np.outer(x, z)
    law = sample_law(model)
    np.testing.assert_allclose(law.fourth(weighting), fourth, rtol=1e-13)
    np.testing.assert_allclose(law.joint, joint, rtol=1e-13, atol=1e-14)


def check_replicas(run, found, precision):
    """Replicas within five standard errors of the recursion, and precise enough for that to mean something."""
    for name in ("mean", "second"):
        measured, error, expected = getattr(run, name), getattr(run, f"{name}_error"), getattr(found, name)
        # one of some thousand numbers beyond five standard errors has probability 1e-3 or less
        np.testing.assert_array_less(np.abs(measured - expected)[1:], (5 * error + 1e-12 * np.abs(expected))[1:])
    share = np.diagonal(run.second_error[-1]) / np.diagonal(found.second[-1])
    assert share.max() < precision


@pytest.mark.parametrize(("model", "start"), FOLDED)
def test_replicas_of_the_folded_model_obey_the_recursion(model, start):
    step = 0.3 * mean_square_limit(model, 2)
    run = stochastic_descend(model, "gd", step, 2, model.start(start), count=150, replicas=2000, seed=1)
    found = expect(model, "gd", step, 2, model.start(start), steps=run.steps)
    check_replicas(run, found, 0.05)
    low, high = run.band("second")
    inside = (low <= found.second) & (found.second <= high)
    assert inside[1:, 0, 0].mean() > 0.5  # neighbouring steps go together: no sharper share can be asked for


@pytest.mark.parametrize(
    "model",
    [
        Regression.from_spectrum([1.0, 0.3, 0.1], seed=3, weight_decay=0.05, label_noise=0.2),
        Regression.from_spectrum([1.0, 0.0, 0.1], start=[2.0, 1.0, 3.0]),
        data(20, 3, 2, seed=4, weight_decay=0.1),
    ],
    ids=["gaussian", "noiseless", "data"],
)
def test_replicas_of_a_regression_obey_the_recursion(model):
    step = 0.3 * mean_square_limit(model, 3)
    start = np.ones(model.shape)
    run = stochastic_descend(model, "gd", step, 3, start, count=100, replicas=2000, seed=2)
    check_replicas(run, expect(model, "gd", step, 3, start, steps=run.steps), 0.1)
    assert run.plateaus == {}
    assert not run.share.any()


def closed(name, model, batch, step=0.0):
    covariance, cross = model.moments()
    symbols = (EPSILON, MARGIN, DECAY, M1, M2, noise.BATCH, ETA)
    values = (model.epsilon, model.margin, model.weight_decay, cross[0, 0], covariance[0, 0], batch, step)
    return folded_noise.derive().function(name, symbols)(*values)


@pytest.mark.parametrize(("model", "start"), FOLDED)
@pytest.mark.parametrize("batch", [1, 6])
def test_the_closed_forms_of_the_folded_model_are_the_general_numbers(model, start, batch):
    limit = mean_square_limit(model, batch)
    assert limit == pytest.approx(closed("limit", model, batch), rel=1e-12)
    assert limit < 2 / model.eigen[0][0]
    step = 0.7 * limit
    expected = np.diag([closed(f"stationary_{name}", model, batch, step) for name in ("fast", "slow")])
    np.testing.assert_allclose(stationary(model, step, batch), expected, rtol=1e-9, atol=1e-15)


MODELS = {
    "folded": Folded(0.3, 1.0, 0.5, 0.01),
    "gaussian": Regression.from_spectrum([1.0, 0.3, 0.1], seed=3, label_noise=0.2),
    "data": data(30, 3, 2, seed=5, weight_decay=0.1),
    "single": data(30, 1, 1, seed=6),
    "wide": data(60, 14, 1, seed=7),  # beyond the dense solvers
    "resting": Regression.from_data(np.eye(4)[[0, 1, 1, 2]] * [1, 2, 1, 0], np.ones((4, 1))),
}


@pytest.mark.parametrize("name", MODELS)
def test_below_the_limit_the_second_moment_shrinks_and_above_it_grows(name):
    model = MODELS[name]
    limit = mean_square_limit(model, 2)
    ratios = []
    for factor in (0.98, 1.02):  # from so far away that the noise floor is out of sight
        found = expect(model, "gd", factor * limit, 2, model.minimiser + 1e75, steps=[3000, 3001])
        learning = found.second @ model.curvature  # directions that never learn keep their error
        ratios.append(np.trace(learning[1]) / np.trace(learning[0]))
    assert ratios[0] < 1 < ratios[1]


@pytest.mark.parametrize("name", MODELS)
def test_a_step_leaves_the_stationary_second_moment_as_it_is(name):
    model, batch = MODELS[name], 2
    step = 0.6 * mean_square_limit(model, batch)
    rest = stationary(model, step, batch)
    contraction, outputs = np.eye(len(rest)) - step * model.curvature, model.shape[0]
    weighting = np.block([[rest, np.zeros((len(rest), outputs))], [np.zeros((outputs, len(rest))), np.eye(outputs)]])
    after = contraction @ rest @ contraction + step**2 / batch * sample_law(model).spread(weighting)
    np.testing.assert_allclose(after, rest, atol=1e-10 * np.abs(rest).max())  # cg stops at 1e-13 of its right side
    assert np.linalg.eigvalsh(rest)[0] >= -1e-12 * np.abs(rest).max()


def test_the_recursion_ends_in_the_stationary_second_moment():
    model = MODELS["data"]
    step = 0.5 * mean_square_limit(model, 4)
    found = expect(model, "gd", step, 4, steps=[5000])
    np.testing.assert_allclose(found.second[0], stationary(model, step, 4), rtol=1e-9)


def test_large_batches_bring_back_the_limit_of_gradient_descent():
    for model in MODELS.values():
        assert mean_square_limit(model, 10**9) == pytest.approx(2 / model.eigen[0][0], rel=1e-6)
        assert mean_square_limit(model, 1) < mean_square_limit(model, 2)


@pytest.mark.parametrize("name", ["gd", "egd", "power:0.5", "newton", "momentum:0.5", "grokfast", "frobenius"])
def test_without_noise_replicas_take_the_steps_of_the_rule(name):
    x, y = np.array([[1.0, 2.0, -1.0]] * 5), np.array([[1.0, -3.0]] * 5)
    model = Regression.from_data(x, y, weight_decay=0.1)
    run = stochastic_descend(model, name, 0.05, 2, count=10, replicas=3)  # later a gradient of rank one is rounding
    exact = np.concatenate(list(steps(population(model), rule(name), 0.05, model.start(), 10)))
    np.testing.assert_allclose(run.mean[1:], exact, atol=1e-12)
    assert run.mean_error.max() < 1e-12


def test_more_replicas_leave_the_earlier_ones_as_they_were():
    def lengths(replicas, seed=5):
        run = stochastic_descend(Folded(0.1), "gd", 0.1, 2, count=250, replicas=replicas, seed=seed)
        return run.plateaus[LONGEST_RUN].values

    few = lengths(10)
    np.testing.assert_array_equal(lengths(25)[:10], few)
    np.testing.assert_array_equal(lengths(10), few)
    assert (lengths(10, seed=6) != few).any()
    assert len(set(few)) > 5


def test_more_steps_leave_the_earlier_ones_as_they_were():
    short, long = (stochastic_descend(Folded(), "gd", 0.1, 900, count=n, replicas=3) for n in (7, 20))
    np.testing.assert_array_equal(short.steps, range(8))
    np.testing.assert_array_equal(short.mean, long.mean[:8])


def test_the_band_is_that_of_student():
    run = stochastic_descend(Folded(), "gd", 0.1, 2, count=5, replicas=4, level=0.9)
    low, high = run.band("mean")
    width = student.ppf(0.95, 3) * run.mean_error
    np.testing.assert_allclose((low, high), (run.mean - width, run.mean + width), rtol=1e-12)


def test_groups_of_replicas_give_what_all_at_once_give(monkeypatch):
    def run():
        return stochastic_descend(Folded(0.1), "egd", 0.05, 2, count=100, replicas=11, seed=3)

    together = run()
    monkeypatch.setattr(stochastic, "HELD", 4 * stochastic.DRAWN)
    apart = run()
    np.testing.assert_array_equal(apart.plateaus[LONGEST_RUN].values, together.plateaus[LONGEST_RUN].values)
    for name in ("mean", "mean_error", "second", "second_error", "test", "test_error", "share", "share_error"):
        np.testing.assert_allclose(getattr(apart, name), getattr(together, name), rtol=1e-12, atol=1e-13)


def test_running_statistics_are_those_of_all_values():
    values = 1e6 + np.random.default_rng(0).standard_normal((12, 3))
    running = Running(1, (3,))
    for group in (values[:5], values[5:6], values[6:]):
        running.add(0, group)
    np.testing.assert_allclose(running.mean[0], values.mean(axis=0), rtol=1e-15)
    np.testing.assert_allclose(running.error()[0], values.std(axis=0, ddof=1) / np.sqrt(12), rtol=1e-9)


@pytest.mark.parametrize(
    ("whole", "longest", "below", "left"),
    [
        ("1110000", (3, False), (3, False), (3, False)),
        ("1101100", (2, False), (2, False), (5, False)),
        ("0110101", (2, False), (0, False), (7, True)),
        ("0110111", (3, True), (0, False), (7, True)),
        ("1111111", (7, True), (7, True), (7, True)),
        ("0000000", (0, False), (0, False), (0, False)),
    ],
)
def test_three_lengths_of_one_replica(whole, longest, below, left):
    found = measure(np.array([letter == "1" for letter in whole]))
    assert found == {LONGEST_RUN: longest, FIRST_BELOW: below, LEFT_FOR_GOOD: left}
    assert found[LONGEST_RUN][0] == longest_run(np.array([letter == "1" for letter in whole]))


def test_censored_lengths_count_as_longer():
    lengths = Lengths(np.arange(1.0, 101.0), np.arange(100) >= 60)
    assert lengths.median == 50
    assert lengths.interval(0.5) == (25, np.inf)
    low, high = lengths.median_interval(0.95)
    # the ranks r with P(r ≤ number below the median < 101 − r) ≥ 0.95, and the next narrower pair below it
    cover = [binom.cdf(100 - r, 100, 0.5) - binom.cdf(r - 1, 100, 0.5) for r in (low, low + 1)]
    assert cover[0] >= 0.95 > cover[1]
    assert high == 101 - low or high == np.inf


def test_both_below_is_the_bivariate_normal_distribution():
    rng = np.random.default_rng(1)
    points, correlations = 2 * rng.standard_normal((40, 2)), rng.uniform(-0.99, 0.99, 40)
    points[:3] = [[0, 0], [0, -1], [1.5, 0]]
    found = departure._both_below(*points.T, correlations)
    expected = [
        multivariate_normal.cdf(point, cov=[[1, rho], [rho, 1]])
        for point, rho in zip(points, correlations, strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-8)  # the accuracy of SciPy's integral


def test_without_noise_the_departure_is_the_plateau():
    model, start = Folded(0.02, 0.9, 1.0), Folded().start((1, 3))
    exact = predict(model, rule("gd"), "descent", start, step=0.1).plateaus[LONGEST_RUN][0]
    found = predict_departure(model, 0.1, 10**14, start, count=int(exact) + 10)
    assert found.median == exact
    assert found.interval() == (exact, exact)
    assert (found.kind, found.definition) == ("asymptotic", f"{FIRST_BELOW}, Gaussian approximation of the noise")


def test_the_predicted_departure_is_near_the_measured_one():
    model, start, batch = Folded(0.01), Folded().start((1, 3)), 32
    without_noise = predict(model, rule("gd"), "descent", start, step=0.4).plateaus[LONGEST_RUN][0]
    found = predict_departure(model, 0.4, batch, start, count=600)
    run = stochastic_descend(model, "gd", 0.4, batch, start, count=600, replicas=300, seed=1)
    measured = run.plateaus[FIRST_BELOW]
    shift = without_noise - measured.median  # what noise does, about 20 steps
    # an approximation: at this batch a few steps off, a seventh of the shift; its quantiles a quarter
    assert abs(found.median - measured.median) < shift / 7 < 4
    np.testing.assert_allclose(found.interval(0.8), measured.interval(0.8), atol=shift / 4)
    # three standard errors of a share among 300 replicas
    assert np.abs(found.whole[run.steps] - run.share).max() < 3 * np.sqrt(0.25 / 300)
    assert np.array_equal(run.plateaus[LONGEST_RUN].values, measured.values)


@pytest.mark.parametrize(
    ("model", "step", "start", "count"),
    [
        (Folded(0.05), 0.5, (1.0, 3.0), 50),
        (Folded(0.3, 1.2), 0.1, (-2.0, 0.3), 7),
        (Folded(0.6, 0.4, 0.0), 0.2, (0.5, 2.0), 12),
    ],
    ids=["memory of either sign", "second weight near zero", "slow as fast"],
)
def test_the_survival_is_that_of_the_paths_it_assumes(model, step, start, count):
    paths = 20_000
    found = predict_departure(model, step, 2, model.start(start), count=count)
    moments = expect(model, "gd", step, 2, model.start(start), steps=np.arange(count + 1))
    rng = np.random.default_rng(0)
    deviation = np.sqrt(np.diagonal(moments.covariance, axis1=1, axis2=2))
    quantile, fast = rng.standard_normal(paths), np.zeros(paths)
    alive, keeps = np.ones(paths, bool), 1 - step * model.curvature[0, 0]
    for index in range(count + 1):
        if index:
            fresh = np.sqrt(deviation[index, 0] ** 2 - (keeps * deviation[index - 1, 0]) ** 2)
            fast = keeps * fast + fresh * rng.standard_normal(paths)
        w1, w2 = moments.mean[index, 0, 0] + fast, moments.mean[index, 0, 1] + quantile * deviation[index, 1]
        inside = (w2 >= 0) & (w2 * np.cos(model.theta) >= w1 * np.sin(model.theta))
        alive &= inside
        # four standard errors of a share of 20,000 paths, and half a quantile of 100
        assert abs(found.whole[index] - inside.mean()) < 0.014 + 0.005
        assert abs(found.survival[index] - alive.mean()) < 0.014 + 0.005
    assert 0.01 < alive.mean() < 0.9


def test_a_start_that_is_not_at_full_error_departs_at_once():
    found = predict_departure(Folded(), 0.1, 4, Folded().start((1, -1)), count=10)
    assert found.median == 0
    assert not found.survival.any()
    assert predict_departure(Folded(), 0.1, 4, Folded().start((0, 0)), count=10).survival[0] == 1


def test_a_departure_beyond_the_last_step_is_infinite():
    found = predict_departure(Folded(), 0.1, 4, count=10)
    assert found.median == np.inf
    assert found.survival[-1] > 0.99


class Unknown(LinearModel):
    """A model of a user's own, whose samples are not known."""

    name, weight_decay = "unknown", 0.0

    def parameters(self):
        return {}

    def moments(self):
        return np.eye(2), np.ones((1, 2))

    def start(self, amplitudes=None):
        return np.zeros((1, 2))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: stochastic_descend(Folded(), "gd", 0.1, 0),
            ArgumentError,
            "`batch` must be a whole number of at least 1",
        ),
        (
            lambda: stochastic_descend(Folded(), "gd", 0.1, 2.5),
            ArgumentError,
            "`batch` must be a whole number of at least 1, but is 2.5",
        ),
        (lambda: stochastic_descend(Folded(), "gd", 0.1, True), ArgumentError, "`batch` must be a whole number"),
        (lambda: stochastic_descend(Folded(), "gd", -0.1, 1), ArgumentError, "`step` must be positive"),
        (
            lambda: stochastic_descend(Folded(), "gd", 0.1, 1, replicas=0),
            ArgumentError,
            "`replicas` must be .* at least 2",
        ),
        (
            lambda: stochastic_descend(Folded(), "gd", 0.1, 1, replicas=1),
            ArgumentError,
            "`replicas` must be .* at least 2",
        ),
        (lambda: stochastic_descend(Folded(), "gd", 0.1, 1, count=0), ArgumentError, "`count` must be"),
        (lambda: stochastic_descend(Folded(), "gd", 0.1, 1, seed=-1), ArgumentError, "`seed` must be"),
        (lambda: stochastic_descend(Folded(), "gd", 0.1, 1, level=1), ArgumentError, "`level` must lie in"),
        (lambda: stochastic_descend(Folded(), "gd", 0.1, 1, np.ones(3)), ArgumentError, "`start` must have the shape"),
        (lambda: stochastic_descend(Folded(), "rsvd:1", 0.1, 1), ArgumentError, "`how` must be a rule that takes many"),
        (lambda: stochastic_descend(Unknown(), "gd", 0.1, 1), ArgumentError, "`model` must be `folded`, `wedge` or"),
        (lambda: expect(Unknown(), "gd", 0.1, 1, steps=[1]), ArgumentError, "`model` must be `folded` or"),
        (lambda: expect(Folded(), "egd", 0.1, 1, steps=[1]), ArgumentError, "`how` must be gd, .*, but is egd"),
        (lambda: expect(Folded(), "momentum:0.5", 0.1, 1, steps=[1]), ArgumentError, "`how` must be gd"),
        (lambda: expect(Folded(), "gd", 0, 1, steps=[1]), ArgumentError, "`step` must be positive"),
        (lambda: expect(Folded(), "gd", 0.1, 0, steps=[1]), ArgumentError, "`batch` must be"),
        (lambda: expect(Folded(), "gd", 0.1, 1, np.ones(3), steps=[1]), ArgumentError, "`start` must have the shape"),
        (
            lambda: expect(Folded(), "gd", 0.1, 1, np.full((1, 2), np.nan), steps=[1]),
            ArgumentError,
            "`start` must be finite",
        ),
        (lambda: expect(Folded(), "gd", 0.1, 1, steps=[2, 1]), ArgumentError, "`steps` must be whole numbers"),
        (lambda: expect(Folded(), "gd", 0.1, 1, steps=[0.5]), ArgumentError, "`steps` must be whole numbers"),
        (lambda: expect(Folded(), "gd", 0.1, 1, steps=10), ArgumentError, "`steps` must be whole numbers"),
        (
            lambda: stationary(Folded(), 0.6, 1),
            ArgumentError,
            "`step` must lie below 0.553858, the limit in mean square",
        ),
        (lambda: mean_square_limit(Folded(), 0), ArgumentError, "`batch` must be"),
        (lambda: predict_departure(Folded(), 0.1, 1, count=0), ArgumentError, "`count` must be"),
        (
            lambda: Regression.from_spectrum([1.0], label_noise=-1),
            ArgumentError,
            "`label_noise` must be zero or positive",
        ),
    ],
)
def test_bad_values_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_steps_past_the_limit_grow_without_a_warning():
    run = stochastic_descend(Folded(), "gd", 5.0, 1, count=1000, replicas=2)
    assert not np.isfinite(run.second[-1]).all()
    assert not np.isfinite(expect(Folded(), "gd", 5.0, 1, steps=[1000]).second).all()


def test_minibatches_of_the_wedge_are_its_samples():
    """Their moments are the derived ones, within five standard errors of 200,000 samples."""
    model = Wedge(epsilon=0.05, theta=1.0)
    inputs, labels = sampler(model)(np.random.default_rng(0), 200_000)
    covariance, cross = model.moments()
    for products, expected in ((inputs[:, :, None] * inputs[:, None], covariance), (labels * inputs, cross[0])):
        error = products.std(axis=0) / np.sqrt(len(products))
        assert (np.abs(products.mean(axis=0) - expected) <= 5 * error).all()
