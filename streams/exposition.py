"""Writes metrics as Prometheus reads them; the lines of a figure that has not changed are written once and kept."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from streams.row_metric import RowMetric

_END = b"# EOF\n"
"""The last line of OpenMetrics."""


class _Given(CollectorRegistry):
    """Metrics in the form in which the library's encoders take them."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        super().__init__()
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """The metrics."""
        yield from self._metrics


def exposition(collectors: Iterable[Collector], accept: str = "") -> tuple[bytes, str]:
    """The text of every metric, and its content type.

    Args:
        collectors: collect the metrics.
        accept: the formats that the client accepts, as in the header; the newest that we have is used.
    """
    encode, content_type = choose_encoder(accept)
    metrics = (metric for collector in collectors for metric in collector.collect())
    texts = [_text(metric, encode, accept) for metric in metrics]
    end = _END if encode(_Given(())).endswith(_END) else b""
    return b"".join([*texts, end]), content_type


def _text(metric: Metric, encode: Callable[[CollectorRegistry], bytes], accept: str) -> bytes:
    if not isinstance(metric, RowMetric):
        return encode(_Given([metric])).removesuffix(_END)
    return _head(metric.name, metric.documentation, accept) + metric.text()


@lru_cache(maxsize=4096)
def _head(name: str, documentation: str, accept: str) -> bytes:
    """The lines before the samples of a gauge."""
    encode, _ = choose_encoder(accept)
    return encode(_Given([Metric(name, documentation, "gauge")])).removesuffix(_END)
