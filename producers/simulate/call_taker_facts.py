"""Records what simulated call takers do as facts."""

from typing import Any

from simpy import Environment

from facts.call_taker import CallTakerSignedOff, CallTakerSignedOn, CallTakerStateChanged
from producers.simulate.ledger import Ledger
from producers.simulate.months import utc_time
from producers.simulate.roster import CallTaker


class CallTakerFacts:
    """Records the facts of the call takers of one desk.

    Args:
        environment: the SimPy environment; its time is in seconds since 1970.
        ledger: receives the facts.
        feed: the name of the feed that carries them.
        force: the force's name.
        skill: the skill of these call takers.
        prefix: the prefix of every id. An id also has the second of the sign-on, so that two simulations of different times share none.
    """

    def __init__(
        self, environment: Environment, ledger: Ledger, feed: str, force: str, skill: str, prefix: str
    ) -> None:
        self._environment, self._ledger, self._feed = environment, ledger, feed
        self._force, self._skill, self._prefix = force, skill, prefix
        self._ids: dict[int, str] = {}
        self._second, self._in_second = 0, 0

    def signed_on(self, taker: CallTaker) -> None:
        """Record the sign-on, and the state directly after it."""
        second = int(self._environment.now)
        self._in_second = self._in_second + 1 if second == self._second else 1
        self._second, self._ids[taker.number] = second, f"{self._prefix}{second}-{self._in_second}"
        self._record(taker, CallTakerSignedOn, skill=self._skill)
        self.changed(taker)

    def changed(self, taker: CallTaker) -> None:
        """Record the state."""
        self._record(taker, CallTakerStateChanged, state=taker.state, queue=taker.queue or None)

    def signed_off(self, taker: CallTaker) -> None:
        """Record the sign-off."""
        self._record(taker, CallTakerSignedOff)
        del self._ids[taker.number]

    def _record(self, taker: CallTaker, fact_type: Any, **fields: Any) -> None:
        taker.reported += 1
        at, subject_id = round(self._environment.now, 1), self._ids[taker.number]
        common = {"force": self._force, "subject_id": subject_id, "at": utc_time(at)}
        fact = fact_type(fact_id=f"{subject_id}.{taker.reported:04}", **common, **fields)
        self._ledger.add(at, self._feed, fact)
