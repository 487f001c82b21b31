"""Facts of a small force in which every kind of outcome is counted, and every kind of open item is open."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date

from msgspec.structs import replace

from bluelamp.recount.load import LogRecord
from facts.custody import ClockPaused, ExtensionAuthorised, ReviewPostponed
from facts.union import AnyFact, Topic
from facts.wire import encode
from tests.support import facts as made
from tests.support.facts import at, build, heartbeat
from tests.support.forces import STRICT
from tests.support.memory import RECEIVED

FIRST, END = date(2024, 10, 20), date(2024, 12, 5)
"""The first local day on which anything began, and the day after the last."""
AS_OF = at("2024-12-04 12:00")


def _contacts() -> Iterable[AnyFact]:
    for who, wait in (("c1", "09:00:08"), ("c2", "09:00:40")):
        yield made.offered("09:00", subject_id=who)
        yield made.answered(wait, subject_id=who)
        yield made.concluded("09:05", subject_id=who)
    yield made.offered("10:00", subject_id="c3")
    yield made.abandoned("10:00:03", subject_id="c3")
    yield made.offered("10:00", subject_id="c4")
    yield made.abandoned("10:02", subject_id="c4")
    yield made.offered("11:00", queue="triage", line="101", subject_id="c5")
    yield made.concluded("11:04", queue="triage", result="to_local", subject_id="c5")
    for who, promised in (("c11", "11:30"), ("c12", "11:40"), ("c13", "12:30")):
        yield made.offered("11:00", queue="triage", line="101", subject_id=who)
        yield made.concluded("11:05", queue="triage", result="callback", subject_id=who, promised_for=made.at(promised))
    yield made.offered("11:00", queue="triage", line="101", subject_id="c14")
    yield made.concluded("11:05", queue="triage", result="callback", subject_id="c14")
    yield made.offered("11:20", queue="triage", line="101", subject_id="c14")  # the end of this attempt is unknown
    yield made.offered("11:25", queue="local", line="101", subject_id="c14")
    yield made.answered("11:26", queue="local", subject_id="c14")
    yield made.offered("11:35", queue="triage", line="101", subject_id="c11")
    yield made.answered("11:36", queue="triage", subject_id="c11")
    yield made.offered("11:30", queue="triage", line="101", subject_id="c12")
    yield made.answered("11:31", queue="triage", subject_id="c12")
    yield made.declined("11:03:30", subject_id="c5")
    yield made.offered("12:00", queue="triage", line="101", subject_id="c6")
    yield made.offered("12:10", queue="local", line="101", subject_id="c6")  # the end of its first leg is unknown
    yield made.offered("13:00", subject_id="c7")  # waits
    yield made.answered("14:00", subject_id="c8")  # was never offered
    yield made.offered("15:00", subject_id="c9")
    yield made.answered("14:59", subject_id="c9")
    yield made.abandoned("15:01", subject_id="c9")
    yield made.offered("16:00", subject_id="c10")
    yield made.ended_by_hand("16:30", subject_id="c10")


def _incidents() -> Iterable[AnyFact]:
    yield made.opened("09:00", area="north", group="crime", subject_id="i1")
    yield made.dispatched("09:01", subject_id="i1")
    yield made.arrived("09:09", subject_id="i1")
    yield made.closed("10:00", subject_id="i1")
    yield made.opened("09:00", grade="2", domestic=True, subject_id="i2")
    yield made.regraded("10:59", "3", subject_id="i2")
    yield made.met_by_video("11:30", subject_id="i2")
    yield made.closed("12:00", subject_id="i2")  # closed as attended, although nobody has arrived
    yield made.opened("09:00", subject_id="i3")
    yield made.arrived("09:20", subject_id="i3")  # nobody was dispatched
    yield made.opened("09:00", subject_id="i4")
    yield made.closed("09:30", "duplicate", subject_id="i4")
    yield made.opened("09:00", category="home_burglary", subject_id="i5")  # still waits for a unit
    yield made.opened("09:30", subject_id="i6")
    yield made.dispatched("09:31", subject_id="i6")  # the unit is still on its way
    yield made.arrived("13:00", subject_id="i7")  # was never opened
    yield made.opened("14:00", subject_id="i8")
    yield made.dispatched("13:50", subject_id="i8")
    # In October the force promised a time from dispatch to arrival as well.
    yield made.opened("2024-10-20 09:00", subject_id="i9")
    yield made.dispatched("2024-10-20 09:01", subject_id="i9")
    yield made.arrived("2024-10-20 09:20", subject_id="i9")
    yield made.opened("2024-10-20 09:30", subject_id="i10")
    yield made.dispatched("2024-10-20 09:31", subject_id="i10")
    yield made.opened("15:00", subject_id="i11")
    yield made.ended_by_hand("2024-12-03 15:00", subject_id="i11")


def _custody() -> Iterable[AnyFact]:
    yield made.detained("09:00", suite="one", subject_id="d1")
    yield made.authorised("09:20", subject_id="d1")
    yield made.ended("15:00", subject_id="d1")
    yield made.volunteered("09:00", subject_id="d2")
    yield made.detained("10:00", suite="one", child=True, subject_id="d3")  # not authorised yet
    yield made.detained("10:00", suite="one", subject_id="d4")
    yield made.authorised("10:10", subject_id="d4")
    yield made.detained("11:00", suite="one", subject_id="d5")
    yield made.authorised("11:10", subject_id="d5")
    yield build(ReviewPostponed, "17:00", subject_id="d5")
    yield made.detained("12:00", suite="one", subject_id="d6")
    yield build(ClockPaused, "13:00", reason="hospital", subject_id="d6")
    yield build(ExtensionAuthorised, "12:00", until=at("23:00"), subject_id="d7")  # this detainee never arrived
    yield made.detained("16:00", suite="one", subject_id="d8")
    yield made.ended("15:00", subject_id="d8")


def _occurrences() -> Iterable[AnyFact]:
    yield made.recorded("09:00", type="theft", area="north", domestic=True, subject_id="o1")
    yield made.linked("09:00", repeat=True, domestic_repeat=True, subject_id="o1")
    yield made.referred("2024-12-03 09:00", subject_id="o1")
    yield made.contract("2024-12-03 10:00", subject_id="o1")
    yield made.recorded("10:00", type="theft", subject_id="o2")  # not referred yet
    yield made.linked("10:00", subject_id="o3")  # was never recorded
    yield made.contract("10:30", subject_id="o3")
    yield made.recorded("11:00", type="theft", subject_id="o4")
    yield made.referred("10:59", subject_id="o4")


def _call_takers() -> Iterable[AnyFact]:
    yield made.signed_on("09:00", subject_id="t1")
    yield made.changed("09:01", subject_id="t1")
    yield made.changed("09:05", "on_contact", queue="emergency", subject_id="t1")
    yield made.changed("09:07", "on_hold", subject_id="t1")
    yield made.changed("09:08", "on_contact", subject_id="t1")
    yield made.changed("09:09", "wrapping_up", subject_id="t1")
    yield made.changed("09:10", subject_id="t1")
    yield made.signed_off("17:00", subject_id="t1")
    yield made.changed("17:01", subject_id="t1")  # after signing off
    yield made.signed_on("2024-12-04 09:00", subject_id="t2")  # still at work
    yield made.signed_on("10:00", "routine", subject_id="t3")  # never signed off
    yield made.changed("11:00", subject_id="t4")  # never signed on


_BY_TOPIC: dict[Topic, Callable[[], Iterable[AnyFact]]] = {
    "contacts": _contacts,
    "incidents": _incidents,
    "custody": _custody,
    "occurrences": _occurrences,
    "call_takers": _call_takers,
}


def facts() -> list[tuple[Topic, AnyFact]]:
    """The facts, each with its topic; then the heartbeats of every feed."""
    found = [(topic, replace(fact, force=STRICT.name)) for topic, make in _BY_TOPIC.items() for fact in make()]
    return [*found, *((feed.topic, heartbeat(feed.name, AS_OF, replay=True)) for feed in STRICT.feeds)]


def records(sent: Iterable[tuple[Topic, AnyFact]], partition: int = 0) -> list[LogRecord]:
    """A record for each fact, on one partition of its topic, in the order they were sent."""
    offsets: Counter[Topic] = Counter()
    found: list[LogRecord] = []
    for topic, fact in sent:
        found.append(LogRecord(topic, partition, offsets[topic], RECEIVED, encode([fact])))
        offsets[topic] += 1
    return found
