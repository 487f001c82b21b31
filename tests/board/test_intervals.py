"""The Intervals page: every cell is the independent recount of its half-hour, or a word where the record does not cover it."""

import io
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import cache
from statistics import median
from typing import Any, NamedTuple

import pytest
from python_calamine import CalamineWorkbook

from bluelamp.recount.cell import Finished, RecountOpenItem
from bluelamp.recount.recount import Recount
from dashboards.board.app import board
from dashboards.board.shared.day import half_hours, is_kept, whole_day
from dashboards.board.shared.interval_queues import QUEUES, IntervalColumn, IntervalQueue, queue_of
from facts.contact import ContactAbandoned, ContactAnswered, ContactConcluded, ContactOffered, Line
from facts.union import AnyFact, Topic
from measures.catalogue import find
from measures.display import words
from measures.measure import Count, Decided, Mean, Median, Selection, Share
from measures.outcome import KINDS, KindName, instant, microseconds
from tests.oracle.memory import MemoryReader
from tests.support.asgi import Answer, get
from tests.support.begun import FORCE, ZONE, Facts, beats, read_by, recount_of
from tests.support.csv_file import comments_and_rows

NOW = datetime(2024, 10, 27, 16, 10, 20, tzinfo=ZONE)
"""The clocks go back on this day: 01:00 to 02:00 occurs twice."""
FORWARD = datetime(2024, 3, 31, 16, 10, 20, tzinfo=ZONE)
SILENT_FOR = timedelta(hours=1, minutes=20)
"""The feeds are complete to 14:50:20 only."""
ContactFact = ContactOffered | ContactAnswered | ContactAbandoned | ContactConcluded
QUEUE_LABELS = {"999": "emergency", "101": "triage", "digital": "digital"}


class Counted(NamedTuple):
    """A recounted figure: its value, its n, and for a share the number that count towards it."""

    value: float | None
    n: int
    met: int = 0


class Watched(NamedTuple):
    """The same facts on the board and in the recount."""

    now: datetime
    reader: MemoryReader
    counted: Recount
    complete_to: datetime
    of_kind: Callable[[KindName], list[Finished]]
    facts: Facts

    def fetch(self, queue: str, query: str = "") -> dict[str, Any]:
        """The data that the page draws."""
        answer = self.get(f"/api/intervals/{queue}", query)
        assert answer.status == 200, answer.text
        found: dict[str, Any] = json.loads(answer.text)
        return found

    def get(self, path: str, query: str = "") -> Answer:
        """The answer of the board."""
        return get(board(self.reader, FORCE.name), path, query)

    def begins(self, queue: IntervalQueue) -> datetime:
        """When the record of a queue's feed begins: at the first contact of its line."""
        first = [each.decided for each in self.of_kind("contact_offered") if each.dimensions[0] == queue.line]
        return instant(min(first))

    def outcomes(self, selection: Selection, column: IntervalColumn, start: datetime, end: datetime) -> list[int]:
        """The values of the recounted outcomes of a column that were decided in a stretch of time."""
        first, after = microseconds(start), microseconds(end)
        return [
            each.value
            for each in self.of_kind(selection.kind)
            if first <= each.decided < after and is_counted(each, column)
        ]

    def overdue(self, selection: Selection, column: IntervalColumn, start: datetime, end: datetime) -> int:
        """The number of contacts that still wait and fell due in a stretch of time."""
        first, after = microseconds(start), microseconds(end)
        now = microseconds(self.now)
        return sum(
            each.due is not None and first <= each.due < after and is_counted(each, column)
            for each in self.counted.open(selection.kind)
            if each.unrecorded_from is None or each.unrecorded_from > now
        )

    def figure(self, column: IntervalColumn, start: datetime, end: datetime) -> Counted:
        """The recounted figure of a column."""
        match column.measure.statistic:
            case Count(of):
                found = len(self.outcomes(of, column, start, end))
                return Counted(found, found)
            case Mean(of):
                times = self.outcomes(of, column, start, end)
                return Counted(float(Fraction(sum(times), 10 * len(times))) if times else None, len(times))
            case Median(of):
                times = self.outcomes(of, column, start, end)
                return Counted(float(Fraction(median(times)) / 10) if times else None, len(times))
            case Share((met,), of):
                good = len(self.outcomes(met, column, start, end))
                n = sum(len(self.outcomes(each, column, start, end)) for each in of)
                return Counted(good / n if n else None, n, good)
            case Decided(of):
                decided = self.outcomes(of, column, start, end)
                n, good = len(decided) + self.overdue(of, column, start, end), sum(decided)
                return Counted(good / n if n else None, n, good)
        raise AssertionError(column)


