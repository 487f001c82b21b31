"""Tests the twin: against the Erlang-A formula where that applies, and where 999 comes before 101, by what must be true."""

import math
import time
from collections.abc import Mapping
from statistics import fmean, median

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.random import Generator

from producers.simulate.arrivals import HORIZON_SECONDS, Arrivals, Arriving, arrival_times
from producers.simulate.parameters import CallerPatience, Lognormal, Parameters, packaged
from producers.simulate.random_draws import stream
from producers.simulate.twin import (
    NO_CHANGE,
    QUEUES,
    RUNS,
    WARM_UP_SECONDS,
    AnswerTarget,
    Present,
    QueueName,
    Run,
    Twin,
    TwinChange,
    chance_below,
    difference,
    outlook,
    still_staying,
)

TARGET = AnswerTarget(10, is_inclusive=False)
HOURLY: Mapping[QueueName, float] = {"emergency": 33, "triage": 19, "local": 3}
NOBODY: Mapping[QueueName, list[float]] = {queue: [] for queue in QUEUES}


def present(
    local: int = 8,
    triage: int = 3,
    waiting: Mapping[QueueName, list[float]] = NOBODY,
    hourly: Mapping[QueueName, float] = HOURLY,
    target: AnswerTarget | None = TARGET,
) -> Present:
    hours = (WARM_UP_SECONDS + HORIZON_SECONDS) / 3600
    stretch = {queue: Arriving(-WARM_UP_SECONDS, HORIZON_SECONDS, hours * hourly.get(queue, 0.0)) for queue in QUEUES}
    arrivals = {queue: Arrivals((stretch[queue],)) for queue in QUEUES}
    return Present(waiting=waiting, arrivals=arrivals, local=local, triage=triage, target=target)


class Exponential(Lognormal, frozen=True, kw_only=True):
    """An exponential distribution, whose mean is in the place of the median: what the formula assumes."""

    def draw(self, rng: Generator, count: int) -> list[float]:
        """Lengths of time in seconds."""
        values: list[float] = rng.exponential(self.median_seconds, count).tolist()
        return values


def one_queue(handling: float, patience: float) -> Parameters:
    """999 calls alone, without ringing, and nobody is kept free."""
    at_once = CallerPatience(
        at_once_share=1.0, at_once_mean_seconds=patience, staying=Lognormal(median_seconds=1, sigma=1)
    )
    parameters = packaged()
    emergency = replace(
        parameters.emergency,
        ring=Lognormal(median_seconds=0, sigma=0),
        handling=Exponential(median_seconds=handling, sigma=0),
        patience=at_once,
    )
    return replace(parameters, emergency=emergency, local=replace(parameters.local, kept_free=0))


def erlang_a(hourly: float, handling: float, patience: float, takers: int) -> tuple[float, float]:
    """The share of calls that are abandoned, and the share answered at once of those answered (Palm's M/M/c+M)."""
    rate, weights = hourly / 3600, [1.0]
    for waiting_or_served in range(1, 400):
        leaving = min(waiting_or_served, takers) / handling + max(waiting_or_served - takers, 0) / patience
        weights.append(weights[-1] * rate / leaving)
    total = sum(weights)
    queued = sum(max(number - takers, 0) * each for number, each in enumerate(weights)) / total
    abandoned = queued / patience / rate
    return abandoned, sum(weights[:takers]) / total / (1 - abandoned)


@pytest.mark.parametrize(
    ("hourly", "handling", "patience", "takers"), [(100, 180, 120, 5), (60, 300, 90, 4), (120, 120, 300, 6)]
)
def test_one_queue_behaves_as_the_erlang_a_formula_says(
    hourly: float, handling: float, patience: float, takers: int
) -> None:
    at_once = AnswerTarget(0, is_inclusive=True)
    # The parameters say half as long; the forecast of the handling time overrules them.
    now = replace(
        present(takers, 0, hourly={"emergency": hourly}, target=at_once), handling_seconds={"emergency": handling}
    )
    twin = Twin(one_queue(handling / 2, patience), now, seed=4)
    runs = twin.runs(count=60)
    found = [fmean(value for each in runs if (value := each.abandoned["emergency"]) is not None)]
    found += [fmean(each.within_target for each in runs if each.within_target is not None)]
    assert found == pytest.approx(erlang_a(hourly, handling, patience, takers), abs=0.02)


