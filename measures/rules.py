"""A force's profile prepared for counting: its labels, its targets and its local days."""

from datetime import date, datetime, time
from functools import cached_property, lru_cache, partial
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from facts.contact import Line
from facts.force import (
    ATTENDANCE_UNRECORDED_AFTER,
    CLOSURE_UNRECORDED_AFTER,
    DETENTION_SILENT_AFTER,
    NONE,
    UNLISTED,
    WAIT_UNRECORDED_AFTER,
    Force,
    GradeTargets,
    Queue,
    in_force,
)
from measures.outcome import SECOND, TENTHS, Target, instant, microseconds
from measures.working_days import working_day_after

_QUARTER = 900 * SECOND


class ClockTargets(NamedTuple):
    """The targets of a grade's clocks; None for a clock without one."""

    opened_to_dispatched: Target | None = None
    dispatched_to_arrived: Target | None = None
    opened_to_arrived: Target | None = None

    @classmethod
    def of(cls, given: GradeTargets) -> Self:
        """The targets that a profile gives."""
        seconds = (
            given.opened_to_dispatched_seconds,
            given.dispatched_to_arrived_seconds,
            given.opened_to_arrived_seconds,
        )
        return cls(*(None if each is None else Target(each) for each in seconds))


_NO_TARGETS = ClockTargets()


class Rules:
    """What outcomes need to know about a force; created once for each profile.

    Args:
        force: the profile.
    """

    def __init__(self, force: Force) -> None:
        self.force = force
        self.queues: dict[str, Queue] = {queue.label: queue for queue in force.queues}
        self.urgency = {grade.label: rank for rank, grade in enumerate(reversed(force.grades))}
        self.derived: dict[str, dict[str, str]] = {
            "response": {grade.label: grade.response for grade in force.grades},
            "online_home": {channel.label: "yes" if channel.online_home else "no" for channel in force.channels},
            "family": {each.label: each.family for each in force.occurrence_types},
        }
        self.vocabulary: dict[str, frozenset[str]] = {
            "grade": frozenset(grade.label for grade in force.grades),
            "area": frozenset(term.label for term in force.areas),
            "group": frozenset(term.label for term in force.groups),
            "category": frozenset(term.label for term in force.categories),
            "queue": frozenset(self.queues),
            "channel": frozenset(term.label for term in force.channels),
            "suite": frozenset(term.label for term in force.suites),
            "type": frozenset(term.label for term in force.occurrence_types),
            "skill": frozenset(term.label for term in force.skills),
        }
        self._grades = {grade.label: grade for grade in force.grades}
        # UTC offsets change only on whole quarters of an hour, so the day is the same within a quarter.
        self._day_of_quarter = lru_cache(maxsize=65536)(partial(_local_day, zone=force.zone()))
        self._grade_targets = lru_cache(maxsize=4096)(self._grade_targets_on)
        self._leg_target = lru_cache(maxsize=4096)(self._leg_target_on)

    @cached_property
    def fingerprint(self) -> str:
        """`Force.fingerprint`, calculated once: it identifies everything in the profile that the state depends on."""
        return self.force.fingerprint()

    def listed(self, dimension: str, label: str | None) -> str:
        """The label to count under: the one given, `unlisted` if the profile does not list it, `none` if there is no label."""
        if label is None:
            return NONE
        return label if label in self.vocabulary[dimension] else UNLISTED

    def targets(self, grade: str, opened: int) -> ClockTargets:
        """The targets of a grade on the local day of a time; a grade without targets has none for any clock."""
        return self._grade_targets(grade, self.local_day(opened)) if grade in self._grades else _NO_TARGETS

    def _grade_targets_on(self, grade: str, day: int) -> ClockTargets:
        found = in_force(self._grades[grade].targets, date.fromordinal(day))
        return _NO_TARGETS if found is None else ClockTargets.of(found)

    def leg_target(self, queue: str, offered: int) -> Target | None:
        """The target of a queue on the local day of an offer; None if it had none."""
        return self._leg_target(queue, self.local_day(offered)) if queue in self.queues else None

    def _leg_target_on(self, queue: str, day: int) -> Target | None:
        found = in_force(self.queues[queue].targets, date.fromordinal(day))
        if found is None or found.seconds is None:
            return None
        return Target(found.seconds, found.is_inclusive, TENTHS)

    def wait_unrecorded_after(self, queue: str, line: Line) -> int:
        """How long after its offer the end of a wait counts as unrecorded, in microseconds."""
        listed = self.queues.get(queue)
        own = listed.end_unrecorded_after_seconds if listed else None
        return (own or WAIT_UNRECORDED_AFTER[line]) * SECOND

    def attendance_unrecorded_after(self, grade: str) -> int:
        """How long after its last fact the attendance of an incident counts as unrecorded, in microseconds."""
        listed = self._grades.get(grade)
        own = listed.attendance_unrecorded_after_seconds if listed else None
        return (own or ATTENDANCE_UNRECORDED_AFTER[listed.response if listed else "other"]) * SECOND

    def closure_unrecorded_after(self, grade: str) -> int:
        """The same for its closure."""
        listed = self._grades.get(grade)
        own = listed.closure_unrecorded_after_seconds if listed else None
        return (own or CLOSURE_UNRECORDED_AFTER[listed.response if listed else "other"]) * SECOND

    def detention_silent_after(self) -> int:
        """How long after its last fact the record of somebody in custody is silent, in microseconds."""
        return (self.force.detention_silent_after_seconds or DETENTION_SILENT_AFTER) * SECOND

    def working_days_end(self, start: int, count: int) -> int | None:
        """The local midnight at the end of the last of `count` working days after a local day.

        Args:
            start: a time on that local day, in microseconds.
            count: the number of working days; the local day itself does not count.

        Returns:
            The time in microseconds; None if the profile does not say which days are bank holidays.
        """
        calendar = self.force.bank_holidays
        return calendar and _end_of_day(working_day_after(self.local_day(start), count, calendar), self.force.zone())

    def local_day(self, at: int) -> int:
        """The ordinal (`date.toordinal`) of the local day of a time."""
        return self._day_of_quarter(at // _QUARTER)


def _local_day(quarter: int, zone: ZoneInfo) -> int:
    return instant(quarter * _QUARTER).astimezone(zone).toordinal()


@lru_cache(maxsize=4096)
def _end_of_day(day: int, zone: ZoneInfo) -> int:
    return microseconds(datetime.combine(date.fromordinal(day + 1), time(), zone))
