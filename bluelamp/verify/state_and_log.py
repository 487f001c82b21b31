"""Whether a state and a log belong together, and the readings of a state that belongs to its log."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple, cast

from redis import Redis
from redis.exceptions import RedisError

from bluelamp.verify.compare import Query, StateReadings, read_state
from bluelamp.wiring.settings import Settings
from facts.errors import BlueLampError
from facts.union import TOPICS
from measures.rules import Rules
from producers.kafka_probe import check_reachable
from streams.keys import Names
from streams.log import LogClient
from streams.readings import Reader
from streams.store import check_control
from streams.version import number_of, pointer, prefix_of


class PartitionStatus(NamedTuple):
    """A partition of the log and its applied offset.

    Attributes:
        names: the names of its keys in the state.
        applied: the applied offset; None where the state has nothing of the partition.
        first: the first offset in the log.
        end: the offset after the last.
    """

    names: Names
    applied: int | None
    first: int
    end: int

    def place(self) -> tuple[str, int]:
        """Its topic and number."""
        return self.names.topic, self.names.partition


def partitions(
    settings: Settings, rules: Mapping[str, Rules], redis: Redis, log: LogClient
) -> Iterator[PartitionStatus]:
    """Every partition of the log, each checked as it is yielded.

    Raises:
        IncompleteError: the state was built from another log, in another format, or with other definitions.
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
    """Refuse to compare a state with a log that it was not built from.

    Raises:
        IncompleteError: the state was built from another log, in another format, or with other definitions.
    """
    check_reachable(settings.log())
    with LogClient(settings.log()) as log:
        for _ in partitions(settings, source.rules, source.redis, log):
            pass


class NotCompared(NamedTuple):
    """Why there are no readings of the state to compare with."""

    why: str


def read_or_reason(
    settings: Settings, source: Reader, force: str, query: Query, as_of: datetime | None
) -> tuple[datetime, StateReadings | NotCompared]:
    """The readings of a query, or why there are none, with the time that they are for.

    Args:
        settings: these name the log and the state.
        source: reads the state.
        force: the force.
        query: the query.
        as_of: the time of the readings; None for the force's present, or the wall clock if the state cannot be read.
    """
    moment = as_of or source.now()
    try:
        check_same_log(settings, source)
        source.refresh()
        moment = as_of or source.present(force)
        return moment, read_state(source, force, [query], moment)
    except RedisError as error:
        return moment, NotCompared(f"The state server does not answer ({error}).")
    except BlueLampError as error:
        return moment, NotCompared(error.what)
