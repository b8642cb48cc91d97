"""What several commands take: the model and its options, lists of numbers, seeds, a directory to write to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from theory.checks import ArgumentError, ArgumentTypeError, known, nonnegative, number, numbers

if TYPE_CHECKING:
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

Model = Annotated[str, typer.Argument(help=f"The model: {', '.join(MODELS[:-1])} or {MODELS[-1]}.", metavar="MODEL")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def model_of(
    name: str, given: dict[str, str | None], start: str | None, decay: float, seed: int | None
) -> tuple[LinearModel | Factorized, Any]:
    """The model that the options describe, and the numbers of its start."""
    known("model", name, MODELS)
    mine = OPTIONS[name]
    for option, value in given.items():
        if value is not None and option not in mine:
            owners = " or ".join(model for model, options in OPTIONS.items() if option in options)
            raise ArgumentError(option, f"go with the model it belongs to ({owners})", f"the model is {name}")
    amplitudes = None if start is None else list_of("start", start)
    if name in ("folded", "wedge"):
        from theory.models.folded import Folded
        from theory.models.wedge import Wedge

        found = {option: number(option, given[option]) for option in mine if given[option] is not None}
        return (Folded if name == "folded" else Wedge)(**found, weight_decay=decay), amplitudes
    if name == "factorized":
        from theory.models.factorized import SMALL_START, Factorized

        spectrum = list_of("spectrum", given["spectrum"]) if given["spectrum"] is not None else (3.0, 0.3)
        depth = depth_of(given["depth"])
        begin = SMALL_START if amplitudes is None else amplitudes
        return Factorized.from_spectrum(spectrum, depth=depth, start=begin, weight_decay=decay, seed=seed), None
    return regression_of(given, amplitudes, decay, seed), amplitudes if given["data"] is not None else None


def regression_of(
    given: dict[str, str | None], amplitudes: tuple[float, ...] | None, decay: float, seed: int | None
) -> LinearModel:
    """The regression with a given spectrum, or of a data set."""
    from theory.models.regression import Regression

    if given["data"] is None:
        spectrum = list_of("spectrum", given["spectrum"]) if given["spectrum"] is not None else (1.0, 0.1, 0.01)
        return Regression.from_spectrum(spectrum, start=amplitudes or 1.0, weight_decay=decay, seed=seed)
    if given["spectrum"] is not None:
        raise ArgumentError("spectrum", "be left out with `data`", "is given; a data set has its own spectrum")
    from simulations.datasets import load

    return load(given["data"]).regression(decay)


def depth_of(depth: str | None) -> int:
    """The number of weight matrices, two if left out."""
    from theory.models.factorized import checked_depth

    return checked_depth(2 if depth is None else number("depth", depth))


def rule_of(option: str, name: str) -> Rule:
    """The rule that an option names, which is what a refusal names too."""
    from theory.rule_ids import rule

    try:
        return rule(name)
    except ArgumentError as error:
        about, must, but = error.parts
        raise ArgumentError(option if about == "rules" else about, must, but) from None


def list_of(name: str, text: str) -> tuple[float, ...]:
    """Numbers separated by commas."""
    if not text.strip():
        raise ArgumentError(name, "hold at least one number", "is empty")
    try:
        return numbers(name, text.split(","))
    except ArgumentTypeError:
        raise ArgumentError(name, "hold numbers separated by commas", f"is {text!r}") from None


def seed_of(seed: str | None) -> int | None:
    """The seed, a whole number, or none."""
    if seed is None:
        return None
    value = nonnegative("seed", seed)
    if value != int(value):
        raise ArgumentError("seed", "be a whole number", f"is {value:g}")
    return int(value)


def check_directory(out: Path, must: str = "be a directory that can be written") -> None:
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
        raise ArgumentError("out", must, f"is {out} ({error.strerror})") from None
    finally:
        for path in missing:
            if path.is_dir():
                path.rmdir()
