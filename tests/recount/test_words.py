"""Section 2 of the semantics: the labels of the dimensions."""

import pytest

from bluelamp.recount.cell import RecountCell
from facts.union import AnyFact
from measures.catalogue import find
from tests.recount.outcomes import outcomes_of, recount_of
from tests.support.facts import at, concluded, detained, offered, opened, recorded, regraded, volunteered


def figures(measure: str, by: str, *facts: AnyFact, **where: str) -> dict[str, float | int | None]:
    """The figure of each word, on the day of these tests."""
    limited = {name: (word,) for name, word in where.items()}
    with recount_of(*facts) as recount:
        cells: list[RecountCell] = recount.answer(find(measure), "strict", "today", at("23:00"), (by,), limited)
    return {cell.dimensions[by]: cell.value for cell in cells}


def test_listed_labels_are_words_unlisted_ones_are_unlisted_and_absent_ones_are_none() -> None:
    facts = [
        opened("09:00", area="north", group="crime", category="home_burglary", domestic=True),
        opened("09:01", area="moon", group="noise", category="other", grade="9", subject_id="s2"),
        opened("09:02", subject_id="s3"),
    ]
    assert outcomes_of(*facts).words("incident_opened") == [
        ("1", "crime", "north", "yes", "home_burglary"),
        ("unlisted", "unlisted", "unlisted", "no", "unlisted"),
        ("1", "none", "none", "no", "none"),
    ]


def test_the_words_of_a_leg() -> None:
    facts = [
        offered("09:00"),
        offered("09:01", queue="web", line="digital", channel="livechat", subject_id="s2"),
        offered("09:02", queue="web", line="digital", channel="fax", subject_id="s3"),
    ]
    assert outcomes_of(*facts).words("leg_offered") == [
        ("999", "emergency", "none"),
        ("digital", "unlisted", "livechat"),
        ("digital", "unlisted", "unlisted"),
    ]


def test_the_words_of_custody_and_of_occurrences() -> None:
    held = outcomes_of(detained("09:00", child=True), detained("09:01", suite="cellar", subject_id="s2"))
    assert held.words("detainee_arrived") == [("one", "yes"), ("unlisted", "no")]
    assert outcomes_of(volunteered("09:00")).words("voluntary_attended") == [("none", "no")]
    kept = outcomes_of(recorded("09:00", area="north"), recorded("09:01", type="litter", subject_id="s2"))
    assert kept.words("occurrence_recorded") == [("theft", "north"), ("unlisted", "none")]


def test_a_label_is_listed_by_its_own_force_and_for_its_own_dimension() -> None:
    """`crime` is a group and an occurrence type of the strict force, but not an area; Elsewhere lists neither."""
    facts = [opened("09:00", area="crime"), opened("09:01", group="crime", force="elsewhere")]
    with recount_of(*facts) as recount:
        words = [outcome.dimensions[:3] for outcome in recount.finished("incident_opened")]
    # Elsewhere comes first: its only grade is "E".
    assert words == [("unlisted", "unlisted", "none"), ("1", "none", "unlisted")]


def test_results_and_disposals_are_words_without_a_list() -> None:
    assert outcomes_of(offered("09:00"), concluded("09:01", result="callback")).word("leg_concluded", "result") == [
        "callback"
    ]


def test_the_response_follows_from_the_grade() -> None:
    facts = [
        opened("09:00", grade="1"),
        opened("09:01", grade="2", subject_id="s2"),
        opened("09:02", grade="2", subject_id="s3"),
        opened("09:03", grade="9", subject_id="s4"),
    ]
    assert figures("incident_count", "response", *facts) == {"immediate": 1, "priority": 2, "unlisted": 1}
    assert figures("incident_count", "grade", *facts, response="priority") == {"2": 2}


def test_the_response_of_a_regrade_is_that_of_the_new_grade() -> None:
    facts = [opened("09:00", grade="1"), regraded("09:10", "2"), regraded("09:20", "3")]
    assert figures("incident_regraded_count", "response", *facts) == {"priority": 1, "scheduled": 1}


@pytest.mark.parametrize(
    ("channel", "word"), [("contact_us", "yes"), ("livechat", "no"), ("fax", "unlisted"), (None, "unlisted")]
)
def test_online_home_follows_from_the_channel(channel: str | None, word: str) -> None:
    contact = offered("09:00", queue="web", line="digital", channel=channel)
    assert figures("digital_offered_count", "online_home", contact) == {word: 1}
