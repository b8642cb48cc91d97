"""`evenflow design`: a spectrum whose plateau has a given length."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from evenflow import __version__
from evenflow.commands.options import Json, list_of, rule_of
from theory.checks import ArgumentError, known, nonnegative, number, positive

if TYPE_CHECKING:
    from simulations.families import Family

OPTIONS = {
    "folded": ("theta", "margin", "start"),
    "wedge": ("theta", "start"),
    "regression": ("shape", "directions", "largest"),
}


def design(
    model: Annotated[str, typer.Argument(help="folded, wedge or regression.", metavar="MODEL")] = "regression",
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
    theta: Annotated[str | None, typer.Option("--theta", "--angle", help="folded, wedge: radians. [π/4]")] = None,
    margin: Annotated[str | None, typer.Option(help="folded: least |x₁| of a training input. [1]")] = None,
    start: Annotated[str | None, typer.Option(help="folded, wedge: w₁,w₂. [1,3]", metavar="A,B")] = None,
    step: Annotated[str, typer.Option(help="Step size of a descent.")] = "0.1",
    weight_decay: Annotated[str | None, typer.Option(help="Coefficient λ of ½ λ‖W‖². [0]")] = None,
    as_json: Json = False,
) -> None:
    """Find a spectrum whose plateau has a given length, and confirm it by a run."""
    given = {"shape": shape, "directions": directions, "largest": largest, "theta": theta, "margin": margin}
    given["start"] = start
    family = family_of(model, given, 0.0 if weight_decay is None else nonnegative("weight_decay", weight_decay))
    if (plateau is None) == (ratio is None):
        raise ArgumentError("plateau", "be given, or `ratio` instead", "both are" if plateau else "neither is")
    if over is not None and ratio is None:
        raise ArgumentError("over", "go with `ratio`", "is given with `plateau`")
    from simulations.design import design as find

    wanted = number("plateau", plateau) if ratio is None else number("ratio", ratio)
    divisor = None if ratio is None else rule_of("over", over or "egd")
    found = find(family, wanted, rule_of("rule", rule), view=view, step=positive("step", step), over=divisor)
    if as_json:
        typer.echo(json.dumps(found.document(__version__), allow_nan=False))
    else:
        from evenflow.display import print_design

        print_design(found)


def family_of(model: str, given: dict[str, str | None], decay: float) -> Family:
    """The models among which `design` looks."""
    known("model", model, tuple(OPTIONS))
    for option, value in given.items():
        if value is not None and option not in OPTIONS[model]:
            owners = " or ".join(name for name, options in OPTIONS.items() if option in options)
            raise ArgumentError(option, f"go with the model it belongs to ({owners})", f"the model is {model}")
    from simulations.families import folded_family, spectrum_family, wedge_family

    found = {name: value for name, value in given.items() if value is not None}
    if model in ("folded", "wedge"):
        begin = list_of("start", found.pop("start")) if "start" in found else None
        numbers_of = {name: number(name, value) for name, value in found.items()}
        family = folded_family if model == "folded" else wedge_family
        return family(**numbers_of, weight_decay=decay, start=begin)
    count = number("directions", found.get("directions", "3"))
    top = number("largest", found.get("largest", "1"))
    return spectrum_family(found.get("shape", "geometric"), directions=count, largest=top, weight_decay=decay)
