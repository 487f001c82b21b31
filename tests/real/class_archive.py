"""Archives the classes that Apache Kafka loads: Java then starts a broker in two thirds of the processor time."""

import shutil
import tempfile
from pathlib import Path

from tests.real.kafka_server import KafkaServer
from tests.real.parts import KAFKA_CLASSES, missing


def write() -> None:
    """Start a broker and stop it: Java writes the archive when it ends. Do nothing if there is one already."""
    if missing("kafka") or KAFKA_CLASSES.exists():
        return
    with tempfile.TemporaryDirectory() as directory:
        unfinished = Path(directory) / KAFKA_CLASSES.name
        broker = KafkaServer(Path(directory) / "broker", java_options=[f"-XX:ArchiveClassesAtExit={unfinished}"])
        broker.start()
        broker.stop()
        shutil.move(unfinished, KAFKA_CLASSES)


if __name__ == "__main__":
    write()
