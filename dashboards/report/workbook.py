"""The report as an Excel workbook: a sheet for each table, figures as numbers formatted as on the page, and the marking on each sheet."""

import io
import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from dashboards.report.definitions import CHARTS, ROUNDING, definition
from dashboards.report.document import Column, Document, DocumentCell, DocumentRow, Drawn, Table
from dashboards.report.text import number
from dashboards.report.words import MINUS, NOTHING, Unit, is_nothing, rounded
from measures.spreadsheet import safe_cell

FIRST_ROW = 4
"""The first row of figures, counted from 0. Above it are the caption, the report's title and two rows of headings."""
_CONTENTS, _DEFINITIONS = "Contents", "Definitions"
_A4, _NAME_CHARACTERS, _WORDS_WIDTH, _HEADING_WIDTH, _FIGURE_WIDTH = 9, 31, 110, 46, 15
_TINT, _QUIET = "#EEF2F6", "#4D5A68"
_DAY_SECONDS = 86400
_QUOTED = re.compile(r"(?P<whole>-?\d[\d,]*)(\.(?P<places>\d+))?(?P<percent>%)?")
_QUOTED_CLOCK = re.compile(r"(\d+):(\d\d):(\d\d)")


class Number(Struct, frozen=True):
    """A number in a workbook.

    Attributes:
        value: the value of the cell.
        code: the number format that displays it as on the page.
    """

    value: float
    code: str


def workbook(document: Document) -> bytes:
    """The workbook. The same document always gives the same bytes."""
    content = io.BytesIO()
    # Spreadsheets display negative times, such as a fall in a median, only in workbooks that count days from 1904.
    with Workbook(content, {"in_memory": True, "date_1904": True}) as workbook:
        workbook.set_properties(
            {
                "title": f"{document.title}, {document.month:%B %Y}",
                "company": document.force,
                "comments": document.marking,
                "created": document.as_of.replace(tzinfo=None),
            }
        )
        _Sheets(workbook, document).write()
    return content.getvalue()


def printed(cell: DocumentCell, *, is_published: bool) -> Number | None:
    """The number of a cell; None where the cell is text."""
    if is_published:
        return _quoted(cell.text)
    if cell.value is None or cell.printed is None:
        return None
    return Number(_stored(cell.value, cell.printed), _code(cell, cell.printed))


def _stored(value: Fraction, unit: Unit) -> float:
    """The unrounded value in the displayed unit; as spreadsheets expect, a percentage as a share of 1 and a time in days."""
    if unit.kind == "clock":
        # Rounded to a second: as a fraction of a day, half a second is not exact, and some programs cut it off.
        return float(rounded(value, 0)) / _DAY_SECONDS
    return float(value) if unit.kind == "percent" else number(unit.scaled(value)) or 0


def _code(cell: DocumentCell, unit: Unit) -> str:
    digits = "[h]:mm:ss" if unit.kind == "clock" else f"#,##0{_decimals(unit.places)}"
    suffix = {"percent": "%", "points": '" pp"'}.get(unit.kind, "")
    body = digits + suffix + "".join(f'" ({note})"' for note in cell.notes)
    if not unit.is_signed:
        return body
    plus, minus = ("", "") if is_nothing(cell.text) else ("+", MINUS)
    return f"{plus}{body};{minus}{body};{body}"


def _quoted(text: str) -> Number | None:
    """A published figure that is a plain number, formatted so that it displays as published."""
    if clock := _QUOTED_CLOCK.fullmatch(text):
        hours, minutes, seconds = map(int, clock.groups())
        return Number((hours * 3600 + minutes * 60 + seconds) / _DAY_SECONDS, f"[{'h' * len(clock[1])}]:mm:ss")
    found = _QUOTED.fullmatch(text)
    if found is None:
        return None
    whole, percent = found["whole"], found["percent"] or ""
    value = Fraction(f"{whole.replace(',', '')}.{found['places'] or 0}") / (100 if percent else 1)
    return Number(
        float(value),
        f"{'#,##0' if ',' in whole else '0'}{_decimals(len(found['places'] or ''))}{percent}",
    )


def _decimals(places: int) -> str:
    return f".{'0' * places}" if places else ""


