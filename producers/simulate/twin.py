"""The twin: runs the simulated contact centre from its present state many times, to forecast the next hours.

Call takers who share 999 and 101 calls, and hold some back for 999, have no formula; with one queue, the Erlang-A formula applies,
and the tests compare with it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from math import exp, log
from operator import methodcaller
from statistics import NormalDist, median
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.random import Generator
from simpy import Environment

from facts.contact import ContactAbandoned, ContactAnswered, ContactConcluded, ContactOffered
from facts.union import AnyFact
from producers.simulate.arrivals import HORIZON_SECONDS, Arrivals, arrival_times
from producers.simulate.call_takers import Call, Desk
from producers.simulate.contacts import Contacts, Feeds
from producers.simulate.ledger import Ledger
from producers.simulate.parameters import CallerPatience, EmergencyCalls, Local, Lognormal, Parameters, Triage
from producers.simulate.random_draws import Floats, stream
from producers.simulate.scenario import NORMAL, Effects, load_scenario
from producers.simulate.twin_units import IncidentsNow, UnitChange, UnitsTwin

QueueName = Literal["emergency", "triage", "local"]
QUEUES: tuple[QueueName, ...] = ("emergency", "triage", "local")
WARM_UP_SECONDS = 3600
"""How long it runs before the present, so that as many call takers are busy as usual."""
RUNS = 200
_LOW, _HIGH = 0.1, 0.9
_LEAST_FACTOR, _MOST_FACTOR = 0.25, 4.0
"""If a handling time differs more than this from the parameters, the record is wrong. It must not stop the simulation."""
_FEEDS = Feeds("twin", "twin", "twin")
_IN_PROGRESS = "p"


class AnswerTarget(Struct, frozen=True):
    """The target of 999 calls.

    Attributes:
        seconds: the target wait.
        is_inclusive: whether a wait equal to the target meets it.
    """

    seconds: float
    is_inclusive: bool

    def is_met(self, wait: float) -> bool:
        """Whether a wait meets the target; it is rounded to tenths of a second first, as figures are."""
        rounded = round(wait, 1)
        return rounded <= self.seconds if self.is_inclusive else rounded < self.seconds


class Present(Struct, frozen=True, kw_only=True):
    """What is known of the present.

    Attributes:
        waiting: how long each caller has been waiting, in seconds, by queue.
        arrivals: the calls expected, by queue; calls that triage sends on are not among those of the local queue.
        local: the number of call takers who answer 999 calls, and 101 calls after triage.
        triage: the number of call takers at triage.
        target: the target of 999 calls; None if there is none.
        short_seconds: an abandonment after less than this does not count, by queue.
        incidents: what is known of incidents and units; None to leave them out.
        callbacks: for each caller who left triage for a callback and has not been called yet, how long ago they accepted it, in seconds.
        handling_seconds: how long calls are expected to keep a call taker on average, with the ringing, by queue; without a
            figure, as long as the parameters say.
    """

    waiting: Mapping[QueueName, Sequence[float]]
    arrivals: Mapping[QueueName, Arrivals]
    local: int
    triage: int
    target: AnswerTarget | None
    short_seconds: Mapping[QueueName, float] = {}
    incidents: IncidentsNow | None = None
    callbacks: Sequence[float] = ()
    handling_seconds: Mapping[QueueName, float] = {}


class TwinChange(Struct, frozen=True, kw_only=True):
    """What would be different from now on.

    Attributes:
        local: how many more local call takers; negative for fewer.
        triage: how many more at triage.
        busier: how many more calls and incidents, as a share of those expected.
        busier_101: how many more 101 calls there are in addition, as a share.
        closed: the queues that nobody joins any more: neither callers from outside nor those whom triage would send on.
        after_seconds: from the present until the change begins.
        units: how many more units; negative for fewer.
    """

    local: int = 0
    triage: int = 0
    busier: float = 0.0
    busier_101: float = 0.0
    closed: frozenset[QueueName] = frozenset()
    after_seconds: float = 0.0
    units: int = 0

    def share(self, queue: QueueName) -> float:
        """The calls of a queue as a share of the expected calls."""
        if queue in self.closed:
            return 0.0
        return (1 + self.busier) * (1 if queue == "emergency" else 1 + self.busier_101)


NO_CHANGE = TwinChange()


class RunSpread(Struct, frozen=True):
    """A figure over all runs: its median, and the range that contains four runs in five.

    Attributes:
        middle: the median.
        low: a tenth of the runs is below it.
        high: a tenth of the runs is above it.
    """

    middle: float
    low: float
    high: float


class Outlook(Struct, frozen=True, kw_only=True):
    """What the next hours may bring; None where fewer than half of the runs have the figure.

    Attributes:
        within_target: share of the 999 calls that are answered within the target, of those answered or waiting beyond it.
        longest_seconds: the longest wait of a caller, by queue.
        abandoned: share of the calls that are abandoned, of those answered or abandoned, by queue.
        unresourced: the most Grade 1 incidents that have no unit for two minutes or more at one time.
    """

    within_target: RunSpread | None
    longest_seconds: dict[QueueName, RunSpread | None]
    abandoned: dict[QueueName, RunSpread | None]
    unresourced: RunSpread | None = None


class Run(Struct, frozen=True, kw_only=True):
    """The figures of one run; None where there is nothing to calculate them from.

    Attributes:
        within_target: as in `Outlook`.
        longest_seconds: as in `Outlook`.
        abandoned: as in `Outlook`.
        judged_calls: the number of 999 calls behind `within_target`.
        unresourced: as in `Outlook`.
    """

    within_target: float | None
    longest_seconds: dict[QueueName, float | None]
    abandoned: dict[QueueName, float | None]
    judged_calls: int = 0
    unresourced: float | None = None


class Chance(NamedTuple):
    """How likely something is.

    Attributes:
        share: the share of the runs in which it happens.
        calls: the median number of calls in a run.
    """

    share: float
    calls: float


class Twin:
    """Runs the contact centre forward.

    Args:
        parameters: how callers and call takers behave.
        present: what is known of the present.
        seed: the random seed. Runs with the same seed and number have the same callers, so that two changes can be compared.
        pause: called between runs, to let other threads run.
        horizon_seconds: how far to look ahead, at most `HORIZON_SECONDS`.
    """

    def __init__(
        self,
        parameters: Parameters,
        present: Present,
        seed: int = 1,
        pause: Callable[[], None] = lambda: None,
        horizon_seconds: int = HORIZON_SECONDS,
    ) -> None:
        self._parameters, self._present = _as_long(parameters, present.handling_seconds), present
        self._seed, self._pause = seed, pause
        self._horizon = horizon_seconds
        self._effects = Effects(load_scenario(NORMAL), date(2000, 1, 1), ZoneInfo("UTC"))
        self._of_units: dict[tuple[UnitChange, int], Sequence[float]] = {}

    def runs(self, change: TwinChange = NO_CHANGE, count: int = RUNS) -> list[Run]:
        """The figures of each run if a change is made."""
        centres = [_Centre(self._parameters, self._effects, self._horizon) for _ in range(count)]
        usual = self._calls(centres, "usual", WARM_UP_SECONDS, dict.fromkeys(QUEUES, 1.0))
        more = self._calls(
            centres, "more", -change.after_seconds, {queue: max(change.share(queue) - 1, 0.0) for queue in QUEUES}
        )
        for number, centre in enumerate(centres):
            thinned = _thinned(usual[number], change, stream(self._seed, "fewer", number))
            self._warm_up(centre, sorted([*thinned, *more[number]], key=_offered))
            self._pause()
        # No number of runs makes it certain that somebody is free.
        free = {queue: sum(map(methodcaller("has_free", queue), centres)) / (count + 1) for queue in QUEUES}
        found = []
        for number, centre in enumerate(centres):
            found.append(self._run(centre, change, free, stream(self._seed, "present", number)))
            self._pause()
        unresourced = self._unresourced(change, count)
        return [replace(run, unresourced=each) for run, each in zip(found, unresourced, strict=True)]

    def _unresourced(self, change: TwinChange, count: int) -> Sequence[float | None]:
        """The most Grade 1 incidents without a unit in each run. Calls do not change them, so they are simulated separately."""
        if self._present.incidents is None:
            return [None] * count
        of_units = UnitChange(
            change.units, change.busier, change.after_seconds if change.units or change.busier else 0.0
        )
        if (of_units, count) not in self._of_units:
            twin = UnitsTwin(self._parameters, self._present.incidents, self._seed, self._pause, self._horizon)
            self._of_units[of_units, count] = twin.runs(of_units, count)
        return self._of_units[of_units, count]

    def _warm_up(self, centre: "_Centre", calls: list[tuple[str, Call]]) -> None:
        """Run to the present."""
        centre.staff(self._present.local, self._present.triage)
        centre.environment.process(centre.contacts.offer_calls(calls))
        centre.environment.run(until=0)

    def _run(self, centre: "_Centre", change: TwinChange, free: Mapping[QueueName, float], rng: Generator) -> Run:
        """Run from the present; `free` is the share of the runs in which somebody is free for a call of each queue."""
        present = self._present
        centre.replace_waiting(present.waiting, free, rng)
        centre.replace_callbacks(present.callbacks, rng)
        if change.after_seconds:
            centre.staff(present.local, present.triage)
            centre.environment.run(until=min(change.after_seconds, self._horizon))
        if change.after_seconds < self._horizon:
            centre.staff(present.local + change.local, present.triage + change.triage)
            centre.contacts.closed = change.closed
            centre.environment.run(until=self._horizon)
        return centre.tally.figures(present)

    def _calls(
        self, centres: "Sequence[_Centre]", name: str, before_seconds: float, shares: Mapping[QueueName, float]
    ) -> list[list[tuple[str, Call]]]:
        """The calls of each run. All runs are drawn together: single runs are then not stratified, and differ as they should."""
        found: list[list[tuple[str, Call]]] = [[] for _ in centres]
        for queue, share in shares.items():
            if share == 0:
                continue
            rng = stream(self._seed, f"{name} {queue}", 0)
            times = [arrival_times(self._present.arrivals[queue], -before_seconds, share, rng) for _ in centres]
            owners = np.repeat(np.arange(len(times)), [len(each) for each in times])
            for owner, call in zip(
                owners.tolist(), centres[0].drawn(queue, np.concatenate(times), rng, name), strict=True
            ):
                found[owner].append(call)
        return found


def _as_long(parameters: Parameters, handling_seconds: Mapping[QueueName, float]) -> Parameters:
    """The parameters, with handling times that have these means."""
    for queue, seconds in handling_seconds.items():
        calls: EmergencyCalls | Triage | Local = getattr(parameters, queue)
        factor = (seconds - calls.ring.mean_seconds) / calls.handling.mean_seconds
        longer = replace(
            calls.handling, median_seconds=calls.handling.median_seconds * min(max(factor, _LEAST_FACTOR), _MOST_FACTOR)
        )
        parameters = replace(parameters, **{queue: replace(calls, handling=longer)})
    return parameters


def _offered(call: tuple[str, Call]) -> float:
    return call[1].offered


def _thinned(calls: list[tuple[str, Call]], change: TwinChange, rng: Generator) -> Iterator[tuple[str, Call]]:
    """All calls before the change and, for each queue, the share of the later calls that still come."""
    shares: dict[str, float] = {queue: change.share(queue) for queue in QUEUES}
    for queue, call in calls:
        if call.offered < change.after_seconds or shares[queue] >= 1 or rng.random() < shares[queue]:
            yield queue, call


class _Centre:
    """One contact centre that is simulated; the present is second 0."""

    def __init__(self, parameters: Parameters, effects: Effects, horizon_seconds: int) -> None:
        self._parameters, self.tally = parameters, Tally(horizon_seconds)
        self.environment = Environment(initial_time=-WARM_UP_SECONDS)
        self.contacts = Contacts(self.environment, parameters, effects, _FEEDS, self.tally, 0, "")

    def staff(self, local: int, triage: int) -> None:
        """Set how many call takers are on duty."""
        self.contacts.local.staff(max(local, 0))
        self.contacts.triage.staff(max(triage, 0))

    def drawn(self, queue: QueueName, at: Floats, rng: Generator, prefix: str) -> Iterator[tuple[str, Call]]:
        """Calls of a queue at these times."""
        draw = {
            "emergency": self.contacts.emergency_calls,
            "triage": self.contacts.triage_calls,
            "local": self.contacts.local_calls,
        }
        return draw[queue](at, rng, f"{prefix}-{queue}-")

    def has_free(self, queue: QueueName) -> bool:
        """Whether a call that joins a queue now would ring at once."""
        return self._desk(queue).has_free(is_urgent=queue == "emergency")

    def replace_waiting(
        self, waiting: Mapping[QueueName, Sequence[float]], free: Mapping[QueueName, float], rng: Generator
    ) -> None:
        """Replace the callers who wait in the run by those who wait at present.

        The telephone of a caller who waits may be ringing. Otherwise, everybody who could answer is kept busy.
        """
        has_free = {queue: self.has_free(queue) for queue in QUEUES}
        for desk in (self.contacts.local, self.contacts.triage):
            desk.remove_waiting()
        self.tally.forget()
        for queue in QUEUES:
            seconds = sorted(waiting.get(queue, ()), reverse=True)
            is_queued = not has_free[queue]
            for (name, call), waited in zip(self.drawn(queue, -np.array(seconds), rng, "w"), seconds, strict=True):
                self._let_stay(call, queue, waited, rng)
                if not is_queued and not self._rings(call, queue, waited, free[queue], rng):
                    is_queued = True
                if is_queued:
                    self._keep_busy(queue, rng)
                self.contacts.offer(name, call)

    def _rings(self, call: Call, queue: QueueName, waited: float, free: float, rng: Generator) -> bool:
        """Decide whether the telephone of a caller who waits is ringing, in a run in which somebody is free; if so, it rings for longer.

        By Bayes: in a share `free` of the runs the caller was rung at once, and still is if it rings for longer than the wait.
        In the others, the caller is in the queue.
        """
        ring = self._behaviour(queue).ring
        still = 1 - NormalDist(log(ring.median_seconds), ring.sigma).cdf(log(waited)) if waited > 0 else 1.0
        if rng.random() * (free * still + 1 - free) >= still:
            return False
        call.ring_seconds = _longer_than(waited, ring, rng) - waited
        return True

    def replace_callbacks(self, accepted: Sequence[float], rng: Generator) -> None:
        """Replace the callbacks that wait in the run by those that really wait. Very old ones are not made any more."""
        self.contacts.forget_callbacks()
        delay = self._parameters.triage.callback_delay
        seconds = [each for each in sorted(accepted, reverse=True) if each < _longest(delay)]
        for (_, call), waited in zip(self.drawn("triage", -np.array(seconds), rng, "b"), seconds, strict=True):
            self.contacts.call_back(call, _longer_than(waited, delay, rng) - waited)

    def _desk(self, queue: QueueName) -> Desk:
        return self.contacts.triage if queue == "triage" else self.contacts.local

    def _keep_busy(self, queue: QueueName, rng: Generator) -> None:
        desk = self._desk(queue)
        for _ in range(desk.on_duty):
            (drawn,) = self.drawn(queue, np.zeros(1), rng, _IN_PROGRESS)
            call = drawn[1]
            call.ring_seconds, call.leaves = 0.0, float("inf")
            # A call in progress is more likely to be a long one; how much of it has passed is drawn at random.
            call.handling_seconds *= exp(self._behaviour(queue).handling.sigma ** 2) * rng.random()
            if not desk.has_free(is_urgent=call.is_urgent):
                return
            desk.offer(call)

    def _let_stay(self, call: Call, queue: QueueName, waited: float, rng: Generator) -> None:
        """Let a caller who has waited this long stay longer, if the call was drawn with less patience."""
        if call.leaves > 0:
            return
        call.leaves = still_staying(self._behaviour(queue).patience, waited, rng) - waited
        if queue == "triage":
            call.note = (queue, call.note[1])  # a caller who still waits has declined the callback

    def _behaviour(self, queue: QueueName) -> EmergencyCalls | Triage | Local:
        found: EmergencyCalls | Triage | Local = getattr(self._parameters, queue)
        return found


def _longest(times: Lognormal) -> float:
    """The time that only one in 1,000 is longer than."""
    return times.median_seconds * exp(times.sigma * NormalDist().inv_cdf(0.999))


def _longer_than(seconds: float, times: Lognormal, rng: Generator) -> float:
    """A time that is longer than some seconds, and otherwise distributed as the others."""
    return still_staying(CallerPatience(at_once_share=0, at_once_mean_seconds=0, staying=times), seconds, rng)


def still_staying(patience: CallerPatience, waited: float, rng: Generator) -> float:
    """The patience of a caller who has waited some seconds already: longer than that, and otherwise as that of others."""
    at_once, staying = patience.at_once_mean_seconds, patience.staying
    distribution = NormalDist(np.log(staying.median_seconds), staying.sigma)
    gone = distribution.cdf(np.log(waited)) if waited > 0 else 0.0
    stay = (1 - patience.at_once_share) * (1 - gone)
    leave = patience.at_once_share * float(np.exp(-waited / at_once)) if at_once else 0.0
    if rng.random() * (stay + leave) < leave or gone >= 1 - 1e-12:
        return waited + float(rng.exponential(at_once or 1.0))
    place = min(gone + (1 - gone) * rng.random(), 1 - 1e-12)
    return max(float(np.exp(distribution.inv_cdf(max(place, 1e-12)))), waited)


class Tally(Ledger):
    """Counts the calls of one run from its facts, and keeps none of them.

    Args:
        horizon_seconds: when it stops counting, in seconds from the present.
    """

    def __init__(self, horizon_seconds: int = HORIZON_SECONDS) -> None:
        super().__init__()
        self._horizon = horizon_seconds
        self.forget()

    def forget(self) -> None:
        """Start counting again: what was reported so far is before the present."""
        self._offered: dict[tuple[str, str], float] = {}
        self._waits: dict[str, list[float]] = {each: [] for each in QUEUES}
        self._gone: dict[str, list[float]] = {each: [] for each in QUEUES}

    def add(self, at: float, feed: str, fact: AnyFact) -> None:
        """Count a fact."""
        del feed
        if isinstance(fact, ContactOffered):
            self._offered[fact.subject_id, fact.queue] = at
        elif isinstance(fact, (ContactAnswered, ContactAbandoned, ContactConcluded)):
            if at >= self._horizon:
                return  # it still waits, or rings, at the horizon
            since = self._offered.pop((fact.subject_id, fact.queue), None)
            if since is not None and not isinstance(fact, ContactConcluded):
                ends = self._waits if isinstance(fact, ContactAnswered) else self._gone
                ends[fact.queue].append(at - since)

    def figures(self, present: Present) -> Run:
        """The figures of the run, from the present to the horizon."""
        waiting: dict[str, list[float]] = {each: [] for each in QUEUES}
        for (_, queue), since in self._offered.items():
            waiting[queue].append(self._horizon - since)
        abandoned: dict[QueueName, float | None] = {}
        longest: dict[QueueName, float | None] = {}
        for queue in QUEUES:
            gone = [each for each in self._gone[queue] if each >= present.short_seconds.get(queue, 0.0)]
            abandoned[queue] = _share(len(gone), len(gone) + len(self._waits[queue]))
            longest[queue] = max((*self._waits[queue], *self._gone[queue], *waiting[queue]), default=None)
        within, calls = self._within(present.target, waiting["emergency"])
        return Run(within_target=within, longest_seconds=longest, abandoned=abandoned, judged_calls=calls)

    def _within(self, target: AnswerTarget | None, waiting: Sequence[float]) -> tuple[float | None, int]:
        """The share of 999 calls that are answered within the target, and the number of calls behind it."""
        if target is None:
            return None, 0
        met = sum(map(target.is_met, self._waits["emergency"]))
        calls = len(self._waits["emergency"]) + sum(not target.is_met(wait) for wait in waiting)
        return _share(met, calls), calls


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def outlook(runs: Sequence[Run]) -> Outlook:
    """The medians and ranges of some runs."""
    return _over(lambda value: list(map(value, runs)))


def chance_below(runs: Sequence[Run], standard: float) -> Chance | None:
    """How likely it is that the share of 999 calls within the target is below a standard; None if most runs have no such share."""
    known = [each.within_target for each in runs if each.within_target is not None]
    if not known or 2 * len(known) < len(runs):
        return None
    return Chance(sum(each < standard for each in known) / len(known), median(each.judged_calls for each in runs))


def difference(runs: Sequence[Run], others: Sequence[Run]) -> Outlook:
    """How much greater the figures of the others are, run by run: they have the same callers."""

    def of(value: _Value) -> list[float | None]:
        pairs = ((value(run), value(other)) for run, other in zip(runs, others, strict=True))
        return [None if first is None or second is None else second - first for first, second in pairs]

    return _over(of)


_Value = Callable[[Run], float | None]


def _over(values: Callable[[_Value], list[float | None]]) -> Outlook:
    """An outlook from a function that lists one value for each run."""

    def of_queues(named: Callable[[Run], Mapping[QueueName, float | None]]) -> dict[QueueName, RunSpread | None]:
        return {queue: _spread(values(lambda each, queue=queue: named(each)[queue])) for queue in QUEUES}  # type: ignore[misc]

    return Outlook(
        within_target=_spread(values(lambda each: each.within_target)),
        longest_seconds=of_queues(lambda each: each.longest_seconds),
        abandoned=of_queues(lambda each: each.abandoned),
        unresourced=_spread(values(lambda each: each.unresourced), is_count=True),
    )


def _spread(values: Sequence[float | None], *, is_count: bool = False) -> RunSpread | None:
    known = [each for each in values if each is not None]
    if not known or 2 * len(known) < len(values):
        return None
    if is_count:  # nothing between whole numbers
        return RunSpread(*np.quantile(known, (0.5, _LOW, _HIGH), method="inverted_cdf").tolist())
    # A new value is below the lower end with a probability of exactly a tenth, and likewise above the upper end.
    low, high = np.quantile(known, (_LOW, _HIGH), method="weibull").tolist()
    return RunSpread(median(known), low, high)
