"""How the report puts exact figures into words: each rounded once, half up, in the unit that its table prints."""

from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Literal

from msgspec import Struct

NOTHING = "-"
MINUS = "\N{MINUS SIGN}"
Kind = Literal["count", "percent", "seconds", "minutes", "hours", "clock"]
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600}


class Unit(Struct, frozen=True):
    """What a row is printed in.

    Attributes:
        kind: of a share `percent`; of spans `clock` is hours:minutes:seconds.
        places: decimal places.
    """

    kind: Kind
    places: int = 0

    def title(self) -> str:
        """As a table's row says it; empty for counts."""
        return {"count": "", "percent": "%", "clock": "h:mm:ss"}.get(self.kind, self.kind)

    def scaled(self, value: Fraction) -> Fraction:
        """A value of the measure (a count, a share, seconds) in this unit, exact."""
        if self.kind == "percent":
            return value * 100
        return value / _SECONDS.get(self.kind, 1)


COUNT = Unit("count")
PERCENT = Unit("percent", 2)


def rounded(value: Fraction, places: int) -> Decimal:
    """The value rounded half up, away from zero, once."""
    whole = floor(abs(value) * 10**places + Fraction(1, 2))
    return Decimal(whole if value >= 0 else -whole).scaleb(-places)


def said(value: Fraction | None, unit: Unit) -> str:
    """A figure in words."""
    if value is None:
        return NOTHING
    if unit.kind == "clock":
        return _signed(value, _clock(abs(value)))
    number = _number(unit.scaled(value), unit.places)
    return f"{number} %" if unit.kind == "percent" else number


def said_difference(value: Fraction | None, unit: Unit) -> str:
    """A difference in words, with its sign; of shares in percentage points."""
    if value is None:
        return NOTHING
    text = said(value, unit).removesuffix(" %")
    told = (
        f"+{text}" if value > 0 and not _is_nothing(text) else text.removeprefix(MINUS) if _is_nothing(text) else text
    )
    return f"{told} pp" if unit.kind == "percent" else told


def said_change(value: Fraction | None) -> str:
    """A relative change in per cent, with its sign."""
    return NOTHING if value is None else said_difference(value, PERCENT).replace(" pp", " %")


def _is_nothing(text: str) -> bool:
    return not text.strip("0.:" + MINUS)


def _number(value: Fraction, places: int) -> str:
    return _signed(value, f"{abs(rounded(value, places)):,}")


def _signed(value: Fraction, text: str) -> str:
    return f"{MINUS}{text}" if value < 0 and not _is_nothing(text) else text


def _clock(seconds: Fraction) -> str:
    whole = int(rounded(seconds, 0))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
