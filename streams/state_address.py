"""How to connect to the state server: its URL, encryption and user, for every client."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import Struct
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.sentinel import Sentinel

from facts.errors import IncompleteError, SettingError
from producers.secret import Secret
from producers.tls import tls_context
from streams.cluster_client import AsyncClusterRedis, ClusterHosts, ClusterRedis
from streams.refusal import CLUSTER_ADDRESS, IS_A_CLUSTER

_ENCRYPTED = ("rediss://", "rediss+")
_SENTINEL = ("redis+sentinel", "rediss+sentinel")
_CLUSTER = ("redis+cluster", "rediss+cluster")


class StateServerAddress(Struct, frozen=True, kw_only=True):
    """A state server, and how clients connect to it.

    Attributes:
        url: its URL; `rediss://` encrypts the connection.
        user: the user (ACL); empty for that of the URL, or Redis's default user.
        password: the password; empty for that of the URL, or none.
        ca: the file of the certificates (PEM) that sign the server's; empty for those that the machine trusts.
        certificate: the file of the client's own certificate (PEM), for mutual TLS; empty for none.
        key: the file of its private key, without a passphrase; empty if the certificate's file has it.
        sentinel_user: the user at the sentinels; empty for their default user.
        sentinel_password: the password at the sentinels; empty if they need none.
    """

    url: str
    user: str = ""
    password: Secret = Secret("")
    ca: str = ""
    certificate: str = ""
    key: str = ""
    sentinel_user: str = ""
    sentinel_password: Secret = Secret("")


class Watched(NamedTuple):
    """A state server behind Redis Sentinel.

    Attributes:
        sentinels: the addresses of the sentinels.
        name: the name under which they watch the primary.
        database: the number of the database.
    """

    sentinels: list[tuple[str, int]]
    name: str
    database: int


StateAddress = StateServerAddress | str
"""A state server; text is its URL alone."""


def blocking_client(address: StateAddress, **options: Any) -> Redis:
    """A blocking client of the state server, of its current primary if sentinels watch it, or of a cluster.

    It decodes replies to text.

    Args:
        address: the state server.
        options: options of the client, such as its timeouts.

    Raises:
        SettingError: a certificate cannot be read or would not be used, or the address is incomplete.
    """
    arguments, watched = _arguments(address)
    if isinstance(watched, ClusterHosts):
        return ClusterRedis(watched, **arguments, **options)
    if watched is None:
        return Redis.from_url(**arguments, **options)
    known = _of_sentinels(arguments, address)
    client: Redis = Sentinel(watched.sentinels, sentinel_kwargs=known).master_for(  # type: ignore[no-untyped-call]
        watched.name, db=watched.database, **arguments, **options
    )
    return client


def async_client(address: StateAddress, **options: Any) -> AsyncRedis:
    """The same for asyncio."""
    arguments, watched = _arguments(address)
    if isinstance(watched, ClusterHosts):
        return AsyncClusterRedis(watched, **arguments, **options)
    if watched is None:
        return AsyncRedis.from_url(**arguments, **options)
    known = _of_sentinels(arguments, address)
    client: AsyncRedis = AsyncSentinel(watched.sentinels, sentinel_kwargs=known).master_for(  # type: ignore[no-untyped-call]
        watched.name, db=watched.database, **arguments, **options
    )
    return client


def watched_by(url: str) -> Watched | None:
    """What the sentinels of a URL such as `redis+sentinel://one:26379,two:26379/NAME/0` watch; None for any other URL.

    Raises:
        SettingError: the URL names no sentinel with a port, or no primary.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in _SENTINEL:
        return None
    hosts, _, path = rest.partition("/")
    name, _, database = path.partition("/")
    found = _hosts(hosts)
    if not name or not found:
        hint = f"Write {scheme}://HOST:26379,HOST:26379/NAME, with the name that the sentinels give to the primary. {_USER_HINT}"
        raise SettingError("The address of the sentinels is incomplete.", where="BLUELAMP_REDIS", hint=hint)
    return Watched(found, name, int(database or 0))


