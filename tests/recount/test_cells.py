"""The figures of a question: their labels and order, and the questions that are refused."""

from collections.abc import Iterator, Sequence

import pytest

from bluelamp.recount.cell import RecountCell
from bluelamp.recount.recount import Recount
from facts.errors import QuestionError
from facts.union import AnyFact
from measures.catalogue import CATALOGUE, find
from measures.measure import (
    Bands,
    Count,
    DeclaredWhere,
    External,
    Measure,
    OpenCount,
    OpenDue,
    OpenLongest,
    Selection,
    Share,
    Statistic,
    Where,
)
from measures.outcome import KINDS
from tests.recount.outcomes import recount_of
from tests.support.facts import (
    abandoned,
    answered,
    arrived,
    at,
    closed,
    concluded,
    contract,
    detained,
    dispatched,
    ended,
    linked,
    offered,
    opened,
    recorded,
    referred,
    regraded,
)

DAY = "2024-12-02/2024-12-03"


def ask(
    name: str,
    *facts: AnyFact,
    by: Sequence[str] = (),
    window: str = DAY,
    where: Where | None = None,
    as_of: str = "23:00",
) -> list[RecountCell]:
    """The figures of a measure in the catalogue."""
    return ask_for(find(name), *facts, by=by, window=window, where=where, as_of=as_of)


def ask_for(
    measure: Measure,
    *facts: AnyFact,
    by: Sequence[str] = (),
    window: str = DAY,
    where: Where | None = None,
    as_of: str = "23:00",
) -> list[RecountCell]:
    """The figures of any measure."""
    with recount_of(*facts) as recount:
        return recount.answer(measure, "strict", window, at(as_of), by, where)


def measure_of(statistic: Statistic, where: DeclaredWhere | None = None) -> Measure:
    """A measure that is not in the catalogue."""
    return Measure(
        name="m", title="m", question="m", population="m", statistic=statistic, unit="count", where=where or {}
    )


def queue_of_101(*waits: tuple[str, str], queue: str = "local") -> list[AnyFact]:
    """Contacts of a 101 queue, each offered and answered."""
    return [
        fact
        for number, (offer, answer) in enumerate(waits)
        for fact in (
            offered(offer, queue, "101", subject_id=f"{queue}{number}"),
            answered(answer, queue, subject_id=f"{queue}{number}"),
        )
    ]


# --- counts ---------------------------------------------------------------------------------------------------------


def test_a_count_is_whole_and_its_own_n() -> None:
    facts = [opened("09:00", subject_id="s1"), opened("09:01", subject_id="s2")]
    assert ask("incident_count", *facts) == [RecountCell(dimensions={}, value=2, n=2)]


def test_figures_are_in_the_order_of_their_words() -> None:
    facts = [
        opened("09:00", "2", area="north"),
        opened("09:01", "1", area="north", subject_id="s2"),
        opened("09:02", "1", subject_id="s3"),
        opened("09:03", "1", area="Zulu", subject_id="s4"),
        opened("09:04", "1", area="north", subject_id="s5"),
    ]
    assert ask("incident_count", *facts, by=("grade", "area")) == [
        RecountCell(dimensions={"grade": "1", "area": "Zulu"}, value=1, n=1),
        RecountCell(dimensions={"grade": "1", "area": "none"}, value=1, n=1),
        RecountCell(dimensions={"grade": "1", "area": "north"}, value=2, n=2),
        RecountCell(dimensions={"grade": "2", "area": "north"}, value=1, n=1),
    ]
    assert [list(cell.dimensions) for cell in ask("incident_count", facts[0], by=("area", "grade"))] == [
        ["area", "grade"]
    ]


