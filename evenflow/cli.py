"""The command line: parses, calls, prints. Heavy imports wait until a command needs them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenflow import __version__
from evenflow.errors import one_line
from theory.checks import ArgumentError, ArgumentTypeError, known, nonnegative, number, numbers, positive

if TYPE_CHECKING:
    from theory.derivation import Derivation
    from theory.models.factorized import Factorized
    from theory.models.linear import LinearModel
    from theory.rules import Rule

MODELS = ("folded", "wedge", "regression", "factorized")
OPTIONS = {
    "folded": ("epsilon", "theta", "margin"),
    "wedge": ("epsilon", "theta"),
    "regression": ("spectrum", "data"),
    "factorized": ("spectrum", "depth"),
}
FORMATS = ("text", "latex", "json")
VIEWS = ("flow", "descent")

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
    form: Annotated[str, typer.Option("--format", help="text, latex or json.")] = "text",
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
        typer.echo(chain.latex() if form == "latex" else chain.text())
    if not chain.holds:
        raise typer.Exit(1)


def _derived(model: str, rule: Rule, view: str, depth: str | None) -> Derivation:
    from theory.models import factorized_chain, folded, regression, wedge_chain

    if model == "factorized":
        return factorized_chain.derive(rule, view, _depth(depth))
    return {"folded": folded, "wedge": wedge_chain, "regression": regression}[model].derive(rule, view)


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
    if name in ("folded", "wedge"):
        from theory.models.folded import Folded
        from theory.models.wedge import Wedge

        found = {option: number(option, given[option]) for option in mine if given[option] is not None}
        return (Folded if name == "folded" else Wedge)(**found, weight_decay=decay), amplitudes
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
