"""Simulates who is signed on at a desk, and which call taker has which call."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from facts.call_taker import TakerState


class CallTaker(Struct, gc=False):
    """A call taker at work.

    Attributes:
        number: the number of this sign-on: nobody has the same one twice.
        shift: the shift of the sign-on.
        state: the present state.
        queue: the queue of the contact; empty without one.
        reported: how many facts were reported.
    """

    number: int
    shift: int
    state: TakerState = "available"
    queue: str = ""
    reported: int = 0


class RosterListener(Protocol):
    """Receives what call takers do, when they do it."""

    def signed_on(self, taker: CallTaker) -> None:
        """A call taker signs on, in a state."""

    def changed(self, taker: CallTaker) -> None:
        """The call taker's state changes."""

    def signed_off(self, taker: CallTaker) -> None:
        """The call taker signs off."""


class Unreported:
    """A listener that records nothing."""

    def signed_on(self, taker: CallTaker) -> None:
        """Nothing."""

    def changed(self, taker: CallTaker) -> None:
        """Nothing."""

    def signed_off(self, taker: CallTaker) -> None:
        """Nothing."""


_Call = TypeVar("_Call", bound=Hashable)


class DutyRoster(Generic[_Call]):
    """The call takers of a desk. The next call goes to the one who has been free the longest.

    Args:
        listener: receives what they do.
        queue_of: the queue of a call.
    """

    def __init__(self, listener: RosterListener, queue_of: Callable[[_Call], str]) -> None:
        self._listener: RosterListener = listener
        self._queue_of = queue_of
        self._free: deque[CallTaker] = deque()
        self._resting: deque[CallTaker] = deque()
        self._busy: dict[_Call, CallTaker] = {}
        self._leaving = 0
        self._number = 0
        self._shift = 0

    def staff(self, on_duty: int) -> None:
        """Set the number on duty; those who leave finish their call first."""
        excess = len(self._free) + len(self._busy) - on_duty
        self._leaving = min(max(excess - len(self._free), 0), len(self._busy))
        for _ in range(min(excess, len(self._free))):
            self._listener.signed_off(self._free.popleft())
        for _ in range(-excess):
            self._sign_on()

    def rest(self, on_break: int) -> None:
        """Set the number on a break, who are not on duty: those who were on a break change places with free call takers."""
        while len(self._resting) > on_break:
            self._listener.signed_off(self._resting.popleft())
        for _ in range(min(len(self._resting), len(self._free))):
            back, away = self._resting.popleft(), self._free.popleft()
            self._change(back, "available")
            self._change(away, "on_break")
            self._free.append(back)
            self._resting.append(away)
        while len(self._resting) < on_break:
            self._resting.append(self._signed_on("on_break"))

    def change_shift(self) -> None:
        """Replace everybody; those with a call once it ends."""
        self._shift += 1
        for _ in range(len(self._resting)):
            self._listener.signed_off(self._resting.popleft())
            self._resting.append(self._signed_on("on_break"))
        for _ in range(len(self._free)):
            self._listener.signed_off(self._free.popleft())
            self._sign_on()

    def sign_on_again(self) -> None:
        """Let everybody sign on again, in the present state: a simulation reports nobody who signed on before it."""
        for taker in self._everybody():
            self._number += 1
            taker.number, taker.reported = self._number, 0
            self._listener.signed_on(taker)

    def sign_everybody_off(self) -> None:
        """Let everybody sign off, and report no more: the next simulation lets everybody sign on again at this moment."""
        for taker in self._everybody():
            self._listener.signed_off(taker)
        self._listener = Unreported()

    def _everybody(self) -> Iterable[CallTaker]:
        return *self._free, *self._busy.values(), *self._resting

    def take(self, call: _Call, *, is_answered: bool) -> None:
        """A free call taker takes a call; no contact begins if the caller leaves before it is answered."""
        taker = self._busy[call] = self._free.popleft()
        if is_answered:
            self._change(taker, "on_contact", self._queue_of(call))

    def wrap_up(self, call: _Call) -> None:
        """The call ends, and the work after it begins."""
        self._change(self._busy[call], "wrapping_up")

    def put_back(self, call: _Call) -> None:
        """The call waits for another call taker, because this one must take an urgent call next."""
        taker = self._busy.pop(call)
        self._change(taker, "available")
        self._free.appendleft(taker)

    def finish(self, call: _Call) -> None:
        """Everything about the call is done."""
        taker = self._busy.pop(call)
        is_leaving = self._leaving > 0
        if is_leaving or taker.shift != self._shift:
            self._leaving -= is_leaving
            self._listener.signed_off(taker)
            if not is_leaving:
                self._sign_on()
        else:
            self._change(taker, "available")
            self._free.append(taker)

    def _change(self, taker: CallTaker, state: TakerState, queue: str = "") -> None:
        if (state, queue) != (taker.state, taker.queue):
            taker.state, taker.queue = state, queue
            self._listener.changed(taker)

    def _sign_on(self) -> None:
        self._free.append(self._signed_on("available"))

    def _signed_on(self, state: TakerState) -> CallTaker:
        self._number += 1
        taker = CallTaker(self._number, self._shift, state)
        self._listener.signed_on(taker)
        return taker
