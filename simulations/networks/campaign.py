"""Several rules from several seeds, one file for each run, in one or more processes, resumed where they stopped."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from simulations.networks.contenders import Contender, contender
from simulations.networks.record import TrainingRun
from simulations.networks.settings import Setting
from simulations.networks.training import train
from simulations.threads import cores
from theory.checks import ArgumentError, whole

PARAMETERS = "parameters.json"
MOST_SEEDS = 1_000  # those from there on are for choosing step sizes
THREADS = 4  # of one run: with more the evaluation of all examples gains little
BETWEEN = 0.2  # seconds between two reports of a run


@dataclass(frozen=True)
class Entry:
    """One run of a campaign, and the file that it is kept in."""

    contender: Contender
    seed: int
    path: Path


@dataclass(frozen=True)
class Report:
    """How far a run is.

    Parameters
    ----------
    index
        Its number among the entries.
    epoch
        Epochs gone through.
    train_accuracy, test_accuracy
        After that epoch.
    done
        Whether it is over.
    """

    index: int
    epoch: int
    train_accuracy: float
    test_accuracy: float
    done: bool = False


Progress = Callable[[Report], None]


def campaign(setting: Setting, rules: Sequence[str], seeds: int, out: Path) -> tuple[Entry, ...]:
    """The runs of some rules from the seeds 0, 1, …, seed by seed; a rule that is named twice runs once.

    Raises
    ------
    ArgumentError
        If a rule is not known, or `seeds` is not a whole number from 1 to 1000.
    """
    if whole("seeds", seeds) > MOST_SEEDS:
        raise ArgumentError("seeds", f"be at most {MOST_SEEDS}", f"is {seeds}")
    found = dict.fromkeys(contender(name.strip(), setting) for name in rules)
    return tuple(
        Entry(who, seed, out / (re.sub(r"[^\w.@=-]", "-", who.name) + f"-seed{seed}.npz"))
        for seed in range(seeds)
        for who in found
    )


def prepare(setting: Setting, out: Path, version: str) -> None:
    """Make the directory with its parameters, or accept one of the same setting and version.

    Raises
    ------
    ArgumentError
        If the directory cannot be written, or holds something else.
    """
    mine = {"version": version, "setting": setting.identity()}
    path = out / PARAMETERS
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not path.exists() and any(out.iterdir()):
            raise ArgumentError("out", "name a new directory, or one of this setting", f"{out} holds something else")
        if path.exists():
            _accept(path, mine)
        beside = out / f".{PARAMETERS}.{os.getpid()}"
        beside.write_text(json.dumps(mine, indent=1) + "\n")
        os.replace(beside, path)
    except OSError as error:
        raise ArgumentError("out", "be a directory that can be written", f"is {out} ({error.strerror})") from None


@contextlib.contextmanager
def prepared(setting: Setting, out: Path, version: str) -> Iterator[None]:
    """The directory as `prepare` makes it, for as long as runs go on; if none comes of it, it is gone again.

    Raises
    ------
    ArgumentError
        As `prepare`.
    """
    missing = [path for path in (out, *out.parents) if not path.exists()]
    prepare(setting, out, version)
    try:
        yield
    finally:
        if missing and not any(out.rglob("*.npz")):
            (out / PARAMETERS).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # something else is there
                for path in missing:
                    path.rmdir()


def _accept(path: Path, mine: dict[str, Any]) -> None:
    try:
        found = json.loads(path.read_text())
        setting, version = Setting.from_document(found["setting"]).identity(), found["version"]
    except (ValueError, KeyError, TypeError):
        raise ArgumentError("out", "name a directory of `train`", f"{path} is not of it") from None
    if version != mine["version"]:
        but = f"{path.parent} was begun by version {version}, and this is {mine['version']}"
        raise ArgumentError("out", "name a directory of the same version", but)
    names = [name for name in {**mine["setting"], **setting} if mine["setting"].get(name) != setting.get(name)]
    if names:
        differ = ", ".join(f"{name} {setting.get(name)}" for name in names)
        raise ArgumentError("out", "name a new directory, or one of this setting", f"{path.parent} holds {differ}")


def execute(
    setting: Setting, entry: Entry, report: Callable[[int, float, float], None] | None = None, threads: int = 1
) -> TrainingRun:
    """Carry out one run on some threads, from its file where that has been begun.

    Raises
    ------
    ArgumentError
        If the file holds no run, or another one.
    """

    def save(run: TrainingRun) -> None:
        run.save(entry.path)

    return train(
        setting, entry.contender, entry.seed, begun=_begun(setting, entry), report=report, save=save, threads=threads
    )


def _begun(setting: Setting, entry: Entry) -> TrainingRun | None:
    """What there is of a run, or None."""
    if not entry.path.exists():
        return None
    found = TrainingRun.load(entry.path)
    mine = setting.identity(), entry.contender.rule, entry.contender.step, entry.seed
    if (found.setting.identity(), found.rule, found.step, found.seed) != mine:
        raise ArgumentError("out", "hold runs of this setting", f"{entry.path} is another run")
    return found


def run(
    setting: Setting, entries: Sequence[Entry], *, workers: int = 1, progress: Progress | None = None
) -> list[TrainingRun]:
    """Carry out all runs; how many processes share them, and the cores, changes nothing in what they leave.

    Raises
    ------
    ArgumentError
        If `workers` is not a whole number of at least 1, or a file holds another run.
    """
    reports = progress or (lambda report: None)
    for entry in entries:  # before any work is done
        _begun(setting, entry)
    count = min(whole("workers", workers), len(entries))
    threads = max(1, min(cores() // count, THREADS))
    if count == 1:
        for index, entry in enumerate(entries):
            _reporting(setting, entry, index, threads, reports)
    else:
        _in_processes(setting, entries, count, threads, reports)
    return [TrainingRun.load(entry.path) for entry in entries]


def _reporting(setting: Setting, entry: Entry, index: int, threads: int, progress: Progress) -> None:
    """Carry out a run, reporting now and then."""
    last = 0.0

    def report(epoch: int, train_accuracy: float, test_accuracy: float) -> None:
        nonlocal last
        if time.monotonic() - last > BETWEEN:
            last = time.monotonic()
            progress(Report(index, epoch, train_accuracy, test_accuracy))

    found = execute(setting, entry, report, threads).document()
    progress(Report(index, found["epochs"], found["train_accuracy"], found["test_accuracy"], done=True))


def _in_processes(setting: Setting, entries: Sequence[Entry], workers: int, threads: int, progress: Progress) -> None:
    """Each run in a process of its own, so many at a time; those under way end with this one, whatever ends it."""
    context, waiting = multiprocessing.get_context("spawn"), list(enumerate(entries))
    active: dict[Connection, Any] = {}
    with contextlib.ExitStack() as stack:
        while waiting or active:
            while waiting and len(active) < workers:
                index, entry = waiting.pop(0)
                here, there = context.Pipe(duplex=False)
                process = context.Process(target=_serve, args=(setting, entry, index, threads, there), daemon=True)
                process.start()
                stack.callback(process.terminate)
                there.close()
                active[here] = process
            ready = wait(list(active))
            for connection in [one for one in active if one in ready]:
                report = _received(connection)
                progress(report)
                if report.done:
                    active.pop(connection).join()


def _received(connection: Connection) -> Report:
    """What a process says next."""
    try:
        said = connection.recv()
    except EOFError:
        raise ArgumentError("workers", "live until their runs are over", "one was ended from outside") from None
    if isinstance(said, Exception):
        raise said
    found: Report = said
    return found


def _serve(setting: Setting, entry: Entry, index: int, threads: int, there: Connection) -> None:
    """Carry out a run in a process of its own; a broken pipe says that nobody waits for it any more."""
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        try:
            _reporting(setting, entry, index, threads, there.send)
        except (ArgumentError, OSError, MemoryError) as error:
            there.send(error)
