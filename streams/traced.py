"""The key that holds the span of the last traced batch of a topic, from which the trace of an alert continues."""

LAST_TRACED_SECONDS = 3600
"""How long it is kept: an alert does not follow from a batch of another day."""


def last_traced(state_name: str, topic: str) -> str:
    """The key."""
    return f"{state_name}:traced:{topic}"
