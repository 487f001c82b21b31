"""Every figure that a report shows, asked once, by its measure, words and window; and which of them add to which."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from msgspec.structs import replace

from dashboards.report.figures import Ask, ReportFigure, nothing_of
from dashboards.report.layout import Line
from dashboards.report.periods import Period
from dashboards.report.suppression import Key, is_small, protected
from measures.catalogue import CATALOGUE
from measures.measure import External, Where


class ReportFigures:
    """The figures of one report.

    Args:
        ask: answers a question.
    """

    def __init__(self, ask: Ask) -> None:
        self._source = ask
        self.figures: dict[Key, ReportFigure] = {}
        self.withheld: frozenset[Key] = frozenset()
        # In order, each once: a report is built a second time once it is known what is withheld.
        self._sums: dict[tuple[tuple[Key, ...], Key], None] = {}
        self._answers: dict[tuple[object, ...], Sequence[ReportFigure]] = {}

    def one(self, line: Line, period: Period) -> Key:
        """A figure of the whole."""
        key = key_of(line.measure, line.where, period)
        if key not in self.figures:
            statistic = CATALOGUE[line.measure].statistic
            if isinstance(statistic, External):
                self.figures[key] = ReportFigure({}, None, trouble=statistic.why)
            else:
                (self.figures[key],) = self._ask(line.measure, period, (), line.where)
        return key

    def by_word(self, measure: str, dimension: str, period: Period) -> dict[str, Key]:
        """A count by the words of a dimension; those of which there is nothing are left out."""
        found = self._ask(measure, period, (dimension,), {})
        return {
            (word := each.dimensions[dimension]): self._keep(key_of(measure, {dimension: (word,)}, period), each)
            for each in found
        }

    def nothing(self, measure: str, where: Where, period: Period) -> Key:
        """The count of a word without any, as far as the whole of the period is known."""
        whole = self.figures[self.one(Line(measure, ""), period)]
        return self._keep(key_of(measure, where, period), nothing_of(whole))

    def by_month(self, line: Line, months: Sequence[Period]) -> list[Key]:
        """A figure of each of some months that follow each other."""
        keys = [key_of(line.measure, line.where, month) for month in months]
        if any(key not in self.figures for key in keys):
            whole = Period("", months[0].start, months[-1].end)
            found = self._ask(line.measure, whole, ("month",), line.where)
            told = {each.dimensions["month"]: each for each in found}
            is_count = CATALOGUE[line.measure].unit == "count"
            for key, month in zip(keys, months, strict=True):
                missing = ReportFigure({}, Fraction(0) if is_count and found else None)
                self._keep(key, told.get(f"{month.start:%Y-%m}", missing))
        return keys

    def bands(self, measure: str, edges: Iterable[tuple[int, int]], period: Period) -> list[Key]:
        """Finished spans of each band: from so many minutes to so many, 0 for no end; sums of the measure's own bands."""
        found = self._ask(measure, period, (), {})
        keys = []
        for lower, upper in edges:
            inside = [each for each in found if "band" in each.dimensions and _is_inside(each, lower, upper)]
            word = f"{lower * 60:05}-{upper * 60:05}" if upper else f"{lower * 60:05}-"
            keys.append(self._keep(key_of(measure, {"band": (word,)}, period), _added(inside, found)))
        return keys

    def add(self, parts: Iterable[Key], whole: Key) -> None:
        """Say that counts that are shown add to another one that is."""
        self._sums[tuple(parts), whole] = None

    def adds(self) -> list[tuple[tuple[Key, ...], Key]]:
        """The sums in which the parts do not add to the whole: normally none. What is not known adds to nothing."""
        return [
            (parts, whole)
            for parts, whole in self._known_sums()
            if sum((self._count(key) for key in parts), 0) != self._count(whole)
        ]

    def _known_sums(self) -> list[tuple[tuple[Key, ...], Key]]:
        known = {key for key, figure in self.figures.items() if figure.value is not None}
        return [(tuple(key for key in parts if key in known), whole) for parts, whole in self._sums if whole in known]

    def protect(self) -> None:
        """Withhold what a public copy must not show."""
        small = [key for key, figure in self.figures.items() if is_small(figure, CATALOGUE[key[0]].unit)]
        counts = {key: self._count(key) for key in self.figures if CATALOGUE[key[0]].unit == "count"}
        self.withheld = protected(small, counts, self._known_sums())

    def value(self, key: Key) -> Fraction | None:
        """What is shown of a figure; None when there is none, and of what is withheld."""
        return None if key in self.withheld else self.figures[key].value

    def _ask(self, measure: str, period: Period, by: tuple[str, ...], where: Where) -> Sequence[ReportFigure]:
        question = key_of(measure, where, period), by
        if question not in self._answers:
            self._answers[question] = self._source(CATALOGUE[measure], period.window(), by, where)
        return self._answers[question]

    def _keep(self, key: Key, figure: ReportFigure) -> Key:
        self.figures[key] = figure
        return key

    def _count(self, key: Key) -> int:
        return int(self.figures[key].value or 0)


def key_of(measure: str, where: Where, period: Period) -> Key:
    """The key of a figure."""
    return measure, tuple(sorted((name, tuple(words)) for name, words in where.items())), period.window()


def _added(inside: Iterable[ReportFigure], found: Sequence[ReportFigure]) -> ReportFigure:
    """The sum of some bands of an answer; not known where the answer is not."""
    if found and (found[0].instead or not found[0].is_known()):
        return replace(found[0], dimensions={})
    value = sum((each.value or Fraction() for each in inside), Fraction())
    trouble, is_whole = (found[0].trouble, found[0].is_whole) if found else ("", True)
    return ReportFigure({}, value, int(value), trouble=trouble, is_whole=is_whole)


def _is_inside(figure: ReportFigure, lower: int, upper: int) -> bool:
    low, _, high = figure.dimensions["band"].partition("-")
    return int(low) >= lower * 60 and (not upper or (high != "" and int(high) <= upper * 60))
