"""A real Apache Kafka with encryption, sign-in and rights: one listener for each way of connecting, right and wrong."""

import re
from collections.abc import Iterator
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

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
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
listener.name.expired.ssl.keystore.type=PEM
listener.name.expired.ssl.keystore.location={expired}
listener.name.elsewhere.ssl.keystore.type=PEM
listener.name.elsewhere.ssl.keystore.location={elsewhere}
"""
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


_PRINCIPALS = (f"User:{USER}", "User:CN=client")
_DOCUMENTED = Path(__file__).parents[2] / "docs" / "run" / "secured.md"


def documented_rights() -> Iterator[ACL]:
    """The rights that the documentation gives to Blue Lamp's user in Kafka, for each user of these tests."""
    for command in re.findall(r"kafka-acls\.sh .*", _DOCUMENTED.read_text()):
        names = [(ResourceType.TOPIC, each) for each in re.findall(r"--topic (\S+)", command)]
        names += [(ResourceType.GROUP, each) for each in re.findall(r"--group (\S+)", command)]
        for operation in re.findall(r"--operation (\S+)", command):
            kind = ACLOperation[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper()]
            for place in (ResourcePattern(*each) for each in names):
                yield from (ACL(each, "*", kind, ACLPermissionType.ALLOW, place) for each in _PRINCIPALS)


class SecuredKafka(KafkaServer):
    """One broker with a listener for each name of `listener`. Its users have the rights that the documentation gives them, and no others.

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

    def start(self, within_seconds: float = 90.0) -> None:
        """Start it, and give the users their rights."""
        super().start(within_seconds)
        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            done = admin.create_acls([*documented_rights()])
        assert not done["failed"], done

    def listener(self, name: str) -> str:
        """`host:port` of a listener: SASL, MUTUAL, SCRAM, EXPIRED or ELSEWHERE."""
        return f"localhost:{self._ports[name]}"
