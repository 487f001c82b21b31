"""Simulates a team of call takers: calls ring, wait, and are answered, put on hold or abandoned."""

from collections import deque
from typing import Any, Protocol

from simpy import Environment
from simpy.events import Timeout

from producers.simulate.roster import DutyRoster, Unreported

_FOREVER = float("inf")


class Call:
    """One call.

    Attributes:
        subject_id: id of the contact.
        offered: when it joined the queue, in seconds since 1970.
        leaves: when the caller will give up if not answered by then.
        ring_seconds: from assignment to a call taker until that person speaks.
        handling_seconds: from then until the call taker is ready for the next call.
        is_urgent: assigned before every routine call; a routine call may be put on hold for it.
        is_waiting: not yet assigned or abandoned.
        is_answered: a person has spoken, or will once it stops ringing.
        ends: when it will end; infinite while it waits or is on hold.
        timer: the timer that will end it; a timer set before it went on hold is ignored.
        note: data for the listener.
    """

    __slots__ = (
        "ends",
        "handling_seconds",
        "is_answered",
        "is_urgent",
        "is_waiting",
        "leaves",
        "note",
        "offered",
        "ring_seconds",
        "subject_id",
        "timer",
    )

    def __init__(
        self,
        subject_id: str,
        offered: float,
        leaves: float,
        ring_seconds: float,
        handling_seconds: float,
        is_urgent: bool,
        note: Any = None,
    ) -> None:
        self.subject_id, self.offered, self.leaves = subject_id, offered, leaves
        self.ring_seconds, self.handling_seconds = ring_seconds, handling_seconds
        self.is_urgent, self.note = is_urgent, note
        self.is_waiting, self.is_answered, self.ends = True, False, _FOREVER
        self.timer: Timeout | None = None


class CallListener(Protocol):
    """Receives the events of calls. Times are in seconds since 1970 and may be ahead by the ringing time."""

    def answered(self, call: Call, at: float) -> None:
        """A call taker speaks to the caller."""

    def abandoned(self, call: Call, at: float) -> None:
        """The caller leaves before being answered."""

    def ended(self, call: Call, at: float) -> None:
        """An answered call ends."""


