"""What the exporter watches besides figures: starts of processes, the archive's age, free disk space and certificates."""

import os
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from prometheus_client.core import GaugeMetricFamily, Metric
from redis import Redis
from redis.exceptions import RedisError

from bluelamp.wiring.clock import wall
from bluelamp.wiring.connections import state_client
from bluelamp.wiring.settings import Settings
from producers.kafka import parse_addresses
from streams.archive_report import ArchiveReport, last_report, report_families, save_report
from streams.started import start_families, starts
from streams.state_address import cluster_of, watched_by

_CONNECT_SECONDS = 2.0


def own_parts(settings: Settings, redis: Redis, now: Callable[[], datetime]) -> Iterator[Metric]:
    """Starts, the archive's age and free disk space; what the state server cannot provide is left out.

    Args:
        settings: name the state and the directories.
        redis: a client of the state server.
        now: the wall clock.
    """
    report: ArchiveReport | None = None
    with suppress(RedisError, OSError):
        yield from start_families(starts(redis, settings.state_name), now())
        report = last_report(redis, settings.state_name)
        yield from report_families(report, now())
    disks = {"data": free_ratio(settings.data)}
    if report:
        disks["archive"] = report.free_ratio
    yield _family("bluelamp_disk_free_ratio", "The free share of the disk of a directory.", "disk", disks)


def report_archived(settings: Settings) -> None:
    """Record that the archive has just copied the log; if the state server does not answer, the next run records it."""
    with suppress(RedisError, OSError):
        redis = state_client(settings)
        save_report(redis, settings.state_name, ArchiveReport(wall(), free_ratio(settings.archive)))


def free_ratio(directory: str) -> float:
    """The free share of the disk that a directory is on, or would be on if it existed."""
    path = Path(directory).absolute()
    while not path.exists():
        path = path.parent
    disk = os.statvfs(path)
    return disk.f_bavail / disk.f_blocks if disk.f_blocks else 1.0


def certificate_families(settings: Settings, now: Callable[[], datetime]) -> Iterator[Metric]:
    """How long each certificate is still valid: our own, the authorities', and those that the servers present.

    Args:
        settings: the files, and the addresses of Kafka and the state server.
        now: the wall clock.
    """
    ends = {**_in_files(settings), **_of_servers(settings)}
    left = {name: (end - now()).total_seconds() for name, end in ends.items()}
    yield _family(
        "bluelamp_certificate_expires_in_seconds", "How long a certificate is still valid.", "certificate", left
    )


def _in_files(settings: Settings) -> dict[str, datetime]:
    files = {
        name: getattr(settings, name) for name in ("kafka_ca", "kafka_certificate", "redis_ca", "redis_certificate")
    }
    found: dict[str, datetime] = {}
    for name, path in files.items():
        with suppress(OSError, ValueError):
            if path:
                found[name] = earliest_end(x509.load_pem_x509_certificates(Path(path).read_bytes()))
    return found


def _of_servers(settings: Settings) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for name, (host, port) in _encrypted_servers(settings).items():
        with suppress(OSError, ValueError):
            found[name] = earliest_end([_presented(host, port)])
    return found


def _encrypted_servers(settings: Settings) -> Mapping[str, tuple[str, int]]:
    protocol, addresses = parse_addresses(settings.kafka)
    servers: dict[str, tuple[str, int]] = {}
    if "SSL" in protocol:
        for each in addresses:
            host, _, port = each.rpartition(":")
            servers[f"kafka {each}"] = (host.strip("[]"), int(port))
    return servers | _encrypted_redis(settings.redis)


def _encrypted_redis(url: str) -> dict[str, tuple[str, int]]:
    """The state server, or the sentinels or nodes that its address names, if the connection is encrypted."""
    if not url.startswith("rediss"):
        return {}
    watched, cluster = watched_by(url), cluster_of(url)
    hosts = [*(watched.sentinels if watched else ()), *(cluster.hosts if cluster else ())]
    if hosts:
        return {f"redis {host}:{port}": (host, port) for host, port in hosts}
    redis = urlsplit(url)
    return {"redis": (redis.hostname or "", redis.port or 6379)}


def _presented(host: str, port: int) -> x509.Certificate:
    """The certificate that a server presents. It is not verified here: clients verify it when they connect."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, port), _CONNECT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")


def earliest_end(certificates: Iterable[x509.Certificate]) -> datetime:
    """When the first of these certificates expires.

    Raises:
        ValueError: there are none.
    """
    return min(each.not_valid_after_utc for each in certificates).astimezone(UTC)


def _family(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for each, value in values.items():
        family.add_metric([each], value)
    return family
