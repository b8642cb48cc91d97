"""The folded model's test error: exact geometry against a sample, and the moments against the sample."""

import numpy as np
import pytest
from scipy.stats import beta

from simulations.classifier_samples import sample_folded_test
from simulations.descent import descend
from simulations.population import population
from simulations.sector import classification_error
from theory.curves import predict_curve
from theory.derivation import compiled
from theory.geometry import error_law
from theory.models import folded
from theory.models.folded import Folded
from theory.rule_ids import rule

SAMPLES = 1_000_000


def clopper_pearson(hits, total, level):
    """Exact two-sided confidence interval of a proportion (key clopper1934)."""
    tail = (1 - level) / 2
    low = np.where(hits > 0, beta.ppf(tail, hits, total - hits + 1), 0.0)
    high = np.where(hits < total, beta.ppf(1 - tail, hits + 1, total - hits), 1.0)
    return low, high


@pytest.mark.parametrize(
    ("model", "start"),
    [(Folded(), (1, 3)), (Folded(0.2, 1.3, 0.0), (-2, 1)), (Folded(0.05, 0.3, 2.0, 0.02), (0.5, -3))],
)
def test_a_million_sampled_inputs_confirm_the_error_curve(model, start):
    """Simultaneous 99 % intervals (Bonferroni) at 40 points of the curve."""
    run = descend(model, "gd", 0.1, model.start(start))
    picked = np.unique(np.linspace(0, len(run.times) - 1, 40).astype(int))
    inputs, labels = sample_folded_test(model.epsilon, model.theta, SAMPLES, 20261122)
    wrong = [int((np.sign(inputs @ run.weights[i, 0]) != labels).sum()) for i in picked]
    low, high = clopper_pearson(np.array(wrong), SAMPLES, 1 - 0.01 / len(picked))
    assert (low <= run.test_error[picked]).all()
    assert (run.test_error[picked] <= high).all()


def test_the_geometry_is_right_for_every_direction_of_the_weights():
    angles = np.linspace(-np.pi, np.pi, 25)[:-1] + 0.01
    inputs, labels = sample_folded_test(0.3, 0.8, SAMPLES // 5, 7)
    weights = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    wrong = (np.sign(inputs @ weights.T) != labels[:, None]).sum(axis=0)
    low, high = clopper_pearson(wrong, len(labels), 1 - 0.01 / len(angles))
    error = classification_error(weights[:, None, :], 0.3, 0.8)
    assert ((low <= error) & (error <= high)).all()
    law = compiled(error_law(), (folded.W1, folded.W2, folded.EPSILON, folded.THETA))
    np.testing.assert_allclose(law(*weights.T, 0.3, 0.8), error, atol=1e-14)


def test_a_weight_vector_that_is_zero_or_opposite_is_always_wrong():
    for weights in ([0.0, 0.0], [-1.0, 0.0], [-1.0, -0.0]):
        assert classification_error(np.array([weights]), 0.1, 0.5) == 1.0
    assert classification_error(np.array([[1.0, 0.0]]), 0.1, 0.5) == 0.0


@pytest.mark.parametrize("view", ["flow", "descent"])
@pytest.mark.parametrize("name", ["gd", "egd", "newton"])
def test_the_predicted_curve_ends_where_the_run_ends(name, view):
    from simulations.flow import flow

    model = Folded(0.05, 1.0, 0.5, 0.01)
    start = model.start((0.3, 4))
    run = flow(model, name, start) if view == "flow" else descend(model, name, 0.1, start)
    curve = predict_curve(model, rule(name), view, start, float(run.times[-1]), step=0.1)
    if (name, view) == ("egd", "descent"):
        assert curve is None
        return
    inside = curve.times <= run.times[-1]
    measured = np.interp(curve.times[inside], run.times, run.test_error)
    np.testing.assert_allclose(curve.test_error[inside], measured, atol=5e-3)  # linear interpolation, with a kink
    np.testing.assert_allclose(curve.amplitudes[0], run.amplitudes[0], rtol=1e-9)


def test_the_quadrature_and_the_formulas_agree_on_the_moments():
    for margin in (0, 0.3, 1, 3, 6, 20, 30):
        model = Folded(0.1, 0.5, margin)
        numbers = population(model)
        np.testing.assert_allclose(numbers.curvature, model.curvature, rtol=1e-13)
        np.testing.assert_allclose(numbers.minimiser, model.minimiser, rtol=1e-13)
