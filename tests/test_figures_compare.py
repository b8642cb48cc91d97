"""What the picture of `compare` says, against the comparison it was drawn from."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from figures.brackets import amount, length_text, plateau_span
from figures.compare import figure
from figures.curves import relative
from figures.groups import merged
from figures.output import save
from figures.style import RULES, rule_colours
from simulations.comparison import Comparison, Run, compare
from theory.checks import ArgumentError
from theory.models.folded import Folded
from theory.models.regression import Regression


@pytest.fixture(scope="module")
def folded() -> Comparison:
    return compare(Folded(epsilon=0.01), start=(1, 3))


@pytest.fixture(scope="module")
def regression() -> Comparison:
    return compare(Regression.from_spectrum([1, 0.1, 0.01]), ["gd", "egd", "power:0.5"])


@pytest.fixture(scope="module")
def diverging() -> Comparison:
    return compare(Folded(), ["gd", "egd"], step=0.9)


@pytest.fixture(scope="module")
def censored() -> Comparison:
    return compare(Regression.from_spectrum([1, 0.01, 0]), ["gd", "ngd"], max_steps=300)


@pytest.fixture(scope="module")
def many() -> Comparison:
    return compare(Regression.from_spectrum(list(np.geomspace(1, 1e-2, 12))), ["gd", "egd"])


CASES = ["folded", "regression", "diverging", "censored", "many"]


@pytest.fixture(params=CASES)
def comparison(request: pytest.FixtureRequest) -> Comparison:
    found: Comparison = request.getfixturevalue(request.param)
    return found


def rows(whole: Figure) -> list[tuple[Axes, list[Axes]]]:
    """Left axes, and the panels into which the right ones are divided, for each view."""
    return [
        (left, [part for part in right.child_axes if part.get_yscale() == "log" and part.get_lines()])
        for left, right in zip(whole.axes[::2], whole.axes[1::2], strict=True)
    ]


def lines(axes: Axes, gid: str) -> list[Line2D]:
    return [line for line in axes.get_lines() if line.get_gid() == gid]


def texts(axes: Axes, gid: str) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_gid() == gid]


def notes(whole: Figure) -> str:
    return " ".join(text.get_text() for text in whole.texts if text.get_gid() == "notes").replace("\n", " ")


def groups(comparison: Comparison) -> list[list[list[Run]]]:
    """Rules that share a line, for each view."""
    views = dict.fromkeys(run.view for run in comparison.runs)
    return [merged([run for run in comparison.runs if run.view == view]) for view in views]


def points(line: Line2D) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    x, y = np.asarray(line.get_xydata(), float).T
    return x, y


def test_plateaus_are_written_with_their_lengths(folded: Comparison) -> None:
    (flow, _), (steps, _) = rows(figure(folded))
    for axes, view in ((flow, "flow"), (steps, "descent")):
        wanted = {}
        for name in ("gd", "egd", "newton"):
            plateau = folded.run(name, view).plateaus()[0]
            wanted[name] = f"{plateau['measured']:,.0f}" if view == "descent" else f"{plateau['measured']:.4g}"
            if plateau["predicted"] is not None:
                known = f"{plateau['predicted']:,.0f}" if view == "descent" else f"{plateau['predicted']:.4g}"
                wanted[name] += f" ({known})"
        names = ["newton", "egd = frobenius", "gd"]  # rows count upwards
        assert texts(axes, "rule") == names
        assert texts(axes, "plateau") == [wanted[name.split(" =")[0]] for name in names]
    assert texts(steps, "plateau") == ["14 (14)", "191", "1,603 (1,603)"]


def test_bars_span_the_plateaus(regression: Comparison) -> None:
    left, _ = rows(figure(regression))[0]
    bars = [points(bar)[0] for bar in left.lines if bar.get_gid() == "plateau bar"]
    for bar, name in zip(bars, ["power:0.5", "egd", "gd"], strict=True):
        arrivals = regression.run(name).trajectory.arrivals
        np.testing.assert_allclose(bar, [arrivals.min(), arrivals.max()], rtol=1e-12)


def test_a_bar_of_whole_misclassification_ends_where_the_test_error_falls(folded: Comparison) -> None:
    for run in folded.runs:
        span = plateau_span(run)
        assert span is not None
        times, errors = run.trajectory.times, run.trajectory.test_error
        assert errors[times <= span[1] * (1 - 1e-9)].min() >= 1 or run.view == "descent"
        after = errors[times > span[1] * 1.05]
        assert after[:20].min() < 1


def test_each_line_is_there_once(comparison: Comparison) -> None:
    for (left, panels), found in zip(rows(figure(comparison)), groups(comparison), strict=True):
        bands = sum(collection.get_gid() == "band" for collection in left.collections)
        drawn = len(lines(left, "test")) + len(lines(left, "train"))
        assert drawn == 2 * len(found) + bands  # the two sides of a band are two lines
        assert len(lines(left, "predicted")) == sum(group[0].curve is not None for group in found)
        assert len(panels) == min(3, len(found))
        learning = int((comparison.directions.learns.astype(bool) & (comparison.directions.amplitudes > 0)).sum())
        for panel in panels:
            swinging = sum(collection.get_gid() == "band" for collection in panel.collections)
            assert len(lines(panel, "amplitude")) == learning + swinging


def test_predicted_lines_end_where_the_curves_do(folded: Comparison) -> None:
    for (left, panels), found in zip(rows(figure(folded)), groups(folded), strict=True):
        ends = sorted(points(line)[0][-1] for line in lines(left, "predicted"))
        curves = [group[0].curve for group in found]
        assert ends == sorted(curve.times[-1] for curve in curves if curve is not None)
        errors = {points(line)[0][-1]: points(line)[1][-1] for line in lines(left, "predicted")}
        for curve in curves:
            if curve is not None and curve.test_error is not None:
                assert errors[curve.times[-1]] == pytest.approx(100 * curve.test_error[-1], rel=1e-12)
        gd = found[0][0].curve
        assert gd is not None
        for line, index in zip(lines(panels[0], "predicted"), range(2), strict=True):
            left_over = max(1e-6, relative(gd.amplitudes)[-1, index])  # held a hundredth below the axis
            assert points(line)[1][-1] == pytest.approx(left_over, rel=1e-12)


def test_measured_lines_are_the_trajectories(regression: Comparison) -> None:
    left, panels = rows(figure(regression))[0]
    colours = rule_colours(["gd", "egd", "power:0.5"])
    for line in lines(left, "test"):
        name = next(name for name, colour in colours.items() if colour == line.get_color())
        trajectory = regression.run(name).trajectory
        x, y = points(line)
        assert len(x) < len(trajectory.times) and x[-1] == trajectory.times[-1]
        inside = (x >= trajectory.times[1]) & (y > 1e-8)
        expected = np.interp(x, trajectory.times, trajectory.test_error / trajectory.test_error[0])
        np.testing.assert_allclose(y[inside], expected[inside], rtol=1e-12)
    gd = regression.run("gd").trajectory
    assert [texts(panel, "rule") for panel in panels] == [["gd"], ["egd"], ["power:0.5"]]
    arrivals = [points(tick)[0][0] for tick in lines(panels[0], "arrival")]
    np.testing.assert_allclose(arrivals, gd.arrivals, rtol=1e-12)
    predicted = [points(tick)[0][0] for tick in lines(panels[0], "predicted arrival")]
    np.testing.assert_allclose(predicted, [a for a in regression.run("gd").prediction.arrivals if a], rtol=1e-12)


def test_a_direction_keeps_its_colour(regression: Comparison) -> None:
    seen = {
        tuple(line.get_color() for line in lines(panel, "arrival"))
        for _, panels in rows(figure(regression))
        for panel in panels
        if len(lines(panel, "arrival")) == 3
    }
    assert len(seen) == 1 and len(set(*seen)) == 3
    for _, panels in rows(figure(regression)):
        for panel in panels:
            below_first = [line.get_color() for line in lines(panel, "amplitude")]
            assert list(dict.fromkeys(below_first)) == list(*seen)[::-1]


def test_axes_say_what_they_measure(folded: Comparison, regression: Comparison) -> None:
    for (left, panels), unit in zip(rows(figure(folded)), ("flow time t", "steps k"), strict=True):
        assert (left.get_xlabel(), panels[-1].get_xlabel()) == (unit, unit)
        assert left.get_ylabel() == "test error (%)\ntrain loss (% of its start)"
        assert (left.get_xscale(), left.get_yscale()) == ("log", "linear")
        assert all(panel.get_xlim() == left.get_xlim() for panel in panels)
        assert all((panel.get_xscale(), panel.get_yscale()) == ("log", "log") for panel in panels)
    for left, _ in rows(figure(regression)):
        assert left.get_yscale() == "log" and "relative to the start" in left.get_ylabel()


def test_the_time_axis_begins_before_anything_arrives(comparison: Comparison) -> None:
    for (left, _), found in zip(rows(figure(comparison)), groups(comparison), strict=True):
        begin, end = left.get_xlim()
        arrivals = np.concatenate([group[0].trajectory.arrivals for group in found])
        assert begin < np.nanmin(arrivals)
        assert end >= max(group[0].trajectory.times[-1] for group in found)


def test_nothing_drawn_is_undefined(comparison: Comparison) -> None:
    for left, panels in rows(figure(comparison)):
        for axes in (left, *panels):
            for line in axes.get_lines():
                x, y = points(line)
                assert np.isfinite(x).all() and np.isfinite(y).all()
                assert (x > 0).all() or line.get_transform() != axes.transData
                if axes.get_yscale() == "log" and line.get_transform() == axes.transData:
                    assert (y > 0).all()


@pytest.mark.parametrize("case", CASES)
def test_no_text_covers_another(case: str, request: pytest.FixtureRequest) -> None:
    whole = figure(request.getfixturevalue(case))
    hidden = _hidden(whole)
    boxes: list[tuple[str, Bbox]] = []
    for text in whole.findobj(Text):
        assert isinstance(text, Text)
        if text.get_text().strip() and text.get_visible() and text not in hidden:
            boxes.append((text.get_text(), text.get_window_extent().padded(-0.5)))
    assert len(boxes) > 20
    for index, (name, box) in enumerate(boxes):
        assert whole.bbox.x0 <= box.x0 and box.x1 <= whole.bbox.x1, f"{name!r} leaves the page"
        assert whole.bbox.y0 <= box.y0 and box.y1 <= whole.bbox.y1, f"{name!r} leaves the page"
        for other, its in boxes[index + 1 :]:
            assert not box.overlaps(its), f"{name!r} touches {other!r}"


def _hidden(whole: Figure) -> set[Text]:
    """Labels of ticks beyond their axis' limits, and of axes that are switched off."""
    hidden = set()
    for axes in [*whole.axes, *(part for one in whole.axes for part in one.child_axes)]:
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not axes.axison or not low <= tick.get_loc() <= high:
                    hidden |= {tick.label1, tick.label2}
    return hidden


