"""The broker's consumer groups: members in memory, committed offsets on disk."""

from collections.abc import Iterable

from bluelamp.embedded.broker.errors import BrokerError, ErrorCode
from bluelamp.embedded.broker.groups import Group, JoinRequest, JoinResult
from bluelamp.embedded.broker.offsets import Committed, CommittedOffsets, Place
from bluelamp.embedded.broker.settings import BrokerSettings

_LONGEST_NAME = 255
_LONGEST_METADATA = 4096


class Coordinator:
    """Finds groups by name; methods raise BrokerError if they refuse."""

    def __init__(self, settings: BrokerSettings, offsets: CommittedOffsets) -> None:
        self.offsets = offsets
        self._settings = settings
        self._groups: dict[str, Group] = {}

    async def join(self, name: str | None, request: JoinRequest) -> JoinResult:
        """Join a group, created if it is new; returns when its next generation is formed."""
        group = self._group_to_join(name)
        try:
            return await group.join(request)
        except BrokerError:
            self._drop_if_unused(group)
            raise

    def group(self, name: str | None) -> Group:
        """A group that has or had members; UNKNOWN_MEMBER_ID if there is none."""
        group = self._groups.get(name or "")
        if group is None:
            raise BrokerError(ErrorCode.UNKNOWN_MEMBER_ID, f"the group {name} has no members")
        return group

    def find(self, name: str) -> Group | None:
        """The group if it has or had members, for a description."""
        return self._groups.get(name)

    def names(self) -> list[str]:
        """Every group that has members or committed offsets."""
        return sorted(self._groups.keys() | self.offsets.groups())

    def check_commit(self, name: str | None, member_id: str, instance_id: str | None, generation: int) -> None:
        """Check that this member may commit offsets in this group; anybody may while it is empty."""
        if not name or len(name) > _LONGEST_NAME:
            raise BrokerError(ErrorCode.INVALID_GROUP_ID, f"a group's name must have 1 to {_LONGEST_NAME} characters")
        group = self._groups.get(name)
        if group is not None:
            group.check_commit(member_id, instance_id, generation)
        elif generation >= 0:
            raise BrokerError(ErrorCode.ILLEGAL_GENERATION, f"the group {name} has no generation {generation}")
        elif len(self.offsets.groups() | {name}) > self._settings.groups:
            raise BrokerError(ErrorCode.INVALID_GROUP_ID, f"the limit of {self._settings.groups} groups is reached")

    def commit(self, commits: dict[Place, Committed]) -> None:
        """Store committed offsets; if the disk is full, COORDINATOR_NOT_AVAILABLE makes clients retry."""
        try:
            self.offsets.commit(commits)
        except OSError as error:
            raise BrokerError(ErrorCode.COORDINATOR_NOT_AVAILABLE, str(error)) from error

    def forget_topics(self, topics: Iterable[str]) -> None:
        """Delete the committed offsets of deleted topics, so that a new topic of the same name starts without any."""
        try:
            for topic in topics:
                self.offsets.forget(topic)
        except OSError as error:
            raise BrokerError(ErrorCode.COORDINATOR_NOT_AVAILABLE, str(error)) from error

    def close(self) -> None:
        """Stop all timers and close the file."""
        for group in self._groups.values():
            group.close()
        self.offsets.close()

    def _group_to_join(self, name: str | None) -> Group:
        if not name or len(name) > _LONGEST_NAME:
            raise BrokerError(ErrorCode.INVALID_GROUP_ID, f"a group's name must have 1 to {_LONGEST_NAME} characters")
        if name not in self._groups:
            if len(self._groups) >= self._settings.groups:
                limit = f"the limit of {self._settings.groups} groups is reached; raise it in the settings"
                raise BrokerError(ErrorCode.INVALID_GROUP_ID, limit)
            self._groups[name] = Group(name, self._settings, self._drop_if_unused)
        return self._groups[name]

    def _drop_if_unused(self, group: Group) -> None:
        if group.is_unused and not self.offsets.of_group(group.name):
            self._groups.pop(group.name, None)


def check_metadata(metadata: str | None) -> str:
    """A consumer's metadata for an offset, "" for none; OFFSET_METADATA_TOO_LARGE above 4096 characters."""
    if metadata is not None and len(metadata) > _LONGEST_METADATA:
        raise BrokerError(ErrorCode.OFFSET_METADATA_TOO_LARGE, f"{len(metadata)} characters of metadata")
    return metadata or ""
