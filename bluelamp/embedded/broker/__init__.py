"""A small single-node broker that speaks Kafka's protocol, for one machine without an Apache Kafka."""

from bluelamp.embedded.broker.errors import StartError
from bluelamp.embedded.broker.server import PROMISES, Broker
from bluelamp.embedded.broker.settings import BrokerSettings

__all__ = ["PROMISES", "Broker", "BrokerSettings", "StartError"]
