"""What Prometheus receives: every measure as the reader reads it, nothing stale, and a response even without the state."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from alerts.evaluator import AlertEvaluator, samples_of
from alerts.table import RULES as RULES_OF_ALERTS
from bluelamp.embedded.state import StateServer
from bluelamp.wiring.connections import state_client
from bluelamp.wiring.settings import Settings
from facts.contact import ContactAbandoned, ContactAnswered, ContactConcluded, ContactOffered
from facts.custody import DetaineeArrived, DetentionAuthorised, DetentionEnded, VoluntaryAttended
from facts.incident import IncidentClosed, IncidentOpened, UnitArrived, UnitDispatched, VideoResponseStarted
from facts.occurrence import Compliance, OccurrenceRecorded, PartyLinked, Role, VictimContractClosed, VictimReferred
from facts.union import TOPICS
from facts.wire import Reason, encode
from measures.catalogue import CATALOGUE
from measures.catalogue.custody import BY_DETAINEE
from measures.measure import Bands, Mean, Measure, Median
from measures.reading import Reading, State
from streams.exporter import ReadingsCollector, serve
from streams.logwatch import LogSnapshot, LogWatch
from streams.names import is_exported, metric_name
from streams.reading_metrics import EXPORTED_LIVE_WINDOWS, EXPORTED_WINDOWS
from streams.readings import Reader
from streams.refusal import CAUSES, Cause
from tests.real.parts import missing
from tests.support.facts import heartbeat
from tests.support.forces import STRICT, rules
from tests.support.memory import RECEIVED
from tests.support.stores import apply_memory, call
from tests.support.story import Story
from tests.support.system import until

FORCE = "strict"
RULES = rules(STRICT)
PRESENT = "21:30"
SILENT = timedelta(minutes=5)
OWN = {
    "state_up",
    "state_refuses",
    "feed_silent",
    "feed_doubted",
    "reading_state",
    "partition_applied_offset",
    "quarantined",
    "records",
    "facts",
    "duplicates",
    "late",
}
OWN |= {
    "heartbeats",
    "moved",
    "producer_stamped",
    "stale_writes",
    "reading_in_part",
    "feed_live",
    "feeds_live_or_loading",
    "system_silent",
    "feed_behind_ratio",
    "force_simulated",
    "history_loaded_ratio",
}
OWN |= {"clock_step_seconds", "clock_last_step_seconds", "clock_steps"}
OWN |= {"quarantined_recently_ratio", "quarantined_recently_ratio_n"}
OWN_OF_LOG = {"log_up", "partition_log_end", "partition_stalled_seconds", "partition_held_back_seconds"}
OWN_OF_LOG |= {"stalled_seconds", "workers", "feeds_waiting"}
OWN |= {f"feed_{each}_timestamp_seconds" for each in ("complete_to", "heartbeat", "first_event", "last_event")}
Labels = tuple[tuple[str, str], ...]
Series = dict[tuple[str, Labels], float]


def report_contacts(story: Story, number: int) -> None:
    """A 999 call that is answered, late if `number` is a multiple of four; an abandoned one; a 101 call with both legs; and other contacts."""
    minute = f"21:{number:02}"
    story.report(ContactOffered, minute, f"e{number}", line="999", queue="emergency")
    story.report(ContactAnswered, f"{minute}:{5 if number % 4 else 20}", f"e{number}", queue="emergency")
    story.report(ContactOffered, minute, f"g{number}", line="999", queue="emergency")
    story.report(ContactAbandoned, f"{minute}:30", f"g{number}", queue="emergency")
    story.report(ContactOffered, minute, f"n{number}", line="101", queue="triage")
    story.report(ContactAnswered, f"{minute}:30", f"n{number}", queue="triage")
    story.report(ContactConcluded, f"{minute}:50", f"n{number}", queue="triage", result="to_local")
    story.report(ContactOffered, f"{minute}:50", f"n{number}", line="101", queue="local")
    end = ContactAnswered if number % 2 else ContactAbandoned
    story.report(end, f"{minute}:58", f"n{number}", queue="local")
    story.report(ContactOffered, minute, f"d{number}", line="digital", queue="online", channel="contact_us")
    story.report(ContactAnswered, f"{minute}:20", f"d{number}", queue="online")
    story.report(ContactConcluded, f"{minute}:40", f"d{number}", queue="online", result="resolved")
    story.report(
        ContactOffered,
        "21:29",
        f"w{number}",
        line=("999", "101")[number % 2],
        queue=("emergency", "triage")[number % 2],
    )
    story.report(ContactOffered, "21:29", f"l{number}", line="101", queue="local")
    for who in ("made", "due"):
        story.report(ContactOffered, minute, f"{who}{number}", line="101", queue="triage")
        left = {"queue": "triage", "result": "callback", "promised_for": story.moment("21:25")}
        story.report(ContactConcluded, f"{minute}:20", f"{who}{number}", **left)
    story.report(ContactOffered, f"{minute}:40", f"made{number}", line="101", queue="triage")
    story.report(ContactAnswered, f"{minute}:50", f"made{number}", queue="triage")


def report_incidents(story: Story, number: int) -> None:
    """One Grade 1 incident, one domestic Grade 2 with video, one burglary, and one that still waits."""
    minute = f"21:{number:02}"
    kinds: dict[str, dict[str, Any]] = {
        "i": {"grade": "1"},
        "b": {"grade": "2", "domestic": True},
        "c": {"grade": "1", "category": "home_burglary"},
    }
    for key, fields in kinds.items():
        story.report(IncidentOpened, f"20:{number:02}", f"{key}{number}", group="crime", **fields)
        story.report(UnitDispatched, f"20:{number:02}:{50 if number % 4 else 59}", f"{key}{number}", unit="u")
        story.report(UnitArrived, minute, f"{key}{number}", unit="u")
    story.report(VideoResponseStarted, f"20:{number:02}:30", f"b{number}")
    story.report(IncidentClosed, f"{minute}:30", f"i{number}", result="attended")
    story.report(IncidentOpened, minute, f"o{number}", grade="1", group="crime")


def report_others(story: Story, number: int) -> None:
    """A child in custody, one detainee who waits, one whose detention is open, a voluntary attendance, and occurrences with referrals."""
    minute = f"21:{number:02}"
    arrival = {"suite": "one", "child": True, "relevant_time": story.moment("20:00")}
    story.report(DetaineeArrived, "20:05", f"t{number}", **arrival)
    story.report(DetentionAuthorised, "20:20", f"t{number}")
    story.report(DetentionEnded, minute, f"t{number}", disposal="charged")
    story.report(DetaineeArrived, minute, f"q{number}", **arrival)
    story.report(DetaineeArrived, minute, f"h{number}", **arrival)
    story.report(DetentionAuthorised, minute, f"h{number}")
    story.report(VoluntaryAttended, minute, f"v{number}")
    story.report(OccurrenceRecorded, f"20:{number:02}", f"r{number}", type="asb_personal", victim_based=True)
    story.report(VictimReferred, minute, f"r{number}")
    for role in get_args(Role):
        story.report(PartyLinked, minute, f"r{number}", role=role, repeat=bool(number % 2))
    story.report(OccurrenceRecorded, f"20:{number:02}", f"d{number}", type="theft", domestic=True)
    story.report(VictimContractClosed, minute, f"d{number}", compliance=get_args(Compliance)[number % 3])
    for kind in ("collision", "search", "school"):
        story.report(OccurrenceRecorded, f"20:{number:02}", f"{kind}{number}", type=kind)
    story.report(PartyLinked, minute, f"d{number}", role="victim", repeat=True, domestic_repeat=not number % 3)


def begin(story: Story) -> None:
    """One subject of each feed three days before, on the last of November: the record begins then."""
    queues = {"999": "emergency", "101": "triage", "digital": "online"}
    for line, queue in queues.items():
        story.report(ContactOffered, "-72:00", f"first-{line}", line=line, queue=queue)
        story.report(ContactConcluded, "-71:59", f"first-{line}", queue=queue, result="other")
    story.report(IncidentOpened, "-72:00", "first-incident", grade="2", group="crime")
    story.report(IncidentClosed, "-71:59", "first-incident", result="cancelled")
    story.report(VoluntaryAttended, "-72:00", "first-attendance", suite="one", child=False)
    story.report(OccurrenceRecorded, "-72:00", "first-occurrence", type="theft")


def evening(subjects: int) -> Story:
    """An evening with this many subjects of each kind; every feed is complete to its end."""
    story = Story(STRICT)
    begin(story)
    for number in range(subjects):
        report_contacts(story, number)
        report_incidents(story, number)
        report_others(story, number)
    return story


def fill(redis: Redis, url: str, story: Story, silent: str = "") -> None:
    """Put an evening into the state; the named feed's last heartbeat arrived five minutes before the others'."""
    for feed in STRICT.feeds:
        heartbeat_at = RECEIVED - SILENT if feed.name == silent else RECEIVED
        beat = encode([heartbeat(feed.name, story.moment(PRESENT), replay=True)])
        story.state.partitions[feed.topic][0].feed([beat], heartbeat_at)
    redis.flushall()
    call(url, lambda store: apply_memory(store, story.state))


@pytest.fixture
def redis(any_state: StateServer) -> Iterator[Redis]:
    """An empty state server."""
    with Redis.from_url(any_state.url, decode_responses=True) as client:
        client.flushall()
        yield client


def reader(client: Redis, late: timedelta = timedelta(seconds=10)) -> Reader:
    """A reader at a time this long after the last heartbeats."""
    return Reader(client, "test", RULES, lambda: RECEIVED + late)


def exposition(source: Reader) -> str:
    """The result of a scrape, in process."""
    registry = CollectorRegistry()
    registry.register(ReadingsCollector(source, steady_seconds=lambda: 0.0))
    return generate_latest(registry).decode()


def series(text: str) -> Series:
    """Every sample, by name and labels."""
    families = text_string_to_metric_families(text)
    return {
        (each.name, tuple(sorted(each.labels.items()))): each.value for family in families for each in family.samples
    }


def labelled(**labels: str) -> Labels:
    """Labels in the form of `series`."""
    return tuple(sorted(labels.items()))


def other_times(measure: Measure, reading: Reading) -> dict[str, float]:
    """What else is exported of the times behind a live mean or median."""
    other = {Mean: "median", Median: "mean"}.get(type(measure.statistic))
    if other is None or reading.state != "live":
        return {}
    assert reading.spread is not None
    return {"p90": reading.spread.p90, other: getattr(reading.spread, other)}


def expected(source: Reader) -> Series:
    """The samples that the reader's readings should give."""
    found: Series = {}
    for measure in CATALOGUE.values():
        for window in EXPORTED_WINDOWS[:1] if measure.is_open() else EXPORTED_WINDOWS:
            if not is_exported(measure):
                continue
            for each in source.read(measure, window, force=FORCE):
                place = {"force": FORCE} if measure.is_open() else {"force": FORCE, "window": window}
                words = labelled(**place, **each.dimensions)
                name, has_value = metric_name(measure), each.state in ("live", "too_few")
                state = labelled(force=FORCE, measure=measure.name, window=window, state=each.state)
                found["bluelamp_reading_state", state] = 1
                if each.state == "live":
                    assert each.value is not None
                    found[name, words] = each.value
                found |= {(f"{name}_{ending}", words): value for ending, value in other_times(measure, each).items()}
                if has_value and measure.unit != "count":
                    assert each.n is not None
                    found[f"{name}_n", words] = each.n
                if has_value and measure.unit == "ratio":
                    assert each.met is not None
                    found[f"{name}_met", words] = each.met
                if each.state == "live" and each.low is not None and each.high is not None:
                    found |= {(f"{name}_low", words): each.low, (f"{name}_high", words): each.high}
                if has_value and each.unrecorded is not None:
                    found[f"{name}_unrecorded", words] = each.unrecorded
    return found


