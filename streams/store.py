"""The state of a partition in Redis: read when it is claimed, and changed in one atomic step per batch."""

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
from measures.outcome import BY_HALF_HOUR, KINDS
from measures.pane import BLOCK, GRAINS, Deltas, Grain, stored
from measures.rules import Rules
from measures.timeline import Timeline
from producers import tracing
from streams.block_forms import BlockForms, ExpectedState
from streams.codec import FORMAT, decode_timeline, encode_open, encode_timeline
from streams.feeds import EventSpan, Feeds, decode_feeds, encode_feeds
from streams.fold import Change
from streams.keys import Names
from streams.refusal import refusal_of

SCRIPT = files("streams").joinpath("apply.lua").read_text()
_COMPRESSED = 2
"""What the script answers if a batch changes compressed counts."""
TOUCHED_LIMIT = 500
"""If a change touches more subjects and kinds of blocks than this, it is recorded as `*`, and readers then read everything again."""


class Identity(Struct, frozen=True):
    """Which log a state was folded from.

    Attributes:
        cluster_id: the id of the Kafka cluster.
        topic_id: the id of the topic; a topic that is deleted and created again has another.
        partitions: the number of partitions of the topic.
    """

    cluster_id: str
    topic_id: str
    partitions: int

    def is_same_log(self, other: "Identity") -> bool:
        """Whether it is the same topic of the same cluster; its number of partitions may differ."""
        return (self.cluster_id, self.topic_id) == (other.cluster_id, other.topic_id)


class Control(NamedTuple):
    """What a worker reads when it claims a partition.

    Attributes:
        applied_offset: the offset up to which the log is applied; None if there is no state yet.
        epoch: the epoch of this ownership; an older owner's writes are refused.
        feeds: the feeds, by force and feed.
        events: the events, by force.
    """

    applied_offset: int | None
    epoch: int
    feeds: Feeds
    events: dict[str, EventSpan]


class Applied(NamedTuple):
    """The result of applying a batch.

    Attributes:
        outcome: applied, refused because its owner is stale, or refused because the state is damaged.
        applied_offset: the stored applied offset; for a stale owner, where the state really is.
        epoch: for a stale owner, the stored epoch: it shows whether another owner has claimed the partition.
        reason: what is damaged.
    """

    outcome: Literal["applied", "stale", "damaged"]
    applied_offset: int | None
    epoch: int | None = None
    reason: str = ""


