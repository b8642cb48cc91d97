"""What `explore` does with its page: writes it where it was asked to, or to a temporary file that a browser opens."""

from __future__ import annotations

import os
import sys
import tempfile
import webbrowser
from pathlib import Path

from theory.checks import ArgumentError


def check_writable(file: Path) -> None:
    """Refuse a file that cannot be written before any work is done, and leave no trace.

    Raises
    ------
    ArgumentError
        If the file cannot be opened for writing.
    """
    there = file.exists()
    try:
        with file.open("ab"):
            pass
    except OSError as error:
        raise ArgumentError("export", "be a file that can be written", f"is {file} ({error.strerror})") from None
    if not there:
        file.unlink()


def open_page(text: str) -> tuple[Path, bool]:
    """Write a page to a temporary file and open it where there is a display; the file, and whether it was opened."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="evenflow-", suffix=".html", delete=False, encoding="utf-8", newline="\n"
    ) as file:
        file.write(text)
    path = Path(file.name)
    return path, has_display() and webbrowser.open(path.as_uri())


def has_display() -> bool:
    """Whether a window can be opened: always on macOS and Windows, elsewhere where a display is set."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
