"""Builds the report's tables from the layout and the figures: periods, differences, proportions and published figures."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from dashboards.report.document import Column, DocumentCell, DocumentRow, Table, cell_of
from dashboards.report.doubt import numbers, with_bounds
from dashboards.report.figures import CUT, difference
from dashboards.report.layout import BandedSpans, BreakdownTable, Line, Lines, Months
from dashboards.report.naming import countable, named
from dashboards.report.notes import Notes
from dashboards.report.periods import Period, Periods
from dashboards.report.published_rows import otherwise, published, quoted
from dashboards.report.report_figures import ReportFigures
from dashboards.report.suppression import SUPPRESSED, Key
from dashboards.report.words import CHANGE, NOTHING, Unit
from facts.force import Force
from measures.catalogue import CATALOGUE
from measures.disagreements import referred
from measures.measure import PublishedFigure

_SHARE = Unit("percent", 1)


class _Item(Struct, frozen=True):
    """A row of a table of periods, before its figures become text.

    Attributes:
        line: the measure, label and unit of the row.
        keys: its figures, by period.
        wholes: the totals that its proportions are of, by period; empty where it has no proportions.
        is_total: whether it is the total.
        is_part: whether it is a part of the row above.
    """

    line: Line
    keys: Mapping[str, Key]
    wholes: Mapping[str, Key] = {}
    is_total: bool = False
    is_part: bool = False


class Tables:
    """Builds the tables of one report.

    Args:
        figures: the figures of the report.
        force: the force.
        periods: the periods of the report.
    """

    def __init__(self, figures: ReportFigures, force: Force, periods: Periods) -> None:
        self._figures, self._force, self._periods = figures, force, periods

    def build(self, planned: Lines | BreakdownTable | BandedSpans | Months) -> list[Table]:
        """The tables for one table of the layout; none when the force has no feed for it."""
        match planned:
            case Lines(title, lines, months):
                return self._of_lines(title, [line for line in lines if self._has_figures(line)], months)
            case BreakdownTable():
                return self._of_words(planned) if self._has_figures(Line(planned.measure, "")) else []
            case BandedSpans():
                return self._of_bands(planned) if self._has_figures(Line(planned.measure, "")) else []
            case Months(title, lines, sums):
                return self._of_months(title, lines, sums) if all(map(self._has_figures, lines)) else []

    def _has_figures(self, line: Line) -> bool:
        """Whether there is anything to show: the force has feeds for the measure, or figures were published."""
        measure = CATALOGUE[line.measure]
        return bool(measure.feeds(self._force)) or bool(published(line, self._force))

    def _shown_periods(self, months: int) -> tuple[Period, ...]:
        return (self._periods.year, self._periods.previous, *self._periods.months[-months:])

    def _of_lines(self, title: str, lines: Sequence[Line], months: int) -> list[Table]:
        shown = self._shown_periods(months)
        items = [_Item(line, {each.window(): self._figures.one(line, each) for each in shown}) for line in lines]
        return [self._by_period(title, "Measure", items, shown)] if items else []

    def _of_words(self, layout: BreakdownTable) -> list[Table]:
        shown = self._shown_periods(1)
        found = {each.window(): self._figures.by_word(layout.measure, layout.dimension, each) for each in shown}
        total = Line(layout.measure, "Total")
        wholes = {each.window(): self._figures.one(total, each) for each in shown}
        items = []
        seen = {word for words in found.values() for word in words}
        rows = seen | countable(CATALOGUE[layout.measure], layout.dimension, self._force)
        for word, label in named(self._force, layout.dimension, seen, layout.none):
            if word not in rows:
                continue
            line = Line(layout.measure, label, where={layout.dimension: (word,)})
            keys = {
                each.window(): found[each.window()].get(word) or self._figures.nothing(layout.measure, line.where, each)
                for each in shown
            }
            items.append(_Item(line, keys, wholes))
        for window, whole in wholes.items():
            self._figures.add([item.keys[window] for item in items], whole)
        items.append(_Item(total, wholes, wholes, is_total=True))
        return [self._by_period(layout.title, layout.heading, items, shown)]

    def _of_bands(self, layout: BandedSpans) -> list[Table]:
        shown = self._shown_periods(1)
        edges = [(lower, upper) for _, lower, upper in layout.rows]
        found = {each.window(): self._figures.bands(layout.measure, edges, each) for each in shown}
        whole = {each.window(): self._figures.bands(layout.measure, [(0, 0)], each)[0] for each in shown}
        # Published totals have no band.
        total = _Item(Line(layout.measure, "Total"), whole, whole, is_total=True)
        items, outer = [], (0, 0)
        for place, (label, lower, upper) in enumerate(layout.rows):
            is_part = place > 0 and upper != 0 and lower >= outer[0] and upper <= outer[1]
            outer = outer if is_part else (lower, upper)
            word = f"{lower * 60:05}-{upper * 60:05}" if upper else f"{lower * 60:05}-"
            keys = {window: bands[place] for window, bands in found.items()}
            items.append(_Item(Line(layout.measure, label, where={"band": (word,)}), keys, whole, is_part=is_part))
        for window, key in whole.items():
            self._figures.add([item.keys[window] for item in items if not item.is_part], key)
            self._figures.add([item.keys[window] for item in items if item.is_part], items[0].keys[window])
        return [self._by_period(layout.title, "Minutes", [*items, total], shown)]

    def _by_period(self, title: str, heading: str, items: Sequence[_Item], shown: Sequence[Period]) -> Table:
        notes = Notes()
        quoted_by = {id(item): published(item.line, self._force) for item in items}
        is_of_whole = any(item.wholes for item in items)
        quotes = [
            (each, is_share)
            for each in shown
            for is_share in (False, True)
            if any(quoted(quoted_by[id(item)], each, item.line.unit, is_share=is_share) != NOTHING for item in items)
            and (is_of_whole or not is_share)
        ]
        rows = [self._row(item, shown, quotes, quoted_by[id(item)], notes, is_of_whole=is_of_whole) for item in items]
        return Table(
            title=title,
            heading=heading,
            columns=(*_columns(shown, is_of_whole=is_of_whole), *(_quote_column(*quote) for quote in quotes)),
            rows=tuple(rows),
            notes=notes.texts(),
            published=tuple(text for item in items for text in otherwise(item.line, quoted_by[id(item)], shown)),
            **_references(
                [item.line.measure for item in items], [each for item in items for each in quoted_by[id(item)]]
            ),
        )

    def _row(
        self,
        item: _Item,
        shown: Sequence[Period],
        quotes: Sequence[tuple[Period, bool]],
        published_figures: Sequence[PublishedFigure],
        notes: Notes,
        *,
        is_of_whole: bool,
    ) -> DocumentRow:
        unit = item.line.unit
        year, previous, *months = (self._cell(item.keys[each.window()], unit, notes) for each in shown)
        cells = [year, previous, *self._compared(item, shown, notes, is_of_whole=is_of_whole), *months]
        cells += [DocumentCell(quoted(published_figures, each, unit, is_share=is_share)) for each, is_share in quotes]
        return DocumentRow(
            item.line.label, unit.title(), tuple(cells), item.is_total, item.is_part, (item.line.measure,)
        )

    def _compared(
        self, item: _Item, shown: Sequence[Period], notes: Notes, *, is_of_whole: bool
    ) -> Iterable[DocumentCell]:
        """Difference, percentage difference and proportion, each calculated from exact figures and rounded once."""
        unit, (now, before) = item.line.unit, (item.keys[each.window()] for each in shown[:2])
        one, other = self._figures.value(now), self._figures.value(before)
        more = difference(self._figures.figures[now], self._figures.figures[before])
        is_suppressed = bool({now, before} & self._figures.suppressed)
        is_cut = more is None and one is not None and other is not None
        measure_unit = "points" if unit.kind == "percent" else CATALOGUE[item.line.measure].unit
        cut = (notes.number(CUT),) if is_cut and not is_suppressed else ()
        yield _derived(more, unit.of_difference(), measure_unit, is_suppressed=is_suppressed, notes=cut)
        change = more / other if more is not None and other and unit.kind != "percent" else None
        yield _derived(change, CHANGE, "ratio", is_suppressed=is_suppressed)
        if is_of_whole:
            whole = self._figures.value(item.wholes[shown[0].window()])
            share = one / whole if one is not None and whole else None
            yield _derived(share, _SHARE, "ratio", is_suppressed=now in self._figures.suppressed)

    def _cell(self, key: Key, unit: Unit, notes: Notes) -> DocumentCell:
        figure, value = self._figures.figures[key], self._figures.value(key)
        if key in self._figures.suppressed:
            return DocumentCell(SUPPRESSED)
        cell = cell_of(value, unit, CATALOGUE[key[0]].unit, n=figure.n, notes=numbers(figure, unit, notes))
        return replace(cell, text=figure.instead) if figure.instead else with_bounds(cell, figure)

    def _of_months(self, title: str, lines: Sequence[Line], sums: Sequence[tuple[tuple[int, ...], int]]) -> list[Table]:
        months, year = self._periods.months[12:], self._periods.year
        notes = Notes()
        columns = [[*self._figures.by_month(line, months), self._figures.one(line, year)] for line in lines]
        for line, keys in zip(lines, columns, strict=True):
            if CATALOGUE[line.measure].unit == "count":
                self._figures.add(keys[:-1], keys[-1])
        for parts, whole in sums:
            for row in range(len(months) + 1):
                self._figures.add([columns[part][row] for part in parts], columns[whole][row])
        published_figures = [published(line, self._force) for line in lines]
        shown, rows = (*months, year), range(len(months) + 1)
        ours = [
            [self._cell(keys[row], line.unit, notes) for line, keys in zip(lines, columns, strict=True)] for row in rows
        ]
        theirs = [
            [
                DocumentCell(quoted(figures, shown[row], line.unit))
                for line, figures in zip(lines, published_figures, strict=True)
            ]
            for row in rows
        ]
        references = _references([each.measure for each in lines], sum(published_figures, ()))
        return self._month_tables(title, lines, (ours, theirs), notes, references)

    def _month_tables(
        self,
        title: str,
        lines: Sequence[Line],
        cells: tuple[list[list[DocumentCell]], list[list[DocumentCell]]],
        notes: Notes,
        references: dict[str, Any],
    ) -> list[Table]:
        """One table with our and the published columns; if there are many columns, a table for each."""
        ours, theirs = cells
        labels = [*(each.title for each in self._periods.months[12:]), _WHOLE]
        measures = tuple(line.measure for line in lines)
        our_columns = [
            Column(f"{line.label} ({line.unit.title()})" if line.unit.title() else line.label) for line in lines
        ]
        their_columns = [Column(line.label, is_published=True) for line in lines]

        def table(name: str, columns: Sequence[Column], rows: Sequence[Sequence[DocumentCell]]) -> Table:
            built = tuple(
                DocumentRow(
                    label, "", tuple(row), is_total=label == _WHOLE, measures=measures * (len(row) // len(measures))
                )
                for label, row in zip(labels, rows, strict=True)
            )
            return Table(
                title=name, heading="Month", columns=tuple(columns), rows=built, notes=notes.texts(), **references
            )

        is_published = any(cell.text != NOTHING for row in theirs for cell in row)
        if not is_published:
            return [table(title, our_columns, ours)]
        if len(lines) <= _SIDE_BY_SIDE:
            return [
                table(
                    title,
                    [*our_columns, *their_columns],
                    [[*one, *other] for one, other in zip(ours, theirs, strict=True)],
                )
            ]
        return [table(title, our_columns, ours), table(f"{title}, as published", their_columns, theirs)]


_SIDE_BY_SIDE = 3
_WHOLE = "12 months"


def _derived(
    value: Fraction | None, printed: Unit, unit: str, *, is_suppressed: bool, notes: tuple[int, ...] = ()
) -> DocumentCell:
    return DocumentCell(SUPPRESSED) if is_suppressed else cell_of(value, printed, unit, notes=notes)


def _columns(shown: Sequence[Period], *, is_of_whole: bool) -> tuple[Column, ...]:
    year, previous, *months = (Column(each.title, each.words(), each.brief()) for each in shown)
    compared = ["Difference", "% difference", *(["Proportion"] if is_of_whole else [])]
    return (year, previous, *(Column(title) for title in compared), *months)


def _quote_column(period: Period, is_share: bool) -> Column:
    return Column(f"{period.title}{', %' if is_share else ''}", period.words(), period.brief(), is_published=True)


def _references(measures: Sequence[str], figures: Sequence[PublishedFigure]) -> dict[str, Any]:
    """The sources of published figures, and where the published report contradicts itself about these measures."""
    texts = [*(note for name in measures for note in CATALOGUE[name].notes), *(each.note for each in figures)]
    sources = tuple(sorted({each.source for each in figures}))
    return {"sources": sources, "disagreements": tuple(referred(texts)) if figures else ()}
