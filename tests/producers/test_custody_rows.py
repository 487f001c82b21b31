"""Custody rows as systems export them: several times in one cell, several rows for one stay, and one time that is impossible."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from facts.custody import DetaineeArrived, DetentionEnded, ReviewHeld
from facts.errors import ProfileError
from facts.force import parse
from measures.rules import Rules
from producers.extract import Extract, read_extract
from producers.mapping import load_mapping

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MAPPING = """
name = "cells"
force = "staffordshire"
topic = "custody"
feed = "custody"
[source]
format = "csv"
times = ["%d/%m/%Y %H:%M"]
time_zone = "Europe/London"
[subject]
key = ["No"]
prefix = "z-"
[[facts]]
fact = "DetaineeArrived"
per = "subject"
at = "Arrived"
[facts.fields]
suite = { constant = "northern" }
child = { constant = false }
relevant_time = { column = "Arrived" }
[[facts]]
fact = "ReviewHeld"
per = "subject"
at = "Reviews"
separator = ";"
[[facts]]
fact = "DetentionEnded"
per = "subject"
at = "Released"
when = [{ column = "Released", present = true }]
[facts.fields]
disposal = { constant = "other" }
"""


def read(tmp_path: Path, *rows: str) -> Extract:
    """The facts of rows: number, arrival, reviews, release."""
    path = tmp_path / "custody.csv"
    path.write_text("\n".join(["No,Arrived,Reviews,Released", *rows]) + "\n")
    return read_extract(path, load_mapping(MAPPING, "cells.toml"), now=NOW)


def test_each_time_in_a_cell_is_a_fact(tmp_path: Path) -> None:
    found = read(
        tmp_path, "1,28/11/2026 09:00,28/11/2026 15:00; 29/11/2026 00:00;29/11/2026 08:30,", "2,28/11/2026 09:00,,"
    )
    reviews = [fact for fact in found.facts if isinstance(fact, ReviewHeld)]
    assert [f"{each.at:%d %H:%M}" for each in reviews] == ["28 15:00", "29 00:00", "29 08:30"]
    assert len({each.fact_id for each in reviews}) == 3
    assert {each.subject_id for each in reviews} == {"z-1"}
    again = read(tmp_path, "1,28/11/2026 09:00,28/11/2026 15:00;29/11/2026 00:00,")
    assert [each.fact_id for each in again.facts if isinstance(each, ReviewHeld)] == [
        each.fact_id for each in reviews[:2]
    ]


def test_several_rows_of_one_stay_are_one_stay(tmp_path: Path) -> None:
    found = read(
        tmp_path, "1,28/11/2026 09:00,28/11/2026 15:00,", "1,28/11/2026 09:00,28/11/2026 15:00,29/11/2026 07:00"
    )
    assert [type(fact) for fact in found.facts] == [DetaineeArrived, ReviewHeld, DetentionEnded]
    assert found.rows_malformed == 0


@pytest.mark.parametrize(
    "row",
    [
        "1,28/11/2026 09:00,28/11/2026 15:00,31/12/1899 00:00",
        "1,28/11/2026 09:00,28/11/2026 15:00;31/12/1899 00:00,",
        "1,31/12/1899 00:00,28/11/2026 15:00,",
    ],
)
def test_a_row_with_one_impossible_time_reports_nothing_and_is_counted(tmp_path: Path, row: str) -> None:
    found = read(tmp_path, row, "2,28/11/2026 09:00,28/11/2026 15:00,")
    assert {getattr(fact, "subject_id", None) for fact in found.facts} == {"z-2"}
    assert (found.rows_malformed, found.faults()) == (1, {"bad_value": 1})


CUSTODY_ONLY = """
name = "cells"
title = "Cells"
time_zone = "Europe/London"
[[suites]]
label = "northern"
name = "Northern"
capacity = 30
[[feeds]]
name = "custody"
topic = "custody"
"""


def test_a_profile_of_custody_alone_needs_no_grades() -> None:
    force = parse(CUSTODY_ONLY, "cells.toml")
    assert (force.grades, force.suites[0].capacity) == ((), 30)
    assert Rules(force).fingerprint == Rules(parse(CUSTODY_ONLY.replace("30", "31"), "cells.toml")).fingerprint
    with pytest.raises(ProfileError, match="grades"):
        parse(CUSTODY_ONLY.replace('"custody"', '"incidents"'), "cells.toml")
