"""A reading: a measure over a window, with its value, its n, the time it is of, and whether it can be relied on."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

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
    Selection,
    Share,
    SpanWithin,
    Standing,
    Where,
)
from measures.outcome import KINDS, SECOND, OpenItem, instant, microseconds
from measures.pane import HOUR, Dimensions, Grain, Histogram, Pane, merge
from measures.rules import Rules
from measures.statistic import mean, quantile, ratio, total, within
from measures.window import Window

State = Literal["live", "in_part", "stale", "too_few", "no_data"]
Doubt = Literal["", "future", "ahead", "producer"]
"""Why a feed's last heartbeat does not prove that the feed is alive; empty if it does.

`future`: it is stamped with a time later than one at which it was already in the log. `ahead`: it claims to be complete to a time
after it was received. `producer`: the producer stamped it, not the log.
"""
Groups = dict[Dimensions, Histogram]
CLOCK_DIMENSIONS = ("weekday", "hour")
"""Local day of the week (0 is Monday) and hour of the day, of windows of whole hours: asked together, or not at all."""
SKEW_MICROSECONDS = SKEW // timedelta(microseconds=1)
NOTHING = "Nothing happened that it could be taken from."
SIMULATION = "SIMULATION - no figure is real."
WITHIN_SECONDS = (10, 60, 120, 780, 900, 1200, 7200, 86400)
"""The limits that every spread is given for: those of the targets (reports A1 to A3) and of the published bands."""


class FigureSource(Protocol):
    """Where the numbers of one force are kept."""

    def panes(self, grain: Grain, first: int, last: int) -> Iterable[tuple[int, Pane]]:
        """The panes of a grain from a slot up to, and without, another; those that are empty may be left out."""

    def open(self, kind: str) -> Iterable[OpenItem]:
        """What stands open of a kind."""


class Spread(Struct, frozen=True):
    """How finished spans are spread, because a mean alone hides the tail (rules C32).

    Attributes:
        mean: in seconds.
        median: in seconds.
        p90: the 90th percentile in seconds.
        within: seconds to the share of spans of at most that.
    """

    mean: float
    median: float
    p90: float
    within: dict[int, float]


class Figure(Struct, frozen=True):
    """One cell, before it is known whether it can be relied on.

    Attributes:
        dimensions: the words it is of.
        value: in the measure's unit; None when there is none.
        n: how many it is taken from.
        met: of a share, how many are so.
        spread: of spans.
    """

    dimensions: dict[str, str]
    value: float | None
    n: int
    met: int | None = None
    spread: Spread | None = None


class Question(Struct, frozen=True):
    """What is asked of a measure.

    Attributes:
        measure: which.
        window: over which stretch of time.
        as_of: the instant it is asked at.
        by: the dimensions to break it down by.
        where: the words to limit it to.
        is_now: `as_of` is the force's present, not an instant that was asked for.
    """

    measure: Measure
    window: Window
    as_of: datetime
    by: tuple[str, ...] = ()
    where: Where = {}
    is_now: bool = True


def check(question: Question, rules: Rules) -> None:
    """Refuse a question that cannot be answered.

    Raises:
        QuestionError: a dimension or a word that does not exist, or a date dimension outside a report window.
    """
    for name in question.by:
        question.measure.check_dimension(name, "--by")
        if name in DATE_DIMENSIONS and (question.window.kind != "report" or question.measure.is_open()):
            hint = "Ask for a report window: this_month, last_month, 12m, previous_12m or FROM/TO."
            what = (
                f"What stands open now has no {name}."
                if question.measure.is_open()
                else f"A live window has no {name}."
            )
            raise QuestionError(what, where="--by", hint=hint)
    for name, words in question.where.items():
        question.measure.check_dimension(name, "--where")
        known = rules.vocabulary.get(name)
        for word in words:
            if known is not None and word not in known | {NONE, UNLISTED}:
                hint = f"It lists {', '.join(sorted(known)) or 'none'}; also {NONE} and {UNLISTED}."
                raise QuestionError(f"{rules.force.name} lists no {name} {word!r}.", where="--where", hint=hint)


def read(question: Question, source: FigureSource, rules: Rules) -> list[Figure]:
    """Every cell of the answer, in order of its words; the one cell of the whole when nothing is broken down.

    Args:
        question: checked by `check`.
        source: the numbers of the force.
        rules: of the force.
    """
    sheet = _Sheet(question, source, rules)
    figures = list(_figures(question.measure, sheet))
    if not figures and not question.by:
        return [empty(question.measure)]
    return sorted(figures, key=lambda figure: tuple(figure.dimensions.values()))


def spans(measure: Measure) -> Selection | None:
    """The finished spans that a measure is taken from; None where it is taken from none."""
    statistic = measure.statistic
    return statistic.of if isinstance(statistic, Mean | Median | SpanWithin | Bands) else None


def histograms(question: Question, source: FigureSource, rules: Rules) -> Groups:
    """The exact histograms of the finished spans behind an answer, by its words, in the whole units of their kind.

    Args:
        question: checked by `check`.
        source: the numbers of the force.
        rules: of the force.
    """
    selection = spans(question.measure)
    return _Sheet(question, source, rules).gather([selection]) if selection else {}


class ListedSubject(NamedTuple):
    """One open subject that a measure counts, with its words by dimension."""

    subject_id: str
    dimensions: dict[str, str]
    matter: OpenItem


def listed(question: Question, matters: Iterable[tuple[str, OpenItem]], rules: Rules) -> Iterator[ListedSubject]:
    """What stands open and is counted, one by one; of what is decided, what counts as missed and is still open.

    Args:
        question: checked by `check`.
        matters: what stands open, each with the id of its subject.
        rules: of the force.
    """
    sheet, measure = _Sheet(question, _NOTHING, rules), question.measure
    for subject_id, each in matters:
        if any(sheet.counts(selection, each) for selection in measure.selections()):
            names = KINDS[each.kind].dimensions
            yield ListedSubject(subject_id, dict(zip(names, each.dimensions, strict=True)), each)


class _Nothing:
    """A source that holds nothing: where only what is handed over counts."""

    def panes(self, grain: Grain, first: int, last: int) -> Iterable[tuple[int, Pane]]:
        del grain, first, last
        return ()

    def open(self, kind: str) -> Iterable[OpenItem]:
        del kind
        return ()


_NOTHING = _Nothing()


def empty(measure: Measure) -> Figure:
    """The figure of a whole in which nothing happened: a count of it is 0, and there is no share or time of it."""
    counts = isinstance(measure.statistic, Count | OpenCount | OpenDue)
    return Figure({}, 0 if counts else None, 0, 0 if measure.unit == "ratio" else None)


class _Sheet:
    """Gathers histograms by the dimensions asked for."""

    def __init__(self, question: Question, source: FigureSource, rules: Rules) -> None:
        self.question, self.source, self.rules = question, source, rules
        self.as_of = microseconds(question.as_of)
        self.is_clocked = question.by == CLOCK_DIMENSIONS
        self.is_dated = self.is_clocked or any(name in DATE_DIMENSIONS for name in (*question.by, *question.where))
        self.window = (microseconds(question.window.start), microseconds(question.window.end))
        self._open_words: dict[tuple[Dimensions, int], Dimensions | None] = {}

    def named(self, words: Dimensions) -> dict[str, str]:
        return dict(zip(self.question.by, words, strict=True))

    def gather(self, selections: Sequence[Selection]) -> Groups:
        """Histograms of finished outcomes over the window."""
        groups: Groups = defaultdict(dict)
        for selection in selections:
            known: dict[tuple[Dimensions, int], Dimensions | None] = {}
            for segment in self.question.window.segments:
                for slot, pane in self.source.panes(segment.grain, segment.first, segment.last):
                    self._take(selection, slot, pane.get(selection.kind, {}), groups, known)
        return groups

    def _take(
        self,
        selection: Selection,
        slot: int,
        histograms: dict[Dimensions, Histogram],
        groups: Groups,
        known: dict[tuple[Dimensions, int], Dimensions | None],
    ) -> None:
        for dimensions, histogram in histograms.items():
            key = (dimensions, slot if self.is_dated else 0)
            if key not in known:
                known[key] = self._words(selection, dimensions, slot)
            words = known[key]
            if words is not None:
                merge(groups[words], histogram)

    def gather_open(self, selection: Selection) -> Iterator[tuple[Dimensions, OpenItem]]:
        """What stands open, with the words it falls under."""
        for each in self.source.open(selection.kind):
            words = self.open_words(selection, each)
            if words is not None:
                yield words, each

    def open_words(self, selection: Selection, each: OpenItem) -> Dimensions | None:
        """The words that something open falls under, or None when it is not asked for; of the measure's one selection."""
        key = (each.dimensions, self._slot(each) if self.is_dated else 0)
        if key not in self._open_words:
            self._open_words[key] = self._words(selection, *key)
        return self._open_words[key]

    def _slot(self, each: OpenItem) -> int:
        """The slot that something open is counted in: the day it began, or the hour in which it is due."""
        return (each.due or each.since) // HOUR if self.is_clocked else self.rules.local_day(each.began)

    def overdue(self, selection: Selection) -> Iterator[Dimensions]:
        """What stands open and can no longer meet its target, in the window the reading is of."""
        return (words for words, each in self.gather_open(selection) if self.is_overdue(each))

    def is_overdue(self, each: OpenItem) -> bool:
        """Whether it can no longer meet its target, and was due (or began) in the window the reading is of."""
        start, end = self.window
        anchor = each.began if self.question.window.kind == "report" else each.due
        return each.due is not None and each.due <= self.as_of and anchor is not None and start <= anchor < end

    def counts(self, selection: Selection, each: OpenItem) -> bool:
        """Whether a measure counts what stands open, as its reading does."""
        if each.kind != selection.kind:
            return False
        if self.open_words(selection, each) is None:
            return False
        statistic = self.question.measure.statistic
        if isinstance(statistic, Standing):
            return _standing_span(statistic, each, self.as_of) is not None
        return isinstance(statistic, Decided) and self.is_overdue(each)

    def _words(self, selection: Selection, dimensions: Dimensions, slot: int) -> Dimensions | None:
        """The words of the breakdown, or None when the outcome is not asked for."""
        names = KINDS[selection.kind].dimensions
        known = dict(zip(names, dimensions, strict=True))
        for name, words in (
            *selection.where.items(),
            *self.question.measure.where.items(),
            *self.question.where.items(),
        ):
            if self._word(name, known, slot) not in words:
                return None
        return tuple(self._word(name, known, slot) for name in self.question.by)

    def _word(self, name: str, known: dict[str, str], slot: int) -> str:
        if name in CLOCK_DIMENSIONS:
            local = instant(slot * HOUR).astimezone(self.rules.force.zone())
            return str(local.weekday() if name == "weekday" else local.hour)
        if name == "day":
            return date.fromordinal(slot).isoformat()
        if name == "month":
            return date.fromordinal(slot).isoformat()[:7]
        if name in DERIVED_DIMENSIONS:
            return self.rules.derived[name].get(known[DERIVED_DIMENSIONS[name]], UNLISTED)
        return known[name]


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
            yield from _standing(measure.statistic, sheet)
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
    """A band in seconds, named so that the bands sort in order: `00000-01200`, and `07200-` for the last."""
    upper = f"{edges[index + 1]:05}" if index + 1 < len(edges) else ""
    return f"{edges[index]:05}-{upper}"


