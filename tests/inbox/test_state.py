"""Laws of the state: order, repetition and restarts change nothing, and no acknowledgement outlives its alert."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.inbox.log.entry import (
    Acknowledged,
    AnyEntry,
    Assigned,
    Delivered,
    Ended,
    Escalated,
    Failed,
    Measured,
    Noted,
    Reraised,
    Rose,
    Suppressed,
    Unsuppressed,
    decode,
    encode,
)
from alerts.inbox.log.intake import raised
from alerts.inbox.log.state import InboxState
from tests.support.inbox import RULE, SCOPE, START

NAMES = ("north", "south")
BEGUN = {name: raised(RULE, {"force": name}, START, START) for name in NAMES}


@st.composite
def entries(draw: st.DrawFn) -> list[AnyEntry]:
    """A random history of two alerts, with several entries at the same time."""
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
    "assigned": lambda **fields: Assigned(to="control", **fields),
    "noted": lambda **fields: Noted(note="seen", **fields),
    "escalated": lambda **fields: Escalated(notify="sergeant", why="not acknowledged", **fields),
    "reraised": lambda **fields: Reraised(changeover=START, **fields),
    "rose": lambda **fields: Rose(before=1, figure=2, notify_at=START, **fields),
    "measured": lambda **fields: Measured(figure=1, **fields),
    "delivered": lambda **fields: Delivered(of="x", receiver="mail", attempt=2, **fields),
    "failed": lambda **fields: Failed(of="x", receiver="mail", attempt=1, reason="refused", **fields),
}


def state_of_log(history: list[AnyEntry]) -> InboxState:
    """The state after reading entries one by one."""
    state = InboxState()
    for each in history:
        state.add([each])
    return state


def everything_in(state: InboxState) -> object:
    """Everything in a state that can be read."""
    times = [START + timedelta(seconds=each) for each in range(8)]
    states = {name: [state.state_of(each, at) for at in times] for name, each in state.alerts.items()}
    return state.alerts, state.suppressions, states, sorted(each.id for each in state.active_alerts())


@given(entries(), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(history: list[AnyEntry], chance: object) -> None:
    shuffled = [*history, *history[::2]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    at_once = InboxState()
    at_once.add(history)
    assert everything_in(state_of_log(shuffled)) == everything_in(at_once)


@given(entries(), st.integers(0, 20))
def test_a_restart_changes_nothing(history: list[AnyEntry], place: int) -> None:
    """A new process reads what another wrote to the log, and continues."""
    read = [decode(encode(each)) for each in history[:place]]
    assert everything_in(state_of_log([*read, *history[place:]])) == everything_in(state_of_log(history))


@given(entries())
def test_an_acknowledgement_never_outlives_its_alert(history: list[AnyEntry]) -> None:
    for alert in state_of_log(history).alerts.values():
        if alert.ended:
            assert alert.acknowledged is None
            assert alert.owner == ""


@given(entries())
def test_no_entry_is_lost(history: list[AnyEntry]) -> None:
    state = state_of_log(history)
    kept = {each.id for alert in state.alerts.values() for each in alert.entries}
    assert kept == {each.id for each in history if each.alert in state.alerts}


def test_a_shift_changeover_ends_the_acknowledgement() -> None:
    alert = BEGUN["north"].alert
    acknowledged = Acknowledged(id="a", alert=alert, at=START + timedelta(hours=1), by="inspector")
    changed = Reraised(id="r", alert=alert, at=START + timedelta(hours=2), changeover=START + timedelta(hours=2))
    state = state_of_log([BEGUN["north"], acknowledged, changed])
    assert state.alerts[alert].acknowledged is None
    assert state.state_of(state.alerts[alert], START + timedelta(hours=3)) == "raised"
    again = Acknowledged(id="b", alert=alert, at=START + timedelta(hours=3), by="the next inspector")
    state.add([again])
    assert state.alerts[alert].owner == "the next inspector"


def test_a_suppression_expires_and_applies_only_to_its_scope() -> None:
    plan = Suppressed(
        id="p:suppressed",
        alert="p",
        at=START,
        by="chief",
        rule=RULE.name,
        scope=SCOPE,
        until=START + timedelta(hours=1),
    )
    state = state_of_log([*BEGUN.values(), plan])
    states = {name: state.state_of(state.alerts[each.alert], START) for name, each in BEGUN.items()}
    assert states == {"north": "suppressed", "south": "raised"}
    assert state.state_of(state.alerts[BEGUN["north"].alert], START + timedelta(hours=1)) == "raised"


def test_an_escalation_of_an_earlier_version_is_read() -> None:
    now = Escalated(id="e", alert="a", at=START, by="bluelamp", notify="sergeant", why="unacknowledged")
    earlier = encode(now).replace('"notify":', '"tell":')
    assert '"tell":"sergeant"' in earlier
    assert decode(earlier) == now
    with pytest.raises(msgspec.ValidationError, match="notify"):
        decode(encode(now).replace('"notify":', '"other":'))
