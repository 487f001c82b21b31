"""Encrypted connections with sign-in, to real servers: everything works, and what is wrong is said in a sentence."""

import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace
from redis.exceptions import RedisError

from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import state_client
from bluelamp.wiring.ports import free_ports
from bluelamp.wiring.settings import Settings
from producers.kafka import Kafka
from producers.kafka_probe import RefusedError, check_reachable, no_answer
from producers.publish import connect
from producers.secret import Secret
from streams.log import LogClient
from streams.refusal import refusal_of
from tests.integration.conftest import FORCE
from tests.integration.test_commands import NO_PARTS, command
from tests.integration.test_faults import week
from tests.real.certificates import Certificates
from tests.real.parts import missing
from tests.real.secured_kafka import PASSWORD, USER, SecuredKafka
from tests.real.secured_redis import ADMIN, SecuredRedis
from tests.support.live import compare_now, until_now
from tests.support.system import System, running, until

pytestmark = pytest.mark.real
HEAVY = pytest.mark.faults


class Secured(NamedTuple):
    """The servers, and their certificates."""

    kafka: SecuredKafka
    redis: SecuredRedis
    certificates: Certificates

    def settings(self, **changed: Any) -> dict[str, Any]:
        """The settings that are right."""
        right = {
            "kafka_user": USER,
            "kafka_password": Secret(PASSWORD),
            "kafka_ca": str(self.certificates.ca),
            "redis_user": USER,
            "redis_password": Secret(PASSWORD),
            "redis_ca": str(self.certificates.ca),
        }
        return right | changed


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Kafka and Redis with encryption and sign-in."""
    reason = missing("kafka") or missing("redis") or missing("openssl")
    if reason:
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("secured")
    certificates = Certificates(directory / "certificates")
    kafka = SecuredKafka(directory / "kafka", certificates)
    kafka.start()
    try:
        with SecuredRedis(directory / "redis", certificates, certificates.server) as redis:
            yield Secured(kafka, redis, certificates)
    finally:
        kafka.kill()


@pytest.fixture
def secured_system(secured: Secured, tmp_path: Path) -> Callable[..., System]:
    """A system on those servers, by Kafka's address; its state is `bluelamp`, as the rights of the Redis user say."""

    def make(kafka: str, **changed: Any) -> System:
        return System(kafka, secured.redis.url, tmp_path, "bluelamp", FORCE, **secured.settings(**changed))

    return make


@HEAVY
@pytest.mark.timeout(600)
def test_every_part_works_encrypted_and_figures_equal_the_recount(
    secured: Secured, secured_system: Callable[..., System]
) -> None:
    """The worker signs in by one mechanism, and then by each other one; so do publisher, recount, rebuild and commands."""
    address = f"SASL_SSL://{secured.kafka.listener('SASL')}"
    facts = until_now(week())
    with running(secured_system(address)) as system:
        with system.publisher() as publisher:
            for fact in facts[-1500:]:
                publisher.publish(fact)
        system.settle()
        found = compare_now(system, FORCE, ("24h",))
        assert found.cells > 0
        assert found.differences == []
        assert command(system, "rebuild", "--switch").returncode == 0
        _, results = checked(system)
        assert {results[name]["state"] for name in ("log", "state server", "state")} == {"good"}, results
    for mechanism in ("PLAIN", "SCRAM-SHA-256"):
        with running(secured_system(address, kafka_mechanism=mechanism)) as system:
            with system.publisher() as publisher:
                publisher.publish(facts[0])
            system.settle()
    certificate = str(secured.certificates.client)
    changed = {"kafka_user": "", "kafka_password": Secret(""), "kafka_certificate": certificate}
    with running(secured_system(f"SSL://{secured.kafka.listener('MUTUAL')}", **changed)) as system:
        with system.publisher() as publisher:
            publisher.publish(facts[1])
        system.settle()
        assert compare_now(system, FORCE, ("60m",)).differences == []


