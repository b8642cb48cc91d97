"""The explorer in a notebook: traits both ways, bad values refused, a picture for where there is no kernel."""

from __future__ import annotations

import base64
import importlib.util
import io

import numpy as np
import pytest
from matplotlib.image import imread

import evenflow as ef
from figures.explorer.still import figure, lengths
from figures.explorer.widget import module
from theory.checks import ArgumentError


def test_the_spectrum_travels_as_a_binary_buffer():
    explorer = ef.Explorer([0.5, 2.0])
    assert explorer.spectrum.tolist() == [2.0, 0.5]
    sent = explorer.get_state("spectrum")["spectrum"]
    assert isinstance(sent, memoryview)
    assert np.frombuffer(sent).tolist() == [2.0, 0.5]
    explorer.set_state({"spectrum": memoryview(np.array([1.0, 3.0, 1e-4]).tobytes()), "alpha": 1})
    assert explorer.spectrum.tolist() == [1.0, 3.0, 1e-4]
    assert explorer.alpha == 1


@pytest.mark.parametrize("name", ["condition", "directions", "colour"])
def test_what_is_no_trait_is_refused(name):
    with pytest.raises(ArgumentError, match=f"`setting` must be one of alpha, step.*but is '{name}'"):
        ef.Explorer(**{name: 2})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": np.nan}, "Argument `alpha` must be finite, but is nan."),
        ({"epsilon": 2}, "Argument `epsilon` must lie between 1e-08 and 0.9, but is 2."),
        ({"step": "much"}, "Argument `step` must be a number, but is 'much'."),
        ({"model": "rose"}, "Argument `model` must be one of regression, folded, but is 'rose'"),
        ({"batch": 0}, "Argument `batch` must be a whole number of at least 1, but is 0."),
        ({"batch": 1_001}, "Argument `batch` must be at most 1,000, or None for all examples, but is 1,001."),
        ({"seed": True}, "Argument `seed` must be a whole number of at least 0, but is 1."),
        ({"seed": 1.5}, "Argument `seed` must be a whole number of at least 0, but is 1.5."),
        ({"rules": "gd"}, "Argument `rules` must be a sequence of names, but is 'gd'."),
        ({"batch": 1e99}, "Argument `batch` must be at most 1,000, or None for all examples, but is 1e+99."),
        ({"rules": [1]}, "Argument `rules` must be one of gd, egd, ngd, newton, but is 1."),
        ({"model": None}, "Argument `model` must be one of regression, folded, but is None."),
        ({"rules": ["rose"]}, "Argument `rules` must be one of gd, egd, ngd, newton, but is 'rose'"),
        ({"spectrum": []}, "Argument `spectrum` must hold at least one number, but is empty."),
        ({"spectrum": [1, np.nan]}, "Argument `spectrum` must be finite, but is nan."),
        ({"spectrum": [1, 0]}, "Argument `spectrum` must hold positive numbers, but holds 0."),
        ({"overlay": [1, 2]}, "Argument `overlay` must have the shape (n, 2), but has (2,)."),
        ({"overlay": [[1, np.inf]]}, "Argument `overlay` must hold finite numbers, but does not."),
        ({"spectrum": [1] * 1001}, "Argument `spectrum` must hold at most 1,000 numbers, but holds 1,001."),
    ],
)
def test_a_bad_value_is_refused_and_the_one_before_kept(settings, message):
    with pytest.raises((ArgumentError, ef.ArgumentTypeError)) as found:
        ef.Explorer(**settings)
    assert str(found.value).startswith(message)
    explorer = ef.Explorer()
    ((name, value),) = settings.items()
    before = getattr(explorer, name)
    with pytest.raises((ArgumentError, ef.ArgumentTypeError)):
        setattr(explorer, name, value)
    assert np.array_equal(getattr(explorer, name), before)


def test_an_unknown_setting_is_refused():
    with pytest.raises(ArgumentError, match="did you mean epsilon"):
        ef.Explorer(epsilom=0.1)


def test_a_model_gives_its_parameters():
    folded = ef.Explorer(ef.Folded(epsilon=1e-3, theta=0.5, margin=2, weight_decay=0.1), u2=4)
    assert (folded.model, folded.epsilon, folded.theta, folded.margin) == ("folded", 1e-3, 0.5, 2)
    assert (folded.weight_decay, folded.u2) == (0.1, 4)
    inputs = np.random.default_rng(1).normal(size=(50, 3))
    regression = ef.Explorer(ef.Regression.from_data(inputs * [4, 1, 0], inputs[:, :1], name="mine"))
    assert len(regression.spectrum) == 2
    assert regression.step == pytest.approx(min(0.1, 1 / regression.spectrum[0]))
    assert "2 of 3 directions learn" in regression.remark
    assert regression.name == "mine"


