"""A real Apache Kafka with encryption and sign-in: one listener for each way of connecting, right and wrong."""

from pathlib import Path

from bluelamp.wiring.ports import free_ports
from tests.real.certificates import Certificates
from tests.real.kafka_server import KafkaServer

USER, PASSWORD = "bluelamp", "a-password-of-tests"
_PROTOCOLS = {
    "SASL": "SASL_SSL",
    "MUTUAL": "SSL",
    "SCRAM": "SASL_PLAINTEXT",
    "EXPIRED": "SSL",
    "ELSEWHERE": "SSL",
}
_PROPERTIES = """
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port},{listeners}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},{listeners}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{protocols}
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-256
ssl.keystore.type=PEM
ssl.keystore.location={server}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
listener.name.mutual.ssl.client.auth=required
listener.name.expired.ssl.keystore.type=PEM
listener.name.expired.ssl.keystore.location={expired}
listener.name.elsewhere.ssl.keystore.type=PEM
listener.name.elsewhere.ssl.keystore.location={elsewhere}
"""
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


class SecuredKafka(KafkaServer):
    """One broker with a listener for each name of `listener`.

    Args:
        directory: where its settings and its log are.
        certificates: its certificates.
    """

    def __init__(self, directory: Path, certificates: Certificates) -> None:
        super().__init__(directory)
        self._ports = dict(zip(_PROTOCOLS, free_ports(len(_PROTOCOLS)), strict=True))
        listeners = ",".join(f"{name}://localhost:{port}" for name, port in self._ports.items())
        self._more_properties = _PROPERTIES.format(
            **self._values, listeners=listeners, protocols=",".join(f"{name}:{each}" for name, each in _PROTOCOLS.items()),
            server=certificates.server, ca=certificates.ca, expired=certificates.expired, elsewhere=certificates.elsewhere,
        )  # fmt: skip
        for name in ("sasl", "scram"):
            self._more_properties += (
                f'listener.name.{name}.plain.sasl.jaas.config={_PLAIN} required user_{USER}="{PASSWORD}";\n'
                f"listener.name.{name}.scram-sha-256.sasl.jaas.config={_SCRAM} required;\n"
                f"listener.name.{name}.scram-sha-512.sasl.jaas.config={_SCRAM} required;\n"
            )
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            self._format_options += ["--add-scram", f"{mechanism}=[name={USER},password={PASSWORD}]"]

    def listener(self, name: str) -> str:
        """`host:port` of a listener: SASL, MUTUAL, SCRAM, EXPIRED or ELSEWHERE."""
        return f"localhost:{self._ports[name]}"
