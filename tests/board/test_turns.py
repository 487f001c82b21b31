"""Long readings take turns, short ones do not wait for them, and a reading that nobody waits for ends."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dashboards.board.shared.blocking import blocking
from dashboards.board.shared.page import View
from dashboards.board.shared.turns import Turns
from measures.catalogue import CATALOGUE

MEASURE = next(iter(CATALOGUE.values()))
PARTS = 20


class HeldReader:
    """A reader whose long readings have many parts; each waits until the test allows it."""

    def __init__(self) -> None:
        self.parts, self.began, self.may_continue = 0, threading.Event(), threading.Event()

    def prepare(self, _measure: object, _window: object, _force: str, pause: Callable[[], None]) -> None:
        """Read every part."""
        for _ in range(PARTS):
            self.began.set()
            assert self.may_continue.wait(10)
            self.parts += 1
            pause()

    def at_one_moment(self, act: Callable[[], Response]) -> Response:
        """Run it."""
        return act()


class Board:
    """One page with long readings and one with short ones, in front of a slow reader."""

    def __init__(self) -> None:
        self.reader, self.answered, self.gone = HeldReader(), list[str](), 0
        self.both_gone = asyncio.Event()
        fields: Any = {"reader": self.reader, "force": "north", "background": None, "log_ends": dict}
        view = View(**fields, turns=Turns(1))

        def respond(request: Request) -> Response:
            self.answered.append(request.url.path)
            return PlainTextResponse("ok")

        self._long = cast(Any, blocking(view, respond, lambda _: [(MEASURE, "24h")]))
        self._short = cast(Any, blocking(view, respond))

    def ask(self, path: str, gone: asyncio.Event) -> "asyncio.Task[Response]":
        """Ask for a page, until the client goes away."""

        async def receive() -> dict[str, Any]:
            await gone.wait()
            self.gone += 1
            if self.gone == 2:
                self.both_gone.set()
            return {"type": "http.disconnect"}

        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b"", "server": ("b", 80)}
        endpoint = self._long if path == "/long" else self._short
        return asyncio.create_task(endpoint(Request(scope, receive)))


def test_a_reading_that_nobody_waits_for_ends() -> None:
    async def scene() -> None:
        board, gone, stays = Board(), asyncio.Event(), asyncio.Event()
        first = board.ask("/long", gone)
        assert await asyncio.to_thread(board.reader.began.wait, 10)
        queued = board.ask("/long", gone)
        gone.set()
        await asyncio.wait_for(board.both_gone.wait(), 60)
        board.reader.may_continue.set()
        assert [each.status_code for each in await asyncio.gather(first, queued)] == [503, 503]
        assert (board.reader.parts, board.answered) == (1, []), "the first stopped after a part, the second never began"
        assert (await board.ask("/long", stays)).status_code == 200
        assert board.reader.parts == 1 + PARTS

    asyncio.run(scene())


def test_short_readings_do_not_wait_for_long_ones() -> None:
    async def scene() -> None:
        board, stays = Board(), asyncio.Event()
        long = [board.ask("/long", stays) for _ in range(6)]
        assert await asyncio.to_thread(board.reader.began.wait, 10)
        assert (await asyncio.wait_for(board.ask("/short", stays), 5)).status_code == 200
        assert board.answered == ["/short"]
        board.reader.may_continue.set()
        assert {each.status_code for each in await asyncio.gather(*long)} == {200}

    asyncio.run(scene())
