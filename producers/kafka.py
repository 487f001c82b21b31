"""How to connect to Kafka: its addresses, encryption and sign-in, for every client library."""

import ssl
from typing import Any, Literal, get_args

from msgspec import Struct

from facts.errors import SettingError
from producers.secret import Secret
from producers.tls import tls_context

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
_ADDRESSES = "BLUELAMP_KAFKA"
_ADDRESS_HINT = (
    "Write `host:port` for each broker, separated by commas, with SASL_SSL:// or SSL:// in front of each one if the connection "
    "is encrypted."
)


class Kafka(Struct, frozen=True, kw_only=True):
    """A Kafka, and how clients connect to it.

    Attributes:
        addresses: `host:port` of each broker to start with.
        protocol: the protocol of its listener, in Kafka's words.
        mechanism: the SASL mechanism, if the protocol has SASL.
        user: the SASL user.
        password: the SASL password.
        ca: the file of the certificates (PEM) that sign Kafka's; empty for those that the machine trusts.
        certificate: the file of the client's own certificate (PEM), for mutual TLS; empty for none.
        key: the file of its private key, without a passphrase; empty if the certificate's file has it.
    """

    addresses: tuple[str, ...]
    protocol: Protocol = "PLAINTEXT"
    mechanism: Mechanism = "SCRAM-SHA-512"
    user: str = ""
    password: Secret = Secret("")
    ca: str = ""
    certificate: str = ""
    key: str = ""

    def __str__(self) -> str:
        return ",".join(self.addresses)

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return self.protocol.endswith("SSL")

    @property
    def has_sasl(self) -> bool:
        """Whether clients sign in with a user and a password."""
        return self.protocol.startswith("SASL")

    def tls(self) -> ssl.SSLContext | None:
        """The TLS settings: Kafka's certificate and host name are always checked; None without encryption.

        Raises:
            SettingError: a file cannot be read, or is not a certificate or key.
        """
        return tls_context("BLUELAMP_KAFKA", self.ca, self.certificate, self.key) if self.is_encrypted else None

    def options(self) -> dict[str, Any]:
        """The connection options, which kafka-python and aiokafka name alike.

        Raises:
            SettingError: as `tls`.
        """
        options: dict[str, Any] = {"bootstrap_servers": list(self.addresses), "security_protocol": self.protocol}
        if self.is_encrypted:
            options["ssl_context"] = self.tls()
        if self.has_sasl:
            options |= self.sasl()
        return options

    def sasl(self) -> dict[str, str]:
        """The options of the SASL exchange."""
        return {
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password.reveal(),
        }


KafkaAddress = Kafka | str
"""A Kafka; text is its addresses, as in BLUELAMP_KAFKA, without SASL and with the machine's own trusted certificates."""


def kafka_at(address: KafkaAddress) -> Kafka:
    """The Kafka at an address.

    Raises:
        SettingError: as `parse_addresses`, or the protocol has SASL and there is no user.
    """
    if isinstance(address, Kafka):
        return address
    protocol, addresses = parse_addresses(address)
    return checked(Kafka(addresses=addresses, protocol=protocol))


def parse_addresses(text: str) -> tuple[Protocol, tuple[str, ...]]:
    """The protocol and the addresses in a setting such as `SASL_SSL://a:9093,SASL_SSL://b:9093`.

    Raises:
        SettingError: an address has no port, an unknown protocol, or another protocol than the rest.
    """
    parts = [each.strip().rpartition("://") for each in text.split(",")]
    protocols = {protocol.upper() or "PLAINTEXT" for protocol, _, _ in parts}
    unknown = sorted(protocols - set(get_args(Protocol)))
    if unknown:
        what = f"Kafka has no protocol {unknown[0]!r}."
        hint = f"The protocols are {', '.join(get_args(Protocol))}. {_ADDRESS_HINT}"
        raise SettingError(what, where=_ADDRESSES, hint=hint)
    if len(protocols) > 1:
        what = f"The addresses have different protocols: {', '.join(sorted(protocols))}."
        raise SettingError(what, where=_ADDRESSES, hint=_ADDRESS_HINT)
    [protocol] = [each for each in get_args(Protocol) if each in protocols]
    return protocol, tuple(address for _, _, address in parts)


def checked(kafka: Kafka) -> Kafka:
    """The same Kafka, if its settings agree with each other.

    Raises:
        SettingError: a user, password or certificate is missing, or would not be used.
    """
    what, hint = _disagreement(kafka)
    if what:
        raise SettingError(what, where=f"{_ADDRESSES}={kafka.protocol}://{kafka}", hint=hint)
    return kafka


def _disagreement(kafka: Kafka) -> tuple[str, str]:
    """What is wrong with the settings and what to do; both empty if nothing is."""
    if kafka.has_sasl and not (kafka.user and kafka.password):
        hint = "Set BLUELAMP_KAFKA_USER, and BLUELAMP_KAFKA_PASSWORD or BLUELAMP_KAFKA_PASSWORD_FILE."
        return f"{kafka.protocol} needs a user and a password.", hint
    if kafka.protocol == "SASL_PLAINTEXT" and kafka.mechanism == "PLAIN":
        hint = "Use SASL_SSL://, or set BLUELAMP_KAFKA_MECHANISM to SCRAM-SHA-512."
        return "PLAIN would send the password without encryption.", hint
    if not kafka.has_sasl and (kafka.user or kafka.password):
        hint = f"Write {'SASL_SSL' if kafka.is_encrypted else 'SASL_SSL:// or SASL_PLAINTEXT'}:// in front of each address."
        return f"There is a Kafka user or password, and {kafka.protocol} does not use it.", hint
    if not kafka.is_encrypted and (kafka.ca or kafka.certificate or kafka.key):
        hint = f"Write {'SASL_SSL' if kafka.has_sasl else 'SSL'}:// in front of each address."
        return f"There is a certificate for Kafka, and {kafka.protocol} does not use it.", hint
    return "", ""