def test_a_filter_adds_to_the_words_of_the_measure() -> None:
    facts = [
        opened("09:00", "2", area="north", domestic=True),
        opened("09:01", "2", area="Zulu", domestic=True, subject_id="s2"),
        opened("09:02", "1", area="north", domestic=True, subject_id="s3"),
        opened("09:03", "2", area="north", subject_id="s4"),
        opened("09:04", "2", domestic=True, subject_id="s5"),
    ]
    assert ask("domestic_grade_2_count", *facts)[0].value == 3
    assert ask("domestic_grade_2_count", *facts, where={"area": ("north",)})[0].value == 1
    assert ask("domestic_grade_2_count", *facts, where={"area": ("north", "none")})[0].value == 2
    # What the measure leaves out stays out.
    assert ask("domestic_grade_2_count", *facts, where={"grade": ("1",)})[0].value == 0


def test_figures_cover_one_force() -> None:
    facts = [opened("09:00", "E", force="elsewhere"), opened("09:00"), opened("09:01", subject_id="s2")]
    with recount_of(*facts) as recount:
        counts = {
            force: recount.answer(find("incident_count"), force, DAY, at("23:00"))[0].value
            for force in ("strict", "elsewhere")
        }
    assert counts == {"strict": 2, "elsewhere": 1}


# --- shares ---------------------------------------------------------------------------------------------------------


def three_callers() -> list[AnyFact]:
    """Two calls answered at triage, one abandoned in the local queue, and one abandoned too soon to count."""
    return [
        *queue_of_101(("09:00", "09:01"), ("09:00", "09:02"), queue="triage"),
        offered("09:00", "local", "101", subject_id="a"),
        abandoned("09:09", "local", subject_id="a"),
        offered("09:00", "emergency", "999", subject_id="b"),
        abandoned("09:00:04", "emergency", subject_id="b"),
    ]


def test_a_share_is_the_met_part_of_all() -> None:
    share = measure_of(Share((Selection("leg_abandoned"),), (Selection("leg_answered"), Selection("leg_abandoned"))))
    assert ask_for(share, *three_callers()) == [
        RecountCell(dimensions={}, value=1 / 3, n=3, met=1, low=1 / 3, high=1 / 3, unrecorded=0)
    ]


def test_a_share_has_a_figure_for_each_word_of_its_population() -> None:
    """The short abandonment in the emergency queue counts on neither side; triage has none that met the condition."""
    of = (Selection("leg_answered"), Selection("leg_abandoned"))
    both = measure_of(Share((Selection("leg_abandoned"),), of))
    assert ask_for(both, *three_callers(), by=("queue",)) == [
        RecountCell(dimensions={"queue": "local"}, value=1.0, n=1, met=1, low=1.0, high=1.0, unrecorded=0),
        RecountCell(dimensions={"queue": "triage"}, value=0.0, n=2, met=0, low=0.0, high=0.0, unrecorded=0),
    ]
    answers_only = measure_of(Share((Selection("leg_abandoned"),), (Selection("leg_answered"),)))
    assert [cell.dimensions["queue"] for cell in ask_for(answers_only, *three_callers(), by=("queue",))] == ["triage"]


def test_a_share_of_one_result() -> None:
    facts = [
        fact
        for number, result in enumerate(("resolved", "resolved", "to_local"))
        for fact in (
            offered("09:00", "triage", "101", subject_id=f"c{number}"),
            concluded("09:05", "triage", result, subject_id=f"c{number}"),
        )
    ]
    assert ask("triage_resolved_ratio", *facts) == [
        RecountCell(dimensions={}, value=2 / 3, n=3, met=2, low=2 / 3, high=2 / 3, unrecorded=0)
    ]


def test_decided_cases_by_word_include_the_overdue() -> None:
    facts = [
        opened("09:00", area="north"),
        opened("09:00", area="Zulu", subject_id="s2"),
        dispatched("09:01", subject_id="s2"),
        arrived("09:10", subject_id="s2"),
    ]
    assert ask("opened_to_arrived_within_target_ratio", *facts, by=("area",), as_of="09:20") == [
        RecountCell(dimensions={"area": "Zulu"}, value=1.0, n=1, met=1, low=1.0, high=1.0, unrecorded=0),
        RecountCell(dimensions={"area": "north"}, value=0.0, n=1, met=0, low=0.0, high=0.0, unrecorded=0),
    ]
    early = ask("opened_to_arrived_within_target_ratio", *facts, by=("area",), as_of="09:15:00.499999")
    assert [cell.dimensions["area"] for cell in early] == ["Zulu"]


