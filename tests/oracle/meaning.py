"""What docs/use/alerts.md asks of every rule, and what the figures it names are, recounted from what is known."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import NamedTuple

import numpy as np

from facts.force import Feed, Force
from tests.oracle.course import Course, always, pieces, together, total
from tests.oracle.judgement import beyond
from tests.oracle.knowledge import FOREVER, SECOND, Known, microseconds
from tests.oracle.matters import Matter, matters

PAGE = Path(__file__).parents[2] / "docs" / "use" / "alerts.md"
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
NOTHING = float("nan")
Chosen = Callable[[Matter], bool]


class Asked(NamedTuple):
    """One row of docs/use/alerts.md.

    Attributes:
        alert: its name.
        figure: the name of the figure it looks at.
        is_below: it is bad below the limit; otherwise above.
        limit: as it is written: a number, or which control limit.
        clear: as it is written.
        minimum_n: with fewer the figure says nothing.
        for_seconds: how long it must have been bad.
        keep_seconds: how long it must have been good.
        severity: who is told how.
    """

    alert: str
    figure: str
    is_below: bool
    limit: str
    clear: str
    minimum_n: int
    for_seconds: int
    keep_seconds: int
    severity: str


def asked() -> list[Asked]:
    """Every rule as the page states it."""
    rows = [line.strip("| \n").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [_asked([cell.strip() for cell in row]) for row in rows if row[0] != "alert"]


def _asked(row: Sequence[str]) -> Asked:
    alert, _, bad, clear, least, bad_for, good_for, severity, *_ = row
    told = re.fullmatch(r"(\w+)(?: over 60m| \(\w+\))? (above|below) (.+)", bad)
    assert told, f"{alert}: {bad}"
    bad_seconds, good_seconds = (int(each.removesuffix(" s")) for each in (bad_for, good_for))
    is_below = told[2] == "below"
    return Asked(alert, told[1], is_below, told[3], clear, int(least or 0), bad_seconds, good_seconds, severity)


class Heard(NamedTuple):
    """A heartbeat: which feed, when it was heard, and up to when the feed was complete; in microseconds."""

    feed: str
    at: int
    complete_to: int


class World:
    """Everything that an oracle knows of a force.

    Args:
        known: everything that was ever known of its subjects.
        heard: its heartbeats, in order.
        force: its profile.
        start: from when on figures are asked for, in microseconds since 1970.
        end: until when.
    """

    def __init__(self, known: Iterable[Known], heard: Iterable[Heard], force: Force, start: int, end: int) -> None:
        self.force, self.start, self.end = force, start, end
        self._by_kind: dict[str, list[tuple[int, int, Matter]]] = {}
        self._begins: dict[str, int] = {}
        self._hours: dict[str, dict[int, tuple[int, float]]] = {}
        for each in known:
            happened = min((microseconds(fact.at.timestamp()) for fact in each.facts), default=FOREVER)
            self._begins[each.topic] = min(self._begins.get(each.topic, FOREVER), happened)
            for matter in matters(each.topic, each.facts, force):
                self._by_kind.setdefault(matter.kind, []).append((each.since, each.until, matter))
        self._heard: dict[str, list[Heard]] = {feed.name: [] for feed in force.feeds}
        for beat in heard:
            self._heard[beat.feed].append(beat)

    def scopes(self, rule: Asked) -> list[tuple[str, ...]]:
        """What a rule stands apart for: each feed, each topic, the force, or nothing."""
        if rule.alert in ("FeedSilent", "FeedDoubted", "FeedLate"):
            return [(self.force.name, feed.name) for feed in self.force.feeds]
        if rule.alert == "QuarantineHigh":
            return [(topic,) for topic in sorted({feed.topic for feed in self.force.feeds})]
        return [()] if rule.figure in _OF_EVERYTHING or rule.alert == "NoLiveData" else [(self.force.name,)]

    def judged(self, rule: Asked, scope: tuple[str, ...]) -> Course:
        """Whether it is bad (1) or good (0), from each instant on; not a number where it is neither, or not known."""
        value, n = self._of_feed(rule.figure, scope[1]) if len(scope) > 1 else self._figure(rule.figure)
        if rule.limit.endswith("control limit"):
            limit, clear = self._limits(rule.figure, rule.limit)
        else:
            limit, clear = always(float(rule.limit)), always(float(rule.clear))
        return beyond(value, limit, clear, n, rule.minimum_n, is_below=rule.is_below)

    # Figures.

    def _of_feed(self, figure: str, name: str) -> tuple[Course, Course]:
        (feed,) = [each for each in self.force.feeds if each.name == name]
        figures = {
            "bluelamp_feed_silent": self._is_silent,
            "bluelamp_feed_doubted": lambda _: always(0),  # no clock of these scenarios is wrong
            "bluelamp_feed_behind_ratio": self._behind,
        }
        return figures[figure](feed), always(1)

    def _figure(self, name: str) -> tuple[Course, Course]:
        """A figure and how many it is taken from; not a number while a feed that it stands on is not live."""
        value, n, feeds = self._measured(name)
        live = [self._is_live(feed) for feed in self.force.feeds if feed.name in feeds]
        shown = together(lambda *parts: np.where(np.all(parts[1:], axis=0), parts[0], np.nan), value, *live)
        return shown, n

    def _measured(self, name: str) -> tuple[Course, Course, tuple[str, ...]]:
        custody = re.fullmatch(r"(child|adult)_(review|detention)_(overdue|due_within_(\d+)_minutes)_count", name)
        if custody:
            kind = {"review": "review_due", "detention": "detention_limit"}[custody[2]]
            is_child = {"child": "yes", "adult": "no"}[custody[1]]
            left = int(custody[4] or 0) * MINUTE
            return self._due(kind, lambda matter: matter.words["child"] == is_child, left), always(1), ("custody",)
        value, n, feeds = _FIGURES[name](self)
        return value, n, feeds

    def standing(self, kind: str, chosen: Chosen, least_seconds: int = 0, under_seconds: int | None = None) -> Course:
        """How many have stood open for at least so long, and for less than so long."""
        under = FOREVER if under_seconds is None else under_seconds * SECOND
        return total(
            (max(since, matter.since + least_seconds * SECOND), min(until, matter.since + under), 1)
            for since, until, matter in self._chosen(kind, chosen)
            if matter.at is None
        )

    def _due(self, kind: str, chosen: Chosen, left: int) -> Course:
        """How many have less than so long left; the last instant in time has nothing left, and is in time."""
        return total(
            (max(since, matter.due - left + 1), until, 1)
            for since, until, matter in self._chosen(kind, chosen)
            if matter.due is not None
        )

    def hour(self, kind: str, chosen: Chosen, worth: Callable[[Matter], float] = lambda _: 1) -> Course:
        """The sum, over the 60 minutes before the minute under way and that minute, of what was decided in them."""
        return total(self._in_the_hour(kind, chosen, worth))

    def _in_the_hour(
        self, kind: str, chosen: Chosen, worth: Callable[[Matter], float]
    ) -> Iterator[tuple[int, int, float]]:
        for since, until, matter in self._chosen(kind, chosen):
            at = matter.due if matter.at is None else matter.at
            if at is None:
                continue
            minute = at // MINUTE * MINUTE
            # What is missed because nobody came is missed from the due instant on; the window holds it either way.
            begins = max(since, minute + 1, at if matter.at is None else 0)
            yield begins, min(until, minute + 61 * MINUTE), worth(matter)

    def _chosen(self, kind: str, chosen: Chosen) -> Iterator[tuple[int, int, Matter]]:
        return (each for each in self._by_kind.get(kind, ()) if chosen(each[2]))

    # Feeds.

    def _is_live(self, feed: Feed) -> Course:
        """Everything up to now is in, or is at most the time allowed old; and the feed is heard."""
        whole = self._while_in_time(feed, lambda beat: beat.complete_to)
        return together(lambda first, second: first * second, whole, self._is_heard(feed))

    def _is_heard(self, feed: Feed) -> Course:
        return self._while_in_time(feed, lambda beat: beat.at)

    def _is_silent(self, feed: Feed) -> Course:
        """Not heard; in these scenarios nothing ever waits in a log."""
        return together(lambda heard: 1 - heard, self._is_heard(feed))

    def _while_in_time(self, feed: Feed, moment: Callable[[Heard], int]) -> Course:
        beats, allowed = self._heard[feed.name], feed.stale_after_seconds * SECOND
        changes = [(self.start, 0.0)]
        for beat, after in pairwise([*beats, Heard(feed.name, FOREVER, FOREVER)]):
            if changes[-1][1] != 1.0:
                changes.append((beat.at, 1.0))
            if moment(beat) + allowed < after.at - 1:
                changes.append((moment(beat) + allowed + 1, 0.0))
        return pieces([each for each in changes if each[0] < FOREVER])

    def _behind(self, feed: Feed) -> Course:
        """How far the feed was from complete when it was last heard, in the time allowed."""
        allowed = feed.stale_after_seconds * SECOND
        changes: list[tuple[int, float]] = []
        for beat in self._heard[feed.name]:
            behind = max(0, beat.at - beat.complete_to) / allowed
            if not changes or changes[-1][1] != behind:
                changes.append((beat.at, behind))
        return pieces(changes)

    @cached_property
    def feeds_heard(self) -> Course:
        """How many feeds are heard."""
        return together(lambda *parts: np.sum(parts, axis=0), *(self._is_heard(feed) for feed in self.force.feeds))

    # What is normal.

    def _limits(self, figure: str, which: str) -> tuple[Course, Course]:
        """The control limit for this hour of the week, and halfway from it to the middle."""
        zone, changes = self.force.zone(), list[tuple[int, float, float]]()
        first = (self.start // HOUR - 1) * HOUR + HOUR // 2
        for half_past in range(first, self.end, HOUR):
            hour = datetime.fromtimestamp((half_past - HOUR // 2) / SECOND, UTC).astimezone(zone)
            values = [value for begins in self._same_hours(hour) for value in self._in_hour(figure, begins)]
            changes.append((half_past, *_control(values, which, is_share=figure.endswith("_ratio"))))
        return tuple(pieces([(change[0], change[part]) for change in changes]) for part in (1, 2))  # type: ignore[return-value]

    def _same_hours(self, hour: datetime) -> Iterator[int]:
        for weeks in range(8, 0, -1):
            wall = hour.replace(tzinfo=None) - timedelta(weeks=weeks)
            begins = wall.replace(tzinfo=hour.tzinfo).astimezone(UTC)
            if begins.astimezone(hour.tzinfo).replace(tzinfo=None) == wall:
                yield microseconds(begins.timestamp())

    def _in_hour(self, figure: str, begins: int) -> list[float]:
        """The figure of one whole hour of long ago, unless the record begins later or it is taken from too few."""
        topic = "incidents" if "incident" in figure or figure.startswith("grade") else "contacts"
        if self._begins[topic] > begins:
            return []
        if figure not in self._hours:
            self._hours[figure] = self._by_hour(figure)
        n, met = self._hours[figure].get(begins // HOUR, (0, 0.0))
        if figure.endswith("_count"):
            return [float(n)]
        divisor = 10 if figure.endswith("_seconds") else 1
        return [met / (n * divisor)] if n >= _LEAST else []

    def _by_hour(self, figure: str) -> dict[int, tuple[int, float]]:
        """How many were decided in each hour of the weeks before, and what they add up to."""
        hours: dict[int, tuple[int, float]] = {}
        for kind, chosen, worth in _PARTS[figure]:
            for since, until, matter in self._chosen(kind, chosen):
                if matter.at is not None and since <= self.start < until:
                    n, met = hours.get(matter.at // HOUR, (0, 0.0))
                    hours[matter.at // HOUR] = (n + 1, met + worth(matter))
        return hours


# Nothing in these scenarios waits, every server answers and takes what is written, a worker is there, and no clock is set.
_NEVER, _ALWAYS = (
    ("bluelamp_stalled_seconds", "bluelamp_feeds_waiting", "bluelamp_state_refuses", "bluelamp_clock_step_seconds"),
    ("bluelamp_log_up", "bluelamp_workers", "up"),
)
_OF_EVERYTHING = (*_NEVER, *_ALWAYS)
_LEAST = 5
"""A share or a mean of fewer says nothing (docs/understand/measures.md)."""


def _control(values: Sequence[float], which: str, *, is_share: bool) -> tuple[float, float]:
    """A control limit of an individuals chart, and halfway from there to the middle (semantics section 10)."""
    if len(values) < 5:
        return NOTHING, NOTHING
    moving = [abs(after - before) for before, after in pairwise(values)]
    width = 3.145 * median(moving) or 2.66 * fmean(moving)
    if not width:
        return NOTHING, NOTHING
    middle = median(values)
    limit = middle + width if "upper" in which else max(0.0, middle - width)
    limit = min(limit, 1.0) if is_share else limit
    return limit, (limit + middle) / 2


def _of(**words: str) -> Chosen:
    return lambda matter: all(matter.words[name] == word for name, word in words.items())


def _one(_: Matter) -> float:
    return 1


def _none(_: Matter) -> float:
    return 0


def _value(matter: Matter) -> float:
    return matter.value


Part = tuple[str, Chosen, Callable[[Matter], float]]


def _given_up(**words: str) -> tuple[Part, ...]:
    return (("leg_abandoned", _of(**words), _one), ("leg_answered", _of(**words), _none))


# Of every figure over 60 minutes: what it is taken from, and what each of them adds.
_PARTS: Mapping[str, tuple[Part, ...]] = {
    "contact_999_offered_count": (("contact_offered", _of(line="999"), _one),),
    "contact_999_answered_within_target_ratio": (("leg_answer_decided", _of(line="999"), _value),),
    "contact_999_abandoned_ratio": _given_up(line="999"),
    "contact_101_answer_mean_seconds": (("leg_answered", _of(line="101"), _value),),
    "triage_abandoned_ratio": _given_up(line="101", queue="triage"),
    "post_triage_abandoned_ratio": _given_up(line="101", queue="local"),
    "incident_count": (("incident_opened", _of(), _one),),
    "incident_downgraded_near_breach_count": (("downgraded_near_breach", _of(), _one),),
    "grade_1_opened_to_dispatched_within_target_ratio": (("dispatched_decided", _of(grade="1"), _value),),
    "grade_1_opened_to_arrived_within_target_ratio": (("arrived_decided", _of(grade="1"), _value),),
    "grade_2_opened_to_arrived_within_target_ratio": (("arrived_decided", _of(grade="2"), _value),),
}
_HALF_A_DAY = 43_200
Measured = tuple[Course, Course, tuple[str, ...]]


def _hourly(name: str, feed: str) -> Callable[[World], Measured]:
    def measured(world: World) -> Measured:
        parts = _PARTS[name]
        n = together(lambda *found: np.sum(found, axis=0), *(world.hour(kind, chosen) for kind, chosen, _ in parts))
        sums = together(lambda *found: np.sum(found, axis=0), *(world.hour(*part) for part in parts))
        if name.endswith("_count"):
            return sums, n, (feed,)
        divisor = 10 if name.endswith("_seconds") else 1
        value = together(lambda part, whole: np.where(whole >= _LEAST, part / (whole * divisor), np.nan), sums, n)
        return value, n, (feed,)

    return measured


def _standing(
    kind: str, feed: str, least_seconds: int, under_seconds: int | None = None, **words: str
) -> Callable[[World], Measured]:
    return lambda world: (
        world.standing(kind, _of(**words), least_seconds, under_seconds),
        always(1),
        (feed,),
    )


_999, _101, _ROAD, _CUSTODY = "telephony_999", "telephony_101", "command_and_control", "custody"
_FIGURES: Mapping[str, Callable[[World], Measured]] = {
    **{name: _hourly(name, _999) for name in _PARTS if name.startswith("contact_999")},
    **{name: _hourly(name, _101) for name in _PARTS if name.startswith(("contact_101", "triage", "post_triage"))},
    **{name: _hourly(name, _ROAD) for name in _PARTS if name.startswith(("incident", "grade"))},
    "contact_999_waiting_over_30_seconds_count": _standing("leg_waiting", _999, 30, _HALF_A_DAY, line="999"),
    "post_triage_waiting_over_60_minutes_count": _standing(
        "leg_waiting", _101, 3600, _HALF_A_DAY, line="101", queue="local"
    ),
    "grade_1_unresourced_over_2_minutes_count": _standing("incident_unresourced", _ROAD, 120, grade="1"),
    "grade_1_unattended_over_15_minutes_count": _standing("incident_unattended", _ROAD, 900, grade="1"),
    "grade_2_unattended_over_2_hours_count": _standing("incident_unattended", _ROAD, 7200, grade="2"),
    "review_postponed_count": _standing("review_postponed", _CUSTODY, 0),
    "custody_awaiting_over_60_minutes_count": _standing("awaiting_authorisation", _CUSTODY, 3600),
    "bluelamp_feed_live": lambda world: (world.feeds_heard, always(1), ()),
    # Nothing in these scenarios is unreadable.
    "bluelamp_quarantined_recently_ratio": lambda _: (always(0), always(20), ()),
    **{name: lambda _: (always(0), always(1), ()) for name in _NEVER},
    **{name: lambda _: (always(1), always(1), ()) for name in _ALWAYS},
}