def test_what_is_left_open_is_said(censored: Comparison, diverging: Comparison) -> None:
    whole = figure(censored)
    reason = censored.run("ngd", "descent").trajectory.stop_reason
    assert f"Open end ({reason}): ngd (steps)." in notes(whole)
    assert "1 of 3 directions never learn" in notes(whole)
    steps = rows(whole)[1][0]
    assert texts(steps, "plateau")[0].startswith("not over")
    whole = figure(diverging)
    left = rows(whole)[1][0]
    assert "diverged: step 0.9" in notes(whole)
    assert texts(left, "plateau") == ["136", "diverged"]
    assert len(lines(left, "open end")) == 2
    assert not lines(rows(whole)[0][0], "open end")


def test_an_error_that_leaves_the_panel_is_noted() -> None:
    comparison = compare(Regression.from_spectrum([1, 0.1]), ["gd", "egd"], step=2.5)
    left = {
        run.rule.name for run in comparison.runs if run.trajectory.test_error[-1] > 4 * run.trajectory.test_error[0]
    }
    assert left == {"gd"}  # its steps alone are too long
    assert "Test error above the panel: gd (steps)." in notes(figure(comparison))


def test_steps_that_swing_are_a_band_between_even_and_odd(diverging: Comparison) -> None:
    left = rows(figure(diverging))[1][0]
    trajectory = diverging.run("egd", "descent").trajectory
    sides = [points(line) for line in lines(left, "test") if line.get_color() == RULES["egd"]]
    assert len(sides) == 2
    for x, y in sides:
        late = x > 200  # well after the first turn
        assert len(set(x[late] % 2)) == 1
        expected = 100 * trajectory.test_error[np.searchsorted(trajectory.times, x)]
        np.testing.assert_allclose(y[late], expected[late], rtol=1e-12)


