"""Networks on modular arithmetic and parity: exact gradients, rules on layers, runs that resume to the same bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulations.networks.losses import LOSSES, correct
from simulations.networks.network import Weights, gradients, scores, start
from simulations.networks.settings import PRESETS, Setting, preset
from simulations.networks.tasks import Modular, Parity

SMALL = {
    "add": replace(PRESETS["modular-37-add"], task=Modular(7), width=6, precision="double"),
    "multiply": replace(PRESETS["modular-37-add"], task=Modular(5, "multiply"), width=6, precision="double"),
    "mean-square": replace(PRESETS["parity-4"], task=Parity(6, 2, 40, 30), width=5, precision="double"),
    "hinge": replace(PRESETS["parity-4"], task=Parity(6, 2, 40, 30), width=5, precision="double", loss="hinge"),
}
each_small = pytest.mark.parametrize("setting", SMALL.values(), ids=SMALL)


def begin(setting: Setting, seed: int = 0):
    """The data and the initial weights of a setting."""
    data = setting.task.data(np.random.default_rng([seed, 0]), setting.held_back, setting.dtype)
    rng = np.random.default_rng([seed, 1])
    return data, start(setting.task, setting.width, setting.bias, rng, setting.dtype)


def one_hot(setting: Setting, data, rows):
    """The inputs (n, features) as plain numbers, written from the definition of the task."""
    if isinstance(setting.task, Parity):
        return data.inputs.values[rows]
    p = setting.task.modulus
    found = np.zeros((len(rows), 2 * p))
    for place, row in enumerate(rows):
        found[place, row // p] = found[place, p + row % p] = 1
    return found


def plain_loss(setting: Setting, weights: Weights, inputs, targets):
    """The loss with its L2 term, as one would write it, with dense inputs."""
    outputs = np.maximum(inputs @ weights.first + weights.bias, 0) @ weights.second
    if setting.loss == "cross-entropy":
        shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
        losses = -np.log(shares[np.arange(len(targets)), targets])
    elif setting.loss == "hinge":
        losses = np.maximum(0, 1 - targets * outputs[:, 0])
    else:
        losses = (outputs[:, 0] - targets) ** 2
    return losses.mean() + 0.5 * setting.weight_decay * ((weights.first**2).sum() + (weights.second**2).sum())


@each_small
def test_gradients_are_those_of_the_loss(setting):
    data, weights = begin(setting)
    setting, rows = replace(setting, weight_decay=0.3), data.train
    inputs, targets = one_hot(setting, data, rows), data.targets[rows]
    value, slope = gradients(weights, data, rows, LOSSES[setting.loss], setting.weight_decay)
    decay = 0.15 * ((weights.first**2).sum() + (weights.second**2).sum())
    assert value + decay == pytest.approx(plain_loss(setting, weights, inputs, targets), rel=1e-13)
    rng, step = np.random.default_rng(3), 1e-6
    for part, change in zip(weights, slope, strict=True):
        for _ in range(12):
            place = tuple(rng.integers(size) for size in part.shape)
            kept, sides = part[place], []
            for sign in (1, -1):
                part[place] = kept + sign * step
                sides.append(plain_loss(setting, weights, inputs, targets))
            part[place] = kept
            # central differences: step² of a third derivative of order 1, and rounding 1e-16/step
            assert change[place] == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=2e-9)


@each_small
def test_gathered_and_scattered_is_what_a_dense_product_gives(setting):
    data, weights = begin(setting)
    rows = data.train
    inputs, change = one_hot(setting, data, rows), np.random.default_rng(0).standard_normal((len(rows), setting.width))
    forward = data.inputs.forward(weights.first, weights.bias, rows)
    # sums of at most 40 terms of order 1, in another order
    assert forward == pytest.approx(inputs @ weights.first + weights.bias, abs=1e-14)
    assert data.inputs.backward(change, rows) == pytest.approx(inputs.T @ change, abs=1e-13)
    everything = np.concatenate([data.inputs.block(weights.first, weights.bias, some) for some in data.inputs.blocks()])
    assert everything[rows] == pytest.approx(forward, abs=1e-14)


@each_small
def test_scores_are_those_of_single_examples(setting):
    data, weights = begin(setting)
    right, losses = scores(weights, data, LOSSES[setting.loss])
    for row in (*data.train[:5], *data.test[:5]):
        inputs = one_hot(setting, data, [row])
        plain = plain_loss(replace(setting, weight_decay=0.0), weights, inputs, data.targets[[row]])
        assert losses[row] == pytest.approx(plain, rel=1e-12)
        outputs = (np.maximum(inputs @ weights.first + weights.bias, 0) @ weights.second)[0]
        sure = outputs.argmax() == data.targets[row] if len(outputs) > 1 else outputs[0] * data.targets[row] > 0
        assert right[row] == sure


def test_a_tie_at_zero_is_no_parity():
    assert correct(np.zeros((2, 1)), np.array([1.0, -1.0])).tolist() == [False, False]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_deal_out_their_examples(name):
    setting = preset(name)
    data, weights = begin(setting)
    task = setting.task
    if isinstance(task, Modular):
        p = task.modulus
        assert len(data.train) == int(p * p * task.fraction)
        assert sorted([*data.train, *data.test]) == list(range(p * p))
        first, second = np.divmod(np.arange(p * p), p)
        right = first + second if task.operation == "add" else first * second
        assert np.array_equal(data.targets, right % p)
        assert not weights.bias.any()
    else:
        assert (len(data.train), len(data.test)) == (2_000, 10_000)
        assert not set(data.train) & set(data.test)
        assert np.array_equal(data.targets, np.prod(data.inputs.values[:, : task.relevant], axis=1))
        assert np.abs(data.inputs.values.mean()) < 5 / np.sqrt(data.inputs.values.size)  # five standard errors
        assert np.unique(data.inputs.values).tolist() == [-1, 1]
        assert weights.bias.var() == pytest.approx(2 / task.bits, rel=0.8)  # of 50 draws, four standard errors
    assert not len(data.validation)
    assert {part.dtype for part in weights} == {np.dtype(np.float32)}
    # four standard errors of the variance of normal draws
    assert weights.first.var() == pytest.approx(2 / task.features, rel=4 * np.sqrt(2 / weights.first.size))
    assert weights.second.var() == pytest.approx(2 / setting.width, rel=4 * np.sqrt(2 / weights.second.size))


def test_another_seed_deals_out_other_examples():
    setting = PRESETS["modular-37-add"]
    first, again, other = (begin(setting, seed) for seed in (0, 0, 1))
    assert np.array_equal(first[0].train, again[0].train)
    assert np.array_equal(first[1].first, again[1].first)
    assert not np.array_equal(first[0].train, other[0].train)
    assert not np.array_equal(first[1].first, other[1].first)


def test_a_validation_set_is_taken_from_what_is_held_out():
    setting = preset("modular-37-add").changed(["stop_egd_at=0.9", "validation=0.25"])
    plain, split = begin(preset("modular-37-add"))[0], begin(setting)[0]
    assert np.array_equal(plain.train, split.train)
    assert len(split.validation) == round(0.25 * len(plain.test))
    assert sorted([*split.validation, *split.test]) == sorted(plain.test)
    parity = begin(preset("parity-4").changed(["stop_egd_at=0.9", "validation=0.25"]))[0]
    assert (len(parity.train), len(parity.test), len(parity.validation)) == (2_000, 10_000, 500)