def is_counted(each: Finished | RecountOpenItem, column: IntervalColumn) -> bool:
    """Whether a column counts an outcome."""
    named: dict[str, str] = dict(zip(KINDS[each.kind].dimensions, each.dimensions, strict=True))
    limits = (*column.measure.where.items(), *column.where.items())
    return all(named[name] in labels for name, labels in limits)


def made_up(first: datetime, until: datetime, chance: random.Random) -> Iterator[ContactFact]:
    """Calls and forms from one time to another, in UTC: answered, abandoned, sent on and still waiting."""
    at, number = first.astimezone(UTC), 0
    while at < until:
        line: Line = "digital" if number % 9 == 0 else "101" if number % 2 else "999"
        yield from _contact(f"{first:%j}.{number}", at, line, chance)
        gap = 2400 if at.hour in (4, 5) else 150  # a quiet time of the night, with half-hours of a few calls or none
        at, number = at + timedelta(seconds=round(chance.uniform(1, gap))), number + 1


def _contact(name: str, at: datetime, line: Line, chance: random.Random) -> Iterator[ContactFact]:
    same: dict[str, Any] = {"force": FORCE.name, "subject_id": name}
    queue = QUEUE_LABELS[line]
    yield ContactOffered(fact_id=f"{name}-1", at=at, line=line, queue=queue, **same)
    wait = timedelta(milliseconds=100 * chance.randrange(1, 300 if line == "999" else 3000))
    if (fate := chance.random()) < 0.1:
        yield ContactAbandoned(fact_id=f"{name}-2", at=at + wait, queue=queue, **same)
    elif fate < 0.95:
        yield ContactAnswered(fact_id=f"{name}-2", at=at + wait, queue=queue, **same)
        if line == "101" and fate < 0.6:
            then = at + wait + timedelta(minutes=2)
            yield ContactConcluded(fact_id=f"{name}-3", at=then, queue=queue, result="to_local", **same)
            yield ContactOffered(fact_id=f"{name}-4", at=then, line=line, queue="local", **same)
            end = ContactAbandoned if fate < 0.3 else ContactAnswered
            yield end(fact_id=f"{name}-5", at=then + 9 * wait, queue="local", **same)


def watched(now: datetime) -> Watched:
    """A day and the evening before it, until the feeds fell silent."""
    begins = now.replace(hour=22, minute=40, second=0) - timedelta(days=1)
    complete_to = now - SILENT_FOR
    found: list[tuple[Topic, AnyFact]] = [
        ("contacts", each) for each in made_up(begins, complete_to, random.Random(3)) if each.at < complete_to
    ]
    facts: Facts = (*found, *beats(complete_to))
    reader = read_by(facts, complete_to)
    reader.moment = microseconds(now)
    counted = recount_of(facts)
    return Watched(now, reader, counted, complete_to, cache(counted.finished), facts)


@pytest.fixture(scope="module")
def back() -> Iterator[Watched]:
    """The day on which the clocks go back."""
    found = watched(NOW)
    with found.counted:
        yield found


@pytest.fixture(scope="module")
def forward() -> Iterator[Watched]:
    """The day on which the clocks go forward."""
    found = watched(FORWARD)
    with found.counted:
        yield found


def expected(column: IntervalColumn, counted: Counted) -> str:
    """The text of a cell, from a recounted figure of a time that the record covers."""
    if column.part == "value":
        if counted.value is None:
            return "none"
        is_enough = column.measure.unit == "count" or counted.n >= column.measure.minimum_n
        return words(counted.value, column.measure.unit) if is_enough else "too few"
    return f"{counted.n if column.part == 'n' else counted.met:,}"


