"""What is fuzzed: everything that reads bytes from outside, each with samples, and how to tell a refusal from a fault."""

import asyncio
import contextlib
import io
import json
import selectors
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import xlsxwriter
from kafka.protocol.producer import ProduceRequest
from starlette.applications import Starlette

from bluelamp.embedded.broker import connection
from bluelamp.embedded.broker.api import APIS
from bluelamp.embedded.broker.catalog import Catalog
from bluelamp.embedded.broker.connection import Connection
from bluelamp.embedded.broker.coordinator import Coordinator
from bluelamp.embedded.broker.node import Node
from bluelamp.embedded.broker.offsets import CommittedOffsets
from bluelamp.embedded.broker.settings import BrokerSettings
from bluelamp.embedded.broker.sync import Syncer
from facts.batch import read
from facts.errors import BlueLampError, MappingError
from facts.force import parse
from facts.planned_event import COLUMNS as EVENT_COLUMNS
from facts.planned_event import parse_events
from facts.roster import COLUMNS, parse_roster
from facts.union import TOPICS, AnyFact, Topic
from facts.wire import canonical, decode
from producers.adapters.webhook import Webhook
from producers.declaration import Mapping
from producers.extract import read_extract
from producers.gateway.app import gateway
from producers.gateway.delivery import DeliveryQueue
from producers.gateway.limits import Limits
from producers.gateway.senders import Senders
from producers.gateway.sent import CLOUDEVENT, CLOUDEVENTS, FORM, JSON
from producers.mapping import load_mapping
from producers.packaged import mapping_names, packaged_mapping
from producers.workbook import sheet_rows
from tests.contract.wire import CODECS, record_batch
from tests.support.asgi import post
from tests.support.batches import batch_of, checksummed, records_of
from tests.support.forces import shipped
from tests.support.gateway import TOKEN

ROOT = Path(__file__).parents[2]
NOW = datetime(2024, 12, 3, tzinfo=UTC)
EXAMPLES = [path.read_bytes() for path in sorted((ROOT / "facts" / "examples").glob("*.json"))]
_TOPICS = tuple(TOPICS)
_FORCE = shipped("staffordshire")
_HEADER_BYTES = 61
_Each = TypeVar("_Each")


class Target(NamedTuple):
    """Something that reads bytes from outside.

    Attributes:
        take: reads bytes; returns or raises one of our errors when they are refused, and raises anything else for a fault.
        samples: bytes to begin with. The first byte chooses what reads the rest, if there is a choice.
    """

    take: Callable[[bytes], object]
    samples: Callable[[], Sequence[bytes]]


def choice(data: bytes, among: Sequence[_Each]) -> tuple[_Each, bytes]:
    """What the first byte chooses, and the rest."""
    return among[(data[0] if data else 0) % len(among)], data[1:]


def _chosen(number: int, rest: bytes) -> bytes:
    return bytes([number]) + rest


def _record(data: bytes) -> None:
    topic, record = choice(data, _TOPICS)
    decoded = decode(record, topic, NOW)
    assert decoded.facts or decoded.unreadable or record.strip() == b"[]"
    for _, fact in decoded.facts:
        canonical(fact)


def _records() -> list[bytes]:
    several = b"[" + b",".join(EXAMPLES[:5]) + b"]"
    return [_chosen(number, each) for number in range(len(_TOPICS)) for each in (*EXAMPLES, several)]


def _batch(data: bytes) -> None:
    is_sound, whole = choice(data, (True, False))
    # The checksum of most damaged batches is right, so that their records are read.
    list(read(checksummed(whole) if is_sound and len(whole) > _HEADER_BYTES else whole, 0))


def _batches() -> list[bytes]:
    whole = batch_of(records_of(EXAMPLES[:6]), 6)
    codecs = [record_batch(*EXAMPLES[:3], codec=codec) for codec in CODECS]
    return [_chosen(number, each) for number in (0, 1) for each in (whole, whole + whole, *codecs)]


class _Delivered:
    """In place of the queue to the log: every fact can be written."""

    def start(self) -> None:
        """Nothing has to be started."""

    async def deliver(self, _: Topic, facts: Sequence[AnyFact]) -> None:
        """Write the facts as the log has them."""
        for fact in facts:
            canonical(fact)


@cache
def _webhooks() -> tuple[Webhook, ...]:
    hooks: list[Webhook] = []
    for name in mapping_names():
        with contextlib.suppress(MappingError):  # not every mapping can be a webhook's
            hooks.append(Webhook(packaged_mapping(name), lambda: NOW, 1000))
    return tuple(hooks)