def _standing(statistic: Standing, sheet: _Sheet) -> Iterator[Figure]:
    spans: dict[Dimensions, list[int]] = defaultdict(list)
    for words, each in sheet.gather_open(statistic.of):
        span = _standing_span(statistic, each, sheet.as_of)
        if span is not None:
            spans[words].append(span)
    for words, found in spans.items():
        value = len(found) if isinstance(statistic, OpenCount | OpenDue) else _extreme(statistic, found) / SECOND
        yield Figure(sheet.named(words), value, len(found))


def _extreme(statistic: OpenLongest | OpenSoonest, spans: Sequence[int]) -> int:
    return max(spans) if isinstance(statistic, OpenLongest) else min(spans)


def _standing_span(statistic: Standing, each: OpenItem, as_of: int) -> int | None:
    """How long it has stood open, or how long until it is due, in microseconds; None when it does not count."""
    match statistic:
        case OpenCount(_, least, under):
            return _age(each, as_of, least, under)
        case OpenLongest(_, under):
            return _age(each, as_of, 0, under)
        case OpenDue(_, under_seconds):
            left = None if each.due is None else each.due - as_of
            return left if left is not None and left < under_seconds * SECOND else None
        case OpenSoonest():
            return None if each.due is None else each.due - as_of


def _age(each: OpenItem, as_of: int, least_seconds: int, under_seconds: int | None) -> int | None:
    age = as_of - each.since
    is_counted = age >= least_seconds * SECOND and not (under_seconds and age >= under_seconds * SECOND)
    return age if is_counted else None


