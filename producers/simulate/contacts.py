"""Simulates contacts: 999 and 101 calls answered by a limited number of call takers, callbacks, and digital contacts."""

from collections.abc import Generator as Process
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.random import Generator
from simpy import Environment, Event
from simpy.events import Timeout

from facts.contact import CallbackDeclined, ContactAbandoned, ContactAnswered, ContactConcluded, ContactOffered
from producers.simulate.call_taker_facts import CallTakerFacts
from producers.simulate.call_takers import Call, Desk
from producers.simulate.ledger import Ledger
from producers.simulate.months import Month, spread, utc_time
from producers.simulate.parameters import CallerPatience, Local, Parameters, Shape, Triage, month_total, of_year
from producers.simulate.random_draws import Floats, lognormal, normal, quantiles, shuffled, stream
from producers.simulate.roster import DutyRoster
from producers.simulate.scenario import Effects

_NEVER = float("inf")
_EMERGENCY, _TRIAGE, _LOCAL, _DIGITAL = "emergency", "triage", "local", "digital"
_LINES = {_EMERGENCY: "999", _TRIAGE: "101", _LOCAL: "101"}
_CALLBACK_RING_SECONDS = 4.0
_STINT_HOURS = 4
"""How long call takers are signed on before somebody else takes their place: until a meal, or the end of the shift."""


class Feeds(Struct, frozen=True):
    """The names of the feeds that carry contacts, by line, and of the one that carries call takers."""

    emergency: str
    routine: str
    digital: str
    call_takers: str = ""


class _After(Struct, frozen=True):
    """What happens to a triage call next, drawn in advance.

    Attributes:
        result: result of triage.
        accepts_callback: whether the caller accepts a callback, if it waits long enough to be offered one.
        callback_delay_seconds: from accepting a callback to being called.
        patience_seconds: how long the caller waits in the local queue.
        ring_seconds: ringing time in the local queue.
        handling_seconds: handling time in the local queue.
        local_result: result of the local queue.
    """

    result: str
    accepts_callback: bool
    callback_delay_seconds: float
    patience_seconds: float
    ring_seconds: float
    handling_seconds: float
    local_result: str


