"""Phase diagrams: what the picture says is what was swept, and the drawn boundary parts plateaus from none."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from typer.testing import CliRunner

from evenflow.cli import app
from figures.phase import colour_scale, figure
from figures.phase_frame import not_drawn
from figures.sides import log_ticks, set_side
from figures.style import PAGE
from simulations import phases
from simulations.phases import Side, phase
from simulations.sweep_runs import run_sweep
from simulations.sweep_store import open_sweep
from simulations.sweeps import sweep
from theory.checks import ArgumentError
from theory.plateaus import ARRIVAL_SPREAD, LONGEST_RUN

EPSILON = "2e-2:0.9:14:log"


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small sweeps over two axes and over one."""
    asked: dict[str, Any] = {
        "angle": sweep("folded", {"epsilon": EPSILON, "theta": "0.3:1.5:25"}, max_steps=150),
        "start": sweep("folded", {"epsilon": EPSILON, "start_slow": "-0.5:4:24", "start_fast": [4.0, 1.0]}),
        "flow": sweep("folded", {"epsilon": EPSILON, "start_fast": "0:6:22", "theta": 1.2}, view="flow", measure=False),
        "line": sweep("folded", {"theta": "0.3:1.5:61"}),
        "words": sweep("regression", {"shape": "geometric,two-level", "condition": "1:100:5:log"}, measure=False),
    }
    folder = tmp_path_factory.mktemp("phase")
    for name, what in asked.items():
        run_sweep(what, folder / name, version="1", workers=1)
    return {name: folder / name for name in asked}


def parts(panel: Axes, name: str) -> list[Any]:
    return [one for one in panel.get_children() if one.get_gid() == name]


def drawn(panel: Axes) -> np.ndarray:
    """Lengths (y, x) as they are coloured, zero where a panel says that there is none."""
    (mesh,) = parts(panel, "lengths")
    lengths = np.ma.filled(mesh.get_array().astype(float), np.nan)
    for none in parts(panel, "no plateau"):
        lengths[~np.ma.getmaskarray(none.get_array())] = 0
    return lengths


def panels(whole: Figure) -> list[Axes]:
    return [one for one in whole.axes if parts(one, "lengths")]


@pytest.mark.parametrize(("name", "y"), [("angle", "theta"), ("start", "start_slow"), ("flow", "start_fast")])
def test_the_drawn_boundary_parts_plateaus_from_none_within_one_cell(
    stores: dict[str, Path], name: str, y: str
) -> None:
    whole = figure(stores[name], "epsilon", y)
    gd, egd, _ = panels(whole)
    with open_sweep(stores[name]) as found:
        epsilon, heights = found["epsilon"].values, found[y].values
    apart = 0
    for panel, within in ((gd, 1.0), (egd, 1.0 if name == "flow" else 2.0)):  # of steps, the boundary is the flow's
        lengths, (border,) = drawn(panel), parts(panel, "border")
        line = border.get_paths()[0].vertices
        line = line[np.argsort(line[:, 0])]
        for column, value in enumerate(epsilon[1:-1], 1):
            place = np.interp(value, *line.T)
            cells = (heights - place) / (heights[1] - heights[0])
            there = cells < 0 if y != "start_slow" else cells > 0
            clear = np.abs(cells) > within
            seen = lengths[:, column]
            assert (seen[clear & there] > 0).sum() == (clear & there & ~np.isnan(seen)).sum()
            assert (seen[clear & ~there] == 0).all()
            apart += int((clear & ~there).sum())
    assert apart > 20


