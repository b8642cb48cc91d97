"""The figure of where equal speeds hurt says what it should."""

import numpy as np
import pytest

from figures import hurts

SMALL = {"directions": 3, "outputs": 3, "draws": 300, "values": (3.0, 2.5, 0.8), "start": 1e-2}


@pytest.fixture(scope="module")
def found():
    return hurts.PICTURE.collect(**SMALL)


def lines(axes, gid):
    return [line for line in axes.get_lines() if line.get_gid() == gid]


def test_measured_lies_on_predicted(found):
    for name in hurts.NAMES:
        best = np.interp(found[f"{name}_exponents"], found["exponents"], found[f"{name}_best"])
        # the mean of 300 draws of nine numbers
        np.testing.assert_allclose(found[f"{name}_least"], best, rtol=0.12)
        risk = np.interp(found[f"{name}_at"], found[f"{name}_times"], found[f"{name}_risk"])
        np.testing.assert_allclose(found[f"{name}_apart"], risk, rtol=0.12)
    for name in ("gd", "egd"):
        np.testing.assert_allclose(
            found[f"{name}_product"],
            np.interp(found[f"{name}_stops"], found[f"{name}_along"], found[f"{name}_path"]),
            rtol=0.01,
        )


def test_what_the_figure_says(found):
    assert found["egd_best"][0] > found["gd_best"][0] and found["egd_best"][-1] < found["gd_best"][-1]
    assert found["exponents"][0] < found["even"] < found["exponents"][-1]
    assert found["gd_path"].min() < 0.1 * found["egd_path"].min()
    assert found["egd_path"].min() == pytest.approx(found["fitted"])


def test_panels_and_labels(found):
    panels = hurts.draw(found).axes
    titles = [axes.get_title(loc="left") for axes in panels]
    assert [title[-10:] for title in titles] == ["which rule", "pped early", "f learning"]
    for axes, curves, series in zip(panels, (3, 3, 2), (3, 5, 2), strict=True):
        assert len(lines(axes, "predicted")) == curves and len(lines(axes, "measured")) == series
        words = {text.get_text() for text in axes.texts}
        assert {"GD", "EGD"} <= words
    (even,) = lines(panels[0], "even")
    assert even.get_xdata()[0] == pytest.approx(float(found["even"]))
