"""Connects to Kafka once before a client does, and says in a sentence why that fails: clients only try again until time is up."""

import socket
import ssl
from contextlib import suppress
from itertools import count
from typing import Any

from kafka.net.sasl import get_sasl_mechanism

from facts.errors import PartMissingError
from producers.kafka import Kafka, KafkaAddress, kafka_at
from producers.tls import tls_trouble

_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 5.0
_API_VERSIONS, _HANDSHAKE, _AUTHENTICATE = 18, 17, 36
_UNSUPPORTED_MECHANISM = 33
_ANSWER_BYTES_MAX = 1_000_000
_START = "Start Kafka, or set BLUELAMP_KAFKA to its address; `bluelamp up` starts everything itself."


class RefusedError(PartMissingError):
    """Kafka listens, and refuses this client: a setting or a certificate is wrong."""


def check_reachable(kafka: KafkaAddress) -> None:
    """Check quickly that Kafka listens and, if the address asks for encryption or sign-in, that it grants them.

    Clients try for half a minute, and leave a thread behind when they give up.

    Raises:
        PartMissingError: nothing listens there, or Kafka refuses this client.
        SettingError: a certificate cannot be read.
    """
    target = kafka_at(kafka)
    trouble = _trouble(target, is_thorough=target.protocol != "PLAINTEXT")
    if trouble:
        raise trouble


def check_accepted(kafka: Kafka) -> None:
    """Check that Kafka grants encryption and sign-in if the address asks for them; a client waits for a Kafka that is starting.

    Raises:
        RefusedError: Kafka listens, and refuses this client.
        SettingError: a certificate cannot be read.
    """
    if kafka.protocol != "PLAINTEXT":
        trouble = _trouble(kafka, is_thorough=True)
        if isinstance(trouble, RefusedError):
            raise trouble


def no_answer(kafka: Kafka) -> PartMissingError:
    """Why a client failed, asked of Kafka itself."""
    return _trouble(kafka, is_thorough=True) or _silence(kafka)


def _silence(kafka: Kafka) -> PartMissingError:
    return PartMissingError("Kafka does not answer.", where=str(kafka), hint=_START)


def _trouble(kafka: Kafka, *, is_thorough: bool) -> PartMissingError | None:
    """What is wrong with every address; None if one accepts this client."""
    refused: PartMissingError | None = None
    for address in kafka.addresses:
        try:
            _check(kafka, address, is_thorough=is_thorough)
        except RefusedError as error:
            refused = error
        except (OSError, ValueError):
            continue
        else:
            return None
    return refused or _silence(kafka)


