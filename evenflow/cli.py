"""The command line: parses, calls, prints. Heavy imports wait until a command needs them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenflow import __version__
from evenflow.errors import one_line
from theory.checks import ArgumentError, ArgumentTypeError, known, nonnegative, number, numbers, positive, whole

if TYPE_CHECKING:
    from simulations.design import Family
    from theory.derivation import Derivation
    from theory.models.factorized import Factorized
    from theory.models.linear import LinearModel
    from theory.rules import Rule

MODELS = ("folded", "regression", "factorized")
OPTIONS = {
    "folded": ("epsilon", "theta", "margin"),
    "regression": ("spectrum", "data"),
    "factorized": ("spectrum", "depth"),
}
DESIGN_OPTIONS = {"folded": ("theta", "margin", "start"), "regression": ("shape", "directions", "largest")}
FORMATS = ("text", "latex", "json")
VIEWS = ("flow", "descent")
SWEEP_FORMATS = ("zarr", "netcdf")
AXIS = "A,B,… | LOW:HIGH:COUNT[:log]"

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Why training stalls along some singular directions, and what evening out the speeds does.",
)

Model = Annotated[str, typer.Argument(help=f"The model: {', '.join(MODELS[:-1])} or {MODELS[-1]}.", metavar="[MODEL]")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"evenflow {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


@app.command()
def compare(
    model: Model = "folded",
    epsilon: Annotated[str | None, typer.Option(help="folded: variance of the second feature. [0.01]")] = None,
    theta: Annotated[
        str | None,
        typer.Option("--theta", "--angle", help="folded: angle of the test boundary, radians. [π/4]"),
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
            help="folded: w₁,w₂ [1,3]; regression: error of each direction [1]; factorized: amplitude of each "
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
    out: Annotated[Path | None, typer.Option(help="Directory for the picture, the data and the parameters.")] = None,
    as_json: Json = False,
) -> None:
    """Predict and measure the plateaus of several rules on one model from one start."""
    from evenflow.display import Reporter, print_comparison
    from simulations.comparison import compare as run
    from theory.rules import rule

    given = {"epsilon": epsilon, "theta": theta, "margin": margin, "spectrum": spectrum, "data": data, "depth": depth}
    chosen = [rule(name.strip()) for name in rules.split(",")] if rules is not None else None
    seeded = _seed(seed)
    decay = 0.0 if weight_decay is None else nonnegative("weight_decay", weight_decay)
    built, weights = _model(model, given, start, decay, seeded)
    step_size = None if step is None else positive("step", step)
    level = number("threshold", "1e-3" if threshold is None else threshold)
    if out is not None:
        _writable(Path(out))
    with Reporter() as reporter:
        comparison = run(built, chosen, step=step_size, start=weights, threshold=level, seed=seeded, report=reporter)
    if out is not None:
        from evenflow.output import write

        write(comparison, Path(out), __version__)
    if as_json:
        typer.echo(json.dumps(comparison.document(__version__), allow_nan=False))
    else:
        print_comparison(comparison, None if out is None else Path(out))


@app.command()
def derive(
    model: Model = "folded",
    rule: Annotated[str, typer.Option(help="A rule by its id, or module:NAME.")] = "gd",
    view: Annotated[str, typer.Option(help="flow or descent.")] = "flow",
    depth: Annotated[str | None, typer.Option(help="factorized: number of weight matrices. [2]")] = None,
    form: Annotated[str, typer.Option("--format", help="text, latex (a document that compiles) or json.")] = "text",
    as_json: Json = False,
) -> None:
    """Print the chain of equations from the loss to the plateau length, each one checked."""
    known("model", model, MODELS)
    known("view", view, VIEWS)
    known("format", form, FORMATS)
    from theory.rules import rule as find

    if depth is not None and model != "factorized":
        raise ArgumentError("depth", "go with the model it belongs to (factorized)", f"the model is {model}")
    chain = _derived(model, find(rule), view, depth)
    if as_json or form == "json":
        typer.echo(json.dumps({"version": __version__, **chain.document()}, allow_nan=False))
    else:
        typer.echo(chain.latex() if form == "latex" else chain.text(), nl=form != "latex")
    if not chain.holds:
        raise typer.Exit(1)


@app.command()
def audit(
    ids: Annotated[list[str] | None, typer.Argument(help="Claims by id, such as F4; all if left out.")] = None,
    seed: Annotated[str | None, typer.Option(help="Seeds the searches. [0]")] = None,
    out: Annotated[Path | None, typer.Option(help="Directory for the report, its figures and the data.")] = None,
    as_json: Json = False,
) -> None:
    """Try the paper's claims: which hold, which do not, and what holds instead."""
    from evenflow.display import Reporter, print_audit
    from simulations.audit import audit as run
    from simulations.audit import document

    seeded = _seed(seed) or 0
    if out is not None:
        _writable(Path(out))
    with Reporter() as reporter:
        findings = run(ids or (), seed=seeded, progress=reporter)
        missing = ""
        if out is not None:
            from figures.audit_report import write

            missing = write(findings, Path(out), __version__, reporter)
    if as_json:
        typer.echo(json.dumps(document(findings, __version__), allow_nan=False))
        return
    print_audit(findings)
    if out is not None:
        typer.echo(f"Written to {out}{f', without report.pdf: {missing}' if missing else ''}.")


