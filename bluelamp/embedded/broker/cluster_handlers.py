"""Handles requests about the cluster: supported versions, the broker and its topics."""

import logging
import uuid
from typing import Any

from kafka.protocol.admin import DescribeClusterResponse
from kafka.protocol.metadata import ApiVersionsResponse, FindCoordinatorResponse, MetadataResponse

from bluelamp.embedded.broker.batch import LEADER_EPOCH
from bluelamp.embedded.broker.catalog import Topic
from bluelamp.embedded.broker.errors import NO_TRANSACTIONS, NO_TRANSACTIONS_CODE, BrokerError, ErrorCode
from bluelamp.embedded.broker.node import NODE_ID, Caller, Node

log = logging.getLogger(__name__)

_GROUP_COORDINATOR = 0

_Topic = MetadataResponse.MetadataResponseTopic
_Partition = _Topic.MetadataResponsePartition


def api_versions(spans: dict[int, tuple[int, int]], error: ErrorCode = ErrorCode.NONE) -> Any:
    """The supported requests: their oldest and newest version, by key."""
    keys = [
        ApiVersionsResponse.ApiVersion(api_key=key, min_version=oldest, max_version=newest)
        for key, (oldest, newest) in spans.items()
    ]
    return ApiVersionsResponse(error_code=error, api_keys=keys)


async def metadata(node: Node, request: Any, caller: Caller) -> Any:
    """The broker, and the requested topics or all topics."""
    wants_all = request.topics is None or (caller.version == 0 and not request.topics)
    may_create = node.settings.auto_create_topics and request.allow_auto_topic_creation
    if wants_all:
        topics = [_describe(topic) for topic in node.catalog.topics.values()]
    else:
        topics = [
            _find(node, requested.name, requested.topic_id, may_create=may_create) for requested in request.topics
        ]
    broker = MetadataResponse.MetadataResponseBroker(node_id=NODE_ID, host=node.host, port=node.port)
    return MetadataResponse(brokers=[broker], cluster_id=node.catalog.cluster_id, controller_id=NODE_ID, topics=topics)


async def describe_cluster(node: Node, _request: Any, _caller: Caller) -> Any:
    """The cluster's id and its only broker."""
    broker = DescribeClusterResponse.DescribeClusterBroker(broker_id=NODE_ID, host=node.host, port=node.port)
    return DescribeClusterResponse(
        cluster_id=node.catalog.cluster_id, controller_id=NODE_ID, brokers=[broker], error_message=None
    )


async def find_coordinator(node: Node, request: Any, caller: Caller) -> Any:
    """The coordinator, which is this broker for every group; transactions are refused."""
    if request.key_type != _GROUP_COORDINATOR:
        log.warning("Refused the producer %s of %s: %s", request.key, caller.host, NO_TRANSACTIONS)
        return FindCoordinatorResponse(
            error_code=NO_TRANSACTIONS_CODE, error_message=NO_TRANSACTIONS, node_id=-1, host="", port=-1
        )
    return FindCoordinatorResponse(node_id=NODE_ID, host=node.host, port=node.port, error_code=0, error_message=None)


def _find(node: Node, name: str | None, topic_id: uuid.UUID | None, *, may_create: bool) -> Any:
    if topic_id is not None:
        by_id = (topic for topic in node.catalog.topics.values() if topic.topic_id == topic_id)
        found = next(by_id, None)
        return _missing(name, topic_id, ErrorCode.UNKNOWN_TOPIC_ID) if found is None else _describe(found)
    try:
        if may_create and name not in node.catalog.topics:
            node.catalog.create(name or "", node.settings.default_partitions, {})
        return _describe(node.catalog.topic(name))
    except BrokerError as error:
        return _missing(name, None, error.code)


def _missing(name: str | None, topic_id: uuid.UUID | None, code: ErrorCode) -> Any:
    return _Topic(error_code=code, name=name or "", topic_id=topic_id, partitions=[])


def _describe(topic: Topic) -> Any:
    partitions = [
        _Partition(
            error_code=0,
            partition_index=index,
            leader_id=NODE_ID,
            leader_epoch=LEADER_EPOCH,
            replica_nodes=[NODE_ID],
            isr_nodes=[NODE_ID],
            offline_replicas=[],
        )
        for index in range(len(topic.partitions))
    ]
    return _Topic(error_code=0, name=topic.name, topic_id=topic.topic_id, partitions=partitions)