def test_colours_are_the_lengths_of_the_sweep_and_the_ratio_theirs(stores: dict[str, Path]) -> None:
    whole = figure(stores["angle"])
    with open_sweep(stores["angle"]) as found:
        here = found.isel(definition=0, seed=0).transpose(..., "theta", "epsilon").load()
    gd, egd, ratio = panels(whole)
    for panel, name in ((gd, "gd"), (egd, "egd")):
        assert np.array_equal(drawn(panel), here.measured.sel(rule=name), equal_nan=True)
    known = np.isfinite(here.measured_ratio) & (here.measured_ratio > 0)
    assert np.array_equal(drawn(ratio)[known], here.measured_ratio.values[known])
    (censored,) = parts(gd, "censored")
    assert (
        np.array_equal(~np.ma.getmaskarray(censored.get_array()), here.censored.sel(rule="gd")) and here.censored.any()
    )
    assert any(one.hatches == ["//////"] for one in gd.collections if hasattr(one, "hatches"))
    assert gd.get_xscale() == "log" and gd.get_yscale() == "linear"
    assert "(rad)" in gd.get_ylabel() and parts(gd, "title")[0].get_text() == "gd: plateau (steps)"
    assert parts(gd, "label no plateau") and whole.get_figwidth() == PAGE


@pytest.mark.parametrize(("factor", "least"), [(1.0, 2.0), (1.5, 2.0), (4.0, 4.0), (1e3, 1e3)])
def test_a_scale_of_colours_is_no_wider_than_what_it_colours(factor: float, least: float) -> None:
    """Lengths that are nearly alike look alike: less than a factor of two is not spread over all colours."""
    scale = colour_scale(np.array([0.0, 7.0, np.nan, 7 * factor]))
    assert scale.vmin is not None and scale.vmax is not None
    assert scale.vmax / scale.vmin == pytest.approx(least, rel=1e-12)  # a few roundings
    assert scale.vmax * scale.vmin == pytest.approx(49 * factor, rel=1e-12)


@pytest.mark.parametrize(("low", "high"), [(0.01, 0.03), (5.5, 11), (0.8, 0.9), (1, 12), (3, 290), (1e-3, 1e4)])
def test_a_logarithmic_axis_has_numbers(low: float, high: float) -> None:
    panel = Figure().subplots()
    panel.set_xscale("log")
    panel.set_xlim(low, high)
    log_ticks(panel.xaxis)
    shown = [text for text in panel.get_xticklabels() if low <= text.get_position()[0] <= high and text.get_text()]
    assert len({text.get_text() for text in shown}) == len(shown) >= 2


def test_numbers_beside_each_other_have_room() -> None:
    figure = Figure(figsize=(3.25, 2))
    panel = figure.subplots()
    set_side(panel, "x", Side("epsilon", np.array([0.01, 0.02]), log=False))
    figure.draw_without_rendering()
    low, high = panel.get_xlim()
    shown = [text for text in panel.get_xticklabels() if low <= text.get_position()[0] <= high]
    boxes = [text.get_window_extent() for text in shown]
    assert len(shown) >= 3
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes)) and boxes[-1].x1 < figure.bbox.x1


def test_a_region_is_labelled_inside_itself(stores: dict[str, Path]) -> None:
    whole = figure(stores["start"], "epsilon", "start_slow")
    for panel in panels(whole)[:2]:
        (text,) = parts(panel, "label no plateau")
        box = text.get_window_extent()
        corners = panel.transData.inverted().transform(box.corners())
        (mesh,) = parts(panel, "no plateau")
        edges = mesh.get_coordinates()
        columns = np.searchsorted(edges[0, :, 0], corners[:, 0]) - 1
        rows = np.searchsorted(edges[:, 0, 1], corners[:, 1]) - 1
        assert not np.ma.getmaskarray(mesh.get_array())[rows, columns].any()


def test_a_contour_is_named_where_its_number_covers_lengths_only(stores: dict[str, Path]) -> None:
    named = 0
    for panel in panels(figure(stores["start"], "epsilon", "start_slow"))[:2]:
        edges = parts(panel, "lengths")[0].get_coordinates()
        for text in panel.texts:
            if re.fullmatch(r"1|\$10\^\{-?\d+\}\$", text.get_text()):
                corners = panel.transData.inverted().transform(text.get_window_extent().corners())
                rows = np.searchsorted(edges[:, 0, 1], corners[:, 1]) - 1
                columns = np.searchsorted(edges[0, :, 0], corners[:, 0]) - 1
                assert (drawn(panel)[rows, columns] > 0).all()
                named += 1
    assert named


