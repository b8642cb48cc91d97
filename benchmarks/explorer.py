"""The explorer's page in a browser: first picture, slider to picture, frames: `python benchmarks/explorer.py`.

Needs playwright and a Chromium. Slider to picture is from the event to the frame in which all panels are drawn, over
sixty places of each slider; work is what the page's thread was busy per picture, which hangs less on what else the
machine does. First picture is the browser's own first contentful paint, median of five. Frames are those of a second
in which the slider moves in each.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import CDPSession, sync_playwright

from figures.explorer.page import page

FLAGS = ["--no-sandbox", "--disable-gpu"]
VIEWS = {
    "regression": ("", ("alpha", "condition", "threshold")),
    "folded": ("#model=folded", ("alpha", "epsilon", "theta")),
    "folded, noise": ("#model=folded&batch=30", ("alpha", "epsilon")),
    "200 directions": ("#directions=200", ("alpha", "condition")),
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
FRAMES = """async (id) => {
    const slider = document.getElementById(`${id}-slider`), begun = performance.now();
    const [low, high] = [Number(slider.min), Number(slider.max)];
    let frames = 0;
    for (; performance.now() - begun < 1000; frames++) {
        slider.value = low + (high - low) * (0.5 + 0.3 * Math.sin(frames / 10));
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise(requestAnimationFrame);
    }
    return frames;
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
            session = tab.context.new_cdp_session(tab)
            session.send("Performance.enable")
            print(f"{name:17s} first picture {statistics.median(firsts):6.0f} ms")
            for slider in sliders:
                before = busy(session)
                times = sorted(tab.evaluate(MOVE, slider))
                work, frames = 1e3 * (busy(session) - before) / len(times), tab.evaluate(FRAMES, slider)
                print(
                    f"{name:17s} {slider:10s} median {times[30]:5.1f} ms, 90th percentile {times[54]:5.1f} ms, "
                    f"work {work:5.1f} ms, {frames} frames a second"
                )
        browser.close()


def busy(session: CDPSession) -> float:
    """Seconds for which the page's thread has worked."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


if __name__ == "__main__":
    main()
