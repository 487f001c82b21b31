"""The checks of a feed on what arrived in the last hour: found live, forgotten after the hour, and never good when not known."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from bluelamp.feeding.feed_check.sources import Received, Source, received_from
from bluelamp.feeding.feed_check.watch import Arrived, FeedWatch, OldFacts, may_be_live, without_old
from dashboards.board.shared.background import BackgroundReadings
from dashboards.board.shared.page import View, no_log_ends
from dashboards.board.trust.page import TRUST
from facts.batch import BatchRecord, Entry
from facts.contact import ContactAnswered, ContactOffered
from facts.errors import PartMissingError
from facts.fact import Fact, SubjectFact
from facts.feed import FeedHeartbeat
from facts.union import Topic
from facts.wire import encode
from measures.outcome import microseconds
from measures.trust import CheckedTopic
from streams.logreader import LogReader
from streams.record import Place
from tests.support.begun import AS_OF, FORCE, beats, read_by
from tests.support.forces import rules

NOW = datetime(2026, 1, 3, 12, tzinfo=UTC)
AT_MS = int(NOW.timestamp() * 1000)


class Clock:
    """A clock that the test moves."""

    now = NOW

    def __call__(self) -> datetime:
        """The time now."""
        return self.now


class Feed:
    """What arrives: each look gives it once."""

    def __init__(self) -> None:
        self.arriving: list[Received] = []
        self.is_away = False

    def look(self, _: Any) -> Arrived:
        """What has arrived since the last look."""
        if self.is_away:
            raise PartMissingError("Kafka does not answer.", where="127.0.0.1:9092", hint="Start Kafka.")
        arriving, self.arriving = self.arriving, []
        topics: dict[Topic, list[Received]] = {"contacts": sorted(arriving, key=lambda each: each.received)}
        return Arrived(topics, {})

    def send(self, fact: SubjectFact | None, received: datetime, *, is_history: bool = False) -> None:
        """A fact arrives, or something that cannot be read."""
        self.arriving.append(Received(fact, microseconds(received), is_history))

    def call(
        self, number: int, *, after: float = 1.0, at: datetime | None = None, is_history: bool = False, **fields: Any
    ) -> None:
        """A caller who is answered after six seconds; both facts arrive a moment later."""
        began = at or NOW - timedelta(seconds=20 * number + 13.25)
        made = {"force": FORCE.name, "subject_id": f"c-{number}", "queue": "emergency", **fields}
        offered = ContactOffered(fact_id=f"o{number}", at=began, line="999", **made)
        answered = ContactAnswered(fact_id=f"a{number}", at=began + timedelta(seconds=6), **made)
        for fact in (offered, answered):
            self.send(fact, fact.at + timedelta(seconds=after), is_history=is_history)


def watched(feed: Feed, clock: Clock | None = None) -> FeedWatch:
    return FeedWatch(feed.look, rules(FORCE)[FORCE.name], clock or Clock())


def contacts(watch: FeedWatch) -> CheckedTopic:
    watch.look()
    checked = watch.checked()
    assert checked is not None
    return next(each for each in checked if each.topic == "contacts")


def found(topic: CheckedTopic) -> set[tuple[str, str]]:
    return {(each.check, each.state) for each in topic.findings if each.state != "good"}


def page(watch: FeedWatch) -> list[list[str]]:
    """The cells of the page's table of checks."""
    reader = read_by(beats(AS_OF), AS_OF)
    view = View(reader, FORCE.name, cast(BackgroundReadings, None), no_log_ends, feed_checks=watch.checked)
    return [row["cells"] for row in TRUST.read(view)["checks"]]


def test_a_good_feed_has_no_finding_and_each_fault_has_its_own() -> None:
    feed = Feed()
    for number in range(60):
        feed.call(number)
    assert found(contacts(watched(feed))) == set()

    def with_fault(**fields: Any) -> set[tuple[str, str]]:
        faulty = Feed()
        for number in range(60):
            faulty.call(number, **fields)
        return found(contacts(watched(faulty)))

    assert with_fault(after=-30) == {("Clocks", "bad")}
    assert with_fault(after=3600) == {("Clocks", "bad")}
    assert with_fault(queue="somewhere_else") == {("Labels of the profile", "bad")}
    assert with_fault(at=NOW.replace(second=0) - timedelta(minutes=5)) >= {("Clocks", "bad")}

    for number in range(60):
        feed.call(number)
        if number % 2:
            feed.call(100 + number, at=NOW - timedelta(seconds=900 + 9 * number), after=400)
    feed.send(None, NOW)
    again = contacts(watched(feed))
    assert found(again) == {("Order", "limit"), ("Rows and facts read", "limit")}
    assert again.facts == 180


def test_what_looks_personal_is_found_and_a_fact_sent_twice_is_counted() -> None:
    feed = Feed()
    for number in range(60):
        feed.call(number)
        feed.call(number)
    for number in range(5):
        feed.call(200 + number, subject_id=f"ST4{number}AB.ref-SW1A1AA")
    topic = contacts(watched(feed))
    assert "120 facts came more than once and count once." in [each.says for each in topic.findings]


def test_the_hour_passes_and_facts_of_earlier_days_are_not_judged() -> None:
    feed, clock = Feed(), Clock()
    for number in range(60):
        feed.call(number, after=-30)
    watch = watched(feed, clock)
    assert found(contacts(watch)) == {("Clocks", "bad")}
    clock.now = NOW + timedelta(hours=2)
    assert (contacts(watch).facts, contacts(watch).findings) == (0, ())
    for number in range(60):
        feed.call(number, after=2 * 86400)
    clock.now = NOW + timedelta(days=2)
    topic = contacts(watch)
    assert (topic.facts, topic.old, topic.findings) == (0, 120, ())


