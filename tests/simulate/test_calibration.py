"""The calibration: the committed table is complete, and simulated figures are close to the published ones."""

from datetime import date

import pytest

from benchmarks.simulated_periods import simulation_digest, table_digest
from bluelamp.local.simulation import calibration, calibration_line, failures
from bluelamp.verify.calibration import CalibrationFigure, CalibrationResult, expected_rows, rows, table
from measures.catalogue import CATALOGUE
from producers.simulate.simulated_periods import SEED
from producers.simulate.simulated_periods import table as table_of_simulated
from tests.support.forces import shipped

DECEMBER = date(2024, 12, 1)
_NOT_SIMULATED = {f"A5.{row}" for row in (51, 53)}


def failed_lines(found: list[CalibrationResult]) -> str:
    """The figures outside their tolerance, one a line."""
    return "\n".join(calibration_line(each) for each in failures(found))


def test_the_table_has_every_published_figure_with_its_tolerance() -> None:
    committed = rows()
    assert table(committed) == table(expected_rows())
    wanted = {row for measure in CATALOGUE.values() for row in measure.rows if row[0] == "A"}
    found = {row for each in committed for row in CATALOGUE[each.measure].rows}
    # Figures that the report gives only as a chart, from other bodies, or from a survey.
    assert wanted - found == {"A1.2", "A1.4", "A2.12", "A2.14", "A3.31", "A3.32", "A3.33", *_NOT_SIMULATED}


def test_the_table_of_simulated_periods_is_up_to_date() -> None:
    assert simulation_digest(shipped("staffordshire")) == table_digest(), (
        "The simulation has changed: run `make periods`, which takes ten minutes."
    )


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
def test_published_figures_are_converted_to_the_measures_unit(where: str, period: str, value: float) -> None:
    name = "domestic_grade_2_opened_to_arrived_median_seconds"
    (row,) = [each for each in rows() if (each.measure, each.where, each.period) == (name, where, period)]
    assert row.value == value


def test_a_figure_beyond_its_tolerance_is_a_failure() -> None:
    row = CalibrationFigure(
        measure="x", where="", period="", published="10", value=10.0, kind="relative", tolerance=0.01
    )
    near, off = (
        CalibrationResult(row=row, simulated=10 + by, n=1, difference=by / 10, is_near=by <= 0.1) for by in (0.05, 0.2)
    )
    assert failures([near, off]) == [off]
    assert calibration_line(off).endswith("OUTSIDE")


@pytest.mark.faults
@pytest.mark.parametrize("seed", [41, 1829])
def test_a_simulated_december_is_close_to_the_published_month(seed: int) -> None:
    found = calibration(shipped("staffordshire"), seed, since=DECEMBER)
    assert len(found) == 32
    assert not failures(found), failed_lines(found)


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [41, pytest.param(1829, marks=pytest.mark.faults)])
def test_two_simulated_years_are_close_to_every_published_figure(seed: int) -> None:
    found = calibration(shipped("staffordshire"), seed)
    assert len(found) == len(rows())
    if seed == SEED:
        simulated = {(each.measure, each.where, each.period): each.value for each in table_of_simulated()}
        again = {(each.row.measure, each.row.where, each.row.period): each.simulated for each in found}
        assert simulated == {place: pytest.approx(again[place]) for place in simulated}
    assert not failures(found), failed_lines(found)
