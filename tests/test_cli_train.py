"""`evenflow train`: what it prints and writes, what its JSON promises, and what it refuses."""

from __future__ import annotations

import json
import re
import sys

import pytest

import evenflow as ef
from evenflow.cli import main
from simulations.networks.record import TrainingRun
from simulations.networks.settings import PRESETS

TINY = ("modular-37-add", "--set", "modulus=7", "--set", "width=16", "--set", "batch=16", "--set", "epochs=6")


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """The command in this process, in a directory of its own: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["evenflow", "train", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code, *capsys.readouterr()

    return call


def test_runs_are_written_and_told(run, tmp_path):
    code, out, err = run(*TINY, "--rules", "gd,egd,adam@0.01", "--seeds", 2, "--workers", 1, "--out", "found")
    assert (code, err) == (0, "")
    assert "modulus 7" in out
    rows = [re.findall(r"[\w.@>–]+(?: \d+)?", line) for line in out.splitlines() if line.startswith("│")]
    assert rows[:3] == [[name, "> 6", "> 6"] for name in ("gd", "egd", "adam@0.01")]
    assert "> censored" in out
    assert "Written to found." in out
    names = {f"{name}-seed{seed}.npz" for name in ("gd", "egd", "adam@0.01") for seed in (0, 1)}
    assert {path.name for path in (tmp_path / "found").iterdir()} == names | {"parameters.json"}
    assert TrainingRun.load(tmp_path / "found" / "egd-seed1.npz").seed == 1


def test_json_tells_each_run(run):
    code, out, err = run("modular-37-add", "--rules", "egd", "--workers", 1, "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    found = json.loads(out)
    assert (found["version"], found["preset"], found["out"]) == (
        ef.__version__,
        "modular-37-add",
        "train-modular-37-add",
    )
    assert found["parameters"] == PRESETS["modular-37-add"].document()
    (only,) = found["runs"]
    assert list(only) == [
        "rule",
        "step",
        "seed",
        "epochs",
        "arrival",
        "memorised",
        "switched",
        "censored",
        "stop_reason",
        "train_accuracy",
        "test_accuracy",
    ]
    assert only["memorised"] < only["arrival"] == only["epochs"] - 10
    assert not only["censored"]
    # once more, it is only read
    again = run("modular-37-add", "--rules", "egd", "--workers", 1)
    assert again[0] == 0
    assert len(re.findall(rf"egd\s*│\s*{only['arrival']}\s*│", again[1])) == 2  # of the seed, and in the median


def test_stop_egd_at_is_a_part_of_the_setting(run):
    code, out, _ = run(*TINY, "--rules", "egd", "--stop-egd-at", 0.3, "--workers", 1, "--json")
    assert code == 0
    assert json.loads(out)["parameters"]["stop_egd_at"] == 0.3


def test_test_inputs_that_are_trained_on_too_are_told(run):
    tiny = ("parity-4", "--set", "width=4", "--set", "epochs=1", "--rules", "gd", "--workers", 1)
    few = run(*tiny, "--set", "bits=10", "--out", "few")[1]
    assert "Of the test inputs 86 % are expected among the training inputs too: there are 2^10 of them." in few
    assert "Of the test inputs 100 % are" in run(*tiny, "--set", "bits=4", "--out", "all")[1]
    assert "among the training inputs" not in run(*tiny, "--out", "many")[1]
    found = json.loads(run(*tiny, "--set", "bits=10", "--out", "few", "--json")[1])
    assert found["seen"] == PRESETS["parity-4"].changed(["bits=10"]).task.seen


def test_a_rule_named_twice_runs_once(run):
    code, out, err = run(*TINY, "--rules", "power:0.50,gd,power:.5, gd", "--workers", 1, "--json")
    assert (code, err) == (0, "")
    assert [one["rule"] for one in json.loads(out)["runs"]] == ["power:0.5", "gd"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["modular-97-ad"], r"`preset` must be one of .*, but is 'modular-97-ad' \(did you mean modular-97-add\?\)"),
        (["modular-97-add", "--set", "modulus=91"], "`modulus` must be a prime number, but is 91"),
        (["modular-97-add", "--set", "modulus=-97"], "`modulus` must be a whole number .*, but is -97"),
        (["modular-97-add", "--set", "modulus=1"], "`modulus` must be a whole number of at least 2, but is 1"),
        (["modular-97-add", "--set", "modulus=2.5"], "`modulus` must be a whole number .*, but is 2.5"),
        (["modular-97-add", "--set", "operation=divide"], "`operation` must be one of add, multiply, but is 'divide'"),
        (["modular-97-add", "--set", "fraction=0"], r"`fraction` must lie in \(0, 1\), but is 0"),
        (["modular-97-add", "--set", "fraction=1"], r"`fraction` must lie in \(0, 1\), but is 1"),
        (["modular-97-add", "--set", "fraction=1e-9"], "`fraction` must leave pairs to train and to test on, but"),
        (["parity-4", "--set", "relevant=51"], "`relevant` must be at most the number of bits, 50, but is 51"),
        (["parity-4", "--set", "loss=cross-entropy"], "`loss` must be one of mean-square, hinge, but"),
        (["parity-4", "--set", "modulus=7"], "`set` must be one of bits, .*, but is 'modulus'"),
        (["parity-4", "--set", "width"], "`set` must read KEY=VALUE, but is 'width'"),
        (["parity-4", "--set", "width=wide"], "`width` must be a number, but is 'wide'"),
        (["parity-4", "--set", "width=0"], "`width` must be a whole number of at least 1, but is 0"),
        (["parity-4", "--set", "width=-1"], "`width` must be a whole number of at least 1, but is -1"),
        (["parity-4", "--set", "epochs=0"], "`epochs` must be a whole number of at least 1, but is 0"),
        (["parity-4", "--set", "epochs=-1"], "`epochs` must be a whole number of at least 1, but is -1"),
        (["parity-4", "--set", "epochs=1.5"], "`epochs` must be a whole number of at least 1, but is 1.5"),
        (["parity-4", "--set", "linger=-1"], "`linger` must be a whole number of at least 0, but is -1"),
        (["parity-4", "--set", "bits=-1"], "`bits` must be a whole number of at least 1, but is -1"),
        (["parity-4", "--set", "task=modular"], "`set` must be one of bits, .*, but is 'task'"),
        (["parity-4", "--stop-egd-at", "95"], r"`stop_egd_at` must lie in \[0, 1\), 0 for never, but is 95"),
        (["parity-4", "--stop-egd-at", "-0.5"], r"`stop_egd_at` must lie in \[0, 1\), 0 for never, but is -0.5"),
        (["parity-4", "--set", "width=1e17"], r"`width` must make a layer of at most 1e\+15 weights, but"),
        (["parity-4", "--set", "train=1e17"], r"`bits` must be at most 1e\+15 in all samples, but"),
        (["modular-97-add", "--set", "modulus=32416190071"], r"`modulus` must have at most 1e\+15 pairs, but"),
        (["parity-4", "--rules", "foo"], "`rules` must be one of gd, .*, damped-natural, adam, but is 'foo'"),
        (["parity-4", "--rules", "egd@0.1", "--tune"], "`tune` must find a rule without a step of its own, but all"),
        (["parity-4", "--rules", "egf"], r"`rules` must be one of .*, but is 'egf' \(did you mean egd\?\)"),
        (
            ["parity-4", "--rules", "newton"],
            "`rules` must leave out newton for a network, but its steps divide by a constant curvature, and a layer's "
            "changes with the weights",
        ),
        (["parity-4", "--rules", "egd@0"], "`step` must be positive, but is 0"),
        (["parity-4", "--rules", "rsvd:51"], "`rules` must ask rsvd for a rank of at most 50, but is rsvd:51"),
        (["parity-4", "--seeds", "0"], "`seeds` must be a whole number of at least 1, but is 0"),
        (["parity-4", "--seeds", "1e9"], "`seeds` must be at most 1000, but is 1000000000"),
        (["parity-4", "--workers", "0"], "`workers` must be a whole number of at least 1, but is 0"),
        (["parity-4", "--out", "/dev/null/x"], "`out` must be a directory that can be written, but is /dev/null/x"),
    ],
)
def test_refusals_are_one_line_and_leave_nothing(run, arguments, line, tmp_path):
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.match(f"Argument {line}", err), err
    assert not list(tmp_path.iterdir())


def test_zero_is_the_accuracy_at_which_no_rule_gives_way(run):
    off = run(*TINY, "--rules", "egd", "--stop-egd-at", 0, "--workers", 1, "--json", "--out", "a")[1]
    default = run(*TINY, "--rules", "egd", "--workers", 1, "--json", "--out", "a")[1]
    assert off == default


def test_a_directory_of_something_else_is_left_alone(run, tmp_path):
    small = (*TINY, "--rules", "gd", "--workers", 1, "--out", "found")
    assert run(*small)[0] == 0
    file = tmp_path / "found" / "gd-seed0.npz"
    kept = file.read_bytes()
    code, _, err = run(*small, "--set", "width=8")
    assert (code, err) == (
        2,
        "Argument `out` must name a new directory, or one of this setting, but found holds width 16.\n",
    )
    assert run(*small, "--set", "epochs=3")[0] == 0  # no other run, only less of it: what is there stays
    assert file.read_bytes() == kept
    file.rename(tmp_path / "found" / "egd-seed0.npz")
    code, _, err = run(*small, "--rules", "gd,egd")
    assert (code, err) == (
        2,
        "Argument `out` must hold runs of this setting, but found/egd-seed0.npz is another run.\n",
    )
    (tmp_path / "found" / "egd-seed0.npz").write_bytes(kept[:1000])
    code, _, err = run(*small, "--rules", "gd,egd")
    assert code == 2
    assert re.match(
        "Argument `path` must name a run of `train`, but found/egd-seed0.npz is not one, or is damaged", err
    )
    assert err.count("\n") == 1
    (tmp_path / "found" / "parameters.json").write_text("{}")
    assert (
        run(*small)[2] == "Argument `out` must name a directory of `train`, but found/parameters.json is not of it.\n"
    )
    (tmp_path / "found" / "parameters.json").unlink()
    code, _, err = run(*small)
    assert err == "Argument `out` must name a new directory, or one of this setting, but found holds something else.\n"


@pytest.mark.parametrize("workers", [1, 2])
def test_what_does_not_fit_into_memory_is_refused_in_one_line(run, workers, tmp_path):
    code, out, err = run(*TINY, "--rules", "gd,egd", "--set", "width=1e12", "--workers", workers, "--out", "large")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("Argument list must ask for what fits into memory, but Unable to allocate")
    assert not list(tmp_path.iterdir())


def test_a_run_that_diverged_has_no_number_of_epochs(run):
    tiny = ("parity-2", "--set", "bits=12", "--set", "epochs=3", "--set", "train=200", "--workers", 1)
    code, out, _ = run(*tiny, "--rules", "gd@30", "--out", "wild")
    assert code == 0
    assert re.search(r"gd@30 +│ +diverged │", out)
    assert "nan" not in out