def doubt(measure: Measure) -> dict[str, str]:
    """The metrics of what is not recorded of a measure, with their help."""
    name, question = metric_name(measure).removeprefix("bluelamp_"), measure.question
    count = {f"{name}_unrecorded": f"Number not recorded or in doubt: {question}"}
    bounds = {
        f"{name}_low": f"If every unrecorded outcome had been missed: {question}",
        f"{name}_high": f"If every unrecorded outcome had been met: {question}",
    }
    return (count if measure.unrecorded or measure.is_share() else {}) | (bounds if measure.is_share() else {})


def distribution(measure: Measure) -> dict[str, str]:
    """The metrics of the times behind a mean or a median, with their help."""
    other = {Mean: "Median", Median: "Mean"}.get(type(measure.statistic))
    name, words = metric_name(measure).removeprefix("bluelamp_"), f"of the same times: {measure.question}"
    return {f"{name}_{other.lower()}": f"{other} {words}", f"{name}_p90": f"90th percentile {words}"} if other else {}


def of_readings(found: Series) -> Series:
    """The samples that are readings, with their states."""
    own = {f"bluelamp_{name}" for name in OWN - {"reading_state"}} | {f"bluelamp_{name}_total" for name in OWN}
    return {place: value for place, value in found.items() if place[0] not in own}