def check_row(day: Watched, queue: IntervalQueue, row: dict[str, Any], start: datetime, end: datetime) -> set[str]:
    """Compare a row with the recount; returns the texts of its cells."""
    is_covered = day.begins(queue) <= start + (end - start) / 10 and end <= day.complete_to
    cells, others = row["cells"][: len(queue.columns)], row["cells"][len(queue.columns) :]
    of_takers = others[: -2 if len(others) > 1 else -1]  # the last ones are the forecasts
    assert {cell["text"] for cell in of_takers} <= {"not begun" if start >= day.now else "unknown"}, (
        "nothing is recorded"
    )
    for column, cell in zip(queue.columns, cells, strict=True):
        place = (queue.name, row["label"], column.title)
        if start >= day.now:
            assert cell["text"] == "not begun", place
        elif not is_covered:
            assert cell["text"] == "unknown", place
            assert "value" not in cell, place
        else:
            assert cell["text"] == expected(column, day.figure(column, start, end)), place
    return {cell["text"] for cell in cells}


def check_day(day: Watched, queue: IntervalQueue, found: dict[str, Any], count: int) -> set[str]:
    """Compare the rows of a day with the recount; returns the texts of their cells."""
    rows, spans = found["table"]["rows"], found["intervals"]
    rows = [each for each in rows if not each["total"]]
    assert (len(rows), len(spans), found["minutes"]) == (count, count, 30)
    edges = [(datetime.fromisoformat(each["start"]), datetime.fromisoformat(each["end"])) for each in spans]
    midnight = datetime.combine(date.fromisoformat(found["day"]), time(), ZONE).astimezone(UTC)
    assert [start for start, _ in edges] == [midnight + number * timedelta(minutes=30) for number in range(count)]
    return {
        text for row, (start, end) in zip(rows, edges, strict=True) for text in check_row(day, queue, row, start, end)
    }


@pytest.mark.parametrize("queue", QUEUES, ids=[each.name for each in QUEUES])
@pytest.mark.parametrize(("name", "count"), [("back", 50), ("forward", 46)])
def test_every_cell_is_the_recount_of_its_half_hour(
    name: str, count: int, queue: IntervalQueue, request: pytest.FixtureRequest
) -> None:
    day: Watched = request.getfixturevalue(name)
    found = day.fetch(queue.name)
    texts = check_day(day, queue, found, count)
    assert texts >= {"unknown", "not begun"}
    assert len(texts) > (20 if len(queue.columns) > 3 else 5), "there are figures to compare"
    assert {each["status"] for each in found["intervals"]} == {"over", "in progress", "not begun"}
    first = {row["label"]: row["cells"][0]["text"] for row in found["table"]["rows"]}
    assert (first["14:30 to 15:00"], first["15:00 to 15:30"]) == ("unknown", "unknown"), "the feed is silent"
    assert "unknown" not in (first["00:00 to 00:30"], first["14:00 to 14:30"])
    check_total(day, queue, found)


def check_total(day: Watched, queue: IntervalQueue, found: dict[str, Any]) -> None:
    """A total that lacks a part is unknown."""
    forecasts = sum(each["title"].startswith("Forecast") for each in found["table"]["columns"])
    totals = {
        row["label"]: {cell["text"] for cell in row["cells"][:-forecasts]}
        for row in found["table"]["rows"]
        if row["total"]
    }
    assert totals == {"Total to 16:00": {"unknown"}, "Whole day": {"not over yet"}}, queue.name


@pytest.mark.parametrize("queue", QUEUES, ids=[each.name for each in QUEUES])
def test_before_the_record_begins_nothing_is_known(back: Watched, queue: IntervalQueue) -> None:
    found = back.fetch(queue.name, "day=2024-10-26")
    assert "unknown" in check_day(back, queue, found, 48)
    first = [row["cells"][0]["text"] for row in found["table"]["rows"]]
    assert set(first[:46]) == {"unknown"}, "the record begins in the last of these half-hours"
    assert "unknown" not in first[46:48]
    assert first[48:] == ["unknown"], "so the total is not known"


