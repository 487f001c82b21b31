"""A page of the board: its name, address, content, and how to add one.

To add a page:

1. Make a folder in `dashboards/board/` with a module `page.py` that defines a `Page` and the function that reads its
   parts: a flat dictionary from names to values that `msgspec` can encode, already worded for display. The function
   runs in a thread while the reader stays at one moment, at most four times a second while anybody watches; only
   parts that have changed are sent. List the page and its folder in `dashboards/board/pages.py`. A page whose `needs`
   is not mounted does not exist: nothing links to it, and its address is a 404. A page imports no other page: what
   two pages share belongs in `dashboards/board/shared/`.
2. `<name>.html` in that folder extends `shared/frame.html` and fills `{% block main %}`; the frame adds the heading.
   Everything in `main` is hidden while figures must not be displayed, except headings, captions, `th` and the class
   `still`, so put no figure in those.
3. `static/<name>.js` is a module, as in `feeds.js`: `start((parts, changed) => ...)` from `frame.js` opens the stream
   and calls back with all parts (a Map) and the set of names that changed; `elements.js` makes and fills elements
   without disturbing unchanged ones. `now()` from `frame.js` is the force's present in milliseconds, for countdowns;
   `onTick` calls back every second, and `onHeartbeat` each time the server reports, for data fetched from a mount. The
   content-security policy allows no inline script or style: set classes and `data-` attributes, and attributes in SVG.
   All `static` folders are served as one, so a file's name must be unique on the board.
4. `static/<name>.css`, if the page needs its own style, uses only the colours of `frame.css`: each has a light and a
   dark value.

Mounted applications (`board(..., mounts=...)`) get the same security headers where they set none. Their own lifespan is not run.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from starlette.requests import Request

from dashboards.board.shared.background import BackgroundReadings
from dashboards.board.shared.turns import Turns
from facts.errors import BlueLampError
from facts.force import Force
from facts.planned_event import NO_EVENTS, PlannedEvents
from facts.roster import Roster
from measures.trust import CheckedTopic
from streams.logwatch import LogSnapshot
from streams.readings import Reader

MARKING = "OFFICIAL"
"""The protective marking of every page and export (rules C30)."""
INBOX = "/api/alerts"
"""The path where the inbox is mounted; docs/run/inbox.md describes it."""
Parts = dict[str, Any]
LogEnds = LogSnapshot | None
"""The end of the log by topic and partition; None while it is unknown."""


class AlertCounts(Struct, frozen=True, kw_only=True):
    """The alerts of a force.

    Attributes:
        active: all that are active.
        unacknowledged: the unacknowledged ones, without those in planned work.
        critical: the critical ones, without those in planned work.
        critical_unacknowledged: those that are both.
        oldest_seconds: how long the oldest active one has been active.
        is_monitored: an alert engine reports that data arrive; otherwise a problem may raise no alert.
    """

    active: int
    unacknowledged: int
    critical: int
    critical_unacknowledged: int
    oldest_seconds: float
    is_monitored: bool


ReadAlerts = Callable[[], AlertCounts | None]
"""Reads the alerts of the board's force; None while they cannot be read."""


ReadRoster = Callable[[], Roster | str | None]
"""Reads the force's roster; the reason if it cannot be read, and None where no roster is set."""


ReadEvents = Callable[[], PlannedEvents]
"""Reads the force's planned events."""


def error_words(error: BlueLampError) -> str:
    """What is wrong and what to do; without the place, which is worded for the command line."""
    return f"{error.what} {error.hint}"


ReadFeedChecks = Callable[[], Sequence[CheckedTopic] | None]
"""Returns what the checks of the feeds found."""


def no_log_ends() -> LogEnds:
    """The log's end where nothing watches the log: unknown."""
    return None


def no_feed_checks() -> Sequence[CheckedTopic] | None:
    """The checks of the feeds where nothing listens to the log: unknown."""
    return None


def no_roster() -> Roster | str | None:
    """The roster where none is set."""
    return None


def no_events() -> PlannedEvents:
    """The planned events where no file is set."""
    return NO_EVENTS


class ForcePlace(NamedTuple):
    """Where the pages of a force are.

    Attributes:
        name: the force.
        title: its title.
        root: the path under which its pages are; empty for the first force of the board.
    """

    name: str
    title: str
    root: str


FORCES_SEEN = "bluelamp.forces_seen"
"""The key under which a request's scope keeps the forces that its sender may see; the value None means all."""


class View(NamedTuple):
    """Everything that pages read from.

    Attributes:
        reader: reads the state.
        force: the force whose figures are displayed.
        background: each measure's normal range and last day, as far as they have been read.
        log_ends: gives the end of the log by topic and partition; None while the log does not answer.
        alerts: reads the alerts; None where no inbox is mounted.
        feed_checks: gives what the checks found in the facts of the last hour; None while it is not known.
        program: the version and build, for the foot of each page.
        turns: runs long readings, a few at a time.
        root: the path under which the force's pages and data are; empty for the first force of the board.
        roster: reads how many call takers are planned.
        events: reads the planned events.
    """

    reader: Reader
    force: str
    background: BackgroundReadings
    log_ends: Callable[[], LogEnds]
    alerts: ReadAlerts | None = None
    feed_checks: ReadFeedChecks = no_feed_checks
    program: str = ""
    turns: Turns = Turns()
    root: str = ""
    roster: ReadRoster = no_roster
    events: ReadEvents = no_events

    @property
    def place(self) -> ForcePlace:
        """Where the force's pages are."""
        return ForcePlace(self.force, self.profile.title, self.root)

    @property
    def profile(self) -> Force:
        """The force's profile."""
        return self.reader.rules[self.force].force


def no_parts(_: View) -> Parts:
    """The parts of a page that only shows what it fetches itself."""
    return {}


def no_context(_: View, __: Request) -> Mapping[str, Any]:
    """The context of a template that needs only the frame's values."""
    return {}


class Page(Struct, frozen=True, kw_only=True):
    """A page.

    Attributes:
        name: the name of its template, script and style.
        path: its address.
        title: its heading, and its name in the navigation.
        folder: where its template is; empty if the folder has the page's name.
        read: reads its parts; blocking, called at one moment of the reader. Pages with the same function share its result.
        context: the values that its template gets besides the frame's.
        needs: the path of the mount that it requires; empty for none.
        has_style: whether it has its own style.
        shared_style: the name of a style that it shares with other pages; empty for none.
        is_listed: whether it appears in the navigation.
        has_bar: whether it has the navigation and the buttons of the frame.
    """

    name: str
    path: str
    title: str
    folder: str = ""
    read: Callable[[View], Parts] = no_parts
    context: Callable[[View, Request], Mapping[str, Any]] = no_context
    needs: str = ""
    has_style: bool = False
    shared_style: str = ""
    is_listed: bool = True
    has_bar: bool = True

    @property
    def template(self) -> str:
        """The path of its template within the board's package."""
        return f"{self.folder or self.name}/{self.name}.html"
