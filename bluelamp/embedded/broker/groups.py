"""One consumer group of the classic protocol: its members, and how they agree on assignments.

    EMPTY ──join──> PREPARING ──all have joined, or a timeout──> FORMING
      ^                 ^  ^                                        │ the leader sends assignments
      └──last leaves────┘  └──join, leave, timeout─── STABLE <──────┘

Timers use the event loop's monotonic clock. Everything is in memory: after a restart of the broker the members join again.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from bluelamp.embedded.broker.errors import BrokerError, ErrorCode, MemberIdRequiredError
from bluelamp.embedded.broker.settings import BrokerSettings

Answer = TypeVar("Answer")


class GroupState(StrEnum):
    """The state of a group, with the names of Kafka's protocol."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    FORMING = "CompletingRebalance"
    STABLE = "Stable"


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """A member's request to join; `protocols` are (name, metadata), the preferred one first."""

    member_id: str
    instance_id: str | None
    client_id: str
    client_host: str
    session_seconds: float
    rebalance_seconds: float
    protocol_type: str
    protocols: tuple[tuple[str, bytes], ...]
    must_name_itself: bool


@dataclass(frozen=True, slots=True)
class JoinResult:
    """The generation that a member has joined; only the leader receives `members`, as (id, instance id, metadata)."""

    generation: int
    protocol: str
    leader_id: str
    member_id: str
    members: list[tuple[str, str | None, bytes]]