def test_half_hours_add_up_to_the_total_of_their_time(back: Watched) -> None:
    earlier = back._replace(now=back.complete_to)
    back.reader.moment = microseconds(back.complete_to)
    try:
        rows = earlier.fetch("999")["table"]["rows"]
    finally:
        back.reader.moment = microseconds(NOW)
    cells = {row["label"]: row["cells"] for row in rows}
    over = [row["cells"] for row in rows[: 2 * 15 + 1]]  # 25 hours: the hour from 1 to 2 counts twice
    for place in range(3):
        assert cells["Total to 14:30"][place]["value"] == sum(each[place]["value"] for each in over)
    start, columns = datetime(2024, 10, 27, 14, 30, tzinfo=ZONE), QUEUES[0].columns
    assert [cell["text"] for cell in cells["14:30 to 15:00, so far"][: len(columns)]] == [
        expected(each, earlier.figure(each, start, back.complete_to)) for each in columns
    ]
    midnight = start.replace(hour=0, minute=0)
    assert [cell["text"] for cell in cells["Total to 14:30"][: len(columns)]] == [
        expected(each, earlier.figure(each, midnight, start)) for each in columns
    ]


def test_the_page_names_the_clock_change_and_each_time_that_occurs_twice(back: Watched, forward: Watched) -> None:
    found = back.fetch("999")
    labels = [row["label"] for row in found["table"]["rows"]]
    assert labels[2:6] == [
        "01:00 BST to 01:30 BST",
        "01:30 BST to 01:00 GMT",
        "01:00 GMT to 01:30 GMT",
        "01:30 GMT to 02:00",
    ]
    assert "Sun 27 Oct 2024: the clocks go back: this day has 25 hours" in " ".join(found["says"])
    links = [row["cells"][0].get("href") for row in found["table"]["rows"][2:7]]
    assert links[1:4] == [None, None, None], "an address cannot name a time that occurs twice"
    assert links[4] == "/measure/contact_999_offered_count?window=2024-10-27T02:00/2024-10-27T02:30"
    found = forward.fetch("999")
    assert [row["label"] for row in found["table"]["rows"][1:3]] == ["00:30 to 02:00", "02:00 to 02:30"]
    assert "the clocks go forward: this day has 23 hours" in " ".join(found["says"])


@pytest.mark.parametrize(
    ("query", "label", "why"),
    [
        ("day=2024-10-26", "12:00 to 12:30", "The record begins on 26 October 2024 at 22:"),
        ("", "15:00 to 15:30", "Not live since 27 October 2024 at 14:50:20"),
    ],
)
def test_each_unknown_cell_says_why(back: Watched, query: str, label: str, why: str) -> None:
    table = back.fetch("triage", query)["table"]
    (row,) = [each for each in table["rows"] if each["label"] == label]
    assert why in table["notes"][row["cells"][0]["notes"][0] - 1]


def test_a_day_before_the_record_is_unknown_and_a_time_that_the_clock_change_repeats_has_no_match(
    back: Watched,
) -> None:
    found = back.fetch("999", "compare=week_before")
    assert (found["minutes"], len(found["intervals"]), found["other_day"]) == (30, 50, "2024-10-20")
    columns = [(each["title"], each["brief"]) for each in found["table"]["columns"][:2]]
    assert columns == [("Offered", "Sun 27 Oct 2024"), ("Offered", "Sun 20 Oct 2024")]
    second = {row["label"]: row["cells"][1]["text"] for row in found["table"]["rows"]}
    assert second["01:00 BST to 01:30 BST"] == "unknown", "there was no record a week before"
    assert second["01:00 GMT to 01:30 GMT"] == "no such time"


@pytest.fixture(scope="module")
def year() -> Iterator[Watched]:
    """Some hours of the same weekday this week, last week and 52 weeks ago; nothing happened in between."""
    now = datetime(2024, 11, 28, 12, 40, 20, tzinfo=ZONE)
    mornings = [now.replace(hour=7) - timedelta(weeks=weeks) for weeks in (52, 1, 0)]
    found: list[tuple[Topic, AnyFact]] = [
        ("contacts", each)
        for begun in mornings
        for each in made_up(begun, begun.replace(hour=12), random.Random(3))
        if each.at < now
    ]
    # The first heartbeats settle all but three days, so that the minutes of a year ago are no longer kept.
    facts: Facts = (*found, *beats(now - timedelta(days=3)), *beats(now))
    counted = recount_of(facts)
    with counted:
        yield Watched(now, read_by(facts, now), counted, now, cache(counted.finished), facts)