class StateStore:
    """The state of all partitions.

    Args:
        redis: a client of the state server that decodes replies to text.
        prefix: the prefix of the state's keys.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self.redis, self.prefix = redis, prefix
        self._apply, self.forms = redis.register_script(SCRIPT), BlockForms(redis)

    def names(self, topic: str, partition: int) -> Names:
        """The keys of a partition."""
        return Names(self.prefix, topic, partition)

    async def check(self, names: Names, identity: Identity, fingerprints: dict[str, str]) -> dict[str, str]:
        """Check that a partition's state may be continued; returns its stored control hash.

        Raises:
            IncompleteError: the state was folded from another log, in another format, or with other definitions.
        """
        with reading_state(names):
            stored = cast(dict[str, str], await self.redis.hgetall(names.control))
            check_control(names, stored, identity, fingerprints)
        return stored

    async def claim(self, names: Names, identity: Identity, fingerprints: dict[str, str]) -> Control:
        """Claim a partition: from now on an older owner's writes are refused.

        Raises:
            IncompleteError: the state was folded from another log, in another format, or with other definitions.
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
            with reading_state(names):
                stored_feeds, applied_offset = await pipe.execute()
                return Control(
                    None if applied_offset is None else int(applied_offset), epoch, *decode_feeds(stored_feeds)
                )

    async def begin(self, names: Names, applied_offset: int) -> None:
        """Set the applied offset of a partition that has no state yet."""
        await self.redis.hsetnx(names.control, "applied_offset", applied_offset)

    async def timelines(self, names: Names, keys: Sequence[str]) -> tuple[int | None, dict[str, Timeline]]:
        """The stored applied offset, and the timelines of subjects at that offset; empty for subjects without one.

        Both are read in one step. Timelines from another offset would lead to a wrong change, which would be applied if the
        state were restored to the expected offset meanwhile.

        Raises:
            UnreadableError: one cannot be read.
        """
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.hget(names.control, "applied_offset")
            pipe.hmget(names.timelines, list(keys))
            with reading_state(names):
                applied_offset, texts = await pipe.execute()
                found = {key: decode_timeline(text, key) if text else {} for key, text in zip(keys, texts, strict=True)}
                return None if applied_offset is None else int(applied_offset), found

    async def apply(self, names: Names, epoch: int, expected: int, after: int, change: Change) -> Applied:
        """Apply a batch in one atomic step, if the state is still at the owner's applied offset and epoch.

        Raises:
            RedisError: the state server refused it and changed nothing, or its reply was lost.
        """
        # The last key never exists. While a Redis Cluster moves a slot, its keys are on two nodes; because one is missing, both
        # nodes refuse the script (TRYAGAIN, ASK) instead of running it on some of the keys.
        keys = [names.control, names.timelines, names.open, names.feeds, names.changes, names.absent]
        encoded = encode_change(names, change)
        with tracing.step("apply", {"topic": names.topic, "offset": after}):
            answer = await self._apply(keys=keys, args=[expected, epoch, after, encoded])
            while answer[0] == _COMPRESSED:
                if damage := await self.forms.decompress(ExpectedState(names, epoch, expected), answer[1:]):
                    return Applied("damaged", expected, reason=damage)
                answer = await self._apply(keys=keys, args=[expected, epoch, after, encoded])
        if answer[0] == 1:
            return Applied("applied", after)
        if answer[0] == 0:
            at, owner = (int(each) if each else None for each in answer[1:3])
            return Applied("stale", at, owner)
        return Applied("damaged", expected, reason=answer[1])

    async def applied_offset(self, names: Names) -> int | None:
        """The stored applied offset of a partition; None if there is no state."""
        stored = await self.redis.hget(names.control, "applied_offset")
        return int(stored) if stored is not None else None

    async def blocks(self, names: Names, force: str, grain: Grain, before: int) -> list[int]:
        """The blocks of a grain before a given one, oldest first."""
        found = cast(list[str], await self.redis.zrangebyscore(names.index(force, grain), "-inf", f"({before}"))
        return [int(each) for each in found]

    async def announce(self, topic: str, partitions: int) -> None:
        """Record for readers how many partitions a topic has."""
        await self.redis.hset(f"{self.prefix}:topics", topic, partitions)


Members = list[tuple[str, list[str], list[int]]]
"""Hashes to which counts are added: the rest of the hash's name, the names of its counts, and what is added to each."""


class _Encoded(NamedTuple):
    """The counts of a change, as the script reads them.

    Attributes:
        panes: the beginning of the names of some hashes, and those hashes.
        indexed: a sorted set, and a block that it lists from now on.
        touched: `force:grain:kind`, and its blocks that changed.
    """

    panes: list[tuple[str, Members]]
    indexed: list[tuple[str, int]]
    touched: list[tuple[str, list[int]]]

    def add(self, names: Names, force: str, deltas: Deltas) -> None:
        """Add the counts of a force."""
        for grain in GRAINS:
            members: Members = []
            every = set[int]()
            for kind, of_kind in deltas.items():
                if blocks := stored(of_kind[grain], grain):
                    members += [(f"{block}:{kind}", *each) for block, each in blocks.items()]
                    self.touched.append((f"{force}:{grain}:{kind}", list(blocks)))
                    every.update(blocks)
            if members:
                index = names.index(force, grain)
                self.panes.append((names.panes(force, grain), members))
                self.indexed.extend((index, block) for block in every)


