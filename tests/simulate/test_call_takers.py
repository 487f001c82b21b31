"""A simulated team of call takers: which calls are answered, put on hold or abandoned, and when."""

import pytest
from simpy import Environment
from simpy.events import Timeout

from producers.simulate.call_takers import Call, Desk
from producers.simulate.roster import CallTaker, DutyRoster

NEVER = float("inf")


class _Recorder:
    """A listener that records events."""

    def __init__(self) -> None:
        self.story: list[tuple[str, str, float]] = []

    def answered(self, call: Call, at: float) -> None:
        self.story.append(("answered", call.subject_id, at))

    def abandoned(self, call: Call, at: float) -> None:
        self.story.append(("abandoned", call.subject_id, at))

    def ended(self, call: Call, at: float) -> None:
        self.story.append(("ended", call.subject_id, at))


def play(
    *calls: Call, on_duty: int, kept_free: int = 0, hold_after_seconds: float | None = None
) -> list[tuple[str, str, float]]:
    """The events of calls at a desk."""
    environment, recorder = Environment(), _Recorder()
    desk = Desk(environment, recorder, kept_free, hold_after_seconds)
    desk.staff(on_duty)
    for call in calls:
        arrival = Timeout(environment, call.offered, call)
        assert arrival.callbacks is not None
        arrival.callbacks.append(lambda event: desk.offer(event.value))
    environment.run()
    return recorder.story


def routine(subject_id: str, offered: float, handling_seconds: float = 100.0, leaves: float = NEVER) -> Call:
    return Call(subject_id, offered, leaves, 2.0, handling_seconds, is_urgent=False)


def urgent(subject_id: str, offered: float, handling_seconds: float = 100.0, leaves: float = NEVER) -> Call:
    return Call(subject_id, offered, leaves, 2.0, handling_seconds, is_urgent=True)


def test_an_urgent_call_is_answered_before_one_that_waited_longer() -> None:
    story = play(routine("first", 0), routine("patient", 10), urgent("urgent", 20), on_duty=1)
    assert [(what, subject_id, at) for what, subject_id, at in story if what == "answered"] == [
        ("answered", "first", 2.0),
        ("answered", "urgent", 104.0),
        ("answered", "patient", 206.0),
    ]


def test_a_routine_call_is_put_on_hold_for_an_urgent_one_and_then_finished() -> None:
    story = play(routine("routine", 0), urgent("urgent", 20, 50), on_duty=1, hold_after_seconds=10)
    assert story == [
        ("answered", "routine", 2.0),
        ("answered", "urgent", 32.0),
        ("ended", "urgent", 82.0),
        ("ended", "routine", 154.0),  # 102 seconds, and 52 on hold
    ]


def test_a_call_resumed_as_soon_as_it_is_put_on_hold_ends_once() -> None:
    """Its two timers then expire at the same time. If both ended the call, there would be one call taker too many."""
    environment, recorder = Environment(), _Recorder()
    desk = Desk(environment, recorder, 0, 10)
    desk.staff(1)
    desk.offer(routine("routine", 0))
    environment.run(until=20)
    desk.offer(urgent("urgent", 20, 500))
    while environment.peek() <= 30:  # the urgent call has waited for ten seconds and gets the call taker
        environment.step()
    desk.staff(2)
    environment.run()
    assert [each for each in recorder.story if each[:2] == ("ended", "routine")] == [("ended", "routine", 102.0)]
    assert desk.busy == 0


def test_no_urgent_call_is_put_on_hold() -> None:
    story = play(urgent("one", 0), urgent("other", 20), on_duty=1, hold_after_seconds=10)
    assert ("answered", "other", 104.0) in story


def test_call_takers_are_kept_free_for_urgent_calls() -> None:
    story = play(routine("one", 0), routine("other", 1), urgent("urgent", 2), on_duty=2, kept_free=1)
    assert story[:2] == [("answered", "one", 2.0), ("answered", "urgent", 4.0)]


def test_a_caller_gives_up_in_the_queue_or_while_it_rings() -> None:
    story = play(routine("one", 0), routine("queued", 1, leaves=30), routine("ringing", 2, leaves=103), on_duty=1)
    assert ("abandoned", "queued", 30) in story
    assert ("abandoned", "ringing", 103) in story
    assert not [each for each in story if each[1] != "one" and each[0] == "answered"]


def test_a_call_taker_who_goes_off_duty_finishes_the_call() -> None:
    environment, recorder = Environment(), _Recorder()
    desk = Desk(environment, recorder, 0, None)
    desk.staff(2)
    for subject_id in ("one", "other", "waiting"):
        desk.offer(routine(subject_id, 0))
    desk.staff(1)
    environment.run()
    assert [(subject_id, at) for what, subject_id, at in recorder.story if what == "answered"] == [
        ("one", 2.0),
        ("other", 2.0),
        ("waiting", 104.0),
    ]


