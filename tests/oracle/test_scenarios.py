"""The alerts of every scenario equal the oracle's: none missing, none extra, none twice, none more than five seconds late."""

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
    "surge": (18, 19),
    "disorder": (17.75, 18.75),
    "feed_outage": (13, 16),
    "quiet_line": (2.5, 4.25),
    "handover": (14.5, 15.5),
    "clock_change": (24.75, 25.75),
}
"""Every scenario, and its hours in which something happens; `make faults` plays all of each."""
QUICK = tuple(scenario for scenario in SCENARIOS if scenario != "clock_change")
"""Those watched in every run; `make faults` also watches the change of the clocks."""
WITH_WEEKS = ("surge",)
"""The scenarios played with five weeks before them, so that the normal values of an hour are known."""


class Watched(NamedTuple):
    """What a scenario publishes, the product's samples and alerts, and the oracle."""

    sent: Broadcast
    steps: Sequence[Step]
    product: Alerts
    oracle: Oracle


@lru_cache(maxsize=len(SCENARIOS))
def watched(scenario: str) -> Watched:
    """A scenario in the hours in which something happens."""
    return watch(broadcast(scenario, SCENARIOS[scenario], weeks=5 if scenario in WITH_WEEKS else 0))


def watch(sent: Broadcast) -> Watched:
    """Run the product and the oracle on the same scenario."""
    played = list(steps(sent, phase_seconds=PHASE_SECONDS))
    return Watched(sent, played, engine_alerts(played, sent, phase_seconds=PHASE_SECONDS), Oracle(sent))


