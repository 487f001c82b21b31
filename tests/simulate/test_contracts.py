"""Victims' contracts of a simulated force: their number and timeliness are as published, and other facts are unaffected."""

from collections import Counter
from datetime import date

import msgspec
import pytest

from facts.occurrence import OccurrenceRecorded, VictimContractClosed
from producers.simulate.ledger import Ledger
from producers.simulate.months import month_of
from producers.simulate.occurrences import Ledgers, Records
from producers.simulate.parameters import Occurrences, month_share, packaged
from producers.simulate.reporting import ReportedFact
from tests.simulate.worlds import simulation
from tests.support.forces import shipped

OF = packaged().occurrences
ZONE = shipped("staffordshire").zone()


def test_the_stated_number_of_a_months_crimes_with_a_victim_is_closed() -> None:
    ledgers = Ledgers(*(Ledger() for _ in Ledgers._fields))
    month = month_of(2024, 6, ZONE)
    Records(packaged(), "records", ledgers, 41, "t-").month(month)
    end = month.end + 400 * 86400
    records, contracts = (
        [fact for *_, fact in each.remove_before(end)] for each in (ledgers.records, ledgers.contracts)
    )
    recorded = {each.subject_id: each for each in records if isinstance(each, OccurrenceRecorded)}
    closed = [each for each in contracts if isinstance(each, VictimContractClosed)]
    assert len({each.subject_id for each in closed}) == len(closed) == month_share(OF.contracts.years, OF.months, month)
    assert all(recorded[each.subject_id].victim_based for each in closed)
    assert all(each.at > recorded[each.subject_id].at for each in closed)
    found = Counter(each.compliance for each in closed)
    assert found["timely"] / len(closed) == pytest.approx(0.76, abs=0.001)
    assert 1 - found["missed"] / len(closed) == pytest.approx(0.8977, abs=0.001)
    within = sum((each.at - recorded[each.subject_id].at).days < 7 for each in closed)
    assert within / len(closed) == pytest.approx(0.8, abs=0.02)


@pytest.mark.faults
def test_their_number_does_not_change_other_facts() -> None:
    usual = simulation(start=date(2024, 6, 1))
    few = msgspec.structs.replace(OF, contracts=msgspec.structs.replace(OF.contracts, years={"2024": 1200}))

    def reports(of: Occurrences) -> list[ReportedFact]:
        parameters = msgspec.structs.replace(usual.parameters, warm_up_days=1, occurrences=of)
        chosen = msgspec.structs.replace(usual, parameters=parameters)
        return list(chosen.reported_before(chosen.end_of(2)))

    one, other = (reports(of) for of in (OF, few))
    assert _others(one) == _others(other)
    assert len(one) - len(_others(one)) > 10 * (len(other) - len(_others(other)))


def _others(reports: list[ReportedFact]) -> list[ReportedFact]:
    return [each for each in reports if not isinstance(each.fact, VictimContractClosed)]
