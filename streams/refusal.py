"""Why the state server refused a command: the true cause in plain words, and what to do about it."""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args

from msgspec import Struct
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import InvalidResponse
from redis.exceptions import TimeoutError as NoAnswerError
from redis.sentinel import MasterNotFoundError

from facts.errors import BlueLampError, IncompleteError, PartMissingError
from producers.tls import tls_trouble

Cause = Literal[
    "unreachable",
    "out_of_memory",
    "disk",
    "read_only",
    "access_denied",
    "loading",
    "busy",
    "no_primary",
    "too_few_replicas",
    "too_many_clients",
    "cluster",
    "other",
    "needs_person",
]
CAUSES: tuple[Cause, ...] = get_args(Cause)


class CauseText(NamedTuple):
    """The text of a cause.

    Attributes:
        what: what is wrong, without a full stop.
        hint: what to do.
    """

    what: str
    hint: str


WORDS: Mapping[Cause, CauseText] = {
    "unreachable": CauseText(
        "The state server does not answer",
        "Start it, or set BLUELAMP_REDIS to its address (redis:// without TLS, rediss:// with it); `bluelamp up` starts "
        "everything itself.",
    ),
    "out_of_memory": CauseText(
        "The state server refuses writes: it is out of memory",
        "Raise its maxmemory, or remove other data from it. It must not evict keys.",
    ),
    "disk": CauseText(
        "The state server refuses writes: it cannot write to disk",
        "Free space on its disk; its own log says what failed.",
    ),
    "read_only": CauseText(
        "The state server refuses writes: it is a read-only replica",
        "A failover may be under way. If this lasts, set BLUELAMP_REDIS to the primary.",
    ),
    "access_denied": CauseText(
        "The state server denies access",
        "Correct the user name and password in BLUELAMP_REDIS, or allow that user every command on the state's keys.",
    ),
    "loading": CauseText("The state server is loading its data", "Wait until it has read its data."),
    "busy": CauseText(
        "The state server is busy with a long script",
        "Find out who runs it. SCRIPT KILL ends a script that has written nothing.",
    ),
    "no_primary": CauseText(
        "The state server is a replica that has lost its primary",
        "Start the primary, or set BLUELAMP_REDIS to it.",
    ),
    "too_few_replicas": CauseText(
        "The state server refuses writes: too few of its replicas are connected",
        "Start its replicas, or lower its min-replicas-to-write.",
    ),
    "too_many_clients": CauseText(
        "The state server accepts no more clients", "Raise its maxclients, or stop clients that are not needed."
    ),
    "cluster": CauseText(
        "The Redis Cluster does not serve part of the state",
        "A replica may be replacing a failed node, or a slot may be moving. If this lasts, start the failed nodes: `redis-cli "
        "--cluster check HOST:PORT` lists what is wrong.",
    ),
    "other": CauseText(
        "The state server refused a command", "Read the output of the workers and the state server's own log."
    ),
    "needs_person": CauseText(
        "The workers cannot continue with this state, and a person must decide what to do",
        "The worker's output says why. If the state is damaged, build a new one: `bluelamp rebuild --switch "
        "--accept-differences`. The worker then continues by itself.",
    ),
}
_CODES: Mapping[str, Cause] = {
    "OOM": "out_of_memory",
    "MISCONF": "disk",
    "READONLY": "read_only",
    "NOPERM": "access_denied",
    "NOAUTH": "access_denied",
    "WRONGPASS": "access_denied",
    "LOADING": "loading",
    "BUSY": "busy",
    "MASTERDOWN": "no_primary",
    "NOREPLICAS": "too_few_replicas",
    "MOVED": "cluster",
    "ASK": "cluster",
    "TRYAGAIN": "cluster",
    "CLUSTERDOWN": "cluster",
    "CROSSSLOT": "cluster",
    "WRONGTYPE": "needs_person",
}
# Messages that Redis sends without a code, or with an unspecific one.
_SENTENCES: Mapping[str, Cause] = {
    "max number of clients": "too_many_clients",
    "ACL failure in script": "access_denied",
    "The user executing the script can't": "access_denied",
    "invalid password": "access_denied",
    "without any password configured": "access_denied",
    "cluster support disabled": "cluster",
    "TTL exhausted": "cluster",  # redis-py's words after it was redirected too often
    "non local key in a cluster node": "cluster",
    "while the cluster is down": "cluster",
}
IS_A_CLUSTER = "The state server is a Redis Cluster, and BLUELAMP_REDIS is the address of a single server"
CLUSTER_ADDRESS = (
    "Write redis+cluster://HOST:6379,HOST:6379,HOST:6379, or rediss+cluster:// with TLS: docs/run/scaling.md."
)
_NOT_A_CLUSTER = "the address is that of a cluster, but the server is a single one"
_SERVER_ADDRESS = "Write redis:// instead of redis+cluster:// in BLUELAMP_REDIS."
_FOREIGN_HINT = (
    "Another program has written to it. Give Blue Lamp a Redis database of its own (BLUELAMP_REDIS), or build a new state: "
    "`bluelamp rebuild --switch --accept-differences`."
)
_IN_PIPELINE = re.compile(r"Command # \d+ \(.*\) of pipeline caused error: ", re.DOTALL)
_TEXT_LIMIT = 200


