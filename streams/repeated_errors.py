"""Logs an error that repeats: the first time, then at intervals, and once more when it is over."""

from collections.abc import Callable

from redis.exceptions import RedisError

from facts.errors import BlueLampError
from streams.refusal import refusal_of


class RepeatedErrors:
    """The errors of one operation that is retried.

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
        self._last = ""

    def add(self, cause: str, words: str) -> bool:
        """Record an error; returns whether it was logged.

        Args:
            cause: each cause is logged once per interval.
            words: the line to log.
        """
        now = self._monotonic()
        if now - self._logged_at.get(cause, float("-inf")) < self._every_seconds:
            return False
        self._logged_at[cause], self._last = now, words
        self._say(words)
        return True

    def add_error(self, error: Exception) -> bool:
        """Record an error of the state server's client or one of our own; returns whether it was logged."""
        if isinstance(error, RedisError | OSError):
            refusal = refusal_of(error)
            return self.add(refusal.cause, refusal.words())
        words = f"{error.what} {error.hint}" if isinstance(error, BlueLampError) else repr(error)
        return self.add(words, words)

    def end(self) -> None:
        """Record a success; it is logged if an error was logged before."""
        if self._logged_at:
            self._logged_at.clear()
            self._say(f"Over: {self._last}")
