"""`evenflow train`: networks on modular arithmetic and sparse parity, rule beside rule."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenflow import __version__
from evenflow.commands.options import Json
from theory.checks import ArgumentError, number, whole

if TYPE_CHECKING:
    from simulations.networks.record import TrainingRun
    from simulations.networks.settings import Setting
    from simulations.networks.tuning import Tuned


def train(
    preset: Annotated[
        str,
        typer.Argument(
            help="modular-P-add or modular-P-multiply with P = 79, 97 or 127, parity-2, parity-3 or parity-4: the "
            "paper's; or modular-37-add, which takes a minute."
        ),
    ],
    rules: Annotated[
        str,
        typer.Option(
            help="Rules by id, adam, damped-natural, or controls for all controls; RULE@STEP sets its step size.",
            metavar="R,S,…",
        ),
    ] = "gd,egd",
    seeds: Annotated[str, typer.Option(help="Number of seeds, from 0 on.")] = "1",
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Change a value: step=0.3, epochs=2000, norm=equal, layers=all, …", metavar="KEY=VALUE"
        ),
    ] = None,
    stop_egd_at: Annotated[
        str | None, typer.Option(help="Validation accuracy from which a rule gives way to gd, 0 for never. [0]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Directory of the runs; one that has begun goes on. [train-PRESET]")
    ] = None,
    workers: Annotated[str | None, typer.Option(help="Runs at a time, a process each. [one for each core]")] = None,
    tune: Annotated[
        bool,
        typer.Option(
            "--tune",
            help="First choose each rule's step, from a grid, by the validation accuracy from two seeds that are not "
            "reported.",
        ),
    ] = False,
    with_theory: Annotated[
        bool, typer.Option("--predict", help="Add what linear theory says, at memorisation, of the epochs that remain.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a network by several rules from several seeds until the test accuracy has arrived."""
    from simulations.networks.campaign import campaign, prepared, run
    from simulations.networks.controls import expanded
    from simulations.networks.outlook import outlooks, remaining
    from simulations.networks.settings import preset as named
    from simulations.networks.standings import closed, documented, standings
    from simulations.networks.tuning import with_steps
    from simulations.threads import cores

    given = [*(changes or []), *([] if stop_egd_at is None else [f"stop_egd_at={stop_egd_at}"])]
    setting = named(preset).changed(given)
    target = Path(f"train-{preset}") if out is None else out
    chosen, many = expanded(rules.split(","), setting), whole("seeds", number("seeds", seeds))
    entries = campaign(setting, chosen, many, target)
    count = cores() if workers is None else whole("workers", number("workers", workers))
    from evenflow.standings_display import print_outlooks, print_standings, print_tuned
    from evenflow.training_display import TrainingReporter, print_runs

    with prepared(setting, target, __version__):
        steps = _tuned(setting, chosen, target / "tuning", count) if tune else []
        if steps:
            entries = campaign(setting, with_steps(chosen, steps, setting), many, target)
        with TrainingReporter(entries, setting.epochs) as reporter:
            runs = run(setting, entries, workers=count, progress=reporter)
    stand = standings(runs)
    outlook = outlooks([remaining(run) for run in runs]) if with_theory else []
    if as_json:
        found = document(preset, setting, runs, target) | documented(stand)
        found |= {"tuned": closed([asdict(one) for one in steps]), "outlook": [one.document() for one in outlook]}
        typer.echo(json.dumps(found, allow_nan=False))
    else:
        print_tuned(steps)
        print_runs(preset, setting, runs, target)
        print_standings(stand, setting.step)
        print_outlooks(outlook, setting.step)


def _tuned(setting: Setting, rules: Sequence[str], out: Path, workers: int) -> list[Tuned]:
    """The step size of each rule, from runs of their own."""
    from evenflow.training_display import TrainingReporter
    from simulations.networks.campaign import prepared, run
    from simulations.networks.tuning import to_the_end, tuned, tuning_runs, tuning_setting, undecided

    trial = tuning_setting(setting)
    entries = tuning_runs(trial, rules, out)
    if not entries:
        raise ArgumentError("tune", "find a rule without a step of its own", f"all have one: {','.join(rules)}")
    with prepared(trial, out, __version__), TrainingReporter(entries, trial.epochs) as reporter:
        runs = run(trial, entries, workers=workers, progress=reporter)
    open_still = [entry for entry, one in zip(entries, runs, strict=True) if undecided(one)]
    if open_still:
        with TrainingReporter(open_still, trial.epochs) as reporter:
            run(to_the_end(trial), open_still, workers=workers, progress=reporter)
        runs = run(trial, entries)  # only read: all are over
    return tuned(runs)


def document(preset: str, setting: Setting, runs: Sequence[TrainingRun], out: Path) -> dict[str, Any]:
    """What was run and how it ended, as one JSON document."""
    return {
        "version": __version__,
        "preset": preset,
        "out": str(out),
        "parameters": setting.document(),
        "seen": setting.task.seen,
        "runs": [run.document() for run in runs],
    }
