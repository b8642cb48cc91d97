"""Writing a picture of the index: the figure, its data, its parameters and its caption, the same bytes every time."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from figures.output import FORMATS, save
from figures.picture import Picture
from figures.tables import write_table
from theory.checks import ArgumentError, known

PLACE = "out"
TABLE = "csv"
WRITTEN = (*FORMATS, TABLE)


def write_picture(
    picture: Picture, directory: str | Path, formats: Sequence[str] = tuple(FORMATS), **parameters: Any
) -> dict[str, Any]:
    """Write NAME.pdf, .svg and .png, the arrays as NAME.npz, and NAME.json: title, parameters and caption.

    As NAME.csv, where that is asked for, the arrays are a table too: see `figures.tables.write_table`.

    Parameters
    ----------
    picture
        What is drawn.
    directory
        Where; made if it is not there.
    formats
        Some of pdf, svg, png and csv.
    parameters
        Of the picture; its defaults if left out, and of a file that lies beside it the one in this directory.

    Returns
    -------
    dict
        What NAME.json holds.

    Raises
    ------
    ArgumentError
        For another format, a parameter that the picture does not have, or a value outside its domain.
    """
    endings = [known("format", ending, WRITTEN) for ending in formats]
    folder = Path(directory)
    parameters = {name: str(folder / file) for name, file in picture.beside.items()} | parameters
    data = picture.collect(**parameters)
    drawn = picture.draw(data)
    paths = save(drawn, folder, picture.name, [ending for ending in endings if ending in FORMATS])
    if TABLE in endings:
        paths.append(folder / f"{picture.name}.{TABLE}")
        write_table(data, paths[-1])
    np.savez(folder / f"{picture.name}.npz", **data)
    record = {
        "name": picture.name,
        "title": picture.title,
        "parameters": picture.parameters | parameters,
        "caption": picture.caption(data),
        "files": [*(path.name for path in paths), f"{picture.name}.npz", f"{picture.name}.json"],
    }
    text = json.dumps(record, allow_nan=False, indent=1) + "\n"
    unfinished = folder / f".{picture.name}.json"
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, folder / f"{picture.name}.json")  # last, and at once: with it the picture is complete
    return record


def main(picture: Picture) -> None:
    """What `python -m figures.NAME [DIRECTORY]` does."""
    directory = sys.argv[1] if len(sys.argv) > 1 else PLACE
    try:
        files = write_picture(picture, directory)["files"]
    except (ArgumentError, OSError) as error:
        print(error if isinstance(error, ArgumentError) else _unwritable(directory, error), file=sys.stderr)
        sys.exit(2)
    print(f"{directory}: {', '.join(files)}")


def _unwritable(directory: str, error: OSError) -> ArgumentError:
    return ArgumentError("directory", "be one that can be written", f"is {directory} ({error.strerror})")
