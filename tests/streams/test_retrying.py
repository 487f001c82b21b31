"""Work that is retried until the state server accepts it: the refusal is logged once and reported, for as long as it lasts."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from bluelamp.embedded.state import StateServer
from facts.errors import IncompleteError
from streams import retrying
from streams.refusal import WORDS
from streams.retrying import Retrying, reported
from tests.streams.test_apply import SHORTAGES
from tests.support.stores import as_user

Work = Callable[[Retrying, AsyncRedis], Awaitable[Any]]


@pytest.fixture
def redis(state_backend: StateServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """A state server, and a worker's user."""
    monkeypatch.setattr(retrying, "AGAIN_SECONDS", 0.001)
    with Redis.from_url(state_backend.url, decode_responses=True) as client:
        client.flushall()
        client.acl_setuser("worker", enabled=True, nopass=True, keys=["*"], commands=["+@all"])
        yield client
        client.acl_deluser("worker")


def run(url: str, work: Work) -> list[str]:
    """Run some work with retries; returns the lines that were logged."""
    logged = list[str]()

    async def working() -> None:
        async with AsyncRedis.from_url(as_user(url, "worker"), decode_responses=True) as client:
            await work(Retrying(client, logged.append, time.monotonic, "test"), client)

    asyncio.run(asyncio.wait_for(working(), 20))
    return logged


async def until(is_so: Callable[[], object]) -> None:
    """Wait until a condition is true."""
    while not is_so():  # noqa: ASYNC110 - there is nothing to be notified by
        await asyncio.sleep(0.005)


def test_work_succeeds_after_the_refusal_and_only_its_start_and_end_are_logged(
    redis: Redis, state_backend: StateServer
) -> None:
    async def work(retry: Retrying, client: AsyncRedis) -> None:
        with SHORTAGES["out_of_memory"](redis, state_backend):
            waiting = asyncio.create_task(retry(lambda: client.set("a", "b")))
            await until(lambda: retry.refusal)
            await asyncio.sleep(0.2)  # many attempts later
            assert not waiting.done()
        assert await waiting
        assert retry.refusal is None

    began, ended = run(state_backend.url, work)
    assert began.startswith(f"{WORDS['out_of_memory'].what} (used memory ")
    assert "maxmemory 1B" in began
    assert ended == f"Over: {began}"
    assert redis.get("a") == "b"


def test_other_successful_work_does_not_end_a_refusal_and_its_report(redis: Redis, state_backend: StateServer) -> None:
    async def work(retry: Retrying, client: AsyncRedis) -> None:
        redis.acl_setuser("worker", enabled=True, commands=["-hdel"])
        waiting = asyncio.create_task(retry(lambda: client.hdel("a", "b")))
        await until(lambda: reported(redis, "test"))
        for _ in range(20):
            await retry(lambda: client.get("a"))
        assert retry.refusal
        found = reported(redis, "test")
        assert found
        assert (found.cause, "hdel" in found.detail) == ("access_denied", True)
        redis.acl_setuser("worker", enabled=True, commands=["+hdel"])
        await waiting
        assert reported(redis, "test") is None

    assert len(run(state_backend.url, work)) == 2


def test_cancelled_work_no_longer_waits(redis: Redis, state_backend: StateServer) -> None:
    """As when partitions go to another worker meanwhile: the refusal must then not appear to last.

    At whatever moment: the client loses a cancellation now and then.
    """

    async def work(retry: Retrying, client: AsyncRedis) -> None:
        with SHORTAGES["read_only"](redis, state_backend):
            for number in range(60):
                waiting = asyncio.create_task(retry(lambda: client.set("a", "b")))
                await until(lambda: retry.refusal)
                await asyncio.sleep(number * 0.0002)
                waiting.cancel()
                await asyncio.wait([waiting])
                assert waiting.cancelled()
        await retry(lambda: client.get("a"))
        assert retry.refusal is None

    run(state_backend.url, work)


def test_a_refusal_that_needs_a_person_is_not_retried(redis: Redis, state_backend: StateServer) -> None:
    redis.set("a", "of another program")

    async def read(retry: Retrying, client: AsyncRedis) -> None:
        await retry(lambda: client.hgetall("a"))

    async def refuse(retry: Retrying, _: AsyncRedis) -> None:
        async def incomplete() -> None:
            raise IncompleteError("It was folded from another log.", where="there", hint="Point at the log.")

        await retry(incomplete)

    for work, words in ((read, "WRONGTYPE"), (refuse, "another log")):
        with pytest.raises(Exception, match=words):
            run(state_backend.url, work)
