"""How the board answers what is asked of it: in a thread, all of one moment, and with words for what cannot be."""

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Iterable

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dashboards.board.page import View, sentences
from facts.errors import BlueLampError, QuestionError
from measures.measure import Measure
from measures.window import Window
from streams.refusal import refusal_of

_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "svg": "image/svg+xml; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


Needed = Iterable[tuple[Measure, str | Window]]
"""The measures that an answer is taken from, each with a window."""
_GIVE_WAY_SECONDS = 0.002
"""Long enough for whoever waits for the reader to have it; so that nobody's live figures wait for an analyst's months."""


def no_needs(_: Request) -> Needed:
    """Of an answer that is soon read."""
    return ()


def blocking(
    view: View, answer: Callable[[Request], Response], needs: Callable[[Request], Needed] = no_needs
) -> Callable[[Request], object]:
    """Answers in a thread, all of one moment; says what is wrong with a question, and when the state is gone.

    Args:
        view: what is answered from.
        answer: the answer.
        needs: what is read before that a little at a time, because it is much.
    """

    def at_one_moment(request: Request) -> Response:
        for measure, window in needs(request):
            with contextlib.suppress(QuestionError):  # the answer itself says why
                view.reader.prepare(measure, window, view.force, lambda: time.sleep(_GIVE_WAY_SECONDS))
        return view.reader.at_one_moment(lambda: answer(request))

    async def answered(request: Request) -> Response:
        try:
            return await asyncio.to_thread(at_one_moment, request)
        except QuestionError as error:
            return PlainTextResponse(f"{sentences(error)}\n", status_code=404)
        except (RedisError, OSError) as error:
            return PlainTextResponse(f"{refusal_of(error).words()}\n", status_code=503)
        except BlueLampError as error:
            return PlainTextResponse(f"{sentences(error)}\n", status_code=503)

    return answered


def as_file(content: str | bytes, kind: str, words: Iterable[str], view: View) -> Response:
    """A file to keep, `csv`, `svg` or `parquet`, named by words and by the force's present."""
    named = (*(each for each in words if each), f"{view.reader.present(view.force):%Y%m%dT%H%M%SZ}")
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", "-".join(named))
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(content, media_type=_TYPES[kind], headers=headers)
