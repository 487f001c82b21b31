"""What every answer is made from: the parts of the running broker, and who is asking."""

from collections.abc import Callable
from dataclasses import dataclass

from bluelamp.embedded.broker.catalog import Catalog
from bluelamp.embedded.broker.coordinator import Coordinator
from bluelamp.embedded.broker.settings import BrokerSettings
from bluelamp.embedded.broker.sync import Syncer

NODE_ID = 0


@dataclass(slots=True)
class Node:
    """The parts of the one broker of the cluster; `clock` gives epoch milliseconds."""

    settings: BrokerSettings
    catalog: Catalog
    coordinator: Coordinator
    syncer: Syncer
    clock: Callable[[], int]
    host: str
    port: int = 0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and in which version of the request."""

    client_id: str
    host: str
    version: int
