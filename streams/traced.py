"""The key that holds the span of the last traced batch of a topic, from which the trace of an alert continues."""

LAST_TRACED_SECONDS = 3600
"""How long the key is kept: a batch of another day has nothing to do with an alert."""


def last_traced(state_name: str, topic: str) -> str:
    """The key of a topic in this state."""
    return f"{state_name}:traced:{topic}"