class FeedStatus(Struct, frozen=True):
    """What is known of one feed of a force.

    Attributes:
        feed: its name.
        topic: where its facts travel.
        complete_to: everything up to here has been counted, in microseconds; None if no heartbeat says so.
        heard_at: when the log received its last heartbeat, likewise, on the partition where that is longest ago.
        first_event_at: the earliest event time among its own facts of the force, likewise: those of its lines where it
            carries lines, else all of its topic.
        last_event_at: the latest among the topic's, likewise.
        is_replay: it plays recorded facts.
        is_simulated: it has told, now or earlier, what did not happen.
        history_to: it tells its history up to here, likewise; None when it tells the present.
        newest_heard_at: the same on the partition where it is most recent; None if that is `heard_at`.
        doubt: why its last heartbeat does not prove that it is alive.
        has_gone_back: the state of its topic is at an earlier place in the log than one that was already shown.
    """

    feed: str
    topic: str
    complete_to: int | None = None
    heard_at: int | None = None
    first_event_at: int | None = None
    last_event_at: int | None = None
    is_replay: bool = False
    is_simulated: bool = False
    history_to: int | None = None
    newest_heard_at: int | None = None
    doubt: Doubt = ""
    has_gone_back: bool = False

    def is_loading(self) -> bool:
        """Whether it is known to load its history, so that its present lies in the past."""
        if self.history_to is None or self.complete_to is None or self.doubt:
            return False
        return self.complete_to < self.history_to