def check(seen: Watched) -> Late:
    """Compare the product with the oracle; returns the delays."""
    assert seen.product == seen.oracle.seen(PHASE_SECONDS)
    behind = late(seen.product, seen.oracle, EVERY_SECONDS, PHASE_SECONDS)
    assert [place for place, at in behind.unsettled if not seen.oracle.unsettled(place, at)] == []
    # Most alerts depend on nothing that brief: otherwise the oracle would prove nothing.
    assert len(behind.unsettled) <= max(1, len(behind.began) // 10)
    return behind


@pytest.mark.parametrize("scenario", QUICK)
def test_alerts_are_those_that_the_facts_require(scenario: str) -> None:
    seen = watched(scenario)
    behind = check(seen)
    assert len(behind.began) > 3
    assert max((*behind.began, *behind.ended)) <= EVERY_SECONDS


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_whole_of_each_scenario_after_five_weeks(scenario: str) -> None:
    check(watch(broadcast(scenario, weeks=5)))


def test_no_skipped_evaluation_would_have_seen_anything_new() -> None:
    """The minutes around a feed that falls silent and returns, collected completely by the exporter's own collector."""
    for hours in ((13.98, 14.03), (15.65, 15.7)):
        sent = broadcast("feed_outage", hours)
        whole = list(steps(sent, is_lazy=False))
        lazy = list(steps(sent))
        known = {step.at: used_samples(step) for step in lazy}
        last: dict[str, float] = {}
        for step in whole:
            last = known.get(step.at, last)
            assert used_samples(step) == last
        assert len(known) < len(whole)
        assert engine_alerts(whole, sent, is_lazy=False) == engine_alerts(lazy, sent)


def used_samples(step: Step) -> dict[str, float]:
    """The samples that a rule uses, except the share in quarantine, which moves with the clock and is always 0 here."""
    metrics = {rule.series.metric for rule in RULES} - {"bluelamp_quarantined_recently_ratio"}
    names = {
        f"{metric}{ending}"
        for metric in metrics
        for ending in ("", "_low", "_high", "_n", "_expected", "_expected_lower", "_expected_upper")
    }
    return {f"{each.name}{sorted(each.labels.items())}": each.value for each in step.samples if each.name in names}


# Faults built into the engine on purpose: each must be noticed.

_advance, _judge = engine.advance, engine.judge
Values = Callable[[str], Mapping[engine.Scope, float]]


def _a_moment_late(rule: Rule, active: Active | None, is_bad: bool, now: int) -> Active | None:
    """Off by one: alerts after longer than `for`, not after at least `for`."""
    return _advance(replace(rule, for_seconds=rule.for_seconds + 1), active, is_bad, now)


def _at_once(rule: Rule, active: Active | None, is_bad: bool, now: int) -> Active | None:
    """Resolves an alert as soon as it is good."""
    return _advance(rule, active, is_bad, now) if is_bad else None


def _ends_in_silence(rule: Rule, value_of: Values) -> dict[engine.Scope, bool]:
    """Treats a missing figure as good."""
    return _judge(rule, value_of) or {("staffordshire",): False}


def _no_hysteresis(rule: Rule, value_of: Values) -> dict[engine.Scope, bool]:
    """Treats a figure between bad and good as good."""
    found = _judge(rule, value_of)
    is_enough = not rule.minimum_n or any(n >= rule.minimum_n for n in value_of("_n").values())
    return {scope: found.get(scope, False) for scope in value_of("")} if is_enough else found


def _of_too_few(rule: Rule, value_of: Values) -> dict[engine.Scope, bool]:
    """Uses a figure whatever its n."""
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
def test_a_fault_in_the_engine_is_noticed(
    scenario: str, place: str, fault: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watched(scenario)
    monkeypatch.setattr(engine, place, fault)
    wrong = engine_alerts(seen.steps, seen.sent, phase_seconds=PHASE_SECONDS)
    assert wrong != seen.oracle.seen(PHASE_SECONDS)


def test_facts_missing_from_the_oracle_are_noticed() -> None:
    """The oracle lacks the ends of the waits of 999 callers during an alert about them."""
    seen = watched("feed_outage")
    (alert, *_) = seen.product["contact_999_waiting_long", ("staffordshire",)]
    missing = [
        each
        for each in seen.sent.reported
        if isinstance(each.fact, ContactAnswered | ContactAbandoned)
        and each.fact.queue == "emergency"
        and alert.start <= each.at * SECOND < alert.end
    ]
    sent = replace(seen.sent, reported=[each for each in seen.sent.reported if each not in missing])
    assert missing
    assert Oracle(sent).seen(PHASE_SECONDS) != seen.product


# What an inspector should see of alerts, according to the scenarios.


def alerts_of(seen: Watched, rule: str, scope: str = "") -> list[Stretch]:
    """The alerts of a rule, or of one of its scopes."""
    return [
        each
        for (name, words), found in seen.product.items()
        if name == rule and scope in ("", *words)
        for each in found
    ]


def clock(seen: Watched, hour: float) -> int:
    """An hour of the scenario's first day, in microseconds since 1970."""
    return round((seen.sent.simulation.end_of(0) + hour * 3600) * SECOND)


def test_a_silent_feed_raises_an_alert_and_its_silence_resolves_no_999_alert() -> None:
    assert (
        "There is an alert for the silent feed. The silence resolves no 999 alert."
        in load_scenario("feed_outage").inspector
    )
    seen = watched("feed_outage")
    (silent,) = alerts_of(seen, "feed_silent")
    assert alerts_of(seen, "feed_silent", "telephony_999") == [silent]
    # The last heartbeat was at 13:59:55; 30 s are allowed, and after another 30 s somebody is notified.
    assert 0 <= silent.start - clock(seen, 14 + 55 / 3600) <= EVERY_SECONDS * SECOND
    assert 0 <= silent.end - clock(seen, 15 + 41 / 60 + 2 / 3600) <= EVERY_SECONDS * SECOND
    assert alerts_of(seen, "feed_late") == [], "a silent feed must not be reported as late as well"
    begun, over = clock(seen, 14 + 30 / 3600), clock(seen, 15 + 40 / 60)
    of_999 = [each for (rule, _), found in seen.product.items() if rule.startswith("contact_999") for each in found]
    assert [each for each in of_999 if each.start < begun < each.end], (
        "an alert must be active that the silence could end"
    )
    assert [each for each in of_999 if begun < each.end <= over] == []


def test_a_quiet_line_is_not_a_silent_feed() -> None:
    assert load_scenario("quiet_line").inspector == ("There is no alert for a silent feed.",)
    seen = watched("quiet_line")
    assert [alerts_of(seen, rule) for rule in ("feed_silent", "feed_late", "no_live_data")] == [[], [], []]


def test_a_night_of_disorder_has_immediate_incidents_without_a_unit() -> None:
    seen = watched("disorder")
    (several, *_) = [each for each in alerts_of(seen, "grade_1_unresourced_several") if each.end > clock(seen, 18.5)]
    assert several.end == clock(seen, 18.75), "active from soon after 18:00, and for hours"


def test_breaches_stay_active_over_the_handover_and_are_raised_once() -> None:
    seen = watched("handover")
    for rule in ("grade_1_unattended", "grade_1_unattended_several"):
        over_the_handover = [each for each in alerts_of(seen, rule) if each.start < clock(seen, 15) < each.end]
        assert len(over_the_handover) == 1


def test_an_ordinary_day_raises_few_critical_alerts() -> None:
    """A day on which nothing unusual happens (docs/decisions/0010): nobody heeds the fiftieth page."""
    oracle = Oracle(broadcast("normal", (0, 24)))
    who = {rule.name: rule.who for rule in RULES if rule.severity == "critical"}
    pages = Counter(who[name] for (name, _), found in oracle.exact(0).items() if name in who for _ in found)
    assert oracle.exact(0), "the day has alerts that page nobody"
    assert pages.total() <= 8
    assert pages["duty inspector"] <= 2


def test_the_heartbeat_alert_is_always_active() -> None:
    for scenario in QUICK:
        seen = watched(scenario)
        assert alerts_of(seen, "data_alive") == [Stretch(seen.sent.start + PHASE_SECONDS * SECOND, seen.sent.end)]
