"""A reading: a measure over a window, with its value, its n, its time, and whether it can be relied on."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Literal, NamedTuple, Protocol, Self

from msgspec import Struct
from msgspec.structs import replace

from facts.errors import QuestionError
from facts.force import NONE, UNLISTED
from facts.times import SKEW
from measures.coverage import CoverageLevel
from measures.display import rough_words
from measures.measure import (
    DATE_DIMENSIONS,
    DERIVED_DIMENSIONS,
    Bands,
    Count,
    Decided,
    External,
    Mean,
    Measure,
    Median,
    OpenCount,
    OpenDue,
    OpenLongest,
    OpenSoonest,
    OpenStatistic,
    Selection,
    Share,
    SpanWithin,
    Where,
)
from measures.outcome import KINDS, SECOND, OpenItem, instant, microseconds
from measures.pane import HOUR, Counts, Dimensions, Grain, Histogram, PackedCounts, labels_of, merge
from measures.rules import Rules
from measures.statistic import mean, quantile, ratio, total, within
from measures.window import Window

State = Literal["live", "in_part", "stale", "too_few", "no_data"]
Doubt = Literal["", "future", "ahead", "producer"]
"""Why a feed's last heartbeat does not prove that the feed is live; empty if it does.

`future`: its timestamp is later than a time at which it was already in the log. `ahead`: it claims to be complete to a time after it
was received. `producer`: the producer set its timestamp, not the log.
"""
Groups = dict[Dimensions, Histogram]
CLOCK_DIMENSIONS = ("weekday", "hour")
"""Local day of the week (0 is Monday) and hour of the day, for windows of whole hours. Both are used together, or neither."""
SKEW_MICROSECONDS = SKEW // timedelta(microseconds=1)
NO_EVENTS = "No events to calculate this figure from."
SIMULATION = "SIMULATION - no figure is real."
WITHIN_SECONDS = (10, 60, 120, 780, 900, 1200, 7200, 86400)
"""The limits for which every spread gives a share: those of the targets (reports A1 to A3) and of the published bands."""


class OpenSource(Protocol):
    """The source of one force's open items."""

    def open(self, kind: str) -> Iterable[OpenItem]:
        """The open items of a kind."""


class FigureSource(OpenSource, Protocol):
    """The source of one force's panes and open items."""

    def panes(self, kind: str, grain: Grain, first: int, last: int) -> Iterable[tuple[int, Counts]]:
        """One kind in the panes of a grain from one slot up to another, which is excluded. Empty ones may be left out."""


class Spread(Struct, frozen=True):
    """The distribution of finished spans, because a mean alone hides long waits (rules C32).

    Attributes:
        mean: in seconds.
        median: in seconds.
        p90: the 90th percentile in seconds.
        within: each limit in seconds to the share of spans within it.
    """

    mean: float
    median: float
    p90: float
    within: dict[int, float]


class Figure(Struct, frozen=True):
    """The value of one cell, without its state.

    Attributes:
        dimensions: the labels of the cell.
        value: in the measure's unit; None if there is no value.
        n: the number of outcomes it is calculated from.
        met: for a share, the number of outcomes that met the condition.
        spread: for spans, their distribution.
        low: for a share, its value if every outcome that is not recorded or in doubt had been missed; None without a value.
        high: likewise if every such outcome had been met.
        unrecorded: for a share, a mean or a median, the number of such outcomes; None for anything else.
    """

    dimensions: dict[str, str]
    value: float | None
    n: int
    met: int | None = None
    spread: Spread | None = None
    low: float | None = None
    high: float | None = None
    unrecorded: int | None = None


class Question(Struct, frozen=True):
    """A query for readings of a measure.

    Attributes:
        measure: the measure.
        window: the window.
        as_of: the time of the readings.
        by: the dimensions to break it down by.
        where: the labels to limit it to.
        is_now: `as_of` is the force's present, not a time that was requested.
    """

    measure: Measure
    window: Window
    as_of: datetime
    by: tuple[str, ...] = ()
    where: Where = {}
    is_now: bool = True


