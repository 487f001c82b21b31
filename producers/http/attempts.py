"""Limits failed attempts to prove who one is, and remembers who has succeeded."""

from collections.abc import Callable

_WINDOW_SECONDS = 60.0
_KEYS_MAX = 10_000
WRONG_TOKENS = 30
"""Wrong tokens a minute from one address."""


class Attempts:
    """Limits failed attempts, for each key, such as an account at an address.

    Args:
        monotonic: a clock that never jumps.
        limit: how many failures a minute are allowed.
    """

    def __init__(self, monotonic: Callable[[], float], limit: int = 5) -> None:
        self._monotonic, self._limit = monotonic, limit
        self._failures: dict[str, list[float]] = {}

    def wait_seconds(self, key: str) -> int:
        """How long to wait before the next attempt with a key; 0 if there is no need to."""
        now = self._monotonic()
        recent = [at for at in self._failures.get(key, ()) if now - at < _WINDOW_SECONDS]
        return int(recent[-self._limit] + _WINDOW_SECONDS - now) + 1 if len(recent) >= self._limit else 0

    def note_failure(self, key: str) -> None:
        """Record a failed attempt."""
        if key not in self._failures and len(self._failures) >= _KEYS_MAX:
            del self._failures[next(iter(self._failures))]
        self._failures[key] = [*self._failures.get(key, ())[-self._limit :], self._monotonic()]


class TokenAttempts:
    """Limits wrong tokens from one address; tokens that were right from there before are never delayed.

    So a program with an old token does not stop the others behind the same address.

    Args:
        monotonic: a clock that never jumps.
        warn: logs a wrong token; called for the first few a minute only.
    """

    def __init__(self, monotonic: Callable[[], float], warn: Callable[[str], None]) -> None:
        self._attempts, self._warn = Attempts(monotonic, WRONG_TOKENS), warn
        self._right: dict[tuple[str, bytes], None] = {}

    def wait_seconds(self, address: str, digest: bytes) -> int:
        """How long an address must wait with a token; 0 if it need not."""
        return 0 if (address, digest) in self._right else self._attempts.wait_seconds(address)

    def note(self, address: str, digest: bytes, *, is_right: bool) -> None:
        """Record whether a token was right."""
        if is_right:
            if len(self._right) >= _KEYS_MAX:
                del self._right[next(iter(self._right))]
            self._right[address, digest] = None
        else:
            self._attempts.note_failure(address)
            self._warn(address)
