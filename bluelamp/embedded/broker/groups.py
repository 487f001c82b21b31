"""One consumer group of the classic protocol: who is in it, and how it agrees on who reads what.

    EMPTY ──join──> PREPARING ──all have joined, or their time is up──> FORMING
      ^                 ^  ^                                               │ the leader sends assignments
      └──last leaves────┘  └──join, leave, silence─── STABLE <─────────────┘

Times come from the event loop's monotonic clock. All of it is in memory: after a restart of the
broker the members join again.
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


class State(StrEnum):
    """Where a group stands, in the words of Kafka's protocol."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    FORMING = "CompletingRebalance"
    STABLE = "Stable"


@dataclass(frozen=True, slots=True)
class JoinAsk:
    """What a member says when it joins; `protocols` are (name, metadata) in the order it prefers them."""

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
class JoinAnswer:
    """The generation a member is in; only the leader is told the `members` as (id, instance id, metadata)."""

    generation: int
    protocol: str
    leader_id: str
    member_id: str
    members: list[tuple[str, str | None, bytes]]


@dataclass(slots=True, eq=False)
class Member:
    """One member, and the answers it is waiting for."""

    member_id: str
    ask: JoinAsk
    assignment: bytes = b""
    joining: asyncio.Future[JoinAnswer] | None = None
    syncing: asyncio.Future[bytes] | None = None
    session_timer: asyncio.TimerHandle | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for us, so that its silence means nothing."""
        return self.joining is not None or self.syncing is not None

    def metadata_for(self, protocol: str) -> bytes:
        """What it said about itself under this protocol."""
        return dict(self.ask.protocols).get(protocol, b"")


@dataclass(slots=True)
class Group:
    """One group. Every method runs on the event loop and raises BrokerError where it refuses."""

    name: str
    settings: BrokerSettings
    on_empty: Callable[["Group"], None]
    state: State = State.EMPTY
    generation: int = 0
    protocol: str = ""
    protocol_type: str = ""
    leader_id: str = ""
    members: dict[str, Member] = field(default_factory=dict)
    _instances: dict[str, str] = field(default_factory=dict)  # instance id to member id
    _named: dict[str, asyncio.TimerHandle] = field(default_factory=dict)  # ids given out, not yet used
    _timer: asyncio.TimerHandle | None = None  # ends the present state
    _is_gathering: bool = False  # the first generation waits a moment for more members

    def join(self, ask: JoinAsk) -> asyncio.Future[JoinAnswer]:
        """Join, or join again; the future is done when the next generation is formed."""
        self._check_ask(ask)
        member, stays = self._find_or_admit(ask)
        if stays:
            self._touch(member)
            return _done(self._answer_to(member))
        member.ask = ask
        if member.joining is None:
            member.joining = asyncio.get_running_loop().create_future()
        joining = member.joining
        self._begin_rebalance()
        self._form_if_all_joined()
        return joining

    def sync(
        self, member_id: str, instance_id: str | None, generation: int, assignments: dict[str, bytes]
    ) -> asyncio.Future[bytes]:
        """Ask for one's assignment; the leader brings everyone's. Done when the leader has."""
        member = self.check_member(member_id, instance_id, generation)
        if self.state is State.PREPARING:
            raise BrokerError(ErrorCode.REBALANCE_IN_PROGRESS)
        self._touch(member)
        if self.state is State.STABLE:
            return _done(member.assignment)
        if member.syncing is None:
            member.syncing = asyncio.get_running_loop().create_future()
        syncing = member.syncing
        if member_id == self.leader_id:
            self._settle(assignments)
        return syncing

    def heartbeat(self, member_id: str, instance_id: str | None, generation: int) -> None:
        """A sign of life; REBALANCE_IN_PROGRESS tells the member to join again."""
        self._touch(self.check_member(member_id, instance_id, generation))
        if self.state is State.PREPARING:
            raise BrokerError(ErrorCode.REBALANCE_IN_PROGRESS)

    def leave(self, member_id: str, instance_id: str | None) -> None:
        """Leave at once; a static member may be named by its instance id alone."""
        if not member_id and instance_id in self._instances:
            member_id = self._instances[instance_id]
        if member_id in self._named:
            self._forget_named(member_id)
            return
        self._remove(self._member(member_id, instance_id))
        self._after_removal()

    def check_commit(self, member_id: str, instance_id: str | None, generation: int) -> None:
        """Whether this member, or anybody while the group is empty, may commit offsets now."""
        if generation < 0 and not member_id:
            if self.state is not State.EMPTY:
                raise BrokerError(ErrorCode.UNKNOWN_MEMBER_ID, "the group has members; only they may commit")
            return
        member = self.check_member(member_id, instance_id, generation)
        if self.state is State.FORMING:
            raise BrokerError(ErrorCode.REBALANCE_IN_PROGRESS)
        self._touch(member)

    def check_member(self, member_id: str, instance_id: str | None, generation: int) -> Member:
        """The member if it is one, in this generation."""
        member = self._member(member_id, instance_id)
        if generation != self.generation:
            reason = f"generation {generation} is past; now {self.generation}"
            raise BrokerError(ErrorCode.ILLEGAL_GENERATION, reason)
        return member

    @property
    def is_unused(self) -> bool:
        """Whether nobody is in it or about to be."""
        return self.state is State.EMPTY and not self._named

    def close(self) -> None:
        """Stop all timers."""
        for member in self.members.values():
            _cancel(member.session_timer)
        for timer in (*self._named.values(), self._timer):
            _cancel(timer)

    # Joining

    def _check_ask(self, ask: JoinAsk) -> None:
        shortest, longest = self.settings.session_minimum_seconds, self.settings.session_maximum_seconds
        if not shortest <= ask.session_seconds <= longest:
            reason = f"a session timeout is {shortest} to {longest} s, not {ask.session_seconds}"
            raise BrokerError(ErrorCode.INVALID_SESSION_TIMEOUT, reason)
        others = [member for key, member in self.members.items() if key != ask.member_id]
        shared = set.intersection(*(_names(one.ask) for one in others)) if others else _names(ask)
        if not ask.protocol_type or not _names(ask) & shared:
            raise BrokerError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, "no assignor is shared by all members")
        if others and ask.protocol_type != self.protocol_type:
            raise BrokerError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL, f"this group is of type {self.protocol_type}")

    def _find_or_admit(self, ask: JoinAsk) -> tuple[Member, bool]:
        """The member that asks, and whether it may stay in the present generation without a rebalance."""
        if not ask.member_id:
            return self._admit_newcomer(ask)
        if ask.member_id in self._named:
            self._named.pop(ask.member_id).cancel()
            return self._admit(ask, ask.member_id), False
        member = self._member(ask.member_id, ask.instance_id)
        says_the_same = ask.protocols == member.ask.protocols
        follows = self.state is State.STABLE and member.member_id != self.leader_id
        return member, says_the_same and (follows or self.state is State.FORMING)

    def _admit_newcomer(self, ask: JoinAsk) -> tuple[Member, bool]:
        if len(self.members) + len(self._named) >= self.settings.group_members:
            limit = f"the limit of {self.settings.group_members} members is reached; raise it in the settings"
            raise BrokerError(ErrorCode.GROUP_MAX_SIZE_REACHED, limit)
        if ask.instance_id in self._instances:
            return self._replace_instance(ask)
        member_id = _new_member_id(ask)
        if ask.must_name_itself and ask.instance_id is None:
            forget = asyncio.get_running_loop().call_later(ask.session_seconds, self._forget_named, member_id)
            self._named[member_id] = forget
            raise MemberIdRequiredError(member_id)
        return self._admit(ask, member_id), False

    def _admit(self, ask: JoinAsk, member_id: str) -> Member:
        self.protocol_type = ask.protocol_type
        member = self.members[member_id] = Member(member_id, ask)
        if ask.instance_id is not None:
            self._instances[ask.instance_id] = member_id
        self._touch(member)
        return member

    def _replace_instance(self, ask: JoinAsk) -> tuple[Member, bool]:
        """A static member comes back: its place is kept, and what it was before is refused as stale."""
        earlier = self.members[self._instances[ask.instance_id or ""]]
        was_leader = earlier.member_id == self.leader_id
        self._remove(earlier, ErrorCode.FENCED_INSTANCE_ID)
        member = self._admit(ask, _new_member_id(ask))
        member.assignment = earlier.assignment
        if was_leader:
            self.leader_id = member.member_id
        return member, self.state is State.STABLE and ask.protocols == earlier.ask.protocols

    def _forget_named(self, member_id: str) -> None:
        self._named.pop(member_id).cancel()
        if self.state is State.EMPTY:
            self.on_empty(self)
        self._form_if_all_joined()

    # Rebalancing

    def _begin_rebalance(self) -> None:
        if self.state is State.PREPARING:
            return
        self._is_gathering = self.state is State.EMPTY and self.settings.group_initial_delay_seconds > 0
        self.state = State.PREPARING
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
        if self.state is not State.PREPARING or self._is_gathering or self._named:
            return
        if all(member.joining for member in self.members.values()):
            self._form()

    def _form(self) -> None:
        """Form the next generation of those who have joined; static members who have not keep their place."""
        joined = [member for member in self.members.values() if member.joining]
        for member in [one for one in self.members.values() if not one.joining]:
            if not joined or member.ask.instance_id is None:
                self._remove(member)
        self.generation += 1
        if not self.members:
            self._become_empty()
            return
        self.protocol = self._choose_protocol()
        if self.leader_id not in self.members or not self.members[self.leader_id].joining:
            self.leader_id = joined[0].member_id
        self.state = State.FORMING
        self._end_state_after(self._slowest_rebalance_seconds(), self._drop_unsynced)
        for member in joined:
            joining, member.joining, member.assignment = member.joining, None, b""
            _resolve(joining, self._answer_to(member))
            self._touch(member)

    def _become_empty(self) -> None:
        self.state, self.protocol, self.leader_id = State.EMPTY, "", ""
        _cancel(self._timer)
        self.on_empty(self)

    def _choose_protocol(self) -> str:
        shared = set.intersection(*(_names(member.ask) for member in self.members.values()))
        votes = Counter(
            next(name for name, _ in member.ask.protocols if name in shared) for member in self.members.values()
        )
        return votes.most_common(1)[0][0]

    def _answer_to(self, member: Member) -> JoinAnswer:
        told = self.members.values() if member.member_id == self.leader_id else ()
        members = [(one.member_id, one.ask.instance_id, one.metadata_for(self.protocol)) for one in told]
        return JoinAnswer(self.generation, self.protocol, self.leader_id, member.member_id, members)

    def _settle(self, assignments: dict[str, bytes]) -> None:
        self.state = State.STABLE
        _cancel(self._timer)
        for member in self.members.values():
            member.assignment = assignments.get(member.member_id, b"")
            syncing, member.syncing = member.syncing, None
            _resolve(syncing, member.assignment)
            self._touch(member)

    def _drop_unsynced(self) -> None:
        """Some were told of the generation and never asked for their assignment: go on without them."""
        for member in [one for one in self.members.values() if one.syncing is None]:
            self._remove(member)
        self._after_removal()

    # Members going

    def _remove(self, member: Member, code: ErrorCode = ErrorCode.UNKNOWN_MEMBER_ID) -> None:
        del self.members[member.member_id]
        self._instances.pop(member.ask.instance_id or "", None)
        _cancel(member.session_timer)
        _fail(member.joining, code)
        _fail(member.syncing, code)

    def _after_removal(self) -> None:
        if self.state is not State.EMPTY:
            self._begin_rebalance()
        self._form_if_all_joined()

    def _member(self, member_id: str, instance_id: str | None) -> Member:
        if instance_id is not None and self._instances.get(instance_id, member_id) != member_id:
            raise BrokerError(ErrorCode.FENCED_INSTANCE_ID, f"a later member is {instance_id} now")
        member = self.members.get(member_id)
        if member is None:
            raise BrokerError(ErrorCode.UNKNOWN_MEMBER_ID, f"{member_id!r} is not in the group {self.name}")
        return member

    def _touch(self, member: Member) -> None:
        _cancel(member.session_timer)
        loop = asyncio.get_running_loop()
        member.session_timer = loop.call_later(member.ask.session_seconds, self._end_session, member)

    def _end_session(self, member: Member) -> None:
        if member.is_waiting:
            self._touch(member)
        elif self.members.get(member.member_id) is member:
            self._remove(member)
            self._after_removal()

    # Timers

    def _slowest_rebalance_seconds(self) -> float:
        return max((member.ask.rebalance_seconds for member in self.members.values()), default=0.0)

    def _end_state_after(self, seconds: float, then: Callable[[], None]) -> None:
        _cancel(self._timer)
        self._timer = asyncio.get_running_loop().call_later(seconds, then)


def _names(ask: JoinAsk) -> set[str]:
    return {name for name, _ in ask.protocols}


def _new_member_id(ask: JoinAsk) -> str:
    return f"{ask.instance_id or ask.client_id or 'member'}-{uuid.uuid4()}"


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def _done(answer: Answer) -> asyncio.Future[Answer]:
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    future.set_result(answer)
    return future


def _resolve(future: asyncio.Future[Answer] | None, answer: Answer) -> None:
    if future is not None and not future.done():  # done already if its connection went meanwhile
        future.set_result(answer)


def _fail(future: asyncio.Future[Answer] | None, code: ErrorCode) -> None:
    if future is not None and not future.done():
        future.set_exception(BrokerError(code))
