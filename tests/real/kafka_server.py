"""A real Apache Kafka for tests: one KRaft node or several on loopback, each in its own directory."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bluelamp.wiring.ports import free_ports
from tests.real.parts import KAFKA_CLASSES, KAFKA_FORMATTED, KAFKA_LIBRARIES

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

_ARCHIVED_CLASSES = (f"-XX:SharedArchiveFile={KAFKA_CLASSES}",)
"""Written by `make parts`; without it Java loads every class itself."""

_PROPERTIES = """
process.roles=broker,controller
node.id={node_id}
listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{proxied_port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{advertised_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.voters={voters}
log.dirs={log_directory}
auto.create.topics.enable=false
default.replication.factor={replicas}
min.insync.replicas={insync}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=2
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={insync}
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={insync}
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
    """One broker process; a restart after `kill` uses the same port and the same log.

    Args:
        directory: where its settings and output are, and its log, unless `log_directory` is given.
        log_directory: where its log is.
        clock: a file with the number of seconds by which its clock is ahead; without it, the clock is right.
        proxy_port: the port of a proxy that forwards to `proxied_port`; clients that connect through it keep using it.
        node_id: its number in a cluster.
        voters: the controller port of each node of a cluster, by number.
        java_options: more options for Java; by default, where it finds archived classes.

    Attributes:
        port: the port for clients.
        proxied_port: the port for a proxy.
        log_directory: where its log is.
    """

    def __init__(
        self,
        directory: Path,
        *,
        log_directory: Path | None = None,
        clock: Path | None = None,
        proxy_port: int = 0,
        node_id: int = 0,
        voters: Mapping[int, int] | None = None,
        java_options: Sequence[str] = _ARCHIVED_CLASSES,
    ) -> None:
        self.directory, self._clock, self._java_options = directory, clock, java_options
        self.port, self.proxied_port, controller_port = free_ports(3)
        self.log_directory = log_directory or directory / "log"
        self._voters = voters or {node_id: controller_port}
        self._values = {
            "node_id": node_id,
            "port": self.port,
            "proxied_port": self.proxied_port,
            "advertised_port": proxy_port or self.proxied_port,
            "controller_port": self._voters[node_id],
            "voters": ",".join(f"{number}@127.0.0.1:{port}" for number, port in self._voters.items()),
            "log_directory": self.log_directory,
            "replicas": len(self._voters),
            "insync": len(self._voters) // 2 + 1,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._more_properties, self._format_options = "", list[str]()

    @property
    def bootstrap(self) -> str:
        """The address for clients, as host:port."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the running broker."""
        assert self._process is not None, "Apache Kafka is not running"
        return self._process.pid

    def is_running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.poll() is None

    def start(self, within_seconds: float = 90.0) -> None:
        """Format the directory if it is new, start the broker, and wait until it is ready."""
        self.launch()
        self.wait_until_ready(within_seconds)

    def launch(self) -> None:
        """Start the broker without waiting until it is ready; in a cluster each node waits for the others."""
        self.format()
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*self._java(), "kafka.Kafka", str(self._settings_file)],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self, within_seconds: float = 90.0) -> None:
        """Wait until the broker is ready."""
        deadline = time.monotonic() + within_seconds
        while _READY not in (text := self.said()):
            if not self.is_running() or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Apache Kafka did not start in {self.directory}: {text[-2000:]}")
            time.sleep(_POLL_SECONDS)

    @property
    def _output(self) -> Path:
        return self.directory / "kafka.out"

    def said(self) -> str:
        """Its output since the last start."""
        return self._output.read_text(errors="replace")

    def stop(self) -> None:
        """Stop the broker cleanly."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the broker with -9."""
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
        """The Java command; with a clock, the test's class replaces Kafka's own clock."""
        if self._clock is None:
            return [_JAVA[0], *self._java_options, *_JAVA[1:]]
        classes = self.directory / "classes"
        source = Path(__file__).with_name("SystemTime.java")
        compiler = ["javac", "-nowarn", "-cp", f"{KAFKA_LIBRARIES}/*", "-d", str(classes), str(source)]
        subprocess.run(compiler, check=True)
        return [*_JAVA[:-1], f"{classes}:{_JAVA[-1]}", f"-Dtest.clock={self._clock}"]

    @property
    def _settings_file(self) -> Path:
        return self.directory / "server.properties"

    def format(self) -> None:
        """Write its settings and format its log directory, unless that was done before."""
        if self._settings_file.exists():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        self._settings_file.write_text(_PROPERTIES.format(**self._values) + self._more_properties)
        is_like_saved = list(self._voters) == [0] and not self._format_options
        if is_like_saved and KAFKA_FORMATTED.exists():
            shutil.copytree(KAFKA_FORMATTED, self.log_directory, dirs_exist_ok=True)
        else:
            self._run_format_tool()

    def _run_format_tool(self) -> None:
        tool = ["kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(self._settings_file)]
        command = [_JAVA[0], *self._java_options, *_JAVA[1:], *tool, *self._format_options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            self._settings_file.unlink()
            raise RuntimeError(f"Apache Kafka could not format {self.directory}: {done.stdout}{done.stderr}")


class KafkaCluster:
    """Several brokers that each keep a copy of every record, and acknowledge a record once most of them have it.

    Args:
        directory: where the brokers' directories are.
        count: the number of brokers.

    Attributes:
        brokers: the brokers; each can be started and killed separately.
    """

    def __init__(self, directory: Path, count: int = 3) -> None:
        voters = dict(enumerate(free_ports(count)))
        self.brokers = [KafkaServer(directory / str(number), node_id=number, voters=voters) for number in voters]

    @property
    def bootstrap(self) -> str:
        """The addresses for clients."""
        return ",".join(each.bootstrap for each in self.brokers)

    def start(self) -> None:
        """Start every broker, and wait until all are ready."""
        for each in self.brokers:
            each.launch()
        for each in self.brokers:
            each.wait_until_ready()

    def stop(self) -> None:
        """Kill every broker: a clean stop would make the last one wait for the others to take over."""
        for each in self.brokers:
            each.kill()
