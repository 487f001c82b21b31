"""Each figure of the Explore page against the recount, over weeks with many corrections and the end of summer time."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from statistics import median
from typing import Any, NamedTuple

import msgspec
import pytest

from bluelamp.recount.cell import Finished
from bluelamp.recount.recount import Recount
from dashboards.board.app import board
from facts.fact import FactWithdrawn
from facts.incident import IncidentOpened, UnitArrived
from facts.union import AnyFact
from measures.catalogue import CATALOGUE
from measures.outcome import KINDS
from producers.simulate.reporting import ReportedFact
from tests.board.day import FORCE, PROFILE
from tests.board.history import AS_OF, History, recount, reported
from tests.support.asgi import get
from tests.support.stores import state_server

GRADE_2 = "grade_2_opened_to_arrived_median_seconds"
DAYS_BEFORE = (35, 7, 0)
"""The first two are 26 and 27 October 2024: the hour from 1 to 2 occurs twice on that Sunday."""
NAMES = ("fact_id", "subject_id", "corrects", "withdraws", "duplicate_of")
END = AS_OF.replace(minute=0, second=0)
Clock = tuple[int, int]


class Weeks(NamedTuple):
    """The same facts in the product's state and in the recount."""

    kept: History
    counted: Recount


def moved(each: ReportedFact, days: int) -> ReportedFact:
    """The same fact about another subject, some days earlier."""
    by = timedelta(days=days)
    fact: Any = each.fact
    named = {name: f"{value}.{days}" for name in NAMES if (value := getattr(fact, name, None))}
    return msgspec.structs.replace(
        each, at=each.at - by.total_seconds(), fact=msgspec.structs.replace(fact, at=fact.at - by, **named)
    )


def corrections_of(facts: list[ReportedFact]) -> Iterator[ReportedFact]:
    """Corrections that arrive last: every fifth arrival was nine minutes later, and every twentieth incident is withdrawn."""
    arrivals = [each.fact for each in facts if isinstance(each.fact, UnitArrived)]
    opened = [each.fact for each in facts if isinstance(each.fact, IncidentOpened)]
    late: list[AnyFact] = [
        msgspec.structs.replace(
            fact, fact_id=f"{fact.fact_id}.right", corrects=fact.fact_id, at=fact.at + timedelta(minutes=9)
        )
        for fact in arrivals[::5]
    ]
    late += [
        FactWithdrawn(
            fact_id=f"{fact.fact_id}.undone",
            force=FORCE,
            at=fact.at,
            subject_id=fact.subject_id,
            withdraws=fact.fact_id,
        )
        for fact in opened[::20]
    ]
    return (ReportedFact(AS_OF.timestamp(), "command_and_control", "incidents", fact) for fact in late)


@lru_cache(maxsize=1)
def facts() -> tuple[ReportedFact, ...]:
    """Three times two days, and then their corrections."""
    first = datetime(2024, 11, 1, tzinfo=AS_OF.tzinfo).timestamp()
    base = [each for each in reported() if each.topic == "incidents" and each.at > first]
    before = [moved(each, days) for days in DAYS_BEFORE for each in base]
    return (*before, *corrections_of(before))


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weeks]:
    """The state and the recount."""
    all_facts = facts()
    with state_server(tmp_path_factory.mktemp("weeks")) as state, recount(all_facts) as counted:
        yield Weeks(History(state, all_facts), counted)


def fetch(weeks: Weeks, measure: str, query: str, what: str) -> dict[str, Any]:
    """The data that the page draws."""
    answer = get(board(weeks.kept.reader, FORCE), f"/api/{what}/{measure}", query)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = json.loads(answer.text)
    return found


def local(microseconds: int) -> datetime:
    """A time in the force's time zone."""
    return datetime.fromtimestamp(microseconds / 1_000_000, PROFILE.zone())


def is_grade_2(each: Finished) -> bool:
    """Whether it is about a Grade 2 incident."""
    return dict(zip(KINDS[each.kind].dimensions, each.dimensions, strict=True))["grade"] == "2"


def begin(count: int) -> datetime:
    """The first whole hour of the last weeks that the record covers."""
    first = min(each.fact.at for each in facts()) + timedelta(hours=1) - timedelta(microseconds=1)
    return max(END - timedelta(weeks=count), first.replace(minute=0, second=0, microsecond=0))


def by_clock(weeks: Weeks, kind: str, count: int) -> dict[Clock, list[Finished]]:
    """The recounted times of a kind in the last weeks, by local weekday and hour of their decision."""
    found: dict[Clock, list[Finished]] = defaultdict(list)
    since = begin(count)
    for each in weeks.counted.finished(kind):
        at = local(each.decided)
        if since <= at < END:
            found[at.weekday(), at.hour].append(each)
    return found


def hours(count: int) -> dict[Clock, list[datetime]]:
    """The ends of the hours of the last weeks, by local weekday and hour."""
    found: dict[Clock, list[datetime]] = defaultdict(list)
    end, since = END, begin(count)
    while end > since:
        start = (end - timedelta(hours=1)).astimezone(PROFILE.zone())
        found[start.weekday(), start.hour].append(end)
        end -= timedelta(hours=1)
    return found


