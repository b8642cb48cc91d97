"""Phase diagrams of the folded model: plateau lengths over ε and the start, and over ε and the angle of the test set.

`python -m figures.phases` writes it to a directory.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.captions import tex
from figures.notebook import NotebookFigure
from figures.panels import finished, passed
from figures.phase import LENGTHS, RATIOS, colour_scale, draw_bar, draw_map, special_cells
from figures.phase_frame import BORDER, BORDERS, FOOT, GAP, HALO, HEAD, LEFT, RIGHT, WIDE
from figures.picture import Data, Picture
from figures.sides import label
from figures.style import PAGE, house_style
from figures.writing import main
from simulations.folded_descents import measure
from simulations.phases import FINE, Side
from theory.checks import ArgumentError, ends, number, whole
from theory.existence import greatest_angle, least_slow_start
from theory.grids import longest_runs
from theory.members import members
from theory.models.folded import Folded
from theory.plateaus import LONGEST_RUN
from theory.rule_ids import rule

RULES = ("gd", "egd")
MAPS = ("start_slow", "theta")  # second axis of each row of panels
PANEL, LAST = 1.35, 0.04  # inches
MOST = 4_000_000  # steps of a run


def data(
    variances: tuple[float, ...] = (3e-4, 0.6),
    starts: tuple[float, ...] = (-0.5, 6.0),
    angles: tuple[float, ...] = (0.05, 1.5),
    fast: float = 4.0,
    slow: float = 3.0,
    theta: float = math.pi / 4,
    margin: float = 1.0,
    step: float = 0.1,
    cells: int = 48,
) -> Data:
    """Plateaus of gradient descent and EGD, measured step by step, over two pairs of parameters.

    Parameters
    ----------
    variances, starts, angles
        First and last value of the variance ε of the slow feature, of the slow start w₂ and of the angle θ in radians.
    fast, slow, theta
        Start w₁ of the fast direction, and what the start and the angle are where they do not vary.
    margin, step
        Of the training inputs; step size η.
    cells
        Along a side.

    Returns
    -------
    dict
        ``epsilon`` (n,), and for ``start_slow`` and ``theta``: their values (n,), ``…_gd`` and ``…_egd``, lengths in
        steps (n, n) with a row for each value, NaN where a run ended without one; ``…_law``, those of gradient descent
        by its exact law; ``…_border_gd`` and ``…_border_egd`` (FINE,), up to where there is a plateau, over
        ``border_epsilon`` (FINE,).

    Raises
    ------
    ArgumentError
        For a value outside its domain, or a step above the largest stable one.
    """
    sides = {"start_slow": ends("starts", starts), "theta": ends("angles", angles)}
    low, high = ends("variances", variances)
    fast, slow = number("fast", fast), number("slow", slow)
    models = [Folded(one, angle, margin) for one in (low, high) for angle in (theta, *sides["theta"])]
    limit = min(2 / model.sharpness for model in models)
    if not 0 < step < limit:
        raise ArgumentError("step", f"lie below the largest stable step, {limit:g}, and above 0", f"is {step:g}")
    count = whole("cells", cells, 2)
    across, fine = (np.geomspace(low, high, size) for size in (count, FINE))
    found: dict[str, Any] = {"fast": fast, "slow": slow, "angle": theta, "margin": margin, "step": step}
    found |= {"epsilon": across, "border_epsilon": fine}
    for name, (first, last) in sides.items():
        still = {"theta": theta, "start_slow": slow}
        heights = np.linspace(first, last, count)
        found |= {name: heights, **_map(name, margin, fast, step, across, still | {name: heights[:, None]})}
        found |= _borders(name, margin, fast, step, fine, still)
    return found


def _map(name: str, margin: float, fast: float, step: float, across: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Measured lengths (n, n) of both rules, and the law's."""
    there, shape = members(across, given["theta"], margin, 0.0, (fast, given["start_slow"]), step)
    lengths = {how: measure(rule(how), there, max_steps=MOST)[0][LONGEST_RUN] for how in RULES}
    lengths["law"] = longest_runs("gd", "descent", there)
    return {f"{name}_{how}": values.reshape(shape) for how, values in lengths.items()}


