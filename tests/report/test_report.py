"""The performance report: the same from the state and from the recount, with sums that add up and the published figures."""

import csv
import io
from html import unescape
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from bluelamp.cli.pdf import pdf
from bluelamp.recount.recount import Recount
from dashboards.report.build import report
from dashboards.report.document import Document, DocumentRow, Table
from dashboards.report.file import table_file
from dashboards.report.layout import SUMMARY
from dashboards.report.page import html
from dashboards.report.summary import summary
from facts.errors import PartMissingError, QuestionError
from measures.catalogue import CATALOGUE
from tests.real.parts import missing
from tests.support import december


def tables(document: Document) -> dict[str, Table]:
    return {table.title: table for section in document.sections for table in section.tables}


def row(table: Table, label: str) -> DocumentRow:
    return next(each for each in table.rows if each.label == label)


def test_the_report_of_the_state_equals_the_report_of_the_recount(document: Document, counted: Recount) -> None:
    ask = december.ask_recount(counted)
    other = report(ask, december.force(), "2024-12", december.AS_OF, is_simulated=True)
    assert tables(other) == tables(document)
    assert other == document
    assert document.remarks == ()


def test_sums_of_rows_equal_totals(document: Document) -> None:
    summed = 0
    for table in tables(document).values():
        (*parts, total) = table.rows
        if not total.is_total or CATALOGUE[total.measures[0]].unit != "count":
            continue
        for place, column in enumerate(table.columns):
            values = [each.cells[place].value for each in parts if not each.is_part]
            if all(value is not None for value in values) and total.cells[place].unit == "count" and column.period:
                assert sum(value or 0 for value in values) == total.cells[place].value, (table.title, column)
                summed += 1
    assert summed >= 21


def test_half_the_days_are_in_the_month_and_all_in_the_year(document: Document, counted: Recount) -> None:
    (whole,) = counted.answer(CATALOGUE["incident_count"], "staffordshire", "12m", december.AS_OF)
    (month,) = counted.answer(CATALOGUE["incident_count"], "staffordshire", "last_month", december.AS_OF)
    year, previous, *_, last = (cell.value for cell in row(tables(document)["Incidents"], "Incidents").cells[:5])
    assert [year, previous, last] == [whole.value, 0, month.value]
    assert 0 < (last or 0) < (year or 0)


def test_published_figures_have_their_source_and_reason(document: Document) -> None:
    emergency = tables(document)["999 calls"]
    quoted = [column.title for column in emergency.columns if column.is_published]
    assert quoted == ["Last 12 months", "Previous 12 months"]
    assert [cell.text for cell in row(emergency, "999 calls").cells[-2:]] == ["212246", "238487"]
    assert {"I1", "I2", "I3", "I11"} <= {each.number for each in emergency.disagreements}
    assert "S25 section 6.1" in emergency.sources
    assert any("85.5 per cent, 1 Dec 2023 to 30 Nov 2024" in text for text in emergency.published)
    bands = tables(document)["Wait in the local queue before the answer (minutes)"]
    assert [cell.text for cell in row(bands, "0 to 20").cells[-2:]] == ["18667", "52%"]
    months = tables(document)["Domestic Grade 2 by month"]
    assert [cell.text for cell in row(months, "Dec 2024").cells[-3:]] == ["305", "03:45:00", "03:45:00"]


def test_a_table_of_types_has_the_types_that_its_measure_can_count(document: Document) -> None:
    asb, crimes = (tables(document)[title] for title in ("ASB occurrences by type", "Crimes by type"))
    assert [each.label for each in asb.rows] == [
        "ASB - Personal Nuisance - E1",
        "ASB - Community Nuisance - E2",
        "ASB - Environmental - E3",
        "Total",
    ]
    families = [each.family for each in december.force().occurrence_types]
    assert len(crimes.rows) == families.count("crime") + 1
    assert "Rape" in {each.label for each in crimes.rows}


