"""Handles requests about topics: create, delete, describe and configure."""

from collections.abc import Mapping
from typing import Any

from kafka.protocol.admin import (
    AlterConfigsResponse,
    CreateTopicsResponse,
    DeleteTopicsResponse,
    DescribeConfigsResponse,
    IncrementalAlterConfigsResponse,
)

from bluelamp.embedded.broker.catalog import Topic
from bluelamp.embedded.broker.errors import BrokerError, ErrorCode
from bluelamp.embedded.broker.node import NODE_ID, Caller, Node
from bluelamp.embedded.broker.topicconfig import CONFIG_KEYS, ConfigKey, check_overrides

_TOPIC_RESOURCE, _BROKER_RESOURCE = 2, 4
_SET_BY_TOPIC, _DEFAULT = 1, 5  # Kafka's numbers for where a config's value comes from
_SET, _DELETE = 0, 1
_CHOOSE_FOR_ME = -1

_Described = DescribeConfigsResponse.DescribeConfigsResult
_Entry = _Described.DescribeConfigsResourceResult


async def create_topics(node: Node, request: Any, _caller: Caller) -> Any:
    """Create topics, or with validate_only check whether that is possible."""
    results = []
    for requested in request.topics or ():
        code, reason = _try(_create, node, requested, validate_only=request.validate_only)
        results.append(
            CreateTopicsResponse.CreatableTopicResult(name=requested.name, error_code=code, error_message=reason)
        )
    return CreateTopicsResponse(topics=results)


def _create(node: Node, requested: Any, *, validate_only: bool) -> None:
    partitions = _wanted_partitions(node, requested)
    overrides = {one.name: one.value for one in requested.configs or ()}
    if validate_only:
        node.catalog.check_new(requested.name, partitions, overrides)
    else:
        node.catalog.create(requested.name, partitions, overrides)


def _wanted_partitions(node: Node, requested: Any) -> int:
    if requested.assignments:
        _check_assignments([one.broker_ids for one in requested.assignments])
        return len(requested.assignments)
    if requested.replication_factor not in (_CHOOSE_FOR_ME, 1):
        raise BrokerError(
            ErrorCode.INVALID_REPLICATION_FACTOR, "the replication factor must be 1: there is only one broker"
        )
    if requested.num_partitions == _CHOOSE_FOR_ME:
        return node.settings.default_partitions
    return int(requested.num_partitions)


def _check_assignments(assignments: list[list[int]]) -> None:
    if any(broker_ids != [NODE_ID] for broker_ids in assignments):
        raise BrokerError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, f"the only broker is {NODE_ID}")


async def delete_topics(node: Node, request: Any, _caller: Caller) -> Any:
    """Delete topics, their logs and their committed offsets."""
    responses = []
    for name in request.topic_names or ():
        code, _ = _try(_delete, node, name)
        responses.append(DeleteTopicsResponse.DeletableTopicResult(name=name, error_code=code))
    return DeleteTopicsResponse(responses=responses)


def _delete(node: Node, name: str) -> None:
    node.catalog.topic(name)
    node.coordinator.forget_topics([name])
    node.catalog.delete(name)


async def describe_configs(node: Node, request: Any, _caller: Caller) -> Any:
    """The configs of topics, and the broker's defaults that they inherit."""
    return DescribeConfigsResponse(
        results=[_describe_resource(node, requested) for requested in request.resources or ()]
    )


def _describe_resource(node: Node, requested: Any) -> Any:
    result = _Described(
        error_code=0, error_message=None, resource_type=requested.resource_type, resource_name=requested.resource_name
    )
    result.configs = []
    try:
        overrides = _overrides_of(node, requested.resource_type, requested.resource_name)
        wanted = CONFIG_KEYS if requested.configuration_keys is None else requested.configuration_keys
        result.configs = [_entry(node, CONFIG_KEYS[name], overrides) for name in wanted if name in CONFIG_KEYS]
    except BrokerError as error:
        result.error_code, result.error_message = error.code, error.reason
    return result


def _overrides_of(node: Node, resource_type: int, name: str) -> Mapping[str, str]:
    if resource_type == _TOPIC_RESOURCE:
        return node.catalog.topic(name).overrides
    if resource_type == _BROKER_RESOURCE and name in ("", str(NODE_ID)):
        return {}
    raise BrokerError(ErrorCode.INVALID_REQUEST, "only topics and the broker have configs")


def _entry(node: Node, key: ConfigKey, overrides: Mapping[str, str]) -> Any:
    is_set = key.name in overrides
    return _Entry(
        name=key.name,
        value=overrides[key.name] if is_set else key.default(node.settings),
        read_only=False,
        config_source=_SET_BY_TOPIC if is_set else _DEFAULT,
        is_sensitive=False,
        synonyms=[],
        config_type=key.type_code,
        documentation=key.purpose,
    )


async def incremental_alter_configs(node: Node, request: Any, _caller: Caller) -> Any:
    """Set or reset single configs of topics."""
    answers = [
        _alter(node, requested, request.validate_only, IncrementalAlterConfigsResponse.AlterConfigsResourceResponse)
        for requested in request.resources or ()
    ]
    return IncrementalAlterConfigsResponse(responses=answers)


async def alter_configs(node: Node, request: Any, _caller: Caller) -> Any:
    """Replace all configs of topics."""
    answers = [
        _alter(node, requested, request.validate_only, AlterConfigsResponse.AlterConfigsResourceResponse)
        for requested in request.resources or ()
    ]
    return AlterConfigsResponse(responses=answers)


def _alter(node: Node, requested: Any, validate_only: bool, response: Any) -> Any:
    code, reason = _try(_configure, node, requested, validate_only=validate_only)
    return response(
        error_code=code,
        error_message=reason,
        resource_type=requested.resource_type,
        resource_name=requested.resource_name,
    )


def _configure(node: Node, requested: Any, *, validate_only: bool) -> None:
    if requested.resource_type != _TOPIC_RESOURCE:
        raise BrokerError(ErrorCode.INVALID_REQUEST, "only a topic's configs can be changed while the broker runs")
    topic = node.catalog.topic(requested.resource_name)
    overrides = _changed(topic, requested.configs or ())
    check_overrides(overrides)
    if not validate_only:
        node.catalog.configure(topic.name, overrides)


def _changed(topic: Topic, entries: Any) -> dict[str, str | None]:
    if not all(hasattr(entry, "config_operation") for entry in entries):
        return {entry.name: entry.value for entry in entries}
    overrides: dict[str, str | None] = dict(topic.overrides)
    for entry in entries:
        if entry.config_operation == _SET:
            overrides[entry.name] = entry.value
        elif entry.config_operation == _DELETE:
            overrides.pop(entry.name, None)
        else:
            raise BrokerError(ErrorCode.INVALID_REQUEST, f"{entry.name} can only be set or deleted")
    return overrides


def _try(action: Any, *arguments: Any, **options: Any) -> tuple[ErrorCode, str | None]:
    """Run an action; returns NONE, or the code and reason of its error."""
    try:
        action(*arguments, **options)
    except BrokerError as error:
        return error.code, error.reason
    return ErrorCode.NONE, None