def test_many_directions_have_a_colour_bar_and_few_predicted_lines(many: Comparison) -> None:
    whole = figure(many)
    keys = [text.get_text() for text in whole.findobj(Text) if text.get_gid() == "key"]
    assert keys == ["singular value λ (log)  0.01", "1"] * 2
    _, panels = rows(whole)[0]
    assert [len(lines(panel, "amplitude")) for panel in panels] == [12, 12]
    assert [len(lines(panel, "predicted")) for panel in panels] == [6, 6]
    assert [len(lines(panel, "predicted arrival")) for panel in panels] == [12, 12]
    assert "predicted lines of 6" in notes(whole)


def test_a_start_without_plateau_and_a_start_at_rest() -> None:
    left, _ = rows(figure(compare(Folded(), ["gd"], start=(1, -3))))[0]
    assert texts(left, "plateau") == ["0 (0)"]
    assert not [line for line in left.lines if line.get_gid() == "plateau bar"]
    whole = figure(compare(Regression.from_spectrum([1, 0.5], start=0), ["gd"]))
    assert texts(whole.axes[0], "plateau") == ["none"]


def changed(run: Run, **arrays: Any) -> Run:
    return dataclasses.replace(run, trajectory=dataclasses.replace(run.trajectory, **arrays))


def test_runs_that_differ_are_not_merged(folded: Comparison) -> None:
    names = [[run.rule.name for run in group] for group in groups(folded)[0]]
    assert names == [["gd"], ["egd", "frobenius"], ["newton"]]
    egd = folded.run("egd")
    assert [len(group) for group in merged([egd, changed(egd)])] == [2]
    for name in ("test_error", "train_error", "amplitudes"):
        values = getattr(egd.trajectory, name)
        bent = values * np.linspace(1, 0.98, len(values)).reshape(-1, *[1] * (values.ndim - 1))
        assert [len(group) for group in merged([egd, changed(egd, **{name: bent})])] == [1, 1]
    late = changed(egd, arrivals=1.01 * egd.trajectory.arrivals)
    assert [len(group) for group in merged([egd, late])] == [1, 1]