def check(question: Question, rules: Rules) -> None:
    """Check that a question can be answered.

    Raises:
        QuestionError: a dimension or label does not exist, or a date dimension is used outside a report window.
    """
    for name in question.by:
        question.measure.check_dimension(name, "--by")
        if name in DATE_DIMENSIONS and (question.window.kind != "report" or question.measure.is_open()):
            hint = "Use a report window: this_month, last_month, 12m, previous_12m or FROM/TO."
            what = (
                f"A measure of open items cannot be broken down by {name}."
                if question.measure.is_open()
                else f"A live window cannot be broken down by {name}."
            )
            raise QuestionError(what, where="--by", hint=hint)
    for name, words in question.where.items():
        question.measure.check_dimension(name, "--where")
        vocabulary = rules.vocabulary.get(name)
        for word in words:
            if vocabulary is not None and word not in vocabulary | {NONE, UNLISTED}:
                hint = f"It lists {', '.join(sorted(vocabulary)) or 'none'}; also {NONE} and {UNLISTED}."
                raise QuestionError(
                    f"The profile of {rules.force.name} has no {name} {word!r}.", where="--where", hint=hint
                )


def read(
    question: Question, source: FigureSource, rules: Rules, summed: Callable[[str], Counts] | None = None
) -> list[Figure]:
    """The figures of a question, in order of their labels; a single figure without a breakdown.

    Args:
        question: a question that `check` has accepted.
        source: the panes and open items of the force.
        rules: the rules of the force.
        summed: returns the counts of a kind over the whole window, if they are known; otherwise the panes are added up.
    """
    sheet, measure = _Sheet(question, source, rules, summed), question.measure
    figures = list(_figures(measure, sheet))
    if not figures and not question.by:
        figures = [empty(measure)]
    if measure.unrecorded or measure.is_share():
        in_doubt = _in_doubt(measure, sheet)
        figures = [_bounded(figure, in_doubt[tuple(figure.dimensions.values())], measure) for figure in figures]
    return sorted(figures, key=lambda figure: tuple(figure.dimensions.values()))


class _InDoubt(Struct):
    """How many outcomes of one cell are not recorded or in doubt, by how a share counts them; one may be both met and missed."""

    count: int = 0
    met: int = 0
    missed: int = 0
    left_out: int = 0


def _in_doubt(measure: Measure, sheet: "_Sheet") -> dict[Dimensions, _InDoubt]:
    """What is not recorded or in doubt of each cell."""
    cells: dict[Dimensions, _InDoubt] = defaultdict(_InDoubt)
    for each in measure.unrecorded:
        if each.is_open:
            _leave_out(cells, sheet.lost_ends(each.of))
            continue
        belonging = {*each.met, *each.missed, *each.left_out}
        for words, histogram in sheet.gather([each.of]).items():
            cell = cells[words]
            cell.count += sum(n for value, n in histogram.items() if value in belonging or not measure.is_share())
            cell.met += sum(histogram.get(value, 0) for value in each.met)
            cell.missed += sum(histogram.get(value, 0) for value in each.missed)
            cell.left_out += sum(histogram.get(value, 0) for value in each.left_out)
    if isinstance(measure.statistic, Decided):
        _leave_out(cells, sheet.never_ended(measure.statistic.of))
    return cells


def _leave_out(cells: dict[Dimensions, _InDoubt], found: Iterable[Dimensions]) -> None:
    for words in found:
        cells[words].count += 1
        cells[words].left_out += 1


def _bounded(figure: Figure, cell: _InDoubt, measure: Measure) -> Figure:
    """A figure with what is not recorded of it and, for a share, its bounds."""
    low: float | None = None
    high: float | None = None
    if measure.is_share() and figure.met is not None:
        whole = figure.n + cell.left_out
        low = ratio(max(0, figure.met - cell.met), whole) if figure.n else None
        high = ratio(min(whole, figure.met + cell.missed + cell.left_out), whole) if figure.n else None
    return replace(figure, low=low, high=high, unrecorded=cell.count)


def spans(measure: Measure) -> Selection | None:
    """The finished spans that a measure is calculated from; None for a measure without spans."""
    statistic = measure.statistic
    return statistic.of if isinstance(statistic, Mean | Median | SpanWithin | Bands) else None


def histograms(question: Question, source: FigureSource, rules: Rules) -> Groups:
    """The exact histograms of the finished spans of a question, by label, in the whole units of their kind.

    Args:
        question: a question that `check` has accepted.
        source: the panes and open items of the force.
        rules: the rules of the force.
    """
    selection = spans(question.measure)
    return _Sheet(question, source, rules).gather([selection]) if selection else {}


