"""LaTeX's formulas as trees.

Only what formulas here are written in is known: letters, scripts, fractions, roots, accents, brackets and cases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from figures.formulas.letters import ACCENTS, BRACKETS, LETTERS, RELATIONS, SIGNS, SPACES

RENAMED = {"acos": "arccos", "asin": "arcsin", "atan": "arctan"}
FONTS = {"mathrm", "operatorname", "text", "textrm", "mathbf", "mathcal", "mathbb", "emph", "textbf", "textit", "mbox"}
IGNORED = {"right", "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "displaystyle", "limits", "middle"}
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)


@dataclass(frozen=True)
class Atom:
    """A letter, number, sign or word, with the name of its MathML element."""

    text: str
    tag: str = "mi"


@dataclass(frozen=True)
class Built:
    """A construction of parts: row, fenced, frac, sqrt, root, accent, sub, sup, subsup, or the rows of a table."""

    kind: str
    parts: tuple[Node, ...]


Node = Atom | Built


def split(text: str) -> list[tuple[bool, str]]:
    """The text in turn outside and inside of dollars: (whether it is a formula, text)."""
    parts = re.split(r"(?<!\\)\$", text)
    return [(bool(index % 2), part) for index, part in enumerate(parts) if part]


def words(text: str) -> str:
    """Words outside of formulas."""
    text = re.sub(r"\\(?:emph|text\w*)\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\([%&#_${}])", r"\1", text.replace("---", "—").replace("--", "–").replace("~", " "))
    return text.replace("``", "“").replace("''", "”").replace(r"\,", " ")


def parse(formula: str) -> Node:
    """A formula without its dollars, as a tree."""
    return _Reader(TOKEN.findall(formula)).row("")


class _Reader:
    """Tokens of a formula, read from the left."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at = tokens, 0

    def next(self) -> str:
        token = self.tokens[self.at] if self.at < len(self.tokens) else ""
        self.at += 1
        return token

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def row(self, *ends: str) -> Node:
        """Nodes up to one of these tokens, which is left out."""
        found: list[Node] = []
        while self.at < len(self.tokens) and self.peek() not in ends:
            token = self.next()
            if token in ("^", "_", "'"):
                base = found.pop() if found else Atom("")
                found.append(_scripted(base, token, Atom("′", "mo") if token == "'" else self.argument()))
            elif not token.isspace():
                found.append(self.node(token))
        self.at += 1
        return found[0] if len(found) == 1 else Built("row", tuple(found))

    def argument(self) -> Node:
        """What a command or a script takes: a group, or the next node; of a number only its first digit."""
        token = self.next()
        while token.isspace():
            token = self.next()
        if token[:1].isdigit() and len(token) > 1:
            self.at -= 1
            self.tokens[self.at] = token[1:]
            token = token[0]
        return self.node(token)

    def fenced(self) -> Node:
        """What stands between brackets that grow with it."""
        begin = self.delimiter()
        inside = self.row(r"\right")
        return Built("fenced", (begin, inside, self.delimiter()))

    def delimiter(self) -> Node:
        """A bracket; nothing for a full stop."""
        token = self.next()
        return Atom("") if token == "." else self.node("" if token == "{" else token)

    def word(self) -> str:
        """The letters of a group, spaces included."""
        begin = self.at + 1
        while self.peek() not in ("}", ""):
            self.at += 1
        self.at += 1
        return "".join(SPACES.get(token[1:], token) for token in self.tokens[begin : self.at - 1])

    def node(self, token: str) -> Node:
        """The node that begins with this token."""
        if token == "{":
            return self.row("}")
        if token.startswith("\\"):
            return self.command(token[1:])
        if token[:1].isdigit():
            return Atom(token, "mn")
        return Atom("−" if token == "-" else token, "mi" if token.isalpha() else "mo")

    def command(self, name: str) -> Node:
        """The node that a command stands for; one that is not known is written by its name."""
        if name in IGNORED:
            if self.peek() == ".":
                self.at += 1
                return Atom("")
            return self.node(self.next())
        if name == "left":
            return self.fenced()
        if name in ("frac", "tfrac", "dfrac"):
            return Built("frac", (self.argument(), self.argument()))
        if name == "sqrt":
            index = None
            if self.peek() == "[":
                self.at += 1
                index = self.row("]")
            return Built("sqrt", (self.argument(),)) if index is None else Built("root", (self.argument(), index))
        if name in ACCENTS:
            return Built("accent", (self.argument(), Atom(ACCENTS[name], "mo")))
        if name in FONTS:
            word = self.word()
            return Atom(RENAMED.get(word, word), "mi" if name in ("mathrm", "operatorname") else "mtext")
        if name == "begin":
            return self.table()
        return _named(name)

    def table(self) -> Node:
        """Rows of cells, up to the end of an environment."""
        kind = self.word()
        rows, cells = [], []
        while self.at < len(self.tokens):
            cells.append(self.row("&", r"\\", r"\end"))
            ended = self.tokens[self.at - 1] if self.at <= len(self.tokens) else r"\end"
            if ended != "&":
                rows.append(Built("cells", tuple(cells)))
                cells = []
            if ended == r"\end":
                self.word()
                break
        return Built("cases" if kind == "cases" else "table", tuple(rows))


def _named(name: str) -> Node:
    for table, tag in ((LETTERS, "mi"), (RELATIONS, "mo"), (SIGNS, "mo"), (BRACKETS, "mo"), (SPACES, "mtext")):
        if name in table:
            return Atom(table[name], tag)
    return Atom(name)


def _scripted(base: Node, sign: str, script: Node) -> Node:
    if isinstance(base, Built) and base.kind == "sub" and sign != "_":
        return Built("subsup", (*base.parts, script))
    if isinstance(base, Built) and base.kind == "sup" and sign == "_":
        return Built("subsup", (base.parts[0], script, base.parts[1]))
    return Built("sub" if sign == "_" else "sup", (base, script))
