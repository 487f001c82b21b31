"""The calibration: figures of a simulated force, recounted from its facts, beside those that the report published."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

from bluelamp.recount.load import LogRecord
from bluelamp.recount.recount import Recount
from facts import wire
from facts.errors import QuestionError
from facts.union import Topic
from measures.catalogue import CATALOGUE
from measures.measure import Bands, PublishedFigure
from measures.published import PUBLISHED
from producers.simulate.reporting import ReportedFact

Kind = Literal["relative", "points", "between", "change"]
_PARCEL_FACTS = 500
_SETTLED_DAYS = 7
"""What begins on the last day of a period has ended by then, nearly always."""


class CalibrationFigure(Struct, frozen=True, kw_only=True):
    """One published figure that a simulated year must come near to.

    Attributes:
        measure: of the catalogue.
        where: dimensions it is limited to, as `name=word`, separated by blanks.
        period: FROM/TO in dates.
        published: exactly as printed.
        value: the same in the measure's own unit; for `between` the middle, for `change` the change.
        kind: how they are compared: relative to the published value, or in points.
        tolerance: the most by which they may differ.
        contradiction: where the report contradicts itself and another figure is followed, which case that is.
    """

    measure: str
    where: str
    period: str
    published: str
    value: float
    kind: Kind
    tolerance: float
    contradiction: str = ""

    def words(self) -> dict[str, str]:
        """The limits by dimension."""
        return dict(part.split("=") for part in self.where.split())


class CalibrationResult(Struct, frozen=True, kw_only=True):
    """A row beside its simulated figure.

    Attributes:
        row: what was published.
        simulated: in the measure's own unit; None when there was nothing to take it from.
        n: how much it was taken from.
        difference: from the published one, relative or in points as the row says.
        is_near: within the tolerance.
    """

    row: CalibrationFigure
    simulated: float | None
    n: int
    difference: float | None
    is_near: bool


def rows() -> list[CalibrationFigure]:
    """The committed table: every published operational figure, with its tolerance."""
    text = files("bluelamp.verify").joinpath("calibration.csv").read_text("utf-8")
    return [msgspec.convert(line, CalibrationFigure, strict=False) for line in csv.DictReader(text.splitlines())]


def records(told: Iterable[ReportedFact]) -> Iterator[LogRecord]:
    """What is told as records of a log with one partition a topic, as a backfill sends it."""
    parcels: dict[Topic, list[ReportedFact]] = {}
    for each in told:
        parcel = parcels.setdefault(each.topic, [])
        parcel.append(each)
        if len(parcel) == _PARCEL_FACTS:
            yield _record(each.topic, parcel)
            parcel.clear()
    for topic, parcel in parcels.items():
        if parcel:
            yield _record(topic, parcel)


def _record(topic: Topic, parcel: Sequence[ReportedFact]) -> LogRecord:
    sent_at = datetime.fromtimestamp(parcel[-1].at, UTC)
    return LogRecord(topic, 0, 0, sent_at, wire.encode([told.fact for told in parcel]))


def last_day(chosen: Iterable[CalibrationFigure]) -> datetime:
    """Until when must be simulated so that the periods of all rows have settled."""
    ends = max(row.period.partition("/")[2] for row in chosen)
    return datetime.fromisoformat(ends).replace(tzinfo=UTC) + timedelta(days=_SETTLED_DAYS)


def calibrate(recount: Recount, force: str, chosen: Sequence[CalibrationFigure]) -> list[CalibrationResult]:
    """Each row beside its simulated figure.

    Args:
        recount: of the simulated facts.
        force: whose figures.
        chosen: the rows.
    """
    as_of = last_day(chosen)
    return [_beside(row, *_simulated(recount, force, row, as_of)) for row in chosen]


def _simulated(recount: Recount, force: str, row: CalibrationFigure, as_of: datetime) -> tuple[float | None, int]:
    """The simulated figure of a row in the measure's unit, and its n."""
    words = row.words()
    if row.kind == "change":
        now, before = (_total(recount, force, row, period, as_of) for period in (row.period, _year_before(row.period)))
        return now / before - 1 if before else None, int(now)
    band = words.pop("band", None)
    where = {name: (word,) for name, word in words.items()}
    cells = recount.answer(CATALOGUE[row.measure], force, row.period, as_of, where=where)
    if isinstance(CATALOGUE[row.measure].statistic, Bands):
        total = sum(cell.value or 0 for cell in cells)
        inside = [cell.value or 0 for cell in cells if band is None or _is_inside(cell.dimensions["band"], band)]
        value = sum(inside) if row.kind == "relative" else sum(inside) / total if total else None
        return value, int(total)
    return (cells[0].value, cells[0].n) if cells else (None, 0)