class ListedSubject(NamedTuple):
    """One open item that a measure counts, with its subject and its labels by dimension."""

    subject_id: str
    dimensions: dict[str, str]
    item: OpenItem


def listed(question: Question, items: Iterable[tuple[str, OpenItem]], rules: Rules) -> Iterator[ListedSubject]:
    """The open items that a measure counts; for a share within target, those that count as missed.

    Args:
        question: a question that `check` has accepted.
        items: open items, each with the id of its subject.
        rules: the rules of the force.
    """
    sheet, measure = _Sheet(question, _EMPTY_SOURCE, rules), question.measure
    for subject_id, item in items:
        if any(sheet.counts(selection, item) for selection in measure.selections()):
            names = KINDS[item.kind].dimensions
            yield ListedSubject(subject_id, dict(zip(names, item.dimensions, strict=True)), item)


class _Moment(NamedTuple):
    """The window of a question and its time, in microseconds since 1970.

    Attributes:
        start: the start of the window.
        end: its end.
        as_of: the time.
        is_report: whether the window counts what began in it, and not what was decided in it.
    """

    start: int
    end: int
    as_of: int
    is_report: bool

    @classmethod
    def of(cls, question: Question) -> Self:
        """The moment of a question."""
        window = question.window
        start, end, as_of = map(microseconds, (window.start, window.end, question.as_of))
        return cls(start, end, as_of, is_report=window.kind == "report")

    def overdue(self, items: Iterable[OpenItem]) -> list[OpenItem]:
        """The items that can no longer meet their target, and were due (in report windows: began) in the window."""
        start, end, as_of = self.start, self.end, self.as_of
        if self.is_report:
            return [each for each in items if each.due is not None and each.due <= as_of and start <= each.began < end]
        return [each for each in items if each.due is not None and start <= each.due < end and each.due <= as_of]

    def lost(self, items: Iterable[OpenItem]) -> list[OpenItem]:
        """The items whose end came to count as unrecorded (in report windows: that began) in the window."""
        start, end, as_of = self.start, self.end, self.as_of
        if self.is_report:
            return [each for each in items if each.is_unrecorded(as_of) and start <= each.began < end]
        of_window = ((each, each.unrecorded_from) for each in items)
        return [each for each, lost in of_window if lost is not None and start <= lost < end and lost <= as_of]

    def is_overdue(self, item: OpenItem) -> bool:
        """Whether an item is one of the overdue ones."""
        return bool(self.overdue((item,)))


def open_that_count(question: Question, source: OpenSource) -> list[tuple[OpenItem, bool]]:
    """The open items on which a figure depends besides the counts in its panes, each with whether its end counts as unrecorded.

    These are the overdue ones, and those whose ends are lost.

    Args:
        question: one whose measure is not of open items.
        source: the open items of the force.
    """
    moment, measure = _Moment.of(question), question.measure
    found = list[OpenItem]()
    if isinstance(measure.statistic, Decided):
        found += moment.overdue(source.open(measure.statistic.of.kind))
    for lost in measure.unrecorded:
        if lost.is_open:
            found += moment.lost(source.open(lost.of.kind))
    return [(item, item.is_unrecorded(moment.as_of)) for item in found]


class _EmptySource:
    """A source without panes or open items, for `listed`, which gets its items from the caller."""

    def panes(self, kind: str, grain: Grain, first: int, last: int) -> Iterable[tuple[int, Counts]]:
        del kind, grain, first, last
        return ()

    def open(self, kind: str) -> Iterable[OpenItem]:
        del kind
        return ()


_EMPTY_SOURCE = _EmptySource()


def empty(measure: Measure) -> Figure:
    """The figure of a window without events: a count is 0; shares and times have no value."""
    counts = isinstance(measure.statistic, Count | OpenCount | OpenDue)
    return Figure({}, 0 if counts else None, 0, 0 if measure.unit == "ratio" else None)


class _ByNumber(dict[int, Histogram | None]):
    """The histogram to which counts are added, by the number of their labels; None for labels that the question does not include.

    Args:
        words_of: the labels of the breakdown for the labels of a count; None if the question does not include them.
        groups: the histograms by the labels of the breakdown.
    """

    def __init__(self, words_of: Callable[[Dimensions], Dimensions | None], groups: Groups) -> None:
        super().__init__()
        self._words_of, self._groups = words_of, groups

    def __missing__(self, number: int) -> Histogram | None:
        words = self._words_of(labels_of(number))
        self[number] = found = None if words is None else self._groups[words]
        return found


