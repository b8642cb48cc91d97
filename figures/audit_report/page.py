"""The audit as one HTML page that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Sequence

import sympy as sp

from figures.audit_report.words import COLUMNS, HEADINGS, LEAD, TITLE, against, heading, number
from figures.formulas.mathml import mathml
from simulations.audit import Finding, counts
from theory.derivation import Step

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
        parts.append(f'<p class="instead"><b>{heading(finding)}:</b> {mathml(finding.instead)}</p>')
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
        cells = "".join(f'<td class="n">{number(numbers[name], name)}</td>' for name in COLUMNS)
        mark = "" if trial.stands else ' class="against"'
        rows.append(f"<tr{mark}><td>{html.escape(trial.where)}</td>{cells}</tr>")
    return (
        f'<p class="small">Trials: {against(finding)}. Shown: {len(rows)}, those against it shaded.</p>'
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
