"""Two inboxes as processes: the one that works is killed with SIGKILL, and from then on the other one notifies people."""

from pathlib import Path

import pytest
import requests
from redis import Redis

from alerts.inbox.log.entry import Raised
from alerts.inbox.log.payload import payload
from alerts.inbox.log.stream import InboxLog
from bluelamp.services.inbox_client import inbox_client
from bluelamp.wiring.ports import free_ports
from tests.inbox.test_delivery import webhook
from tests.support.inbox import TOKENS, firing
from tests.support.stores import state_server
from tests.support.system import WorkerProcess, until

pytestmark = pytest.mark.faults
SCOPE = {"force": "staffordshire"}


class InboxProcess(WorkerProcess):
    """One `bluelamp inbox serve`.

    Args:
        directory: its data directory, with its spool.
        redis: the state server.
        hook: the address of the only receiver.
        port: its port.
    """

    def __init__(self, directory: Path, redis: str, hook: str, port: int) -> None:
        directory.mkdir()
        receivers = directory / "receivers.toml"
        receivers.write_text(f'[[receivers]]\nname = "pager"\nwebhook = "{hook}"\n')
        settings = {
            "BLUELAMP_REDIS": redis,
            "BLUELAMP_DATA": str(directory),
            "BLUELAMP_RECEIVERS": str(receivers),
            "BLUELAMP_INBOX_PORT": str(port),
            "BLUELAMP_ENGINE_TOKEN": TOKENS["engine"],
        }
        super().__init__("inbox", settings, directory)
        self.program = (*self.program[:-1], "inbox", "serve")
        self.address = f"http://127.0.0.1:{port}"

    def works(self) -> bool:
        """Whether this inbox notifies people."""
        return self._shows(1)

    def waits(self) -> bool:
        """Whether this inbox runs and leaves notifying to the other one."""
        return self._shows(0)

    def _shows(self, value: int) -> bool:
        try:
            return f"bluelamp_inbox_working {value}.0" in requests.get(f"{self.address}/metrics", timeout=5).text
        except requests.RequestException:
            return False


def test_the_second_inbox_takes_over_from_a_killed_one(tmp_path: Path) -> None:
    with state_server(tmp_path / "state") as server, webhook(200) as (hook, received):
        ports = free_ports(2)
        first, second = (InboxProcess(tmp_path / str(port), server.url, hook, port) for port in ports)

        def keys() -> set[str]:
            """The notifications of new alerts; a repeated one has the same key."""
            return {body["key"] for _, body in received if body["event"] == "raised"}

        try:
            first.start()
            until(first.works, 60, "the first inbox to work")
            second.start()
            until(second.waits, 60, "the second inbox to wait")
            post = inbox_client([first.address, second.address], TOKENS["engine"])
            before, after = (
                firing(1, "feed_silent", {**SCOPE, "feed": name, "system": name}) for name in ("custody", "records")
            )
            post(payload({}, [before]))
            until(lambda: len(keys()) == 1, 60, "the first notification")
            assert second.waits()
            first.kill()
            post(payload({}, [before, after]))
            until(second.works, 60, "the second inbox to work")
            until(lambda: len(keys()) == 2, 60, "the second notification")
            with Redis.from_url(server.url, decode_responses=True) as redis:
                entries = list(InboxLog(redis, "bluelamp:inbox").entries())
            assert sum(isinstance(each, Raised) for each in entries) == 2
            assert len({each.id for each in entries}) == len(entries)
            first.start()
            until(first.waits, 60, "the first inbox to wait")
            assert second.works()
        finally:
            first.stop()
            second.stop()
