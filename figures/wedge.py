"""Theory against experiment on the wedge: its weights, its test error and its plateau, as printed and as derived.

`python -m figures.wedge` writes it to a directory.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.captions import tex
from figures.panels import HOLLOW, LINE, finished, head, key, logarithmic, row, spread, write
from figures.picture import Data, Picture
from figures.style import INK, PAGE, RULES, house_style
from figures.writing import main
from simulations.descent import descend
from simulations.sampled_training import sampled_error
from theory.checks import ArgumentError, length, whole
from theory.claims.folded_error import MU, NU
from theory.claims.wedge_error import W5
from theory.claims.wedge_plateau import W6
from theory.contractions import ETA
from theory.curves import predict_curve
from theory.derivation import compiled
from theory.geometry import EPSILON, THETA, U2
from theory.models.wedge import Wedge
from theory.plateaus import LONGEST_RUN
from theory.predictions import predict
from theory.rule_ids import rule

GD = rule("gd")
SHOWN = 16  # measured points of a run
STEPS = 20_000  # taken one by one; further ones by their propagator
PRINTED: dict[str, Any] = {"linewidth": 1.1, "linestyle": (0, (4, 2)), "color": RULES["gd"], "gid": "printed"}
DERIVED, MEASURED = RULES["egd"], INK


def data(
    epsilon: float = 0.01,
    theta: float = math.pi / 4,
    start: tuple[float, ...] = (1.0, 3.0),
    step: float = 0.1,
    samples: int = 100_000,
    seed: int = 0,
    epsilons: tuple[float, ...] = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1),
) -> Data:
    """Gradient descent on the wedge: weights and test error over steps, and the plateau over ε.

    Parameters
    ----------
    epsilon, theta
        Of the model whose weights and error are shown; θ in radians.
    start
        Both weights at the start.
    step
        Step size η of ½ E(w·x − y)².
    samples, seed
        Of the sample on which the measured test error was trained.
    epsilons
        Variances ε of the models whose plateaus are shown.

    Returns
    -------
    dict
        ``times`` (T,) in steps, ``weights`` (T, 2) and the test error there, ``derived`` and ``printed`` (T,), all from
        the closed form; ``run_times``, ``run_weights``, measured; ``sample_times``, ``sample_error``, measured on a
        sample; ``epsilons`` (n,) and the plateau there in steps, ``plateau_derived``, ``…_printed``, ``…_measured``.

    Raises
    ------
    ArgumentError
        For a value outside its domain.
    """
    length("start", start, [2])
    model, weights = Wedge(epsilon=epsilon, theta=theta), np.array([start], float)
    run = descend(model, GD, step, weights, max_steps=STEPS)
    curve = predict_curve(model, GD, "descent", weights, float(run.times[-1]), step=step)
    if curve is None or curve.weights is None:
        raise ArgumentError("step", "be below the largest stable step", f"is {step:g}")
    mu, nu = curve.weights[:, 0].T
    count = whole("samples", samples, 2)
    times, error = sampled_error(model, GD, step, weights, samples=count, max_steps=STEPS, seed=seed)
    return {
        "epsilon": epsilon,
        "theta": theta,
        "start": start,
        "step": step,
        "samples": count,
        "minimiser": model.minimiser[0],
        "times": curve.times,
        "weights": curve.weights[:, 0],
        "derived": curve.test_error,
        "printed": compiled(W5.printed["error"], (MU, NU, EPSILON, THETA))(mu, nu, epsilon, theta),
        "run_times": run.times,
        "run_weights": run.weights[:, 0],
        "sample_times": times,
        "sample_error": error,
        "epsilons": epsilons,
    } | _plateaus(theta, weights, step, epsilons)


def _plateaus(theta: float, weights: Any, step: float, epsilons: tuple[float, ...]) -> dict[str, Any]:
    """The plateau in steps over ε: derived, as printed, and measured."""
    printed = compiled(W6.printed["plateau"], (EPSILON, THETA, U2, ETA))
    found = []
    for epsilon in epsilons:
        model = Wedge(epsilon=epsilon, theta=theta)
        derived = predict(model, GD, "descent", weights, step=step).plateaus[LONGEST_RUN][0]
        measured = descend(model, GD, step, weights, max_steps=STEPS).plateaus[LONGEST_RUN]
        found.append((derived, printed(epsilon, theta, weights[0, 1], step / 2), measured))  # its loss has no ½
    derived, printed_lengths, measured = np.array(found, float).T
    return {"plateau_derived": derived, "plateau_printed": printed_lengths, "plateau_measured": measured}


def draw(data: Data, axes: Any = None) -> Figure:
    """Three panels: weights, test error, and plateau length over ε."""
    with house_style():
        panels = row(axes, 3, width=PAGE, height=1.9, gap=0.55)
        _weights(panels[0], data)
        _errors(panels[1], data)
        _lengths(panels[2], data)
        return finished(panels)


def _weights(axes: Axes, data: Data) -> None:
    logarithmic(axes, "x")
    for index, marker in enumerate("os"):
        axes.plot(data["times"][1:], data["weights"][1:, index], color=DERIVED, **LINE)
        points = data["run_times"][1:], data["run_weights"][1:, index]
        kept = spread(np.log(points[0]), points[1], SHOWN)
        axes.plot(points[0][kept], points[1][kept], color=MEASURED, marker=marker, **HOLLOW)
        write(axes, f"w{'₁₂'[index]}", (points[0][0], points[1][0]), shift=(1, 8), color=MEASURED)
    axes.axhline(0, color="#999999", linewidth=0.5, zorder=1)
    axes.set_xlabel("steps k")
    axes.set_ylabel("weights")
    key(axes, "lower left")
    turns = data["minimiser"][1] < 0 < data["start"][1]
    head(axes, "a", "the slow weight turns negative" if turns else "weights")


def _errors(axes: Axes, data: Data) -> None:
    logarithmic(axes, "x")
    axes.plot(data["times"][1:], 100 * data["printed"][1:], **PRINTED)
    axes.plot(data["times"][1:], 100 * data["derived"][1:], color=DERIVED, **LINE)
    times, error = data["sample_times"][1:], 100 * data["sample_error"][1:]
    kept = spread(np.log(times), error, SHOWN)
    axes.plot(times[kept], error[kept], color=MEASURED, marker="o", **HOLLOW)
    rising = int(np.argmax(np.where(np.abs(data["printed"] - data["derived"]) > 0.5, 1, 0)))
    write(
        axes, "as printed", (data["times"][rising], 100 * data["printed"][rising]), shift=(5, 0), color=PRINTED["color"]
    )
    write(axes, "derived", (data["times"][-1], 0), shift=(0, 8), ha="right", color=DERIVED)
    axes.set_ylim(-5, 108)
    axes.set_xlabel("steps k")
    axes.set_ylabel("test error (%)")
    head(axes, "b", "test error")


def _lengths(axes: Axes, data: Data) -> None:
    across = data["epsilons"]
    found = {name: data[f"plateau_{name}"] for name in ("printed", "derived", "measured")}
    logarithmic(axes, "x")
    if any((lengths > 0).any() for lengths in found.values()):
        logarithmic(axes, "y")
        found = {name: np.where(lengths > 0, lengths, np.nan) for name, lengths in found.items()}
    axes.plot(across, found["printed"], **PRINTED)
    axes.plot(across, found["derived"], color=DERIVED, **LINE)
    axes.plot(across, found["measured"], color=MEASURED, marker="o", **HOLLOW)
    place = len(across) // 2
    for name, text, colour in (("printed", "as printed", PRINTED["color"]), ("derived", "derived", DERIVED)):
        if np.isfinite(found[name][place]):
            write(axes, text, (across[place], found[name][place]), shift=(6, 6), color=colour)
    axes.set_xlabel("variance ε of the slow feature")
    axes.set_ylabel("plateau (steps)")
    head(axes, "c", "plateau length")


def _growth(data: Data) -> str:
    """By which powers of ε the plateaus grow over the range; empty where one of them vanishes."""
    ends = np.argsort(data["epsilons"])[[0, -1]]
    found = {name: data[f"plateau_{name}"] for name in ("derived", "printed")}
    measured = data["plateau_measured"]
    if len(measured) < 2 or not all((lengths > 0).all() for lengths in (*found.values(), measured)):
        return ""
    across = np.log(data["epsilons"][ends[1]] / data["epsilons"][ends[0]])
    derived, printed = (tex(np.log(lengths[ends[0]] / lengths[ends[1]]) / across, 2) for lengths in found.values())
    return (
        rf" From the largest to the smallest $\varepsilon$ the first two grow as $\varepsilon^{{-{derived}}}$, the "
        r"last as "
        rf"$\varepsilon^{{-{printed}}}$, and that is up to ${tex(np.max(found['printed'] / measured), 2)}$ times too "
        r"long."
    )


def caption(data: Data) -> str:
    """What the figure shows, with where the printed law parts from the measured error and from the plateau."""
    start = ", ".join(tex(value) for value in data["start"])
    star = ", ".join(tex(value) for value in data["minimiser"])
    return (
        rf"Gradient descent on the wedge ($\varepsilon = {tex(data['epsilon'])}$, $\theta = {tex(data['theta'])}$, "
        rf"$\eta = {tex(data['step'])}$, $w(0) = ({start})$). \textbf{{a}}, both weights: lines, closed form; markers, "
        rf"steps; the minimiser is $({star})$. \textbf{{b}}, "
        rf"test error of weights trained on ${tex(data['samples'])}$ inputs (markers), as derived (solid) and as "
        r"printed "
        r"(eq.~19, dashed), which loses the sign of the slow weight: the two differ by up to "
        rf"${tex(100 * float(np.max(np.abs(data['printed'] - data['derived']))))}$ points, and the measured error "
        r"ends at "
        rf"${tex(100 * float(data['sample_error'][-1]))}$\,\%. \textbf{{c}}, length of the plateau over $\varepsilon$: "
        rf"derived (solid), measured (markers) and as printed (eq.~20, constants 1, dashed).{_growth(data)}"
    )


PICTURE = Picture("wedge", "Theory against experiment on the wedge", data, draw, caption)

if __name__ == "__main__":
    main(PICTURE)
