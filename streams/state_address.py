"""How to connect to the state server: its URL, encryption and user, for every client."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from facts.errors import IncompleteError, SettingError
from producers.secret import Secret
from producers.tls import tls_context
from streams.refusal import WORDS

_ENCRYPTED = "rediss://"


class StateServerAddress(Struct, frozen=True, kw_only=True):
    """A state server, and how clients connect to it.

    Attributes:
        url: its URL; `rediss://` encrypts the connection.
        user: the user (ACL); empty for that of the URL, or Redis's default user.
        password: the password; empty for that of the URL, or none.
        ca: the file of the certificates (PEM) that sign the server's; empty for those that the machine trusts.
        certificate: the file of the client's own certificate (PEM), for mutual TLS; empty for none.
        key: the file of its private key, without a passphrase; empty if the certificate's file has it.
    """

    url: str
    user: str = ""
    password: Secret = Secret("")
    ca: str = ""
    certificate: str = ""
    key: str = ""


StateAddress = StateServerAddress | str
"""A state server; text is its URL alone."""


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


def check_no_cluster(info: Mapping[str, Any]) -> None:
    """Refuse a Redis Cluster before anything is written to it.

    Args:
        info: the section `cluster` of Redis' INFO; a server without that section is no cluster.

    Raises:
        IncompleteError: it is a cluster.
    """
    if str(info.get("cluster_enabled", 0)) != "0":
        what = f"{WORDS['cluster'].what}."
        raise IncompleteError(what, where="BLUELAMP_REDIS", hint=WORDS["cluster"].hint)


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
