"""`bluelamp check`: whether everything a force's figures stand on is there, fits together, and is up to date."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal, cast

from msgspec import Struct
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from bluelamp.archive.reading import opened
from bluelamp.settings import Settings
from facts.errors import BlueLampError
from facts.union import TOPICS
from measures.outcome import instant
from measures.reading import SIMULATION, FeedStatus
from measures.rules import Rules
from streams.log import QUARANTINE_TOPIC, Log
from streams.readings import Reader
from streams.store import Names, check_control, check_reach
from streams.version import number_of, pointer, prefix_of

State = Literal["good", "warning", "bad"]
_ARCHIVE_DAYS = 2
_DURABLE = {"appendonly": "yes", "maxmemory-policy": "noeviction"}


class Finding(Struct, frozen=True):
    """What one check found.

    Attributes:
        check: what was looked at.
        state: `good`; `warning`, worth a look; `bad`, figures are missing or cannot be trusted until it is mended.
        what: what was found.
        where: the address, setting or partition; empty when good.
        hint: what to do; empty when good.
    """

    check: str
    state: State
    what: str
    where: str = ""
    hint: str = ""


def examine(settings: Settings, rules: dict[str, Rules], reader: Reader) -> Iterator[Finding]:
    """Look at profiles, log, state server, archive, state and feeds, in this order; the last three only if the others are there.

    Args:
        settings: where everything is.
        rules: of every force.
        reader: of the state that the settings name.
    """
    yield Finding("profiles", "good", f"{len(rules)} read: {', '.join(rules)}.")
    parts = [
        *_guarded("log", lambda: _log(settings)),
        *_guarded("state server", lambda: _state_server(reader.redis)),
    ]
    yield from parts
    if worst(parts) != "bad":
        yield from _guarded("archive", lambda: _archive(settings, reader.now()))
        yield from _guarded("state", lambda: _state(settings, rules, reader.redis))
        yield from _guarded("feeds", lambda: _feeds(settings.force, reader))


def _guarded(check: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except BlueLampError as error:
        yield Finding(check, "bad", error.what, error.where, error.hint)
    except RedisError as error:
        hint = "Start it, or set BLUELAMP_REDIS to its address; `bluelamp up` starts everything itself."
        yield Finding(check, "bad", f"The state server does not answer ({error}).", "BLUELAMP_REDIS", hint)


def _log(settings: Settings) -> Iterator[Finding]:
    with Log(settings.kafka) as log:
        missing = sorted({*TOPICS, QUARANTINE_TOPIC} - log.topics())
        if missing:
            hint = "The first worker or producer to start makes them."
            yield Finding("log", "warning", f"Topics are missing: {', '.join(missing)}.", settings.kafka, hint)
        else:
            yield Finding("log", "good", f"Kafka answers at {settings.kafka} and has every topic.")
        if QUARANTINE_TOPIC not in missing:
            yield _quarantine(log)


def _quarantine(log: Log) -> Finding:
    first, last = log.reach([(QUARANTINE_TOPIC, 0)])[QUARANTINE_TOPIC, 0]
    if first == last:
        return Finding("quarantine", "good", "Empty.")
    hint = "Each record there says its topic, partition, offset and reason; mend the producer and send the facts again."
    return Finding(
        "quarantine", "warning", f"Records that wait in it: {last - first:,}.", f"topic {QUARANTINE_TOPIC}", hint
    )


def _archive(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Whether it is of this log, meets it, and was written lately; its files are looked at by `bluelamp archive --verify`."""
    archive = opened(settings.archive)
    if archive is None:
        return
    with Log(settings.kafka) as log:
        identities = {str(topic): log.identity(topic) for topic in sorted({*TOPICS} & log.topics())}
        archive.check(identities)
        reach = log.reach((topic, number) for topic, one in identities.items() for number in range(one.partitions))
    behind = sum(reach[place][1] - end for place, end in archive.follow(reach).items())
    last_day = archive.manifest.sums().last_day
    what = f"It reaches to {last_day}; records of the log that are not in it yet: {behind:,}."
    if behind and (last_day is None or (now.date() - last_day).days > _ARCHIVE_DAYS):
        hint = "Is `bluelamp archive` run daily? What Kafka lets go of before that is lost."
        yield Finding("archive", "warning", what, settings.archive, hint)
    else:
        yield Finding("archive", "good", what)


