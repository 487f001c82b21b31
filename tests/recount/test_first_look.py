"""A recount of only the subjects that a window needs explains each figure as a recount of all subjects does."""

import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache

import pytest
from msgspec.structs import replace

from bluelamp.recount import load
from bluelamp.recount.load import LogRecord, from_records
from bluelamp.recount.needed import needed
from bluelamp.recount.partitioning import recounted_partition
from bluelamp.recount.recount import Recount
from bluelamp.verify.compare import Query
from bluelamp.verify.explain import Explained, explain
from bluelamp.verify.state_and_log import NotCompared
from facts.union import AnyFact
from facts.wire import encode
from measures.catalogue import CATALOGUE
from tests.support.facts import answered, at, concluded, heartbeat, offered, withdrawn
from tests.support.forces import STRICT
from tests.support.memory import RECEIVED

LINES = {"telephony": ("999",), "digital": ("101", "digital")}
FORCE = replace(STRICT, feeds=tuple(replace(each, lines=LINES.get(each.name, ())) for each in STRICT.feeds))
NOON = at("12:00")
MEASURES = (
    "contact_999_answered_within_target_ratio",
    "contact_999_answer_mean_seconds",
    "contact_101_answer_mean_seconds",
    "contact_999_abandoned_ratio",
)
PARTITIONS = 3
QUIET = 2
"""A partition without heartbeats and without a subject that the last hour needs."""
FAR = "2024-11-20 09:00"


@cache
def names(partition: int) -> Iterator[str]:
    """Subjects of a partition, without end."""
    return (name for number in range(10_000) if recounted_partition(name := f"c{number}", PARTITIONS) == partition)


def on(partition: int, *batches: bytes, received_at: datetime = RECEIVED) -> Iterator[LogRecord]:
    """Records of a partition."""
    return (LogRecord("contacts", partition, offset, received_at, value) for offset, value in enumerate(batches))


def plain(fact: AnyFact, **changed: object) -> dict[str, object]:
    """A fact as JSON, with some fields changed or added."""
    return {**json.loads(encode([fact])), **changed}


def call(who: str, when: str, *, line: str = "999", queue: str = "emergency") -> list[AnyFact]:
    """A contact that is answered after half a minute."""
    return [
        offered(f"{when}:00", queue, line, subject_id=who),
        answered(f"{when}:30", queue, subject_id=who, fact_id=f"{who}-answered"),
    ]


def again(who: str, when: str) -> AnyFact:
    """The answer to a contact was later than first reported."""
    return answered(when, subject_id=who, corrects=f"{who}-answered")


def of_partition(partition: int) -> Iterator[LogRecord]:
    """Everything that may happen to a contact, and contacts of a day that other windows do not need."""
    own = names(partition)
    corrected, taken_back, beside_a_fault, in_an_event, refused, late, twice, old = (next(own) for _ in range(8))
    here, elsewhere = call(twice, "11:30"), next(names((partition + 1) % PARTITIONS))
    event = {"specversion": "1.0", "id": "e1", "source": "/switch", "type": "uk.police.contact"}
    yield from on(
        partition,
        encode(call(next(own), "2024-11-19 09:00")),
    )
    # The clock of the telephones is fast: the record begins when this was received.
    yield from on(partition, encode(call(next(own), "2024-11-19 09:20")), received_at=at("2024-11-19 08:50"))
    yield from on(
        partition,
        # Contacts of the far day only, and one of 101.
        encode([fact for _ in range(3) for fact in call(next(own), FAR)]),
        encode(call(next(own), FAR, line="101", queue="triage")),
        json.dumps(
            [
                plain(offered(FAR, subject_id=next(own)), queue="no such queue!"),
                plain(offered(FAR, subject_id=next(own))),
            ]
        ).encode(),
        *(encode(call(who, FAR)) for who in (corrected, taken_back, beside_a_fault, in_an_event, refused, late, old)),
        # What happens on the day of the question to the contacts of the far day.
        encode([*call(next(own), FAR), again(corrected, "11:31")]),
        encode([withdrawn(f"{taken_back}-answered", "11:32", subject_id=taken_back)]),
        json.dumps([plain(again(beside_a_fault, "11:33")), plain(offered("11:33"), at="2024-12-02T11:33:00")]).encode(),
        json.dumps({**event, "data": plain(again(in_an_event, "11:34"))}).encode(),
        json.dumps(plain(concluded("11:35", subject_id=refused), shoe_size=9)).encode(),
        encode([concluded("11:36", subject_id=late)]),
        encode(call(next(own), "11:37", line="101", queue="triage")),
        encode(here),
        encode(here),
        encode([offered("11:37", subject_id=elsewhere)]),
        b"{",
        b"",
        *(encode([heartbeat(feed, "11:59")]) for feed in ("telephony", "digital")),
        encode([offered("2022-01-01 09:00", subject_id=late)]),
    )


@cache
def log() -> list[LogRecord]:
    """The log: two partitions with everything, and a quiet one."""
    far = (encode(call(next(names(QUIET)), f"2024-11-20 {hour:02}:00")) for hour in range(8, 12))
    return [*of_partition(0), *on(QUIET, *far), *of_partition(1)]


def explained(recount: Recount, window: str) -> list[list[Explained]]:
    queries = [Query(measure=CATALOGUE[name], window=window) for name in MEASURES]
    return [explain(recount, FORCE.name, query, NOON, NotCompared("not read")) for query in queries]


def recounted(window: str = "") -> Recount:
    """A recount of the subjects that a window needs; without one, of all."""
    spans = needed(CATALOGUE[MEASURES[0]], window, FORCE, NOON) if window else None
    return from_records(log(), [FORCE], {"contacts": PARTITIONS}, keeps_facts=True, spans=spans)


def covered(recount: Recount) -> list[object]:
    """When the record of each measure begins, and up to when it is complete."""
    window = "2024-11-18/2024-11-21"
    return [
        (
            recount.record(CATALOGUE[name], FORCE.name),
            [each.begins for each in recount.known(CATALOGUE[name], FORCE.name, window, NOON)],
        )
        for name in MEASURES
    ]


@pytest.fixture(scope="module")
def whole() -> Iterator[Recount]:
    with recounted() as made:
        yield made


@pytest.mark.parametrize("window", ["60m", "2024-11-20/2024-11-21"])
def test_every_figure_is_explained_by_the_same_outcomes_and_facts(whole: Recount, window: str) -> None:
    with recounted(window) as part:
        assert explained(part, window) == explained(whole, window)
        assert covered(part) == covered(whole)
        seen, everything = part.loaded, whole.loaded
        assert (seen.records, seen.heartbeats) == (everything.records, everything.heartbeats)
        assert (
            0
            < seen.unchecked
            == everything.facts + sum(everything.left_out.values()) - seen.facts - sum(seen.left_out.values())
        )
        # Facts that the window does not need are not checked, so their faults are not listed.
        unneeded = {"bad_value"} if window == "60m" else {"wrong_partition"}
        assert seen.left_out == {why: n for why, n in everything.left_out.items() if why not in unneeded}


def test_if_a_subject_has_too_many_facts_every_fact_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of them count depends on all of them."""
    monkeypatch.setattr(load, "MOST_FACTS", 2)
    with recounted("60m") as part, recounted() as whole:
        assert part.loaded == whole.loaded
        assert part.loaded.left_out["too_many_facts"] > 0
