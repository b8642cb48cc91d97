"""`evenflow explore`: the interactive page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from evenflow import __version__
from evenflow.commands.options import Json, list_of, regression_of
from theory.checks import ArgumentError, positive


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
    from evenflow.explorer import check_writable, open_page

    if spectrum is not None and data is not None:
        raise ArgumentError("spectrum", "be left out with `data`", "is given; a data set has its own spectrum")
    size = None if step is None else positive("step", step)
    given = None if spectrum is None else list_of("spectrum", spectrum)
    if export is not None:
        check_writable(export)
    from figures.explorer.page import page
    from figures.explorer.spectra import spectrum_of

    values: Sequence[float] | None = given
    name, remark = None, ""
    if data is not None:
        values, remark, name = spectrum_of(regression_of({"spectrum": None, "data": data}, None, 0.0, None))
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
