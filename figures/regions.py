"""Cells of a map that have no colour on its scale: no plateau, censored, one rule alone; filled, hatched and named."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import NDArray

from figures.style import SMALL, dots

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
NONE, UNKNOWN = "#ffffff", "#dddddd"
# Cells that have no colour on the scale: what they say, face and hatch.
CELLS: dict[str, tuple[str, str]] = {
    "no plateau": (NONE, ""),
    "censored": (UNKNOWN, "//////"),
    "not predicted": (UNKNOWN, "//////"),
    "only gd has one": (NONE, "...."),
    "only egd has one": (NONE, "\\\\\\\\"),
}


def fill(panel: Axes, edges: tuple[Array, Array], where: Mask, what: str) -> None:
    """Cells in one face and hatch, as one area: the hatch does not begin anew in each."""
    face, hatch = CELLS[what]
    cells = np.where(where, 1.0, np.nan)
    panel.pcolormesh(*edges, cells, cmap=LinearSegmentedColormap.from_list("", [face, face]), gid=what, rasterized=True)
    if hatch:
        fine = np.repeat(np.repeat(where, 2, axis=0), 2, axis=1)  # a contour that keeps to the cells' edges
        places = [np.repeat(side, 2)[1:-1] for side in edges]
        panel.contourf(*places, fine.astype(float), levels=[0.5, 2], colors="none", hatches=[hatch])


def label_region(panel: Axes, edges: tuple[Array, Array], where: Mask, what: str) -> bool:
    """Name cells in the middle of where they have most room; False where there is too little."""
    from scipy.ndimage import distance_transform_edt

    to_pixels = panel.transData.transform
    text = panel.text(0, 0, what, ha="center", va="center", fontsize=SMALL, gid=f"label {what}", zorder=5)
    box = text.get_window_extent()
    corners = to_pixels(np.column_stack([edges[0][[0, -1]], edges[1][[0, -1]]]))
    shape = np.maximum(1, np.abs(corners[1] - corners[0]).astype(int) // 2)  # every other pixel
    columns, rows = (np.linspace(low, high, n + 2)[1:-1] for low, high, n in zip(*corners, shape, strict=True))
    mesh = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    points = panel.transData.inverted().transform(mesh)
    place = [np.clip(np.searchsorted(side, points[:, i]) - 1, 0, len(side) - 2) for i, side in enumerate(edges)]
    inside = where[place[1], place[0]].reshape(len(rows), len(columns))
    squeezed = distance_transform_edt(np.pad(inside, 1), sampling=(2, 2 * box.height / box.width))[1:-1, 1:-1]
    away = np.hypot(*np.meshgrid(*(np.linspace(-1, 1, count) for count in squeezed.shape), indexing="ij"))
    row, column = np.unravel_index(np.argmax(squeezed - 1e-3 * away), squeezed.shape)  # of equals, the most central
    if squeezed[row, column] < box.height / 2 + dots(panel) / 72:
        text.remove()
        return False
    x, y = panel.transData.inverted().transform((columns[column], rows[row]))
    text.set_position((float(x), float(y)))
    if CELLS[what][1]:
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
    return True
