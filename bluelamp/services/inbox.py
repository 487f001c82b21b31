"""The inbox commands: its server, and the list, acknowledgement and export of alerts at the command line."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, timedelta
from pathlib import Path

import requests
from msgspec.structs import replace
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from alerts.inbox.active import load_active_alerts, prometheus_query
from alerts.inbox.api.export import EXPORTS
from alerts.inbox.api.view import AlertRow, Listing, listing, why_refused
from alerts.inbox.delivery.metrics import InboxCollector
from alerts.inbox.delivery.notification import SIMULATED, Message
from alerts.inbox.delivery.receiver import EVENTS, INBOX_ONLY, Watcher, load_receivers
from alerts.inbox.delivery.send import ForceNames, send
from alerts.inbox.figure import AlertFigure, Samples, figure
from alerts.inbox.log.intake import by_name
from alerts.inbox.log.lease import Lease
from alerts.inbox.log.spool import Spool
from alerts.inbox.log.state import Alert
from alerts.inbox.service import Dependencies, Service
from alerts.rule import Rule
from alerts.table import RULES
from bluelamp.services.access import AccessLog, writer_to
from bluelamp.services.alerts import guard_of, inbox_app, inbox_log, rule_samples
from bluelamp.services.inbox_client import API_PATH
from bluelamp.services.metrics import ServiceMetrics, reading_right
from bluelamp.services.ready import readiness, ready_route
from bluelamp.services.server import server
from bluelamp.wiring.clock import wall
from bluelamp.wiring.clock_watch import watch_clock
from bluelamp.wiring.connections import reader, state_client
from bluelamp.wiring.hosts import host_names
from bluelamp.wiring.ports import listen
from bluelamp.wiring.program import announce_start
from bluelamp.wiring.settings import TOKEN, Settings, load_forces, secret_in, variable
from facts.errors import PartMissingError, QuestionError, SettingError
from facts.force import Force
from streams.probe import Probe

_SHUTDOWN_SECONDS = 2
_TIMEOUT_SECONDS = 10.0
_LEASE_SECONDS = 2.0


def serve(
    settings: Settings,
    environment: Mapping[str, str],
    host: str,
    say: Callable[[str], None],
    rules: tuple[Rule, ...] = RULES,
) -> None:
    """Serve the inbox until SIGINT or SIGTERM.

    Raises:
        SettingError: a setting is wrong.
        PartMissingError: the port is in use.
    """
    service = inbox_service(settings, rules)
    guard = guard_of(settings, environment, host)
    application = inbox_app(settings, guard, service, rules)
    ready = readiness(settings, has_log=False, has_state=True)
    collector = InboxCollector(service.log, lambda: service.pinged_at, wall, lambda: service.is_working)
    metrics = ServiceMetrics("inbox", settings, reading_right(settings, environment, host), [collector])
    application.router.routes += [metrics.route, Route("/health", _health), ready_route(ready)]
    recorded = AccessLog(application, guard, writer_to(settings.access_log), wall)
    running = server(metrics.around(recorded), host_names(settings, host), _SHUTDOWN_SECONDS)
    with listen(host, settings.inbox_port, "BLUELAMP_INBOX_PORT") as listening:
        service.start()
        watch_clock(state_client(settings), settings.state_name, "the inbox")
        announce_start(state_client(settings), settings, "inbox")
        say(f"ready http://{host}:{listening.getsockname()[1]}{API_PATH}/")
        running.run(sockets=[listening])
        service.stop()


def inbox_service(settings: Settings, rules: tuple[Rule, ...] = RULES) -> Service:
    """The inbox with its settings; nothing is connected until it starts.

    Raises:
        SettingError: the receivers' file has an error.
    """
    forces = {name: rules.force for name, rules in load_forces(settings).items()}
    configured = load_receivers(settings.receivers, variable("receivers"), forces)
    default_events = INBOX_ONLY if settings.prometheus else EVENTS
    query, source = prometheus_query(settings.prometheus), reader(settings)

    def is_simulated(force: str) -> bool:
        source.refresh()
        return source.is_simulated(force)

    samples = rule_samples(settings, rules)
    labels = _ForceLabels(forces, settings.force, configured.link, is_simulated, by_name(rules))
    watcher = configured.watcher
    dependencies = Dependencies(
        rules=rules,
        forces=forces,
        force=settings.force,
        receivers=[each if each.events else replace(each, events=default_events) for each in configured.receivers],
        send=lambda message: send(message, labels.of(message), figure_of(message.alert, by_name(rules), samples)),
        now=wall,
        load_active=(lambda: load_active_alerts(query, by_name(rules))) if settings.prometheus else None,
        ping_watcher=(lambda: _ping(watcher)) if watcher else None,
        ping_every=timedelta(seconds=watcher.every_seconds) if watcher else timedelta(minutes=1),
        lease=Lease(state_client(settings, _LEASE_SECONDS), f"{settings.state_name}:inbox:lease", _instance(settings)),
    )
    spool = Spool(Path(settings.data) / "inbox" / "spool.jsonl")
    return Service(inbox_log(settings, spool=spool), dependencies)


def _instance(settings: Settings) -> str:
    """The name that tells this inbox from others: its machine and its data directory, in which it also keeps its spool."""
    return f"{socket.gethostname()} {Path(settings.data).resolve()}"


def figure_of(alert: Alert, rules: Mapping[str, Rule], samples: Callable[[], Samples]) -> AlertFigure | None:
    """The current figure of an alert about a measure.

    None if the alert has ended, or the figure cannot be read: people are notified all the same.
    """
    rule = rules.get(alert.raised.rule)
    if rule is None or alert.ended or not rule.measure:
        return None
    try:
        return figure(rule, alert.raised.scope, samples())
    except (RedisError, OSError):
        return None


class _ForceLabels:
    """What notifications say about their force, including that a simulated force is not real.

    Args:
        forces: the profiles, by name.
        default: the force whose time zone is used for alerts of no force.
        link: the address of the alerts page.
        is_simulated: whether a force is simulated; raises RedisError if the state cannot be read.
        rules: the alert rules, by name.
    """

    def __init__(
        self,
        forces: Mapping[str, Force],
        default: str,
        link: str,
        is_simulated: Callable[[str], bool],
        rules: Mapping[str, Rule],
    ) -> None:
        self._rules = rules
        self._forces, self._default, self._link, self._is_simulated = forces, default, link, is_simulated
        self._simulated: dict[str, bool] = {}

    def of(self, message: Message) -> ForceNames:
        """What a message says about its force."""
        name = message.alert.raised.scope.get("force", "")
        with suppress(RedisError, OSError):
            self._simulated[name] = self._is_simulated(name)
        force = self._forces.get(name)
        title = [force.title if force else "", SIMULATED if self._simulated.get(name) else ""]
        zone, rule = (force or self._forces[self._default]).zone(), self._rules.get(message.alert.raised.rule)
        runbook = rule.runbook_link(self._link) if rule else ""
        return ForceNames(", ".join(filter(None, title)), zone, self._link, runbook)


def _ping(watcher: Watcher) -> None:
    requests.get(watcher.url.reveal(), timeout=_TIMEOUT_SECONDS, allow_redirects=False).raise_for_status()


def _health(_: Request) -> Response:
    return PlainTextResponse("bluelamp inbox ok\n")


def list_alerts(settings: Settings, *, is_ended: bool = False) -> Listing:
    """The active alerts, or those that have ended, without their figures.

    Raises:
        RedisError: the state server refuses it, or does not answer.
    """
    log = inbox_log(settings)
    log.refresh()
    chosen = [each for each in log.state.alerts.values() if (each.ended is not None) == is_ended]
    refusal = Probe(log.redis, settings.state_name)()
    alerts = listing(log.state, by_name(RULES), {}, wall(), log.data_status(), chosen)
    return replace(alerts, refused=why_refused([refusal.cause] if refusal else []))


def listing_lines(alerts: Listing) -> Iterator[str]:
    """A list for the terminal; it says that there are no active alerts only if an engine is watching."""
    if alerts.refused:
        yield (
            f"NEW ALERTS MAY BE MISSING FROM THIS LIST: {alerts.refused}. "
            "The inbox still sends them, and adds them to the list when it can."
        )
    unmonitored = [each for each in alerts.monitored if not each.is_monitored]
    for each in unmonitored:
        last = f"{each.heartbeat_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" if each.heartbeat_at else "never"
        yield f"NOT MONITORED: {each.force}: no engine reports that data arrive. Last report: {last}."
    if not alerts.monitored:
        yield "NOT MONITORED: no engine has reported yet that data arrive."
    for row in alerts.alerts:
        yield _line(row)
    if not alerts.alerts and alerts.monitored and not unmonitored and not alerts.refused:
        yield "No alerts."


def _line(row: AlertRow) -> str:
    scope = " ".join(f"{name}={value}" for name, value in row.scope.items())
    since = f"since {row.since.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    owner = f"owner: {row.owner}" if row.owner else f"for: {row.who}"
    parts = [row.id, f"{row.severity:<8}", f"{row.state:<12}", since, row.title, scope, owner]
    return "  ".join(part for part in parts if part)


def acknowledge(settings: Settings, environment: Mapping[str, str], alert: str, note: str) -> str:
    """Acknowledge an alert through the inbox; returns a sentence.

    Raises:
        PartMissingError: the inbox does not answer.
        QuestionError: the inbox refused, with its reason.
        SettingError: there is no token, or the inbox does not know it.
    """
    token = secret_in(environment, TOKEN)
    response = _first_answer(settings, f"{API_PATH}/{alert}/acknowledge", note, token)
    body = response.json()
    if response.status_code == requests.codes.unauthorized:
        what = "The inbox does not know this token." if token else "No token is set."
        hint = (
            "Set it to your token. The administrator gives people their tokens in BLUELAMP_PEOPLE (docs/run/inbox.md)."
        )
        raise SettingError(what, where=TOKEN, hint=hint)
    if not response.ok:
        raise QuestionError(body["title"], where=f"alert {alert}", hint=body["detail"])
    acknowledged = body["alert"]["acknowledged"]
    return f"{body['alert']['title']}: acknowledged by {acknowledged['by']}."


def _first_answer(settings: Settings, path: str, note: str, token: str) -> requests.Response:
    """The response of the first inbox that answers."""
    headers = {"Authorization": f"Bearer {token}"}
    for address in settings.addresses("inbox"):
        with suppress(requests.RequestException):
            response = requests.post(f"{address}{path}", json={"note": note}, headers=headers, timeout=_TIMEOUT_SECONDS)
            response.json()
            return response
    hint = "Start it (`bluelamp inbox serve`, or `bluelamp up`), or set BLUELAMP_INBOX to its address."
    where = ", ".join(settings.addresses("inbox")) or "BLUELAMP_INBOX"
    raise PartMissingError("The inbox does not answer.", where=where, hint=hint)


def export(settings: Settings, kind: str) -> str:
    """The whole log, as `jsonl` or `csv`.

    Raises:
        RedisError: the state server refuses it, or does not answer.
    """
    _, write = EXPORTS[kind]
    return write(inbox_log(settings).entries())
