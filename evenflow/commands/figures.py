"""`evenflow figures`: the figures that have a name, each with its data, its parameters and its caption."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenflow import __version__
from evenflow.commands.options import Json, check_directory
from figures.captions import listed
from figures.index import NAMES
from theory.checks import ArgumentError, ArgumentTypeError, known

if TYPE_CHECKING:
    from figures.picture import Picture

FORMATS = ("pdf", "svg", "png", "csv")


def figures(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Figures by name, all if left out: {', '.join(NAMES)}.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter of the figures that have it; may be given again.", metavar="KEY=VALUE"),
    ] = None,
    out: Annotated[Path, typer.Option(help="Directory for figures, data and the gallery, index.html.")] = Path("out"),
    formats: Annotated[
        str, typer.Option("--format", help="Some of pdf, svg, png, and csv for the data as a table.", metavar="A,B,…")
    ] = "pdf,svg,png",
    as_json: Json = False,
) -> None:
    """Draw the figures of the theory: PDF, SVG and PNG, with data, parameters and captions beside them."""
    from evenflow.display import Reporter
    from figures.gallery import write_gallery
    from figures.index import picture
    from figures.picture import Missing
    from figures.writing import write_picture

    chosen = [picture(name) for name in dict.fromkeys(names or NAMES)]
    given = _settings(chosen, settings or [])
    endings = [known("format", ending.strip(), FORMATS) for ending in formats.split(",")]
    check_directory(Path(out))
    records: list[dict[str, Any]] = []
    left_out: list[dict[str, str]] = []
    with Reporter() as reporter:
        for done, one in enumerate(chosen):
            reporter("figures", done, len(chosen))
            try:
                records.append(write_picture(one, out, endings, **given[one.name]))
            except Missing as error:
                if names:
                    raise
                left_out.append({"name": one.name, "why": str(error)})
        reporter("figures", len(chosen), len(chosen))
        gallery = write_gallery(out, __version__)
    if as_json:
        found = {"version": __version__, "gallery": str(gallery), "figures": records, "left_out": left_out}
        typer.echo(json.dumps(found, allow_nan=False))
        return
    for record in records:
        typer.echo(f"{record['name']}: {record['title']}")
    for entry in left_out:
        typer.echo(f"{entry['name']} is left out. {entry['why']}")
    typer.echo(f"Written to {out}; {gallery} shows all.")


def _settings(chosen: Sequence[Picture], texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The parameters that were set, for each picture that has them."""
    found: dict[str, dict[str, Any]] = {one.name: {} for one in chosen}
    every = tuple(dict.fromkeys(name for one in chosen for name in one.parameters))
    for text in texts:
        name, marked, value = text.partition("=")
        if not marked:
            raise ArgumentError("set", "read KEY=VALUE, as in epsilon=0.001", f"is {text!r}")
        known("set", name.strip(), every)
        for figure, read in _read(chosen, name.strip(), value.strip()).items():
            found[figure][name.strip()] = read
    return found


def _read(chosen: Sequence[Picture], name: str, text: str) -> dict[str, Any]:
    """Figure → value of a parameter, for all that have it; refused with the names of those that it does not fit."""
    found, refused = {}, {}
    for one in chosen:
        if name in one.parameters:
            try:
                found[one.name] = one.read(name, text)
            except (ArgumentError, ArgumentTypeError) as error:
                refused[one.name] = error
    if not refused:
        return found
    first = next(iter(refused.values()))
    if not found:
        raise first
    _, must, but = first.parts
    raise ArgumentError(name, f"{must} in {listed(refused)}", f"{but}, which fits {listed(found)}")
