"""What the command line shows on a terminal: the table of `compare`, and the progress of a long run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from theory.checks import apart

if TYPE_CHECKING:
    from simulations.audit import Finding
    from simulations.cause import Cause
    from simulations.comparison import Comparison
    from simulations.design import Design

PATIENCE = 1.0  # seconds before a bar appears
BETWEEN = 3  # characters, two columns of a table
FEW = 6  # directions shown in full
EDGE = 4  # of many directions, shown at either end


class Reporter:
    """A progress bar on standard error, shown once a run takes more than a second."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self.task = self.progress.add_task("", total=None)
        self.label, self.since, self.shown = "", time.monotonic(), False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown:
            self.progress.stop()

    def __call__(self, label: str, done: int, total: int) -> None:
        """Say how far the run called `label` is."""
        if label != self.label:
            self.label, self.since = label, time.monotonic()
        if not self.shown and time.monotonic() - self.since > PATIENCE:
            self.progress.start()
            self.shown = True
        if self.shown:
            self.progress.update(self.task, description=label, completed=done, total=total)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for whatever takes a `progress`, such as `ensemble`; shown on a terminal after a second.

    Parameters
    ----------
    label
        What is under way, in a word or two.
    """
    with Reporter() as reporter:
        yield lambda done, total: reporter(label, done, total)


def print_table(table: Table) -> None:
    """Print a table whose numbers and names stay whole: on too narrow a terminal its lines run on."""
    least = 1
    for column in table.columns:
        texts = [str(cell) for cell in (column.header, *column.cells)]
        column.no_wrap = column.justify == "right" or not any(" " in text for text in texts[1:])
        least += BETWEEN + max(map(cell_len, texts if column.no_wrap else " ".join(texts).split()))
    console = Console(markup=False, emoji=False)
    Console(markup=False, emoji=False, width=max(console.width, least)).print(table)


def print_comparison(comparison: Comparison, out: Path | None) -> None:
    """Print the plateaus, the arrivals and what is worth saying about the run."""
    console = Console(markup=False, emoji=False)
    runs = [run.document(comparison.directions) for run in comparison.runs]
    texts = {name: _short(value) for name, value in comparison.parameters.items()} | {"step": _step(comparison, runs)}
    values = ", ".join(f"{name} = {text}" for name, text in texts.items())
    console.print(f"{comparison.model.name}: {values}", soft_wrap=True, highlight=False)
    print_table(_plateau_table(runs))
    for view in dict.fromkeys(run["view"] for run in runs if comparison.directions.learns.any()):
        print_table(_arrival_table([run for run in runs if run["view"] == view], view))
    for line in _remarks(comparison, runs):
        console.print(line, soft_wrap=True, highlight=False)
    if out is not None:
        console.print(f"Written to {out}.", soft_wrap=True, highlight=False)


def print_cause(found: Cause) -> None:
    """Print the plateau under each control, and what of it is scale and what asymmetry."""
    console = Console(markup=False, emoji=False)
    table = Table(title="Where the plateau ends under each rule", title_justify="left")
    table.add_column("rule")
    for name in ("flow time", "length of path", f"steps of {found.step:g}"):
        table.add_column(name, justify="right")
    for name, steps in found.steps.items():
        table.add_row(name, _number(found.times.get(name)), _number(found.lengths.get(name)), _number(steps))
    print_table(table)
    console.print(
        f"Gradient descent at its best step size, {found.best_step[0]:.6g}: {_count(found.best_step[1], 'step')}."
    )
    for view, parts in (("flow", found.flow), ("descent", found.descent)):
        if parts is None:
            console.print(f"{view}: there is no plateau to split, from the start on and with an end.")
        else:
            console.print(f"{view}: scale ×{parts.scale:.4g}, asymmetry ×{parts.asymmetry:.4g}.", highlight=False)
    console.print(found.verdict, soft_wrap=True)


def print_design(found: Design) -> None:
    """Print the spectrum that was found, and what was wanted, predicted and measured."""
    console = Console(markup=False, emoji=False)
    console.print(f"{found.model.name} with {found.unknown} = {found.value:.12g}", highlight=False)
    values = ", ".join(f"{value:.6g}" for value in found.model.eigen[0])
    console.print(f"curvatures {values}", soft_wrap=True, highlight=False)
    meant = found.rule if found.over is None else f"{found.rule} over {found.over}"
    how = f"in steps of {_number(found.step)}" if found.view == "descent" else "as a flow"
    start = f", from {', '.join(map(_number, found.start[0]))}" if len(found.start) == 1 else ""
    console.print(f"{meant} {how}{start}", soft_wrap=True, highlight=False)
    numbers = ", ".join(f"{name} {_number(getattr(found, name))}" for name in ("wanted", "predicted", "measured"))
    console.print(f"{numbers} ({found.unit})", soft_wrap=True, highlight=False)


def print_audit(findings: Sequence[Finding]) -> None:
    """Print each claim with its verdict, and how many trials it rests on."""
    from figures.formulas.plain import plain

    table = Table(title="The paper's claims", title_justify="left", show_lines=True)
    for name in ("id", "verdict", "what is claimed, and what holds instead"):
        table.add_column(name)
    table.add_column("trials", justify="right")
    for finding in findings:
        text = plain(finding.claim.statement)
        if finding.verdict == "undetermined":
            text += f"\n(not defined: {', '.join(finding.claim.undefined)})"
        if finding.instead:
            text += f"\n→ {plain(finding.instead)}"
        against = sum(not trial.stands for trial in finding.trials)
        count = f"{len(finding.trials)}, {against} against" if against else str(len(finding.trials))
        table.add_row(finding.claim.id, finding.verdict, text, count)
    print_table(table)


def _plateau_table(runs: list[dict[str, Any]]) -> Table:
    table = Table(title=f"Plateau: {runs[0]['plateau']['definition']}", title_justify="left")
    for name in ("rule", "view"):
        table.add_column(name)
    for name in ("predicted", "measured"):
        table.add_column(name, justify="right")
    for name in ("unit", "kind", "run ended because"):
        table.add_column(name)
    for run in runs:
        plateau = run["plateau"]
        cells = (_number(plateau["predicted"]), _number(plateau["measured"]))
        table.add_row(run["rule"], run["view"], *cells, plateau["unit"], plateau["kind"] or "–", run["stop_reason"])
    return table


def _arrival_table(runs: list[dict[str, Any]], view: str) -> Table:
    unit = "time" if view == "flow" else "steps"
    table = Table(
        title=f"Arrival of each direction, {view} ({unit}): predicted | measured, or = both", title_justify="left"
    )
    table.add_column("direction", justify="right")
    table.add_column("singular value", justify="right")
    for run in runs:
        table.add_column(run["rule"], justify="right")
    directions = runs[0]["directions"]
    learning = [i for i, direction in enumerate(directions) if direction["learns"]]
    shown = learning if len(learning) <= FEW + 2 * EDGE else [*learning[:EDGE], None, *learning[-EDGE:]]
    for index in shown:
        if index is None:
            table.add_row("…", f"{len(learning) - 2 * EDGE} more", *["…"] * len(runs))
            continue
        arrivals = [run["directions"][index]["arrival"] for run in runs]
        cells = [_pair(_number(a["predicted"]), _number(a["measured"])) for a in arrivals]
        table.add_row(str(index + 1), f"{directions[index]['singular_value']:.4g}", *cells)
    return table


def _pair(predicted: str, measured: str) -> str:
    return f"= {measured}" if predicted == measured != "–" else f"{predicted} | {measured}"


def _remarks(comparison: Comparison, runs: list[dict[str, Any]]) -> list[str]:
    from simulations.sensitivity import warnings
    from theory.models.factorized import Factorized
    from theory.plateaus import ARRIVAL_SPREAD

    lines = []
    resting = [i + 1 for i, learns in enumerate(comparison.directions.learns) if not learns]
    if resting:
        names = comparison.model.resting_inputs() if hasattr(comparison.model, "resting_inputs") else []
        inputs = f" (inputs that are always zero: {', '.join(names)})" if names else ""
        layered = isinstance(comparison.model, Factorized)
        why = "from their start no flow reaches the target" if layered else "their singular value is zero"
        lines.append(
            f"{len(resting)} of {len(comparison.directions.learns)} directions never learn, {why}: "
            f"{', '.join(map(str, resting))}{inputs}."
        )
    waited = comparison.directions.learns & (comparison.directions.amplitudes > 0)
    if runs[0]["plateau"]["definition"] == ARRIVAL_SPREAD and waited.sum() == 1:
        lines.append("One direction alone is waited for: there is no fastest and slowest to tell apart.")
    limits = {run["rule"]: run["largest_stable_step"] for run in runs if run["largest_stable_step"] is not None}
    if limits:
        step = comparison.parameters["step"]
        told = (f"{rule} {apart(limit, step)[0]}" for rule, limit in limits.items())
        lines.append(f"Largest stable step: {', '.join(told)}.")
    if not comparison.directions.aligned and comparison.model.shape[0] > 1:
        lines.append(
            "Start and covariance do not share singular directions: only rules that keep to gradient descent's "
            "path have predicted arrivals here."
        )
    return [*lines, *warnings(comparison)]


def _step(comparison: Comparison, runs: list[dict[str, Any]]) -> str:
    """The step size, in as many digits as tell it apart from every largest stable one."""
    step, limits = comparison.parameters["step"], (run["largest_stable_step"] for run in runs)
    return max((apart(step, limit)[0] for limit in limits if limit is not None), key=len, default=_short(step))


def _count(value: float, word: str) -> str:
    return f"{_number(value)} {word}{'' if value == 1 else 's'}"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    if math.isinf(value):
        return "∞"
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        shown = [_short(item) for item in value]
        return ", ".join(shown) if len(shown) <= FEW else f"{', '.join(shown[:3])}, … ({len(shown)} values)"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
