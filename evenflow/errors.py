"""Errors of the command line's parser, in the grammar of all others."""

from __future__ import annotations

import difflib
import re
from typing import Any

from typer.exceptions import TyperException


def one_line(error: Exception) -> str | None:
    """The error as *Argument `x` must …, but …*; None if it is not the parser's."""
    if not isinstance(error, TyperException):
        return None
    kind, about = type(error).__name__, _about(error)
    if kind == "NoSuchOption":
        near = difflib.get_close_matches(about, _options(error), n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        return f"Argument `{about}` must be an option of this command, but is not known{hint}."
    if kind == "BadOptionUsage":
        return f"Argument `{about}` must be given a value, but {_lower(error)}"
    if kind == "MissingParameter":
        return f"Argument `{about}` must be given, but is missing."
    if kind == "BadParameter":
        return f"Argument `{about}` must be valid, but {_lower(error)}"
    if _lower(error) == "missing command.":
        return "Argument list must begin with a command, but is empty; `evenflow --help` lists them."
    if _lower(error).startswith("no such command"):
        return f"Argument list must begin with a command, but there is {_lower(error)} `evenflow --help` lists them."
    return f"Argument list must fit the command, but {_lower(error)}"


def _about(error: Any) -> str:
    name = getattr(error, "option_name", None) or getattr(getattr(error, "param", None), "name", None)
    return str(name or "?")


def _options(error: Any) -> list[str]:
    context = getattr(error, "ctx", None)
    if context is None:
        return []
    return [option for parameter in context.command.params for option in parameter.opts if option.startswith("-")]


def _lower(error: TyperException) -> str:
    message = " ".join(error.format_message().split()).rstrip(".")
    message = re.sub(r"\. Did you mean '?([^'?]+)'?\?", r" (did you mean \1?)", message)
    return f"{message[:1].lower()}{message[1:]}."