def test_overdue_items_are_filtered_by_the_words_of_the_measure() -> None:
    facts = [opened("09:00", "2"), opened("09:00", "1", subject_id="s2")]
    (cell,) = ask("grade_1_opened_to_arrived_within_target_ratio", *facts, as_of="10:00")
    assert (cell.met, cell.n) == (0, 1)
    (cell,) = ask("grade_2_opened_to_arrived_within_target_ratio", *facts, as_of="22:00")
    assert (cell.met, cell.n) == (0, 1)


def test_settled_attendance_is_met_when_attended() -> None:
    facts = [
        opened("09:00", category="home_burglary"),
        arrived("09:30"),
        opened("09:00", category="home_burglary", subject_id="s2"),
        closed("09:30", "not_attended", subject_id="s2"),
        opened("09:00", category="home_burglary", subject_id="s3"),
        opened("09:00", subject_id="s4"),
        arrived("09:30", subject_id="s4"),
    ]
    # The third was never attended and never closed: after two hours without a fact, its attendance is unrecorded.
    share = RecountCell(dimensions={}, value=0.5, n=2, met=1, low=1 / 3, high=2 / 3, unrecorded=1)
    assert ask("home_burglary_attended_ratio", *facts) == [share]


# --- bands ----------------------------------------------------------------------------------------------------------


def test_a_band_includes_its_lower_edge_and_excludes_its_upper_edge() -> None:
    """4:59.949999 rounds to 299.9 s and 4:59.95 to 300.0; 20:00 is in the band from 1200; the last band has no end."""
    facts = queue_of_101(
        ("09:00", "09:00"), ("09:00", "09:04:59.949999"), ("09:00", "09:04:59.95"), ("09:00", "09:20"),
        ("09:00", "09:39:59.9"), ("09:00", "10:59:59.9"), ("09:00", "11:00"), ("09:00", "12:00"),
    )  # fmt: skip
    cells = ask("post_triage_answer_bands", *facts)
    assert len(cells) == 10, "an empty band is listed too"
    assert [(cell.dimensions["band"], cell.value, cell.n, cell.met) for cell in cells if cell.value] == [
        ("00000-00300", 2, 8, 2),
        ("00300-00600", 1, 8, 1),
        ("01200-02400", 2, 8, 2),
        ("06000-07200", 1, 8, 1),
        ("07200-", 2, 8, 2),
    ]


def test_the_n_of_a_band_is_that_of_its_own_group() -> None:
    bands = measure_of(Bands(Selection("leg_answered"), (0, 60)))
    facts = [
        *queue_of_101(("09:00", "09:00:59"), ("09:00", "09:01")),
        *queue_of_101(("09:00", "09:00:01"), queue="triage"),
    ]
    assert ask_for(bands, *facts, by=("queue",)) == [
        RecountCell(dimensions={"queue": "local", "band": "00000-00060"}, value=1, n=2, met=1),
        RecountCell(dimensions={"queue": "local", "band": "00060-"}, value=1, n=2, met=1),
        RecountCell(dimensions={"queue": "triage", "band": "00000-00060"}, value=1, n=1, met=1),
        RecountCell(dimensions={"queue": "triage", "band": "00060-"}, value=0, n=1, met=0),
    ]


# --- open items -----------------------------------------------------------------------------------------------------


