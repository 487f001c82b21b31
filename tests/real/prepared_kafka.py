"""Saves what every broker of the tests repeats: a formatted directory, and an archive of the classes that Apache Kafka loads."""

import shutil
import tempfile
from pathlib import Path

from tests.real.kafka_server import KafkaServer
from tests.real.parts import KAFKA_CLASSES, KAFKA_FORMATTED, missing


def write() -> None:
    """Format a directory, start a broker in it and stop it: Java writes the archive when it ends.

    Formatting takes a quarter of the processor time of a start, and the archive saves a third of the rest. If both exist, this does nothing.
    """
    if missing("kafka") or (KAFKA_CLASSES.exists() and KAFKA_FORMATTED.exists()):
        return
    with tempfile.TemporaryDirectory() as directory:
        classes, formatted = Path(directory) / KAFKA_CLASSES.name, Path(directory) / KAFKA_FORMATTED.name
        broker = KafkaServer(Path(directory) / "broker", java_options=[f"-XX:ArchiveClassesAtExit={classes}"])
        broker.format()
        shutil.copytree(broker.log_directory, formatted)
        broker.start()
        broker.stop()
        KAFKA_CLASSES.unlink(missing_ok=True)  # it cannot be written over, except by root
        shutil.rmtree(KAFKA_FORMATTED, ignore_errors=True)
        shutil.move(classes, KAFKA_CLASSES)
        shutil.move(formatted, KAFKA_FORMATTED)


if __name__ == "__main__":
    write()
