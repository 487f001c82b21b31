"""The state that is shown, beside the log that it was folded from: whether the two belong together, and what it says."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple, cast

from redis import Redis
from redis.exceptions import RedisError

from bluelamp.verify.compare import Query, StateReadings, take
from bluelamp.wiring.settings import Settings
from facts.errors import BlueLampError
from facts.union import TOPICS
from measures.rules import Rules
from streams.log import LogClient
from streams.readings import Reader
from streams.store import Names, check_control
from streams.version import number_of, pointer, prefix_of


class PartitionStatus(NamedTuple):
    """One partition of the log, with what the state says of it.

    Attributes:
        names: of its keys in the state.
        applied: the offset up to which the state holds it; None where there is no state of it.
        first: the first offset that the log still holds.
        end: the one after the last.
    """

    names: Names
    applied: int | None
    first: int
    end: int

    def place(self) -> tuple[str, int]:
        """Topic and number."""
        return self.names.topic, self.names.partition


def partitions(
    settings: Settings, rules: Mapping[str, Rules], redis: Redis, log: LogClient
) -> Iterator[PartitionStatus]:
    """Every partition of the log, each looked at when it is asked for.

    Raises:
        IncompleteError: the state was folded from another log, in another format, or by other definitions.
    """
    fingerprints = {name: each.force.fingerprint() for name, each in rules.items()}
    prefix = prefix_of(settings.state_name, number_of(cast("str | None", redis.get(pointer(settings.state_name)))))
    for topic in sorted({*TOPICS} & log.topics()):
        identity = log.identity(topic)
        reach = log.reach((topic, number) for number in range(identity.partitions))
        for (_, number), (first, end) in reach.items():
            names = Names(prefix, topic, number)
            control = cast(dict[str, str], redis.hgetall(names.control))
            check_control(names, control, identity, fingerprints)
            yield PartitionStatus(
                names, int(control["applied_offset"]) if "applied_offset" in control else None, first, end
            )


def check_same_log(settings: Settings, source: Reader) -> None:
    """Refuse to compare a state with a log that it was not folded from.

    Raises:
        IncompleteError: it was folded from another log, in another format, or by other definitions.
    """
    with LogClient(settings.kafka) as log:
        for _ in partitions(settings, source.rules, source.redis, log):
            pass


class NotCompared(NamedTuple):
    """Why the state does not say anything that could be compared."""

    why: str


def answer(
    settings: Settings, source: Reader, force: str, query: Query, as_of: datetime | None
) -> tuple[datetime, StateReadings | NotCompared]:
    """What the state says to a question, or why it cannot, and the instant that this is of.

    Args:
        settings: name log and state.
        source: reads the state.
        force: whose figure.
        query: what is asked.
        as_of: the instant; the force's present unless given, and the wall clock where the state does not know that.
    """
    moment = as_of or source.now()
    try:
        check_same_log(settings, source)
        source.refresh()
        moment = as_of or source.present(force)
        return moment, take(source, force, [query], moment)
    except RedisError as error:
        return moment, NotCompared(f"The state server does not answer ({error}).")
    except BlueLampError as error:
        return moment, NotCompared(error.what)
