"""Laws of the book: the order of entries, their repetition and a restart change nothing; no act outlives its alert."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerts.inbox.entry import (
    Acknowledged,
    AnyEntry,
    Assigned,
    Delivered,
    Ended,
    Escalated,
    Failed,
    Noted,
    Reraised,
    Suppressed,
    Unsuppressed,
    decode,
    encode,
)
from alerts.inbox.intake import raised
from alerts.inbox.state import InboxState
from tests.support.inbox import RULE, SCOPE, START

NAMES = ("north", "south")
BEGUN = {name: raised(RULE, {"force": name}, START, START) for name in NAMES}


@st.composite
def entries(draw: st.DrawFn) -> list[AnyEntry]:
    """What may happen to two alerts, several things at one instant among it."""
    found: list[AnyEntry] = list(BEGUN.values())
    for number in range(draw(st.integers(0, 14))):
        alert = draw(st.sampled_from([each.alert for each in BEGUN.values()]))
        at = START + timedelta(seconds=draw(st.integers(0, 4)))
        by = draw(st.sampled_from(["inspector", "sergeant"]))
        kind = draw(st.sampled_from([*_KINDS, "suppressed", "unsuppressed", "ended"]))
        if kind in _KINDS:
            found.append(_KINDS[kind](id=f"{alert}:{number}", alert=alert, at=at, by=by))
        elif kind == "ended":
            found.append(Ended(id=f"{alert}:ended", alert=alert, at=START + timedelta(seconds=2), ended=START))
        elif kind == "suppressed":
            until = at + timedelta(seconds=5)
            plan = Suppressed(id="p:suppressed", alert="p", at=START, by="chief", rule=RULE.name, scope={}, until=until)
            found += [plan] if all(each.id != plan.id for each in found) else []
        else:
            found.append(Unsuppressed(id=f"p:{number}", alert="p", at=at, by=by))
    return found


_KINDS: dict[str, Callable[..., AnyEntry]] = {
    "acknowledged": Acknowledged,
    "assigned": lambda **told: Assigned(to="control", **told),
    "noted": lambda **told: Noted(note="seen", **told),
    "escalated": lambda **told: Escalated(tell="sergeant", why="not taken", **told),
    "reraised": lambda **told: Reraised(changeover=START, **told),
    "delivered": lambda **told: Delivered(of="x", receiver="mail", attempt=2, **told),
    "failed": lambda **told: Failed(of="x", receiver="mail", attempt=1, reason="refused", **told),
}


def book_of(told: list[AnyEntry]) -> InboxState:
    """A book that has read entries one by one."""
    book = InboxState()
    for each in told:
        book.add([each])
    return book


def as_one_sees_it(book: InboxState) -> object:
    """Everything that can be asked of a book."""
    moments = [START + timedelta(seconds=each) for each in range(8)]
    states = {name: [book.state_of(each, at) for at in moments] for name, each in book.alerts.items()}
    return book.alerts, book.suppressions, states, sorted(each.id for each in book.standing())


@given(entries(), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(told: list[AnyEntry], chance: object) -> None:
    shuffled = [*told, *told[::2]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    at_once = InboxState()
    at_once.add(told)
    assert as_one_sees_it(book_of(shuffled)) == as_one_sees_it(at_once)


@given(entries(), st.integers(0, 20))
def test_a_restart_changes_nothing(told: list[AnyEntry], place: int) -> None:
    """A new process reads from the log what another wrote, and goes on."""
    read = [decode(encode(each)) for each in told[:place]]
    assert as_one_sees_it(book_of([*read, *told[place:]])) == as_one_sees_it(book_of(told))


@given(entries())
def test_an_acknowledgement_never_outlives_its_alert(told: list[AnyEntry]) -> None:
    for alert in book_of(told).alerts.values():
        if alert.ended:
            assert alert.acknowledged is None
            assert alert.owner == ""


@given(entries())
def test_no_entry_is_lost(told: list[AnyEntry]) -> None:
    book = book_of(told)
    kept = {each.id for alert in book.alerts.values() for each in alert.entries}
    assert kept == {each.id for each in told if each.alert in book.alerts}


def test_a_changeover_asks_for_it_to_be_taken_anew() -> None:
    alert = BEGUN["north"].alert
    taken = Acknowledged(id="a", alert=alert, at=START + timedelta(hours=1), by="inspector")
    changed = Reraised(id="r", alert=alert, at=START + timedelta(hours=2), changeover=START + timedelta(hours=2))
    book = book_of([BEGUN["north"], taken, changed])
    assert book.alerts[alert].acknowledged is None
    assert book.state_of(book.alerts[alert], START + timedelta(hours=3)) == "raised"
    again = Acknowledged(id="b", alert=alert, at=START + timedelta(hours=3), by="the next inspector")
    book.add([again])
    assert book.alerts[alert].owner == "the next inspector"


def test_planned_work_runs_out_by_itself_and_holds_for_the_words_it_names() -> None:
    plan = Suppressed(
        id="p:suppressed",
        alert="p",
        at=START,
        by="chief",
        rule=RULE.name,
        scope=SCOPE,
        until=START + timedelta(hours=1),
    )
    book = book_of([*BEGUN.values(), plan])
    states = {name: book.state_of(book.alerts[each.alert], START) for name, each in BEGUN.items()}
    assert states == {"north": "suppressed", "south": "raised"}
    assert book.state_of(book.alerts[BEGUN["north"].alert], START + timedelta(hours=1)) == "raised"
