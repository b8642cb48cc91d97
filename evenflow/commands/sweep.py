"""`evenflow sweep`: plateau lengths over a grid or random design, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenflow import __version__
from evenflow.commands.options import Json, check_directory
from theory.checks import ArgumentError, known, number, whole

if TYPE_CHECKING:
    from simulations.sweep_runs import Outcome
    from simulations.sweeps import Sweep

FORMATS = ("zarr", "netcdf")
AXIS = "A,B,… | LOW:HIGH:COUNT[:log]"


def sweep(
    model: Annotated[str, typer.Argument(help="folded, wedge or regression.", metavar="MODEL")] = "folded",
    out: Annotated[Path | None, typer.Option(help="The Zarr store, or the NetCDF file. [sweep.zarr, sweep.nc]")] = None,
    epsilon: Annotated[str | None, typer.Option(help="folded, wedge. [0.01]", metavar=AXIS)] = None,
    theta: Annotated[
        str | None, typer.Option("--theta", "--angle", help="folded, wedge: radians. [π/4]", metavar=AXIS)
    ] = None,
    margin: Annotated[str | None, typer.Option(help="folded. [1]", metavar=AXIS)] = None,
    start_fast: Annotated[str | None, typer.Option(help="folded: w₁ at the start. [1]", metavar=AXIS)] = None,
    start_slow: Annotated[str | None, typer.Option(help="folded: w₂ at the start. [3]", metavar=AXIS)] = None,
    w1: Annotated[str | None, typer.Option(help="wedge: at the start. [1]", metavar=AXIS)] = None,
    w2: Annotated[str | None, typer.Option(help="wedge: at the start. [3]", metavar=AXIS)] = None,
    shape: Annotated[
        str | None,
        typer.Option(
            help="regression: two-level, geometric, power-law, marchenko-pastur. [geometric]", metavar="A,B,…"
        ),
    ] = None,
    condition: Annotated[str | None, typer.Option(help="regression: λ₁/λ_d. [100]", metavar=AXIS)] = None,
    directions: Annotated[str | None, typer.Option(help="regression: how many. [3]", metavar="A,B,…")] = None,
    largest: Annotated[str | None, typer.Option(help="regression: λ₁. [1]", metavar=AXIS)] = None,
    spectrum: Annotated[
        str | None, typer.Option(help="regression: your own spectra, in place of a shape.", metavar="A,B,…;C,D,…")
    ] = None,
    start: Annotated[str | None, typer.Option(help="regression: error of each direction. [1]", metavar=AXIS)] = None,
    weight_decay: Annotated[str | None, typer.Option(help="Coefficient λ of ½ λ‖W‖². [0]", metavar=AXIS)] = None,
    step: Annotated[str | None, typer.Option(help="Step size of the descents. [0.1]", metavar=AXIS)] = None,
    rules: Annotated[str, typer.Option(help="Rules by id, or module:NAME.", metavar="R,S,…")] = "gd,egd",
    seeds: Annotated[str, typer.Option(help="Number of seeds, of random rules and of a regression's bases.")] = "1",
    view: Annotated[str, typer.Option(help="descent (lengths in steps) or flow (in flow time).")] = "descent",
    design: Annotated[str, typer.Option("--design", help="grid, or random: ranges LOW:HIGH are drawn from.")] = "grid",
    points: Annotated[str | None, typer.Option(help="random: number of points.")] = None,
    draw: Annotated[str, typer.Option(help="random: the seed of the points.")] = "0",
    measure: Annotated[bool, typer.Option(help="Run every member, or evaluate the closed forms alone.")] = True,
    threshold: Annotated[str, typer.Option(help="An arrival is |e| ≤ threshold·|e₀|.")] = "1e-3",
    max_steps: Annotated[
        str | None, typer.Option(help="Most steps of a descent. [1000000 where members step together, or 100000]")
    ] = None,
    block: Annotated[
        str | None, typer.Option(help="Most members of a block, the unit of work and of resuming.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="zarr, or netcdf: a file beside the store, OUT.zarr, that it is made from.")
    ] = "zarr",
    workers: Annotated[str | None, typer.Option(help="Processes of a local Dask cluster. [one for each core]")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a running Dask scheduler.")] = None,
    picture: Annotated[bool, typer.Option("--picture", help="Draw the plateaus of a grid, beside the store.")] = False,
    axes_drawn: Annotated[
        str | None, typer.Option("--axes", help="Axes of the picture. [the first two that vary]", metavar="X[,Y]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Plateau lengths over a grid or random design of parameters, rules and seeds; resumed where it stopped.

    An axis is A,B,…, or LOW:HIGH:COUNT (in a random design LOW:HIGH), with :log at the end for even in the logarithm.
    """
    axes = {"epsilon": epsilon, "theta": theta, "margin": margin, "start_fast": start_fast, "start_slow": start_slow}
    axes |= {"w1": w1, "w2": w2, "shape": shape, "spectrum": spectrum, "condition": condition, "directions": directions}
    axes |= {"largest": largest, "start": start, "weight_decay": weight_decay, "step": step}
    known("format", form, FORMATS)
    from simulations.sweep_runs import require, run_sweep

    require()
    from evenflow.display import Reporter

    counts = {"seeds": seeds, "points": points, "draw": draw, "max_steps": max_steps, "block": block}
    level = number("threshold", threshold)
    found = described(model, axes, rules, counts, view=view, design=design, measure=measure, threshold=level)
    drawn = asked_axes(found, axes_drawn) if picture else []
    if axes_drawn is not None and not picture:
        raise ArgumentError("axes", "go with `picture`", "is given without it")
    target = out if out is not None else Path("sweep.zarr" if form == "zarr" else "sweep.nc")
    check_directory(target.absolute().parent, "lie in a directory that can be written")
    count = None if workers is None else whole("workers", number("workers", workers))
    with Reporter() as reporter:
        outcome = run_sweep(
            found,
            target,
            version=__version__,
            form=form,
            workers=count,
            scheduler=scheduler,
            progress=lambda done, total: reporter("sweep", done, total),
        )
    written, left_out = write_picture(outcome, drawn) if drawn else ([], "")
    if as_json:
        done = document(found, outcome, written, __version__) | {"not_drawn": left_out}
        typer.echo(json.dumps(done, allow_nan=False))
    else:
        pictured = [*(f"Drawn in {path}." for path in written[-1:]), left_out]
        typer.echo("\n".join([*lines(found, outcome), *filter(None, pictured)]))


