"""The supported requests, their versions and their handlers.

The newest version is the last before Kafka's "flexible" ones, unless something newer is needed: those versions are simpler to
decode, and every length in them is a plain number.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from kafka.protocol import admin, consumer, metadata, producer

from bluelamp.embedded.broker import cluster_handlers, group_handlers, record_handlers, topic_handlers
from bluelamp.embedded.broker.node import Caller, Node


class Api(NamedTuple):
    """One kind of request: its decoder, the oldest and newest supported version, and its handler."""

    request: Any
    oldest: int
    newest: int
    answer: Callable[[Node, Any, Caller], Awaitable[Any]]


API_VERSIONS_KEY = 18
API_VERSIONS_REQUEST = metadata.ApiVersionsRequest
API_VERSIONS_SPAN = (0, 4)

APIS: dict[int, Api] = {
    api.request.API_KEY: api
    for api in (
        Api(producer.ProduceRequest, 3, 8, record_handlers.produce),
        Api(consumer.FetchRequest, 4, 11, record_handlers.fetch),
        Api(consumer.ListOffsetsRequest, 1, 5, record_handlers.list_offsets),
        Api(metadata.MetadataRequest, 0, 12, cluster_handlers.metadata),
        Api(consumer.OffsetCommitRequest, 2, 7, group_handlers.offset_commit),
        Api(consumer.OffsetFetchRequest, 1, 5, group_handlers.offset_fetch),
        Api(metadata.FindCoordinatorRequest, 0, 2, cluster_handlers.find_coordinator),
        Api(consumer.JoinGroupRequest, 0, 5, group_handlers.join_group),
        Api(consumer.HeartbeatRequest, 0, 3, group_handlers.heartbeat),
        Api(consumer.LeaveGroupRequest, 0, 3, group_handlers.leave_group),
        Api(consumer.SyncGroupRequest, 0, 3, group_handlers.sync_group),
        Api(admin.DescribeGroupsRequest, 0, 4, group_handlers.describe_groups),
        Api(admin.CreateTopicsRequest, 2, 4, topic_handlers.create_topics),
        Api(admin.DeleteTopicsRequest, 1, 3, topic_handlers.delete_topics),
        Api(admin.DeleteRecordsRequest, 0, 1, record_handlers.delete_records),
        Api(producer.InitProducerIdRequest, 0, 1, record_handlers.init_producer_id),
        Api(consumer.OffsetForLeaderEpochRequest, 2, 3, record_handlers.offset_for_leader_epoch),
        Api(admin.DescribeConfigsRequest, 1, 3, topic_handlers.describe_configs),
        Api(admin.AlterConfigsRequest, 0, 1, topic_handlers.alter_configs),
        Api(admin.IncrementalAlterConfigsRequest, 0, 0, topic_handlers.incremental_alter_configs),
        Api(admin.DescribeClusterRequest, 0, 1, cluster_handlers.describe_cluster),
    )
}

VERSION_SPANS: dict[int, tuple[int, int]] = {
    **{key: (api.oldest, api.newest) for key, api in APIS.items()},
    API_VERSIONS_KEY: API_VERSIONS_SPAN,
}
