"""The audit: a verdict follows from the evidence alone, and a claim that is made wrong is found out."""

from __future__ import annotations

import json
import math

import pytest
import sympy as sp

from simulations.audit import audit, document, examine, verdict
from simulations.examiners.trial import Trial, compared
from theory.checks import ArgumentError
from theory.claims import claim, claims
from theory.claims.claim import Claim
from theory.derivation import Step

X, Y = sp.symbols("x y", positive=True)
PLAIN = Claim("T1", "nowhere", "$x$", "everywhere", printed={"law": X}, given=frozenset({X}))
MENDED = Claim(
    "T2",
    "nowhere",
    "$x$",
    "everywhere",
    printed={"law": X},
    derived={"law": 2 * X},
    corrected="$2x$",
    given=PLAIN.given,
)
FALSE = Step("false", sp.Eq(X, 1, evaluate=False), "A step that does not hold.", lambda: X - 1)


def trial(claimed: float, predicted: float) -> Trial:
    return compared({}, claimed, predicted, 1.0, 1e-9)


@pytest.mark.parametrize(
    ("one", "trials", "expected"),
    [
        (PLAIN, [trial(1, 1), trial(1, 1)], "holds"),
        (PLAIN, [trial(1, 1), trial(1.1, 1)], "fails"),
        (PLAIN, [], "fails"),
        (MENDED, [trial(1, 1), trial(1.1, 1)], "corrected"),
        (MENDED, [trial(1.1, 1), trial(1, 1.1)], "fails"),
        (MENDED, [trial(1, 1.1)], "holds"),
        (MENDED, [], "fails"),
        (PLAIN.with_printed(law=X * Y), [trial(1, 1)], "undetermined"),
    ],
)
def test_the_verdict_follows_from_the_evidence(one, trials, expected):
    assert verdict(one, trials) == expected


def test_a_proof_that_fails_leaves_no_claim_standing():
    unproven = Claim("T3", "nowhere", "$x$", "everywhere", printed=PLAIN.printed, given=PLAIN.given, proofs=(FALSE,))
    assert verdict(unproven, [trial(1, 1)]) == "fails"


@pytest.mark.parametrize("name", sorted(claims()))
def test_every_claim_has_evidence_and_a_verdict_that_a_wrong_variant_loses(name):
    one = claim(name)
    found = examine(one)
    assert len(found.evidence) >= 3
    assert len({json.dumps(row.parameters) for row in found.evidence}) >= 3
    where = [row.parameters for row in found.evidence]
    assert sum(abs(row.get("theta", 1) - math.pi / 4) > 1e-3 and row.get("margin", 2) != 1 for row in where) >= 3
    if found.verdict == "holds":
        wrong = one.with_printed(**{law: 1.1 * formula + 0.1 for law, formula in one.printed.items()})
        assert wrong.printed, "a claim that holds has a law that can be made wrong"
        assert examine(wrong).verdict != "holds"
    if found.verdict == "corrected":
        laws = {**one.printed, **one.derived}
        wrong = one.with_derived(**{law: 1.1 * formula + 0.1 for law, formula in laws.items()})
        assert examine(wrong).verdict == "fails"
    if found.verdict == "undetermined":
        assert found.instead
        wrong = one.with_derived(**{law: 1.1 * formula + 0.1 for law, formula in one.derived.items()})
        assert not examine(wrong).instead


def test_the_same_seed_gives_the_same_document():
    first, second = (json.dumps(document(audit(["E1"], seed=3), "0")) for _ in range(2))
    assert first == second
    assert first != json.dumps(document(audit(["E1"], seed=4), "0"))


def test_counterexamples_are_shown_first():
    one = examine(claim("E1").with_printed(speed=sp.Float(1.5)))
    assert one.verdict == "fails"
    assert not one.evidence[0].stands


def test_an_unknown_claim_is_refused_with_the_nearest():
    with pytest.raises(ArgumentError, match=r"Argument `id` must be one of .*, but is 'e33' \(did you mean E3\?\)"):
        audit(["e33"])
