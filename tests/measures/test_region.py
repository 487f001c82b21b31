"""Compares sums over several forces with plain arithmetic on the cases, and checks everything that must stay unknown."""

import random
import statistics
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from measures.catalogue import CATALOGUE, find
from measures.outcome import KINDS
from measures.reading import NO_EVENTS, Reading, spans
from measures.region import APART, Added, Part, added

NOW = datetime(2024, 12, 3, 10, tzinfo=UTC)
COUNT, SHARE = find("incident_count"), find("contact_999_answered_within_target_ratio")
MEAN, MEDIAN = find("contact_999_answer_mean_seconds"), find("contact_999_answer_median_seconds")
OLDEST = find("contact_999_longest_wait_seconds")


def reading(**fields: Any) -> Reading:
    """A live reading of a force."""
    given: dict[str, Any] = {
        "measure": "", "force": "", "dimensions": {}, "window": "60m", "start": NOW, "end": NOW, "as_of": NOW, "value": None,
        "unit": "", "n": 0, "met": None, "state": "live", "reason": "", "stale_since": None, "note": "", "is_simulated": False,
        "is_loading": False, "begins": None, "spread": None,
    }  # fmt: skip
    return Reading(**given | fields)


def test_sums_are_those_of_all_cases_together() -> None:
    """The forces differ in size, so an average of their figures would be another number."""
    chance = random.Random(17)
    of = spans(MEDIAN)
    assert of is not None
    per_second = KINDS[of.kind].per_second
    for _ in range(40):
        forces = [[chance.randint(0, 90) for _ in range(chance.randint(1, most))] for most in (3, 400, 60)]
        whole = [each for force in forces for each in force]
        met = [sum(each <= 10 for each in force) for force in forces]
        timed = [Part("", reading(n=len(each)), Counter(value * per_second for value in each)) for each in forces]
        shares = [
            Part("", reading(n=len(each), met=part, value=part / len(each)))
            for each, part in zip(forces, met, strict=True)
        ]
        counts = [Part("", reading(n=len(each), value=float(len(each)))) for each in forces]
        oldest = [Part("", reading(n=len(each), value=float(max(each)))) for each in forces]
        enough = len(whole) >= max(MEAN.minimum_n, SHARE.minimum_n)
        assert added(COUNT, counts).value == len(whole)
        assert added(OLDEST, oldest).value == max(whole)
        assert added(MEAN, timed).value == (pytest.approx(statistics.fmean(whole)) if enough else None)
        assert added(MEDIAN, timed).value == (pytest.approx(statistics.median(whole)) if enough else None)
        assert added(SHARE, shares).value == (pytest.approx(sum(met) / len(whole)) if enough else None)
        assert added(MEAN, timed).n == len(whole)


SILENT = reading(
    state="stale", reason="Not live since 3 December 2024 at 09:58:00: the feed dispatch is silent.", value=4.0, n=4
)
KNOWN = reading(value=5.0, n=5, met=3)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (SILENT, "South: Not live since"),
        (
            replace(SILENT, state="no_data", n=None, value=None, reason="No feed of south provides this measure."),
            "South: No feed",
        ),
        (replace(SILENT, state="in_part", reason="The record begins at 09:40."), "South: The record begins"),
        (
            replace(KNOWN, as_of=NOW - APART - timedelta(seconds=1)),
            "not of the same time. Behind, because of a replay or while history loads: South.",
        ),
        (replace(KNOWN, is_simulated=True), "Simulated and real figures are not added: South."),
    ],
    ids=["silent", "no feed", "in part", "replay", "simulated"],
)
def test_what_one_force_does_not_know_the_region_does_not_know(other: Reading, reason: str) -> None:
    for measure in CATALOGUE.values():
        found = added(measure, [Part("North", KNOWN, {5: 5}), Part("South", other, {4: 4})])
        assert (found.value, found.n) == (None, None)
        assert reason in found.reason
        assert "North" not in found.reason


def test_few_cases_in_one_force_count_and_quiet_forces_add_nothing() -> None:
    few = reading(state="too_few", reason="n is 1", n=1, met=0, value=0.0, unrecorded=2)
    many = reading(n=99, met=99, value=1.0, unrecorded=1)
    quiet = reading(state="no_data", reason=NO_EVENTS)
    assert added(SHARE, [Part("", few), Part("", many), Part("", quiet)]) == Added(0.99, 100, 3)
    assert added(SHARE, [Part("", quiet), Part("", quiet)]) == Added(None, 0, 0, NO_EVENTS)
    alone = added(SHARE, [Part("", few), Part("", quiet)])
    assert (alone.value, alone.n) == (None if SHARE.minimum_n > 1 else 0.0, 1)
