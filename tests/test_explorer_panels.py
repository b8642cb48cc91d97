"""What the page's panels say: phase diagram, shared time, inputs, badges; and whether everybody can read them."""

from __future__ import annotations

import json
import os
from importlib.resources import files

import numpy as np
import pytest

from figures.explorer.script import asset
from figures.explorer.spectra import digits_spectrum
from simulations.population import population
from theory.models.folded import Folded

MEASURED = "() => !document.getElementById('rows').innerText.includes('…')"
SETTLE = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def centre(page, selector):
    """Middle of an element, in pixels."""
    page.locator(selector).scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


# ---- the phase diagram


@pytest.mark.parametrize(
    ("address", "across", "up"), [("", "alpha", "condition"), ("#model=folded", "epsilon", "theta")]
)
def test_the_point_of_the_phase_diagram_is_dragged_and_moved_by_keys(opened, address, across, up):
    page = opened(address)
    page.wait_for_function(MEASURED)  # a badge may come with it
    (x, y), before = centre(page, "#phase .here"), page.evaluate("explored.state")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 40, y - 25, steps=4)
    page.evaluate(SETTLE)
    assert centre(page, "#phase .here") == pytest.approx((x - 40, y - 25), abs=2)  # pixels; values are rounded
    page.mouse.up()
    dragged = page.evaluate("explored.state")
    assert dragged[across] < before[across]
    assert dragged[up] > before[up]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    moved = page.evaluate("explored.state")
    assert moved[up] < dragged[up]
    assert moved[across] > dragged[across]
    page.evaluate(SETTLE)
    assert page.input_value(f"#{up}") == f"{moved[up]:.6g}"


PLACES = """() => [...document.querySelectorAll("#panels svg")].filter((svg) => svg.clientWidth)
    .map((svg) => [svg.id, Math.round(svg.getBoundingClientRect().top + scrollY)])"""


