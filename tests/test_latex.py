"""Every chain is a LaTeX document that compiles as it is printed, in which no equation is wider than the page."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from evenflow.commands.derive import VIEWS, chain_of
from evenflow.commands.options import MODELS
from theory import (
    cycles,
    discretisation,
    early_stopping,
    folded_noise,
    natural_steps,
    noise,
    settling,
    simplicity,
    smoothing,
    weak_signals,
)
from theory.derivation import Derivation
from theory.latex import document, prose, section
from theory.rule_ids import rule

FAMILY = ("gd", "egd", "ngd", "power:0.5", "power:1.5", "newton")
COMPILER = "pdflatex"


def chains(model: str) -> list[Derivation]:
    """All chains of one model, or those that belong to none."""
    if model in MODELS:
        return [chain_of(model, rule(name), view, None) for name in FAMILY for view in VIEWS]
    found = [noise.derive(), folded_noise.derive(), smoothing.derive(), cycles.polar_cycle()]
    found += [discretisation.stability(rule(name)) for name in ("momentum:0.9", "grokfast")]
    found += [early_stopping.stopping(rule(name)) for name in ("gd", "egd", "ngd")]
    found += [simplicity.order_of_learning(rule(name)) for name in ("gd", "egd")]
    found += [weak_signals.weak_signal(), natural_steps.natural_steps(), settling.settling()]
    return [*found, cycles.cycle(rule("damped:0.1"))]


@pytest.mark.parametrize("model", [*MODELS, "none"])
def test_no_sign_is_left_that_latex_does_not_know(model):
    for chain in chains(model):
        assert {sign for sign in section(chain) if not sign.isascii()} == set(), (chain.rule, chain.view)


@pytest.mark.parametrize("model", [*MODELS, "none"])
def test_all_chains_compile(model, tmp_path):
    compiler = shutil.which(COMPILER)
    if compiler is None:
        assert not os.environ.get("CI"), f"{COMPILER} is not installed, and CI must compile the chains"
        pytest.skip(f"{COMPILER} is not installed")
    log = compile_document(compiler, document(*chains(model)), tmp_path)
    assert (tmp_path / "chains.pdf").stat().st_size > 0
    assert "Overfull" not in log and "LaTeX Warning" not in log
    if model in MODELS:  # one matrix of the minibatch chain is scaled
        assert "Scaled equation." not in log


def test_an_equation_that_is_too_wide_is_scaled(tmp_path):
    compiler = shutil.which(COMPILER)
    if compiler is None:
        pytest.skip(f"{COMPILER} is not installed")
    wide = document().replace("\\end{document}", "\\[ \\fitted{" + "+ x" * 200 + "} \\]\n\\end{document}")
    log = compile_document(compiler, wide, tmp_path)
    assert log.count("Scaled equation.") == 1 and "Overfull" not in log


def compile_document(compiler: str, text: str, place: Path) -> str:
    (place / "chains.tex").write_text(text, encoding="ascii")
    line = [compiler, "-halt-on-error", "-interaction=nonstopmode", "chains.tex"]
    done = subprocess.run(line, cwd=place, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]
    return (place / "chains.log").read_text(errors="replace")


PROSE = {
    "Differentiate; Σ is symmetric.": r"Differentiate; $\Sigma$ is symmetric.",
    "With a the product of 2 layers": "With a the product of 2 layers",
    "Then a = w^L, and 100 % is": r"Then $a = w^{L}$, and 100 \% is",
    "the time to |eᵢ| = q|e₀|.": r"the time to $|e_{i}| = q|e_{0}|$.",
    "vᵢᵀ and e₁² with (Σ + λI)⁻¹:": r"$v_{i}^{\top}$ and $e_{1}^{2}$ with $(\Sigma  + \lambda I)^{-1}$:",
    "W_{l+1} diag(w_l) R_lᵀ": r"$W_{l+1}$ $\operatorname{diag}(w_l)$ $R_l^{\top}$",
    "a step changes log b, and e'' ends": "a step changes log $b$, and $e''$ ends",
    "to c = −v log(v/v₀)/2": r"to $c = -v$ $\log (v/v_{0})/2$",
    "sqrt of Λ^(−½), one of Newton's": r"sqrt of $\Lambda ^{-\tfrac12}$, one of Newton's",
}


@pytest.mark.parametrize("sentence", PROSE)
def test_what_reads_as_mathematics_is_set_as_mathematics(sentence):
    assert prose(sentence) == PROSE[sentence]
