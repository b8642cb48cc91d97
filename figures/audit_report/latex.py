"""The audit as a LaTeX document."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from figures.audit_report.words import COLUMNS, HEADINGS, LEAD, TITLE, against, heading, number
from figures.formulas.latex import escaped, latex
from simulations.audit import Finding, counts
from theory.derivation import Step

ASCII = {ord("–"): "--", ord("−"): "$-$"}
PREAMBLE = r"""\documentclass[a4paper,10pt]{article}
\usepackage[utf8]{inputenc}
\usepackage{amsmath,amssymb,graphicx,longtable,array}
\usepackage[margin=1.9cm]{geometry}
\usepackage[hidelinks]{hyperref}
\setlength{\parindent}{0pt}\setlength{\parskip}{4pt}\emergencystretch=3em
"""


def tex(findings: Sequence[Finding], version: str, pictured: Sequence[str] = ()) -> str:
    """The report as a LaTeX document, which looks for its figures in figures/."""
    rows = "\n".join(
        rf"\hyperref[{finding.claim.id}]{{{finding.claim.id}}} & {finding.verdict} & {len(finding.trials)} & "
        rf"{sum(not trial.stands for trial in finding.trials)} \\"
        for finding in findings
    )
    sections = "\n".join(_tex_section(finding, finding.claim.id in pictured) for finding in findings)
    return rf"""{PREAMBLE}
\title{{{escaped(TITLE)}}}
\date{{evenflow {escaped(version)}}}
\begin{{document}}
\maketitle
{escaped(LEAD)}

{counts(findings)}.

\begin{{longtable}}{{llrr}}
claim & verdict & trials & against \\ \hline\noalign{{\smallskip}}\endhead
{rows}
\end{{longtable}}
{sections}
\end{{document}}
"""


def _tex_section(finding: Finding, pictured: bool) -> str:
    claim = finding.claim
    parts = [
        rf"\section*{{{claim.id}: {finding.verdict}}}\label{{{claim.id}}}",
        rf"{{\small {escaped(claim.source)}}}",
        latex(claim.statement),
    ]
    if claim.undefined:
        parts.append(f"Not defined: {escaped(', '.join(claim.undefined))}.")
    if finding.instead:
        parts.append(rf"\textbf{{{heading(finding)}:}} {latex(finding.instead)}")
    assumed = f" Assumed: {escaped(claim.assumptions)}." if claim.assumptions else ""
    parts.append(rf"{{\small Domain: {escaped(claim.domain)}.{assumed}}}")
    if pictured:
        parts.append(rf"\includegraphics{{figures/{claim.id}.pdf}}")
    parts.append(_tex_evidence(finding))
    parts += [
        rf"{{\small\textbf{{{escaped(step.name)}}} ({'checked' if step.holds else 'NOT CONFIRMED'}): "
        rf"{escaped(step.reason)}"
        rf"\[ {_tex_formula(step)} \]}}"
        for step in claim.proofs
    ]
    return "\n\n".join(parts)


def _tex_formula(step: Step) -> str:
    """The equation of a step; letters in the names of its symbols may be any."""
    return escaped(sp.latex(step.equation), formula=True)


def _tex_evidence(finding: Finding) -> str:
    rows = []
    for trial in finding.evidence:
        numbers = trial.document()
        cells = " & ".join(number(numbers[name], name).translate(ASCII) for name in COLUMNS)
        mark = "" if trial.stands else r"$\ast$ "
        rows.append(rf"{mark}{escaped(trial.where)} & {cells} \\")
    body = "\n".join(rows)
    return (
        rf"{{\small Trials: {against(finding)}; shown are {len(rows)}, those against it with a star.}}"
        "\n\n"
        rf"{{\footnotesize\begin{{longtable}}{{>{{\raggedright\arraybackslash}}p{{6.5cm}}rrrr}}"
        "\n"
        rf"where & {' & '.join(HEADINGS)} \\ \hline\noalign{{\smallskip}}\endhead"
        f"\n{body}\n"
        r"\end{longtable}}"
    )
