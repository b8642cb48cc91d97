"""What `evenflow sweep` says and takes: axes from its options, a table or a JSON document of what was done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from theory.checks import ArgumentError, known, number, whole

if TYPE_CHECKING:
    from simulations.sweep_runs import Outcome
    from simulations.sweeps import Sweep


def described(
    model: str, axes: dict[str, str | None], rules: str, counts: dict[str, str | None], **others: Any
) -> Sweep:
    """The sweep that the options describe; `counts` are whole numbers, `others` go as they are."""
    from simulations.sweeps import DEFAULTS, sweep

    known("model", model, tuple(DEFAULTS))
    given = {name: text for name, text in axes.items() if text is not None}
    for name in given:
        if name not in DEFAULTS[model]:
            owner = next(other for other, names in DEFAULTS.items() if name in names)
            raise ArgumentError(name, f"go with the model it belongs to ({owner})", f"the model is {model}")
    others |= {name: whole(name, number(name, text), 0) for name, text in counts.items() if text is not None}
    return sweep(model, given, [name.strip() for name in rules.split(",")], **others)


def document(sweep: Sweep, outcome: Outcome, version: str) -> dict[str, Any]:
    """What was done, as one JSON document."""
    return {
        "version": version,
        "out": str(outcome.path),
        "sweep": sweep.identity,
        "dimensions": {"definition": len(sweep.definitions), "rule": len(sweep.rules), **sweep.dimensions},
        "members": sweep.size,
        "blocks": outcome.blocks,
        "computed": outcome.computed,
        "evaluations": outcome.evaluations,
        "censored": outcome.censored,
        "parameters": json.loads(json.dumps(sweep.document())),
    }


def lines(sweep: Sweep, outcome: Outcome) -> list[str]:
    """What was done, in words."""
    sides = " × ".join(f"{name} {count:,}" for name, count in sweep.dimensions.items())
    rules = ", ".join(how.name for how in sweep.rules)
    found = [
        f"{sweep.model}, {sweep.view}: {sides}; rules {rules}",
        f"{outcome.blocks:,} blocks, {outcome.computed:,} of them computed now",
    ]
    if sweep.measure:
        found.append(f"{outcome.evaluations:,} steps or gradients; {outcome.censored:,} lengths censored")
    return [*found, f"Written to {outcome.path}."]
