"""Who a force is: its vocabularies, targets by date, time zone, shifts and feeds, read from a profile."""

import hashlib
import tomllib
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from facts.contact import Line
from facts.errors import ProfileError
from facts.fact import Label
from facts.union import Topic

Response = Literal["immediate", "priority", "scheduled", "desk", "other"]
Family = Literal["crime", "asb", "fatal_collision", "stop_and_search", "school_notification", "other"]
BankHolidays = Literal["england_and_wales"]
Seconds = Annotated[int, Meta(gt=0, le=31_536_000)]
UNLISTED = "unlisted"
NONE = "none"


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a profile; unknown keys are refused, so that a misspelt one is not silently idle."""


class Term(_Part, frozen=True, kw_only=True):
    """One word of a vocabulary: the label that facts carry, and the name that people read."""

    label: Label
    name: str


class GradeTargets(_Part, frozen=True, kw_only=True):
    """What a grade promises from a date on; a target that is absent was not promised.

    Attributes:
        since: the first local date on which an incident opened is held to these.
        opened_to_dispatched_seconds: opened to the first dispatch.
        dispatched_to_arrived_seconds: first dispatch to first arrival.
        opened_to_arrived_seconds: opened to first arrival.
    """

    since: date
    opened_to_dispatched_seconds: Seconds | None = None
    dispatched_to_arrived_seconds: Seconds | None = None
    opened_to_arrived_seconds: Seconds | None = None


class Grade(Term, frozen=True, kw_only=True):
    """A grade, most urgent first in the profile.

    Attributes:
        response: what kind of response it is, so that measures mean the same at every force.
        targets: oldest first.
    """

    response: Response
    targets: tuple[GradeTargets, ...] = ()


class QueueTarget(_Part, frozen=True, kw_only=True):
    """The wait that a queue aims at from a date on.

    Attributes:
        since: the first local date on which a leg offered to the queue is held to it.
        seconds: the wait; absent where from that date on none is aimed at.
        is_inclusive: "within" that wait (true) or "under" it (false).
    """

    since: date
    seconds: Seconds | None = None
    is_inclusive: bool = True


class Queue(Term, frozen=True, kw_only=True):
    """A queue of one line.

    Attributes:
        line: the line it serves.
        targets: oldest first.
        short_abandon_seconds: an abandonment after less than this is left out of rates; 0 leaves none out. It says what
            an abandonment is, so it has no date: changed, it is counted anew throughout.
    """

    line: Line
    targets: tuple[QueueTarget, ...] = ()
    short_abandon_seconds: Annotated[int, Meta(ge=0, le=600)] = 0


class Channel(Term, frozen=True, kw_only=True):
    """A digital channel; `online_home` marks those of the national online service (Single Online Home)."""

    online_home: bool = False


class OccurrenceType(Term, frozen=True, kw_only=True):
    """A type of occurrence.

    Attributes:
        family: what it is counted among, so that measures of all crime or all ASB mean the same at every force. What a records system
            keeps beside crime and ASB, and the report only counts, has a family of its own.
    """

    family: Family


class Shift(Term, frozen=True, kw_only=True):
    """A shift by the local clock; one that ends at or before its start crosses midnight."""

    start: time
    end: time


class Feed(_Part, frozen=True, kw_only=True):
    """A source of facts that sends heartbeats.

    Attributes:
        name: as its heartbeats say.
        topic: where its facts travel.
        lines: for contact feeds, the lines it carries; empty means all.
        stale_after_seconds: with no heartbeat for so long, its figures are not live.
    """

    name: Label
    topic: Topic
    lines: tuple[Line, ...] = ()
    stale_after_seconds: Seconds = 60


class LadderStep(_Part, frozen=True, kw_only=True):
    """One step of the escalation ladder (rules C13).

    Attributes:
        response: of an alert about incidents of this response that wait; told whether or not somebody has taken it.
        severity: of an alert that nobody has taken; either this or `response` is given.
        after_seconds: how long it has stood, or has not been taken.
        tell: who is told.
    """

    response: Response | None = None
    severity: Literal["critical", "warning"] | None = None
    after_seconds: Annotated[int, Meta(ge=0)]
    tell: Annotated[str, Meta(min_length=1)]


class Force(_Part, frozen=True, kw_only=True):
    """A force's profile.

    Attributes:
        name: as facts carry it.
        title: as people read it.
        time_zone: IANA name; calendars follow its local clock.
        duplicate_group: the incident group that duplicates and out-of-force incidents are counted under, if any.
        bank_holidays: whose bank holidays are no working days; where none are given, nothing is held to working days.
    """

    name: Label
    title: str
    time_zone: str
    grades: tuple[Grade, ...]
    areas: tuple[Term, ...] = ()
    groups: tuple[Term, ...] = ()
    categories: tuple[Term, ...] = ()
    queues: tuple[Queue, ...] = ()
    channels: tuple[Channel, ...] = ()
    suites: tuple[Term, ...] = ()
    occurrence_types: tuple[OccurrenceType, ...] = ()
    shifts: tuple[Shift, ...] = ()
    feeds: tuple[Feed, ...] = ()
    ladder: tuple[LadderStep, ...] = ()
    duplicate_group: Label | None = None
    bank_holidays: BankHolidays | None = None

    def zone(self) -> ZoneInfo:
        """The time zone; ZoneInfo keeps its own cache."""
        return ZoneInfo(self.time_zone)

    def fingerprint(self) -> str:
        """What the state depends on: two profiles with the same fingerprint give the same outcomes."""
        parts = {key: value for key, value in msgspec.to_builtins(self).items() if key not in _READ_TIME_ONLY}
        return hashlib.sha256(msgspec.json.encode(_without_names(parts), order="sorted")).hexdigest()[:16]


_Dated = TypeVar("_Dated", bound=GradeTargets | QueueTarget)


def in_force(targets: tuple[_Dated, ...], day: date) -> _Dated | None:
    """What is promised on a local date; None before the first date.

    Args:
        targets: of one grade or queue, oldest first.
        day: the date.
    """
    return next((each for each in reversed(targets) if each.since <= day), None)


_READ_TIME_ONLY = {"name", "title", "shifts", "feeds", "ladder"}


def parse(text: str, source: str) -> Force:
    """Read a profile.

    Args:
        text: the profile in TOML.
        source: its file name, for errors.

    Raises:
        ProfileError: with the place of the fault.
    """
    try:
        force = msgspec.convert(tomllib.loads(text), Force)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"This is not TOML: {error}.", where=source, hint="Mend the line it names.") from None
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at ")
        raise ProfileError(f"{what}.", where=f"{source}, {path or '$'}", hint=_hint(what)) from None
    for what, hint in _faults(force):
        raise ProfileError(what, where=source, hint=hint)
    return force


_HINT = "docs/profiles.md lists every key of a profile; facts/forces/staffordshire.toml is a full example."
_DATED_HINT = (
    "A queue's target has a date: write [[queues.targets]] under the queue, with `since` (the first local date it holds), "
    "`seconds` and `is_inclusive` in place of `target_seconds` and `target_is_inclusive`."
)


def _hint(what: str) -> str:
    return _DATED_HINT if "`target_seconds`" in what or "`target_is_inclusive`" in what else _HINT


def _without_names(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_names(item) for key, item in value.items() if key != "name"}
    return [_without_names(item) for item in value] if isinstance(value, (list, tuple)) else value


def _faults(force: Force) -> Iterable[tuple[str, str]]:
    checks: tuple[Callable[[Force], Iterable[tuple[str, str]]], ...] = (
        _zone_faults,
        _label_faults,
        _target_faults,
        _shift_faults,
        _ladder_faults,
    )
    return (fault for check in checks for fault in check(force))


def _zone_faults(force: Force) -> Iterable[tuple[str, str]]:
    try:
        zone = force.zone()
    except (ZoneInfoNotFoundError, ValueError):
        yield f"There is no time zone {force.time_zone!r}.", "Give an IANA name, such as Europe/London."
        return
    offsets = [zone.utcoffset(datetime(2024, month, 1, tzinfo=UTC)) for month in (1, 7)]
    if any(offset is None or offset % timedelta(hours=1) for offset in offsets):
        # Figures are kept in hours of UTC: a local midnight at half past would split one.
        yield f"{force.time_zone} is not a whole number of hours from UTC.", "Only whole-hour zones can be kept."


def _label_faults(force: Force) -> Iterable[tuple[str, str]]:
    for name in (
        "grades",
        "areas",
        "groups",
        "categories",
        "queues",
        "channels",
        "suites",
        "occurrence_types",
        "shifts",
    ):
        labels = [term.label for term in getattr(force, name)]
        for label in labels:
            if labels.count(label) > 1:
                yield f"`{name}` lists {label!r} twice.", "Give each label once."
            if label in (NONE, UNLISTED):
                yield (
                    f"`{name}` lists {label!r}.",
                    f"{NONE!r} and {UNLISTED!r} are ours, for what is absent or not listed.",
                )
    if force.duplicate_group and force.duplicate_group not in [group.label for group in force.groups]:
        yield f"`duplicate_group` {force.duplicate_group!r} is not among the groups.", "List it under `groups`."


def _target_faults(force: Force) -> Iterable[tuple[str, str]]:
    dated: list[tuple[str, Grade | Queue]] = [("grade", each) for each in force.grades]
    for what, each in dated + [("queue", each) for each in force.queues]:
        dates = [targets.since for targets in each.targets]
        if dates != sorted(set(dates)):
            yield f"The targets of {what} {each.label!r} are not in order of date.", "Oldest first, each date once."


def _shift_faults(force: Force) -> Iterable[tuple[str, str]]:
    covered = {minute for shift in force.shifts for minute in shift_minutes(shift)}
    if force.shifts and len(covered) < _DAY_MINUTES:
        missing = min(set(range(_DAY_MINUTES)) - covered)
        yield f"No shift covers {missing // 60:02}:{missing % 60:02}.", "Shifts may overlap, but must cover the day."


def _ladder_faults(force: Force) -> Iterable[tuple[str, str]]:
    for step in force.ladder:
        if (step.response is None) == (step.severity is None):
            yield (
                f"A step of the ladder that tells {step.tell!r} does not say what it is for.",
                "Give either `response` or `severity`.",
            )


_DAY_MINUTES = 24 * 60


def shift_minutes(shift: Shift) -> list[int]:
    """The minutes of the local day that a shift covers, in its own order."""
    start, end = (moment.hour * 60 + moment.minute for moment in (shift.start, shift.end))
    length = (end - start) % _DAY_MINUTES or _DAY_MINUTES
    return [(start + minute) % _DAY_MINUTES for minute in range(length)]
