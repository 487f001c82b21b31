"""A block at rest: compressed, read and changed, its counts are the same, and no figure changes at any moment."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import RedisError

from bluelamp.embedded.state import StateServer
from facts.wire import encode
from measures.pane import BLOCK, GRAINS, Grain, name_of
from streams.block_forms import BlockForms, ExpectedState
from streams.compressed_block import FIELD, compressed, decompressed, loaded_block
from streams.compressor import Compressor
from streams.deflate import deflated
from streams.keys import Names
from streams.moving import OwnPartition
from streams.ownership import Owner
from streams.readings import Reader
from streams.record import Place, Record
from streams.store import StateStore
from streams.version_builder import _send_nothing
from tests.archive.test_rebuild import moves_nothing
from tests.support.examples import examples
from tests.support.facts import arrived, closed, heartbeat, opened
from tests.support.forces import STRICT, rules
from tests.support.stores import IDENTITY, as_user, call
from tests.support.stories import FORCE

NAMES = Names("test", "incidents", 0)
KEY = NAMES.panes_of("strict", "day", 739_000, "incident_opened")
COUNTS = {f"1|crime|north|no|none|{value}": str(1 + value % 3) for value in range(40)}
EXPECTED = ExpectedState(NAMES, 1, 5)
LABEL = st.text("abc_1", min_size=1, max_size=5)


@st.composite
def blocks(draw: st.DrawFn, grain: Grain) -> dict[str, str]:
    """The counts of one kind in a block, by name as they are stored."""
    size = draw(st.integers(0, 2))
    row = st.tuples(
        st.integers(0, BLOCK[grain] - 1), st.tuples(*[LABEL] * size), st.integers(0, 2**40), st.integers(1, 2**40)
    )
    return {
        (f"{place}|" if BLOCK[grain] > 1 else "") + name_of(labels, value): str(count)
        for place, labels, value, count in draw(st.lists(row, max_size=30))
    }


@pytest.mark.parametrize("grain", GRAINS)
@given(data=st.data())
@settings(max_examples=examples(40, 400))
def test_a_compressed_block_has_the_same_counts(grain: Grain, data: st.DataObject) -> None:
    counts = data.draw(blocks(grain))
    text = compressed(counts, grain)
    assert (text is not None) == bool(counts)
    if text is None:
        return
    assert decompressed(text, grain) == counts
    ours, theirs = (loaded_block(each, grain, 20_000) for each in (counts, {FIELD: text}))
    assert {slot: each.unpacked() for slot, each in ours.items()} == {
        slot: each.unpacked() for slot, each in theirs.items()
    }


def test_counts_that_a_text_would_not_give_back_stay_as_they_are() -> None:
    assert compressed({"|5": "1"}, "day") is None, "no label is empty"
    assert compressed({"x|05": "1"}, "day") is None
    assert compressed({FIELD: "x"}, "day") is None


@pytest.mark.parametrize(
    "stored",
    [
        {FIELD: compressed(COUNTS, "day") or "", "1|crime|north|no|none|7": "1"},
        {FIELD: (compressed(COUNTS, "day") or "")[:-4]},
        {FIELD: "not compressed"},
        {FIELD: deflated(b"not JSON", has_checksum=True)},
        {FIELD: deflated(b"[[],[],[],[],[]]", has_checksum=True)},
        {FIELD: compressed({"30|one|5": "1"}, "half_hour") or ""},
    ],
)
def test_a_damaged_block_is_an_error_and_never_other_counts(stored: dict[str, str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each is damaged in its own way
        loaded_block(stored, "hour" if len(stored[FIELD]) < 60 else "day", 20_000)


def test_damage_to_any_character_is_noticed() -> None:
    text = compressed(COUNTS, "day") or ""
    for place, old in enumerate(text):
        for new in "Aaz0+":
            damaged = text[:place] + new + text[place + 1 :]
            is_last = text[place + 1 : place + 2] in ("", "=")
            if new != old and not is_last:  # the last bits of base64 mean nothing
                with pytest.raises(ValueError):  # noqa: PT011 - each is damaged in its own way
                    decompressed(damaged, "day")


@pytest.fixture
def redis(state_backend: StateServer) -> Any:
    """A state server with one block, at the offset and epoch of its owner."""
    with Redis.from_url(state_backend.url, decode_responses=True) as client:
        client.flushall()
        client.hset(NAMES.control, mapping={"applied_offset": 5, "epoch": 1})
        client.hset(KEY, mapping=COUNTS)
        yield client


def compress(url: str, state: ExpectedState) -> int:
    """Compress the block; returns how many hashes were compressed."""

    async def work(store: StateStore) -> int:
        return await store.forms.compress(state, [KEY, NAMES.panes_of("strict", "day", 1, "incident_opened")])

    return cast(int, call(url, work))


def test_only_the_present_owner_compresses_a_block(redis: Redis, state_backend: StateServer) -> None:
    assert compress(state_backend.url, EXPECTED._replace(applied_offset=4)) == 0
    assert compress(state_backend.url, EXPECTED._replace(epoch=2)) == 0
    assert redis.hgetall(KEY) == COUNTS
    size = cast(int, redis.memory_usage(KEY))
    assert compress(state_backend.url, EXPECTED) == 1
    assert redis.hkeys(KEY) == [FIELD]
    assert cast(int, redis.memory_usage(KEY)) < size / 3
    assert compress(state_backend.url, EXPECTED) == 0, "it is compressed already"


def test_a_block_that_changed_meanwhile_stays_as_it_is(redis: Redis, state_backend: StateServer) -> None:
    """Between reading it and compressing it, somebody else added a count without moving the applied offset."""

    class Interrupted(BlockForms):
        async def _store(self, state: ExpectedState, key: str, before: Any, after: Any) -> int:
            redis.hset(KEY, "1|crime|north|no|none|99", 1)
            return await super()._store(state, key, before, after)

    async def work(store: StateStore) -> int:
        return await Interrupted(store.redis).compress(EXPECTED, [KEY])

    assert call(state_backend.url, work) == 0
    assert redis.hgetall(KEY) == {**COUNTS, "1|crime|north|no|none|99": "1"}


def test_a_refused_command_leaves_the_block_as_it_is(redis: Redis, state_backend: StateServer) -> None:
    for command in ("rename", "hset"):
        redis.acl_setuser("worker", enabled=True, nopass=True, keys=["*"], commands=["+@all", f"-{command}"])
        with pytest.raises(RedisError):
            compress(as_user(state_backend.url, "worker"), EXPECTED)
        redis.acl_deluser("worker")
        assert redis.hgetall(KEY) == COUNTS
        assert redis.keys("*rewritten") == []


def test_a_damaged_block_stops_the_batch_that_would_change_it(redis: Redis, state_backend: StateServer) -> None:
    redis.delete(KEY)
    redis.hset(KEY, FIELD, "damaged")

    async def work(store: StateStore) -> str:
        return await store.forms.decompress(EXPECTED, [KEY])

    assert call(state_backend.url, work).startswith(KEY)
    assert redis.hgetall(KEY) == {FIELD: "damaged"}


PLACE: Place = ("incidents", 0)
RULES = rules(STRICT)
FEEDS = [each for each in STRICT.feeds if each.topic == PLACE[0]]
NOW = datetime(2024, 12, 2, 12, tzinfo=UTC)
YEAR_AGO = NOW - timedelta(days=365)


def incident_records() -> list[Record]:
    """Forty incidents of a day a year ago, then a heartbeat up to three days ago, and one of the present."""
    facts = [
        fact
        for number in range(40)
        for fact in (
            opened(YEAR_AGO, subject_id=f"i{number}", grade="1"),
            arrived(YEAR_AGO + timedelta(seconds=100 + number), subject_id=f"i{number}"),
            closed(YEAR_AGO + timedelta(hours=1), subject_id=f"i{number}"),
        )
    ]
    beats = [heartbeat(each.name, to) for each in FEEDS for to in (NOW - timedelta(days=3), NOW)]
    return [Record(offset, NOW, encode([fact])) for offset, fact in enumerate((*facts, *beats))]


def owned(url: str, work: Callable[[Owner], Awaitable[Any]]) -> Any:
    """Own the partition as a worker does, and do some work."""

    async def own(store: StateStore) -> Any:
        owner = Owner(store, RULES, _send_nothing, moves_nothing)
        await owner.start(PLACE, await owner.claim(PLACE, IDENTITY), 0, OwnPartition(0, 1))
        return await work(owner)

    return call(url, own)


async def compress_all(owner: Owner) -> int:
    """A whole round; returns how many hashes were compressed."""
    compressor = Compressor(owner, lambda: 0.0, first_after=0.0)
    found = [await compressor.step() for _ in range(20)]
    assert found[-1] == 0, "the round is over"
    return sum(found)


def test_a_correction_of_a_year_old_incident_is_right_in_compressed_blocks(
    state_backend: StateServer,
) -> None:
    with Redis.from_url(state_backend.url, decode_responses=True) as redis:
        redis.flushall()
        call(state_backend.url, lambda store: store.announce(*PLACE[:1], 1))
        reader = Reader(redis, "test", RULES, lambda: NOW)

        def median() -> tuple[float | None, int | None]:
            day = f"{YEAR_AGO:%Y-%m-%d}/{YEAR_AGO + timedelta(days=1):%Y-%m-%d}"
            (found,) = reader.read("grade_1_opened_to_arrived_median_seconds", day, force=FORCE)
            return found.value, found.n

        owned(state_backend.url, lambda owner: owner.fold(PLACE, incident_records()))
        assert median() == (119.5, 40)
        assert owned(state_backend.url, compress_all) >= 3
        reader = Reader(redis, "test", RULES, lambda: NOW)
        assert median() == (119.5, 40), "a new reader reads the compressed counts"
        late = arrived(YEAR_AGO + timedelta(seconds=90), subject_id="i39")
        after = len(incident_records())
        change = [Record(after, NOW, encode([late]))]

        async def correct(owner: Owner) -> int:
            await owner.fold(PLACE, change)
            assert await owner.compress(PLACE, [(FORCE, "day", YEAR_AGO.toordinal())]) == 0, "listed before it changed"
            return await compress_all(owner)

        assert owned(state_backend.url, correct) == 0, "what has just changed is left alone"
        assert median() == (118.5, 40)
        assert owned(state_backend.url, compress_all) >= 1
        reader = Reader(redis, "test", RULES, lambda: NOW)
        assert median() == (118.5, 40)