def cluster_of(url: str) -> ClusterHosts | None:
    """Where the cluster of a URL such as `redis+cluster://one:6379,two:6379` is; None for any other URL.

    Raises:
        SettingError: the URL names no node with a port, or a database.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in _CLUSTER:
        return None
    hosts, _, database = rest.partition("/")
    found = _hosts(hosts)
    if database not in ("", "0") or not found:
        hint = (
            f"Write {scheme}://HOST:6379,HOST:6379,HOST:6379, without a database: a cluster has only one. {_USER_HINT}"
        )
        raise SettingError("The address of the cluster cannot be used.", where="BLUELAMP_REDIS", hint=hint)
    return ClusterHosts(found)


_USER_HINT = "Set the user and the password in BLUELAMP_REDIS_USER and BLUELAMP_REDIS_PASSWORD."


def _hosts(text: str) -> list[tuple[str, int]]:
    """Hosts with their ports; none if one of them has no port, or the text has a password."""
    found = [each.strip().rpartition(":") for each in text.split(",")]
    if "@" in text or not all(host and port.isdecimal() for host, _, port in found):
        return []
    return [(host, int(port)) for host, _, port in found]


def _arguments(address: StateAddress) -> tuple[dict[str, Any], Watched | ClusterHosts | None]:
    arguments = connection_of(address)
    watched = watched_by(arguments["url"]) or cluster_of(arguments["url"])
    if watched is not None:
        is_encrypted = arguments.pop("url").startswith(_ENCRYPTED)
        arguments |= {"ssl": True} if is_encrypted else {}
    return arguments, watched


def _of_sentinels(arguments: Mapping[str, Any], address: StateAddress) -> dict[str, Any]:
    """How to connect to the sentinels: with the same encryption as to the state server, but with the sentinels' own user and password."""
    tls = {name: value for name, value in arguments.items() if name.startswith("ssl")}
    if isinstance(address, StateServerAddress) and address.sentinel_password:
        tls |= {"username": address.sentinel_user or None, "password": address.sentinel_password.reveal()}
    return {**tls, "decode_responses": True, "socket_timeout": 1.0, "socket_connect_timeout": 1.0}


def connection_of(address: StateAddress) -> dict[str, Any]:
    """The arguments of redis-py's `from_url`, the same for its blocking and its asyncio clients.

    Raises:
        SettingError: a certificate cannot be read, or would not be used.
    """
    server = StateServerAddress(url=address) if isinstance(address, str) else address
    found: dict[str, Any] = {"url": server.url, "decode_responses": True}
    found |= {"username": server.user} if server.user else {}
    found |= {"password": server.password.reveal()} if server.password else {}
    return found | _tls(server)


def check_address(address: StateAddress, info: Mapping[str, Any]) -> None:
    """Refuse a Redis Cluster under the address of a single server, before anything is written to it.

    Args:
        address: the state server.
        info: the section `cluster` of Redis' INFO; a server without that section is not a cluster.

    Raises:
        IncompleteError: it is a cluster, and the address does not say so.
    """
    url = address if isinstance(address, str) else address.url
    if cluster_of(url) is None and str(info.get("cluster_enabled", 0)) != "0":
        raise IncompleteError(f"{IS_A_CLUSTER}.", where="BLUELAMP_REDIS", hint=CLUSTER_ADDRESS)


def servers_of(redis: Redis) -> list[tuple[str, Redis]]:
    """Each server behind a client, with a name for people; all nodes of a cluster, because a replica may become a primary.

    Raises:
        RedisError: no node of the cluster answers.
    """
    return redis.nodes() if isinstance(redis, ClusterRedis) else [("Redis", redis)]


def _tls(server: StateServerAddress) -> dict[str, Any]:
    if not server.url.startswith(_ENCRYPTED):
        if server.ca or server.certificate or server.key:
            what, hint = "There is a certificate for Redis, and redis:// does not use it.", "Write rediss:// instead."
            raise SettingError(what, where="BLUELAMP_REDIS", hint=hint)
        return {}
    # redis-py reads the files itself, at every connection, and its errors do not name them.
    tls = tls_context("BLUELAMP_REDIS", server.ca, server.certificate, server.key)
    return {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_min_version": tls.minimum_version,
        "ssl_ca_certs": server.ca or None,
        "ssl_certfile": server.certificate or None,
        "ssl_keyfile": server.key or None,
    }
