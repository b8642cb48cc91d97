"""The figure of stored runs, and what it is drawn from: bands over seeds, and the path of the weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from evenflow.cli import app
from figures.networks import PICTURE
from figures.picture import Missing
from simulations.networks.campaign import campaign, prepare, run
from simulations.networks.portraits import paths, portrait
from simulations.networks.settings import PRESETS
from simulations.networks.standings import stored
from simulations.networks.tasks import Parity
from theory.checks import ArgumentError

QUICK = replace(PRESETS["parity-4"], task=Parity(12, 2, 200, 400), width=24, step=0.02, epochs=60, linger=3)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    place = tmp_path_factory.mktemp("figure") / "runs"
    prepare(QUICK, place, "0")
    run(QUICK, campaign(QUICK, ["gd", "egd", "egd@0.01"], 3, place))
    return place


@pytest.fixture(scope="module")
def descents(directory):
    return [one for one in stored(directory) if one.rule == "gd"]


def lines(axes, gid):
    return [line for line in axes.get_lines() if line.get_gid() == gid]


def test_bands_are_over_the_seeds_and_over_runs_keep_their_last_value(descents):
    found = portrait(descents)
    assert (found.epochs[0], found.epochs[-1]) == pytest.approx((1, max(one.epochs for one in descents)))
    low, middle, high = found.bands["distance"]
    ends = sorted(one.curves["distance_first"][-1] for one in descents)
    assert (low[-1], middle[-1], high[-1]) == pytest.approx(tuple(ends))
    first = sorted(one.curves["distance_first"][1] for one in descents)
    assert (low[0], middle[0], high[0]) == pytest.approx(tuple(first))
    assert found.arrival == np.median([one.arrival for one in descents])
    assert np.isnan(portrait([replace(one, arrival=None) for one in descents[:2]] + descents[2:]).arrival)
    with pytest.raises(ArgumentError, match="are none"):
        portrait([])


def test_a_path_in_a_plane_is_drawn_as_it_is(descents):
    rng = np.random.default_rng(0)
    plane = np.linalg.qr(rng.standard_normal((12 * 24, 2)))[0]
    points = [np.array([[0, 0], [1, 0], [4, 1]]), np.array([[0, 0], [0, 2], [3, 3], [5, 1]])]
    made = []
    for one in points:
        first = (one @ plane.T).reshape(-1, 12, 24) + descents[0].kept.first[0].astype(float)
        made.append(replace(descents[0], kept=replace(descents[0].kept, first=first)))
    found, shares = paths(made)
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert [len(one) for one in found] == [3, 4]
    for drawn, one in zip(found, points, strict=True):
        # turned, perhaps mirrored, but every distance is kept; the start carries rounding of 1e-16 by 60 numbers
        assert drawn @ drawn.T == pytest.approx(one @ one.T, abs=1e-10)


def test_the_figure_says_what_the_runs_say(directory, descents):
    data = PICTURE.collect(runs=str(directory))
    assert data["rules"].tolist() == ["gd", "egd"]
    panels = PICTURE.draw(data).axes
    accuracy, spectrum, alignment, distance, path, arrival = panels
    for index, mark in enumerate(("memorised", "arrival")):
        points = lines(accuracy, mark)
        epochs = [np.median([getattr(one, mark) for one in descents]), data[mark][1]]
        assert [point.get_xdata()[0] for point in points] == epochs
        assert {point.get_ydata()[0] for point in points} == {(99, 95)[index]}
    assert lines(accuracy, "test_accuracy")[0].get_ydata()[-1] >= 95
    largest, smallest = (lines(spectrum, name)[0].get_ydata() for name in ("largest", "smallest"))
    assert (largest > smallest).all()
    assert lines(alignment, "expected")[0].get_ydata()[0] == pytest.approx(2 / 12)
    assert lines(alignment, "units")[0].get_ydata()[-1] > 1.3 * 2 / 12  # units turn to the relevant bits
    assert lines(distance, "distance")[0].get_ydata() == pytest.approx(data["0_distance"][1])
    ends = [line.get_xydata() for line in lines(path, "path")]
    assert all(np.abs(one[0]).max() < 1e-3 for one in ends)  # float32 weights, from the start
    assert [line.get_xdata()[0] for line in lines(arrival, "median")] == data["median"].tolist()
    assert np.isnan([line.get_xdata()[0] for line in lines(arrival, "paper")]).all()  # not the paper's setting


def test_rules_are_chosen_by_name_and_step(directory):
    data = PICTURE.collect(runs=str(directory), rules=("egd@0.01", "egd", "frobenius"))
    assert data["rules"].tolist() == ["egd@0.01", "egd"]
    assert data["seeds"].tolist() == [3, 3]
    with pytest.raises(ArgumentError, match=r"be stored in .*: egd, egd@0.01, gd, but are adam"):
        PICTURE.collect(runs=str(directory), rules=("adam",))


def test_without_runs_it_says_how_to_make_them(tmp_path, monkeypatch):
    with pytest.raises(Missing, match="`evenflow train modular-97-add --seeds 5` makes one, but there is no nowhere"):
        PICTURE.collect(runs="nowhere")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("evenflow.commands.figures.NAMES", ("datasets", "networks"))
    monkeypatch.setattr("figures.gallery.explorer_page", lambda version: "")
    shown = CliRunner().invoke(app, ["figures", "--out", "out", "--format", "svg", "--set", "samples=40"])
    assert "networks is left out" in shown.output
