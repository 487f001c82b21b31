"""Before the record begins, nothing is zero: a month that no feed covers has no figure, difference, point or limit.

The record of the force begins on 30 July 2025, so that of twenty-five months the first twenty have none.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from msgspec.structs import replace

from bluelamp.recount.recount import Recount
from bluelamp.verify.compare import Query, every_query, read_state
from bluelamp.verify.compare import compare as compare_with_recount
from dashboards.report.build import report
from dashboards.report.compare import compare
from dashboards.report.document import Document, DocumentCell, Drawn, Table
from dashboards.report.figures import CUT, NO_RECORD, from_reader
from dashboards.report.file import table_file
from dashboards.report.page import html
from dashboards.report.series import NO_PERIOD, SeriesQuery, series
from dashboards.report.suppression import SUPPRESSED
from dashboards.report.text import lines
from dashboards.report.workbook import workbook
from facts.contact import ContactOffered
from facts.fact import SubjectFact
from facts.incident import IncidentOpened
from facts.union import AnyFact, Topic
from measures.catalogue import CATALOGUE, find
from measures.chart import Grain
from measures.coverage import Coverage
from measures.measure import Where
from measures.reading import Reading
from tests.oracle.memory import MemoryReader
from tests.support import begun
from tests.support.begun import AS_OF, BEGINS, FORCE

NOTHING_BEFORE = "The record begins on 30 July 2025: there is no data before then."
OF_INCIDENTS = "The record begins on 30 July 2025 at 06:24: this figure covers only the time from then to"
IN_YEAR = f"{OF_INCIDENTS} 1 January 2026 at 00:00."
WINDOWS = ("7d", "12m", "previous_12m", "2025-07-01/2025-08-01")
AUGUST = datetime(2025, 8, 3, 12, tzinfo=begun.ZONE)


@pytest.fixture(scope="module")
def reader() -> MemoryReader:
    """The state."""
    return begun.read_by(begun.all_facts())


@pytest.fixture(scope="module")
def counted() -> Iterator[Recount]:
    """The independent recount."""
    with begun.recount_of(begun.all_facts()) as made:
        yield made


@pytest.fixture(scope="module")
def beginning() -> MemoryReader:
    """The state on 3 August, when the record is four days old and custody has not begun."""
    return begun.read_by(begun.facts_by(AUGUST), AUGUST)


def report_of(
    reader: MemoryReader, month: str = "2025-12", as_of: datetime = AS_OF, *, is_public: bool = False
) -> Document:
    return report(from_reader(reader, FORCE.name, as_of), FORCE, month, as_of, is_public=is_public)


@pytest.fixture(scope="module")
def document(reader: MemoryReader) -> Document:
    return report_of(reader)


def happened(kind: type[SubjectFact], first: datetime, end: datetime, **words: str) -> int:
    """The number of facts of a kind in a period."""
    facts = [fact for _, fact in begun.all_facts() if isinstance(fact, kind) and first <= fact.at < end]
    return sum(all(getattr(fact, name) == word for name, word in words.items()) for fact in facts)


def midnight(month: int, year: int = 2025) -> datetime:
    return datetime(year, month, 1, tzinfo=begun.ZONE)


def tables(document: Document) -> dict[str, Table]:
    return {table.title: table for section in document.sections for table in section.tables}


def cells(table: Table, label: str) -> dict[str, DocumentCell]:
    (row,) = [each for each in table.rows if each.label == label]
    titles = [f"{column.title}{' published' * column.is_published}" for column in table.columns]
    return dict(zip(titles, row.cells, strict=True))


def every_cell(document: Document) -> Iterator[tuple[str, str, DocumentCell]]:
    """Each of Blue Lamp's own cells, with its table and column."""
    for title, table in tables(document).items():
        for row in table.rows:
            for column, cell in zip(table.columns, row.cells, strict=True):
                if not column.is_published:
                    yield title, column.title, cell


def charts(document: Document) -> dict[str, Drawn]:
    return {chart.measure: chart for section in document.sections for chart in section.charts}


def read(reader: MemoryReader, measure: str, window: str, *by: str) -> list[Reading]:
    return reader.read(measure, window, by=by, as_of=AS_OF, is_now=True)


# The report.


