"""The README's pictures: `python -m figures.readme` draws them anew."""

from __future__ import annotations

from pathlib import Path

from figures.compare import figure
from figures.index import picture
from figures.style import house_style
from simulations.comparison import compare
from theory.models.folded import Folded

PLACE = Path(__file__).parent / "readme" / "compare.png"
DPI = 150
THUMBNAILS, SMALL_DPI = ("wedge", "phases", "cause"), 90


def draw(path: Path = PLACE) -> Path:
    """Write the picture of the README's main command as a PNG of 150 dpi."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with house_style():
        figure(compare(Folded(epsilon=0.01), step=0.1, start=(1, 3))).savefig(path, dpi=DPI)
    return path


def draw_thumbnail(name: str, folder: Path = PLACE.parent) -> Path:
    """Write a figure of the index as a PNG of 90 dpi, as the README shows it."""
    path = folder / f"{name}.png"
    with house_style():
        picture(name).figure().savefig(path, dpi=SMALL_DPI)
    return path


if __name__ == "__main__":
    print(draw(), *map(draw_thumbnail, THUMBNAILS))
