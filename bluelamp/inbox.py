"""The inbox commands: its server, and what is read from its log or done through it at the command line."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC

import requests
import uvicorn

from alerts.inbox.api import EXPORTS
from alerts.inbox.intake import by_name, intake
from alerts.inbox.payload import Payload
from alerts.inbox.shown import Listing, Row, listing
from alerts.table import RULES
from bluelamp.alerting import PLACE, inbox_log, telling
from bluelamp.clock import wall
from bluelamp.listening import listen
from bluelamp.settings import TOKEN, Settings
from facts.errors import PartMissingError, QuestionError

_SHUTDOWN_SECONDS = 2
_ANSWER_SECONDS = 10.0


def serve(settings: Settings, environment: Mapping[str, str], host: str, say: Callable[[str], None]) -> None:
    """Serve the inbox until SIGINT or SIGTERM.

    Raises:
        SettingError: a setting has a fault.
        PartMissingError: the port is in use.
    """
    log, rules = inbox_log(settings), by_name(RULES)

    def take(payload: Payload) -> None:
        for each in payload.alerts:
            log.append(lambda book, told=each: intake([told], rules, book, wall()))  # type: ignore[misc]

    application = telling(settings, environment, take, log)
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    with listen(host, settings.inbox_port, "BLUELAMP_INBOX_PORT") as listening:
        say(f"ready http://{host}:{listening.getsockname()[1]}{PLACE}/")
        uvicorn.Server(config).run(sockets=[listening])


def listed(settings: Settings, *, is_ended: bool = False) -> Listing:
    """The alerts that stand, or those that have ended, without their figures.

    Raises:
        RedisError: the state server does not answer.
    """
    log = inbox_log(settings)
    log.refresh()
    chosen = [each for each in log.book.alerts.values() if (each.ended is not None) == is_ended]
    return listing(log.book, by_name(RULES), {}, wall(), chosen)


def lines(found: Listing) -> Iterator[str]:
    """A list as it is read at a terminal."""
    for each in found.alerts:
        yield _line(each)
    if not found.alerts:
        yield "No alert."


def _line(row: Row) -> str:
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
    address = f"{settings.inbox_address()}{PLACE}/{alert}/acknowledge"
    headers = {"Authorization": f"Bearer {environment.get(TOKEN, '')}"}
    try:
        answer = requests.post(address, json={"note": note}, headers=headers, timeout=_ANSWER_SECONDS)
        told = answer.json()
    except requests.RequestException:
        hint = "Start it (`bluelamp inbox serve`, or `bluelamp up`), or set BLUELAMP_INBOX to its address."
        raise PartMissingError("The inbox does not answer.", where=settings.inbox_address(), hint=hint) from None
    if not answer.ok:
        raise QuestionError(told["title"], where=f"alert {alert}", hint=told["detail"])
    taken = told["alert"]["acknowledged"]
    return f"{told['alert']['title']}: taken by {taken['by']}."


def export(settings: Settings, kind: str) -> str:
    """The whole log, as `jsonl` or `csv`.

    Raises:
        RedisError: the state server does not answer.
    """
    _, write = EXPORTS[kind]
    return write(inbox_log(settings).every())
