"""Loads the forces' profiles into tables: vocabularies, grades and queues with their dated targets, channels and local days."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from duckdb import DuckDBPyConnection

from bluelamp.recount.statements import parsed
from bluelamp.recount.times import day_start, moment_of
from facts.force import Force

_VOCABULARIES = {
    "grade": "grades",
    "group": "groups",
    "area": "areas",
    "category": "categories",
    "queue": "queues",
    "channel": "channels",
    "suite": "suites",
    "type": "occurrence_types",
    "skill": "skills",
}
_DAYS_UNTIL_UNRECORDED = {
    "immediate": (1, 28),
    "priority": (14, 28),
    "scheduled": (28, 90),
    "desk": (90, 90),
    "other": (90, 90),
}
"""By response: the days without a fact after which the attendance, and the closure, of an incident count as unrecorded."""
_DAY = timedelta(days=1)
_DAYS_AHEAD = 14
"""Within this time two working days have passed, even over Christmas or Easter."""


def fill(connection: DuckDBPyConnection, forces: Sequence[Force]) -> None:
    """Load the profiles into the tables of profile.sql. The local days follow when the facts are known."""
    _insert(connection, "force", ((one.name, one.time_zone, one.duplicate_group, one.bank_holidays) for one in forces))
    _insert(connection, "listed", ((entry,) for one in forces for entry in _listed(one)))
    _insert(connection, "grade", (row for one in forces for row in _grades(one)))
    _insert(connection, "grade_target", (row for one in forces for row in _targets(one)))
    _insert(
        connection,
        "queue",
        (
            (
                one.name,
                each.label,
                each.line,
                each.short_abandon_seconds,
                each.end_unrecorded_after_seconds,
                each.declined_callbacks_reported,
            )
            for one in forces
            for each in one.queues
        ),
    )
    _insert(connection, "queue_target", (row for one in forces for row in _queue_targets(one)))
    _insert(connection, "channel", (row for one in forces for row in _channels(one)))
    types = ((one.name, each.label, each.family) for one in forces for each in one.occurrence_types)
    _insert(connection, "occurrence_type", types)


def fill_days(connection: DuckDBPyConnection, time_zones: Iterable[str], earliest: int, latest: int) -> None:
    """Load every local day, from the earliest time to two weeks after the latest, into `local_day`.

    Args:
        connection: the database with the tables of profile.sql.
        time_zones: the IANA names of the time zones.
        earliest: the earliest time in microseconds since 1970 in UTC.
        latest: the latest time in microseconds since 1970 in UTC.
    """
    first, last = moment_of(earliest).date(), moment_of(latest).date()
    # No time zone is a whole day away from UTC, so one more day at each end covers every time.
    days = [first - _DAY + number * _DAY for number in range((last - first).days + 3 + _DAYS_AHEAD)]
    for time_zone in sorted(set(time_zones)):
        # If a zone skipped a day, that day and the next begin at the same time; only the next day exists.
        by_start = {day_start(day, ZoneInfo(time_zone)): day for day in days}
        connection.execute(
            "INSERT INTO local_day SELECT ?, unnest(?::DATE[]), unnest(?::BIGINT[])",
            [time_zone, list(by_start.values()), list(by_start)],
        )


def _insert(connection: DuckDBPyConnection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    every = list(rows)
    if every:
        marks = f"({', '.join('?' * len(every[0]))})"
        # All rows in one statement, because executemany would take as long as this for each row.
        (statement,) = parsed(f"INSERT INTO {table} VALUES {', '.join([marks] * len(every))}")  # noqa: S608 - table names are ours
        connection.execute(statement, [value for row in every for value in row])


def _listed(force: Force) -> Iterable[str]:
    for dimension, vocabulary in _VOCABULARIES.items():
        yield from (f"{force.name}/{dimension}/{term.label}" for term in getattr(force, vocabulary))


def unrecorded_after_seconds(force: Force) -> set[int]:
    """After how long without a fact the profile counts an attendance, a closure, or the end of a wait as unrecorded."""
    ends = (each.end_unrecorded_after_seconds for each in force.queues)
    return {seconds for *_, attendance, closure in _grades(force) for seconds in (attendance, closure)} | {
        seconds for seconds in ends if seconds is not None
    }


def _grades(force: Force) -> Iterable[tuple[str, str, int, str, int, int]]:
    return (
        (
            force.name,
            grade.label,
            urgency,
            grade.response,
            grade.attendance_unrecorded_after_seconds or _DAYS_UNTIL_UNRECORDED[grade.response][0] * 24 * 3600,
            grade.closure_unrecorded_after_seconds or _DAYS_UNTIL_UNRECORDED[grade.response][1] * 24 * 3600,
        )
        for urgency, grade in enumerate(force.grades)
    )


def _targets(force: Force) -> Iterable[tuple[object, ...]]:
    for grade in force.grades:
        for targets in grade.targets:
            yield (
                force.name,
                grade.label,
                targets.since,
                targets.opened_to_dispatched_seconds,
                targets.dispatched_to_arrived_seconds,
                targets.opened_to_arrived_seconds,
            )


def _queue_targets(force: Force) -> Iterable[tuple[object, ...]]:
    for queue in force.queues:
        for target in queue.targets:
            yield force.name, queue.label, target.since, target.seconds, target.is_inclusive


def _channels(force: Force) -> Iterable[tuple[object, ...]]:
    return ((force.name, channel.label, "yes" if channel.online_home else "no") for channel in force.channels)
