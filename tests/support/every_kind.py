"""Facts of a small force in which every kind of outcome is counted, and every kind of open item is open."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date

from msgspec.structs import replace

from bluelamp.recount.load import LogRecord
from facts.custody import ClockPaused, ExtensionAuthorised, ReviewPostponed
from facts.union import AnyFact, Topic
from facts.wire import encode
from tests.recount import story as tell
from tests.recount.story import at, told
from tests.support.forces import STRICT
from tests.support.memory import RECEIVED, heartbeat

FIRST, END = date(2024, 10, 20), date(2024, 12, 5)
"""The first local day on which anything began, and the first after the last."""
AS_OF = at("2024-12-04 12:00")


def _contacts() -> Iterable[AnyFact]:
    for who, wait in (("c1", "09:00:08"), ("c2", "09:00:40")):
        yield tell.offered("09:00", subject_id=who)
        yield tell.answered(wait, subject_id=who)
        yield tell.concluded("09:05", subject_id=who)
    yield tell.offered("10:00", subject_id="c3")
    yield tell.abandoned("10:00:03", subject_id="c3")
    yield tell.offered("10:00", subject_id="c4")
    yield tell.abandoned("10:02", subject_id="c4")
    yield tell.offered("11:00", queue="triage", line="101", subject_id="c5")
    yield tell.concluded("11:04", queue="triage", result="to_local", subject_id="c5")
    yield tell.offered("12:00", queue="triage", line="101", subject_id="c6")
    yield tell.offered("12:10", queue="local", line="101", subject_id="c6")  # the end of the first leg is not known
    yield tell.offered("13:00", subject_id="c7")  # waits
    yield tell.answered("14:00", subject_id="c8")  # was never offered
    yield tell.offered("15:00", subject_id="c9")
    yield tell.answered("14:59", subject_id="c9")
    yield tell.abandoned("15:01", subject_id="c9")


def _incidents() -> Iterable[AnyFact]:
    yield tell.opened("09:00", area="north", group="crime", subject_id="i1")
    yield tell.dispatched("09:01", subject_id="i1")
    yield tell.arrived("09:09", subject_id="i1")
    yield tell.closed("10:00", subject_id="i1")
    yield tell.opened("09:00", grade="2", domestic=True, subject_id="i2")
    yield tell.regraded("10:59", "3", subject_id="i2")
    yield tell.met_by_video("11:30", subject_id="i2")
    yield tell.closed("12:00", subject_id="i2")  # as attended, and nobody has arrived
    yield tell.opened("09:00", subject_id="i3")
    yield tell.arrived("09:20", subject_id="i3")  # nobody was dispatched
    yield tell.opened("09:00", subject_id="i4")
    yield tell.closed("09:30", "duplicate", subject_id="i4")
    yield tell.opened("09:00", category="home_burglary", subject_id="i5")  # everything of it is open
    yield tell.opened("09:30", subject_id="i6")
    yield tell.dispatched("09:31", subject_id="i6")  # and on its way
    yield tell.arrived("13:00", subject_id="i7")  # was never opened
    yield tell.opened("14:00", subject_id="i8")
    yield tell.dispatched("13:50", subject_id="i8")
    # In October the force promised a time from dispatch to arrival as well.
    yield tell.opened("2024-10-20 09:00", subject_id="i9")
    yield tell.dispatched("2024-10-20 09:01", subject_id="i9")
    yield tell.arrived("2024-10-20 09:20", subject_id="i9")
    yield tell.opened("2024-10-20 09:30", subject_id="i10")
    yield tell.dispatched("2024-10-20 09:31", subject_id="i10")


def _custody() -> Iterable[AnyFact]:
    yield tell.detained("09:00", suite="one", subject_id="d1")
    yield tell.authorised("09:20", subject_id="d1")
    yield tell.ended("15:00", subject_id="d1")
    yield tell.volunteered("09:00", subject_id="d2")
    yield tell.detained("10:00", suite="one", child=True, subject_id="d3")  # not authorised yet
    yield tell.detained("10:00", suite="one", subject_id="d4")
    yield tell.authorised("10:10", subject_id="d4")
    yield tell.detained("11:00", suite="one", subject_id="d5")
    yield tell.authorised("11:10", subject_id="d5")
    yield told(ReviewPostponed, "17:00", subject_id="d5")
    yield tell.detained("12:00", suite="one", subject_id="d6")
    yield told(ClockPaused, "13:00", reason="hospital", subject_id="d6")
    yield told(ExtensionAuthorised, "12:00", until=at("23:00"), subject_id="d7")  # of nobody who has arrived
    yield tell.detained("16:00", suite="one", subject_id="d8")
    yield tell.ended("15:00", subject_id="d8")


def _occurrences() -> Iterable[AnyFact]:
    yield tell.recorded("09:00", type="theft", area="north", domestic=True, subject_id="o1")
    yield tell.linked("09:00", repeat=True, domestic_repeat=True, subject_id="o1")
    yield tell.referred("2024-12-03 09:00", subject_id="o1")
    yield tell.contract("2024-12-03 10:00", subject_id="o1")
    yield tell.recorded("10:00", type="theft", subject_id="o2")  # not referred yet
    yield tell.linked("10:00", subject_id="o3")  # was never recorded
    yield tell.recorded("11:00", type="theft", subject_id="o4")
    yield tell.referred("10:59", subject_id="o4")


_BY_TOPIC: dict[Topic, Callable[[], Iterable[AnyFact]]] = {
    "contacts": _contacts,
    "incidents": _incidents,
    "custody": _custody,
    "occurrences": _occurrences,
}


def facts() -> list[tuple[Topic, AnyFact]]:
    """The facts, each with its topic; then the heartbeats of every feed."""
    found = [(topic, replace(fact, force=STRICT.name)) for topic, some in _BY_TOPIC.items() for fact in some()]
    return [*found, *((feed.topic, heartbeat(STRICT.name, feed.name, AS_OF)) for feed in STRICT.feeds)]


def records(sent: Iterable[tuple[Topic, AnyFact]], partition: int = 0) -> list[LogRecord]:
    """A record for each fact, on one partition of its topic, in the order they were sent."""
    offsets: Counter[Topic] = Counter()
    found: list[LogRecord] = []
    for topic, fact in sent:
        found.append(LogRecord(topic, partition, offsets[topic], RECEIVED, encode([fact])))
        offsets[topic] += 1
    return found
