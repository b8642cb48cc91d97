"""What tests share: a cache of their own, and for those in a browser the browser and a visit without a complaint."""

from __future__ import annotations

import json
import os
import shutil

import pytest

FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run"
).split()
PATIENCE = 60_000  # milliseconds for what is waited for; a slow machine may take as long, a quick one waits no longer

REPLY = """
const asText = (key, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value);
return JSON.stringify(CALL, asText);
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """None sees what another test or a user has kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium; without it tests skip, but in CI they fail."""
    chromium = shutil.which("chromium")
    if os.environ.get("CI") != "true":
        pytest.importorskip("playwright.sync_api", reason="playwright is not installed: no browser can be driven")
        if chromium is None:
            pytest.skip("chromium is not installed: the page cannot be opened")
    from playwright.sync_api import sync_playwright

    assert chromium is not None, "chromium is not installed: apt-get install chromium"
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def visit(browser):
    """Opens an address; in the end the console is empty, no error was thrown, and no other address was asked."""
    complaints, contexts = [], []

    def call(address, width=1280, scheme="light", allowed=("file:", "data:", "blob:")):
        contexts.append(browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith(allowed) or complaints.append(request.url))
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        return page

    yield call
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture(scope="session")
def file(tmp_path_factory):
    """The explorer's page."""
    from figures.explorer.page import page

    path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    path.write_text(page(version="test"), encoding="utf-8")
    return path


@pytest.fixture
def opened(visit, file):
    """Opens the page at an address of its own, such as "#model=folded"."""
    return lambda address="", width=1280, scheme="light": visit(file.as_uri() + address, width, scheme)


@pytest.fixture
def value_of(browser):
    """The value of a JavaScript expression in which `data` is known; numbers that are not finite come as text."""
    from figures.explorer.script import numbers_script

    page = browser.new_page()

    def call(expression, data=None, script=None):
        text = (numbers_script() if script is None else script) + f"\nconst data = {json.dumps(data)};"
        return json.loads(page.evaluate(f"() => {{ {text} {REPLY.replace('CALL', expression)} }}"))

    yield call
    page.close()
