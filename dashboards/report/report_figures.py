"""The figures of a report: each read once and kept by measure, labels and window, with the sums that they belong to."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from msgspec.structs import replace

from dashboards.report.figures import Ask, ReportFigure, nothing_of
from dashboards.report.layout import Line
from dashboards.report.periods import Period
from dashboards.report.suppression import SMALL, SMALL_COUNTS_AS, Key, is_small, published, suppressed
from measures.catalogue import CATALOGUE
from measures.measure import External, Where


class ReportFigures:
    """The figures of one report.

    Args:
        ask: runs a query.
    """

    def __init__(self, ask: Ask) -> None:
        self._source = ask
        self.figures: dict[Key, ReportFigure] = {}
        self.suppressed: frozenset[Key] = frozenset()
        # A dict keeps each sum once and in order: a public report is built a second time, after suppression.
        self._sums: dict[tuple[tuple[Key, ...], Key], None] = {}
        self._results: dict[tuple[object, ...], Sequence[ReportFigure]] = {}
        self._exact_mismatches: list[tuple[tuple[Key, ...], Key]] | None = None
        """The mismatches of the exact figures, once these are rounded."""
        self._excess: dict[Key, int] = {}
        """By how much the small counts in a total exceed what they count as."""

    def one(self, line: Line, period: Period) -> Key:
        """A figure without breakdown."""
        key = key_of(line.measure, line.where, period)
        if key not in self.figures:
            statistic = CATALOGUE[line.measure].statistic
            if isinstance(statistic, External):
                self._keep(key, ReportFigure({}, None, trouble=statistic.why))
            else:
                (found,) = self._ask(line.measure, period, (), line.where)
                self._keep(key, found)
        return key

    def by_word(self, measure: str, dimension: str, period: Period) -> dict[str, Key]:
        """A count by the labels of a dimension; labels without any are left out."""
        found = self._ask(measure, period, (dimension,), {})
        return {
            (word := each.dimensions[dimension]): self._keep(key_of(measure, {dimension: (word,)}, period), each)
            for each in found
        }

    def nothing(self, measure: str, where: Where, period: Period) -> Key:
        """The count of a label that has none: 0 if the total of the period is known."""
        whole = self.figures[self.one(Line(measure, ""), period)]
        return self._keep(key_of(measure, where, period), nothing_of(whole))

    def by_month(self, line: Line, months: Sequence[Period]) -> list[Key]:
        """A figure for each of several consecutive months."""
        keys = [key_of(line.measure, line.where, month) for month in months]
        if any(key not in self.figures for key in keys):
            whole = Period("", months[0].start, months[-1].end)
            found = self._ask(line.measure, whole, ("month",), line.where)
            by_month = {each.dimensions["month"]: each for each in found}
            is_count = CATALOGUE[line.measure].unit == "count"
            for key, month in zip(keys, months, strict=True):
                missing = ReportFigure({}, Fraction(0) if is_count and found else None)
                self._keep(key, by_month.get(f"{month.start:%Y-%m}", missing))
        return keys

    def bands(self, measure: str, edges: Iterable[tuple[int, int]], period: Period) -> list[Key]:
        """The number of finished spans in each band, added up from the measure's own bands.

        Args:
            measure: a measure of bands.
            edges: the lower and upper edge of each band, in minutes; an upper edge of 0 means no end.
            period: the period.
        """
        found = self._ask(measure, period, (), {})
        keys = []
        for lower, upper in edges:
            inside = [each for each in found if "band" in each.dimensions and _is_inside(each, lower, upper)]
            word = f"{lower * 60:05}-{upper * 60:05}" if upper else f"{lower * 60:05}-"
            keys.append(self._keep(key_of(measure, {"band": (word,)}, period), _added(inside, found)))
        return keys

    def add(self, parts: Iterable[Key], whole: Key) -> None:
        """Record that the report shows counts together with their total."""
        self._sums[tuple(parts), whole] = None

    def mismatches(self) -> list[tuple[tuple[Key, ...], Key]]:
        """The sums whose parts do not add up to the total; normally none. Figures that are not known are left out."""
        if self._exact_mismatches is not None:
            return self._exact_mismatches
        return [
            (parts, whole)
            for parts, whole in self._known_sums()
            if sum((self._count(key) for key in parts), 0) != self._count(whole)
        ]

    def _known_sums(self) -> list[tuple[tuple[Key, ...], Key]]:
        known = {key for key, figure in self.figures.items() if figure.value is not None}
        return [(tuple(key for key in parts if key in known), whole) for parts, whole in self._sums if whole in known]

    def suppress(self, totals: Iterable[tuple[Period, Sequence[Period]]]) -> None:
        """Suppress the figures that a public copy must not show, and round all others, those read later too.

        Args:
            totals: each total of months that the report shows, with its months.
        """
        mismatches = self.mismatches()
        sums = [*self._known_sums(), *self._sums_of_months(totals)]
        small = [key for key, figure in self.figures.items() if is_small(figure, CATALOGUE[key[0]].unit)]
        counts = {key: self._count(key) for key in self.figures if CATALOGUE[key[0]].unit == "count"}
        self.suppressed = suppressed(small, counts, self._known_sums())
        for parts, whole in sums:
            excess = sum(count - SMALL_COUNTS_AS for count in map(self._count, parts) if 0 < count < SMALL)
            self._excess[whole] = self._excess.get(whole, 0) + excess
        self._exact_mismatches = mismatches
        for key, figure in list(self.figures.items()):
            self._keep(key, figure)

    def _sums_of_months(self, totals: Iterable[tuple[Period, Sequence[Period]]]) -> list[tuple[tuple[Key, ...], Key]]:
        """Each count over a total's period with the same count of each of its months, which other reports show."""
        found = []
        for period, months in totals:
            for key in [each for each in self.figures if each[2] == period.window() and _has_months(each)]:
                line = Line(key[0], "", where=dict(key[1]))
                known = {parts for parts, whole in self._sums if whole == key}
                parts = tuple(self.by_month(line, months))
                if parts not in known:
                    found.append((parts, key))
        return found

    def value(self, key: Key) -> Fraction | None:
        """The value to display; None when there is none or it is suppressed."""
        return None if key in self.suppressed else self.figures[key].value

    def _ask(self, measure: str, period: Period, by: tuple[str, ...], where: Where) -> Sequence[ReportFigure]:
        question = key_of(measure, where, period), by
        if question not in self._results:
            self._results[question] = self._source(CATALOGUE[measure], period.window(), by, where)
        return self._results[question]

    def _keep(self, key: Key, figure: ReportFigure) -> Key:
        is_public = self._exact_mismatches is not None
        if is_public and figure.value is not None:
            figure = replace(figure, value=max(Fraction(), figure.value - self._excess.get(key, 0)))
        self.figures[key] = published(figure, CATALOGUE[key[0]].unit) if is_public else figure
        return key

    def _count(self, key: Key) -> int:
        return int(self.figures[key].value or 0)


def _has_months(key: Key) -> bool:
    """Whether a figure is a count that can be asked for month by month."""
    measure, where, _ = key
    is_count = CATALOGUE[measure].unit == "count" and not isinstance(CATALOGUE[measure].statistic, External)
    return is_count and all(name != "band" for name, _ in where)


def key_of(measure: str, where: Where, period: Period) -> Key:
    """The key of a figure."""
    return measure, tuple(sorted((name, tuple(words)) for name, words in where.items())), period.window()


def _added(inside: Iterable[ReportFigure], found: Sequence[ReportFigure]) -> ReportFigure:
    """The sum of several bands; not known where the bands are not known."""
    if found and (found[0].instead or not found[0].is_known()):
        return replace(found[0], dimensions={})
    value = sum((each.value or Fraction() for each in inside), Fraction())
    trouble, is_whole = (found[0].trouble, found[0].is_whole) if found else ("", True)
    return ReportFigure({}, value, int(value), trouble=trouble, is_whole=is_whole)


def _is_inside(figure: ReportFigure, lower: int, upper: int) -> bool:
    low, _, high = figure.dimensions["band"].partition("-")
    return int(low) >= lower * 60 and (not upper or (high != "" and int(high) <= upper * 60))