def test_every_measure_is_exported_as_the_reader_reads_it(redis: Redis, any_state: StateServer) -> None:
    fill(redis, any_state.url, evening(12))
    found = series(exposition(reader(redis)))
    assert of_readings(found) == expected(reader(redis))
    name, words = "bluelamp_contact_999_answered_within_target_ratio", labelled(force=FORCE, window="60m")
    assert (found[name, words], found[f"{name}_met", words], found[f"{name}_n", words]) == (0.5, 9, 18)
    assert found["bluelamp_grade_1_opened_to_arrived_median_seconds", words] == 3600
    assert found["bluelamp_grade_1_unresourced_over_120_seconds", labelled(force=FORCE)] == 12
    assert found["bluelamp_state_up", ()] == 1
    # Everything has a value here, so that equality is meaningful.
    live = {name for name, _ in of_readings(found)}
    silent = [each for each in CATALOGUE.values() if metric_name(each) not in live]
    assert [each.name for each in silent if is_exported(each)] == []


NORMAL = {
    "expected_lower": "The lower control limit",
    "expected": "The expected value",
    "expected_upper": "The upper control limit",
}


def normal(measure: Measure, words: str) -> str:
    """The help text of a measure's band."""
    return f"{words} for this hour of the week: {measure.question}"


def test_every_measure_has_its_families_and_its_question(redis: Redis, any_state: StateServer) -> None:
    """Also with an empty state: a series that does not exist yet can be queried by name."""
    text = exposition(reader(redis))
    helps = dict(re.findall(r"^# HELP bluelamp_(\S+) (.+)$", text, re.MULTILINE))
    wanted: dict[str, str] = {}
    for each in CATALOGUE.values():
        name = metric_name(each).removeprefix("bluelamp_")
        if is_exported(each):
            wanted |= {name: each.question}
            by_detainee = (
                f"1 for each detainee, by opaque number and suite, unless a more urgent step applies: {each.question}"
            )
            wanted |= {f"{name}_detainee": by_detainee} if each.name in BY_DETAINEE else {}
            wanted |= {f"{name}_n": f"Number of: {each.population}"} if each.unit != "count" else {}
            wanted |= {f"{name}_met": f"Number that met the condition: {each.question}"} if each.unit == "ratio" else {}
            wanted |= doubt(each) | distribution(each)
            wanted |= {f"{name}_{ending}": normal(each, words) for ending, words in NORMAL.items() if each.has_band}
    help_texts = {name: words for name, words in helps.items() if name.removesuffix("_total") not in OWN}
    assert {name: words.replace('\\"', '"') for name, words in help_texts.items()} == wanted
    assert {name.removesuffix("_total") for name in set(helps) - set(wanted)} == OWN


