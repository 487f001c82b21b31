"""The JSON that the analysts' pages fetch, as types: the API's document describes it with these."""

from datetime import date, datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from producers.http.answer import Answer

CSV = Answer(summary="The same as CSV: comments with the definition, a header row, and the rows.", media=("text/csv",))
WORKBOOK = Answer(
    summary="The same as an Excel workbook.",
    media=("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",),
)
PARQUET = Answer(summary="The same as Parquet.", media=("application/vnd.apache.parquet",))
QUESTION = {
    "window": "A window, such as today, 24h, 12m, or FROM/TO as dates.",
    "by": "A dimension to break the figure down by; empty for none.",
    "where": "A filter, such as area:moorlands; may be repeated.",
}


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A type that describes every field."""


class TableColumn(_Strict, frozen=True, kw_only=True):
    """A column of a table."""

    title: str
    period: str
    brief: str
    published: bool


class TableCell(_Strict, frozen=True, kw_only=True):
    """A cell: its text, and what is known of its figure; the figures of a distribution for a mean or a median."""

    text: str | UnsetType = UNSET
    value: int | float | UnsetType = UNSET
    unit: str | UnsetType = UNSET
    n: int | UnsetType = UNSET
    low: float | UnsetType = UNSET
    high: float | UnsetType = UNSET
    unrecorded: int | UnsetType = UNSET
    notes: tuple[int, ...] | UnsetType = UNSET
    mean: float | UnsetType = UNSET
    median: float | UnsetType = UNSET
    p90: float | UnsetType = UNSET
    href: str | UnsetType = UNSET


class TableRow(_Strict, frozen=True, kw_only=True):
    """A row of a table; `current` appears only in the row about the present, in a table of times.

    Attributes:
        href: the address of the page about what it names.
    """

    label: str
    href: str | UnsetType = UNSET
    unit: str
    total: bool
    current: bool | UnsetType = UNSET
    cells: tuple[TableCell, ...]


class TableAnswer(_Strict, frozen=True, kw_only=True):
    """A table of the report or of a page."""

    title: str
    heading: str
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...]
    published: tuple[str, ...]
    sources: tuple[str, ...]
    disagreements: tuple[dict[str, Any], ...]


class AboutFigures(_Strict, frozen=True, kw_only=True):
    """What an answer is about: its measure, its force, the moment of its figures, and the address that explains them."""

    measure: str
    force: str
    as_of: datetime
    simulated: bool
    explain: str


class ComparisonAnswer(AboutFigures, frozen=True, kw_only=True):
    """A measure over periods side by side."""

    says: tuple[str, ...]
    comparison: TableAnswer
    published: TableAnswer


class ChartAnswer(AboutFigures, frozen=True, kw_only=True):
    """The control chart of a measure: in words, as SVG and as a table."""

    summary: tuple[str, ...]
    svg: str
    table: TableAnswer
    periods: tuple[tuple[date, date], ...]


class SmallChartAnswer(_Strict, frozen=True, kw_only=True):
    """The chart of one label."""

    word: str
    title: str
    latest: str
    svg: str


class SmallChartsAnswer(AboutFigures, frozen=True, kw_only=True):
    """A small chart for each label of a dimension."""

    charts: tuple[SmallChartAnswer, ...]


class BinAnswer(_Strict, frozen=True, kw_only=True):
    """The number of cases in a range of times."""

    over: int | float | None
    within: int | float | None
    count: int
    says: str


class PromiseAnswer(_Strict, frozen=True, kw_only=True):
    """A target that applied in the window."""

    seconds: int | float | None
    says: str


class WithinAnswer(_Strict, frozen=True, kw_only=True):
    """The share within the time that was asked for."""

    seconds: int | float | None
    says: str
    share: str
    met: int
    n: int


class ExplorationAnswer(AboutFigures, frozen=True, kw_only=True):
    """A measure over any window, broken down, with its distribution."""

    window: str
    says: str
    finest_seconds: int | float
    rows: TableAnswer
    tiles: dict[str, tuple[int, int]] | None
    verdict: tuple[str, ...]
    comparison: TableAnswer | None
    distribution: TableAnswer
    bins: tuple[BinAnswer, ...]
    promises: tuple[PromiseAnswer, ...]
    within: WithinAnswer | None


class WeekAnswer(_Strict, frozen=True, kw_only=True):
    """The pattern of a measure over the hours of the week."""

    says: str
    table: TableAnswer | None


class ExpectedAnswer(_Strict, frozen=True, kw_only=True):
    """What was expected of an interval at the first midnight of its day; without a range on a bank holiday and in a planned event."""

    mean: int | float
    low: int | None
    high: int | None


class ExpectedTimeAnswer(_Strict, frozen=True, kw_only=True):
    """What mean handling time was expected of an interval at the first midnight of its day, in seconds."""

    mean: int | float
    low: int | float
    high: int | float


class PlannedEventAnswer(_Strict, frozen=True, kw_only=True):
    """A planned event, and what percentage of the usual number of contacts is expected."""

    name: str
    percent: int


class IntervalAnswer(_Strict, frozen=True, kw_only=True):
    """The time of a row, whether it is over, its planned events, and its forecasts; null if one is not known."""

    start: datetime
    end: datetime
    status: Literal["over", "in progress", "not begun"]
    events: tuple[PlannedEventAnswer, ...]
    forecast: ExpectedAnswer | None
    forecast_handling: ExpectedTimeAnswer | None


class ForecastScoreAnswer(_Strict, frozen=True, kw_only=True):
    """Forecasts compared with what happened, by hours: their mean absolute error, and that of the same hour a week earlier.

    The errors are in contacts, or in seconds of the mean handling time.
    """

    cases: int
    error: int | float
    naive_error: int | float
    inside: int | float | None


class ForecastAnswer(_Strict, frozen=True, kw_only=True):
    """How many weeks of hours a forecast is made from, why there is none, and how good those of the two weeks before were."""

    weeks: int
    reason: str
    score: ForecastScoreAnswer | None


class IntervalColumnAnswer(_Strict, frozen=True, kw_only=True):
    """What a column shows: the value, n or met of a measure, with its filters; or how many the roster plans, not a measure."""

    title: str
    measure: str
    part: Literal["value", "n", "met", "minutes", "rostered"]
    where: dict[str, tuple[str, ...]]
    explain: str


class StaffingAnswer(_Strict, frozen=True, kw_only=True):
    """Call takers now by queue, and those of one queue by half-hours of today."""

    force: str
    as_of: datetime
    simulated: bool
    queue: str
    says: tuple[str, ...]
    now: TableAnswer
    today: TableAnswer


class IntervalsAnswer(_Strict, frozen=True, kw_only=True):
    """A queue by intervals of a day; `minutes` is the length of an interval, or 0 if only the total of the day is kept."""

    force: str
    as_of: datetime
    simulated: bool
    queue: str
    day: date
    other_day: date | None
    minutes: int
    says: tuple[str, ...]
    columns: tuple[IntervalColumnAnswer, ...]
    intervals: tuple[IntervalAnswer, ...]
    forecast: ForecastAnswer | None
    forecast_handling: ForecastAnswer | None
    table: TableAnswer


class SpreadAnswer(_Strict, frozen=True, kw_only=True):
    """A figure over all runs of the twin: its median, and the range that contains four runs in five."""

    middle: int | float
    low: int | float
    high: int | float


class OutlookAnswer(_Strict, frozen=True, kw_only=True):
    """What the next two hours may bring, by queue; null where too few runs have the figure."""

    within_target: SpreadAnswer | None
    longest_seconds: dict[str, SpreadAnswer | None]
    abandoned: dict[str, SpreadAnswer | None]
    unresourced: SpreadAnswer | None


class BriefOutlookAnswer(_Strict, frozen=True, kw_only=True):
    """A forecast in one sentence, or why there is none."""

    force: str
    as_of: datetime
    simulated: bool
    says: str


class WhatIfAnswer(_Strict, frozen=True, kw_only=True):
    """A forecast of the next two hours, never a live figure: as it is, with the change, and the difference."""

    force: str
    as_of: datetime
    simulated: bool
    is_forecast: Literal[True]
    brief: str
    says: tuple[str, ...]
    usual: OutlookAnswer
    changed: OutlookAnswer | None
    difference: OutlookAnswer | None
    table: TableAnswer
