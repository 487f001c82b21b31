"""The figures that rules evaluate, and no others: cheap enough to read every second or two."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from alerts.engine import SampleLike, by_series
from alerts.rule import Rule
from measures.catalogue import find
from streams.reading_metrics import EXPORTED_OPEN_WINDOWS, ReadingFilter


def used_by_rules(rules: Iterable[Rule]) -> ReadingFilter:
    """A filter that keeps the measures and windows that a rule evaluates."""
    wanted = {(rule.measure, _window(rule)) for rule in rules if rule.measure}
    return lambda measure, window: (measure, window) in wanted


def _window(rule: Rule) -> str:
    return EXPORTED_OPEN_WINDOWS[0] if find(rule.measure).is_open() else rule.series.where["window"]


def not_matching(wanted: ReadingFilter) -> ReadingFilter:
    """A filter that keeps what another leaves out."""
    return lambda measure, window: not wanted(measure, window)


class CachedSamples:
    """Samples that are read again only after a time, however many callers there are.

    Args:
        read: reads the samples; blocking.
        monotonic: a clock that never jumps.
        seconds: how long samples are kept before they are read again.
    """

    def __init__(
        self, read: Callable[[], Iterable[SampleLike]], monotonic: Callable[[], float], seconds: float = 1.0
    ) -> None:
        self._read, self._monotonic, self._seconds = read, monotonic, seconds
        self._samples: Mapping[str, Sequence[SampleLike]] = {}
        self._until = float("-inf")

    def __call__(self) -> Mapping[str, Sequence[SampleLike]]:
        """The samples by metric name."""
        if self._monotonic() >= self._until:
            self._samples = by_series(self._read())
            self._until = self._monotonic() + self._seconds
        return self._samples