def test_no_sample_has_a_timestamp_and_no_label_grows_with_events(redis: Redis, any_state: StateServer) -> None:
    fill(redis, any_state.url, evening(20))
    text = exposition(reader(redis))
    samples = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert [line for line in samples if not re.fullmatch(r'[a-z0-9_]+(\{([a-z]+="[^"]*",?)+\})? \S+', line)] == []
    story = evening(20)
    for number in range(10):
        story.report(
            IncidentOpened, "21:20", f"x{number}", grade=f"odd-{number}", group=f"riot-{number}", area=f"a-{number}"
        )
        story.report(ContactOffered, "21:20", f"x{number}", line="101", queue=f"odd-{number}")
        story.state.partitions["incidents"][0].feed([b"{}", b"[1,", b'{"fact_type":"odd"}'])
    fill(redis, any_state.url, story)
    many = series(exposition(reader(redis)))
    reasons = {place for place in many if "reason" in dict(place[1])}
    assert len(reasons) > 1
    assert set(many) - reasons == set(series(text))
    for _, words in many:
        assert all(word in ALLOWED[label] for label, word in words), words


ALLOWED: dict[str, set[str]] = {
    "force": set(RULES),
    "window": set(EXPORTED_WINDOWS),
    "measure": set(CATALOGUE),
    "state": set(get_args(State)),
    "feed": {feed.name for feed in STRICT.feeds},
    "topic": set(TOPICS),
    "system": {feed.source() for feed in STRICT.feeds},
    "partition": {"0"},
    "reason": set(get_args(Reason)),
    "cause": set(CAUSES),
    "band": {
        f"{lower:05}-{upper}"
        for each in CATALOGUE.values()
        if isinstance(each.statistic, Bands)
        for lower, upper in zip(
            each.statistic.edges_seconds,
            [*(f"{edge:05}" for edge in each.statistic.edges_seconds[1:]), ""],
            strict=True,
        )
    },
}


