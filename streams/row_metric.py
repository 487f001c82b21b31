"""A metric whose samples come in parts, one for each force, so that the text of a part that has not changed is written once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from prometheus_client.core import Metric
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString


class MetricRow(NamedTuple):
    """One sample: the words of its metric's labels, in their order, and its value."""

    words: tuple[str, ...]
    value: float


class MetricPart:
    """The samples of one measure in one force, metric by metric; they never change.

    Args:
        force: the force.
        rows: the samples by metric.
    """

    __slots__ = ("_texts", "force", "rows")

    def __init__(self, force: str, rows: Mapping[str, Sequence[MetricRow]]) -> None:
        self.force, self.rows = force, rows
        self._texts: dict[str, str] = {}

    def text(self, name: str, labels: Sequence[str]) -> str:
        """The lines of a metric, written once."""
        found = self._texts.get(name)
        if found is None:
            found = self._texts[name] = "".join(_line(name, labels, row) for row in self.rows.get(name, ()))
        return found


class RowMetric(Metric):
    """A gauge with the samples of many parts, like the library's, but without an object for each sample.

    Args:
        name: its name.
        documentation: its question.
        labels: the names of its labels.
        parts: holds the samples.
    """

    def __init__(self, name: str, documentation: str, labels: Sequence[str], parts: Iterable[MetricPart]) -> None:
        self._parts, self._labels, self._text = [*parts], labels, b""
        super().__init__(name, documentation, "gauge")

    @property
    def samples(self) -> list[Sample]:
        """Every sample, made at each call."""
        rows = (row for part in self._parts for row in part.rows.get(self.name, ()))
        return [Sample(self.name, dict(zip(self._labels, row.words, strict=True)), row.value) for row in rows]

    @samples.setter
    def samples(self, _: list[Sample]) -> None:
        """Nothing: the library's constructor empties the samples."""

    def text(self) -> bytes:
        """The lines of every sample, in Prometheus' format and in OpenMetrics; written once."""
        self._text = self._text or "".join([part.text(self.name, self._labels) for part in self._parts]).encode()
        return self._text

    def of_force(self, force: str) -> "RowMetric":
        """The same metric with the samples of one force alone."""
        return RowMetric(
            self.name, self.documentation, self._labels, [part for part in self._parts if part.force == force]
        )


def _line(name: str, labels: Sequence[str], row: MetricRow) -> str:
    words = sorted(zip(labels, row.words, strict=True))
    written = ",".join([f'{label}="{_escaped(word)}"' for label, word in words])
    return f"{name}{{{written}}} {floatToGoString(row.value)}\n"  # type: ignore[no-untyped-call]


def _escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
