"""The inbox's own figures for Prometheus: what stands, what was told, and what could not be."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts.inbox.entry import Delivered, Failed
from alerts.inbox.log import InboxLog
from alerts.inbox.state import InboxState


class InboxCollector(Collector):
    """Shows an inbox; what it counts begins with its log, and so survives a restart.

    Args:
        log: of the inbox.
        watched_at: when the watcher was told last that data come.
        now: the wall clock.
    """

    def __init__(self, log: InboxLog, watched_at: Callable[[], datetime | None], now: Callable[[], datetime]) -> None:
        self._log, self._watched_at, self._now = log, watched_at, now

    def describe(self) -> Iterable[Metric]:
        """Nothing: registration must not ask the state."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every figure, of the log as it was taken up last."""
        yield from self._log.look(lambda book: [*_standing(book, self._now()), *_told(book)])
        spooled = len(self._log.spool.entries) if self._log.spool else 0
        yield GaugeMetricFamily("bluelamp_inbox_spooled", "Entries that wait for the state server.", value=spooled)
        watched = GaugeMetricFamily(
            "bluelamp_inbox_watcher_told_timestamp_seconds", "When the watcher was told last that data come."
        )
        at = self._watched_at()
        if at:
            watched.add_metric([], at.timestamp())
        yield watched


def _standing(book: InboxState, now: datetime) -> Iterator[Metric]:
    family = GaugeMetricFamily("bluelamp_inbox_alerts", "Alerts that stand.", labels=["severity", "state"])
    counted = Counter((each.raised.severity, book.state_of(each, now)) for each in book.standing())
    for words, count in counted.items():
        family.add_metric(list(words), count)
    yield family


def _told(book: InboxState) -> Iterator[Metric]:
    attempts = CounterMetricFamily(
        "bluelamp_inbox_deliveries", "Attempts to tell a receiver.", labels=["receiver", "outcome"]
    )
    failing = GaugeMetricFamily(
        "bluelamp_inbox_failing", "What a receiver has not taken and is still told.", labels=["receiver"]
    )
    counted: Counter[tuple[str, str]] = Counter()
    for alert in book.alerts.values():
        for entry in alert.entries:
            if isinstance(entry, Delivered | Failed):
                counted[entry.receiver, "delivered" if isinstance(entry, Delivered) else "failed"] += 1
    for words, count in counted.items():
        attempts.add_metric(list(words), count)
    yield attempts
    open_by_receiver = Counter(
        name for each in book.standing() for (_, name), told in each.deliveries.items() if not told.is_delivered
    )
    for name in {receiver for receiver, _ in counted}:
        failing.add_metric([name], open_by_receiver[name])
    yield failing
