"""A force's profile: its labels, targets by date, time zone, shifts and feeds."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from facts.contact import Line
from facts.errors import ProfileError
from facts.fact import Label
from facts.required import required_hint
from facts.toml import TOMLDecodeError, read_toml
from facts.union import Topic

Response = Literal["immediate", "priority", "scheduled", "desk", "other"]
Family = Literal["crime", "asb", "fatal_collision", "stop_and_search", "school_notification", "other"]
BankHolidays = Literal["england_and_wales"]
Seconds = Annotated[int, Meta(gt=0, le=31_536_000)]
UNLISTED = "unlisted"
NONE = "none"
TRIAGE, LOCAL = "triage", "local"
"""The labels of the queues of 101: the one in which calls are answered first, and the one to which it sends them."""
_HOUR, _DAY = 3600, 86_400
WAIT_UNRECORDED_AFTER: dict[Line, int] = {"999": _HOUR, "101": 12 * _HOUR, "digital": 28 * _DAY}
"""By line, the seconds after which the end of a wait counts as unrecorded, unless the profile says otherwise."""
ATTENDANCE_UNRECORDED_AFTER: dict[Response, int] = {
    "immediate": _DAY,
    "priority": 14 * _DAY,
    "scheduled": 28 * _DAY,
    "desk": 90 * _DAY,
    "other": 90 * _DAY,
}
"""By response, the seconds without a fact after which the attendance of an incident counts as unrecorded."""
CLOSURE_UNRECORDED_AFTER: dict[Response, int] = {
    "immediate": 28 * _DAY,
    "priority": 28 * _DAY,
    "scheduled": 90 * _DAY,
    "desk": 90 * _DAY,
    "other": 90 * _DAY,
}
"""The same for the closure of an incident."""
DETENTION_SILENT_AFTER = _DAY
"""The seconds without a fact after which a record of somebody in custody is silent, unless the profile says otherwise."""

SIGN_OFF_UNRECORDED_AFTER = 16 * _HOUR
"""The seconds without a fact after which a call taker is taken to have signed off without a record: longer than any shift."""


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a profile. Unknown keys are refused, so that a misspelt key is not silently ignored."""


class Term(_Part, frozen=True, kw_only=True):
    """A label that facts use, and the name that people read."""

    label: Label
    name: str


class GradeTargets(_Part, frozen=True, kw_only=True):
    """The targets of a grade from a date on; an absent target means that there is none.

    Attributes:
        since: the local date from which they apply to incidents opened.
        opened_to_dispatched_seconds: from opening to the first dispatch.
        dispatched_to_arrived_seconds: from the first dispatch to the first arrival.
        opened_to_arrived_seconds: from opening to the first arrival.
    """

    since: date
    opened_to_dispatched_seconds: Seconds | None = None
    dispatched_to_arrived_seconds: Seconds | None = None
    opened_to_arrived_seconds: Seconds | None = None


class Grade(Term, frozen=True, kw_only=True):
    """A grade, most urgent first in the profile.

    Attributes:
        response: the kind of response, so that measures mean the same for every force.
        targets: its targets, oldest first.
        attendance_unrecorded_after_seconds: without a further fact for this long, an incident that is not attended is taken to
            have been attended or closed without a record. Absent: `ATTENDANCE_UNRECORDED_AFTER`, by its response.
        closure_unrecorded_after_seconds: the same for an incident that is not closed. Absent: `CLOSURE_UNRECORDED_AFTER`.
    """

    response: Response
    targets: tuple[GradeTargets, ...] = ()
    attendance_unrecorded_after_seconds: Seconds | None = None
    closure_unrecorded_after_seconds: Seconds | None = None


class QueueTarget(_Part, frozen=True, kw_only=True):
    """The target wait of a queue from a date on.

    Attributes:
        since: the local date from which it applies to legs offered.
        seconds: the target wait; absent if there is no target from that date on.
        is_inclusive: whether a wait equal to the target meets it: "within" (true) or "under" (false).
    """

    since: date
    seconds: Seconds | None = None
    is_inclusive: bool = True


