"""The alerts of every scenario equal the oracle's: none missing, none extra, none twice, none later than five seconds."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from alerts import engine
from alerts.engine import Active
from alerts.rule import Rule
from alerts.table import RULES
from facts.contact import ContactAbandoned, ContactAnswered
from producers.simulate.scenario import load_scenario
from tests.oracle.broadcast import Broadcast, broadcast
from tests.oracle.compare import Late, Oracle, late
from tests.oracle.judgement import Stretch
from tests.oracle.knowledge import SECOND
from tests.oracle.product import EVERY_SECONDS, Alerts, Step, engine_alerts, steps

PHASE_SECONDS = 2
SCENARIOS = {
    "surge": (17.5, 22),
    "disorder": (17, 20),
    "feed_outage": (13, 17),
    "quiet_line": (2, 7),
    "handover": (13, 17),
    "clock_change": (23, 28),
}
"""Every scenario, and its hours with something to see; `make faults` watches all of each."""
WITH_WEEKS = ("surge",)
"""Those told with five weeks before them, so that it is known what is normal for an hour."""


class Watched(NamedTuple):
    """A scenario as it was heard, what the product showed and alerted on, and what the oracle says of it."""

    heard: Broadcast
    shown: Sequence[Step]
    product: Alerts
    oracle: Oracle


@lru_cache(maxsize=len(SCENARIOS))
def watched(scenario: str) -> Watched:
    """A scenario in the hours with something to see."""
    return watch(broadcast(scenario, SCENARIOS[scenario], weeks=5 if scenario in WITH_WEEKS else 0))


def watch(heard: Broadcast) -> Watched:
    """The product and the oracle on the same."""
    shown = list(steps(heard, phase_seconds=PHASE_SECONDS))
    return Watched(heard, shown, engine_alerts(shown, heard, phase_seconds=PHASE_SECONDS), Oracle(heard))


def check(seen: Watched) -> Late:
    """Hold the product against the oracle; what is late by how much."""
    assert seen.product == seen.oracle.seen(PHASE_SECONDS)
    behind = late(seen.product, seen.oracle, EVERY_SECONDS, PHASE_SECONDS)
    assert [place for place, at in behind.unsettled if not seen.oracle.unsettled(place, at)] == []
    # Most hang on nothing that brief: an oracle of which that is not so would hold nothing against the product.
    assert len(behind.unsettled) <= max(1, len(behind.began) // 10)
    return behind


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_alerts_are_those_that_the_facts_ask_for(scenario: str) -> None:
    seen = watched(scenario)
    behind = check(seen)
    assert len(behind.began) > 4
    assert max((*behind.began, *behind.ended)) <= EVERY_SECONDS


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_whole_of_each_scenario_after_five_weeks(scenario: str) -> None:
    check(watch(broadcast(scenario, weeks=5)))


def test_no_look_that_is_left_out_would_have_seen_anything_new() -> None:
    """The minutes around a feed that falls silent and speaks again, looked at whole by the exporter's own collector."""
    for hours in ((13.98, 14.03), (15.65, 15.7)):
        heard = broadcast("feed_outage", hours)
        whole = list(steps(heard, is_lazy=False))
        lazy = list(steps(heard))
        known = {step.at: looked_at(step) for step in lazy}
        last: dict[str, float] = {}
        for step in whole:
            last = known.get(step.at, last)
            assert looked_at(step) == last
        assert len(known) < len(whole)
        assert engine_alerts(whole, heard, is_lazy=False) == engine_alerts(lazy, heard)


def looked_at(step: Step) -> dict[str, float]:
    """The samples that a rule looks at; the share in quarantine moves with the clock, and its rule sees 0 of enough."""
    metrics = {rule.series.metric for rule in RULES} - {"bluelamp_quarantined_recently_ratio"}
    names = {
        f"{metric}{ending}"
        for metric in metrics
        for ending in ("", "_n", "_expected", "_expected_lower", "_expected_upper")
    }
    return {f"{each.name}{sorted(each.labels.items())}": each.value for each in step.samples if each.name in names}


# Faults on purpose: each must be seen.

_advance, _judge = engine.advance, engine.judge
Values = Callable[[str], Mapping[engine.Scope, float]]


def _a_moment_late(rule: Rule, active: Active | None, is_bad: bool, now: int) -> Active | None:
    """Off by one: longer than `for`, where at least as long is meant."""
    return _advance(replace(rule, for_seconds=rule.for_seconds + 1), active, is_bad, now)


def _at_once(rule: Rule, active: Active | None, is_bad: bool, now: int) -> Active | None:
    """Ends as soon as it is good."""
    return _advance(rule, active, is_bad, now) if is_bad else None


def _ends_in_silence(rule: Rule, value_of: Values) -> dict[engine.Scope, bool]:
    """Takes what is not there for good."""
    return _judge(rule, value_of) or {("staffordshire",): False}


def _no_hysteresis(rule: Rule, value_of: Values) -> dict[engine.Scope, bool]:
    """Takes what is between bad and good for good."""
    found = _judge(rule, value_of)
    is_enough = not rule.minimum_n or any(n >= rule.minimum_n for n in value_of("_n").values())
    return {scope: found.get(scope, False) for scope in value_of("")} if is_enough else found


