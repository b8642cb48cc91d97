"""Sweeps: their numbers against single runs, and their stores against kills, corruption, full disks and mix-ups."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from evenflow import __version__
from evenflow.commands.sweep import lines
from simulations import folded_descents, sweep_lengths, sweep_runs
from simulations.axes import axis
from simulations.descent import descend
from simulations.flow import flow
from simulations.phases import phase
from simulations.spectra import SHAPES, spectra, spectrum
from simulations.sweep_runs import run_sweep
from simulations.sweep_store import open_sweep
from simulations.sweeps import POINT, Sweep, sweep
from theory.checks import ArgumentError
from theory.members import Members
from theory.models.folded import Folded
from theory.models.regression import Regression
from theory.models.wedge import Wedge
from theory.plateaus import ARRIVAL_SPREAD, CROSSING, LEADING_ORDER, LONGEST_RUN
from theory.predictions import predict
from theory.rule_ids import rule
from theory.spreads import folded_lengths, regression_spreads, separate

Cluster = tuple[str, list[subprocess.Popen[bytes]]]

ROOT = Path(__file__).parents[1]
SMALL = {"epsilon": "1e-2:1e-1:7:log", "theta": [0.6, 0.9]}


def store(path: Path, what: Sweep, **options: object) -> sweep_runs.Outcome:
    return run_sweep(what, path, version="1", workers=1, **options)


def chunks(path: Path) -> dict[str, bytes]:
    """The bytes of every chunk of a store."""
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("c/**/*") if file.is_file()}


def members(count: int, seed: int = 0, low: float = -3.0) -> Members:
    rng = np.random.default_rng(seed)
    return Members(
        epsilon=10 ** rng.uniform(low, -0.5, count),
        theta=rng.uniform(0.3, 1.3, count),
        margin=rng.choice([0.0, 1.0, 2.5], count),
        weight_decay=rng.choice([0.0, 0.02], count),
        start_fast=rng.normal(1, 1, count),
        start_slow=rng.normal(3, 2, count),
        step=rng.uniform(0.02, 0.15, count),
    )


def alone(at: Members, place: int) -> tuple[Folded, float, np.ndarray]:
    names = ("epsilon", "theta", "margin", "weight_decay", "step", "start_fast", "start_slow")
    *parameters, step, first, second = (float(getattr(at, name)[place]) for name in names)
    return Folded(*parameters), step, np.array([[first, second]])


@pytest.mark.parametrize("name", ["gd", "egd", "newton", "damped:0.01"])
def test_members_together_take_the_steps_of_each_alone(name: str) -> None:
    at = members(12)
    together, _ = folded_descents.measure(rule(name), at, max_steps=200_000)
    for place in range(12):
        model, step, start = alone(at, place)
        by_itself = descend(model, name, step, start, max_steps=200_000)
        for definition in (LONGEST_RUN, ARRIVAL_SPREAD, CROSSING):
            expected = by_itself.plateaus[definition]
            if definition == CROSSING and "propagator" in by_itself.stop_reason:
                continue  # which then looks at some steps only
            found = together[definition][place]
            assert np.isnan(found) if expected is None else found == expected, (definition, place)


def test_a_member_counts_every_step_it_takes() -> None:
    at = members(5)
    _, taken = folded_descents.measure(rule("gd"), at, max_steps=100)
    assert (taken <= 100).all() and taken.max() == 100
    lengths, _ = folded_descents.measure(rule("gd"), at, max_steps=3)
    assert np.isnan(lengths[ARRIVAL_SPREAD]).all()


def test_a_run_that_lasts_for_ever_is_censored() -> None:
    one = np.ones(1)
    # e₁ = 0 from the start: EGD walks along e₂ and ends in a cycle of two steps around 0, of which one errs
    star = 1.525135276160981 / 2.525135276160981
    given = {"epsilon": 0.01 * one, "margin": one, "weight_decay": 0 * one, "step": 0.1 * one}
    at = Members(theta=0.05 * one, start_fast=star * one, start_slow=0.97 * one, **given)
    lengths, taken = folded_descents.measure(rule("egd"), at, max_steps=5000)
    assert lengths[LONGEST_RUN][0] >= 9 and np.isnan(lengths[ARRIVAL_SPREAD][0]) and taken[0] < 5000
    lengths, _ = folded_descents.measure(rule("gd"), members(4), max_steps=1)
    assert np.isnan(lengths[LONGEST_RUN]).any()


@pytest.mark.parametrize("view", ["descent", "flow"])
@pytest.mark.parametrize("name", ["gd", "newton"])
def test_folded_closed_forms_are_the_scalar_predictions(name: str, view: str) -> None:
    at = members(60, 1, -6)
    found = folded_lengths(name, view, at)
    for place in range(60):
        model, step, start = alone(at, place)
        lengths = predict(model, rule(name), view, start, step=step if view == "descent" else None).plateaus
        for definition in (ARRIVAL_SPREAD, LEADING_ORDER):
            if definition in lengths:
                assert found[definition][place] == pytest.approx(lengths[definition][0], rel=1e-14)  # order of sums
            elif definition in found:
                assert np.isnan(found[definition][place])


POWERS = ["gd", "egd", "ngd", "newton", "power:0.5"]
LAWS = [(name, view) for name in POWERS for view in ("descent", "flow") if separate(rule(name), view)]


@pytest.mark.parametrize(("name", "view"), LAWS)
def test_regression_closed_forms_are_the_scalar_predictions(name: str, view: str) -> None:
    assert len(LAWS) == 8
    rates = np.vstack([spectra(shape, np.array([1.5, 40.0]), 4) * size for shape in SHAPES for size in (0.5, 30)])
    found = regression_spreads(name, view, rates=rates, errors=np.full(rates.shape, 0.3), step=0.0999)
    for values, length in zip(rates, found, strict=True):
        model = Regression.from_spectrum(values, start=0.3)
        step = 0.0999 if view == "descent" else None
        lengths = predict(model, rule(name), view, model.start(), step=step).plateaus
        if ARRIVAL_SPREAD in lengths:
            assert length == pytest.approx(lengths[ARRIVAL_SPREAD][0], rel=1e-12, abs=1e-12)  # a clock's quadrature
        else:
            assert np.isnan(length)


@pytest.mark.parametrize("rules", [["rsvd:5"], ["gd", "rsvd:5"]])
def test_a_rule_that_does_not_fit_leaves_no_store(rules: list[str], tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="ask rsvd for a rank of at most 1"):
        store(tmp_path / "s.zarr", sweep("folded", {}, rules))
    assert not list(tmp_path.iterdir())
    store(tmp_path / "s.zarr", sweep("folded", {}, ["gd"]))
    with pytest.raises(ArgumentError, match="name a new store"):
        store(tmp_path / "s.zarr", sweep("folded", {}, rules))
    assert (tmp_path / "s.zarr").exists()


@pytest.mark.parametrize("measure", [True, False])
def test_one_direction_alone_has_no_spread_in_a_sweep(measure: bool, tmp_path: Path) -> None:
    found = sweep("regression", {"spectrum": "1;1,0.1"}, ["gd", "egd", "frobenius"], measure=measure)
    store(tmp_path / "s.zarr", found)
    with open_sweep(tmp_path / "s.zarr") as stored:
        for side in ("predicted", "measured") if measure else ("predicted",):
            lengths = stored[side].sel(definition=ARRIVAL_SPREAD).squeeze()
            assert np.isnan(lengths.sel(spectrum="1")).all()
            assert not np.isnan(lengths.sel(spectrum="1,0.1").sel(rule="gd"))


def test_marchenko_pastur_is_the_spectrum_of_a_large_sample() -> None:
    ratio = 0.25
    condition = ((1 + np.sqrt(ratio)) / (1 - np.sqrt(ratio))) ** 2
    samples = np.random.default_rng(0).normal(size=(1600, 400))
    seen = np.linalg.eigvalsh(samples.T @ samples / 1600)[::-1]
    law = spectrum("marchenko-pastur", condition, 400, (1 + np.sqrt(ratio)) ** 2)
    assert law[0] / law[-1] == pytest.approx(condition, rel=1e-12)
    assert np.abs(law - seen).max() < 0.05  # eigenvalues keep within about d^(-2/3) = 0.02 of their places
    with pytest.raises(AssertionError):
        assert np.abs(spectrum("geometric", condition, 400, law[0]) - seen).max() < 0.05


def test_a_sweep_holds_the_numbers_of_single_runs(tmp_path: Path) -> None:
    store(tmp_path / "a", sweep("folded", SMALL, ["gd", "egd"], block=4))
    with open_sweep(tmp_path / "a") as found:
        assert dict(found.sizes) == {"definition": 6, "rule": 2, "epsilon": 7, "theta": 2, "seed": 1}
        for at in ({"epsilon": 3, "theta": 1}, {"epsilon": 6, "theta": 0}):
            here = found.isel(at, drop=False).isel(seed=0)
            model = Folded(float(here.epsilon), float(here.theta))
            for name in ("gd", "egd"):
                cell = here.sel(rule=name, definition=LONGEST_RUN)
                assert float(cell.measured) == descend(model, name, 0.1).plateaus[LONGEST_RUN]
            gd = here.sel(rule="gd", definition=LONGEST_RUN)
            assert (
                float(gd.predicted)
                == predict(model, rule("gd"), "descent", model.start(), step=0.1).plateaus[LONGEST_RUN][0]
            )
        whole = found.load()
    gd, egd = (whole.measured.sel(rule=name) for name in ("gd", "egd"))
    assert np.array_equal(whole.measured_ratio, (gd / egd).transpose(*whole.measured_ratio.dims), equal_nan=True)
    expected = (whole.measured - whole.predicted) / whole.predicted
    assert np.array_equal(whole.relative_difference, expected.where(whole.predicted != whole.measured, 0), True)
    assert np.array_equal(whole.censored, np.isnan(whole.measured)) and whole.censored.any()
    assert whole.measured.attrs["units"] == "steps" and whole.theta.attrs["units"] == "rad"
    assert whole.attrs["version"] == "1"
    assert json.loads(whole.attrs["parameters"])["axes"]["epsilon"] == "0.01:0.1:7:log"
    assert "exp" in json.loads(whole.attrs["formulas"])["gd"]["plateau"] or "eta" in whole.attrs["formulas"]


def test_a_flow_and_a_regression_are_swept_too(tmp_path: Path) -> None:
    store(tmp_path / "f", sweep("folded", {"epsilon": [0.05]}, ["egd"], view="flow"))
    with open_sweep(tmp_path / "f") as found:
        cell = found.sel(definition=LONGEST_RUN).isel(rule=0, epsilon=0, seed=0)
        assert float(cell.measured) == flow(Folded(0.05), "egd").plateaus[LONGEST_RUN]
        assert abs(float(cell.relative_difference)) < 1e-6  # a multiple of the solver's tolerance
    what = sweep("regression", {"shape": "two-level,marchenko-pastur", "condition": [20.0]}, ["gd"], seeds=2)
    store(tmp_path / "r", what)
    with open_sweep(tmp_path / "r") as found:
        cell = found.sel(definition=ARRIVAL_SPREAD, rule="gd")
        assert dict(cell.sizes) == {"shape": 2, "condition": 1, "seed": 2}
        assert np.array_equal(cell.measured, cell.predicted) and (cell.measured > 0).all()
    store(tmp_path / "s", sweep("regression", {"spectrum": "1,0.1;2,1,0.5"}, ["gd"]))
    with open_sweep(tmp_path / "s") as found:
        assert found.measured.sel(definition=ARRIVAL_SPREAD, spectrum="1,0.1").values.item() == 622.0


def test_a_wedge_is_swept_too(tmp_path: Path) -> None:
    store(tmp_path / "a", sweep("wedge", {"epsilon": [0.05, 0.2], "w2": [2.0, 0.5]}, ["gd", "egd"], max_steps=2000))
    with open_sweep(tmp_path / "a") as found:
        assert dict(found.sizes) == {"definition": 6, "rule": 2, "epsilon": 2, "w2": 2, "seed": 1}
        for epsilon, start in ((0.05, 2.0), (0.2, 0.5)):
            here = found.sel(epsilon=epsilon, w2=start, definition=LONGEST_RUN).isel(seed=0)
            for name in ("gd", "egd"):
                alone = descend(Wedge(epsilon), name, 0.1, np.array([[1.0, start]]), max_steps=2000)
                assert float(here.measured.sel(rule=name)) == alone.plateaus[LONGEST_RUN]
            assert float(here.predicted.sel(rule="gd")) == float(here.measured.sel(rule="gd"))
        assert "two orders" in json.loads(found.attrs["formulas"])["gd"]
    picture = phase(tmp_path / "a", "epsilon", "w2")
    assert not picture.borders["gd"].exact  # derived for the flow: a path that has left never comes back
    turn = picture.y.fine()[np.argmax(picture.borders["gd"].excess[:, 0] >= 0)]
    assert turn == pytest.approx(1.0, abs=0.01)  # u₁ tan θ, to a point of the boundary


def test_a_random_design_draws_its_points_once(tmp_path: Path) -> None:
    axes = {"epsilon": "1e-2:1e-1:log", "theta": [0.5, 1.0]}
    what = sweep("folded", axes, ["gd"], design="random", points=40, draw=3, block=16)
    store(tmp_path / "a", what)
    store(tmp_path / "b", what)
    assert chunks(tmp_path / "a") == chunks(tmp_path / "b")
    with open_sweep(tmp_path / "a") as found:
        assert len(set(found.epsilon.values)) == 40 and set(found.theta.values) == {0.5, 1.0}
        assert (found.epsilon >= 0.01).all() and (found.epsilon <= 0.1).all()
        cell = found.isel({POINT: 17}).sel(definition=LONGEST_RUN, rule="gd")
        model = Folded(float(cell.epsilon), float(cell.theta))
        assert float(cell.measured.values.item()) == descend(model, "gd", 0.1).plateaus[LONGEST_RUN]
    other = sweep("folded", axes, ["gd"], design="random", points=40, draw=4, block=16)
    assert not np.array_equal(
        what.members(next(what.blocks()))["epsilon"], other.members(next(other.blocks()))["epsilon"]
    )


def test_netcdf_holds_what_zarr_holds(tmp_path: Path) -> None:
    what = sweep("folded", SMALL, ["gd"], block=4)
    store(tmp_path / "a.nc", what, form="netcdf")
    store(tmp_path / "b.zarr", what)
    with open_sweep(tmp_path / "a.nc") as one, open_sweep(tmp_path / "b.zarr") as other:
        assert one.load().identical(other.load().assign_coords(one.coords))
    assert lines(what, store(tmp_path / "b.zarr", what))[-1] == f"Written to {tmp_path / 'b.zarr'}."
    again = store(tmp_path / "a.nc", what, form="netcdf")
    assert again.computed == 0 and again.store == tmp_path / "a.nc.zarr"
    said = lines(what, again)[-1]
    assert said.startswith(f"Written to {tmp_path / 'a.nc'}, from {again.store}, which the same command goes on from")
    before = (tmp_path / "b.zarr" / "zarr.json").read_bytes()
    (tmp_path / "c.nc").write_bytes(before)
    with pytest.raises(ArgumentError, match="`out`"):
        store(tmp_path / "c.nc", what, form="netcdf")
    assert (tmp_path / "c.nc").read_bytes() == before


def test_a_grid_larger_than_memory_is_a_value(tmp_path: Path) -> None:
    what = sweep("folded", {"epsilon": "1e-4:1e-1:1000000:log", "theta": "0.1:1.5:1000000"}, ["gd"], measure=False)
    assert what.size == 10**12 and what.block_count > 10**7
    first = next(what.blocks())
    assert len(what.members(first)["epsilon"]) == 1 << 15
    sweep_runs.sweep_store.prepare(what, tmp_path / "a", "1")
    sweep_runs.sweep_store.finish(what, tmp_path / "a", first)
    with open_sweep(tmp_path / "a") as found:
        cell = found.predicted.isel(epsilon=0, theta=777).sel(rule="gd", definition=LONGEST_RUN)
        model = Folded(float(cell.epsilon), float(cell.theta))
        exact = predict(model, rule("gd"), "descent", model.start(), step=0.1).plateaus[LONGEST_RUN][0]
        assert float(cell.values.item()) == exact


LIMITED = """
import resource, sys
import numpy as np
from pathlib import Path
from figures.phase import figure
from simulations import sweep_lengths
from simulations.sweep_runs import run_sweep
from simulations.sweeps import sweep

