"""The inbox's log in Redis: a stream that is only added to, and only by those who have read all of it."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.resources import files
from typing import Any, TypeVar, cast

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from alerts.inbox.data_status import DataStatus
from alerts.inbox.entry import AnyEntry, decode, encode
from alerts.inbox.spool import Spool
from alerts.inbox.state import InboxState

SCRIPT = files("alerts.inbox").joinpath("append.lua").read_text()
_BEFORE_ALL = "0-0"
_ATTEMPTS = 50
_PAGE = 5_000

_Found = TypeVar("_Found")
Decide = Callable[[InboxState], Iterable[AnyEntry]]
"""What is to be added, as the book stands; asked again where another was quicker."""


class InboxLog:
    """The log and its book, kept in memory and brought up to date before each use; safe to share between threads.

    Args:
        redis: a blocking client that decodes its answers to text.
        name: of the stream's key.
        spool: takes entries while the state server does not; without one they are refused then.
    """

    def __init__(self, redis: Redis, name: str, spool: Spool | None = None) -> None:
        self.redis, self.name, self.spool = redis, name, spool
        self.book = InboxState()
        self.book.add(spool.entries if spool else ())
        self.last = _BEFORE_ALL
        self._script = redis.register_script(SCRIPT)
        self._lock = threading.RLock()

    def refresh(self) -> set[str]:
        """Take up what was added since; answers with the ids of what changed.

        Raises:
            RedisError: the state server refuses it, or does not answer.
        """
        changed: set[str] = set()
        with self._lock:
            with suppress(RedisError, OSError):  # what cannot be written is known here all the same
                changed |= self._rejoin()
            self._check_tail()
            while page := self._read(f"({self.last}"):
                changed |= self.book.add(decode(fields["entry"]) for _, fields in page)
                self.last = page[-1][0]
        return changed

    def _rejoin(self) -> set[str]:
        """Add what was spooled to the log, now that it answers; until it has all of it nothing here changes."""
        if self.spool is None or not self.spool.entries:
            return set()
        whole, spooled = InboxLog(self.redis, self.name), list(self.spool.entries)
        whole.append(lambda _: spooled, is_past=True)
        self.book, self.last = whole.book, whole.last
        self.spool.clear()
        return {each.alert for each in spooled}

    def _check_tail(self) -> None:
        """A state server that has lost its last second no longer ends where we do: begin anew from what it has."""
        if self.last != _BEFORE_ALL and not self._read(self.last, self.last):
            self.book, self.last = InboxState(), _BEFORE_ALL
            self.book.add(self.spool.entries if self.spool else ())

    def _read(self, first: str, last: str = "+") -> list[tuple[str, dict[str, str]]]:
        return cast(list[tuple[str, dict[str, str]]], self.redis.xrange(self.name, first, last, count=_PAGE))

    def look(self, read: Callable[[InboxState], _Found]) -> _Found:
        """Read the book as it was taken up last, while nobody changes it."""
        with self._lock:
            return read(self.book)

    def append(self, decide: Decide, *, is_past: bool = False) -> list[AnyEntry]:
        """Add what is decided on the book as it stands; answers with what was added.

        Args:
            decide: answers with the entries, given the book.
            is_past: the entries were made earlier and keep their dates.

        Raises:
            RedisError: the state server refuses it, or does not answer. What was asked may have been added: decide again, and what
                stands in the book already is not added twice.
        """
        with self._lock:
            try:
                return self._append_to_log(decide, is_past=is_past)
            except (RedisError, OSError):
                if self.spool is None:
                    raise
                return self._append_to_spool(self.spool, decide)

    def _append_to_log(self, decide: Decide, *, is_past: bool) -> list[AnyEntry]:
        for _ in range(_ATTEMPTS):
            self.refresh()
            wanted = self._new(decide, is_past=is_past)
            if not wanted or self._add(wanted):
                return wanted
        raise TimeoutError("others add to the log faster than it can be read")

    def _append_to_spool(self, spool: Spool, decide: Decide) -> list[AnyEntry]:
        wanted = self._new(decide, is_past=False)
        spool.add(wanted)
        self.book.add(wanted)
        return wanted

    def _new(self, decide: Decide, *, is_past: bool) -> list[AnyEntry]:
        new = {each.id: each for each in decide(self.book) if each not in self.book}.values()
        return [each if is_past else self.book.following(each) for each in new]

    def _add(self, entries: list[AnyEntry]) -> bool:
        answer = cast(Any, self._script(keys=[self.name], args=[self.last, *map(encode, entries)]))
        if answer[0] == 0:
            return False
        self.book.add(entries)
        self.last = answer[1]
        return True

    def wait(self, seconds: float) -> None:
        """Wait until something is added, or at most so long."""
        self.redis.xread({self.name: self.last}, count=1, block=max(1, int(seconds * 1000)))

    def hear(self, force: str, heard: DataStatus) -> None:
        """Keep what an engine said last of a force's data: no entry, for it says nothing of any alert.

        Raises:
            RedisError: the state server refuses it, or does not answer.
        """
        self.redis.hset(f"{self.name}:heard", force, msgspec.json.encode(heard).decode())

    def heard(self) -> dict[str, DataStatus]:
        """What engines said last, by force.

        Raises:
            RedisError: the state server refuses it, or does not answer.
        """
        told = cast(dict[str, str], self.redis.hgetall(f"{self.name}:heard"))
        return {force: msgspec.json.decode(each, type=DataStatus) for force, each in told.items()}

    def every(self) -> Iterable[AnyEntry]:
        """The whole log, in the order in which it was written."""
        first = "-"
        while page := self._read(first):
            yield from (decode(fields["entry"]) for _, fields in page)
            first = f"({page[-1][0]}"