def encode_change(names: Names, change: Change) -> bytes:
    """A change as the script reads it: whole numbers and text only, no binary."""
    found = _Encoded([], [], [])
    for force, deltas in change.panes.items():
        found.add(names, force, deltas)
    own = (names.control, [("", list(change.counts), list(change.counts.values()))])
    opened = {key: encode_open(found.open) for key, found in change.open.items() if found.open}
    is_small = sum(len(blocks) for _, blocks in found.touched) + len(change.open) <= TOUCHED_LIMIT
    return msgspec.msgpack.encode(
        {
            "panes": [*found.panes, own],
            "index": found.indexed,
            "timelines": _flat(
                (key, encode_timeline(timeline, key, is_closed=key in change.closed))
                for key, timeline in change.timelines.items()
            ),
            "open": _flat(opened.items()),
            "closed": [key for key in change.open if key not in opened],
            "feeds": _flat(encode_feeds(change.feeds, change.events)),
            "drop": [
                (names.index(force, grain), names.panes(force, grain), slot // BLOCK[grain])
                for (force, grain), slot in change.drop_before.items()
            ],
            "kinds": kinds_of(names.topic) if change.drop_before else [],
            "touched": msgspec.json.encode([found.touched, list(change.open)]).decode() if is_small else "*",
        }
    )


def _flat(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [part for pair in pairs for part in pair]


def _fingerprints(stored: dict[str, str]) -> dict[str, str]:
    return msgspec.json.decode(stored.get("fingerprints", "{}"), type=dict[str, str])


NEW_STATE = (
    "Build a new state version from archive and log with `bluelamp rebuild`. Add --switch to use it if it matches this one, "
    "or --switch --accept-differences if this one differs or cannot be read. Workers then continue with it by themselves."
)


class UnreadableError(IncompleteError):
    """A key of a partition does not hold a state: another program has written it, or it is damaged."""

    def __init__(self, names: Names, why: str) -> None:
        super().__init__(f"The state is damaged: {why}.", where=f"state of {names}", hint=NEW_STATE)
        self.names = names


@contextmanager
def reading_state(names: Names) -> Iterator[None]:
    """Turn every error in reading a partition's keys into one that says which partition.

    Raises:
        UnreadableError: a key cannot be read.
    """
    try:
        yield
    except ResponseError as error:
        if not refusal_of(error).heals():
            raise UnreadableError(names, "a key has the wrong type") from error
        raise
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError) as error:
        raise UnreadableError(names, f"a value cannot be read ({type(error).__name__})") from error


def check_control(names: Names, stored: dict[str, str], identity: Identity, fingerprints: dict[str, str]) -> None:
    """Refuse a state that was folded from another log, in another format, or with other definitions.

    Raises:
        IncompleteError: says which of them, and what to do.
    """
    if not stored:
        return
    where = f"state of {names}"
    _check_format(where, stored)
    known = msgspec.json.decode(stored["identity"], type=Identity) if "identity" in stored else identity
    if known.is_same_log(identity) and known.partitions != identity.partitions:
        raise IncompleteError(
            f"The topic has {identity.partitions} partitions, but the state was built when it had {known.partitions}: "
            "some subjects now belong on other partitions.",
            where=where,
            hint="`bluelamp rebuild --switch` moves their facts and builds the state for the new number (docs/run/scaling.md).",
        )
    if known != identity:
        what = f"The state was built from another log: {known}. The present log is {identity}."
        raise IncompleteError(what, where=where, hint=f"Set BLUELAMP_KAFKA to the log it was built from. {NEW_STATE}")
    _check_kinds(where, stored.get("kinds"))
    before = _fingerprints(stored)
    changed = [force for force, print_ in fingerprints.items() if before.get(force, print_) != print_]
    if changed:
        what = (
            f"The profile of {', '.join(changed)} has changed since the state was built, in a way that affects counts."
        )
        raise IncompleteError(what, where=where, hint=f"Restore the profile. {NEW_STATE}")
    _check_listed(where, set(before), set(fingerprints), int(stored.get("quarantined_unlisted_force", 0)))


def check_readable(names: Names, stored: Mapping[str, str]) -> None:
    """Refuse a state of another program: a count that it never made would look like zero.

    Raises:
        IncompleteError: the state is in another format, or was built by a program that counts differently.
    """
    _check_format(f"state of {names}", stored)
    _check_kinds(f"state of {names}", stored.get("kinds"))


def _check_format(where: str, stored: Mapping[str, str]) -> None:
    if int(stored.get("format", FORMAT)) != FORMAT:
        what = f"The state is in format {stored['format']}; this program reads format {FORMAT}."
        raise IncompleteError(what, where=where, hint=NEW_STATE)


def _check_kinds(where: str, stored: str | None) -> None:
    """Refuse a state built by a program that counts differently; a state from before this was recorded is accepted."""
    before, now = msgspec.json.decode(stored or "{}", type=dict[str, str]), kinds()
    changed = sorted(name for name in before.keys() | now if before.get(name) != now.get(name))
    if before and changed:
        what = f"The program counts differently from the one that built the state: {', '.join(changed)}."
        raise IncompleteError(what, where=where, hint=f"Go back to the version that built it. {NEW_STATE}")


def kinds() -> dict[str, str]:
    """What this program counts: each kind of outcome with everything its counts depend on."""
    return {
        name: f"{kind.topic} {'|'.join(kind.dimensions)} {kind.per_second}{' half-hours' * (name in BY_HALF_HOUR)}"
        for name, kind in KINDS.items()
    }


def kinds_of(topic: str, recorded: str | None = None) -> list[str]:
    """The kinds of a topic that this program counts, and those that a state records.

    Args:
        topic: the topic.
        recorded: what `claim` recorded in the state; None if only the program's own are wanted.
    """
    known = {**msgspec.json.decode(recorded or "{}", type=dict[str, str]), **kinds()}
    return [name for name, counted in known.items() if counted.partition(" ")[0] == topic]


def _check_listed(where: str, before: set[str], now: set[str], unlisted: int) -> None:
    """Refuse profiles that would quarantine facts for good, because the applied offset moves past them."""
    if gone := sorted(before - now):
        what = f"The profile of {', '.join(gone)} is missing: its facts would be quarantined, not counted."
        raise IncompleteError(what, where=where, hint=f"Restore the profile (BLUELAMP_FORCES). {NEW_STATE}")
    if (added := sorted(now - before)) and unlisted:
        what = f"{', '.join(added)} is new, and {unlisted:,} facts of forces without a profile were quarantined before."
        raise IncompleteError(what, where=where, hint=f"Those facts may belong to the new force. {NEW_STATE}")


def check_profiles(redis: Blocking, prefix: str, rules: Mapping[str, Rules]) -> None:
    """Check that a state was built with the profiles of this process.

    Raises:
        IncompleteError: it was built with other profiles.
    """
    for topic in TOPICS:
        names = Names(prefix, topic, 0)
        stored = cast("str | None", redis.hget(names.control, "fingerprints"))
        built = _fingerprints({"fingerprints": stored or "{}"})
        for name, each in rules.items():
            if built.get(name, each.fingerprint) != each.fingerprint:
                what = f"The current state was built with a profile of {name} that differs from this process's."
                hint = (
                    "If the profile was changed on purpose, build a new state with `bluelamp rebuild`. Otherwise restart this "
                    "process with the profile that the state was built with (BLUELAMP_FORCES)."
                )
                raise IncompleteError(what, where=f"state of {names}", hint=hint)


def check_reach(names: Names, applied_offset: int, first: int, last: int) -> None:
    """Check that the log still holds the applied offset.

    Raises:
        IncompleteError: names the range that is missing.
    """
    if applied_offset < first:
        what = f"The log no longer reaches back to the state: offsets {applied_offset} to {first - 1} are missing."
        hint = (
            "If an archive holds them, rebuild the state: BLUELAMP_ARCHIVE=... bluelamp rebuild --switch. Otherwise they are "
            "lost: begin another state (BLUELAMP_STATE_NAME), and inform its users."
        )
    elif applied_offset > last:
        what = f"The state is at offset {applied_offset}, but the log ends at {last}: offsets {last} to {applied_offset - 1} are missing."
        hint = "Check that this is the right Kafka. If its log was truncated, restore it, or run `bluelamp rebuild --restart`."
    else:
        return
    raise IncompleteError(what, where=f"partition {names}", hint=hint)
