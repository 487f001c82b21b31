"""Metrics prepared in the background: a scrape gets recent ones at once, never old ones, and is refused with a reason otherwise."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.exporter import OfForce, serve
from streams.prepared_metrics import AGE, NotPreparedError, PreparedMetrics
from tests.support.system import until


class Counting(Collector):
    """Counts its collections; the next one waits until it may go on, if it is held."""

    def __init__(self) -> None:
        self.count, self.error, self.is_held = 0, "", False
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def collect(self) -> Iterator[Metric]:
        """The number of collections, as a sample of a force."""
        self.count += 1
        self.is_held = not self.may_go_on.is_set()
        assert self.may_go_on.wait(60)
        if self.error:
            raise ValueError(self.error)
        family = GaugeMetricFamily("collections", "Collections.", labels=["force"])
        family.add_metric(["staffordshire"], self.count)
        yield family


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def scraped(collector: Collector) -> dict[str, float]:
    """The samples by metric name."""
    return {sample.name: sample.value for family in collector.collect() for sample in family.samples}


@contextmanager
def running(collector: Collector, **options: float) -> Iterator[PreparedMetrics]:
    """Prepared metrics with a thread that ends afterwards."""
    prepared = PreparedMetrics(collector, **options)  # type: ignore[arg-type]
    prepared.start()
    try:
        yield prepared
    finally:
        prepared.stop()


def prepared_by_hand(counting: Counting, clock: Clock, wait_seconds: float = 0.0) -> PreparedMetrics:
    """Prepared metrics without a thread."""
    return PreparedMetrics(counting, clock, every_seconds=3.0, kept_seconds=15.0, wait_seconds=wait_seconds)


def test_a_scrape_says_how_old_the_figures_are() -> None:
    counting, clock = Counting(), Clock()
    prepared = prepared_by_hand(counting, clock)
    prepared.prepare()
    clock.now += 4.5
    assert scraped(prepared) == {"collections": 1, AGE: 4.5}
    assert scraped(OfForce(prepared, "staffordshire")) == {"collections": 1, AGE: 4.5}
    assert scraped(OfForce(prepared, "gwent")) == {AGE: 4.5}


def test_figures_that_are_too_old_are_not_returned() -> None:
    counting, clock = Counting(), Clock()
    prepared = prepared_by_hand(counting, clock)
    with pytest.raises(NotPreparedError, match="still being read"):
        scraped(prepared)
    prepared.prepare()
    clock.now += 15.0
    assert scraped(prepared)["collections"] == 1
    clock.now += 0.1
    with pytest.raises(NotPreparedError, match="still being read"):
        scraped(prepared)


def test_the_age_counts_from_the_start_of_a_collection() -> None:
    counting, clock = Counting(), Clock()
    counting.may_go_on.clear()
    prepared = prepared_by_hand(counting, clock)
    thread = threading.Thread(target=prepared.prepare)
    thread.start()
    until(lambda: counting.count == 1, 60, "the collection to begin")
    clock.now += 8.0
    counting.may_go_on.set()
    thread.join(60)
    assert scraped(prepared)[AGE] == 8.0


def test_a_scrape_does_not_wait_for_a_collection_while_there_are_recent_figures() -> None:
    counting = Counting()
    with running(counting, every_seconds=0.01, kept_seconds=600.0, wait_seconds=60.0) as prepared:
        assert scraped(prepared)["collections"] >= 1
        counting.may_go_on.clear()
        until(lambda: counting.is_held, 60, "a collection to begin")
        assert scraped(prepared)["collections"] < counting.count
        counting.may_go_on.set()


def test_the_first_scrape_waits_for_the_figures() -> None:
    with running(Counting(), wait_seconds=60.0) as prepared:
        assert scraped(prepared)["collections"] == 1


def test_nothing_is_collected_before_the_first_scrape_and_long_after_the_last() -> None:
    counting = Counting()
    with running(counting, every_seconds=0.01, kept_seconds=600.0, idle_seconds=0.2) as prepared:
        assert counting.count == 0
        scraped(prepared)
        stopped_at = -1

        def has_stopped() -> bool:
            nonlocal stopped_at
            before, stopped_at = stopped_at, counting.count
            return before == stopped_at

        until(has_stopped, 60, "collecting to end", every=0.5)
        scraped(prepared)
        until(lambda: counting.count > stopped_at, 60, "collecting to begin again")


def test_a_failure_is_the_reason_until_collecting_succeeds_again() -> None:
    counting, clock = Counting(), Clock()
    prepared = prepared_by_hand(counting, clock)
    prepared.prepare()
    counting.error = "a planted fault"
    prepared.prepare()
    with pytest.raises(NotPreparedError, match="a planted fault"):
        scraped(prepared)
    clock.now += 15.1
    with pytest.raises(NotPreparedError, match="still being read"):
        scraped(prepared)
    counting.error = ""
    prepared.prepare()
    assert scraped(prepared)["collections"] == 3


def test_a_failing_collection_is_not_repeated_without_a_pause() -> None:
    counting = Counting()
    counting.error = "a planted fault"
    with running(counting, every_seconds=600.0, wait_seconds=60.0) as prepared:
        for _ in range(3):
            with pytest.raises(NotPreparedError, match="a planted fault"):
                scraped(prepared)
    assert counting.count == 1


def refused(fetch: Callable[[], object]) -> tuple[int, str]:
    """The status of a refusal, and its words."""
    with pytest.raises(HTTPError) as caught:
        fetch()
    return caught.value.code, caught.value.read().decode()


def test_prometheus_gets_a_reason_instead_of_old_figures() -> None:
    prepared = PreparedMetrics(Counting(), wait_seconds=0.0)
    server, thread = serve({"/metrics": [prepared]}, 0, "127.0.0.1")
    address = f"http://127.0.0.1:{server.server_port}/metrics"
    try:
        status, words = refused(lambda: urlopen(address, timeout=60))
        assert status == HTTPStatus.SERVICE_UNAVAILABLE
        assert words == "The figures are still being read. Try again in some seconds.\n"
        prepared.prepare()
        with urlopen(address, timeout=60) as answer:
            assert b'collections{force="staffordshire"} 1.0' in answer.read()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
