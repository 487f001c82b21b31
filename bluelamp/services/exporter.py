"""The exporter put together: every reading for Prometheus, and the engine in process unless Prometheus evaluates the rules."""

import time
from collections.abc import Callable, Mapping

from prometheus_client.registry import Collector

from alerts.evaluator import AlertEvaluator, samples_of
from alerts.notifier import Notifier
from alerts.samples import not_matching, used_by_rules
from alerts.table import RULES
from bluelamp.services.alerts import inbox_client
from bluelamp.wiring.clock import wall
from bluelamp.wiring.clock_watch import steps, watch_clock
from bluelamp.wiring.connections import reader, state_client
from bluelamp.wiring.settings import ENGINE_TOKEN, Settings
from streams.exporter import ReadingsCollector, serve
from streams.logwatch import LogWatch, looking_at
from streams.probe import Probe

_STATE_SECONDS = 0.5
"""How long the state server is waited for: that it does not answer is itself to be told."""


def serve_exporter(settings: Settings, environment: Mapping[str, str], host: str, say: Callable[[str], None]) -> None:
    """Serve figures until the process ends.

    Args:
        settings: of this run.
        environment: contains the engine's token; without one, alerts are only logged and exported.
        host: address to listen on.
        say: tells the address once it listens, and what is not done.
    """
    watch, wanted = LogWatch(looking_at(settings.kafka, settings.state_name)), used_by_rules(RULES)
    # Two readers: what is due must not wait until a scrape of all there is has ended.
    every, quick = reader(settings, _STATE_SECONDS), reader(settings, _STATE_SECONDS)
    probe = Probe(quick.redis, settings.state_name)
    for_rules = ReadingsCollector(quick, watch, probe=probe, is_wanted=wanted)
    all_there_is: list[Collector] = [ReadingsCollector(every, watch, probe=probe)]
    if not settings.prometheus:
        evaluator = AlertEvaluator(
            RULES, samples_of(for_rules), quick.redis, f"{settings.state_name}:alerts", wall,
            _notifier(settings, environment, say), steps(),
        )  # fmt: skip
        all_there_is.append(evaluator)
        evaluator.start()
    rest = ReadingsCollector(every, is_wanted=not_matching(wanted), has_health=False)
    places: dict[str, list[Collector]] = {
        "/metrics": all_there_is,
        "/metrics/rules": [for_rules],
        "/metrics/others": [rest],
    }
    server, thread = serve(places, settings.exporter_port, host)
    watch.start()
    watch_clock(state_client(settings), settings.state_name, "the exporter")
    say(f"ready http://{host}:{server.server_port}/metrics")
    thread.join()


def _notifier(settings: Settings, environment: Mapping[str, str], say: Callable[[str], None]) -> Notifier | None:
    token = environment.get(ENGINE_TOKEN, "")
    if not token:
        say(f"Nobody is notified of alerts: set {ENGINE_TOKEN} for the exporter and the inbox.")
        return None
    address = settings.address("inbox")
    if not address:
        say("Nobody is notified of alerts: set BLUELAMP_INBOX to the inbox's address.")
        return None
    return Notifier(inbox_client(address, token), time.monotonic)
