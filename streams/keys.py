"""The names of a partition's keys in the state server."""


class Names:
    """The names of a partition's keys; the braces keep them in one slot of a Redis Cluster.

    Args:
        prefix: the prefix of the whole state, so that two states can exist side by side.
        topic: the topic of the partition.
        partition: its number.
    """

    def __init__(self, prefix: str, topic: str, partition: int) -> None:
        self.prefix, self.topic, self.partition = prefix, topic, partition
        self.base = f"{prefix}:{{{topic}:{partition}}}:"
        self.control, self.timelines, self.open = self.base + "control", self.base + "timelines", self.base + "open"
        self.feeds, self.changes = self.base + "feeds", self.base + "changes"
        self.absent, self.rewritten = self.base + "absent", self.base + "rewritten"

    def index(self, force: str, grain: str) -> str:
        """The sorted set of the blocks that have a pane."""
        return f"{self.base}index:{force}:{grain}"

    def panes(self, force: str, grain: str) -> str:
        """The beginning of the names of all hashes of a force and grain."""
        return f"{self.base}pane:{force}:{grain}:"

    def panes_of(self, force: str, grain: str, block: int | str, kind: str) -> str:
        """The hash of one kind in a block: counts by labels and value; except for days, the place in the block comes first.

        At rest, it has one compressed text instead.
        """
        return f"{self.panes(force, grain)}{block}:{kind}"

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}"