def test_shades_of_grey_order_the_lengths() -> None:
    from figures.phase import LENGTHS, RATIOS

    for colours in (LENGTHS, RATIOS):
        light = colours(np.linspace(0, 1, 64))[:, :3] @ [0.2126, 0.7152, 0.0722]
        assert (np.diff(light) < 0).all() and light[0] < 0.9  # longer is darker, and all darker than no plateau


def test_one_axis_is_a_line(stores: dict[str, Path]) -> None:
    whole = figure(stores["line"])
    left, right = whole.axes
    with open_sweep(stores["line"]) as found:
        here = found.isel(definition=0, seed=0, drop=True).measured.load()
    labels = {text.get_text() for text in left.texts if text.get_gid() == "label"}
    assert labels == {"gd", "egd"}
    gd = left.get_lines()[0]
    expected = here.sel(rule="gd").values
    assert np.array_equal(gd.get_ydata(), np.where(expected > 0, expected, np.nan), equal_nan=True)
    marks = np.concatenate([line.get_xdata() for line in left.get_lines() if line.get_gid() == "no plateau"])
    assert len(marks) == (here == 0).sum() > 4
    places = [line.get_xdata()[0] for line in left.get_lines() if line.get_gid() == "border"]
    turn = here.theta.values[np.argmax(expected == 0)]
    assert len(places) == 2 and all(turn - 0.02 - 1e-9 < place < turn for place in places)  # cells are 0.02 wide
    assert right.get_ylabel() == "GD/EGD ratio"


def test_words_have_a_side_too_and_no_boundary(stores: dict[str, Path]) -> None:
    whole = figure(stores["words"], "condition", "shape")
    gd = panels(whole)[0]
    assert [label.get_text() for label in gd.get_yticklabels()] == ["geometric", "two-level"]
    assert not parts(gd, "border") and (drawn(gd)[:, 0] == 0).all()  # κ = 1


def test_every_rule_of_a_line_is_named_and_the_numbers_are_inside_the_picture(tmp_path: Path) -> None:
    for name, axes in {"few": {"epsilon": "1e-3:1e-1:3:log"}, "own": {"spectrum": "1,0.1;1,0.01"}}.items():
        run_sweep(sweep("folded" if name == "few" else "regression", axes), tmp_path / name, version="1", workers=1)
        whole = figure(tmp_path / name)
        at_lines = {text.get_text() for text in parts(whole.axes[0], "label")}
        in_key = {text.get_text() for legend in whole.legends for text in legend.get_texts()}
        assert {"gd", "egd"} <= at_lines | in_key
        assert all(panel.get_tightbbox().x0 >= 0 for panel in whole.axes)


def test_a_spectrum_of_ones_own_has_no_shape_and_no_ratio_is_said_in_words(tmp_path: Path) -> None:
    run_sweep(sweep("regression", {"spectrum": "1,0.1;1,0.01"}), tmp_path / "own", version="1", workers=1)
    assert not {"shape", "condition", "directions", "largest"} & set(phase(tmp_path / "own").rest)
    ratio = figure(tmp_path / "own").axes[1]
    assert [text.get_text() for text in ratio.texts] == ["no ratio: not both have a plateau"]


def test_numbers_of_a_scale_do_not_touch_each_other(tmp_path: Path) -> None:
    asked = sweep("wedge", {"theta": "0.5,0.8", "epsilon": "1e-3:1e-1:5:log"})
    run_sweep(asked, tmp_path / "narrow", version="1", workers=1)
    for panel in panels(figure(tmp_path / "narrow")):
        (scale,) = panel.child_axes
        boxes = [tick.get_window_extent() for tick in scale.get_xticklabels(which="both") if tick.get_text()]
        shown = [box for box in boxes if scale.bbox.x0 - 1 <= box.x0 + box.width / 2 <= scale.bbox.x1 + 1]
        assert len(shown) >= 2
        assert all(left.x1 < right.x0 for left, right in pairwise(sorted(shown, key=lambda box: box.x0)))