class Loading(Struct, frozen=True):
    """A history that is being loaded: what is shown meanwhile is of the moment it has come to.

    Attributes:
        begins: where the record begins, in microseconds.
        at: how far it has come, likewise.
        to: how far it goes, likewise.
    """

    begins: int
    at: int
    to: int

    def ratio(self) -> float:
        """How much of it is loaded, from 0 to 1."""
        return min(1.0, max(0, self.at - self.begins) / max(1, self.to - self.begins))

    def words(self, rules: Rules) -> str:
        """What people are told of it."""
        so_far = f"{int(self.ratio() * 100)} % so far"
        return f"History is being loaded, {so_far}: these figures are of {_local(self.at, rules)}, not of now."


def loading(feeds: Iterable[FeedStatus]) -> Loading | None:
    """The history that a force's feeds are loading; None when they tell the present."""
    past = [feed for feed in feeds if feed.is_loading()]
    if not past:
        return None
    at = min(feed.complete_to or 0 for feed in past)
    begins = min((feed.first_event_at for feed in past if feed.first_event_at is not None), default=at)
    return Loading(begins, at, max(feed.history_to or 0 for feed in past))


class Trouble(NamedTuple):
    """Whether a figure can be relied on, and why not.

    Attributes:
        state: of the reading.
        reason: empty when it can.
        since: of what is stale, since when, in microseconds; None where that is not known.
    """

    state: State
    reason: str
    since: int | None = None


