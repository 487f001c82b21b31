"""Logs a line that repeats: the first time, then at intervals with the number of lines left out, and once more when it is over."""

from collections.abc import Callable


class RepeatedLines:
    """The lines of one operation that is retried.

    Args:
        say: writes a line.
        monotonic: a clock that never jumps, in seconds.
        every_seconds: how often the same cause is logged again.
    """

    def __init__(
        self, say: Callable[[str], object], monotonic: Callable[[], float], every_seconds: float = 30.0
    ) -> None:
        self._say, self._monotonic, self._every_seconds = say, monotonic, every_seconds
        self._logged_at: dict[str, float] = {}
        self._left_out: dict[str, int] = {}
        self._last = ""

    def add(self, cause: str, words: str) -> bool:
        """Record that it happened; returns whether it was logged.

        Args:
            cause: each cause is logged once per interval.
            words: the line to log.
        """
        now = self._monotonic()
        if now - self._logged_at.get(cause, float("-inf")) < self._every_seconds:
            self._left_out[cause] = self._left_out.get(cause, 0) + 1
            return False
        self._logged_at[cause], self._last = now, words
        count = self._left_out.pop(cause, 0)
        self._say(f"{words} ({count:,} more like this were not logged.)" if count else words)
        return True

    def end(self) -> None:
        """Record a success; it is logged if an error was logged before."""
        if self._logged_at:
            self._logged_at.clear()
            self._left_out.clear()
            self._say(f"Over: {self._last}")
