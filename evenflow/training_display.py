"""What `evenflow train` shows: a bar with accuracies for each run under way, and the table at the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from evenflow.display import PATIENCE, print_table

if TYPE_CHECKING:
    from simulations.networks.campaign import Entry, Report
    from simulations.networks.record import TrainingRun
    from simulations.networks.settings import Setting

NOTED = 0.01  # share of test inputs that are trained on too, above which it is told


class TrainingReporter:
    """A bar on standard error for each run under way, shown once they take more than a second."""

    def __init__(self, entries: Sequence[Entry], epochs: int) -> None:
        console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self.entries, self.epochs = entries, epochs
        self.tasks: dict[int, TaskID] = {}
        self.over, self.since, self.shown = 0, time.monotonic(), False
        self.total = self.progress.add_task("runs", total=len(entries), text=f"0 of {len(entries)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown:
            self.progress.stop()

    def __call__(self, report: Report) -> None:
        """Say how far a run is."""
        if not self.shown and time.monotonic() - self.since > PATIENCE:
            self.progress.start()
            self.shown = True
        if report.index not in self.tasks:
            entry = self.entries[report.index]
            label = f"{entry.contender.name}, seed {entry.seed}"
            self.tasks[report.index] = self.progress.add_task(label, total=self.epochs, text="")
        text = f"epoch {report.epoch}: train {report.train_accuracy:6.1%}, test {report.test_accuracy:6.1%}"
        self.progress.update(self.tasks[report.index], completed=report.epoch, text=text, visible=not report.done)
        if report.done:
            self.over += 1
            text = f"{self.over} of {len(self.entries)}"
            self.progress.update(self.total, completed=self.over, text=text)


def print_runs(preset: str, setting: Setting, runs: Sequence[TrainingRun], out: Path) -> None:
    """Print the epochs that each rule took from each seed."""
    console = Console(markup=False, emoji=False)
    values = ", ".join(f"{name} {value}" for name, value in setting.document().items())
    console.print(f"{preset}: {values}", soft_wrap=True, highlight=False)
    if setting.task.seen > NOTED:
        percent = float(f"{100 * setting.task.seen:.2g}")  # two digits, and 100 without an exponent
        share = f"Of the test inputs {percent:g} % are expected among the training inputs too"
        console.print(f"{share}: there are 2^{setting.task.features} of them.", soft_wrap=True, highlight=False)
    console.print(f"Epochs to {100 * setting.arrival:g} % test accuracy:", highlight=False)
    print_table(_table(runs, setting))
    for run in runs:
        if run.stop_reason.startswith("diverged"):
            console.print(
                f"{label(run, setting)}, seed {run.seed}: {run.stop_reason}.", soft_wrap=True, highlight=False
            )
    if any(run.censored for run in runs):
        console.print("> censored: the run ended before it arrived.", highlight=False)
    console.print(f"Written to {out}.", soft_wrap=True, highlight=False)


def label(run: TrainingRun, setting: Setting) -> str:
    """The rule, with its step size where that is not the setting's."""
    return run.rule if run.step == setting.step else f"{run.rule}@{run.step:g}"


def _table(runs: Sequence[TrainingRun], setting: Setting) -> Table:
    table, seeds = Table(), sorted({run.seed for run in runs})
    table.add_column("rule")
    for seed in seeds:
        table.add_column(f"seed {seed}", justify="right")
    for name in dict.fromkeys(label(run, setting) for run in runs):
        mine = [run for run in runs if label(run, setting) == name]
        table.add_row(name, *(epochs(run) for run in mine))
    return table


def epochs(run: TrainingRun) -> str:
    """Epochs to arrival, or > those gone through without it; one that diverged has no number."""
    if run.arrival is None and run.stop_reason.startswith("diverged"):
        return "diverged"
    return f"> {run.epochs}" if run.arrival is None else str(run.arrival)
