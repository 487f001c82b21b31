"""Two simulated days and, two years later, nearly two more: in a state server, and recounted."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import chain

import msgspec
from redis import Redis

from bluelamp.embedded.state import StateServer
from bluelamp.recount.load import from_records
from bluelamp.recount.recount import Recount
from bluelamp.verify.calibration import records
from dashboards.report.figures import Ask, ReportFigure, figure
from measures.measure import Measure, Where
from producers.simulate.reporting import ReportedFact
from streams.readings import Reader
from tests.board.day import FORCE, PROFILE, RULES, keep, send_heartbeats
from tests.simulate.worlds import simulation
from tests.support.memory import MemoryState

AS_OF = datetime(2024, 12, 1, 18, 0, 20, tzinfo=UTC)


def _days(start: date, seed: int, until: float | None = None) -> Iterator[ReportedFact]:
    chosen = simulation(seed=seed, start=start)
    quick = msgspec.structs.replace(chosen, parameters=msgspec.structs.replace(chosen.parameters, warm_up_days=1))
    return quick.reported_before(until or quick.end_of(2))


@lru_cache(maxsize=1)
def reported() -> tuple[ReportedFact, ...]:
    """Every reported fact: there are facts in the previous 12 months, the last 12, last month, this month and today."""
    return tuple(chain(_days(date(2022, 11, 30), 42), _days(date(2024, 11, 30), 41, AS_OF.timestamp())))


class History:
    """The state built from the facts, and a reader of it at `AS_OF`.

    Args:
        state: an empty state server.
        facts: other facts instead.
    """

    def __init__(self, state: StateServer, facts: Iterable[ReportedFact] | None = None) -> None:
        memory = MemoryState(RULES, FORCE)
        for each in records(reported() if facts is None else facts):
            assert each.value is not None
            memory.partitions[each.topic][0].feed([each.value], each.received_at)
        send_heartbeats(memory, AS_OF)
        keep(memory, state.url)
        self.client = Redis.from_url(state.url, decode_responses=True)
        self.reader = self.reader_at(AS_OF)

    def reader_at(self, now: datetime) -> Reader:
        """A reader with another time."""
        return Reader(self.client, "test", RULES, lambda: now)


def recount(facts: Iterable[ReportedFact] | None = None) -> Recount:
    """The recount of the facts, or of others; close it."""
    return from_records(records(reported() if facts is None else facts), [PROFILE])


def recounted_figures(counted: Recount) -> Ask:
    """The figures of the recount at `AS_OF`."""

    def read(measure: Measure, window: str, by: tuple[str, ...], where: Where) -> list[ReportFigure]:
        return [figure(measure, each) for each in counted.answer(measure, FORCE, window, AS_OF, by, where)]

    return read
