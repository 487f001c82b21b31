"""Heartbeats read as runs say exactly what they say one by one: to the fold, to the recount, and as bytes of the log."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bluelamp.recount.admission import Admission
from bluelamp.recount.coverage import FeedCoverage
from bluelamp.recount.heartbeats import unusual
from bluelamp.recount.recount import Loaded
from facts.batch import BatchRecord, Entry, read
from facts.feed import FeedHeartbeat
from facts.heartbeat_run import HeartbeatRun, in_runs, layout_of, one_by_one, read_in_runs
from facts.wire import decode, encode
from measures.outcome import instant
from measures.rules import Rules
from streams.fold import Admitted, PartitionFold
from streams.moving import OwnPartition
from streams.record import record_of
from tests.support import batches
from tests.support.facts import heartbeat, offered
from tests.support.forces import STRICT
from tests.support.memory import RECEIVED

RULES = {STRICT.name: Rules(STRICT)}
START = int(RECEIVED.timestamp() * 1000)
SECOND, HOUR, DAY = 1000, 3_600_000, 86_400_000
_GAPS = (0, 1, 600 * SECOND, HOUR, 25 * HOUR, 25 * HOUR + 1, 3 * DAY, -SECOND, -5 * SECOND, -6 * SECOND, -2 * HOUR)
"""How long after the record before it a record may come, in milliseconds: also silences, and steps of the log's clock."""
_BEHIND = (0, 60 * SECOND, DAY, 2 * DAY, 2 * DAY - 1, 800 * DAY, -5 * SECOND, -5001, -HOUR // 2, -2 * HOUR)
"""How long before its record a heartbeat may say that its feed is complete, in milliseconds."""
_FIELDS: tuple[dict[str, Any], ...] = (
    {"simulated": True},
    {"replay": True},
    {"replay": True, "ended": True},
    {"history_to": RECEIVED},
    {"history_from": RECEIVED - timedelta(days=9), "complete_from": RECEIVED - timedelta(days=3)},
    {"history_from": RECEIVED - timedelta(days=9), "complete_from": RECEIVED - timedelta(days=3)},
    {"history_from": RECEIVED, "complete_from": RECEIVED + timedelta(minutes=55)},
    {"complete_from": RECEIVED - timedelta(days=20000)},
    {"force": "nowhere"},
)
_USUAL: tuple[tuple[int, dict[str, Any]], ...] = (
    (5 * SECOND, {}),
    (3 * DAY, {"simulated": True}),
    (5 * SECOND, _FIELDS[4]),
)
"""How far most heartbeats of a log are behind, and what else they say."""
_DAMAGE = (
    (b'"seq":1', b'"seq":01'),
    (b'"feed":"', b'"feed":"-'),
    (b'"fact_id":"', b'"fact_id":"+'),
    (b"2030-", b"2030-13-"),
    (b"-01-01T", b"-02-30T"),
    (b':00Z"', b':61Z"'),
    (b"false}", b'false,"note":"x"}'),
)
_ODD = (0.01, 0.03, 0.1)
"""How often each part of a record is out of the ordinary, in different logs."""
_law = settings(
    max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)


def log(seed: int, length: int = 80) -> list[BatchRecord]:
    """A partition of the log with heartbeats of three feeds, among them repeated, late and unreadable ones, and some facts."""
    chance = random.Random(seed)
    odd, usual, is_clock_restless = chance.choice(_ODD), chance.choice(_USUAL), chance.random() < 1 / 3

    def is_odd() -> bool:
        return chance.random() < odd

    entries: list[BatchRecord] = []
    now = START
    for offset in range(length):
        now += chance.choice((600, -600, 1, 1)) * SECOND if is_clock_restless else 5 * SECOND
        now += chance.choice(_GAPS) if is_odd() else 0
        value = entries[-1].value if entries and is_odd() else _value(chance, now, usual, is_odd)
        key, headers = (b"k" if is_odd() else None), ((("h", b""),) if is_odd() else ())
        entries.append(BatchRecord(offset + (offset >= length // 2), now, int(not is_odd()), key, value, headers))
    return entries


def _value(chance: random.Random, now: int, usual: tuple[int, dict[str, Any]], is_odd: Callable[[], bool]) -> bytes:
    behind, fields = usual
    complete_to = instant((now - (chance.choice(_BEHIND) if is_odd() else behind)) * 1000)
    if is_odd():
        return encode([offered(complete_to, subject_id="c1")])
    at = instant((now + chance.choice((-800 * DAY, 2 * HOUR, 0))) * 1000) if is_odd() else complete_to
    fields = {"at": at, "seq": chance.choice((0, 1, 10)), **(chance.choice(_FIELDS) if is_odd() else fields)}
    value = encode([heartbeat(chance.choice(("telephony", "telephony", "digital", "gossip")), complete_to, **fields)])
    return value.replace(*chance.choice(_DAMAGE)) if is_odd() else value


def folded(entries: Sequence[Entry | HeartbeatRun]) -> tuple[Any, ...]:
    """Everything that folding these entries leaves behind."""
    partition = PartitionFold("contacts", OwnPartition(0, 1), RULES)
    admitted: Admitted = partition.admit([record_of(each) for each in entries])
    facts = {key: [(each.record.offset, each.fact) for each in some] for key, some in admitted.facts.items()}
    change = admitted.change
    return partition.feeds, partition.events, partition.watermark(STRICT.name), facts, change


def counted(entries: Sequence[Entry | HeartbeatRun]) -> tuple[Any, ...]:
    """What the recount makes of these entries, and which of the facts are too late."""
    admission, coverage, loaded = Admission([STRICT], {"contacts": 1}), FeedCoverage(), Loaded()
    refused: list[tuple[int, str | None]] = []

    def count(record: BatchRecord) -> None:
        received_at = instant(record.timestamp * 1000)
        batch = decode(record.value, "contacts", received_at)
        loaded.records += 1
        refused.extend((record.offset, each.reason) for each in batch.unreadable)
        for _, fact in batch.facts:
            refusal = admission.refusal(fact, "contacts", 0, received_at, is_moved=False)
            refused.append((record.offset, refusal))
            if refusal is None:
                coverage.add(fact, "contacts", 0, received_at)
                loaded.heartbeats += isinstance(fact, FeedHeartbeat)

    for entry in entries:
        if isinstance(entry, HeartbeatRun):
            for place in unusual(entry, "contacts", 0, admission, coverage, loaded):
                count(entry.record(place))
        elif isinstance(entry, BatchRecord):
            count(entry)
    # Heartbeats that are simply counted are not among the refused.
    return vars_of(admission), vars_of(coverage), loaded, [each for each in refused if each[1] is not None]


def vars_of(thing: object) -> dict[str, Any]:
    """The attributes of an object, and of the objects in its dictionaries."""
    return {name: _plain(value) for name, value in vars(thing).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if each != {}}
    return vars_of(value) if type(value).__module__.startswith("bluelamp") else value


@given(st.integers(0, 1_000_000))
@_law
def test_runs_are_folded_and_recounted_like_single_heartbeats(seed: int) -> None:
    single = log(seed)
    runs = list(in_runs(single))
    assert list(one_by_one(runs)) == single
    assert folded(runs) == folded(single)
    assert counted(runs) == counted(single)


def test_most_heartbeats_are_in_runs_and_few_are_read_one_by_one() -> None:
    runs = [each for seed in range(20) for each in in_runs(log(seed)) if isinstance(each, HeartbeatRun)]
    assert sum(len(each.values) for each in runs) > 20 * 80 // 2
    ordinary = [BatchRecord(n, START + n * 5000, 1, None, _ordinary(n), ()) for n in range(2000)]
    (run,) = in_runs(ordinary)
    assert isinstance(run, HeartbeatRun)
    admission, coverage = Admission([STRICT], {"contacts": 1}), FeedCoverage()
    assert list(unusual(run, "contacts", 0, admission, coverage, Loaded())) == []


def _ordinary(number: int) -> bytes:
    return encode([heartbeat("telephony", instant((START + number * 5000 - 5000) * 1000), seq=number)])


@given(st.integers(0, 1_000_000), st.integers(0, 30))
@_law
def test_bytes_of_the_log_are_read_in_runs_as_they_are_read_one_by_one(seed: int, position: int) -> None:
    chance = random.Random(seed)
    data = b"".join(_batches(log(seed, 30), chance))
    cut = data[: len(data) - chance.choice((0, 0, 1, 40, 200))]
    assert list(one_by_one(read_in_runs(cut, position))) == list(read(cut, position))


def _batches(entries: Sequence[BatchRecord], chance: random.Random) -> Iterator[bytes]:
    """A batch for each record, a few of them damaged, or with an offset that does not fit."""
    for entry in entries:
        payload = batches.record_of(0, entry.value, entry.key, elapsed=chance.choice((*[0] * 20, 7)))
        kind = batches.APPEND_TIME * entry.timestamp_type
        times = (entry.timestamp, entry.timestamp)
        offset = entry.offset - chance.choice((*[0] * 20, 1, 3))
        batch = batches.batch_of(payload, base_offset=max(0, offset), attributes=kind, times=times)
        damaged = chance.randrange(21, len(batch)) if chance.random() < 0.05 else None
        yield batch if damaged is None else batch[:damaged] + bytes([batch[damaged] ^ 1]) + batch[damaged + 1 :]


@pytest.mark.parametrize(
    ("first", "after", "kept"), [(0, 9, [3, 4, 5]), (4, 9, [4, 5]), (0, 5, [3, 4]), (4, 5, [4]), (6, 9, []), (0, 3, [])]
)
def test_a_run_is_cut_at_an_offset(first: int, after: int, kept: list[int]) -> None:
    (run,) = in_runs([BatchRecord(n, START + n, 1, None, _ordinary(n), ()) for n in (3, 4, 5)])
    assert isinstance(run, HeartbeatRun)
    assert _offsets(run.within(first, after)) == kept
    rest = record_of(run).since(first)
    assert _offsets(rest.run if rest else None) == [n for n in (3, 4, 5) if n >= first]


def _offsets(run: HeartbeatRun | None) -> list[int]:
    return [] if run is None else list(range(run.first, run.last + 1))


@pytest.mark.parametrize("fact_id", ["07700900123", "447700900123", "1234", "a b", "x" * 65, "-a", ""])
def test_a_heartbeat_with_an_unusual_id_is_decoded_in_full(fact_id: str) -> None:
    assert layout_of(encode([heartbeat("telephony", RECEIVED, fact_id=fact_id)])) is None


def test_every_heartbeat_with_a_layout_is_valid() -> None:
    found: Counter[bool] = Counter()
    for entry in (each for seed in range(40) for each in log(seed)):
        value = entry.value or b""
        if layout_of(value) is not None:
            decoded = decode(value, "contacts", instant(entry.timestamp * 1000))
            assert {each.reason for each in decoded.unreadable} <= {"implausible_time", "bad_value"}, value
            found[bool(decoded.facts)] += 1
    assert found[True] > found[False] > 0


@pytest.mark.parametrize("last", [{"complete_from": RECEIVED + timedelta(minutes=9)}, {"complete_from": RECEIVED}, {}])
def test_the_last_heartbeat_of_a_run_says_where_the_record_begins(last: dict[str, Any]) -> None:
    beats = [
        heartbeat("telephony", RECEIVED, complete_from=RECEIVED - timedelta(days=1)),
        heartbeat("telephony", RECEIVED, **last),
    ]
    single = [BatchRecord(place, START, 1, None, encode([beat]), ()) for place, beat in enumerate(beats)]
    (run,) = in_runs(single)
    assert counted([run]) == counted(single)
    assert folded([run]) == folded(single)
