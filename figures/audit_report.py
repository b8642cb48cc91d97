"""The audit as a report: one HTML page that needs nothing else, LaTeX, JSON, and a figure for what does not hold."""

from __future__ import annotations

import base64
import html
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import sympy as sp
from matplotlib.figure import Figure

from figures.audit import figure
from figures.formulas.latex import escaped, latex
from figures.formulas.mathml import mathml
from figures.output import save
from simulations.audit import Finding, counts, document
from theory.derivation import Step

Progress = Callable[[str, int, int], None]
COLUMNS = ("claimed", "predicted", "measured", "tolerance")
HEADINGS = ("claimed", "derived", "measured", "tolerance")
ASCII = {ord("–"): "--", ord("−"): "$-$"}
PATIENCE = 300  # seconds for LaTeX
TITLE = "The paper's claims, tried"
LEAD = (
    "Each statement of arXiv:2510.04930 was put to numbers: claimed is what it says as printed, derived what this "
    "program derives in its place, measured what iteration, integration, quadrature or sampling gives. A statement "
    "holds if every trial stands and every identity is confirmed; it is corrected if what is derived in its place "
    "stands in every trial; it fails otherwise; it is undetermined where a symbol is not defined."
)


def write(findings: Sequence[Finding], directory: str | Path, version: str, progress: Progress | None = None) -> str:
    """Write report.html, report.tex, audit.json and the figures; report.pdf where pdflatex makes it.

    All is written beside its place first, so that what breaks off leaves no part of a report: a new directory is put
    in its place at once, and of one that is there already report.html is replaced last.

    Parameters
    ----------
    findings
        What is reported.
    directory
        Where; made if it is not there. Other files in it stay.
    version
        Of this program.
    progress
        Called with what is at work, parts done and parts in all.

    Returns
    -------
    str
        Why there is no report.pdf; empty if there is one.
    """
    out = Path(directory)
    nearest = next(path for path in (out, *out.absolute().parents) if path.is_dir())
    aside = Path(tempfile.mkdtemp(prefix=".evenflow-", dir=nearest))
    try:
        missing = _write(findings, aside / "report", version, progress or (lambda label, done, total: None))
        _place(aside / "report", out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return missing


def _place(ready: Path, out: Path) -> None:
    """Put a directory where it belongs."""
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        ready.replace(out)
        return
    (out / "figures").mkdir(exist_ok=True)
    for path in sorted(ready.rglob("*.*"), key=lambda path: path.name == "report.html"):
        path.replace(out / path.relative_to(ready))


def _write(findings: Sequence[Finding], folder: Path, version: str, progress: Progress) -> str:
    (folder / "figures").mkdir(parents=True)
    pictures: dict[str, str] = {}
    for done, finding in enumerate(findings):
        progress("figures", done, len(findings))
        if finding.verdict != "holds" and any(not trial.stands for trial in finding.trials):
            pictures[finding.claim.id] = _pictured(figure(finding), folder / "figures", finding.claim.id)
    (folder / "audit.json").write_text(json.dumps(document(findings, version), allow_nan=False, indent=1) + "\n")
    (folder / "report.html").write_text(page(findings, version, pictures), encoding="utf-8")
    (folder / "report.tex").write_text(tex(findings, version, tuple(pictures)), encoding="utf-8")
    progress("report.pdf", 0, 1)
    return _typeset(folder)


def _pictured(drawn: Figure, folder: Path, name: str) -> str:
    """Write a figure as PDF and PNG; the address of an image that holds it."""
    *_, vector, _ = save(drawn, folder, name)
    content = vector.read_bytes()
    vector.unlink()
    return "data:image/svg+xml;base64," + base64.b64encode(content).decode()


def _typeset(folder: Path) -> str:
    """Run pdflatex twice, for the references, and leave the PDF only; what went wrong, if anything."""
    program = shutil.which("pdflatex")
    if program is None:
        return "pdflatex is not installed"
    # no dates in the file
    settings = {**os.environ, "SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1"}
    command = [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "report.tex"]
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        shutil.copy(folder / "report.tex", work)
        (Path(work) / "figures").symlink_to((folder / "figures").resolve())
        for _ in range(2):
            try:
                run = subprocess.run(
                    command, cwd=work, env=settings, capture_output=True, timeout=PATIENCE, check=False
                )
            except subprocess.TimeoutExpired:
                return f"pdflatex took more than {PATIENCE} seconds"
            if run.returncode:
                said = [line for line in run.stdout.decode(errors="replace").splitlines() if line.startswith("!")]
                return f"pdflatex says {' '.join(said[:1]) or 'nothing'}"
        shutil.move(Path(work) / "report.pdf", folder / "report.pdf")
    return ""


# What both have ------------------------------------------------------------------------------------------------------


def _number(value: float | None, column: str) -> str:
    return "–" if value is None else f"{value:.{2 if column == 'tolerance' else 6}g}".replace("-", "−")


def _heading(finding: Finding) -> str:
    return "Instead" if finding.verdict == "corrected" else "The nearest precise question, answered"


def _against(finding: Finding) -> str:
    against = sum(not trial.stands for trial in finding.trials)
    return f"{len(finding.trials):,}, of which {against:,} against" if against else f"{len(finding.trials):,}"


# HTML ----------------------------------------------------------------------------------------------------------------

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#222;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin:2.6rem 0 .4rem;border-top:1px solid #ddd;padding-top:1rem}
math{font-size:1.08em}table{border-collapse:collapse;margin:.8rem 0;font-size:.9rem}
.wide{overflow-x:auto}th{text-align:left;font-weight:600;border-bottom:1px solid #999}
td,th{padding:.2rem .7rem .2rem 0;vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
tr.against td{background:#fbeee5}.source,figcaption,.small{color:#666;font-size:.9rem}
.verdict{font-weight:600}.holds{color:#2f6ba6}.corrected{color:#a65a1d}.fails{color:#a8323f}.undetermined{color:#666}
.instead{border-left:3px solid #e07b39;padding-left:.8rem}figure{margin:1rem 0}figure img{max-width:100%;zoom:1.25}
a{color:inherit}
"""


def page(findings: Sequence[Finding], version: str, pictures: dict[str, str] | None = None) -> str:
    """The report as one HTML page, with the addresses of its figures by claim."""
    rows = "\n".join(
        f'<tr><td><a href="#{finding.claim.id}">{finding.claim.id}</a></td><td>{_verdict(finding)}</td>'
        f'<td class="n">{len(finding.trials):,}</td>'
        f'<td class="n">{sum(not trial.stands for trial in finding.trials):,}</td></tr>'
        for finding in findings
    )
    sections = "\n".join(_section(finding, (pictures or {}).get(finding.claim.id)) for finding in findings)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{html.escape(TITLE)}</title><style>{STYLE}</style></head><body>
<h1>{html.escape(TITLE)}</h1>
<p>{html.escape(LEAD, quote=False)}</p>
<p class="small">{counts(findings)}. evenflow {html.escape(version)}; the same seed gives the same numbers.</p>
<table><thead><tr><th>claim</th><th>verdict</th><th class="n">trials</th><th class="n">against</th></tr></thead>
<tbody>
{rows}
</tbody></table>
{sections}
</body></html>
"""


def _verdict(finding: Finding) -> str:
    return f'<span class="verdict {finding.verdict}">{finding.verdict}</span>'


def _section(finding: Finding, picture: str | None) -> str:
    claim = finding.claim
    parts = [
        f'<h2 id="{claim.id}">{claim.id}: {_verdict(finding)}</h2>',
        f'<p class="source">{html.escape(claim.source)}</p>',
        f"<p>{mathml(claim.statement)}</p>",
    ]
    if claim.undefined:
        parts.append(f"<p>Not defined: {html.escape(', '.join(claim.undefined))}.</p>")
    if finding.instead:
        parts.append(f'<p class="instead"><b>{_heading(finding)}:</b> {mathml(finding.instead)}</p>')
    parts.append(f'<p class="small">Domain: {html.escape(claim.domain)}.{_assumed(claim.assumptions)}</p>')
    if picture:
        parts.append(
            f'<figure><img alt="Claimed, derived and measured values of {claim.id}" src="{picture}"/>'
            f"<figcaption>Claimed, derived and measured.</figcaption></figure>"
        )
    parts += [_evidence(finding), _proofs(claim.proofs)]
    return "\n".join(part for part in parts if part)


def _assumed(words: str) -> str:
    return f" Assumed: {html.escape(words)}." if words else ""


def _evidence(finding: Finding) -> str:
    heads = "".join(f'<th class="n">{name}</th>' for name in HEADINGS)
    rows = []
    for trial in finding.evidence:
        numbers = trial.document()
        cells = "".join(f'<td class="n">{_number(numbers[name], name)}</td>' for name in COLUMNS)
        mark = "" if trial.stands else ' class="against"'
        rows.append(f"<tr{mark}><td>{html.escape(trial.where)}</td>{cells}</tr>")
    return (
        f'<p class="small">Trials: {_against(finding)}. Shown: {len(rows)}, those against it shaded.</p>'
        f'<div class="wide"><table><thead><tr><th>where</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _proofs(proofs: Sequence[Step]) -> str:
    items = "".join(
        f"<li><b>{html.escape(step.name)}</b> ({'checked' if step.holds else 'NOT CONFIRMED'}): "
        f"{mathml(f'${sp.latex(step.equation)}$')}<br/>{html.escape(step.reason)}</li>"
        for step in proofs
    )
    return f"<details><summary>Identities, by SymPy</summary><ul>{items}</ul></details>" if items else ""


# LaTeX ---------------------------------------------------------------------------------------------------------------

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
        parts.append(rf"\textbf{{{_heading(finding)}:}} {latex(finding.instead)}")
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
        cells = " & ".join(_number(numbers[name], name).translate(ASCII) for name in COLUMNS)
        mark = "" if trial.stands else r"$\ast$ "
        rows.append(rf"{mark}{escaped(trial.where)} & {cells} \\")
    body = "\n".join(rows)
    return (
        rf"{{\small Trials: {_against(finding)}; shown are {len(rows)}, those against it with a star.}}"
        "\n\n"
        rf"{{\footnotesize\begin{{longtable}}{{>{{\raggedright\arraybackslash}}p{{6.5cm}}rrrr}}"
        "\n"
        rf"where & {' & '.join(HEADINGS)} \\ \hline\noalign{{\smallskip}}\endhead"
        f"\n{body}\n"
        r"\end{longtable}}"
    )
