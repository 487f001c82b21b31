"""An inbox for the board of the simulated day: alerts in every state, with the day's figures."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace
from redis import Redis
from starlette.types import ASGIApp

from alerts.engine import by_series
from alerts.inbox.api.app import api
from alerts.inbox.api.guard import EVERYONE, Guard
from alerts.inbox.api.people import People
from alerts.inbox.figure import Samples
from alerts.inbox.log import ladder
from alerts.inbox.log.action import ActionContext, SuppressionRequest, acknowledge, assign, suppress
from alerts.inbox.log.data_status import DataStatus
from alerts.inbox.log.entry import AnyEntry, Raised
from alerts.inbox.log.intake import by_name, intake
from alerts.inbox.log.payload import payload_alert
from alerts.inbox.log.stream import InboxLog
from alerts.samples import used_by_rules
from alerts.table import RULES
from bluelamp.services.alerts import board_alerts
from dashboards.board.shared.page import AlertCounts
from streams.exporter import ReadingsCollector
from streams.readings import Reader
from tests.board.day import FORCE, MOMENT, PROFILE
from tests.support.inbox import PEOPLE, Clock, parts

PLACE = "/api/alerts"
_RULES = by_name(RULES)


def _scope(rule: str, words: Mapping[str, str]) -> dict[str, str]:
    """The scope of a rule's alert, with the day's force if the rule is by force."""
    sources = {feed.name: feed.source() for feed in PROFILE.feeds}
    system = {"system": sources[words["feed"]]} if words.get("feed") in sources else {}
    return {name: word for name, word in {"force": FORCE, **system, **words}.items() if name in _RULES[rule].series.by}


class Desk:
    """The inbox, with a clock that stays at the day's moment.

    Args:
        client: of the state server.
        reader: reads the alerts' figures.
        name: of the log.
        is_open_to_view: whether alerts can be viewed without signing in.
    """

    def __init__(self, client: Redis, reader: Reader, name: str = "test:desk", *, is_open_to_view: bool = True) -> None:
        client.delete(name, f"{name}:data_status")
        self.log, self.clock = InboxLog(client, name), Clock()
        self.clock.now = MOMENT
        figures = ReadingsCollector(reader, is_wanted=used_by_rules(RULES))
        self._samples = by_series(each for family in figures.collect() for each in family.samples)
        viewers = EVERYONE if is_open_to_view else replace(EVERYONE, alerts="view", alert_log="view")
        guard = Guard(People(PEOPLE, self.clock), viewers)
        self.parts = replace(parts(self.log, self.clock, guard), samples=self._figures)
        self.is_away = False
        """Whether the state server has stopped answering the inbox."""

    def _figures(self) -> Samples:
        if self.is_away:
            raise ConnectionError("the state server is away, for a test")
        return self._samples

    def counts(self) -> AlertCounts | None:
        """What the board's strip counts."""
        return board_alerts(self.parts, FORCE)()

    def mounts(self) -> Mapping[str, ASGIApp]:
        """The applications to mount on the board."""
        return {PLACE: api(self.parts)}

    def receive_heartbeat(self, *, is_alive: bool = True) -> None:
        """An alert engine reports whether data are arriving."""
        self.log.save_data_status(FORCE, DataStatus(self.clock.now, is_alive))

    def begin(self, rule: str, minutes: float, **scope: str) -> str:
        """Raise an alert that began some minutes ago; returns its id."""
        began = self.clock.now - timedelta(minutes=minutes)
        words = _scope(rule, scope)
        self._receive(rule, words, began, None)
        (alert,) = self.log.read_state(lambda state: state.active_alerts_for(rule, words))
        return alert.id

    def begin_of_a_removed_rule(self) -> None:
        """Raise an alert of a rule that no longer exists."""
        now = self.clock.now
        entry = Raised(
            id="earlier:raised", alert="earlier", at=now, rule="earlier", scope={"force": FORCE}, began=now, severity="warning",
            title="Too many of an earlier version", who="duty inspector", what_to_do="Look at it.",
        )  # fmt: skip
        self.log.append(lambda _: [entry])

    def end(self, rule: str, minutes: float, **scope: str) -> None:
        """Resolve an alert, some minutes ago."""
        words = _scope(rule, scope)
        (alert,) = self.log.read_state(lambda state: state.active_alerts_for(rule, words))
        self._receive(rule, words, alert.raised.began, self.clock.now - timedelta(minutes=minutes))

    def _receive(self, rule: str, scope: Mapping[str, str], began: datetime, ended: datetime | None) -> None:
        one = payload_alert(_RULES[rule], scope, began, ended) if ended else payload_alert(_RULES[rule], scope, began)
        self.log.append(lambda state: intake([one], _RULES, state, began if ended is None else ended))

    def climb(self) -> None:
        """Escalate and raise again what is due, as the service does."""
        now = self.clock.now
        self.log.append(lambda state: [due for each in state.active_alerts() for due in ladder.due(each, PROFILE, now)])

    def act(self, by: str, minutes: float = 0) -> ActionContext:
        """An action some minutes ago."""
        return ActionContext(by=by, at=self.clock.now - timedelta(minutes=minutes), request=f"{by}:{minutes}")

    def acknowledge(self, name: str, by: str, note: str, minutes: float) -> None:
        """Acknowledge an alert."""
        self.log.append(lambda state: [acknowledge(state, name, note, self.act(by, minutes))])

    def assign(self, name: str, by: str, to: str) -> None:
        """Assign an alert."""
        self.log.append(lambda state: [assign(state, name, to, self.act(by))])

    def plan(self, rule: str, by: str, note: str, **scope: str) -> None:
        """Plan work for two hours."""
        plan = SuppressionRequest(
            rule=rule, until=self.clock.now + timedelta(hours=2), scope={"force": FORCE, **scope}, note=note
        )
        entry: AnyEntry = suppress(_RULES, plan, self.act(by))
        self.log.append(lambda _: [entry])

    def fill(self) -> None:
        """Add alerts in every state."""
        self.receive_heartbeat()
        self.begin("grade_1_unresourced_several", 12)
        self.begin("child_review_overdue", 25, detainee="s41-c24300-9", suite="north")
        self.begin("grade_2_unattended", 35)
        acknowledged = self.begin("feed_silent", 40, feed="custody")
        self.acknowledge(acknowledged, "inspector", "Suite telephoned: their link is down.", 38)
        assigned = self.begin("quarantine_high", 90, topic="custody")
        self.begin("feed_late", 55, feed="telephony_101")
        self.plan("feed_late", "chief", "Telephony is being moved.", feed="telephony_101")
        self.begin("feed_silent", 200, feed="dispatch")
        self.end("feed_silent", 170, feed="dispatch")
        self.climb()
        self.clock.now += timedelta(seconds=1)
        self.assign(assigned, "inspector", "sergeant north")