def checked(system: System, **variables: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit status and results of `bluelamp check`."""
    answer = command(system, "check", "--json", **NO_PARTS, **variables)
    return answer.returncode, {each["check"]: each for each in json.loads(answer.stdout)}


@HEAVY
def test_check_says_what_is_wrong_with_a_connection(secured: Secured, secured_system: Callable[..., System]) -> None:
    """One sentence that says what is wrong, and one that names the setting; never the password."""
    kafka, certificates = secured.kafka, secured.certificates
    sasl, ssl = f"SASL_SSL://{kafka.listener('SASL')}", {"BLUELAMP_KAFKA_USER": "", "BLUELAMP_KAFKA_PASSWORD": ""}
    wrong: list[tuple[dict[str, str], str, str]] = [
        ({"BLUELAMP_KAFKA_CA": str(certificates.other_ca)}, "certificate is not trusted", "BLUELAMP_KAFKA_CA"),
        ({"BLUELAMP_KAFKA": f"SSL://{kafka.listener('EXPIRED')}", **ssl}, "certificate has expired", "Renew"),
        ({"BLUELAMP_KAFKA": f"SSL://{kafka.listener('ELSEWHERE')}", **ssl}, "for another host name", "BLUELAMP_KAFKA"),
        ({"BLUELAMP_KAFKA_PASSWORD": "wrong-secret"}, "does not accept the password", "BLUELAMP_KAFKA_USER"),
        ({"BLUELAMP_KAFKA": f"SASL_SSL://{kafka.bootstrap}"}, "does not use it", "BLUELAMP_KAFKA"),
        (
            {"BLUELAMP_KAFKA": f"SASL_PLAINTEXT://{kafka.bootstrap}", "BLUELAMP_KAFKA_CA": ""},
            "does not offer it",
            "SASL",
        ),
        ({"BLUELAMP_KAFKA": f"SSL://{kafka.listener('SASL')}", **ssl}, "asks for a user", "BLUELAMP_KAFKA_USER"),
        (
            {"BLUELAMP_KAFKA": f"SSL://{kafka.listener('MUTUAL')}", **ssl},
            "asks for a client certificate",
            "_CERTIFICATE",
        ),
        ({"BLUELAMP_KAFKA": f"SASL_SSL://{kafka.listener('EXPIRED')}"}, "certificate has expired", "Renew"),
        ({"BLUELAMP_KAFKA": kafka.listener("SASL")}, "does not use it", "SASL_SSL"),
    ]
    system = secured_system(sasl)
    for variables, what, hint in wrong:
        status, results = checked(system, **variables)
        assert (status, results["log"]["state"]) == (2, "bad"), (variables, results["log"])
        assert what in results["log"]["what"], (variables, results["log"])
        assert hint in results["log"]["hint"], (variables, results["log"])
        assert "wrong-secret" not in json.dumps(results)
    system.redis.close()


@HEAVY
def test_a_plain_address_at_an_encrypted_or_signed_in_listener_is_explained(secured: Secured) -> None:
    for name, what in (("SASL", "expects encryption"), ("MUTUAL", "expects encryption"), ("SCRAM", "asks for a user")):
        error = no_answer(Kafka(addresses=(secured.kafka.listener(name),)))
        assert what in error.what
    scram = Kafka(
        addresses=(secured.kafka.listener("SCRAM"),), protocol="SASL_PLAINTEXT", user=USER, password=Secret(PASSWORD)
    )
    assert "does not offer SCRAM-SHA-512" in no_answer(scram).what
    assert "SCRAM-SHA-256" in no_answer(scram).hint


# Light: without a Kafka, as the handshake fails before anything is asked of it.


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates."""
    reason = missing("redis") or missing("openssl")
    if reason:
        pytest.skip(reason)
    return Certificates(tmp_path_factory.mktemp("certificates"))


@contextmanager
def answering(certificate: Path | None) -> Iterator[str]:
    """A server that shows a certificate and then says nothing; without one, it answers in plain text."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        if certificate:
            context.load_cert_chain(certificate)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with suppress(OSError), connection:
                        if certificate:
                            context.wrap_socket(connection, server_side=True).close()
                        else:
                            connection.sendall(b"not TLS")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"localhost:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_a_server_that_cannot_prove_its_identity_is_refused(certificates: Certificates) -> None:
    """An address that asks for encryption is refused if the server does not encrypt, or is not the right server."""
    right = {"protocol": "SASL_SSL", "ca": str(certificates.ca), "user": USER, "password": Secret(PASSWORD)}
    cases: list[tuple[Path | None, dict[str, Any], str]] = [
        (certificates.expired, {}, "Kafka's certificate has expired."),
        (certificates.elsewhere, {}, "Kafka's certificate is for another host name."),
        (certificates.server, {"ca": str(certificates.other_ca)}, "Kafka's certificate is not trusted: "),
        (certificates.server, {"ca": ""}, "Kafka's certificate is not trusted: "),
        (None, {}, "The address asks for encryption, and what answers there does not use it."),
    ]
    for certificate, changed, what in cases:
        with answering(certificate) as address:
            kafka = Kafka(**{"addresses": (address,), **right, **changed})
            with pytest.raises(RefusedError) as caught:
                check_reachable(kafka)
            assert caught.value.what.startswith(what)
            assert caught.value.where == address
            assert "BLUELAMP_KAFKA" in caught.value.hint or "Renew" in caught.value.hint
            with pytest.raises(RefusedError):
                LogClient(kafka)
            with pytest.raises(RefusedError):
                connect(kafka, now=wall, monotonic=time.monotonic)


def test_redis_with_encryption_and_users(certificates: Certificates, tmp_path: Path) -> None:
    """Its user gets in; anything else is refused, with the cause."""
    with SecuredRedis(tmp_path / "redis", certificates, certificates.server, asks_for_certificate=True) as redis:
        right = Settings(
            redis=redis.url,
            redis_user=USER,
            redis_password=Secret(PASSWORD),
            redis_ca=str(certificates.ca),
            redis_certificate=str(certificates.client),
        )
        with state_client(right) as client:
            assert client.set("bluelamp:one", "1")
            assert client.get("bluelamp:one") == "1"
        cases: list[tuple[dict[str, Any], str]] = [
            ({"redis_password": Secret("wrong-secret")}, "denies access"),
            ({"redis_user": "somebody"}, "denies access"),
            ({"redis_ca": str(certificates.other_ca)}, "is not trusted"),
            ({"redis_ca": ""}, "is not trusted"),
            ({"redis_certificate": ""}, "a client certificate that it trusts"),
            ({"redis_certificate": str(certificates.other_client)}, "a client certificate that it trusts"),
            (
                {"redis": redis.url.replace("rediss", "redis"), "redis_ca": "", "redis_certificate": ""},
                "does not answer",
            ),
        ]
        for changed, what in cases:
            assert what in refused(replace(right, **changed)), changed
    for certificate, what in (
        (certificates.expired, "has expired"), (certificates.elsewhere, "for another host name"), (None, "does not use it")
    ):  # fmt: skip
        with answering(certificate) as address:
            assert what in refused(replace(right, redis=f"rediss://{address}/0")), certificate


SENTINEL = """
port 0
tls-port {port}
bind 127.0.0.1
dir {directory}
tls-cert-file {certificate}
tls-key-file {certificate}
tls-ca-cert-file {ca}
tls-auth-clients no
tls-replication yes
sentinel monitor state 127.0.0.1 {primary} 1
sentinel auth-user state admin
sentinel auth-pass state {password}
requirepass of-the-sentinel
"""


def test_sentinel_and_cluster_with_encryption_and_users(certificates: Certificates, tmp_path: Path) -> None:
    """Both lead to a server whose certificate is checked, and which asks for the user's password."""
    right = Settings(redis_user=USER, redis_password=Secret(PASSWORD), redis_ca=str(certificates.ca))
    port, bus = free_ports(2)
    options = ("--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-port", str(bus),
               "--cluster-announce-hostname", "localhost", "--cluster-preferred-endpoint-type", "hostname")  # fmt: skip
    with (
        SecuredRedis(tmp_path / "redis", certificates, certificates.server) as redis,
        SecuredRedis(tmp_path / "cluster", certificates, certificates.server, *options) as node,
    ):
        node.client(ADMIN).execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)  # type: ignore[no-untyped-call]
        file = tmp_path / "sentinel.conf"
        file.write_text(
            SENTINEL.format(port=port, directory=tmp_path, certificate=certificates.server, ca=certificates.ca, primary=redis.port, password=PASSWORD)
        )  # fmt: skip
        sentinel = subprocess.Popen(["redis-server", str(file), "--sentinel"], stdout=subprocess.DEVNULL)
        try:
            for address in (f"rediss+sentinel://localhost:{port}/state/0", f"rediss+cluster://localhost:{node.port}"):
                known = replace(right, redis=address, redis_sentinel_password=Secret("of-the-sentinel"))
                until(partial(keeps, known), 60, f"{address} to keep a value")
                for changed in (
                    {"redis_ca": str(certificates.other_ca)},
                    {"redis_password": Secret("wrong-secret")},
                    {"redis": address.replace("rediss", "redis"), "redis_ca": ""},
                ):
                    assert refused(replace(known, **changed)), (address, changed)
        finally:
            sentinel.kill()
            sentinel.wait()


def keeps(settings: Settings) -> bool:
    """Whether the state server can be written and read."""
    with suppress(RedisError), state_client(settings) as client:
        client.set("bluelamp:one", "1")
        return bool(client.get("bluelamp:one") == "1")
    return False


def refused(settings: Settings) -> str:
    """Why the state server refuses, in words; they never contain a password."""
    with pytest.raises((RedisError, OSError)) as caught, state_client(settings) as client:
        client.get("bluelamp:one")
    words = refusal_of(caught.value).words()
    assert "wrong-secret" not in words
    assert PASSWORD not in words
    return words
