"""`evenflow derive`: the chain of equations from the loss to the plateau length."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenflow import __version__, cache
from evenflow.commands.options import MODELS, Json, Model, depth_of, rule_of
from theory.checks import ArgumentError, known

if TYPE_CHECKING:
    from theory.derivation import Derivation
    from theory.rules import Rule

FORMATS = ("text", "latex", "json")
VIEWS = ("flow", "descent")
RULES = ("gd", "egd", "ngd", "power:0.5", "newton")  # one of each kind that has a derivation for every model,
FLOWS = ("frobenius", "damped:0.1")  # and as a flow alone


def derive(
    model: Model = "folded",
    rule: Annotated[str, typer.Option(help="A rule by its id, or module:NAME.")] = "gd",
    view: Annotated[str, typer.Option(help="flow or descent.")] = "flow",
    depth: Annotated[str | None, typer.Option(help="factorized: number of weight matrices. [2]")] = None,
    form: Annotated[str, typer.Option("--format", help="text, latex (a document that compiles) or json.")] = "text",
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help=f"Every model under {', '.join(RULES)} in both views, and {', '.join(FLOWS)} as a flow."
        ),
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Derive anew, whatever is kept from before.")] = False,
    as_json: Json = False,
) -> None:
    """Print the chain of equations from the loss to the plateau length, each one checked."""
    known("model", model, MODELS)
    known("view", view, VIEWS)
    known("format", form, FORMATS)
    if depth is not None and model != "factorized":
        raise ArgumentError("depth", "go with the model it belongs to (factorized)", f"the model is {model}")
    if everything and (model, rule, view, depth) != ("folded", "gd", "flow", None):
        raise ArgumentError("all", "go without a model, rule, view or depth", "one is given")
    if everything:
        asked = [*((rule, view) for rule in RULES for view in VIEWS), *((rule, "flow") for rule in FLOWS)]
        chains = _all([(model, *one, None) for model in MODELS for one in asked], fresh)
    else:
        chains = [rendered(model, rule, view, depth, fresh)]
    form = "json" if as_json else form
    if form == "latex":
        from theory.latex import whole

        typer.echo(whole(chain["section"] for chain in chains), nl=False)
    elif form == "text":
        typer.echo("\n\n".join(chain["text"] for chain in chains))
    else:
        documents = [{"version": __version__, **chain["document"]} for chain in chains]
        typer.echo(json.dumps(documents if everything else documents[0], allow_nan=False))
    if not all(chain["document"]["holds"] for chain in chains):
        raise typer.Exit(1)


def _all(requests: list[tuple[str, str, str, None]], fresh: bool) -> list[dict[str, Any]]:
    """All of these, with a bar."""
    from evenflow.display import Reporter

    found = []
    with Reporter() as reporter:
        for done, request in enumerate(requests):
            reporter(" ".join(request[:3]), done, len(requests))
            found.append(rendered(*request, fresh))
    return found


def rendered(model: str, name: str, view: str, depth: str | None, fresh: bool = False) -> dict[str, Any]:
    """A derivation as ``text``, as a ``section`` of LaTeX and as a JSON ``document``: from the cache, if it is there.

    A rule of a module of the user's own is derived anew, as its source is not part of the cache's key; and what is not
    confirmed is not kept.
    """
    request = model, name, view, depth
    kept = None if fresh else cache.load(*request)
    if kept is not None:
        return kept
    from theory.latex import section
    from theory.rule_ids import FORMS

    chain = chain_of(model, rule_of("rule", name), view, depth)
    found = {"text": chain.text(), "section": section(chain), "document": chain.document()}
    if name.partition(":")[0] in FORMS and chain.holds:
        cache.store(found, *request)
    return found


def chain_of(model: str, rule: Rule, view: str, depth: str | None) -> Derivation:
    """The derivation that the options ask for."""
    from theory.models import factorized_chain, folded_chain, regression_chain, wedge_chain

    if model == "factorized":
        return factorized_chain.derive(rule, view, depth_of(depth))
    chains = {"folded": folded_chain, "wedge": wedge_chain, "regression": regression_chain}
    return chains[model].derive(rule, view)
