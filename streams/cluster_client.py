"""Clients of a Redis Cluster with the interface of a single server's: they find the node of each key, and follow failovers."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from typing import Any, NamedTuple

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio import RedisCluster as AsyncRedisCluster
from redis.asyncio.client import Pipeline as AsyncPipeline
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.client import Pipeline
from redis.cluster import ClusterNode, RedisCluster
from redis.crc import key_slot
from redis.exceptions import ClusterDownError, MovedError, RedisClusterException, RedisError, SlotNotCoveredError
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import TimeoutError as NoAnswerError

Command = tuple[tuple[Any, ...], Mapping[str, Any]]
"""A queued command: its words (the second is its key) and its options."""
_ATTEMPTS = 3
"""How often a transaction follows its slot to another node."""
_POLL_SECONDS = 0.05
_OF_THIS_CLIENT = ("retry",)
_FAILED = (NoConnectionError, NoAnswerError, ClusterDownError, OSError)


class ClusterHosts(NamedTuple):
    """Where to find a cluster.

    Attributes:
        hosts: the addresses of its nodes; one that answers is enough to find the others.
    """

    hosts: Sequence[tuple[str, int]]


class ClusterRedis(Redis):
    """A blocking client of a Redis Cluster; it connects at its first command.

    Each slot has a transaction of its own: replies about keys of different slots do not belong to one moment. It reads from primaries
    only, because a replica may be behind.

    Args:
        where: where to find the cluster.
        options: options of redis-py's client.
    """

    def __init__(self, where: ClusterHosts, **options: Any) -> None:
        super().__init__(**_of_one_server(options))  # opens nothing; it holds the options of the commands
        self._where, self._options = where, options
        self._cluster: RedisCluster | None = None
        self._opening = threading.Lock()

    def whole(self) -> RedisCluster:
        """The client of the whole cluster.

        Raises:
            RedisError: no node answers.
        """
        with self._opening, _redis_errors():
            if self._cluster is None:
                nodes = [ClusterNode(*each) for each in self._where.hosts]  # type: ignore[no-untyped-call]
                self._cluster = RedisCluster(startup_nodes=nodes, **_OPTIONS, **self._options)
            return self._cluster

    def nodes(self) -> list[tuple[str, Redis]]:
        """The address and client of every node, also of replicas.

        Raises:
            RedisError: no node answers.
        """
        self._find_nodes_again()
        cluster = self.whole()
        return [(each.name, cluster.get_redis_connection(each)) for each in cluster.get_nodes()]  # type: ignore[no-untyped-call]

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command on the node of its key; one without a key on any primary."""
        with _redis_errors():
            return self.whole().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def ping(self, **_: Any) -> Any:
        """Whether every primary responds."""
        return self.execute_command("PING", target_nodes=RedisCluster.PRIMARIES)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Commands that run in one transaction for each slot; the second word of each is its key."""
        return _ClusterPipeline(self, transaction, shard_hint)

    def scan_iter(self, *args: Any, **options: Any) -> Iterator[Any]:
        """Every matching key, each once, even while slots are moved."""
        cluster, found = self.whole(), set[Any]()
        with _redis_errors():
            for node in cluster.get_primaries():  # type: ignore[no-untyped-call]
                found.update(cluster.get_redis_connection(node).scan_iter(*args, **options))
        yield from found

    def unlink(self, *names: Any) -> int:
        """Remove keys, those of one slot at a time."""
        slots: dict[int, list[Any]] = defaultdict(list)
        for name in names:
            slots[_slot_of(name)].append(name)
        return sum(self.execute_command("UNLINK", *each) for each in slots.values())

    def xread(self, streams: Any, count: int | None = None, block: int | None = None) -> Any:  # type: ignore[override]
        """The new entries of streams. A cluster cannot wait for streams of several slots, so they are polled."""
        deadline = time.monotonic() + (block or 0) / 1000
        while True:
            pipe = self.pipeline()
            for name, last in streams.items():
                pipe.xrange(name, f"({last}", "+", count)
            found = [[name, entries] for name, entries in zip(streams, pipe.execute(), strict=True) if entries]
            if found or time.monotonic() >= deadline:
                return found
            time.sleep(_POLL_SECONDS)

    def run(self, commands: Sequence[Command], *, raise_on_error: bool = True) -> list[Any]:
        """Run commands in one transaction for each slot; returns the replies in the order of the commands.

        Raises:
            RedisError: one was refused, or its node did not answer.
        """
        replies: dict[int, Any] = {}
        for slot, positions in _by_slot(commands).items():
            there = self._run_in(slot, [commands[position] for position in positions], raise_on_error)
            replies |= zip(positions, there, strict=True)
        return [replies[position] for position in range(len(commands))]

    def _run_in(self, slot: int, commands: Sequence[Command], raise_on_error: bool) -> list[Any]:
        for attempt in range(_ATTEMPTS):
            cluster = self.whole()
            try:
                with _redis_errors():
                    node = cluster.nodes_manager.get_node_from_slot(slot)
                    pipe = cluster.get_redis_connection(node).pipeline(transaction=True)
                    _queue(pipe, commands)
                    return pipe.execute(raise_on_error)
            except (MovedError, *_FAILED) as error:
                self._find_nodes_again()
                if not isinstance(error, MovedError) or attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _find_nodes_again(self) -> None:
        with suppress(RedisError, OSError), _redis_errors():
            self.whole().nodes_manager.initialize()

    def close(self) -> None:
        """Close every connection."""
        if self._cluster is not None:
            self._cluster.close()
        super().close()


class AsyncClusterRedis(AsyncRedis):
    """The same for asyncio, with the commands that workers use."""

    def __init__(self, where: ClusterHosts, **options: Any) -> None:
        super().__init__(**_of_one_server(options))
        self._options = options
        nodes = [AsyncClusterNode(*each, **_of_one_server(options)) for each in where.hosts]
        self._cluster = AsyncRedisCluster(startup_nodes=nodes, **_OPTIONS, **options)
        self._nodes: dict[tuple[str, int], AsyncRedis] = {}

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command on the node of its key; one without a key on any primary."""
        with _redis_errors():
            return await self._cluster.execute_command(*args, **options)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> AsyncPipeline:
        """Commands that run in one transaction for each slot; the second word of each is its key."""
        return _AsyncClusterPipeline(self, transaction, shard_hint)

    async def run(self, commands: Sequence[Command], *, raise_on_error: bool = True) -> list[Any]:
        """Run commands in one transaction for each slot; returns the replies in the order of the commands.

        Raises:
            RedisError: one was refused, or its node did not answer.
        """
        replies: dict[int, Any] = {}
        for positions in _by_slot(commands).values():
            there = await self._run_in([commands[position] for position in positions], raise_on_error)
            replies |= zip(positions, there, strict=True)
        return [replies[position] for position in range(len(commands))]

    async def _run_in(self, commands: Sequence[Command], raise_on_error: bool) -> list[Any]:
        for attempt in range(_ATTEMPTS):
            try:
                with _redis_errors():
                    await self._cluster.initialize()
                    pipe = self._node_of(commands[0]).pipeline(transaction=True)
                    _queue(pipe, commands)
                    return await pipe.execute(raise_on_error)
            except (MovedError, *_FAILED) as error:
                with suppress(RedisError, OSError):
                    await self._cluster.aclose()  # it finds the nodes again at its next command
                if not isinstance(error, MovedError) or attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _node_of(self, command: Command) -> AsyncRedis:
        node = self._cluster.get_node_from_key(command[0][1])
        where = (str(node.host), int(node.port)) if node else ("", 0)
        if where not in self._nodes:
            host, port = where
            self._nodes[where] = AsyncRedis(host=host, port=port, **_of_one_server(self._options))
        return self._nodes[where]

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close every connection."""
        for each in self._nodes.values():
            await each.aclose()
        await self._cluster.aclose()
        await super().aclose(close_connection_pool)


class _ClusterPipeline(Pipeline):
    """Queues commands for `ClusterRedis.run`."""

    def __init__(self, client: ClusterRedis, transaction: bool, shard_hint: str | None) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction, shard_hint)
        self._client = client

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        commands, self.command_stack = self.command_stack, []
        return self._client.run(commands, raise_on_error=raise_on_error)


class _AsyncClusterPipeline(AsyncPipeline):
    """Queues commands for `AsyncClusterRedis.run`."""

    def __init__(self, client: AsyncClusterRedis, transaction: bool, shard_hint: str | None) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction, shard_hint)
        self._client = client

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        commands, self.command_stack = self.command_stack, []
        return await self._client.run(commands, raise_on_error=raise_on_error)


_OPTIONS: Mapping[str, Any] = {"require_full_coverage": False, "dynamic_startup_nodes": False}
"""The other slots keep working while some have no node; addresses stay those of the settings, which may be host names."""


def _of_one_server(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a client of one node: the client of the cluster alone retries."""
    return {name: value for name, value in options.items() if name not in _OF_THIS_CLIENT}


def _slot_of(key: str) -> int:
    return key_slot(key.encode())


def _by_slot(commands: Sequence[Command]) -> dict[int, list[int]]:
    """The positions of commands, by the slot of their keys."""
    found: dict[int, list[int]] = defaultdict(list)
    for position, (words, _) in enumerate(commands):
        found[_slot_of(words[1])].append(position)
    return found


def _queue(pipe: Any, commands: Sequence[Command]) -> None:
    for words, options in commands:
        pipe.execute_command(*words, **options)


@contextmanager
def _redis_errors() -> Iterator[None]:
    """Turn the errors of redis-py's cluster client that are not Redis errors into the Redis error behind them."""
    try:
        yield
    except SlotNotCoveredError as error:
        raise ClusterDownError(f"CLUSTERDOWN {error}") from error
    except RedisClusterException as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, RedisError | OSError):
            cause = cause.__cause__ or cause.__context__
        # A copy, because an error must not be the cause of its own cause.
        raise (copy(cause) if cause else NoConnectionError(str(error))) from error