class _Sheet:
    """Gathers histograms and open items by the dimensions of a question."""

    def __init__(
        self,
        question: Question,
        source: FigureSource,
        rules: Rules,
        summed: Callable[[str], Counts] | None = None,
    ) -> None:
        self.question, self.source, self.rules = question, source, rules
        self.as_of = microseconds(question.as_of)
        self.is_clocked = question.by == CLOCK_DIMENSIONS
        self.is_dated = self.is_clocked or any(name in DATE_DIMENSIONS for name in (*question.by, *question.where))
        self._summed = None if self.is_dated else summed
        self.moment = _Moment.of(question)
        self._open_words: dict[tuple[Dimensions, int], Dimensions | None] = {}

    def named(self, words: Dimensions) -> dict[str, str]:
        return dict(zip(self.question.by, words, strict=True))

    def gather(self, selections: Sequence[Selection]) -> Groups:
        """Histograms of finished outcomes over the window."""
        groups: Groups = defaultdict(dict)
        for selection in selections:
            words_of: dict[tuple[Dimensions, int], Dimensions | None] = {}
            by_number = _ByNumber(partial(self._words, selection, slot=0), groups)
            for slot, counts in self._panes(selection.kind):
                if isinstance(counts, PackedCounts) and not self.is_dated:
                    counts.add_to(by_number)
                else:
                    self._add_pane(selection, slot, counts, groups, words_of)
        return groups

    def _panes(self, kind: str) -> Iterator[tuple[int, Counts]]:
        """One kind in the panes of the window; if the sum is known, as one pane, whose slot does not matter."""
        if self._summed:
            yield 0, self._summed(kind)
            return
        for segment in self.question.window.segments:
            yield from self.source.panes(kind, segment.grain, segment.first, segment.last)

    def _add_pane(
        self,
        selection: Selection,
        slot: int,
        counts: Counts,
        groups: Groups,
        words_of: dict[tuple[Dimensions, int], Dimensions | None],
    ) -> None:
        for dimensions, histogram in counts.items():
            key = (dimensions, slot if self.is_dated else 0)
            if key not in words_of:
                words_of[key] = self._words(selection, dimensions, slot)
            words = words_of[key]
            if words is not None:
                merge(groups[words], histogram)

    def gather_open(self, selection: Selection) -> Iterator[tuple[Dimensions, OpenItem]]:
        """The open items of a selection whose end does not count as unrecorded, with their labels."""
        for item in self.source.open(selection.kind):
            if item.is_unrecorded(self.as_of):
                continue
            words = self.open_words(selection, item)
            if words is not None:
                yield words, item

    def open_words(self, selection: Selection, item: OpenItem) -> Dimensions | None:
        """The labels of an open item, or None if the question does not include it. A measure of open items has one selection."""
        key = (item.dimensions, self._slot(item) if self.is_dated else 0)
        if key not in self._open_words:
            self._open_words[key] = self._words(selection, *key)
        return self._open_words[key]

    def _slot(self, item: OpenItem) -> int:
        """The slot that an open item is counted in: the day it began, or the hour in which it is due."""
        return (item.due or item.since) // HOUR if self.is_clocked else self.rules.local_day(item.began)

    def overdue(self, selection: Selection) -> Iterator[Dimensions]:
        """The labels of each open item that can no longer meet its target, in the window of the reading."""
        return (words for words, item in self._overdue(selection) if not item.is_unrecorded(self.as_of))

    def never_ended(self, selection: Selection) -> Iterator[Dimensions]:
        """The labels of each item that would count as missed in the window if its end did not count as unrecorded."""
        return (words for words, item in self._overdue(selection) if item.is_unrecorded(self.as_of))

    def _overdue(self, selection: Selection) -> Iterator[tuple[Dimensions, OpenItem]]:
        for item in self.moment.overdue(self.source.open(selection.kind)):
            words = self.open_words(selection, item)
            if words is not None:
                yield words, item

    def lost_ends(self, selection: Selection) -> Iterator[Dimensions]:
        """The labels of each item whose end came to count as unrecorded (in report windows: that began) in the window."""
        for item in self.moment.lost(self.source.open(selection.kind)):
            words = self.open_words(selection, item)
            if words is not None:
                yield words

    def counts(self, selection: Selection, item: OpenItem) -> bool:
        """Whether the measure's reading counts an open item."""
        if item.kind != selection.kind or item.is_unrecorded(self.as_of):
            return False
        if self.open_words(selection, item) is None:
            return False
        statistic = self.question.measure.statistic
        if isinstance(statistic, OpenStatistic):
            return _open_span(statistic, item, self.as_of) is not None
        return isinstance(statistic, Decided) and self.moment.is_overdue(item)

    def _words(self, selection: Selection, dimensions: Dimensions, slot: int) -> Dimensions | None:
        """The labels of the breakdown, or None if the question does not include the outcome."""
        names = KINDS[selection.kind].dimensions
        own: dict[str, str] = dict(zip(names, dimensions, strict=True))
        for name, words in (
            *selection.where.items(),
            *self.question.measure.where.items(),
            *self.question.where.items(),
        ):
            if self._word(name, own, slot) not in words:
                return None
        return tuple(self._word(name, own, slot) for name in self.question.by)

    def _word(self, name: str, own: dict[str, str], slot: int) -> str:
        if name in CLOCK_DIMENSIONS:
            local = instant(slot * HOUR).astimezone(self.rules.force.zone())
            return str(local.weekday() if name == "weekday" else local.hour)
        if name == "day":
            return date.fromordinal(slot).isoformat()
        if name == "month":
            return date.fromordinal(slot).isoformat()[:7]
        if name in DERIVED_DIMENSIONS:
            return self.rules.derived[name].get(own[DERIVED_DIMENSIONS[name]], UNLISTED)
        return own[name]