def test_the_year_before_the_record_has_no_figure_and_nothing_is_compared_with_it(document: Document) -> None:
    found = cells(tables(document)["Incidents"], "Incidents")
    before, year = found["Previous 12 months"], found["Last 12 months"]
    assert (before.text, before.value, before.n) == (NO_RECORD, None, None)
    assert year.value == happened(IncidentOpened, BEGINS, midnight(1, 2026)) > 600
    assert [(found[title].text, found[title].value) for title in ("Difference", "% difference")] == [("-", None)] * 2
    notes = tables(document)["Incidents"].notes
    assert [notes[note - 1] for note in before.notes] == [NOTHING_BEFORE]
    assert [notes[note - 1] for note in year.notes] == [IN_YEAR]
    assert found["Dec 2025"].notes == ()


def test_breakdowns_and_bands_have_no_invented_rows(document: Document) -> None:
    compared = [(title, cell) for title, column, cell in every_cell(document) if column.endswith("ifference")]
    before = [(title, cell) for title, column, cell in every_cell(document) if column == "Previous 12 months"]
    assert len(compared) > len(before) > 100
    assert [(title, cell) for title, cell in (*compared, *before) if cell.value is not None] == []
    assert {cell.text for _, cell in compared} == {"-"}
    assert {cell.text for _, cell in before} <= {NO_RECORD, "-"}


def test_a_chart_begins_with_the_first_whole_month_of_its_own_feed(document: Document) -> None:
    begins = {name: chart.chart.points[0].start.isoformat() for name, chart in charts(document).items() if chart.chart}
    assert begins.pop("arrest_count") == "2025-10-01"  # custody begins in the morning of 12 September
    drawn = charts(document)["contact_999_offered_count"]
    assert begins["contact_999_offered_count"] == begins["incident_count"] == "2025-08-01"
    (step,) = drawn.chart.steps if drawn.chart else ()
    calls = happened(ContactOffered, midnight(8), midnight(1, 2026), line="999")
    assert (step.n, step.centre) == (5, Fraction(calls, 5))
    assert "Jul 2025" not in drawn.svg


def test_the_report_equals_the_recount_in_every_format(counted: Recount, document: Document) -> None:
    theirs = report(begun.ask_recount(counted), FORCE, "2025-12", AS_OF)
    assert tables(document) == tables(theirs)
    assert document == theirs
    for written in (table_file, html, workbook):
        assert written(document) == written(theirs)


def test_a_report_before_the_record_has_no_figure(beginning: MemoryReader) -> None:
    early = report_of(beginning, "2025-06", AUGUST)
    assert [each for each in every_cell(early) if each[2].value is not None] == []
    assert {(each.chart, each.summary) for each in charts(early).values()} == {(None, (NO_PERIOD,))}
    assert early.remarks == ()


def test_two_days_in_july_are_not_a_month(beginning: MemoryReader) -> None:
    july = report_of(beginning, "2025-07", AUGUST)
    found = cells(tables(july)["Incidents"], "Incidents")
    notes = [tables(july)["Incidents"].notes[note - 1] for note in found["Jul 2025"].notes]
    assert notes == [f"{OF_INCIDENTS} 1 August 2025 at 00:00."]
    assert found["Jul 2025"].value == found["Last 12 months"].value == happened(IncidentOpened, BEGINS, midnight(8))
    assert found["Difference"].value is None
    assert charts(july)["incident_count"].chart is None
    assert july.remarks == ()
    ask = from_reader(beginning, FORCE.name, AUGUST)
    drawn = series(ask, FORCE, SeriesQuery(find("incident_count"), count=25), AUGUST)
    assert {row.cells[0].text for row in drawn.table.rows} == {"-"}


def test_a_public_copy_says_no_record_and_suppresses_small_numbers(reader: MemoryReader, document: Document) -> None:
    public = report_of(reader, is_public=True)
    unknown = [place for place, (*_, cell) in enumerate(every_cell(document)) if cell.text == NO_RECORD]
    assert len(unknown) > 100
    assert [place for place, (*_, cell) in enumerate(every_cell(public)) if cell.text == NO_RECORD] == unknown
    assert any(cell.text == SUPPRESSED for *_, cell in every_cell(public))


# One measure over time.


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("incident_count", ("area",)),
        ("post_triage_answer_bands", ()),
        ("grade_1_opened_to_arrived_within_target_ratio", ("area",)),
        ("digital_offered_count", ("channel",)),
        ("arrest_count", ()),
    ],
)
def test_compare_gives_neither_zero_nor_difference(
    reader: MemoryReader, counted: Recount, name: str, by: tuple[str, ...]
) -> None:
    table = compare(from_reader(reader, FORCE.name, AS_OF), FORCE, find(name), AS_OF, by)
    assert table == compare(begun.ask_recount(counted), FORCE, find(name), AS_OF, by)
    for row in table.rows:
        found = cells(table, row.label)
        assert [found[title].value for title in ("Previous 12 months", "Difference", "% difference")] == [None] * 3