def cells(weeks: Weeks, measure: str, count: int) -> dict[Clock, dict[str, Any]]:
    """All cells of the weekly pattern."""
    table = fetch(weeks, measure, f"weeks={count}", "week")["table"]
    found = {(day, hour): cell for day, row in enumerate(table["rows"]) for hour, cell in enumerate(row["cells"])}
    assert len(found) == 7 * 24
    return found


def test_the_corrections_change_what_is_counted(weeks: Weeks) -> None:
    all_facts = facts()
    wrong = [each for each in all_facts if each.at != AS_OF.timestamp()]
    assert len(all_facts) - len(wrong) > 300
    with recount(wrong) as other:
        before, after = (
            sorted(each.value for each in one.finished("opened_to_arrived")) for one in (other, weeks.counted)
        )
    assert before != after


@pytest.mark.parametrize("count", [1, 4, 6])
def test_each_cell_of_a_count_is_the_mean_of_its_hours_even_when_clocks_go_back(weeks: Weeks, count: int) -> None:
    opened, known = by_clock(weeks, "incident_opened", count), hours(count)
    if count == 6:
        assert len(known[6, 1]) - len(known[6, 2]) == 1
    filled = 0
    for clock, cell in cells(weeks, "incident_count", count).items():
        if not known[clock]:
            assert cell["text"] == "no data"
            continue
        assert cell["n"] == len(opened[clock]), clock
        assert cell["value"] == float(Fraction(len(opened[clock]), len(known[clock]))), clock
        filled += len(opened[clock])
    assert filled > 500


@pytest.mark.parametrize("count", [1, 9])
def test_each_cell_of_a_median_uses_all_its_cases_together(weeks: Weeks, count: int) -> None:
    measure = CATALOGUE[GRADE_2]
    arrived, filled = by_clock(weeks, "opened_to_arrived", count), 0
    for clock, cell in cells(weeks, GRADE_2, count).items():
        values = [each.value for each in arrived[clock] if is_grade_2(each)]
        assert cell["n"] == len(values), clock
        if len(values) < measure.minimum_n:
            assert cell["text"] == ("too few" if values else "none")
            continue
        assert cell["value"] == pytest.approx(median(values), abs=1e-9), clock
        filled += 1
    assert filled > 10


def unrecorded_since(weeks: Weeks) -> Counter[Clock]:
    """By clock, the incidents of Grade 2 that missed their target there, and whose attendance counts as unrecorded by now."""
    return Counter(
        (local(item.due).weekday(), local(item.due).hour)
        for item in weeks.counted.open("opened_to_arrived_decided")
        if dict(zip(KINDS[item.kind].dimensions, item.dimensions, strict=True))["grade"] == "2"
        and item.due is not None
        and begin(6) <= local(item.due) < END
        and item.unrecorded_from is not None
        and local(item.unrecorded_from) <= AS_OF
    )


@pytest.mark.faults
def test_each_cell_of_a_share_uses_the_targets_decided_in_its_hours(weeks: Weeks) -> None:
    name = "grade_2_opened_to_arrived_within_target_ratio"
    measure, filled = CATALOGUE[name], 0
    found = cells(weeks, name, 6)
    lost = unrecorded_since(weeks)
    for clock, ends in hours(6).items():
        parts = [weeks.counted.answer(measure, FORCE, "60m", end)[0] for end in ends]
        met, n = sum(each.met or 0 for each in parts), sum(each.n for each in parts) - lost[clock]
        assert found[clock]["n"] == n, clock
        if n >= measure.minimum_n:
            assert found[clock]["value"] == float(Fraction(met, n)), clock
            filled += 1
    assert filled > 20


def test_each_bar_and_each_share_within_a_time_agree_with_the_recount(weeks: Weeks) -> None:
    window = "2024-10-20/2024-12-01"
    bounds = [datetime.fromisoformat(day).replace(tzinfo=PROFILE.zone()).timestamp() for day in window.split("/")]
    values = sorted(
        each.value
        for each in weeks.counted.finished("opened_to_arrived")
        if is_grade_2(each) and bounds[0] <= each.began / 1_000_000 < bounds[1]
    )
    assert len(values) > 100
    data = fetch(weeks, GRADE_2, f"window={window}&by=", "explore")
    for each in data["bins"]:
        over, within = -1 if each["over"] is None else each["over"], each["within"] or max(values)
        assert each["count"] == sum(over < value <= within for value in values), each
    assert sum(each["count"] for each in data["bins"]) == len(values)
    edges = {value + more for value in values[:: len(values) // 12] for more in (-1, 0)}
    for seconds in sorted({*edges, 0, 900, 7200, max(values)}):
        share = fetch(weeks, GRADE_2, f"window={window}&by=&within={seconds}", "explore")["within"]
        assert (share["met"], share["n"]) == (sum(value <= seconds for value in values), len(values)), seconds
