"""What docs/use/alerts.md says of every rule, and the figures that the rules use, recounted from what is known."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from operator import mul
from pathlib import Path
from statistics import fmean, median
from typing import NamedTuple

import numpy as np

from facts.force import Feed, Force
from tests.oracle.judgement import beyond
from tests.oracle.knowledge import FOREVER, SECOND, Known, microseconds
from tests.oracle.outcomes import Outcome, outcomes
from tests.oracle.time_series import TimeSeries, always, pieces, together, total

PAGE = Path(__file__).parents[2] / "docs" / "use" / "alerts.md"
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
NOTHING = float("nan")
Chosen = Callable[[Outcome], bool]


class RuleRow(NamedTuple):
    """One row of docs/use/alerts.md.

    Attributes:
        alert: its name.
        figure: the name of its figure.
        is_below: whether it is bad below the limit rather than above.
        limit: as written: a number, or which control limit.
        clear: as written.
        minimum_n: with fewer, the figure is neither bad nor good.
        for_seconds: how long it must have been bad.
        keep_seconds: how long it must have been good.
        severity: who is notified, and how.
        is_of_detainees: each detainee has an alert.
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
    is_of_detainees: bool = False


def rules_on_page() -> list[RuleRow]:
    """Every rule, as the page states it."""
    rows = [line.strip("| \n").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [_parsed([cell.strip() for cell in row]) for row in rows if row[0] != "alert"]


def _parsed(row: Sequence[str]) -> RuleRow:
    alert, _, bad, clear, least, bad_for, good_for, severity, *_ = row
    parts = re.fullmatch(r"(\w+)(?: over 60m| \(\w+\))?(?:, at worst,)? (above|below) (.+)", bad)
    assert parts, f"{alert}: {bad}"
    bad_seconds, good_seconds = (int(each.removesuffix(" s")) for each in (bad_for, good_for))
    is_below = parts[2] == "below"
    detainees = "(detainee)" in bad
    return RuleRow(
        alert, parts[1], is_below, parts[3], clear, int(least or 0), bad_seconds, good_seconds, severity, detainees
    )


class Beat(NamedTuple):
    """A heartbeat: its feed, when it was received, and up to when the feed was complete; in microseconds since 1970."""

    feed: str
    at: int
    complete_to: int


class World:
    """Everything that an oracle knows of a force.

    Args:
        known: everything that was ever known of its subjects.
        beats: its heartbeats, in order.
        force: its profile.
        start: the beginning of the hours to watch, in microseconds since 1970.
        end: their end.
    """

    def __init__(self, known: Iterable[Known], beats: Iterable[Beat], force: Force, start: int, end: int) -> None:
        self.force, self.start, self.end = force, start, end
        self._by_kind: dict[str, list[tuple[int, int, Outcome]]] = {}
        self._of_feeds: dict[tuple[str, str], TimeSeries] = {}
        self._begins: dict[str, int] = {}
        self._hours: dict[str, dict[int, tuple[int, float]]] = {}
        for each in known:
            happened = min((microseconds(fact.at.timestamp()) for fact in each.facts), default=FOREVER)
            self._begins[each.topic] = min(self._begins.get(each.topic, FOREVER), happened)
            for outcome in outcomes(each.topic, each.facts, force):
                self._by_kind.setdefault(outcome.kind, []).append((each.since, each.until, outcome))
        self._beats: dict[str, list[Beat]] = {feed.name: [] for feed in force.feeds}
        for beat in beats:
            self._beats[beat.feed].append(beat)

    def scopes(self, rule: RuleRow) -> list[tuple[str, ...]]:
        """The scopes that a rule evaluates separately: each feed, each topic, the force, or everything."""
        if rule.figure in _OF_MACHINES:
            return []  # no scenario has processes, disks, certificates or forecasts
        if rule.alert in ("FeedSilent", "SystemSilent", "FeedDoubted", "FeedLate"):
            return self._sources(rule)
        if rule.is_of_detainees:
            return [(self.force.name, *each) for each in sorted(self._detainees())]
        if rule.alert == "QuarantineHigh":
            return [(topic,) for topic in sorted({feed.topic for feed in self.force.feeds})]
        return [()] if rule.figure in _OF_EVERYTHING or rule.alert == "NoLiveData" else [(self.force.name,)]

    def _sources(self, rule: RuleRow) -> list[tuple[str, ...]]:
        """Each feed, with its system if the rule is about silence, or each system of several feeds."""
        systems = {feed.name: feed.system or feed.topic for feed in self.force.feeds}
        if rule.alert == "SystemSilent":
            named = list(systems.values())
            return [(self.force.name, system) for system in sorted(set(named)) if named.count(system) > 1]
        is_silence = rule.alert == "FeedSilent"
        return [(self.force.name, name, *([system] if is_silence else [])) for name, system in systems.items()]

    def judged(self, rule: RuleRow, scope: tuple[str, ...]) -> TimeSeries:
        """Whether a rule is bad (1) or good (0) over time; NaN where it is neither, or not known."""
        if rule.is_of_detainees:
            value, n = self._figure(rule.figure, {"detainee": scope[1], "suite": scope[2]})
        elif rule.alert == "SystemSilent":
            value, n = self._is_silent_system(scope[1]), always(1)
        else:
            value, n = self._of_feed(rule.figure, scope[1]) if len(scope) > 1 else self._figure(rule.figure)
        if rule.limit.endswith("control limit"):
            limit, clear = self._limits(rule.figure, rule.limit)
        else:
            limit, clear = always(float(rule.limit)), always(float(rule.clear))
        return beyond(value, limit, clear, n, rule.minimum_n, is_below=rule.is_below)

    # Figures.

    def _of_feed(self, figure: str, name: str) -> tuple[TimeSeries, TimeSeries]:
        (feed,) = [each for each in self.force.feeds if each.name == name]
        figures = {
            "bluelamp_feed_silent": self._is_silent,
            "bluelamp_feed_doubted": lambda _: always(0),  # no clock of these scenarios is wrong
            "bluelamp_feed_behind_ratio": self._behind,
        }
        return figures[figure](feed), always(1)

    def _detainees(self) -> set[tuple[str, str]]:
        """Everybody who is ever in custody, with each suite."""
        items = (item for kind in _OF_DETAINEES for _, _, item in self._by_kind.get(kind, ()))
        return {(item.words["detainee"], item.words["suite"]) for item in items}

    def _figure(self, name: str, who: Mapping[str, str] | None = None) -> tuple[TimeSeries, TimeSeries]:
        """A figure and its n, of one detainee if given; NaN while a feed that it needs is not live."""
        value, n, feeds = self._measured(name, who or {})
        live = [self._is_live(feed) for feed in self.force.feeds if feed.name in feeds]
        while_live = together(lambda *parts: np.where(np.all(parts[1:], axis=0), parts[0], np.nan), value, *live)
        return while_live, n

    def _measured(self, name: str, who: Mapping[str, str]) -> tuple[TimeSeries, TimeSeries, tuple[str, ...]]:
        custody = re.fullmatch(r"(child|adult)_(review|detention)_(overdue|due_within_(\d+)_minutes)_count", name)
        if custody:
            kind = {"review": "review_due", "detention": "detention_limit"}[custody[2]]
            chosen = _of(child={"child": "yes", "adult": "no"}[custody[1]], **who)
            minutes = int(custody[4] or 0)
            due = self._due(kind, chosen, minutes * MINUTE)
            if who and minutes:  # an alert of one step ends when the next begins
                urgent = self._due(kind, chosen, _NEXT_STEP[minutes] * MINUTE)
                due = together(lambda counted, more: np.where(more > 0, 0, counted), due, urgent)
            return due, always(1), (_CUSTODY,)
        if who:
            kind, least_seconds = _AGED[name]
            return self.open_count(kind, _of(**who), least_seconds), always(1), (_CUSTODY,)
        value, n, feeds = _FIGURES[name](self)
        return value, n, feeds

    def open_count(self, kind: str, chosen: Chosen, least_seconds: int = 0) -> TimeSeries:
        """The number of items that have been open for at least `least_seconds`, and whose end is not unrecorded."""
        return total(
            (max(since, outcome.since + least_seconds * SECOND), min(until, outcome.lost), 1)
            for since, until, outcome in self._chosen(kind, chosen)
            if outcome.at is None
        )

    def _due(self, kind: str, chosen: Chosen, left: int) -> TimeSeries:
        """The number of items with less than `left` until they are due. At the due time itself an item is not late yet.

        A review postponed before it was due is due until then, and is never late.
        """
        late = [
            (max(since, outcome.due - left + 1), until, 1)
            for since, until, outcome in self._chosen(kind, chosen)
            if outcome.due is not None
        ]
        ahead = [
            (max(since, outcome.due - left + 1), min(until, outcome.due + 1), 1)
            for since, until, outcome in self._chosen(f"{kind}_ahead", chosen)
            if outcome.due is not None
        ]
        return total(late + ahead)

    def hour(self, kind: str, chosen: Chosen, worth: Callable[[Outcome], float] = lambda _: 1) -> TimeSeries:
        """The sum of what was decided in the last 60 whole minutes and in the present minute."""
        return total(self._in_the_hour(kind, chosen, worth))

    def _in_the_hour(
        self, kind: str, chosen: Chosen, worth: Callable[[Outcome], float]
    ) -> Iterator[tuple[int, int, float]]:
        for since, until, outcome in self._chosen(kind, chosen):
            at = outcome.due if outcome.at is None else outcome.at
            if at is None:
                continue
            minute = at // MINUTE * MINUTE
            # An outcome missed because nobody came counts from the time it was due; the window contains it either way.
            begins = max(since, minute + 1, at if outcome.at is None else 0)
            yield begins, min(until, minute + 61 * MINUTE, outcome.lost), worth(outcome)

    def _chosen(self, kind: str, chosen: Chosen) -> Iterator[tuple[int, int, Outcome]]:
        return (each for each in self._by_kind.get(kind, ()) if chosen(each[2]))

    # Feeds.

    def _is_live(self, feed: Feed) -> TimeSeries:
        """Whether the feed is complete up to now, or up to the time allowed before now, and its heartbeats arrive."""
        return self._once("live", feed, lambda: together(mul, self._is_whole(feed), self._is_alive(feed)))

    def _is_whole(self, feed: Feed) -> TimeSeries:
        return self._while_in_time(feed, lambda beat: beat.complete_to)

    def _is_alive(self, feed: Feed) -> TimeSeries:
        return self._once("alive", feed, lambda: self._while_in_time(feed, lambda beat: beat.at))

    def _once(self, what: str, feed: Feed, calculate: Callable[[], TimeSeries]) -> TimeSeries:
        """Calculate something about a feed once, because the rules for each detainee need it again."""
        if (what, feed.name) not in self._of_feeds:
            self._of_feeds[what, feed.name] = calculate()
        return self._of_feeds[what, feed.name]

    def _is_silent(self, feed: Feed) -> TimeSeries:
        """Whether no heartbeats arrive; in these scenarios nothing ever waits in a log."""
        return together(lambda alive: 1 - alive, self._is_alive(feed))

    def _is_silent_system(self, name: str) -> TimeSeries:
        """Whether no feed of a system has sent a heartbeat in the time that the strictest of them is allowed."""
        feeds = [feed for feed in self.force.feeds if name == (feed.system or feed.topic)]
        allowed = min(feed.stale_after_seconds for feed in feeds)
        alive = [self._while_in_time(feed, lambda beat: beat.at, allowed) for feed in feeds]
        return together(lambda *parts: 1 - np.max(parts, axis=0), *alive)

    def _while_in_time(self, feed: Feed, moment: Callable[[Beat], int], seconds: int | None = None) -> TimeSeries:
        beats, allowed = self._beats[feed.name], (seconds or feed.stale_after_seconds) * SECOND
        changes = [(self.start, 0.0)]
        for beat, after in pairwise([*beats, Beat(feed.name, FOREVER, FOREVER)]):
            if changes[-1][1] != 1.0:
                changes.append((beat.at, 1.0))
            if moment(beat) + allowed < after.at - 1:
                changes.append((moment(beat) + allowed + 1, 0.0))
        return pieces([each for each in changes if each[0] < FOREVER])

    def _behind(self, feed: Feed) -> TimeSeries:
        """How far the feed was from complete at its last heartbeat, as a share of the time allowed."""
        allowed = feed.stale_after_seconds * SECOND
        changes: list[tuple[int, float]] = []
        for beat in self._beats[feed.name]:
            behind = max(0, beat.at - beat.complete_to) / allowed
            if not changes or changes[-1][1] != behind:
                changes.append((beat.at, behind))
        return pieces(changes)

    @cached_property
    def feeds_alive(self) -> TimeSeries:
        """The number of feeds whose heartbeats arrive."""
        return together(lambda *parts: np.sum(parts, axis=0), *(self._is_alive(feed) for feed in self.force.feeds))

    # What is normal.

    def _limits(self, figure: str, which: str) -> tuple[TimeSeries, TimeSeries]:
        """The control limit for this hour of the week, and the value halfway from it to the middle."""
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
        """The figure of one whole hour weeks ago; nothing if the record begins later, or n is too low."""
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
        """The number of outcomes in each hour of the weeks before, and the sum of their values."""
        hours: dict[int, tuple[int, float]] = {}
        for kind, chosen, worth in _PARTS[figure]:
            for since, until, outcome in self._chosen(kind, chosen):
                if outcome.at is not None and since <= self.start < until:
                    n, met = hours.get(outcome.at // HOUR, (0, 0.0))
                    hours[outcome.at // HOUR] = (n + 1, met + worth(outcome))
        return hours


# In these scenarios nothing waits, every server answers and accepts writes, a worker runs, and no clock is set.
_NEVER, _ALWAYS = (
    ("bluelamp_stalled_seconds", "bluelamp_feeds_waiting", "bluelamp_state_refuses", "bluelamp_clock_step_seconds"),
    ("bluelamp_log_up", "bluelamp_workers", "up"),
)
_OF_MACHINES = (
    "bluelamp_starts_recently",
    "bluelamp_disk_free_ratio",
    "bluelamp_archive_age_seconds",
    "bluelamp_gateway_refused_recently",
    "bluelamp_certificate_expires_in_seconds",
    "bluelamp_forecast_999_below_standard_ratio",
)
_OF_EVERYTHING = (*_NEVER, *_ALWAYS)
_LEAST = 5
"""A share or a mean of fewer is not published (docs/understand/measures.md)."""


def _control(values: Sequence[float], which: str, *, is_share: bool) -> tuple[float, float]:
    """A control limit of an individuals chart, and the value halfway from it to the middle (semantics section 10)."""
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
    return lambda outcome: all(outcome.words[name] == word for name, word in words.items())


def _one(_: Outcome) -> float:
    return 1


def _none(_: Outcome) -> float:
    return 0


def _value(outcome: Outcome) -> float:
    return outcome.value


Part = tuple[str, Chosen, Callable[[Outcome], float]]


def _abandoned(**words: str) -> tuple[Part, ...]:
    return (("leg_abandoned", _of(**words), _one), ("leg_answered", _of(**words), _none))


# For every figure over 60 minutes: the outcomes it is calculated from, and what each adds.
_PARTS: Mapping[str, tuple[Part, ...]] = {
    "contact_999_offered_count": (("contact_offered", _of(line="999"), _one),),
    "contact_999_answered_within_target_ratio": (("leg_answer_decided", _of(line="999"), _value),),
    "contact_999_abandoned_ratio": _abandoned(line="999"),
    "contact_101_answer_mean_seconds": (("leg_answered", _of(line="101"), _value),),
    "triage_abandoned_ratio": _abandoned(line="101", queue="triage"),
    "post_triage_abandoned_ratio": _abandoned(line="101", queue="local"),
    "incident_count": (("incident_opened", _of(), _one),),
    "incident_downgraded_near_breach_count": (("downgraded_near_breach", _of(), _one),),
    "grade_1_opened_to_dispatched_within_target_ratio": (("dispatched_decided", _of(grade="1"), _value),),
    "grade_1_opened_to_arrived_within_target_ratio": (("arrived_decided", _of(grade="1"), _value),),
    "grade_2_opened_to_arrived_within_target_ratio": (("arrived_decided", _of(grade="2"), _value),),
}
Measured = tuple[TimeSeries, TimeSeries, tuple[str, ...]]


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


def _open(kind: str, feed: str | tuple[str, ...], least_seconds: int, **words: str) -> Callable[[World], Measured]:
    feeds = (feed,) if isinstance(feed, str) else feed
    return lambda world: (world.open_count(kind, _of(**words), least_seconds), always(1), feeds)


_999, _101, _ROAD, _CUSTODY = "telephony_999", "telephony_101", "command_and_control", "custody"
_AGED = {
    "review_postponed_over_60_minutes_count": ("review_postponed", 3600),
    "custody_awaiting_over_60_minutes_count": ("awaiting_authorisation", 3600),
    "custody_clock_paused_over_12_hours_count": ("custody_clock_paused", 43_200),
}
_NEXT_STEP = {60: 30, 30: 10, 10: 0}
_OF_DETAINEES = ("awaiting_authorisation", "review_due", "detention_limit")
_FIGURES: Mapping[str, Callable[[World], Measured]] = {
    **{name: _hourly(name, _999) for name in _PARTS if name.startswith("contact_999")},
    **{name: _hourly(name, _101) for name in _PARTS if name.startswith(("contact_101", "triage", "post_triage"))},
    **{name: _hourly(name, _ROAD) for name in _PARTS if name.startswith(("incident", "grade"))},
    "contact_999_waiting_over_30_seconds_count": _open("leg_waiting", _999, 30, line="999"),
    "post_triage_waiting_over_60_minutes_count": _open("leg_waiting", _101, 3600, line="101", queue="local"),
    "grade_1_unresourced_over_2_minutes_count": _open("incident_unresourced", _ROAD, 120, grade="1"),
    "grade_1_unattended_over_15_minutes_count": _open("incident_unattended", _ROAD, 900, grade="1"),
    "grade_2_unattended_over_2_hours_count": _open("incident_unattended", _ROAD, 7200, grade="2"),
    "contact_unrecorded_count": _open("contact_unrecorded", (_999, _101, "digital"), 0),
    "incident_unrecorded_count": _open("incident_unrecorded", _ROAD, 0),
    "custody_record_silent_count": _open("record_silent", _CUSTODY, 0),
    "bluelamp_feed_live": lambda world: (world.feeds_alive, always(1), ()),
    "bluelamp_feeds_live_or_loading": lambda world: (world.feeds_alive, always(1), ()),  # nothing loads a history here
    # In these scenarios every record is readable.
    "bluelamp_quarantined_recently_ratio": lambda _: (always(0), always(20), ()),
    **{name: lambda _: (always(0), always(1), ()) for name in _NEVER},
    **{name: lambda _: (always(1), always(1), ()) for name in _ALWAYS},
}
