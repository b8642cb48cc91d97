"""Scale and asymmetry: where each makes the plateau, and where they cannot be told apart."""

import json

import numpy as np
import pytest

import simulations.cause as module
from figures.cause import figure
from simulations.cause import cause
from simulations.descent import descend
from simulations.leaving import left_for_good
from simulations.population import population
from simulations.steps import steps
from theory.checks import ArgumentError
from theory.models.factorized import Factorized
from theory.models.folded import Folded
from theory.models.regression import Regression
from theory.models.wedge import Wedge
from theory.plateaus import LONGEST_RUN
from theory.rule_ids import rule


@pytest.fixture(scope="module")
def spread():
    return {slow: cause(Regression.from_spectrum([1, 0.1, slow], seed=1), 0.1) for slow in (1e-2, 1e-3)}


def test_the_parts_make_the_whole(spread):
    for found in spread.values():
        assert found.flow.whole == pytest.approx(found.flow.scale * found.flow.asymmetry * found.lengths["newton"])
        assert found.descent.whole == pytest.approx(found.descent.scale * found.descent.asymmetry)  # Newton: one step
        assert 0 < found.flow.share < found.descent.share < 1


def test_lengths_are_those_of_the_paths(spread):
    found = spread[1e-2]
    # equal contraction is straight, the rescaled gradient goes at unit speed along gradient descent's path
    assert found.lengths["newton"] == pytest.approx(0.99 * np.sqrt(3), rel=1e-6)
    # a polygon of a path; the flow's clock is exact
    assert found.lengths["gd"] == pytest.approx(found.times["frobenius"], rel=1e-5)
    # three directions at unit speed each
    assert found.lengths["egd"] == pytest.approx(np.sqrt(3) * found.times["egd"], rel=1e-6)


def test_in_the_flow_it_is_scale_whatever_the_condition_number(spread):
    for found in spread.values():
        assert found.flow.asymmetry < np.sqrt(3) / 0.99
    assert spread[1e-3].flow.scale / spread[1e-2].flow.scale > 9


def test_in_steps_it_is_asymmetry_that_grows_with_the_condition_number(spread):
    # at its best step gradient descent takes κ/2 log(1/q) steps, to leading order
    for slow, found in spread.items():
        assert found.descent.asymmetry == pytest.approx(np.log(100) / (2 * slow), rel=0.02)
    assert spread[1e-3].descent.scale == pytest.approx(spread[1e-2].descent.scale, rel=0.02)


def test_the_controls_do_not_equalise(spread):
    steps = spread[1e-2].steps
    assert steps["egd"] == 10
    assert all(steps[name] is None or steps[name] > 2 * steps["egd"] for name in ("random-basis", "frobenius"))


def test_one_output_cannot_tell_equal_speeds_from_a_rescaling():
    found = cause(Folded(epsilon=0.01), 0.1, [[1.0, 3.0]])
    assert not found.told_apart
    assert found.steps["egd"] == found.steps["frobenius"] == 211  # alternating from 191 on, where the longest run ends
    assert found.times["egd"] == pytest.approx(found.times["frobenius"])
    assert found.times["gd"] / found.times["egd"] == pytest.approx(found.flow.scale, rel=1e-5)
    assert found.steps["gd"] == 1603


def test_equal_singular_values_cannot_either(spread):
    assert not cause(Regression.from_spectrum([1, 1]), 0.5).told_apart
    assert spread[1e-2].told_apart


STARTS = [[[1.0, 3.0]], [[-1.0, 3.0]], [[-8.0, 0.3]], [[6.0, 9.0]]]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", ["gd", "newton", "egd", "column-norm"])
@pytest.mark.parametrize("model", [Folded(0.05, 0.7), Folded(0.05, 0.7, weight_decay=1.0), Wedge(0.05, 2.0)])
def test_the_end_is_the_last_step_at_100_percent(model, name, start):
    limit = 2 if name == "newton" else 2 / model.sharpness
    for step in (0.1, 0.9 * limit, 0.999 * limit):  # near the limit the fast weight alternates for long
        path = np.concatenate([[start], *steps(population(model), rule(name), step, np.array(start), 3000)])
        whole = np.flatnonzero(population(model).test_error(path) >= 1)
        wanted = 0 if not len(whole) else None if whole[-1] >= 2999 else whole[-1] + 1
        assert left_for_good(model, name, step, start, max_steps=3000) == wanted


def test_an_end_too_far_to_walk_to_and_steps_that_do_not_get_there():
    # nothing alternates here: the longest run, by the exact propagator and bisection
    far = descend(Folded(1e-12), "gd", 0.1, [[1.0, 3.0]]).plateaus[LONGEST_RUN]
    assert far > 1e13 and left_for_good(Folded(1e-12), "gd", 0.1) == pytest.approx(far, rel=1e-15)
    assert left_for_good(Folded(), "gd", 1.01 * 2 / Folded().sharpness) is None
    assert left_for_good(Folded(), "egd", 0.1, max_steps=50) is None


def test_a_first_step_that_overshoots_does_not_end_the_plateau():
    """From u₁ < 0 the fast weight comes out far on the other side, and is back at the next step."""
    found = cause(Folded(0.01), 0.1, [[-1.0, 3.0]])
    size, count = found.best_step
    run = descend(Folded(0.01), "gd", 1.999 / Folded(0.01).sharpness, [[-1.0, 3.0]])
    assert run.plateaus[LONGEST_RUN] < count / 4  # the longest run would have taken this step for the best one
    assert size < 1.98 / Folded(0.01).sharpness
    # w₂ falls from 3 to w₁ tan θ, about 0.604, by a factor 1 − 2ε/λ₁ in a step at most
    assert found.descent.asymmetry == count > np.log(3 / 0.605) / -np.log(1 - 0.02 / Folded(0.01).sharpness)