def test_the_report_has_every_section_of_the_published_one(document: Document) -> None:
    assert [section.title for section in document.sections] == [
        "5 Supporting victims",
        "5.1 Victims' Code compliance",
        "6 Contact and local policing",
        "6.1 Emergency calls",
        "6.1 Non emergency calls (local)",
        "6.1 Non emergency calls (triage)",
        "6.1 Non emergency calls (post triage)",
        "6.1 Non emergency calls (digital)",
        "Context: incidents",
        "6.2 Response: Grade 1",
        "6.2 Response: Grade 2",
        "6.3 Neighbourhood crime",
        "6.4 Anti-social behaviour",
        "Context: all crime",
        "7.4 and 8.2 Roads, searches and schools",
        "Context: custody",
    ]
    custody = [column.title for column in tables(document)["Custody"].columns if not column.is_published]
    assert custody[-4:] == ["Sep 2024", "Oct 2024", "Nov 2024", "Dec 2024"]


@pytest.mark.parametrize("month", ["2025-01", "2024-13", "December"])
def test_an_invalid_month_or_one_that_is_not_over_is_refused(month: str) -> None:
    with pytest.raises(QuestionError, match=month):
        report(lambda *_: [], december.force(), month, december.AS_OF)


class _Page(HTMLParser):
    """The resources that a page loads, and whether its elements are closed in order."""

    VOID = ("meta", "link", "br", "img")

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.asked += [
            value or "" for name, value in attrs if name in ("src", "href") and not (value or "").startswith("#")
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_self_contained_and_has_its_title_and_marking(document: Document) -> None:
    text = html(document)
    page = _Page()
    page.feed(text)
    assert (page.asked, page.open) == ([], [])
    assert "script" not in page.tags
    assert text.count('<p class="marking">OFFICIAL - SIMULATION - no figure is real.</p>') == 2
    assert "@bottom-center { content: var(--page-marking)" in text
    assert page.tags.count("svg") == sum(len(section.charts) for section in document.sections) > 15
    assert text.count("</desc>") == page.tags.count("svg")
    for measure in document.measures:
        assert measure.question in unescape(text)


def test_the_csv_has_every_cell_unrounded(document: Document) -> None:
    text = table_file(document)
    lines = [line for line in text.splitlines() if not line.startswith("# ")]
    assert text.startswith("# OFFICIAL - SIMULATION - no figure is real.\r\n")
    cells = list(csv.DictReader(io.StringIO("\n".join(lines))))
    shown = sum(len(each.cells) for table in tables(document).values() for each in table.rows)
    assert len(cells) > shown
    median = next(
        each
        for each in cells
        if each["row"] == "Opened to arrived (median)" and each["measure"].startswith("grade_1_opened_to_a")
    )
    exact = row(tables(document)["Grade 1"], "Opened to arrived (median)").cells[0].value
    assert (median["unit"], float(median["value"])) == ("seconds", float(exact or 0))
    assert {each["unit"] for each in cells} == {"", "count", "ratio", "seconds"}
    assert {each["published"] for each in cells} == {"yes", "no"}


def test_without_a_browser_there_is_no_pdf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(PartMissingError, match="no Chromium"):
        pdf("<p>page</p>")


@pytest.mark.real
def test_chromium_prints_the_page(document: Document) -> None:
    if reason := missing("chromium"):
        pytest.skip(reason)
    printed = pdf(html(document))
    assert printed.startswith(b"%PDF-")
    sheets = printed.count(b"/Type /Page\n")
    assert 8 < sheets <= 16, "about ten, and an appendix of four or five"


def test_the_first_page_has_the_main_figures_and_what_changed(document: Document) -> None:
    first = summary(document)
    labels = {each.label for each in first.table.rows}
    assert {"999 calls", "101 calls: average time to answer", "Grade 1: opened to arrived, within 15 minutes"} <= labels
    assert len(first.table.rows) > 18
    own = row(tables(document)["999 calls"], "999 calls")
    assert row(first.table, "999 calls").cells == tuple(replace(cell, notes=()) for cell in own.cells[:5])
    assert "Change: 999 calls (999 calls): higher than before, or rising." in first.changes
    firm = sum(len(section.charts) for section in document.sections) - first.undecided
    assert 0 < len(first.changes) + first.quiet <= firm * 2
    text = html(document)
    assert text.index("Summary") < text.index("5 Supporting victims") < text.index("Appendix: definitions")
    assert set(SUMMARY) <= set(CATALOGUE)


def test_a_public_summary_shows_no_suppressed_figure(public: Document) -> None:
    shown = {(each.measures[0], cell.text) for each in summary(public).table.rows for cell in each.cells}
    printed = {
        (name, cell.text)
        for table in tables(public).values()
        for each in table.rows
        for name in each.measures
        for cell in each.cells
    }
    assert shown <= printed
