"""The report of the last run of the archive, kept in the state, so that an archive that is overdue is noticed elsewhere."""

from collections.abc import Iterator
from datetime import datetime

import msgspec
from msgspec import Struct
from prometheus_client.core import GaugeMetricFamily, Metric
from redis import Redis


class ArchiveReport(Struct, frozen=True):
    """One successful run.

    Attributes:
        at: when it ended.
        free_ratio: the free share of the archive's disk.
    """

    at: datetime
    free_ratio: float


def save_report(redis: Redis, state_name: str, report: ArchiveReport) -> None:
    """Store the report of the last run.

    Raises:
        RedisError: the state server refuses it, or does not answer.
    """
    redis.set(f"{state_name}:archived", msgspec.json.encode(report))


def last_report(redis: Redis, state_name: str) -> ArchiveReport | None:
    """The report of the last run; None if there never was one.

    Raises:
        RedisError: the state server cannot be read.
    """
    stored = redis.get(f"{state_name}:archived")
    return msgspec.json.decode(str(stored), type=ArchiveReport) if stored else None


def report_families(report: ArchiveReport | None, now: datetime) -> Iterator[Metric]:
    """How long ago the log was archived; no sample if it never was."""
    family = GaugeMetricFamily("bluelamp_archive_age_seconds", "How long ago the archive last copied the log.")
    if report:
        family.add_metric([], max(0.0, (now - report.at).total_seconds()))
    yield family
