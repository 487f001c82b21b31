"""From payloads to entries: one active alert per rule and scope, however often and in whatever order it is reported."""

from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alerts.inbox.log.entry import Ended, Raised
from alerts.inbox.log.intake import by_name, intake, reconcile
from alerts.inbox.log.payload import PayloadAlert, decode_payload, payload, payload_alert
from alerts.inbox.log.state import InboxState
from alerts.table import RULES
from tests.support.inbox import RULE, SCOPE, START, firing, resolved

ALL = by_name(RULES)


class Inbox:
    """A state that accepts payloads."""

    def __init__(self) -> None:
        self.state = InboxState()
        self.active: dict[str, bool | None] | None = None

    def accept(self, seconds: float, *alerts: PayloadAlert) -> list[str]:
        """Accept alerts a number of seconds after the start; returns the kinds of the new entries."""
        now = START + timedelta(seconds=seconds)
        active = self.active
        is_active = None if active is None else lambda rule, _: active.get(rule)
        entries = list(intake(alerts, ALL, self.state, now, is_active))
        self.state.add(entries)
        return [type(each).__name__ for each in entries]


def test_an_alert_is_raised_once_and_ended_once() -> None:
    inbox = Inbox()
    assert [inbox.accept(0, firing()), inbox.accept(5, firing()), inbox.accept(9, firing())] == [["Raised"], [], []]
    assert [inbox.accept(60, resolved(60)), inbox.accept(65, resolved(60))] == [["Ended"], []]


def test_a_restarted_engine_raises_no_second_alert() -> None:
    """A restarted Prometheus reports a new start for an alert that was active all along."""
    inbox = Inbox()
    inbox.accept(0, firing())
    assert inbox.accept(100, firing(90)) == []
    assert inbox.accept(200, resolved(200, began=90)) == ["Ended"]


def test_an_outdated_payload_raises_nothing() -> None:
    inbox = Inbox()
    inbox.accept(0, firing())
    inbox.accept(60, resolved(60))
    assert inbox.accept(61, firing()) == []
    assert inbox.accept(70, firing(65)) == ["Raised"], "a figure that is bad again raises a new alert"


def test_a_repeated_end_does_not_end_a_newer_alert() -> None:
    """As from an engine that is killed between sending an end and recording that it was accepted."""
    inbox = Inbox()
    inbox.accept(0, firing())
    inbox.accept(60, resolved(60))
    inbox.accept(70, firing(65))
    assert inbox.accept(71, resolved(60)) == []
    assert inbox.accept(72, firing(65)) == []
    assert len(inbox.state.active_alerts()) == 1


def test_an_alert_that_began_and_ended_during_an_outage_is_recorded_late() -> None:
    inbox = Inbox()
    assert inbox.accept(300, resolved(60)) == ["Raised", "Ended"]
    assert inbox.accept(305, resolved(60)) == []


def test_an_uncertain_end_does_not_end_an_alert() -> None:
    """Alertmanager resolves alerts that Prometheus no longer reports, for example while Prometheus is down."""
    inbox = Inbox()
    inbox.active = {}
    inbox.accept(0, firing())
    assert inbox.accept(60, resolved(60)) == []
    inbox.active = {RULE.name: True}
    assert inbox.accept(60, resolved(60)) == []
    inbox.active = {RULE.name: False}
    assert inbox.accept(60, resolved(60)) == ["Ended"]


def test_an_end_that_alertmanager_did_not_report_is_recorded() -> None:
    inbox = Inbox()
    inbox.accept(0, firing())
    assert list(reconcile(inbox.state, START, lambda *_: None)) == []
    assert [type(each) for each in reconcile(inbox.state, START, lambda *_: False)] == [Ended]


def test_a_certainly_active_alert_is_raised_even_with_an_old_start() -> None:
    inbox = Inbox()
    inbox.active = {RULE.name: False}
    inbox.accept(0, firing())
    inbox.accept(60, resolved(60))
    inbox.active = {RULE.name: True}
    assert inbox.accept(90, firing()) == ["Raised"]


def test_heartbeats_and_unknown_rules_raise_no_alert() -> None:
    inbox = Inbox()
    alive = payload_alert(next(each for each in RULES if each.severity == "heartbeat"), SCOPE, START)
    strange = msgspec.structs.replace(firing(), labels={"alertname": "Other", "rule": "other"})
    assert inbox.accept(0, alive, strange) == []


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 2)), max_size=12))
def test_there_is_at_most_one_active_alert_per_rule_and_scope(steps: list[tuple[int, bool, int]]) -> None:
    """Whatever is reported, in whatever order, by two engines that disagree about the start."""
    inbox = Inbox()
    for number, (began, is_end, scope) in enumerate(steps):
        labels = {"force": f"force {scope}"}
        each = resolved(number + 10, began, scope=labels) if is_end else firing(began, scope=labels)
        inbox.accept(number + 10, each)
        forces = [alert.raised.scope["force"] for alert in inbox.state.active_alerts()]
        assert len(forces) == len(set(forces))
    raised = [each for alert in inbox.state.alerts.values() for each in alert.entries if isinstance(each, Raised)]
    assert len(raised) == len({each.alert for each in raised})


def test_an_alertmanager_payload_is_read() -> None:
    """As Alertmanager 0.25 posted it; fields that Blue Lamp does not read are ignored."""
    text = b"""{"receiver":"bluelamp","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"FeedSilent",
    "child":"no","feed":"custody","force":"north","measure":"monitor","rule":"feed_silent","severity":"critical"},
    "annotations":{"summary":"A feed is silent"},"startsAt":"2024-12-03T10:00:00.158Z","endsAt":"0001-01-01T00:00:00Z",
    "generatorURL":"http://x/graph","fingerprint":"c4f7a4f6b5a3e9d1"}],"groupLabels":{"force":"north"},
    "commonLabels":{},"commonAnnotations":{},"externalURL":"http://am","version":"4","groupKey":"{}:{force=\\"north\\"}",
    "truncatedAlerts":0}"""
    posted = decode_payload(text)
    inbox = Inbox()
    assert inbox.accept(1, *posted.alerts) == ["Raised"]
    (alert,) = inbox.state.active_alerts()
    assert alert.raised.scope == {"force": "north", "feed": "custody"}
    again = decode_payload(msgspec.json.encode(payload({"force": "north"}, posted.alerts)))
    assert again.alerts == posted.alerts
    assert b"startsAt" in msgspec.json.encode(again)