class Refusal(Struct, frozen=True):
    """One refusal.

    Attributes:
        cause: one word.
        detail: more about the cause; may be empty.
        hint: what to do; the cause's own hint by default.
    """

    cause: Cause
    detail: str = ""
    hint: str = ""

    def sentence(self) -> str:
        """What is wrong, as a sentence."""
        what = WORDS[self.cause].what
        return f"{what} ({self.detail.rstrip('.')})." if self.detail else f"{what}."

    def advice(self) -> str:
        """What to do, in sentences."""
        return self.hint or WORDS[self.cause].hint

    def words(self) -> str:
        """What is wrong and what to do, on one line."""
        return f"{self.sentence()} {self.advice()}"

    def heals(self) -> bool:
        """Whether it may end without a person's decision, so that a retry can succeed."""
        return self.cause != "needs_person"

    def with_memory(self, memory: Mapping[str, Any]) -> "Refusal":
        """The same refusal with the figures of `INFO memory`."""
        used, most = (memory.get(name, "?") for name in ("used_memory_human", "maxmemory_human"))
        return Refusal(self.cause, f"used memory {used}, maxmemory {most}", self.hint)


def refusal_of(error: Exception) -> Refusal:
    """The true cause of an error from the state server's client, or of one of our own errors."""
    if isinstance(error, BlueLampError):
        return Refusal("needs_person" if isinstance(error, IncompleteError) else "other", error.what, error.hint)
    if isinstance(error, MasterNotFoundError):
        return _of_sentinels(str(error))
    text = _IN_PIPELINE.sub("", str(error))
    code = str(getattr(error, "status_code", None) or text.partition(" ")[0])
    cause = _CODES.get(code) or next((each for part, each in _SENTENCES.items() if part in text), None)
    if cause:
        return _of_code(cause, code, text)
    encryption = next((each for each in _chain(error) if isinstance(each, ssl.SSLError)), None)
    if encryption:
        what, hint = tls_trouble(encryption, "The state server", "BLUELAMP_REDIS")
        return Refusal("unreachable", what[:1].lower() + what[1:], hint)
    reason = next(filter(None, map(_connection, _chain(error))), "")
    if reason or isinstance(error, OSError | NoConnectionError):
        return Refusal("unreachable", reason or _short(text))
    return Refusal("other", _short(text))


def _of_sentinels(text: str) -> Refusal:
    """A refusal if no sentinel names a primary; `text` has the error of each sentinel."""
    if "AuthenticationError" in text:
        hint = "Correct BLUELAMP_REDIS_SENTINEL_USER and BLUELAMP_REDIS_SENTINEL_PASSWORD."
        return Refusal("access_denied", "a sentinel does not accept the user or the password", hint)
    hint = (
        "Start Redis and its sentinels, or correct BLUELAMP_REDIS: after the sentinels, it must have the name that they give to the primary. "
        "With TLS, it begins with rediss+sentinel://, and BLUELAMP_REDIS_CA must also be the authority of the sentinels' certificates."
    )
    return Refusal("unreachable", "no sentinel that answers knows a primary of this name", hint)


def _of_code(cause: Cause, code: str, text: str) -> Refusal:
    """A refusal by its code; `text` is the whole message."""
    if cause == "needs_person":
        return Refusal(cause, "a key holds something that is not part of a state", _FOREIGN_HINT)
    if "cluster support disabled" in text:
        return Refusal(cause, _NOT_A_CLUSTER, _SERVER_ADDRESS)
    if code in ("MOVED", "CROSSSLOT"):
        # Blue Lamp's clients of a cluster follow a move, and never use keys of two slots in one command.
        return Refusal(cause, "the client is that of a single server", f"{IS_A_CLUSTER}. {CLUSTER_ADDRESS}")
    return Refusal(cause, _short(text) if cause == "access_denied" else "")


def explained(cause: Exception | Refusal) -> PartMissingError:
    """A refusal, or the refusal behind an error, as an error for a person."""
    refusal = cause if isinstance(cause, Refusal) else refusal_of(cause)
    return PartMissingError(refusal.sentence(), where="BLUELAMP_REDIS", hint=refusal.advice())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and its causes, the root cause first."""
    if error is not None:
        yield from _chain(error.__cause__ or error.__context__)
        yield error


def _connection(error: BaseException) -> str:
    """Why there is no connection; empty if the error does not say."""
    known = next((words for kind, words in _CONNECTIONS if isinstance(error, kind)), "")
    if known or not isinstance(error, OSError):
        return known or ("it closed the connection" if "onnection closed" in str(error) else "")
    return _short(error.strerror or str(error))


_CONNECTIONS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "its host name is not known"),
    (ConnectionRefusedError, "nothing listens at its address"),
    (TimeoutError, "no answer in time"),
    (NoAnswerError, "no answer in time"),
    (ConnectionError, "it closed the connection, or expects TLS"),
    (InvalidResponse, "the server at its address is not Redis, or expects TLS"),
)


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_LIMIT else f"{text[:_TEXT_LIMIT]}..."
