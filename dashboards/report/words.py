"""How the report puts exact figures into words: each rounded once, half up, in the unit that its table prints."""

from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Literal

from msgspec import Struct

NOTHING = "-"
MINUS = "\N{MINUS SIGN}"
Kind = Literal["count", "percent", "points", "seconds", "minutes", "hours", "clock"]
_SUFFIXES = {"percent": " %", "points": " pp"}
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600}


class Unit(Struct, frozen=True):
    """What a row is printed in.

    Attributes:
        kind: of a share `percent`, of the difference of two `points`; of spans `clock` is hours:minutes:seconds.
        places: decimal places.
        is_signed: what is more than nothing has its sign too.
    """

    kind: Kind
    places: int = 0
    is_signed: bool = False

    def title(self) -> str:
        """As a table's row says it; empty for counts."""
        return {"count": "", "percent": "%", "points": "pp", "clock": "h:mm:ss"}.get(self.kind, self.kind)

    def scaled(self, value: Fraction) -> Fraction:
        """A value of the measure (a count, a share, seconds) in this unit, exact."""
        if self.kind in _SUFFIXES:
            return value * 100
        return value / _SECONDS.get(self.kind, 1)

    def suffix(self) -> str:
        """What stands behind the number."""
        return _SUFFIXES.get(self.kind, "")

    def of_difference(self) -> "Unit":
        """The unit of a difference of two figures in this one."""
        return Unit("points" if self.kind == "percent" else self.kind, self.places, is_signed=True)


COUNT = Unit("count")
PERCENT = Unit("percent", 2)
CHANGE = Unit("percent", 2, is_signed=True)


def rounded(value: Fraction, places: int) -> Decimal:
    """The value rounded half up, away from zero, once."""
    whole = floor(abs(value) * 10**places + Fraction(1, 2))
    return Decimal(whole if value >= 0 else -whole).scaleb(-places)


def said(value: Fraction | None, unit: Unit) -> str:
    """A figure in words."""
    if value is None:
        return NOTHING
    number = _clock(abs(value)) if unit.kind == "clock" else f"{abs(rounded(unit.scaled(value), unit.places)):,}"
    sign = MINUS if value < 0 else "+" if unit.is_signed else ""
    return f"{'' if is_nothing(number) else sign}{number}{unit.suffix()}"


def said_difference(value: Fraction | None, unit: Unit) -> str:
    """A difference in words, with its sign; of shares in percentage points."""
    return said(value, unit.of_difference())


def said_change(value: Fraction | None) -> str:
    """A relative change in per cent, with its sign."""
    return said(value, CHANGE)


def is_nothing(number: str) -> bool:
    """Whether a number as printed says nought, which has no sign."""
    return not any(each in "123456789" for each in number)


def _clock(seconds: Fraction) -> str:
    whole = int(rounded(seconds, 0))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
