"""A step of the wall clock is noticed, logged once, stored for every reader, and not confused with the passing of time."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from bluelamp.embedded.state import StateServer
from bluelamp.verify.checks.clocks import clock_results
from dashboards.board.shared.frame import Frame, read_frame
from measures.outcome import SECOND
from streams.clock_steps import ClockStep, Steps, StepWatch, store_step, stored_steps
from tests.streams.test_health import Scene
from tests.support.stories import AS_OF, FORCE

TWO_HOURS = 7200.0


class Clocks:
    """A wall clock and a monotonic clock, and how long it takes to read them."""

    def __init__(self) -> None:
        self.now, self.steady_seconds, self.held_up_seconds = AS_OF, 0.0, 0.0

    def monotonic(self) -> float:
        """The monotonic clock, in seconds; the process may be interrupted after reading it."""
        self.steady_seconds += self.held_up_seconds
        self.now += timedelta(seconds=self.held_up_seconds)
        return self.steady_seconds

    def pass_time(self, seconds: float, by_wall: float | None = None) -> None:
        """Advance both clocks, by the same time or by different ones."""
        self.steady_seconds += seconds
        self.now += timedelta(seconds=seconds if by_wall is None else by_wall)

    def steps(self) -> Steps:
        """Steps found by comparing the clocks."""
        return Steps(lambda: self.now, self.monotonic)


def test_time_that_passes_is_not_a_step_however_long() -> None:
    clocks = Clocks()
    steps = clocks.steps()
    for seconds in (0.0, 1.0, 0.25, 86_400.0):
        clocks.pass_time(seconds)
        assert steps.look() == 0


@pytest.mark.parametrize("by", [TWO_HOURS, -TWO_HOURS, 1.5, -400 * 86_400.0])
def test_a_clock_that_is_set_is_one_step(by: float) -> None:
    clocks = Clocks()
    steps = clocks.steps()
    clocks.pass_time(1, 1 + by)
    assert steps.look() == pytest.approx(by)
    clocks.pass_time(1)
    assert steps.look() == 0


def test_a_slowed_clock_or_an_interrupted_process_is_not_a_step() -> None:
    clocks = Clocks()
    steps = clocks.steps()
    for _ in range(10_000):
        clocks.pass_time(1, 1.0005)
        assert steps.look() == 0
    clocks.held_up_seconds = 30
    assert steps.look() == 0
    clocks.held_up_seconds = 0
    clocks.pass_time(1)
    assert steps.look() == 0


@pytest.fixture
def redis(any_state: StateServer) -> Iterator[Redis]:
    with Redis.from_url(any_state.url, decode_responses=True) as client:
        client.flushall()
        yield client


def test_a_step_is_logged_once_and_stored_as_soon_as_the_state_server_accepts_it(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    clocks, is_away = Clocks(), True

    def keep(step: ClockStep) -> None:
        if is_away:
            raise RedisConnectionError
        store_step(redis, "test", step)

    watch = StepWatch(clocks.steps(), "the exporter on here", keep)
    clocks.pass_time(1, 1 + TWO_HOURS)
    with caplog.at_level(logging.WARNING, logger="bluelamp.clock"):
        watch.look()
        clocks.pass_time(1)
        watch.look()
        assert stored_steps(redis, "test") == []
        is_away = False
        watch.look()
        watch.look()
    logged = [each.getMessage() for each in caplog.records if "was set" in each.getMessage()]
    assert logged == ["The clock of the exporter on here was set forward by 2 h 0 min, to 2024-10-27 07:00:18Z."]
    (step,) = stored_steps(redis, "test")
    assert (round(step.seconds), step.count) == (TWO_HOURS, 1)


def test_the_last_step_of_each_process_is_kept_for_a_day(redis: Redis) -> None:
    day = timedelta(days=1)
    store_step(redis, "test", ClockStep("one", TWO_HOURS, AS_OF + timedelta(hours=2)))
    for _ in range(2):  # the reply to the first was lost
        store_step(redis, "test", ClockStep("one", -TWO_HOURS, AS_OF))
    store_step(redis, "test", ClockStep("two", 3.0, AS_OF))
    assert stored_steps(redis, "test") == [ClockStep("one", -TWO_HOURS, AS_OF, 2), ClockStep("two", 3.0, AS_OF)]
    store_step(redis, "test", ClockStep("three", 9.0, AS_OF + day + timedelta(seconds=1)))
    assert [each.process for each in stored_steps(redis, "test")] == ["three"]


# What people see.


def frame(scene: Scene) -> Frame:
    """What every page of the board shows around its figures."""
    found: Any = read_frame(scene.reader, FORCE)["frame"]
    return found  # type: ignore[no-any-return]


def test_a_step_is_in_the_metrics_and_on_the_board_for_15_minutes(any_state: StateServer) -> None:
    with Redis.from_url(any_state.url, decode_responses=True) as client:
        client.flushall()
        scene = Scene(any_state.url, client)
        assert scene.shown("bluelamp_clock_step_seconds") == {(): 0}, "0 is exported, so that the alert ends"
        assert frame(scene).clock == ""
        store_step(client, "test", ClockStep("the worker on here", -TWO_HOURS, AS_OF))
        store_step(client, "test", ClockStep("the board on here", 3.0, AS_OF))
        scene.pass_time(900)
        assert scene.shown("bluelamp_clock_step_seconds") == {(): TWO_HOURS}
        assert scene.shown("bluelamp_clock_last_step_seconds")["the worker on here",] == -TWO_HOURS
        assert scene.shown("bluelamp_clock_steps_total")["the worker on here",] == 1
        assert frame(scene).clock == (
            "The clock of the worker on here was set back by 2 h 0 min, to 2024-10-27 05:00:17Z. "
            "Figures may have been wrong during that time."
        )
        scene.pass_time(1)
        assert scene.shown("bluelamp_clock_step_seconds") == {(): 0}
        assert frame(scene).clock == ""


def test_a_step_dated_in_the_future_by_a_wrong_clock_is_shown(redis: Redis) -> None:
    step = ClockStep("one", TWO_HOURS, AS_OF + timedelta(hours=2))
    assert step.is_recent(AS_OF)


def test_a_step_within_the_allowed_difference_is_not_on_the_board(any_state: StateServer) -> None:
    with Redis.from_url(any_state.url, decode_responses=True) as client:
        client.flushall()
        scene = Scene(any_state.url, client)
        store_step(client, "test", ClockStep("the board on here", 5.0, AS_OF))
        assert frame(scene).clock == ""


def test_check_names_a_clock_that_was_set_and_one_that_differs_from_the_state_server(
    any_state: StateServer,
) -> None:
    with Redis.from_url(any_state.url, decode_responses=True) as client:
        client.flushall()
        scene = Scene(any_state.url, client)
        seconds, fraction = client.time()
        scene.now += timedelta(microseconds=seconds * SECOND + fraction) - (
            AS_OF - AS_OF.fromtimestamp(0, AS_OF.tzinfo)
        )
        assert [each.state for each in clock_results(scene.reader)] == ["good"]
        store_step(client, "test", ClockStep("the inbox on here", -TWO_HOURS, scene.now))
        scene.now -= timedelta(hours=2)
        differs, stepped = clock_results(scene.reader)
        assert differs.what == ("The state server's clock is 2 h 0 min ahead of this machine's. One of them is wrong.")
        assert stepped.what.startswith("The clock of the inbox on here was set back by 2 h 0 min")
        assert {differs.state, stepped.state} == {"warning"}
