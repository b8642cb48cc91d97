"""Writing a figure: the same bytes for the same picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from figures.style import house_style

DPI = 300
FORMATS: dict[str, dict[str, Any]] = {
    "pdf": {"metadata": {"CreationDate": None, "ModDate": None}},
    "svg": {"metadata": {"Date": None}},
    "png": {"dpi": DPI},
}


def save(figure: Figure, directory: str | Path, name: str) -> list[Path]:
    """Write a figure as PDF, SVG and PNG; nothing in the files depends on the date or the run.

    Parameters
    ----------
    figure
        What is written.
    directory
        Where; made if it is not there.
    name
        File name without its ending.

    Returns
    -------
    list of Path
        The files, in the order PDF, SVG, PNG.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.{ending}" for ending in FORMATS]
    with house_style():
        for path, options in zip(paths, FORMATS.values(), strict=True):
            figure.savefig(path, **options)
    return paths
