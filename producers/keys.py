"""The keys of subjects and rows: composed as a mapping says, and refused if they cannot distinguish two subjects."""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from msgspec import Struct

from producers.declaration import DayOf, Mapping, columns_of
from producers.joining import Join
from producers.row_facts import digest
from producers.times import LocalClock
from producers.values import Cells, MalformedError, RowPlace, check_digits, holds, is_broken


class KeyCounts(Struct, frozen=True, kw_only=True):
    """How many subjects the rows of an extract are about, and what is doubtful about their keys.

    Attributes:
        one_for_each: what the mapping treats as one subject, in words.
        rows: number of rows that give facts.
        subjects: number of subjects they are about.
        largest: number of rows of the subject that has the most.
        second_openings: number of subjects whose rows open them at different times, though not so far apart as to be refused.
        reused: number of subjects refused because their rows open them too far apart: the source used the key again.
        lost_digits: number of rows refused because a spreadsheet has shortened a number in them.
        from_one: whether the keys are just numbers from 1 on, as from a source whose numbers begin again each day.
    """

    one_for_each: str
    rows: int
    subjects: int
    largest: int
    second_openings: int
    reused: int
    lost_digits: int
    from_one: bool


_MAYBE_SHORTENED = re.compile(r"[1-9]E\d{1,3}", re.ASCII | re.IGNORECASE)
_LOWEST, _SPARSE, _FEWEST = 3, 3, 5


def are_from_one(keys: Collection[str]) -> bool:
    """Whether keys are numbers from 1 on with few gaps, as from a source whose numbers begin again each day.

    Args:
        keys: the keys of all subjects.
    """
    if len(keys) < _FEWEST or not all(key.isascii() and key.isdigit() for key in keys):
        return False
    numbers = [int(key) for key in keys]
    return min(numbers) <= _LOWEST and max(numbers) <= _SPARSE * len(numbers)


def shortened_among(keys: Collection[str], rows: int) -> list[str]:
    """The keys such as `1E5` that are probably numbers in scientific notation, because of the keys around them.

    Such a text may also be a code. It is a number if all other keys are plain numbers, or if several rows share the only keys.

    Args:
        keys: the keys of all subjects.
        rows: number of rows that have them.
    """
    alike = [key for key in keys if _MAYBE_SHORTENED.fullmatch(key)]
    others = [key for key in keys if not _MAYBE_SHORTENED.fullmatch(key)]
    are_numbers = all(key.isascii() and key.isdigit() for key in others) if others else rows > len(alike)
    return alike if are_numbers else []


def subject_of(mapping: Mapping, cells: Cells, clock: LocalClock, session: datetime | None = None) -> str:
    """The id of a row's subject.

    Args:
        mapping: says what identifies it.
        cells: the row.
        clock: reads the times in the key.
        session: when the row's session began; None if the mapping has no sessions.

    Raises:
        MalformedError: a part of the key is absent or cannot be read.
    """
    parts: list[str] = []
    for part in mapping.subject.key:
        parts += [_day_of(part, cells, clock)] if isinstance(part, DayOf) else key_of((part,), cells)
    return _id_of(mapping, "-".join([*parts, session.isoformat()] if session else parts))


def _id_of(mapping: Mapping, key: str) -> str:
    if is_broken(key):
        raise MalformedError("bad_encoding", "", "has a key with bytes that are not text")
    return mapping.subject.prefix + (digest(key) if mapping.subject.digest else key)


def join_of(mapping: Mapping, cells: Cells, subject_id: str) -> Join | None:
    """The two subjects that a row joins; None if it joins none.

    Raises:
        MalformedError: the second key is a number that has lost digits.
    """
    join = mapping.subject.join
    if join is None or join.column not in cells or not all(holds(condition, cells) for condition in join.when):
        return None
    return Join(subject_id, _id_of(mapping, *key_of((join.column,), cells)))


def key_of(columns: Sequence[str], cells: Cells) -> tuple[str, ...]:
    """The texts of the columns of a key.

    Raises:
        MalformedError: one of them is absent, or is a number that has lost digits.
    """
    missing = next((column for column in columns if column not in cells), None)
    if missing:
        raise MalformedError("missing_value", missing, "is empty, but is part of the key")
    for column in columns:
        check_digits(cells[column], (column,))
    return tuple(cells[column] for column in columns)


def _day_of(part: DayOf, cells: Cells, clock: LocalClock) -> str:
    at = clock.time_in(cells, columns_of(part.day_of))
    if at is None:
        raise MalformedError("missing_value", ", ".join(columns_of(part.day_of)), "is empty, but is part of the key")
    return clock.local_day(at).isoformat()


def check_openings(mapping: Mapping, openings: Iterable[tuple[RowPlace, datetime | None]]) -> None:
    """Check that the rows of one key are about one subject: that they do not open it at times far apart.

    Args:
        mapping: the mapping; gives the longest time apart.
        openings: for each row of the key, its place and when it opens its subject, if it does.

    Raises:
        MalformedError: the key was used again.
    """
    longest = timedelta(hours=mapping.subject.opened_within_hours)
    known = sorted(((at, place) for place, at in openings if at is not None), key=lambda each: each[0])
    for (first, first_place), (second, place) in pairwise(known):
        if second - first > longest:
            hours = (second - first).total_seconds() / 3600
            what = (
                f"is used again: the row at {place} opens its subject {hours:,.0f} hours after the row at {first_place}. "
                f"Add to `subject.key` what distinguishes them, such as {day_of_opening(mapping)}, or raise `opened_within_hours`"
            )
            raise MalformedError("reused_key", ", ".join(mapping.subject.columns), what, place)


def day_of_opening(mapping: Mapping) -> str:
    """The part of a key that adds the day on which the subject began, as a mapping writes it."""
    opening = next(each for each in mapping.facts if each.fact == mapping.opening)
    written = ", ".join(f'"{column}"' for column in columns_of(opening.at))
    return f"{{ day_of = {written if isinstance(opening.at, str) else f'[{written}]'} }}"


def in_words(mapping: Mapping) -> str:
    """What a mapping treats as one subject, in words."""
    parts = [
        f"day of {', '.join(columns_of(part.day_of))}" if isinstance(part, DayOf) else part
        for part in mapping.subject.key
    ]
    return " and ".join(parts)
