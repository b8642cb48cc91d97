"""`evenflow derive`: the chain of equations from the loss to the plateau length."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from evenflow import __version__
from evenflow.commands.options import MODELS, Json, Model, depth_of
from theory.checks import ArgumentError, known

if TYPE_CHECKING:
    from theory.derivation import Derivation
    from theory.rules import Rule

FORMATS = ("text", "latex", "json")
VIEWS = ("flow", "descent")


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
    chain = chain_of(model, find(rule), view, depth)
    if as_json or form == "json":
        typer.echo(json.dumps({"version": __version__, **chain.document()}, allow_nan=False))
    else:
        typer.echo(chain.latex() if form == "latex" else chain.text(), nl=form != "latex")
    if not chain.holds:
        raise typer.Exit(1)


def chain_of(model: str, rule: Rule, view: str, depth: str | None) -> Derivation:
    """The derivation that the options ask for."""
    from theory.models import factorized_chain, folded_chain, regression_chain, wedge_chain

    if model == "factorized":
        return factorized_chain.derive(rule, view, depth_of(depth))
    chains = {"folded": folded_chain, "wedge": wedge_chain, "regression": regression_chain}
    return chains[model].derive(rule, view)