def test_a_wrong_prediction_is_seen(folded: Comparison) -> None:
    """Nothing in the picture is drawn from the other side."""
    gd = folded.run("gd")
    assert gd.curve is not None and gd.curve.test_error is not None
    (definition, (length, kind)), *_ = gd.prediction.plateaus.items()
    wrong = dataclasses.replace(
        gd,
        prediction=dataclasses.replace(gd.prediction, plateaus={definition: (2 * length, kind)}, arrivals=(9.0, 99.0)),
        curve=dataclasses.replace(gd.curve, test_error=0.5 * gd.curve.test_error),
    )
    left, (panel,) = rows(figure(dataclasses.replace(folded, runs=(wrong,))))[0]
    assert texts(left, "plateau") == ["160.3 (320.6)"]
    assert [points(tick)[0][0] for tick in lines(panel, "predicted arrival")] == [9.0, 99.0]
    assert points(lines(left, "predicted")[0])[1].max() == pytest.approx(50)
    assert points(lines(left, "test")[0])[1].max() == pytest.approx(100)


def test_what_is_undefined_is_left_out(folded: Comparison) -> None:
    gd = folded.run("gd")
    holes = gd.trajectory.test_error.copy()
    holes[5::7] = np.nan
    left, _ = rows(figure(dataclasses.replace(folded, runs=(changed(gd, test_error=holes),))))[0]
    x, y = points(lines(left, "test")[0])
    assert len(x) > 300 and np.isfinite(y).all()
    assert not np.isin(x, gd.trajectory.times[np.isnan(holes)]).any()