class Queue(Term, frozen=True, kw_only=True):
    """A queue of one line.

    Attributes:
        line: the line it serves.
        targets: its targets, oldest first.
        short_abandon_seconds: an abandonment after less than this is left out of rates; 0 leaves none out. It defines what
            counts as an abandonment, so it has no date: after a change, the whole past is counted again.
        end_unrecorded_after_seconds: after this long in the queue, a contact is taken to have left it without a record. Absent:
            `WAIT_UNRECORDED_AFTER`, by its line.
        declined_callbacks_reported: whether the system reports callers who decline a callback. If not, it is not known how many
            callers were offered one.
    """

    line: Line
    targets: tuple[QueueTarget, ...] = ()
    short_abandon_seconds: Annotated[int, Meta(ge=0, le=600)] = 0
    end_unrecorded_after_seconds: Seconds | None = None
    declined_callbacks_reported: bool = False


class Channel(Term, frozen=True, kw_only=True):
    """A digital channel; `online_home` marks the channels of the national online service (Single Online Home)."""

    online_home: bool = False


class OccurrenceType(Term, frozen=True, kw_only=True):
    """A type of occurrence.

    Attributes:
        family: the group of types it is counted in, so that measures of all crime or all ASB mean the same for every force. Types
            that reports only count, such as stop and searches, have families of their own.
    """

    family: Family


class Shift(Term, frozen=True, kw_only=True):
    """A shift in local time; a shift whose end is at or before its start ends on the next day."""

    start: time
    end: time


class Feed(_Part, frozen=True, kw_only=True):
    """A source of facts that sends heartbeats.

    Attributes:
        name: the name in its heartbeats.
        topic: the topic of its facts.
        system: the system that sends it; its feeds fall silent together. The topic, unless given.
        lines: for contact feeds, the lines it reports; empty means all.
        stale_after_seconds: without a heartbeat for this long, its figures are not live.
    """

    name: Label
    topic: Topic
    lines: tuple[Line, ...] = ()
    stale_after_seconds: Seconds = 60
    system: Label = ""

    def source(self) -> str:
        """The system that sends it."""
        return self.system or self.topic


class LadderStep(_Part, frozen=True, kw_only=True):
    """One step of the escalation ladder (rules C13).

    Attributes:
        response: for alerts about waiting incidents with this response, whether or not somebody has acknowledged them.
        severity: for unacknowledged alerts with this severity. Either this or `response` is given.
        after_seconds: how long the alert has been active, or unacknowledged.
        notify: who is notified.
    """

    response: Response | None = None
    severity: Literal["critical", "warning"] | None = None
    after_seconds: Annotated[int, Meta(ge=0)]
    notify: Annotated[str, Meta(min_length=1)]


class AttentionLimit(_Part, frozen=True, kw_only=True):
    """The values beyond which a measure asks for attention on the board; a missing limit never asks. Beyond means above, or below if higher is better. Shares are between 0 and 1.

    Attributes:
        measure: the name of the measure.
        watch: beyond this, it needs watching.
        act: beyond this, somebody must act.
    """

    measure: Label
    watch: Annotated[float, Meta(ge=0)] | None = None
    act: Annotated[float, Meta(ge=0)] | None = None


class Skill(Term, frozen=True, kw_only=True):
    """A skill of call takers.

    Attributes:
        queues: the labels of the queues that a call taker with this skill answers.
    """

    queues: Annotated[tuple[Label, ...], Meta(min_length=1)]


class Suite(Term, frozen=True, kw_only=True):
    """A custody suite.

    Attributes:
        capacity: the number of cells; None if the profile does not say.
    """

    capacity: Annotated[int, Meta(ge=1)] | None = None


