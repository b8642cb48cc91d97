"""LaTeX as HTML for a browser, its formulas as MathML."""

from __future__ import annotations

import html

from figures.formulas.letters import ACCENTS, FUNCTIONS
from figures.formulas.reading import Atom, Built, Node, parse, split, words

_TAGS = {
    "row": "mrow",
    "fenced": "mrow",
    "frac": "mfrac",
    "sqrt": "msqrt",
    "root": "mroot",
    "accent": "mover",
    "sub": "msub",
    "sup": "msup",
    "subsup": "msubsup",
    "table": "mtable",
}
CLOSE = set("()[]{}|‖⟨⟩⌊⌋⌈⌉/")  # signs without space around them, which grow only where they are told to
STIFF = ' stretchy="false"'
_MARKS = {"\u0302": "^", "\u0303": "~", "\u0304": "¯", "\u0307": "˙", "\u0308": "¨", "\u0332": "_", "\u20d7": "→"}


def mathml(text: str) -> str:
    """LaTeX as HTML, its formulas as MathML."""
    parts = (
        f"<math>{_mathml(parse(part))}</math>" if formula else html.escape(words(part), quote=False)
        for formula, part in split(text)
    )
    return "".join(parts)


def _mathml(node: Node) -> str:
    if isinstance(node, Atom):
        text = html.escape(_MARKS.get(node.text, node.text.replace(" ", "\u00a0")), quote=False)
        how = ' mathvariant="normal"' if node.tag == "mi" and node.text in ("⊤", "∞", "…") else ""
        if node.text in CLOSE and node.tag == "mo":
            how = f'{STIFF} lspace="0" rspace="0"'
        return f"<{node.tag}{how}>{text}</{node.tag}>"
    inside = "".join(map(_mathml, _spaced(node) if node.kind == "row" else node.parts))
    if node.kind == "fenced":
        tall = any(f"<{tag}" in inside for tag in ("mfrac", "mtable", "msqrt", "mroot"))
        return f"<mrow>{inside.replace(STIFF, '') if tall else inside}</mrow>"
    if node.kind == "cells":
        return "<mtr>" + "".join(f"<mtd>{_mathml(part)}</mtd>" for part in node.parts) + "</mtr>"
    if node.kind == "cases":
        return f"<mrow><mo>{{</mo><mtable>{inside}</mtable></mrow>"
    if node.kind == "accent" and node.parts[1] == Atom(ACCENTS["underline"], "mo"):
        return f"<munder>{inside}</munder>"
    accent = ' accent="true"' if node.kind == "accent" else ""
    return f"<{_TAGS[node.kind]}{accent}>{inside}</{_TAGS[node.kind]}>"


def _spaced(row: Built) -> list[Node]:
    """The parts of a row with a thin space on either side of a function's name, but for signs and brackets."""
    found: list[Node] = []
    for part in row.parts:
        last = found[-1] if found else None
        after = _function(last) and not (isinstance(part, Built) and part.kind == "fenced")
        before = _function(part) and last is not None
        if (after and not _sign_or_bracket(part)) or (before and not _sign_or_bracket(last)):
            found.append(Atom("\u2009", "mtext"))
        found.append(part)
    return found


def _function(node: Node | None) -> bool:
    return isinstance(node, Atom) and node.text in FUNCTIONS


def _sign_or_bracket(node: Node | None) -> bool:
    return isinstance(node, Atom) and node.tag == "mo" and node.text != ")"