@app.command()
def design(
    model: Annotated[str, typer.Argument(help="folded or regression.", metavar="[MODEL]")] = "regression",
    plateau: Annotated[str | None, typer.Option(help="Wanted length: steps of a descent, or flow time.")] = None,
    ratio: Annotated[str | None, typer.Option(help="Wanted ratio of the plateaus of two rules, instead.")] = None,
    over: Annotated[str | None, typer.Option(help="ratio: the rule whose plateau divides. [egd]")] = None,
    rule: Annotated[str, typer.Option(help="The rule whose plateau is meant.")] = "gd",
    view: Annotated[str, typer.Option(help="descent or flow.")] = "descent",
    shape: Annotated[
        str | None, typer.Option(help="regression: two-level, geometric, power-law or marchenko-pastur. [geometric]")
    ] = None,
    directions: Annotated[str | None, typer.Option(help="regression: number of directions. [3]")] = None,
    largest: Annotated[str | None, typer.Option(help="regression: largest eigenvalue. [1]")] = None,
    theta: Annotated[str | None, typer.Option("--theta", "--angle", help="folded: radians. [π/4]")] = None,
    margin: Annotated[str | None, typer.Option(help="folded: least |x₁| of a training input. [1]")] = None,
    start: Annotated[str | None, typer.Option(help="folded: w₁,w₂. [1,3]", metavar="A,B")] = None,
    step: Annotated[str, typer.Option(help="Step size of a descent.")] = "0.1",
    weight_decay: Annotated[str | None, typer.Option(help="Coefficient λ of ½ λ‖W‖². [0]")] = None,
    as_json: Json = False,
) -> None:
    """Find a spectrum whose plateau has a given length, and confirm it by a run."""
    given = {"shape": shape, "directions": directions, "largest": largest, "theta": theta, "margin": margin}
    given["start"] = start
    family = _family(model, given, 0.0 if weight_decay is None else nonnegative("weight_decay", weight_decay))
    if (plateau is None) == (ratio is None):
        raise ArgumentError("plateau", "be given, or `ratio` instead", "both are" if plateau else "neither is")
    if over is not None and ratio is None:
        raise ArgumentError("over", "go with `ratio`", "is given with `plateau`")
    from simulations.design import design as find

    wanted = number("plateau", plateau) if ratio is None else number("ratio", ratio)
    divisor = None if ratio is None else over or "egd"
    found = find(family, wanted, rule, view=view, step=positive("step", step), over=divisor)
    if as_json:
        typer.echo(json.dumps(found.document(__version__), allow_nan=False))
    else:
        from evenflow.display import print_design

        print_design(found)


