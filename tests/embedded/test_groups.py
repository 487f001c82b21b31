"""One consumer group, member by member; the contract tests show the same to real clients."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import pytest

from bluelamp.embedded.broker.errors import BrokerError, ErrorCode, MemberIdRequiredError
from bluelamp.embedded.broker.groups import Group, GroupState, JoinRequest, JoinResult
from bluelamp.embedded.broker.settings import BrokerSettings

AT_ONCE = BrokerSettings(group_initial_delay_seconds=0.0, session_minimum_seconds=0.01)

Test = Callable[[Group], Coroutine[Any, Any, None]]


def on_event_loop(test: Test) -> Callable[[], None]:
    """Runs a test on an event loop, with a group of its own."""

    @wraps(test)
    def run() -> None:
        async def with_group() -> None:
            group = Group("readers", AT_ONCE, lambda _: None)
            try:
                await asyncio.wait_for(test(group), 20)
            finally:
                group.close()

        asyncio.run(with_group())

    del run.__dict__["__wrapped__"]  # or pytest takes the group for a fixture
    return run


def request(member_id: str = "", instance_id: str | None = None, *protocols: str, **times: float) -> JoinRequest:
    return JoinRequest(
        member_id=member_id,
        instance_id=instance_id,
        client_id="client",
        client_host="/127.0.0.1",
        session_seconds=times.get("session_seconds", 10.0),
        rebalance_seconds=times.get("rebalance_seconds", 10.0),
        protocol_type="consumer",
        protocols=tuple((name, name.encode()) for name in protocols or ("range",)),
        must_name_itself=False,
    )


def briefly(member_id: str = "", instance_id: str | None = None, *protocols: str) -> JoinRequest:
    """A member that allows the others little time to join again."""
    return request(member_id, instance_id, *protocols, rebalance_seconds=0.2)


async def settle(group: Group, *members: JoinResult) -> None:
    """The leader assigns each member its own id, and all members receive theirs."""
    shares = {member.member_id: member.member_id.encode() for member in members}
    leader = next(member for member in members if member.member_id == member.leader_id)
    waiting = [group.sync(one.member_id, None, one.generation, {}) for one in members if one is not leader]
    assert await group.sync(leader.member_id, None, leader.generation, shares) == leader.member_id.encode()
    assert await asyncio.gather(*waiting) == [one.member_id.encode() for one in members if one is not leader]
    assert group.state is GroupState.STABLE


async def join_all(group: Group, *asks: JoinRequest) -> list[JoinResult]:
    """Members that join at the same time; the first may be alone for one generation."""
    answers = [group.join(one) for one in asks]
    first = await answers[0]
    if len(asks) > 1:
        answers[0] = group.join(
            request(first.member_id, asks[0].instance_id, rebalance_seconds=asks[0].rebalance_seconds)
        )
    return list(await asyncio.gather(*answers))


@on_event_loop
async def test_all_members_are_in_one_generation(group: Group) -> None:
    members = await join_all(group, request(), request(), request())
    assert {member.generation for member in members} == {group.generation}
    [leader] = [member for member in members if member.members]
    assert [member_id for member_id, _, _ in leader.members] == [member.member_id for member in members]
    await settle(group, *members)


@on_event_loop
async def test_protocol_that_all_share_and_most_prefer_is_chosen(group: Group) -> None:
    first = group.join(request("", None, "sticky", "range"))
    second = group.join(request("", None, "range", "sticky", "other"))
    again = group.join(request((await first).member_id, None, "range", "sticky"))
    assert (await again).protocol == (await second).protocol == "range"
    with pytest.raises(BrokerError) as refused:
        group.join(request("", None, "other"))
    assert refused.value.code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL


@on_event_loop
async def test_member_that_never_requests_its_assignment_is_dropped(group: Group) -> None:
    silent, lively = await join_all(group, briefly(), briefly())
    assert silent.member_id == lively.leader_id
    with pytest.raises(BrokerError) as rejoin:
        await group.sync(lively.member_id, None, lively.generation, {})
    assert rejoin.value.code == ErrorCode.REBALANCE_IN_PROGRESS
    again = await group.join(request(lively.member_id))
    assert again.leader_id == lively.member_id
    assert list(group.members) == [lively.member_id]


@on_event_loop
async def test_member_that_does_not_join_again_is_dropped_unless_it_is_static(group: Group) -> None:
    dynamic, static, third = await join_all(group, briefly(), briefly("", "worker-1"), briefly())
    await settle(group, dynamic, static, third)
    again = await group.join(briefly(third.member_id, None, "range", "new"))
    assert set(group.members) == {static.member_id, third.member_id}
    assert again.leader_id == third.member_id
    assert (static.member_id, "worker-1", b"range") in again.members


@on_event_loop
async def test_nothing_is_committed_while_a_generation_forms(group: Group) -> None:
    [member] = await join_all(group, request())
    with pytest.raises(BrokerError) as refused:
        group.check_commit(member.member_id, None, member.generation)
    assert refused.value.code == ErrorCode.REBALANCE_IN_PROGRESS
    await settle(group, member)
    group.check_commit(member.member_id, None, member.generation)


@on_event_loop
async def test_member_without_heartbeats_is_dropped(group: Group) -> None:
    [member] = await join_all(group, request(session_seconds=0.05))
    await settle(group, member)
    emptied = asyncio.Event()
    group.on_empty = lambda _: emptied.set()
    group.heartbeat(member.member_id, None, member.generation)
    await emptied.wait()
    assert group.state is GroupState.EMPTY
    assert group.generation == member.generation + 1


@on_event_loop
async def test_waiting_member_does_not_time_out(group: Group) -> None:
    """A member cannot send heartbeats while its request to join is waiting."""
    [first] = await join_all(group, briefly())
    await settle(group, first)
    waiting = group.join(request(session_seconds=0.05))
    answer = await waiting
    assert answer.leader_id == answer.member_id
    assert list(group.members) == [answer.member_id]


@on_event_loop
async def test_new_member_that_must_join_with_its_id_delays_the_generation(group: Group) -> None:
    with pytest.raises(MemberIdRequiredError) as named:
        group.join(
            JoinRequest("", None, "client", "/", 10.0, 10.0, "consumer", (("range", b""),), must_name_itself=True)
        )
    other = group.join(request())
    await asyncio.sleep(0)
    assert not other.done()
    joined = await group.join(request(named.value.member_id))
    assert (await other).generation == joined.generation
