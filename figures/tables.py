"""A picture's arrays as one table of text, for whatever draws elsewhere."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PLACES = "ijklmn"  # columns of an entry's place in its array


def write_table(arrays: Mapping[str, NDArray[np.generic]], path: Path) -> None:
    """Write arrays of any shapes in long form: a line for each entry, with its array, its place there, and its value.

    Of the arrays x (2,) and s () it is ``array,i,value``, ``x,0,0.5``, ``x,1,0.25`` and ``s,,0.1``.
    """
    width = max((array.ndim for array in arrays.values()), default=0)
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["array", *PLACES[:width], "value"])
        for name, array in arrays.items():
            blank = [""] * (width - array.ndim)
            lines.writerows([name, *place, *blank, value.item()] for place, value in np.ndenumerate(array))