def test_a_model_that_the_page_does_not_have_is_refused():
    with pytest.raises(ArgumentError, match="be singular values, a regression or a folded model, but is a wedge model"):
        ef.Explorer(ef.Wedge())


def test_a_missing_extra_is_one_line_with_the_command(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    missing = importlib.import_module("figures.explorer").__getattr__("Explorer")
    with pytest.raises(ArgumentError) as found:
        missing([1, 0.1], alpha=1)
    assert 'pip install "evenflow[explore]"' in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"spectrum": [1, 0.1, 1e-3], "alpha": 1, "rules": ["ngd", "newton", "gd"]},
        {"model": "folded", "alpha": 0.25},
    ],
)
def test_without_a_kernel_there_is_a_picture_of_the_predicted_lengths(settings):
    explorer = ef.Explorer(**settings)
    data, _ = explorer._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    assert imread(io.BytesIO(base64.b64decode(data["image/png"]))).std() > 0.01
    if explorer.model == "folded":
        model, more = ef.Folded(), {"start": (1, 3)}
    else:
        model, more = ef.Regression.from_spectrum(explorer.spectrum), {}
    assert set(lengths(explorer)) == {"power", *explorer.rules}
    names = {name: f"power:{explorer.alpha:g}" if name == "power" else name for name in lengths(explorer)}
    comparison = ef.compare(model, list(names.values()), **more)
    for name, length in lengths(explorer).items():
        plateaus = comparison.run(names[name]).prediction.plateaus
        assert length == pytest.approx(next(iter(plateaus.values()))[0], rel=1e-11, abs=1e-12)
    axes = figure(explorer).axes[-1]
    assert f"{lengths(explorer)['gd']:.4g}" in [text.get_text().strip() for text in axes.texts]


def test_one_direction_alone_has_no_length_in_the_picture():
    axes = figure(ef.Explorer(spectrum=[0.5])).axes[-1]
    assert {text.get_text().strip() for text in axes.texts} == {"–"}


FAKE = """async ([text, settings]) => {
    const module = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
    const buffer = (values) => new DataView(Float64Array.from(values).buffer), listeners = {};
    const values = { ...settings, spectrum: buffer(settings.spectrum), overlay: buffer([]) };
    window.model = {
        values, saved: 0,
        get: (name) => values[name],
        set(name, value) { values[name] = value; (listeners[name] ?? []).forEach((told) => told()); },
        save_changes() { this.saved++; },
        on: (event, told) => (listeners[event.slice(7)] ??= []).push(told),
        off: (event, told) => (listeners[event.slice(7)] = listeners[event.slice(7)].filter((one) => one !== told)),
    };
    window.keys = 0;
    document.addEventListener("keydown", () => window.keys++);
    window.closes = [0, 1].map(() => {
        const el = document.body.appendChild(document.createElement("div"));
        return module.default.render({ model, el });
    });
    window.listeners = listeners;
}"""
SPECTRUM = "[...new Float64Array(model.values.spectrum.buffer)]"


@pytest.fixture
def hosted(visit):
    """The widget twice on one page, over a stand-in for a notebook's model."""

    def call(**settings):
        explorer = ef.Explorer(**settings)
        page = visit("about:blank", allowed=("about:", "blob:"))
        values = {name: getattr(explorer, name) for name in explorer.trait_names(sync=True) if name[0] != "_"}
        plain = {
            name: value
            for name, value in values.items()
            if value is None or isinstance(value, (int, float, str, tuple))
        }
        page.evaluate(FAKE, [module(), {**plain, "name": None, "spectrum": explorer.spectrum.tolist()}])
        return page

    return call


