"""The whole of what was ever told: the archive, where there is one, and the log, for the commands that read all of it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bluelamp.archive.manifest import ArchivePart, Manifest, load
from bluelamp.archive.reading import opened
from bluelamp.archive.verifying import Fault, verify
from bluelamp.archive.writing import ArchiveRun, keep
from bluelamp.recount.log import from_log
from bluelamp.recount.recount import Recount
from bluelamp.wiring.settings import Settings
from facts.errors import IncompleteError, SettingError
from facts.force import Force
from facts.union import TOPICS
from streams.log import LogClient
from streams.logreader import LogReader
from streams.stall import Place
from streams.store import Identity


def recount_of(
    settings: Settings,
    forces: Sequence[Force],
    until: Mapping[Place, int] | None = None,
    *,
    keeps_facts: bool = False,
) -> Recount:
    """Recount everything that was ever told: the archive that the settings name, then the log.

    Args:
        settings: where they are.
        forces: the profiles.
        until: the offset to stop before, by topic and partition.
        keeps_facts: the facts can be asked for.

    Raises:
        BlueLampError: as `bluelamp.recount.log.from_log`, or the archive is of another log.
    """
    archive = opened(settings.archive)
    if archive is not None or until is not None:
        with LogClient(settings.kafka) as log:
            known = log.topics()
            identities: dict[str, Identity] = {topic: log.identity(topic) for topic in TOPICS if topic in known}
        if archive is not None:
            archive.check(identities)
        _check_partitions(identities, until or {})
    return from_log(settings.kafka, forces, until=until, earlier=archive, keeps_facts=keeps_facts)


def _check_partitions(identities: Mapping[str, Identity], until: Mapping[Place, int]) -> None:
    """Refuse to count up to where a state stands that was folded when a topic had fewer partitions.

    Raises:
        IncompleteError: it was; the two count other facts.
    """
    for topic, count in Counter(topic for topic, _ in until).items():
        if topic in identities and identities[topic].partitions != count:
            what = f"The topic has {identities[topic].partitions} partitions now, and the state was folded when it had {count}."
            hint = "Nothing can be compared before `bluelamp rebuild --switch` has built it for the new number (docs/log.md)."
            raise IncompleteError(what, where=f"topic {topic}", hint=hint)


def directory_of(settings: Settings) -> Path:
    """The directory of the archive.

    Raises:
        SettingError: none is named.
    """
    if not settings.archive:
        hint = "Set it to a directory outside of the log's and the state's, best on another disk; or say --directory."
        raise SettingError("No archive is named.", where="BLUELAMP_ARCHIVE", hint=hint)
    return Path(settings.archive)


def keep_log(settings: Settings, say: Callable[[ArchivePart], None]) -> ArchiveRun:
    """Write what the log holds beyond the archive's end into it.

    Args:
        settings: name both.
        say: is told of each file once it counts.
    """
    directory = directory_of(settings)
    with LogReader(settings.kafka) as log:
        identities = log.identities(TOPICS)
        return keep(directory, log, identities, log.reach(identities), say)


def look_through(settings: Settings) -> tuple[Manifest, Iterator[Fault]]:
    """The archive's manifest, and everything that is wrong with the archive.

    Raises:
        SettingError: there is none.
        IncompleteError: its manifest cannot be read.
    """
    directory = directory_of(settings)
    manifest = load(directory)
    if manifest is None:
        hint = "`bluelamp archive` begins one. If there was one, put all of it back from its copy."
        raise IncompleteError("There is no archive.", where=str(directory), hint=hint)
    return manifest, verify(directory, manifest)