HEIGHTS = """["headline", "reading", "stops"].map((id) => document.getElementById(id).scrollHeight)"""
LARGER = """(size) => {
    document.documentElement.style.fontSize = `${size}px`;
    return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""


@pytest.mark.parametrize("letters", [16, 24])  # pixels; in larger ones texts outgrow the room that is kept for them
@pytest.mark.parametrize("width", [390, 1280, 1900])
@pytest.mark.parametrize("address", ["", "#model=folded&epsilon=0.3"])
def test_no_picture_moves_while_the_point_is_dragged_and_measured(opened, address, width, letters):
    page = opened(address, width)
    page.evaluate(LARGER, letters)
    page.wait_for_function(MEASURED)
    (x, y), before = centre(page, "#phase .here"), page.evaluate(PLACES)
    headline, badges, heights = page.inner_text("#headline"), page.inner_text("#stops"), page.evaluate(HEIGHTS)
    page.mouse.move(x, y)
    page.mouse.down()
    for way in (1, 2, 3):
        page.mouse.move(x - 15 * way, y - 10 * way)
        page.evaluate(SETTLE)
        assert page.evaluate(PLACES) == before
    page.wait_for_function(MEASURED)  # the hand still holds: what is measured comes once it has been calm
    page.evaluate(SETTLE)
    assert page.evaluate(PLACES) == before
    page.mouse.up()
    page.evaluate(SETTLE)
    page.wait_for_function(MEASURED)
    page.evaluate(SETTLE)
    assert page.evaluate(PLACES) == before or page.evaluate(HEIGHTS) != heights
    assert page.inner_text("#headline") != headline
    assert address == "" or (badges == "") != (page.inner_text("#stops") == "")  # one has come or gone


HELD = "[...document.querySelectorAll('#headline, main')].filter(({ style }) => style.height || style.minHeight).length"


@pytest.mark.parametrize(
    ("picture", "point"), [("spectrum", "#spectrum [data-i='1'].handle"), ("phase", "#phase .here")]
)
def test_a_point_whose_pointer_is_taken_away_is_let_go(opened, picture, point):
    page = opened()
    x, y = centre(page, point)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 9, y + 9)
    page.evaluate(SETTLE)
    assert page.evaluate(HELD) == 2
    page.evaluate(f"document.getElementById('{picture}').releasePointerCapture(1)")
    page.mouse.move(5, 5)
    page.evaluate(SETTLE)
    assert page.evaluate(HELD) == 0
    before = page.evaluate("explored.state")
    page.mouse.move(x, y)
    assert page.evaluate("explored.state") == before
    page.mouse.up()


def test_keys_do_nothing_to_a_spectrum_in_the_hand(opened):
    page = opened()
    x, y = centre(page, "#spectrum [data-i='3'].handle")
    page.mouse.move(x, y)
    page.mouse.down()
    for _ in range(2):
        page.keyboard.press("Delete")
    page.mouse.move(x, y - 9)
    page.evaluate(SETTLE)
    assert page.evaluate(HELD) == 2
    page.mouse.up()
    assert page.evaluate("explored.state.spectrum.length") == 4


def test_one_direction_alone_is_drawn_without_a_length(opened):
    page = opened("#spectrum=0.5")
    page.wait_for_function(MEASURED)
    assert page.inner_text("#headline").startswith("One direction alone is waited for")
    assert page.locator("#lengths :is(.dot, .ring)").count() == 0
    assert set(page.locator("#rows td:nth-child(n+3)").all_inner_texts()) == {"–"}


def test_the_boundary_of_the_phase_diagram_is_where_the_plateau_ends(opened):
    page = opened("#model=folded")
    line = [tuple(map(float, point.split(" "))) for point in page.get_attribute("#phase .edge", "d")[1:].split("L")]
    height = line[len(line) // 2][1]
    for theta, plateau in ((1.35, True), (1.39, False)):
        other = opened(f"#model=folded&epsilon=1e-4&theta={theta}")
        assert (float(other.get_attribute("#phase .here", "cy")) > height) == plateau
        assert ("no plateau" in other.inner_text("#headline")) != plateau


@pytest.mark.parametrize("width", [390, 1280])
def test_the_name_of_the_open_part_lies_above_every_boundary(visit, file, width):
    page = visit(file.as_uri() + "#model=folded&u1=0.5&u2=20", width)
    page.evaluate(SETTLE)
    boxes = """() => [...document.querySelectorAll("#phase, #phase .note, #phase .edge, #phase image")]
        .map((element) => [element.id || element.getAttribute("class") || "image", element.getBoundingClientRect()])"""
    found = dict(
        reversed(page.evaluate(boxes))
    )  # at once: what is measured moves the panels; the first image is the map
    assert found["phase"]["top"] <= found["note halo"]["top"]
    assert found["note halo"]["bottom"] <= min(found["edge"]["top"], found["image"]["top"])


def test_the_map_changes_with_what_it_depends_on_and_not_with_its_own_axes(opened):
    page = opened()
    seen = {}
    for name in ("condition", "alpha", "start"):
        page.locator(f"#{name}-slider").focus()
        page.keyboard.press("PageUp")
        page.evaluate(SETTLE)
        seen[name] = page.get_attribute("#phase image", "href")
    assert seen["condition"] == seen["alpha"] != seen["start"]


def test_a_spectrum_beyond_the_diagram_stretches_it(opened):
    tops = []
    for address in ("", "#condition=1e8", "#spectrum=1e9,1e-9"):
        page = opened(address)
        value = float(page.get_attribute("#phase .here", "aria-valuenow"))
        up, text = page.get_attribute("#phase .here", "cy"), page.get_attribute("#phase .here", "aria-valuetext")
        tops.append((float(up), text.split(" and ")[1]))
        assert value == 0.5
    assert tops[0][0] > tops[1][0] == tops[2][0]
    assert [text for _, text in tops] == ["1,000", "100,000,000", "10¹⁸"]


@pytest.mark.parametrize("address", ["#condition=1e8", "#spectrum=1e9,1e-9&step=1e-6", "#condition=12345.678"])
def test_a_number_can_be_read_whole_in_its_field(opened, address):
    page = opened(address)
    for field in page.locator("#own input[type=number]:visible").all():
        assert field.evaluate("(field) => field.scrollWidth <= field.clientWidth"), field.get_attribute("id")
        name = field.get_attribute("id")
        assert float(field.input_value()) == pytest.approx(page.evaluate(f"explored.state.{name}"), rel=1e-5)


# ---- the time that all panels share


def test_the_time_is_read_in_every_panel(opened):
    page = opened("#time=10")
    left = np.exp(-10 * np.array([1, 0.1, 0.01, 0.001])) ** 2
    assert f"GD {100 * left.mean():.0f}\u00a0%" in page.inner_text("#reading")
    assert "EGD 0\u00a0%" in page.inner_text("#reading")
    places = "[...document.querySelectorAll('.time')].map((line) => line.getAttribute('d'))"
    before = page.evaluate(places)
    assert len(before) == 4
    page.locator("#time-slider").focus()
    page.keyboard.press("PageUp")
    page.evaluate(SETTLE)
    assert not set(before) & set(page.evaluate(places))
    assert page.evaluate("document.querySelector('#rows').innerText").count("69,009") >= 1


def test_time_moves_the_weights_and_what_they_decide(opened):
    page = opened("#model=folded&time=200&epsilon=0.01&rules=gd,egd,ngd,newton")
    model, start = Folded(epsilon=0.01), np.array([[1.0, 3.0]])
    left = np.exp(-200 * np.diag(model.curvature))
    weights = model.minimiser + (start - model.minimiser) * left
    expected = float(population(model).test_error(weights))
    assert 0.1 < expected < 0.9
    # the page reads weights between places two per cent of τ apart
    shown = float(page.inner_text("#reading").split("GD ")[1].split("\u00a0%")[0]) / 100
    assert shown == pytest.approx(expected, abs=0.02)
    places = "[...document.querySelectorAll('#plane .dot, #inputs .decides')].map((at) => at.outerHTML)"
    before = page.evaluate(places)
    assert len(before) == 10
    page.fill("#time", "1")
    page.evaluate(SETTLE)
    assert sum(a != b for a, b in zip(before, page.evaluate(places), strict=True)) >= 6


def test_a_new_time_does_not_take_the_steps_again(opened):
    page = opened("#condition=50")
    page.locator("#lengths .ring").nth(2).wait_for()
    page.fill("#time", "3")
    page.evaluate(SETTLE)
    assert page.locator("#lengths .ring").count() == 3


# ---- what is measured, and where the theory stops


def test_measured_arrivals_lie_on_the_curves(opened):
    page = opened("#condition=50&step=0.01")
    page.locator("#curve0 .ring").nth(3).wait_for()
    for i in range(4):
        x = float(page.locator("#curve0 .arrival").nth(i).get_attribute("d")[1:].split(" ")[0])
        ring = float(page.locator("#curve0 .ring").nth(i).get_attribute("cx"))
        assert ring == pytest.approx(x, abs=1)  # pixels: a step of 0.01 follows the flow to 1 %


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("#condition=50", []),
        ("#step=3", ["Step above", "EGD’s steps cycle", "do not follow the flow: α = 0.5"]),
        ("#model=folded&u1=5&u2=-2", ["Start outside"]),
        ("#model=folded", ["do not follow the flow: EGD"]),
    ],
)
def test_badges_say_where_the_theory_stops(opened, address, said):
    page = opened(address)
    page.locator("#rows tr:nth-child(3) td:last-child:not(:text('…'))").wait_for()
    page.evaluate(SETTLE)
    badges = page.locator("#stops li").all_inner_texts()
    assert len(badges) == len(said)
    assert all(part in badge for part, badge in zip(said, badges, strict=True))


def test_without_workers_steps_are_taken_all_the_same(browser, file):
    page = browser.new_page()
    page.add_init_script("delete window.Worker")
    page.goto(file.as_uri() + "#condition=50")
    page.locator("#lengths .ring").nth(2).wait_for()
    page.close()


def test_a_direction_is_lit_wherever_it_is_drawn(opened):
    page = opened()
    assert "Smallest singular value" in page.inner_text("#law")
    page.hover("#spectrum circle[data-i='1']")
    assert page.locator(".lit").count() == 8  # its point and stem; curve and arrival of three rules
    assert "Direction 2: λ = 0.1" in page.inner_text("#law")
    page.mouse.move(1, 1)
    assert page.locator(".lit").count() == 0


def test_what_is_printed_is_light(opened):
    page = opened("", 1280, "dark")
    colours = """[getComputedStyle(document.body).color, document.querySelector("#phase image").getAttribute("href"),
        getComputedStyle(document.getElementById("headline")).backgroundColor]"""
    dark, light = page.evaluate(colours), opened().evaluate(colours)
    assert all(a != b for a, b in zip(dark[1:], light[1:], strict=True))
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(colours) == light
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(colours) == dark


# ---- spectra and files


def test_the_spectrum_of_the_digits_is_that_of_the_data():
    np.testing.assert_allclose(json.loads(asset("digits.json")), digits_spectrum(), rtol=1e-9)


def test_the_digits_are_a_shape_that_an_address_keeps(opened):
    page = opened()
    page.select_option("#shape", "digits")
    page.evaluate(SETTLE)
    assert page.locator("#spectrum circle").count() == len(json.loads(asset("digits.json")))
    assert "shape=digits" in page.evaluate("location.hash")
    page.reload()
    assert page.input_value("#shape") == "digits"
    page.locator("#condition-slider").focus()
    page.keyboard.press("PageDown")
    page.evaluate(SETTLE)
    assert page.input_value("#shape") == "own"


def test_a_picture_is_saved_as_png(opened):
    page = opened()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save PNG").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_every_tour_says_what_to_notice(opened):
    page = opened()
    said = set()
    for button in page.locator("#tours button").all():
        button.click()
        page.evaluate(SETTLE)
        said.add((page.inner_text("#notice-what"), page.inner_text("#headline")))
    assert len(said) == page.locator("#tours button").count() == len({text for text, _ in said})


def test_a_thousand_directions_are_drawn_and_worked_by_keys(opened):
    page = opened("#directions=1000")
    assert page.locator("#spectrum circle").count() == 1
    page.locator("#spectrum circle").focus()
    page.keyboard.press("End")
    page.keyboard.press("PageDown")
    assert page.evaluate("[explored.state.spectrum.length, Math.min(...explored.state.spectrum)]") == [1000, 1e-4]
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "singular value 1000 of 1000"


# ---- for everybody


@pytest.fixture(scope="module")
def axe():
    """The script of axe-core; in CI its package is there."""
    if os.environ.get("CI") != "true":
        pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(
    "address", ["#step=3", "#model=folded", "#step=3&rules=gd,egd,ngd,newton", "#model=folded&batch=10&step=1"]
)
def test_axe_finds_nothing_serious(opened, axe, address, width, scheme):
    page = opened(address, width, scheme)
    page.locator("#stops li").first.wait_for()
    page.evaluate(axe)
    found = page.evaluate("axe.run(document)")
    assert len(found["passes"]) > 15
    serious = [rule for rule in found["violations"] if rule["impact"] in ("serious", "critical")]
    assert not [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in serious]


@pytest.mark.parametrize("width", [390, 1280])
def test_a_badge_has_its_room_before_it_comes(opened, width):
    heights = []
    for at, count in (("#model=folded&rules=gd&epsilon=0.5&alpha=0", 0), ("#model=folded", 1)):
        page = opened(at, width)
        page.wait_for_function(MEASURED)
        assert page.locator("#stops li").count() == count
        heights.append(page.locator("#stops").bounding_box()["height"])
    assert heights[0] == heights[1]