def _figures(measure: Measure, sheet: _Sheet) -> Iterator[Figure]:
    match measure.statistic:
        case Count(of):
            for words, histogram in sheet.gather([of]).items():
                yield Figure(sheet.named(words), total(histogram), total(histogram))
        case Share(met, of):
            yield from _shares(sheet, sheet.gather(met), sheet.gather(of))
        case Decided(of):
            yield from _decided(sheet, of)
        case Mean(of) | Median(of) | SpanWithin(of):
            yield from _spans(measure, sheet, of)
        case Bands(of, edges):
            yield from _bands(sheet, of, edges)
        case OpenCount() | OpenLongest() | OpenDue() | OpenSoonest():
            yield from _open_figures(measure, measure.statistic, sheet)
        case External():
            return


def _shares(sheet: _Sheet, met: Groups, of: Groups) -> Iterator[Figure]:
    for words, histogram in of.items():
        part, whole = total(met.get(words, {})), total(histogram)
        yield Figure(sheet.named(words), ratio(part, whole), whole, part)


def _decided(sheet: _Sheet, of: Selection) -> Iterator[Figure]:
    groups = sheet.gather([of])
    for words in sheet.overdue(of):
        merge(groups[words], {0: 1})
    for words, histogram in groups.items():
        part, whole = histogram.get(1, 0), total(histogram)
        yield Figure(sheet.named(words), ratio(part, whole), whole, part)


def _spans(measure: Measure, sheet: _Sheet, of: Selection) -> Iterator[Figure]:
    per_second = KINDS[of.kind].per_second
    for words, histogram in sheet.gather([of]).items():
        spread = _spread(histogram, per_second)
        if spread is None:
            continue
        count, met = total(histogram), None
        value: float | None = spread.mean if isinstance(measure.statistic, Mean) else spread.median
        if isinstance(measure.statistic, SpanWithin):
            limit = measure.statistic.seconds * per_second
            met = within(histogram, limit, inclusive=measure.statistic.is_inclusive)
            value = ratio(met, count)
        yield Figure(sheet.named(words), value, count, met, spread)


def _spread(histogram: Histogram, per_second: int) -> Spread | None:
    count = total(histogram)
    middle, ninetieth = quantile(histogram, 1, 2, per_second), quantile(histogram, 9, 10, per_second)
    average = mean(histogram, per_second)
    if average is None or middle is None or ninetieth is None:
        return None
    shares = {limit: within(histogram, limit * per_second) / count for limit in WITHIN_SECONDS}
    return Spread(average, middle, ninetieth, shares)


