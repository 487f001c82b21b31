"""The outcomes and open items that the recount counts from facts."""

from collections.abc import Iterable
from dataclasses import dataclass

from bluelamp.recount.cell import Finished, RecountOpenItem
from bluelamp.recount.load import LogRecord, from_records
from bluelamp.recount.recount import Recount
from facts.union import AnyFact, Topic, topic_of
from facts.wire import encode
from measures.catalogue import CATALOGUE
from measures.outcome import KINDS
from tests.support.facts import clock
from tests.support.forces import FORCES
from tests.support.memory import RECEIVED

_UNRECORDED = {
    each.of.kind
    for measure in CATALOGUE.values()
    for each in measure.unrecorded
    if each.of.kind.endswith("_unrecorded")
}


def topic_among(facts: Iterable[AnyFact]) -> Topic:
    """The topic of these facts."""
    (topic,) = {topic for fact in facts if (topic := topic_of(type(fact)))}
    return topic


def records(facts: Iterable[AnyFact], topic: Topic | None = None, partition: int = 0) -> list[LogRecord]:
    """A record for each fact on one partition; withdrawals and heartbeats use the given topic."""
    return [
        LogRecord(topic_of(type(fact)) or topic or "contacts", partition, offset, RECEIVED, encode([fact]))
        for offset, fact in enumerate(facts)
    ]


def recount_of(*facts: AnyFact) -> Recount:
    """A recount of these facts; close it after use."""
    return from_records(records(facts), FORCES)


@dataclass(frozen=True)
class Outcomes:
    """The outcomes and open items of facts, by kind."""

    finished: dict[str, list[Finished]]
    open: dict[str, list[RecountOpenItem]]

    def counts(self, kind: str) -> list[tuple[str, int]]:
        """When each outcome of a kind was decided, and its value."""
        return [(clock(outcome.decided), outcome.value) for outcome in self.finished.get(kind, [])]

    def times(self, kind: str) -> list[str]:
        """When each outcome of a kind was decided."""
        return [when for when, _ in self.counts(kind)]

    def words(self, kind: str) -> list[tuple[str, ...]]:
        """The words of each outcome of a kind."""
        return [outcome.dimensions for outcome in self.finished.get(kind, [])]

    def word(self, kind: str, dimension: str) -> list[str]:
        """One of the words of each outcome of a kind."""
        place = KINDS[kind].dimensions.index(dimension)
        return [words[place] for words in self.words(kind)]

    def began(self, kind: str) -> list[str]:
        """When the subject of each outcome of a kind began."""
        return [clock(outcome.began) for outcome in self.finished.get(kind, [])]

    def open_items(self, kind: str) -> list[tuple[str, str | None]]:
        """The time since which each item of a kind has been open, and when it is due."""
        return [(clock(item.since), None if item.due is None else clock(item.due)) for item in self.open.get(kind, [])]

    def kinds(self) -> set[str]:
        """Every kind with something finished or open, except those of what is not recorded, which have tests of their own."""
        return {*self.finished, *self.open} - _UNRECORDED


def outcomes_of(*facts: AnyFact) -> Outcomes:
    """The outcomes and open items of facts of one topic."""
    topic = topic_among(facts)
    with from_records(records(facts, topic), FORCES) as recount:
        kinds = [kind.name for kind in KINDS.values() if kind.topic == topic]
        return Outcomes(
            {kind: outcomes for kind in kinds if (outcomes := recount.finished(kind))},
            {kind: items for kind in kinds if (items := recount.open(kind))},
        )
