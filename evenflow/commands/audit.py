"""`evenflow audit`: the paper's claims, tried."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from evenflow import __version__
from evenflow.commands.options import Json, check_directory, seed_of


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

    seeded = seed_of(seed) or 0
    if out is not None:
        check_directory(Path(out))
    with Reporter() as reporter:
        findings = run(ids or (), seed=seeded, progress=reporter)
        missing = ""
        if out is not None:
            from figures.audit_report.writing import write

            missing = write(findings, Path(out), __version__, reporter)
    if as_json:
        typer.echo(json.dumps(document(findings, __version__), allow_nan=False))
        return
    print_audit(findings)
    if out is not None:
        typer.echo(f"Written to {out}{f', without report.pdf: {missing}' if missing else ''}.")