def asked_axes(sweep: Sweep, text: str | None) -> list[str]:
    """The axes that a picture is drawn over, refused before any work is done if there are no such."""
    from simulations.phases import chosen_axes

    asked = [] if text is None else [name.strip() for name in text.split(",")]
    return chosen_axes(sweep.design, {one.name: one.size for one in sweep.axes}, asked)


def write_picture(outcome: Outcome, axes: list[str]) -> tuple[list[Path], str]:
    """Write the picture of a finished sweep beside it, under its name; the files, and what is not drawn."""
    from figures.output import save
    from figures.phase import figure
    from figures.phase_frame import not_drawn
    from simulations.phases import phase

    found = phase(outcome.path, *axes)
    return save(figure(found), outcome.path.parent, outcome.path.stem), not_drawn(found)


def described(
    model: str, axes: dict[str, str | None], rules: str, counts: dict[str, str | None], **others: Any
) -> Sweep:
    """The sweep that the options describe; `counts` are whole numbers, `others` go as they are."""
    from simulations.sweep_parameters import DEFAULTS
    from simulations.sweeps import sweep

    known("model", model, tuple(DEFAULTS))
    given = {name: text for name, text in axes.items() if text is not None}
    for name in given:
        if name not in DEFAULTS[model]:
            owners = " or ".join(other for other, names in DEFAULTS.items() if name in names)
            raise ArgumentError(name, f"go with the model it belongs to ({owners})", f"the model is {model}")
    numbers = {name: text for name, text in counts.items() if text is not None}
    others |= {name: whole(name, text, 0 if name == "draw" else 1) for name, text in numbers.items()}
    return sweep(model, given, [name.strip() for name in rules.split(",")], **others)


def document(sweep: Sweep, outcome: Outcome, written: list[Path], version: str) -> dict[str, Any]:
    """What was done, as one JSON document."""
    return {
        "version": version,
        "out": str(outcome.path),
        "store": str(outcome.store),
        "sweep": sweep.identity,
        "dimensions": {"definition": len(sweep.definitions), "rule": len(sweep.rules), **sweep.dimensions},
        "members": sweep.size,
        "blocks": outcome.blocks,
        "computed": outcome.computed,
        "evaluations": outcome.evaluations,
        "censored": outcome.censored,
        "sensitive": outcome.sensitive,
        "picture": [str(path) for path in written],
        "parameters": json.loads(json.dumps(sweep.document())),
    }


def lines(sweep: Sweep, outcome: Outcome) -> list[str]:
    """What was done, in words."""
    from simulations.sensitivity import QUESTIONS

    sides = " × ".join(f"{name} {count:,}" for name, count in sweep.dimensions.items())
    rules = ", ".join(how.name for how in sweep.rules)
    found = [
        f"{sweep.model}, {sweep.view}: {sides}; rules {rules}",
        f"{outcome.blocks:,} block{'' if outcome.blocks == 1 else 's'}, {outcome.computed:,} of them computed now",
    ]
    if sweep.measure:
        found.append(f"{outcome.evaluations:,} steps or gradients; {outcome.censored:,} lengths censored")
    found += [
        f"Depends on the definition of a plateau in {count:,} of {sweep.size:,} members: {QUESTIONS[conclusion]}."
        for conclusion, count in outcome.sensitive.items()
        if count
    ]
    if outcome.store == outcome.path:
        return [*found, f"Written to {outcome.path}."]
    beside = f"{outcome.store}, which the same command goes on from and which can be deleted"
    return [*found, f"Written to {outcome.path}, from {beside}."]
