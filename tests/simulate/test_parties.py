"""Parties of simulated occurrences: their number and repeats are as stated, and other facts are unaffected."""

from collections import Counter
from datetime import date

import msgspec

from facts.fact import FactWithdrawn
from facts.occurrence import OccurrenceRecorded, PartyLinked
from producers.simulate.ledger import Ledger
from producers.simulate.months import month_of
from producers.simulate.occurrences import Ledgers, Records
from producers.simulate.parameters import Links, month_share, packaged
from producers.simulate.reporting import ReportedFact
from producers.simulate.simulation import Simulation
from tests.simulate.worlds import simulation
from tests.support.forces import shipped

OF = packaged().occurrences
MONTH = month_of(2024, 6, shipped("staffordshire").zone())
FAR = MONTH.end + 90 * 86400
TYPES = {each.label: each.family for each in shipped("staffordshire").occurrence_types}


def facts_of_month() -> tuple[dict[str, OccurrenceRecorded], list[PartyLinked]]:
    """The occurrences recorded in a month, by id, and the parties linked to them."""
    ledgers = Ledgers(*(Ledger() for _ in Ledgers._fields))
    Records(packaged(), "records", ledgers, 41, "t-").month(MONTH)
    facts = [fact for ledger in ledgers for *_, fact in ledger.remove_before(FAR)]
    recorded = {fact.subject_id: fact for fact in facts if isinstance(fact, OccurrenceRecorded)}
    return recorded, [fact for fact in facts if isinstance(fact, PartyLinked)]


def expected(links: Links) -> tuple[int, int]:
    """The expected number of repeats in the month, and of other links."""
    count = month_share(links.years, OF.months, MONTH)
    repeats = round(links.repeat_share["2024"] * count)
    return repeats, count - repeats


def test_a_month_has_its_share_of_links_and_of_repeats() -> None:
    recorded, links = facts_of_month()
    found = Counter((TYPES[recorded[each.subject_id].type], each.role, each.repeat) for each in links)
    for role, links_of_role in OF.asb_parties.items():
        assert (found["asb", role, True], found["asb", role, False]) == expected(links_of_role)
    assert (found["crime", "victim", True], found["crime", "victim", False]) == expected(OF.crime_victims)
    domestic = [each for each in links if recorded[each.subject_id].domestic]
    assert len(domestic) == sum(each.domestic for each in recorded.values())
    count = sum(month_share(years, OF.months, MONTH) for years in (OF.domestic.crimes, OF.domestic.others))
    assert len(domestic) == count
    assert sum(each.domestic_repeat for each in domestic) == round(OF.domestic.repeat_share["2024"] * count)
    assert not any(each.domestic_repeat for each in links if not recorded[each.subject_id].domestic)


def test_parties_are_linked_to_suitable_occurrences() -> None:
    recorded, links = facts_of_month()
    assert max(Counter((each.subject_id, each.role) for each in links).values()) == 1
    assert all(each.at >= recorded[each.subject_id].at for each in links)
    types = {each.type for each in recorded.values() if each.domestic}
    assert types == {*OF.domestic.crime_types, OF.domestic.other_type}
    linked = {each.subject_id for each in links}
    assert {each.subject_id for each in recorded.values() if each.victim_based} <= linked


def _others(reports: list[ReportedFact]) -> list[tuple[float, str]]:
    """All reports except parties and domestic occurrences that are not crimes, without the domestic flag."""
    return [
        (each.at, repr(each.fact).replace("domestic=True", "domestic=False"))
        for each in reports
        if not isinstance(each.fact, PartyLinked | FactWithdrawn)
        and getattr(each.fact, "type", "") != OF.domestic.other_type
    ]


def test_the_number_of_parties_does_not_change_other_facts() -> None:
    usual = simulation(start=date(2024, 6, 1))
    quick = msgspec.structs.replace(usual.parameters, warm_up_days=1)
    fewer = msgspec.structs.replace(
        OF,
        crime_victims=Links(years={"2024": 20000}, repeat_share={"2024": 0.5}),
        domestic=msgspec.structs.replace(OF.domestic, crimes={"2024": 9000}, others={"2024": 500}),
    )

    def reports(of: msgspec.Struct) -> list[ReportedFact]:
        chosen: Simulation = msgspec.structs.replace(usual, parameters=msgspec.structs.replace(quick, occurrences=of))
        return list(chosen.reported_before(chosen.end_of(1)))

    one, other = reports(OF), reports(fewer)
    assert _others(one) == _others(other)
    assert sum(isinstance(each.fact, PartyLinked) for each in one) > 2 * sum(
        isinstance(each.fact, PartyLinked) for each in other
    )
