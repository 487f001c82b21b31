"""The calibration: the committed table is whole, and simulated figures come near to those that were published."""

from datetime import date

import pytest

from bluelamp.local.simulation import calibration, failures, line
from bluelamp.verify.calibration import CalibrationFigure, CalibrationResult, expected_rows, rows, table
from measures.catalogue import CATALOGUE
from tests.support.forces import shipped

DECEMBER = date(2024, 12, 1)
_NOT_SIMULATED = {f"A5.{row}" for row in (51, 53)}


def told(found: list[CalibrationResult]) -> str:
    """What is off, one a line."""
    return "\n".join(line(each) for each in failures(found))


def test_the_table_has_every_published_figure_with_its_tolerance() -> None:
    committed = rows()
    assert table(committed) == table(expected_rows())
    wanted = {row for measure in CATALOGUE.values() for row in measure.rows if row[0] == "A"}
    found = {row for each in committed for row in CATALOGUE[each.measure].rows}
    # What the report prints as a chart only, by others, or by survey.
    assert wanted - found == {"A1.2", "A1.4", "A2.12", "A2.14", "A3.31", "A3.32", "A3.33", *_NOT_SIMULATED}


def test_tolerances_are_those_agreed() -> None:
    assert {(each.kind, each.tolerance) for each in rows()} == {
        ("relative", 0.01),
        ("relative", 0.05),
        ("points", 0.015),
        ("points", 0.03),
        ("between", 0.065),
        ("change", 0.01),
    }
    assert {each.measure for each in rows() if each.contradiction} == {"incident_demand_count"}


@pytest.mark.parametrize(
    ("where", "period", "value"),
    [
        ("", "2024-12-01/2025-01-01", 3.75 * 3600),
        ("", "2024-03-01/2024-04-01", 31 * 3600 + 18 * 60 + 32),
    ],
)
def test_what_was_printed_is_read_in_the_measure_s_unit(where: str, period: str, value: float) -> None:
    name = "domestic_grade_2_opened_to_arrived_median_seconds"
    (row,) = [each for each in rows() if (each.measure, each.where, each.period) == (name, where, period)]
    assert row.value == value


def test_a_figure_beyond_its_tolerance_is_off() -> None:
    row = CalibrationFigure(
        measure="x", where="", period="", published="10", value=10.0, kind="relative", tolerance=0.01
    )
    near, off = (
        CalibrationResult(row=row, simulated=10 + by, n=1, difference=by / 10, is_near=by <= 0.1) for by in (0.05, 0.2)
    )
    assert failures([near, off]) == [off]
    assert line(off).endswith("OFF")


@pytest.mark.parametrize("seed", [41, 1829])
def test_a_simulated_december_comes_near_to_the_published_last_month(seed: int) -> None:
    found = calibration(shipped("staffordshire"), seed, since=DECEMBER)
    assert len(found) == 32
    assert not failures(found), told(found)


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [41, 1829])
def test_two_simulated_years_come_near_to_every_published_figure(seed: int) -> None:
    found = calibration(shipped("staffordshire"), seed)
    assert len(found) == len(rows())
    assert not failures(found), told(found)