@pytest.mark.parametrize("on_duty", [1, 3, 5])
def test_there_are_never_more_answered_calls_than_call_takers(on_duty: int) -> None:
    calls = [
        Call(str(number), number * 7.0, number * 7.0 + 200, 1.0, 40 + number % 50, is_urgent=number % 3 == 0)
        for number in range(300)
    ]
    story = play(*calls, on_duty=on_duty, kept_free=on_duty // 3)
    busy = most = 0
    for what, subject_id, _ in sorted(story, key=lambda each: (each[2], each[0] == "answered")):
        busy += (what == "answered") - (what == "ended")
        most = max(most, busy)
        assert subject_id
    assert most == on_duty
    ends = [subject_id for what, subject_id, _ in story if what != "ended"]
    assert sorted(ends, key=int) == [call.subject_id for call in calls]


class _States:
    """A listener that records what each call taker does."""

    def __init__(self, environment: Environment) -> None:
        self.environment, self.story = environment, list[tuple[int, str, float]]()

    def signed_on(self, taker: CallTaker) -> None:
        self.story.append((taker.number, f"on {taker.state}", self.environment.now))

    def changed(self, taker: CallTaker) -> None:
        self.story.append((taker.number, f"{taker.state} {taker.queue}".strip(), self.environment.now))

    def signed_off(self, taker: CallTaker) -> None:
        self.story.append((taker.number, "off", self.environment.now))

    def of(self, number: int) -> list[tuple[str, float]]:
        return [(what, at) for who, what, at in self.story if who == number]


def _watched(on_duty: int, *calls: Call, hold_after_seconds: float | None = None) -> tuple[Environment, Desk, _States]:
    """A desk where a tenth of the handling time is wrap-up; it runs for 10 seconds."""
    environment = Environment()
    states = _States(environment)
    roster = DutyRoster[Call](states, lambda call: "urgent" if call.is_urgent else "routine")
    desk = Desk(environment, _Recorder(), 0, hold_after_seconds, roster=roster, wrap_share=0.1)
    desk.staff(on_duty)
    for call in calls:
        desk.offer(call)
    environment.run(until=10)
    return environment, desk, states


def test_a_call_taker_takes_a_call_wraps_up_and_is_available() -> None:
    environment, _, states = _watched(1, routine("one", 0))
    environment.run()
    assert states.of(1) == [("on available", 0), ("on_contact routine", 0), ("wrapping_up", 92), ("available", 102)]


def test_no_contact_begins_if_the_caller_leaves_while_it_rings() -> None:
    environment, desk, states = _watched(1, routine("one", 0, leaves=1))
    environment.run()
    assert (states.of(1), desk.busy) == ([("on available", 0)], 0)


def test_the_call_taker_of_a_call_put_on_hold_takes_the_urgent_one() -> None:
    environment, desk, states = _watched(1, routine("one", 0), hold_after_seconds=10)
    desk.offer(urgent("urgent", 10))
    environment.run()
    assert states.of(1)[1:6] == [
        ("on_contact routine", 0),
        ("available", 20),
        ("on_contact urgent", 20),
        ("wrapping_up", 112),
        ("available", 122),
    ]


def test_who_leaves_finishes_the_call_first_and_a_new_shift_signs_on() -> None:
    environment, desk, states = _watched(3, routine("one", 0), routine("other", 0))
    desk.staff(1)  # the third is free and leaves; one of the other two leaves after the call
    assert states.of(3) == [("on available", 0), ("off", 10)]
    desk.roster.change_shift()
    environment.run()
    ends = [states.of(number)[-1] for number in (1, 2)]
    assert ends == [("off", 102), ("off", 102)]
    assert states.of(4) == [("on available", 102)]
    assert (desk.on_duty, desk.busy) == (1, 0)


def test_everybody_on_duty_signs_on_again_when_the_simulation_begins_to_report() -> None:
    _, desk, states = _watched(2, routine("one", 0))
    desk.roster.sign_on_again()
    assert [(number, what) for number, what, _ in states.story[-2:]] == [(3, "on available"), (4, "on on_contact")]


def test_breaks_rotate_among_free_call_takers_and_leave_as_many_on_duty() -> None:
    environment, desk, states = _watched(3, routine("one", 0))
    desk.roster.rest(1)
    assert states.of(4) == [("on on_break", 10)]
    desk.roster.rest(1)
    assert [(number, what) for number, what, _ in states.story[-2:]] == [(4, "available"), (2, "on_break")]
    desk.roster.change_shift()
    environment.run()
    assert states.of(2)[-1] == ("off", 10)
    desk.roster.rest(0)
    on = sum(what.startswith("on ") for _, what, _ in states.story) - sum(what == "off" for _, what, _ in states.story)
    assert (on, desk.on_duty, desk.busy) == (3, 3, 0)
