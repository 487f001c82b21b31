"""The inbox commands: its server, and what is read from its log or done through it at the command line."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, timedelta
from pathlib import Path

import requests
import uvicorn
from msgspec.structs import replace
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from alerts.inbox.active import asking, see
from alerts.inbox.api import EXPORTS
from alerts.inbox.delivery import ForceNames, tell
from alerts.inbox.intake import by_name
from alerts.inbox.metrics import InboxCollector
from alerts.inbox.notification import SIMULATED, Message
from alerts.inbox.receiver import EVENTS, OURS_ALWAYS, Watcher, load_receivers
from alerts.inbox.service import Duties, Service
from alerts.inbox.spool import Spool
from alerts.inbox.view import AlertRow, Listing, listing, refused_words
from alerts.rule import Rule
from alerts.table import RULES
from bluelamp.services.alerts import PLACE, inbox_log, telling
from bluelamp.wiring.clock import wall
from bluelamp.wiring.clock_watch import watch_clock
from bluelamp.wiring.connections import reader, state_client
from bluelamp.wiring.ports import listen
from bluelamp.wiring.settings import TOKEN, Settings, load_forces, variable
from facts.errors import PartMissingError, QuestionError
from facts.force import Force
from streams.probe import Probe

_SHUTDOWN_SECONDS = 2
_ANSWER_SECONDS = 10.0


def serve(
    settings: Settings,
    environment: Mapping[str, str],
    host: str,
    say: Callable[[str], None],
    rules: tuple[Rule, ...] = RULES,
) -> None:
    """Serve the inbox until SIGINT or SIGTERM.

    Raises:
        SettingError: a setting has a fault.
        PartMissingError: the port is in use.
    """
    service = inbox_service(settings, rules)
    application = telling(settings, environment, service, rules)
    collector = InboxCollector(service.log, lambda: service.watched_at, wall)
    application.router.routes += [Route("/metrics", _metrics(collector)), Route("/health", _health)]
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    with listen(host, settings.inbox_port, "BLUELAMP_INBOX_PORT") as listening:
        service.start()
        watch_clock(state_client(settings), settings.state_name, "the inbox")
        say(f"ready http://{host}:{listening.getsockname()[1]}{PLACE}/")
        uvicorn.Server(config).run(sockets=[listening])
        service.stop()


def inbox_service(settings: Settings, rules: tuple[Rule, ...] = RULES) -> Service:
    """The inbox of the settings; nothing is opened before it is started.

    Raises:
        SettingError: the receivers' file has a fault.
    """
    forces = {name: rules.force for name, rules in load_forces(settings).items()}
    told = load_receivers(settings.receivers, variable("receivers"))
    usual = OURS_ALWAYS if settings.prometheus else EVENTS
    ask, source = asking(settings.prometheus), reader(settings)

    def is_simulated(force: str) -> bool:
        source.refresh()
        return source.is_simulated(force)

    words = _Spoken(forces, settings.force, told.link, is_simulated)
    watcher = told.watcher
    duties = Duties(
        rules=rules,
        forces=forces,
        force=settings.force,
        receivers=[each if each.events else replace(each, events=usual) for each in told.receivers],
        tell=lambda message: tell(message, words.of(message)),
        now=wall,
        look=(lambda: see(ask, by_name(rules))) if settings.prometheus else None,
        watcher=(lambda: _ask_watcher(watcher)) if watcher else None,
        watched_every=timedelta(seconds=watcher.every_seconds) if watcher else timedelta(minutes=1),
    )
    spool = Spool(Path(settings.data) / "inbox" / "spool.jsonl")
    return Service(inbox_log(settings, spool=spool), duties)


class _Spoken:
    """How the force of a message is spoken of; of a simulated one it is said that nothing of it happened.

    Args:
        forces: by name.
        usual: the one whose clock what is no force's is told by.
        link: where alerts are looked at.
        is_simulated: whether a force is; raises RedisError where that cannot be asked.
    """

    def __init__(self, forces: Mapping[str, Force], usual: str, link: str, is_simulated: Callable[[str], bool]) -> None:
        self._forces, self._usual, self._link, self._is_simulated = forces, usual, link, is_simulated
        self._known: dict[str, bool] = {}

    def of(self, message: Message) -> ForceNames:
        """The words for a message."""
        name = message.alert.raised.scope.get("force", "")
        with suppress(RedisError, OSError):
            self._known[name] = self._is_simulated(name)
        force = self._forces.get(name)
        parts = [force.title if force else "", SIMULATED if self._known.get(name) else ""]
        return ForceNames(", ".join(filter(None, parts)), (force or self._forces[self._usual]).zone(), self._link)


def _ask_watcher(watcher: Watcher) -> None:
    requests.get(watcher.url.reveal(), timeout=_ANSWER_SECONDS, allow_redirects=False).raise_for_status()


def _metrics(collector: InboxCollector) -> Callable[[Request], Response]:
    registry = CollectorRegistry()
    registry.register(collector)

    def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return metrics


def _health(_: Request) -> Response:
    return PlainTextResponse("bluelamp inbox ok\n")


def listed(settings: Settings, *, is_ended: bool = False) -> Listing:
    """The alerts that stand, or those that have ended, without their figures.

    Raises:
        RedisError: the state server refuses it, or does not answer.
    """
    log = inbox_log(settings)
    log.refresh()
    chosen = [each for each in log.book.alerts.values() if (each.ended is not None) == is_ended]
    refusal = Probe(log.redis, settings.state_name)()
    found = listing(log.book, by_name(RULES), {}, wall(), log.heard(), chosen)
    return replace(found, refused=refused_words([refusal.cause] if refusal else []))


def lines(found: Listing) -> Iterator[str]:
    """A list as it is read at a terminal: nothing stands only where somebody watches."""
    if found.refused:
        yield f"NEW ALERTS MAY BE MISSING: {found.refused}. Until this is over the inbox keeps them, and sends them all the same."
    unwatched = [each for each in found.watched if not each.is_watched]
    for told in unwatched:
        since = f"{told.heard_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" if told.heard_at else "the beginning"
        yield f"NOT WATCHED: {told.force}: no engine has said since {since} that data come in."
    if not found.watched:
        yield "NOT WATCHED: no engine has said yet that data come in."
    for each in found.alerts:
        yield _line(each)
    if not found.alerts and found.watched and not unwatched and not found.refused:
        yield "No alert."


def _line(row: AlertRow) -> str:
    scope = " ".join(f"{name}={word}" for name, word in row.scope.items())
    since = f"since {row.since.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    owner = f"with {row.owner}" if row.owner else f"for {row.who}"
    parts = [row.id, f"{row.severity:<8}", f"{row.state:<12}", since, row.title, scope, owner]
    return "  ".join(part for part in parts if part)


def acknowledge(settings: Settings, environment: Mapping[str, str], alert: str, note: str) -> str:
    """Take an alert through the inbox; answers with a sentence.

    Raises:
        PartMissingError: the inbox does not answer.
        QuestionError: it refused, and why.
    """
    address = f"{settings.address('inbox')}{PLACE}/{alert}/acknowledge"
    headers = {"Authorization": f"Bearer {environment.get(TOKEN, '')}"}
    try:
        answer = requests.post(address, json={"note": note}, headers=headers, timeout=_ANSWER_SECONDS)
        told = answer.json()
    except requests.RequestException:
        hint = "Start it (`bluelamp inbox serve`, or `bluelamp up`), or set BLUELAMP_INBOX to its address."
        raise PartMissingError(
            "The inbox does not answer.", where=settings.address("inbox") or "BLUELAMP_INBOX", hint=hint
        ) from None
    if not answer.ok:
        raise QuestionError(told["title"], where=f"alert {alert}", hint=told["detail"])
    taken = told["alert"]["acknowledged"]
    return f"{told['alert']['title']}: taken by {taken['by']}."


def export(settings: Settings, kind: str) -> str:
    """The whole log, as `jsonl` or `csv`.

    Raises:
        RedisError: the state server refuses it, or does not answer.
    """
    _, write = EXPORTS[kind]
    return write(inbox_log(settings).every())
