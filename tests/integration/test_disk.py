"""Row 7 of the fault table: with a full disk, Kafka or Redis refuses writes; this is shown, and heals when there is space."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from bluelamp.embedded.state import StateServer
from tests.integration.live_system import LiveSystem, live_system
from tests.integration.test_kills import keep_running
from tests.real.kafka_server import KafkaServer
from tests.real.parts import missing
from tests.support.disk import fill, free, small_disk
from tests.support.fault_table import Fault
from tests.support.system import until

pytestmark = pytest.mark.usefixtures("dropped_sockets")
REDIS_BYTES, KAFKA_BYTES = 24 * 1024 * 1024, 96 * 1024 * 1024
FULL_SECONDS = 12.0
"""Longer than a worker tries to apply one batch (10 s)."""


def check(living: LiveSystem, place: Path, refused: Callable[[], bool], fault: Fault) -> None:
    """Fill the disk: writes are refused, and figures become stale and stay stale; with space again the system heals by itself."""
    filled = fill(place)
    until(refused, 60, "refused writes")
    living.becomes_stale()
    assert living.watch(FULL_SECONDS) == {"stale"}
    fill(place)  # fill the space that a process freed when it ended
    free(place)
    living.becomes_live()
    fault.fired(int(filled > 0))
    living.finish(fault)


def refuses_writes(redis: Redis) -> bool:
    """Whether Redis refuses writes."""
    try:
        redis.set("probe", "")
    except RedisError as error:
        return "MISCONF" in str(error)
    return False


@pytest.mark.faults
@pytest.mark.real
@pytest.mark.injects(7)
@pytest.mark.timeout(400)
def test_a_full_disk_of_redis(tmp_path: Path, fault: Fault) -> None:
    """No process ends: Redis serves readers, and accepts writes again within a second of having space."""
    if reason := missing("kafka") or missing("redis"):
        pytest.skip(reason)
    with ExitStack() as stack:
        place = stack.enter_context(small_disk(tmp_path / "disk", REDIS_BYTES))
        broker, server = KafkaServer(tmp_path / "log"), StateServer(place, binary="debian")
        for part in (broker, server):
            stack.callback(part.stop)
            part.start()
        living = stack.enter_context(live_system(broker, server, tmp_path))
        check(living, place, lambda: refuses_writes(living.system.redis), fault)


@pytest.mark.faults
@pytest.mark.real
@pytest.mark.injects(7)
@pytest.mark.timeout(400)
def test_a_full_disk_of_kafka(tmp_path: Path, fault: Fault) -> None:
    """A broker whose only disk fails stops, and its supervisor restarts it."""
    if reason := missing("kafka") or missing("redis"):
        pytest.skip(reason)
    with ExitStack() as stack:
        place = stack.enter_context(small_disk(tmp_path / "disk", KAFKA_BYTES))
        broker, server = (
            KafkaServer(tmp_path / "log", log_directory=place),
            StateServer(tmp_path / "state", binary="debian"),
        )
        for part in (broker, server):
            stack.callback(part.stop)
            part.start()
        living = stack.enter_context(live_system(broker, server, tmp_path))
        living.supervise = lambda: keep_all_running(broker, living)
        check(living, place, lambda: not broker.is_running(), fault)


def keep_all_running(broker: KafkaServer, living: LiveSystem) -> None:
    """Restart every process that has ended, as a supervisor does."""
    if not broker.is_running():
        broker.launch()
    keep_running(living.system)
