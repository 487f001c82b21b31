"""The versions of the state: which one is current, which others there are, and how one is removed."""

from typing import cast

from redis import Redis

from facts.errors import IncompleteError, SettingError
from streams.keys import Names
from streams.version import FIRST, number_of, pattern_of, pattern_of_partition, pointer, prefix_of

_BATCH_KEYS = 500
SET_IF = """
if (redis.call('GET', KEYS[1]) or ARGV[3]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""
"""Names another current version, if the one that is expected is current."""


def current_version(redis: Redis, state_name: str) -> int:
    """The number of the current version."""
    return number_of(cast("str | None", redis.get(pointer(state_name))))


def existing_versions(redis: Redis, state_name: str) -> list[int]:
    """The numbers of all versions."""
    later = (str(key).split(":v")[-1].removesuffix(":topics") for key in redis.scan_iter(f"{state_name}:v*:topics"))
    found = {int(number) for number in later if number.isdigit()}
    return sorted(found | ({FIRST} if redis.exists(f"{state_name}:topics") else set()))


def switch_back(redis: Redis, state_name: str) -> tuple[int, int]:
    """Make the previous version current again; returns the number of the version that was current, and that of the one that is now.

    Workers on it continue at its applied offsets. Workers on the version that was current are refused.

    Raises:
        IncompleteError: there is no earlier version, or another one became current meanwhile.
    """
    current = current_version(redis, state_name)
    earlier = [each for each in existing_versions(redis, state_name) if each < current]
    if not earlier:
        hint = "Build one with the earlier program: `bluelamp rebuild --switch --accept-differences`."
        raise IncompleteError(f"There is no version before version {current}.", where=state_name, hint=hint)
    if not redis.eval(SET_IF, 1, pointer(state_name), str(current), str(earlier[-1]), str(FIRST)):
        raise IncompleteError("Another version became current meanwhile.", where=state_name, hint="Try again.")
    prefix = prefix_of(state_name, current)
    counts = cast(dict[str, str], redis.hgetall(f"{prefix}:topics"))
    for topic, count in counts.items():
        for number in range(int(count)):
            redis.hincrby(Names(prefix, topic, number).control, "epoch", 1)
    return current, earlier[-1]


def remove_version(redis: Redis, state_name: str, number: int) -> int:
    """Remove a version that is not current; returns the number of its keys.

    Raises:
        SettingError: it is current.
    """
    if number == current_version(redis, state_name):
        hint = "Switch to another version first."
        raise SettingError(f"Version {number} is current.", where=state_name, hint=hint)
    return _remove(redis, pattern_of(state_name, number), f"{prefix_of(state_name, number)}:topics")


def remove_partition(redis: Redis, names: Names) -> None:
    """Remove a partition of a version that is not current."""
    _remove(redis, pattern_of_partition(names))


def _remove(redis: Redis, pattern: str, *others: str) -> int:
    """Remove the keys that a pattern matches, and others; returns their number."""
    keys = [*redis.scan_iter(pattern, _BATCH_KEYS), *others]
    for start in range(0, len(keys), _BATCH_KEYS):
        redis.unlink(*keys[start : start + _BATCH_KEYS])
    return len(keys)
