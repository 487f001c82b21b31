"""Stories told by the clock: `at("22:14").opened(grade="1")`, then what a measure reads at any moment."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from facts.fact import SubjectFact
from facts.force import Force
from facts.union import topic_of
from measures.catalogue import find
from measures.reading import Figure
from tests.support.forces import rules
from tests.support.memory import MemoryState, deliver


class Story:
    """Facts of one force on one local day, in the order they are told.

    Args:
        force: whose.
        day: the local date that times are of.
    """

    def __init__(self, force: Force, day: str = "2024-12-03") -> None:
        self.force = force
        self.day = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(force.time_zone))
        self.state = MemoryState(rules(force), force.name)
        self._told = 0

    def moment(self, clock: str) -> datetime:
        """A time of the day, `22:14` or `22:14:03.5`; after 24:00 it is of the next day."""
        hours, minutes, *seconds = clock.split(":")
        span = timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds[0]) if seconds else 0)
        return self.day.astimezone(UTC) + span

    def tell(self, kind: type[SubjectFact], clock: str, subject_id: str = "s1", **fields: Any) -> str:
        """Tell a fact; answers with its id. Of what may be of any topic, `topic` says which."""
        self._told += 1
        topic = fields.pop("topic", topic_of(kind))  # type: ignore[arg-type]
        fact_id = fields.pop("fact_id", f"f{self._told}")
        fact = kind(fact_id=fact_id, force=self.force.name, at=self.moment(clock), subject_id=subject_id, **fields)
        assert topic
        deliver(self.state, [(topic, fact)])
        return str(fact_id)

    def figures(
        self, measure: str, clock: str, window: str = "60m", by: tuple[str, ...] = (), **where: str
    ) -> list[Figure]:
        """What a measure reads at a time of the day."""
        limits = {name: (word,) for name, word in where.items()}
        return self.state.figures(find(measure), window, self.moment(clock), by, limits)

    def value(self, measure: str, clock: str, window: str = "60m", **where: str) -> tuple[float | None, int]:
        """The value and n of the whole."""
        (figure,) = self.figures(measure, clock, window, (), **where)
        return figure.value, figure.n
