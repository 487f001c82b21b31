"""The board: its figures, who may view them, and its server."""

from collections.abc import Callable, Mapping

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
from bluelamp.wiring.ports import listen
from bluelamp.wiring.program import announce_start, program_words
from bluelamp.wiring.settings import Settings
from dashboards.board.app import board
from streams.logwatch import LogWatch, looking_at

_SHUTDOWN_SECONDS = 1


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
    feeds = FeedWatch(looking_at_facts(settings.log()), source.rules[settings.force], wall)
    inbox = parts(settings, guard)
    application = board(
        source,
        settings.force,
        board_mounts(inbox),
        lambda: watch.snapshot(source.applied_offsets()),
        alerts=board_alerts(inbox, settings.force),
        feed_checks=feeds.checked,
        program=program_words(settings),
    )
    ready = readiness(settings, has_log=True, has_state=True, source=reader(settings))
    application.router.routes.insert(0, ready_route(ready))
    guarded = AccessLog(BoardAccess(application, guard), guard, writer_to(settings.access_log), wall)
    metrics = ServiceMetrics("board", settings, reading_right(settings, environment, host))
    application.router.routes.insert(0, metrics.route)
    running = server(metrics.around(guarded), host_names(settings, host), _SHUTDOWN_SECONDS)
    with listen(host, settings.board_port, "BLUELAMP_BOARD_PORT") as listening:
        watch.start()
        feeds.start()
        watch_clock(source.redis, settings.state_name, "the board")
        announce_start(source.redis, settings, "board")
        say(f"ready http://{host}:{listening.getsockname()[1]}/")
        running.run(sockets=[listening])
