"""Handles requests about records: produce, fetch and offset lookups."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka.protocol.admin import DeleteRecordsResponse
from kafka.protocol.consumer import FetchResponse, ListOffsetsResponse, OffsetForLeaderEpochResponse
from kafka.protocol.producer import InitProducerIdResponse, ProduceResponse

from bluelamp.embedded.broker.batch import LEADER_EPOCH
from bluelamp.embedded.broker.errors import (
    NO_TRANSACTIONS,
    NO_TRANSACTIONS_CODE,
    BadRequestError,
    BrokerError,
    ErrorCode,
)
from bluelamp.embedded.broker.node import Caller, Node
from bluelamp.embedded.broker.partition import Partition

_LATEST, _EARLIEST = -1, -2
_LONGEST_WAIT_SECONDS = 60.0
_ACKS = (-1, 0, 1)

_Produced = ProduceResponse.TopicProduceResponse.PartitionProduceResponse
_Fetched = FetchResponse.FetchableTopicResponse.PartitionData
_Listed = ListOffsetsResponse.ListOffsetsTopicResponse.ListOffsetsPartitionResponse
_Ended = OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult.EpochEndOffset
_Deleted = DeleteRecordsResponse.DeleteRecordsTopicResult.DeleteRecordsPartitionResult


async def produce(node: Node, request: Any, _caller: Caller) -> Any:
    """Append each batch; returns None if the producer wants no response."""
    written: dict[Partition, Any] = {}
    responses = []
    for topic in request.topic_data or ():
        answers = [_append(node, request, topic.name, one, written) for one in topic.partition_data or ()]
        responses.append(ProduceResponse.TopicProduceResponse(name=topic.name, partition_responses=answers))
    await _settle(node, written)
    if request.acks != 0:
        return ProduceResponse(responses=responses, throttle_time_ms=0)
    if any(one.error_code for topic in responses for one in topic.partition_responses):
        # Closing the connection is the only way to report an error to a producer with acks=0.
        raise BadRequestError("a batch sent with acks=0 was refused")
    return None


def _append(node: Node, request: Any, topic: str, requested: Any, written: dict[Partition, Any]) -> Any:
    try:
        _check_produce(request)
        partition = node.catalog.partition(topic, requested.index)
        appended = partition.append(requested.records or b"", node.catalog.topics[topic].config, node.clock())
    except BrokerError as error:
        return _refused(requested.index, error)
    answer = written[partition] = _Produced(
        index=requested.index,
        error_code=0,
        base_offset=appended.base_offset,
        log_append_time_ms=appended.append_milliseconds,
        log_start_offset=partition.start_offset,
        record_errors=[],
        error_message=None,
    )
    return answer


def _check_produce(request: Any) -> None:
    if request.acks not in _ACKS:
        raise BrokerError(ErrorCode.INVALID_REQUIRED_ACKS, f"acks must be -1, 0 or 1, not {request.acks}")
    if request.transactional_id is not None:
        raise BrokerError(NO_TRANSACTIONS_CODE, NO_TRANSACTIONS)


def _refused(index: int, error: BrokerError) -> Any:
    return _Produced(
        index=index, error_code=error.code, base_offset=-1, record_errors=[], error_message=error.reason or None
    )


async def _settle(node: Node, written: dict[Partition, Any]) -> None:
    try:
        await node.syncer.settle(written)
    except BrokerError as error:
        for answer in written.values():
            answer.error_code, answer.base_offset, answer.error_message = error.code, -1, error.reason


async def init_producer_id(node: Node, request: Any, _caller: Caller) -> Any:
    """A new id for an idempotent producer."""
    if request.transactional_id is not None:
        return InitProducerIdResponse(error_code=NO_TRANSACTIONS_CODE, producer_id=-1, producer_epoch=-1)
    try:
        return InitProducerIdResponse(error_code=0, producer_id=node.catalog.new_producer_id(), producer_epoch=0)
    except BrokerError as error:
        return InitProducerIdResponse(error_code=error.code, producer_id=-1, producer_epoch=-1)


async def fetch(node: Node, request: Any, _caller: Caller) -> Any:
    """Batches of the requested partitions; waits up to max_wait_ms for min_bytes. Fetch sessions are not supported."""
    if request.session_id:
        return FetchResponse(error_code=ErrorCode.FETCH_SESSION_ID_NOT_FOUND, session_id=0, responses=[])
    deadline = time.monotonic() + min(max(request.max_wait_ms, 0) / 1000, _LONGEST_WAIT_SECONDS)
    with _watching(node, request) as changed:
        while True:
            changed.clear()
            answer = _Gathering(node, request)
            remaining_seconds = deadline - time.monotonic()
            if answer.is_enough or remaining_seconds <= 0 or not await _wait(changed, remaining_seconds):
                return FetchResponse(error_code=0, session_id=0, responses=answer.topics)


class _Gathering:
    """The data of all requested partitions at one time, within the request's limits."""

    def __init__(self, node: Node, request: Any) -> None:
        self._node = node
        self._left_bytes = min(request.max_bytes, node.settings.fetch_bytes)
        self._given_bytes = 0
        self._has_error = False
        self.topics = [self._topic(topic) for topic in request.topics or ()]
        self.is_enough = self._has_error or self._given_bytes >= max(request.min_bytes, 0)

    def _topic(self, topic: Any) -> Any:
        partitions = [self._partition(topic.topic, requested) for requested in topic.partitions or ()]
        return FetchResponse.FetchableTopicResponse(topic=topic.topic, partitions=partitions)

    def _partition(self, topic: str, requested: Any) -> Any:
        try:
            partition = self._node.catalog.partition(topic, requested.partition)
            _check_epoch(requested.current_leader_epoch)
            wanted_bytes = min(requested.partition_max_bytes, self._left_bytes)
            # Even with small limits, a fetch must be able to get past a large batch.
            records = partition.read(requested.fetch_offset, wanted_bytes, whole_batch=self._given_bytes == 0)
        except BrokerError as error:
            self._has_error = True
            return _nothing(requested.partition, error.code)
        self._given_bytes += len(records)
        self._left_bytes -= len(records)
        return _Fetched(
            partition_index=requested.partition,
            error_code=0,
            high_watermark=partition.end_offset,
            last_stable_offset=partition.end_offset,
            log_start_offset=partition.start_offset,
            aborted_transactions=None,
            records=records,
        )


