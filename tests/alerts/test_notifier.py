"""The built-in engine and its inbox: alerts are sent until accepted, across kills of either, unless inhibited."""

from collections.abc import Iterable
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.engine import Sample
from alerts.evaluator import AlertEvaluator, decode_memory
from alerts.inbox.log.entry import Ended, Raised, Rose
from alerts.inbox.log.intake import by_name, intake
from alerts.inbox.log.payload import Payload
from alerts.inbox.log.state import InboxState
from alerts.notifier import REPEAT_SECONDS, AlertUpdate, InboxAlerts, InboxReply, Notifier
from alerts.rule import Rise, Rule, Series, Threshold
from measures.outcome import microseconds
from tests.alerts.test_evaluator import START, World, rule

CRITICAL = rule(
    name="several_waiting",
    measure="grade_1_unresourced_over_2_minutes_count",
    series=Series(metric="waiting"),
    condition=Threshold(side="above", limit=2, clear=2),
)
WARNING = rule(name="one_waiting", measure=CRITICAL.measure, severity="warning", for_seconds=0)


class ImmediateNotifier(Notifier):
    """Sends within the step, so that a test need not wait for a thread."""

    def submit(self, update: AlertUpdate) -> InboxReply:
        """Send at once."""
        reply = super().submit(update)
        self.send(self._update)
        return reply

    def start(self) -> None:
        """Start no thread."""


class InboxWorld(World):
    """A world with an inbox, which may be down."""

    def __init__(self, *rules: Rule) -> None:
        super().__init__()
        self.rules, self.state, self.is_down = rules or (rule(),), InboxState(), False
        self.payloads: list[Payload] = []

    def post(self, payload: Payload) -> InboxAlerts:
        """Accept a payload, as the inbox does."""
        if self.is_down:
            raise ConnectionError
        self.payloads.append(payload)
        for each in payload.alerts:
            self.state.add(intake([each], by_name(self.rules), self.state, self.now))
        active = [each.raised for each in self.state.active_alerts()]
        return tuple((each.rule, each.scope, microseconds(each.began)) for each in active)

    def seconds(self) -> float:
        """A clock that never jumps."""
        return self.now.timestamp()

    def engine(self) -> AlertEvaluator:
        """A new process."""
        notifier = ImmediateNotifier(self.post, self.seconds)
        return AlertEvaluator(self.rules, lambda: self.samples, self, "test:alerts", lambda: self.now, notifier)

    def steps(self, engine: AlertEvaluator, count: int = 1, seconds: float = 15) -> None:
        """Evaluate several times."""
        for _ in range(count):
            self.after(seconds, engine)

    def active_rules(self) -> list[str]:
        """The rules of the inbox's active alerts."""
        return sorted(each.raised.rule for each in self.state.active_alerts())

    def history(self) -> list[str]:
        """Every start and end, in the order of their alerts."""
        entries: Iterable[object] = (each for alert in self.state.alerts.values() for each in alert.entries)
        return [type(each).__name__ for each in entries if isinstance(each, Raised | Ended)]


def test_an_alert_is_raised_after_its_for_and_ended_by_good_data() -> None:
    world = InboxWorld()
    engine = world.engine()
    world.waiting(1)
    world.steps(engine, 2)
    assert world.active_rules() == []
    world.steps(engine)
    assert world.active_rules() == ["waiting_long"]
    (alert,) = world.state.active_alerts()
    assert alert.raised.began == START + timedelta(seconds=45)
    world.waiting(None)
    world.steps(engine, 100)
    assert world.active_rules() == ["waiting_long"], "missing data end no alert"
    world.waiting(0)
    world.steps(engine)
    assert world.history() == ["Raised", "Ended"]


def test_an_alert_is_sent_repeatedly_and_raised_once() -> None:
    world = InboxWorld(rule(for_seconds=0))
    engine = world.engine()
    world.waiting(1)
    world.steps(engine, 41, seconds=1)
    assert len(world.payloads) == 1 + 40 // REPEAT_SECONDS
    assert world.history() == ["Raised"]


def test_an_inbox_that_is_back_receives_alerts_at_the_next_step() -> None:
    world = InboxWorld(rule(for_seconds=0))
    engine = world.engine()
    world.is_down = True
    world.waiting(1)
    world.steps(engine, 2, seconds=1)
    world.is_down = False
    world.steps(engine, 1, seconds=1)
    assert world.active_rules() == ["waiting_long"]


def test_alerts_that_began_and_ended_during_an_outage_are_sent_until_accepted() -> None:
    world = InboxWorld(rule(for_seconds=0))
    world.is_down = True
    world.waiting(1)
    world.steps(world.engine(), 3)
    world.waiting(0)
    world.steps(world.engine(), 3)
    assert world.history() == []
    world.is_down = False
    world.steps(world.engine())
    assert world.history() == ["Raised", "Ended"]
    world.steps(world.engine(), 3)
    assert world.history() == ["Raised", "Ended"]
    assert decode_memory(world.saved["test:alerts"], world.rules).ended == set(), "accepted ends are not kept"


def test_an_engine_that_lost_its_memory_ends_the_alerts_it_had_sent() -> None:
    """The state server is down, the exporter sends an alert and is killed; once all is well, no alert may remain active."""
    world = InboxWorld(rule(for_seconds=0))
    world.is_store_down = True
    world.waiting(1)
    world.steps(world.engine(), 2)
    assert world.active_rules() == ["waiting_long"]
    world.is_store_down = False
    world.waiting(0)
    world.rules = (*world.rules, rule(name="another", series=Series(metric="another"), for_seconds=0))
    engine = world.engine()
    world.samples = [*world.samples, Sample("another", {"force": "north"}, 1)]
    world.steps(engine, 4)
    assert world.active_rules() == ["another"]


def test_a_critical_alert_inhibits_its_warning_but_not_the_end_of_one_already_sent() -> None:
    world = InboxWorld(CRITICAL, WARNING)
    engine = world.engine()
    world.waiting(1)
    world.steps(engine)
    world.waiting(3)
    world.steps(engine, 4)
    assert world.active_rules() == ["one_waiting", "several_waiting"]
    world.waiting(0)
    world.steps(engine, 2)
    assert world.active_rules() == []


def test_an_alert_that_was_always_inhibited_is_never_sent() -> None:
    world = InboxWorld(replace(CRITICAL, for_seconds=0), WARNING)
    engine = world.engine()
    world.waiting(3)
    world.steps(engine, 4)
    assert world.active_rules() == ["several_waiting"]
    world.waiting(0)
    world.steps(engine, 4)
    assert sorted(each.raised.rule for each in world.state.alerts.values()) == ["several_waiting"]
    world.waiting(3)
    world.steps(engine, 2)
    world.waiting(1)
    world.steps(engine, 2)
    assert world.active_rules() == ["one_waiting"], "a warning that remains after the critical alert is sent"


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=20))
def test_every_rise_reaches_the_inbox_however_often_it_is_down(steps: list[tuple[int, bool]]) -> None:
    """The inbox learns of the highest figure, even if it was down from before that figure until after it."""
    world = InboxWorld(replace(rule(for_seconds=0), rise=Rise(step=1, every_seconds=1)))
    engine = world.engine()
    world.waiting(1)
    world.steps(engine, seconds=2)
    for figure, world.is_down in steps:
        world.waiting(figure)
        world.steps(engine, seconds=2)
    world.is_down = False
    world.steps(engine, seconds=2)
    (alert,) = world.state.active_alerts()
    assert max([1, *(each.figure for each in alert.entries if isinstance(each, Rose))]) == max(
        [1, *(figure for figure, _ in steps)]
    )
