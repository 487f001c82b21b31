"""A member of a consumer group as a separate process: `group_member.py BOOTSTRAP TOPIC GROUP OUTPUT`.

Writes one line to OUTPUT for each assignment: the partitions, separated by commas. SIGTERM makes it
leave the group; kill -9 leaves that to the session timeout.
"""

import asyncio
import signal
import sys
from collections.abc import Collection
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener


class Writer(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """Writes each assignment to the output."""

    def __init__(self, output: Path) -> None:
        self._output = output

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Do nothing: only assignments are written."""

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Write one line for each assignment."""
        with self._output.open("a") as file:
            file.write(",".join(str(one.partition) for one in sorted(assigned)) + "\n")


async def main(bootstrap: str, topic: str, group: str, output: str) -> None:
    """Read and discard records until stopped."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        session_timeout_ms=1_500,
        heartbeat_interval_ms=200,
        rebalance_timeout_ms=5_000,
        enable_auto_commit=False,
    )
    left = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, left.set)
    await consumer.start()
    consumer.subscribe([topic], listener=Writer(Path(output)))
    while not left.is_set():
        await consumer.getmany(timeout_ms=100)
    await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