class Force(_Part, frozen=True, kw_only=True):
    """A force's profile.

    Attributes:
        name: the name in its facts.
        title: the name that people read.
        time_zone: the IANA name of its time zone.
        duplicate_group: the incident group under which duplicates and out-of-force incidents are counted, if any.
        bank_holidays: the bank holidays that are not working days; without it, no target is measured in working days.
        detention_silent_after_seconds: without a further fact for this long, the record of somebody in custody is silent. Absent:
            `DETENTION_SILENT_AFTER`. Nobody is ever taken to have left.
    """

    name: Label
    title: str
    time_zone: str
    grades: tuple[Grade, ...] = ()
    areas: tuple[Term, ...] = ()
    groups: tuple[Term, ...] = ()
    categories: tuple[Term, ...] = ()
    queues: tuple[Queue, ...] = ()
    channels: tuple[Channel, ...] = ()
    suites: tuple[Suite, ...] = ()
    occurrence_types: tuple[OccurrenceType, ...] = ()
    skills: tuple[Skill, ...] = ()
    shifts: tuple[Shift, ...] = ()
    feeds: tuple[Feed, ...] = ()
    ladder: tuple[LadderStep, ...] = ()
    attention: tuple[AttentionLimit, ...] = ()
    duplicate_group: Label | None = None
    bank_holidays: BankHolidays | None = None
    detention_silent_after_seconds: Seconds | None = None

    def zone(self) -> ZoneInfo:
        """The time zone; ZoneInfo caches it."""
        return ZoneInfo(self.time_zone)

    def fingerprint(self) -> str:
        """A hash of everything that the state depends on: profiles with the same fingerprint give the same outcomes."""
        parts = {key: value for key, value in msgspec.to_builtins(self).items() if key not in _READ_TIME_ONLY}
        return hashlib.sha256(msgspec.json.encode(_without_names(parts), order="sorted")).hexdigest()[:16]


_Dated = TypeVar("_Dated", bound=GradeTargets | QueueTarget)


def in_force(targets: tuple[_Dated, ...], day: date) -> _Dated | None:
    """The target that applies on a local date; None before the first date.

    Args:
        targets: the targets of one grade or queue, oldest first.
        day: the date.
    """
    return next((each for each in reversed(targets) if each.since <= day), None)


_READ_TIME_ONLY = {"name", "title", "shifts", "feeds", "ladder", "attention"}


def parse(text: str, source: str) -> Force:
    """Parse a profile.

    Args:
        text: the profile in TOML.
        source: its file name, for errors.

    Raises:
        ProfileError: the profile is invalid.
    """
    try:
        force = msgspec.convert(read_toml(text), Force)
    except TOMLDecodeError as error:
        raise ProfileError(
            f"This is not valid TOML: {error}.", where=source, hint="Correct the line it names."
        ) from None
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at ")
        place = path.strip("`") or "$"
        raise ProfileError(f"{what}.", where=f"{source}, {place}", hint=_hint(what, place)) from None
    for what, hint in _faults(force):
        raise ProfileError(what, where=source, hint=hint)
    return force


_HINT = "docs/feed/profiles.md describes every key of a profile; facts/forces/staffordshire.toml is a full example."
_DATED_HINT = (
    "A queue's target has a date: write [[queues.targets]] under the queue, with `since` (the local date from which it applies), "
    "`seconds` and `is_inclusive` instead of `target_seconds` and `target_is_inclusive`."
)


def _hint(what: str, path: str) -> str:
    if "`target_seconds`" in what or "`target_is_inclusive`" in what:
        return _DATED_HINT
    if "unknown field `tell`" in what:
        return "This key is now called `notify`: who is notified."
    return required_hint(Force, what, path, _HINT)


def _without_names(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_names(item) for key, item in value.items() if key not in ("name", "capacity")}
    return [_without_names(item) for item in value] if isinstance(value, (list, tuple)) else value


def _faults(force: Force) -> Iterable[tuple[str, str]]:
    checks: tuple[Callable[[Force], Iterable[tuple[str, str]]], ...] = (
        _zone_faults,
        _label_faults,
        _queue_faults,
        _skill_faults,
        _grade_faults,
        _target_faults,
        _shift_faults,
        _ladder_faults,
    )
    return (fault for check in checks for fault in check(force))


