"""The engine in process and its inbox: told until taken, over kills of either, quiet where another alert says more."""

from collections.abc import Iterable
from datetime import timedelta

from msgspec.structs import replace

from alerts.engine import Sample
from alerts.engine_process import Standing as Engine
from alerts.engine_process import decode_memory
from alerts.inbox.entry import Ended, Raised
from alerts.inbox.intake import by_name, intake
from alerts.inbox.payload import Payload
from alerts.inbox.state import InboxState
from alerts.notifier import AGAIN_SECONDS, InboxReply, Notifier, Picture, Standing
from alerts.rule import Rule, Series, Threshold
from measures.outcome import microseconds
from tests.alerts.test_standing import START, World, rule

LOUD = rule(
    name="several_waiting",
    measure="grade_1_unresourced_over_2_minutes_count",
    series=Series(metric="waiting"),
    condition=Threshold(side="above", limit=2, clear=2),
)
QUIET = rule(name="one_waiting", measure=LOUD.measure, severity="warning", for_seconds=0)


class AtOnce(Notifier):
    """Tells within the step, so that a test need not wait for a thread."""

    def show(self, picture: Picture) -> InboxReply:
        """Tell, and answer at once."""
        back = super().show(picture)
        self.tell(self._picture)
        return back

    def start(self) -> None:
        """Nothing."""


class Told(World):
    """A world with an inbox, which may be away."""

    def __init__(self, *rules: Rule) -> None:
        super().__init__()
        self.rules, self.book, self.is_away = rules or (rule(),), InboxState(), False
        self.payloads: list[Payload] = []

    def post(self, payload: Payload) -> Standing:
        """As the inbox takes it."""
        if self.is_away:
            raise ConnectionError
        self.payloads.append(payload)
        for each in payload.alerts:
            self.book.add(intake([each], by_name(self.rules), self.book, self.now))
        told = [each.raised for each in self.book.standing()]
        return tuple((each.rule, each.scope, microseconds(each.began)) for each in told)

    def seconds(self) -> float:
        """A clock that never jumps."""
        return self.now.timestamp()

    def engine(self) -> Engine:
        """A new process."""
        notifier = AtOnce(self.post, self.seconds)
        return Engine(self.rules, lambda: self.samples, self, "test:alerts", lambda: self.now, notifier)

    def steps(self, engine: Engine, count: int = 1, seconds: float = 15) -> None:
        """Some steps."""
        for _ in range(count):
            self.after(seconds, engine)

    def stands(self) -> list[str]:
        """The rules whose alerts stand in the inbox."""
        return sorted(each.raised.rule for each in self.book.standing())

    def history(self) -> list[str]:
        """Every beginning and end, in the order of their alerts."""
        entries: Iterable[object] = (each for alert in self.book.alerts.values() for each in alert.entries)
        return [type(each).__name__ for each in entries if isinstance(each, Raised | Ended)]


def test_it_is_raised_when_its_for_has_passed_and_ended_by_good_data() -> None:
    world = Told()
    engine = world.engine()
    world.waiting(1)
    world.steps(engine, 2)
    assert world.stands() == []
    world.steps(engine)
    assert world.stands() == ["waiting_long"]
    (alert,) = world.book.standing()
    assert alert.raised.began == START + timedelta(seconds=45)
    world.waiting(None)
    world.steps(engine, 100)
    assert world.stands() == ["waiting_long"], "data that stop end nothing"
    world.waiting(0)
    world.steps(engine)
    assert world.history() == ["Raised", "Ended"]


def test_it_is_told_again_now_and_then_and_raised_once() -> None:
    world = Told(rule(for_seconds=0))
    engine = world.engine()
    world.waiting(1)
    world.steps(engine, 41, seconds=1)
    assert len(world.payloads) == 1 + 40 // AGAIN_SECONDS
    assert world.history() == ["Raised"]


def test_an_inbox_that_is_back_is_told_at_the_next_step() -> None:
    world = Told(rule(for_seconds=0))
    engine = world.engine()
    world.is_away = True
    world.waiting(1)
    world.steps(engine, 2, seconds=1)
    world.is_away = False
    world.steps(engine, 1, seconds=1)
    assert world.stands() == ["waiting_long"]


def test_an_inbox_that_is_away_is_told_until_it_has_it_also_of_what_has_passed() -> None:
    world = Told(rule(for_seconds=0))
    world.is_away = True
    world.waiting(1)
    world.steps(world.engine(), 3)
    world.waiting(0)
    world.steps(world.engine(), 3)
    assert world.history() == []
    world.is_away = False
    world.steps(world.engine())
    assert world.history() == ["Raised", "Ended"]
    world.steps(world.engine(), 3)
    assert world.history() == ["Raised", "Ended"]
    assert decode_memory(world.kept["test:alerts"], world.rules).over == set(), "what was taken is kept no longer"


def test_an_engine_whose_memory_was_not_kept_ends_what_it_had_told() -> None:
    """The state server is away, the exporter tells of it and is killed; when all is well again nothing must stand."""
    world = Told(rule(for_seconds=0))
    world.is_gone = True
    world.waiting(1)
    world.steps(world.engine(), 2)
    assert world.stands() == ["waiting_long"]
    world.is_gone = False
    world.waiting(0)
    world.rules = (*world.rules, rule(name="another", series=Series(metric="another"), for_seconds=0))
    engine = world.engine()
    world.samples = [*world.samples, Sample("another", {"force": "north"}, 1)]
    world.steps(engine, 4)
    assert world.stands() == ["another"]


def test_a_loud_alert_keeps_its_warning_quiet_and_ends_what_was_told_before() -> None:
    world = Told(LOUD, QUIET)
    engine = world.engine()
    world.waiting(1)
    world.steps(engine)
    world.waiting(3)
    world.steps(engine, 4)
    assert world.stands() == ["one_waiting", "several_waiting"]
    world.waiting(0)
    world.steps(engine, 2)
    assert world.stands() == []


def test_what_was_kept_quiet_all_along_is_never_told() -> None:
    world = Told(replace(LOUD, for_seconds=0), QUIET)
    engine = world.engine()
    world.waiting(3)
    world.steps(engine, 4)
    assert world.stands() == ["several_waiting"]
    world.waiting(0)
    world.steps(engine, 4)
    assert sorted(each.raised.rule for each in world.book.alerts.values()) == ["several_waiting"]
    world.waiting(3)
    world.steps(engine, 2)
    world.waiting(1)
    world.steps(engine, 2)
    assert world.stands() == ["one_waiting"], "what remains when the loud one ends is told"
