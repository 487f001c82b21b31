"""A model of the state server: the commands that the store and the readers use, in memory, with faults if a schedule wants them."""

import copy
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any, Self, TypeVar, cast

import msgspec
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import NoPermissionError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from streams.block_forms import SCRIPT as REWRITE

Hash = dict[str, str]
_KINDS = {"hash": dict, "zset": set, "stream": list}


REFUSALS: tuple[RedisError, ...] = (
    OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
    ReadOnlyError("You can't write against a read only replica."),
    ResponseError("MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist on disk."),
    NoPermissionError("this user has no permissions to run the 'hset' command"),
)
"""The causes with which a server may refuse writes; each refusal ends with its cause."""
_Write = TypeVar("_Write", bound=Callable[..., Any])


def _write(method: _Write) -> _Write:
    """A call that changes something; the server refuses it while it refuses writes."""

    @wraps(method)
    def refused(self: "Server", *args: Any, **kwargs: Any) -> Any:
        if self.refusing is not None:
            raise self.refusing
        return method(self, *args, **kwargs)

    return cast(_Write, refused)


class Turn:
    """Awaited wherever a real client waits for the server, so that other coroutines can run first."""

    def __await__(self) -> Generator[None, None, None]:
        """Give way once."""
        yield


class Server:
    """All keys: hashes, sets of slots, streams and texts.

    Args:
        stream_length: the number of entries that a stream keeps.
        lose: returns for each call whether its connection is lost "before" or "after" it is executed, or not at all.
        give_way: called before each call of a blocking client.

    Attributes:
        refusing: the cause with which it refuses writes; None while it accepts them.
    """

    def __init__(self, stream_length: int, lose: Callable[[], str], give_way: Callable[[], None]) -> None:
        self.keys: dict[str, Any] = {}
        self.stream_length, self.lose, self.give_way = stream_length, lose, give_way
        self.refusing: RedisError | None = None
        self._last_id = 0

    # Reading.

    def get(self, key: str) -> str | None:
        """Read a text."""
        return self.keys.get(key)

    def hget(self, key: str, name: str) -> str | None:
        """Read a field of a hash."""
        found: str | None = self.keys.get(key, {}).get(name)
        return found

    def hgetall(self, key: str) -> Hash:
        """Read a hash."""
        return dict(self.keys.get(key, {}))

    def hmget(self, key: str, names: Iterable[str], *more: str) -> list[str | None]:
        """Read some fields of a hash."""
        wanted = [names, *more] if isinstance(names, str) else names
        return [self.keys.get(key, {}).get(name) for name in wanted]

    def zrange(self, key: str, _start: int, _stop: int) -> list[str]:
        """All slots of a set, in order."""
        return [str(slot) for slot in sorted(self.keys.get(key, ()))]

    def zrangebyscore(self, key: str, _first: str, before: str) -> list[str]:
        """The slots of a set before one of them, which is given as `(SLOT`."""
        return [str(each) for each in sorted(self.keys.get(key, ())) if each < int(before[1:])]

    def hlen(self, key: str) -> int:
        """The number of fields of a hash."""
        return len(self.keys.get(key, {}))

    def xrange(self, key: str, after: str, _end: str) -> list[tuple[str, Hash]]:
        """The entries of a stream after a given one."""
        last = int(after.strip("(").partition("-")[0])
        return [(f"{number}-0", dict(entry)) for number, entry in self.keys.get(key, ()) if number > last]

    def xrevrange(self, key: str, count: int) -> list[tuple[str, Hash]]:
        """The last entries of a stream."""
        entries = self.keys.get(key, [])[-count:]
        return [(f"{number}-0", dict(entry)) for number, entry in reversed(entries)]

    def exists(self, *keys: str) -> int:
        """How many of some keys exist."""
        return sum(key in self.keys for key in keys)

    def scan_iter(self, pattern: str, _count: int = 0) -> Iterator[str]:
        """The keys that match a pattern that contains only stars."""
        matches = re.compile(re.escape(pattern.replace("\\", "")).replace(r"\*", ".*"))
        return iter([key for key in self.keys if matches.fullmatch(key)])

    # Writing.

    @_write
    def set(self, key: str, value: str) -> None:
        """Set a text."""
        self.keys[key] = value

    @_write
    def hset(
        self, key: str, name: str | None = None, value: object = None, mapping: Mapping[Any, Any] | None = None
    ) -> None:
        """Set fields of a hash."""
        given = {name: value} if name is not None else dict(mapping or {})
        self.keys.setdefault(key, {}).update({each: _text(value) for each, value in given.items()})

    @_write
    def hdel(self, key: str, name: str) -> None:
        """Remove a field of a hash."""
        self.keys.get(key, {}).pop(name, None)

    @_write
    def hsetnx(self, key: str, name: str, value: object) -> None:
        """Set a field of a hash unless it exists."""
        self.keys.setdefault(key, {}).setdefault(name, _text(value))

    @_write
    def hincrby(self, key: str, name: str, by: int) -> int:
        """Add to a field of a hash."""
        found = self.keys.setdefault(key, {})
        found[name] = str(int(found.get(name, 0)) + by)
        return int(found[name])

    @_write
    def unlink(self, *keys: str) -> None:
        """Remove keys."""
        for key in keys:
            self.keys.pop(key, None)

    @_write
    def set_if(self, key: str, expected: str, value: str, default: str) -> int:
        """The script with which `bluelamp.rebuild.versions` switches versions."""
        if self.keys.get(key, default) != expected:
            return 0
        self.keys[key] = value
        return 1

    @_write
    def apply(self, keys: list[str], args: list[Any]) -> list[Any]:
        """The same as streams/apply.lua."""
        control, timelines, open_, feeds, changes, _absent = keys
        expected, epoch, after, packed = str(args[0]), str(args[1]), str(args[2]), args[3]
        stored = self.hmget(control, ["applied_offset", "epoch"])
        if stored != [expected, epoch]:
            self.hincrby(control, "stale_writes", 1)
            return [0, stored[0] or "", stored[1] or ""]
        change = msgspec.msgpack.decode(packed)
        if refusal := self._refusal(change):
            return refusal
        for key, fields, deltas in _hashes(change):
            self._add(key, dict(zip(fields, deltas, strict=True)))
        for key, slot in change["index"]:
            self.keys.setdefault(key, set()).add(int(slot))
        for key, pairs in ((timelines, change["timelines"]), (open_, change["open"]), (feeds, change["feeds"])):
            if pairs:
                self.hset(key, mapping=dict(zip(pairs[::2], pairs[1::2], strict=True)))
        for subject in change["closed"]:
            self._drop_field(open_, subject)
        for index, prefix, before in change["drop"]:
            for slot in sorted(each for each in self.keys.get(index, ()) if each < before):
                self.unlink(*(f"{prefix}{slot}:{kind}" for kind in change["kinds"]))
                self.keys[index].discard(slot)
        self._last_id += 1
        entry = {"from": expected, "to": after, "touched": change["touched"]}
        self.keys.setdefault(changes, []).append((self._last_id, entry))
        del self.keys[changes][: -self.stream_length]
        self.hset(control, "applied_offset", after)
        return [1, after]

    @_write
    def rewrite(self, keys: list[str], args: list[Any]) -> int:
        """The same as streams/rewrite.lua."""
        if self.hmget(keys[0], ["applied_offset", "epoch"]) != [str(args[0]), str(args[1])]:
            return 0
        old, new = msgspec.msgpack.decode(args[2])
        if {*old} != {*self.keys.get(keys[1], ())}:
            return 0
        self.keys[keys[1]] = dict(zip(new[::2], new[1::2], strict=True))
        return 1

    def _refusal(self, change: Mapping[str, Any]) -> list[Any]:
        """Check all counts before any is written."""
        if compressed := [key for key, _, _ in _hashes(change) if "z" in self.keys.get(key, ())]:
            return [2, *compressed]
        for key, fields, deltas in _hashes(change):
            known = self.keys.get(key, {})
            for name, delta in zip(fields, deltas, strict=True):
                if int(known.get(name, 0)) + delta < 0:
                    return [-1, f"{key} {name} would be {int(known.get(name, 0)) + delta}"]
        return []

    def _add(self, key: str, fields: Mapping[str, int]) -> None:
        for name, delta in fields.items():
            if self.hincrby(key, name, delta) == 0:
                self._drop_field(key, name)

    def _drop_field(self, key: str, name: str) -> None:
        found = self.keys.get(key, {})
        found.pop(name, None)
        if not found:
            self.keys.pop(key, None)

    # Faults.

    def snapshot(self) -> dict[str, Any]:
        """All keys, as in a backup."""
        return copy.deepcopy(self.keys)

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore all keys from a snapshot."""
        self.keys = copy.deepcopy(dict(snapshot))


def _hashes(change: Mapping[str, Any]) -> Iterator[tuple[str, list[str], list[int]]]:
    """The hashes to which a change adds, with what it adds to which of their fields."""
    return ((start + rest, fields, deltas) for start, members in change["panes"] for rest, fields, deltas in members)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class Client:
    """A blocking client; other coroutines run before each of its calls."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Any call that the server supports."""
        return lambda *args, **kwargs: self.call(lambda: getattr(self._server, name)(*args, **kwargs))

    def call(self, work: Callable[[], Any]) -> Any:
        """Execute a call, unless the connection is lost."""
        self._server.give_way()
        lost = self._server.lose()
        if lost == "before":
            raise LostError("lost before the call")
        answer = work()
        if lost == "after":
            raise LostError("lost after the call")
        return answer

    def eval(self, _script: str, _count: int, *args: str) -> Any:
        """The only script that a rebuild runs itself."""
        return self.call(lambda: self._server.set_if(*args))

    def pipeline(self, *, transaction: bool = True) -> "Pipe":
        """Calls that are executed together, or one by one without a transaction."""
        return Pipe(self, self._server, is_whole=transaction)