def _total(recount: Recount, force: str, row: CalibrationFigure, period: str, as_of: datetime) -> float:
    cells = recount.answer(CATALOGUE[row.measure], force, period, as_of)
    return float(cells[0].value or 0)


def _year_before(period: str) -> str:
    return "/".join(f"{int(day[:4]) - 1}{day[4:]}" for day in period.split("/"))


def _is_inside(band: str, wanted: str) -> bool:
    (low, _, high), (least, _, most) = band.partition("-"), wanted.partition("-")
    return int(least) <= int(low) and (not most or (high != "" and int(high) <= int(most)))


def _beside(row: CalibrationFigure, simulated: float | None, n: int) -> CalibrationResult:
    if simulated is None:
        return CalibrationResult(row=row, simulated=None, n=n, difference=None, is_near=False)
    difference = simulated - row.value
    if row.kind == "relative":
        difference /= row.value
    return CalibrationResult(
        row=row, simulated=simulated, n=n, difference=difference, is_near=abs(difference) <= row.tolerance
    )


# From what was printed to the committed table.

_SIMULATED_SINCE = "2023-01-01"
_VOLUME, _TIME, _POINTS, _BAND_POINTS = 0.01, 0.05, 0.015, 0.03


def expected_rows() -> Iterator[CalibrationFigure]:
    """The rows that the published figures of A1 to A5 call for, with the tolerance that their kind has.

    Figures of years before the simulated ones have none: those of the earlier report, and one that adds up since 2021.
    """
    for name, figures in PUBLISHED.items():
        measure = CATALOGUE[name]
        is_operational = any(row[:2] in ("A1", "A2", "A3", "A4", "A5") for row in measure.rows)
        if is_operational and type(measure.statistic).__name__ != "External":
            is_band = isinstance(measure.statistic, Bands)
            yield from (_row(name, each, is_band=is_band) for each in figures if each.period >= _SIMULATED_SINCE)


def _row(name: str, figure: PublishedFigure, *, is_band: bool) -> CalibrationFigure:
    where = " ".join(f"{dimension}={word}" for dimension, word in figure.where.items())
    kind, value, tolerance = _reading_of(figure, is_band=is_band and bool(figure.where))
    return CalibrationFigure(
        measure=name,
        where=where,
        period=figure.period,
        published=figure.figure,
        value=value,
        kind=kind,
        tolerance=tolerance,
        contradiction=_NOT_FOLLOWED.get(name, ""),
    )


def _reading_of(figure: PublishedFigure, *, is_band: bool) -> tuple[Kind, float, float]:
    text = figure.figure
    if figure.unit == "% change":
        return "change", _number(text) / 100, _VOLUME
    if text.startswith("between"):
        low, high = (float(word) for word in text.split() if word.isdigit())
        return "between", (low + high) / 200, (high - low) / 200 + _POINTS
    if figure.unit == "%":
        words = {"approximately fifty per cent": 50.0}
        value = words.get(text.lower()) or _number(text)
        return "points", value / 100, _BAND_POINTS if is_band else _POINTS
    if figure.unit in _UNITS:
        return "relative", _UNITS[figure.unit](text), _TIME
    if figure.unit == "":
        return (
            ("points", _number(text) / _BAND_TOTAL, _BAND_POINTS) if is_band else ("relative", _number(text), _VOLUME)
        )
    raise QuestionError(
        f"Nobody knows the unit {figure.unit!r}.", where=text, hint="Add it to bluelamp/verify/calibration.py."
    )


_BAND_TOTAL = 35704
_NOT_FOLLOWED = {"incident_demand_count": "reports I4"}
"""Measures whose published figure another one contradicts, which the simulation follows."""


def _number(text: str) -> float:
    return float(text.replace(",", "").split()[0].rstrip("%"))


def _clock(text: str) -> float:
    hours, minutes, seconds = (int(part) for part in text.split(":"))
    return hours * 3600.0 + minutes * 60 + seconds


def _days(text: str) -> float:
    """Such as `1 day 16 hours`."""
    days, _, hours, _ = text.split()
    return int(days) * 86400.0 + int(hours) * 3600


_UNITS: dict[str, Callable[[str], float]] = {
    "seconds": _number,
    "minutes": lambda text: _number(text) * 60,
    "hours": lambda text: _number(text) * 3600,
    "hours:minutes:seconds": _clock,
    "days and hours": _days,
}


def table(lines: Iterable[CalibrationFigure]) -> str:
    """The table as text: what bluelamp/verify/calibration.csv holds."""
    told = ["measure,where,period,published,value,kind,tolerance,contradiction"]
    for row in lines:
        published = f'"{row.published}"' if "," in row.published else row.published
        figures = f"{row.value:.10g}", row.kind, f"{row.tolerance:g}"
        told.append(",".join((row.measure, row.where, row.period, published, *figures, row.contradiction)))
    return "\n".join(told) + "\n"
