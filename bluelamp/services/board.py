"""The board: its figures, who may view them, and its server."""

import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.types import ASGIApp

from alerts.inbox.api.guard import Guard
from bluelamp.feeding.feed_check.watch import FeedWatch
from bluelamp.feeding.feed_check.watch import looking_at as looking_at_facts
from bluelamp.services.access import AccessLog, BoardAccess, writer_to
from bluelamp.services.alerts import board_alerts, board_mounts, guard_of, parts
from bluelamp.services.metrics import ServiceMetrics, reading_right
from bluelamp.services.ready import readiness, ready_route
from bluelamp.services.server import server
from bluelamp.wiring.clock import wall
from bluelamp.wiring.clock_watch import watch_clock
from bluelamp.wiring.connections import reader
from bluelamp.wiring.hosts import host_names
from bluelamp.wiring.plans import events_of, roster_of
from bluelamp.wiring.ports import listen
from bluelamp.wiring.program import announce_start, program_words
from bluelamp.wiring.settings import Settings, variable
from dashboards.board.app import board
from dashboards.board.forces import ForceBoards, root_of
from dashboards.board.region.page import region
from dashboards.board.shared.background import BackgroundReadings
from dashboards.board.shared.page import ForcePlace, View, no_log_ends
from facts.errors import SettingError
from streams.logwatch import LogWatch, looking_at
from streams.readings import Reader

_SHUTDOWN_SECONDS = 1


def shown_forces(settings: Settings, known: Container[str]) -> list[str]:
    """The forces that the board shows.

    Raises:
        SettingError: one of them has no profile, or is named twice.
    """
    named = settings.shown_forces()
    where = variable("board_forces") if settings.board_forces else variable("force")
    for each in named:
        if each not in known:
            raise SettingError(f"There is no force {each!r}.", where=where, hint="`bluelamp check` lists the profiles.")
        if named.count(each) > 1:
            raise SettingError(f"The force {each!r} is named twice.", where=where, hint="Name it once.")
    return named


def check_limits_said(settings: Settings, guard: Guard, forces: Sequence[str]) -> None:
    """Check that the settings say who may see which force, if a board has several forces and asks for a sign-in.

    Raises:
        SettingError: they do not say it.
    """
    if len(forces) > 1 and guard.viewers.board is not None and not settings.people_forces:
        what = "The board shows several forces, but the settings do not say who may see which force."
        hint = (
            "List people or groups with their forces. To let everybody who signs in see every force, set it to `*=*`."
        )
        raise SettingError(what, where=variable("people_forces"), hint=hint)


def by_force(boards: Mapping[str, ASGIApp], together: ASGIApp, guard: Guard, places: Sequence[ForcePlace]) -> ASGIApp:
    """The boards of all forces, each for those who may see its force.

    Args:
        boards: the board of each force.
        together: the page Region, for those who may see all of them.
        guard: decides who may see what.
        places: where each board is.
    """
    guarded = {name: BoardAccess(application, guard, [name], places) for name, application in boards.items()}
    return ForceBoards(guarded, BoardAccess(together, guard, boards))


def region_of(source: Reader, places: Iterable[ForcePlace]) -> Starlette:
    """The page Region of these forces."""
    return region(
        [
            View(source, each.name, BackgroundReadings(source, each.name, time.monotonic), no_log_ends, root=each.root)
            for each in places
        ]
    )


def serve(settings: Settings, environment: Mapping[str, str], host: str, say: Callable[[str], None]) -> None:
    """Serve the board until SIGINT or SIGTERM.

    Args:
        settings: the settings of this run.
        environment: holds people's tokens.
        host: address to listen on.
        say: prints the address once the board listens.

    Raises:
        SettingError: a setting is wrong.
        PartMissingError: the port is in use.
    """
    source, watch = reader(settings), LogWatch(looking_at(settings.log(), settings.state_name))
    guard = guard_of(settings, environment, host)
    forces = shown_forces(settings, source.rules)
    check_limits_said(settings, guard, forces)
    feeds = {each: FeedWatch(looking_at_facts(settings.log()), source.rules[each], wall) for each in forces}
    inbox = parts(settings, guard)
    places = [ForcePlace(each, source.rules[each].force.title, root_of(each, forces[0])) for each in forces]
    together = region_of(source, places)
    applications = {
        each.name: board(
            source,
            each.name,
            board_mounts(inbox, each.name),
            lambda: watch.snapshot(source.applied_offsets()),
            alerts=board_alerts(inbox, each.name),
            feed_checks=feeds[each.name].checked,
            program=program_words(settings),
            root=each.root,
            forces=places,
            # Its addresses are the installation's, and only the first board is at the plain address.
            region_routes=together.routes if len(places) > 1 and not each.root else (),
            roster=roster_of(settings, source.rules[each.name].force),
            events=events_of(settings, source.rules[each.name].force),
        )
        for each in places
    }
    ready = readiness(settings, has_log=True, has_state=True, source=reader(settings))
    metrics = ServiceMetrics("board", settings, reading_right(settings, environment, host))
    applications[forces[0]].router.routes[:0] = [metrics.route, ready_route(ready)]
    guarded = AccessLog(by_force(applications, together, guard, places), guard, writer_to(settings.access_log), wall)
    running = server(metrics.around(guarded), host_names(settings, host), _SHUTDOWN_SECONDS)
    with listen(host, settings.board_port, "BLUELAMP_BOARD_PORT") as listening:
        watch.start()
        for each in feeds.values():
            each.start()
        watch_clock(source.redis, settings.state_name, "the board")
        announce_start(source.redis, settings, "board")
        say(f"ready http://{host}:{listening.getsockname()[1]}/")
        running.run(sockets=[listening])
