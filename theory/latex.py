"""Derivations as LaTeX: a document that compiles as it is printed, with packages of every basic installation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import sympy as sp

if TYPE_CHECKING:
    from theory.derivation import Derivation, Step

PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[a4paper, margin=25mm]{geometry}
\usepackage{amsmath, amssymb, graphicx}
\setlength{\parindent}{0pt}
\setlength{\emergencystretch}{3em}
\renewcommand{\arraystretch}{1.4}
\newsavebox{\equationbox}
% An equation wider than the page is scaled to its width.
\newcommand{\fitted}[1]{\sbox{\equationbox}{$\displaystyle #1$}%
  \ifdim\wd\equationbox>\linewidth\typeout{Scaled equation.}\resizebox{\linewidth}{!}{\usebox{\equationbox}}%
  \else\usebox{\equationbox}\fi}
"""
MATH = dict(
    pair.split("=", 1)
    for pair in (
        r"α=\alpha β=\beta γ=\gamma Γ=\Gamma δ=\delta ε=\epsilon η=\eta θ=\theta κ=\kappa λ=\lambda Λ=\Lambda μ=\mu "
        r"ν=\nu π=\pi ρ=\rho σ=\sigma Σ=\Sigma τ=\tau φ=\phi χ=\chi ψ=\psi ∇=\nabla ∏=\prod ∫=\int ∂=\partial "
        r"ċ=\dot{c} ŵ=\hat{w} ė=\dot{e} ẇ=\dot{w} ë=\ddot{e} ½=\tfrac12 "
        r"₀=_{0} ₁=_{1} ₂=_{2} ₃=_{3} ₄=_{4} ᵢ=_{i} ⱼ=_{j} ᵣ=_{r} "
        r"¹=^{1} ²=^{2} ³=^{3} ⁴=^{4} ᵀ=^{\top} ᵏ=^{k} ᵅ=^{\alpha} ⁻=^{-} ′=' "
        r"‖=\| |=| −=- ±=\pm ·=\cdot ×=\times √=\surd ≠=\neq ≥=\ge ≤=\le ≫=\gg ≪=\ll ∝=\propto ≈=\approx ≺=\prec "
        r"→=\to ←=\leftarrow "
        r"↔=\leftrightarrow ∞=\infty ∈=\in ⊗=\otimes …=\ldots *=^{*}"
    ).split()
)
TEXT = {"%": r"\%", "&": r"\&", "#": r"\#", "_": r"\_", "–": "--", "’": "'", "$": r"\$"}
OPERATORS = set("= < > + − - · × / ← → ↔ ≤ ≥ ≠ ≺ ≪ ≫ ∝ ≈ ∈ ⊗".split())
NAMED = ("log", "exp", "cos", "sin", "tan", "det", "diag", "sgn")
OPENING, CLOSING = "(\"'", ".,;:)\"'"


def document(*derivations: Derivation) -> str:
    """A complete document with one section for each derivation."""
    return whole(section(derivation) for derivation in derivations)


def whole(sections: Iterable[str]) -> str:
    """A complete document with these sections."""
    body = "\n".join(sections)
    return f"{PREAMBLE}\\begin{{document}}\n{body}\\end{{document}}\n"


def section(derivation: Derivation) -> str:
    """A heading and a list with one item a step: its name, its reason and its equation."""
    title = f"{derivation.model} under {derivation.rule}, {derivation.view}"
    items = "\n".join(_item(step) for step in derivation.steps)
    return f"\\section*{{{prose(title)}}}\n\\begin{{description}}\n{items}\n\\end{{description}}\n"


def _item(step: Step) -> str:
    return f"\\item[{prose(step.name)}] {prose(step.reason)}\n  \\[ \\fitted{{{formula(step.equation)}}} \\]"


def formula(expression: sp.Basic) -> str:
    """An equation in LaTeX."""
    symbols = expression.atoms(sp.Symbol, sp.MatrixSymbol)
    return sp.latex(expression, symbol_names={s: _symbol(s.name) for s in symbols if re.search(r"[ |']", s.name)})


def _symbol(name: str) -> str:
    """A name that SymPy would take apart: with primes, or several letters."""
    bare = name.rstrip("'")
    plain = bare if re.search(r"[ |]", bare) else sp.latex(sp.Symbol(bare))
    return plain.replace("^T", r"^{\top}") + name[len(bare) :]


def _plain(text: str) -> str:
    return "".join(TEXT.get(character, character) for character in text)


def prose(text: str, plain: Callable[[str], str] = _plain) -> str:
    """A sentence in which what reads as mathematics is set as mathematics; `plain` sets the words."""
    words = text.split(" ")
    marked = [_is_math(word) for word in words]
    for place, word in enumerate(words):
        if word in OPERATORS:  # and what it stands between
            marked[max(0, place - 1) : place + 2] = [True] * len(marked[max(0, place - 1) : place + 2])
    pieces: list[tuple[bool, list[str]]] = []
    for word, math in zip(words, marked, strict=True):
        joined = bool(pieces) and math and pieces[-1][0] and (word in OPERATORS or pieces[-1][1][-1] in OPERATORS)
        if joined:
            pieces[-1][1].append(word)
        else:
            pieces.append((math, [word]))
    return " ".join(_formula_in(" ".join(part)) if math else plain(" ".join(part)) for math, part in pieces)


def _is_math(word: str) -> bool:
    """Whether a word is a formula: it has a sign that is one, or is a single letter that is no English word."""
    core = word.strip(OPENING + CLOSING)
    special = any(character in MATH and character != "*" for character in core) or re.search(
        r"[_^]|\w\*|''?$|^\d+[a-z]$", core
    )
    return bool(special) or (len(core) == 1 and core.isalpha() and core not in "aAI") or word in OPERATORS


def _formula_in(text: str) -> str:
    """A formula inside a sentence, with the sentence's punctuation outside."""
    end = len(text.rstrip(".,;:"))
    core, after = text[:end], text[end:]
    named = re.sub(rf"\b({'|'.join(NAMED)})\b", lambda found: f"\x00{found[0]}\x01", core)
    named = re.sub(r"\x00(diag|sgn)\x01", r"\\operatorname{\1}", named)
    named = re.sub(r"\x00(\w+)\x01", r"\\\1 ", named)
    named = re.sub(r"(?<![\\{\w])[A-Za-z]{3,}(?!\w)", lambda found: f"\\text{{{found[0]}}}", named)
    named = named.replace("%", r"\%")
    return f"${_with_scripts(named)}${after}"


def _with_scripts(text: str) -> str:
    """Every sign in LaTeX, and a run of lowered or raised signs as one index or exponent."""
    grouped = re.sub(r"\^([^\s({])", r"^{\1}", re.sub(r"\^\(([^()]*)\)", r"^{\1}", text))
    found = "".join(_spaced(MATH[sign]) if sign in MATH else sign for sign in grouped)
    while (joined := re.sub(r"([_^])\{([^{}]*)\}\1\{([^{}]*)\}", r"\1{\2\3}", found)) != found:
        found = joined
    return found.strip()


def _spaced(command: str) -> str:
    return f"{command} " if command[-1].isalpha() else command
