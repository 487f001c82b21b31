"""The handover sheet: each figure of the shift and of earlier weeks agrees with a recount, and open items agree with the state."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from statistics import median
from typing import Any, NamedTuple, cast

import pytest
from redis import Redis

from bluelamp.recount.load import LogRecord, from_records
from dashboards.board.handover.data import WEEKS, Handover, compared, read_handover
from dashboards.board.shared.detentions import read_detentions
from dashboards.board.shared.page import View
from facts.contact import ContactAbandoned, ContactAnswered, ContactOffered
from facts.union import Topic
from facts.wire import encode
from measures.catalogue import find
from measures.display import words
from streams.readings import Reader
from tests.board.day import FORCE, MOMENT, PROFILE, RULES, Day, keep, send_heartbeats
from tests.support.memory import MemoryState
from tests.support.stores import state_server

NOW = MOMENT.replace(hour=13, minute=20, second=7)
START = NOW.replace(hour=7, minute=0, second=0)
MISSED = timedelta(seconds=9.95)
"""Waits are rounded to a tenth of a second: from this wait on the result is no longer under 10 s."""
ROWS = {
    "999 calls": "count",
    "999 answered within target": "within",
    "999 average time to answer": "mean",
    "999 median time to answer": "median",
    "999 abandoned": "abandoned",
}


class Call(NamedTuple):
    """A made-up 999 call: when it was offered, its wait in tenths of a second, and whether it was answered."""

    at: datetime
    tenths: int
    is_answered: bool

    def ends(self) -> datetime:
        """When it was answered or abandoned."""
        return self.at + timedelta(milliseconds=100 * self.tenths)


def made_up() -> list[Call]:
    """Calls of five Tuesdays: some before the shift, some after the last whole hour, one on each edge."""
    chance = random.Random(5)
    days = [START - timedelta(weeks=weeks) for weeks in range(WEEKS + 1)]
    calls = [Call(START - timedelta(weeks=WEEKS, days=1), 10, is_answered=True)]
    for number, day in enumerate(days):
        edges = [day, day + timedelta(hours=6), day + timedelta(hours=5, minutes=59, seconds=50)]
        spread = [day + timedelta(seconds=chance.uniform(-3600, 6.3 * 3600)) for _ in range(40 + 7 * number)]
        times = [each for each in [*edges, *spread] if each < NOW - timedelta(minutes=2)]
        calls += [Call(_whole(at), chance.randrange(1, 300), chance.random() < 0.9) for at in times]
    return sorted(calls)


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=0)


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[Call], Handover]]:
    """The calls, and the handover sheet of them."""
    calls = made_up()
    with state_server(tmp_path_factory.mktemp("weeks")) as state:
        memory = MemoryState(RULES, FORCE)
        for number, call in enumerate(calls):
            common: dict[str, Any] = {"force": FORCE, "subject_id": f"c{number}", "queue": "emergency"}
            end = ContactAnswered if call.is_answered else ContactAbandoned
            facts = [
                ContactOffered(fact_id=f"c{number}-1", at=call.at, line="999", **common),
                end(fact_id=f"c{number}-2", at=call.ends(), **common),
            ]
            memory.partitions["contacts"][0].feed([encode(facts)], call.ends())
        send_heartbeats(memory, NOW)
        keep(memory, state.url)
        with Redis.from_url(state.url, decode_responses=True) as client:
            reader = Reader(client, "test", RULES, lambda: NOW)
            view = View(reader, FORCE, None, dict)  # type: ignore[arg-type]
            yield calls, reader.at_one_moment(lambda: read_handover(view, is_last=False))


def recounted(calls: list[Call], start: datetime, end: datetime) -> dict[str, tuple[str, str]]:
    """Each row over a span of time, worked out from the calls: a call counts at its decision time."""
    offered = [each for each in calls if start <= each.at < end]
    answered = [each for each in calls if each.is_answered and start <= each.ends() < end]
    left = [each for each in calls if not each.is_answered and start <= each.ends() < end]
    decided = [
        each.tenths < 100 for each in calls if each.is_answered and start <= min(each.ends(), each.at + MISSED) < end
    ]
    waits = [each.tenths for each in answered]
    return {
        "count": (str(len(offered)), ""),
        "within": (_percent(Fraction(sum(decided), len(decided))), f"n {len(decided)}"),
        "mean": (_seconds(Fraction(sum(waits), 10 * len(waits))), f"n {len(waits)}"),
        "median": (_seconds(Fraction(median(waits)) / 10), f"n {len(waits)}"),
        "abandoned": (_percent(Fraction(len(left), len(left) + len(answered))), f"n {len(left) + len(answered)}"),
    }


def _percent(share: Fraction) -> str:
    return f"{_rounded(share * 100)}%"


def _seconds(value: Fraction) -> str:
    return f"{_rounded(value)} s"


def _rounded(value: Fraction) -> Decimal:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)


def test_this_shift_and_each_earlier_week_agree_with_a_recount_of_the_calls(weeks: tuple[list[Call], Handover]) -> None:
    calls, found = weeks
    assert found.shift == "Earlies, Tue 03 Dec 2024, 07:00 to 15:00"
    assert found.made_at == "Tue 03 Dec 2024, 13:20:07"
    days = ("Tue 03 Dec", "Tue 26 Nov", "Tue 19 Nov", "Tue 12 Nov", "Tue 05 Nov")
    assert found.comparison.columns == ["So far, 07:00 to 13:20", *(f"{day}, 07:00 to 13:00" for day in days)]
    spans = [
        (START, NOW),
        *((START - timedelta(weeks=back), START + timedelta(hours=6, weeks=-back)) for back in range(WEEKS + 1)),
    ]
    expected = [recounted(calls, start, end) for start, end in spans]
    rows = {row.title: [(cell.text, cell.n) for cell in row.cells] for row in found.comparison.rows}
    for title, name in ROWS.items():
        assert rows[title] == [each[name] for each in expected], title
    assert len({each["mean"] for each in expected}) == len(expected), (
        "the weeks must differ, or one could be mistaken for another"
    )


def test_every_figure_of_the_previous_shift_agrees_with_a_recount_of_the_log(day: Day) -> None:
    found = day.reader.at_one_moment(lambda: read_handover(day.view, is_last=True))
    assert found.shift == "Earlies, Tue 03 Dec 2024, 07:00 to 15:00"
    assert found.comparison.columns[0] == "Tue 03 Dec, 07:00 to 15:00"
    records = (
        LogRecord(cast(Topic, topic), 0, number, MOMENT, encode([fact]))
        for number, (topic, fact) in enumerate(day.facts)
    )
    last = MOMENT.replace(hour=14, minute=59, second=59)
    with from_records(records, [PROFILE]) as recount:
        expected = [
            (measure, recount.answer(measure, FORCE, "shift", last, (), where)[0]) for measure, where in compared()
        ]
    assert [row.cells[0].text for row in found.comparison.rows] == [
        words(cell.value, measure.unit) if measure.unit == "count" or cell.n >= measure.minimum_n else "too few"
        for measure, cell in expected
    ]
    assert [row.cells[0].n for row in found.comparison.rows] == [
        "" if measure.unit == "count" else f"n {cell.n:,}" for measure, cell in expected
    ]
    assert {cell.text for row in found.comparison.rows for cell in row.cells[1:]} == {"no record"}


def test_open_items_agree_with_the_state(day: Day) -> None:
    found = day.reader.at_one_moment(lambda: read_handover(day.view, is_last=False))
    assert found.shift == "Lates, Tue 03 Dec 2024, 15:00 to 23:00"
    assert found.comparison.columns == ["So far, 15:00 to 15:40"]
    assert found.comparison.says == "No comparison yet: the first full hour of this shift has not ended."
    assert {each.trouble for each in found.feeds} == {""}
    breaches = {each.name: each for each in found.breaches}
    for name in ("grade_1_unattended_over_15_minutes_count", "grade_2_unattended_over_2_hours_count"):
        listed = day.reader.listed(find(name), force=FORCE)
        oldest = sorted(listed, key=lambda each: each.item.due or each.item.since)[:5]
        assert breaches[name].text == str(len(listed))
        assert [each.partition(",")[0] for each in breaches[name].subjects] == [each.subject_id for each in oldest]
        assert breaches[name].left == len(listed) - len(oldest)
    assert len(found.breaches) + found.at_zero == 12
    assert [*found.detentions] == read_detentions(day.view)[:10]
    assert found.left == len(read_detentions(day.view)) - 10


def test_each_feed_that_is_not_live_is_named_and_no_unknown_breach_counts_as_zero(day: Day) -> None:
    later = Reader(day.client, "test", RULES, lambda: MOMENT + timedelta(hours=2))
    found = later.at_one_moment(lambda: read_handover(day.view._replace(reader=later), is_last=True))
    assert all("Not live since" in each.trouble for each in found.feeds)
    assert found.at_zero == 0
    assert {each.is_live for each in found.breaches} == {False}
    assert {each.text for each in found.breaches} == {"not live since 15:40"}
    assert found.custody.mark == "as last known at 03 Dec 15:40:19"
    assert len(found.detentions) == 10
    assert found.comparison.rows[0].cells[0].text != "no record", (
        "the ended shift was received before the feeds fell silent"
    )
