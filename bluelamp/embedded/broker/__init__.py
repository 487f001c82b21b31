"""A small single-node broker with Kafka's protocol, for one machine without Apache Kafka."""

from bluelamp.embedded.broker.errors import StartError
from bluelamp.embedded.broker.server import LIMITS, Broker
from bluelamp.embedded.broker.settings import BrokerSettings

__all__ = ["LIMITS", "Broker", "BrokerSettings", "StartError"]
