"""Write the report of an audit: all of it, or nothing."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from figures.audit import figure
from figures.audit_report.latex import tex
from figures.audit_report.page import page
from figures.output import save
from simulations.audit import Finding, document

Progress = Callable[[str, int, int], None]
PATIENCE = 300  # seconds for LaTeX


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
    if not (ready / "report.pdf").exists():
        (out / "report.pdf").unlink(missing_ok=True)  # of an earlier audit
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
