"""Count-only records of a simulated force: each month has the stated number, and other facts are unaffected."""

from collections import Counter
from datetime import date

import msgspec
import pytest

from facts.occurrence import OccurrenceRecorded
from producers.simulate.ledger import Ledger
from producers.simulate.months import month_of
from producers.simulate.occurrences import Ledgers, Records
from producers.simulate.parameters import Occurrences, packaged
from producers.simulate.reporting import ReportedFact
from tests.simulate.worlds import simulation
from tests.support.forces import shipped

OF = packaged().occurrences
ZONE = shipped("staffordshire").zone()


def test_a_month_has_the_stated_number_of_each_type() -> None:
    ledgers = Ledgers(*(Ledger() for _ in Ledgers._fields))
    month = month_of(2024, 12, ZONE)
    Records(packaged(), "records", ledgers, 41, "t-").month(month)
    facts = [
        fact for *_, fact in ledgers.counted.remove_before(month.end + 3600) if isinstance(fact, OccurrenceRecorded)
    ]
    assert Counter(each.type for each in facts) == {kind: years["2024"][11] for kind, years in OF.counted.items()}
    assert Counter(each.type for each in facts)["fatal_collision"] == 7
    assert len({each.fact_id for each in facts}) == len(facts)
    assert all(month.start <= each.at.timestamp() < month.end for each in facts)
    areas = {each.label for each in shipped("staffordshire").areas}
    assert {each.area for each in facts} <= areas


def test_years_add_up_to_the_published_numbers() -> None:
    years = {kind: [sum(of[year]) for year in ("2023", "2024")] for kind, of in OF.counted.items()}
    assert years["fatal_collision"] == [40, 35]
    assert years["stop_and_search"] == [6504 - 945, 6504]
    assert round(945 / years["stop_and_search"][0], 2) == 0.17
    assert years["school_notification"] == [12 * round(30679 / 47)] * 2


@pytest.mark.faults
def test_their_number_does_not_change_other_facts() -> None:
    usual = simulation(start=date(2024, 6, 1))
    few = msgspec.structs.replace(OF, counted={kind: {"2024": (1,) * 12} for kind in OF.counted})

    def reports(of: Occurrences) -> list[ReportedFact]:
        parameters = msgspec.structs.replace(usual.parameters, warm_up_days=1, occurrences=of)
        chosen = msgspec.structs.replace(usual, parameters=parameters)
        return list(chosen.reported_before(chosen.end_of(1)))

    (one, counted), (other, fewer) = (_apart(reports(of)) for of in (OF, few))
    assert one == other
    assert len(counted) > 20 > len(fewer)


def _apart(reports: list[ReportedFact]) -> tuple[list[ReportedFact], list[ReportedFact]]:
    """All other reports, and those of count-only records."""
    counted = [each for each in reports if getattr(each.fact, "type", "") in OF.counted]
    return [each for each in reports if each not in counted], counted