def _bands(sheet: _Sheet, of: Selection, edges: tuple[int, ...]) -> Iterator[Figure]:
    per_second = KINDS[of.kind].per_second
    for words, histogram in sheet.gather([of]).items():
        whole = total(histogram)
        below = [within(histogram, edge * per_second, inclusive=False) for edge in edges] + [whole]
        for index, (lower, upper) in enumerate(pairwise(below)):
            band = band_name(edges, index)
            yield Figure({**sheet.named(words), "band": band}, upper - lower, whole, upper - lower)


def band_name(edges: tuple[int, ...], index: int) -> str:
    """The name of a band in seconds, such as `00000-01200`, or `07200-` for the last; the names sort in the order of the bands."""
    upper = f"{edges[index + 1]:05}" if index + 1 < len(edges) else ""
    return f"{edges[index]:05}-{upper}"


def _open_figures(measure: Measure, statistic: OpenStatistic, sheet: _Sheet) -> Iterator[Figure]:
    spans: dict[Dimensions, list[int]] = defaultdict(list)
    for selection in measure.selections():
        for words, item in sheet.gather_open(selection):
            span = _open_span(statistic, item, sheet.as_of)
            if span is not None:
                spans[words].append(span)
    for words, found in spans.items():
        value = len(found) if isinstance(statistic, OpenCount | OpenDue) else _extreme(statistic, found) / SECOND
        yield Figure(sheet.named(words), value, len(found))


def _extreme(statistic: OpenLongest | OpenSoonest, spans: Sequence[int]) -> int:
    return max(spans) if isinstance(statistic, OpenLongest) else min(spans)


def _open_span(statistic: OpenStatistic, item: OpenItem, as_of: int) -> int | None:
    """How long an item has been open, or how long until it is due, in microseconds; None if it does not count."""
    match statistic:
        case OpenCount(_, least):
            return _age(item, as_of, least)
        case OpenLongest():
            return _age(item, as_of, 0)
        case OpenDue(_, under_seconds):
            left = _left(statistic, item, as_of)
            return left if left is not None and left < under_seconds * SECOND else None
        case OpenSoonest():
            return _left(statistic, item, as_of)


def _left(statistic: OpenDue | OpenSoonest, item: OpenItem, as_of: int) -> int | None:
    """How long until an item is due; None if it has no due time, or counts only until then."""
    if item.due is None:
        return None
    is_over = statistic.until_due is not None and item.kind == statistic.until_due.kind and item.due < as_of
    return None if is_over else item.due - as_of


def _age(item: OpenItem, as_of: int, least_seconds: int) -> int | None:
    age = as_of - item.since
    return age if age >= least_seconds * SECOND else None


class FeedStatus(Struct, frozen=True):
    """The status of one feed of a force. Times are in microseconds since 1970.

    Attributes:
        feed: its name.
        topic: its topic.
        complete_to: everything up to this time has been counted; None before its first heartbeat.
        heartbeat_at: when the log received its last heartbeat, on the partition where that is longest ago.
        first_event_at: the earliest event time of its own facts for the force: facts of its lines if the profile gives it
            lines, otherwise all facts of its topic.
        last_event_at: the latest event time of its topic.
        is_replay: it replays recorded facts.
        is_simulated: it sends, or has sent, simulated facts.
        history_to: the end of the history that it is loading; None if it sends the present.
        newest_heartbeat_at: when the log received its last heartbeat, on the partition where that is most recent; None if that
            equals `heartbeat_at`.
        doubt: why its last heartbeat does not prove that it is live.
        has_gone_back: the state of its topic is at an earlier offset than one that was already displayed.
        has_ended: it replays recorded facts and has published them all, so its silence is right.
        history_from: it is also sending older history, newest first, back to this time; None if it sends none.
        complete_from: not everything before this time has been counted yet; None if it has.
    """

    feed: str
    topic: str
    complete_to: int | None = None
    heartbeat_at: int | None = None
    first_event_at: int | None = None
    last_event_at: int | None = None
    is_replay: bool = False
    is_simulated: bool = False
    history_to: int | None = None
    newest_heartbeat_at: int | None = None
    doubt: Doubt = ""
    has_gone_back: bool = False
    has_ended: bool = False
    history_from: int | None = None
    complete_from: int | None = None

    def is_loading(self) -> bool:
        """Whether it is known to be loading its history, so that its present is in the past."""
        if self.history_to is None or self.complete_to is None or self.doubt:
            return False
        return self.complete_to < self.history_to