@pytest.mark.parametrize("queue", QUEUES, ids=[each.name for each in QUEUES])
@pytest.mark.parametrize(("compare", "weeks"), [("week_before", 1), ("52_weeks_before", 52)])
def test_each_half_hour_of_last_week_and_last_year_is_its_recount(
    year: Watched, queue: IntervalQueue, compare: str, weeks: int
) -> None:
    found = year.fetch(queue.name, f"compare={compare}")
    begins, texts = year.begins(queue), set[str]()
    for row, each in zip(found["table"]["rows"], found["intervals"], strict=False):
        start = datetime.fromisoformat(each["start"])
        earlier = start - timedelta(weeks=weeks)
        for column, cell in zip(queue.columns, row["cells"][1::2], strict=False):
            place = (queue.name, row["label"], column.title)
            recounted = expected(column, year.figure(column, earlier, earlier + timedelta(minutes=30)))
            assert cell["text"] == ("unknown" if earlier < begins - timedelta(minutes=3) else recounted), place
            texts.add(cell["text"])
    assert len(texts) > (15 if len(queue.columns) > 3 else 5), "there are figures to compare"
    check_other_day(year, queue, found, weeks)


def check_other_day(year: Watched, queue: IntervalQueue, found: dict[str, Any], weeks: int) -> None:
    """The total of the other day, that day by itself, and the page behind one of its figures say the same."""
    day = date.fromisoformat(found["other_day"])
    start = datetime.combine(day, time(), ZONE)
    totals = {row["label"]: [each["text"] for each in row["cells"]] for row in found["table"]["rows"] if row["total"]}
    alone = year.fetch(queue.name, f"day={day}")["table"]["rows"]
    cells = [row["cells"][0] for row in alone]
    assert [each["text"] for each in cells[:48]] == [row["cells"][1]["text"] for row in found["table"]["rows"][:48]]
    offered = expected(queue.columns[0], year.figure(queue.columns[0], start, start + timedelta(days=1)))
    whole = "unknown" if weeks > 1 else offered
    assert (totals["Whole day"][1], cells[-1]["text"]) == (whole, whole), "the record begins on the day a year ago"
    path, _, query = cells[20]["href"].partition("?")
    behind = json.loads(year.get(f"/api{path}", query).text)
    assert behind["tile"]["text"] == cells[20]["text"]


def test_every_column_can_be_read_by_half_hours() -> None:
    assert {each.name for queue in QUEUES for each in queue.columns if not each.measure.has_half_hours()} == set()
    assert not find("incident_count").has_half_hours()
    assert not find("contact_999_waiting_count").has_half_hours()


def test_a_day_whose_half_hours_are_gone_has_only_its_total_by_the_start_of_each_contact(back: Watched) -> None:
    """56 weeks and a day later, the same evening and day."""
    later = NOW + timedelta(weeks=56, days=1)
    beats_later = [fact for topic, fact in beats(later) if topic == "contacts"]
    again = read_by(back.facts, back.complete_to)
    again.moment = microseconds(later)
    again.caches["contacts"].receive(beats_later, later)
    found = back._replace(now=later, reader=again).fetch("999", "day=2024-10-27")
    assert (found["minutes"], found["intervals"]) == (0, [])
    assert "only the total is kept" in found["says"][0]
    (row,) = found["table"]["rows"]
    first, after = (microseconds(datetime(2024, 10, day, tzinfo=ZONE)) for day in (27, 28))
    began = [
        each for each in back.of_kind("contact_offered") if each.dimensions[0] == "999" and first <= each.began < after
    ]
    assert row["label"] == "Whole day"
    assert row["cells"][0]["value"] == len(began) > 100
    assert row["cells"][0]["href"] == "/measure/contact_999_offered_count?window=2024-10-27/2024-10-28"