def test_a_comparison_gives_the_reason(reader: MemoryReader) -> None:
    text = "\n".join(lines(compare(from_reader(reader, FORCE.name, AS_OF), FORCE, find("incident_count"), AS_OF)))
    assert f"{NO_RECORD} (" in text
    assert NOTHING_BEFORE in text
    assert IN_YEAR in text


@pytest.mark.parametrize(
    ("grain", "count", "first", "known"), [("month", 25, "Aug 2025", 5), ("week", 60, "04 Aug 2025", 21)]
)
def test_months_without_a_record_are_neither_drawn_nor_counted(
    reader: MemoryReader, counted: Recount, grain: Grain, count: int, first: str, known: int
) -> None:
    asked = SeriesQuery(find("incident_count"), grain=grain, count=count)
    drawn = series(from_reader(reader, FORCE.name, AS_OF), FORCE, asked, AS_OF)
    assert drawn == series(begun.ask_recount(counted), FORCE, asked, AS_OF)
    assert [drawn.table.rows[0].label, len(drawn.table.rows)] == [first, known]
    (step,) = drawn.chart.steps if drawn.chart else ()
    assert step.n == known
    assert (step.lower() or 0) > 0


# Every reading, and what it is broken down by.


def queries() -> list[Query]:
    """Every measure over every window, and by one of its dimensions over one window; some by day and month."""
    whole = [each for each in every_query(WINDOWS, FORCE) if not each.by]
    words = [
        Query(measure=each, window=WINDOWS[place % len(WINDOWS)], by=each.dimensions()[:1])
        for place, each in enumerate(CATALOGUE.values())
        if each.feeds(FORCE)
    ]
    return [*whole, *words, *dated()]


def dated() -> list[Query]:
    """Some measures by day and month, and filtered by month."""
    limits: tuple[Where, ...] = ({}, {"month": ("2025-07", "2025-12")})
    return [
        Query(measure=find(name), window=window, by=by, where=where)
        for name in ("incident_count", "digital_offered_count", "grade_1_opened_to_arrived_median_seconds")
        for window in ("2025-07-20/2025-10-10", "2025-12-20/2026-01-20")
        for by in (("day",), ("month",), ("month", "grade") if "count" not in name else ("day", "month"), ())
        for where in limits
    ]


def test_every_reading_equals_the_recount(reader: MemoryReader, counted: Recount) -> None:
    found = compare_with_recount(read_state(reader, FORCE.name, queries(), AS_OF), counted)
    assert found.differences == []
    assert found.cells > 1000


