"""The state of a partition in Redis: read when it is taken over, changed by one atomic step a batch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, Literal, NamedTuple, cast

import msgspec
from msgspec import Struct
from redis import Redis as Blocking
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from facts.errors import IncompleteError
from facts.union import TOPICS
from measures.outcome import KINDS
from measures.pane import Deltas
from measures.rules import Rules
from measures.timeline import Timeline
from streams.codec import FORMAT, decode_timeline, encode_field, encode_open, encode_timeline
from streams.feeds import EventSpan, Feeds, decode_feeds, encode_feeds
from streams.fold import Change
from streams.refusal import refusal_of

SCRIPT = files("streams").joinpath("apply.lua").read_text()
TOUCHED_LIMIT = 500
"""Beyond so many panes and subjects a change says `*`, and readers read anew what they need."""


class Names:
    """The names of a partition's keys; the braces keep them in one slot of a Redis Cluster.

    Args:
        prefix: of the whole state, so that two states can stand side by side.
        topic: of the partition.
        partition: its number.
    """

    def __init__(self, prefix: str, topic: str, partition: int) -> None:
        self.prefix, self.topic, self.partition = prefix, topic, partition
        self.base = f"{prefix}:{{{topic}:{partition}}}:"
        self.control, self.timelines, self.open = self.base + "control", self.base + "timelines", self.base + "open"
        self.feeds, self.changes = self.base + "feeds", self.base + "changes"

    def index(self, force: str, grain: str) -> str:
        """The sorted set of the slots that hold anything."""
        return f"{self.base}index:{force}:{grain}"

    def pane(self, force: str, grain: str, slot: int | str) -> str:
        """The hash of one pane: count by kind, words and value."""
        return f"{self.base}pane:{force}:{grain}:{slot}"

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}"


class Identity(Struct, frozen=True):
    """Which log a state was folded from.

    Attributes:
        cluster_id: of the Kafka cluster.
        topic_id: of the topic; a topic made anew has another.
        partitions: how many the topic has.
    """

    cluster_id: str
    topic_id: str
    partitions: int

    def is_same_log(self, other: "Identity") -> bool:
        """Whether it is the same topic of the same cluster; it may have been given more partitions since."""
        return (self.cluster_id, self.topic_id) == (other.cluster_id, other.topic_id)


class Control(NamedTuple):
    """What a worker reads when it takes a partition over.

    Attributes:
        applied_offset: the offset up to which the log is folded in; None when there is no state yet.
        epoch: of this ownership; an older owner's writes are refused.
        feeds: by force and feed.
        events: by force.
    """

    applied_offset: int | None
    epoch: int
    feeds: Feeds
    events: dict[str, EventSpan]


class Applied(NamedTuple):
    """The answer to an applied batch, a refused as stale one, or one that the state is too damaged for.

    Attributes:
        outcome: what became of it.
        applied_offset: the stored applied offset; of a refused as stale batch where the state really is.
        epoch: the stored epoch of a refused as stale batch, which tells whether another owner has claimed the partition.
        reason: what is damaged.
    """

    outcome: Literal["applied", "stale", "damaged"]
    applied_offset: int | None
    epoch: int | None = None
    reason: str = ""


class StateStore:
    """The state of all partitions.

    Args:
        redis: a client of the state server that decodes its answers to text.
        prefix: of the state's keys.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self.redis, self.prefix = redis, prefix
        self._apply = redis.register_script(SCRIPT)

    def names(self, topic: str, partition: int) -> Names:
        """The keys of a partition."""
        return Names(self.prefix, topic, partition)

    async def check(self, names: Names, identity: Identity, fingerprints: dict[str, str]) -> dict[str, str]:
        """Whether a partition's state may be gone on with; what is stored of it.

        Raises:
            IncompleteError: the state was folded from another log, in another format, or by other definitions.
        """
        with legible(names):
            stored = cast(dict[str, str], await self.redis.hgetall(names.control))
            check_control(names, stored, identity, fingerprints)
        return stored

    async def claim(self, names: Names, identity: Identity, fingerprints: dict[str, str]) -> Control:
        """Take a partition over: from now on an older owner's writes are refused.

        Raises:
            IncompleteError: the state was folded from another log, in another format, or by other definitions.
        """
        stored = await self.check(names, identity, fingerprints)
        known: dict[Any, Any] = {
            "format": FORMAT,
            "kinds": msgspec.json.encode(kinds()),
            "identity": msgspec.json.encode(identity),
            "fingerprints": msgspec.json.encode({**_fingerprints(stored), **fingerprints}),
        }
        epoch = await self.redis.hincrby(names.control, "epoch", 1)
        await self.redis.hset(names.control, mapping=known)
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(names.feeds)
            pipe.hget(names.control, "applied_offset")
            with legible(names):
                stored_feeds, applied_offset = await pipe.execute()
                return Control(
                    None if applied_offset is None else int(applied_offset), epoch, *decode_feeds(stored_feeds)
                )

    async def begin(self, names: Names, applied_offset: int) -> None:
        """Set the applied offset of a partition that has no state yet."""
        await self.redis.hsetnx(names.control, "applied_offset", applied_offset)

    async def timelines(self, names: Names, keys: Sequence[str]) -> tuple[int | None, dict[str, Timeline]]:
        """The stored applied offset, and the timelines of subjects at that place; empty for those the state does not know.

        Both are read in one step: timelines of another place than their reader takes them for make a wrong change, which is
        applied if the state is restored to the expected place meanwhile.

        Raises:
            UnreadableError: one cannot be read.
        """
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.hget(names.control, "applied_offset")
            pipe.hmget(names.timelines, list(keys))
            with legible(names):
                applied_offset, texts = await pipe.execute()
                found = {key: decode_timeline(text, key) if text else {} for key, text in zip(keys, texts, strict=True)}
                return None if applied_offset is None else int(applied_offset), found

    async def apply(self, names: Names, epoch: int, expected: int, after: int, change: Change) -> Applied:
        """Apply a batch in one atomic step, if the state is still where the worker last saw it.

        Raises:
            RedisError: the state server refused it, and nothing was changed; or its answer was lost.
        """
        keys = [names.control, names.timelines, names.open, names.feeds, names.changes]
        answer = await self._apply(keys=keys, args=[expected, epoch, after, encode_change(names, change)])
        if answer[0] == 1:
            return Applied("applied", after)
        if answer[0] == 0:
            at, owner = (int(each) if each else None for each in answer[1:3])
            return Applied("stale", at, owner)
        return Applied("damaged", expected, reason=answer[1])

    async def applied_offset(self, names: Names) -> int | None:
        """Where the state of a partition stands."""
        stored = await self.redis.hget(names.control, "applied_offset")
        return int(stored) if stored is not None else None

    async def announce(self, topic: str, partitions: int) -> None:
        """Tell readers how many partitions a topic has."""
        await self.redis.hset(f"{self.prefix}:topics", topic, partitions)


