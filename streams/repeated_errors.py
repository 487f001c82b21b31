"""Logs an error that repeats: the first time, then at intervals, and once more when it is over."""

from redis.exceptions import RedisError

from facts.errors import BlueLampError
from producers.repeated import RepeatedLines
from streams.refusal import refusal_of


class RepeatedErrors(RepeatedLines):
    """The errors of one operation that is retried."""

    def add_error(self, error: Exception) -> bool:
        """Record an error of the state server's client or one of our own; returns whether it was logged."""
        if isinstance(error, RedisError | OSError):
            refusal = refusal_of(error)
            return self.add(refusal.cause, refusal.words())
        words = f"{error.what} {error.hint}" if isinstance(error, BlueLampError) else repr(error)
        return self.add(words, words)
