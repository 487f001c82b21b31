"""The table of custody law end to end: sent to the gateway in random order, applied by a worker, read by the page and by the alerts."""

import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, cast

import msgspec
from msgspec.structs import replace

from alerts.engine import Engine
from alerts.evaluator import samples_of
from alerts.samples import used_by_rules
from alerts.table import RULES
from bluelamp.wiring.clock import wall
from dashboards.board.shared.background import BackgroundReadings
from dashboards.board.shared.detentions import CustodyClock, ListedDetention, read_detentions
from dashboards.board.shared.page import View, no_log_ends
from facts.custody import DetaineeArrived, DetaineeTransferred
from facts.fact import SubjectFact
from measures.clock import NOTE_WORDS
from measures.outcome import microseconds
from streams.exporter import ReadingsCollector
from tests.integration.conftest import EMBEDDED
from tests.support.custody_law import CASES, Case, facts_of
from tests.support.facts import heartbeat
from tests.support.gateway import GatewayProcess
from tests.support.system import System, running

FORCE = "staffordshire"
SUITES = {"one": ("north", "Northern custody suite"), "two": ("south", "Southern custody suite")}
_HOUR_MS = 3_600_000


class Sent(NamedTuple):
    """A case as it was sent: its custody number and its hour 0."""

    case: Case
    name: str
    start: datetime

    def ms(self, hours: float | None) -> int | None:
        """An hour of the case in milliseconds since 1970."""
        return None if hours is None else microseconds(self.start) // 1000 + round(hours * _HOUR_MS)


def sent_cases(now: datetime) -> Iterator[Sent]:
    """Every other case happened long ago; the last fact of the others is a minute old, so that their deadlines are still to come."""
    for number, case in enumerate(CASES):
        hours = 150 if number % 2 else max(hours for _, hours, _ in case.reports) + 1 / 60
        yield Sent(case, f"law-{number}", (now - timedelta(hours=hours)).replace(microsecond=0))


def facts_in(cases: list[Sent], chance: random.Random) -> list[SubjectFact]:
    """All facts of all cases, shuffled, in suites of the profile."""
    facts = [fact for each in cases for fact in facts_of(each.case, FORCE, each.start, each.name, chance)]
    facts = [
        replace(fact, suite=SUITES[fact.suite][0]) if isinstance(fact, DetaineeArrived | DetaineeTransferred) else fact
        for fact in facts
    ]
    chance.shuffle(facts)
    return facts


@EMBEDDED
def test_the_page_and_the_alerts_say_what_the_law_says_in_every_case(system: System, tmp_path: Path) -> None:
    with running(system):
        system.publisher().close()
        gateway = GatewayProcess(system.environment(BLUELAMP_GATEWAY_FACTS_PER_SECOND="1000000"), tmp_path)
        try:
            caller, cases = gateway.start(), list(sent_cases(wall()))
            facts = facts_in(cases, random.Random(7))
            for first in range(0, len(facts), 100):
                answer = caller.send("custody", msgspec.json.encode(facts[first : first + 100]))
                assert answer.status == 202, answer.body
            now = wall()
            beat = heartbeat("custody", now, force=FORCE, at=now, seq=1)
            assert caller.send("custody", msgspec.json.encode(beat)).status == 202
        finally:
            gateway.stop()
        system.settle()
        reader = system.reader()
        reader.refresh()
        view = View(reader, FORCE, cast("BackgroundReadings", None), no_log_ends)
        listed = {each.detainee: each for each in read_detentions(view)}
        collector = ReadingsCollector(reader, None, time.monotonic, is_wanted=used_by_rules(RULES))
        alerts = Engine(RULES).step(samples_of(collector)(), microseconds(now))
    assert listed.keys() == {each.name for each in cases if is_present(each.case)}
    for each in cases:
        if is_present(each.case):
            see_on_page(each, listed[each.name], now)
    firing = {(alert.rule.name, alert.scope.get("detainee", "")) for alert in alerts if alert.state == "firing"}
    for clock, field in (("review", "review"), ("detention", "limit")):
        overdue = {name for rule, name in firing if rule == f"adult_{clock}_overdue"}
        assert overdue == {each.name for each in cases if is_over(each, getattr(each.case.seen, field), now)}, clock
    steps = Counter((re.sub(r"_(overdue|due_within_\d+_minutes)$", "", rule), name) for rule, name in firing)
    assert set(steps.values()) == {1}, "a clock has one alert at a time"
    suites = {alert.scope["detainee"]: alert.scope["suite"] for alert in alerts if "detainee" in alert.scope}
    assert {suites[each.name] for each in cases if each.name in suites and each.case.seen.suite == "two"} == {"south"}
    assert len({name for _, name in firing}) > 40


def is_present(case: Case) -> bool:
    """Whether somebody is in custody."""
    return case.seen.custody is not None or "arrival_unrecorded" in case.seen.notes


def is_over(sent: Sent, hours: float | None, now: datetime) -> bool:
    """Whether a deadline has passed."""
    due = sent.ms(hours)
    return due is not None and due < microseconds(now) // 1000


def see_on_page(sent: Sent, listed: ListedDetention, now: datetime) -> None:
    """The row of a case says what the table says."""
    case, seen = sent.case, sent.case.seen
    assert listed.suite == (SUITES[seen.suite][1] if seen.suite in SUITES else "Not known"), case.name
    see_clock(sent, listed.detention, seen.limit)
    postponed = sent.ms(seen.postponed)
    if postponed is None or postponed <= microseconds(now) // 1000:
        see_clock(sent, listed.review, seen.review)
        assert (listed.review.state == "postponed") == (postponed is not None and seen.review is not None), case.name
    else:  # postponed before it was due: due until then
        assert (listed.review.state, listed.review.due) == ("due", postponed), case.name
    for note in seen.notes:
        assert NOTE_WORDS[note] in listed.status, case.name  # type: ignore[index]
    assert ("clocks paused" in listed.status) == (seen.paused is not None), case.name
    assert ("awaiting authorisation" in listed.status) == (seen.awaiting is not None), case.name


def see_clock(sent: Sent, clock: CustodyClock, hours: float | None) -> None:
    """A clock has this due time, or none."""
    due = sent.ms(hours)
    if due is None:
        assert clock.state in ("none", "paused"), sent.case.name
        assert clock.state == "none" or clock.left, sent.case.name
    else:
        assert clock.due is not None, sent.case.name
        assert abs(clock.due - due) <= 36_000, sent.case.name  # hours of the table are rounded to hundredths
