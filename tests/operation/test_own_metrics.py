"""Metrics of the services themselves: their program, requests, refusals, starts, disks, archive and certificates."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from alerts.rule import RUNBOOKS
from alerts.table import RULES
from bluelamp.embedded.state import StateServer
from bluelamp.services.metrics import CachedMetrics, ServiceMetrics, force_of_token, reading_right
from bluelamp.services.own_parts import certificate_families, free_ratio, own_parts, report_archived
from bluelamp.verify.checks.programs import program_results, this_program
from bluelamp.wiring.program import VERSION, announce_start
from bluelamp.wiring.settings import FORCE_METRICS_TOKENS, METRICS_TOKEN, Settings
from facts.errors import SettingError
from producers.gateway.metrics import GatewayMetrics
from producers.http.metrics import HttpMetrics, MetricsAccess
from streams.exporter import serve
from streams.started import Start, record_start, start_families
from tests.real.certificates import Certificates
from tests.support.asgi import get
from tests.support.system import until

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what a container listens on
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def samples(families: Iterable[Metric]) -> dict[tuple[str, ...], float]:
    """Values by name and labels."""
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


def test_a_service_shows_its_program_and_its_requests_to_those_who_may_read_metrics() -> None:
    async def page(_: Request) -> Response:
        return PlainTextResponse("ok")

    metrics = ServiceMetrics("board", Settings(build="abc"), lambda given: given == "Bearer right")
    app = metrics.around(Starlette(routes=[metrics.route, Route("/", page)]))
    assert get(app, "/").status == 200
    assert get(app, "/nowhere").status == 404
    assert get(app, "/metrics").status == 401
    text = get(app, "/metrics", headers={"authorization": "Bearer right"}).text
    assert f'bluelamp_build_info{{build="abc",service="board",version="{VERSION}"}} 1.0' in text
    assert 'bluelamp_http_requests_total{method="GET",status="404"} 1.0' in text
    assert "bluelamp_http_request_seconds_count 3.0" in text
    assert "process_start_time_seconds" in text


def test_an_event_stream_is_counted_while_it_is_open_and_not_as_a_request() -> None:
    registry = CollectorRegistry()

    def value(name: str) -> float | None:
        return registry.get_sample_value(f"bluelamp_http_{name}")

    async def events(_scope: Scope, _receive: Receive, send: Send) -> None:
        head = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        seen.append(value("event_streams"))
        await send({"type": "http.response.body", "body": b""})

    seen: list[float | None] = []
    get(HttpMetrics(registry).around(events), "/events")
    assert seen == [1.0]
    assert (value("event_streams"), value("requests_open"), value("request_seconds_count")) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("host", "token", "given", "is_allowed"),
    [
        ("127.0.0.1", "", "", True),
        (EVERYWHERE, "", "", False),
        (EVERYWHERE, "secret", "Bearer secret", True),
        ("127.0.0.1", "secret", "", False),
        ("127.0.0.1", "secret", "Bearer other", False),
        ("127.0.0.1", "secret", "Bearer sécret", False),
    ],
)
def test_metrics_are_open_on_loopback_alone_and_a_token_closes_them(
    host: str, token: str, given: str, is_allowed: bool
) -> None:
    environment = {"BLUELAMP_METRICS_TOKEN": token} if token else {}
    assert reading_right(Settings(), environment, host)(given) is is_allowed
    assert reading_right(Settings(proxy_addresses="127.0.0.1"), environment, "127.0.0.1")("") is False
    assert reading_right(Settings(), {FORCE_METRICS_TOKENS: f"north:{'n' * 24}"}, "127.0.0.1")("") is False


def test_the_gateway_counts_refusals_recently_and_returns_to_zero() -> None:
    clock = [0.0]
    metrics = GatewayMetrics(lambda: clock[0])
    metrics.accepted("contacts", 7)
    for _ in range(3):
        metrics.refused("too_many_facts")
    found = samples(metrics.collect())
    assert found["bluelamp_gateway_facts_total", "contacts"] == 7
    assert found["bluelamp_gateway_refused_recently", "too_many_facts"] == 3
    assert found["bluelamp_gateway_refused_recently", "facts_refused"] == 0
    clock[0] = 301.0
    found = samples(metrics.collect())
    assert found["bluelamp_gateway_refused_recently", "too_many_facts"] == 0
    assert found["bluelamp_gateway_refused_total", "too_many_facts"] == 3


def start(minutes: float, process: str = "one", version: str = VERSION) -> Start:
    """A start of a worker, some minutes ago."""
    return Start(service="worker", process=process, version=version, build="", at=NOW - timedelta(minutes=minutes))


def test_starts_are_counted_for_each_process_and_old_ones_as_zero() -> None:
    recorded = [start(1), start(29), start(31), start(40, "two"), start(60 * 25, "three")]
    assert samples(start_families(recorded, NOW)) == {
        ("bluelamp_starts_recently", "worker", "one"): 2,
        ("bluelamp_starts_recently", "worker", "two"): 0,
    }


def test_starts_and_the_archives_age_are_in_the_state(state_backend: StateServer, tmp_path: Path) -> None:
    settings = Settings(redis=state_backend.url, data=str(tmp_path), archive=str(tmp_path), worker_name="w", build="b")
    with Redis.from_url(state_backend.url, decode_responses=True) as redis:
        redis.flushall()
        announce_start(redis, settings, "worker")
        until(lambda: redis.llen("bluelamp:starts"), 60, "the start to be recorded")
        for _ in range(5):
            record_start(redis, "bluelamp", start(2, version="0.1.0"), lambda _: None)
        report_archived(settings)
        found = samples(own_parts(settings, redis, lambda: datetime.now(UTC)))  # noqa: TID251 - as the process does
        assert found["bluelamp_archive_age_seconds",] < 60
        assert found["bluelamp_disk_free_ratio", "archive"] == pytest.approx(free_ratio(str(tmp_path)), abs=0.05)
        results = list(program_results(settings, redis, NOW))
        assert [each.state for each in results] == ["warning", "warning"]
        assert "worker 0.1.0" in results[0].what
        assert "5 times" in results[1].what
    assert this_program(settings).what == f"Blue Lamp {VERSION}, build b."


def test_a_state_server_that_does_not_answer_leaves_the_disks() -> None:
    with Redis.from_url("redis://127.0.0.1:1/0", socket_timeout=0.1) as redis:
        assert {name for name, *_ in samples(own_parts(Settings(), redis, lambda: NOW))} == {"bluelamp_disk_free_ratio"}
        assert record_start(redis, "bluelamp", start(0), lambda _: None) is False


def test_the_end_of_a_certificate_is_known_from_its_file(tmp_path: Path) -> None:
    made = Certificates(tmp_path)
    settings = Settings(kafka_ca=str(made.ca), kafka_certificate=str(made.expired), redis_ca=str(tmp_path / "none"))
    found = samples(certificate_families(settings, lambda: datetime.now(UTC)))  # noqa: TID251 - real certificates
    name = "bluelamp_certificate_expires_in_seconds"
    assert set(found) == {(name, "kafka_ca"), (name, "kafka_certificate")}
    assert found[name, "kafka_certificate"] < 0 < found[name, "kafka_ca"]


def test_costly_metrics_are_found_out_only_now_and_then() -> None:
    reads: list[int] = []
    clock = [0.0]

    def read() -> Iterable[Metric]:
        reads.append(1)
        return []

    kept = CachedMetrics(read, 10.0, lambda: clock[0])
    for clock[0] in (0.0, 9.0, 10.0, 11.0):
        list(kept.collect())
    assert len(reads) == 2


def test_every_alert_about_operation_names_a_runbook_that_exists() -> None:
    headings = [line.removeprefix("## ") for line in (ROOT / RUNBOOKS).read_text().splitlines() if line[:3] == "## "]
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    linked = [rule for rule in RULES if rule.runbook]
    shown = (ROOT / "dashboards" / "board" / "runbooks" / "text.html").read_text()
    assert len(linked) >= 5
    for rule in linked:
        assert rule.runbook in anchors
        assert f'id="{rule.runbook}"' in shown
        assert "unbook" not in rule.what_to_do, "cards, e-mails and webhooks have a link instead"
        assert rule.runbook_link("https://board/alerts") == f"https://board/runbooks#{rule.runbook}"
        assert rule.annotations()["runbook_url"] == f"{RUNBOOKS}#{rule.runbook}"


NORTH, SOUTH, ALL = ("n" * 24, "s" * 24, "a" * 24)
OF_FORCES = {FORCE_METRICS_TOKENS: f"north:{NORTH} south:{SOUTH}", METRICS_TOKEN: ALL}


class TwoForces(Collector):
    """A metric of each force, of one force alone, of no force, and whether the state can be read."""

    def collect(self) -> Iterator[Metric]:
        """The metrics."""
        both = GaugeMetricFamily("bluelamp_incidents", "", labels=["force", "window"])
        both.add_metric(["north", "60m"], 3)
        both.add_metric(["south", "60m"], 5)
        only = GaugeMetricFamily("bluelamp_only_south", "", labels=["force"])
        only.add_metric(["south"], 1)
        yield from (
            both,
            only,
            GaugeMetricFamily("bluelamp_facts", "", 8),
            GaugeMetricFamily("bluelamp_state_up", "", 1),
        )


def test_the_exporter_shows_metrics_only_with_the_token_and_a_force_only_its_own() -> None:
    server, thread = serve(
        {"/metrics": [TwoForces()], "/metrics/rules": [TwoForces()]}, 0, "127.0.0.1",
        is_allowed=reading_right(Settings(), OF_FORCES, "127.0.0.1"), force_of=force_of_token(OF_FORCES, ["north", "south"]),
    )  # fmt: skip

    def ask(path: str, token: str = "") -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.get(f"http://127.0.0.1:{server.server_port}{path}", headers=headers, timeout=60)

    try:
        for path in ("/metrics", "/", "/metrics/rules", "/metrics/anything"):
            assert {ask(path, token).status_code for token in ("", "wrong", NORTH[1:], f"{NORTH}x")} == {401}
            assert "south" in ask(path, ALL).text
            of_north, of_south = ask(path, NORTH).text, ask(path, SOUTH).text
            assert 'bluelamp_incidents{force="north",window="60m"} 3.0' in of_north
            assert 'bluelamp_incidents{force="south",window="60m"} 5.0' in of_south
            assert "south" not in of_north, path
            assert "north" not in of_south, path
            assert "bluelamp_facts" not in of_north + of_south, (
                "a figure of all forces, less one's own, is that of the others"
            )
        assert "bluelamp_state_up 1.0" in ask("/metrics", NORTH).text
        assert ask("/health").status_code == 200
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_wrong_tokens_for_metrics_are_limited_and_logged_and_right_ones_pass(caplog: pytest.LogCaptureFixture) -> None:
    clock = [0.0]
    access = MetricsAccess(
        lambda given: given == "right", lambda given: "north" if given == "of north" else "", lambda: clock[0]
    )
    found = [access.decide("wrong", "10.0.0.1").status for _ in range(40)]
    assert found == [401] * 30 + [429] * 10
    assert caplog.text.count("wrong token for metrics from 10.0.0.1") == 30
    assert (access.decide("right", "10.0.0.1").is_all, access.decide("of north", "10.0.0.1").force) == (True, "north")
    assert access.decide("wrong", "10.0.0.2").status == 401
    assert access.decide("wrong", "10.0.0.1").headers() == {"Retry-After": "61"}
    clock[0] = 61.0
    assert access.decide("", "10.0.0.1").status == access.decide("wrong", "10.0.0.1").status == 401


@pytest.mark.parametrize(
    ("tokens", "what"),
    [
        (f"north:{NORTH} east:{SOUTH}", "no force 'east'"),
        (f"north:{NORTH} south:{NORTH}", "used twice"),
        (f"north:{ALL}", "used twice"),
        ("north:short", "too short"),
        (NORTH, "not of the form"),
    ],
)
def test_tokens_of_forces_that_would_show_too_much_are_refused(tokens: str, what: str) -> None:
    with pytest.raises(SettingError, match=what) as refused:
        force_of_token(OF_FORCES | {FORCE_METRICS_TOKENS: tokens}, ["north", "south"])
    assert NORTH not in str(refused.value)
