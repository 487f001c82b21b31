"""The inbox's own metrics for Prometheus: active alerts, deliveries and failures."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts.inbox.log.entry import Delivered, Failed
from alerts.inbox.log.state import InboxState
from alerts.inbox.log.stream import InboxLog


class InboxCollector(Collector):
    """Exports an inbox; its counters are counted from the log, so they survive a restart.

    Args:
        log: the inbox's log.
        pinged_at: when the external watcher was last pinged.
        now: the wall clock.
        is_working: whether this inbox is the one that notifies people.
    """

    def __init__(
        self,
        log: InboxLog,
        pinged_at: Callable[[], datetime | None],
        now: Callable[[], datetime],
        is_working: Callable[[], bool],
    ) -> None:
        self._log, self._pinged_at, self._now, self._is_working = log, pinged_at, now, is_working

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering the collector does not read the state."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric, from the log as of its last refresh."""
        yield from self._log.read_state(lambda state: [*_active_alerts(state, self._now()), *_deliveries(state)])
        yield GaugeMetricFamily(
            "bluelamp_inbox_working",
            "1 if this inbox notifies people; 0 if another one does, and this one waits to take over.",
            value=int(self._is_working()),
        )
        spooled = len(self._log.spool.entries) if self._log.spool else 0
        yield GaugeMetricFamily(
            "bluelamp_inbox_spooled", "Entries that wait to be written to the state server.", value=spooled
        )
        pinged = GaugeMetricFamily(
            "bluelamp_inbox_watcher_pinged_timestamp_seconds", "When the external watcher was last pinged."
        )
        at = self._pinged_at()
        if at:
            pinged.add_metric([], at.timestamp())
        yield pinged


def _active_alerts(state: InboxState, now: datetime) -> Iterator[Metric]:
    family = GaugeMetricFamily("bluelamp_inbox_alerts", "Active alerts.", labels=["severity", "state"])
    counted = Counter((each.raised.severity, state.state_of(each, now)) for each in state.active_alerts())
    for labels, count in counted.items():
        family.add_metric(list(labels), count)
    yield family


def _deliveries(state: InboxState) -> Iterator[Metric]:
    attempts = CounterMetricFamily(
        "bluelamp_inbox_deliveries", "Attempts to notify a receiver.", labels=["receiver", "outcome"]
    )
    failing = GaugeMetricFamily(
        "bluelamp_inbox_failing", "Notifications that a receiver has not accepted yet.", labels=["receiver"]
    )
    counted: Counter[tuple[str, str]] = Counter()
    for alert in state.alerts.values():
        for entry in alert.entries:
            if isinstance(entry, Delivered | Failed):
                counted[entry.receiver, "delivered" if isinstance(entry, Delivered) else "failed"] += 1
    for labels, count in counted.items():
        attempts.add_metric(list(labels), count)
    yield attempts
    failing_by_receiver = Counter(
        name
        for alert in state.active_alerts()
        for (_, name), delivery in alert.deliveries.items()
        if not delivery.is_delivered
    )
    for name in {receiver for receiver, _ in counted}:
        failing.add_metric([name], failing_by_receiver[name])
    yield failing
