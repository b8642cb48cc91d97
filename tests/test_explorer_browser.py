"""The explorer's page in a browser: by keyboard, by mouse, at both widths, and with a damaged address."""

from __future__ import annotations

import re

import pytest

from figures.style import RULES as COLOURS


def headline(page):
    return page.inner_text("#headline")


def settle(page):
    """Waits until what was asked for is drawn."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def all_measured(page):
    """Waits until every row of the table says what was measured of the state that is drawn next."""
    settle(page)
    page.wait_for_function("() => !document.getElementById('rows').innerText.includes('…')")


def wait_for(page, row, text):
    """Waits until a row of the table says what was measured, a regular expression."""
    page.locator(f"#rows tr:nth-child({row}) td:last-child", has_text=re.compile(f"^{text}$")).wait_for()


def test_the_first_picture_says_what_the_derivation_says(opened):
    assert "1,603 steps" in headline(opened("#model=folded"))
    page = opened()
    assert "waits 69,009 steps" in headline(page)
    assert "EGD waits for none" in headline(page)
    assert page.locator("#spectrum circle").count() == 4
    assert page.locator("#notice").is_hidden()


PREDICTED = """(() => {
    const panels = document.getElementById("panels").cloneNode(true);
    panels.querySelectorAll(".ring, #stops, #rows td:last-child, #curves-hint").forEach((element) => element.remove());
    return panels.innerHTML.replace(/ (aria-label|style)="[^"]*"/g, "");
})()"""  # what does not hang on when something is measured
DRAWN = """[...document.querySelectorAll("#panels svg")].map((svg) => svg.innerHTML).join()
    + document.getElementById("rows").innerText"""


def test_every_slider_moves_the_picture_by_keyboard(opened):
    for address, model in (("", "regression"), ("#model=folded&weight_decay=0.1", "folded")):
        page = opened(address)
        sliders = page.locator("#controls .control:visible input[type=range]")
        assert sliders.count() > 5
        for i in range(sliders.count()):
            name = sliders.nth(i).get_attribute("id")
            before = page.evaluate(PREDICTED)
            sliders.nth(i).focus()
            page.keyboard.press("PageDown" if name == "threshold-slider" else "PageUp")
            settle(page)
            assert page.evaluate(PREDICTED) != before, (model, name)


CURVES = """[...document.querySelectorAll("#curve1 path")]
    .filter((path) => path.dataset.i).map((path) => path.getAttribute("d"))"""


def test_alpha_one_folds_all_directions_into_one(opened):
    page = opened("#alpha=0.99")
    assert len(set(page.evaluate(CURVES))) == 4
    page.locator("#alpha-slider").focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert page.input_value("#alpha") == "1"
    assert len(page.evaluate(CURVES)) == 4
    assert len(set(page.evaluate(CURVES))) == 1


def test_the_spectrum_is_worked_by_keyboard(opened):
    page = opened()
    page.locator("#spectrum circle").first.focus()
    page.keyboard.press("End")
    page.keyboard.press("PageDown")
    assert page.evaluate("explored.state.spectrum") == [1, 0.1, 0.01, 1e-4]
    assert page.evaluate("document.activeElement.getAttribute('aria-valuenow')") == "0.0001"
    assert "waits 690,707 steps" in headline(page)
    page.keyboard.press("Insert")
    assert page.evaluate("explored.state.spectrum.length") == 5
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    assert page.evaluate("explored.state.spectrum.length") == 3
    assert "spectrum=1,0.1,0.01" in page.evaluate("location.hash")
    page.reload()
    assert page.evaluate("explored.state.spectrum") == [1, 0.1, 0.01]


def test_a_point_follows_the_mouse_and_stays_the_same_direction(opened):
    page = opened()
    box = page.locator("#spectrum circle").nth(1).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 90, steps=5)
    settle(page)
    moved = page.locator("#spectrum circle").nth(1).bounding_box()
    assert moved["y"] + moved["height"] / 2 == pytest.approx(y + 90, abs=1.5)  # pixels; values have three digits
    page.mouse.up()
    spectrum = page.evaluate("explored.state.spectrum")
    assert spectrum[1] < 0.01
    assert (spectrum[0], spectrum[2]) == (1, 0.01)
    assert page.input_value("#shape") == "own"


def test_a_slider_brought_back_to_where_it_was_lets_go(opened):
    page = opened()
    page.locator("#condition-slider").scroll_into_view_if_needed()
    box, before = page.locator("#condition-slider").bounding_box(), page.evaluate(PREDICTED)
    share = page.evaluate("document.getElementById('condition-slider').value / 1000")
    x, y = box["x"] + 8 + share * (box["width"] - 16), box["y"] + box["height"] / 2  # its thumb is 16 pixels wide
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 100, y)
    settle(page)
    assert page.evaluate("explored.state.condition") > 1e5
    page.mouse.move(x, y)
    page.mouse.up()
    page.locator("#condition").fill("1000")  # a pixel of the slider is a few per cent
    settle(page)
    assert page.evaluate(PREDICTED) == before  # with axes that no hand holds any more


def test_only_the_main_button_moves_a_point(opened):
    page = opened()
    before = page.evaluate("explored.state")
    for picture in ("#spectrum", "#phase"):
        page.locator(picture).click(button="right", position={"x": 150, "y": 60})
        assert page.evaluate("explored.state") == before
        page.locator(picture).click(position={"x": 150, "y": 60})
        assert page.evaluate("explored.state") != before
        page.locator("#reset").click()


FOCUSED = """(() => {
    const element = document.activeElement, style = getComputedStyle(element);
    if (element === document.body) return null;
    const name = element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent;
    const marked = style.outlineStyle !== "none" || parseFloat(style.strokeWidth) > 2;
    return [element.id || element.value || name, name, marked];
})()"""
CONTROLS = """[...document.querySelectorAll("button, input, select, [role=slider][tabindex='0']")]
    .filter((element) => element.checkVisibility() && (element.type !== "radio" || element.checked))
    .map((element) => element.id || element.value || element.getAttribute("aria-label") || element.textContent)"""


@pytest.mark.parametrize("address", ["", "#model=folded"])
def test_tab_reaches_every_control_each_has_a_name_and_shows_the_focus(opened, address):
    page = opened(address)
    seen = {}
    while len(seen) < 100:
        page.keyboard.press("Tab")
        if (found := page.evaluate(FOCUSED)) is None:
            break
        key, name, marked = found
        seen[key] = name
        assert marked, key
    expected = page.evaluate(CONTROLS)
    assert len(expected) > 20
    assert set(expected) <= set(seen)
    assert not ({f"curve{i}" for i in range(5)} | {"spectrum"}) & set(seen)  # pictures: their points are the tab stops
    assert all(name.strip() for name in seen.values())


@pytest.mark.parametrize("width", [390, 1280])
def test_what_the_keyboard_comes_to_from_below_is_not_behind_the_headline(opened, width):
    page = opened("#model=folded", width)
    below = """(() => {
        const [at, edge] = [document.activeElement, headline].map((element) => element.getBoundingClientRect());
        return document.activeElement === document.body ? null : at.top >= edge.bottom;
    })()"""
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.locator("#phase .here").focus()
    seen = []
    while (found := page.evaluate(below)) is not None:
        seen.append(found)
        page.keyboard.press("Shift+Tab")
    assert len(seen) > 20
    assert all(seen)


def test_the_model_is_chosen_by_keyboard(opened):
    page = opened()
    assert "Drag a singular value" in page.inner_text("header")
    page.locator("input[value=regression]").focus()
    page.keyboard.press("ArrowDown")
    settle(page)
    assert page.evaluate("explored.state.model") == "folded"
    assert "singular value" not in page.inner_text("header")
    assert "Slide the variance" in page.inner_text("header")
    page.locator("#shape").wait_for(state="hidden")
    page.get_by_role("button", name="Well conditioned").focus()
    page.keyboard.press("Enter")
    settle(page)
    assert page.evaluate("explored.state.condition") == 3


ALL = "rules=gd,egd,ngd,newton"
NAMES = {"gd": ["gradient descent", "GD"], "egd": ["EGD"], "ngd": ["natural", "NGD"], "newton": ["Newton"]}
SEEN = """(colour) => ({
    drawn: [...document.querySelectorAll("#panels svg")].filter((svg) => svg.checkVisibility())
        .map((svg) => svg.querySelectorAll(`[stroke="${colour}"], [fill="${colour}"]`).length),
    words: ["headline", "panels"].map((id) => document.getElementById(id).innerText).join()
        + [...document.querySelectorAll("#panels svg")].filter((svg) => svg.checkVisibility())
            .map((svg) => `${svg.getAttribute("aria-label")} ${svg.textContent}`).join(),
})"""


@pytest.mark.parametrize("model", ["regression", "folded"])
@pytest.mark.parametrize("name", NAMES)
def test_a_switch_takes_a_rule_out_of_every_panel_and_brings_it_back(opened, name, model):
    page = opened(f"#{ALL}&condition=50" if model == "regression" else f"#{ALL}&model=folded")
    all_measured(page)
    settle(page)
    box = page.get_by_role("checkbox", name=NAMES[name][0])
    assert box.is_checked()
    before, colour = page.evaluate(DRAWN), COLOURS[name]
    seen = page.evaluate(SEEN, colour)
    assert sum(count > 0 for count in seen["drawn"]) >= 2
    assert all(re.search(rf"\b{word}\b", seen["words"], re.I) for word in NAMES[name])
    box.focus()
    page.keyboard.press("Space")
    settle(page)
    seen = page.evaluate(SEEN, colour)
    assert not any(seen["drawn"])
    assert not [word for word in NAMES[name] if re.search(rf"\b{word}\b", seen["words"], re.I)]
    assert name not in page.evaluate("location.hash").split("rules=")[1].split("&")[0].split(",")
    assert page.locator("#multiples svg:visible").count() == page.locator("#rows tr").count() == 4
    page.reload()
    assert not page.get_by_role("checkbox", name=NAMES[name][0]).is_checked()
    page.keyboard.press("Tab")
    page.get_by_role("checkbox", name=NAMES[name][0]).check()
    all_measured(page)
    settle(page)
    assert page.evaluate(DRAWN) == before


ASKED = """const post = Worker.prototype.postMessage; window.asked = [];
Worker.prototype.postMessage = function (question) {
    asked.push(question[1].map(({ id }) => id));
    post.call(this, question);
};"""


def test_steps_are_taken_of_the_rules_in_sight_alone_and_once(browser, file):
    page = browser.new_page()
    page.add_init_script(ASKED)
    page.goto(file.as_uri() + "#condition=50")
    wait_for(page, "3", "0")
    assert page.evaluate("asked") == [["gd", "power", "egd"]]
    page.get_by_role("checkbox", name="Newton").check()
    wait_for(page, "4", "0")
    page.get_by_role("checkbox", name="gradient descent").uncheck()
    settle(page)
    asked = [rules for rules in page.evaluate("asked") if rules]  # to ask for none is to stop
    assert asked == [["gd", "power", "egd"], ["newton"]]
    page.close()


def test_a_newcomer_sees_gradient_descent_and_egd(opened):
    page = opened()
    boxes = page.locator("#switches input")
    assert [box.is_checked() for box in boxes.all()] == [True, True, False, False]
    assert page.locator("#switches .sample").count() == 4


@pytest.mark.parametrize("address", ["#alpha=7", "#spectrum=1,x", "#%E0%A4%A", "#model=folded&epsilon=2"])
def test_a_damaged_address_is_said_and_the_defaults_are_shown(opened, address):
    page = opened(address)
    assert page.locator("#notice").is_visible()
    assert "could not be used" in page.inner_text("#notice")
    assert "69,009 steps" in headline(page)
    page.focus("#step-slider")
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert page.locator("#notice").is_hidden()  # these are the defaults no longer


def test_a_step_too_large_is_said(opened):
    page = opened()
    page.get_by_role("button", name="Step too large").click()
    settle(page)
    assert "diverges" in headline(page)
    assert page.inner_text("#rows tr:nth-child(3) td:nth-child(5)") == "never: it cycles"
    page.get_by_role("button", name="Start over").click()
    settle(page)
    assert "69,009" in headline(page)


OUTSIDE = """(svg) => [...svg.querySelectorAll("text")].filter((text) => {
    const a = text.getBoundingClientRect(), b = svg.getBoundingClientRect();
    return a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 1 || a.bottom > b.bottom + 1;
}).map((text) => text.textContent)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["#rules=none", "#model=folded&rules=gd,egd,ngd,newton", "#directions=1000"])
@pytest.mark.parametrize("width", [390, 760, 1280])
def test_nothing_sticks_out_at_any_width(opened, width, address, scheme):
    page = opened(address, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for svg in page.locator("#panels svg:visible").all():
        assert svg.evaluate(OUTSIDE) == []


@pytest.mark.parametrize("address", ["#rules=gd,egd,ngd,newton", "#model=folded&rules=gd,egd,ngd,newton&batch=30"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_where_a_reader_asks_for_larger_letters(opened, width, address):
    page = opened(address, width)
    page.evaluate("document.documentElement.style.fontSize = '20px'")
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for svg in page.locator("#panels svg:visible").all():
        assert svg.evaluate("(svg) => parseFloat(getComputedStyle(svg).fontSize)") == 15
        assert svg.evaluate(OUTSIDE) == []


@pytest.mark.parametrize(("width", "turned"), [(390, 844), (1280, 700)])
@pytest.mark.parametrize("address", ["", "#model=folded"])
def test_pictures_fit_a_telephone_that_is_turned(opened, width, turned, address):
    page = opened(address, width)
    page.set_viewport_size({"width": turned, "height": 600})
    settle(page)
    fits = "(svg) => svg.viewBox.baseVal.width === svg.clientWidth && svg.viewBox.baseVal.height === svg.clientHeight"
    for svg in page.locator("#panels svg:visible").all():
        assert svg.evaluate(fits), svg.get_attribute("id")


def test_steps_are_measured_a_moment_after_release(opened):
    page = opened("#condition=50&rules=gd,egd,ngd,newton")
    predicted = page.inner_text("#rows tr:first-child td:nth-child(5)")
    wait_for(page, "1", predicted)
    wait_for(page, "5", "0")
    assert page.inner_text("#rows tr:nth-child(4) td:last-child") == "does not settle"
    assert page.locator("#lengths .ring").count() == 4


@pytest.mark.parametrize("address", ["", "#model=folded&epsilon=1e-4", "#rules=ngd"])
def test_the_whole_table_is_in_sight_at_390_pixels(opened, address):
    page = opened(address, 390)
    all_measured(page)
    assert page.locator(".scroll").evaluate("({ scrollWidth, clientWidth }) => scrollWidth - clientWidth") == 0


def test_a_bad_number_is_marked_and_not_taken(opened):
    page = opened()
    page.fill("#step", "-3")
    assert page.get_attribute("#step", "aria-invalid") == "true"
    assert page.evaluate("explored.state.step") == 0.1
    page.fill("#step", "0.2")
    assert page.get_attribute("#step", "aria-invalid") is None
    assert page.evaluate("explored.state.step") == 0.2


def test_pictures_and_numbers_can_be_saved(opened):
    page = opened()
    for button, name, begins in (("Save CSV", "evenflow.csv", "rule,view,"), ("Save SVG", "evenflow.svg", "<svg")):
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        assert download.value.suggested_filename == name
        assert download.value.path().read_text().startswith(begins)