@dataclass(slots=True, eq=False)
class Member:
    """One member, and the responses that it is waiting for."""

    member_id: str
    request: JoinRequest
    assignment: bytes = b""
    joining: asyncio.Future[JoinResult] | None = None
    syncing: asyncio.Future[bytes] | None = None
    session_timer: asyncio.TimerHandle | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it is waiting for a response, so that it sends no heartbeats."""
        return self.joining is not None or self.syncing is not None

    def metadata_for(self, protocol: str) -> bytes:
        """Its metadata for this protocol."""
        return dict(self.request.protocols).get(protocol, b"")


@dataclass(slots=True)
class Group:
    """One group; every method runs on the event loop and raises BrokerError if it refuses."""

    name: str
    settings: BrokerSettings
    on_empty: Callable[["Group"], None]
    state: GroupState = GroupState.EMPTY
    generation: int = 0
    protocol: str = ""
    protocol_type: str = ""
    leader_id: str = ""
    members: dict[str, Member] = field(default_factory=dict)
    _instances: dict[str, str] = field(default_factory=dict)  # instance id to member id
    _named: dict[str, asyncio.TimerHandle] = field(default_factory=dict)  # member ids assigned but not yet used
    _timer: asyncio.TimerHandle | None = None  # ends the present state
    _is_gathering: bool = False  # a new group waits briefly for more members

    def join(self, request: JoinRequest) -> asyncio.Future[JoinResult]:
        """Join, or join again; the future completes when the next generation is formed."""
        self._check_request(request)
        member, stays = self._find_or_admit(request)
        if stays:
            self._touch(member)
            return _done(self._result_for(member))
        member.request = request
        if member.joining is None:
            member.joining = asyncio.get_running_loop().create_future()
        joining = member.joining
        self._begin_rebalance()
        self._form_if_all_joined()
        return joining

    def sync(
        self, member_id: str, instance_id: str | None, generation: int, assignments: dict[str, bytes]
    ) -> asyncio.Future[bytes]:
        """Wait for an assignment; the leader sends those of all members, which completes the future."""
        member = self.check_member(member_id, instance_id, generation)
        if self.state is GroupState.PREPARING:
            raise BrokerError(ErrorCode.REBALANCE_IN_PROGRESS)
        self._touch(member)
        if self.state is GroupState.STABLE:
            return _done(member.assignment)
        if member.syncing is None:
            member.syncing = asyncio.get_running_loop().create_future()
        syncing = member.syncing
        if member_id == self.leader_id:
            self._settle(assignments)
        return syncing

    def heartbeat(self, member_id: str, instance_id: str | None, generation: int) -> None:
        """Record a heartbeat; REBALANCE_IN_PROGRESS makes the member join again."""
        self._touch(self.check_member(member_id, instance_id, generation))
        if self.state is GroupState.PREPARING:
            raise BrokerError(ErrorCode.REBALANCE_IN_PROGRESS)

    def leave(self, member_id: str, instance_id: str | None) -> None:
        """Remove a member at once; a static member may be named by its instance id alone."""
        if not member_id and instance_id in self._instances:
            member_id = self._instances[instance_id]
        if member_id in self._named:
            self._forget_named(member_id)
            return
        self._remove(self._member(member_id, instance_id))
        self._after_removal()

    def check_commit(self, member_id: str, instance_id: str | None, generation: int) -> None:
        """Check that this member may commit offsets now; anybody may while the group is empty."""
        if generation < 0 and not member_id:
            if self.state is not GroupState.EMPTY:
                raise BrokerError(ErrorCode.UNKNOWN_MEMBER_ID, "only members of the group may commit")
            return
        member = self.check_member(member_id, instance_id, generation)
        if self.state is GroupState.FORMING:
            raise BrokerError(ErrorCode.REBALANCE_IN_PROGRESS)
        self._touch(member)

    def check_member(self, member_id: str, instance_id: str | None, generation: int) -> Member:
        """The member, if it is in this generation."""
        member = self._member(member_id, instance_id)
        if generation != self.generation:
            reason = f"generation {generation} is over; the present one is {self.generation}"
            raise BrokerError(ErrorCode.ILLEGAL_GENERATION, reason)
        return member

    @property
    def is_unused(self) -> bool:
        """Whether it has no members and nobody is about to join."""
        return self.state is GroupState.EMPTY and not self._named

    def close(self) -> None:
        """Stop all timers."""
        for member in self.members.values():
            _cancel(member.session_timer)
        for timer in (*self._named.values(), self._timer):
            _cancel(timer)

    # Joining

    def _check_request(self, request: JoinRequest) -> None:
        shortest, longest = self.settings.session_minimum_seconds, self.settings.session_maximum_seconds
        if not shortest <= request.session_seconds <= longest:
            reason = f"the session timeout must be {shortest} to {longest} s, not {request.session_seconds}"
            raise BrokerError(ErrorCode.INVALID_SESSION_TIMEOUT, reason)
        others = [member for key, member in self.members.items() if key != request.member_id]
        shared = set.intersection(*(_names(one.request) for one in others)) if others else _names(request)
        if not request.protocol_type or not _names(request) & shared:
            raise BrokerError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, "the members have no assignor in common")
        if others and request.protocol_type != self.protocol_type:
            raise BrokerError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, f"this group is of type {self.protocol_type}")

    def _find_or_admit(self, request: JoinRequest) -> tuple[Member, bool]:
        """The member that wants to join, and whether it can stay in the present generation without a rebalance."""
        if not request.member_id:
            return self._admit_newcomer(request)
        if request.member_id in self._named:
            self._named.pop(request.member_id).cancel()
            return self._admit(request, request.member_id), False
        member = self._member(request.member_id, request.instance_id)
        is_same = request.protocols == member.request.protocols
        follows = self.state is GroupState.STABLE and member.member_id != self.leader_id
        return member, is_same and (follows or self.state is GroupState.FORMING)

    def _admit_newcomer(self, request: JoinRequest) -> tuple[Member, bool]:
        if len(self.members) + len(self._named) >= self.settings.group_members:
            limit = f"the limit of {self.settings.group_members} members is reached; raise it in the settings"
            raise BrokerError(ErrorCode.GROUP_MAX_SIZE_REACHED, limit)
        if request.instance_id in self._instances:
            return self._replace_instance(request)
        member_id = _new_member_id(request)
        if request.must_name_itself and request.instance_id is None:
            forget = asyncio.get_running_loop().call_later(request.session_seconds, self._forget_named, member_id)
            self._named[member_id] = forget
            raise MemberIdRequiredError(member_id)
        return self._admit(request, member_id), False

    def _admit(self, request: JoinRequest, member_id: str) -> Member:
        self.protocol_type = request.protocol_type
        member = self.members[member_id] = Member(member_id, request)
        if request.instance_id is not None:
            self._instances[request.instance_id] = member_id
        self._touch(member)
        return member

    def _replace_instance(self, request: JoinRequest) -> tuple[Member, bool]:
        """Replace a static member that comes back: the new one keeps its assignment, and the old one is fenced off."""
        earlier = self.members[self._instances[request.instance_id or ""]]
        was_leader = earlier.member_id == self.leader_id
        self._remove(earlier, ErrorCode.FENCED_INSTANCE_ID)
        member = self._admit(request, _new_member_id(request))
        member.assignment = earlier.assignment
        if was_leader:
            self.leader_id = member.member_id
        return member, self.state is GroupState.STABLE and request.protocols == earlier.request.protocols

    def _forget_named(self, member_id: str) -> None:
        self._named.pop(member_id).cancel()
        if self.state is GroupState.EMPTY:
            self.on_empty(self)
        self._form_if_all_joined()

    # Rebalancing

    def _begin_rebalance(self) -> None:
        if self.state is GroupState.PREPARING:
            return
        self._is_gathering = self.state is GroupState.EMPTY and self.settings.group_initial_delay_seconds > 0
        self.state = GroupState.PREPARING
        for member in self.members.values():
            _fail(member.syncing, ErrorCode.REBALANCE_IN_PROGRESS)
            member.syncing = None
        if self._is_gathering:
            self._end_state_after(self.settings.group_initial_delay_seconds, self._gathered)
        else:
            self._end_state_after(self._slowest_rebalance_seconds(), self._form)

    def _gathered(self) -> None:
        self._is_gathering = False
        self._end_state_after(self._slowest_rebalance_seconds(), self._form)
        self._form_if_all_joined()

    def _form_if_all_joined(self) -> None:
        if self.state is not GroupState.PREPARING or self._is_gathering or self._named:
            return
        if all(member.joining for member in self.members.values()):
            self._form()

    def _form(self) -> None:
        """Form the next generation from the members that have joined; static members that have not stay in the group."""
        joined = [member for member in self.members.values() if member.joining]
        for member in [one for one in self.members.values() if not one.joining]:
            if not joined or member.request.instance_id is None:
                self._remove(member)
        self.generation += 1
        if not self.members:
            self._become_empty()
            return
        self.protocol = self._choose_protocol()
        if self.leader_id not in self.members or not self.members[self.leader_id].joining:
            self.leader_id = joined[0].member_id
        self.state = GroupState.FORMING
        self._end_state_after(self._slowest_rebalance_seconds(), self._drop_unsynced)
        for member in joined:
            joining, member.joining, member.assignment = member.joining, None, b""
            _resolve(joining, self._result_for(member))
            self._touch(member)

    def _become_empty(self) -> None:
        self.state, self.protocol, self.leader_id = GroupState.EMPTY, "", ""
        _cancel(self._timer)
        self.on_empty(self)

    def _choose_protocol(self) -> str:
        shared = set.intersection(*(_names(member.request) for member in self.members.values()))
        votes = Counter(
            next(name for name, _ in member.request.protocols if name in shared) for member in self.members.values()
        )
        return votes.most_common(1)[0][0]

    def _result_for(self, member: Member) -> JoinResult:
        members_sent = self.members.values() if member.member_id == self.leader_id else ()
        members = [(one.member_id, one.request.instance_id, one.metadata_for(self.protocol)) for one in members_sent]
        return JoinResult(self.generation, self.protocol, self.leader_id, member.member_id, members)

    def _settle(self, assignments: dict[str, bytes]) -> None:
        self.state = GroupState.STABLE
        _cancel(self._timer)
        for member in self.members.values():
            member.assignment = assignments.get(member.member_id, b"")
            syncing, member.syncing = member.syncing, None
            _resolve(syncing, member.assignment)
            self._touch(member)

    def _drop_unsynced(self) -> None:
        """Remove members that joined the generation but never requested their assignment."""
        for member in [one for one in self.members.values() if one.syncing is None]:
            self._remove(member)
        self._after_removal()

    # Members leaving

    def _remove(self, member: Member, code: ErrorCode = ErrorCode.UNKNOWN_MEMBER_ID) -> None:
        del self.members[member.member_id]
        self._instances.pop(member.request.instance_id or "", None)
        _cancel(member.session_timer)
        _fail(member.joining, code)
        _fail(member.syncing, code)

    def _after_removal(self) -> None:
        if self.state is not GroupState.EMPTY:
            self._begin_rebalance()
        self._form_if_all_joined()

    def _member(self, member_id: str, instance_id: str | None) -> Member:
        if instance_id is not None and self._instances.get(instance_id, member_id) != member_id:
            raise BrokerError(ErrorCode.FENCED_INSTANCE_ID, f"{instance_id} now belongs to a later member")
        member = self.members.get(member_id)
        if member is None:
            raise BrokerError(ErrorCode.UNKNOWN_MEMBER_ID, f"{member_id!r} is not in the group {self.name}")
        return member

    def _touch(self, member: Member) -> None:
        _cancel(member.session_timer)
        loop = asyncio.get_running_loop()
        member.session_timer = loop.call_later(member.request.session_seconds, self._end_session, member)

    def _end_session(self, member: Member) -> None:
        if member.is_waiting:
            self._touch(member)
        elif self.members.get(member.member_id) is member:
            self._remove(member)
            self._after_removal()

    # Timers

    def _slowest_rebalance_seconds(self) -> float:
        return max((member.request.rebalance_seconds for member in self.members.values()), default=0.0)

    def _end_state_after(self, seconds: float, then: Callable[[], None]) -> None:
        _cancel(self._timer)
        self._timer = asyncio.get_running_loop().call_later(seconds, then)


def _names(request: JoinRequest) -> set[str]:
    return {name for name, _ in request.protocols}


def _new_member_id(request: JoinRequest) -> str:
    return f"{request.instance_id or request.client_id or 'member'}-{uuid.uuid4()}"


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def _done(answer: Answer) -> asyncio.Future[Answer]:
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    future.set_result(answer)
    return future


def _resolve(future: asyncio.Future[Answer] | None, answer: Answer) -> None:
    if future is not None and not future.done():  # it is done already if its connection was closed
        future.set_result(answer)


def _fail(future: asyncio.Future[Answer] | None, code: ErrorCode) -> None:
    if future is not None and not future.done():
        future.set_exception(BrokerError(code))
