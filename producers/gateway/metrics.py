"""The gateway's metrics: facts accepted, and requests refused, in all and recently."""

from collections import Counter as Tally
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from producers.http.problem import Kind

_RECENT_SECONDS = 300.0
_REMEMBERED_MAX = 10_000


class GatewayMetrics(Collector):
    """Counts what the gateway accepts and refuses; senders are not named, because metrics may be read more widely than the log.

    Args:
        monotonic: a clock that never jumps, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic, self._lock = monotonic, Lock()
        self._accepted, self._refused = Tally[str](), Tally[str]()
        self._recent: deque[tuple[float, str]] = deque(maxlen=_REMEMBERED_MAX)

    def accepted(self, topic: str, facts: int) -> None:
        """Facts that the log has stored."""
        with self._lock:
            self._accepted[topic] += facts

    def refused(self, reason: str) -> None:
        """A request that was refused."""
        with self._lock:
            self._refused[reason] += 1
            self._recent.append((self._monotonic(), reason))

    def describe(self) -> Iterable[Metric]:
        """Nothing: its labels are known only once something was counted."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric."""
        since = self._monotonic() - _RECENT_SECONDS
        with self._lock:
            accepted, refused = dict(self._accepted), dict(self._refused)
            recent = Tally(reason for at, reason in self._recent if at >= since)
        facts = CounterMetricFamily("bluelamp_gateway_facts", "Facts stored in the log.", labels=["topic"])
        every = CounterMetricFamily("bluelamp_gateway_refused", "Requests refused.", labels=["reason"])
        lately = GaugeMetricFamily("bluelamp_gateway_refused_recently", "Requests refused in 5 min.", labels=["reason"])
        for topic, count in accepted.items():
            facts.add_metric([topic], count)
        for reason in get_args(Kind):  # 0 too: without a value the alert would not end
            every.add_metric([reason], refused.get(reason, 0))
            lately.add_metric([reason], recent[reason])
        yield from (facts, every, lately)
