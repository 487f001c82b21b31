"""A real Apache Kafka for the tests: one node (KRaft) on loopback, in a directory of its own."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.real.parts import KAFKA_LIBRARIES

_CLUSTER_ID = "Ymx1ZWxhbXAtdGVzdHMtMQ"
_READY = "Kafka Server started"
_POLL_SECONDS = 0.05

# Small and quick to start: it serves one test run.
_JAVA = (
    "java",
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
    "-cp",
    f"{KAFKA_LIBRARIES}/*",
)

_PROPERTIES = """
process.roles=broker,controller
node.id=0
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.voters=0@127.0.0.1:{controller_port}
log.dirs={directory}/log
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
broker.heartbeat.interval.ms=250
broker.session.timeout.ms=2000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
log.retention.check.interval.ms=500
log.initial.task.delay.ms=500
num.network.threads=2
num.io.threads=2
num.partitions=1
"""


class KafkaServer:
    """One broker process; `start` again after `kill` brings it back on the same port with the same log.

    Args:
        directory: of its log.
        clock: a file with the number of seconds by which its clock is ahead; without a file the clock is right.
    """

    def __init__(self, directory: Path, clock: Path | None = None) -> None:
        self.directory, self._clock = directory, clock
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients, as host:port."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the running broker."""
        assert self._process is not None, "Apache Kafka is not running"
        return self._process.pid

    def start(self, within_seconds: float = 90.0) -> None:
        """Format the directory if it is new, start the broker, wait until it serves."""
        properties = self.directory / "server.properties"
        if not properties.exists():
            self._format(properties)
        log_path = self.directory / "kafka.out"
        with log_path.open("wb") as said:
            self._process = subprocess.Popen(
                [*self._java(), "kafka.Kafka", str(properties)],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + within_seconds
        while _READY not in (said_so_far := log_path.read_text(errors="replace")):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Apache Kafka did not start in {self.directory}: {said_so_far[-2000:]}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """End the broker cleanly."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker with kill -9."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            os.kill(self._process.pid, number)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _java(self) -> list[str]:
        """The Java command; the test's clock replaces Kafka's own if there is one."""
        if self._clock is None:
            return list(_JAVA)
        classes = self.directory / "classes"
        source = Path(__file__).with_name("SystemTime.java")
        compiler = ["javac", "-nowarn", "-cp", f"{KAFKA_LIBRARIES}/*", "-d", str(classes), str(source)]
        subprocess.run(compiler, check=True)
        return [*_JAVA[:-1], f"{classes}:{_JAVA[-1]}", f"-Dtest.clock={self._clock}"]

    def _format(self, properties: Path) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port, controller_port = _free_ports()
        values = {"port": self.port, "controller_port": controller_port, "directory": self.directory}
        properties.write_text(_PROPERTIES.format(**values))
        tool = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties)]
        done = subprocess.run([*_JAVA, *tool], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"Apache Kafka could not format {self.directory}: {done.stdout}{done.stderr}")


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
