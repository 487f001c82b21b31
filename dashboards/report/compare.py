"""One measure over time: today, this month, last month, the last twelve and the twelve before, and what was published."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from msgspec.structs import replace

from dashboards.report.document import Column, DocumentCell, DocumentRow, Table
from dashboards.report.figures import CUT, Ask, ReportFigure, difference, nothing_of
from dashboards.report.layout import Line
from dashboards.report.naming import band_words, line_of, named
from dashboards.report.notes import Notes
from dashboards.report.periods import Period
from dashboards.report.published_rows import CHANGE, as_printed, days_words, otherwise, published, quoted
from dashboards.report.targets import changed
from dashboards.report.words import NOTHING, Unit, said, said_change, said_difference
from facts.errors import QuestionError
from facts.force import NONE, UNLISTED, Force
from measures.disagreements import referred
from measures.measure import External, Measure, PublishedFigure, Where
from measures.window import DAYS_KEPT, resolve

Words = tuple[str, ...]
Answers = Mapping[Words, ReportFigure]
_TITLES = {
    "today": "Today",
    "this_month": "This month so far",
    "last_month": "Last month",
    "12m": "Last 12 months",
    "previous_12m": "Previous 12 months",
}
_YEAR, _PREVIOUS = "12m", "previous_12m"
_SHARE = Unit("percent", 1)
_BESIDE = ("Period", "As published", "Ours", "Source", "What must be known")
_UNDER_WAY = "That period is not over: ours is of what has begun in it so far."
_NOT_KEPT = f"Days are kept for {DAYS_KEPT.days} days, and that period begins before them."
_CHANGES = "A change was published, and no figure."
_DATE = len("2024-12-01")
_TODAY = "Today counts what was decided today; every other column what began in its period."
_RANKED = {
    "higher": "Rank 1 has the highest figure of the last 12 months, which is the best.",
    "lower": "Rank 1 has the lowest figure of the last 12 months, which is the best.",
    "neither": "Rank 1 has the highest figure of the last 12 months.",
}


def compare(
    ask: Ask, force: Force, measure: Measure, as_of: datetime, by: Words = (), where: Where | None = None
) -> Table:
    """A measure side by side over the usual windows; of what stands open, as it stands now.

    Args:
        ask: answers questions about the force.
        force: whose figures.
        measure: which.
        as_of: the force's present.
        by: the dimensions to break it down by; where there are some, their words are ranked.
        where: the words to limit it to.

    Raises:
        QuestionError: it has no such dimension or word.
    """
    return PeriodComparison(ask, force, measure, as_of, by, where or {}).table()


class PeriodComparison:
    """One measure, asked over every window; asked as `compare` is."""

    def __init__(self, ask: Ask, force: Force, measure: Measure, as_of: datetime, by: Words, where: Where) -> None:
        self._ask, self._as_of = ask, as_of
        self._force, self._measure, self._by, self._where = force, measure, by, where
        self._unit = line_of(measure, force).unit
        self._windows = ("60m",) if measure.is_open() else tuple(_TITLES)
        self._periods = {name: _period(name, as_of, force) for name in self._windows}
        self._notes = Notes()
        self._found, self._wholes = ({name: self._asked(name, words) for name in self._windows} for words in (by, ()))

    def _asked(self, window: str, by: Words) -> dict[Words, ReportFigure]:
        if isinstance(self._measure.statistic, External):
            return {}
        found = self._ask(self._measure, window, by, self._where)
        return {tuple(each.dimensions.values()): each for each in found}

    def table(self) -> Table:
        """The comparison."""
        lines = list(self._lines())
        told = {id(line): published(line, self._force) for _, line in lines}
        quotes = [
            period
            for name, period in self._periods.items()
            if any(quoted(told[id(line)], period, self._unit) != NOTHING for _, line in lines)
        ]
        rows = [self._row(words, line, quotes, told[id(line)], lines) for words, line in lines]
        every = [each for figures in told.values() for each in figures]
        texts = [*self._measure.notes, *(each.note for each in every)]
        return Table(
            title=self._measure.title,
            heading=self._heading(),
            columns=tuple(self._columns(quotes)),
            rows=tuple(rows),
            notes=(*self._notes.told(), *self._remarks()),
            published=tuple(text for _, line in lines for text in otherwise(line, told[id(line)], quotes)),
            sources=tuple(sorted({each.source for each in every})),
            disagreements=tuple(referred(texts)),
        )

    def published(self) -> Table:
        """What was published of its rows, each beside ours of just the same period and with what must be known of it."""
        notes, answers = Notes(), dict[str, tuple[Answers, Answers]]()
        rows = []
        for words, line in self._lines():
            for each in published(line, self._force):
                if each.period not in answers:
                    answers[each.period] = self._answers(each.period)
                cells = self._beside(each, self._of_period(each, words, answers[each.period]), notes)
                rows.append(DocumentRow(line.label, self._unit.title(), cells, measures=(self._measure.name,)))
        return Table(
            title=f"{self._measure.title}: as published, and ours of the same periods",
            heading=self._heading(),
            columns=tuple(Column(title) for title in _BESIDE),
            rows=tuple(rows),
            notes=notes.told(),
        )

    def _answers(self, period: str) -> tuple[Answers, Answers]:
        """Of one period, by the words of the rows and whole; where it is not kept any more, it says so."""
        try:
            return self._asked(period, self._by), self._asked(period, ())
        except QuestionError:
            return {}, {(): ReportFigure({}, None, trouble=_NOT_KEPT, instead="not kept")}

    def _of_period(self, told: PublishedFigure, words: Words, answers: tuple[Answers, Answers]) -> ReportFigure:
        found = _figure(self._measure, *answers, words)
        if told.unit == CHANGE:
            return ReportFigure({}, None, trouble=_CHANGES)
        if (
            found.value is not None
            and date.fromisoformat(told.period[-_DATE:]) > self._as_of.astimezone(self._force.zone()).date()
        ):
            found = replace(found, trouble=f"{_UNDER_WAY} {found.trouble}".strip())
        whole = _figure(self._measure, *answers, ()).value
        if told.unit == "%" and self._measure.unit == "count" and found.value is not None:
            return replace(found, value=found.value / whole if whole else None)
        return found

    def _beside(self, told: PublishedFigure, ours: ReportFigure, notes: Notes) -> tuple[DocumentCell, ...]:
        is_share = told.unit == "%" and self._measure.unit == "count"
        shown = ours.instead or said(ours.value, _SHARE if is_share else self._unit)
        unit = ("ratio" if is_share else self._measure.unit) if ours.value is not None else ""
        numbers = (notes.number(ours.trouble),) if ours.trouble else ()
        return (
            DocumentCell(days_words(told.period)),
            DocumentCell(as_printed(told, self._unit, is_share=is_share)),
            DocumentCell(shown, ours.value, unit, ours.n, numbers),
            DocumentCell(told.source),
            DocumentCell(told.note),
        )

    def _heading(self) -> str:
        return " / ".join(name.capitalize() for name in self._by) or "Measure"

    def _lines(self) -> Iterable[tuple[Words, Line]]:
        """Every row there is, the whole last, in the order of the profile."""
        seen = {words for answers in self._found.values() for words in answers} - {()}
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
        told: Sequence[PublishedFigure],
        lines: Sequence[tuple[Words, Line]],
    ) -> DocumentRow:
        figures = {name: self._figure(name, words) for name in self._windows}
        cells = [self._cell(each) for each in figures.values()]
        if not self._measure.is_open():
            cells += self._compared(figures[_YEAR], figures[_PREVIOUS], self._figure(_YEAR, ()).value)
        if self._is_ranked():
            cells.append(DocumentCell(self._rank(words, [each for each, _ in lines])))
        cells += [DocumentCell(quoted(told, each, self._unit)) for each in quotes]
        is_total = not words and len(lines) > 1
        return DocumentRow(
            line.label, self._unit.title(), tuple(cells), is_total=is_total, measures=(self._measure.name,)
        )

    def _cell(self, figure: ReportFigure) -> DocumentCell:
        told = (self._notes.number(figure.trouble),) if figure.trouble else ()
        unit = self._measure.unit if figure.value is not None else ""
        return DocumentCell(figure.instead or said(figure.value, self._unit), figure.value, unit, figure.n, told)

    def _compared(self, year: ReportFigure, previous: ReportFigure, whole: Fraction | None) -> Iterable[DocumentCell]:
        more, before = difference(year, previous), previous.value
        is_cut = more is None and year.value is not None and before is not None
        told = (self._notes.number(CUT),) if is_cut else ()
        unit = "points" if self._unit.kind == "percent" else self._measure.unit
        yield DocumentCell(said_difference(more, self._unit), more, unit if more is not None else "", None, told)
        change = more / before if more is not None and before and self._unit.kind != "percent" else None
        yield DocumentCell(said_change(change), change, "ratio" if change is not None else "")
        if self._is_of_whole():
            share = year.value / whole if year.value is not None and whole else None
            yield DocumentCell(said(share, _SHARE), share, "ratio" if share is not None else "")

    def _is_of_whole(self) -> bool:
        return self._measure.unit == "count" and not self._measure.is_open()

    def _is_ranked(self) -> bool:
        return len(self._by) == 1 and not self._measure.is_open()

    def _rank(self, words: Words, every: Iterable[Words]) -> str:
        """The place among the words that name something; equal figures share theirs."""
        ranked = [each for each in every if each and not {NONE, UNLISTED}.intersection(each)]
        values = {each: self._figure(_YEAR, each).value for each in ranked}
        mine = values.get(words)
        if mine is None:
            return NOTHING
        is_lower_first = self._measure.good == "lower"
        known = [value for value in values.values() if value is not None]
        before = sum(value < mine if is_lower_first else value > mine for value in known)
        return f"{before + 1} of {len(known)}"

    def _columns(self, quotes: Iterable[Period]) -> Iterable[Column]:
        for name, period in self._periods.items():
            yield Column(_TITLES.get(name, "Now"), "" if name == "60m" else period.words(), period.brief())
        if not self._measure.is_open():
            yield from (Column(title) for title in ("Difference", "% difference"))
        if self._is_of_whole():
            yield Column("Proportion")
        if self._is_ranked():
            yield Column("Rank")
        yield from (Column(each.title, each.words(), each.brief(), is_published=True) for each in quotes)

    def _remarks(self) -> Iterable[str]:
        if not self._measure.is_open():
            yield _TODAY
            starts, ends = ({getattr(each, name) for each in self._periods.values()} for name in ("start", "end"))
            yield from changed(self._measure, self._force, (min(starts), max(ends)))
        if self._is_ranked():
            yield _RANKED[self._measure.good]


def _figure(measure: Measure, parts: Answers, whole: Answers, words: Words) -> ReportFigure:
    """Of the answers over one window the figure of some words, or of the whole."""
    known = whole.get(()) or _sum(tuple(whole.values()))
    if not words or words in parts:
        return parts[words] if words else known
    if measure.unit != "count":
        return ReportFigure({}, None, trouble=known.trouble if known.instead else "", instead=known.instead)
    return nothing_of(known)


def _sum(bands: Sequence[ReportFigure]) -> ReportFigure:
    """Bands have no cell of the whole: they add to it."""
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
    """The days of a window; of one that is under way up to today."""
    window = resolve(name, as_of, force)
    end = window.end if window.kind == "report" else resolve("this_month", as_of, force).end
    return Period(_TITLES.get(name, "Now"), window.start.date(), end.date())


def _place(words: Words, names: Sequence[Mapping[str, str]]) -> tuple[Any, ...]:
    orders = [list(each) for each in names]
    return tuple(orders[at].index(word) if at < len(orders) else word for at, word in enumerate(words))
