"""The December 2024 report of two simulated years compared with the published one: every row has figures, all within tolerance."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bluelamp.local.simulation import simulation_of
from bluelamp.recount.load import from_records
from bluelamp.verify.calibration import records
from dashboards.report.build import report
from dashboards.report.document import Document
from dashboards.report.figures import ReportFigure, figure
from measures.measure import Measure, Where
from producers.simulate.scenario import NORMAL
from tests.support.forces import shipped
from tests.support.quotes import Quote, empty_rows, quotes

DAYS, AS_OF = 738, datetime(2025, 1, 7, 23, 59, 55, tzinfo=UTC)
NOTHING_HAPPENED = {
    "Incidents by local policing team (LPT) | Out of Force",
    "Crimes by LPT | Out of Force",
}
"""Rows that are really 0: the published tables do not have them, and the simulated force records nothing for them."""


def off_line(quote: Quote) -> str:
    """A figure outside its tolerance, for a person to read."""
    shown = quote.ours.text if quote.ours else "nothing"
    return f"{quote.place}: published {quote.text}, ours {shown}, off by {quote.difference()}"


@pytest.fixture(scope="module")
def two_years() -> Iterator[Document]:
    """The report from the recount. Other tests prove on less data that the state gives the same report."""
    force = shipped("staffordshire")
    simulation = simulation_of(force, 41, NORMAL, "2023-01-01", is_live=False)
    with from_records(records(simulation.reported_before(simulation.end_of(DAYS))), [force]) as counted:

        def ask(measure: Measure, window: str, by: tuple[str, ...], where: Where) -> list[ReportFigure]:
            return [figure(measure, each) for each in counted.answer(measure, force.name, window, AS_OF, by, where)]

        yield report(ask, force, "2024-12", AS_OF, is_simulated=True)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_the_report_of_two_simulated_years_matches_the_published_one(two_years: Document) -> None:
    held = list(quotes(two_years))
    assert sum(each.row is not None for each in held) >= 400
    off = [each for each in held if each.row and not each.is_near()]
    assert not [off_line(each) for each in off if each.row and not each.row.contradiction]
    assert {each.row.contradiction for each in off if each.row} == {"reports I4"}
    # Exactly the rows that no feed provides have no figure.
    bare = {each.place for each in held if each.ours is None or each.ours.value is None}
    assert bare == {each.place for each in held if each.is_of_others}
    assert {place for place, is_of_others in empty_rows(two_years) if not is_of_others} == NOTHING_HAPPENED
    assert two_years.remarks == ()


def test_quoted_figures_are_compared_with_the_reports_own(document: Document) -> None:
    """With only two days of data almost every figure is outside its tolerance, and each is found."""
    held = list(quotes(document))
    by_place = {each.place: each for each in held if each.row}
    calls = by_place["999 calls | 999 calls | Last 12 months"]
    band = by_place["Wait in the local queue before the answer (minutes) | 0 to 20 | Last 12 months"]
    median = by_place["Domestic Grade 2 by month | Dec 2024 | Opened to arrived (median)"]
    assert calls.ours is not None
    assert calls.difference() == pytest.approx(int(calls.ours.value or 0) / 212246 - 1)
    assert not calls.is_near()
    assert (band.ours and band.ours.unit, median.ours and median.ours.unit) == ("ratio", "seconds")
    # A label without any case in two days has no row, and so no quote.
    assert len([each for each in held if each.row]) >= 390
    assert sum(not each.is_near() for each in held) > 250
