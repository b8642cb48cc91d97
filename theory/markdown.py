"""Markdown for notebooks: sentences and equations with LaTeX between dollars, which Jupyter sets with MathJax."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from theory import latex

if TYPE_CHECKING:
    from theory.derivation import Derivation, Step

PLAIN = {r"\,": "\N{NO-BREAK SPACE}", r"\%": "%", r"\&": "&", "--": "–"}  # LaTeX outside of formulas
WORDS = re.compile("|".join(map(re.escape, PLAIN)))
SPECIAL = re.compile(r"([\\`*_\[\]<>$|])")


def chain(derivation: Derivation) -> str:
    """A derivation: a heading, and one paragraph with an equation for each step."""
    title = f"#### {escaped(derivation.model)} under {escaped(derivation.rule)}, {escaped(derivation.view)}"
    return "\n\n".join([title, *(step(one, number) for number, one in enumerate(derivation.steps, 1))])


def step(one: Step, number: int | None = None) -> str:
    """One step: its name, where it comes from, what SymPy says of it, its reason and its equation."""
    place = "" if number is None else f"{number}. "
    mark = "checked" if one.holds else "**NOT CONFIRMED**"
    head = f"**{place}{escaped(one.name)}** *({escaped(one.origin)}, {mark})*"
    return f"{head}  \n{latex.prose(one.reason, escaped)}\n\n$$\n{latex.formula(one.equation)}\n$$"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A table whose cells are Markdown; the columns named in `right` hold numbers."""
    rule = ["--:" if column in right else ":--" for column in range(len(heads))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def cell(text: str) -> str:
    """A sentence with LaTeX between dollars as the cell of a table, in which a bar would end it."""
    parts = text.split("$")
    parts[::2] = (escaped(WORDS.sub(lambda found: PLAIN[found[0]], part)) for part in parts[::2])
    parts[1::2] = (part.replace(r"\|", r"\Vert ").replace("|", r"\vert ") for part in parts[1::2])
    return "$".join(parts)


def number(value: float | None, digits: int = 6) -> str:
    """A number as a cell; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    shown = f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:,.{digits}g}"
    return shown.replace("-", "−")


def escaped(text: str) -> str:
    """Words that are no Markdown."""
    return SPECIAL.sub(r"\\\1", text)
