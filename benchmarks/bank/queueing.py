"""The twin on a bank's morning: what its queue model says of the calls that came, next to what happened."""

from collections.abc import Mapping, Sequence
from math import log
from statistics import fmean, median, stdev
from typing import NamedTuple

from msgspec.structs import replace

from benchmarks.bank.patience import fitted_patience
from benchmarks.bank.record import BankCall
from producers.simulate.arrivals import Arrivals, Arriving
from producers.simulate.parameters import Lognormal, Parameters, packaged
from producers.simulate.twin import (
    QUEUES,
    RUNS,
    WARM_UP_SECONDS,
    AnswerTarget,
    Outlook,
    Present,
    QueueName,
    Twin,
    outlook,
)

_HALF_HOUR = 1800
_TARGET_SECONDS = 60


class BankOutlook(NamedTuple):
    """What the twin says of a stretch of the morning, and what happened.

    Attributes:
        first: its start, in seconds since midnight.
        last: its end.
        call_takers: how many people answered, by the record.
        outlook: the twin's figures.
        abandoned: the share of the callers who joined the queue then and hung up.
        within_target: the share of those answered who were answered within a minute.
        longest_seconds: the longest wait.
    """

    first: int
    last: int
    call_takers: int
    outlook: Outlook
    abandoned: float
    within_target: float
    longest_seconds: int


def bank_outlook(
    calls: Sequence[BankCall], known: Sequence[BankCall], first: int, last: int, runs: int = RUNS
) -> BankOutlook:
    """Run the twin over a stretch of the morning, with the calls that came as what is expected.

    Args:
        calls: the calls of the morning.
        known: those from which patience and handling times are known.
        first: the start, in seconds since midnight: a whole half-hour.
        last: the end, likewise.
        runs: how many runs the twin has.
    """
    takers = round(_busy(calls, first, last))
    present = Present(
        waiting={**_NOBODY, "emergency": [first - each.joined for each in calls if _waits_at(each, first)]},
        arrivals={queue: Arrivals(()) for queue in QUEUES} | {"emergency": _expected(calls, first, last)},
        local=takers,
        triage=0,
        target=AnswerTarget(_TARGET_SECONDS, is_inclusive=True),
        handling_seconds={"emergency": fmean(each.service_seconds for each in known if each.is_answered)},
    )
    twin = Twin(_bank_parameters(known), present, horizon_seconds=last - first)
    then = [each for each in calls if first <= each.joined < last]
    answered = [each.waited for each in then if each.is_answered]
    return BankOutlook(
        first,
        last,
        takers,
        outlook(twin.runs(count=runs)),
        sum(not each.is_answered for each in then) / len(then),
        sum(each <= _TARGET_SECONDS for each in answered) / len(answered),
        max(each.waited for each in then),
    )


_NOBODY: Mapping[QueueName, Sequence[float]] = {queue: [] for queue in QUEUES}


def _waits_at(call: BankCall, at: int) -> bool:
    return call.joined < at < call.joined + call.waited


def _busy(calls: Sequence[BankCall], first: int, last: int) -> float:
    """The mean number of call takers who were on a call while somebody waited: everybody, but for the moments between two calls."""
    seconds = [at for at in range(first, last, 5) if any(_waits_at(each, at) for each in calls)]
    return fmean(sum(_is_served_at(each, at) for each in calls) for at in seconds)


def _is_served_at(call: BankCall, at: int) -> bool:
    begins = call.joined + call.waited
    return call.is_answered and begins <= at < begins + call.service_seconds


def _expected(calls: Sequence[BankCall], first: int, last: int) -> Arrivals:
    """The calls of each half-hour; as many before the start, which serve only to make as many call takers busy as usual."""
    starts = range(first, last, _HALF_HOUR)
    counted = [
        Arriving(
            start - first, start - first + _HALF_HOUR, sum(start <= each.joined < start + _HALF_HOUR for each in calls)
        )
        for start in starts
    ]
    before = Arriving(-WARM_UP_SECONDS, 0.0, counted[0].expected * WARM_UP_SECONDS / _HALF_HOUR)
    return Arrivals((before, *counted))


def _bank_parameters(known: Sequence[BankCall]) -> Parameters:
    """One queue in which nobody is kept free, and a call rings for a moment only."""
    parameters, lengths = packaged(), [each.service_seconds for each in known if each.is_answered]
    handling = Lognormal(median_seconds=median(lengths), sigma=stdev(map(log, lengths)))
    ring = Lognormal(median_seconds=0.5, sigma=0.1)
    emergency = replace(parameters.emergency, ring=ring, handling=handling, patience=fitted_patience(known))
    return replace(parameters, emergency=emergency, local=replace(parameters.local, kept_free=0))