def test_open_items_are_counted_by_age() -> None:
    facts = [opened("09:00"), opened("09:01", subject_id="s2"), opened("09:05", subject_id="s3")]
    for as_of, expected in (("09:01:59.999999", 0), ("09:02", 1), ("09:03", 2), ("09:06:59", 2), ("09:07", 3)):
        (cell,) = ask("grade_1_unresourced_over_2_minutes_count", *facts, as_of=as_of)
        assert (cell.value, cell.n) == (expected, expected)


def test_items_that_are_too_old_are_left_out() -> None:
    facts = [offered("09:00"), offered("09:30", subject_id="s2")]
    for as_of, count, longest in (("09:59:59.999999", 2, 3599.999999), ("10:00", 1, 1800.0)):
        (waiting,) = ask("contact_999_waiting_count", *facts, as_of=as_of)
        (wait,) = ask("contact_999_longest_wait_seconds", *facts, as_of=as_of)
        assert (waiting.value, waiting.n) == (count, count)
        assert (wait.value, wait.n) == (longest, count)


def test_an_item_that_has_not_begun_is_not_open() -> None:
    assert ask("incident_open_count", opened("09:00"), as_of="08:59:59")[0].value == 0
    assert ask("incident_open_count", opened("09:00"), as_of="09:00")[0].value == 1


def test_open_items_ignore_the_window() -> None:
    for window in ("15m", "previous_12m", "no window at all"):
        assert ask("incident_open_count", opened("22:00"), window=window)[0].value == 1


def test_the_longest_by_word() -> None:
    facts = [
        opened("09:00", area="north"),
        opened("09:10", area="north", subject_id="s2"),
        opened("09:20", area="Zulu", subject_id="s3"),
        opened("09:00", "2", area="Zulu", subject_id="s4"),
    ]
    assert ask("grade_1_longest_unattended_seconds", *facts, by=("area",), as_of="09:30:00.5") == [
        RecountCell(dimensions={"area": "Zulu"}, value=600.5, n=1),
        RecountCell(dimensions={"area": "north"}, value=1800.5, n=2),
    ]


# --- nothing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", CATALOGUE.values(), ids=CATALOGUE)
def test_without_outcomes_there_is_one_whole_figure_and_no_breakdown(measure: Measure, nothing: Recount) -> None:
    cells = nothing.answer(measure, "strict", "12m", at("10:00"))
    if isinstance(measure.statistic, External):
        assert cells == []
        return
    (cell,) = cells
    assert (cell.dimensions, cell.n, cell.spread) == ({}, 0, None)
    assert cell.value == (0 if isinstance(measure.statistic, Count | OpenCount | OpenDue) else None)
    for name in measure.dimensions():
        assert nothing.answer(measure, "strict", "12m", at("10:00"), (name,)) == []


@pytest.fixture(scope="module")
def nothing() -> Iterator[Recount]:
    """A recount without facts."""
    with recount_of() as recount:
        yield recount


# --- every measure of the catalogue ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def busy() -> Iterator[Recount]:
    """A recount of facts of every kind."""
    facts: list[AnyFact] = []
    for number in range(6):
        day = f"2024-11-{number + 10}"
        name = f"s{number}"
        line, queue = (("999", "emergency"), ("101", "triage"), ("101", "local"))[number % 3]
        grade, area = str(number % 3 + 1), ("north", "Zulu", None)[number % 3]
        facts += [
            offered(f"{day} 09:00", queue, line, subject_id=name),
            (answered if number % 2 else abandoned)(f"{day} 09:00:{number + 7:02}", queue, subject_id=name),
            concluded(f"{day} 09:05", queue, subject_id=name),
            opened(f"{day} 09:00", grade, area=area, domestic=bool(number % 2), subject_id=name),
            regraded(f"{day} 09:01", "1", subject_id=name),
            dispatched(f"{day} 09:01", subject_id=name),
            *([arrived(f"{day} 09:{number + 9:02}", subject_id=name)] if number % 4 else []),
            *([closed(f"{day} 10:00", subject_id=name)] if number % 3 else []),
            detained(f"{day} 09:00", child=not number, subject_id=name),
            *([ended(f"{day} 15:00", subject_id=name)] if number % 2 else []),
            recorded(f"{day} 09:00", area=area, domestic=bool(number % 3), subject_id=name),
            linked(f"{day} 09:30", repeat=bool(number % 2), domestic_repeat=number > 3, subject_id=name),
            contract(f"{day} 11:00", ("timely", "late", "missed")[number % 3], subject_id=name),
            *([referred(f"{day} 10:00", subject_id=name)] if number % 2 else []),
        ]
    with recount_of(*facts) as recount:
        yield recount