def test_the_recount_finds_a_rule_that_covers_everything(
    reader: MemoryReader, counted: Recount, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the rule broken on purpose, zeros come back, and the comparison reports them."""
    monkeypatch.setattr(Coverage, "level", lambda *_, **__: "whole")
    assert compare_with_recount(read_state(reader, FORCE.name, dated(), AS_OF), counted).differences
    (before,) = read(reader, "incident_count", "previous_12m")
    assert before.value == 0
    assert cells(tables(report_of(reader))["Incidents"], "Incidents")["Previous 12 months"].value == 0


def test_months_without_a_record_have_cells_that_say_so(reader: MemoryReader) -> None:
    months = {
        each.dimensions["month"]: each for each in read(reader, "incident_count", "2023-12-01/2026-01-01", "month")
    }
    assert len(months) == 25
    unknown = [name for name, each in months.items() if (each.state, each.value, each.n) == ("no_data", None, None)]
    assert (len(unknown), unknown[-1]) == (19, "2025-06")
    assert (months["2025-07"].state, months["2025-08"].state) == ("in_part", "live")
    days = read(reader, "digital_offered_count", "2025-09-29/2025-10-02", "day")
    assert [(each.dimensions["day"], each.state) for each in days] == [
        ("2025-09-29", "no_data"),
        ("2025-09-30", "no_data"),
        ("2025-10-01", "live"),
    ]


def test_digital_contact_is_unknown_before_its_own_feed_began(reader: MemoryReader) -> None:
    """Calls on the same topic were covered all along."""
    (digital,) = read(reader, "digital_offered_count", "2025-08-01/2025-10-01")
    (calls,) = read(reader, "contact_999_offered_count", "2025-08-01/2025-10-01")
    assert (digital.state, digital.value, digital.n) == ("no_data", None, None)
    assert (calls.state, calls.value) == ("live", happened(ContactOffered, midnight(8), midnight(10), line="999"))


# The end of the record, and a feed that never came.


def test_a_feed_that_was_never_received_has_no_figures() -> None:
    facts = tuple((topic, fact) for topic, fact in begun.all_facts() if topic != "custody")
    reader = begun.read_by(facts)
    for measure in (each for each in CATALOGUE.values() if each.topics() == {"custody"}):
        for window in ("60m", "24h", "12m"):
            for each in reader.read(measure, window):
                assert (each.state, each.value, each.n) == ("no_data", None, None), (measure.name, window)
    found = cells(tables(report_of(reader))["Custody"], "Arrests")
    assert {found[title].text for title in ("Last 12 months", "Previous 12 months", "Dec 2025")} == {NO_RECORD}


def test_a_force_with_no_facts_at_all_has_no_figures_over_time() -> None:
    """Every feed sends heartbeats, which cover its last hour but not a day or a year."""
    reader = begun.read_by(begun.beats(AS_OF))
    for measure in (each for each in CATALOGUE.values() if each.feeds(FORCE) and not each.is_open()):
        for window in ("24h", "7d", "this_month", "12m", "previous_12m"):
            for each in reader.read(measure, window):
                assert (each.state, each.value, each.n) == ("no_data", None, None), (measure.name, window)
    (quiet,) = reader.read("contact_999_offered_count", "60m")
    assert (quiet.state, quiet.value) == ("live", 0)
    assert [each for each in every_cell(report_of(reader)) if each[2].value is not None] == []


def _earlier(one: tuple[Topic, AnyFact], years: int) -> tuple[Topic, AnyFact]:
    """The same fact of another subject, a number of 52-week years earlier."""
    topic, fact = one
    ids: dict[str, Any] = {name: f"{getattr(fact, name)}-{years}" for name in ("fact_id", "subject_id")}
    return topic, replace(fact, at=fact.at - years * timedelta(weeks=52), **ids)


@pytest.fixture(scope="module")
def two_years() -> begun.Facts:
    """A record that begins before both years of the report."""
    facts = [each for each in begun.all_facts() if isinstance(each[1], SubjectFact)]
    return tuple(_earlier(each, years) for years in (0, 1, 2) for each in facts)


def test_there_is_a_difference_if_the_record_covers_both_years(two_years: begun.Facts) -> None:
    """The rule removes no figure that is known."""
    whole = report_of(begun.read_by((*two_years, *begun.beats(AS_OF))))
    assert not any(NO_RECORD in cell.text for *_, cell in every_cell(whole))
    assert not any(CUT in table.notes for table in tables(whole).values())
    for title, label in (("Incidents", "Incidents"), ("999 calls", "999 calls"), ("Custody", "Arrests")):
        found = cells(tables(whole)[title], label)
        year, before = found["Last 12 months"].value, found["Previous 12 months"].value
        assert year
        assert before
        assert found["Difference"].value == year - before
    assert last_point(charts(whole)["incident_count"]) == "2025-12-01"


def last_point(drawn: Drawn) -> str:
    """The month of the last point that has a value."""
    points = drawn.chart.points if drawn.chart else ()
    return max(point.start for point in points if point.value is not None).isoformat()


def test_a_month_that_is_not_complete_is_neither_compared_nor_drawn(two_years: begun.Facts) -> None:
    """On 1 January the feeds are complete to ten minutes before midnight, so December is not complete."""
    now, until = (midnight(1, 2026) + timedelta(minutes=minutes) for minutes in (1, -10))
    past = tuple(each for each in two_years if each[1].at < until)
    reader = begun.read_by((*past, *begun.beats(until)), now)
    ask = from_reader(reader, FORCE.name, now)
    (figure,) = ask(find("crime_count"), "last_month", (), {})
    assert (figure.trouble, figure.is_whole) == ("", False), "its feed may be an hour behind"
    late = report_of(reader, as_of=now)
    for title, label in (("Incidents", "Incidents"), ("Crimes by LPT", "Total")):
        found = cells(tables(late)[title], label)
        assert found["Last 12 months"].value
        assert found["Previous 12 months"].value
        assert (found["Difference"].text, found["Difference"].value, found["% difference"].value) == ("-", None, None)
        assert [tables(late)[title].notes[note - 1] for note in found["Difference"].notes] == [CUT]
    assert last_point(charts(late)["incident_count"]) == "2025-11-01"
    drawn = series(ask, FORCE, SeriesQuery(find("crime_count"), count=12), now)
    assert [drawn.table.rows[-1].label, drawn.table.rows[-1].cells[0].text] == ["Dec 2025", "-"]
    assert last_point(drawn) == "2025-11-01"