def test_a_cut_takes_the_values_asked_for(stores: dict[str, Path]) -> None:
    found = phase(stores["start"], "epsilon", "start_slow", at={"start_fast": 1.0}, definition=ARRIVAL_SPREAD)
    with open_sweep(stores["start"]) as whole:
        cell = whole.measured.sel(start_fast=1.0, definition=ARRIVAL_SPREAD, rule="gd").isel(seed=0)
        assert np.array_equal(found.lengths["gd"], cell.transpose("start_slow", "epsilon"), equal_nan=True)
    assert found.rest["start_fast"] == 1.0 and not found.borders
    predicted = phase(stores["start"], kind="predicted")
    assert predicted.lengths.keys() == {"gd"} and predicted.ratio is None  # egd's steps have no exact law
    assert len(panels(figure(predicted))) == 1


def test_a_rule_that_is_not_drawn_is_named(tmp_path: Path, stores: dict[str, Path]) -> None:
    assert not_drawn(phase(stores["start"], kind="predicted")) == "Not drawn: egd (no predicted length)."
    assert not_drawn(phase(stores["start"])) == ""
    asked = ["sweep", "regression", "--condition", "1:100:5", "--rules", "ngd,gd,egd,newton", "--no-measure"]
    asked += ["--out", str(tmp_path / "a"), "--workers", "1", "--picture"]
    words = "Not drawn: ngd (no predicted length); newton (there is room for two rules)."
    said = CliRunner().invoke(app, asked).output.splitlines()
    assert said[-2:] == [f"Drawn in {tmp_path / 'a.png'}.", words]
    assert json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)["not_drawn"] == words


def test_of_a_large_grid_some_points_are_read(monkeypatch: pytest.MonkeyPatch, stores: dict[str, Path]) -> None:
    every = phase(stores["angle"])
    monkeypatch.setattr(phases, "CELLS", 9)
    some = phase(stores["angle"])
    assert some.thinned and not every.thinned
    assert np.array_equal(some.lengths["gd"], every.lengths["gd"][::3, ::2], equal_nan=True)


def test_what_cannot_be_drawn_is_refused(tmp_path: Path, stores: dict[str, Path]) -> None:
    run_sweep(sweep("folded", {"epsilon": [0.1]}), tmp_path / "point", version="1", workers=1)
    random = sweep("folded", {"epsilon": "0.1:0.2"}, design="random", points=3)
    run_sweep(random, tmp_path / "random", version="1", workers=1)
    for call, words in (
        (lambda: figure(tmp_path / "point"), "have an axis with two values"),
        (lambda: figure(tmp_path / "random"), "be a grid for a picture"),
        (lambda: figure(stores["angle"], "margin"), "`axes` must be one of epsilon, theta"),
        (lambda: figure(stores["angle"], "theta", "theta"), "name one or two axes, and none twice"),
        (lambda: figure(stores["start"], at={"start_fast": 2.0}), "give `start_fast` a value that was swept"),
        (lambda: figure(stores["angle"], axes=[]), "hold 3 axes"),
    ):
        with pytest.raises(ArgumentError) as refusal:
            call()
        assert words in str(refusal.value)
    assert phase(stores["angle"]).definition == LONGEST_RUN


def test_the_command_writes_the_picture_beside_the_store(tmp_path: Path) -> None:
    out = tmp_path / "map.zarr"
    asked = ["sweep", "--epsilon", "0.1:0.5:3", "--theta", "0.5,1.0", "--out", str(out), "--workers", "1"]
    done = CliRunner().invoke(app, [*asked, "--picture", "--axes", "theta,epsilon", "--json"])
    assert done.exit_code == 0, done.output
    written = [tmp_path / f"map.{ending}" for ending in ("pdf", "svg", "png")]
    assert json.loads(done.stdout)["picture"] == [str(path) for path in written]
    assert all(path.stat().st_size > 1000 for path in written)
    for more, words in (
        (["--axes", "theta"], "`axes` must go with `picture`"),
        (["--picture", "--axes", "step"], "`axes` must be one of epsilon, theta"),
    ):
        refused = CliRunner().invoke(app, [*asked[:-4], "--out", str(tmp_path / "other.zarr"), *more])
        assert words in str(refused.exception)
    assert not (tmp_path / "other.zarr").exists()
