"""Handles requests about consumer groups: membership, heartbeats, committed offsets and descriptions."""

from typing import Any

from kafka.protocol.admin import DescribeGroupsResponse
from kafka.protocol.consumer import (
    HeartbeatResponse,
    JoinGroupResponse,
    LeaveGroupResponse,
    OffsetCommitResponse,
    OffsetFetchResponse,
    SyncGroupResponse,
)

from bluelamp.embedded.broker.coordinator import check_metadata
from bluelamp.embedded.broker.errors import BrokerError, ErrorCode, MemberIdRequiredError
from bluelamp.embedded.broker.groups import Group, JoinRequest, JoinResult, Member
from bluelamp.embedded.broker.node import Caller, Node
from bluelamp.embedded.broker.offsets import Committed, Place

_MEMBERS_NAME_THEMSELVES_FROM = 4  # the version of JoinGroup
_MEMBERS_LEAVE_TOGETHER_FROM = 3  # the version of LeaveGroup

_CommitTopic = OffsetCommitResponse.OffsetCommitResponseTopic
_FetchTopic = OffsetFetchResponse.OffsetFetchResponseTopic
_Described = DescribeGroupsResponse.DescribedGroup


async def join_group(node: Node, request: Any, caller: Caller) -> Any:
    """Join a group; the response is sent when its next generation is formed."""
    try:
        answer = await node.coordinator.join(request.group_id, _join_request(request, caller))
    except MemberIdRequiredError as error:
        return _not_joined(error, error.member_id)
    except BrokerError as error:
        return _not_joined(error, request.member_id)
    return _joined(answer)


def _join_request(request: Any, caller: Caller) -> JoinRequest:
    rebalance_milliseconds = request.rebalance_timeout_ms if request.rebalance_timeout_ms > 0 else None
    return JoinRequest(
        member_id=request.member_id or "",
        instance_id=request.group_instance_id,
        client_id=caller.client_id,
        client_host=caller.host,
        session_seconds=request.session_timeout_ms / 1000,
        rebalance_seconds=(rebalance_milliseconds or request.session_timeout_ms) / 1000,
        protocol_type=request.protocol_type or "",
        protocols=tuple((one.name or "", one.metadata or b"") for one in request.protocols or ()),
        must_name_itself=caller.version >= _MEMBERS_NAME_THEMSELVES_FROM,
    )


def _joined(answer: JoinResult) -> Any:
    members = [
        JoinGroupResponse.JoinGroupResponseMember(member_id=member_id, group_instance_id=instance_id, metadata=metadata)
        for member_id, instance_id, metadata in answer.members
    ]
    return JoinGroupResponse(
        error_code=0,
        generation_id=answer.generation,
        protocol_name=answer.protocol,
        leader=answer.leader_id,
        member_id=answer.member_id,
        members=members,
    )


def _not_joined(error: BrokerError, member_id: str | None) -> Any:
    return JoinGroupResponse(
        error_code=error.code, generation_id=-1, protocol_name="", leader="", member_id=member_id or "", members=[]
    )


async def sync_group(node: Node, request: Any, _caller: Caller) -> Any:
    """Wait for the member's assignment, which the group's leader sends."""
    assignments = {one.member_id: one.assignment or b"" for one in request.assignments or ()}
    try:
        group = node.coordinator.group(request.group_id)
        member_id, generation = request.member_id or "", request.generation_id
        assignment = await group.sync(member_id, request.group_instance_id, generation, assignments)
    except BrokerError as error:
        return SyncGroupResponse(error_code=error.code, assignment=b"")
    return SyncGroupResponse(error_code=0, assignment=assignment)


async def heartbeat(node: Node, request: Any, _caller: Caller) -> Any:
    """The heartbeat of a member."""
    try:
        group = node.coordinator.group(request.group_id)
        group.heartbeat(request.member_id or "", request.group_instance_id, request.generation_id)
    except BrokerError as error:
        return HeartbeatResponse(error_code=error.code)
    return HeartbeatResponse(error_code=0)


async def leave_group(node: Node, request: Any, caller: Caller) -> Any:
    """Remove one or several members from a group."""
    if caller.version < _MEMBERS_LEAVE_TOGETHER_FROM:
        return LeaveGroupResponse(error_code=_leave(node, request.group_id, request.member_id, None))
    members = [
        LeaveGroupResponse.MemberResponse(
            member_id=one.member_id,
            group_instance_id=one.group_instance_id,
            error_code=_leave(node, request.group_id, one.member_id, one.group_instance_id),
        )
        for one in request.members or ()
    ]
    return LeaveGroupResponse(error_code=0, members=members)