def encode_change(names: Names, change: Change) -> bytes:
    """A change as the script reads it; its whole numbers and words only, and no binary."""
    panes: list[tuple[str, list[str], list[int]]] = []
    index: list[tuple[str, int]] = []
    touched: list[str] = []
    for force, deltas in change.panes.items():
        _encode_panes(names, force, deltas, panes, index, touched)
    panes.append((names.control, list(change.counts), list(change.counts.values())))
    opened = {key: encode_open(found.open) for key, found in change.open.items() if found.open}
    is_small = len(touched) + len(change.open) <= TOUCHED_LIMIT
    return msgspec.msgpack.encode(
        {
            "panes": panes,
            "index": index,
            "timelines": _flat((key, encode_timeline(timeline)) for key, timeline in change.timelines.items()),
            "open": _flat(opened.items()),
            "closed": [key for key in change.open if key not in opened],
            "feeds": _flat(encode_feeds(change.feeds, change.events)),
            "drop": [
                (names.index(force, grain), names.pane(force, grain, ""), slot)
                for (force, grain), slot in change.drop_before.items()
            ],
            "touched": msgspec.json.encode([touched, list(change.open)]).decode() if is_small else "*",
        }
    )


def _encode_panes(
    names: Names,
    force: str,
    deltas: Deltas,
    panes: list[tuple[str, list[str], list[int]]],
    index: list[tuple[str, int]],
    touched: list[str],
) -> None:
    for (grain, slot), counts in deltas.items():
        if counts:
            fields = [encode_field(field) for field in counts]
            panes.append((names.pane(force, grain, slot), fields, list(counts.values())))
            index.append((names.index(force, grain), slot))
            touched.append(f"{force}:{grain}:{slot}")


def _flat(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [part for pair in pairs for part in pair]


def _fingerprints(stored: dict[str, str]) -> dict[str, str]:
    return msgspec.json.decode(stored.get("fingerprints", "{}"), type=dict[str, str])


NEW_STATE = (
    "Build a new version of the state from archive and log with `bluelamp rebuild`: it is compared with this one, and shown "
    "with --switch, or with --switch --accept-differences where this one differs or cannot be read. Workers then continue "
    "with it by themselves."
)


class UnreadableError(IncompleteError):
    """A key of a partition holds what is not of a state: somebody else has written it, or it is damaged."""

    def __init__(self, names: Names, why: str) -> None:
        super().__init__(f"The state is damaged: {why}.", where=f"state of {names}", hint=NEW_STATE)
        self.names = names


@contextmanager
def legible(names: Names) -> Iterator[None]:
    """What a partition's keys hold is read here.

    Raises:
        UnreadableError: it cannot be read.
    """
    try:
        yield
    except ResponseError as error:
        if not refusal_of(error).heals():
            raise UnreadableError(names, "a key is of another type") from error
        raise
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError) as error:
        raise UnreadableError(names, f"a value cannot be read ({type(error).__name__})") from error