def _check(kafka: Kafka, address: str, *, is_thorough: bool) -> None:
    """Connect once.

    Raises:
        RefusedError: Kafka refuses this client.
        OSError: there is no connection.
        ValueError: the address is not `host:port`.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    with socket.create_connection((host, int(port)), _CONNECT_SECONDS) as plain:
        if not is_thorough:
            return
        plain.settimeout(_ANSWER_SECONDS)
        context = kafka.tls()
        if context is None:
            _Exchange(kafka, address, plain).run()
            return
        try:
            encrypted = context.wrap_socket(plain, server_hostname=host)
        except (ssl.SSLError, ConnectionError, TimeoutError) as error:
            raise _tls_refusal(error, address) from None
        with encrypted:
            _Exchange(kafka, address, encrypted).run()


def _tls_refusal(error: OSError, address: str) -> RefusedError:
    what, hint = tls_trouble(error, "Kafka", "BLUELAMP_KAFKA")
    return RefusedError(what, where=address, hint=hint)


class _Exchange:
    """The first requests of a client: the versions, and with SASL the sign-in.

    Args:
        kafka: how to connect.
        address: of the broker.
        connection: connected, and encrypted if that is asked for.
    """

    def __init__(self, kafka: Kafka, address: str, connection: socket.socket) -> None:
        self._kafka, self._address, self._connection = kafka, address, connection
        self._numbers = count(1)

    def run(self) -> None:
        """Raise RefusedError if Kafka refuses."""
        try:
            self._ask(_API_VERSIONS, 0, b"")
            self._shake_hands()
        except ssl.SSLError as error:
            raise _tls_refusal(error, self._address) from None
        except (OSError, EOFError):
            raise self._refused(*self._closed()) from None

    def _closed(self) -> tuple[str, str]:
        if self._kafka.is_encrypted:
            return "Kafka closed the connection.", "The broker's log says why."
        what = "Kafka closed the connection: it may expect encryption."
        return what, "Write SSL:// or SASL_SSL:// in front of the address, or use the port of another listener."

    def _refused(self, what: str, hint: str) -> RefusedError:
        return RefusedError(what, where=self._address, hint=hint)

    def _shake_hands(self) -> None:
        mechanism = self._kafka.mechanism.encode()
        answer = self._ask(_HANDSHAKE, 1, len(mechanism).to_bytes(2, "big") + mechanism)
        error, offered = int.from_bytes(answer[:2], "big", signed=True), _strings(answer[2:])
        has_sasl = error in (0, _UNSUPPORTED_MECHANISM)
        if has_sasl and not self._kafka.has_sasl:
            hint = "Write SASL_SSL:// in front of the address, and set BLUELAMP_KAFKA_USER and its password."
            raise self._refused("Kafka asks for a user and a password.", hint)
        if not self._kafka.has_sasl:
            return
        if not has_sasl:
            hint = "Set BLUELAMP_KAFKA to the port of a listener with SASL, or write SSL:// for a client certificate alone."
            raise self._refused("The address asks for SASL, and Kafka does not offer it there.", hint)
        if error:
            hint = f"Set BLUELAMP_KAFKA_MECHANISM to one that it offers: {', '.join(offered) or 'none'}."
            raise self._refused(f"Kafka does not offer {self._kafka.mechanism}.", hint)
        self._sign_in()

    def _sign_in(self) -> None:
        exchange = get_sasl_mechanism(self._kafka.mechanism)(host="", **self._kafka.sasl())
        while not exchange.is_done():
            token = exchange.auth_bytes()
            answer = self._ask(_AUTHENTICATE, 0, len(token).to_bytes(4, "big") + token)
            error, message = answer[:2], int.from_bytes(answer[2:4], "big", signed=True)
            if error != b"\0\0":
                hint = "Correct BLUELAMP_KAFKA_USER and its password, or create the user in Kafka."
                raise self._refused(f"Kafka does not accept the password of {self._kafka.user}.", hint)
            self._receive(exchange, answer[4 + max(0, message) :][4:])

    def _receive(self, exchange: Any, token: bytes) -> None:
        try:
            exchange.receive(token)
        except Exception:  # noqa: BLE001 - whatever the library raises, the server has not proved that it knows the password
            hint = "Check that BLUELAMP_KAFKA leads to your own Kafka."
            raise self._refused("Kafka did not prove that it knows the password.", hint) from None

    def _ask(self, key: int, version: int, body: bytes) -> bytes:
        """Send a request; returns the answer without its header."""
        client = b"bluelamp"
        head = b"".join(
            number.to_bytes(size, "big")
            for number, size in ((key, 2), (version, 2), (next(self._numbers), 4), (len(client), 2))
        )
        request = head + client + body
        self._connection.sendall(len(request).to_bytes(4, "big") + request)
        size = self._read(4)
        if size[:1] == b"\x15":  # the first byte of a TLS alert
            raise self._refused(
                "Kafka expects encryption at this address.",
                "Write SSL:// or SASL_SSL:// in front of it, or use the port of another listener.",
            )
        length = int.from_bytes(size, "big")
        if not 4 <= length <= _ANSWER_BYTES_MAX:  # noqa: PLR2004 - the header is four bytes long
            raise self._refused("Another program answers at this address, not Kafka.", _START)
        return self._read(length)[4:]

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = self._connection.recv(size - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return data


def _strings(data: bytes) -> list[str]:
    """An array of strings in Kafka's encoding; what is cut off is left out."""
    texts, at = [], 4
    with suppress(UnicodeDecodeError):
        for _ in range(min(int.from_bytes(data[:4], "big"), 100)):
            size = int.from_bytes(data[at : at + 2], "big")
            texts.append(data[at + 2 : at + 2 + size].decode())
            at += 2 + size
    return texts
