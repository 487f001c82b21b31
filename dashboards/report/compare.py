"""Compares a measure across periods: today, this month, last month, 12 months, the 12 before, and published figures."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Any, NamedTuple

from msgspec.structs import replace

from dashboards.report.document import Column, DocumentCell, DocumentRow, Table
from dashboards.report.doubt import numbers, with_bounds
from dashboards.report.figures import CUT, NO_RECORD, Ask, ReportFigure, difference, nothing_of
from dashboards.report.layout import Line
from dashboards.report.naming import band_words, line_of, named
from dashboards.report.notes import Notes
from dashboards.report.periods import Period, brief_window, span_of_window
from dashboards.report.published_rows import CHANGE, as_printed, days_words, otherwise, published, quoted
from dashboards.report.targets import changed
from dashboards.report.words import NOTHING, Unit, change_text, difference_text, figure_text
from facts.errors import QuestionError
from facts.force import NONE, UNLISTED, Force
from measures.disagreements import referred
from measures.measure import External, Measure, PublishedFigure, Where
from measures.window import DAYS_KEPT, resolve
from producers.simulate.simulated_periods import SEED, SimulatedFigure

Words = tuple[str, ...]
Results = Mapping[Words, ReportFigure]
_TITLES = {
    "today": "Today",
    "this_month": "This month so far",
    "last_month": "Last month",
    "12m": "Last 12 months",
    "previous_12m": "Previous 12 months",
}
_YEAR, _PREVIOUS = "12m", "previous_12m"
_SHARE = Unit("percent", 1)
_PUBLISHED_COLUMNS = ("Period", "As published", "Blue Lamp", "Source", "Notes")
_UNDER_WAY = "This period is not over. The Blue Lamp figure counts what has begun in it so far."
_NOT_KEPT = f"This period begins before the last {DAYS_KEPT.days} days, and older days are not kept."
_NO_LONGER_KEPT = "not kept"
_SIMULATED = "The record does not reach this period. This is what a simulation of the period gave (seed {seed}): it belongs to no record."
_CHANGES = "Only the change was published, not the figure."
_NOT_COMPARED = "They are not compared, because the record does not cover both completely or there are too few cases."
_TWO_FIGURES = "Two figures cannot tell a real change from chance. The chart of this measure can."
_DATE = len("2024-12-01")
_TODAY = "Today counts what was decided today. Every other column counts what began in its period."
_RANKED = {
    "higher": "Rank 1 has the highest figure of {period}, which is the best.",
    "lower": "Rank 1 has the lowest figure of {period}, which is the best.",
    "neither": "Rank 1 has the highest figure of {period}.",
}
_CAUSES = 3
"""The most rows that are named as the largest changes."""


class Chosen(NamedTuple):
    """Two windows that somebody has chosen to compare.

    Attributes:
        window: the window.
        before: the window to compare it with; empty for none.
    """

    window: str
    before: str = ""

    def names(self) -> Words:
        """The window, and the one that it is compared with if there is one."""
        return (self.window, self.before) if self.before else (self.window,)


def compare(
    ask: Ask, force: Force, measure: Measure, as_of: datetime, by: Words = (), where: Where | None = None
) -> Table:
    """A measure over the standard periods; a measure of open items only as it is now.

    Args:
        ask: runs queries on the force's figures.
        force: the force.
        measure: the measure.
        as_of: the force's present.
        by: the dimensions to break it down by. With one dimension, its words are ranked.
        where: the labels to filter by, for each dimension.

    Raises:
        QuestionError: the measure does not have the dimension or the word.
    """
    return PeriodComparison(ask, force, measure, as_of, by, where or {}).table()


Simulated = Callable[[str, Mapping[str, str], str], SimulatedFigure | None]
"""The simulated figure for a published one, by measure, labels and period."""


Address = Callable[[Where], str]
"""The address of the page about the cases with some labels; empty if there is none."""


def _no_address(_where: Where) -> str:
    return ""


def _no_simulation(_measure: str, _where: Mapping[str, str], _period: str) -> SimulatedFigure | None:
    return None


class PeriodComparison:
    """A measure read over every period.

    The arguments are those of `compare`, two windows to compare instead, the simulated figures for published periods that
    the record of a simulated force does not reach, and the addresses of its rows.
    """

    def __init__(
        self,
        ask: Ask,
        force: Force,
        measure: Measure,
        as_of: datetime,
        by: Words,
        where: Where,
        chosen: Chosen | None = None,
        simulated: Simulated = _no_simulation,
        address: Address = _no_address,
    ) -> None:
        self._ask, self._as_of, self._address = ask, as_of, address
        self._force, self._measure, self._by, self._where = force, measure, by, where
        self._simulated = simulated
        self._unit = line_of(measure, force).unit
        self._chosen = None if measure.is_open() else chosen
        self._windows = ("60m",) if measure.is_open() else self._chosen.names() if self._chosen else tuple(_TITLES)
        self._pair = self._chosen or Chosen(_YEAR, _PREVIOUS)
        self._periods = {name: _period(name, as_of, force) for name in self._windows}
        self._words = {name: brief_window(resolve(name, as_of, force)) for name in self._windows}
        self._notes = Notes()
        self._found, self._wholes = ({name: self._read(name, words) for name in self._windows} for words in (by, ()))

    def _read(self, window: str, by: Words) -> dict[Words, ReportFigure]:
        if isinstance(self._measure.statistic, External):
            return {}
        found = self._ask(self._measure, window, by, self._where)
        return {tuple(each.dimensions.values()): each for each in found}

    def table(self) -> Table:
        """The comparison."""
        lines = list(self._lines())
        quoted_by = {id(line): published(line, self._force) for _, line in lines}
        quotes = [
            period
            for period in self._periods.values()
            if not self._chosen and any(quoted(quoted_by[id(line)], period, self._unit) != NOTHING for _, line in lines)
        ]
        rows = [self._row(words, line, quotes, quoted_by[id(line)], lines) for words, line in lines]
        every = [each for figures in quoted_by.values() for each in figures]
        texts = [*self._measure.notes, *(each.note for each in every)]
        return Table(
            title=self._measure.title,
            heading=self._heading(),
            columns=tuple(self._columns(quotes)),
            rows=tuple(rows),
            notes=(*self._notes.texts(), *self._remarks()),
            published=tuple(text for _, line in lines for text in otherwise(line, quoted_by[id(line)], quotes)),
            sources=tuple(sorted({each.source for each in every})),
            disagreements=tuple(referred(texts)),
        )

    def published(self) -> Table:
        """The published figures, each with Blue Lamp's figure for the same period and its notes."""
        notes, results = Notes(), dict[str, tuple[Results, Results]]()
        rows = []
        for words, line in self._lines():
            for each in published(line, self._force):
                if each.period not in results:
                    results[each.period] = self._results(each.period)
                cells = self._published_cells(each, self._of_period(each, words, results[each.period]), notes)
                rows.append(DocumentRow(line.label, self._unit.title(), cells, measures=(self._measure.name,)))
        return Table(
            title=f"{self._measure.title}: published and Blue Lamp figures for the same periods",
            heading=self._heading(),
            columns=tuple(Column(title) for title in _PUBLISHED_COLUMNS),
            rows=tuple(rows),
            notes=notes.texts(),
        )

    def _results(self, period: str) -> tuple[Results, Results]:
        """The figures of one period, broken down and whole. If the period is no longer kept, the whole figure says so."""
        try:
            return self._read(period, self._by), self._read(period, ())
        except QuestionError:
            return {}, {(): ReportFigure({}, None, trouble=_NOT_KEPT, instead=_NO_LONGER_KEPT)}

    def _of_period(self, quote: PublishedFigure, words: Words, results: tuple[Results, Results]) -> ReportFigure:
        found = _figure(self._measure, *results, words)
        if quote.unit == CHANGE:
            return ReportFigure({}, None, trouble=_CHANGES)
        if found.instead in (NO_RECORD, _NO_LONGER_KEPT) and (
            simulated := self._simulated(self._measure.name, quote.where, quote.period)
        ):
            value, words_of_it = Fraction(simulated.value), _SIMULATED.format(seed=SEED)
            return ReportFigure({}, value, simulated.n, trouble=words_of_it, is_whole=False)
        if (
            found.value is not None
            and date.fromisoformat(quote.period[-_DATE:]) > self._as_of.astimezone(self._force.zone()).date()
        ):
            found = replace(found, trouble=f"{_UNDER_WAY} {found.trouble}".strip())
        whole = _figure(self._measure, *results, ()).value
        if quote.unit == "%" and self._measure.unit == "count" and found.value is not None:
            return replace(found, value=found.value / whole if whole else None)
        return found

    def _published_cells(self, quote: PublishedFigure, ours: ReportFigure, notes: Notes) -> tuple[DocumentCell, ...]:
        is_share = quote.unit == "%" and self._measure.unit == "count"
        text = ours.instead or figure_text(ours.value, _SHARE if is_share else self._unit)
        unit = ("ratio" if is_share else self._measure.unit) if ours.value is not None else ""
        numbers = (notes.number(ours.trouble),) if ours.trouble else ()
        return (
            DocumentCell(days_words(quote.period)),
            DocumentCell(as_printed(quote, self._unit, is_share=is_share)),
            DocumentCell(text, ours.value, unit, ours.n, numbers),
            DocumentCell(quote.source),
            DocumentCell(quote.note),
        )

    def _heading(self) -> str:
        return " / ".join(name.capitalize() for name in self._by) or "Measure"

    def _lines(self) -> Iterable[tuple[Words, Line]]:
        """Every row in the order of the profile, with the total last."""
        seen = {words for results in self._found.values() for words in results} - {()}
        names = [
            dict(named(self._force, name, {words[at] for words in seen}, f"No {name}"))
            for at, name in enumerate(self._by)
        ]
        for words in sorted(seen, key=lambda words: _place(words, names)):
            label = " / ".join(
                names[at].get(word, word) if at < len(names) else band_words(word) for at, word in enumerate(words)
            )
            limits = dict(zip((*self._by, "band"), ((word,) for word in words), strict=False))
            yield words, Line(self._measure.name, label, self._unit, {**self._where, **limits})
        yield (), Line(self._measure.name, "Total" if seen else self._measure.title, self._unit, self._where)

    def _figure(self, window: str, words: Words) -> ReportFigure:
        return _figure(self._measure, self._found[window], self._wholes[window], words)

    def _row(
        self,
        words: Words,
        line: Line,
        quotes: Sequence[Period],
        published_figures: Sequence[PublishedFigure],
        lines: Sequence[tuple[Words, Line]],
    ) -> DocumentRow:
        figures = {name: self._figure(name, words) for name in self._windows}
        cells = [self._cell(each) for each in figures.values()]
        if not self._measure.is_open():
            now, before = figures[self._pair.window], figures.get(self._pair.before)
            cells += self._compared(now, before, self._figure(self._pair.window, ()).value)
        if self._is_ranked():
            cells.append(DocumentCell(self._rank(words, [each for each, _ in lines])))
        cells += [DocumentCell(quoted(published_figures, each, self._unit)) for each in quotes]
        is_total = not words and len(lines) > 1
        return DocumentRow(
            line.label,
            self._unit.title(),
            tuple(cells),
            is_total=is_total,
            measures=(self._measure.name,),
            href=self._address(line.where) if words else "",
        )

    def _cell(self, figure: ReportFigure) -> DocumentCell:
        unit = self._measure.unit if figure.value is not None else ""
        text, notes = figure.instead or figure_text(figure.value, self._unit), numbers(figure, self._unit, self._notes)
        return with_bounds(DocumentCell(text, figure.value, unit, figure.n, notes), figure)

    def _compared(
        self, year: ReportFigure, previous: ReportFigure | None, whole: Fraction | None
    ) -> Iterable[DocumentCell]:
        if previous is not None:
            yield from self._difference(year, previous)
        if self._is_of_whole():
            share = year.value / whole if year.value is not None and whole else None
            yield DocumentCell(figure_text(share, _SHARE), share, "ratio" if share is not None else "")

    def _difference(self, year: ReportFigure, previous: ReportFigure) -> Iterable[DocumentCell]:
        more, before = difference(year, previous), previous.value
        is_cut = more is None and year.value is not None and before is not None
        numbers = (self._notes.number(CUT),) if is_cut else ()
        unit = "points" if self._unit.kind == "percent" else self._measure.unit
        yield DocumentCell(difference_text(more, self._unit), more, unit if more is not None else "", None, numbers)
        change = more / before if more is not None and before and self._unit.kind != "percent" else None
        yield DocumentCell(change_text(change), change, "ratio" if change is not None else "")

    def _is_of_whole(self) -> bool:
        return self._measure.unit == "count" and not self._measure.is_open()

    def _is_ranked(self) -> bool:
        return len(self._by) == 1 and not self._measure.is_open()

    def _rank(self, words: Words, every: Iterable[Words]) -> str:
        """The rank among the listed labels; equal figures share a rank."""
        ranked = [each for each in every if each and not {NONE, UNLISTED}.intersection(each)]
        values = {each: self._figure(self._pair.window, each).value for each in ranked}
        mine = values.get(words)
        if mine is None:
            return NOTHING
        is_lower_first = self._measure.good == "lower"
        known = [value for value in values.values() if value is not None]
        before = sum(value < mine if is_lower_first else value > mine for value in known)
        return f"{before + 1} of {len(known)}"

    def _columns(self, quotes: Iterable[Period]) -> Iterable[Column]:
        for name, period in self._periods.items():
            if self._chosen:
                yield Column(self._words[name], span_of_window(resolve(name, self._as_of, self._force)))
            else:
                yield Column(period.title, "" if name == "60m" else period.words(), period.brief())
        if not self._measure.is_open() and self._pair.before:
            yield from (Column(title) for title in ("Difference", "% difference"))
        if self._is_of_whole():
            yield Column("Proportion")
        if self._is_ranked():
            yield Column("Rank")
        yield from (Column(each.title, each.words(), each.brief(), is_published=True) for each in quotes)

    def _remarks(self) -> Iterable[str]:
        if not self._measure.is_open():
            if not self._chosen:
                yield _TODAY
            starts, ends = ({getattr(each, name) for each in self._periods.values()} for name in ("start", "end"))
            yield from changed(self._measure, self._force, (min(starts), max(ends)))
        if self._is_ranked():
            period = self._words[self._pair.window] if self._chosen else "the last 12 months"
            yield _RANKED[self._measure.good].format(period=period)

    def says(self) -> tuple[str, ...]:
        """Whether the chosen window is better than the one before, and what changed most; empty if nothing is compared."""
        if not self._chosen or not self._chosen.before or self._measure.is_open():
            return ()
        now, before = (self._figure(name, ()) for name in self._chosen.names())
        texts = [each.instead or figure_text(each.value, self._unit) for each in (now, before)]
        later, earlier = (self._words[name] for name in self._chosen.names())
        more = difference(now, before)
        if more is None:
            return (f"{later}: {texts[0]}. {earlier}: {texts[1]}. {_NOT_COMPARED}",)
        verdict = self._verdict(more)
        return (
            f"{verdict}: {texts[0]} in {later}, {texts[1]} in {earlier} ({self._change_words(more)}).",
            *self._causes(),
            _TWO_FIGURES,
        )

    def _verdict(self, more: Fraction) -> str:
        if not more:
            return "No difference"
        if self._measure.good == "neither":
            return "Higher" if more > 0 else "Lower"
        return "Better" if (more > 0) == (self._measure.good == "higher") else "Worse"

    def _change_words(self, more: Fraction) -> str:
        return f"{difference_text(more, self._unit)}{'' if self._unit.kind == 'percent' else ' ' + self._unit.title()}".rstrip()

    def _causes(self) -> Iterable[str]:
        """The rows that changed most, in words."""
        found = []
        for words, line in self._lines():
            figures = [self._figure(name, words) for name in self._pair.names()] if words else []
            more = difference(*figures) if figures else None
            if more:
                found.append((abs(more), f"{line.label} {self._change_words(more)}"))
        found.sort(key=lambda each: -each[0])
        if found:
            yield f"Largest changes: {'; '.join(words for _, words in found[:_CAUSES])}."