def test_without_a_plateau_there_are_no_parts():
    found = cause(Folded(epsilon=0.01), 0.1, [[1.0, 0.5]])
    assert found.flow is None
    assert found.descent is None


@pytest.mark.parametrize("seed", [None, 3])
def test_a_start_at_the_minimum_says_nothing_of_equal_speeds(seed):
    """With bases drawn at random the gradient is zero to rounding, and its singular values differ by that."""
    found = cause(Regression.from_spectrum([1, 0.1], start=0, seed=seed), 0.1)
    assert found.told_apart is None and json.dumps(found.document()["told_apart"]) == "null"
    assert found.verdict == "The gradient at the start is zero: no rule leaves it, and nothing is told apart."
    assert "no gradient at the start" in figure([found]).axes[0].get_title(loc="left")


def test_a_best_step_is_the_best_of_those_tried(monkeypatch):
    monkeypatch.setattr(module, "TRIED", np.array([0.5, 1.0]))
    found = cause(Regression.from_spectrum([1, 0.1]), 0.1)
    assert found.best_step == (1.0, 44.0)  # 0.9⁴⁴ is below a hundredth


@pytest.mark.parametrize(("given", "name"), [({"step": 0}, "step"), ({"step": 0.1, "threshold": 1}, "threshold")])
def test_bad_numbers_are_refused(given, name):
    with pytest.raises(ArgumentError, match=f"Argument `{name}` must"):
        cause(Folded(), **given)


def test_the_wedges_plateau_is_scale_where_the_folded_models_is_not():
    """Both of the wedge's curvatures are small: one large step ends its plateau."""
    wedge, folded = (cause(model, 0.1, [[1.0, 3.0]]) for model in (Wedge(), Folded()))
    assert not wedge.told_apart and not folded.told_apart
    assert wedge.descent.asymmetry == 1 and wedge.descent.scale == wedge.steps["gd"] > 50
    assert folded.descent.asymmetry > 100
    assert wedge.descent.share == 0 and folded.descent.share > 0.5


def test_progress_counts_every_run():
    seen = []
    cause(Folded(), 0.1, progress=lambda done, total: seen.append((done, total)))
    assert seen[0][0] == 1 and seen[-1][0] == seen[-1][1] == len(seen)


def test_a_factorised_model_is_refused():
    with pytest.raises(ArgumentError, match="Argument `model` must be linear"):
        cause(Factorized.from_spectrum((3, 1)), 0.1)


def test_the_command_prints_it_and_writes_it(tmp_path):
    from typer.testing import CliRunner

    from evenflow.cli import app

    line = ["compare", "regression", "--spectrum", "1,0.1", "--rules", "gd", "--threshold", "0.01", "--cause"]
    done = CliRunner().invoke(app, [*line, "--out", str(tmp_path), "--json"])
    found = json.loads(done.stdout)["cause"]
    wanted = cause(Regression.from_spectrum((1, 0.1)), 0.1).document()
    assert found == json.loads(json.dumps(wanted)) == json.loads((tmp_path / "compare.json").read_text())["cause"]
    assert (tmp_path / "cause.pdf").exists()
    words = CliRunner().invoke(app, line).stdout
    assert "can be told apart" in words and f"asymmetry ×{wanted['descent']['asymmetry']:.4g}" in words
    wedge = CliRunner().invoke(app, ["compare", "wedge", "--rules", "gd", "--cause"]).stdout
    assert ": 1 step.\n" in wedge
    folded = CliRunner().invoke(app, ["compare", "--rules", "gd", "--cause", "--start", "1,0.5"]).stdout
    assert "EGD is a rescaling here" in folded and "there is no plateau to split" in folded
    refused = CliRunner().invoke(app, ["compare", "factorized", "--cause"])
    assert isinstance(refused.exception, ArgumentError) and "Argument `cause` must go with" in str(refused.exception)


def test_the_figure_says_what_was_found(spread):
    found = [cause(Folded(), 0.1), cause(Wedge(), 0.1), spread[1e-2]]
    drawn = figure(found)
    assert drawn.get_figwidth() == 6.75
    for one, upper, lower in zip(found, drawn.axes[::2], drawn.axes[1::2], strict=True):
        dots = {line.get_gid(): line.get_xdata()[0] for line in upper.get_lines() if line.get_gid()}
        assert dots == {name: max(steps, 1) for name, steps in one.steps.items() if steps is not None}
        assert ("≠" in upper.get_title(loc="left")) == one.told_apart
        bars = [(bar.get_gid(), bar.get_width()) for bar in lower.patches]
        pairs = [(name, getattr(parts, name)) for parts in (one.descent, one.flow) for name in ("scale", "asymmetry")]
        assert [name for name, _ in bars] == [name for name, _ in pairs]
        assert [width for _, width in bars] == pytest.approx([np.log10(factor) for _, factor in pairs])
    # below 1: to the left of zero, where there is room for it and for its number
    left = drawn.axes[3]
    assert found[1].flow.asymmetry < 1 and left.patches[3].get_x() + left.patches[3].get_width() < 0
    texts = {text.get_text(): text.xy[0] for text in left.texts}
    assert left.get_xlim()[0] < texts[f"×{found[1].flow.asymmetry:.3g}"] < 0
    assert figure(found[:1]).get_figwidth() == 3.25
    for wrong in ([], found * 2):
        with pytest.raises(ArgumentError, match="`causes` must hold one to 3"):
            figure(wrong)
