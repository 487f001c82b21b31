"""What people type into the analysts' pages: spans, dates and comparisons."""

from datetime import date
from fractions import Fraction

import pytest
from starlette.datastructures import QueryParams

from dashboards.board.shared.chosen_window import parse_window
from dashboards.board.shared.typed_span import parse_span
from dashboards.report.periods import moved
from facts.errors import QuestionError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 5400),
        ("1h30", 5400),
        ("1 h 30", 5400),
        ("1:30", 5400),
        ("1:30:15", 5415),
        ("1.5h", 5400),
        ("90 min", 5400),
        ("1 hour 30 minutes", 5400),
        ("45 s", 45),
        ("45 seconds", 45),
        ("2 min 5 s", 125),
        ("720.5 s", Fraction(1441, 2)),
        ("0.5s", Fraction(1, 2)),
        ("0", 0),
    ],
)
def test_a_span_is_read_as_people_type_it(text: str, seconds: int | Fraction) -> None:
    assert parse_span(text, "within") == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "soon", "-5", "1:75", "1e9", "9" * 400, "30 20", "20 min 90", "5 s 3 min", "1/3"]
)
def test_an_invalid_span_is_refused_for_its_field(text: str) -> None:
    with pytest.raises(QuestionError) as caught:
        parse_span(text, "within")
    assert caught.value.where == "within"


@pytest.mark.parametrize(
    ("query", "window"),
    [
        ("window=last_month", "last_month"),
        ("window=2024-11-01/2024-11-08", "2024-11-01/2024-11-08"),
        ("window=dates&from=2024-11-01&to=2024-11-07", "2024-11-01/2024-11-08"),
        (
            "window=dates&from=2024-11-29&to=2024-11-30&from_time=22:00&to_time=04:00",
            "2024-11-29T22:00/2024-11-30T04:00",
        ),
        ("window=dates&from=2024-11-29&to=2024-11-29&from_time=22:00", "2024-11-29T22:00/2024-11-30T00:00"),
        ("window=last_month&from=2024-11-29&to=2024-11-29", "last_month"),
        ("", "60m"),
    ],
)
def test_the_days_of_a_form_include_the_last(query: str, window: str) -> None:
    assert parse_window(QueryParams(query), "60m").window == window


@pytest.mark.parametrize(
    ("compare", "days", "before"),
    [
        ("month_before", ("2024-11-01", "2024-12-01"), ("2024-10-01", "2024-11-01")),
        ("year_before", ("2024-02-01", "2024-03-01"), ("2023-02-01", "2023-03-01")),
        ("year_before", ("2024-02-29", "2024-03-02"), ("2023-02-28", "2023-03-02")),
        ("month_before", ("2024-03-30", "2024-04-03"), ("2024-02-29", "2024-03-03")),
        ("week_before", ("2024-11-01", "2024-12-01"), ("2024-10-25", "2024-11-24")),
        ("period_before", ("2024-11-01", "2024-12-01"), ("2024-10-01", "2024-11-01")),
        ("period_before", ("2024-01-01", "2024-04-01"), ("2023-10-01", "2024-01-01")),
        ("period_before", ("2024-11-04", "2024-11-11"), ("2024-10-28", "2024-11-04")),
    ],
)
def test_whole_months_are_compared_with_whole_months(
    compare: str, days: tuple[str, str], before: tuple[str, str]
) -> None:
    first, end = map(date.fromisoformat, days)
    assert moved(first, end, compare) == tuple(map(date.fromisoformat, before))  # type: ignore[arg-type]
