"""A first look at the records of a log: which subjects a question needs, and which records it can do without."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from bluelamp.recount.coverage import FeedCoverage
from bluelamp.recount.needed import NeededTime
from bluelamp.recount.times import microseconds
from facts.feed import FeedHeartbeat
from facts.glimpse import glimpses
from facts.union import Topic
from facts.wire import decode


class Looked(NamedTuple):
    """What is known of a record after a first look.

    Attributes:
        subjects: the subject of each of its facts.
        sources: the force and line of its facts.
        earliest: the earliest time of its facts.
    """

    subjects: tuple[str, ...]
    sources: frozenset[tuple[str, str]]
    earliest: datetime

    def may_change(self, coverage: FeedCoverage, topic: Topic, partition: int, received_at: datetime) -> bool:
        """Whether one of its facts may change what the feeds cover. If not, only the facts of chosen subjects have to be counted."""
        at = min(received_at, self.earliest)
        return any(coverage.would_change(force, topic, partition, line, at) for force, line in self.sources)


def subject_name(force: str, subject_id: str) -> str:
    """A force and a subject in one text; neither contains a space."""
    return f"{force} {subject_id}"


class ChosenSubjects:
    """The subjects that have a fact in at least one of the given times.

    Args:
        spans: the times; they may overlap.
        most_facts: the number of facts that a subject may have.
    """

    def __init__(self, spans: Iterable[NeededTime], most_facts: int) -> None:
        edges: list[int] = []
        for start, end in sorted(spans):
            if edges and start <= edges[-1]:
                edges[-1] = max(edges[-1], end)
            else:
                edges += [start, end]
        self._edges, self._most_facts = edges, most_facts
        self._found: set[str] = set()
        self._facts: Counter[str] = Counter()
        self._names: dict[str, str] = {}

    def look(self, value: bytes | None, topic: Topic, received_at: datetime) -> Looked | None:
        """Add the facts of the next record. None if the record has to be checked: it has a heartbeat, or facts that a look cannot read."""
        seen = glimpses(value)
        if seen is None:
            checked = decode(value, topic, received_at).facts
            facts = [fact for _, fact in checked if not isinstance(fact, FeedHeartbeat)]
            self._add([subject_name(each.force, each.subject_id) for each in facts], [each.at for each in facts])
            return None
        about = [each for each in seen if each.subject_id]
        # A text that many facts share is kept once.
        names = [subject_name(each.force, each.subject_id) for each in about]
        subjects, times = tuple(map(self._names.setdefault, names, names)), [each.at for each in about]
        self._add(subjects, times)
        if len(about) < len(seen):
            return None
        return Looked(subjects, frozenset([(each.force, each.line) for each in about]), min(times))

    def _add(self, subjects: Collection[str], times: Collection[datetime]) -> None:
        """Add facts by their subjects and times."""
        if not subjects:
            return
        self._facts.update(subjects)
        stretches = {self._stretch(min(times)), self._stretch(max(times))}
        if len(stretches) > 1:
            needed = (subject for subject, at in zip(subjects, times, strict=True) if self._stretch(at) % 2)
            self._found.update(needed)
        elif stretches.pop() % 2:
            self._found.update(subjects)

    def _stretch(self, at: datetime) -> int:
        """The number of edges up to a time: odd inside the given times."""
        return bisect_right(self._edges, microseconds(at))

    def subjects(self) -> set[str] | None:
        """The subjects. None if a subject has more facts than may count: all facts then decide which ones count."""
        return None if max(self._facts.values(), default=0) > self._most_facts else self._found