def _figure(measure: Measure, parts: Results, whole: Results, words: Words) -> ReportFigure:
    """The figure of these labels in one window; without labels, the whole figure."""
    known = whole.get(()) or _sum(tuple(whole.values()))
    if not words or words in parts:
        return parts[words] if words else known
    if measure.unit != "count":
        return ReportFigure({}, None, trouble=known.trouble if known.instead else "", instead=known.instead)
    return nothing_of(known)


def _sum(bands: Sequence[ReportFigure]) -> ReportFigure:
    """The whole figure of a measure of bands, which is the sum of the bands."""
    if not bands or bands[0].instead or not bands[0].is_known():
        return replace(bands[0], dimensions={}) if bands else ReportFigure({}, None)
    first = bands[0]
    return ReportFigure(
        {},
        sum((each.value or Fraction() for each in bands), Fraction()),
        first.n,
        None,
        first.trouble,
        "",
        first.is_whole,
    )


def _period(name: str, as_of: datetime, force: Force) -> Period:
    """The days of a window; a window that is not over ends with the current month."""
    window = resolve(name, as_of, force)
    end = window.end if window.kind == "report" else resolve("this_month", as_of, force).end
    return Period(_TITLES.get(name, "Now"), window.start.date(), end.date())


def _place(words: Words, names: Sequence[Mapping[str, str]]) -> tuple[Any, ...]:
    orders = [list(each) for each in names]
    return tuple(orders[at].index(word) if at < len(orders) else word for at, word in enumerate(words))
