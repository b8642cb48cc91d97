"""What `compare --out` leaves in a directory."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulations.cause import Cause
    from simulations.comparison import Comparison


def write(comparison: Comparison, directory: Path, version: str, cause: Cause | None = None) -> None:
    """Write compare.pdf, .svg and .png, compare.json (parameters and results) and one npz for each run.

    With a cause also cause.pdf, .svg and .png; its numbers are in compare.json.
    """
    from figures.compare import figure
    from figures.output import save

    directory.mkdir(parents=True, exist_ok=True)
    save(figure(comparison), directory, "compare")
    found = comparison.document(version)
    if cause is not None:
        from figures.cause import figure as cause_figure

        save(cause_figure([cause]), directory, "cause")
        found["cause"] = cause.document()
    text = json.dumps(found, allow_nan=False, indent=1)
    (directory / "compare.json").write_text(text + "\n")
    for run in comparison.runs:
        name = re.sub(r"[^\w.-]", "-", f"{run.rule.name}-{run.view}")
        run.trajectory.save(directory / f"{name}.npz")
