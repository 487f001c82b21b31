"""The question of the What if page: how many call takers are on, and what would be different from now on."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace
from starlette.datastructures import QueryParams

from facts.errors import QuestionError
from measures.outcome import microseconds
from producers.simulate.arrivals import HORIZON_SECONDS
from producers.simulate.twin import NO_CHANGE, QueueName, TwinChange

FIELDS: Mapping[str, tuple[str, int, int]] = {
    "local": ("Call takers on now for 999 and 101 after triage (empty: from the record)", 1, 200),
    "triage": ("Call takers on now at 101 triage (empty: from the record)", 0, 200),
    "units": ("Response units on duty now (empty: Grade 1 is not forecast)", 1, 2000),
    "more_local": ("More for 999 and after triage (minus: fewer)", -200, 200),
    "more_triage": ("More at triage (minus: fewer)", -200, 200),
    "more_units": ("More response units (minus: fewer)", -2000, 2000),
    "busier": ("More calls and incidents, in percent (minus: fewer)", -90, 300),
    "busier_101": ("More 101 calls in addition, in percent (minus: fewer)", -100, 300),
}
"""Each field of the form that takes a number: its title, and the least and greatest number."""
CLOSED: Mapping[str, tuple[str, frozenset[QueueName]]] = {
    "": ("Nothing", frozenset()),
    "triage": ("101 triage", frozenset({"triage"})),
    "post_triage": ("101 after triage", frozenset({"local"})),
    "101": ("101, both queues", frozenset({"triage", "local"})),
}
"""What can be closed to new callers, by its name in an address: its title and its queues."""
WORDS: Mapping[str, str] = {
    "close": "Close to new callers",
    "at": "The change begins at (local time within two hours; empty: now)",
}
"""The fields of the form that take no number, each with its title."""
_JUST_PAST = timedelta(minutes=30)
"""At 16:20, a change at 16:00 begins at once: a page that stays open asks again."""

_CHANGES = ("more_local", "more_triage", "more_units", "busier", "busier_101")


class WhatIf(NamedTuple):
    """How many call takers are on, as far as a person says so, and what changes.

    Attributes:
        local: how many answer 999 calls, and 101 calls after triage; None to use the record.
        triage: how many are at triage; None to use the record.
        change: what changes.
        at: the local time at which it changes; None for now.
        units: how many response units are on duty; None if nobody says so.
    """

    local: int | None
    triage: int | None
    change: TwinChange
    at: time | None = None
    units: int | None = None

    def is_changed(self) -> bool:
        """Whether anything changes."""
        return replace(self.change, after_seconds=0.0) != NO_CHANGE

    def timed(self, now: datetime, zone: ZoneInfo) -> "WhatIf":
        """The question with the seconds until its change begins.

        Args:
            now: the present.
            zone: the force's time zone.

        Raises:
            QuestionError: the change does not begin within the two hours that are simulated.
        """
        if self.at is None:
            return self
        seconds = min(filter(_is_soon, _until(self.at, now, zone)), default=None)
        if seconds is None:
            what = f"{self.at:%H:%M} is not within the next {HORIZON_SECONDS // 3600} hours."
            raise QuestionError(what, where="at", hint="Give a time within them, or none for now.")
        return self._replace(change=replace(self.change, after_seconds=max(seconds, 0.0)))


def _until(at: time, now: datetime, zone: ZoneInfo) -> list[float]:
    """How many seconds it is until a local time of the day before, of this day and of the next one; negative for the past."""
    today = now.astimezone(zone).date()
    days = [datetime.combine(today + timedelta(days=step), at, zone) for step in (-1, 0, 1)]
    return [(microseconds(each) - microseconds(now)) / 1e6 for each in days]


def _is_soon(seconds: float) -> bool:
    return -_JUST_PAST.total_seconds() <= seconds < HORIZON_SECONDS


def check_left(local: int, triage: int, change: TwinChange) -> None:
    """Check that enough call takers are left.

    Raises:
        QuestionError: the change leaves nobody for 999, or fewer than nobody at triage.
    """
    for name, left, least in (("more_local", local + change.local, 1), ("more_triage", triage + change.triage, 0)):
        if left < least:
            what = f"That would leave fewer than {least} call takers there."
            raise QuestionError(what, where=name, hint="Take away fewer, or none.")


def check_units(units: int | None, change: TwinChange) -> None:
    """Check that a change of the number of units can be made.

    Raises:
        QuestionError: nobody says how many there are, or fewer than none would be left.
    """
    if change.units and units is None:
        what = "How many units are on duty is not known."
        raise QuestionError(what, where="more_units", hint="Give the number on duty as well.")
    if units is not None and units + change.units < 0:
        what = "That would leave fewer than 0 units."
        raise QuestionError(what, where="more_units", hint="Take away fewer, or none.")


def parse_what_if(query: QueryParams) -> WhatIf:
    """The question in an address.

    Raises:
        QuestionError: it cannot be answered; `where` is the field of the form.
    """
    numbers = {name: _number(name, query.get(name, "").strip()) for name in FIELDS}
    more_local, more_triage, more_units, busier, busier_101 = (numbers[name] or 0 for name in _CHANGES)
    change = TwinChange(
        local=more_local,
        triage=more_triage,
        busier=busier / 100,
        busier_101=busier_101 / 100,
        closed=closed(query.get("close", "").strip()),
        units=more_units,
    )
    local, triage, units = numbers["local"], numbers["triage"], numbers["units"]
    check_units(units, change)
    if local is not None and triage is not None:
        check_left(local, triage, change)
    return WhatIf(local, triage, change, parse_at(query.get("at", "").strip()), units)


def closed(name: str) -> frozenset[QueueName]:
    """The queues that a word closes.

    Raises:
        QuestionError: there is no such word.
    """
    if name not in CLOSED:
        hint = f"Give {', '.join(filter(None, CLOSED))}, or nothing."
        raise QuestionError(f"{name!r} cannot be closed.", where="close", hint=hint)
    return CLOSED[name][1]


def parse_at(text: str) -> time | None:
    """A local time such as 16:00; None if it is empty.

    Raises:
        QuestionError: it is not a time.
    """
    if not text:
        return None
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a local time of day, without a date
    except ValueError:
        raise QuestionError(f"{text!r} is not a time.", where="at", hint="Give it as 16:00.") from None


def _number(name: str, text: str) -> int | None:
    """A whole number of a field; None if it is empty."""
    _, least, greatest = FIELDS[name]
    if not text:
        return None
    digits = text.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 6 and least <= int(text) <= greatest):  # noqa: PLR2004
        raise QuestionError(
            f"{text!r} cannot be used.", where=name, hint=f"Give a whole number from {least} to {greatest}."
        )
    return int(text)
