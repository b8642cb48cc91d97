"""Curvature along directions of the first layer, and what linear theory makes of it, beside what happened."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from evenflow.cli import app
from simulations.networks.curvature import curvatures
from simulations.networks.losses import LOSSES
from simulations.networks.measures import Moment
from simulations.networks.moments import examples, moment
from simulations.networks.network import Weights, gradients, start
from simulations.networks.outlook import NO_ARRIVALS, NO_CURVATURE, Remaining, Said, arrivals, outlooks, remaining
from simulations.networks.settings import PRESETS, Setting
from simulations.networks.tasks import Modular, Parity
from simulations.networks.training import train

QUICK = replace(
    PRESETS["parity-4"], task=Parity(12, 2, 200, 400), width=24, step=0.02, epochs=60, linger=0, precision="double"
)
SMALL = {
    "cross-entropy": replace(PRESETS["modular-37-add"], task=Modular(7), width=6, precision="double"),
    "mean-square": replace(QUICK, width=6),
    "hinge": replace(QUICK, width=6, loss="hinge"),
}


def at_the_start(setting: Setting) -> Moment:
    data = setting.task.data(np.random.default_rng([0, 0]), 0.0, setting.dtype)
    weights = start(setting.task, setting.width, setting.bias, np.random.default_rng([0, 1]), setting.dtype)
    slope = gradients(weights, data, data.train, LOSSES[setting.loss], setting.weight_decay)[1]
    return Moment(setting, data, weights, weights, slope)


@pytest.mark.parametrize("setting", SMALL.values(), ids=SMALL)
def test_curvature_is_the_change_of_the_gradient(setting):
    setting = replace(setting, weight_decay=0.2)
    then, rng, step = at_the_start(setting), np.random.default_rng(1), 1e-6
    inner, outer = (np.linalg.qr(rng.standard_normal((size, 4)))[0] for size in (setting.task.features, 6))
    for index, found in enumerate(curvatures(then, inner, outer)):
        way, sides = np.outer(inner[:, index], outer[:, index]), []
        for sign in (1, -1):
            moved = Weights(then.weights.first + sign * step * way, then.weights.bias, then.weights.second)
            slope = gradients(moved, then.data, then.data.train, LOSSES[setting.loss], setting.weight_decay)[1]
            sides.append((slope.first * way).sum())
        # no unit changes sides within this step; 1e-16 of rounding by 2e-6, step² of a fourth derivative
        assert found == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=1e-8)
        assert found >= 0.2  # that of the weight decay


def test_a_quadratic_loss_is_left_as_predicted():
    """A network whose units are all active is linear in W₁: its gradient in one step shrinks by 1 − ηλ."""
    setting = replace(SMALL["mean-square"], weight_decay=0.3)
    then = at_the_start(setting)
    then.weights.bias[:] = 100.0
    slope = gradients(then.weights, then.data, then.data.train, LOSSES["mean-square"], 0.3)[1].first
    unit = then.weights.second / np.linalg.norm(then.weights.second)
    samples = then.data.inputs.values[then.data.train]
    covariance = samples.T @ samples / len(samples)
    bends, axes = np.linalg.eigh(covariance)
    found = curvatures(then, axes, np.repeat(unit, 12, axis=1))
    # 2 f′² with f′ = (u·x) |W₂|, whose mean is an eigenvalue of the covariance
    assert found == pytest.approx(2 * bends * (then.weights.second**2).sum() + 0.3, rel=1e-12)
    way = np.outer(axes[:, 3], unit)
    moved = Weights(then.weights.first - 0.01 * (slope * way).sum() * way, then.weights.bias, then.weights.second)
    later = gradients(moved, then.data, then.data.train, LOSSES["mean-square"], 0.3)[1].first
    left = (later * way).sum() / (slope * way).sum()
    assert left == pytest.approx(1 - 0.01 * found[3], rel=1e-9)  # outputs near 100 · |W₂|: 1e-13 of the gradient


@pytest.fixture(scope="module")
def runs():
    return {rule: [train(QUICK, rule, seed) for seed in (0, 1)] for rule in ("gd", "egd", "adam")}


def test_arrivals_are_those_of_the_laws(runs):
    errors, bends = np.array([3.0, 0.5, 2.0]), np.array([0.1, 4.0, 0.02])  # in no order
    steps = 200 // 32
    descent, even = runs["gd"][0], runs["egd"][0]
    wanted = np.ceil(np.log(0.05) / np.log1p(-0.02 * bends)) / steps
    assert arrivals(descent, errors, bends) == pytest.approx(wanted, rel=1e-14)
    assert arrivals(even, errors, bends) == pytest.approx(0.95 * errors / 0.02 / steps, rel=1e-12)
    assert arrivals(replace(descent, step=0.6), errors, bends) is None  # 0.6 · 4 is above 2
    assert arrivals(runs["adam"][0], errors, bends) is None
    equal = replace(QUICK, norm="equal")  # steps of one length are no gradient descent
    assert arrivals(replace(descent, setting=equal), errors, bends) is None
    assert arrivals(replace(even, setting=equal), errors, bends) is not None


def test_a_runs_prediction_comes_from_its_gradient_at_memorisation(runs):
    for rule in ("gd", "egd"):
        run = runs[rule][0]
        found = remaining(run)
        assert found.measured == run.arrival - run.memorised > 0
        assert found.arrived
        then = moment(run, run.memorised)
        inner, values, outer = np.linalg.svd(then.slope.first, full_matrices=False)
        samples = examples(run).inputs.values[examples(run).train]
        bends = []
        for u, v in zip(inner.T, outer, strict=True):  # as one would write it
            active = samples @ then.weights.first + then.weights.bias > 0
            change = (samples @ u)[:, None] * ((active * v) @ then.weights.second)
            bends.append(2 * (change**2).mean() + QUICK.weight_decay)
        errors, steps = values / np.array(bends), 200 // 32
        slow = {"gd": np.ceil(np.log(0.05) / np.log1p(-0.02 * np.array(bends))), "egd": 0.95 * errors / 0.02}[rule]
        assert found.said.slowest == pytest.approx(slow.max() / steps, rel=1e-9)
        assert found.said.leading == pytest.approx(slow[:2].max() / steps, rel=1e-9)  # of two relevant bits
        alone = np.ceil(np.log(0.05) / np.log1p(-0.02 * 0.01)) / steps
        assert found.said.decay == (pytest.approx(alone) if rule == "gd" else None)


def test_where_there_is_no_answer(runs):
    run = runs["gd"][0]
    assert remaining(replace(run, memorised=None)).reason == "not memorised"
    assert remaining(replace(run, memorised=run.arrival)).reason == "nothing remained once it had memorised"
    assert remaining(replace(runs["adam"][0], memorised=1)).reason == NO_ARRIVALS
    hinge = train(replace(QUICK, loss="hinge", weight_decay=0.0), "gd")
    assert remaining(replace(hinge, memorised=1)).reason == NO_CURVATURE
    censored = remaining(replace(run, arrival=None))
    assert (censored.measured, censored.arrived) == (run.epochs - run.memorised, False)


def test_predictions_over_seeds():
    found = [
        Remaining("gd", 0.1, 0, Said(1000, 200, 900), 2000, True),
        Remaining("gd", 0.1, 1, Said(1000, 300, 900), 1500, True),
        Remaining("gd", 0.1, 2, Said(1000, 100, 900), 500, False),
        Remaining("egd", 0.1, 0, Said(10, 1, None), 50, True),
        Remaining("egd", 0.1, 1, Said(20, 2, None), 60, True),
        Remaining("egd", 0.1, 2, None, 0, False, "not memorised"),
    ]
    descent, even = outlooks(found)
    assert (descent.slowest, descent.leading, descent.decay) == (1000, 200, 900)
    assert (descent.longer.value, descent.longer.low, descent.longer.high) == (None, 0.5, np.inf)  # 0.5 or more, 1.5, 2
    assert descent.against_measured is descent.against_predicted is None
    assert (even.slowest, even.leading, even.decay) == (15, 1.5, None)
    assert even.longer.value == (50 / 10 + 60 / 20) / 2
    assert even.against_predicted.value == (100 + 50) / 2
    assert even.against_measured.value == (2000 / 50 + 1500 / 60) / 2
    assert even.reasons == ("not memorised",)
    assert outlooks(found[3:])[0].against_measured is None
    assert json.loads(json.dumps(descent.document(), allow_nan=False))["longer"]["high"] is None


def test_train_predicts_when_asked(tmp_path):
    options = ["train", "parity-4", "--rules", "gd,egd,adam", "--out", str(tmp_path / "runs"), "--workers", "1"]
    for change in ("bits=12", "relevant=2", "train=200", "test=400", "width=24", "step=0.02", "epochs=60", "linger=0"):
        options += ["--set", change]
    shown = CliRunner().invoke(app, [*options, "--predict"])
    assert shown.exit_code == 0, shown.output
    assert "by linear theory of W₁" in shown.output
    assert "no answer (not memorised)" in shown.output
    found = json.loads(CliRunner().invoke(app, [*options, "--predict", "--json"]).stdout)["outlook"]
    assert [one["rule"] for one in found] == ["gd", "egd", "adam"]
    assert found[0]["slowest"] > found[1]["slowest"] > 0
    assert json.loads(CliRunner().invoke(app, [*options, "--json"]).stdout)["outlook"] == []