class _Sheets:
    """Writes the sheets of a report.

    Args:
        workbook: the workbook to write to.
        document: the report.
    """

    def __init__(self, workbook: Workbook, document: Document) -> None:
        self._workbook, self._document = workbook, document
        self._formats: dict[tuple[tuple[str, Any], ...], Format] = {}

    def write(self) -> None:
        """Write every sheet: contents, tables, charts and definitions."""
        contents = self._sheet(_CONTENTS)
        entries: list[tuple[str, str, str]] = []
        for section in self._document.sections:
            for table, drawn in (
                *((each, None) for each in section.tables),
                *((each.table, each) for each in section.charts),
            ):
                words = f"{table.title}: control chart by month" if drawn else table.title
                # The number keeps names unique after they are cut to the length that Excel allows.
                name = re.sub(r"[\[\]:*?/\\']", " ", f"{len(entries) + 1} {table.title}")[:_NAME_CHARACTERS].strip()
                self._table(self._sheet(name), section.title, words, table, drawn)
                entries.append((name, section.title, words))
        self._definitions(self._sheet(_DEFINITIONS))
        self._contents(contents, [*entries, (_DEFINITIONS, "", _DEFINITIONS)])

    def _sheet(self, name: str) -> Worksheet:
        sheet = self._workbook.add_worksheet(name)
        marking = self._document.marking.replace("&", "&&")
        sheet.set_header(f"&C&B{marking}")
        sheet.set_footer(f"&L&A&C&B{marking}&R&P / &N")
        sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)
        sheet.hide_gridlines(2)
        return sheet

    def _style(self, **properties: Any) -> Format:
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._workbook.add_format(properties)
        return self._formats[key]

    def _contents(self, sheet: Worksheet, entries: Sequence[tuple[str, str, str]]) -> None:
        document = self._document
        sheet.set_column(0, 0, _HEADING_WIDTH)
        sheet.set_column(1, 1, _WORDS_WIDTH)
        write_text(sheet, 0, 0, document.marking, self._style(bold=True))
        write_text(sheet, 1, 0, f"{document.title}, {document.month:%B %Y}", self._style(bold=True, font_size=16))
        words = f"{document.force}. Last 12 months: {document.period}. Figures as of {document.as_of:%d %B %Y, %H:%M}."
        place = 2
        for text in (words, *document.remarks, ROUNDING):
            sheet.merge_range(place, 0, place, 1, safe_cell(text), self._style(text_wrap=True, valign="top"))
            sheet.set_row(place, 15 * (1 + len(text) // (_HEADING_WIDTH + _WORDS_WIDTH)))
            place += 1
        for line, (name, section, title) in enumerate(entries, start=place + 1):
            write_text(sheet, line, 0, section)
            sheet.write_url(line, 1, f"internal:'{name}'!A1", string=safe_cell(title))

    def _table(self, sheet: Worksheet, section: str, words: str, table: Table, drawn: Drawn | None) -> None:
        document = self._document
        sheet.set_column(0, 0, _HEADING_WIDTH)
        sheet.set_column(1, max(1, len(table.columns)), _FIGURE_WIDTH)
        write_text(sheet, 0, 0, words, self._style(bold=True, font_size=13))
        write_text(
            sheet,
            1,
            0,
            f"{document.force}, {document.title}, {document.month:%B %Y}. {section}.",
            self._style(font_color=_QUIET),
        )
        self._headings(sheet, table)
        sheet.freeze_panes(FIRST_ROW, 1)
        sheet.repeat_rows(FIRST_ROW - 2, FIRST_ROW - 1)
        for place, row in enumerate(table.rows, start=FIRST_ROW):
            self._row(sheet, place, table.columns, row, is_series=drawn is not None)
        after = FIRST_ROW + len(table.rows) + 1
        for place, text in enumerate((*_below(table), *(drawn.summary if drawn else ())), start=after):
            write_text(sheet, place, 0, text, self._style(font_color=_QUIET))
        if drawn and drawn.chart:
            self._chart(sheet, table, drawn)

    def _headings(self, sheet: Worksheet, table: Table) -> None:
        head = {"bold": True, "text_wrap": True, "valign": "bottom", "bottom": 2}
        write_text(sheet, FIRST_ROW - 1, 0, table.heading, self._style(**head))
        for place, column in enumerate(table.columns, start=1):
            text = f"{column.title}\n{column.brief}" if column.brief else column.title
            shade = {"bg_color": _TINT, "italic": True} if column.is_published else {}
            write_text(sheet, FIRST_ROW - 1, place, text, self._style(**head, **shade, align="right"))
        quoted = [place for place, column in enumerate(table.columns, start=1) if column.is_published]
        style = self._style(bold=True, italic=True, align="center", bg_color=_TINT)
        if len(quoted) > 1:
            sheet.merge_range(FIRST_ROW - 2, quoted[0], FIRST_ROW - 2, quoted[-1], "As published", style)
        elif quoted:
            write_text(sheet, FIRST_ROW - 2, quoted[0], "As published", style)

    def _row(
        self, sheet: Worksheet, place: int, columns: Sequence[Column], row: DocumentRow, *, is_series: bool
    ) -> None:
        line = {"bold": True, "top": 2} if row.is_total else {}
        label = f"{row.label} ({row.unit})" if row.unit and row.unit != "%" else row.label
        write_text(sheet, place, 0, label, self._style(**line, indent=2 if row.is_part else 0))
        for number_of, (column, cell) in enumerate(zip(columns, row.cells, strict=True), start=1):
            shade = {"bg_color": _TINT, "italic": True} if column.is_published else {}
            figure = printed(cell, is_published=column.is_published)
            if figure:
                style = self._style(**line, **shade, num_format=figure.code, align="right")
                sheet.write_number(place, number_of, figure.value, style)
            elif not (is_series and cell.text == NOTHING):
                # A chart draws text as zero, but leaves a gap for an empty cell.
                text = cell.text + "".join(f" ({note})" for note in cell.notes)
                write_text(sheet, place, number_of, text, self._style(**line, **shade, align="right"))

    def _chart(self, sheet: Worksheet, table: Table, drawn: Drawn) -> None:
        """A chart next to the table, which the spreadsheet draws from the cells."""
        chart = self._workbook.add_chart({"type": "line"})
        last = FIRST_ROW + len(table.rows) - 1
        looks = (
            {"color": "#12406F", "width": 1.75},
            {"color": "#4D5A68"},
            *({"color": "#4D5A68", "dash_type": "dash"},) * 2,
        )
        for column, look in enumerate(looks, start=1):
            chart.add_series(
                {
                    "name": [sheet.get_name(), FIRST_ROW - 1, column],
                    "categories": [sheet.get_name(), FIRST_ROW, 0, last, 0],
                    "values": [sheet.get_name(), FIRST_ROW, column, last, column],
                    "line": look,
                    "marker": {"type": "circle" if column == 1 else "none"},
                }
            )
        chart.show_blanks_as("gap")
        chart.set_title({"name": drawn.title, "name_font": {"size": 12}})
        chart.set_legend({"position": "bottom"})
        chart.set_size({"width": 820, "height": 420})
        sheet.insert_chart(FIRST_ROW, len(table.columns) + 2, chart, {"description": " ".join(drawn.summary)})

    def _definitions(self, sheet: Worksheet) -> None:
        sheet.set_column(0, 0, _HEADING_WIDTH)
        sheet.set_column(1, 1, _WORDS_WIDTH)
        write_text(sheet, 0, 0, _DEFINITIONS, self._style(bold=True, font_size=13))
        rows = [("Control charts", CHARTS), *((each.title, definition(each)) for each in self._document.measures)]
        if self._document.uncarried:
            rows.append(("Not included", f"This force has no feed for: {'; '.join(self._document.uncarried)}."))
        for place, (name, words) in enumerate(rows, start=2):
            write_text(sheet, place, 0, name, self._style(bold=True, text_wrap=True, valign="top"))
            write_text(sheet, place, 1, words, self._style(text_wrap=True, valign="top"))


def write_text(sheet: Worksheet, row: int, column: int, text: str, style: Format | None = None) -> None:
    """Write text that stays text, also if the workbook is saved as CSV and opened again."""
    sheet.write_string(row, column, safe_cell(text), style)


def _below(table: Table) -> Iterable[str]:
    """The lines below a table: notes, sources and other published figures."""
    yield from (f"({place}) {note}" for place, note in enumerate(table.notes, start=1))
    if table.sources:
        yield f"Published: {'; '.join(table.sources)}."
    yield from (f"Also published: {text}" for text in table.published)
    yield from (
        f"The published report contradicts itself, {each.number}: {each.what} - {each.explanation}."
        for each in table.disagreements
    )
