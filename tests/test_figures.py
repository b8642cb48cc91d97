"""The figures that have a name: what each says, and what all of them keep to."""

from __future__ import annotations

import csv
import importlib
import itertools
import json
import math
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from evenflow.cli import main as command_line
from figures.captions import tex
from figures.formulas.plain import plain
from figures.gallery import write_gallery
from figures.index import NAMES, picture
from figures.output import save
from figures.picture import Missing, Picture
from figures.series import series
from figures.style import house_style
from figures.writing import main, write_picture
from simulations.approximations import measured_arrivals
from simulations.networks import campaign
from simulations.networks.settings import Setting, preset
from theory.checks import ArgumentError, ArgumentTypeError
from theory.rule_ids import rule

AUDIT = {
    "version": "0",
    "claims": [
        {"id": "F1", "verdict": "holds", "source": "eq. 4, arXiv:x", "trials": 200, "against": 0},
        {"id": "F4", "verdict": "corrected", "source": "Theorem 1, arXiv:x", "trials": 50, "against": 20},
        {"id": "W7", "verdict": "undetermined", "source": "Theorem 2, arXiv:x", "trials": 4, "against": 4},
    ],
}
SMALL = {
    "datasets": {"samples": 40},
    "grokking": {"samples": 20_000, "sizes": (0.1, 1.0), "max_steps": 6000},
    "wedge": {"samples": 20_000, "epsilons": (1e-4, 1e-3, 1e-2)},
    "spectrum": {"rules": ("gd", "power:0.5", "egd", "ngd"), "condition": 100.0, "count": 3},
    "phases": {"variances": (1e-2, 0.6), "cells": 12},
    "order": {"spectrum": (2.0, 0.5)},
    "steps": {"sizes": (0.02, 0.03), "steps": (0.1,), "count": 1500},
    "cause": {"epsilon": 0.05, "spectrum": (1.0, 0.1)},
    "hurts": {"directions": 3, "outputs": 3, "draws": 300, "values": (3.0, 2.5, 0.8), "start": 1e-2},
    "approximate": {
        "rules": ("egd", "damped:0.01", "newton-schulz", "rsvd:2"),
        "conditions": (10.0, 1e3),
        "count": 3,
        "step": 5e-3,
    },
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("audit") / "audit.json"
    path.write_text(json.dumps(AUDIT))
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of a small network, in a directory."""
    place = tmp_path_factory.mktemp("networks") / "runs"
    setting = Setting.from_document(
        preset("parity-4").document()
        | {"bits": 12, "relevant": 2, "train": 200, "test": 400, "width": 24, "step": 0.02}
    )
    campaign.prepare(setting, place, "0")
    campaign.run(setting, campaign.campaign(setting, ["gd", "egd"], 2, place))
    return place


@pytest.fixture(scope="module")
def collected(stored, runs):
    """The data of each figure, once."""
    known = SMALL | {"verdicts": {"audit": str(stored)}, "networks": {"runs": str(runs)}}
    found = {}

    def collect(name):
        if name not in found:
            found[name] = picture(name).collect(**known.get(name, {}))
        return found[name]

    return collect


@pytest.fixture(params=NAMES)
def named(request, collected):
    return picture(request.param), collected(request.param)


@pytest.fixture(scope="module")
def drawn(collected):
    """Each figure, drawn once."""
    found = {}

    def draw(name):
        if name not in found:
            found[name] = picture(name).draw(collected(name))
        return found[name]

    return draw


def lines(axes, gid):
    return [line for line in axes.get_lines() if line.get_gid() == gid]


def slope(x, y):
    return np.polyfit(np.log(x), np.log(y), 1)[0]


# --- what all of them keep to -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_index_is_of_modules_whose_parameters_have_defaults(name):
    found = picture(name)
    assert (found.name, importlib.import_module(f"figures.{name}").PICTURE) == (name, found)
    assert found.title and found.parameters
    for key, value in found.parameters.items():
        assert isinstance(value, (int, float, str, tuple)), key
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        assert found.read(key, text) == value


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_as_wide_as_a_page_or_a_column_and_nothing_hangs_over(drawn, name):
    whole = drawn(name)
    assert whole.get_figwidth() in (3.25, 6.75)
    edge = whole.bbox.padded(1)
    for text in whole.findobj(mpl.text.Text):
        if text.get_visible() and text.get_text().strip():
            assert text.get_fontsize() >= 6, text.get_text()
            box = text.get_window_extent()
            on_axis = np.isfinite(box.get_points()).all() and box.width > 0
            if on_axis and text.get_gid() in ("label", "title"):
                assert edge.x0 <= box.x0 and box.x1 <= edge.x1 and edge.y0 <= box.y0 and box.y1 <= edge.y1, text


@pytest.mark.parametrize("name", NAMES)
def test_labels_do_not_lie_on_each_other(drawn, name):
    for panel in drawn(name).axes:
        boxes = [text.get_window_extent() for text in panel.texts if text.get_gid() == "label"]
        for a, b in itertools.combinations(boxes, 2):
            assert not a.padded(-2).overlaps(b.padded(-2))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_predicted_is_a_line_and_what_is_measured_are_markers(drawn, name):
    everything = drawn(name).findobj(Line2D)
    measured = [line for line in everything if line.get_gid() == "measured"]
    assert all(line.get_linestyle() == "None" and line.get_marker() not in ("None", "") for line in measured)
    predicted = [line for line in everything if line.get_gid() in ("predicted", "printed")]
    assert all(line.get_linestyle() != "None" or line.get_marker() == "_" for line in predicted)
    cells = drawn(name).findobj(lambda one: one.get_gid() == "lengths")  # of a map, measured
    assert bool(predicted) == bool(measured or cells) == (name not in ("datasets", "cause", "networks", "verdicts"))


def test_axes_can_be_passed(named, drawn):
    one, data = named
    count = len(drawn(one.name).axes)
    mine = Figure(figsize=(8, 3))
    assert one.draw(data, mine.subplots(1, count)) is mine
    assert len(mine.axes) == count
    with pytest.raises(ArgumentError, match=f"Argument `axes` must hold {count} axes, but holds {count + 1}"):
        one.draw(data, Figure().subplots(1, count + 1))


def test_saved_data_draw_the_same_bytes_whatever_the_users_settings(named, drawn, tmp_path):
    one, data = named
    formats = ("pdf", "svg", "png") if one.name == "spectrum" else ("svg",)
    np.savez(tmp_path / "data.npz", **data)
    first = [path.read_bytes() for path in save(drawn(one.name), tmp_path, "first", formats)]
    with np.load(tmp_path / "data.npz") as again, mpl.rc_context():
        mpl.rcParams.update({"lines.linewidth": 7, "text.usetex": True, "savefig.bbox": "tight", "font.size": 20})
        second = save(one.draw(dict(again)), tmp_path, "second", formats)
    assert [path.read_bytes() for path in second] == first
    assert not any(b"Date>" in part or b"/CreationDate" in part for part in first)


def test_captions_are_latex_with_numbers(named):
    one, data = named
    text = one.caption(data)
    assert text.isascii() and text.count("$") % 2 == 0 and text.count("{") == text.count("}")
    assert "nan" not in text and "inf}" not in text
    assert re.search(r"\d", text) and text.rstrip().endswith(".")
    assert "\\" not in plain(text)  # no command that the page would show as it is


# --- what each of them says -------------------------------------------------------------------------------------------


def test_the_data_sets_keep_their_margin_and_their_sector(collected, drawn):
    data = collected("datasets")
    assert (np.abs(data["training"][:, 0]) >= data["margin"]).all()
    for name in ("test", "wedge"):
        x1, x2 = data[name].T
        v = x1 * math.cos(data["theta"]) + x2 * math.sin(data["theta"])
        assert (x1 * v <= 0).all()
        # the start's boundary is drawn with all of them on the wrong side
        assert (np.sign(data[name] @ data["start"]) == -data[f"{name}_labels"]).all()
    assert data["start_error"] == 1
    left, right = drawn("datasets").axes
    assert sum(len(line.get_xdata()) for line in lines(left, "test")) == 40
    assert sum(len(line.get_xdata()) for line in lines(right, "wedge")) == 40
    assert list(lines(left, "truth")[0].get_xdata()) == [0, 0]


def test_grokking_follows_the_law_and_egd_is_normalised_descent(collected, drawn):
    data = collected("grokking")
    for name, index in itertools.product(("gd", "newton"), (0, 1)):
        law = np.interp(data[f"{name}_{index}_times"], data[f"{name}_{index}_line_times"], data[f"{name}_{index}_line"])
        error = data[f"{name}_{index}_error"]
        # 20,000 inputs: the sample's minimiser misses by about 0.07 along x₂, a tenth of the way to 100 %
        assert np.abs(np.median(law - error)) < 0.12
        assert law[0] == error[0] == 1
    for index in (0, 1):
        assert data[f"egd_{index}_error"] == pytest.approx(data[f"frobenius_{index}_error"], abs=1e-12)
    leaves = {name: [np.argmax(data[f"{name}_{i}_error"] < 1) for i in (0, 1)] for name in ("gd", "egd", "newton")}
    steps = {name: [data[f"{name}_{i}_times"][leaves[name][i]] for i in (0, 1)] for name in leaves}
    assert steps["gd"][1] > 1000 > 300 > steps["egd"][1] > steps["newton"][1]
    assert all(later > 3 * sooner for sooner, later in steps.values())  # no rule is insensitive to the start
    panels = drawn("grokking").axes
    assert len(lines(panels[1], "frobenius")) == 2


def test_the_wedge_is_as_derived_and_not_as_printed(collected, drawn):
    data = collected("wedge")
    assert data["minimiser"][1] < 0
    at = np.interp(data["run_times"], data["times"], data["weights"][:, 1])
    assert at == pytest.approx(data["run_weights"][:, 1], abs=0.02)  # interpolated between the law's times
    error = np.interp(data["sample_times"], data["times"], data["derived"])
    assert np.abs(error - data["sample_error"]).max() < 0.1  # one sample of 20,000
    assert (data["printed"][-1], data["derived"][-1], data["sample_error"][-1]) == (1, 0, 0)
    above = data["weights"][:, 1] > 0
    assert data["printed"][above] == pytest.approx(data["derived"][above], abs=1e-9)
    assert (data["plateau_derived"] == data["plateau_measured"]).all()
    assert slope(data["epsilons"], data["plateau_derived"]) == pytest.approx(-0.5, abs=0.06)
    # 1/ε times a logarithm
    assert slope(data["epsilons"], data["plateau_printed"]) == pytest.approx(-1.1, abs=0.05)
    assert "turns negative" in drawn("wedge").axes[0].get_title(loc="left")


def test_arrivals_lie_on_the_law_and_collapse(collected, drawn):
    data = collected("spectrum")
    assert data["measured"] == pytest.approx(data["predicted"], rel=1e-7)
    ratios = data["measured"][:, -1] / data["measured"][:, 0]
    assert ratios == pytest.approx(100.0 ** (1 - data["alpha"]), rel=1e-7)
    left, right = drawn("spectrum").axes
    for line, markers in zip(lines(left, "predicted"), lines(left, "measured"), strict=True):
        assert line.get_ydata() == pytest.approx(markers.get_ydata(), rel=1e-7)
    (diagonal,) = lines(right, "predicted")
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    for markers in lines(right, "measured"):
        assert markers.get_xdata() == pytest.approx(markers.get_ydata(), rel=1e-7)


@pytest.mark.parametrize("name", ["start_slow", "theta"])
def test_the_derived_border_parts_plateaus_from_none(collected, drawn, name):
    data = collected("phases")
    gd, egd = data[f"{name}_gd"], data[f"{name}_egd"]
    assert (gd == data[f"{name}_law"]).all() and (gd == 0).any() and (gd > 0).any()
    heights = data[name][:, None]
    for how, lengths in (("gd", gd), ("egd", egd)):
        border = np.interp(data["epsilon"], data["border_epsilon"], data[f"{name}_border_{how}"])
        away = (heights - border) * (1 if name == "start_slow" else -1)
        # of gradient descent's steps exact but for the line between its points; EGD's steps follow its flow up to η
        clear = np.abs(away) > (1e-3 if how == "gd" else 0.1)
        assert ((lengths > 0) == (away > 0))[clear].all() and clear.sum() > 120
    row = drawn("phases").axes[0 if name == "start_slow" else 3 :][:3]
    for panel, how, dash in zip(row, ("gd", "egd"), ("-", "--"), strict=False):
        (line,) = lines(panel, "predicted")
        assert list(line.get_ydata()) == list(data[f"{name}_border_{how}"]) and line.get_linestyle() == dash
    (ratio,) = [mesh for mesh in row[2].collections if mesh.get_gid() == "lengths"]
    both = (gd > 0) & (egd > 0)
    assert np.array_equal(ratio.get_array()[both], (gd[both] / egd[both]))
    assert ratio.get_array()[:, 0].max() > 5 > 1 > (gd[both] / egd[both]).min()  # grows as ε falls; EGD can be slower


def test_scale_and_asymmetry_multiply_to_the_plateau_and_only_regression_tells_them_apart(collected, drawn):
    data = collected("cause")
    assert list(data["models"]) == ["folded", "wedge", "regression"] and list(data["told_apart"]) == [0, 0, 1]
    steps = {name: data["steps"][:, place] for place, name in enumerate(data["rules"])}
    assert data["scale"][:, 1] * data["best_steps"] == pytest.approx(steps["gd"])
    assert list(steps["egd"][:2]) == list(steps["frobenius"][:2]) and steps["egd"][2] < steps["frobenius"][2] / 2
    asymmetry = data["asymmetry"][:, 1]
    assert asymmetry[1] == 1 and min(asymmetry[0], asymmetry[2]) > 20  # the wedge's plateau is scale alone
    for place, (upper, lower) in enumerate(zip(drawn("cause").axes[::2], drawn("cause").axes[1::2], strict=True)):
        for name, values in steps.items():
            ends = [line.get_xdata()[0] for line in lines(upper, name)]
            assert ends == [value for value in (values[place],) if np.isfinite(value)]
        widths = sorted(bar.get_width() for bar in lower.patches)
        parts = np.concatenate([data["scale"][place], data["asymmetry"][place]])
        assert widths == pytest.approx(sorted(np.log10(parts)))  # below 1 to the left of zero
    text = picture("cause").caption(data)
    assert "On folded and wedge" in text and "$1$ of $" in text


def test_layers_learn_in_opposite_orders(collected, drawn):
    data = collected("order")
    (large, small), (large_egd, small_egd) = data["gd_arrivals"][1], data["egd_arrivals"][1]
    assert large < small and small_egd < large_egd
    for name in ("gd", "egd"):
        assert data[f"{name}_arrivals"][0] == pytest.approx(data[f"{name}_arrivals"][1], rel=1e-6)
        assert data[f"{name}_line"][-1] == pytest.approx(data["targets"], rel=2e-3)  # the threshold is 1e-3
        for index in (0, 1):
            law = np.interp(data[f"{name}_points_times"], data[f"{name}_line_times"], data[f"{name}_line"][:, index])
            assert law == pytest.approx(data[f"{name}_points"][:, index], abs=0.02)
    kept, turned = data["drift"]
    assert max(kept[0, 0], kept[1, 1], turned[0, 0]) < 1e-8 and min(kept[0, 1], kept[1, 0], turned[1, 1]) > 1e-3
    titles = [panel.get_title(loc="left") for panel in drawn("order").axes]
    assert "large first" in titles[0] and "small first" in titles[1]


def test_steps_follow_the_flow_to_its_first_extinction_and_end_in_cycles(collected, drawn):
    data = collected("steps")
    first = data["extinctions"][0]
    times, values = data["steps_0_times"], data["steps_0_values"]
    early = times < first - 0.1
    for index in range(values.shape[1]):
        law = np.interp(times, data["flow_times"], data["flow_values"][:, index])
        assert law[early] == pytest.approx(values[early, index], rel=1e-3)  # interpolated between recorded times
    assert data["flow_values"][-1].max() < 1e-6 < 1e-3 < values[-1].max()  # the flow rests, steps do not
    assert (np.diff(data["extinctions"]) > 0).all() and len(data["extinctions"]) == values.shape[1]
    assert data["softer_measured"] == pytest.approx(data["softer_predicted"], rel=1e-6)
    assert (data["turned_measured"] <= data["turned_predicted"]).all()
    known = np.isfinite(data["aligned_predicted"])
    assert data["aligned_measured"][known] == pytest.approx(data["aligned_predicted"][known], rel=1e-9)
    left, _ = drawn("steps").axes
    assert [line.get_xdata()[0] for line in lines(left, "extinction")] == list(data["extinctions"])


def test_a_caption_is_silent_about_what_is_not_predicted(collected):
    data = dict(collected("steps"))
    assert picture("steps").caption(data).count("met to") == 2
    data["aligned_predicted"] = np.full(len(data["sizes"]), np.nan)
    text = picture("steps").caption(data)
    assert text.count("met to") == 1 and "nan" not in text


def test_approximate_polar_factors_follow_their_laws_and_a_damping_brings_the_plateau_back(collected):
    data = collected("approximate")
    names = list(data["rules"])
    speeds = dict(zip(names, data["speeds"], strict=True))
    for name, law in zip(names[:3], data["line_speeds"], strict=False):
        # in the logarithm, between points of a line that oscillates; the ends are exact
        assert speeds[name][[0, -1]] == pytest.approx(law[[0, -1]], rel=1e-8)
    assert speeds["egd"] == pytest.approx(1, abs=1e-12)
    assert np.sort(np.abs(speeds["rsvd:2"]))[:-2] == pytest.approx(0, abs=1e-2)
    ratios = dict(zip(names, data["measured"][:, -1], strict=True))
    assert ratios["egd"] == pytest.approx(1, abs=1e-6)
    assert ratios["damped:0.01"] > 40 > 4 > max(ratios["newton-schulz"], ratios["rsvd:2"])
    # of full rank the sketch is EGD, which arrives at 1 − threshold, within a step
    assert measured_arrivals(rule("rsvd:2"), 10.0, 2, step=5e-3) == pytest.approx([0.99, 0.99], abs=6e-3)
    damped = names.index("damped:0.01")
    assert data["predicted"][damped, [0, -1]] == pytest.approx(data["measured"][damped], rel=1e-6)
    assert np.isnan(data["predicted"][names.index("newton-schulz")]).all()


def test_the_audit_at_a_glance_shows_every_verdict(collected, drawn):
    data = collected("verdicts")
    (panel,) = drawn("verdicts").axes
    assert [line.get_xdata()[1] for line in lines(panel, "against")] == [0, 40, 100]
    assert len({line.get_marker() for line in lines(panel, "verdict")}) == 3
    words = [text.get_text() for text in panel.texts]
    assert {"F1", "F4", "W7", "20 of 50", "Theorem 1"} <= set(words)
    text = picture("verdicts").caption(data)
    assert "3 claims: holds $1$, corrected $1$, undetermined $1$. " in text and "$254$ trials" in text


@pytest.mark.parametrize("text", ["", "[]", '{"claims": []}', '{"claims": [{"id": "F1"}]}'])
def test_what_is_no_audit_is_refused(tmp_path, text):
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(ArgumentError, match="Argument `audit` must hold") as refused:
        picture("verdicts").collect(audit=str(tmp_path / "audit.json"))
    assert not isinstance(refused.value, Missing)


def test_a_missing_audit_says_how_to_make_one(tmp_path):
    with pytest.raises(Missing, match=re.escape(f"`evenflow audit --out {tmp_path}` makes one, but there is no")):
        picture("verdicts").collect(audit=str(tmp_path / "audit.json"))


# --- asking and writing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("datasets", {"epsilon": 2.0}, r"`epsilon` must lie in \(0, 1\), but is 2"),
        ("datasets", {"start": (1.0,)}, "`start` must hold 2 numbers, but holds 1"),
        (
            "datasets",
            {"sample": 3},
            r"`datasets's parameter` must be one of .*, but is 'sample' .*mean samples",
        ),
        ("grokking", {"sizes": (1.0, -1.0)}, "`sizes` must be positive, but is -1"),
        ("wedge", {"step": 1e3}, "`step` must be below the largest stable step, but is 1000"),
        ("spectrum", {"condition": 0.5}, r"`condition` must lie in \(1, ∞\), but is 0.5"),
        ("spectrum", {"rules": ("gd", "damped:0.1")}, "`rules` must name power laws: .*, but holds damped:0.1"),
        ("phases", {"variances": (0.1, 0.01)}, "`variances` must hold two numbers that ascend, but holds 0.1, 0.01"),
        ("phases", {"angles": (0.1, 2.0)}, r"`theta` must lie in \(0, π/2\) radians, but is 2"),
        ("phases", {"step": 1.0}, "`step` must lie below the largest stable step"),
        ("cause", {"threshold": 1.0}, r"`threshold` must lie in \(0, 1\), but is 1"),
        ("hurts", {"draws": 3}, "`draws` must be a whole number of at least 40, but is 3"),
        ("hurts", {"rank": 6}, "`rank` must be below the number of values, 6, but is 6"),
        ("hurts", {"exponents": (1.0, 1.0)}, "`exponents` must hold two numbers that ascend, but holds 1, 1"),
        ("hurts", {"little": 0.0}, "`little` must be positive, but is 0"),
        ("hurts", {"outputs": 0}, "`outputs` must be a whole number of at least 1, but is 0"),
        ("order", {"imbalance": 0.0}, "`imbalance` must be positive, but is 0"),
        ("steps", {"sizes": (0.1,)}, "`sizes` must hold at least two step sizes, but holds 1"),
        ("approximate", {"rules": ("newton",)}, "`rules` must name rules that need a gradient only, but holds newton"),
    ],
)
def test_bad_parameters_are_refused(name, parameters, message):
    with pytest.raises(ArgumentError, match=message):
        picture(name).collect(**parameters)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("datasets", {"start": (1.0, 0.0), "samples": 2}),
        ("grokking", {"step": 0.9, "sizes": (1.0,), "samples": 2}),  # gradient descent diverges, and has no law
        ("wedge", {"start": (3.0, 1.0), "samples": 500, "epsilons": (0.1, 0.01)}),  # no plateau
        ("wedge", {"theta": 1.5707963, "samples": 500, "epsilons": (0.01,)}),
        ("order", {"spectrum": (1.0,), "depth": 3}),  # EGD's modes are not derived
        ("steps", {"spectrum": (1.0,), "steps": (), "sizes": (0.02, 0.03), "count": 500}),
    ],
)
def test_rare_parameters_draw_without_a_warning(name, parameters):
    one = picture(name)
    data = one.collect(**parameters)
    one.draw(data)
    assert "nan" not in one.caption(data) and "\\" not in plain(one.caption(data))


def test_an_unknown_figure_is_refused_and_the_nearest_named():
    with pytest.raises(ArgumentError, match=r"`figure` must be one of .*, but is 'spektrum' .*mean spectrum\?"):
        picture("spektrum")


def test_text_is_read_as_the_default_is():
    one = picture("grokking")
    assert one.read("sizes", " 1, 2e1 ") == (1.0, 20.0)
    assert (one.read("samples", "5"), one.read("epsilon", "1e-3")) == (5, 1e-3)
    assert picture("spectrum").read("rules", "gd, egd") == ("gd", "egd")
    with pytest.raises(ArgumentError, match="Argument `sizes` must hold numbers separated by commas, but is '1,x'"):
        one.read("sizes", "1,x")
    with pytest.raises(ArgumentError, match="Argument `samples` must be a whole number"):
        one.read("samples", "1.5")
    with pytest.raises(ArgumentTypeError, match="Argument `epsilon` must be a number"):
        one.read("epsilon", "small")


def test_a_picture_is_written_with_data_parameters_and_caption(tmp_path):
    record = write_picture(picture("datasets"), tmp_path, ("svg",), samples=12)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(record["files"])
    assert record["files"] == ["datasets.svg", "datasets.npz", "datasets.json"]
    found = json.loads((tmp_path / "datasets.json").read_text())
    assert found["parameters"] == {**picture("datasets").parameters, "samples": 12, "start": [1.0, 3.0]}
    assert "misclassifies" in found["caption"] and "$100$" in found["caption"]
    with np.load(tmp_path / "datasets.npz") as data:
        assert data["wedge"].shape == (12, 2)


def test_the_numbers_are_written_as_csv_where_asked(tmp_path):
    """Every array comes back, to the last bit, from its lines."""
    one = series("mine", 'Mine, "quoted"', [1.0, 10.0], predicted={"gd, α": [1 / 3, np.nan]}, xlabel="x", ylabel="y")
    assert write_picture(one, tmp_path, ("csv",))["files"] == ["mine.csv", "mine.npz", "mine.json"]
    table = Picture(
        "table", "", lambda: {"a": np.arange(6).reshape(2, 3), "b": ["x", 'y,"z"']}, lambda *_: Figure(), str
    )
    write_picture(table, tmp_path, ("csv", "svg"))
    assert (tmp_path / "table.csv").read_bytes().decode() == (
        'array,i,j,value\na,0,0,0\na,0,1,1\na,0,2,2\na,1,0,3\na,1,1,4\na,1,2,5\nb,0,,x\nb,1,,"y,""z"""\n'
    )
    with open(tmp_path / "mine.csv", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    with np.load(tmp_path / "mine.npz") as kept:
        for name, values in kept.items():
            found = [line["value"] for line in lines if line["array"] == name]
            np.testing.assert_array_equal(np.array(found).astype(values.dtype).reshape(values.shape), values)
    with pytest.raises(ArgumentError, match="`format` must be one of pdf, svg, png, csv, but is 'txt'"):
        write_picture(one, tmp_path, ("txt",))


def test_a_module_run_by_itself_and_a_figure_in_a_notebook_are_the_same(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["datasets.py", str(tmp_path)])
    main(picture("datasets"))
    assert "datasets.pdf, datasets.svg, datasets.png, datasets.npz, datasets.json" in capsys.readouterr().out
    (mine,) = save(picture("datasets").figure(), tmp_path / "mine", "datasets", ("svg",))
    assert mine.read_bytes() == (tmp_path / "datasets.svg").read_bytes()
    (tmp_path / "file").touch()
    monkeypatch.setattr("sys.argv", ["datasets.py", str(tmp_path / "file" / "below")])
    with pytest.raises(SystemExit) as stop:
        main(picture("datasets"))
    assert stop.value.code == 2
    assert re.fullmatch(
        r"Argument `directory` must be one that can be written, .*Not a directory.*\n", capsys.readouterr().err
    )
    source = Path(importlib.import_module("figures.datasets").__file__ or "").read_text()
    assert 'if __name__ == "__main__":\n    main(PICTURE)' in source


def test_series_are_lines_and_markers_of_ones_own(tmp_path):
    x, law = [1, 10, 100], [2.0, 20.0, np.nan]
    own = series("own", "Mine", x, predicted={"gd": law}, measured={"gd": law, "b": [1, 1, 1]}, xlabel="x", ylabel="y")
    (panel,) = own.figure().axes
    (line,), markers = lines(panel, "predicted"), lines(panel, "measured")
    assert list(line.get_ydata()[:2]) == [2, 20] and len(markers) == 2
    assert line.get_color() != markers[1].get_color() and markers[0].get_marker() != markers[1].get_marker()
    assert {text.get_text(): text.xy[0] for text in panel.texts} == {"gd": 10, "b": 100}
    assert (panel.get_xlabel(), panel.get_ylabel(), panel.get_xscale()) == ("x", "y", "log")
    assert "own.npz" in write_picture(own, tmp_path, ("svg",))["files"]
    with np.load(tmp_path / "own.npz") as data:
        assert sorted(data) == ["measured b", "measured gd", "predicted gd", "x"]
        assert own.draw(data).get_figwidth() == 3.25
    for wrong, message in [
        ({"measured": {"gd": [1, 2]}}, "Argument `gd` must hold one number for each of 3 places"),
        ({}, "Argument `measured` must hold a series"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            series("own", "Mine", x, **wrong)
    with pytest.raises(ArgumentError, match="Argument `name` must hold letters"):
        series("../own", "Mine", x, measured={"gd": x})


def test_a_picture_of_ones_own(tmp_path):
    def draw(data, axes=None):
        with house_style():
            mine = Figure(figsize=(3.25, 2))
            mine.subplots().plot(data["x"], data["x"] ** 2)
        return mine

    def data(most: float = 2.0, rules: tuple[str, ...] = ("gd",)):
        return {"x": np.linspace(0, most, 5), "rules": rules}

    own = Picture("own", "Mine", data, draw, lambda data: rf"Up to ${tex(data['x'].max())}$.")
    assert own.figure(most=3.0).axes[0].lines[0].get_ydata()[-1] == 9
    assert write_picture(own, tmp_path, most=3.0)["caption"] == "Up to $3$."


# --- the command and the gallery --------------------------------------------------------------------------------------


@pytest.fixture
def run(capsys, monkeypatch):
    """`evenflow figures` in this process: exit code, standard output, standard error."""

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["evenflow", "figures", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            command_line()
        return stop.value.code, *capsys.readouterr()

    return call


def test_the_command_writes_what_was_asked_for_and_a_gallery(run, tmp_path, monkeypatch):
    monkeypatch.setattr("figures.gallery.explorer_page", lambda version: f"<p>explorer {version}</p>")
    out = tmp_path / "a" / "b"
    settings = ("--set", "samples=9", "--set", "start=1,-2", "--format", "png", "--out", out)
    code, said, complained = run("datasets", *settings, "--json")
    assert (code, complained) == (0, "")
    found = json.loads(said)
    (record,) = found["figures"]
    assert (record["parameters"]["samples"], record["parameters"]["start"]) == (9, [1.0, -2.0])
    assert {path.name for path in out.iterdir()} == {*record["files"], "index.html", "explorer.html"}
    assert found["gallery"] == str(out / "index.html")
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert run("datasets", *settings)[0] == 0
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    page = (out / "index.html").read_text()
    assert '<img src="datasets.png" alt="The two data sets">' in page and '<iframe src="explorer.html"' in page
    assert "evenflow figures datasets --set epsilon=0.1" in page and "--set start=1,-2 --set samples=9" in page
    assert "http" not in page and "<math>" in page and "<b>a</b>, folded" in page


def test_all_figures_are_drawn_but_what_cannot_be_made_now(run, tmp_path, monkeypatch, stored):
    monkeypatch.setattr("figures.gallery.explorer_page", lambda version: "")
    monkeypatch.setattr("evenflow.commands.figures.NAMES", ("datasets", "verdicts"))
    monkeypatch.chdir(tmp_path)
    code, said, complained = run("--set", "samples=5", "--format", "svg")
    assert (code, complained) == (0, "")
    assert "datasets: The two data sets" in said and "verdicts is left out. Argument `audit` must name a stored" in said
    assert not (tmp_path / "out" / "verdicts.svg").exists()
    assert run("--set", "samples=5", "--set", f"audit={stored}", "--format", "svg")[0] == 0
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.index("1. The two data sets") < page.index("2. The audit at a glance")


def test_the_audit_is_looked_for_where_the_figures_go(run, tmp_path, monkeypatch, stored):
    monkeypatch.setattr("figures.gallery.explorer_page", lambda version: "")
    monkeypatch.chdir(tmp_path)
    refusal = "Argument `audit` must name a stored audit; `evenflow audit --out mine` makes one, but there is no"
    assert run("verdicts", "--out", "mine")[2].startswith(f"{refusal} mine/audit.json.")
    Path("mine").mkdir()
    Path("mine", "audit.json").write_bytes(stored.read_bytes())
    code, said, _ = run("verdicts", "--out", "mine", "--format", "svg", "--json")
    assert code == 0 and json.loads(said)["figures"][0]["parameters"] == {"audit": "mine/audit.json"}
    assert run("verdicts", "--out", "other", "--set", "audit=mine/audit.json", "--format", "svg")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("spektrum", "Argument `figure` must be one of"),
        (
            "datasets --set sample=3",
            "Argument `set` must be one of epsilon, theta, margin, start, samples, seed, but is",
        ),
        ("datasets --set samples", "Argument `set` must read KEY=VALUE, as in epsilon=0.001, but is 'samples'."),
        (
            "--set start=1,3",
            "Argument `start` must be a number in order and hurts, but is '1,3', which fits datasets, wedge and cause.",
        ),
        ("order hurts --set start=1,3", "Argument `start` must be a number, but is '1,3'."),
        ("datasets --set epsilon=2", "Argument `epsilon` must lie in (0, 1), but is 2."),
        ("datasets --format jpg", "Argument `format` must be one of pdf, svg, png, csv, but is 'jpg'"),
        ("datasets --out /proc/figures", "Argument `out` must be a directory that can be written"),
        ("verdicts", "Argument `audit` must name a stored audit; `evenflow audit --out out` makes one"),
    ],
)
def test_the_command_refuses_bad_input(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, said, complained = run(*arguments.split())
    assert (code, said) == (2, "")
    assert complained.startswith(message) and complained.count("\n") == 1
    assert not any(path.suffix for path in tmp_path.rglob("*"))


def test_the_gallery_leaves_out_what_is_not_a_figures_record(tmp_path, monkeypatch):
    monkeypatch.setattr("figures.gallery.explorer_page", lambda version: "")
    (tmp_path / "grokking.json").write_text("3")
    (tmp_path / "wedge.json").write_text("{")
    record = {"name": "order", "title": "<Order>", "parameters": {}, "caption": "$s = 1$", "files": ["order.pdf"]}
    (tmp_path / "order.json").write_text(json.dumps(record))
    page = write_gallery(tmp_path, "0").read_text()
    assert page.count("<figure") == 1 and "1. &lt;Order&gt;" in page and "<img" not in page
