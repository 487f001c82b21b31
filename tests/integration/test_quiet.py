"""A running worker whose Kafka or Redis is away logs each cause now and then, as JSON, and not every attempt."""

import json
import time
from collections.abc import Callable

import pytest

from tests.integration.conftest import EMBEDDED, Parts
from tests.integration.test_faults import publish, week
from tests.support.system import System, until

pytestmark = [pytest.mark.usefixtures("dropped_sockets"), pytest.mark.faults]
AWAY_SECONDS, LINES_MAX = 30.0, 12


@EMBEDDED
@pytest.mark.timeout(300)
def test_a_part_that_is_away_causes_no_flood(new_system: Callable[..., System], parts: Parts) -> None:
    system = new_system(log_format="json", stall_seconds=300.0)
    system.start_workers(1)
    (worker,) = system.workers
    publish(system, week()[:50])
    system.settle()
    for part in (parts.broker, parts.state):
        before = len(worker.said().splitlines())
        part.stop()
        time.sleep(AWAY_SECONDS)  # the time without the part is what is tested
        part.start()
        until(worker.is_running, 60, "the worker")
        assert len(worker.said().splitlines()) - before <= LINES_MAX
    for line in worker.said().splitlines():
        assert {"at", "level", "logger", "message", "service"} <= json.loads(line).keys()
