"""Known events that may explain a figure: bank holidays and changes of the clock, on the local days of a force."""

import itertools
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from facts.force import Force
from measures.working_days import bank_holidays

_DAY = timedelta(days=1)


class KnownEvent(NamedTuple):
    """An event of one local day, in words."""

    day: date
    words: str


def known_events(force: Force, first: date, end: date) -> list[KnownEvent]:
    """The events from a day until before another, in order."""
    return sorted([*_holidays(force, first, end), *_clock_changes(force, first, end)])


def _holidays(force: Force, first: date, end: date) -> Iterator[KnownEvent]:
    if force.bank_holidays is None:
        return
    for year in range(first.year, end.year + 1):
        for day in bank_holidays(year, force.bank_holidays):
            if first <= day < end:
                yield KnownEvent(day, "bank holiday")


def _clock_changes(force: Force, first: date, end: date) -> Iterator[KnownEvent]:
    """A day is longer or shorter than 24 hours if its clock changes."""
    midnights = [
        datetime.combine(first + number * _DAY, time(), force.zone()) for number in range((end - first).days + 1)
    ]
    for start, after in itertools.pairwise(midnights):
        before, later = start.utcoffset(), after.utcoffset()
        if before is not None and later is not None and before != later:
            yield KnownEvent(start.date(), "clocks go forward" if later > before else "clocks go back")


def event_words(events: list[KnownEvent]) -> str:
    """Events in words, each kind with its days: `bank holiday 25, 26 Dec; clocks go back 27 Oct`."""
    by_words: dict[str, list[date]] = {}
    for event in events:
        by_words.setdefault(event.words, []).append(event.day)
    return "; ".join(f"{words} {', '.join(f'{day.day} {day:%b}' for day in days)}" for words, days in by_words.items())