class Contacts:
    """The contact centre: it records the facts of every contact in a ledger.

    Args:
        environment: the SimPy environment; its time is in seconds since 1970.
        parameters: the force's parameters.
        effects: the scenario's effects.
        feeds: names of the feeds that carry its facts.
        ledger: receives the facts of contacts.
        seed: the simulation's seed.
        tag: the prefix of every id, so that ids of two simulations in one log differ.
        takers: receives the facts of call takers; without it, none are made.

    Attributes:
        closed: the queues to which triage sends nobody on.
    """

    def __init__(
        self,
        environment: Environment,
        parameters: Parameters,
        effects: Effects,
        feeds: Feeds,
        ledger: Ledger,
        seed: int,
        tag: str,
        takers: Ledger | None = None,
    ) -> None:
        self._environment, self._parameters, self._feeds = environment, parameters, feeds
        self._effects, self._ledger, self._seed, self._tag = effects, ledger, seed, tag
        self._takers = takers
        self._callbacks = set[Call]()
        self.closed: frozenset[str] = frozenset()
        local, triage = parameters.local, parameters.triage
        self.local = Desk(environment, self, local.kept_free, local.hold_after_seconds, *self._reported(local))
        self.triage = Desk(environment, self, 0, None, *self._reported(triage))

    def _reported(self, team: Local | Triage) -> tuple[DutyRoster[Call] | None, float]:
        """Who is signed on at a desk, and the share of the handling time that is wrap-up, if call takers are reported."""
        if self._takers is None:
            return None, 0.0
        prefix, feed = f"{self._tag}{team.skill}-", self._feeds.call_takers
        facts = CallTakerFacts(self._environment, self._takers, feed, self._parameters.force, team.skill, prefix)
        return DutyRoster(facts, _queue), team.wrap_share

    def sign_on_again(self) -> None:
        """Let everybody on duty sign on again: the simulation begins to report now."""
        for desk in (self.local, self.triage):
            desk.roster.sign_on_again()

    def sign_everybody_off(self) -> None:
        """Let everybody on duty sign off: the next simulation begins to report now."""
        for desk in (self.local, self.triage):
            desk.roster.sign_everybody_off()

    # The simulation calls this once a month.

    def month(self, month: Month) -> Iterable[Process[Event, Any, None]]:
        """The SimPy processes of a month: incoming calls, and shifts of call takers."""
        self._digital(month)
        calls = sorted(
            [*self._emergency_calls(month), *self._triage_calls(month), *self._direct_calls(month)],
            key=lambda each: each[1].offered,
        )
        yield self.offer_calls(calls)
        yield self._change_shifts(month)

    def offer_calls(self, calls: Sequence[tuple[str, Call]]) -> Process[Event, Any, None]:
        """The SimPy process that offers calls, which are in order of their offers."""
        environment = self._environment
        for queue, call in calls:
            wait_seconds = call.offered - environment.now
            if wait_seconds < 0:
                continue  # the simulation begins within the month
            yield Timeout(environment, wait_seconds)
            self.offer(queue, call)

    def _change_shifts(self, month: Month) -> Process[Event, Any, None]:
        rng = stream(self._seed, "absence", month.ordinal)
        local, triage = self._parameters.local, self._parameters.triage
        absent, absent_at_triage = (_by_shift(month, local.shift_hours, rng) for _ in range(2))
        for number, hour in enumerate(month.hours):
            wait_seconds = hour.start - self._environment.now
            if wait_seconds < 0:
                continue
            yield Timeout(self._environment, wait_seconds)
            present = self._effects.factor("call_takers", hour.start)
            usual, usual_at_triage = (each.usual(month.year, month.number, hour.of_day) for each in (local, triage))
            on_duty = max(1, round((usual + absent[number] * local.absence_sigma) * present))
            at_triage = max(1, round((usual_at_triage + absent_at_triage[number] * triage.absence_sigma) * present))
            if (hour.of_day - local.shift_hours[0]) % _STINT_HOURS == 0:
                self.local.roster.change_shift()
                self.triage.roster.change_shift()
            self.local.staff(on_duty)
            self.triage.staff(at_triage)
            self.local.roster.rest(local.on_break(on_duty))
            self.triage.roster.rest(triage.on_break(at_triage))

    # Incoming calls.

    def _emergency_calls(self, month: Month) -> Iterable[tuple[str, Call]]:
        calls, rng = self._parameters.emergency, stream(self._seed, _EMERGENCY, month.ordinal)
        ordinary = _arrivals(month, month_total(calls.volume, month), calls.shape, rng)
        at = self._effects.arrivals("emergency_calls", ordinary, rng)
        return self.emergency_calls(at, rng, self._contact_id("e", month, ""))

    def emergency_calls(self, at: Floats, rng: Generator, prefix: str) -> Iterator[tuple[str, Call]]:
        """999 calls at these times, each with its queue; the rest of each call is drawn."""
        calls = self._parameters.emergency
        columns = zip(
            at.tolist(),
            _patience(calls.patience, rng, len(at)),
            calls.ring.draw(rng, len(at)),
            calls.handling.draw(rng, len(at)),
            shuffled(rng, len(at), calls.results),
            strict=True,
        )
        for number, (offered, patience, ring, handling, result) in enumerate(columns):
            note = (_EMERGENCY, result)
            yield _EMERGENCY, Call(f"{prefix}{number}", offered, offered + patience, ring, handling, True, note)

    def _triage_calls(self, month: Month) -> Iterable[tuple[str, Call]]:
        calls, rng = self._parameters.triage, stream(self._seed, _TRIAGE, month.ordinal)
        ordinary = _arrivals(month, month_total(calls.volume, month), calls.shape, rng)
        at = self._effects.arrivals("triage_calls", ordinary, rng)
        return self.triage_calls(at, rng, self._contact_id("t", month, ""))

    def triage_calls(self, at: Floats, rng: Generator, prefix: str) -> Iterator[tuple[str, Call]]:
        """101 calls that join triage at these times, with what happens to them after triage."""
        calls, local = self._parameters.triage, self._parameters.local
        count = len(at)
        patience, ring = _patience(calls.patience, rng, count), calls.ring.draw(rng, count)
        handling = calls.handling.draw(rng, count)
        after = map(
            _After,
            shuffled(rng, count, calls.results),
            (rng.random(count) < calls.callback_share).tolist(),
            calls.callback_delay.draw(rng, count),
            _patience(local.patience, rng, count),
            local.ring.draw(rng, count),
            local.handling.draw(rng, count),
            shuffled(rng, count, local.results),
        )
        for number, (offered, stays, rings, lasts, then) in enumerate(
            zip(at.tolist(), patience, ring, handling, after, strict=True)
        ):
            yield _TRIAGE, self._triage_call(f"{prefix}{number}", offered, stays, rings, lasts, then)

    def _triage_call(
        self, subject_id: str, offered: float, stays: float, rings: float, lasts: float, then: _After
    ) -> Call:
        callback_after_seconds = self._parameters.triage.callback_after_seconds
        if then.accepts_callback and stays > callback_after_seconds:
            return Call(subject_id, offered, offered + callback_after_seconds, rings, lasts, False, ("callback", then))
        return Call(subject_id, offered, offered + stays, rings, lasts, False, (_TRIAGE, then))

    def _direct_calls(self, month: Month) -> Iterable[tuple[str, Call]]:
        triage = self._parameters.triage
        rng = stream(self._seed, "direct", month.ordinal)
        direct_share = of_year(triage.direct_share, month.year)[month.number - 1]
        count = round(month_total(triage.volume, month) * direct_share)
        return self.local_calls(_arrivals(month, count, triage.shape, rng), rng, self._contact_id("l", month, ""))

    def local_calls(self, at: Floats, rng: Generator, prefix: str) -> Iterator[tuple[str, Call]]:
        """101 calls that join the local queue at these times."""
        local, count = self._parameters.local, len(at)
        columns = zip(
            at.tolist(),
            _patience(local.patience, rng, count),
            local.ring.draw(rng, count),
            local.handling.draw(rng, count),
            shuffled(rng, count, local.results),
            strict=True,
        )
        for number, (offered, patience, ring, handling, result) in enumerate(columns):
            yield (
                _LOCAL,
                Call(f"{prefix}{number}", offered, offered + patience, ring, handling, False, (_LOCAL, result)),
            )

    def _contact_id(self, kind: str, month: Month, number: int | str) -> str:
        return f"{self._tag}{kind}{month.ordinal}-{number}"

    # Events of a call.

    def offer(self, queue: str, call: Call) -> None:
        """A call joins its queue."""
        self._report_offered(call.subject_id, queue, call.offered)
        (self.triage if queue == _TRIAGE else self.local).offer(call)
        kind, then = call.note
        if call.is_waiting and kind == _TRIAGE and isinstance(then, _After) and not then.accepts_callback:
            callbacks: Any = Timeout(self._environment, self._parameters.triage.callback_after_seconds, call).callbacks
            callbacks.append(self._decline)

    def _decline(self, event: Any) -> None:
        """A caller who still waits at triage is offered a callback, and stays in the queue."""
        call: Call = event.value
        if call.is_waiting:
            at = _tenth(self._environment.now)
            fact = CallbackDeclined(
                fact_id=f"{call.subject_id}.{_TRIAGE}.declined",
                force=self._parameters.force,
                at=utc_time(at),
                subject_id=call.subject_id,
                queue=_TRIAGE,
            )
            self._ledger.add(at, self._feed(_TRIAGE), fact)

    def answered(self, call: Call, at: float) -> None:
        """A call taker speaks to the caller."""
        queue, at = _queue(call), _tenth(at)
        fact = ContactAnswered(
            fact_id=f"{call.subject_id}.{queue}.answered",
            force=self._parameters.force,
            at=utc_time(at),
            subject_id=call.subject_id,
            queue=queue,
        )
        self._ledger.add(at, self._feed(queue), fact)

    def abandoned(self, call: Call, at: float) -> None:
        """The caller leaves before being answered: gives up, or accepts a callback."""
        kind, then = call.note
        if kind == "callback":
            promised = at + self._parameters.triage.callback_promised_seconds
            self._report_concluded(call.subject_id, _TRIAGE, at, "callback", "callback", promised)
            self.call_back(call, then.callback_delay_seconds)
            return
        at = _tenth(at)
        fact = ContactAbandoned(
            fact_id=f"{call.subject_id}.{kind}.abandoned",
            force=self._parameters.force,
            at=utc_time(at),
            subject_id=call.subject_id,
            queue=kind,
        )
        self._ledger.add(at, self._feed(kind), fact)

    def ended(self, call: Call, at: float) -> None:
        """An answered call ends; a triage call may then join the local queue."""
        queue, then = _queue(call), call.note[1]
        if not isinstance(then, _After):
            self._report_concluded(call.subject_id, queue, at, then, "concluded")
            return
        self._report_concluded(call.subject_id, queue, at, then.result, "concluded")
        if then.result == "to_local" and _LOCAL not in self.closed:
            leaves = at + then.patience_seconds
            note = (_LOCAL, then.local_result)
            self.offer(_LOCAL, Call(call.subject_id, at, leaves, then.ring_seconds, then.handling_seconds, False, note))

    def call_back(self, call: Call, delay_seconds: float) -> None:
        """Call back, after a time, a caller who has left triage for a callback."""
        note = (_TRIAGE, call.note[1])
        callback = Call(call.subject_id, 0.0, _NEVER, _CALLBACK_RING_SECONDS, call.handling_seconds, True, note)
        self._callbacks.add(callback)
        callbacks: Any = Timeout(self._environment, delay_seconds, callback).callbacks
        callbacks.append(self._offer_callback)

    def forget_callbacks(self) -> None:
        """Call back nobody who has accepted a callback so far."""
        self._callbacks.clear()

    def _offer_callback(self, event: Any) -> None:
        call: Call = event.value
        if call not in self._callbacks:
            return  # it has been forgotten
        self._callbacks.remove(call)
        call.offered = self._environment.now
        self._report_offered(call.subject_id, _TRIAGE, call.offered, "offered_again")
        self.triage.offer(call)

    def _report_offered(self, subject_id: str, queue: str, at: float, word: str = "offered") -> None:
        at = _tenth(at)
        fact = ContactOffered(
            fact_id=f"{subject_id}.{queue}.{word}",
            force=self._parameters.force,
            at=utc_time(at),
            subject_id=subject_id,
            line=_LINES[queue],  # type: ignore[arg-type]
            queue=queue,
        )
        self._ledger.add(at, self._feed(queue), fact)

    def _report_concluded(
        self, subject_id: str, queue: str, at: float, result: str, word: str, promised: float | None = None
    ) -> None:
        at = _tenth(at)
        fact = ContactConcluded(
            fact_id=f"{subject_id}.{queue}.{word}",
            force=self._parameters.force,
            at=utc_time(at),
            subject_id=subject_id,
            queue=queue,
            result=result,  # type: ignore[arg-type]
            promised_for=None if promised is None else utc_time(_tenth(promised)),
        )
        self._ledger.add(at, self._feed(queue), fact)

    def _feed(self, queue: str) -> str:
        return self._feeds.emergency if queue == _EMERGENCY else self._feeds.routine

    # Digital contacts do not share call takers, so each is drawn as a whole.

    def _digital(self, month: Month) -> None:
        digital = self._parameters.digital
        for channel, years in digital.channels.items():
            rng = stream(self._seed, channel, month.ordinal)
            count = of_year(years, month.year)[month.number - 1]
            results = digital.contact_us_results if channel == "contact_us" else digital.results
            columns = zip(
                _arrivals(month, count, digital.shape, rng).tolist(),
                digital.answer.draw(rng, count),
                digital.handling.draw(rng, count),
                shuffled(rng, count, results),
                strict=True,
            )
            for number, (at, answer, handling, result) in enumerate(columns):
                self._report_digital(
                    self._contact_id(f"d-{channel}-", month, number), channel, at, answer, handling, result
                )

    def _report_digital(
        self, subject_id: str, channel: str, at: float, answer: float, handling: float, result: str
    ) -> None:
        force, feed, add = self._parameters.force, self._feeds.digital, self._ledger.add
        common: dict[str, Any] = {"force": force, "subject_id": subject_id, "queue": _DIGITAL}
        offered = ContactOffered(fact_id=f"{subject_id}.1", at=utc_time(at), line="digital", channel=channel, **common)
        answered, done = _tenth(at + answer), _tenth(at + answer + handling)
        ended: dict[str, Any] = {"result": result}
        add(at, feed, offered)
        add(answered, feed, ContactAnswered(fact_id=f"{subject_id}.2", at=utc_time(answered), **common))
        add(done, feed, ContactConcluded(fact_id=f"{subject_id}.3", at=utc_time(done), **common, **ended))


