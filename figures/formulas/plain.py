r"""LaTeX as plain text for a terminal.

>>> plain(r"the time $\frac{\log\tau}{\eta\varepsilon}$ for $\tilde G = UV^\top$")
'the time log τ/(ηε) for G̃ = UVᵀ'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from figures.formulas.letters import LOWERED, RAISED, RELATIONS
from figures.formulas.reading import Atom, Built, Node, parse, split, words

PRODUCT = r"(?:[a-z]{3,} )?[^\s+−=/]+"  # needs no parentheses above a fraction's bar
HELD = r"\w[^\s\w+−=/(]*|\d+(?:\.\d+)?|√\(.*\)|\w+\([^()]*\)|\|[^|]*\|"  # nor below it
FACTOR = re.compile(r"[\w(\[|‖√∫∑]")  # the beginning of what a fraction multiplies


def plain(text: str) -> str:
    """LaTeX as plain text, with Unicode letters."""
    found = "".join(_plain(parse(part)) if formula else words(part) for formula, part in split(text))
    return unicodedata.normalize("NFC", found)


def _plain(node: Node) -> str:
    if isinstance(node, Atom):
        spaced = node.text in RELATIONS.values() or node.text in ("=", "<", ">", "+", "−", "±", "∓")
        return f" {node.text} " if spaced else f"{node.text} " if node.text == "," else node.text
    return _WRITERS[node.kind](*node.parts)


def _row(*parts: Node) -> str:
    text = ""
    for part, after in zip(parts, (*parts[1:], None), strict=True):
        piece = _plain(part)
        fraction = isinstance(part, Built) and part.kind == "frac"
        if fraction and re.search(r"[a-z]{3}$", text):
            piece = f"({piece})"  # what the function is of
        elif fraction and after is not None and FACTOR.match(_plain(after)):
            piece = f"({piece}) "  # that it multiplies what follows
        # a sign at the beginning or after a bracket, comma or relation belongs to what follows
        if piece in (" − ", " + ", " ± ", " ∓ ") and (not text.strip() or text.rstrip()[-1] in "([{,=<>≤≥≃≈→←"):
            piece = piece.strip()
        text += " " * _apart(text, piece) + piece
    return re.sub(r" +([),.;])", r"\1", re.sub(r"  +", " ", text)).strip()


def _apart(text: str, piece: str) -> bool:
    """Whether a function's name or a word needs a space from its neighbour."""
    before, after = re.search(r"[a-z]{3,}$", text), re.match(r"[a-z]{3,}", piece)
    return bool((before and piece[:1].isalnum()) or (after and (text[-1:].isalnum() or text[-1:] == ")")))


def _group(node: Node, held: str = HELD) -> str:
    """In parentheses if there is more than one thing to hold together."""
    text = _plain(node)
    single = not isinstance(node, Built) or node.kind not in ("row", "frac")
    return text if single or re.fullmatch(held, text) else f"({text})"


def _script(mapping: dict[str, str], sign: str) -> Callable[[Node], str]:
    def write(node: Node) -> str:
        text = _plain(node).replace(" − ", "−").replace(" + ", "+").replace(", ", ",")
        if all(character in mapping for character in text):
            return "".join(mapping[character] for character in text)
        return sign + (text if len(text) == 1 or text.isalnum() else f"({text})")

    return write


_raised, _lowered = _script(RAISED, "^"), _script(LOWERED, "_")


def _fraction(above: Node, below: Node) -> str:
    return f"{_group(above, PRODUCT)}/{_group(below)}"


def _accented(base: Node, mark: Node) -> str:
    return _plain(base) + _plain(mark)


def _cells(*parts: Node) -> str:
    return " ".join(filter(None, map(_plain, parts)))


_WRITERS: dict[str, Callable[..., str]] = {
    "row": _row,
    "fenced": lambda begin, inside, end: _plain(begin) + _plain(inside) + _plain(end),
    "frac": _fraction,
    "sqrt": lambda inside: f"√{_group(inside)}",
    "root": lambda inside, index: f"{_group(inside)}^(1/{_plain(index)})",
    "accent": _accented,
    "sub": lambda base, low: _plain(base) + _lowered(low),
    "sup": lambda base, high: _plain(base) + _raised(high),
    "subsup": lambda base, low, high: _plain(base) + _lowered(low) + _raised(high),
    "cells": _cells,
    "cases": lambda *rows: "{" + "; ".join(map(_plain, rows)) + "}",
    "table": lambda *rows: "[" + "; ".join(map(_plain, rows)) + "]",
}
