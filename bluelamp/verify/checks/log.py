"""The log and what is kept of it: the topics, the quarantine, the archive."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from bluelamp.archive.manifest import Manifest
from bluelamp.archive.reading import open_archive
from bluelamp.verify.checks.finding import Finding
from bluelamp.wiring.settings import Settings
from facts.times import SKEW
from facts.union import TOPICS
from streams.log import QUARANTINE_TOPIC, LogClient
from streams.logwatch import check_reachable

_RECENT = timedelta(hours=24)
_ARCHIVE_DAYS = 2


def log_findings(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Whether Kafka answers and has every topic, and whether anything was quarantined lately."""
    check_reachable(settings.kafka)
    with LogClient(settings.kafka) as log:
        missing = sorted({*TOPICS, QUARANTINE_TOPIC} - log.topics())
        if missing:
            hint = "The first worker or producer to start makes them."
            yield Finding("log", "warning", f"Topics are missing: {', '.join(missing)}.", settings.kafka, hint)
        else:
            yield Finding("log", "good", f"Kafka answers at {settings.kafka} and has every topic.")
        if QUARANTINE_TOPIC not in missing:
            yield _quarantine(log, now)


def _quarantine(log: LogClient, now: datetime) -> Finding:
    first, end = log.reach([(QUARANTINE_TOPIC, 0)])[QUARANTINE_TOPIC, 0]
    if first == end:
        return Finding("quarantine", "good", "Empty.")
    since = log.first_since(QUARANTINE_TOPIC, 0, now - _RECENT)
    if since is None:
        return Finding("quarantine", "good", f"Nothing in the last 24 hours; {end - first:,} older records.")
    hint = "Each record there says its topic, partition, offset and reason; mend the producer and send the facts again."
    what = f"Records of the last 24 hours: {end - since:,}; of all time: {end - first:,}."
    return Finding("quarantine", "warning", what, f"topic {QUARANTINE_TOPIC}", hint)


def archive_findings(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Whether it is of this log, meets it, and was written lately; `bluelamp archive --verify` reads its files."""
    archive = open_archive(settings.archive)
    if archive is None:
        yield Finding("archive", "not set up", "BLUELAMP_ARCHIVE names none.")
        return
    with LogClient(settings.kafka) as log:
        identities = {str(topic): log.identity(topic) for topic in sorted({*TOPICS} & log.topics())}
        archive.check(identities)
        reach = log.reach((topic, number) for topic, one in identities.items() for number in range(one.partitions))
    behind = sum(reach[place][1] - end for place, end in archive.follow(reach).items())
    until = last_day(archive.manifest, now)
    what = f"It reaches to {until}; records of the log that are not in it yet: {behind:,}."
    if behind and (until is None or (now.date() - until).days > _ARCHIVE_DAYS):
        hint = "Is `bluelamp archive` run daily? What Kafka lets go of before that is lost."
        yield Finding("archive", "warning", what, settings.archive, hint)
    else:
        yield Finding("archive", "good", what)


def last_day(manifest: Manifest, now: datetime) -> date | None:
    """The last day that an archive holds; days in the future come from a wrong clock and do not count."""
    return max((part.day for part in manifest.parts if part.day <= (now + SKEW).date()), default=None)