class Pipe:
    """Calls that are collected, then executed."""

    def __init__(self, client: Client, server: Server, *, is_whole: bool) -> None:
        self._client, self._server, self._is_whole = client, server, is_whole
        self._calls: list[Callable[[], Any]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Any call that the server supports."""
        return lambda *args, **kwargs: self._calls.append(lambda: getattr(self._server, name)(*args, **kwargs))

    def execute(self) -> list[Any]:
        """Execute them."""
        calls, self._calls = self._calls, []
        if self._is_whole:
            answers: list[Any] = self._client.call(lambda: [call() for call in calls])
            return answers
        return [self._client.call(call) for call in calls]


class AsyncPipe:
    """Calls that are collected, then executed together, for coroutines."""

    def __init__(self, client: "AsyncClient", server: Server) -> None:
        self._client, self._server = client, server
        self._calls: list[Callable[[], Any]] = []

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Any call that the server supports."""
        return lambda *args, **kwargs: self._calls.append(lambda: getattr(self._server, name)(*args, **kwargs))

    async def execute(self) -> list[Any]:
        """Execute them."""
        answers: list[Any] = await self._client.call(lambda: [call() for call in self._calls])
        return answers


class AsyncClient:
    """A client for coroutines: each call takes one turn, and its reply another."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Any call that the server supports."""

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self.call(lambda: getattr(self._server, name)(*args, **kwargs))

        return call

    def pipeline(self, *, transaction: bool) -> AsyncPipe:
        """Calls that are executed together."""
        if not transaction:
            raise NotImplementedError
        return AsyncPipe(self, self._server)

    def register_script(self, script: str) -> Callable[..., Any]:
        """One of the two scripts of a store."""
        name = "rewrite" if script == REWRITE else "apply"

        async def run(keys: list[str], args: list[Any]) -> Any:
            return await self.call(lambda: getattr(self._server, name)(keys, args))

        return run

    async def call(self, work: Callable[[], Any]) -> Any:
        """Execute a call, unless the connection is lost."""
        await Turn()
        lost = self._server.lose()
        if lost == "before":
            raise LostError("lost before the call")
        answer = work()
        await Turn()
        if lost == "after":
            raise LostError("lost after the call")
        return answer
