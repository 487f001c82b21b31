"""A queue's target changes between two simulated days: every figure uses the target of each day, and the report says so."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction

import pytest
from msgspec.structs import replace

from bluelamp.recount.recount import Recount
from dashboards.report.build import report
from dashboards.report.compare import compare
from dashboards.report.document import Document
from dashboards.report.figures import Ask
from dashboards.report.file import table_file
from dashboards.report.page import html
from facts.force import Force, QueueTarget
from measures.catalogue import CATALOGUE
from tests.support import december
from tests.support.memory import MemoryState

SHARES = ("contact_999_answered_within_target_ratio", "contact_999_service_level_ratio")
NOVEMBER, DECEMBER, BOTH = "2024-11-30/2024-12-01", "2024-12-01/2024-12-02", "2024-11-30/2024-12-02"
SAID = "in under 10 seconds to 30 Nov 2024; within 3 seconds from 1 Dec 2024"


def profile() -> Force:
    """The simulated force, with a target of 3 seconds from the second day."""
    emergency, *others = december.force().queues
    later = QueueTarget(since=date(2024, 12, 1), seconds=3)
    return replace(december.force(), queues=(replace(emergency, targets=(*emergency.targets, later)), *others))


@pytest.fixture(scope="module")
def changed() -> MemoryState:
    """The state with this profile."""
    return december.memory(profile())


@pytest.fixture(scope="module")
def recounted() -> Iterator[Recount]:
    """The recount with this profile."""
    with december.recount(profile()) as made:
        yield made


def met_of(ask: Ask, share: str, window: str) -> tuple[int, int]:
    """The number that met the target, and n."""
    (figure,) = ask(CATALOGUE[share], window, (), {})
    assert figure.n
    assert figure.value == Fraction(figure.met or 0, figure.n)
    return figure.met or 0, figure.n


@pytest.mark.parametrize("share", SHARES)
def test_each_day_has_its_own_target(state: MemoryState, changed: MemoryState, recounted: Recount, share: str) -> None:
    ours, usual = december.ask_memory(changed), december.ask_memory(state)
    november, first, both = (met_of(ours, share, window) for window in (NOVEMBER, DECEMBER, BOTH))
    assert november == met_of(usual, share, NOVEMBER)
    assert 0 < first[0] < met_of(usual, share, DECEMBER)[0]
    assert both == (november[0] + first[0], november[1] + first[1])
    assert both[1] > 500
    for window in (NOVEMBER, DECEMBER, BOTH, "last_month", "12m"):
        assert met_of(ours, share, window) == met_of(december.ask_recount(recounted), share, window)


def test_the_new_targets_share_is_counted_from_the_waits_of_its_day(recounted: Recount, changed: MemoryState) -> None:
    """Calculated directly from the waits: 3.0 s is within 3 s, and callers still waiting are overdue."""
    waits = [
        each.value
        for each in recounted.finished("leg_answered")
        if each.dimensions[0] == "999" and 1_733_011_200 <= each.began / 1_000_000 < 1_733_097_600
    ]
    met, n = met_of(december.ask_memory(changed), SHARES[0], DECEMBER)
    assert met == sum(wait <= 30 for wait in waits)
    assert 0 < met < len(waits) <= n


@pytest.fixture(scope="module")
def printed(changed: MemoryState) -> Document:
    """The report with this profile."""
    return report(december.ask_memory(changed), profile(), "2024-12", december.AS_OF)


def test_the_report_says_that_the_target_changed_and_names_none_in_the_row(
    document: Document, printed: Document, recounted: Recount
) -> None:
    assert printed == report(december.ask_recount(recounted), profile(), "2024-12", december.AS_OF)
    assert [each for each in printed.remarks if each.startswith("999 answered within target: ") and SAID in each]
    for text in (html(printed), table_file(printed)):
        assert SAID in text
    rows = {row.label for section in printed.sections for table in section.tables for row in table.rows}
    assert {"Answered within target", "Answered within 2 minutes"} <= rows
    assert "Answered in under 10 seconds" not in rows
    usual = {row.label for section in document.sections for table in section.tables for row in table.rows}
    assert {"Answered in under 10 seconds", "Answered within 2 minutes"} <= usual


def test_a_comparison_over_the_change_says_so(changed: MemoryState) -> None:
    ask = december.ask_memory(changed)
    notes_by_measure = {
        name: " ".join(compare(ask, profile(), CATALOGUE[name], december.AS_OF).notes)
        for name in (*SHARES, "incident_count")
    }
    assert [SAID in notes for notes in notes_by_measure.values()] == [True, True, False]
