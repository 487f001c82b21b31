"""The inbox's log in Redis: a stream that is only added to, and only by those who have read all of it."""

import threading
from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any, cast

from redis import Redis

from alerts.inbox.book import Book
from alerts.inbox.entry import AnyEntry, decode, encode

SCRIPT = files("alerts.inbox").joinpath("append.lua").read_text()
_BEFORE_ALL = "0-0"
_ATTEMPTS = 50
_PAGE = 5_000

Decide = Callable[[Book], Iterable[AnyEntry]]
"""What is to be added, as the book stands; asked again where another was quicker."""


class Log:
    """The log and its book, kept in memory and brought up to date before each use; safe to share between threads.

    Args:
        redis: a blocking client that decodes its answers to text.
        name: of the stream's key.
    """

    def __init__(self, redis: Redis, name: str) -> None:
        self.redis, self.name = redis, name
        self.book = Book()
        self.last = _BEFORE_ALL
        self._append = redis.register_script(SCRIPT)
        self._lock = threading.RLock()

    def refresh(self) -> set[str]:
        """Take up what was added since; answers with the ids of what changed.

        Raises:
            RedisError: the state server does not answer.
        """
        changed: set[str] = set()
        with self._lock:
            self._check_tail()
            while page := self._read(f"({self.last}"):
                changed |= self.book.add(decode(fields["entry"]) for _, fields in page)
                self.last = page[-1][0]
        return changed

    def _check_tail(self) -> None:
        """A state server that has lost its last second no longer ends where we do: begin anew from what it has."""
        if self.last != _BEFORE_ALL and not self._read(self.last, self.last):
            self.book, self.last = Book(), _BEFORE_ALL

    def _read(self, first: str, last: str = "+") -> list[tuple[str, dict[str, str]]]:
        return cast(list[tuple[str, dict[str, str]]], self.redis.xrange(self.name, first, last, count=_PAGE))

    def append(self, decide: Decide) -> list[AnyEntry]:
        """Add what is decided on the book as it stands; answers with what was added.

        Raises:
            RedisError: the state server does not answer. What was asked may have been added: decide again, and what
                stands in the book already is not added twice.
        """
        with self._lock:
            for _ in range(_ATTEMPTS):
                self.refresh()
                wanted = {each.id: each for each in decide(self.book) if each not in self.book}
                if not wanted or self._add(list(wanted.values())):
                    return list(wanted.values())
        raise TimeoutError("others add to the log faster than it can be read")

    def _add(self, entries: list[AnyEntry]) -> bool:
        answer = cast(Any, self._append(keys=[self.name], args=[self.last, *map(encode, entries)]))
        if answer[0] == 0:
            return False
        self.book.add(entries)
        self.last = answer[1]
        return True

    def wait(self, seconds: float) -> None:
        """Wait until something is added, or at most so long."""
        self.redis.xread({self.name: self.last}, count=1, block=max(1, int(seconds * 1000)))

    def every(self) -> Iterable[AnyEntry]:
        """The whole log, in the order in which it was written."""
        first = "-"
        while page := self._read(first):
            yield from (decode(fields["entry"]) for _, fields in page)
            first = f"({page[-1][0]}"