def mean_within(runs: list[Run]) -> float:
    return fmean(each.within_target for each in runs if each.within_target is not None)


def test_more_call_takers_help_and_more_calls_do_not() -> None:
    twin = Twin(packaged(), present())
    within = [mean_within(twin.runs(each, 20)) for each in (TwinChange(local=-3), NO_CHANGE, TwinChange(local=3))]
    assert within == sorted(within)
    assert within[2] - within[0] > 0.1
    assert (
        mean_within(twin.runs(TwinChange(busier=0.5), 20))
        < within[1]
        < mean_within(twin.runs(TwinChange(busier=-0.5), 20))
    )


def test_a_change_has_no_effect_before_it_begins() -> None:
    twin = Twin(packaged(), present(), horizon_seconds=3600)
    later = TwinChange(local=-5, triage=-2, busier=1.0, closed=frozenset({"triage"}), after_seconds=3600.0)
    assert twin.runs(later, 4) == twin.runs(count=4)
    longer, half = (
        Twin(packaged(), present()).runs(TwinChange(local=-3, after_seconds=after), 8) for after in (0.0, 3600.0)
    )
    assert mean_within(longer) < mean_within(half)


def test_one_queue_of_101_is_closed_alone() -> None:
    twin = Twin(packaged(), present(6, 2))
    usual, no_triage, no_local = (
        twin.runs(TwinChange(closed=frozenset(closed)), 6) for closed in ((), ("triage",), ("local",))
    )
    assert max(each.longest_seconds["triage"] or 0 for each in no_triage) < 10, (
        "only callbacks accepted before are made"
    )
    assert max(each.longest_seconds["local"] or 0 for each in no_triage) > 0, "direct callers still come"
    assert [each.abandoned["triage"] for each in no_local] == [each.abandoned["triage"] for each in usual]
    assert {each.longest_seconds["local"] for each in no_local} == {None}, "nobody comes, and triage sends nobody on"


def test_101_closed_to_new_callers_leaves_those_who_wait_and_all_999_calls() -> None:
    waiting: Mapping[QueueName, list[float]] = {"emergency": [], "triage": [40.0], "local": [600.0]}
    twin = Twin(packaged(), present(6, 2, waiting=waiting))
    both = TwinChange(closed=frozenset({"triage", "local"}))
    usual, closed = (twin.runs(each, 12) for each in (NO_CHANGE, both))
    assert mean_within(closed) > mean_within(usual)
    assert all((each.longest_seconds["local"] or 0) >= 600 for each in closed), "who waits already is not sent away"
    ended = [(run.judged_calls, other.judged_calls) for run, other in zip(usual, closed, strict=True)]
    assert fmean(other - run for run, other in ended) == pytest.approx(0, abs=3), "as many 999 calls as before"


def test_999_comes_before_101() -> None:
    """As many 101 calls as fill every call taker change 999 little, because some are kept free, and 101 calls go on hold."""
    busy, quiet = ({**HOURLY, "triage": 0.0, "local": each} for each in (60.0, 0.0))
    with_101, alone = (
        mean_within(Twin(packaged(), present(9, 0, hourly=each)).runs(count=25)) for each in (busy, quiet)
    )
    assert alone - 0.15 < with_101 <= alone + 0.01
    assert (
        fmean(each.abandoned["local"] or 0 for each in Twin(packaged(), present(9, 0, hourly=busy)).runs(count=25))
        > 0.3
    )


def test_those_who_wait_now_are_among_those_who_wait_longest() -> None:
    waiting: Mapping[QueueName, list[float]] = {"emergency": [], "triage": [40.0], "local": [2400.0, 30.0]}
    runs = Twin(packaged(), present(waiting=waiting)).runs(count=40)
    assert all((each.longest_seconds["local"] or 0) >= 2400 for each in runs)
    assert all((each.longest_seconds["triage"] or 0) >= 40 for each in runs)


def test_nobody_is_free_while_somebody_waits() -> None:
    """No further calls come: whoever waits is answered only when a call in progress ends, and not at once."""
    waiting: Mapping[QueueName, list[float]] = {"emergency": [60.0], "triage": [], "local": []}
    runs = Twin(packaged(), present(waiting=waiting, hourly={})).runs(count=25)
    waits = [each.longest_seconds["emergency"] or 0 for each in runs]
    assert min(waits) > 60
    assert fmean(wait > 65 for wait in waits) > 0.5