@cache
def _gateway() -> tuple[Starlette, tuple[str, ...]]:
    """The gateway, and the places to which facts and events are sent."""
    application = gateway(
        {_FORCE.name: _FORCE},
        Senders([("telephony", TOKEN)]),
        cast("DeliveryQueue", _Delivered()),
        Limits(facts_per_second=1e12),
        now=lambda: NOW,
        monotonic=lambda: 0.0,
        webhooks=_webhooks(),
    )
    places = [f"/v1/{topic}" for topic in _TOPICS]
    return application, (*places, *(f"/v1/webhooks/{each.mapping.name}" for each in _webhooks()))


def _request(data: bytes) -> None:
    application, places = _gateway()
    place, rest = choice(data, places)
    media_type, body = choice(rest, (JSON, CLOUDEVENT, CLOUDEVENTS, FORM))
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": media_type}
    answer = post(application, place, body, headers)
    assert answer.status in (202, 400, 413, 415, 422), answer
    json.loads(answer.body)


def _requests() -> list[bytes]:
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": json.loads(EXAMPLES[0])}
    one, several = json.dumps(event).encode(), json.dumps([event, event]).encode()
    form = b"Timestamp=1733130000&EventType=task.created&TaskSid=a"
    bodies = [
        *((0, each) for each in EXAMPLES),
        (1, one),
        (2, several),
        (3, form),
        (0, b'{"EventType":"x","Timestamp":1}'),
    ]
    places = len(_gateway()[1])
    return [_chosen(number % places, _chosen(kind, body)) for number, (kind, body) in enumerate(bodies * 2)]


@cache
def _mappings() -> tuple[Mapping, ...]:
    return tuple(packaged_mapping(name) for name in mapping_names())


@cache
def _file() -> Path:
    """A file in memory, which each input replaces."""
    return Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)) / "extract"  # noqa: S108 - its own directory


def _extract(data: bytes) -> None:
    mapping, content = choice(data, _mappings())
    _file().write_bytes(content)
    for fact in read_extract(_file(), mapping, now=NOW).facts:
        canonical(fact)


def _extracts() -> list[bytes]:
    made_up = ROOT / "tests" / "producers" / "made_up"
    samples = ROOT / "producers" / "samples"
    found = {path.stem: path.read_bytes() for folder in (samples, made_up) for path in folder.glob("*.[cj]s*")}
    events = b'{"EventType":"task.created","Timestamp":1733130000,"TaskSid":"a"}\n'
    return [_chosen(number, found.get(name, events)[:4000]) for number, name in enumerate(mapping_names())]


_MEMBERS = ("xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/sharedStrings.xml", "xl/workbook.xml")


