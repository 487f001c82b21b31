"""Answers about records: produce, fetch, and where in the log things are."""

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
    """Append each batch; None where the producer wants no answer."""
    written: dict[Partition, Any] = {}
    responses = []
    for topic in request.topic_data or ():
        answers = [_append(node, request, topic.name, one, written) for one in topic.partition_data or ()]
        responses.append(ProduceResponse.TopicProduceResponse(name=topic.name, partition_responses=answers))
    await _settle(node, written)
    if request.acks != 0:
        return ProduceResponse(responses=responses, throttle_time_ms=0)
    if any(one.error_code for topic in responses for one in topic.partition_responses):
        # The only way to tell a producer that wants no answer.
        raise BadRequestError("a batch sent without wanting an answer was refused")
    return None


def _append(node: Node, request: Any, topic: str, asked: Any, written: dict[Partition, Any]) -> Any:
    try:
        _check_produce(request)
        partition = node.catalog.partition(topic, asked.index)
        appended = partition.append(asked.records or b"", node.catalog.topics[topic].config, node.clock())
    except BrokerError as error:
        return _refused(asked.index, error)
    answer = written[partition] = _Produced(
        index=asked.index,
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
        raise BrokerError(ErrorCode.INVALID_REQUIRED_ACKS, f"acks is -1, 0 or 1, not {request.acks}")
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
    """An id for an idempotent producer."""
    if request.transactional_id is not None:
        return InitProducerIdResponse(error_code=NO_TRANSACTIONS_CODE, producer_id=-1, producer_epoch=-1)
    try:
        return InitProducerIdResponse(error_code=0, producer_id=node.catalog.new_producer_id(), producer_epoch=0)
    except BrokerError as error:
        return InitProducerIdResponse(error_code=error.code, producer_id=-1, producer_epoch=-1)


async def fetch(node: Node, request: Any, _caller: Caller) -> Any:
    """Batches of the asked partitions; waits up to max_wait_ms until min_bytes are there. No sessions are kept."""
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
    """One look at all asked partitions: what they have, within the limits of the request."""

    def __init__(self, node: Node, request: Any) -> None:
        self._node = node
        self._left_bytes = min(request.max_bytes, node.settings.fetch_bytes)
        self._given_bytes = 0
        self._has_error = False
        self.topics = [self._topic(topic) for topic in request.topics or ()]
        self.is_enough = self._has_error or self._given_bytes >= max(request.min_bytes, 0)

    def _topic(self, topic: Any) -> Any:
        partitions = [self._partition(topic.topic, asked) for asked in topic.partitions or ()]
        return FetchResponse.FetchableTopicResponse(topic=topic.topic, partitions=partitions)

    def _partition(self, topic: str, asked: Any) -> Any:
        try:
            partition = self._node.catalog.partition(topic, asked.partition)
            _check_epoch(asked.current_leader_epoch)
            wanted_bytes = min(asked.partition_max_bytes, self._left_bytes)
            # However small the limits, a fetch must be able to get past a large batch.
            records = partition.read(asked.fetch_offset, wanted_bytes, whole_batch=self._given_bytes == 0)
        except BrokerError as error:
            self._has_error = True
            return _nothing(asked.partition, error.code)
        self._given_bytes += len(records)
        self._left_bytes -= len(records)
        return _Fetched(
            partition_index=asked.partition,
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
    """An event that is set when something changes in one of the asked partitions."""
    changed = asyncio.Event()
    watched = []
    for topic in request.topics or ():
        known = node.catalog.topics.get(topic.topic)
        indexes = [asked.partition for asked in topic.partitions or ()]
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
        raise BrokerError(ErrorCode.UNKNOWN_LEADER_EPOCH, f"the leader's epoch is {LEADER_EPOCH}, not {asked_epoch}")


async def list_offsets(node: Node, request: Any, _caller: Caller) -> Any:
    """The earliest or latest offset, or the first at or after a time; -1 where there is none."""
    topics = [
        ListOffsetsResponse.ListOffsetsTopicResponse(
            name=topic.name, partitions=[_list_offset(node, topic.name, asked) for asked in topic.partitions or ()]
        )
        for topic in request.topics or ()
    ]
    return ListOffsetsResponse(topics=topics)


def _list_offset(node: Node, topic: str, asked: Any) -> Any:
    try:
        offset, at = _look_up(node.catalog.partition(topic, asked.partition_index), asked.timestamp)
    except BrokerError as error:
        return _Listed(partition_index=asked.partition_index, error_code=error.code)
    epoch = LEADER_EPOCH if offset >= 0 else -1
    return _Listed(partition_index=asked.partition_index, error_code=0, timestamp=at, offset=offset, leader_epoch=epoch)


def _look_up(partition: Partition, milliseconds: int) -> tuple[int, int]:
    if milliseconds == _LATEST:
        return partition.end_offset, -1
    if milliseconds == _EARLIEST:
        return partition.start_offset, -1
    if milliseconds < 0:
        raise BrokerError(ErrorCode.UNSUPPORTED_VERSION, f"the offset lookup {milliseconds} is not supported")
    return partition.find_time(milliseconds) or (-1, -1)


async def offset_for_leader_epoch(node: Node, request: Any, _caller: Caller) -> Any:
    """Where a leader's epoch ended: there is only one, and it goes on."""
    topics = [
        OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult(
            topic=topic.topic, partitions=[_end_of_epoch(node, topic.topic, asked) for asked in topic.partitions or ()]
        )
        for topic in request.topics or ()
    ]
    return OffsetForLeaderEpochResponse(topics=topics)


def _end_of_epoch(node: Node, topic: str, asked: Any) -> Any:
    try:
        _check_epoch(asked.current_leader_epoch)
        partition = node.catalog.partition(topic, asked.partition)
    except BrokerError as error:
        return _Ended(error_code=error.code, partition=asked.partition)
    if asked.leader_epoch != LEADER_EPOCH:
        return _Ended(error_code=0, partition=asked.partition, leader_epoch=-1, end_offset=-1)
    end_offset = partition.end_offset
    return _Ended(error_code=0, partition=asked.partition, leader_epoch=LEADER_EPOCH, end_offset=end_offset)


async def delete_records(node: Node, request: Any, _caller: Caller) -> Any:
    """Move the start of partitions up to an offset."""
    topics = [
        DeleteRecordsResponse.DeleteRecordsTopicResult(
            name=topic.name, partitions=[_delete_before(node, topic.name, asked) for asked in topic.partitions or ()]
        )
        for topic in request.topics or ()
    ]
    return DeleteRecordsResponse(topics=topics)


def _delete_before(node: Node, topic: str, asked: Any) -> Any:
    index = asked.partition_index
    try:
        start_offset = node.catalog.partition(topic, index).delete_before(asked.offset)
    except BrokerError as error:
        return _Deleted(partition_index=index, low_watermark=-1, error_code=error.code)
    return _Deleted(partition_index=index, low_watermark=start_offset, error_code=0)