def test_a_caller_who_has_waited_a_moment_is_probably_being_rung() -> None:
    """Nobody else calls, so somebody was free; the wait is then that of the ringing alone."""
    waiting: Mapping[QueueName, list[float]] = {"emergency": [2.0], "triage": [], "local": []}
    runs = Twin(packaged(), present(waiting=waiting, hourly={})).runs(count=50)
    waits = sorted(each.longest_seconds["emergency"] or 0 for each in runs)
    ring = packaged().emergency.ring
    rings = ring.median_seconds * np.exp(ring.sigma * stream(1, "ring", 0).standard_normal(20_000))
    assert waits[0] > 2
    assert median(waits) == pytest.approx(float(np.median(rings[rings > 2])), rel=0.3)
    crowd = Arrivals((Arriving(-WARM_UP_SECONDS, 0, 400.0),))
    busy = replace(present(waiting=waiting, hourly={}), arrivals={**present(hourly={}).arrivals, "emergency": crowd})
    assert median(each.longest_seconds["emergency"] or 0 for each in Twin(packaged(), busy).runs(count=15)) > 20


@pytest.mark.parametrize(("accepted", "offered"), [([], 0), ([600.0, 3000.0], 2), ([50_000.0], 0)])
def test_callbacks_that_wait_are_made_and_those_of_the_run_are_not(accepted: list[float], offered: int) -> None:
    """Everybody who calls in the hour before accepts a callback; one that has waited for half a day is not made any more."""
    parameters = packaged()
    delay = replace(parameters.triage.callback_delay, median_seconds=3600.0, sigma=0.05)
    triage = replace(parameters.triage, callback_share=1.0, callback_delay=delay, results={"resolved": 1})
    crowd = Arrivals((Arriving(-WARM_UP_SECONDS, -1800, 60.0),))
    now = replace(present(2, 1), callbacks=accepted, arrivals={**present(hourly={}).arrivals, "triage": crowd})
    for run in Twin(replace(parameters, triage=triage), now).runs(count=5):
        assert (run.longest_seconds["triage"] is not None) == bool(offered)


def test_those_who_wait_only_in_the_run_are_forgotten() -> None:
    """Far too many calls came in the hour before, and nobody really waits now."""
    crowd = Arrivals((Arriving(-WARM_UP_SECONDS, 0, 200.0),))
    now = replace(present(4, 2), arrivals=dict.fromkeys(QUEUES, crowd))
    parameters = packaged()
    none = replace(parameters.triage, results={"resolved": 1}, callback_share=0.0)
    for run in Twin(replace(parameters, triage=none), now).runs(count=5):
        assert run.longest_seconds == dict.fromkeys(QUEUES)
        assert run.abandoned == dict.fromkeys(QUEUES)
    one = replace(now, waiting={**NOBODY, "triage": [50.0]})
    waits = [run.longest_seconds["triage"] or 0 for run in Twin(replace(parameters, triage=none), one).runs(count=9)]
    assert median(waits) < 400, "nobody of the crowd is answered first"


@pytest.mark.parametrize(("dispersion", "doubt"), [(0.0, 0.0), (0.05, 0.0), (0.0, 0.05)])
def test_the_number_of_calls_differs_between_runs_by_chance_the_day_and_what_is_known(
    dispersion: float, doubt: float
) -> None:
    rng, mean = stream(1, "arrivals", 0), 60.0
    stretches = (Arriving(-1800, 0, 30.0), Arriving(0, 3600, mean / 2, doubt), Arriving(3600, 7200, mean / 2, doubt))
    arrivals = Arrivals(stretches, dispersion)
    counts = [len(arrival_times(arrivals, 0, 1.0, rng)) for _ in range(3000)]
    assert np.mean(counts) == pytest.approx(mean, rel=0.02)
    assert np.var(counts) == pytest.approx(mean + (dispersion + doubt / 2) * mean**2, rel=0.1)
    busier = [len(arrival_times(arrivals, 0, 0.2, rng)) for _ in range(500)]
    assert np.mean(busier) == pytest.approx(0.2 * mean, rel=0.1), "a fifth more calls"