def test_a_silent_feed_removes_its_own_series_and_the_state_metric_says_so(
    redis: Redis, any_state: StateServer
) -> None:
    fill(redis, any_state.url, evening(8), silent="telephony")
    found = series(exposition(reader(redis)))
    assert of_readings(found) == expected(reader(redis))
    states = {
        (dict(words)["measure"], dict(words)["state"])
        for name, words in found
        if name == "bluelamp_reading_state" and dict(words)["window"] in EXPORTED_LIVE_WINDOWS
    }
    contacts = {each.name for each in CATALOGUE.values() if each.topics() == {"contacts"}}
    assert {state for name, state in states if name in contacts} == {"stale"}
    assert "stale" not in {state for name, state in states if name not in contacts}
    ended = {"last_month", "12m", "previous_12m"}  # complete before the silence began
    names = {name for name, words in found if dict(words).get("window") not in ended}
    gone = {metric_name(CATALOGUE[each]) for each in contacts}
    assert names & {name + ending for name in gone for ending in ("", "_n", "_met")} == set()
    assert "bluelamp_grade_1_opened_to_arrived_median_seconds" in names
    heartbeats = {dict(words)["feed"]: value for (name, words), value in found.items() if "feed_heartbeat" in name}
    assert heartbeats["dispatch"] - heartbeats["telephony"] == SILENT.total_seconds()


# Over the wire.


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateServer]:
    """A state server for this test alone, with an evening in it."""
    server = StateServer(tmp_path / "state")
    server.start()
    try:
        with Redis.from_url(server.url, decode_responses=True) as client:
            fill(client, server.url, evening(8))
        yield server
    finally:
        server.stop()


def looking(state: StateServer) -> Reader:
    """A reader as the exporter uses it."""
    return reader(state_client(Settings(redis=state.url, state_name="test"), timeout_seconds=0.5))


@contextmanager
def served(source: Reader) -> Iterator[str]:
    """The exporter on a free port; yields its address."""
    server, thread = serve({"/metrics": [ReadingsCollector(source)]}, 0, "127.0.0.1")
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        source.redis.close()


def fetch(url: str) -> str:
    """The response of one of our own addresses."""
    with urlopen(url, timeout=60) as answer:  # noqa: S310 - http, as given by the test itself
        text: str = answer.read().decode()
    return text


def scrape(url: str) -> tuple[Series, float]:
    """The samples of a scrape, and how long it took in seconds."""
    began = time.monotonic()
    return series(fetch(url)), time.monotonic() - began


def settled(url: str) -> Series:
    """The samples once two scrapes agree: on a busy machine the first has no time to read every window that has ended."""
    found = [scrape(url)[0]]

    def is_settled() -> bool:
        found.append(scrape(url)[0])
        return found[-1] == found[-2]

    until(is_settled, 60, "two equal scrapes")
    return found[-1]


def refuses(cause: Cause) -> Series:
    """The samples if this is the cause."""
    return {("bluelamp_state_refuses", (("cause", each),)): float(each == cause) for each in CAUSES}


