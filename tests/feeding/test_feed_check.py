"""The check of a feed: each planted fault is found, with its measures, and nothing is reported about valid data."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from bluelamp.cli.main import cli
from bluelamp.feeding.feed_check.checks import examine
from bluelamp.feeding.feed_check.figures import figures
from bluelamp.feeding.feed_check.finding import Check, Finding, FindingState, status, verdict
from bluelamp.feeding.feed_check.personal import of_rows
from bluelamp.feeding.feed_check.sample import Arrival, FeedSample
from bluelamp.feeding.feed_check.sources import check_extract
from bluelamp.wiring.settings import Settings, load_forces
from facts.errors import QuestionError
from facts.fact import SubjectFact
from measures.outcome import microseconds
from tests.support.facts import (
    abandoned,
    answered,
    arrived,
    authorised,
    closed,
    detained,
    dispatched,
    ended,
    offered,
    opened,
)
from tests.support.forces import STRICT, rules

RULES = rules(STRICT)[STRICT.name]
START = datetime(2024, 12, 2, tzinfo=UTC)
DAYS = 6


def calls(days: int = DAYS) -> list[SubjectFact]:
    """999 calls of some days, 20 an hour: most answered, some abandoned, to the second, at random."""
    chance, facts = Random(7), []
    for number in range(days * 24 * 20):
        at = START + timedelta(seconds=chance.randrange(days * 86_400), milliseconds=chance.randrange(1000))
        name = f"c{number}"
        facts.append(offered(at, subject_id=name))
        end = abandoned if chance.random() < 0.05 else answered
        facts.append(end(at + timedelta(seconds=chance.expovariate(1 / 8) + 1), subject_id=name))
    return facts  # type: ignore[return-value]


def jobs(days: int = DAYS) -> list[SubjectFact]:
    """Incidents of some days, 20 an hour, each with a unit and closed."""
    chance, facts = Random(8), []
    for number in range(days * 24 * 20):
        at = START + timedelta(seconds=chance.randrange(days * 86_400), milliseconds=chance.randrange(1000))
        name = f"j{number}"
        facts.append(opened(at, grade="1", area="north", subject_id=name))
        facts.append(dispatched(at + timedelta(seconds=chance.randrange(20, 300)), subject_id=name))
        facts.append(arrived(at + timedelta(seconds=chance.randrange(301, 1500)), subject_id=name))
        facts.append(closed(at + timedelta(seconds=chance.randrange(2000, 9000)), subject_id=name))
    return facts  # type: ignore[return-value]


def stays() -> list[SubjectFact]:
    """Detentions of three weeks, two an hour, each of half a day."""
    chance, facts = Random(11), []
    for number in range(21 * 24 * 2):
        at = START + timedelta(seconds=chance.randrange(21 * 86_400))
        facts.append(detained(at, subject_id=f"d{number}"))
        facts.append(authorised(at + timedelta(seconds=chance.randrange(300, 3000)), subject_id=f"d{number}"))
        facts.append(ended(at + timedelta(seconds=chance.randrange(20_000, 60_000)), subject_id=f"d{number}"))
    return facts  # type: ignore[return-value]


def live(facts: Sequence[SubjectFact], delay: Callable[[int], float] = lambda _: 1.0) -> list[Arrival]:
    """Arrivals of facts; `delay` gives the seconds from a fact to its arrival, by its position."""
    ordered = sorted(facts, key=lambda each: each.at)
    found = [
        Arrival(microseconds(each.at), microseconds(each.at + timedelta(seconds=delay(place))))
        for place, each in enumerate(ordered)
    ]
    return sorted(found, key=lambda each: each.received)


def moved(
    facts: list[SubjectFact], kind: str, move: Callable[[datetime], datetime], share: float = 1.0
) -> list[SubjectFact]:
    """The facts with some times of one type changed."""
    chance = Random(9)
    return [
        replace(each, at=move(each.at)) if type(each).__name__ == kind and chance.random() < share else each
        for each in facts
    ]


def without(facts: list[SubjectFact], kind: str, share: float) -> list[SubjectFact]:
    """The facts without some of one type."""
    chance = Random(10)
    return [each for each in facts if not (type(each).__name__ == kind and chance.random() < share)]


def sample(facts: Sequence[SubjectFact], arrivals: Sequence[Arrival] = (), **given: object) -> FeedSample:
    is_custody = any(type(each).__name__.startswith("Det") for each in facts)
    topic = (
        "custody"
        if is_custody
        else "incidents"
        if any(type(each).__name__.startswith(("Incident", "Unit")) for each in facts)
        else "contacts"
    )
    return FeedSample(topic, RULES, facts, arrivals=arrivals, **given)  # type: ignore[arg-type]


def _to_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _to_midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _at_night(fact: SubjectFact) -> bool:
    return fact.at.date() == (START + timedelta(days=3)).date() and 9 <= fact.at.hour < 16


CALLS, JOBS = calls(), jobs()
CALL_ARRIVALS = live(CALLS)
PEOPLE = [{"caller": f"{first} {last}", "id": f"{number}{last}"} for number, (first, last) in enumerate(
    (first, last) for first in ("Ann", "Bob", "Cleo", "Dai") for last in ("Smith", "Jones", "O'Neil", "Singh"))]  # fmt: skip

PLANTED: list[tuple[str, Callable[[], FeedSample], Check, FindingState, str]] = [
    ("no facts", lambda: sample([]), "rows", "bad", "There are no facts"),
    ("unreadable facts", lambda: sample(CALLS, CALL_ARRIVALS, unreadable=500), "rows", "bad", "500 of"),
    ("an hour without calls", lambda: sample([each for each in CALLS if each.at.hour != 10 or each.at.day != 5]), "volumes", "limit",
     "with 0 cases"),
    ("an hour sent twice over", lambda: sample([*CALLS, *(replace(each, fact_id=f"x{each.fact_id}", subject_id=f"x{each.subject_id}")
     for each in CALLS if each.at.hour == 10 and each.at.day == 5 for _ in (1,)), *(replace(each, fact_id=f"y{each.fact_id}",
     subject_id=f"y{each.subject_id}") for each in CALLS if each.at.hour == 10 and each.at.day == 5)]), "volumes", "limit", "far from"),
    ("seven hours of silence", lambda: sample([each for each in CALLS if not _at_night(each)]), "gaps", "limit", "longest time"),
    ("ends lost", lambda: sample(without(CALLS, "ContactAnswered", 0.03)), "ends", "limit", "still waiting"),
    ("releases lost", lambda: sample(without(stays(), "DetentionEnded", 0.03)), "ends", "limit", "still in custody"),
    ("most ends lost", lambda: sample(without(CALLS, "ContactAnswered", 0.5)), "ends", "bad", "still waiting"),
    ("no abandonments at all", lambda: sample(without(CALLS, "ContactAbandoned", 1)), "ends", "limit", "no ContactAbandoned"),
    ("openings lost", lambda: sample(without(JOBS, "IncidentOpened", 0.02)), "ends", "limit", "no opening"),
    ("arrivals lost", lambda: sample(without(JOBS, "UnitArrived", 0.03)), "ends", "limit", "without an arrival"),
    ("dispatches lost", lambda: sample(without(JOBS, "UnitDispatched", 0.03)), "ends", "limit", "but no dispatch"),
    ("answered before the offer", lambda: sample(moved(CALLS, "ContactAnswered", lambda at: at - timedelta(minutes=5), 0.02)),
     "contradictions", "limit", "ends before it starts"),
    ("every arrival an hour early", lambda: sample(moved(JOBS, "UnitArrived", lambda at: at - timedelta(hours=1))),
     "contradictions", "bad", "opened to arrived ends before it starts"),
    ("rounded to the minute", lambda: sample(moved(CALLS, "ContactOffered", _to_minute)), "clock", "bad", "rounded to the minute"),
    ("rounded to five minutes", lambda: sample(moved(JOBS, "IncidentClosed", lambda at: _to_minute(at) + timedelta(
     minutes=5 - at.minute % 5))), "clock", "limit", "five minutes"),
    ("midnight for not known", lambda: sample(moved(JOBS, "UnitArrived", _to_midnight, 0.03)), "clock", "limit", "exactly midnight"),
    ("from the future", lambda: sample(CALLS, live(CALLS, lambda place: -60.0 if place % 9 == 0 else 1.0)), "clock", "bad", "a clock is wrong"),
    ("an hour late", lambda: sample(CALLS, live(CALLS, lambda _: 3601.0)), "clock", "bad", "an hour out"),
    ("ten minutes late", lambda: sample(CALLS, live(CALLS, lambda _: 600.0)), "clock", "limit", "10 min after"),
    ("out of order", lambda: sample(CALLS, live(CALLS, lambda place: 400.0 if place % 20 == 0 else 1.0)), "order", "limit", "after later ones"),
    ("one id for two facts", lambda: sample([*CALLS, replace(CALLS[0], at=CALLS[0].at + timedelta(seconds=1))]), "duplicates", "limit",
     "id of a different fact"),
    ("unlisted labels", lambda: sample([replace(each, area="atlantis") if hasattr(each, "area") and n % 40 == 0 else each
     for n, each in enumerate(JOBS)]), "words", "limit", "area:"),
    ("names in a key", lambda: sample(CALLS, suspects=of_rows(PEOPLE), used=frozenset({"caller"})), "personal data", "bad", "16 names"),
    ("names in a column that is not used", lambda: sample(CALLS, suspects=of_rows(PEOPLE)), "personal data", "limit", "not used"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "check", "state", "says"), [each[1:] for each in PLANTED], ids=[each[0] for each in PLANTED]
)
def test_a_planted_fault_is_found(make: Callable[[], FeedSample], check: Check, state: FindingState, says: str) -> None:
    found = [each for each in examine(make()) if each.check == check and each.state != "good"]
    matching = [each for each in found if says in each.says]
    assert matching, [each.says for each in found]
    assert matching[0].state == state
    assert matching[0].effect
    assert matching[0].measures or check in ("personal data", "rows")


@pytest.mark.parametrize(
    ("facts", "arrivals"), [(CALLS, ()), (stays(), ()), (JOBS, ()), (CALLS, CALL_ARRIVALS), ([*CALLS, *CALLS[:50]], CALL_ARRIVALS)],
    ids=["calls", "detentions", "incidents", "calls as they arrive", "calls, some of them sent twice"],
)  # fmt: skip
def test_valid_data_have_no_bad_finding(facts: list[SubjectFact], arrivals: Sequence[Arrival]) -> None:
    found = examine(sample(facts, arrivals))
    assert [each.says for each in found if each.state != "good"] == []
    assert verdict(found) == "ready"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["ann@example.com", "call bob.b@mail.example.org now", "x@y.uk"], "e-mail addresses"),
        (["07700 900123", "+44 7700 900123", "(01632) 960 960", "01632960001"], "phone numbers"),
        (["ST16 3AB", "at M1 1AE by the shop", "sw1a 2aa"], "postcodes"),
        (["QQ 12 34 56 C".replace("QQ", "AB"), "AB123456C", "JK 98 76 54 A"], "National Insurance numbers"),
    ],
)
def test_personal_data_are_suspected_by_their_pattern(values: list[str], kind: str) -> None:
    (found,) = of_rows({"column": value} for value in values).values()
    assert found.kinds[kind] == len(values)


@pytest.mark.parametrize(
    "values",
    [
        [f"LWB-2024120{n}-{n:04}" for n in range(9)],
        [f"0{n}/12/2024 09:{n:02}:00" for n in range(1, 9)],
        [f"2024-12-0{n} 09:0{n}:00.000" for n in range(1, 9)],
        [f"17330{n:05}123" for n in range(9)],
        ["6f1c2a3b-9d1e-4f5a-8b7c-0123456789ab", "a0000123-0000-4000-8000-000000000000"],
        ["North East", "South West", "Stoke Central"] * 20,
        ["Burglary Dwelling", "Road Traffic Collision", "Anti Social Behaviour"] * 20,
        ["E19", "T08", "RC1", "BX51"],
    ],
    ids=["incident numbers", "dates", "iso times", "epochs", "uuids", "areas", "types", "call signs"],
)
def test_ids_times_areas_and_call_signs_are_not_personal(values: list[str]) -> None:
    assert of_rows({"column": value} for value in values) == {}


def test_names_that_repeat_are_found_by_common_first_names() -> None:
    officers = ["Sarah Ball", "PC Okonkwo", "David Hall", "Mr John Wood", "Priya Rao"] * 40
    (found,) = of_rows({"column": value} for value in officers).values()
    assert found.kinds["names"] >= 160


def test_the_worst_finding_decides_the_verdict_and_its_exit_status() -> None:
    def found(*states: FindingState) -> list[Finding]:
        return [Finding(check="rows", state=state, says="") for state in states]

    cases = [(("good", "good"), 0), (("good", "limit"), 1), (("unknown",), 1), (("limit", "bad"), 2), ((), 2)]
    assert [(states, status(verdict(found(*states)))) for states, _ in cases] == cases  # type: ignore[arg-type]


def test_the_figures_of_a_sample_carry_the_bounds_that_its_faults_leave() -> None:
    checked = {each.measure: each for each in figures(sample(without(JOBS, "UnitArrived", 0.03)))}
    share = checked["grade_1_opened_to_arrived_within_target_ratio"]
    lost = sum(type(each).__name__ == "UnitArrived" for each in JOBS) - sum(
        type(each).__name__ == "UnitArrived" for each in without(JOBS, "UnitArrived", 0.03)
    )
    assert f"{lost} unrecorded" in share.doubt
    assert all(not each.doubt for each in figures(sample(JOBS)))


MAPPING = """
name = "calls"
force = "staffordshire"
topic = "contacts"
feed = "telephony_999"
[source]
format = "csv"
times = ["%d/%m/%Y %H:%M:%S"]
time_zone = "Europe/London"
[subject]
key = ["id"]
[[facts]]
fact = "ContactOffered"
per = "subject"
at = "start"
[facts.fields]
line = { constant = "999" }
queue = { constant = "emergency" }
[[facts]]
fact = "ContactAnswered"
per = "subject"
at = "answer"
when = [{ column = "answer", present = true }]
[facts.fields]
queue = { constant = "emergency" }
"""


def test_an_extract_gives_a_page_to_sign_without_any_value_of_it(tmp_path: Path) -> None:
    rows = [
        f"{number},0{1 + number % 9}/12/2024 09:{number % 60:02}:13,,Ann{chr(97 + number)} Smith,0770090{number:04}"
        for number in range(20)
    ]
    extract, mapping = tmp_path / "calls.csv", tmp_path / "calls.toml"
    extract.write_text("\n".join(["id,start,answer,caller,phone", *rows, "bad,32/12/2024 09:00:00,,,"]))
    mapping.write_text(MAPPING)
    arguments = ["feed", "check", str(extract), "--mapping", str(mapping)]
    texts = {}
    for name in ("page.html", "page.md", "page.txt"):
        answer = CliRunner().invoke(cli, [*arguments, "--output", str(tmp_path / name)])
        texts[name] = (tmp_path / name).read_text()
        assert answer.exit_code == 1 + ("not ready" in texts[name].lower()), answer.output
    for text in texts.values():
        assert "Engineer" in text
        assert "Analyst" in text
        assert "phone numbers" in text
        assert "1 of 21 (4.8%) rows cannot be read" in text
        assert "Smith" not in text
        assert "0770090" not in text
    found = msgspec.json.decode(CliRunner().invoke(cli, [*arguments, "--json"]).stdout)
    assert found["subjects"] == 20
    assert {each["check"] for each in found["findings"]} >= {"rows", "keys", "ends", "clock", "personal data"}
    refused = [
        ["feed", "check"],
        [*arguments, "--output", str(tmp_path / "page.doc")],
        [*arguments, "--output", "/nowhere/p.md"],
    ]
    assert all(isinstance(CliRunner().invoke(cli, each).exception, QuestionError) for each in refused)


def test_the_sample_week_of_real_facts_is_ready_within_limits() -> None:
    result = check_extract(load_forces(Settings()), ["sample"], None, datetime(2026, 1, 1, tzinfo=UTC))
    assert (result.verdict, result.subjects) == ("ready with limits", 3560)
    assert {each.check for each in result.findings if each.state == "limit"} == {"volumes", "ends"}
    assert len(result.hours) == 24
