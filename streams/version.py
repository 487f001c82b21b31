"""State versions: each has a key prefix of its own, and one of them is current."""

import re

from streams.keys import Names

FIRST = 1


def pointer(state_name: str) -> str:
    """The key that holds the number of the current version; it does not exist before the first switch."""
    return f"{state_name}:version"


def number_of(stored: str | None) -> int:
    """The number of the current version, from the value of its key."""
    return int(stored) if stored else FIRST


def prefix_of(state_name: str, number: int) -> str:
    """The prefix of a version's keys; that of the first is the name of the state alone."""
    return state_name if number == FIRST else f"{state_name}:v{number}"


def pattern_of(state_name: str, number: int) -> str:
    """A glob that matches the keys of a version's partitions and no others."""
    return f"{_literally(prefix_of(state_name, number))}:{{*"


def pattern_of_partition(names: Names) -> str:
    """A glob that matches the keys of a partition and no others."""
    return f"{_literally(names.base)}*"


def _literally(text: str) -> str:
    return re.sub(r"([\\*?\[\]])", r"\\\1", text)
