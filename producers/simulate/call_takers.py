"""A desk of call takers: calls that ring, wait, are answered, put on hold or abandoned, in SimPy's time."""

from collections import deque
from typing import Any, Protocol

from simpy import Environment
from simpy.events import Timeout

_FOREVER = float("inf")


class Call:
    """One call at a desk.

    Attributes:
        who: the caller's contact.
        offered: when it joined the queue, in seconds since 1970.
        leaves: when the caller gives up unless answered.
        ring_seconds: from a call taker's taking it to speaking.
        handling_seconds: from speaking to being ready for the next.
        is_urgent: taken before every other, and where the desk does so, with another put on hold for it.
        is_waiting: neither taken nor gone.
        is_answered: a person has spoken, or will when it stops ringing.
        ends: when it will be over; not known while it waits or is on hold.
        timer: what will end it; one that was set before it went on hold no longer counts.
        note: whatever the desk's listener needs to know of it.
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
    """Who is told what becomes of calls; times are in seconds since 1970, and may lie a ring ahead."""

    def answered(self, call: Call, at: float) -> None:
        """A person speaks."""

    def abandoned(self, call: Call, at: float) -> None:
        """The caller left before that."""

    def ended(self, call: Call, at: float) -> None:
        """The call is over."""


class Desk:
    """Call takers who share their calls.

    Urgent calls are taken first. A routine call is taken only while `kept_free` others stay free, and an urgent
    call that has waited `hold_after_seconds` takes the call taker of a routine one, which goes on hold until somebody is
    free again.

    Args:
        environment: the SimPy environment; its time is in seconds since 1970.
        listener: is told what becomes of the calls.
        kept_free: how many call takers are kept free for urgent calls.
        hold_after_seconds: how long an urgent call waits before a routine one is put on hold for it; None for never.
    """

    def __init__(
        self, environment: Environment, listener: CallListener, kept_free: int, hold_after_seconds: float | None
    ) -> None:
        self._environment, self._listener = environment, listener
        self._kept_free, self._hold_after_seconds = kept_free, hold_after_seconds
        self.on_duty = 0
        self.busy = 0
        self._urgent: deque[Call] = deque()
        self._routine: deque[Call] = deque()
        self._on_hold: deque[tuple[Call, float]] = deque()
        self._routine_busy: dict[Call, None] = {}

    def staff(self, on_duty: int) -> None:
        """Set how many are on duty; those who go finish the call in hand."""
        self.on_duty = on_duty
        self._serve()

    def offer(self, call: Call) -> None:
        """A call joins the queue."""
        free = self.on_duty - self.busy
        if free > 0 if call.is_urgent else free > self._kept_free and not self._routine and not self._on_hold:
            self._take(call)
            return
        (self._urgent if call.is_urgent else self._routine).append(call)
        self._after(call.leaves - self._environment.now, call, self._leave)
        if call.is_urgent and self._routine_busy and self._hold_after_seconds is not None:
            self._after(self._hold_after_seconds, call, self._insist)

    def _after(self, seconds: float, call: Call, then: Any) -> Timeout:
        timer = Timeout(self._environment, max(seconds, 0.0), call)
        callbacks: Any = timer.callbacks
        callbacks.append(then)
        return timer

    def _leave(self, event: Any) -> None:
        call: Call = event.value
        if call.is_waiting:
            call.is_waiting = False
            self._listener.abandoned(call, call.leaves)

    def _insist(self, event: Any) -> None:
        """An urgent call has waited too long: somebody puts a routine call on hold for it."""
        call: Call = event.value
        if call.is_waiting and self._routine_busy:
            routine, _ = self._routine_busy.popitem()
            self._on_hold.append((routine, routine.ends - self._environment.now))
            routine.ends, routine.timer = _FOREVER, None
            self.busy -= 1
            self._take(call)

    def _take(self, call: Call) -> None:
        now = self._environment.now
        call.is_waiting = False
        self.busy += 1
        speaks = now + call.ring_seconds
        if call.leaves < speaks:
            self._listener.abandoned(call, max(call.leaves, call.offered))
            call.ends = max(call.leaves, now)
        else:
            call.is_answered = True
            self._listener.answered(call, speaks)
            call.ends = speaks + call.handling_seconds
            if not call.is_urgent:
                self._routine_busy[call] = None
        call.timer = self._after(call.ends - now, call, self._end)

    def _end(self, event: Any) -> None:
        call: Call = event.value
        now = self._environment.now
        if call.timer is not event:
            return  # it was put on hold meanwhile
        self._routine_busy.pop(call, None)
        self.busy -= 1
        if call.is_answered:
            self._listener.ended(call, now)
        self._serve()

    def _serve(self) -> None:
        """Give whoever is free the next call."""
        while self.on_duty > self.busy:
            if self._urgent:
                self._take_waiting(self._urgent)
            elif self._on_hold:
                self._resume(*self._on_hold.popleft())
            elif self._routine and self.on_duty - self.busy > self._kept_free:
                self._take_waiting(self._routine)
            else:
                return

    def _take_waiting(self, queue: deque[Call]) -> None:
        call = queue.popleft()
        if call.is_waiting:
            self._take(call)

    def _resume(self, call: Call, left_seconds: float) -> None:
        call.ends = self._environment.now + left_seconds
        self.busy += 1
        self._routine_busy[call] = None
        call.timer = self._after(left_seconds, call, self._end)