def _queue(call: Call) -> str:
    kind: str = call.note[0]
    return _TRIAGE if kind == "callback" else kind


def _by_shift(month: Month, shift_hours: Sequence[int], rng: Generator) -> list[float]:
    """A standard normal number for each hour, the same throughout a shift.

    Each shift of the day is stratified over the month: single shifts may be short of people, but the month is not.
    """
    begins = [number for number, hour in enumerate(month.hours) if hour.of_day in shift_hours or number == 0]
    found = dict.fromkeys(begins, 0.0)
    for of_day in sorted({month.hours[number].of_day for number in begins}):
        chosen = [number for number in begins if month.hours[number].of_day == of_day]
        found.update(zip(chosen, normal(quantiles(rng, len(chosen))).tolist(), strict=True))
    starts = np.searchsorted(begins, range(len(month.hours)), side="right") - 1
    return [found[begins[start]] for start in starts.tolist()]


def _tenth(second: float) -> float:
    """Round as telephony does, to tenths of a second."""
    return round(second, 1)


def _arrivals(month: Month, count: int, shape: Shape, rng: Generator) -> Floats:
    return spread(month, count, shape.weekday_hours, shape.weekend_hours, shape.weekdays, rng)


def _patience(params: CallerPatience, rng: Generator, count: int) -> list[float]:
    stays = lognormal(quantiles(rng, count), params.staying.median_seconds, params.staying.sigma)
    at_once = rng.exponential(params.at_once_mean_seconds, count)
    values: list[float] = np.where(rng.random(count) < params.at_once_share, at_once, stays).tolist()
    return values
