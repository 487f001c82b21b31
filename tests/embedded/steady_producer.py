"""A producer as a process of its own: `steady_producer.py BOOTSTRAP TOPIC PARTITIONS OUTPUT`.

Sends the numbers from 0 on to the partitions in turn until SIGTERM, and writes a line `number
partition offset` to OUTPUT for each that is acknowledged. Ends with 0 when all of them were.
"""

import os
import signal
import sys
import threading
from typing import Any

from kafka import KafkaProducer


def main(bootstrap: str, topic: str, partitions: int, output: str) -> int:
    """Send until stopped; returns 0 if everything was acknowledged."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    written = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    producer = KafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=2, batch_size=1_000
    )

    def note(number: int, answer: Any) -> None:
        os.write(written, b"%d %d %d\n" % (number, answer.partition, answer.offset))

    futures: list[Any] = []
    while not ended.wait(0.0005):
        number = len(futures)
        future = producer.send(topic, b"%d" % number, partition=number % partitions)
        futures.append(future.add_callback(lambda answer, number=number: note(number, answer)))
    producer.flush(60)
    producer.close()
    return 0 if all(future.succeeded() for future in futures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