def check_control(names: Names, stored: dict[str, str], identity: Identity, fingerprints: dict[str, str]) -> None:
    """Refuse a state that was folded from another log, in another format, or by other definitions.

    Raises:
        IncompleteError: which of them, and what to do.
    """
    if not stored:
        return
    where = f"state of {names}"
    if int(stored.get("format", FORMAT)) != FORMAT:
        raise IncompleteError(f"It is written in format {stored['format']}, not {FORMAT}.", where=where, hint=NEW_STATE)
    known = msgspec.json.decode(stored["identity"], type=Identity) if "identity" in stored else identity
    if known.is_same_log(identity) and known.partitions != identity.partitions:
        raise IncompleteError(
            f"The topic has {identity.partitions} partitions now, and the state was folded when it had {known.partitions}: "
            "subjects belong on other partitions since.",
            where=where,
            hint="`bluelamp rebuild --switch` moves their facts and builds the state for the new number (docs/log.md).",
        )
    if known != identity:
        what = f"It was folded from another log: {known}, and the log now is {identity}."
        raise IncompleteError(what, where=where, hint=f"Point at the log it was folded from. {NEW_STATE}")
    _check_kinds(where, stored.get("kinds"))
    before = _fingerprints(stored)
    changed = [force for force, print_ in fingerprints.items() if before.get(force, print_) != print_]
    if changed:
        what = f"The profile of {', '.join(changed)} has changed in what is counted since it was built."
        raise IncompleteError(what, where=where, hint=f"Put the profile back. {NEW_STATE}")
    _check_listed(where, set(before), set(fingerprints), int(stored.get("quarantined_unlisted_force", 0)))


def _check_kinds(where: str, stored: str | None) -> None:
    """What is counted may have changed with the program; a state of before this was kept says nothing of it."""
    before, now = msgspec.json.decode(stored or "{}", type=dict[str, str]), kinds()
    changed = sorted(name for name in before.keys() | now if before.get(name) != now.get(name))
    if before and changed:
        what = f"The program counts otherwise than when it was built: {', '.join(changed)}."
        raise IncompleteError(what, where=where, hint=f"Go back to the version that built it. {NEW_STATE}")


def kinds() -> dict[str, str]:
    """What the program counts: each kind of outcome with everything its counts depend on."""
    return {name: f"{kind.topic} {'|'.join(kind.dimensions)} {kind.per_second}" for name, kind in KINDS.items()}


def _check_listed(where: str, before: set[str], now: set[str], unlisted: int) -> None:
    """What is quarantined for want of a profile would be missing for good: the applied offset passes it."""
    if gone := sorted(before - now):
        what = f"The profile of {', '.join(gone)} is gone: what happens there would be quarantined, not counted."
        raise IncompleteError(what, where=where, hint=f"Put the profile back (BLUELAMP_FORCES). {NEW_STATE}")
    if (added := sorted(now - before)) and unlisted:
        what = f"{', '.join(added)} is new, and {unlisted:,} facts of forces without a profile were quarantined before."
        raise IncompleteError(what, where=where, hint=f"Some may be its own. {NEW_STATE}")


def check_profiles(redis: Blocking, prefix: str, rules: Mapping[str, Rules]) -> None:
    """A state must be read by the profiles it was built by.

    Raises:
        IncompleteError: it was built by others than this process has read.
    """
    for topic in TOPICS:
        names = Names(prefix, topic, 0)
        stored = cast("str | None", redis.hget(names.control, "fingerprints"))
        built = _fingerprints({"fingerprints": stored or "{}"})
        for name, each in rules.items():
            if built.get(name, each.fingerprint) != each.fingerprint:
                what = f"The state that is shown was built by another profile of {name} than this process has read."
                hint = (
                    "If the profile was changed on purpose, `bluelamp rebuild` builds the state by it. Else start this process "
                    "again with the profile that the state was built by (BLUELAMP_FORCES)."
                )
                raise IncompleteError(what, where=f"state of {names}", hint=hint)


def check_reach(names: Names, applied_offset: int, first: int, last: int) -> None:
    """The log must still reach back to the applied offset, and on to it.

    Raises:
        IncompleteError: naming the range that is missing.
    """
    if applied_offset < first:
        what = f"The log no longer reaches back to the state: offsets {applied_offset} to {first - 1} are missing."
        hint = (
            "Where an archive holds them, build the state anew: BLUELAMP_ARCHIVE=... bluelamp rebuild --switch. Else they "
            "are gone: begin another state (BLUELAMP_STATE_NAME), and say so to its users."
        )
    elif applied_offset > last:
        what = f"The state stands at offset {applied_offset}, and the log ends at {last}: offsets {last} to {applied_offset - 1} are missing."
        hint = "Is this the right Kafka? If its log was cut back, restore it, or build a new state: `bluelamp rebuild --anew`."
    else:
        return
    raise IncompleteError(what, where=f"partition {names}", hint=hint)