def _of_too_few(rule: Rule, value_of: Values) -> dict[engine.Scope, bool]:
    """Takes a figure of however few."""
    return _judge(replace(rule, minimum_n=0), value_of)


@pytest.mark.parametrize(
    ("scenario", "place", "fault"),
    [
        ("feed_outage", "advance", _a_moment_late),
        ("feed_outage", "advance", _at_once),
        ("feed_outage", "judge", _ends_in_silence),
        ("feed_outage", "judge", _no_hysteresis),
        ("quiet_line", "judge", _of_too_few),
    ],
)
def test_a_fault_of_the_engine_is_seen(
    scenario: str, place: str, fault: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watched(scenario)
    monkeypatch.setattr(engine, place, fault)
    wrong = engine_alerts(seen.shown, seen.heard, phase_seconds=PHASE_SECONDS)
    assert wrong != seen.oracle.seen(PHASE_SECONDS)


def test_facts_that_the_oracle_was_not_told_are_seen() -> None:
    """The ends of the waits of 999 callers while one of them was alerted on."""
    seen = watched("feed_outage")
    (alert, *_) = seen.product["contact_999_waiting_long", ("staffordshire",)]
    untold = [
        each
        for each in seen.heard.told
        if isinstance(each.fact, ContactAnswered | ContactAbandoned)
        and each.fact.queue == "emergency"
        and alert.start <= each.at * SECOND < alert.end
    ]
    heard = replace(seen.heard, told=[each for each in seen.heard.told if each not in untold])
    assert untold
    assert Oracle(heard).seen(PHASE_SECONDS) != seen.product


# What the scenarios say that an inspector should see of alerts.


def stood(seen: Watched, rule: str, scope: str = "") -> list[Stretch]:
    """The alerts of a rule, of one of its scopes if it is named."""
    return [
        each
        for (name, words), found in seen.product.items()
        if name == rule and scope in ("", *words)
        for each in found
    ]


def clock(seen: Watched, hour: float) -> int:
    """An hour of the scenario's first day, in microseconds since 1970."""
    return round((seen.heard.simulation.end_of(0) + hour * 3600) * SECOND)


def test_a_silent_feed_is_alerted_on_and_its_silence_ends_no_alert_of_999() -> None:
    assert (
        "There is an alert for the silent feed. The silence resolves no 999 alert."
        in load_scenario("feed_outage").inspector
    )
    seen = watched("feed_outage")
    (silent,) = stood(seen, "feed_silent")
    assert stood(seen, "feed_silent", "telephony_999") == [silent]
    # The last heartbeat was at 13:59:58; 30 s are allowed, and another 30 s before somebody is told.
    assert 0 <= silent.start - clock(seen, 14 + 58 / 3600) <= EVERY_SECONDS * SECOND
    assert 0 <= silent.end - clock(seen, 15 + 41 / 60 + 2 / 3600) <= EVERY_SECONDS * SECOND
    assert stood(seen, "feed_late") == [], "one that is not heard is silent, and not late as well"
    begun, over = clock(seen, 14 + 30 / 3600), clock(seen, 15 + 40 / 60)
    of_999 = [each for (rule, _), found in seen.product.items() if rule.startswith("contact_999") for each in found]
    assert [each for each in of_999 if each.start < begun < each.end], "nothing stood that the silence could have ended"
    assert [each for each in of_999 if begun < each.end <= over] == []


def test_a_quiet_line_is_no_silent_feed() -> None:
    assert load_scenario("quiet_line").inspector == ("There is no alert for a silent feed.",)
    seen = watched("quiet_line")
    assert [stood(seen, rule) for rule in ("feed_silent", "feed_late", "no_live_data")] == [[], [], []]


def test_a_night_of_disorder_has_immediate_incidents_without_a_unit() -> None:
    seen = watched("disorder")
    (several, *_) = [each for each in stood(seen, "grade_1_unresourced_several") if each.end > clock(seen, 19)]
    assert several.end == clock(seen, 20), "from soon after 18:00 on, and for hours"


def test_breaches_stand_over_the_handover_and_are_raised_once() -> None:
    seen = watched("handover")
    for rule in ("grade_1_unattended", "grade_1_unattended_several"):
        over_the_handover = [each for each in stood(seen, rule) if each.start < clock(seen, 15) < each.end]
        assert len(over_the_handover) == 1


def test_an_ordinary_day_pages_few() -> None:
    """Two days on which nothing is out of the ordinary (docs/decisions/0010): nobody heeds the fiftieth page."""
    oracle = Oracle(broadcast("normal", (0, 48)))
    who = {rule.name: rule.who for rule in RULES if rule.severity == "critical"}
    pages = Counter(who[name] for (name, _), found in oracle.exact(0).items() if name in who for _ in found)
    assert 0 < pages.total() / 2 <= 8
    assert pages["duty inspector"] / 2 <= 2


def test_the_heartbeat_stands_all_along() -> None:
    for scenario in SCENARIOS:
        seen = watched(scenario)
        assert stood(seen, "data_alive") == [Stretch(seen.heard.start + PHASE_SECONDS * SECOND, seen.heard.end)]
