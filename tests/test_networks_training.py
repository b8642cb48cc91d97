"""Training runs: what EGD does to a plateau, rules on layers, resuming to the same bits, rank-deficient gradients."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulations.networks import campaign as campaigns
from simulations.networks import inputs, training
from simulations.networks.contenders import Contender, contender, way_of
from simulations.networks.network import Weights, gradients
from simulations.networks.record import TrainingRun
from simulations.networks.settings import PRESETS, Setting, log_spaced
from simulations.networks.tasks import Modular, Parity
from simulations.networks.training import Training, train
from simulations.polar import polar
from theory.checks import ArgumentError

ROOT = Path(__file__).parents[1]
QUICK = PRESETS["modular-37-add"]
TINY = replace(QUICK, task=Modular(7, fraction=0.8), width=16, batch=16, epochs=12)
ROWS = Setting(Parity(20, 3, 1_000, 2_000), 200, 0.1, 0.0, 32, "hinge", bias="normal", epochs=14, linger=14)
RULES = (
    "gd",
    "egd",
    "egd:refresh=3",
    "momentum:0.9",
    "column-norm",
    "frobenius",
    "random-basis",
    "rsvd:5",
    "newton-schulz",
    "damped:0.01",
    "adam",
)


@pytest.mark.parametrize("seed", range(3))
def test_egd_shortens_the_plateau_of_modular_addition_at_least_five_times(seed):
    egd = train(QUICK, "egd", seed)
    gd = train(replace(QUICK, epochs=5 * egd.arrival), "gd", seed)
    assert gd.memorised < gd.epochs  # it has a plateau: all is memorised, and what was not seen is not known
    assert gd.censored
    assert gd.stop_reason == f"stopped after {5 * egd.arrival} epochs, before test accuracy reached 95 %"
    assert gd.curves["test_accuracy"][gd.memorised :].max() < 0.5
    assert egd.epochs == egd.arrival + QUICK.linger
    assert egd.curves["test_accuracy"][egd.arrival] >= 0.95 > egd.curves["test_accuracy"][: egd.arrival].max()
    assert (egd.rule, egd.seed, egd.step) == ("egd", seed, 0.7)


def plain_epochs(setting: Setting, count: int, seed: int = 0):
    """Gradient descent on dense inputs in double precision, written out: the weights after some epochs."""
    run = Training(setting, contender("gd", setting), seed)
    data, (first, bias, second) = run.data, run.weights.copy()
    p = setting.task.modulus
    left, right = np.divmod(np.arange(p * p), p)
    inputs, wanted = np.hstack([np.eye(p)[left], np.eye(p)[right]]), np.eye(p)[data.targets]
    for epoch in range(count):
        order = data.train[np.random.default_rng([seed, training.ORDER, epoch]).permutation(len(data.train))]
        for begin in range(0, len(order) - setting.batch + 1, setting.batch):
            rows = order[begin : begin + setting.batch]
            before = inputs[rows] @ first + bias
            outputs = np.maximum(before, 0) @ second
            shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
            change = (shares - wanted[rows]) / len(rows)
            back = change @ second.T * (before > 0)
            decay, step = setting.weight_decay, setting.step
            second_slope = np.maximum(before, 0).T @ change + decay * second
            first = first - step * (inputs[rows].T @ back + decay * first)
            bias, second = bias - step * back.sum(axis=0), second - step * second_slope
    return Weights(first, bias, second)


def test_a_run_is_the_plain_loop():
    setting = replace(TINY, precision="double", epochs=5, weight_decay=0.01)
    run = train(setting, "gd")
    for mine, plain in zip(run.weights, plain_epochs(setting, 5), strict=True):
        assert mine == pytest.approx(plain, abs=1e-12)  # ten steps of sums in another order
    single = train(replace(setting, precision="single"), "gd")
    for mine, plain in zip(single.weights, run.weights, strict=True):
        assert mine.dtype == np.float32
        assert mine == pytest.approx(plain, abs=1e-5)  # some hundred roundings of 6e-8 of numbers of order 1


@pytest.mark.parametrize("layers", ["first", "all"])
def test_egd_moves_its_layers_by_the_polar_factor_and_the_rest_by_the_gradient(layers):
    setting = replace(TINY, precision="double", layers=layers)
    run = Training(setting, contender("egd", setting), 0)
    slope = gradients(run.weights, run.data, run.data.train, run.loss, setting.weight_decay)[1]
    way, _ = way_of(contender("egd", setting), setting, 0)(slope, None)
    for name in ("first", "second"):
        left, _, right = np.linalg.svd(getattr(slope, name), full_matrices=False)
        moved = left @ right if name == "first" or layers == "all" else getattr(slope, name)
        assert getattr(way, name) == pytest.approx(moved, abs=1e-10)
    assert np.array_equal(way.bias, slope.bias)


def test_column_norm_divides_the_incoming_weights_of_each_hidden_unit():
    run = Training(TINY, contender("column-norm", TINY), 0)
    slope = gradients(run.weights, run.data, run.data.train, run.loss, 0.0)[1]
    way, _ = run.way(slope, None)
    lengths = np.maximum(np.linalg.norm(slope.first, axis=0), 0.01)
    assert way.first == pytest.approx(slope.first / lengths, rel=1e-5)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "adam"])
def test_equal_norms_give_every_rule_steps_of_egds_length(rule):
    run = train(replace(TINY, norm="equal", epochs=2), rule)
    assert run.curves["step_norm"][1:] == pytest.approx(0.7 * np.sqrt(14), rel=1e-5)
    assert {part.dtype for part in run.weights} == {np.dtype(np.float32)}


def test_egds_own_steps_have_that_length_where_its_gradient_has_full_rank():
    assert train(replace(TINY, epochs=2), "egd").curves["step_norm"][1:] == pytest.approx(0.7 * np.sqrt(14), rel=1e-5)


def test_adam_is_its_recurrence():
    setting = replace(TINY, precision="double")
    run = Training(setting, contender("adam@0.01", setting), 0)
    assert (run.who.name, run.who.step) == ("adam@0.01", 0.01)
    assert contender("adam", setting).step == 1e-3
    slope = Weights(*(np.ones_like(part) for part in run.weights))
    way, state = run.way(slope, None)
    assert way.first == pytest.approx(1.0, rel=1e-7)  # a first step is the sign, up to the ε of 1e-8
    way, state = run.way(Weights(*(-3 * part for part in slope)), state)
    mean, square = (0.9 * 0.1 - 0.1 * 3) / (1 - 0.9**2), (0.999 * 0.001 + 0.001 * 9) / (1 - 0.999**2)
    assert way.second == pytest.approx(mean / np.sqrt(square), rel=1e-7)


def test_every_rule_sees_the_same_examples_in_the_same_order():
    runs = {name: Training(TINY, contender(name, TINY), 3) for name in ("gd", "egd", "adam")}
    for run in runs.values():
        assert np.array_equal(run.data.train, runs["gd"].data.train)
        assert np.array_equal(run.weights.first, runs["gd"].weights.first)
    # at a step of almost nothing the batches' losses are those of the same examples
    small = [train(replace(TINY, epochs=3), f"{name}@1e-9", 3).curves["batch_loss"][1:] for name in ("gd", "egd")]
    assert small[0] == pytest.approx(small[1], rel=1e-6)


def test_the_switch_looks_at_the_validation_set_and_lasts():
    setting = replace(QUICK, stop_egd_at=0.5, epochs=80)
    run = train(setting, "egd", 0)
    seen = run.curves["validation_accuracy"]
    assert seen[run.switched] >= 0.5 > seen[: run.switched].max()
    lengths = run.curves["step_norm"][1:]
    assert lengths[: run.switched].min() > 5  # 0.7 √74, EGD's
    assert lengths[run.switched :].max() < 0.5  # gradients
    assert np.isnan(train(TINY, "egd").curves["validation_accuracy"]).all()
    assert train(TINY, "egd").switched is None


def test_a_run_that_diverges_says_so():
    run = train(replace(TINY, step=1e9), "gd")
    assert run.stop_reason == f"diverged in epoch {run.epochs}"
    assert run.censored
    assert run.epochs < 12


def test_what_decays_below_the_normal_numbers_is_zero():
    run = Training(TINY, contender("gd", TINY), 0)
    run.weights.bias[3] = -1e3  # a unit that is never active: nothing but decay acts on it
    for part in (run.weights.first[:, 3], run.weights.second[3]):
        part[0], part[1] = 1e-39, 2e-38
    run.go_through_an_epoch()
    for part in (run.weights.first[:, 3], run.weights.second[3]):
        assert part[0] == 0
        assert 1.9e-38 < part[1] < 2e-38


@pytest.mark.parametrize("rule", RULES)
def test_a_run_resumed_from_a_file_leaves_the_same_bytes(rule, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "EVERY", 0.0)  # a checkpoint at every epoch
    checkpoints = []
    whole = train(replace(TINY, stop_egd_at=0.9), rule, 1, save=checkpoints.append)
    whole.save(tmp_path / "whole.npz")
    assert len(checkpoints) == 13
    left, fresh = tmp_path / ".part.npz.1", tmp_path / ".part.npz.2"  # a killed process's, and another's at work
    for beside, age in ((left, 1000), (fresh, 1)):
        beside.touch()
        os.utime(beside, (time.time() - age, time.time() - age))
    checkpoints[4].save(tmp_path / "part.npz")
    assert (left.exists(), fresh.exists()) == (False, True)
    begun = TrainingRun.load(tmp_path / "part.npz")
    assert (begun.epochs, begun.stop_reason) == (5, "")
    train(whole.setting, rule, 1, begun=begun).save(tmp_path / "resumed.npz")
    assert (tmp_path / "resumed.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    assert list(tmp_path.glob(".*")) == [fresh]


def test_a_censored_run_can_be_carried_on(tmp_path):
    short, long = train(replace(TINY, epochs=4), "momentum:0.5"), train(TINY, "momentum:0.5")
    short.save(tmp_path / "short.npz")
    train(TINY, "momentum:0.5", begun=TrainingRun.load(tmp_path / "short.npz")).save(tmp_path / "short.npz")
    long.save(tmp_path / "long.npz")
    assert (tmp_path / "short.npz").read_bytes() == (tmp_path / "long.npz").read_bytes()


def test_a_run_goes_on_with_the_measures_it_was_begun_with(monkeypatch):
    with monkeypatch.context() as fewer:
        fewer.delitem(training.MEASURES, "singular_directions")
        begun = train(replace(TINY, epochs=4), "egd")
    assert list(begun.measures) == ["singular_values"]
    found = train(TINY, "egd", begun=begun)
    assert {name: len(values) for name, values in found.measures.items()} == {"singular_values": 13}


def test_the_record_holds_what_it_says(tmp_path):
    run = train(replace(QUICK, epochs=20), "egd", 2)
    run.save(tmp_path / "run.npz")
    found = TrainingRun.load(tmp_path / "run.npz")
    assert found.setting == run.setting
    assert found.document() == run.document()
    assert all(len(values) == 21 for values in found.curves.values())
    assert found.measured_epochs.tolist() == list(range(21))
    assert found.measures["singular_values"].shape == (21, 74)
    assert found.measures["singular_directions"].shape == (21, 74, 32)
    expected = [epoch for epoch in range(21) if log_spaced(epoch, training.KEPT) or epoch == run.memorised]
    assert found.kept_epochs.tolist() == expected
    assert found.kept.first.shape == (len(expected), 74, 256)
    data = QUICK.task.data(np.random.default_rng([2, 0]), QUICK.held_back, QUICK.dtype)
    place = expected.index(run.memorised)
    weights = Weights(*(part[place] for part in found.kept))
    slope = gradients(weights, data, data.train, training.LOSSES[QUICK.loss], QUICK.weight_decay)[1].first
    values = found.measures["singular_values"][run.memorised]
    # from the examples dealt out again: float32, and another order of summation in another process
    assert np.linalg.svd(slope, compute_uv=False) == pytest.approx(values, rel=1e-4)
    directions = found.measures["singular_directions"][run.memorised]
    assert np.linalg.norm(slope.T @ directions, axis=0) == pytest.approx(values[:32], rel=1e-4)
    moved = np.linalg.norm(found.weights.first - found.kept.first[0])
    assert found.curves["distance_first"][-1] == pytest.approx(moved, rel=1e-5)


def rows_of(rule, *, jitter=False, threads=1):
    """Loss of each epoch, arrival, and ranks of the gradients of a parity run; `rule` is egd, or EGD without a cut."""
    run = Training(ROWS, contender("egd", ROWS), 0)
    guarded, ranks = run.way, []

    def way(slope, state):
        if rule == "egd":
            ranks.append(polar(slope.first).rank)
            return guarded(slope, state)
        left, _, right = np.linalg.svd(slope.first, full_matrices=False)
        return Weights(left @ right, slope.bias, slope.second), state

    run.way = way
    if jitter:  # the last bit of one number of one training input
        row = run.data.train[0]
        run.data.inputs.values[row, 0] = np.nextafter(run.data.inputs.values[row, 0], np.float32(2))
    with training.threadpool_limits(threads):
        while not run.over():
            run.go_through_an_epoch()
    return np.array(run.curves["batch_loss"][1:]), run.reached["arrival"], np.array(ranks)


def test_rank_deficient_gradients_do_not_make_a_run_depend_on_the_last_bit():
    losses, arrival, ranks = rows_of("egd")
    assert (ranks < 20).mean() > 0.5  # most gradients here have no full rank
    assert arrival < 20
    for other in (rows_of("egd", jitter=True), rows_of("egd", threads=4)):
        # a bit is 1e-7 of an input; what it does to the first ten epochs' losses, which are of order 1, stays there
        assert np.abs(other[0] - losses)[:10].max() < 1e-6
        assert abs(other[1] - arrival) <= 1
    # without the cut the same bit turns the directions of vanished singular values at random
    uncut, jittered = rows_of("uncut"), rows_of("uncut", jitter=True)
    assert np.abs(jittered[0] - uncut[0])[:10].max() > 1e-3


def test_processes_change_nothing(tmp_path):
    for name, workers in (("one", 1), ("two", 2)):
        entries = campaigns.campaign(TINY, ["egd", "rsvd:3"], 1, tmp_path / name)
        campaigns.prepare(TINY, tmp_path / name, "0")
        seen = []
        runs = campaigns.run(TINY, entries, workers=workers, progress=seen.append)
        assert [run.epochs for run in runs] == [12, 12]
        assert sorted(report.index for report in seen if report.done) == [0, 1]
    for file in sorted(path.name for path in (tmp_path / "one").iterdir()):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("rule", ["gd", "egd", "gd@1e30"])
def test_threads_change_no_bit(monkeypatch, rule):
    monkeypatch.setattr(training, "WORTHWHILE", 0)  # else a network as small as this has none
    monkeypatch.setattr(inputs, "BLOCK", 8)  # and its examples fit into one block
    setting = replace(TINY, batch=1000 if "@" in rule else 16)  # one step, after which the scores overflow
    one, three = (train(setting, rule, 1, threads=threads) for threads in (1, 3))
    assert one.stop_reason == three.stop_reason
    for name, values in one.curves.items():
        assert np.array_equal(values, three.curves[name], equal_nan=True)
    for mine, other in zip(one.weights, three.weights, strict=True):
        assert np.array_equal(mine, other, equal_nan=True)


def test_what_a_process_refuses_is_raised_here(tmp_path):
    entry = campaigns.Entry(Contender("rsvd:50", "rsvd:50", 0.1), 0, tmp_path / "run.npz")
    here, there = multiprocessing.Pipe(duplex=False)
    campaigns._serve(TINY, entry, 0, 1, there)
    with pytest.raises(ArgumentError, match="must ask rsvd for a rank of at most 14, but asks for 50"):
        campaigns._received(here)
    there.close()
    with pytest.raises(ArgumentError, match="`workers` must live until their runs are over"):
        campaigns._received(here)
    assert not entry.path.exists()


KILLED = """
import sys
import simulations.networks.training as training
training.EVERY = 0.0
from evenflow.cli import main
sys.argv = ["evenflow", *sys.argv[1:]]
main()
"""


def test_a_killed_command_goes_on_to_the_same_bytes(tmp_path):
    command = [sys.executable, "-c", KILLED, "train", "modular-37-add", "--rules", "gd", "--workers", "1"]
    command += ["--set", "epochs=150", "--json", "--out"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    file = tmp_path / "killed" / "gd-seed0.npz"
    with subprocess.Popen([*command, str(file.parent)], env=environment, stdout=subprocess.DEVNULL) as process:
        limit = time.monotonic() + 60
        while not (file.exists() and TrainingRun.load(file).epochs > 20):
            assert process.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert TrainingRun.load(file).epochs < 150
    plain = [sys.executable, "-m", "evenflow", *command[3:], str(file.parent)]
    done = subprocess.run(plain, env=environment, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["runs"][0]["epochs"] == 150
    train(replace(QUICK, epochs=150), "gd").save(tmp_path / "whole.npz")
    assert file.read_bytes() == (tmp_path / "whole.npz").read_bytes()
