"""Calibration: compares the recounted figures of a simulated force with the published figures."""

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
_BATCH_FACTS = 500
_SETTLED_DAYS = 7
"""Almost everything that begins on the last day of a period has ended within this time."""


class CalibrationFigure(Struct, frozen=True, kw_only=True):
    """A published figure that a simulated year must match.

    Attributes:
        measure: the name of the measure.
        where: the filter, as `dimension=label` separated by spaces.
        period: FROM/TO as dates.
        published: the figure exactly as printed.
        value: the figure in the measure's unit; for `between`, the middle; for `change`, the change.
        kind: whether the difference is relative to the published value or in points.
        tolerance: the largest difference allowed.
        contradiction: the case in which the report contradicts itself and the simulation follows another figure; otherwise empty.
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
        """The filter, by dimension."""
        return dict(part.split("=") for part in self.where.split())


class CalibrationResult(Struct, frozen=True, kw_only=True):
    """A published figure with its simulated figure.

    Attributes:
        row: the published figure.
        simulated: the simulated figure in the measure's unit; None where there are no outcomes.
        n: the n of the simulated figure.
        difference: the difference from the published figure, relative or in points as the row says.
        is_near: whether the difference is within the tolerance.
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


def records(facts: Iterable[ReportedFact]) -> Iterator[LogRecord]:
    """Facts as the records of a log with one partition per topic, in batches as a backfill sends them."""
    batches: dict[Topic, list[ReportedFact]] = {}
    for each in facts:
        batch = batches.setdefault(each.topic, [])
        batch.append(each)
        if len(batch) == _BATCH_FACTS:
            yield _record(each.topic, batch)
            batch.clear()
    for topic, batch in batches.items():
        if batch:
            yield _record(topic, batch)


def _record(topic: Topic, batch: Sequence[ReportedFact]) -> LogRecord:
    sent_at = datetime.fromtimestamp(batch[-1].at, UTC)
    return LogRecord(topic, 0, 0, sent_at, wire.encode([each.fact for each in batch]))


def last_day(chosen: Iterable[CalibrationFigure]) -> datetime:
    """The day up to which to simulate, so that the outcomes of every period are complete."""
    ends = max(row.period.partition("/")[2] for row in chosen)
    return datetime.fromisoformat(ends).replace(tzinfo=UTC) + timedelta(days=_SETTLED_DAYS)


def calibrate(recount: Recount, force: str, chosen: Sequence[CalibrationFigure]) -> list[CalibrationResult]:
    """Each row with its simulated figure.

    Args:
        recount: the recount of the simulated facts.
        force: the force.
        chosen: the rows.
    """
    as_of = last_day(chosen)
    return [_result(row, *_simulated(recount, force, row, as_of)) for row in chosen]


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


def _result(row: CalibrationFigure, simulated: float | None, n: int) -> CalibrationResult:
    if simulated is None:
        return CalibrationResult(row=row, simulated=None, n=n, difference=None, is_near=False)
    difference = simulated - row.value
    if row.kind == "relative":
        difference /= row.value
    return CalibrationResult(
        row=row, simulated=simulated, n=n, difference=difference, is_near=abs(difference) <= row.tolerance
    )


# From printed figures to the committed table.

_SIMULATED_SINCE = "2023-01-01"
_VOLUME, _TIME, _POINTS, _BAND_POINTS = 0.01, 0.05, 0.015, 0.03


def expected_rows() -> Iterator[CalibrationFigure]:
    """The rows for the published figures of tables A1 to A5, each with the tolerance of its kind.

    Figures of years before the simulated ones have no row: those of the earlier report, and a total since 2021.
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
        f"The unit {figure.unit!r} is not known.", where=text, hint="Add it to bluelamp/verify/calibration.py."
    )


_BAND_TOTAL = 35704
_NOT_FOLLOWED = {"incident_demand_count": "reports I4"}
"""Measures whose published figure contradicts another published figure, which the simulation follows."""


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
    """The table as text, as in bluelamp/verify/calibration.csv."""
    rows_text = ["measure,where,period,published,value,kind,tolerance,contradiction"]
    for row in lines:
        published = f'"{row.published}"' if "," in row.published else row.published
        figures = f"{row.value:.10g}", row.kind, f"{row.tolerance:g}"
        rows_text.append(",".join((row.measure, row.where, row.period, published, *figures, row.contradiction)))
    return "\n".join(rows_text) + "\n"
