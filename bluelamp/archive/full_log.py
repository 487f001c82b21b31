"""The complete log: the archive, if there is one, and Kafka, for the commands that read all of it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bluelamp.recount.log import from_log
from bluelamp.recount.needed import NeededTime
from bluelamp.recount.recount import Recount
from bluelamp.wiring.settings import Settings
from facts.errors import IncompleteError, SettingError
from facts.force import Force
from facts.union import TOPICS, Topic
from producers.kafka_probe import check_reachable
from streams.log import LogClient
from streams.logreader import LogReader
from streams.record import Place
from streams.store import Identity

if TYPE_CHECKING:  # reading Parquet takes a fifth of a second to import, and without an archive there is none to read
    from bluelamp.archive.manifest import ArchivePart, Manifest
    from bluelamp.archive.verifying import Fault
    from bluelamp.archive.writing import ArchiveRun


def recount_of(
    settings: Settings,
    forces: Sequence[Force],
    until: Mapping[Place, int] | None = None,
    *,
    keeps_facts: bool = False,
    topics: Collection[Topic] = TOPICS,
    spans: Sequence[NeededTime] | None = None,
) -> Recount:
    """Recount every fact ever published, from the archive that the settings name and then the log.

    Args:
        settings: these name the archive and the log.
        forces: the profiles.
        until: the offset to stop before, by topic and partition.
        keeps_facts: whether the facts stay available.
        topics: the topics to read; a measure needs only its own.
        spans: only subjects with a fact in one of these times are recounted; None recounts every subject.

    Raises:
        BlueLampError: as `bluelamp.recount.log.from_log`; or the archive belongs to another log.
    """
    archive = None
    if settings.archive:
        from bluelamp.archive.reading import open_archive

        archive = open_archive(settings.archive)
    check_reachable(settings.log())
    if archive is not None or until is not None:
        with LogClient(settings.log()) as log:
            existing = log.topics()
            identities: dict[str, Identity] = {topic: log.identity(topic) for topic in TOPICS if topic in existing}
        if archive is not None:
            archive.check(identities)
        _check_partitions(identities, until or {})
    return from_log(
        settings.log(), forces, until=until, earlier=archive, keeps_facts=keeps_facts, topics=topics, spans=spans
    )


def _check_partitions(identities: Mapping[str, Identity], until: Mapping[Place, int]) -> None:
    """Refuse to compare with a state that was folded when a topic had fewer partitions.

    Raises:
        IncompleteError: it was, so a recount would count other facts.
    """
    for topic, count in Counter(topic for topic, _ in until).items():
        if topic in identities and identities[topic].partitions != count:
            what = (
                f"The topic has {identities[topic].partitions} partitions, but the state was built when it had {count}."
            )
            hint = "First build the state for the new number: `bluelamp rebuild --switch` (docs/run/scaling.md)."
            raise IncompleteError(what, where=f"topic {topic}", hint=hint)


def directory_of(settings: Settings) -> Path:
    """The directory of the archive.

    Raises:
        SettingError: none is set.
    """
    if not settings.archive:
        hint = "Set it to a directory apart from the log and the state, preferably on another disk, or use --directory."
        raise SettingError("No archive is set.", where="BLUELAMP_ARCHIVE", hint=hint)
    return Path(settings.archive)


def archive_log(settings: Settings, say: "Callable[[ArchivePart], None]") -> "ArchiveRun":
    """Write the log's records after the archive's end to the archive.

    Args:
        settings: these name the archive and the log.
        say: called with each file once the manifest lists it.
    """
    from bluelamp.archive.writing import write_new

    directory = directory_of(settings)
    with LogReader(settings.log()) as log:
        identities = log.identities(TOPICS)
        return write_new(directory, log, identities, log.reach(identities), say)


def load_and_verify(settings: Settings) -> "tuple[Manifest, Iterator[Fault]]":
    """The archive's manifest, and every fault of the archive.

    Raises:
        SettingError: there is none.
        IncompleteError: its manifest cannot be read.
    """
    from bluelamp.archive.manifest import load
    from bluelamp.archive.verifying import verify

    directory = directory_of(settings)
    manifest = load(directory)
    if manifest is None:
        hint = "Start one with `bluelamp archive`. If there was one, restore it from a backup."
        raise IncompleteError("There is no archive.", where=str(directory), hint=hint)
    return manifest, verify(directory, manifest)
