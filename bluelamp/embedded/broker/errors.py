"""The broker's errors and Kafka's error codes.

BrokerError                 a request is refused; the client receives `code`
    MemberIdRequiredError   a group member must send its request again with the id it is given
BadRequestError             bytes that are not a request; the connection is closed
StartError                  the broker cannot start; a person must act
"""

from enum import IntEnum


class ErrorCode(IntEnum):
    """The error codes of Kafka's protocol that this broker uses."""

    NONE = 0
    OFFSET_OUT_OF_RANGE = 1
    CORRUPT_MESSAGE = 2
    UNKNOWN_TOPIC_OR_PARTITION = 3
    MESSAGE_TOO_LARGE = 10
    OFFSET_METADATA_TOO_LARGE = 12
    COORDINATOR_NOT_AVAILABLE = 15
    INVALID_TOPIC = 17
    INVALID_REQUIRED_ACKS = 21
    ILLEGAL_GENERATION = 22
    INCONSISTENT_GROUP_PROTOCOL = 23
    INVALID_GROUP_ID = 24
    UNKNOWN_MEMBER_ID = 25
    INVALID_SESSION_TIMEOUT = 26
    REBALANCE_IN_PROGRESS = 27
    INVALID_TIMESTAMP = 32
    UNSUPPORTED_VERSION = 35
    TOPIC_ALREADY_EXISTS = 36
    INVALID_PARTITIONS = 37
    INVALID_REPLICATION_FACTOR = 38
    INVALID_REPLICA_ASSIGNMENT = 39
    INVALID_CONFIG = 40
    INVALID_REQUEST = 42
    UNSUPPORTED_FOR_MESSAGE_FORMAT = 43
    POLICY_VIOLATION = 44
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45
    INVALID_PRODUCER_EPOCH = 47
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53
    KAFKA_STORAGE_ERROR = 56
    FETCH_SESSION_ID_NOT_FOUND = 70
    FENCED_LEADER_EPOCH = 74
    UNKNOWN_LEADER_EPOCH = 75
    UNSUPPORTED_COMPRESSION_TYPE = 76
    MEMBER_ID_REQUIRED = 79
    GROUP_MAX_SIZE_REACHED = 81
    FENCED_INSTANCE_ID = 82
    INVALID_RECORD = 87
    UNKNOWN_TOPIC_ID = 100


NO_TRANSACTIONS = "transactions are not supported by the embedded broker; use Apache Kafka"
NO_TRANSACTIONS_CODE = ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
"""The only code at which every client gives up at once; librdkafka retries on others for as long as it may."""


class BrokerError(Exception):
    """A request is refused: the client receives `code`; `reason` says what is wrong and what to do."""

    def __init__(self, code: ErrorCode, reason: str = "") -> None:
        super().__init__(f"{code.name}: {reason}" if reason else code.name)
        self.code = code
        self.reason = reason


class MemberIdRequiredError(BrokerError):
    """A new group member must send its request again with this `member_id`."""

    def __init__(self, member_id: str) -> None:
        super().__init__(ErrorCode.MEMBER_ID_REQUIRED)
        self.member_id = member_id


class BadRequestError(Exception):
    """The bytes received are not a supported request; the connection is closed."""


class StartError(Exception):
    """The broker cannot start; the message says why and what to do."""
