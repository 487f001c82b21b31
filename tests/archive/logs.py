"""A log in memory to archive, and its possible faults."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from facts.batch import BatchRecord, Entry
from facts.errors import IncompleteError
from facts.heartbeat_run import HeartbeatRun, in_runs
from streams.moving import Copy
from streams.record import Place
from streams.store import Identity

IDENTITY = Identity("cluster", "topic", 1)
_ROWS = 3
_DAY = 86_400_000


def at(text: str) -> int:
    """A time in UTC, such as 2024-12-01 09:30, in milliseconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def record(offset: int, time: int, value: bytes | None = b"{}", key: bytes | None = None) -> BatchRecord:
    """A record as the log stamps it."""
    return BatchRecord(offset, time, 1, key, value, ())


def days(first: str, count: int, each: int, offset: int = 0) -> list[BatchRecord]:
    """This many days of this many records each, spread over the day."""
    start = at(f"{first} 00:00")
    return [
        record(offset + day * each + number, start + day * _DAY + number * (_DAY // each), b'{"n":%d}' % number)
        for day in range(count)
        for number in range(each)
    ]


class MemoryLog:
    """Records by partition; the first ones can be deleted.

    Args:
        records: by partition.
    """

    def __init__(self, records: Mapping[Place, Sequence[BatchRecord]]) -> None:
        self.records = {place: list(some) for place, some in records.items()}
        self.ends = {place: some[-1].offset + 1 if some else 0 for place, some in self.records.items()}
        self.firsts = dict.fromkeys(self.records, 0)
        self.now = max((each.timestamp for some in self.records.values() for each in some), default=0)

    def send(self, copies: Sequence[Copy]) -> None:
        """Append moved facts, with the time of the last record."""
        for copy in copies:
            place = copy.topic, copy.partition
            self.add(place, [BatchRecord(self.ends[place], self.now, 1, copy.key, copy.value, tuple(copy.headers))])

    def add(self, place: Place, some: Sequence[BatchRecord]) -> None:
        """Append records."""
        self.records[place] += some
        self.now = max(self.now, some[-1].timestamp)
        self.ends[place] = some[-1].offset + 1

    def forget(self, place: Place, before: int) -> None:
        """Delete the records before an offset."""
        self.records[place] = [each for each in self.records[place] if each.offset >= before]
        self.firsts[place] = before

    def identities(self, topics: Sequence[str]) -> dict[str, Identity]:
        """The identities of the topics that exist."""
        counts = Counter(name for name, _ in self.records)
        return {topic: replace(IDENTITY, partitions=counts[topic]) for topic in topics if topic in counts}

    def grow(self, topic: str, partitions: int) -> None:
        """Give a topic more partitions."""
        for number in range(partitions):
            place = topic, number
            self.records.setdefault(place, [])
            self.ends.setdefault(place, 0)
            self.firsts.setdefault(place, 0)

    def reach(self, _identities: Mapping[str, Identity] | None = None) -> dict[Place, tuple[int, int]]:
        """The first and end offset of each partition."""
        return {place: (self.firsts[place], end) for place, end in self.ends.items()}

    def read_in_runs(self, place: Place, first: int, after: int) -> Iterator[list[Entry | HeartbeatRun]]:
        """As `read`, with runs of heartbeats."""
        for entries in self.read(place, first, after):
            yield list(in_runs(entries))

    def read(self, place: Place, first: int, after: int) -> Iterator[list[Entry]]:
        """A few records at a time."""
        if first < self.firsts[place]:
            raise IncompleteError("gone", where=str(place), hint="none")
        wanted = [each for each in self.records[place] if first <= each.offset < after]
        for start in range(0, len(wanted), _ROWS):
            yield list(wanted[start : start + _ROWS])
