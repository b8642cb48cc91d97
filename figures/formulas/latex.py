"""Words with Unicode letters as LaTeX."""

from __future__ import annotations

import re
import unicodedata

from figures.formulas.letters import ACCENTS, BRACKETS, LETTERS, LOWERED, RAISED, RELATIONS, SIGNS
from figures.formulas.reading import split

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
        for formula, part in split(text)
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