class Loading(Struct, frozen=True):
    """The progress of loading a force's history. Figures meanwhile are as of the time reached. Times are in microseconds.

    Attributes:
        begins: when the record begins.
        at: the time reached.
        to: the end of the history.
    """

    begins: int
    at: int
    to: int

    def ratio(self) -> float:
        """The share of the history that is loaded, from 0 to 1."""
        return min(1.0, max(0, self.at - self.begins) / max(1, self.to - self.begins))

    def words(self, rules: Rules) -> str:
        """The notice that people see meanwhile."""
        percent = int(self.ratio() * 100)
        return f"Loading history, {percent}% done: these figures are as of {_local(self.at, rules)}, not now."


def loading(feeds: Iterable[FeedStatus]) -> Loading | None:
    """The history that a force's feeds are loading; None if they send the present."""
    past = [feed for feed in feeds if feed.is_loading()]
    if not past:
        return None
    at = min(feed.complete_to or 0 for feed in past)
    begins = min((feed.first_event_at for feed in past if feed.first_event_at is not None), default=at)
    return Loading(begins, at, max(feed.history_to or 0 for feed in past))


class Filling(Struct, frozen=True):
    """The progress of older history that arrives newest first, behind the live facts. Times are in microseconds.

    Attributes:
        reached: everything since this time has been counted.
        back_to: where the history will begin.
    """

    reached: int
    back_to: int

    def ratio(self, now: int) -> float:
        """The share of the time up to now that has been counted, from 0 to 1."""
        return min(1.0, max(0, now - self.reached) / max(1, now - self.back_to))

    def words(self, rules: Rules) -> str:
        """The notice that people see meanwhile."""
        return f"{self.brief(rules)}. Loading back to {_local_date(self.back_to, rules)}."

    def brief(self, rules: Rules) -> str:
        """A shorter notice for the header of a page, which has little room."""
        return f"History so far: from {_local_date(self.reached, rules)}"


def filling(feeds: Iterable[FeedStatus]) -> Filling | None:
    """The older history that a force's feeds are still sending; None if they send none."""
    past = [
        (feed.complete_from, feed.history_from)
        for feed in feeds
        if feed.complete_from is not None and feed.history_from is not None and feed.history_from < feed.complete_from
    ]
    if not past:
        return None
    return Filling(max(reached for reached, _ in past), min(back_to for _, back_to in past))


class Reliability(NamedTuple):
    """Whether a figure can be relied on, and if not, why.

    Attributes:
        state: the state of the reading.
        reason: why it cannot be relied on; empty if it can.
        since: the time since which it has been stale, in microseconds; None if it is not stale or that is not known.
    """

    state: State
    reason: str
    since: int | None = None


class Reading(Struct, frozen=True, kw_only=True):
    """A measure's figure for one cell, with its time and state.

    Attributes:
        measure: the measure's name.
        force: the force's name.
        dimensions: the labels of the cell.
        window: the window's name.
        start: the start of the window.
        end: the end of the window, which is excluded.
        as_of: the time of the reading.
        value: in `unit`; a share is between 0 and 1; None if there is no value or it is not known.
        unit: the unit of the value.
        n: the number of outcomes it is calculated from; None if that is not known.
        met: for a share, the number of outcomes that met the condition.
        state: whether it can be relied on.
        reason: why it cannot be relied on; empty if it can.
        stale_since: the time since which it has been stale, if that is known.
        note: a note that readers need, such as when the record begins; empty if there is none.
        is_simulated: a feed of the force is simulated: the figure is not real.
        is_loading: a history is being loaded: the figure is as of `as_of`, which is in the past, and so it is stale.
        begins: when the record begins, if the window starts before that and so is covered only in part or not at all.
        coverage: how much of its period the record covers. For a live window, which is in progress, only the start counts.
        spread: for spans, their distribution.
        low: for a share, its value if every outcome that is not recorded or in doubt had been missed; None without a value.
        high: likewise if every such outcome had been met.
        unrecorded: for a share, a mean or a median, the number of outcomes that are not recorded or in doubt; otherwise None.
    """

    measure: str
    force: str
    dimensions: dict[str, str]
    window: str
    start: datetime
    end: datetime
    as_of: datetime
    value: float | None
    unit: str
    n: int | None
    met: int | None
    state: State
    reason: str
    stale_since: datetime | None
    note: str
    is_simulated: bool
    is_loading: bool
    begins: datetime | None
    coverage: CoverageLevel = "none"
    spread: Spread | None
    low: float | None = None
    high: float | None = None
    unrecorded: int | None = None


