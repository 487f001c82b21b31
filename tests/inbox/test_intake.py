"""From payloads to entries: one alert for a rule and scope, however often and in whatever order it is told."""

from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alerts.inbox.entry import Ended, Raised
from alerts.inbox.intake import by_name, intake, reconcile
from alerts.inbox.payload import PayloadAlert, decode_payload, payload, told
from alerts.inbox.state import InboxState
from alerts.table import RULES
from tests.support.inbox import RULE, SCOPE, START, firing, resolved

ALL = by_name(RULES)


class Inbox:
    """A book that takes what it is told."""

    def __init__(self) -> None:
        self.book = InboxState()
        self.truth: dict[str, bool | None] | None = None

    def tell(self, seconds: float, *alerts: PayloadAlert) -> list[str]:
        """Take alerts so long after the start; what that came to."""
        now = START + timedelta(seconds=seconds)
        known = self.truth
        truth = None if known is None else lambda rule, _: known.get(rule)
        found = list(intake(alerts, ALL, self.book, now, truth))
        self.book.add(found)
        return [type(each).__name__ for each in found]


def test_it_is_raised_once_and_ended_once() -> None:
    inbox = Inbox()
    assert [inbox.tell(0, firing()), inbox.tell(5, firing()), inbox.tell(9, firing())] == [["Raised"], [], []]
    assert [inbox.tell(60, resolved(60)), inbox.tell(65, resolved(60))] == [["Ended"], []]


def test_an_engine_that_begins_anew_raises_no_second_alert() -> None:
    """A restarted Prometheus gives a new beginning to what has stood all along."""
    inbox = Inbox()
    inbox.tell(0, firing())
    assert inbox.tell(100, firing(90)) == []
    assert inbox.tell(200, resolved(200, began=90)) == ["Ended"]


def test_a_payload_that_was_overtaken_raises_nothing() -> None:
    inbox = Inbox()
    inbox.tell(0, firing())
    inbox.tell(60, resolved(60))
    assert inbox.tell(61, firing()) == []
    assert inbox.tell(70, firing(65)) == ["Raised"], "bad again is a new alert"


def test_an_end_that_is_told_once_more_does_not_end_what_has_begun_since() -> None:
    """As by an engine that is killed between telling of an end and noting that it has."""
    inbox = Inbox()
    inbox.tell(0, firing())
    inbox.tell(60, resolved(60))
    inbox.tell(70, firing(65))
    assert inbox.tell(71, resolved(60)) == []
    assert inbox.tell(72, firing(65)) == []
    assert len(inbox.book.standing()) == 1


def test_what_came_and_went_unheard_is_told_late_and_not_lost() -> None:
    inbox = Inbox()
    assert inbox.tell(300, resolved(60)) == ["Raised", "Ended"]
    assert inbox.tell(305, resolved(60)) == []


def test_an_end_without_certainty_ends_nothing() -> None:
    """Alertmanager ends what Prometheus no longer tells it, as when Prometheus is down: silence is no recovery."""
    inbox = Inbox()
    inbox.truth = {}
    inbox.tell(0, firing())
    assert inbox.tell(60, resolved(60)) == []
    inbox.truth = {RULE.name: True}
    assert inbox.tell(60, resolved(60)) == []
    inbox.truth = {RULE.name: False}
    assert inbox.tell(60, resolved(60)) == ["Ended"]


def test_an_end_that_alertmanager_kept_to_itself_is_found() -> None:
    inbox = Inbox()
    inbox.tell(0, firing())
    assert list(reconcile(inbox.book, START, lambda *_: None)) == []
    assert [type(each) for each in reconcile(inbox.book, START, lambda *_: False)] == [Ended]


def test_what_surely_stands_is_raised_though_its_beginning_is_of_before() -> None:
    inbox = Inbox()
    inbox.truth = {RULE.name: False}
    inbox.tell(0, firing())
    inbox.tell(60, resolved(60))
    inbox.truth = {RULE.name: True}
    assert inbox.tell(90, firing()) == ["Raised"]


def test_a_heartbeat_and_a_rule_of_others_are_no_alerts() -> None:
    inbox = Inbox()
    alive = told(next(each for each in RULES if each.severity == "heartbeat"), SCOPE, START)
    strange = msgspec.structs.replace(firing(), labels={"alertname": "Other", "rule": "other"})
    assert inbox.tell(0, alive, strange) == []


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 2)), max_size=12))
def test_one_alert_stands_for_a_rule_and_scope(steps: list[tuple[int, bool, int]]) -> None:
    """Whatever is told in whatever order, from two engines that do not agree on the beginning."""
    inbox = Inbox()
    for number, (began, is_over, scope) in enumerate(steps):
        words = {"force": f"force {scope}"}
        each = resolved(number + 10, began, scope=words) if is_over else firing(began, scope=words)
        inbox.tell(number + 10, each)
        every = [alert.raised.scope["force"] for alert in inbox.book.standing()]
        assert len(every) == len(set(every))
    begun = [each for alert in inbox.book.alerts.values() for each in alert.entries if isinstance(each, Raised)]
    assert len(begun) == len({each.alert for each in begun})


def test_the_payload_is_alertmanagers() -> None:
    """As Alertmanager 0.25 posted it; what it has and we do not read changes nothing."""
    text = b"""{"receiver":"bluelamp","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"FeedSilent",
    "child":"no","feed":"custody","force":"north","measure":"monitor","rule":"feed_silent","severity":"critical"},
    "annotations":{"summary":"A feed is silent"},"startsAt":"2024-12-03T10:00:00.158Z","endsAt":"0001-01-01T00:00:00Z",
    "generatorURL":"http://x/graph","fingerprint":"c4f7a4f6b5a3e9d1"}],"groupLabels":{"force":"north"},
    "commonLabels":{},"commonAnnotations":{},"externalURL":"http://am","version":"4","groupKey":"{}:{force=\\"north\\"}",
    "truncatedAlerts":0}"""
    found = decode_payload(text)
    inbox = Inbox()
    assert inbox.tell(1, *found.alerts) == ["Raised"]
    (alert,) = inbox.book.standing()
    assert alert.raised.scope == {"force": "north", "feed": "custody"}
    again = decode_payload(msgspec.json.encode(payload({"force": "north"}, found.alerts)))
    assert again.alerts == found.alerts
    assert b"startsAt" in msgspec.json.encode(again)
