"""Explores a measure over one window: its breakdown, the distribution of its spans, and the share within a given time."""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from dashboards.report.document import Column, DocumentCell, DocumentRow, Table, cell_of
from dashboards.report.doubt import numbers, with_bounds
from dashboards.report.figures import Ask, ReportFigure
from dashboards.report.naming import line_of, named
from dashboards.report.notes import Notes
from dashboards.report.periods import Comparison
from dashboards.report.targets import Days, Stretch, stretches
from dashboards.report.words import COUNT, Unit, figure_text
from facts.errors import QuestionError
from facts.force import Force
from measures.display import short_words
from measures.distribution import Bin, bins
from measures.measure import Mean, Measure, Median, Where
from measures.outcome import KINDS
from measures.pane import Histogram
from measures.reading import spans
from measures.statistic import mean, quantile, total, within

Words = tuple[str, ...]
Histograms = Callable[[Measure, str, Words, Where], Mapping[Words, Histogram]]
"""Returns the finished spans behind a measure over a window, by label."""
_SHARE = Unit("percent", 1)
_MINUTE = 60
_STATISTICS = ("Mean", "Median", "90 of 100 within")


class ExploreQuery(Struct, frozen=True):
    """A query to explore.

    Attributes:
        measure: the measure.
        window: the window.
        by: the dimension to break it down by; empty for none.
        where: the labels to filter by, for each dimension.
        within_seconds: the time within which spans are counted; None for the target, or the median where there is no target.
        compare: what the window is compared with; empty for nothing.
    """

    measure: Measure
    window: str
    by: str = ""
    where: Where = {}
    within_seconds: Fraction | None = None
    compare: Comparison = ""


class Within(NamedTuple):
    """The share of spans within a time. It is exact, because spans are kept in whole fractions of a second."""

    seconds: Fraction
    met: int
    n: int


def check_within(measure: Measure, seconds: Fraction) -> None:
    """Refuse a time that is finer than the resolution of a measure's spans.

    Raises:
        QuestionError: it is finer, or negative.
    """
    parts_of_second = per_second(measure)
    if seconds < 0 or (seconds * parts_of_second).denominator != 1:
        parts = "whole seconds" if parts_of_second == 1 else f"a whole number of 1/{parts_of_second} seconds"
        what = f"The share within {float(seconds):g} s cannot be calculated."
        raise QuestionError(what, where="within", hint=f"Give {parts}: this measure's spans have no finer resolution.")


def per_second(measure: Measure) -> int:
    """The resolution of a measure's spans, in parts of a second."""
    selection = spans(measure)
    return KINDS[selection.kind].per_second if selection else 1


