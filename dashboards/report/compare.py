"""One measure over time: today, this month, last month, the last twelve and the twelve before, and what was published."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from dashboards.report.beside import otherwise, published, quoted
from dashboards.report.document import Cell, Column, Row, Table
from dashboards.report.figures import Ask, Figure
from dashboards.report.layout import Line
from dashboards.report.naming import line_of, named
from dashboards.report.notes import Notes
from dashboards.report.periods import Period
from dashboards.report.words import NOTHING, Unit, said, said_change, said_difference
from facts.force import NONE, UNLISTED, Force
from measures.disagreements import referred
from measures.measure import External, Measure, Published, Where
from measures.window import resolve

Words = tuple[str, ...]
_TITLES = {
    "today": "Today",
    "this_month": "This month so far",
    "last_month": "Last month",
    "12m": "Last 12 months",
    "previous_12m": "Previous 12 months",
}
_YEAR, _PREVIOUS = "12m", "previous_12m"
_SHARE = Unit("percent", 1)
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
    return _Comparison(ask, force, measure, as_of, by, where or {}).table()


class _Comparison:
    """One measure, asked over every window."""

    def __init__(self, ask: Ask, force: Force, measure: Measure, as_of: datetime, by: Words, where: Where) -> None:
        self._force, self._measure, self._by, self._where = force, measure, by, where
        self._unit = line_of(measure, force).unit
        self._windows = ("60m",) if measure.is_open() else tuple(_TITLES)
        self._periods = {name: _period(name, as_of, force) for name in self._windows}
        self._notes = Notes()
        is_external = isinstance(measure.statistic, External)
        self._found, self._wholes = (
            {name: {} if is_external else self._asked(ask, name, words) for name in self._windows} for words in (by, ())
        )

    def _asked(self, ask: Ask, window: str, by: Words) -> dict[Words, Figure]:
        found = ask(self._measure, window, by, self._where)
        return {tuple(each.dimensions.values()): each for each in found}

    def table(self) -> Table:
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
            heading=" / ".join(name.capitalize() for name in self._by) or "Measure",
            columns=tuple(self._columns(quotes)),
            rows=tuple(rows),
            notes=(*self._notes.told(), *self._remarks()),
            published=tuple(text for _, line in lines for text in otherwise(line, told[id(line)], quotes)),
            sources=tuple(sorted({each.source for each in every})),
            disagreements=tuple(referred(texts)),
        )

    def _lines(self) -> Iterable[tuple[Words, Line]]:
        """Every row there is, the whole last, in the order of the profile."""
        seen = {words for answers in self._found.values() for words in answers} - {()}
        names = [dict(named(self._force, name, {words[at] for words in seen})) for at, name in enumerate(self._by)]
        for words in sorted(seen, key=lambda words: _place(words, names)):
            label = " / ".join(names[at].get(word, word) if at < len(names) else word for at, word in enumerate(words))
            limits = dict(zip((*self._by, "band"), ((word,) for word in words), strict=False))
            yield words, Line(self._measure.name, label, self._unit, {**self._where, **limits})
        yield (), Line(self._measure.name, "Total" if seen else self._measure.title, self._unit, self._where)

    def _figure(self, window: str, words: Words) -> Figure:
        if words:
            return self._found[window].get(words, Figure({}, Fraction(0) if self._measure.unit == "count" else None))
        whole = self._wholes[window]
        if () in whole:
            return whole[()]
        # Bands have no cell of the whole: they add to it.
        return Figure({}, sum((each.value or Fraction() for each in whole.values()), Fraction()) if whole else None)

    def _row(
        self,
        words: Words,
        line: Line,
        quotes: Sequence[Period],
        told: Sequence[Published],
        lines: Sequence[tuple[Words, Line]],
    ) -> Row:
        figures = {name: self._figure(name, words) for name in self._windows}
        cells = [self._cell(each) for each in figures.values()]
        if not self._measure.is_open():
            cells += self._compared(figures, self._figure(_YEAR, ()).value)
        if self._is_ranked():
            cells.append(Cell(self._rank(words, [each for each, _ in lines])))
        cells += [Cell(quoted(told, each, self._unit)) for each in quotes]
        is_total = not words and len(lines) > 1
        return Row(line.label, self._unit.title(), tuple(cells), is_total=is_total, measures=(self._measure.name,))

    def _cell(self, figure: Figure) -> Cell:
        told = (self._notes.number(figure.trouble),) if figure.trouble else ()
        unit = self._measure.unit if figure.value is not None else ""
        return Cell(said(figure.value, self._unit), figure.value, unit, figure.n, told)

    def _compared(self, figures: Mapping[str, Figure], whole: Fraction | None) -> Iterable[Cell]:
        now, before = figures[_YEAR].value, figures[_PREVIOUS].value
        difference = None if now is None or before is None else now - before
        unit = "points" if self._unit.kind == "percent" else self._measure.unit
        yield Cell(said_difference(difference, self._unit), difference, unit if difference is not None else "")
        is_relative = difference is not None and before and self._unit.kind != "percent"
        change = difference / before if is_relative and difference is not None and before else None
        yield Cell(said_change(change), change, "ratio" if change is not None else "")
        if self._is_of_whole():
            share = now / whole if now is not None and whole else None
            yield Cell(said(share, _SHARE), share, "ratio" if share is not None else "")

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
        if self._is_ranked():
            yield _RANKED[self._measure.good]


def _period(name: str, as_of: datetime, force: Force) -> Period:
    """The days of a window; of one that is under way up to today."""
    window = resolve(name, as_of, force)
    end = window.end if window.kind == "report" else resolve("this_month", as_of, force).end
    return Period(_TITLES.get(name, "Now"), window.start.date(), end.date())


def _place(words: Words, names: Sequence[Mapping[str, str]]) -> tuple[Any, ...]:
    orders = [list(each) for each in names]
    return tuple(orders[at].index(word) if at < len(orders) else word for at, word in enumerate(words))
