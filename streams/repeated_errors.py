"""Says what goes wrong again and again: at once, then at intervals, and once when it is over."""

from collections.abc import Callable

from redis.exceptions import RedisError

from facts.errors import BlueLampError
from streams.refusal import refusal_of


class RepeatedErrors:
    """What goes wrong with one thing that is tried again and again.

    Args:
        say: takes a line.
        monotonic: a clock that never jumps, in seconds.
        every_seconds: how often the same cause is said again.
    """

    def __init__(
        self, say: Callable[[str], object], monotonic: Callable[[], float], every_seconds: float = 30.0
    ) -> None:
        self._say, self._monotonic, self._every_seconds = say, monotonic, every_seconds
        self._said_at: dict[str, float] = {}
        self._last = ""

    def add(self, cause: str, words: str) -> bool:
        """Note what went wrong; whether it was said.

        Args:
            cause: what is said once, and not again for a while.
            words: a line for a person.
        """
        now = self._monotonic()
        if now - self._said_at.get(cause, float("-inf")) < self._every_seconds:
            return False
        self._said_at[cause], self._last = now, words
        self._say(words)
        return True

    def add_error(self, error: Exception) -> bool:
        """Note an error of the state server's client or of our own; whether it was said."""
        if isinstance(error, RedisError | OSError):
            refusal = refusal_of(error)
            return self.add(refusal.cause, refusal.words())
        words = f"{error.what} {error.hint}" if isinstance(error, BlueLampError) else repr(error)
        return self.add(words, words)

    def end(self) -> None:
        """Note that it went well; that is said where it did not before."""
        if self._said_at:
            self._said_at.clear()
            self._say(f"Over: {self._last}")
