"""Reports facts at times of one day, and reads the figures of measures at any later time."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from facts.force import Force
from facts.union import AnyFact, topic_of
from measures.catalogue import find
from measures.reading import Figure
from tests.support.facts import build
from tests.support.forces import rules
from tests.support.memory import MemoryState, deliver


class Story:
    """Facts of one force on one local day, in the order in which they are reported.

    Args:
        force: the force.
        day: the local date.
    """

    def __init__(self, force: Force, day: str = "2024-12-03") -> None:
        self.force = force
        self.day = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(force.time_zone))
        self.state = MemoryState(rules(force), force.name)

    def moment(self, clock: str) -> datetime:
        """A time of the day, such as `22:14` or `22:14:03.5`; times from 24:00 on are on the next day."""
        hours, minutes, *seconds = clock.split(":")
        span = timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds[0]) if seconds else 0)
        return self.day.astimezone(UTC) + span

    def report(self, kind: type[AnyFact], clock: str, subject_id: str = "s1", **fields: Any) -> None:
        """Report a fact of that type. Facts that fit any topic need `topic`."""
        topic = fields.pop("topic", topic_of(kind))
        assert topic
        fact = build(kind, self.moment(clock), force=self.force.name, subject_id=subject_id, **fields)
        deliver(self.state, [(topic, fact)])

    def figures(
        self, measure: str, clock: str, window: str = "60m", by: tuple[str, ...] = (), **where: str
    ) -> list[Figure]:
        """The figures of a measure at a time of the day."""
        limits = {name: (word,) for name, word in where.items()}
        return self.state.figures(find(measure), window, self.moment(clock), by, limits)

    def value(self, measure: str, clock: str, window: str = "60m", **where: str) -> tuple[float | None, int]:
        """The value and n of a measure without a breakdown."""
        (figure,) = self.figures(measure, clock, window, (), **where)
        return figure.value, figure.n
