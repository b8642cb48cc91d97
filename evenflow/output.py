"""What `compare --out` leaves in a directory."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulations.comparison import Comparison


def write(comparison: Comparison, directory: Path, version: str) -> None:
    """Write compare.pdf, .svg and .png, compare.json (parameters and results) and one npz for each run."""
    from figures.compare import figure
    from figures.output import save

    directory.mkdir(parents=True, exist_ok=True)
    save(figure(comparison), directory, "compare")
    text = json.dumps(comparison.document(version), allow_nan=False, indent=1)
    (directory / "compare.json").write_text(text + "\n")
    for run in comparison.runs:
        name = re.sub(r"[^\w.-]", "-", f"{run.rule.name}-{run.view}")
        run.trajectory.save(directory / f"{name}.npz")