@cache
def _workbook() -> dict[str, bytes]:
    """The files inside a workbook with text, numbers and a date."""
    whole = io.BytesIO()
    with xlsxwriter.Workbook(whole, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Incidents")
        for row, cells in enumerate((("id", "opened"), ("i-1", 1.5), ("i-2", True))):
            sheet.write_row(row, 0, cells)
        sheet.write_datetime(3, 1, datetime(2024, 12, 2, 9), book.add_format({"num_format": "dd/mm/yyyy hh:mm"}))  # noqa: DTZ001 - as a workbook holds it
    with zipfile.ZipFile(whole) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def _sheet(data: bytes) -> None:
    member, content = choice(data, (*_MEMBERS, ""))
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as packed:
        for name, text in {**_workbook(), member or "other": content}.items():
            packed.writestr(name, text)
    list(sheet_rows(whole.getvalue() if member else content, "", "fuzzed"))


def _sheets() -> list[bytes]:
    return [_chosen(number, _workbook()[member]) for number, member in enumerate(_MEMBERS)]


def _declaration(data: bytes) -> None:
    kind, rest = choice(data, ("mapping", "profile", "roster", "events"))
    text = rest.decode("utf-8", "replace")
    if kind == "mapping":
        load_mapping(text, "fuzzed")
    elif kind == "profile":
        parse(text, "fuzzed")
    elif kind == "roster":
        parse_roster(text, "fuzzed", _FORCE)
    else:
        parse_events(text, "fuzzed", _FORCE)


def _declarations() -> list[bytes]:
    mappings = sorted((ROOT / "producers" / "mappings").glob("*.toml"))
    profiles = sorted((ROOT / "facts" / "forces").glob("*.toml"))
    roster = f"{','.join(COLUMNS)}\n2024-07-01,07:30,local_calls,9\n2024-07-01,07:30,triage,0\n".encode()
    events = f"{','.join(EVENT_COLUMNS)}\n2024-07-01 20:00,2024-07-02 01:30,999,125,Final\n".encode()
    texts = [
        *((0, path.read_bytes()) for path in mappings),
        *((1, path.read_bytes()) for path in profiles),
        (2, roster),
        (3, events),
    ]
    return [_chosen(number, text) for number, text in texts]


class _SkippingSelector(selectors.DefaultSelector):
    """Does not wait for a time: the clock of its loop is moved instead."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """The events that are there; moves the clock when there is none."""
        found = super().select(0 if timeout else timeout)
        if timeout and not found:
            self.skipped += timeout
        return found


class _SkippingLoop(asyncio.SelectorEventLoop):
    """An event loop on which nobody waits for a time."""

    def __init__(self) -> None:
        self._skipping = _SkippingSelector()
        super().__init__(self._skipping)

    def time(self) -> float:
        """The clock with what was skipped."""
        return super().time() + self._skipping.skipped


class _Client:
    """The side of a connection that the broker writes to."""

    def get_extra_info(self, _: str) -> tuple[str, int]:
        """The client's address."""
        return "127.0.0.1", 1

    def write(self, _: bytes) -> None:
        """Take a response."""

    async def drain(self) -> None:
        """Responses are taken at once."""


_LIMITS = BrokerSettings(
    fsync="never",
    partitions=6,
    groups=4,
    group_members=3,
    message_bytes=20_000,
    request_bytes=100_000,
    fetch_bytes=20_000,
)


@contextlib.contextmanager
def _node() -> Iterator[Node]:
    """A broker with the topic `incidents` in an empty directory."""
    directory = _file().with_name("broker")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    catalog = Catalog(directory, _LIMITS, lambda: 1_733_130_000_000)
    catalog.create("incidents", 2, {})
    coordinator = Coordinator(_LIMITS, CommittedOffsets(directory / "committed-offsets"))
    try:
        yield Node(_LIMITS, catalog, coordinator, Syncer("never", 1), lambda: 1_733_130_000_000, "127.0.0.1", 9092)
    finally:
        coordinator.close()
        catalog.close()


async def _serve(node: Node, data: bytes) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    await Connection(node, reader, cast("asyncio.StreamWriter", _Client())).serve()


def _protocol(data: bytes) -> None:
    refused: list[str] = []
    handle = connection.log.warning
    connection.log.warning = lambda *words: refused.append(str(words[-1]))  # type: ignore[method-assign]
    try:
        with asyncio.Runner(loop_factory=_SkippingLoop) as runner, _node() as node:
            runner.run(_serve(node, data))
    finally:
        connection.log.warning = handle  # type: ignore[method-assign]
    faults = [each for each in refused if "could not be handled" in each]
    assert not faults, faults


def _protocols() -> list[bytes]:
    """Every request that the broker knows with its default fields, in its oldest and newest version, and a batch that is produced."""
    whole = batch_of(records_of(EXAMPLES[:2]), 2)
    one = ProduceRequest.TopicProduceData.PartitionProduceData(index=0, records=whole)
    topics = [ProduceRequest.TopicProduceData(name="incidents", partition_data=[one])]
    produced = ProduceRequest(transactional_id=None, acks=-1, timeout_ms=10_000, topic_data=topics)
    encoded = [_encoded(produced, 7)]
    for api in APIS.values():
        for version in {api.oldest, api.newest}:
            with contextlib.suppress(Exception):  # some need fields that have no default
                encoded.append(_encoded(api.request(), version))
    return [*encoded, b"".join(encoded)]


def _encoded(request: Any, version: int) -> bytes:
    request.API_VERSION = version
    request.with_header(1, "fuzzer")
    return bytes(request.encode(header=True, framed=True))


TARGETS = {
    "records": Target(_record, _records),
    "batches": Target(_batch, _batches),
    "gateway": Target(_request, _requests),
    "extracts": Target(_extract, _extracts),
    "workbooks": Target(_sheet, _sheets),
    "declarations": Target(_declaration, _declarations),
    "broker": Target(_protocol, _protocols),
}
CORPUS = ROOT / ".cache" / "fuzz"
"""Where the fuzzer keeps its inputs, by target, and any input that showed a fault."""
REFUSALS = (BlueLampError,)
"""Errors that say what is wrong. The gateway and the broker answer, or close the connection."""
FOUND = Path(__file__).with_name("found")
"""Inputs that once raised something else, by target: each is tested again in every run."""


def refuses_or_reads(target: Target, data: bytes) -> None:
    """Read bytes; anything but a result or a refusal is raised."""
    with contextlib.suppress(*REFUSALS):
        target.take(data)
