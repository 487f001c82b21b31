"""Versions of a state: each lies under a prefix of its own, and one of them is shown."""

import re

FIRST = 1


def pointer(state_name: str) -> str:
    """The key that holds the number of the version shown; there is none before the first switch."""
    return f"{state_name}:version"


def number_of(stored: str | None) -> int:
    """The number of the version shown, from what its key holds."""
    return int(stored) if stored else FIRST


def prefix_of(state_name: str, number: int) -> str:
    """The prefix of a version's keys; the first has the name of the state alone."""
    return state_name if number == FIRST else f"{state_name}:v{number}"


def pattern_of(state_name: str, number: int) -> str:
    """What the names of the keys of a version's partitions match, and those of no other version and nothing else."""
    return re.sub(r"([\\*?\[\]])", r"\\\1", prefix_of(state_name, number)) + ":{*"
