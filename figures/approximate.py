"""What an approximate polar factor does to each singular value, and to the plateau.

`python -m figures.approximate` writes it to a directory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.captions import code, listed, tex
from figures.panels import HOLLOW, LINE, finished, head, key, logarithmic, row, series_of_rules, write_beside
from figures.picture import Data, Picture
from figures.style import PAGE, darker, house_style
from figures.writing import main
from simulations.approximations import measured_arrivals, measured_speeds
from simulations.spectra import spectrum
from theory.checks import ArgumentError, inside, whole
from theory.models.regression import Regression
from theory.predictions import predict
from theory.rule_ids import rule
from theory.rules import Rule

ROUNDING = 1e-12  # below which a measured speed is zero
POINTS, RATIOS = 400, 25  # of the lines


def data(
    rules: tuple[str, ...] = ("egd", "damped:0.01", "newton-schulz", "newton-schulz:5:cubic", "rsvd:3"),
    smallest: float = 1e-5,
    conditions: tuple[float, ...] = (10.0, 1e2, 1e3, 1e4),
    count: int = 6,
    threshold: float = 1e-2,
    step: float = 2e-3,
    seed: int = 0,
) -> Data:
    """Speeds that rules give to singular values, and the ratio of the slowest to the fastest arrival.

    Parameters
    ----------
    rules
        Rules by id, all but Newton's.
    smallest
        Smallest singular value of the gradient whose speeds are measured, in units of its norm, in (0, 1).
    conditions
        Condition numbers κ of the regressions whose arrivals are measured.
    count
        Number of their directions, at least 2.
    threshold
        An arrival is |e| ≤ threshold·|e₀|.
    step
        Step size η of rules that have no flow.
    seed
        Of the gradient's directions.

    Returns
    -------
    dict
        ``line_values`` (p,) and ``line_speeds`` (r, p), the derived laws, NaN where there is none; ``values`` (n,)
        and ``speeds`` (r, n), measured; ratios of arrivals, ``line_conditions`` (q,) and ``predicted`` (r, q),
        ``conditions`` (k,) and ``measured`` (r, k).

    Raises
    ------
    ArgumentError
        For a value outside its domain.
    """
    laws = [rule(name) for name in dict.fromkeys(rules)]
    if any(how.kind == "newton" for how in laws):
        raise ArgumentError("rules", "name rules that need a gradient only", "holds newton")
    inside("smallest", smallest, 0, 1, "(0, 1)")
    inside("threshold", threshold, 0, 1, "(0, 1)")
    values = np.geomspace(1, smallest, 2 * whole("count", count, 2))
    values /= np.linalg.norm(values)
    grid = np.geomspace(min(conditions), max(conditions), RATIOS)
    line = np.geomspace(values[0], values[-1], POINTS)
    arrivals = [[measured_arrivals(how, k, count, threshold=threshold, step=step) for k in conditions] for how in laws]
    return {
        "rules": [how.name for how in laws],
        "threshold": threshold,
        "count": count,
        "step": step,
        "line_values": line,
        "line_speeds": [_law(how, line) for how in laws],
        "values": values,
        "speeds": [measured_speeds(how, values, seed) for how in laws],
        "conditions": conditions,
        "line_conditions": grid,
        "predicted": [[_predicted(how, k, count, threshold) for k in grid] for how in laws],
        "measured": [[found.max() / found.min() for found in row] for row in arrivals],
    }


def _law(how: Rule, values: Any) -> Any:
    """The derived speed of singular values (p,) of a gradient of norm 1; NaN where a rule has none, or one by rank."""
    if how.law is None or "truncated" in how.name:
        return np.full(len(values), np.nan)
    return np.broadcast_to(np.asarray(how.speed(values, 1.0, 1), float), values.shape)


def _predicted(how: Rule, condition: float, count: int, threshold: float) -> float:
    """Ratio of the slowest to the fastest predicted arrival, NaN where there is none."""
    model = Regression.from_spectrum(spectrum("geometric", condition, count))
    arrivals = np.array(predict(model, how, "flow", model.start(), threshold=threshold).arrivals, float)
    return float(arrivals.max() / arrivals.min())


def draw(data: Data, axes: Any = None) -> Figure:
    """Two panels: speed over singular value, and the ratio of arrivals over the condition number."""
    with house_style():
        left, right = row(axes, 2, width=PAGE, height=2.2, gap=0.6, right=1.3)
        _speeds(left, data)
        _plateaus(right, data)
        return finished([left, right])


def _speeds(axes: Axes, data: Data) -> None:
    logarithmic(axes)
    for (_, colour, marker), line, points in zip(
        series_of_rules(data["rules"]), data["line_speeds"], data["speeds"], strict=True
    ):
        axes.plot(data["line_values"], line, color=darker(colour, 0.2), **LINE)
        axes.plot(data["values"], np.abs(points), color=colour, marker=marker, **HOLLOW)
    axes.set_ylim(1e-4, 3)
    axes.set_xlabel("singular value σ / ‖G‖")
    axes.set_ylabel("speed h(σ)")
    key(axes, "lower right")
    head(axes, "a", "what is left of equal speeds")


def _plateaus(axes: Axes, data: Data) -> None:
    logarithmic(axes)
    labels: list[tuple[str, float, float, str]] = []
    for (name, colour, marker), line, points in zip(
        series_of_rules(data["rules"]), data["predicted"], data["measured"], strict=True
    ):
        axes.plot(data["line_conditions"], line, color=darker(colour, 0.2), **LINE)
        axes.plot(data["conditions"], points, color=colour, marker=marker, clip_on=False, **HOLLOW)
        last = np.flatnonzero(np.isfinite(points))[-1:]
        labels += [(name, data["conditions"][place], points[place], colour) for place in last]
    write_beside(axes, labels)
    axes.set_xlabel("condition number κ")
    axes.set_ylabel("slowest / fastest arrival")
    head(axes, "b", "what is left of the plateau")


def caption(data: Data) -> str:
    """What the figure shows, with the ratios at the largest condition number."""
    names = [code(name) for name in data["rules"]]
    ratios = listed(f"{name} ${tex(found[-1])}$" for name, found in zip(names, data["measured"], strict=True))
    slowest = np.where(np.abs(data["speeds"]) > ROUNDING, np.abs(data["speeds"]), 0.0)[:, -1]
    low = listed(f"{name} ${tex(speed, 2)}$" for name, speed in zip(names, slowest, strict=True))
    return (
        r"What stands in for EGD's polar factor. \textbf{a}, the speed that each rule gives to the singular values "
        r"of a "
        r"gradient: lines, derived; markers, measured on a matrix with random singular directions; colours as in "
        rf"\textbf{{b}}. At $\sigma/\|G\| = {tex(data['values'][-1], 2)}$: {low}. \textbf{{b}}, slowest over fastest "
        rf"arrival (at ${tex(data['threshold'])}$ of the start error) of {tex(data['count'])} directions of a "
        r"geometric "
        r"spectrum with condition number $\kappa$: lines, derived where a law of each singular value by itself is "
        rf"known; markers, measured, for rules without a flow with steps of $\eta = {tex(data['step'])}$. "
        rf"At $\kappa = {tex(data['conditions'][-1])}$: {ratios}. "
        r"What is relative to $\|G\|$ follows the norm as it falls, direction by direction; a damping of fixed size "
        r"does not."
    )


PICTURE = Picture("approximate", "Approximate polar factors", data, draw, caption)

if __name__ == "__main__":
    main(PICTURE)