def _borders(name: str, margin: float, fast: float, step: float, fine: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Up to, or from, where there is a plateau (FINE,): exact for gradient descent's steps, EGD's is of its flow."""
    there, _ = members(fine, given["theta"], margin, 0.0, (fast, given["start_slow"]), step)
    border = least_slow_start if name == "start_slow" else greatest_angle
    return {f"{name}_border_{how}": border(how, "descent", there) for how in RULES}


def draw(data: Data, axes: Any = None) -> Figure:
    """Six panels: a row over ε and the start, one over ε and the angle; in each gradient descent, EGD, their ratio."""
    with house_style():
        panels = _panels(axes)
        for place, name in enumerate(MAPS):
            _row(panels[3 * place : 3 * place + 3], data, name, "abcdef"[3 * place :])
        return finished(panels)


def _panels(axes: Any) -> list[Axes]:
    """Two rows of three, all in inches; or the axes that were passed."""
    if axes is not None:
        return passed(axes, 6)
    each = HEAD + PANEL + FOOT
    tall, wide = 2 * each + LAST, (PAGE - LEFT - RIGHT - 2 * GAP) / 3
    whole = NotebookFigure(figsize=(PAGE, tall))
    places = [(LEFT + i * (wide + GAP), LAST + FOOT + (1 - j) * each) for j in range(2) for i in range(3)]
    return [whole.add_axes((x / PAGE, y / tall, wide / PAGE, PANEL / tall)) for x, y in places]


def _row(panels: list[Axes], data: Data, name: str, letters: str) -> None:
    sides = Side("epsilon", data["epsilon"], True), Side(name, data[name], False)
    gd, egd = lengths = [data[f"{name}_{how}"] for how in RULES]
    scale = colour_scale(np.concatenate([one.ravel() for one in lengths]))
    for panel, how, values, letter in zip(panels, RULES, lengths, letters, strict=False):
        special = {"no plateau": values == 0, "censored": np.isnan(values)}
        draw_map(panel, sides, values, special, LENGTHS, scale)
        dash = BORDERS[how == "gd"][0]
        border = data["border_epsilon"], data[f"{name}_border_{how}"]
        panel.plot(*border, color=BORDER, linewidth=WIDE, linestyle=dash, path_effects=HALO, gid="predicted")
        draw_bar(panel, f"{letter}  {how}: plateau (steps)")
    ratio = _ratio(data, name)
    draw_map(panels[2], sides, ratio, special_cells(gd, egd, "censored"), RATIOS, colour_scale(ratio))
    draw_bar(panels[2], f"{letters[2]}  gd/egd ratio")
    panels[0].set_ylabel(label(sides[1]))
    for panel in panels[1:]:
        panel.tick_params(labelleft=False)


def _ratio(data: Data, name: str) -> Any:
    """GD/EGD (n, n); NaN where neither has a plateau, infinite where only gradient descent has one."""
    gd, egd = (data[f"{name}_{how}"] for how in RULES)
    with np.errstate(divide="ignore", invalid="ignore"):
        return gd / egd


def caption(data: Data) -> str:
    """What the figure shows, with the extremes and how often the laws meet the steps."""
    gd = np.stack([data[f"{name}_gd"] for name in MAPS])
    law = np.stack([data[f"{name}_law"] for name in MAPS])
    known = ~np.isnan(gd)
    ratios = np.stack([_ratio(data, name) for name in MAPS])
    both = np.isfinite(ratios) & (ratios > 0)
    hatched = " Hatched, only one of both has one." if (np.isinf(ratios) | (ratios == 0)).any() else ""
    least, most = (tex(x) for x in (ratios[both].min(), ratios[both].max())) if both.any() else ("1", "1")
    return (
        r"Plateaus of the folded model, measured step by step "
        rf"($\eta = {tex(data['step'])}$, $w_1(0) = {tex(data['fast'])}$, $s = {tex(data['margin'])}$). "
        r"\textbf{a}, \textbf{b}, \textbf{c}, over the variance $\varepsilon$ of the slow feature and its start "
        rf"$w_2(0)$, $\theta = {tex(data['angle'])}$; \textbf{{d}}, \textbf{{e}}, \textbf{{f}}, over $\varepsilon$ and "
        rf"the angle $\theta$, $w_2(0) = {tex(data['slow'])}$. Red, derived: no plateau beyond; solid, exact for the "
        r"steps of gradient descent; dashed, of EGD's flow, which its steps follow up to $\eta$. Gradient descent's "
        rf"exact law gives the measured count in ${int((gd == law)[known].sum())}$ of ${int(known.sum())}$ cells; the "
        rf"longest lasts ${tex(np.nanmax(gd))}$ steps. Where both have a plateau, GD's is between ${least}$ and "
        rf"${most}$ times EGD's.{hatched}"
    )


PICTURE = Picture("phases", "Phase diagrams of the plateau", data, draw, caption)

if __name__ == "__main__":
    main(PICTURE)
