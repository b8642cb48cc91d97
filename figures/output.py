"""Writing a figure: the same bytes for the same picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from figures.style import house_style
from theory.checks import known

DPI = 300
FORMATS: dict[str, dict[str, Any]] = {
    "pdf": {"metadata": {"CreationDate": None, "ModDate": None}},
    "svg": {"metadata": {"Date": None}},
    "png": {"dpi": DPI},
}


def save(figure: Figure, directory: str | Path, name: str, formats: Sequence[str] = tuple(FORMATS)) -> list[Path]:
    """Write a figure as PDF, SVG and PNG; nothing in the files depends on the date or the run.

    Parameters
    ----------
    figure
        What is written.
    directory
        Where; made if it is not there.
    name
        File name without its ending.
    formats
        Some of pdf, svg and png.

    Returns
    -------
    list of Path
        The files, in that order.

    Raises
    ------
    ArgumentError
        For another format.
    """
    endings = [known("format", ending, tuple(FORMATS)) for ending in formats]
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.{ending}" for ending in endings]
    with house_style():
        for path, ending in zip(paths, endings, strict=True):
            figure.savefig(path, **FORMATS[ending])
    return paths
