"""Formats exact figures as text: rounded once, half up, in the unit of the table."""

from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Literal

from msgspec import Struct

NOTHING = "-"
MINUS = "\N{MINUS SIGN}"
Kind = Literal["count", "percent", "points", "seconds", "minutes", "hours", "clock"]
_SUFFIXES = {"percent": "%", "points": " pp"}
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600}


class Unit(Struct, frozen=True):
    """The unit of a row.

    Attributes:
        kind: `percent` for a share, `points` for a difference between shares, `clock` for a span as hours:minutes:seconds.
        places: the number of decimal places.
        is_signed: whether positive values have a plus sign.
    """

    kind: Kind
    places: int = 0
    is_signed: bool = False

    def title(self) -> str:
        """The unit as a row's heading gives it; empty for counts."""
        return {"count": "", "percent": "%", "points": "pp", "clock": "h:mm:ss"}.get(self.kind, self.kind)

    def scaled(self, value: Fraction) -> Fraction:
        """The exact value in this unit of a measure's value (a count, a share of 1, or seconds)."""
        if self.kind in _SUFFIXES:
            return value * 100
        return value / _SECONDS.get(self.kind, 1)

    def suffix(self) -> str:
        """The text after the number."""
        return _SUFFIXES.get(self.kind, "")

    def of_difference(self) -> "Unit":
        """The unit of a difference between two figures in this unit."""
        return Unit("points" if self.kind == "percent" else self.kind, self.places, is_signed=True)


COUNT = Unit("count")
PERCENT = Unit("percent", 2)
CHANGE = Unit("percent", 2, is_signed=True)


def rounded(value: Fraction, places: int) -> Decimal:
    """The value rounded half up, away from zero."""
    whole = floor(abs(value) * 10**places + Fraction(1, 2))
    return Decimal(whole if value >= 0 else -whole).scaleb(-places)


def figure_text(value: Fraction | None, unit: Unit) -> str:
    """A figure as text."""
    if value is None:
        return NOTHING
    number = _clock(abs(value)) if unit.kind == "clock" else f"{abs(rounded(unit.scaled(value), unit.places)):,}"
    sign = MINUS if value < 0 else "+" if unit.is_signed else ""
    return f"{'' if is_nothing(number) else sign}{number}{unit.suffix()}"


def difference_text(value: Fraction | None, unit: Unit) -> str:
    """A difference as text, with its sign; in percentage points for shares."""
    return figure_text(value, unit.of_difference())


def change_text(value: Fraction | None) -> str:
    """A relative change as text, in per cent with its sign."""
    return figure_text(value, CHANGE)


def is_nothing(number: str) -> bool:
    """Whether a formatted number is zero, which has no sign."""
    return not any(each in "123456789" for each in number)


def _clock(seconds: Fraction) -> str:
    whole = int(rounded(seconds, 0))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
