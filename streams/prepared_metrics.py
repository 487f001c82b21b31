"""Metrics of many forces, prepared in the background, so that a scrape need not wait until every figure is read."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.repeated_errors import RepeatedErrors
from streams.row_metric import RowMetric

MOST_AT_ONCE = 4
"""The most forces whose figures are read while a scrape waits."""
AGE = "bluelamp_prepared_seconds"
"""The metric that says how old prepared metrics are."""
_EVERY_SECONDS = 3.0
"""How long after the start of one collection the next one starts."""
_KEPT_SECONDS = 15.0
"""Older metrics are not returned: the scrape waits for newer ones."""
_WAIT_SECONDS = 4.0
"""How long a scrape waits. Prometheus gives up after 5 s where it scrapes every 5 s."""
_IDLE_SECONDS = 120.0
"""How long after the last scrape preparing stops."""
_logger = logging.getLogger("bluelamp.exporter")


class NotPreparedError(Exception):
    """The metrics are still being collected, or collecting them failed; the message says which."""


class _Prepared(NamedTuple):
    """Metrics, and when collecting them began, in seconds of a clock that never jumps."""

    metrics: list[Metric]
    began: float


class PreparedMetrics(Collector):
    """What another collector returned a few seconds ago at most; a further metric says how long ago.

    Args:
        collector: collects the metrics; for many forces it takes seconds.
        monotonic: a clock that never jumps, in seconds.
        every_seconds: how long after the start of one collection the next one starts, if it has ended.
        kept_seconds: how old metrics may be.
        wait_seconds: how long a scrape waits for metrics that are not older.
        idle_seconds: how long after the last scrape to go on.
    """

    def __init__(
        self,
        collector: Collector,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        every_seconds: float = _EVERY_SECONDS,
        kept_seconds: float = _KEPT_SECONDS,
        wait_seconds: float = _WAIT_SECONDS,
        idle_seconds: float = _IDLE_SECONDS,
    ) -> None:
        self._collector, self._monotonic = collector, monotonic
        self._every, self._kept, self._wait, self._idle = every_seconds, kept_seconds, wait_seconds, idle_seconds
        self._changed = threading.Condition()
        self._prepared: _Prepared | None = None
        self._failure, self._failed_at = "", float("-inf")
        self._asked_at, self._due_at = float("-inf"), monotonic()
        self._is_stopped = False
        self._errors = RepeatedErrors(_logger.error, monotonic)

    def start(self) -> None:
        """Start to collect in a thread."""
        threading.Thread(target=self._run, name="prepared metrics", daemon=True).start()

    def stop(self) -> None:
        """Collect no more."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registration does not query the state."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The metrics, and their age.

        Raises:
            NotPreparedError: there are none that are new enough, although the scrape has waited.
        """
        with self._changed:
            self._asked_at = self._monotonic()
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._new_enough() or self._recent_failure(), self._wait)
            found = self._new_enough()
            if found is None:
                words = self._recent_failure() or "The figures are still being read. Try again in some seconds."
                raise NotPreparedError(words)
            age = self._monotonic() - found.began
        yield from found.metrics
        yield GaugeMetricFamily(AGE, "How long ago Blue Lamp began to read these figures, in seconds.", value=age)

    def _new_enough(self) -> _Prepared | None:
        found = self._prepared
        return found if found and self._monotonic() - found.began <= self._kept else None

    def _recent_failure(self) -> str:
        return self._failure if self._monotonic() - self._failed_at <= self._kept else ""

    def _run(self) -> None:
        while self._await_turn():
            self.prepare()

    def _await_turn(self) -> bool:
        """Wait until the next collection is due; False once stopped."""
        with self._changed:
            while not self._is_stopped and (seconds := self._seconds_left()) != 0:
                self._changed.wait(seconds)
            return not self._is_stopped

    def _seconds_left(self) -> float | None:
        """How long until the next collection; None if nobody has scraped for some time."""
        now = self._monotonic()
        return None if now - self._asked_at > self._idle else max(0.0, self._due_at - now)

    def prepare(self) -> None:
        """Collect once. If that fails, scrapes fail until it succeeds again."""
        began = self._monotonic()
        self._due_at = began + self._every
        try:
            metrics, failure = list(self._collector.collect()), ""
            for each in metrics:
                if isinstance(each, RowMetric):
                    each.text()  # kept by the metric
            self._errors.end()
        except Exception as error:  # noqa: BLE001 - a thread that ends would leave scrapes without a reason
            metrics, failure = [], f"Reading the figures failed: {error!r}"
            self._errors.add_error(error)
        with self._changed:
            self._prepared = None if failure else _Prepared(metrics, began)
            self._failure, self._failed_at = failure, self._monotonic()
            self._changed.notify_all()
