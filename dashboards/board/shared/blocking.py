"""Serves requests that read the state: in a thread, at one moment, with a problem document for each error."""

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from dashboards.board.shared.page import View
from dashboards.board.shared.turns import AbandonedError, Client, client_of
from facts.errors import BlueLampError, QuestionError
from measures.measure import Measure
from measures.window import Window
from producers.http.problem import problem
from streams.refusal import refusal_of

_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "svg": "image/svg+xml; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
Needed = Iterable[tuple[Measure, str | Window]]
"""The measures that a response reads, each with a window."""
Later = Callable[[Callable[[], None]], Response]
"""The rest of a response, which reads nothing more. It calls its argument now and then, to let other threads run."""
_PAUSE_SECONDS = 0.002
"""Long enough for another thread to use the reader: live figures must not wait while an analyst's months are read."""


def no_needs(_: Request) -> Needed:
    """For a response that is quick to read."""
    return ()


def blocking(
    view: View, respond: Callable[[Request], Response | Later], needs: Callable[[Request], Needed] = no_needs
) -> Callable[[Request], object]:
    """An endpoint that responds in a thread, at one moment of the reader: 404 for a bad question, 503 without the state.

    Args:
        view: what is read.
        respond: makes the response, or reads what it needs and returns the rest of the work, which takes long: the reader
            must not be kept at its moment for that.
        needs: what must be read first, a little at a time, because there is much of it.
    """

    def at_one_moment(request: Request, client: Client) -> Response:
        def pause() -> None:
            client.check()
            time.sleep(_PAUSE_SECONDS)

        client.check()
        for measure, window in needs(request):
            with contextlib.suppress(QuestionError):  # the response itself reports the error
                view.reader.prepare(measure, window, view.force, pause)
            client.check()
        made = view.reader.at_one_moment(lambda: respond(request))
        return made if isinstance(made, Response) else made(pause)

    async def endpoint(request: Request) -> Response:
        try:
            async with client_of(request) as client:
                if needs is no_needs:
                    return await asyncio.to_thread(at_one_moment, request, client)
                return await view.turns.run(lambda: at_one_moment(request, client))
        except AbandonedError:
            return Response(status_code=503)  # nobody receives it
        except QuestionError as error:
            raise problem("no_such_place", 404, error.what, error.hint) from None
        except (RedisError, OSError) as error:
            refusal = refusal_of(error)
            raise problem("state_unavailable", 503, refusal.sentence(), refusal.advice()) from None
        except BlueLampError as error:
            raise problem("state_unavailable", 503, error.what, error.hint) from None

    return endpoint


def as_file(content: str | bytes, kind: str, words: Iterable[str], view: View) -> Response:
    """A download of kind `csv`, `svg`, `parquet` or `xlsx`, named after the words and the force's present."""
    return file_response(content, kind, words, view.reader.present(view.force))


def file_response(content: str | bytes, kind: str, words: Iterable[str], at: datetime) -> Response:
    """A download of kind `csv`, `svg`, `parquet` or `xlsx`, named after the words and the time of its figures."""
    parts = (*(each for each in words if each), f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", "-".join(parts))
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(content, media_type=_TYPES[kind], headers=headers)