def test_axes_can_be_given(folded: Comparison) -> None:
    own = Figure(figsize=(7, 7))
    axes = own.subplots(2, 2)
    assert figure(folded, axes) is own
    assert own.axes == list(axes.ravel())
    assert len(lines(axes[0, 0], "test")) == 3
    for wrong in (axes[0], [1, 2, 3, 4]):
        with pytest.raises(ArgumentError, match=r"Argument `axes` must hold 4 axes, two for each view"):
            figure(folded, wrong)


def test_one_view_makes_one_row() -> None:
    whole = figure(compare(Folded(), ["truncated:1"], max_steps=2000))
    assert len(whole.axes) == 2
    assert whole.get_figwidth() == 6.75


def test_pyplot_is_not_used() -> None:
    code = (
        "import sys; from simulations.comparison import compare; from theory.models.folded import Folded;"
        "from figures.compare import figure; from figures.output import save; import tempfile, matplotlib;"
        "before = matplotlib.rcParams.copy(); whole = figure(compare(Folded(), ['gd']));"
        "save(whole, tempfile.mkdtemp(), 'x');"
        "assert 'matplotlib.pyplot' not in sys.modules; assert before == matplotlib.rcParams.copy()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])


def test_files_do_not_depend_on_the_run(folded: Comparison, tmp_path: Path) -> None:
    first = save(figure(folded), tmp_path / "new" / "one", "picture")
    whole = figure(folded)
    second = save(whole, tmp_path / "two", "picture")
    third = save(whole, tmp_path / "three", "picture")  # a figure drawn before gives the same file
    assert [path.name for path in first] == ["picture.pdf", "picture.svg", "picture.png"]
    for paths in zip(first, second, third, strict=True):
        one, two, three = (path.read_bytes() for path in paths)
        assert one == two == three
    pdf, svg, png = (path.read_bytes() for path in first)
    assert b"CreationDate" not in pdf and b"/Subtype /Type3" not in pdf and b"/FontFile2" in pdf
    assert b"<dc:date>" not in svg
    width = int.from_bytes(png[16:20], "big")
    assert width == math.ceil(6.75 * 300)


def test_rules_keep_their_colours() -> None:
    assert rule_colours(["egd", "gd"])["egd"] == rule_colours(["newton", "egd"])["egd"] == RULES["egd"]
    two = rule_colours(["power:0.5", "power:1.5", "gd", "mine"])
    assert len(set(two.values())) == 4
    assert len(set(RULES.values())) == len(RULES)


def test_lengths_are_written_short(folded: Comparison) -> None:
    assert amount(1234.5) == "1,234" and amount(0.12344) == "0.1234" and amount(0) == "0"
    assert length_text(folded.run("gd")) == "160.3 (160.3)"
    assert length_text(folded.run("egd", "descent")) == "191"