def is_time_zone(name: str) -> bool:
    """Whether there is a time zone with this name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # An OSError is raised for a folder of zones, such as Europe, and for a name that is too long for a file.
        return False
    return True


def _zone_faults(force: Force) -> Iterable[tuple[str, str]]:
    if not is_time_zone(force.time_zone):
        yield f"There is no time zone {force.time_zone!r}.", "Use an IANA name, such as Europe/London."
        return
    zone = force.zone()
    offsets = [zone.utcoffset(datetime(2024, month, 1, tzinfo=UTC)) for month in (1, 7)]
    if any(offset is None or offset % timedelta(hours=1) for offset in offsets):
        # Figures are kept by hours of UTC: a local midnight at half past would split an hour.
        yield (
            f"The offset of {force.time_zone} from UTC is not in whole hours.",
            "Only time zones with whole-hour offsets are supported.",
        )


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
        "skills",
        "shifts",
    ):
        labels = [term.label for term in getattr(force, name)]
        for label in labels:
            if labels.count(label) > 1:
                yield f"`{name}` lists {label!r} twice.", "List each label once."
            if label in (NONE, UNLISTED):
                yield (
                    f"`{name}` lists {label!r}.",
                    f"{NONE!r} and {UNLISTED!r} are reserved for absent and unlisted labels.",
                )
    if force.duplicate_group and force.duplicate_group not in [group.label for group in force.groups]:
        yield f"`duplicate_group` {force.duplicate_group!r} is not one of the groups.", "List it under `groups`."


def _queue_faults(force: Force) -> Iterable[tuple[str, str]]:
    """The measures of 101 know two queues by their labels, so a profile must use these labels for them."""
    for queue in force.queues:
        if queue.label in (TRIAGE, LOCAL) and queue.line != "101":
            yield (
                f"The queue {queue.label!r} is on the line {queue.line}.",
                f"{TRIAGE!r} and {LOCAL!r} are the labels of the two stages of 101: choose another label.",
            )
    on_101 = [queue.label for queue in force.queues if queue.line == "101"]
    if on_101 and TRIAGE not in on_101:
        hint = (
            f"Label the queue in which 101 calls are answered first {TRIAGE!r} and, if there is one, the queue to which it "
            f"sends them {LOCAL!r}. The measures of 101 count these two; other queues of 101 count only in the totals."
        )
        yield f"None of the queues of 101 ({', '.join(on_101)}) is labelled {TRIAGE!r}.", hint


def _skill_faults(force: Force) -> Iterable[tuple[str, str]]:
    listed = {queue.label for queue in force.queues}
    for skill in force.skills:
        for label in skill.queues:
            if label not in listed:
                yield (
                    f"The skill {skill.label!r} has the queue {label!r}.",
                    "List the queue under `queues`, or remove it.",
                )


def _grade_faults(force: Force) -> Iterable[tuple[str, str]]:
    if not force.grades and any(feed.topic == "incidents" for feed in force.feeds):
        yield "A force with a feed of incidents needs `grades`.", "List every grade, or remove the feed of incidents."


def _target_faults(force: Force) -> Iterable[tuple[str, str]]:
    dated: list[tuple[str, Grade | Queue]] = [("grade", each) for each in force.grades]
    for what, each in dated + [("queue", each) for each in force.queues]:
        dates = [targets.since for targets in each.targets]
        if dates != sorted(set(dates)):
            yield (
                f"The targets of {what} {each.label!r} are not in order of date.",
                "List the oldest first, and each date once.",
            )


def _shift_faults(force: Force) -> Iterable[tuple[str, str]]:
    covered = {minute for shift in force.shifts for minute in shift_minutes(shift)}
    if force.shifts and len(covered) < _DAY_MINUTES:
        missing = min(set(range(_DAY_MINUTES)) - covered)
        yield f"No shift covers {missing // 60:02}:{missing % 60:02}.", "Shifts may overlap, but must cover the day."


def _ladder_faults(force: Force) -> Iterable[tuple[str, str]]:
    for step in force.ladder:
        if (step.response is None) == (step.severity is None):
            yield (
                f"The ladder step that notifies {step.notify!r} must have exactly one of `response` and `severity`.",
                "Remove one of them, or add the missing one.",
            )


_DAY_MINUTES = 24 * 60


def shift_minutes(shift: Shift) -> list[int]:
    """The minutes of the local day that a shift covers, in order from its start."""
    start, end = (moment.hour * 60 + moment.minute for moment in (shift.start, shift.end))
    length = (end - start) % _DAY_MINUTES or _DAY_MINUTES
    return [(start + minute) % _DAY_MINUTES for minute in range(length)]
