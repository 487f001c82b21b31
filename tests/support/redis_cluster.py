"""A Redis Cluster on loopback for tests: three primaries, each with a replica that takes over if its primary is killed."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from bluelamp.wiring.ports import free_ports
from tests.support.system import until

_PRIMARIES = 3
_SLOTS = 16384
_NODE_TIMEOUT_MILLISECONDS = 1000


class ClusterNodes:
    """The nodes; the first three begin as primaries.

    Args:
        directory: where they keep their data.
        replicas: whether each primary has a replica.
        server: the program to run, Redis or Valkey.
    """

    def __init__(self, directory: Path, *, replicas: bool = True, server: str | Path = "redis-server") -> None:
        self._directory, self._server = directory, server
        count = _PRIMARIES * (1 + replicas)
        found = free_ports(2 * count)
        self.ports = found[:count]
        self._bus = dict(zip(self.ports, found[count:], strict=True))
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """The address of the cluster."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def start(self) -> None:
        """Start the nodes and make a cluster of them."""
        for port in self.ports:
            self.start_node(port)
        first, *others = self.ports
        borders = [_SLOTS * each // _PRIMARIES for each in range(_PRIMARIES + 1)]
        for port, (begin, end) in zip(self.ports, pairwise(borders), strict=False):
            self.ask(port, "CLUSTER ADDSLOTSRANGE", begin, end - 1)
        for port in others:
            self.ask(first, "CLUSTER MEET", "127.0.0.1", port, self._bus[port])
        until(lambda: all(len(self.known(port)) == len(self.ports) for port in self.ports), 30, "the nodes to meet")
        for primary, replica in zip(self.ports[:_PRIMARIES], self.ports[_PRIMARIES:], strict=False):
            self.ask(replica, "CLUSTER REPLICATE", self.ask(primary, "CLUSTER MYID"))
        until(self.is_whole, 30, "the cluster to be whole")

    def start_node(self, port: int) -> None:
        """Start one node, or start it again after a kill."""
        directory = self._directory / str(port)
        directory.mkdir(exist_ok=True)
        options = {
            "port": port,
            "bind": "127.0.0.1",
            "dir": directory,
            "cluster-enabled": "yes",
            "cluster-node-timeout": _NODE_TIMEOUT_MILLISECONDS,
            "cluster-port": self._bus[port],
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            "repl-diskless-sync-delay": 0,
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._running[port] = subprocess.Popen([self._server, *words], stdout=subprocess.DEVNULL)
        until(lambda: self.responds(port), 30, "a node to respond")

    def kill(self, port: int) -> None:
        """Kill a node with -9."""
        node = self._running.pop(port)
        node.send_signal(signal.SIGKILL)
        node.wait()

    def replica_of(self, primary: int) -> int:
        """The port of a primary's replica."""
        name = self.ask(primary, "CLUSTER MYID")
        known = self.known(primary).items()
        return next(int(where.rpartition(":")[2]) for where, each in known if each["master_id"] == name)

    def pause(self, port: int) -> None:
        """Stop a node from working, as a machine that hangs."""
        self._running[port].send_signal(signal.SIGSTOP)

    def resume(self, port: int) -> None:
        """Let it work again."""
        self._running[port].send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End every node."""
        for node in self._running.values():
            node.kill()
            node.wait()

    def ask(self, port: int, command: str, *words: Any) -> Any:
        """Run a command on one node."""
        with Redis(port=port, decode_responses=True, socket_timeout=5) as redis:
            return redis.execute_command(command, *words)

    def responds(self, port: int) -> bool:
        """Whether a node responds."""
        with suppress(RedisError):
            return bool(self.ask(port, "PING"))
        return False

    def known(self, port: int) -> dict[str, dict[str, Any]]:
        """The nodes that one node knows, by address, with their flags and slots."""
        return {name.partition("@")[0]: each for name, each in self.ask(port, "CLUSTER NODES").items()}

    def primaries(self) -> list[int]:
        """The ports of the primaries that have slots and run."""
        port = next(iter(self._running))
        known = self.known(port).items()
        return [
            int(name.rpartition(":")[2])
            for name, each in known
            if each["flags"].startswith(("master", "myself,master")) and each["slots"] and "fail" not in each["flags"]
        ]

    def serves(self, port: int, slot: int) -> bool:
        """Whether a node serves a slot."""
        return any(
            int(first) <= slot <= int(last)
            for first, last, primary, *_ in self.ask(port, "CLUSTER SLOTS")
            if int(primary[1]) == port
        )

    def slots_of(self, port: int) -> list[int]:
        """The slots that a node serves, by its own account."""
        (own,) = (each for each in self.known(port).values() if "myself" in each["flags"])
        return [
            slot for first, *rest in own["slots"] for slot in range(int(first), int(rest[-1] if rest else first) + 1)
        ]

    def is_whole(self) -> bool:
        """Whether every node agrees that all slots are served, and every replica has its primary's data."""
        with suppress(RedisError):
            return all(self._is_well(port) for port in self._running)
        return False

    def _is_well(self, port: int) -> bool:
        with Redis(port=port, decode_responses=True, socket_timeout=5) as redis:
            replication = redis.info("replication")
            is_linked = replication["role"] == "master" or replication["master_link_status"] == "up"
            replicas = sum("slave" in each["flags"] for each in self.known(port).values())
            return (
                replicas == len(self.ports) - _PRIMARIES
                and is_linked
                and redis.cluster("info")["cluster_state"] == "ok"
            )


@contextmanager
def redis_cluster(
    directory: Path, *, replicas: bool = True, server: str | Path = "redis-server"
) -> Iterator[ClusterNodes]:
    """A running cluster, ended afterwards in any case."""
    nodes = ClusterNodes(directory, replicas=replicas, server=server)
    try:
        nodes.start()
        yield nodes
    finally:
        nodes.stop()
