"""The tables of where the rules of `evenflow train` stand, beside the paper and beside linear theory."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from evenflow.display import print_table
from simulations.networks.outlook import Outlook
from simulations.networks.published import SOURCE
from simulations.networks.standings import Standing
from simulations.networks.tuning import FIRST, SEEDS, Tuned
from simulations.survival import Median


def print_standings(standings: Sequence[Standing], usual: float) -> None:
    """Print medians over seeds with their intervals, and what was spent for them; `usual` is the setting's step."""
    console = Console(markup=False, emoji=False)
    print_table(_table(standings, usual))
    for line in _notes(standings):
        console.print(line, soft_wrap=True, highlight=False)


def _table(standings: Sequence[Standing], usual: float) -> Table:
    table = Table(title="Over the seeds", title_justify="left")
    table.add_column("rule")
    for name in ("median epochs", "censored", "gd / rule, by seed", "length of a step"):
        table.add_column(name, justify="right")
    compared = any(standing.published is not None for standing in standings)
    if compared:
        table.add_column("paper", justify="right")
        table.add_column("it is")
    for standing in standings:
        epochs, ratio = standing.epochs, standing.against
        row = [named(standing, usual), interval(epochs), f"{epochs.censored} of {epochs.seeds}"]
        row += [
            "" if ratio is None else interval(ratio.ratio),
            "–" if math.isnan(standing.step_norm) else f"{standing.step_norm:.3g}",
        ]
        theirs = "" if standing.published is None else str(standing.published)
        table.add_row(*row, *((theirs, standing.verdict or "") if compared else ()))
    return table


def print_tuned(found: Sequence[Tuned]) -> None:
    """Print the step sizes that were chosen, and by what."""
    console = Console(markup=False, emoji=False)
    if found:
        seeds = " and ".join(str(FIRST + seed) for seed in range(SEEDS))
        console.print(f"Step sizes chosen from seeds {seeds}, which are not reported:", highlight=False)
    for one in found:
        edge = ", at the edge of the grid" if one.at_edge else ""
        line = f"{one.rule}: step {one.step:g}, {_why(one.epochs)}{edge}."
        console.print(line, soft_wrap=True, highlight=False)


def _why(epochs: float) -> str:
    """What a step was chosen by."""
    if not math.isfinite(epochs):
        return "whose validation accuracy came highest; at no step did it arrive"
    return f"validation accuracy arrived after {epochs:g} epoch{'' if epochs == 1 else 's'}"


def print_outlooks(outlooks: Sequence[Outlook], usual: float) -> None:
    """Print the epochs that remain at memorisation, by linear theory and as they came."""
    if not outlooks:
        return
    console = Console(markup=False, emoji=False)
    table = Table(title="From memorisation to arrival, by linear theory of W₁", title_justify="left")
    table.add_column("rule")
    for name in ("predicted", "leading", "decay alone", "took / predicted", "gd / rule", "predicted so"):
        table.add_column(name, justify="right")
    for one in outlooks:
        alone = ["" if value is None else _short(value) for value in (one.slowest, one.leading, one.decay)]
        ratios = (one.longer, one.against_measured, one.against_predicted)
        table.add_row(named(one, usual), *alone, *("" if ratio is None else interval(ratio) for ratio in ratios))
    print_table(table)
    for one in outlooks:
        for reason in one.reasons:
            console.print(f"{named(one, usual)}, some seeds: no answer ({reason}).", soft_wrap=True, highlight=False)


def named(one: Standing | Outlook, usual: float) -> str:
    """The rule, with its step size where that is not the usual one."""
    return one.rule if one.step == usual else f"{one.rule}@{one.step:g}"


def interval(found: Median) -> str:
    """The median and the ends of its interval, of one seed the value alone, – for a median left open.

    Examples
    --------
    >>> interval(Median(10.0, 8.0, math.inf, 0.9375, 5, 1)), interval(Median(None, 15000.0, math.inf, 0.0, 1, 1))
    ('10 [8, ∞)', '> 15000')
    """
    value = "–" if found.value is None else _short(found.value)
    if found.seeds == 1:
        return value if found.value is not None or found.low == 0 else f"> {_short(found.low)}"
    end = f"{_short(found.high)}]" if math.isfinite(found.high) else "∞)"
    return f"{value} [{_short(found.low)}, {end}"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 1_000 else f"{value:.3g}"


def _notes(standings: Sequence[Standing]) -> list[str]:
    steps = standings[0].steps
    taken = "one step" if steps == 1 else f"the same {steps} steps"
    found = [f"All rules take {taken} in an epoch; a step's length is η‖D‖ of W₁, on average."]
    coverages = sorted({standing.epochs.coverage for standing in standings if standing.epochs.seeds > 1})
    if coverages:
        found.append(f"Intervals hold the median with a probability of {' or '.join(f'{c:.1%}' for c in coverages)}.")
    if any(standing.published is not None for standing in standings):
        found.append(f"Paper: {SOURCE}.")
    return found
