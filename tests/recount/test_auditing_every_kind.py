"""An audit of every kind of outcome and open item: nothing differs in an intact state, and every change made by hand is named."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest
from msgspec.structs import replace
from redis import Redis

from bluelamp.recount.load import from_records
from bluelamp.recount.recount import Recount
from bluelamp.verify.audit import Audit, AuditDifference, audit, lines, read_period
from measures.catalogue import CATALOGUE
from measures.measure import Measure
from measures.outcome import KINDS, SECOND
from streams.readings import Reader
from tests.support import every_kind, planted
from tests.support.forces import STRICT, rules
from tests.support.memory import MemoryState, deliver
from tests.support.planted import Count, Item
from tests.support.stores import apply_memory, call, state_server

RULES = rules(STRICT)
OPEN_ONLY = {
    "leg_waiting", "incident_open", "incident_unresourced", "incident_unattended", "in_custody", "awaiting_authorisation",
    "review_due", "review_due_ahead", "review_postponed", "detention_limit", "custody_clock_paused", "custody_note",
    "contact_unrecorded", "incident_unrecorded", "call_taker_staffed", "call_taker_unrecorded", "callback_waiting",
}  # fmt: skip
"""Kinds with open items only: when they end, they count as other kinds."""
COUNTED = [kind for kind in KINDS if kind not in OPEN_ONLY]


@pytest.fixture(scope="module")
def kept() -> Iterator[Recount]:
    with from_records(every_kind.records(every_kind.facts()), [STRICT], keeps_facts=True) as made:
        yield made


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A state server with facts of every kind."""
    memory = MemoryState(RULES, STRICT.name)
    deliver(memory, every_kind.facts(), 50)
    with state_server(tmp_path_factory.mktemp("every_kind")) as server:
        call(server.url, lambda store: apply_memory(store, memory))
        with Redis.from_url(server.url, decode_responses=True) as client:
            yield client


def audited(redis: Redis, kept: Recount, measures: list[Measure]) -> Audit:
    """An audit with a new reader, which has nothing in memory."""
    source = Reader(redis, "test", RULES, lambda: every_kind.AS_OF)
    held = read_period(source, STRICT, every_kind.FIRST, every_kind.END, every_kind.AS_OF, measures)
    return audit(held, kept, RULES[STRICT.name], every_kind.FIRST, every_kind.END)


def test_nothing_differs_in_an_intact_state_with_every_kind(redis: Redis, kept: Recount) -> None:
    counts, items = planted.counts(redis, "test", STRICT.name), planted.items(redis, "test", STRICT.name)
    assert set(counts) == set(COUNTED)
    assert set(items) >= OPEN_ONLY | {kind for kind in KINDS if kind.endswith(("_contradiction", "_incomplete"))}
    found = audited(redis, kept, list(CATALOGUE.values()))
    assert found.is_clean(), "\n".join(lines(found))
    assert found.counts == sum(map(len, counts.values()))
    assert found.open_items > len(items)
    assert found.figures > 800


# --- counts ---------------------------------------------------------------------------------------------------------


def _one_more(count: Count) -> tuple[str, str | None]:
    return count.field, str(count.number + 1)


def _one_fewer(count: Count) -> tuple[str, str | None]:
    return count.field, str(count.number - 1)


def _gone(count: Count) -> tuple[str, str | None]:
    return count.field, None


def _invented(count: Count) -> tuple[str, str | None]:
    return planted.invented(count), "2"


COUNT_FAULTS: dict[str, Callable[[Count], tuple[str, str | None]]] = {
    "one more": _one_more,
    "one fewer": _one_fewer,
    "gone": _gone,
    "invented": _invented,
}
Altered = tuple[Count, str | None, AuditDifference]


@pytest.fixture(scope="module", params=list(COUNT_FAULTS))
def counts_altered(request: pytest.FixtureRequest, redis: Redis, kept: Recount) -> tuple[str, Mapping[str, Altered]]:
    """The same fault in one count of each kind: the changes made, and the difference named for each."""
    chosen = {kind: some[-1] for kind, some in planted.counts(redis, "test", STRICT.name).items()}
    faults = {kind: COUNT_FAULTS[request.param](count) for kind, count in chosen.items()}
    with ExitStack() as stack:
        for kind, (field, text) in faults.items():
            stack.enter_context(planted.replaced(redis, chosen[kind].key, field, text))
        found = audited(redis, kept, [])
    assert len(found.differing_counts) == len(chosen), "each fault is named once, and nothing besides"
    assert not found.differing_open
    cells = {cell.kind: cell for cell in found.differing_counts}
    return request.param, {kind: (chosen[kind], faults[kind][1], cells[kind]) for kind in chosen}


