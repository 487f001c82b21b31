"""What every handler needs: the parts of the running broker, and the caller."""

from collections.abc import Callable
from dataclasses import dataclass

from bluelamp.embedded.broker.catalog import Catalog
from bluelamp.embedded.broker.coordinator import Coordinator
from bluelamp.embedded.broker.settings import BrokerSettings
from bluelamp.embedded.broker.sync import Syncer

NODE_ID = 0


@dataclass(slots=True)
class Node:
    """The parts of the cluster's only broker; `clock` returns milliseconds since 1970."""

    settings: BrokerSettings
    catalog: Catalog
    coordinator: Coordinator
    syncer: Syncer
    clock: Callable[[], int]
    host: str
    port: int = 0


@dataclass(frozen=True, slots=True)
class Caller:
    """The client that sent a request, and the request's version."""

    client_id: str
    host: str
    version: int
