"""What the HTML page and the LaTeX document of an audit both say."""

from __future__ import annotations

from simulations.audit import Finding

COLUMNS = ("claimed", "predicted", "measured", "tolerance")
HEADINGS = ("claimed", "derived", "measured", "tolerance")
TITLE = "The paper's claims, tried"
LEAD = (
    "Each statement of arXiv:2510.04930 was put to numbers: claimed is what it says as printed, derived what this "
    "program derives in its place, measured what iteration, integration, quadrature or sampling gives. A statement "
    "holds if every trial stands and every identity is confirmed; it is corrected if what is derived in its place "
    "stands in every trial; it fails otherwise; it is undetermined where a symbol is not defined."
)


def number(value: float | None, column: str) -> str:
    """A number of a trial in this column, with six digits, or two of a tolerance; a dash where there is none."""
    return "–" if value is None else f"{value:.{2 if column == 'tolerance' else 6}g}".replace("-", "−")


def heading(finding: Finding) -> str:
    """What stands before the statement that is put in a claim's place."""
    return "Instead" if finding.verdict == "corrected" else "The nearest precise question, answered"


def against(finding: Finding) -> str:
    """How many trials there are, and how many of them are against the claim."""
    count = sum(not trial.stands for trial in finding.trials)
    return f"{len(finding.trials):,}, of which {count:,} against" if count else f"{len(finding.trials):,}"