@pytest.mark.parametrize("kind", COUNTED)
def test_a_changed_count_of_any_kind_is_named_with_its_facts(
    counts_altered: tuple[str, Mapping[str, Altered]], kind: str
) -> None:
    fault, altered = counts_altered
    count, text, cell = altered[kind]
    assert (cell.kind, cell.day, cell.state) == (kind, count.day, int(text or 0))
    if fault == "invented":
        assert set(cell.words.values()) <= {"invented"}
        assert (cell.log, cell.behind) == (0, ())
        return
    assert cell.words == dict(zip(KINDS[kind].dimensions, count.words, strict=True))
    assert (cell.value, cell.log) == (count.value, count.number)
    assert 0 < len(cell.behind) == cell.subjects <= count.number
    for behind in cell.behind:
        facts = [json.loads(bytes(fact)) for fact in behind.facts]
        assert {fact["subject_id"] for fact in facts} == {behind.subject_id}


@pytest.mark.parametrize("field", ["1|0", "0"])
def test_a_count_that_blue_lamp_never_writes_is_named(redis: Redis, kept: Recount, field: str) -> None:
    """A count with the wrong number of words."""
    key = planted.counts(redis, "test", STRICT.name)["incident_opened"][-1].key
    with planted.replaced(redis, key, field, "1"):
        found = audited(redis, kept, [])
    (cell,) = found.differing_counts
    *words, _ = field.split("|")
    assert (cell.kind, list(cell.words.values()), cell.state, cell.log) == ("incident_opened", words, 1, 0)
    assert "    The log has no facts for it." in lines(found)


# --- open items -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["invented", "gone", "held twice", "due at another time"])
def test_a_changed_open_item_of_every_kind_is_named_with_its_facts(redis: Redis, kept: Recount, fault: str) -> None:
    every = planted.items(redis, "test", STRICT.name)
    chosen = {kind: every[kind][-1] if kind in every else _borrowed(every, kind) for kind in KINDS}
    if fault != "invented":
        chosen = {kind: place for kind, place in chosen.items() if kind in every}
    with ExitStack() as stack:
        for place in chosen.values():
            stack.enter_context(planted.replaced(redis, place.key, place.field, _with_fault(redis, place, fault)))
        found = audited(redis, kept, [])
    assert not found.differing_counts
    numbers = {"invented": [(1, 0)], "gone": [(0, 1)], "held twice": [(2, 1)], "due at another time": [(0, 1), (1, 0)]}
    assert len(found.differing_open) == len(chosen) * len(numbers[fault])
    for kind, place in chosen.items():
        cells = [cell for cell in found.differing_open if cell.kind == kind]
        assert sorted((cell.state, cell.log) for cell in cells) == numbers[fault]
        for cell in cells:
            assert [each.subject_id for each in cell.behind] == [place.subject_id] * cell.log


def _borrowed(every: Mapping[str, list[Item]], kind: str) -> Item:
    """The place of another open item of the topic, to use for a kind without open items."""
    topic = KINDS[kind].topic
    place = next(each for some in every.values() for each in some if KINDS[each.item.kind].topic == topic)
    return place._replace(item=replace(place.item, kind=kind, dimensions=("none",) * len(KINDS[kind].dimensions)))


def _with_fault(redis: Redis, place: Item, fault: str) -> str | None:
    item = place.item
    made_up = replace(item, dimensions=("invented",) * len(item.dimensions), since=item.since + SECOND)
    later = replace(item, due=(item.due or item.since) + 1)
    match fault:
        case "invented":
            return planted.with_items(redis, place, plus=made_up)
        case "gone":
            return planted.with_items(redis, place, without=item)
        case "held twice":
            return planted.with_items(redis, place, plus=item)
        case _:
            return planted.with_items(redis, place, without=item, plus=later)
