"""Row 14 of the fault table: the two nights on which British clocks change, from the log to the reader.

`make test` counts such days without a log and a state server, in tests/laws.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bluelamp.recount.log import from_log
from bluelamp.verify.compare import Query, compare, every_query, read_state
from facts.incident import IncidentClosed, IncidentOpened, UnitArrived, UnitDispatched
from facts.union import AnyFact
from producers.publish import BACKFILL
from tests.support.facts import heartbeat
from tests.support.fault_table import Fault
from tests.support.system import System

pytestmark = pytest.mark.usefixtures("dropped_sockets")
FORCE = "staffordshire"
EVERY = timedelta(minutes=10)
END = datetime(2025, 10, 27, tzinfo=UTC)
"""What feeds are complete to: panes of a minute are kept for the ten days before it."""
SPRING = ("2025-03-29/2025-04-01", "2025-03-30", 23)
AUTUMN = ("2025-10-25/2025-10-27", "2025-10-26", 25)
MOMENTS = ("2025-10-26T00:45:00Z", "2025-10-26T01:15:00Z", "2025-10-26T01:59:00Z")
"""In the first and the second of the two hours that clocks show as 01, and at the end of the second."""
LIVE = ("60m", "24h")


def incidents(first: str, days: int) -> Iterator[AnyFact]:
    """An incident every ten minutes: its grade depends on the hour, units attend within minutes, it is closed after two hours."""
    at = datetime.fromisoformat(first).replace(tzinfo=UTC)
    for number in range(days * 24 * 6):
        named: dict[str, Any] = {"force": FORCE, "subject_id": f"{first}-{number}"}
        yield IncidentOpened(fact_id=f"{first}-{number}-o", at=at, grade="12"[at.hour % 2], **named)
        sent, there = at + timedelta(seconds=60 + number % 50), at + timedelta(minutes=4 + number % 17)
        yield UnitDispatched(fact_id=f"{first}-{number}-d", at=sent, unit="u1", **named)
        yield UnitArrived(fact_id=f"{first}-{number}-a", at=there, unit="u1", **named)
        yield IncidentClosed(fact_id=f"{first}-{number}-c", at=at + timedelta(hours=2), result="attended", **named)
        at += EVERY


def queries(system: System, *windows: str) -> list[Query]:
    """Every measure of incidents over these windows, whole and by grade."""
    every = every_query(windows, system.rules[FORCE].force)
    return [each for each in every if "incidents" in each.measure.topics() and each.by in ((), ("grade",))]


@pytest.mark.injects(14)
@pytest.mark.faults
@pytest.mark.parametrize("parts", ["embedded", pytest.param("real", marks=pytest.mark.real)], indirect=True)
def test_days_of_23_and_25_hours_are_counted_as_such(system: System, fault: Fault) -> None:
    published = [*incidents("2025-03-28", 5), *incidents("2025-10-24", 3)]
    system.start_workers(1)
    with system.publisher(BACKFILL) as publisher:
        for fact in sorted(published, key=lambda each: each.at):
            publisher.publish(fact)
        for feed in system.rules[FORCE].force.feeds:
            beat = heartbeat(feed.name, END, fact_id=f"end-{feed.name}", force=FORCE, replay=True)
            publisher.heartbeat(beat, feed.topic)
    system.settle()

    reader = system.reader()
    for window, night, hours in (SPRING, AUTUMN):
        days = {
            each.dimensions["day"]: each.n for each in reader.read("incident_count", window, by=("day",), force=FORCE)
        }
        assert days[night] == hours * 6
        assert set(days.values()) == {hours * 6, 24 * 6}
        fault.fired(1)
    states = [read_state(reader, FORCE, queries(system, SPRING[0], AUTUMN[0]), reader.present(FORCE))]
    states += [read_state(reader, FORCE, queries(system, *LIVE), datetime.fromisoformat(moment)) for moment in MOMENTS]
    with from_log(system.settings.kafka, [each.force for each in system.rules.values()]) as recount:
        for each in states:
            found = compare(each, recount)
            fault.compared(found.cells, len(found.differences))
            assert found.cells > 50
            assert found.differences == []
