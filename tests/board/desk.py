"""An inbox beside the board of the simulated day: alerts of every kind, with the figures that the day gives them."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace
from redis import Redis
from starlette.types import ASGIApp

from alerts.engine import by_series
from alerts.inbox.api.app import api
from alerts.inbox.api.guard import Guard
from alerts.inbox.api.people import People
from alerts.inbox.api.view import Samples
from alerts.inbox.log import ladder
from alerts.inbox.log.action import ActionContext, SuppressionRequest, acknowledge, assign, suppress
from alerts.inbox.log.data_status import DataStatus
from alerts.inbox.log.entry import AnyEntry, Raised
from alerts.inbox.log.intake import by_name, intake
from alerts.inbox.log.payload import payload_alert
from alerts.inbox.log.stream import InboxLog
from alerts.samples import used_by_rules
from alerts.table import RULES
from streams.exporter import ReadingsCollector
from streams.readings import Reader
from tests.board.day import FORCE, MOMENT, PROFILE
from tests.support.inbox import PEOPLE, Clock, parts

PLACE = "/api/alerts"
_RULES = by_name(RULES)


def _scope(rule: str, words: Mapping[str, str]) -> dict[str, str]:
    """What an alert of a rule stands apart for: of the day's force, where it is a force's."""
    return {name: word for name, word in {"force": FORCE, **words}.items() if name in _RULES[rule].series.by}


class Desk:
    """The inbox, at the day's moment for as long as tests look.

    Args:
        client: of the state server.
        reader: whose figures alerts have.
        name: of the log.
        is_open_to_view: whoever asks may read it.
    """

    def __init__(self, client: Redis, reader: Reader, name: str = "test:desk", *, is_open_to_view: bool = True) -> None:
        client.delete(name, f"{name}:heard")
        self.log, self.clock = InboxLog(client, name), Clock()
        self.clock.now = MOMENT
        figures = ReadingsCollector(reader, is_wanted=used_by_rules(RULES))
        self._samples = by_series(each for family in figures.collect() for each in family.samples)
        guard = Guard(People(PEOPLE, self.clock), is_open_to_view=is_open_to_view)
        self.parts = replace(parts(self.log, self.clock, guard), samples=self._figures)
        self.is_away = False
        """The state server does not answer the inbox."""

    def _figures(self) -> Samples:
        if self.is_away:
            raise ConnectionError("the state server is away, for a test")
        return self._samples

    def mounts(self) -> Mapping[str, ASGIApp]:
        """What the board serves beside its pages."""
        return {PLACE: api(self.parts)}

    def hear(self, *, is_alive: bool = True) -> None:
        """An engine says whether data come in."""
        self.log.save_data_status(FORCE, DataStatus(self.clock.now, is_alive))

    def begin(self, rule: str, minutes: float, **scope: str) -> str:
        """An alert that began so many minutes ago; its id."""
        began = self.clock.now - timedelta(minutes=minutes)
        words = _scope(rule, scope)
        self._told(rule, words, began, None)
        (alert,) = self.log.read_state(lambda book: book.active_alerts_for(rule, words))
        return alert.id

    def begin_of_a_rule_that_is_gone(self) -> None:
        """An alert that still stands of a rule which the table no longer has."""
        now = self.clock.now
        entry = Raised(
            id="earlier:raised", alert="earlier", at=now, rule="earlier", scope={"force": FORCE}, began=now, severity="warning",
            title="Too many of an earlier version", who="duty inspector", what_to_do="Look at it.",
        )  # fmt: skip
        self.log.append(lambda _: [entry])

    def end(self, rule: str, minutes: float, **scope: str) -> None:
        """It is over, since so many minutes."""
        words = _scope(rule, scope)
        (alert,) = self.log.read_state(lambda book: book.active_alerts_for(rule, words))
        self._told(rule, words, alert.raised.began, self.clock.now - timedelta(minutes=minutes))

    def _told(self, rule: str, scope: Mapping[str, str], began: datetime, ended: datetime | None) -> None:
        one = payload_alert(_RULES[rule], scope, began, ended) if ended else payload_alert(_RULES[rule], scope, began)
        self.log.append(lambda book: intake([one], _RULES, book, began if ended is None else ended))

    def climb(self) -> None:
        """Let the ladder and the changeover of shifts do their part, as the service does."""
        now = self.clock.now
        self.log.append(lambda book: [due for each in book.active_alerts() for due in ladder.due(each, PROFILE, now)])

    def act(self, by: str, minutes: float = 0) -> ActionContext:
        """Somebody acts, so many minutes ago."""
        return ActionContext(by=by, at=self.clock.now - timedelta(minutes=minutes), request=f"{by}:{minutes}")

    def take(self, name: str, by: str, note: str, minutes: float) -> None:
        """Somebody took an alert."""
        self.log.append(lambda book: [acknowledge(book, name, note, self.act(by, minutes))])

    def hand(self, name: str, by: str, to: str) -> None:
        """Somebody made an alert somebody else's."""
        self.log.append(lambda book: [assign(book, name, to, self.act(by))])

    def plan(self, rule: str, by: str, note: str, **scope: str) -> None:
        """Somebody planned work for two hours."""
        plan = SuppressionRequest(
            rule=rule, until=self.clock.now + timedelta(hours=2), scope={"force": FORCE, **scope}, note=note
        )
        entry: AnyEntry = suppress(_RULES, plan, self.act(by))
        self.log.append(lambda _: [entry])

    def fill(self) -> None:
        """Alerts in every state there is."""
        self.hear()
        self.begin("grade_1_unresourced_several", 12)
        self.begin("child_review_overdue", 25)
        self.begin("grade_2_unattended", 35)
        taken = self.begin("feed_silent", 40, feed="custody")
        self.take(taken, "inspector", "Suite telephoned: their link is down.", 38)
        handed = self.begin("quarantine_high", 90, topic="custody")
        self.begin("feed_late", 55, feed="telephony_101")
        self.plan("feed_late", "chief", "Telephony is being moved.", feed="telephony_101")
        self.begin("feed_silent", 200, feed="dispatch")
        self.end("feed_silent", 170, feed="dispatch")
        self.climb()
        self.clock.now += timedelta(seconds=1)
        self.hand(handed, "inspector", "sergeant north")
