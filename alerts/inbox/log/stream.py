"""The inbox's log in Redis: an append-only stream. Only a process that has read all of it may append."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.resources import files
from typing import Any, TypeVar, cast

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from alerts.inbox.log.data_status import DataStatus
from alerts.inbox.log.entry import AnyEntry, decode, encode
from alerts.inbox.log.spool import Spool
from alerts.inbox.log.state import InboxState

SCRIPT = files("alerts.inbox.log").joinpath("append.lua").read_text()
_BEFORE_ALL = "0-0"
_ATTEMPTS = 50
_PAGE = 5_000

_Result = TypeVar("_Result")
Decide = Callable[[InboxState], Iterable[AnyEntry]]
"""The entries to append, given the state; called again if another process appended first."""


class InboxLog:
    """The log and its state, kept in memory and updated before each use; safe to share between threads.

    Args:
        redis: a blocking client that decodes responses to text.
        name: the stream's key.
        spool: keeps entries that the state server refuses; without one, appending then fails.
    """

    def __init__(self, redis: Redis, name: str, spool: Spool | None = None) -> None:
        self.redis, self.name, self.spool = redis, name, spool
        self.state = InboxState()
        self.state.add(spool.entries if spool else ())
        self.last = _BEFORE_ALL
        self._script = redis.register_script(SCRIPT)
        self._lock = threading.RLock()

    def refresh(self) -> set[str]:
        """Read the entries added since; returns the IDs of the alerts and suppressions that changed.

        Raises:
            RedisError: the state server refuses it, or does not answer.
        """
        changed: set[str] = set()
        with self._lock:
            with suppress(RedisError, OSError):  # the state already includes what cannot be written yet
                changed |= self._rejoin()
            self._check_tail()
            while page := self._read(f"({self.last}"):
                changed |= self.state.add(decode(fields["entry"]) for _, fields in page)
                self.last = page[-1][0]
        return changed

    def _rejoin(self) -> set[str]:
        """Append the spooled entries to the log once it answers; the state changes only when all of them are appended."""
        if self.spool is None or not self.spool.entries:
            return set()
        whole, spooled = InboxLog(self.redis, self.name), list(self.spool.entries)
        whole.append(lambda _: spooled, is_past=True)
        self.state, self.last = whole.state, whole.last
        self.spool.clear()
        return {each.alert for each in spooled}

    def _check_tail(self) -> None:
        """If the state server has lost its last second, our last entry is gone: start again from what it has."""
        if self.last != _BEFORE_ALL and not self._read(self.last, self.last):
            self.state, self.last = InboxState(), _BEFORE_ALL
            self.state.add(self.spool.entries if self.spool else ())

    def _read(self, first: str, last: str = "+") -> list[tuple[str, dict[str, str]]]:
        return cast(list[tuple[str, dict[str, str]]], self.redis.xrange(self.name, first, last, count=_PAGE))

    def read_state(self, read: Callable[[InboxState], _Result]) -> _Result:
        """Read the state as of the last refresh, while no other thread changes it."""
        with self._lock:
            return read(self.state)

    def append(self, decide: Decide, *, is_past: bool = False) -> list[AnyEntry]:
        """Append entries decided from the current state; returns those that were appended.

        Args:
            decide: returns the entries, given the state.
            is_past: the entries were made earlier and keep their times.

        Raises:
            RedisError: the state server refuses it, or does not answer. The entries may have been appended anyway: append
                again, and those already in the state are not appended twice.
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
            new = self._new(decide, is_past=is_past)
            if not new or self._add(new):
                return new
        raise TimeoutError("other processes append to the log faster than it can be read")

    def _append_to_spool(self, spool: Spool, decide: Decide) -> list[AnyEntry]:
        new = self._new(decide, is_past=False)
        spool.add(new)
        self.state.add(new)
        return new

    def _new(self, decide: Decide, *, is_past: bool) -> list[AnyEntry]:
        new = {each.id: each for each in decide(self.state) if each not in self.state}.values()
        return [each if is_past else self.state.dated_in_order(each) for each in new]

    def _add(self, entries: list[AnyEntry]) -> bool:
        reply = cast(Any, self._script(keys=[self.name], args=[self.last, *map(encode, entries)]))
        if reply[0] == 0:
            return False
        self.state.add(entries)
        self.last = reply[1]
        return True

    def wait(self, seconds: float, since: str) -> None:
        """Wait for an entry.

        Args:
            seconds: the longest time to wait.
            since: the value of `last` when the displayed list was read; another request may have read further since.
        """
        self.redis.xread({self.name: since}, count=1, block=max(1, int(seconds * 1000)))

    def save_data_status(self, force: str, status: DataStatus) -> None:
        """Save an engine's last report about a force's data; it is not an entry, because it is not about an alert.

        Raises:
            RedisError: the state server refuses it, or does not answer.
        """
        self.redis.hset(f"{self.name}:data_status", force, msgspec.json.encode(status).decode())

    def data_status(self) -> dict[str, DataStatus]:
        """The engines' last reports, by force.

        Raises:
            RedisError: the state server refuses it, or does not answer.
        """
        saved = cast(dict[str, str], self.redis.hgetall(f"{self.name}:data_status"))
        return {force: msgspec.json.decode(each, type=DataStatus) for force, each in saved.items()}

    def entries(self) -> Iterable[AnyEntry]:
        """The whole log, in the order in which it was written."""
        first = "-"
        while page := self._read(first):
            yield from (decode(fields["entry"]) for _, fields in page)
            first = f"({page[-1][0]}"
