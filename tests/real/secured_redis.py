"""Debian's Redis with encryption and users: nobody gets in without TLS and a password."""

import subprocess
import time
from pathlib import Path
from typing import Self

from redis import Redis

from bluelamp.wiring.ports import free_ports
from tests.real.certificates import Certificates

USER, PASSWORD, ADMIN = "bluelamp", "a-password-of-tests", "admin"
# As docs/run/operating.md says.
_RULES = f"user {USER} on >{PASSWORD} ~bluelamp:* +@all -@dangerous +info +config|get"


class SecuredRedis:
    """One server on loopback.

    Args:
        directory: its data.
        certificates: its certificates.
        certificate: the one that it shows.
        options: further options of redis-server.
        asks_for_certificate: whether clients need a certificate too.
    """

    def __init__(
        self,
        directory: Path,
        certificates: Certificates,
        certificate: Path,
        *options: str,
        asks_for_certificate: bool = False,
    ) -> None:
        [self.port] = free_ports(1)
        directory.mkdir(parents=True)
        self._certificates = certificates
        (directory / "users.acl").write_text(f"user default off\n{_RULES}\nuser {ADMIN} on >{PASSWORD} ~* &* +@all\n")
        self._arguments = [
            "redis-server", "--port", "0", "--tls-port", str(self.port), "--bind", "127.0.0.1", "--dir", str(directory),
            "--tls-cert-file", str(certificate), "--tls-key-file", str(certificate),
            "--tls-ca-cert-file", str(certificates.ca), "--tls-auth-clients", "yes" if asks_for_certificate else "no",
            "--aclfile", str(directory / "users.acl"), "--appendonly", "yes", "--save", "", *options,
        ]  # fmt: skip

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._arguments, stdout=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 20
        while not self._responds():
            assert self._process.poll() is None, "Redis has ended"
            assert time.monotonic() < deadline, "Redis does not answer"
            time.sleep(0.02)
        return self

    def _responds(self) -> bool:
        client = self.client(USER)
        try:
            return bool(client.ping())
        except Exception:  # noqa: BLE001 - any error of the library means that it does not answer yet
            return False
        finally:
            client.close()

    def client(self, user: str) -> Redis:
        """A client of this server that signs in as a user."""
        certificate = str(self._certificates.client)
        return Redis(
            port=self.port, username=user, password=PASSWORD, ssl=True, ssl_cert_reqs="none", ssl_check_hostname=False,
            ssl_certfile=certificate, ssl_keyfile=certificate,
        )  # fmt: skip

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)

    @property
    def url(self) -> str:
        """Its address."""
        return f"rediss://localhost:{self.port}/0"
