"""The files of analysts' pages: Parquet has the same cells as CSV, with types, and the same definition."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dashboards.board.app import board
from measures.catalogue import CATALOGUE
from streams.readings import Reader
from tests.board.day import FORCE
from tests.board.history import AS_OF, History
from tests.support.asgi import Answer, get
from tests.support.csv_file import comments_and_rows

GRADE_1 = "grade_1_opened_to_arrived_median_seconds"
PAGES = (
    (f"compare/{GRADE_1}", "by=area", ("comparison", "published")),
    ("compare/incident_count", "by=grade&where=area:moorlands", ("comparison", "published")),
    ("chart/incident_count", "grain=month&last=24", ("table",)),
    (f"explore/{GRADE_1}", "window=12m&by=area&within=600&weeks=1", ("rows", "distribution")),
    ("explore/contact_999_service_level_ratio", "window=last_month&by=", ("rows", "distribution")),
)

READ: dict[str, Callable[[str], Any]] = {
    "value": float,
    "n": int,
    "low": float,
    "high": float,
    "unrecorded": int,
    "mean": float,
    "median": float,
    "p90": float,
    "published": lambda word: {"yes": True, "no": False}[word],
}


def fetch(reader: Reader, kind: str, page: str, query: str) -> Answer:
    """The response of an address."""
    answer = get(board(reader, FORCE), f"/{kind}/{page}", query)
    assert answer.status == 200, answer.text
    return answer


def parquet(reader: Reader, page: str, query: str) -> pa.Table:
    """The downloaded file."""
    return pq.read_table(io.BytesIO(fetch(reader, "parquet", page, query).body))


def lines(reader: Reader, page: str, query: str) -> tuple[list[list[str]], list[list[str]]]:
    """The head of the CSV file, and its rows; the first has the column names."""
    return comments_and_rows(fetch(reader, "csv", page, query).text)


def as_typed(column: str, cell: str) -> Any:
    """A cell of the CSV file with the type that it should have in Parquet."""
    read = READ.get(column)
    if read is None:
        return cell.removeprefix("'")
    return read(cell) if cell else None


@pytest.mark.parametrize(("page", "query", "tables"), PAGES, ids=[f"{page} {query}" for page, query, _ in PAGES])
def test_parquet_has_the_cells_of_the_csv_file_and_of_the_page(
    history: History, page: str, query: str, tables: tuple[str, ...]
) -> None:
    found = parquet(history.reader, page, query)
    _, (names, *cells) = lines(history.reader, page, query)
    assert found.column_names == names
    assert [[row[name] for name in names] for row in found.to_pylist()] == [
        [as_typed(name, cell) for name, cell in zip(names, row, strict=True)] for row in cells
    ]
    content = json.loads(fetch(history.reader, "api", page, query).text)
    displayed = [cell for table in tables for row in content[table]["rows"] for cell in row["cells"]]
    rows = found.to_pylist()
    assert rows
    # The file of Explore ends with the week, which the page fetches from another address.
    for cell, row in zip(displayed, rows, strict=False):
        assert (row["shown"], row["value"], row["n"]) == (cell.get("text", ""), cell.get("value"), cell.get("n"))
        assert all(row[name] == cell.get(name) for name in ("low", "high", "unrecorded", "mean", "median", "p90"))
    assert len(rows) - len(displayed) == (7 * 24 if page.startswith("explore") else 0)


@pytest.mark.parametrize(("page", "query", "_"), PAGES, ids=[f"{page} {query}" for page, query, _ in PAGES])
def test_the_contract_is_in_the_metadata_of_the_schema(history: History, page: str, query: str, _: Any) -> None:
    schema = parquet(history.reader, page, query).schema
    content = {term.decode(): words.decode() for term, words in (schema.metadata or {}).items()}
    head, _cells = lines(history.reader, page, query)
    for term, *words in head:
        if term == "Column":
            described = schema.field(words[0]).metadata
            assert described is not None
            assert described[b"description"].decode() == words[1]
        else:
            assert "; ".join(word for word in words if word) in content[term].splitlines()
    measure = CATALOGUE[page.split("/")[1]]
    assert content["Marking"] == "OFFICIAL"
    assert content["Simulation"] == "SIMULATION - no figure is real."
    assert content["As of"] == "2024-12-01T18:00:20+00:00"
    assert content["Measure"] == f"{measure.title}; {measure.name}"
    assert (content["Population"], content["Version"]) == (measure.population, str(measure.version))
    assert content["Unit"]
    feeds = {feed.name for feed in measure.feeds(history.reader.rules[FORCE].force)}
    assert {line.split("; ")[0] for line in content["Complete to"].splitlines()} == feeds
    assert all(line.endswith("2024-12-01T18:00:19+00:00") for line in content["Complete to"].splitlines())
    (topic,) = measure.topics()
    applied_offset = history.reader.applied_offsets()[topic, 0]
    assert applied_offset > 0
    assert content["Applied offset"] == f"{topic} 0; {applied_offset}"


def test_a_figure_that_is_not_live_is_null_with_words(history: History) -> None:
    late = history.reader_at(AS_OF + timedelta(hours=3))
    rows = parquet(late, f"explore/{GRADE_1}", "window=today&by=area&weeks=1").to_pylist()
    medians = [row for row in rows if row["column"] == "Median"]
    assert medians
    assert {row["value"] for row in medians} == {None}
    assert {row["shown"] for row in medians} == {"not live since 18:00"}


def test_values_are_not_rounded(history: History) -> None:
    rows = parquet(history.reader, "explore/incident_count", "window=12m&by=area").to_pylist()
    (whole,) = (row["value"] for row in rows if (row["row"], row["column"]) == ("Total", "Count"))
    shares = [(row["row"], row["value"]) for row in rows if row["column"] == "Proportion"]
    counts = {row["row"]: int(row["value"]) for row in rows if row["column"] == "Count"}
    assert len(shares) > 5
    for area, share in shares:
        assert share == float(Fraction(counts[area], int(whole)))