class Reading(Struct, frozen=True, kw_only=True):
    """The answer to a question about one cell.

    Attributes:
        measure: its name.
        force: whose.
        dimensions: the words it is of.
        window: the window's name.
        start: the first instant of the window.
        end: the first instant after it.
        as_of: the instant it is of.
        value: in `unit`; a share is between 0 and 1; None when there is none, and when it is not known.
        unit: of the value.
        n: how many it is taken from; None when that is not known.
        met: of a share, how many are so.
        state: whether it can be relied on.
        reason: why it cannot; empty when it can.
        stale_since: since when it is not live, where it is stale and that is known.
        note: what must be known to read it, such as where the record begins; empty when nothing.
        is_simulated: a feed of the force is simulated: the figure is not real.
        is_loading: a history is being loaded: the figure is of `as_of`, which is past, and therefore stale.
        begins: where the record begins when the window reaches back before that, so that it covers less than its name
            says, or nothing.
        coverage: how much of its period the record holds; of a live window, which is in progress, only the start is judged.
        spread: of spans.
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


def feed_trouble(status: FeedStatus, until: int, allowed: int, rules: Rules, now: int) -> Trouble | None:
    """What keeps figures of the present from being relied on that stand on a feed; None when nothing does.

    Args:
        status: what is known of the feed.
        until: the instant up to which it must be complete, in microseconds.
        allowed: by how many microseconds it may be behind, or silent.
        rules: of the force.
        now: the wall clock, in microseconds.
    """
    if words := doubt_words(status, now):
        return Trouble("stale", words)
    if status.complete_to is None or status.heard_at is None:
        state: State = "stale" if status.last_event_at else "no_data"
        return Trouble(state, f"The feed {status.feed} has sent no heartbeat yet.")
    if status.is_loading():
        reached = status.complete_to
        return Trouble(
            "stale", f"The feed {status.feed} loads its history, up to {_local(reached, rules)} so far.", reached
        )
    if status.has_gone_back:
        return Trouble("stale", f"The state of {status.topic} was restored from an earlier time and is catching up.")
    if until - status.complete_to > allowed:
        since, why = status.complete_to, f"nothing newer from the feed {status.feed}"
    elif not is_alive(status, allowed, now):
        since, why = status.heard_at, f"the feed {status.feed} is silent"
    else:
        return None
    return Trouble("stale", f"Not live since {_local(since, rules)}: {why}.", since)


def silence(status: FeedStatus, now: int) -> int | None:
    """How long a feed has been silent, in microseconds; None without a heartbeat, or if its time cannot be believed.

    Args:
        status: what is known of the feed.
        now: the wall clock, in microseconds.
    """
    return None if status.heard_at is None or doubt_words(status, now) else max(0, now - status.heard_at)


def is_alive(status: FeedStatus, allowed: int, now: int) -> bool:
    """Whether a feed is known to have sent a heartbeat in the time allowed; both times in microseconds."""
    silent = silence(status, now)
    return silent is not None and silent <= allowed


def doubt_words(status: FeedStatus, now: int) -> str:
    """Why a feed's last heartbeat does not prove that it is alive, in sentences; empty if it does, or if there is none.

    Args:
        status: what is known of the feed.
        now: the wall clock, in microseconds.
    """
    stamps = [at for at in (status.heard_at, status.newest_heard_at) if at is not None]
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
        what = f"The last heartbeat of the feed {status.feed} was stamped with a time yet to come: a clock was wrong."
    elif status.doubt == "ahead" or (status.complete_to is not None and is_later(status.complete_to, now)):
        what = f"The feed {status.feed} claims to be complete to a time yet to come: its clock or the log's is wrong."
    else:
        return ""
    return f"{what} {_UNTIL_BELIEVABLE}"


_UNTIL_BELIEVABLE = "Not live until a heartbeat arrives with a believable time."


def is_later(at: int, now: int) -> bool:
    """Whether a time is later than now by more than clocks may differ; both in microseconds since 1970."""
    return at - now > SKEW_MICROSECONDS


def _local(at: int, rules: Rules) -> str:
    return instant(at).astimezone(rules.force.zone()).strftime("%Y-%m-%d %H:%M:%S")
