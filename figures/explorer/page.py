"""The page put together."""

from __future__ import annotations

import functools
from importlib.resources import files

from figures.explorer.compiler import javascript
from figures.explorer.laws import page_laws


def _asset(name: str) -> str:
    return (files("figures.explorer") / name).read_text(encoding="utf-8")


@functools.cache
def numbers_script() -> str:
    """What computes, without what draws: the compiled laws, special functions, searches and quadrature."""
    return "\n".join([_asset("special.js"), f"const laws = {javascript(page_laws())};", _asset("numbers.js")])