def made_up(what, block):
    shape = (len(what.definitions), len(what.rules), *block.shape)
    return {"predicted": np.full(shape, 1.0 + block.start[0])}

def job(rows, name):
    what = sweep("folded", {"epsilon": f"1e-4:1e-1:{rows}:log", "theta": "0.3:1.5:8192"}, ["gd"], measure=False)
    run_sweep(what, Path(sys.argv[1]) / name, version="1", workers=1, form="netcdf")
    figure(Path(sys.argv[1]) / name)
    return what.size * len(what.definitions) * 8

sweep_lengths.compute = made_up
job(8, "small.nc")  # all modules are imported, all pools of threads begun
room, status = 96 << 20, Path("/proc/self/status")
if status.exists():  # on Linux
    (held,) = [int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmData")]
    resource.setrlimit(resource.RLIMIT_DATA, (held * 1024 + room,) * 2)
print(job(528, "large.nc") / room)
"""


def test_a_grid_larger_than_the_memory_is_swept_assembled_and_drawn(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], env=environment(), capture_output=True, text=True
    )
    assert not done.stderr and float(done.stdout) > 2  # times the memory there is
    with open_sweep(tmp_path / "large.nc") as found:
        assert found.predicted.isel(epsilon=527, theta=8191, rule=0, definition=0, seed=0).item() == 525


def test_finished_blocks_are_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    what = sweep("folded", SMALL, ["gd", "egd"], block=4)
    first = store(tmp_path / "a", what)
    before = chunks(tmp_path / "a")
    monkeypatch.setattr(sweep_lengths, "compute", None)
    again = store(tmp_path / "a", what)
    assert (first.computed, again.computed) == (first.blocks, 0) and first.blocks == 4
    assert again.evaluations == first.evaluations and chunks(tmp_path / "a") == before


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "missing", "first byte"])
def test_a_corrupted_chunk_is_computed_again(tmp_path: Path, damage: str) -> None:
    what = sweep("folded", SMALL, ["gd", "egd"], block=4)
    store(tmp_path / "a", what)
    before = chunks(tmp_path / "a")
    name = next(key for key in sorted(before) if key.startswith("measured/c"))
    held = bytearray(before[name])
    held[0 if damage == "first byte" else len(held) // 2] ^= 1
    cut = {"cut": held[: len(held) // 2], "empty": b""}.get(damage, held)
    (tmp_path / "a" / name).write_bytes(cut)
    if damage == "missing":
        (tmp_path / "a" / name).unlink()
    assert chunks(tmp_path / "a") != before
    assert store(tmp_path / "a", what).computed == 1
    assert chunks(tmp_path / "a") == before


def test_other_stores_are_refused_and_left_alone(tmp_path: Path) -> None:
    what = sweep("folded", SMALL, ["gd"], block=4)
    store(tmp_path / "a", what)
    before = chunks(tmp_path / "a")
    with pytest.raises(ArgumentError, match="other rules"):
        store(tmp_path / "a", sweep("folded", SMALL, ["gd", "newton"], block=4))
    with pytest.raises(ArgumentError, match="begun by version 1, and this is 2"):
        run_sweep(what, tmp_path / "a", version="2", workers=1)
    assert chunks(tmp_path / "a") == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("mine")
    for path in (tmp_path / "mine", tmp_path / "mine" / "notes"):
        with pytest.raises(ArgumentError, match="something else"):
            store(path, what)
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["notes"]


@pytest.mark.parametrize(
    ("axes", "options", "words"),
    [
        ({"epsilon": ""}, {}, "`epsilon` must hold at least one value, but is empty"),
        ({"epsilon": "0.1:0.01:5"}, {}, "`epsilon` must go from low to high"),
        ({"epsilon": "0.1:0.1:5"}, {}, "`epsilon` must go from low to high"),
        ({"epsilon": "0.1:1.5:5"}, {}, "`epsilon` must lie in"),
        ({"epsilon": "-1:0.5:5:log"}, {}, "`epsilon` must be positive"),
        ({"epsilon": "0.1:0.2"}, {}, "say how many points"),
        ({"epsilon": "0.1:0.2:3:4"}, {}, "must read LOW:HIGH:COUNT"),
        ({"epsilon": "0.1:0.2:0"}, {}, "have a whole number of points of at least 1, LOW:HIGH:COUNT, but has 0"),
        ({"epsilon": [0.1, 0.1]}, {}, "hold no value twice"),
        ({"epsilon": "0.1:0.2:5"}, {"design": "random", "points": 3}, "be LOW:HIGH in a random design"),
        ({}, {"design": "random"}, "`points` must be given for a random design, but is missing"),
        ({}, {"design": "random", "points": 0}, "`points` must be a whole number of at least 1, but is 0"),
        ({}, {"points": 3}, "go with a random design"),
        ({}, {"draw": 3}, "go with a random design"),
        ({"epsilon": "0.01:0.1:1e12"}, {}, "`epsilon` must have at most 100,000,000 values, but has 1,000,000,000,000"),
        ({}, {"design": "random", "points": 10**13}, "`points` must have at most 100,000,000 values, but"),
        ({}, {"seeds": 10**15}, "`seeds` must have at most 100,000,000 values, but"),
        ({"shape": "geometric"}, {}, "`axis` must be one of"),
        ({"step": "0:1:3"}, {}, "`step` must be positive"),
        ({}, {"seeds": 0}, "`seeds`"),
        ({}, {"view": "sideways"}, "`view`"),
        ({}, {"rules": []}, "`rules` must hold at least one rule"),
    ],
)
def test_bad_input_is_refused(axes: dict[str, object], options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match="Argument") as refusal:
        sweep("folded", axes, **options)
    assert words in str(refusal.value)


def test_a_rule_named_twice_counts_once() -> None:
    assert sweep(rules=["power:0.50", "gd", "power:.5"]) == sweep(rules=["power:0.5", "gd"])


def test_an_axis_reads_back_from_its_text() -> None:
    for text in ("0.01:0.1:7:log", "0:1:5", "0.1,0.2", "0.5"):
        assert axis("step", text).text == text
    points = axis("epsilon", "1e-4:1e-1:4:log").values()
    assert points == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1], rel=1e-14)
    assert np.array_equal(axis("step", "0:1:101").values(slice(40, 60)), axis("step", "0:1:101").values()[40:60])


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "evenflow", "sweep", *arguments]


def environment() -> dict[str, str]:
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, "PYTHONPATH": str(ROOT), **threads}


def wait(condition: object, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


LONG = ("--epsilon", "2e-2:2e-1:64:log", "--rules", "gd,egd", "--block", "2")
SAME = sweep("folded", {"epsilon": "2e-2:2e-1:64:log"}, ["gd", "egd"], block=2)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The chunks of an unbroken run, in this process."""
    path = tmp_path_factory.mktemp("unbroken") / "a"
    run_sweep(SAME, path, version=__version__, workers=1)
    return chunks(path)


def whole_chunks(path: Path) -> dict[str, bytes]:
    """The chunks, without what was being written when a process was killed."""
    return {name: content for name, content in chunks(path).items() if not name.endswith(".partial")}


def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, unbroken: dict[str, bytes]) -> None:
    path = tmp_path / "a"
    process = subprocess.Popen(command(*LONG, "--out", str(path), "--workers", "1"), env=environment())
    wait(lambda: len(list(path.glob("measured_ratio/c/0/*/0"))) > 6)
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    left = whole_chunks(path)
    assert 6 * 7 < len(left) < len(unbroken) and all(unbroken[name] == content for name, content in left.items())
    outcome = run_sweep(SAME, path, version=__version__, workers=1)
    assert 0 < outcome.computed <= outcome.blocks - 6
    assert whole_chunks(path) == unbroken


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two worker processes on loopback."""
    file = tmp_path / "scheduler.json"
    quiet = {"env": environment(), "cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    start = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    processes = [subprocess.Popen([*start, "--no-dashboard", "--scheduler-file", str(file)], **quiet)]
    try:
        wait(lambda: file.exists() and file.stat().st_size > 0)
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1"]
        for _ in range(2):
            processes.append(subprocess.Popen([*worker, "--no-nanny", "--no-dashboard"], **quiet))
        yield json.loads(file.read_text())["address"], processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_killed_worker_changes_nothing(tmp_path: Path, unbroken: dict[str, bytes], cluster: Cluster) -> None:
    address, workers = cluster
    from distributed import Client

    with Client(address, timeout=20, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=20)
    path, killed = tmp_path / "a", []

    def kill(done: int, total: int) -> None:
        if done == 6:
            workers[0].kill()
            killed.append(total - done)

    outcome = run_sweep(SAME, path, version=__version__, scheduler=address, progress=kill)
    assert killed == [26] and workers[0].wait(10) == -signal.SIGKILL and workers[1].poll() is None
    assert outcome.blocks == 32
    assert whole_chunks(path) == unbroken


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_scheduler_serves_a_notebook_too(tmp_path: Path, unbroken: dict[str, bytes], cluster: Cluster) -> None:
    async def cell() -> None:  # whose loop runs while the sweep does
        run_sweep(SAME, tmp_path / "a", version=__version__, scheduler=cluster[0])

    with ThreadPoolExecutor(1) as notebook:  # whose thread has no other loop, as this one has after tests in a browser
        notebook.submit(lambda: asyncio.run(cell())).result()
    assert chunks(tmp_path / "a") == unbroken


def test_a_local_cluster_leaves_the_same_bytes(tmp_path: Path, unbroken: dict[str, bytes]) -> None:
    outcome = run_sweep(SAME, tmp_path / "a", version=__version__, workers=2)
    assert outcome.computed == outcome.blocks and chunks(tmp_path / "a") == unbroken


def test_a_script_without_a_guard_is_told_of_it(tmp_path: Path) -> None:
    """Each worker imports the script anew, and would start a cluster of its own."""
    script = tmp_path / "script.py"
    call = f"run_sweep(sweep(axes={{'epsilon': [0.1, 0.2]}}, block=1), {str(tmp_path / 'a')!r}, version='1', workers=2)"
    script.write_text(f"from evenflow import run_sweep, sweep\n{call}\n")
    done = subprocess.run([sys.executable, script], env=environment(), capture_output=True, text=True, timeout=60)
    words = "Argument `workers` must be able to start, but did not; a script must keep its calls under `if __name__"
    assert words in done.stderr.splitlines()[-1]
    assert done.stderr.count("Traceback") == 1 and "multiprocessing" not in done.stderr


def test_no_scheduler_is_one_line(tmp_path: Path) -> None:
    assert 2 * sweep_runs.PATIENCE < 10  # a scheduler has this long to answer, and as long again to have a worker
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes the connection, and says nothing
        silent = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        for address in (silent, "nonsense"):
            with pytest.raises(ArgumentError, match="`scheduler` must be the address of a running Dask scheduler"):
                run_sweep(SAME, tmp_path / "a", version="1", scheduler=address)
    assert not (tmp_path / "a").exists()


def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(
    tmp_path: Path, unbroken: dict[str, bytes]
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    # 512 kB: the metadata and some of the chunks, of 4 kB each
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        path = disk / "a"
        done = subprocess.run(
            command(*LONG, "--out", str(path), "--workers", "1"), env=environment(), capture_output=True, text=True
        )
        assert done.returncode == 1 and done.stderr == "Output could not be written: No space left on device.\n"
        left = chunks(path)
        assert 0 < len(left) < len(unbroken) and all(unbroken[name] == content for name, content in left.items())
        subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
        again = run_sweep(SAME, path, version=__version__, workers=1)
        assert 0 < again.computed < again.blocks
        assert chunks(path) == unbroken
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sweep_runs, "EXTRA", ("zarr", "no_such_package"))
    with pytest.raises(ArgumentError, match=r'no_such_package is not installed: pip install "evenflow\[sweep\]"'):
        store(tmp_path / "a", SAME)
    assert not (tmp_path / "a").exists()


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    out = tmp_path / "a.nc"
    asked = command("regression", "--condition", "10:20:2", "--rules", "gd", "--format", "netcdf", "--json")
    done = subprocess.run([*asked, "--out", str(out)], env=environment(), capture_output=True, check=True)
    document = json.loads(done.stdout)
    assert (document["members"], document["blocks"], document["computed"]) == (2, 1, 1)
    assert document["parameters"]["axes"] == {"condition": "10:20:2"} and document["out"] == str(out)
    with open_sweep(out) as found:
        assert document["sweep"] == found.attrs["sweep"] and found.attrs["version"] == __version__
        assert document["evaluations"] == int(found.evaluations.sum()) > 0
    refused = subprocess.run(command("--epsilon", "0.2:0.1:3"), env=environment(), capture_output=True, text=True)
    assert refused.returncode == 2
    assert refused.stderr == "Argument `epsilon` must go from low to high, but goes from 0.2 to 0.1.\n"