def test_a_trait_moves_a_point_and_a_key_sets_a_trait(hosted):
    page = hosted()
    points = page.locator("#spectrum circle")
    assert points.count() == 8
    assert page.locator("#shape").first.input_value() == "geometric"
    assert "69,009 steps" in page.locator("#headline").first.inner_text()
    before = float(points.nth(3).get_attribute("cy"))
    page.evaluate("model.set('spectrum', new DataView(Float64Array.of(1, 0.1, 0.01, 1e-4).buffer))")
    assert float(points.nth(3).get_attribute("cy")) > before
    assert "690,707 steps" in page.locator("#headline").first.inner_text()
    points.nth(3).focus()
    page.keyboard.press("PageUp")
    assert page.evaluate(SPECTRUM) == [1, 0.1, 0.01, 1e-3]
    assert page.evaluate("model.saved") == 1
    assert "69,009 steps" in page.locator("#headline").last.inner_text()
    assert page.evaluate("keys") == 0


def test_traits_are_saved_on_release_and_not_before(hosted):
    page = hosted()
    slider = page.locator("#alpha-slider").first
    slider.evaluate("(e) => { e.value = 1; e.dispatchEvent(new Event('input')); }")
    assert page.evaluate("[model.values.alpha, model.saved]") == [0.5, 0]
    room = [page.locator(name).first for name in ("main", "#headline", "#reading", "#stops")]
    assert all("height" in part.get_attribute("style") for part in room)
    slider.evaluate("(e) => e.dispatchEvent(new Event('change'))")
    assert page.evaluate("[model.values.alpha, model.saved]") == [1, 1]
    assert not any(part.get_attribute("style") for part in room)


def test_a_switch_sets_a_trait_and_a_trait_a_switch(hosted):
    page = hosted(rules=["newton", "gd"])
    boxes = page.locator("#switches").first.locator("input")
    assert [box.is_checked() for box in boxes.all()] == [True, False, False, True]
    boxes.nth(2).check()
    assert page.evaluate("[model.values.rules, model.saved]") == [["gd", "ngd", "newton"], 1]
    page.evaluate("model.set('rules', ['egd'])")
    assert [box.is_checked() for box in boxes.all()] == [False, True, False, False]
    assert page.locator("#rows").first.locator("tr").count() == 2
    assert ef.Explorer(rules=["newton", "gd"]).rules == ("gd", "newton")


def test_the_examples_of_a_step_travel_both_ways(hosted):
    page = hosted(model="folded", batch=7)
    choice = page.locator("#batch").first
    assert choice.input_value() == "7"
    choice.select_option("all")
    assert page.evaluate("[model.values.batch, model.saved]") == [None, 1]
    choice.select_option("30")
    assert page.evaluate("model.values.batch") == 30
    page.evaluate("model.set('batch', null)")
    assert choice.input_value() == "all"


def test_a_model_set_from_python_changes_the_page(hosted):
    page = hosted(model="folded", epsilon=1e-3)
    assert "100 % test error" in page.locator("#headline").first.inner_text()
    assert page.locator("#epsilon").first.is_visible()
    assert page.locator("#spectrum").first.is_hidden()
    page.evaluate("model.set('model', 'regression')")
    assert "69,009" in page.locator("#headline").first.inner_text()
    assert page.locator("#epsilon").first.is_hidden()
    assert page.locator("#spectrum").first.is_visible()


def test_a_run_from_python_is_laid_over_the_test_errors(hosted):
    model = ef.Regression.from_spectrum([1, 0.1, 0.01, 0.001])
    explorer = ef.Explorer(model)
    explorer.show(ef.descend(model, "gd", 0.1))
    sent = np.frombuffer(explorer.get_state("overlay")["overlay"]).reshape(-1, 2)
    page = hosted()
    assert page.locator(".overlay").count() == 0
    page.evaluate(
        "(values) => model.set('overlay', new DataView(Float64Array.from(values).buffer))", sent.ravel().tolist()
    )
    lines = page.locator("#totals").first.locator(".overlay, [stroke='#e07b39']:not([stroke-dasharray])")
    steps, flow = (points(line.get_attribute("d")) for line in reversed(lines.all()))
    seen = (flow[:, 0] > steps[0, 0]) & (flow[:, 0] < steps[-1, 0])
    assert seen.sum() > 40
    # steps of 0.1 stay within 3 % of the flow's error, a few of the panel's 190 pixels
    np.testing.assert_allclose(np.interp(flow[seen, 0], *steps.T), flow[seen, 1], atol=5)


def points(path):
    """Points of a drawn line, in pixels (n, 2)."""
    return np.array([[float(part) for part in point.split(" ")] for point in path[1:].split("L")])


def test_a_closed_widget_listens_no_more(hosted):
    page = hosted()
    page.evaluate("closes.forEach((close) => close())")
    assert page.evaluate("Object.values(listeners).flat().length") == 0
