"""Where rules stand over seeds, from runs written by hand: medians, pairs, budgets and the paper's numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from evenflow.cli import app
from evenflow.standings_display import print_standings
from simulations.networks.network import Weights
from simulations.networks.published import EPOCHS, published
from simulations.networks.record import CURVES, TrainingRun
from simulations.networks.settings import PRESETS, Setting
from simulations.networks.standings import standings, stored, verdict
from simulations.survival import median
from theory.checks import ArgumentError

PAPER = PRESETS["modular-97-add"]
EMPTY = Weights(*(np.zeros((1, 1)) for _ in range(3)))


def made(
    rule: str, seed: int, arrival: int | None, epochs: int, setting: Setting = PAPER, reason: str = "over"
) -> TrainingRun:
    """A run with a record and nothing in it but the lengths of its steps, 1, 2, 3, … of its epochs."""
    curves = {name: np.full(epochs + 1, 0.5) for name in CURVES}
    curves["step_norm"] = np.array([np.nan, *range(1, epochs + 1)])
    none = np.array([], int)
    return TrainingRun(
        setting,
        rule,
        setting.step,
        seed,
        epochs,
        arrival,
        None,
        None,
        reason,
        curves,
        none,
        {},
        none,
        EMPTY,
        EMPTY,
        None,
    )


def test_medians_pairs_and_verdicts():
    runs = [made("gd", seed, end, end + 10) for seed, end in enumerate((5000, 5200, 5600, 5100, 5300))]
    runs += [made("egd", seed, end, end + 10) for seed, end in enumerate((100, 130, 140, 102, 106))]
    runs += [made("rsvd:128", seed, end, end) for seed, end in enumerate((150, 150, 150, 150, 150))]
    runs += [made("column-norm", seed, end, end) for seed, end in enumerate((500, 500, 500, 500, 500))]
    descent, even, sketch, columns = standings(runs[::-1])[::-1]
    assert (descent.epochs.value, descent.epochs.low, descent.epochs.high) == (5200, 5000, 5600)
    assert descent.epochs.coverage == pytest.approx(1 - 2 / 32)  # the extremes of five
    assert (descent.against, descent.published, descent.verdict) == (None, 5392, "inside the interval")
    assert even.epochs.value == 106
    assert even.against.ratio.value == 50  # of 50, 40, 40, 50, 50
    assert (even.against.ratio.low, even.against.ratio.high) == (40, 50)
    assert (even.against.slower, even.against.faster) == (5, 0)  # gradient descent is the slower one
    assert (even.published, even.verdict) == (116, "inside the interval")
    assert (sketch.published, sketch.verdict) == (139, "within 25 %")
    assert (columns.published, columns.verdict) == (328, "neither")
    assert {one.steps for one in (descent, even, sketch, columns)} == {4704 // 512}
    assert even.step_norm == np.median(
        [(1 + end) / 2 for end in (100, 130, 140, 102, 106)]
    )  # up to arrival, not beyond


def test_censored_and_diverged_runs():
    runs = [made("gd", 0, None, 400), made("gd", 1, 300, 310), made("gd", 2, None, 400)]
    runs += [made("egd", 0, 200, 210), made("egd", 1, None, 3, reason="diverged in epoch 3"), made("egd", 2, 100, 110)]
    descent, even = standings(runs)
    assert (descent.epochs.value, descent.epochs.low, descent.epochs.censored) == (None, 300, 2)
    # a run that diverged does not arrive in all the epochs it had, so that the median is the larger of the others
    assert (even.epochs.value, even.epochs.low, even.epochs.high) == (200, 100, np.inf)
    assert even.against.ratio.censored == 3
    assert (even.against.slower, even.against.faster) == (2, 1)
    assert descent.verdict == "not decided"
    found = json.dumps([one.document() for one in (descent, even)], allow_nan=False)
    assert json.loads(found)[0]["epochs"] == {
        "value": None, "low": 300, "high": None, "coverage": 0.75, "seeds": 3, "censored": 2,
    }  # fmt: skip


def test_pairs_are_of_the_same_seed_and_the_settings_own_step():
    runs = [made("gd", seed, end, end) for seed, end in ((2, 900), (0, 500))]
    runs += [replace(run, step=0.1, arrival=1) for run in runs]
    runs += [made("egd", seed, end, end) for seed, end in ((0, 50), (1, 1), (2, 30))]
    descent, slow, even = standings(runs)
    assert (descent.step, slow.step, slow.published) == (0.7, 0.1, None)
    assert even.against.ratio.seeds == 2
    assert even.against.ratio.value == (10 + 30) / 2


@pytest.mark.parametrize(
    ("times", "arrived", "number", "found"),
    [
        ([90, 110], [True, True], 110, "inside the interval"),
        ([125], [True], 100, "within 25 %"),
        ([126], [True], 100, "neither"),
        ([75], [True], 100, "within 25 %"),
        ([150, 160], [False, False], 200, "not decided"),
        ([250, 260], [False, False], 200, "neither"),  # already longer
    ],
)
def test_verdicts(times, arrived, number, found):
    assert verdict(median(times, arrived), number) == found


def test_published_numbers_belong_to_their_setting_alone():
    assert set(EPOCHS) == {name for name in PRESETS if name != "modular-37-add"}
    assert published(replace(PAPER, epochs=7, linger=3), "gd", 0.7) == 5392  # the same run, for less or more long
    assert published(PAPER, "egd", 0.5) is None
    assert published(replace(PAPER, weight_decay=0.0), "egd", 0.7) is None
    assert published(PRESETS["parity-4"], "column-norm", PRESETS["parity-4"].step) is None
    assert published(PAPER, "frobenius", 0.7) is None


def test_runs_of_two_settings_do_not_stand_together():
    with pytest.raises(ArgumentError, match="of one setting"):
        standings([made("gd", 0, 1, 1), made("gd", 1, 1, 1, replace(PAPER, width=7))])


def test_only_a_directory_of_train_holds_runs(tmp_path):
    with pytest.raises(ArgumentError, match="name a directory of `train`"):
        stored(tmp_path)
    (tmp_path / "parameters.json").write_text("{}")
    with pytest.raises(ArgumentError, match="holds none"):
        stored(tmp_path)


def test_train_prints_where_the_rules_stand(tmp_path):
    options = ["train", "parity-4", "--rules", "gd,egd", "--seeds", "2", "--out", str(tmp_path / "runs")]
    options += ["--set", "epochs=2", "--set", "train=64", "--set", "test=32", "--workers", "1"]
    shown = CliRunner().invoke(app, options)
    assert shown.exit_code == 0, shown.output
    assert "the same 2 steps in an epoch" in shown.output
    assert "– [2, ∞)" in shown.output
    once = [*options, "--set", "train=32", "--out", str(tmp_path / "once")]
    assert "All rules take one step in an epoch" in CliRunner().invoke(app, once).output
    found = json.loads(CliRunner().invoke(app, [*options, "--json"]).stdout)
    assert [one["epochs"]["low"] for one in found["standings"]] == [2, 2]
    # the polar factor of a 100 x 50 gradient, of full rank by its weight decay; float32
    assert found["standings"][1]["step_norm"] == pytest.approx(0.0230841 * 50**0.5, rel=1e-6)
    assert found["published"].startswith("arXiv:2510.04930")
    assert [run.epochs for run in stored(tmp_path / "runs")] == [2, 2, 2, 2]


def test_the_table_shows_open_ends_and_the_paper(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    print_standings(standings([made("gd", 0, None, 400), made("egd", 0, 120, 130)]), 0.7)
    shown = capsys.readouterr().out
    for text in ("> 400", "not decided", "5392", "116", "within 25", "arXiv:2510.04930"):
        assert text in shown
