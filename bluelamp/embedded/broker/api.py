"""Which requests are understood, in which versions, and who answers them.

The versions end before Kafka's "flexible" ones wherever nothing we need came after: those are
simpler to read, and every length in them is a plain number.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from kafka.protocol import admin, consumer, metadata, producer

from bluelamp.embedded.broker import answer_cluster, answer_groups, answer_records, answer_topics
from bluelamp.embedded.broker.node import Caller, Node


class Api(NamedTuple):
    """One kind of request: how it is read, its oldest and newest version here, and who answers it."""

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
        Api(producer.ProduceRequest, 3, 8, answer_records.produce),
        Api(consumer.FetchRequest, 4, 11, answer_records.fetch),
        Api(consumer.ListOffsetsRequest, 1, 5, answer_records.list_offsets),
        Api(metadata.MetadataRequest, 0, 12, answer_cluster.metadata),
        Api(consumer.OffsetCommitRequest, 2, 7, answer_groups.offset_commit),
        Api(consumer.OffsetFetchRequest, 1, 5, answer_groups.offset_fetch),
        Api(metadata.FindCoordinatorRequest, 0, 2, answer_cluster.find_coordinator),
        Api(consumer.JoinGroupRequest, 0, 5, answer_groups.join_group),
        Api(consumer.HeartbeatRequest, 0, 3, answer_groups.heartbeat),
        Api(consumer.LeaveGroupRequest, 0, 3, answer_groups.leave_group),
        Api(consumer.SyncGroupRequest, 0, 3, answer_groups.sync_group),
        Api(admin.DescribeGroupsRequest, 0, 4, answer_groups.describe_groups),
        Api(admin.ListGroupsRequest, 0, 2, answer_groups.list_groups),
        Api(admin.CreateTopicsRequest, 2, 4, answer_topics.create_topics),
        Api(admin.DeleteTopicsRequest, 1, 3, answer_topics.delete_topics),
        Api(admin.DeleteRecordsRequest, 0, 1, answer_records.delete_records),
        Api(producer.InitProducerIdRequest, 0, 1, answer_records.init_producer_id),
        Api(consumer.OffsetForLeaderEpochRequest, 2, 3, answer_records.offset_for_leader_epoch),
        Api(admin.DescribeConfigsRequest, 1, 3, answer_topics.describe_configs),
        Api(admin.AlterConfigsRequest, 0, 1, answer_topics.alter_configs),
        Api(admin.CreatePartitionsRequest, 0, 1, answer_topics.create_partitions),
        Api(admin.DeleteGroupsRequest, 0, 1, answer_groups.delete_groups),
        Api(admin.IncrementalAlterConfigsRequest, 0, 0, answer_topics.incremental_alter_configs),
        Api(admin.DescribeClusterRequest, 0, 1, answer_cluster.describe_cluster),
    )
}

VERSION_SPANS: dict[int, tuple[int, int]] = {
    **{key: (api.oldest, api.newest) for key, api in APIS.items()},
    API_VERSIONS_KEY: API_VERSIONS_SPAN,
}
