"""The list of alerts as server-sent events: sent when it changes, not merely because time passes, and never after a failure."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace
from redis.exceptions import ConnectionError as UnreachableError

from alerts.inbox.api.event_channel import CHANNEL, follower
from alerts.inbox.api.view import Listing, MonitoredForce
from tests.support.inbox import START

LISTING = Listing(
    now=START,
    monitored=(MonitoredForce(force="north", heartbeat_at=START, is_monitored=True),),
    alerts=(),
    suppressions=(),
    refused="",
)
LATER = replace(
    LISTING,
    now=START + timedelta(seconds=2),
    monitored=(MonitoredForce(force="north", heartbeat_at=START + timedelta(seconds=2), is_monitored=True),),
)
REFUSED = replace(LATER, refused="The state server refuses writes: it is out of memory")
Read = Callable[[], Listing]


def unreachable() -> Listing:
    """The state server does not answer."""
    raise UnreachableError


def events(*reads: Read) -> list[str]:
    """What a viewer is sent, one event for each read."""

    async def run() -> list[str]:
        remaining = iter(reads)

        def read() -> Listing:
            return next(remaining)()

        following = follower(read, lambda _: None)
        following.alive_seconds = 0.0
        viewer = following.watch(CHANNEL)
        received = [await anext(viewer), await anext(viewer)]
        for _ in reads:
            await following.update()
            received.append(await anext(viewer))
        return received[2:]

    return asyncio.run(run())


def names(received: list[str]) -> list[str]:
    """The type of each event."""
    return [each.partition("\n")[0].removeprefix("event: ") for each in received]


def test_the_list_is_sent_when_it_changes_and_not_because_time_passes() -> None:
    received = events(lambda: LISTING, lambda: LATER, lambda: REFUSED)
    assert names(received) == ["alerts", "alive", "alerts"]
    assert json.loads(received[2].partition("data: ")[2])["refused"] == REFUSED.refused


def test_a_failure_is_sent_with_its_cause_and_the_same_list_again_after_it() -> None:
    received = events(lambda: LISTING, unreachable, lambda: LISTING)
    assert names(received) == ["alerts", "unreachable", "alerts"]
    assert json.loads(received[1].partition("data: ")[2]) == {"what": "The state server does not answer."}


def test_a_later_viewer_is_not_sent_an_old_list() -> None:
    async def run() -> list[str]:
        following = follower(lambda: LISTING, lambda _: None)
        first = following.watch(CHANNEL)
        await anext(first)
        await anext(first)
        await following.update()
        await anext(first)
        await first.aclose()
        second = following.watch(CHANNEL)
        return [await anext(second), await anext(second)]

    assert names(asyncio.run(run()))[1] == "waiting"


def test_the_task_starts_once_and_again_after_it_has_stopped() -> None:
    async def run() -> list[str]:
        following = follower(lambda: LISTING, lambda _: None)
        following.start()
        following.start()
        viewer = following.watch(CHANNEL)
        received = [await anext(viewer) for _ in range(3)]
        following.stop()
        return received

    assert names(asyncio.run(run()))[1:] == ["waiting", "alerts"]
