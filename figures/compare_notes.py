"""The notes below the picture of `compare`: what its lines cannot say, and what it leaves out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from figures.directions import LABELLED, learning
from figures.groups import LONGEST_LABEL, Group, Rows, joined, label, preferred
from simulations.comparison import Comparison, Run
from theory.plateaus import LONGEST_RUN

UNITS = {"flow": "flow", "descent": "steps"}
ERRORS = (1e-7, 4.0)  # limits of the panel of errors that are relative to the start


def notes(comparison: Comparison, rows: Rows) -> str:
    """What the picture shows that its lines cannot say, and what it leaves out."""
    seen = comparison.directions
    shown, every = len(learning(seen)), len(seen.values)
    sentences = [f"Model {comparison.model.name}: {_parameters(comparison)}."]
    if shown < every:
        sentences.append(f"{every - shown} of {every} directions never learn, or need not, and are left out.")
    if shown > LABELLED:
        sentences.append(f"Directions: predicted lines of {LABELLED}, arrivals of all.")
    sentences += _sentence("Directions not drawn", rows, lambda group, groups: group not in preferred(groups))
    sentences += _sentence("No predicted line", rows, lambda group, _: group[0].curve is None)
    sentences += _sentence("Test error above the panel", rows, lambda group, _: _off_panel(group[0]))
    groups = [group for groups in rows.values() for group in groups]
    long = dict.fromkeys(joined(group) for group in groups if len(joined(group)) > LONGEST_LABEL)
    sentences += [f"Drawn as one: {names}." for names in long]
    for reason in dict.fromkeys(_open_end(group[0]) for group in groups):
        if reason:
            here = functools.partial(_ends_for, reason)
            sentences += _sentence(f"Open end ({reason})", rows, here)
    return " ".join([*sentences, "Time 0 lies before the logarithmic axes."])


def _sentence(what: str, rows: Rows, true: Callable[[Group, list[Group]], bool]) -> list[str]:
    """Of which rules something is true, in each view; nothing if of none."""
    named = {view: ", ".join(label(group) for group in groups if true(group, groups)) for view, groups in rows.items()}
    found = {view: names for view, names in named.items() if names}
    if len(set(named.values())) == 1:
        return [f"{what}: {names}." for names in list(found.values())[:1]]
    parts = [f"{names} ({UNITS[view]})" for view, names in found.items()]
    return [f"{what}: {'; '.join(parts)}."] if parts else []


def _open_end(run: Run) -> str:
    """Why a run ended before its directions had arrived; empty where it did not."""
    return run.trajectory.stop_reason if run.trajectory.censored else ""


def _ends_for(reason: str, group: Group, _: list[Group]) -> bool:
    return _open_end(group[0]) == reason


def _off_panel(run: Run) -> bool:
    errors = run.trajectory.test_error
    return LONGEST_RUN not in run.trajectory.plateaus and bool(errors[-1] > ERRORS[1] * errors[0] > 0)


def _parameters(comparison: Comparison) -> str:
    named = {name: value for name, value in comparison.parameters.items() if name != "rules"}
    return ", ".join(f"{name} {text}" for name, value in named.items() if (text := _plain(value)))


def _plain(value: Any) -> str:
    """A parameter in a few characters; empty where it takes more."""
    if isinstance(value, list):
        return " ".join(_plain(entry) for entry in value) if len(value) <= LABELLED else ""
    return f"{value:.4g}" if isinstance(value, float) else str(value) if isinstance(value, (int, str)) else ""
