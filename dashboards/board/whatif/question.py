"""The question of the What if page: how many call takers are on, and what would be different from now on."""

from collections.abc import Mapping
from typing import NamedTuple

from starlette.datastructures import QueryParams

from facts.errors import QuestionError
from producers.simulate.twin import NO_CHANGE, TwinChange

FIELDS: Mapping[str, tuple[str, int, int]] = {
    "local": ("Call takers on now for 999 and 101 after triage", 1, 200),
    "triage": ("Call takers on now at 101 triage", 0, 200),
    "more_local": ("More for 999 and after triage (minus: fewer)", -200, 200),
    "more_triage": ("More at triage (minus: fewer)", -200, 200),
    "busier": ("More calls, in percent (minus: fewer)", -90, 300),
}
"""Each field of the form: its title, and the least and greatest number."""
STAFF = ("local", "triage")
"""The fields that must be given: nobody guesses how many call takers are on."""


class WhatIf(NamedTuple):
    """How many call takers are on, and what changes."""

    local: int
    triage: int
    change: TwinChange

    def is_changed(self) -> bool:
        """Whether anything changes."""
        return self.change != NO_CHANGE


def what_if(local: int, triage: int, more_local: int = 0, more_triage: int = 0, busier: int = 0) -> WhatIf:
    """A question that makes sense.

    Raises:
        QuestionError: it has fewer than no call takers, or nobody for 999.
    """
    for name, left, least in (("more_local", local + more_local, 1), ("more_triage", triage + more_triage, 0)):
        if left < least:
            what = f"That would leave {left} call takers, and at least {least} must remain."
            raise QuestionError(what, where=name, hint="Take away fewer, or none.")
    return WhatIf(local, triage, TwinChange(local=more_local, triage=more_triage, busier=busier / 100))


def parse_what_if(query: QueryParams) -> WhatIf | None:
    """The question in an address; None until it says how many call takers are on.

    Raises:
        QuestionError: it cannot be answered; `where` is the field of the form.
    """
    numbers = {name: _number(name, query.get(name, "").strip()) for name in FIELDS}
    on_now = [numbers[name] for name in STAFF]
    local, triage = on_now
    if local is None and triage is None:
        return None
    for name in STAFF:
        if numbers[name] is None:
            hint = "Give a number: the record does not say how many are on."
            raise QuestionError("The number of call takers is missing.", where=name, hint=hint)
    return what_if(**{name: number or 0 for name, number in numbers.items()})


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
