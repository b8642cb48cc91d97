r"""The LaTeX of claims for readers without LaTeX: as plain text for a terminal, and as MathML for a browser.

Only what formulas here are written in is known: letters, scripts, fractions, roots, accents, brackets and cases.

>>> plain(r"the time $\frac{\log\tau}{\eta\varepsilon}$ for $\tilde G = UV^\top$")
'the time log τ/(ηε) for G̃ = UVᵀ'
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

LETTERS = dict(
    pair.split("=")
    for pair in (
        "alpha=α beta=β gamma=γ delta=δ epsilon=ε varepsilon=ε zeta=ζ eta=η theta=θ kappa=κ lambda=λ mu=μ nu=ν xi=ξ "
        "pi=π rho=ρ sigma=σ tau=τ phi=φ varphi=φ chi=χ psi=ψ omega=ω Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Pi=Π Sigma=Σ "
        "Phi=Φ Psi=Ψ Omega=Ω infty=∞ ell=ℓ top=⊤ dots=… ldots=… cdots=⋯ partial=∂ nabla=∇ prime=′ dagger=† emptyset=∅"
    ).split()
)
RELATIONS = dict(
    pair.split("=")
    for pair in (
        "le=≤ leq=≤ ge=≥ geq=≥ ll=≪ gg=≫ ne=≠ neq=≠ approx=≈ simeq=≃ sim=∼ asymp=≍ equiv=≡ propto=∝ in=∈ subset=⊂ "
        "to=→ rightarrow=→ leftarrow=← mapsto=↦ leftrightarrow=↔ Rightarrow=⇒ iff=⇔ succ=≻ prec=≺ mid=∣ wedge=∧ vee=∨"
    ).split()
)
SIGNS = {"cdot": "·", "times": "×", "pm": "±", "mp": "∓", "bmod": " mod ", "circ": "∘", "sum": "∑", "prod": "∏"}
SIGNS |= {"int": "∫", "forall": "∀", "exists": "∃"}
BRACKETS = {"langle": "⟨", "rangle": "⟩", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "|": "‖"}
BRACKETS |= {"lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|", "Vert": "‖", "vert": "|", "{": "{", "}": "}"}
FUNCTIONS = set("log ln exp sin cos tan cot arcsin arccos arctan min max sup inf det lim Pr erf erfc".split())
RENAMED = {"acos": "arccos", "asin": "arcsin", "atan": "arctan"}
ACCENTS = {"hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303", "widetilde": "\u0303", "bar": "\u0304"}
ACCENTS |= {"overline": "\u0304", "dot": "\u0307", "ddot": "\u0308", "underline": "\u0332", "vec": "\u20d7"}
FONTS = {"mathrm", "operatorname", "text", "textrm", "mathbf", "mathcal", "mathbb", "emph", "textbf", "textit", "mbox"}
IGNORED = {"right", "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "displaystyle", "limits", "middle"}
SPACES = {",": " ", ";": " ", ":": " ", " ": " ", "quad": "  ", "qquad": "   ", "!": ""}

RAISED = dict(zip("0123456789+−()ni⊤*′", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱᵀ*′", strict=True))
RAISED |= dict(zip("abcdefghjklmoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰʲᵏˡᵐᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True))
LOWERED = dict(zip("0123456789+−()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True))
PRODUCT = r"(?:[a-z]{3,} )?[^\s+−=/]+"  # needs no parentheses above a fraction's bar
HELD = r"\w[^\s\w+−=/(]*|\d+(?:\.\d+)?|√\(.*\)|\w+\([^()]*\)|\|[^|]*\|"  # nor below it
FACTOR = re.compile(r"[\w(\[|‖√∫∑]")  # the beginning of what a fraction multiplies
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


def _split(text: str) -> list[tuple[bool, str]]:
    """The text in turn outside and inside of dollars: (whether it is a formula, text)."""
    parts = re.split(r"(?<!\\)\$", text)
    return [(bool(index % 2), part) for index, part in enumerate(parts) if part]


def plain(text: str) -> str:
    """LaTeX as plain text, with Unicode letters."""
    found = "".join(_plain(parse(part)) if formula else _words(part) for formula, part in _split(text))
    return unicodedata.normalize("NFC", found)


def mathml(text: str) -> str:
    """LaTeX as HTML, its formulas as MathML."""
    parts = (
        f"<math>{_mathml(parse(part))}</math>" if formula else html.escape(_words(part), quote=False)
        for formula, part in _split(text)
    )
    return "".join(parts)


def _words(text: str) -> str:
    """Words outside of formulas."""
    text = re.sub(r"\\(?:emph|text\w*)\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\([%&#_${}])", r"\1", text.replace("---", "—").replace("--", "–").replace("~", " "))
    return text.replace("``", "“").replace("''", "”").replace(r"\,", " ")


# Reading ------------------------------------------------------------------------------------------------------------


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


# Writing ------------------------------------------------------------------------------------------------------------


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
_TAGS = {
    "row": "mrow",
    "fenced": "mrow",
    "frac": "mfrac",
    "sqrt": "msqrt",
    "root": "mroot",
    "accent": "mover",
    "sub": "msub",
}
_TAGS |= {"sup": "msup", "subsup": "msubsup", "table": "mtable"}
CLOSE = set("()[]{}|‖⟨⟩⌊⌋⌈⌉/")  # signs without space around them, which grow only where they are told to
STIFF = ' stretchy="false"'
_MARKS = {"\u0302": "^", "\u0303": "~", "\u0304": "¯", "\u0307": "˙", "\u0308": "¨", "\u0332": "_", "\u20d7": "→"}


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


# Words for LaTeX ------------------------------------------------------------------------------------------------------

_COMMANDS = {sign: rf"\{name}" for table in (LETTERS, RELATIONS, SIGNS, BRACKETS) for name, sign in table.items()}
_COMMANDS |= {"−": "-", "√": r"\surd ", "½": r"\tfrac{1}{2}", "ε": r"\varepsilon", "φ": r"\phi"}
_UNRAISED = {sign: "-" if letter == "−" else letter for letter, sign in RAISED.items() if not sign.isascii()}
_UNRAISED |= {"ᵀ": r"\top ", "′": r"\prime "}
_UNLOWERED = {sign: "-" if letter == "−" else _COMMANDS.get(letter, letter) for letter, sign in LOWERED.items()}
_HIGH, _LOW = "".join(_UNRAISED), "".join(_UNLOWERED)
_ACCENTED = {mark: name for name, mark in ACCENTS.items() if name not in ("widehat", "widetilde", "overline")}
_SPECIAL = {sign: f"\\{sign}" for sign in "%&#_{}$"} | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}"}
_SPECIAL |= {"^": r"\textasciicircum{}", "<": "$<$", ">": "$>$", "|": "$|$"}
_KNOWN = set("–—‘’“”…éèêäöüßáàâçñõóòôøåæ×·°§")  # what LaTeX's input encoding has


def escaped(text: str, *, formula: bool = False) -> str:
    """Words with Unicode letters as LaTeX; a formula that is LaTeX already keeps what is ASCII."""
    pieces = []
    for letter in re.findall(rf"[{_HIGH}]+|[{_LOW}]+|.[\u0300-\u036f\u20d7]?", text, re.DOTALL):
        sign = _sign(letter)
        if sign is not None:
            pieces.append(f"{sign} " if formula else f"${sign}$")
        elif formula:
            pieces.append(letter if letter.isascii() else r"\text{?}")
        else:
            pieces.append(_SPECIAL.get(letter, letter if letter.isascii() or letter in _KNOWN else "?"))
    return "".join(pieces)


def latex(text: str) -> str:
    """LaTeX that compiles: its letters beyond ASCII as commands, and a bare % as a sign, not as a comment."""
    text = re.sub(r"(?<!\\)%", r"\\%", text)
    parts = (
        f"${escaped(part, formula=True)}$"
        if formula
        else re.sub(r"[^\x00-\x7f]+", lambda found: escaped(found[0]), part)
        for formula, part in _split(text)
    )
    return "".join(parts)


def _sign(letter: str) -> str | None:
    """The command for a letter that LaTeX has no key for, with its accent, or for a run of raised or lowered ones."""
    for mark, script in (("^", _UNRAISED), ("_", _UNLOWERED)):
        if letter[0] in script:
            return f"{mark}{{{''.join(script[one] for one in letter)}}}"
    if len(letter) == 2 and letter[1] in _ACCENTED:
        return rf"\{_ACCENTED[letter[1]]}{{{_COMMANDS.get(letter[0], letter[0])}}}"
    return None if letter.isascii() else _COMMANDS.get(unicodedata.normalize("NFC", letter), _accented_letter(letter))


def _accented_letter(letter: str) -> str | None:
    """A letter with an accent in one character, such as ė or ŵ."""
    parts = unicodedata.normalize("NFD", letter)
    known = len(parts) == 2 and parts[1] in _ACCENTED and letter not in _KNOWN
    return rf"\{_ACCENTED[parts[1]]}{{{parts[0]}}}" if known else None