def feed_problem(status: FeedStatus, until: int, allowed: int, rules: Rules, now: int) -> Reliability | None:
    """Why current figures from a feed cannot be relied on; None if they can.

    Args:
        status: the status of the feed.
        until: the time up to which it must be complete, in microseconds.
        allowed: by how many microseconds it may be behind, or silent.
        rules: the rules of the force.
        now: the wall clock, in microseconds.
    """
    if words := doubt_words(status, now):
        return Reliability("stale", words)
    if status.complete_to is None or status.heartbeat_at is None:
        state: State = "stale" if status.last_event_at else "no_data"
        return Reliability(state, f"The feed {status.feed} has sent no heartbeat yet.")
    if status.is_loading():
        reached = status.complete_to
        return Reliability(
            "stale", f"The feed {status.feed} is loading its history and has reached {_local(reached, rules)}.", reached
        )
    if status.has_gone_back:
        return Reliability(
            "stale", f"The state of {status.topic} was restored from an earlier time and is catching up."
        )
    if until - status.complete_to > allowed:
        since, why = status.complete_to, f"no newer data from the feed {status.feed}"
    elif not is_alive(status, allowed, now):
        since, why = status.heartbeat_at, f"the feed {status.feed} is silent"
    else:
        return None
    return Reliability("stale", f"Not live since {_local(since, rules)}: {why}.", since)


def silence(status: FeedStatus, now: int) -> int | None:
    """How long a feed has been silent, in microseconds; None without a heartbeat, or if its time is implausible.

    Args:
        status: the status of the feed.
        now: the wall clock, in microseconds.
    """
    return None if status.heartbeat_at is None or doubt_words(status, now) else max(0, now - status.heartbeat_at)


def is_alive(status: FeedStatus, allowed: int, now: int) -> bool:
    """Whether a feed is known to have sent a heartbeat in the time allowed, or to have ended; times in microseconds."""
    silent = silence(status, now)
    return silent is not None and (status.has_ended or silent <= allowed)


def doubt_words(status: FeedStatus, now: int) -> str:
    """Why a feed's last heartbeat does not prove that it is live, in sentences; empty if it does, or if there is none.

    Args:
        status: the status of the feed.
        now: the wall clock, in microseconds.
    """
    stamps = [at for at in (status.heartbeat_at, status.newest_heartbeat_at) if at is not None]
    if not stamps:
        return ""
    if status.doubt == "producer":
        return (
            f"The last heartbeat of the feed {status.feed} carries its producer's time, not the log's: set "
            f"message.timestamp.type=LogAppendTime for the topic {status.topic}. {_UNTIL_BELIEVABLE}"
        )
    if is_later(max(stamps), now):
        ahead = rough_words((max(stamps) - now) / SECOND)
        what = f"The last heartbeat of the feed {status.feed} is stamped {ahead} in the future: a clock was wrong."
    elif status.doubt == "future":
        what = f"The last heartbeat of the feed {status.feed} was stamped with a time in the future: a clock was wrong."
    elif status.doubt == "ahead" or (status.complete_to is not None and is_later(status.complete_to, now)):
        what = f"The feed {status.feed} claims to be complete to a time in the future: its clock or the log's is wrong."
    else:
        return ""
    return f"{what} {_UNTIL_BELIEVABLE}"


_UNTIL_BELIEVABLE = "Not live until a heartbeat arrives with a believable time."


def is_later(at: int, now: int) -> bool:
    """Whether a time is later than now by more than the allowed clock skew; both in microseconds since 1970."""
    return at - now > SKEW_MICROSECONDS


def _local_date(at: int, rules: Rules) -> str:
    local = instant(at).astimezone(rules.force.zone())
    return f"{local.day} {local:%B %Y}"


def _local(at: int, rules: Rules) -> str:
    local = instant(at).astimezone(rules.force.zone())
    return f"{local.day} {local:%B %Y at %H:%M:%S}"
