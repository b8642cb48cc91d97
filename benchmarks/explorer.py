"""The explorer's page in a browser: first picture, slider to picture, and size: `python benchmarks/explorer.py`.

Needs playwright and a Chromium. Slider to picture is from the event to the frame in which all panels are drawn, over
sixty places of each slider; first picture is the browser's own first contentful paint, median of five.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from figures.explorer.page import page

FLAGS = ["--no-sandbox", "--disable-gpu"]
VIEWS = {
    "regression": ("", ("alpha", "condition", "threshold")),
    "folded": ("#model=folded", ("alpha", "epsilon", "theta")),
    "1,000 directions": ("#directions=1000", ("alpha", "condition")),
}
MOVE = """async (id) => {
    const slider = document.getElementById(`${id}-slider`), times = [];
    const [low, high] = [Number(slider.min), Number(slider.max)];
    for (let i = 0; i < 60; i++) {
        slider.value = low + (high - low) * (0.2 + (0.6 * ((i * 7) % 60)) / 60);
        const begun = performance.now();
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise((done) => requestAnimationFrame(() => {
            const after = new MessageChannel();
            after.port1.onmessage = done;
            after.port2.postMessage(null);
        }));
        times.push(performance.now() - begun);
        await new Promise((done) => setTimeout(done, 20));
    }
    return times;
}"""
FIRST = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def main() -> None:
    """Print the measures of one page, in milliseconds."""
    file = Path(tempfile.mkdtemp()) / "explorer.html"
    file.write_text(page(), encoding="utf-8")
    print(f"size: {file.stat().st_size / 1e3:.0f} kB")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name, (address, sliders) in VIEWS.items():
            firsts = []
            for _ in range(5):
                tab = browser.new_page(viewport={"width": 1280, "height": 900})
                tab.goto(file.as_uri() + address)
                tab.wait_for_timeout(400)
                firsts.append(tab.evaluate(FIRST))
            print(f"{name:17s} first picture {statistics.median(firsts):6.0f} ms")
            for slider in sliders:
                times = sorted(tab.evaluate(MOVE, slider))
                print(f"{name:17s} {slider:10s} median {times[30]:5.1f} ms, 95th percentile {times[57]:5.1f} ms")
        browser.close()


if __name__ == "__main__":
    main()
