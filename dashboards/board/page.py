"""A page of the board: what it is called, where it is, what it follows, and how one is added.

To add a page:

1. Write a module in `dashboards/board/pages/` that gives a `Page` and the function that takes its parts: a flat dictionary
   of names to whatever `msgspec` encodes, in words and ready to be shown. It is called in a thread, with the reader held
   steady, at most four times a second while anybody watches; only the parts that changed are sent. Name it in
   `dashboards/board/pages/__init__.py`. A page whose `needs` is not among the board's mounts does not exist there: no
   link leads to it, and its address is not found.
2. `templates/<name>.html` extends `frame.html` and fills `{% block main %}`; the heading is there already. Everything in
   `main` is hidden whenever the figures may not be shown, but for headings, captions, `th` and the class `still`: no
   figure belongs into those.
3. `static/<name>.js` is a module, as in `feeds.js`: `start((parts, changed) => ...)` from `frame.js` opens the stream and
   calls with all parts (a Map) and the set of names that changed; `elements.js` makes and fills elements without
   disturbing what stays as it was. `now()` from `frame.js` is the force's present in milliseconds, for countdowns; `onTick`
   calls every second; `onTurn` calls whenever the server gave a sign of life, for what is fetched from a mount. No inline
   script and no inline style passes the content-security policy: set classes and `data-` attributes, and in SVG attributes.
4. `static/<name>.css`, if it needs a style of its own, from the colours in `frame.css` alone: each has a light and a dark
   half.

What is mounted beside the pages (`board(..., mounts=...)`) gets the same security headers where it sets none itself; a lifespan of its own is not run.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec import Struct
from starlette.requests import Request

from dashboards.board.background import Slow
from facts.errors import BlueLampError
from facts.force import Force
from streams.logwatch import LogSnapshot
from streams.readings import Reader

MARKING = "OFFICIAL"
"""The protective marking of every page and export (rules C30)."""
Parts = dict[str, Any]
LogEnds = LogSnapshot | None
"""Where the log ends, by topic and partition; None while it is not known."""


def sentences(error: BlueLampError) -> str:
    """What is wrong, and what can be done; not where, for that is told in the words of the command line."""
    return f"{error.what} {error.hint}"


def unasked() -> LogEnds:
    """The ends of a log that is not asked."""
    return None


class View(NamedTuple):
    """What pages are taken from.

    Attributes:
        reader: of the state.
        force: whose figures are shown.
        slow: what is normal and the course of each measure, as far as they are known yet.
        log_ends: where the log ends, by topic and partition; None while it does not answer.
    """

    reader: Reader
    force: str
    slow: Slow
    log_ends: Callable[[], LogEnds]

    @property
    def profile(self) -> Force:
        """The force's own."""
        return self.reader.rules[self.force].force


Take = Callable[[View], Parts]
"""Takes a page's parts; blocking, called within one moment of the reader."""


def nothing(_: View) -> Parts:
    """The parts of a page that shows only what it fetches itself."""
    return {}


def no_words(_: View, __: Request) -> Mapping[str, Any]:
    """What the template of a page is told when it needs nothing of its own."""
    return {}


class Page(Struct, frozen=True, kw_only=True):
    """A page.

    Attributes:
        name: of its template, script and style.
        path: its address.
        title: its heading, and its name in the navigation.
        take: what it follows; pages that follow the same share one stream.
        words: what its template is told beside the frame's own.
        needs: the mount that it cannot do without; empty for none.
        has_style: it has a style of its own.
        shared_style: the name of one that it shares with other pages; empty for none.
        is_listed: the navigation leads to it.
    """

    name: str
    path: str
    title: str
    take: Take = nothing
    words: Callable[[View, Request], Mapping[str, Any]] = no_words
    needs: str = ""
    has_style: bool = False
    shared_style: str = ""
    is_listed: bool = True