class Exploration:
    """The result of an `ExploreQuery`.

    Args:
        ask: runs queries on the force's figures.
        histograms: reads the finished spans.
        force: the force.
        query: the query.
        days: the local days of its window.

    Raises:
        QuestionError: the measure does not have the dimension or the word.
    """

    def __init__(self, ask: Ask, histograms: Histograms, force: Force, query: ExploreQuery, days: Days) -> None:
        self._force, self._query = force, query
        self._unit = line_of(query.measure, force).unit
        self._notes = Notes()
        by = (query.by,) if query.by else ()
        (self.whole,) = ask(query.measure, query.window, (), query.where)
        self._parts = list(ask(query.measure, query.window, by, query.where)) if by else []
        has_spans = spans(query.measure) is not None and not self.whole.instead
        self._spread = histograms(query.measure, query.window, (), query.where).get((), {}) if has_spans else {}
        self._spreads = histograms(query.measure, query.window, by, query.where) if by and has_spans else {}
        self.held: list[Stretch] = stretches(query.measure, force, days)
        self._per_second = per_second(query.measure)
        self._within_seconds = query.within_seconds if query.within_seconds is not None else self._default_within()

    def _default_within(self) -> Fraction:
        """The longest span that meets the last target (9.9 s for `under 10 seconds`), or the median rounded up to a minute."""
        last = self.held[-1].promise() if self.held else None
        if last:
            return Fraction(last.seconds) - (0 if last.is_inclusive else Fraction(1, self._per_second))
        middle = quantile(self._spread, 1, 2, self._per_second) or 0
        return Fraction(-int(-middle // _MINUTE) * _MINUTE)

    def bins(self) -> list[Bin]:
        """The distribution of the spans; empty where there are none, or none that may be displayed."""
        promises = [found for each in self.held if (found := each.promise())]
        return bins(self._spread, self._per_second, max((each.seconds for each in promises), default=0))

    def within(self) -> Within | None:
        """The share within the time of the query; None where there are no spans."""
        n = total(self._spread)
        return Within(self._within_seconds, self._met(self._spread), n) if n else None

    def _met(self, histogram: Histogram) -> int:
        return within(histogram, int(self._within_seconds * self._per_second))

    def rows(self) -> Table:
        """The labels of the dimension and the total, each with its value and its n."""
        measure, name = self._query.measure, self._query.by
        words = dict(named(self._force, name, {each.dimensions[name] for each in self._parts}, f"No {name}"))
        found = {each.dimensions[name]: each for each in self._parts}
        rows = [
            self._row(title, found[word], self._spreads.get((word,), {}))
            for word, title in words.items()
            if word in found
        ]
        rows.append(self._row("Total" if rows else measure.title, self.whole, self._spread, is_total=bool(rows)))
        return Table(
            title=measure.title,
            heading=name.replace("_", " ").capitalize() or "Measure",
            columns=tuple(Column(title) for title in self._titles()),
            rows=tuple(rows),
            notes=self._notes.texts(),
        )

    def _titles(self) -> Iterable[str]:
        unit, own = self._query.measure.unit, self._own()
        yield {"count": "Count", "ratio": "Share"}.get(unit, own)
        yield from {"count": ("Proportion",), "ratio": ("Number", "n"), "seconds": ("n",)}[unit]
        if spans(self._query.measure):
            yield from (title for title in _STATISTICS if title != own)
            yield f"Within {short_words(float(self._within_seconds))}"

    def _own(self) -> str:
        """The statistic that the measure itself is; empty unless it is a mean or a median."""
        return {Mean: "Mean", Median: "Median"}.get(type(self._query.measure.statistic), "")

    def _row(self, label: str, figure: ReportFigure, histogram: Histogram, *, is_total: bool = False) -> DocumentRow:
        measure = self._query.measure
        text = figure.instead or figure_text(figure.value, self._unit)
        own = cell_of(figure.value, self._unit, measure.unit, figure.n, numbers(figure, self._unit, self._notes))
        cells = [with_bounds(replace(own, text=text), figure), *self._share_and_n(figure)]
        if spans(measure):
            cells += self._spans(histogram if not figure.instead else {})
        return DocumentRow(label, self._unit.title(), tuple(cells), is_total=is_total, measures=(measure.name,))

    def _share_and_n(self, figure: ReportFigure) -> Iterable[DocumentCell]:
        unit = self._query.measure.unit
        if unit == "count":
            whole = self.whole.value
            yield _share(figure.value / whole if figure.value is not None and whole else None)
            return
        is_known = not figure.instead or (figure.n or 0) > 0
        if unit == "ratio":
            yield _count(figure.met if is_known else None)
        yield _count(figure.n if is_known else None)

    def _spans(self, histogram: Histogram) -> Iterable[DocumentCell]:
        n, parts = total(histogram), self._per_second
        unit = self._unit if self._query.measure.unit == "seconds" else Unit("minutes", 2)
        values = (
            mean(histogram, parts),
            quantile(histogram, 1, 2, parts),
            quantile(histogram, 9, 10, parts),
        )
        for title, value in zip(_STATISTICS, values, strict=True):
            if title == self._own():
                continue
            yield cell_of(None if value is None else Fraction(value), unit, "seconds")
        yield _share(Fraction(self._met(histogram), n) if n else None)

    def distribution(self) -> Table:
        """The distribution as a table, with the cumulative share."""
        n, rows, reached = total(self._spread), [], 0
        for each in self.bins():
            reached += each.count
            counts = (_count(each.count), _share(Fraction(each.count, n)), _share(Fraction(reached, n)))
            rows.append(DocumentRow(bin_words(each), "", counts, measures=(self._query.measure.name,)))
        columns = tuple(Column(title) for title in ("Count", "Share", "Cumulative share"))
        title = f"{self._query.measure.title}: distribution"
        return Table(title=title, heading="Time", columns=columns, rows=tuple(rows))


def bin_words(each: Bin) -> str:
    """Such as `over 1 min, to 2 min 30 s`."""
    if each.over_seconds is None:
        return f"to {short_words(each.within_seconds or 0)}"
    over = f"over {short_words(each.over_seconds)}"
    return over if each.within_seconds is None else f"{over}, to {short_words(each.within_seconds)}"


def _count(value: int | None) -> DocumentCell:
    return cell_of(None if value is None else Fraction(value), COUNT, "count")


def _share(value: Fraction | None) -> DocumentCell:
    return cell_of(value, _SHARE, "ratio")