def send(server: StateServer, number: signal.Signals) -> None:
    """Send a signal to the state server: when stopped, it keeps its connections open but does not respond."""
    os.kill(server.pid, number)


@pytest.mark.parametrize(
    ("strike", "mend"),
    [
        (lambda server: server.kill(), lambda server: server.start()),
        (lambda server: send(server, signal.SIGSTOP), lambda server: send(server, signal.SIGCONT)),
    ],
    ids=["killed", "frozen"],
)
def test_without_the_state_server_a_scrape_returns_at_once_and_says_so(
    state: StateServer, strike: Callable[[StateServer], Any], mend: Callable[[StateServer], Any]
) -> None:
    with served(looking(state)) as url:
        before = settled(url)
        assert before["bluelamp_state_up", ()] == 1
        strike(state)
        try:
            without, seconds = scrape(url)
            assert without == {("bluelamp_state_up", ()): 0, **refuses("unreachable")}
            assert seconds < 3
        finally:
            mend(state)
        assert scrape(url)[0] == before


@pytest.mark.real
def test_promtool_has_no_complaints(state: StateServer) -> None:
    if reason := missing("prometheus"):
        pytest.skip(reason)
    source = looking(state)
    watch = LogWatch(
        lambda applied_offsets: LogSnapshot(
            {place: applied_offset + 1 for place, applied_offset in applied_offsets.items()}, 1
        )
    )
    readings = ReadingsCollector(source, watch)
    engine = AlertEvaluator(RULES_OF_ALERTS, samples_of(readings), source.redis, "test:alerts", source.now)
    registry = CollectorRegistry()
    for collector in (readings, engine):
        registry.register(collector)
    generate_latest(registry)  # names the partitions to query
    watch.look()
    engine.step()
    text = generate_latest(registry).decode()
    assert {f"bluelamp_{name}" for name in OWN_OF_LOG} | {"bluelamp_alert"} <= {name for name, _ in series(text)}
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=30
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@contextmanager
def prometheus(directory: Path, target: str) -> Iterator[str]:
    """A Prometheus that scrapes one target every five seconds, which is also how long a scrape may take; yields its address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    config = {
        "global": {"scrape_interval": "5s", "scrape_timeout": "5s"},
        "scrape_configs": [{"job_name": "bluelamp", "static_configs": [{"targets": [target]}]}],
    }
    (directory / "prometheus.yml").write_text(json.dumps(config))
    arguments = [f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data"]
    with (directory / "prometheus.log").open("wb") as log_file:
        process = subprocess.Popen(
            ["prometheus", *arguments, f"--web.listen-address=127.0.0.1:{port}"], stdout=log_file, stderr=log_file
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def ask(address: str, query: str) -> dict[Labels, float]:
    """The result of an instant query, by labels."""
    try:
        result = json.loads(fetch(f"{address}/api/v1/query?{urlencode({'query': query})}"))["data"]["result"]
    except URLError:
        return {}  # it is still starting
    return {tuple(sorted(each["metric"].items())): float(each["value"][1]) for each in result}


@pytest.mark.real
def test_prometheus_itself_scrapes_the_figures(state: StateServer, tmp_path: Path) -> None:
    if reason := missing("prometheus"):
        pytest.skip(reason)
    source = looking(state)
    with served(source) as url, prometheus(tmp_path, url.split("/")[2]) as address:
        every = 'count(last_over_time({__name__=~"bluelamp_.*"}[10m]))'

        def has_all() -> bool:
            # On a busy machine, ended windows come with a later scrape.
            return list(ask(address, every).values()) == [len(scrape(url)[0])]

        until(has_all, 120, "a scrape with every series")
        name = "bluelamp_contact_999_answered_within_target_ratio"
        # A later scrape may take longer than five seconds on a busy machine, which ends the series: use the last one that arrived.
        shares = {dict(words)["window"]: value for words, value in ask(address, f"last_over_time({name}[10m])").items()}
        read = {
            each: source.read("contact_999_answered_within_target_ratio", each)[0].value for each in EXPORTED_WINDOWS
        }
        assert shares == {window: value for window, value in read.items() if window != "15m" and value is not None}