class Desk:
    """Call takers who share their calls.

    Urgent calls are assigned first. A routine call is assigned only while `kept_free` other call takers stay free. An
    urgent call that has waited `hold_after_seconds` is given the call taker of a routine call, which is put on hold until
    a call taker is free again.

    Args:
        environment: the SimPy environment; its time is in seconds since 1970.
        listener: receives the events of the calls.
        kept_free: number of call takers kept free for urgent calls.
        hold_after_seconds: how long an urgent call waits before a routine call is put on hold for it; None for never.
        roster: who is signed on and has which call; nothing of that is reported without one.
        wrap_share: the share of the handling time that is work after the call.
    """

    def __init__(
        self,
        environment: Environment,
        listener: CallListener,
        kept_free: int,
        hold_after_seconds: float | None,
        roster: DutyRoster[Call] | None = None,
        wrap_share: float = 0.0,
    ) -> None:
        self._environment, self._listener = environment, listener
        self.roster: DutyRoster[Call] = roster or DutyRoster(Unreported(), lambda _: "")
        self._wrap_share = wrap_share
        self._kept_free, self._hold_after_seconds = kept_free, hold_after_seconds
        self.on_duty = 0
        self.busy = 0
        self._urgent: deque[Call] = deque()
        self._routine: deque[Call] = deque()
        self._on_hold: deque[tuple[Call, float]] = deque()
        self._routine_busy: dict[Call, None] = {}

    def staff(self, on_duty: int) -> None:
        """Set the number on duty; those who leave finish their call first."""
        self.on_duty = on_duty
        self.roster.staff(on_duty)
        self._serve()

    def has_free(self, *, is_urgent: bool) -> bool:
        """Whether a call that joins the queue now is assigned at once."""
        free = self.on_duty - self.busy
        return free > 0 if is_urgent else free > self._kept_free and not self._routine and not self._on_hold

    def remove_waiting(self) -> None:
        """Remove every call that waits and was never answered, as if it had never been offered."""
        for queue in (self._urgent, self._routine):
            for call in queue:
                call.is_waiting = False
            queue.clear()

    def offer(self, call: Call) -> None:
        """A call joins the queue."""
        if self.has_free(is_urgent=call.is_urgent):
            self._assign(call)
            return
        (self._urgent if call.is_urgent else self._routine).append(call)
        self._after(call.leaves - self._environment.now, call, self._leave)
        if call.is_urgent and self._routine_busy and self._hold_after_seconds is not None:
            self._after(self._hold_after_seconds, call, self._hold_routine_call)

    def _after(self, seconds: float, value: Any, then: Any) -> Timeout:
        timer = Timeout(self._environment, max(seconds, 0.0), value)
        callbacks: Any = timer.callbacks
        callbacks.append(then)
        return timer

    def _leave(self, event: Any) -> None:
        call: Call = event.value
        if call.is_waiting:
            call.is_waiting = False
            self._listener.abandoned(call, call.leaves)

    def _hold_routine_call(self, event: Any) -> None:
        """Put a routine call on hold for an urgent call that has waited too long."""
        call: Call = event.value
        if call.is_waiting and self._routine_busy:
            routine, _ = self._routine_busy.popitem()
            self._on_hold.append((routine, routine.ends - self._environment.now))
            routine.ends, routine.timer = _FOREVER, None
            self.busy -= 1
            self.roster.put_back(routine)
            self._assign(call)

    def _assign(self, call: Call) -> None:
        now = self._environment.now
        call.is_waiting = False
        self.busy += 1
        answered_at = now + call.ring_seconds
        self.roster.take(call, is_answered=call.leaves >= answered_at)
        if call.leaves < answered_at:
            self._listener.abandoned(call, max(call.leaves, call.offered))
            call.ends = max(call.leaves, now)
        else:
            call.is_answered = True
            self._listener.answered(call, answered_at)
            call.ends = answered_at + call.handling_seconds
            if not call.is_urgent:
                self._routine_busy[call] = None
        self._time_end(call, call.ends - now)

    def _time_end(self, call: Call, left_seconds: float) -> None:
        """Set the timers that end an assigned call, and begin its wrap-up if it is answered."""
        call.timer = self._after(left_seconds, call, self._end)
        wrap_seconds = self._wrap_share * call.handling_seconds
        if call.is_answered and 0 < wrap_seconds < left_seconds:
            self._after(left_seconds - wrap_seconds, (call, call.timer), self._wrap_up)

    def _wrap_up(self, event: Any) -> None:
        call, timer = event.value
        if call.timer is timer:
            self.roster.wrap_up(call)

    def _end(self, event: Any) -> None:
        call: Call = event.value
        now = self._environment.now
        if call.timer is not event:
            return  # the call was put on hold after this timer was set
        self._routine_busy.pop(call, None)
        self.busy -= 1
        self.roster.finish(call)
        if call.is_answered:
            self._listener.ended(call, now)
        self._serve()

    def _serve(self) -> None:
        """Assign waiting calls to free call takers."""
        while self.on_duty > self.busy:
            if self._urgent:
                self._assign_next(self._urgent)
            elif self._on_hold:
                self._resume(*self._on_hold.popleft())
            elif self._routine and self.on_duty - self.busy > self._kept_free:
                self._assign_next(self._routine)
            else:
                return

    def _assign_next(self, queue: deque[Call]) -> None:
        call = queue.popleft()
        if call.is_waiting:
            self._assign(call)

    def _resume(self, call: Call, left_seconds: float) -> None:
        call.ends = self._environment.now + left_seconds
        self.busy += 1
        self._routine_busy[call] = None
        self.roster.take(call, is_answered=True)
        self._time_end(call, left_seconds)