def test_facts_that_a_feed_loads_as_its_history_are_counted_for_an_hour_and_not_judged() -> None:
    loading, clock = Feed(), Clock()
    for number in range(60):
        loading.call(number, after=6 * 3600, is_history=True)
        loading.call(100 + number)
    watch = watched(loading, clock)
    topic = contacts(watch)
    assert (topic.facts, topic.old, found(topic)) == (120, 120, set())
    clock.now = NOW + timedelta(hours=8)
    topic = contacts(watch)
    assert (topic.facts, topic.old, topic.findings) == (0, 0, ())


class Log:
    """A partition of a log, to read from any offset."""

    def __init__(self, *records: Fact | bytes) -> None:
        values = [each if isinstance(each, bytes) else encode([each]) for each in records]
        self.entries = [BatchRecord(place, AT_MS, 1, None, value, ()) for place, value in enumerate(values)]

    def read(self, _: Place, first: int, after: int) -> Iterator[list[Entry]]:
        """The entries, one at a time."""
        return ([entry] for entry in self.entries[first:after])


def test_a_fact_is_history_while_a_feed_of_its_force_is_loading_on_its_partition() -> None:
    def beat(seq: int, *, feed: str = "telephony_999", history_to: datetime | None = None) -> FeedHeartbeat:
        return FeedHeartbeat(
            fact_id=f"h{seq}", force=FORCE.name, at=NOW, feed=feed, seq=seq, complete_to=NOW, history_to=history_to
        )

    def fact(number: int, force: str = FORCE.name) -> ContactOffered:
        made: dict[str, Any] = {"subject_id": f"c-{number}", "queue": "emergency", "line": "999"}
        return ContactOffered(fact_id=f"o{number}", force=force, at=NOW, **made)

    end = NOW + timedelta(hours=1)
    log = cast(
        LogReader, Log(fact(0), beat(1, history_to=end), fact(1), fact(2, "other"), beat(2, history_to=NOW), fact(3))
    )
    loading: dict[Source, bool] = {}

    def history(first: int, after: int) -> list[bool]:
        return [each.is_history for each in received_from(log, ("contacts", 0), first, after, "contacts", loading)]

    assert history(0, 6) == [True, True, False, False]
    loading.clear()
    assert history(0, 3) == [True, True]
    assert history(3, 4) + history(4, 6) == [False, False], "what the heartbeats said is known at the next look"
    loading.clear()
    assert history(0, 1) == [False], "nothing is known of the feed"


def test_records_of_old_facts_are_counted_without_being_checked() -> None:
    def fact(number: int, at: datetime, force: str = FORCE.name) -> ContactOffered:
        made: dict[str, Any] = {"subject_id": f"c-{number}", "queue": "emergency", "line": "999"}
        return ContactOffered(fact_id=f"o{number}", force=force, at=at, **made)

    day = timedelta(days=1)
    beat = FeedHeartbeat(fact_id="h", force=FORCE.name, at=NOW - 2 * day, feed="telephony_999", seq=1, complete_to=NOW)
    old: list[Fact | bytes] = [encode([fact(0, NOW - day), fact(1, NOW - 400 * day, "other")]), fact(2, NOW - 9 * day)]
    other: list[Fact | bytes] = [
        encode([fact(3, NOW - 2 * day), fact(4, NOW)]),
        encode([fact(5, NOW - 2 * day), beat]),
        fact(6, NOW - day + timedelta(seconds=1)),
        encode([fact(7, NOW - 2 * day)]).replace(b'"at":', b'"when":'),
        b"not JSON",
    ]
    log = cast(LogReader, Log(*old, *other))
    checked: list[int] = []

    def arrived(is_wanted: Callable[[BatchRecord], bool], counted: OldFacts) -> list[Received]:
        source = received_from(log, ("contacts", 0), 0, len(old) + len(other), "contacts", {}, is_wanted)
        return list(without_old(source, counted))

    def is_wanted(record: BatchRecord) -> bool:
        is_checked = may_be_live(counted, record)
        checked.extend([record.offset] * is_checked)
        return is_checked

    counted, all_counted = OldFacts(), OldFacts()
    assert arrived(is_wanted, counted) == arrived(lambda _: True, all_counted)
    assert counted == all_counted
    assert checked == [*range(len(old), len(old) + len(other))]


def test_the_page_ranks_what_was_found_and_says_what_is_not_known() -> None:
    feed = Feed()
    watch = watched(feed)
    assert page(watch)[0][1] == "Not known", "nothing has been read yet"
    for number in range(60):
        feed.call(number, after=-30, queue="somewhere_else" if number < 3 else "emergency")
    watch.look()
    rows = page(watch)
    assert [row[1:3] for row in rows[:2]] == [
        ["Figures are wrong", "Clocks"],
        ["Right with limits", "Labels of the profile"],
    ]
    assert rows[0][0] == "telephony_999, telephony_101, digital"
    assert "a clock is wrong" in rows[0][3]
    assert all(row[3].startswith("No live fact arrived") for row in rows[2:])
    feed.is_away = True
    watch.look()
    (row,) = page(watch)
    assert row[1] == "Not known"
    assert "cannot be read" in row[3]
