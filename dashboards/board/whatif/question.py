"""The question of the What if page: how many call takers are on, and what would be different from now on."""

from collections.abc import Mapping
from typing import NamedTuple

from starlette.datastructures import QueryParams

from facts.errors import QuestionError
from producers.simulate.twin import NO_CHANGE, TwinChange

FIELDS: Mapping[str, tuple[str, int, int]] = {
    "local": ("Call takers on now for 999 and 101 after triage (empty: from the record)", 1, 200),
    "triage": ("Call takers on now at 101 triage (empty: from the record)", 0, 200),
    "more_local": ("More for 999 and after triage (minus: fewer)", -200, 200),
    "more_triage": ("More at triage (minus: fewer)", -200, 200),
    "busier": ("More calls, in percent (minus: fewer)", -90, 300),
    "busier_101": ("More 101 calls in addition, in percent (minus: fewer; -100: 101 closed to new callers)", -100, 300),
}
"""Each field of the form: its title, and the least and greatest number."""


_CHANGES = ("more_local", "more_triage", "busier", "busier_101")


class WhatIf(NamedTuple):
    """How many call takers are on, as far as a person says so, and what changes.

    Attributes:
        local: how many answer 999 calls, and 101 calls after triage; None to use the record.
        triage: how many are at triage; None to use the record.
        change: what changes.
    """

    local: int | None
    triage: int | None
    change: TwinChange

    def is_changed(self) -> bool:
        """Whether anything changes."""
        return self.change != NO_CHANGE


def check_left(local: int, triage: int, change: TwinChange) -> None:
    """Check that enough call takers are left.

    Raises:
        QuestionError: the change leaves nobody for 999, or fewer than nobody at triage.
    """
    for name, left, least in (("more_local", local + change.local, 1), ("more_triage", triage + change.triage, 0)):
        if left < least:
            what = f"That would leave fewer than {least} call takers there."
            raise QuestionError(what, where=name, hint="Take away fewer, or none.")


def parse_what_if(query: QueryParams) -> WhatIf:
    """The question in an address.

    Raises:
        QuestionError: it cannot be answered; `where` is the field of the form.
    """
    numbers = {name: _number(name, query.get(name, "").strip()) for name in FIELDS}
    more_local, more_triage, busier, busier_101 = (numbers[name] or 0 for name in _CHANGES)
    change = TwinChange(local=more_local, triage=more_triage, busier=busier / 100, busier_101=busier_101 / 100)
    local, triage = numbers["local"], numbers["triage"]
    if local is not None and triage is not None:
        check_left(local, triage, change)
    return WhatIf(local, triage, change)


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
