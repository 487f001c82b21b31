"""Checks of the log: its topics, the quarantine and the archive."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from bluelamp.archive.manifest import Manifest
from bluelamp.archive.reading import open_archive
from bluelamp.verify.checks.result import CheckResult
from bluelamp.wiring.settings import Settings
from facts.times import SKEW
from facts.union import TOPICS
from measures.display import number
from producers.kafka_probe import check_reachable
from streams.log import QUARANTINE_TOPIC, LogClient

_RECENT = timedelta(hours=24)
_ARCHIVE_DAYS = 2


def log_results(settings: Settings, now: datetime) -> Iterator[CheckResult]:
    """Whether Kafka responds and has every topic, and whether anything was quarantined in the last day."""
    check_reachable(settings.log())
    with LogClient(settings.log()) as log:
        missing = sorted({*TOPICS, QUARANTINE_TOPIC} - log.topics())
        if missing:
            hint = "Start a worker or a producer: the first one creates them."
            yield CheckResult("log", "warning", f"Topics are missing: {', '.join(missing)}.", settings.kafka, hint)
        else:
            yield CheckResult("log", "good", f"Kafka responds at {settings.kafka} and has every topic.")
        if QUARANTINE_TOPIC not in missing:
            yield _quarantine(log, now)


def _quarantine(log: LogClient, now: datetime) -> CheckResult:
    first, end = log.reach([(QUARANTINE_TOPIC, 0)])[QUARANTINE_TOPIC, 0]
    if first == end:
        return CheckResult("quarantine", "good", "Empty.")
    since = log.first_since(QUARANTINE_TOPIC, 0, now - _RECENT)
    if since is None:
        return CheckResult("quarantine", "good", f"Nothing in the last 24 hours; {end - first:,} older records.")
    hint = "Each quarantined record gives its topic, partition, offset and reason. Fix the producer and send the facts again."
    what = f"{number(end - since, 'record')} in the last 24 hours; {end - first:,} in total."
    return CheckResult("quarantine", "warning", what, f"topic {QUARANTINE_TOPIC}", hint)


def archive_results(settings: Settings, now: datetime) -> Iterator[CheckResult]:
    """Whether the archive belongs to this log, joins up with it, and is up to date. `bluelamp archive --verify` reads its files."""
    archive = open_archive(settings.archive)
    if archive is None:
        yield CheckResult("archive", "not set up", "BLUELAMP_ARCHIVE is not set.")
        return
    with LogClient(settings.log()) as log:
        identities = {str(topic): log.identity(topic) for topic in sorted({*TOPICS} & log.topics())}
        archive.check(identities)
        reach = log.reach((topic, number) for topic, one in identities.items() for number in range(one.partitions))
    behind = sum(reach[place][1] - end for place, end in archive.follow(reach).items())
    until = last_day(archive.manifest, now)
    what = f"Last day: {until or 'none'}. {number(behind, 'log record')} not archived yet."
    if behind and (until is None or (now.date() - until).days > _ARCHIVE_DAYS):
        hint = "Run `bluelamp archive` daily. Records that Kafka deletes before they are archived are lost."
        yield CheckResult("archive", "warning", what, settings.archive, hint)
    else:
        yield CheckResult("archive", "good", what)


def last_day(manifest: Manifest, now: datetime) -> date | None:
    """The last day in an archive. Days in the future come from a wrong clock and are ignored."""
    return max((part.day for part in manifest.parts if part.day <= (now + SKEW).date()), default=None)