@pytest.mark.parametrize("measure", CATALOGUE.values(), ids=CATALOGUE)
@pytest.mark.parametrize("window", ["7d", "this_month"])
def test_parts_add_up_to_the_whole(measure: Measure, window: str, busy: Recount) -> None:
    """By any dimension, n and met add up to those of the whole."""
    if isinstance(measure.statistic, External):
        return
    as_of = at("2024-11-16 12:00")
    whole = busy.answer(measure, "strict", window, as_of)
    for name in (
        *measure.dimensions(),
        *(("day", "month") if window == "this_month" and not measure.is_open() else ()),
    ):
        parts = busy.answer(measure, "strict", window, as_of, (name,))
        if isinstance(measure.statistic, Bands):
            assert sum(cell.met or 0 for cell in parts) == sum(cell.met or 0 for cell in whole)
        else:
            assert sum(cell.n for cell in parts) == whole[0].n
            assert sum(cell.met or 0 for cell in parts) == (whole[0].met or 0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_listed(kind: str, busy: Recount) -> None:
    """Each has exactly the words of its dimensions."""
    for outcome in busy.finished(kind):
        assert len(outcome.dimensions) == len(KINDS[kind].dimensions)
        assert all(isinstance(word, str) for word in outcome.dimensions)
    for matter in busy.open(kind):
        assert len(matter.dimensions) == len(KINDS[kind].dimensions)


# --- what is refused ------------------------------------------------------------------------------------------------


def test_an_unknown_force_is_refused(nothing: Recount) -> None:
    with pytest.raises(QuestionError, match="There is no force 'nowhere'"):
        nothing.answer(find("incident_count"), "nowhere", "12m", at("10:00"))


def test_a_dimension_the_measure_does_not_have_is_refused(nothing: Recount) -> None:
    with pytest.raises(QuestionError, match="has no dimension 'queue'"):
        nothing.answer(find("incident_count"), "strict", "12m", at("10:00"), ("queue",))
    with pytest.raises(QuestionError, match="has no dimension 'queue'"):
        nothing.answer(find("incident_count"), "strict", "12m", at("10:00"), where={"queue": ("local",)})


@pytest.mark.parametrize(("name", "window"), [("incident_count", "15m"), ("incident_open_count", "12m")])
def test_only_report_windows_have_days(name: str, window: str, nothing: Recount) -> None:
    with pytest.raises(QuestionError, match="only available in report windows"):
        nothing.answer(find(name), "strict", window, at("10:00"), ("day",))


def test_a_measure_that_others_publish_has_no_figures(nothing: Recount) -> None:
    assert nothing.answer(find("contact_999_national_count"), "strict", "12m", at("10:00")) == []


def test_words_that_look_like_sql_are_only_words(nothing: Recount) -> None:
    (cell,) = nothing.answer(
        find("incident_count"), "strict", "12m", at("10:00"), where={"area": ("'); DROP TABLE force; --",)}
    )
    assert cell.value == 0


def test_the_longest_of_no_items_is_not_known(nothing: Recount) -> None:
    assert isinstance(find("custody_longest_wait_seconds").statistic, OpenLongest)
    assert nothing.answer(find("custody_longest_wait_seconds"), "strict", "now", at("10:00")) == [
        RecountCell(dimensions={}, value=None, n=0)
    ]
