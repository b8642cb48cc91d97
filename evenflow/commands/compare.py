"""`evenflow compare`: the main job, predicted beside measured plateaus of several rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenflow import __version__
from evenflow.commands.options import Json, Model, check_directory, model_of, seed_of
from theory.checks import ArgumentError, nonnegative, number, positive

if TYPE_CHECKING:
    from evenflow.display import Reporter
    from simulations.cause import Cause
    from simulations.comparison import Comparison


def compare(
    model: Model = "folded",
    epsilon: Annotated[str | None, typer.Option(help="folded, wedge: variance of the second feature. [0.01]")] = None,
    theta: Annotated[
        str | None,
        typer.Option("--theta", "--angle", help="folded, wedge: angle of the test boundary, radians. [π/4]"),
    ] = None,
    margin: Annotated[str | None, typer.Option(help="folded: least |x₁| of a training input. [1]")] = None,
    spectrum: Annotated[
        str | None,
        typer.Option(
            help="regression: eigenvalues of the covariance [1,0.1,0.01]; factorized: singular values of the target "
            "[3,0.3].",
            metavar="A,B,…",
        ),
    ] = None,
    data: Annotated[str | None, typer.Option(help="regression: digits, diabetes, or a csv, npy or npz file.")] = None,
    depth: Annotated[str | None, typer.Option(help="factorized: number of weight matrices. [2]")] = None,
    step: Annotated[str | None, typer.Option(help="Step size of the descents. [0.1; 1/λ₁ for data]")] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="folded, wedge: w₁,w₂ [1,3]; regression: error of each direction [1]; factorized: amplitude of each "
            "direction of the product, balanced over the layers [0.001].",
            metavar="A,B,…",
        ),
    ] = None,
    weight_decay: Annotated[str | None, typer.Option(help="Coefficient λ of ½ λ‖W‖². [0]")] = None,
    rules: Annotated[
        str | None,
        typer.Option(
            help="Rules by id, or module:NAME. [gd,egd,frobenius,newton; factorized: without newton]", metavar="R,S,…"
        ),
    ] = None,
    threshold: Annotated[str | None, typer.Option(help="An arrival is |e| ≤ threshold·|e₀|. [0.001]")] = None,
    seed: Annotated[str | None, typer.Option(help="Seeds random rules; turns a regression's bases at random.")] = None,
    cause: Annotated[
        bool, typer.Option("--cause", help="Split the plateau into scale and asymmetry; not for factorized.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Directory for the picture, the data and the parameters.")] = None,
    as_json: Json = False,
) -> None:
    """Predict and measure the plateaus of several rules on one model from one start."""
    from evenflow.display import Reporter, print_cause, print_comparison
    from simulations.comparison import compare as run
    from theory.rule_ids import rule

    given = {"epsilon": epsilon, "theta": theta, "margin": margin, "spectrum": spectrum, "data": data, "depth": depth}
    chosen = [rule(name.strip()) for name in rules.split(",")] if rules is not None else None
    seeded = seed_of(seed)
    decay = 0.0 if weight_decay is None else nonnegative("weight_decay", weight_decay)
    built, weights = model_of(model, given, start, decay, seeded)
    step_size = None if step is None else positive("step", step)
    level = number("threshold", "1e-3" if threshold is None else threshold)
    if cause and model == "factorized":
        raise ArgumentError("cause", "go with a linear model", "the model is factorized")
    if out is not None:
        check_directory(Path(out))
    with Reporter() as reporter:
        comparison = run(built, chosen, step=step_size, start=weights, threshold=level, seed=seeded, report=reporter)
        why = None if not cause else _cause_of(built, weights, comparison, reporter)
    if out is not None:
        from evenflow.output import write

        write(comparison, Path(out), __version__, why)
    if as_json:
        found = comparison.document(__version__) | ({} if why is None else {"cause": why.document()})
        typer.echo(json.dumps(found, allow_nan=False))
    else:
        print_comparison(comparison, None if out is None else Path(out))
        if why is not None:
            print_cause(why)


def _cause_of(built: Any, start: Any, comparison: Comparison, reporter: Reporter) -> Cause:
    """The cause of the plateau that was compared: from the same start, at the same step and threshold."""
    from simulations.cause import cause

    given = comparison.parameters
    return cause(
        built,
        given["step"],
        built.start(start),
        threshold=given["threshold"],
        seed=given["seed"] or 0,
        progress=lambda done, total: reporter("cause", done, total),
    )