def test_without_call_takers_at_triage_everybody_there_gives_up_or_waits() -> None:
    waiting: Mapping[QueueName, list[float]] = {"emergency": [], "triage": [250.0, 60.0], "local": []}
    runs = Twin(packaged(), present(triage=0, waiting=waiting)).runs(count=20)
    assert {each.abandoned["triage"] for each in runs} == {1.0}


def test_the_same_question_has_the_same_answer_and_runs_are_compared_with_themselves() -> None:
    twin = Twin(packaged(), present())
    usual = twin.runs(count=20)
    assert usual == twin.runs(count=20) == Twin(packaged(), present()).runs(count=20)
    none = difference(usual, usual)
    assert none.within_target is not None
    assert (none.within_target.low, none.within_target.high) == (0.0, 0.0)
    of_triage = difference(usual, twin.runs(TwinChange(local=2), 20)).abandoned["triage"]
    assert of_triage is not None
    assert (of_triage.low, of_triage.high) == (0.0, 0.0), "the same callers reach triage"


def test_what_is_not_known_is_none() -> None:
    quiet = outlook(Twin(packaged(), present(hourly={})).runs(count=10))
    assert (quiet.within_target, quiet.abandoned["triage"], quiet.longest_seconds["local"]) == (None, None, None)
    assert outlook(Twin(packaged(), present(target=None)).runs(count=10)).within_target is None


def test_the_chance_is_the_share_of_the_runs_below_the_standard() -> None:
    """A run that meets the standard exactly is not below it, and runs without a share are left out."""
    nothing: dict[QueueName, float | None] = dict.fromkeys(QUEUES)
    shares = [None, 0.5, 0.89, 0.9, 1.0]
    runs = [Run(within_target=each, longest_seconds=nothing, abandoned=nothing, judged_calls=9) for each in shares]
    assert chance_below(runs, 0.9) == (0.5, 9)
    assert chance_below(runs[:2], 0.9) == (1.0, 9)
    assert chance_below([runs[0], *runs[:2]], 0.9) is None


def test_the_next_hour_has_nothing_of_the_hour_after_it() -> None:
    late = Arrivals((Arriving(3600, HORIZON_SECONDS, 40.0),))
    now = replace(present(), arrivals={**present(hourly={}).arrivals, "emergency": late})
    assert {each.judged_calls for each in Twin(packaged(), now, horizon_seconds=3600).runs(count=5)} == {0}
    assert min(each.judged_calls for each in Twin(packaged(), now).runs(count=5)) > 10


@pytest.mark.parametrize(
    ("wait", "is_inclusive", "is_met"), [(10, True, True), (10.04, False, False), (9.94, False, True)]
)
def test_the_target_counts_tenths_of_a_second(wait: float, is_inclusive: bool, is_met: bool) -> None:
    assert AnswerTarget(10, is_inclusive).is_met(wait) == is_met


@pytest.mark.parametrize("waited", [0.0, 30.0, 700.0, 9000.0])
def test_a_caller_who_has_waited_stays_longer(waited: float) -> None:
    """The conditional distribution, compared with the waits of those of many callers who last that long."""
    patience, rng = packaged().triage.patience, stream(1, "patience", 0)
    found = [still_staying(patience, waited, rng) for _ in range(1500)]
    assert min(found) >= waited
    stays = patience.staying.median_seconds * np.exp(patience.staying.sigma * rng.standard_normal(200_000))
    at_once = rng.random(200_000) < patience.at_once_share
    everybody = np.where(at_once, rng.exponential(patience.at_once_mean_seconds, 200_000), stays)
    lasting = everybody[everybody > waited]
    if len(lasting) > 100:
        assert np.median(found) == pytest.approx(float(np.median(lasting)), rel=0.05)


def test_a_question_with_a_change_takes_less_than_five_seconds_of_one_core() -> None:
    """Both halves of it, with a fifth of the runs."""
    began = time.process_time()
    twin = Twin(packaged(), present())
    assert math.isfinite(fmean(mean_within(twin.runs(each, RUNS // 5)) for each in (NO_CHANGE, TwinChange(busier=0.2))))
    assert time.process_time() - began < 5 / 5
