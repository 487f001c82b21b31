"""The figures of a sample with their bounds, calculated as the product would: what the findings do to each share."""

from collections.abc import Iterable
from datetime import timedelta

from msgspec import Struct

from bluelamp.feeding.feed_check.sample import FeedSample
from measures.catalogue import CATALOGUE
from measures.display import doubt_words, words
from measures.measure import External
from measures.outcome import OpenItem, instant
from measures.pane import Counts, Deltas, Grain, OpenPane, apply, difference
from measures.reading import Question, read
from measures.window import resolve


class CheckedFigure(Struct, frozen=True):
    """A figure over all days of the sample.

    Attributes:
        measure: its name.
        title: its title.
        value: the figure in words.
        n: the number of cases.
        doubt: its bounds and what is not recorded, in words; empty if everything is recorded.
    """

    measure: str
    title: str
    value: str
    n: int
    doubt: str


class _Source:
    """The day panes and open items of a sample."""

    def __init__(self, sample: FeedSample) -> None:
        deltas: Deltas = {}
        for one in sample.outcomes:
            difference((), one.finished, sample.rules, deltas)
        self._days: dict[int, OpenPane] = {}
        for kind, of_kind in deltas.items():
            for slot, counts in of_kind["day"].items():
                apply(self._days.setdefault(slot, {}), kind, counts)
        self._open = [each for one in sample.outcomes for each in one.open]

    def panes(self, kind: str, grain: Grain, first: int, last: int) -> Iterable[tuple[int, Counts]]:
        """One kind in the day panes; a report window asks for no other."""
        del grain
        return [(slot, pane[kind]) for slot, pane in self._days.items() if kind in pane and first <= slot < last]

    def open(self, kind: str) -> Iterable[OpenItem]:
        """The open items of a kind."""
        return [each for each in self._open if each.kind == kind]


def figures(sample: FeedSample) -> list[CheckedFigure]:
    """Every share, mean and median of the sample that has a value; the least complete come first."""
    if not sample.times:
        return []
    rules, zone = sample.rules, sample.rules.force.zone()
    first, last = (instant(at).astimezone(zone) for at in (sample.times[0], sample.times[-1]))
    window = resolve(f"{first.date()}/{last.date() + timedelta(days=1)}", last, rules.force)
    source = _Source(sample)
    found: list[tuple[float, int, CheckedFigure]] = []
    for measure in CATALOGUE.values():
        if sample.topic not in measure.topics() or not measure.unrecorded or isinstance(measure.statistic, External):
            continue
        (figure,) = read(Question(measure, window, last), source, rules)
        if figure.value is not None:
            doubt = doubt_words(figure.low, figure.high, figure.unrecorded, measure.unit)
            width = (figure.high or 0.0) - (figure.low or 0.0)
            value = words(figure.value, measure.unit)
            checked = CheckedFigure(measure.name, measure.title, value, figure.n, doubt)
            found.append((width, figure.unrecorded or 0, checked))
    return [each for _, _, each in sorted(found, key=lambda each: (-each[0], -each[1]))]
