"""A scrape that keeps what has not changed has the text of a new exporter, whatever arrives and whatever the clock does."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from redis import Redis

from bluelamp.embedded.state import StateServer
from facts.contact import ContactAnswered, ContactOffered
from facts.custody import DetaineeArrived, DetentionAuthorised, DetentionEnded
from facts.fact import Fact
from facts.incident import IncidentOpened, UnitArrived, UnitDispatched
from facts.union import TOPICS, Topic, topic_of
from facts.wire import encode
from measures.catalogue import CATALOGUE
from measures.catalogue.custody import BY_DETAINEE
from measures.outcome import microseconds
from streams.exporter import ReadingsCollector
from streams.exposition import exposition
from streams.names import is_exported
from streams.readings import Reader
from tests.support.facts import build, heartbeat
from tests.support.forces import STRICT, rules
from tests.support.memory import MemoryPartition
from tests.support.stores import apply_all, call

RULES = rules(STRICT)
FORCE = STRICT.name
NOON = datetime(2024, 12, 31, 12, 0, 20, tzinfo=UTC)
ARRIVED = "the arrival that is corrected"
WINDOWS = {"15m", "24h", "this_month", "last_month"}


def sample_of_measures() -> set[str]:
    """A measure for each kind of statistic, topic, and way in which open items matter."""
    found: dict[object, str] = {}
    for each in CATALOGUE.values():
        if is_exported(each):
            unrecorded = any(lost.is_open for lost in each.unrecorded)
            key = (type(each.statistic), each.topics(), unrecorded, each.has_band, each.name in BY_DETAINEE)
            found.setdefault(key, each.name)
    return {*found.values()}


DUE = (
    "adult_review_due_within_60_minutes_count",
    "adult_review_due_within_30_minutes_count",
    "adult_review_overdue_count",
)
MEASURES = {*sample_of_measures(), *DUE}


class World:
    """A state, a clock, an exporter that has run since the start, and what the log receives.

    Args:
        url: of the state server.
        redis: a client of it.
    """

    def __init__(self, url: str, redis: Redis) -> None:
        self.url, self.redis, self.now, self._beats = url, redis, NOON, 0
        self.partitions: dict[Topic, MemoryPartition] = {topic: MemoryPartition(topic, RULES) for topic in TOPICS}
        self.old = self.exporter()

    def exporter(self) -> ReadingsCollector:
        """An exporter that has read nothing yet."""
        source = Reader(self.redis, "test", RULES, lambda: self.now)
        return ReadingsCollector(
            source,
            steady_seconds=lambda: 0.0,
            has_health=False,
            is_wanted=lambda measure, window: measure in MEASURES and window in WINDOWS,
        )

    def publish(
        self, facts: Sequence[Fact], topic: Topic | None = None, *, received_at: datetime | None = None
    ) -> None:
        """Publish facts of one topic as one batch."""
        named = topic or topic_of(type(facts[0]))  # type: ignore[arg-type]
        assert named
        change = self.partitions[named].feed([encode([fact]) for fact in facts], received_at or self.now)

        async def apply(store: object) -> None:
            await apply_all(store, [change], named)  # type: ignore[arg-type]
            await store.announce(named, 1)  # type: ignore[attr-defined]

        call(self.url, apply)

    def beat(self, *feeds: str, ahead: timedelta = timedelta(0), received: timedelta = timedelta(0)) -> None:
        """Publish a heartbeat of some feeds; of all if none is named."""
        by_topic: dict[Topic, list[Fact]] = {}
        for feed in STRICT.feeds:
            if feed.name in feeds or not feeds:
                self._beats += 1
                at = self.now + ahead
                sent = heartbeat(feed.name, at, fact_id=f"beat-{self._beats}", force=FORCE, at=at, seq=self._beats)
                by_topic.setdefault(feed.topic, []).append(sent)
        for topic, beats in by_topic.items():
            self.publish(beats, topic, received_at=self.now + received)

    def report(self, kind: type[Fact], ago: timedelta, subject_id: str, **fields: object) -> None:
        """Publish a fact."""
        self.publish([build(kind, self.now - ago, force=FORCE, subject_id=subject_id, **fields)])  # type: ignore[arg-type]


def text(exporter: ReadingsCollector) -> str:
    """What a scrape returns."""
    return exposition([exporter])[0].decode()


class Step(NamedTuple):
    """Something that happens, and how far the clock moves before it."""

    name: str
    after: timedelta
    happens: Callable[[World], None] = lambda _: None


SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))


def begin(world: World) -> None:
    """Subjects of each kind in this month and the last, some of them open."""
    world.beat()
    for number, ago in enumerate((45 * DAY, 40 * DAY, 2 * HOUR, 20 * MINUTE, 5 * MINUTE)):
        world.report(IncidentOpened, ago, f"i{number}", grade="1", group="crime", area="north")
        world.report(ContactOffered, ago, f"c{number}", line="999", queue="emergency")
        world.report(ContactAnswered, ago - 8 * SECOND, f"c{number}", queue="emergency")
        world.report(DetaineeArrived, ago, f"d{number}", suite="one", child=False, relevant_time=world.now - ago)
        world.report(DetentionAuthorised, ago - MINUTE, f"d{number}")
    world.report(UnitDispatched, 44 * DAY, "i0", unit="u")
    world.report(UnitArrived, 44 * DAY - 5 * MINUTE, "i0", unit="u", fact_id=ARRIVED)
    world.report(ContactOffered, 10 * SECOND, "waiting", line="999", queue="emergency")


def in_one_large_batch(world: World) -> None:
    """600 subjects change, and the state does not say which."""
    opened = [
        build(IncidentOpened, world.now, force=FORCE, subject_id=f"many{each}", grade="2", group="crime")
        for each in range(600)
    ]
    world.publish(opened)


STEPS = [
    Step("an evening begins", 0 * SECOND, begin),
    Step("nothing", SECOND),
    Step("a waiting call passes 30 seconds", 29 * SECOND),
    Step("an incident is opened", SECOND, lambda w: w.report(IncidentOpened, SECOND, "new", grade="1", group="crime")),
    Step("one feed falls silent", 20 * SECOND, lambda w: w.beat("telephony", "custody", "records", "digital")),
    Step("and becomes stale", 41 * SECOND, lambda w: w.beat("telephony", "custody", "records", "digital")),
    Step("all feeds fall silent", 2 * MINUTE),
    Step("all feeds come back", SECOND, World.beat),
    Step("a unit arrives", 3 * SECOND, lambda w: w.report(UnitArrived, SECOND, "i4", unit="u")),
    Step("a heartbeat claims the future", SECOND, lambda w: w.beat("dispatch", ahead=HOUR)),
    Step("which then is the past", HOUR, World.beat),
    Step(
        "a fact of last month is corrected",
        SECOND,
        lambda w: w.report(UnitArrived, 44 * DAY - 50 * MINUTE, "i0", unit="u", corrects=ARRIVED),
    ),
    Step("a late fact of last month arrives", SECOND, lambda w: w.report(UnitDispatched, 39 * DAY, "i1", unit="u")),
    Step(
        "an incident is opened",
        6 * SECOND,
        lambda w: w.report(IncidentOpened, 0 * SECOND, "i9", grade="1", group="crime"),
    ),
    Step("the clock is set back to before that", -3 * SECOND),
    Step("and forward", 10 * MINUTE, World.beat),
    Step("everything may have changed", SECOND, in_one_large_batch),
    Step("a review becomes due within the hour", 2 * HOUR + 10 * MINUTE, World.beat),
    Step("due within half an hour", 35 * MINUTE, World.beat),
    Step(
        "a detainee leaves and another is due",
        SECOND,
        lambda w: w.report(DetentionEnded, SECOND, "d2", disposal="charged"),
    ),
    Step("half past the hour", 25 * MINUTE, World.beat),
    Step("a month ends", 12 * HOUR, World.beat),
]


@pytest.fixture
def world(any_state: StateServer) -> Iterator[World]:
    with Redis.from_url(any_state.url, decode_responses=True) as client:
        client.flushall()
        yield World(any_state.url, client)


def test_what_is_kept_between_scrapes_is_what_a_new_exporter_reads(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def has_new_text(name: str) -> None:
        assert text(world.old).splitlines() == text(world.exporter()).splitlines(), name

    for step in STEPS:
        world.now += step.after
        step.happens(world)
        has_new_text(step.name)
    mark = microseconds(world.now + 11 * DAY)
    monkeypatch.setattr(Reader, "_settled_now", staticmethod(lambda *_: mark))
    has_new_text("minutes are dropped")