def _state_server(redis: Redis) -> Iterator[Finding]:
    redis.ping()
    try:
        present = cast(dict[str, str], redis.config_get(*_DURABLE))
    except ResponseError:
        hint = "It must append every write to a file and evict nothing: ask whoever runs it."
        yield Finding("state server", "warning", "It answers, but does not tell its settings.", "BLUELAMP_REDIS", hint)
        return
    wrong = [f"{name} is {present.get(name)}" for name, wanted in _DURABLE.items() if present.get(name) != wanted]
    if wrong:
        hint = "Set " + " and ".join(f"{name} {wanted}" for name, wanted in _DURABLE.items()) + " in its configuration."
        yield Finding("state server", "bad", f"It may forget what it has been told: {', '.join(wrong)}.", "Redis", hint)
    else:
        yield Finding("state server", "good", "It answers, appends every write to a file and evicts nothing.")


def _state(settings: Settings, rules: dict[str, Rules], redis: Redis) -> Iterator[Finding]:
    fingerprints = {name: each.force.fingerprint() for name, each in rules.items()}
    behind, held, shown = 0, 0, number_of(cast("str | None", redis.get(pointer(settings.state_name))))
    prefix = prefix_of(settings.state_name, shown)
    with Log(settings.kafka) as log:
        for topic in sorted({*TOPICS} & log.topics()):
            identity = log.identity(topic)
            places = [(topic, number) for number in range(identity.partitions)]
            reach, ends = log.reach(places), log.ends(places)
            held += sum(each.held_back for each in ends.values())
            for (_, number), (first, last) in reach.items():
                names = Names(prefix, topic, number)
                control = cast(dict[str, str], redis.hgetall(names.control))
                check_control(names, control, identity, fingerprints)
                fence = int(control.get("fence", first))
                check_reach(names, fence, first, last)
                behind += last - fence
    if held:
        what = (
            f"{held:,} records wait behind a transaction that is still open; others that are not in it yet: {behind:,}."
        )
        hint = "Does its producer still run? End it: Kafka aborts its transaction after the producer's own time limit."
        yield Finding("state", "warning", what, prefix, hint)
    elif behind:
        hint = "Is a worker running? While this number does not fall, figures are stale."
        yield Finding("state", "warning", f"Records of the log that are not in it yet: {behind:,}.", prefix, hint)
    else:
        yield Finding("state", "good", "It holds the whole log.")


def _feeds(force: str, reader: Reader) -> Iterator[Finding]:
    reader.refresh()
    rules = reader.rules_of(force)
    limits = {feed.name: feed.stale_after_seconds for feed in rules.force.feeds}
    feeds = reader.feeds(force)
    if reader.is_simulated(force):
        simulated = ", ".join(feed.feed for feed in feeds if feed.is_simulated)
        hint = "For real figures start with another log and another state: `bluelamp up` in another directory."
        yield Finding("simulation", "warning", SIMULATION, f"feeds: {simulated or 'none that is listed now'}", hint)
    for feed in feeds:
        yield _feed(feed, limits[feed.feed], reader.now())


def _feed(feed: FeedStatus, limit_seconds: float, now: datetime) -> Finding:
    name = f"feed {feed.feed}"
    if feed.complete_to is None or feed.heard_at is None:
        hint = "Is its producer running? Until it is heard its measures say no data."
        return Finding(name, "warning", "It has never been heard.", f"topic {feed.topic}", hint)
    complete, heard = instant(feed.complete_to), instant(feed.heard_at)
    if feed.is_loading():
        return Finding(
            name, "warning", f"It loads its history, up to {complete:%Y-%m-%d %H:%M:%S}Z so far.", f"topic {feed.topic}",
            "Until it has come to the present, figures are of that moment and say so.",
        )  # fmt: skip
    silent_seconds = (now - heard).total_seconds()
    what = f"Complete to {complete:%Y-%m-%d %H:%M:%S}Z, heard {silent_seconds:,.0f} s ago"
    if silent_seconds > limit_seconds:
        hint = f"Its producer has sent nothing for more than {limit_seconds:g} s: its measures say stale."
        return Finding(name, "warning", f"{what}.", f"topic {feed.topic}", hint)
    return Finding(name, "good", f"{what}{', a replay' if feed.is_replay else ''}.")


def worst(findings: Sequence[Finding]) -> State:
    """The worst of the findings."""
    return max((each.state for each in findings), key=("good", "warning", "bad").index, default="good")