@app.command()
def sweep(
    model: Annotated[str, typer.Argument(help="folded or regression.", metavar="[MODEL]")] = "folded",
    out: Annotated[Path | None, typer.Option(help="The Zarr store, or the NetCDF file. [sweep.zarr, sweep.nc]")] = None,
    epsilon: Annotated[str | None, typer.Option(help="folded. [0.01]", metavar=AXIS)] = None,
    theta: Annotated[str | None, typer.Option("--theta", "--angle", help="folded: radians.", metavar=AXIS)] = None,
    margin: Annotated[str | None, typer.Option(help="folded. [1]", metavar=AXIS)] = None,
    start_fast: Annotated[str | None, typer.Option(help="folded: w₁ at the start. [1]", metavar=AXIS)] = None,
    start_slow: Annotated[str | None, typer.Option(help="folded: w₂ at the start. [3]", metavar=AXIS)] = None,
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
    form: Annotated[str, typer.Option("--format", help="zarr or netcdf.")] = "zarr",
    workers: Annotated[str | None, typer.Option(help="Processes of a local Dask cluster. [one for each core]")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a running Dask scheduler.")] = None,
    as_json: Json = False,
) -> None:
    """Plateau lengths over a grid or random design of parameters, rules and seeds; resumed where it stopped.

    An axis is A,B,…, or LOW:HIGH:COUNT (in a random design LOW:HIGH), with :log at the end for even in the logarithm.
    """
    axes = {"epsilon": epsilon, "theta": theta, "margin": margin, "start_fast": start_fast, "start_slow": start_slow}
    axes |= {"shape": shape, "spectrum": spectrum, "condition": condition, "directions": directions}
    axes |= {"largest": largest, "start": start, "weight_decay": weight_decay, "step": step}
    known("format", form, SWEEP_FORMATS)
    from simulations.sweep_runs import require, run_sweep

    require()
    from evenflow import sweep_command
    from evenflow.display import Reporter

    counts = {"seeds": seeds, "points": points, "draw": draw, "max_steps": max_steps, "block": block}
    level = number("threshold", threshold)
    found = sweep_command.described(
        model, axes, rules, counts, view=view, design=design, measure=measure, threshold=level
    )
    target = out if out is not None else Path("sweep.zarr" if form == "zarr" else "sweep.nc")
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
    if as_json:
        typer.echo(json.dumps(sweep_command.document(found, outcome, __version__), allow_nan=False))
    else:
        typer.echo("\n".join(sweep_command.lines(found, outcome)))


@app.command()
def explore(
    spectrum: Annotated[
        str | None, typer.Option(help="Singular values from which the page starts.", metavar="A,B,…")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Start from the spectrum of digits, diabetes, or a csv, npy or npz file.")
    ] = None,
    step: Annotated[str | None, typer.Option(help="Step size η from which the page starts. [0.1]")] = None,
    export: Annotated[Path | None, typer.Option(help="Write the page to this HTML file, to keep or share.")] = None,
    as_json: Json = False,
) -> None:
    """Open a page on which plateau lengths follow the spectrum; it works offline, from one file."""
    from evenflow.explorer import check_writable, open_page, spectrum_of

    if spectrum is not None and data is not None:
        raise ArgumentError("spectrum", "be left out with `data`", "is given; a data set has its own spectrum")
    size = None if step is None else positive("step", step)
    given = None if spectrum is None else _list("spectrum", spectrum)
    if export is not None:
        check_writable(export)
    from figures.explorer.page import page

    values: Sequence[float] | None = given
    name, remark = None, ""
    if data is not None:
        model = _regression({"spectrum": None, "data": data}, None, 0.0, None)
        name = str(model.parameters()["data"])
        values, remark = spectrum_of(model, name)
    text = page(values, name=name, remark=remark, step=size, version=__version__)
    opened = False
    if export is None:
        place, opened = open_page(text)
    else:
        place = export
        place.write_text(text, encoding="utf-8", newline="\n")
    if as_json:
        found = {"version": __version__, "page": str(place), "bytes": len(text.encode()), "opened": opened}
        typer.echo(json.dumps(found, allow_nan=False))
    else:
        typer.echo(
            f"The page is open in the browser: {place}" if opened else f"The page is {place}: open it in a browser."
        )


def _family(model: str, given: dict[str, str | None], decay: float) -> Family:
    """The models among which `design` looks."""
    known("model", model, tuple(DESIGN_OPTIONS))
    for option, value in given.items():
        if value is not None and option not in DESIGN_OPTIONS[model]:
            owner = next(name for name, options in DESIGN_OPTIONS.items() if option in options)
            raise ArgumentError(option, f"go with the model it belongs to ({owner})", f"the model is {model}")
    from simulations.design import folded_family, spectrum_family

    found = {name: value for name, value in given.items() if value is not None}
    if model == "folded":
        begin = _list("start", found.pop("start")) if "start" in found else None
        numbers_of = {name: number(name, value) for name, value in found.items()}
        return folded_family(**numbers_of, weight_decay=decay, start=begin)
    count = number("directions", found.get("directions", "3"))
    top = number("largest", found.get("largest", "1"))
    return spectrum_family(found.get("shape", "geometric"), directions=count, largest=top, weight_decay=decay)


def _derived(model: str, rule: Rule, view: str, depth: str | None) -> Derivation:
    from theory.models import factorized_chain, folded_chain, regression_chain

    if model == "factorized":
        return factorized_chain.derive(rule, view, _depth(depth))
    return (folded_chain if model == "folded" else regression_chain).derive(rule, view)


def _depth(depth: str | None) -> int:
    from theory.models.factorized import checked_depth

    return checked_depth(2 if depth is None else number("depth", depth))


def _seed(seed: str | None) -> int | None:
    if seed is None:
        return None
    value = nonnegative("seed", seed)
    if value != int(value):
        raise ArgumentError("seed", "be a whole number", f"is {value:g}")
    return int(value)


def _list(name: str, text: str) -> tuple[float, ...]:
    """Numbers separated by commas."""
    if not text.strip():
        raise ArgumentError(name, "hold at least one number", "is empty")
    try:
        return numbers(name, text.split(","))
    except ArgumentTypeError:
        raise ArgumentError(name, "hold numbers separated by commas", f"is {text!r}") from None


def _model(
    name: str, given: dict[str, str | None], start: str | None, decay: float, seed: int | None
) -> tuple[LinearModel | Factorized, Any]:
    """The model that the options describe, and the numbers of its start."""
    known("model", name, MODELS)
    mine = OPTIONS[name]
    for option, value in given.items():
        if value is not None and option not in mine:
            owners = " or ".join(model for model, options in OPTIONS.items() if option in options)
            raise ArgumentError(option, f"go with the model it belongs to ({owners})", f"the model is {name}")
    amplitudes = None if start is None else _list("start", start)
    if name == "folded":
        from theory.models.folded import Folded

        found = {option: number(option, given[option]) for option in mine if given[option] is not None}
        return Folded(**found, weight_decay=decay), amplitudes
    if name == "factorized":
        from theory.models.factorized import SMALL_START, Factorized

        spectrum = _list("spectrum", given["spectrum"]) if given["spectrum"] is not None else (3.0, 0.3)
        depth = _depth(given["depth"])
        begin = SMALL_START if amplitudes is None else amplitudes
        return Factorized.from_spectrum(spectrum, depth=depth, start=begin, weight_decay=decay, seed=seed), None
    return _regression(given, amplitudes, decay, seed), amplitudes if given["data"] is not None else None


def _regression(
    given: dict[str, str | None], amplitudes: tuple[float, ...] | None, decay: float, seed: int | None
) -> LinearModel:
    from theory.models.regression import Regression

    if given["data"] is None:
        spectrum = _list("spectrum", given["spectrum"]) if given["spectrum"] is not None else (1.0, 0.1, 0.01)
        return Regression.from_spectrum(spectrum, start=amplitudes or 1.0, weight_decay=decay, seed=seed)
    if given["spectrum"] is not None:
        raise ArgumentError("spectrum", "be left out with `data`", "is given; a data set has its own spectrum")
    from simulations.datasets import load

    found = load(given["data"])
    test = None
    if found.test_inputs is not None and found.test_outputs is not None:
        test = (found.test_inputs, found.test_outputs)
    return Regression.from_data(
        found.inputs,
        found.outputs,
        weight_decay=decay,
        test=test,
        name=found.name,
        features=found.feature_names,
    )


def _writable(out: Path) -> None:
    """Refuse a directory that cannot be written before any work is done, and leave no trace."""
    if out == Path():
        raise ArgumentError("out", "name a directory", "is empty or the current directory")
    missing = [path for path in (out, *out.parents) if not path.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".evenflow"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ArgumentError("out", "be a directory that can be written", f"is {out} ({error.strerror})") from None
    finally:
        for path in missing:
            if path.is_dir():
                path.rmdir()


def main() -> None:
    """Run the command line: bad input is one line on standard error and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except (ArgumentError, ArgumentTypeError) as error:
        code = _refuse(str(error))
    except typer.Abort:
        code = _refuse("Stopped.", 130)
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except OSError as error:
        code = _refuse(f"Output could not be written: {error.strerror}.", 1)
    except Exception as error:
        line = one_line(error)
        if line is None:
            raise
        code = _refuse(line)
    sys.exit(code if isinstance(code, int) else 0)


def _refuse(line: str, code: int = 2) -> int:
    typer.echo(line, err=True)
    return code
