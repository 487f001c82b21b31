"""Two simulated days on either side of a month's end, in the product's state in memory and in the independent recount."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache

import msgspec

from bluelamp.recount.load import from_records
from bluelamp.recount.needed import NeededTime
from bluelamp.recount.recount import Recount
from bluelamp.verify.calibration import records
from dashboards.report.figures import Ask, ReportFigure, figure
from facts.force import Force
from measures.measure import Measure, Where
from measures.rules import Rules
from producers.simulate.reporting import ReportedFact
from tests.simulate.worlds import simulation
from tests.support.forces import shipped
from tests.support.memory import MemoryState

FIRST, AS_OF = date(2024, 11, 30), datetime(2025, 1, 3, 12, tzinfo=UTC)
DAYS = 2


def force() -> Force:
    """The force whose days they are."""
    return shipped("staffordshire")


@lru_cache(maxsize=1)
def reported() -> tuple[ReportedFact, ...]:
    """Every report of these days."""
    chosen = simulation(start=FIRST)
    quick = msgspec.structs.replace(chosen, parameters=msgspec.structs.replace(chosen.parameters, warm_up_days=1))
    return tuple(quick.reported_before(quick.end_of(DAYS)))


def memory(profile: Force | None = None) -> MemoryState:
    """The product's state of these days, one partition per topic; with the force's own profile by default."""
    counted_by = profile or force()
    state = MemoryState({counted_by.name: Rules(counted_by)}, counted_by.name)
    for each in records(reported()):
        assert each.value is not None
        state.partitions[each.topic][0].feed([each.value], each.received_at)
    return state


def recount(
    profile: Force | None = None, *, keeps_facts: bool = False, spans: Sequence[NeededTime] | None = None
) -> Recount:
    """The recount of these days, with the same profile: of all subjects, or of the subjects with a fact in the given times. The caller closes it."""
    return from_records(records(reported()), [profile or force()], keeps_facts=keeps_facts, spans=spans)


def ask_memory(state: MemoryState) -> Ask:
    """The figures of the product."""

    def ask(measure: Measure, window: str, by: tuple[str, ...], where: Where) -> list[ReportFigure]:
        return [figure(measure, each) for each in state.figures(measure, window, AS_OF, by, where)]

    return ask


def ask_recount(counted: Recount) -> Ask:
    """The figures of the recount."""

    def ask(measure: Measure, window: str, by: tuple[str, ...], where: Where) -> list[ReportFigure]:
        return [figure(measure, each) for each in counted.answer(measure, force().name, window, AS_OF, by, where)]

    return ask
