"""The exporter: serves every reading to Prometheus, and evaluates the alert rules unless Prometheus does."""

import time
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from alerts.evaluator import AlertEvaluator, samples_of
from alerts.inbox.log.payload import Payload
from alerts.notifier import Notifier
from alerts.samples import not_matching, used_by_rules
from alerts.table import RULES
from bluelamp.services.forecasts import ForecastMetrics
from bluelamp.services.inbox_client import inbox_client
from bluelamp.services.metrics import CachedMetrics, force_of_token, reading_right
from bluelamp.services.own_parts import certificate_families, own_parts
from bluelamp.services.ready import readiness
from bluelamp.wiring.clock import wall
from bluelamp.wiring.clock_watch import steps, watch_clock
from bluelamp.wiring.connections import reader, state_client
from bluelamp.wiring.hosts import host_names
from bluelamp.wiring.plans import events_of
from bluelamp.wiring.program import VERSION, announce_start
from bluelamp.wiring.settings import ENGINE_TOKEN, Settings, secret_in
from measures.catalogue import CATALOGUE
from producers.http.metrics import build_info
from streams.exporter import ReadingsCollector, serve
from streams.logwatch import LogWatch, looking_at
from streams.prepared_metrics import MOST_AT_ONCE, PreparedMetrics
from streams.probe import Probe
from streams.traced import last_traced

_OWN_PARTS_SECONDS, _CERTIFICATE_SECONDS = 10.0, 600.0
_STATE_SECONDS = 0.5
"""How long to wait for the state server. Prometheus must learn in time that it does not answer."""


def serve_exporter(settings: Settings, environment: Mapping[str, str], host: str, say: Callable[[str], None]) -> None:
    """Serve metrics until the process ends.

    Args:
        settings: the settings of this run.
        environment: holds the token for the inbox, without which alerts appear only in the log and the metrics, and the tokens for the metrics.
        host: address to listen on.
        say: prints the address when the exporter is ready, and warnings.
    """
    watch, wanted = LogWatch(looking_at(settings.log(), settings.state_name)), used_by_rules(RULES)
    # Two readers, so that evaluating the rules does not wait for a full scrape to end.
    every, quick = reader(settings, _STATE_SECONDS), reader(settings, _STATE_SECONDS)
    probe = Probe(quick.redis, settings.state_name)
    events = {name: events_of(settings, rules.force) for name, rules in every.rules.items()}
    forecasts = ForecastMetrics(every, events=events)
    own: list[Collector] = [*_own_parts(settings), forecasts]
    for_rules = ReadingsCollector(quick, watch, probe=probe, further=own, is_wanted=wanted)
    everything: list[Collector] = [ReadingsCollector(every, watch, probe=probe, further=own, has_trust=True)]
    if not settings.prometheus:
        evaluator = AlertEvaluator(
            RULES, samples_of(for_rules), quick.redis, f"{settings.state_name}:alerts", wall,
            _notifier(settings, environment, say), steps(),
        )  # fmt: skip
        everything.append(evaluator)
        evaluator.start()
    rest = ReadingsCollector(every, is_wanted=not_matching(wanted), has_health=False, has_trust=True)
    all_places: dict[str, list[Collector]] = {
        "/metrics": everything,
        "/metrics/rules": [for_rules],
        "/metrics/others": [rest],
    }
    places = {path: _in_time(collectors, len(every.rules)) for path, collectors in all_places.items()}
    ready = readiness(settings, has_log=True, has_state=True, source=reader(settings, _STATE_SECONDS))
    names = host_names(settings, host)
    server, thread = serve(
        places, settings.exporter_port, host, names=names, ready=ready,
        is_allowed=reading_right(settings, environment, host), force_of=force_of_token(environment, every.rules),
    )  # fmt: skip
    watch.start()
    forecasts.start()
    watch_clock(state_client(settings), settings.state_name, "the exporter")
    announce_start(state_client(settings), settings, "exporter")
    say(f"ready http://{host}:{server.server_port}/metrics")
    thread.join()


def _in_time(collectors: list[Collector], forces: int) -> list[Collector]:
    """Collectors that a scrape does not have to wait for, however many forces there are."""
    if forces <= MOST_AT_ONCE:
        return collectors
    return [_prepared(each) if isinstance(each, ReadingsCollector) else each for each in collectors]


def _prepared(collector: ReadingsCollector) -> PreparedMetrics:
    found = PreparedMetrics(collector)
    found.start()
    return found


def _own_parts(settings: Settings) -> list[Collector]:
    """The program, and what is watched besides figures."""
    program = CollectorRegistry()
    build_info(program, "exporter", VERSION, settings.build)
    redis = state_client(settings, _STATE_SECONDS)
    return [
        CachedMetrics(program.collect, 0.0),
        CachedMetrics(lambda: own_parts(settings, redis, wall), _OWN_PARTS_SECONDS),
        CachedMetrics(lambda: certificate_families(settings, wall), _CERTIFICATE_SECONDS),
    ]


def _notifier(settings: Settings, environment: Mapping[str, str], say: Callable[[str], None]) -> Notifier | None:
    token = secret_in(environment, ENGINE_TOKEN)
    if not token:
        say(f"Alerts are not sent: set {ENGINE_TOKEN} to the same token for the exporter and the inbox.")
        return None
    addresses = settings.addresses("inbox")
    if not addresses:
        say("Alerts are not sent: BLUELAMP_INBOX is `none`.")
        return None
    return Notifier(inbox_client(addresses, token, before=_last_traced(settings)), time.monotonic)


def _last_traced(settings: Settings) -> Callable[[Payload], list[str]]:
    """Reads the spans from which the trace of a payload continues: for each topic of its alerts' measures, that of the last batch."""
    redis = state_client(settings, _STATE_SECONDS)

    def headers(payload: Payload) -> list[str]:
        measures = {each.labels.get("measure", "") for each in payload.alerts} & CATALOGUE.keys()
        topics = sorted({topic for name in measures for topic in CATALOGUE[name].topics()})
        try:
            found = [redis.get(last_traced(settings.state_name, topic)) for topic in topics]
        except (RedisError, OSError):
            return []
        return [str(each) for each in found if each]

    return headers
