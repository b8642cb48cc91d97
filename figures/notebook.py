"""A Matplotlib figure that a notebook shows."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from figures.style import house_style

ON_SCREEN = 125  # pixels an inch, at which the smallest letters can be read
SHARPNESS = 2  # pixels of the image for each of these: many screens have two


class NotebookFigure(Figure):
    """A figure that shows itself in a notebook, whether or not pyplot was imported there."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        buffer = io.BytesIO()
        with house_style():
            self.savefig(buffer, format="png", dpi=ON_SCREEN * SHARPNESS)
        width, height = (round(ON_SCREEN * size) for size in self.get_size_inches())
        return buffer.getvalue(), {"width": width, "height": height}
