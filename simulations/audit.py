"""Numbers put to every claim of the paper, and the verdict that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from simulations.examiners import EXAMINERS
from simulations.examiners.trial import Trial
from theory import markdown
from theory.checks import known
from theory.claims import claim as find
from theory.claims import claims
from theory.claims.claim import Claim

SHOWN = 6  # rows of evidence kept for a claim: counterexamples first, then a spread of the rest
VERDICTS = ("holds", "corrected", "fails", "undetermined")


@dataclass(frozen=True)
class Finding:
    """One claim with its verdict and what it rests on.

    Parameters
    ----------
    claim
        The statement.
    verdict
        ``holds``, ``corrected``, ``fails`` or ``undetermined``.
    trials
        Everything that was tried.
    """

    claim: Claim
    verdict: str
    trials: tuple[Trial, ...]

    @property
    def evidence(self) -> tuple[Trial, ...]:
        """The trials that are shown: counterexamples to the claim first, then some of the others, evenly spread."""
        against = [trial for trial in self.trials if not trial.stands]
        rest = [trial for trial in self.trials if trial.stands]
        chosen = _spread(against, SHOWN if not rest else SHOWN - 2)
        return (*chosen, *_spread(rest, SHOWN - len(chosen)))

    @property
    def against(self) -> int:
        """How many trials stand against the claim."""
        return sum(not trial.stands for trial in self.trials)

    @property
    def instead(self) -> str:
        """What holds in place of the claim, or answers the nearest question, in LaTeX; empty if nothing does."""
        answered = self.verdict == "undetermined" and stands_in(self.claim, self.trials) and self.claim.proven
        return self.claim.corrected if answered or self.verdict == "corrected" else ""

    def _answer(self) -> str:
        """What holds instead, or what is not defined and the answer to the nearest question, as a cell."""
        if not self.claim.undefined:
            return markdown.cell(self.instead)
        missing = markdown.escaped(f"Not defined: {', '.join(self.claim.undefined)}.")
        return f"{missing} To the nearest precise question: {markdown.cell(self.instead)}" if self.instead else missing

    def document(self) -> dict[str, Any]:
        """The finding as the JSON of `audit` shows it."""
        return {
            "id": self.claim.id,
            "verdict": self.verdict,
            "source": self.claim.source,
            "statement": self.claim.statement,
            "corrected": self.instead if self.verdict == "corrected" else None,
            "nearest": self.instead or None if self.verdict == "undetermined" else None,
            "domain": self.claim.domain,
            "undefined": list(self.claim.undefined),
            "trials": len(self.trials),
            "against": self.against,
            "evidence": [trial.document() for trial in self.evidence],
        }

    def _repr_markdown_(self) -> str:
        rows = [
            (
                markdown.escaped(trial.where),
                *(markdown.number(trial.document()[name]) for name in ("claimed", "predicted", "measured")),
                markdown.number(trial.tolerance, 2),
                "" if trial.stands else "against",
            )
            for trial in self.evidence
        ]
        shown = markdown.table(("where", "claimed", "derived", "measured", "tolerance", ""), rows, right=(1, 2, 3, 4))
        return f"{Findings([self])._repr_markdown_()}\n\n{shown}"


class Findings(tuple[Finding, ...]):
    """Findings in the order in which they were asked for, which a notebook shows as a table."""

    def find(self, name: str) -> Finding:
        """The finding on the claim of that id.

        Raises
        ------
        ArgumentError
            If there is none; the message names the nearest.
        """
        known("name", name, tuple(finding.claim.id for finding in self))
        return next(finding for finding in self if finding.claim.id == name)

    def _repr_markdown_(self) -> str:
        rows = [
            (
                finding.claim.id,
                f"**{finding.verdict}**",
                markdown.cell(finding.claim.statement),
                finding._answer(),
                f"{finding.against:,} of {len(finding.trials):,}",
            )
            for finding in self
        ]
        heads = ("claim", "verdict", "as printed", "what holds instead", "trials against")
        return f"{counts(self)}.\n\n{markdown.table(heads, rows, right=(4,))}"


def counts(findings: Sequence[Finding]) -> str:
    """How many claims have each verdict: *1 holds, 2 corrected*."""
    verdicts = [finding.verdict for finding in findings]
    return ", ".join(f"{verdicts.count(name)} {name}" for name in VERDICTS if name in verdicts)


def _spread(trials: Sequence[Trial], count: int) -> list[Trial]:
    """At most `count` of the trials, evenly spread."""
    places = np.unique(np.linspace(0, len(trials) - 1, min(count, len(trials))).round().astype(int))
    return [trials[place] for place in places] if len(trials) else []


def verdict(claim: Claim, trials: Iterable[Trial]) -> str:
    """What the evidence says of a claim.

    *undetermined* if the printed laws use a symbol that the source does not define; *holds* if every trial stands and
    SymPy confirms every proof; *corrected* if not, and what is derived in its place stands in every trial; *fails*
    otherwise. Without a trial nothing holds.
    """
    tried = tuple(trials)
    if claim.undefined:
        return "undetermined"
    if tried and claim.proven and all(trial.stands for trial in tried):
        return "holds"
    return "corrected" if stands_in(claim, tried) else "fails"


def stands_in(claim: Claim, trials: Sequence[Trial]) -> bool:
    """Whether there is something to put in a claim's place, and it stands in every trial."""
    return bool(trials) and bool(claim.corrected) and all(trial.derived_stands for trial in trials)


def examine(claim: Claim, seed: int = 0) -> Finding:
    """Try one claim, with numbers drawn from this seed."""
    rng = np.random.default_rng([seed, *map(ord, claim.id)])
    with threadpool_limits(1):
        trials = tuple(EXAMINERS[claim.id](claim, rng))
    return Finding(claim, verdict(claim, trials), trials)


def audit(
    names: Sequence[str] = (), *, seed: int = 0, progress: Callable[[str, int, int], None] | None = None
) -> Findings:
    """Try claims by their ids, all of them if none is named.

    Parameters
    ----------
    names
        Ids such as ``F4``.
    seed
        Seeds the searches.
    progress
        Called with the id at work, claims done and claims in all.

    Raises
    ------
    ArgumentError
        For an id that is not known; the message names the nearest.
    """
    chosen = [find(name) for name in dict.fromkeys(names)] or list(claims().values())
    found = []
    for done, one in enumerate(chosen):
        if progress is not None:
            progress(one.id, done, len(chosen))
        found.append(examine(one, seed))
    return Findings(found)


def document(findings: Sequence[Finding], version: str) -> dict[str, Any]:
    """The findings as one JSON document."""
    return {"version": version, "claims": [finding.document() for finding in findings]}