def _nothing(index: int, code: ErrorCode) -> Any:
    return _Fetched(partition_index=index, error_code=code, high_watermark=-1, aborted_transactions=None, records=b"")


@contextmanager
def _watching(node: Node, request: Any) -> Iterator[asyncio.Event]:
    """An event that is set when one of the requested partitions changes."""
    changed = asyncio.Event()
    watched = []
    for topic in request.topics or ():
        known = node.catalog.topics.get(topic.topic)
        indexes = [requested.partition for requested in topic.partitions or ()]
        watched += [known.partitions[index] for index in indexes if known and 0 <= index < len(known.partitions)]
    for partition in watched:
        partition.watchers.add(changed)
    try:
        yield changed
    finally:
        for partition in watched:
            partition.watchers.discard(changed)


async def _wait(changed: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await changed.wait()
    except TimeoutError:
        return False


def _check_epoch(asked_epoch: int) -> None:
    if asked_epoch > LEADER_EPOCH:
        raise BrokerError(ErrorCode.UNKNOWN_LEADER_EPOCH, f"the leader epoch is {LEADER_EPOCH}, not {asked_epoch}")


async def list_offsets(node: Node, request: Any, _caller: Caller) -> Any:
    """The earliest or latest offset, or the first at or after a time; -1 if there is none."""
    topics = [
        ListOffsetsResponse.ListOffsetsTopicResponse(
            name=topic.name,
            partitions=[_list_offset(node, topic.name, requested) for requested in topic.partitions or ()],
        )
        for topic in request.topics or ()
    ]
    return ListOffsetsResponse(topics=topics)


def _list_offset(node: Node, topic: str, requested: Any) -> Any:
    try:
        offset, at = _look_up(node.catalog.partition(topic, requested.partition_index), requested.timestamp)
    except BrokerError as error:
        return _Listed(partition_index=requested.partition_index, error_code=error.code)
    epoch = LEADER_EPOCH if offset >= 0 else -1
    return _Listed(
        partition_index=requested.partition_index, error_code=0, timestamp=at, offset=offset, leader_epoch=epoch
    )


def _look_up(partition: Partition, milliseconds: int) -> tuple[int, int]:
    if milliseconds == _LATEST:
        return partition.end_offset, -1
    if milliseconds == _EARLIEST:
        return partition.start_offset, -1
    if milliseconds < 0:
        raise BrokerError(ErrorCode.UNSUPPORTED_VERSION, f"the offset lookup {milliseconds} is not supported")
    return partition.find_time(milliseconds) or (-1, -1)


async def offset_for_leader_epoch(node: Node, request: Any, _caller: Caller) -> Any:
    """The end offset of a leader epoch; there is only one, which has not ended."""
    topics = [
        OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult(
            topic=topic.topic,
            partitions=[_end_of_epoch(node, topic.topic, requested) for requested in topic.partitions or ()],
        )
        for topic in request.topics or ()
    ]
    return OffsetForLeaderEpochResponse(topics=topics)


def _end_of_epoch(node: Node, topic: str, requested: Any) -> Any:
    try:
        _check_epoch(requested.current_leader_epoch)
        partition = node.catalog.partition(topic, requested.partition)
    except BrokerError as error:
        return _Ended(error_code=error.code, partition=requested.partition)
    if requested.leader_epoch != LEADER_EPOCH:
        return _Ended(error_code=0, partition=requested.partition, leader_epoch=-1, end_offset=-1)
    end_offset = partition.end_offset
    return _Ended(error_code=0, partition=requested.partition, leader_epoch=LEADER_EPOCH, end_offset=end_offset)


async def delete_records(node: Node, request: Any, _caller: Caller) -> Any:
    """Delete records before an offset."""
    topics = [
        DeleteRecordsResponse.DeleteRecordsTopicResult(
            name=topic.name,
            partitions=[_delete_before(node, topic.name, requested) for requested in topic.partitions or ()],
        )
        for topic in request.topics or ()
    ]
    return DeleteRecordsResponse(topics=topics)


def _delete_before(node: Node, topic: str, requested: Any) -> Any:
    index = requested.partition_index
    try:
        start_offset = node.catalog.partition(topic, index).delete_before(requested.offset)
    except BrokerError as error:
        return _Deleted(partition_index=index, low_watermark=-1, error_code=error.code)
    return _Deleted(partition_index=index, low_watermark=start_offset, error_code=0)
