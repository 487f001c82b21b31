"""Test certificates: an authority, another one that nobody trusts, and what they sign."""

import subprocess
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_CA = """
[ca]
default_ca = it
[it]
database = {directory}/index.txt
new_certs_dir = {directory}
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""
_VALID, _EXPIRED = ("20200101000000Z", "20491231000000Z"), ("20200101000000Z", "20210101000000Z")


class Certificates:
    """Certificates made with openssl; each file has a certificate and its key, as PEM.

    Args:
        directory: where they are written.

    Attributes:
        ca: the certificate of the authority.
        other_ca: that of another authority.
        server: for localhost and 127.0.0.1.
        expired: for the same, and it has expired.
        elsewhere: for another host.
        client: a client's.
        other_client: a client's, signed by the other authority.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "index.txt").touch()
        (directory / "ca.cnf").write_text(_CA.format(directory=directory))
        self.ca, self.other_ca = self._authority("ca"), self._authority("other_ca")
        here = "DNS:localhost,IP:127.0.0.1"
        self.server = self._signed("server", here)
        self.expired = self._signed("expired", here, _EXPIRED)
        self.elsewhere = self._signed("elsewhere", "DNS:kafka.example")
        self.client = self._signed("client", "DNS:client.example")
        self.other_client = self._signed("other_client", "DNS:client.example", authority="other_ca")

    def key_of(self, certificate: Path) -> Path:
        """The file of a certificate's key alone."""
        return certificate.with_suffix(".key")

    def _authority(self, name: str) -> Path:
        certificate = self._directory / f"{name}.pem"
        self._run(
            "req",
            "-x509",
            *_KEY,
            "-days",
            "3650",
            "-subj",
            f"/CN={name}",
            "-keyout",
            f"{name}.key",
            "-out",
            certificate,
        )
        return certificate

    def _signed(self, name: str, names: str, valid: tuple[str, str] = _VALID, authority: str = "ca") -> Path:
        request, signed, both = (self._directory / f"{name}.{end}" for end in ("csr", "crt", "pem"))
        self._run(
            "req", *_KEY, "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-keyout", f"{name}.key", "-out", request
        )  # fmt: skip
        self._run(
            "ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", f"{authority}.pem", "-keyfile", f"{authority}.key",
            "-startdate", valid[0], "-enddate", valid[1], "-in", request, "-out", signed,
        )  # fmt: skip
        both.write_text(self.key_of(both).read_text() + signed.read_text())
        return both

    def _run(self, *arguments: str | Path) -> None:
        subprocess.run(["openssl", *map(str, arguments)], cwd=self._directory, check=True, capture_output=True)
