"""Predicted curves lie on the runs, rule by rule; small eigenvalues are kept as directions."""

import numpy as np
import pytest

from simulations.descent import descend
from simulations.flow import flow
from theory.curves import predict_curve
from theory.models.factorized import Factorized
from theory.models.regression import Regression
from theory.rule_ids import rule

MODEL = Regression.from_spectrum([1.0, 0.2, 0.03], start=[0.7, 1.5, 1.1], seed=4)


@pytest.mark.parametrize("name", ["gd", "newton", "egd", "ngd", "power:0.5", "power:1.6", "frobenius"])
def test_a_predicted_flow_lies_on_the_run(name):
    run = flow(MODEL, name)
    curve = predict_curve(MODEL, rule(name), "flow", MODEL.start(), float(run.times[-1]))
    for direction in range(3):
        measured = np.interp(curve.times, run.times, run.amplitudes[:, direction])
        np.testing.assert_allclose(curve.amplitudes[:, direction], measured, atol=5e-3)  # linear interpolation
    measured = np.interp(curve.times, run.times, run.test_error)
    np.testing.assert_allclose(curve.test_error, measured, atol=1e-2)


@pytest.mark.parametrize("name", ["gd", "newton", "egd"])
def test_a_predicted_descent_lies_on_the_run(name):
    run = descend(MODEL, name, 0.04)
    curve = predict_curve(MODEL, rule(name), "descent", MODEL.start(), float(run.times[-1]), step=0.04)
    shared, left, right = np.intersect1d(curve.times, run.times, return_indices=True)
    assert len(shared) > 20
    np.testing.assert_allclose(curve.amplitudes[left], run.amplitudes[right], atol=1e-9)


@pytest.mark.parametrize(("name", "depth"), [("gd", 2), ("egd", 2), ("egd", 3)])
def test_predicted_modes_of_layers_lie_on_the_flow(name, depth):
    model = Factorized.from_spectrum([2.0, 1.0, 0.3], depth=depth, start=[0.01, 0.02, 0.5], seed=2)
    run = flow(model, name)
    curve = predict_curve(model, rule(name), "flow", model.start(), float(run.times[-1]))
    for direction in range(3):
        measured = np.interp(curve.times, run.times, run.amplitudes[:, direction])
        np.testing.assert_allclose(curve.amplitudes[:, direction], measured, atol=5e-3)  # linear interpolation


@pytest.mark.parametrize("depth", [2, 3])
def test_predicted_modes_of_layers_go_to_and_fro_as_the_steps_do(depth):
    model = Factorized.from_spectrum([2.0, 1.0, 0.3], depth=depth, start=[0.01, 0.02, 0.5], seed=2)
    run = descend(model, "egd", 0.03)
    curve = predict_curve(model, rule("egd"), "descent", model.start(), float(run.times[-1]), step=0.03)
    shared, left, right = np.intersect1d(curve.times, run.times, return_indices=True)
    assert len(shared) > 20
    np.testing.assert_allclose(curve.amplitudes[left], run.amplitudes[right], atol=1e-9)
    turns = np.diff(curve.amplitudes[-20:], axis=0)
    assert (turns[1:] * turns[:-1] < 0).any()  # some have arrived, and do not rest


def test_a_direction_far_below_the_largest_still_learns():
    model = Regression.from_spectrum([1.0, 1e-9], seed=1)
    seen = model.directions(model.start())
    assert seen.learns.all()
    assert seen.values[1] == pytest.approx(1e-9, rel=1e-5)
