"""The configs of a topic: one table of keys, with which configs are checked, read and described. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bluelamp.embedded.broker.errors import BrokerError, ErrorCode
from bluelamp.embedded.broker.settings import BrokerSettings

_STRING, _INT, _LONG, _LIST = 2, 3, 5, 7  # Kafka's numbers for the types of a config


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """A topic's config as the log uses it; -1 means no limit."""

    retention_milliseconds: int
    retention_bytes: int
    message_bytes: int
    segment_bytes: int
    append_time: bool


class ConfigKey(NamedTuple):
    """One key that a topic may set; `check` returns None for a valid value, or says what is valid."""

    name: str
    type_code: int
    default: Callable[[BrokerSettings], str]
    check: Callable[[str], str | None]
    purpose: str


def _whole_number(least: int, most: int) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        is_number = value.lstrip("-").isdecimal() and value.isascii()
        return None if is_number and least <= int(value) <= most else f"a whole number from {least} to {most}"

    return check


def _one_of(*allowed: str) -> Callable[[str], str | None]:
    return lambda value: None if value in allowed else " or ".join(allowed)


def _cleanup(value: str) -> str | None:
    return None if set(value.split(",")) <= {"delete", "compact"} else "delete, compact or both"


_LARGEST = 2**63 - 1
_LARGEST_BATCH = 1024 * 1024 * 1024

CONFIG_KEYS: dict[str, ConfigKey] = {
    key.name: key
    for key in (
        ConfigKey(
            "retention.ms",
            _LONG,
            lambda settings: str(settings.retention_milliseconds),
            _whole_number(-1, _LARGEST),
            "How long records are kept, in whole log files; -1 keeps them for ever.",
        ),
        ConfigKey(
            "retention.bytes",
            _LONG,
            lambda settings: str(settings.retention_bytes),
            _whole_number(-1, _LARGEST),
            "How many bytes of a partition are kept, in whole log files; -1 means no limit.",
        ),
        ConfigKey(
            "max.message.bytes",
            _INT,
            lambda settings: str(settings.message_bytes),
            _whole_number(0, _LARGEST_BATCH),
            "The largest record batch that is accepted.",
        ),
        ConfigKey(
            "segment.bytes",
            _INT,
            lambda settings: str(settings.segment_bytes),
            _whole_number(1024, _LARGEST_BATCH),
            "The size at which a new log file begins.",
        ),
        ConfigKey(
            "message.timestamp.type",
            _STRING,
            lambda _: "CreateTime",
            _one_of("CreateTime", "LogAppendTime"),
            "Whose time a record has: the producer's or the broker's.",
        ),
        ConfigKey(
            "compression.type",
            _STRING,
            lambda _: "producer",
            _one_of("producer"),
            "Batches are stored as producers compress them; this broker does not compress.",
        ),
        ConfigKey(
            "cleanup.policy",
            _LIST,
            lambda _: "delete",
            _cleanup,
            "delete: by retention. compact is accepted, but everything is kept instead.",
        ),
    )
}


def check_overrides(overrides: Mapping[str, str | None]) -> dict[str, str]:
    """The overrides, if every key and value is valid; BrokerError with INVALID_CONFIG says what is wrong."""
    checked = {}
    for name, value in overrides.items():
        key = CONFIG_KEYS.get(name)
        if key is None:
            known = ", ".join(CONFIG_KEYS)
            raise BrokerError(ErrorCode.INVALID_CONFIG, f"{name} is not supported by the embedded broker; try {known}")
        wanted = "a value" if value is None else key.check(value)
        if wanted is not None or value is None:
            raise BrokerError(ErrorCode.INVALID_CONFIG, f"{name} must be {wanted}, not {value!r}")
        checked[name] = value
    return checked


def topic_config(overrides: Mapping[str, str], settings: BrokerSettings) -> TopicConfig:
    """The config of a topic with these checked overrides."""

    def value(name: str) -> Any:
        return overrides.get(name, CONFIG_KEYS[name].default(settings))

    # As in Kafka, retention applies only if the policy includes delete.
    deletes = "delete" in value("cleanup.policy").split(",")
    return TopicConfig(
        retention_milliseconds=int(value("retention.ms")) if deletes else -1,
        retention_bytes=int(value("retention.bytes")) if deletes else -1,
        message_bytes=int(value("max.message.bytes")),
        segment_bytes=int(value("segment.bytes")),
        append_time=value("message.timestamp.type") == "LogAppendTime",
    )
