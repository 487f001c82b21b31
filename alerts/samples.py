"""What the rules look at, and no more: cheap enough to be taken every second or two."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from alerts.engine import SampleLike, by_series
from alerts.rule import Rule
from measures.catalogue import find
from streams.reading_metrics import EXPORTED_OPEN_WINDOWS, ReadingFilter


def looked_at(rules: Iterable[Rule]) -> ReadingFilter:
    """Whether a measure over a window is what some rule looks at."""
    wanted = {(rule.measure, _window(rule)) for rule in rules if rule.measure}
    return lambda measure, window: (measure, window) in wanted


def _window(rule: Rule) -> str:
    return EXPORTED_OPEN_WINDOWS[0] if find(rule.measure).is_open() else rule.series.where["window"]


def others(wanted: ReadingFilter) -> ReadingFilter:
    """What is not wanted there."""
    return lambda measure, window: not wanted(measure, window)


class CachedSamples:
    """Samples as they were a moment ago: however many ask, they are taken once in so long.

    Args:
        take: takes them; blocking.
        monotonic: a clock that never jumps.
        seconds: how long they hold.
    """

    def __init__(
        self, take: Callable[[], Iterable[SampleLike]], monotonic: Callable[[], float], seconds: float = 1.0
    ) -> None:
        self._take, self._monotonic, self._seconds = take, monotonic, seconds
        self._kept: Mapping[str, Sequence[SampleLike]] = {}
        self._until = float("-inf")

    def __call__(self) -> Mapping[str, Sequence[SampleLike]]:
        """By the name of their series."""
        if self._monotonic() >= self._until:
            self._kept = by_series(self._take())
            self._until = self._monotonic() + self._seconds
        return self._kept
