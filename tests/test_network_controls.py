"""The set of controls, and step sizes chosen alike for all rules by validation accuracy."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from evenflow.cli import app
from evenflow.standings_display import print_tuned
from simulations.directions import direction
from simulations.networks import campaign as campaigns
from simulations.networks import training
from simulations.networks.contenders import DAMPED_NATURAL, contender, law_of
from simulations.networks.controls import controls, expanded
from simulations.networks.network import Weights
from simulations.networks.record import CURVES, TrainingRun
from simulations.networks.settings import PRESETS
from simulations.networks.tasks import Modular
from simulations.networks.training import train
from simulations.networks.tuning import FACTORS, Tuned, tuned, tuning_runs, tuning_setting, with_steps
from theory.checks import ArgumentError
from theory.rule_ids import rule

SMALL = replace(PRESETS["modular-37-add"], task=Modular(13), width=40, batch=40, epochs=3)
EMPTY = Weights(*(np.zeros((1, 1)) for _ in range(3)))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_its_controls(preset):
    setting = PRESETS[preset]
    found = controls(setting)
    names = [contender(name, setting).name for name in found]
    assert len(set(names)) == len(found) >= 10
    if preset == "modular-97-add":
        assert {"rsvd:128", "rsvd:64"} < set(found)
    if preset == "parity-2":
        assert {"rsvd:40", "rsvd:10"} < set(found)


def test_every_control_has_a_name_to_read():
    """None is a place in this program: the tables, the files and the options name rules by these."""
    found = controls(PRESETS["modular-37-add"])
    assert "damped-natural" in found and not [name for name in found if "simulations" in name]
    who = contender("damped-natural@0.1", SMALL)
    assert (who.name, who.rule, who.step) == ("damped-natural@0.1", "damped-natural", 0.1)
    assert law_of("damped-natural") is DAMPED_NATURAL and law_of("egd") == rule("egd")


def test_every_control_runs_and_moves():
    moved = {}
    for name in controls(SMALL):
        run = train(SMALL, name)
        assert run.epochs == 3
        assert np.isfinite(run.curves["train_loss"]).all()
        moved[name] = run.weights.first
    assert len({values.tobytes() for values in moved.values()}) == len(moved)  # each is a rule of its own


def test_equal_norms_are_equal_for_all_but_adam():
    setting = replace(SMALL, norm="equal", epochs=1)
    for name in controls(setting):
        length = train(setting, name).curves["step_norm"][1]
        if name != "adam":
            assert length == pytest.approx(setting.step * 26**0.5, rel=1e-5), name  # float32


def test_frobenius_rescaling_is_there_with_egds_length():
    setting = replace(SMALL, epochs=1)
    (name,) = [name for name in controls(setting) if name.startswith("frobenius@")]
    lengths = [train(setting, one).curves["step_norm"][1] for one in (name, "egd")]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-5)  # float32
    assert not [name for name in controls(replace(setting, norm="equal")) if "@" in name]


def test_the_set_stands_among_other_rules():
    assert expanded(["adam@0.01", " controls"], SMALL) == ["adam@0.01", *controls(SMALL)]
    assert expanded(["gd", "controls", "egd"], SMALL) == controls(SMALL)


def test_damped_natural_speeds():
    values = np.array([3.0, 1.0, 0.1])
    found = direction(DAMPED_NATURAL)(np.diag(values), None)[0]
    norm = np.sqrt(10.01)
    assert np.diag(found) == pytest.approx(values * norm / (values**2 + norm**2 / 100), rel=1e-13)
    scaled = direction(DAMPED_NATURAL)(1e-3 * np.diag(values), None)[0]
    assert scaled == pytest.approx(found, rel=1e-12)  # of the gradient's shape alone


def made(rule: str, step: float, seed: int, validation: list[float]) -> TrainingRun:
    curves = {name: np.full(len(validation), 0.5) for name in CURVES} | {"validation_accuracy": np.array(validation)}
    none, epochs = np.array([], int), len(validation) - 1
    return TrainingRun(
        SMALL, rule, step, seed, epochs, None, None, None, "over", curves, none, {}, none, EMPTY, EMPTY, None
    )


def test_the_earliest_validation_wins_and_the_best_where_none_arrives():
    def rise(epoch: int) -> list[float]:
        return [0.0] * epoch + [0.96] * 20

    runs = [made("gd", 1.0, seed, rise(12)) for seed in (0, 1)] + [made("gd", 2.0, seed, rise(9)) for seed in (0, 1)]
    runs += [made("gd", 4.0, 0, rise(2)), made("gd", 4.0, 1, [0.9] * 30)]  # one of two: no median
    runs += [made("gd", 8.0, seed, [0.99, 0.9, 0.9] * 10) for seed in (0, 1)]  # now and then, by luck
    runs += [made("egd", 1.0, 0, [0, 0.5, 0.6]), made("egd", 2.0, 0, [0.7, 0.7, np.nan])]
    # of ten epochs six must be above the level, which they are from the fourth before the rise on
    assert tuned(runs) == [Tuned("gd", 2.0, 5.0, at_edge=False), Tuned("egd", 2.0, np.inf, at_edge=True)]


def test_tuning_looks_at_other_seeds_and_a_validation_set(tmp_path):
    trial = tuning_setting(SMALL)
    entries = tuning_runs(trial, ["gd", "egd@0.3"], tmp_path)
    assert [entry.contender.step for entry in entries[: len(FACTORS)]] == pytest.approx([0.7 * f for f in FACTORS])
    assert {entry.contender.rule for entry in entries} == {"gd"}
    assert {entry.seed for entry in entries} == {1000, 1001}
    assert len({entry.path for entry in entries}) == len(entries)
    run = train(trial, entries[0].contender, 1000)
    assert np.isfinite(run.curves["validation_accuracy"]).all()
    assert tuning_runs(trial, ["egd@0.3"], tmp_path) == ()


def test_the_test_set_decides_no_step(tmp_path, monkeypatch):
    """With test accuracies that arrive at once, and end each run, the same steps are chosen for the same epochs."""
    options = ["train", "parity-2", "--rules", "gd", "--workers", "1", "--tune", "--json"]
    for change in ("bits=8", "train=200", "test=50", "width=20", "batch=100", "step=0.05", "epochs=60", "arrival=0.9"):
        options += ["--set", change]
    usual, found = training.Training._look, []
    for ended in (False, True):

        def look(run, loss, norm, ended=ended):
            usual(run, loss, norm)
            if run.seed >= 1000:
                run.reached["arrival"] = 0 if ended else None

        monkeypatch.setattr(training.Training, "_look", look)
        shown = CliRunner().invoke(app, [*options, "--out", str(tmp_path / str(ended))])
        assert shown.exit_code == 0, shown.output
        found.append(json.loads(shown.stdout)["tuned"])
    assert found[0] == found[1]
    assert found[0][0]["epochs"] > 10  # later than where a test accuracy that arrives at once ends a run


def test_rules_take_their_steps():
    found = [Tuned("gd", 2.8, 10.0, at_edge=False)]
    assert with_steps(["gd", "egd@0.3"], found, SMALL) == ["gd@2.8", "egd@0.3"]


def test_a_step_is_told_with_what_it_was_chosen_by(capsys):
    arrived, one, none = (Tuned("gd", 2.0, epochs, at_edge=False) for epochs in (5.0, 1.0, np.inf))
    print_tuned([arrived, one, replace(none, at_edge=True)])
    assert capsys.readouterr().out.splitlines() == [
        "Step sizes chosen from seeds 1000 and 1001, which are not reported:",
        "gd: step 2, validation accuracy arrived after 5 epochs.",
        "gd: step 2, validation accuracy arrived after 1 epoch.",
        "gd: step 2, whose validation accuracy came highest; at no step did it arrive, at the edge of the grid.",
    ]


def test_train_tunes_when_asked(tmp_path):
    options = ["train", "modular-37-add", "--rules", "gd", "--out", str(tmp_path / "runs"), "--workers", "1", "--tune"]
    for change in ("modulus=7", "width=8", "batch=10", "epochs=2"):
        options += ["--set", change]
    shown = CliRunner().invoke(app, options)
    assert shown.exit_code == 0, shown.output
    assert re.search(r"\ngd: step \S+, whose validation accuracy came highest; at no step did it arrive", shown.output)
    found = json.loads(CliRunner().invoke(app, [*options, "--json"]).stdout)
    assert found["tuned"][0]["rule"] == found["runs"][0]["rule"] == "gd"
    assert found["tuned"][0]["step"] == found["runs"][0]["step"]
    assert len(list((tmp_path / "runs" / "tuning").glob("*.npz"))) == 2 * len(FACTORS)
    with pytest.raises(ArgumentError, match="be one of"):
        tuning_runs(SMALL, ["nothing"], tmp_path)


def test_what_was_tuned_stays_where_the_runs_then_fail(tmp_path, monkeypatch):
    """Only a directory without any run goes."""
    options = ["train", "modular-37-add", "--rules", "gd", "--out", str(tmp_path / "runs"), "--workers", "1", "--tune"]
    for change in ("modulus=7", "width=8", "batch=10", "epochs=2"):
        options += ["--set", change]
    usual = campaigns.run

    def run(setting, entries, **options):
        if entries[0].seed == 0:
            raise MemoryError
        return usual(setting, entries, **options)

    monkeypatch.setattr(campaigns, "run", run)
    assert isinstance(CliRunner().invoke(app, options).exception, MemoryError)
    assert (tmp_path / "runs" / "parameters.json").exists()
    monkeypatch.setattr(campaigns, "run", usual)
    assert CliRunner().invoke(app, options).exit_code == 0