@pytest.mark.parametrize(
    ("day", "kept"),
    [("2024-10-27", True), ("2023-10-02", True), ("2023-10-01", False)],
)
def test_half_hours_are_kept_for_56_weeks(day: str, kept: bool) -> None:
    assert is_kept("half_hour", date.fromisoformat(day), NOW, ZONE) == kept


@pytest.mark.parametrize(("day", "count"), [("2024-10-27", 50), ("2024-10-28", 48), ("2025-03-30", 46)])
def test_a_day_has_as_many_half_hours_as_it_has(day: str, count: int) -> None:
    assert len(half_hours(whole_day(date.fromisoformat(day), ZONE))) == count


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("day=2024-10-28", "day", "2024-10-28 has not begun."),
        ("day=yesterday", "day", "is not a valid date"),
        ("day=2022-01-01", "day", "Days are kept for 26 months"),
        ("day=9999-12-31", "day", "has not begun"),
        ("day=0001-01-01", "day", "Days are kept for 26 months"),
        ("day=2022-10-01&compare=52_weeks_before", "compare", "Days are kept for 26 months"),
        ("compare=year_before", "compare", "There is no comparison"),
    ],
)
def test_a_day_without_figures_is_refused_next_to_its_field(back: Watched, query: str, field: str, said: str) -> None:
    page, data = back.get("/intervals", f"queue=999&{query}"), back.get("/api/intervals/999", query)
    assert (page.status, data.status) == (400, 404)
    assert f'aria-invalid="true" aria-describedby="{field}-error' in page.text
    assert said in page.text
    assert said in json.loads(data.text)["title"]
    assert "/csv/intervals" not in page.text


def test_an_unknown_queue_is_not_found(back: Watched) -> None:
    assert back.get("/intervals", "queue=100").status == back.get("/api/intervals/100").status == 404


def test_the_file_has_the_cells_of_the_page(back: Watched) -> None:
    head, (names, *rows) = comments_and_rows(back.get("/csv/intervals/post_triage").text)
    table = back.fetch("post_triage")["table"]
    assert [dict(zip(names, row, strict=True))["shown"].removeprefix("'") for row in rows] == [
        cell["text"] for row in table["rows"] for cell in row["cells"]
    ]
    assert ["Queue", "101 after triage"] in head
    assert any(line[0] == "Heading Mean wait" and line[-1] == "queue is local" for line in head)


def test_the_workbook_has_the_figures_of_the_page_as_numbers(back: Watched) -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(back.get("/xlsx/intervals/triage").body))
    (head, *rows), about = (book.get_sheet_by_index(each).to_python() for each in (0, 1))
    table, numbers = back.fetch("triage")["table"], 0
    assert [str(each).partition(",")[0] for each in head[1:]] == [each["title"] for each in table["columns"]]
    for (label, *cells), row in zip(rows, table["rows"], strict=False):
        assert label == row["label"]
        for found, cell in zip(cells, row["cells"], strict=True):
            exact = cell.get("value")  # workbooks keep fifteen digits
            assert str(found).startswith(cell["text"]) if exact is None else found == pytest.approx(exact, rel=1e-14), (
                label
            )
            numbers += isinstance(found, int | float)
    assert numbers > 100
    assert ["Queue", "101 triage"] in [each[:2] for each in about]


def test_the_row_of_the_present_is_marked(back: Watched) -> None:
    marked = [row["label"] for row in back.fetch("999")["table"]["rows"] if row.get("current")]
    assert marked == ["16:00 to 16:30, so far"]
    assert not any("current" in row for row in back.fetch("999", "day=2024-10-26")["table"]["rows"])


def test_contact_measures_lead_to_their_queue(back: Watched) -> None:
    assert queue_of(find("contact_999_waiting_count")) == "999"
    assert queue_of(find("triage_abandoned_ratio")) == "triage"
    assert queue_of(find("post_triage_longest_wait_seconds")) == "post_triage"
    assert queue_of(find("incident_count")) == ""
    assert 'href="/intervals?queue=999"' in back.get("/measure/contact_999_waiting_count").text
    now = back.get("/").text
    assert [f'href="/intervals?queue={each}"' in now for each in ("999", "101")] == [True] * 2
