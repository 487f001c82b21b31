"""Every figure that a report shows, asked once, by its measure, words and window; and which of them add to which."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from dashboards.report.figures import Ask, Figure
from dashboards.report.layout import Line
from dashboards.report.periods import Period
from dashboards.report.withhold import Key, is_small, protected
from measures.catalogue import CATALOGUE
from measures.measure import External, Where

_NOTHING = Figure({}, Fraction(0))


class Book:
    """The figures of one report.

    Args:
        ask: answers a question.
    """

    def __init__(self, ask: Ask) -> None:
        self._source = ask
        self.figures: dict[Key, Figure] = {}
        self.withheld: frozenset[Key] = frozenset()
        # In order, each once: a report is built a second time once it is known what is withheld.
        self._sums: dict[tuple[tuple[Key, ...], Key], None] = {}
        self._answers: dict[tuple[object, ...], Sequence[Figure]] = {}

    def one(self, line: Line, period: Period) -> Key:
        """A figure of the whole."""
        key = key_of(line.measure, line.where, period)
        if key not in self.figures:
            statistic = CATALOGUE[line.measure].statistic
            if isinstance(statistic, External):
                self.figures[key] = Figure({}, None, trouble=statistic.why)
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
        """A count of which there is nothing."""
        return self._keep(key_of(measure, where, period), _NOTHING)

    def by_month(self, line: Line, months: Sequence[Period]) -> list[Key]:
        """A figure of each of some months that follow each other."""
        keys = [key_of(line.measure, line.where, month) for month in months]
        if any(key not in self.figures for key in keys):
            whole = Period("", months[0].start, months[-1].end)
            found = self._ask(line.measure, whole, ("month",), line.where)
            told = {each.dimensions["month"]: each for each in found}
            is_count = CATALOGUE[line.measure].unit == "count"
            for key, month in zip(keys, months, strict=True):
                missing = Figure({}, Fraction(0) if is_count and found else None)
                self._keep(key, told.get(f"{month.start:%Y-%m}", missing))
        return keys

    def bands(self, measure: str, edges: Iterable[tuple[int, int]], period: Period) -> list[Key]:
        """Finished spans of each band: from so many minutes to so many, 0 for no end; sums of the measure's own bands."""
        found = self._ask(measure, period, (), {})
        keys = []
        for lower, upper in edges:
            inside = [each for each in found if "band" in each.dimensions and _is_inside(each, lower, upper)]
            value = sum((each.value or Fraction() for each in inside), Fraction())
            word = f"{lower * 60:05}-{upper * 60:05}" if upper else f"{lower * 60:05}-"
            counted = Figure({}, value, int(value), trouble=found[0].trouble if found else "")
            keys.append(self._keep(key_of(measure, {"band": (word,)}, period), counted))
        return keys

    def add(self, parts: Iterable[Key], whole: Key) -> None:
        """Say that counts that are shown add to another one that is."""
        self._sums[tuple(parts), whole] = None

    def adds(self) -> list[tuple[tuple[Key, ...], Key]]:
        """The sums in which the parts do not add to the whole: normally none."""
        return [
            (parts, whole)
            for parts, whole in self._sums
            if sum((self._count(key) for key in parts), 0) != self._count(whole)
        ]

    def protect(self) -> None:
        """Withhold what a public copy must not show."""
        small = [key for key, figure in self.figures.items() if is_small(figure, CATALOGUE[key[0]].unit)]
        counts = {key: self._count(key) for key in self.figures if CATALOGUE[key[0]].unit == "count"}
        self.withheld = protected(small, counts, list(self._sums))

    def value(self, key: Key) -> Fraction | None:
        """What is shown of a figure; None when there is none, and of what is withheld."""
        return None if key in self.withheld else self.figures[key].value

    def _ask(self, measure: str, period: Period, by: tuple[str, ...], where: Where) -> Sequence[Figure]:
        question = key_of(measure, where, period), by
        if question not in self._answers:
            self._answers[question] = self._source(CATALOGUE[measure], period.window(), by, where)
        return self._answers[question]

    def _keep(self, key: Key, figure: Figure) -> Key:
        self.figures[key] = figure
        return key

    def _count(self, key: Key) -> int:
        return int(self.figures[key].value or 0)


def key_of(measure: str, where: Where, period: Period) -> Key:
    """The key of a figure."""
    return measure, tuple(sorted((name, tuple(words)) for name, words in where.items())), period.window()


def _is_inside(figure: Figure, lower: int, upper: int) -> bool:
    low, _, high = figure.dimensions["band"].partition("-")
    return int(low) >= lower * 60 and (not upper or (high != "" and int(high) <= upper * 60))
