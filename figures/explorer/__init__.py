"""The explorer: a page on which plateau lengths follow a spectrum, compiled from the derivations; also a widget."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, NoReturn

from theory.checks import ArgumentError

if TYPE_CHECKING:
    from figures.explorer.widget import Explorer

__all__ = ["Explorer"]


def __getattr__(name: str) -> Any:
    """Import the widget when it is first asked for: the page needs none of its packages."""
    if name != "Explorer":
        raise AttributeError(f"module 'figures.explorer' has no attribute {name!r}")
    if importlib.util.find_spec("anywidget") is None:
        return _refused
    from figures.explorer.widget import Explorer

    return Explorer


def _refused(*_: object, **__: object) -> NoReturn:
    raise ArgumentError("Explorer", "have its packages", 'anywidget is not installed: pip install "evenflow[explore]"')