def _leave(node: Node, group_id: str, member_id: str | None, instance_id: str | None) -> ErrorCode:
    try:
        node.coordinator.group(group_id).leave(member_id or "", instance_id)
    except BrokerError as error:
        return error.code
    return ErrorCode.NONE


async def offset_commit(node: Node, request: Any, _caller: Caller) -> Any:
    """Commit offsets; each partition has its own result."""
    commits: dict[Place, Committed] = {}
    codes = {
        (topic.name, requested.partition_index): _prepare_commit(node, request.group_id, topic.name, requested, commits)
        for topic in request.topics or ()
        for requested in topic.partitions or ()
    }
    refusal = await _commit(node, request, commits)
    topics = [
        _CommitTopic(
            name=topic.name,
            partitions=[
                _CommitTopic.OffsetCommitResponsePartition(
                    partition_index=requested.partition_index,
                    error_code=refusal or codes[topic.name, requested.partition_index],
                )
                for requested in topic.partitions or ()
            ],
        )
        for topic in request.topics or ()
    ]
    return OffsetCommitResponse(topics=topics)


def _prepare_commit(node: Node, group: str, topic: str, requested: Any, commits: dict[Place, Committed]) -> ErrorCode:
    try:
        node.catalog.partition(topic, requested.partition_index)
        metadata = check_metadata(requested.committed_metadata)
    except BrokerError as error:
        return error.code
    committed = Committed(requested.committed_offset, requested.committed_leader_epoch, metadata)
    commits[Place(group, topic, requested.partition_index)] = committed
    return ErrorCode.NONE


async def _commit(node: Node, request: Any, commits: dict[Place, Committed]) -> ErrorCode:
    member_id, generation = request.member_id or "", request.generation_id_or_member_epoch
    try:
        node.coordinator.check_commit(request.group_id, member_id, request.group_instance_id, generation)
        node.coordinator.commit(commits)
        await node.syncer.settle([node.coordinator.offsets])
    except BrokerError as error:
        return error.code
    return ErrorCode.NONE


async def offset_fetch(node: Node, request: Any, _caller: Caller) -> Any:
    """The group's committed offsets of the requested partitions, or of all; -1 if there is none."""
    group_id = request.group_id or ""
    if request.topics is None:
        requested = _everything(node, group_id)
    else:
        requested = {topic.name: list(topic.partition_indexes or ()) for topic in request.topics}
    topics = [
        _FetchTopic(name=name, partitions=[_committed(node, Place(group_id, name, index)) for index in indexes])
        for name, indexes in requested.items()
    ]
    return OffsetFetchResponse(topics=topics, error_code=0)


def _everything(node: Node, group_id: str) -> dict[str, list[int]]:
    requested: dict[str, list[int]] = {}
    for place in node.coordinator.offsets.of_group(group_id):
        requested.setdefault(place.topic, []).append(place.partition)
    return requested


def _committed(node: Node, place: Place) -> Any:
    committed = node.coordinator.offsets.get(place) or Committed(-1, -1, "")
    return _FetchTopic.OffsetFetchResponsePartition(
        partition_index=place.partition,
        committed_offset=committed.offset,
        committed_leader_epoch=committed.leader_epoch,
        metadata=committed.metadata,
        error_code=0,
    )


async def describe_groups(node: Node, request: Any, _caller: Caller) -> Any:
    """The state and members of groups."""
    known = set(node.coordinator.names())
    groups = [_describe(node.coordinator.find(name), name, name in known) for name in request.groups or ()]
    return DescribeGroupsResponse(groups=groups)


def _describe(group: Group | None, name: str, is_known: bool) -> Any:
    described = _Described(error_code=0, group_id=name, protocol_type="", protocol_data="", members=[])
    described.group_state = "Empty" if is_known else "Dead"
    if group is not None:
        described.group_state, described.protocol_type = group.state.value, group.protocol_type
        described.protocol_data = group.protocol
        described.members = [_describe_member(group, member) for member in group.members.values()]
    return described


def _describe_member(group: Group, member: Member) -> Any:
    return _Described.DescribedGroupMember(
        member_id=member.member_id,
        group_instance_id=member.request.instance_id,
        client_id=member.request.client_id,
        client_host=member.request.client_host,
        member_metadata=member.metadata_for(group.protocol),
        member_assignment=member.assignment,
    )
