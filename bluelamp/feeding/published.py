"""What the log already has about the subjects of an extract, and whether the extract agrees with it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple, cast

from msgspec import Struct
from msgspec.structs import replace

from bluelamp.wiring.settings import Settings
from facts.batch import BatchRecord, Entry
from facts.errors import IncompleteError, SettingError
from facts.fact import SubjectFact
from facts.provenance import mapping_of
from facts.union import AnyFact
from facts.wire import decode
from measures.display import number
from measures.timeline import Timeline, add, effective
from producers.declaration import Mapping as Declared
from producers.keys import day_of_opening
from producers.row_facts import digest
from streams.logreader import LogReader
from streams.record import received


class Published(Struct):
    """What the log has about the force and the topic of a mapping.

    Attributes:
        timelines: the facts of each subject, whoever published them.
        own: by subject, the ids of the facts that were read by this mapping.
    """

    timelines: dict[str, Timeline]
    own: dict[str, set[str]]


class ReplacedPeriod(NamedTuple):
    """The period that an extract replaces: from `start` up to but excluding `end`."""

    start: datetime
    end: datetime

    def has(self, facts: Sequence[SubjectFact]) -> bool:
        """Whether their subject began in it: the earliest of its facts did."""
        return bool(facts) and self.start <= min(fact.at for fact in facts) < self.end


def read_published(settings: Settings, mapping: Declared, subjects: Collection[str] | None = None) -> Published:
    """Read what the archive and the log have about the force and the topic of a mapping.

    Args:
        settings: Kafka's addresses and the archive.
        mapping: the mapping.
        subjects: the subjects to read about, as far back as the log goes; None for all of them, from the beginning.

    Raises:
        BlueLampError: the log cannot be read, or its beginning is missing although everything is needed.
    """
    # Loaded late: an archive needs a database, which takes half a second to load and complains when a command fails.
    from bluelamp.archive.reading import ArchiveAndLog, open_archive  # noqa: PLC0415

    with LogReader(settings.log()) as log:
        whole = ArchiveAndLog(open_archive(settings.archive), log)
        reach = whole.reach(log.reach(log.identities([mapping.topic])))
        missing = [place for place, (first, _) in reach.items() if first]
        if missing and subjects is None and not settings.first_start:
            what = (
                f"The log no longer has its beginning ({', '.join(f'{topic}:{number}' for topic, number in missing)})."
            )
            hint = "Set BLUELAMP_ARCHIVE to its archive, which shows what was published before."
            raise IncompleteError(what, where=f"topic {mapping.topic}", hint=hint)
        entries = (each for place, span in reach.items() for batch in whole.read(place, *span) for each in batch)
        return published(entries, mapping, subjects)


def published(entries: Iterable[Entry], mapping: Declared, subjects: Collection[str] | None = None) -> Published:
    """What records of the topic of a mapping have about its force, or only about these subjects."""
    found = Published(defaultdict(dict), defaultdict(set))
    for entry in entries:
        if not isinstance(entry, BatchRecord):
            continue
        name = mapping_of(entry.headers)
        for _, fact in decode(entry.value, mapping.topic, received(entry.timestamp)).facts:
            if isinstance(fact, SubjectFact) and fact.force == mapping.force:
                if subjects is not None and fact.subject_id not in subjects:
                    continue
                add(found.timelines[fact.subject_id], fact)
                if name == mapping.name or (name is None and fact.fact_id in ids_per_subject(mapping, fact.subject_id)):
                    found.own[fact.subject_id].add(fact.fact_id)
    return found


def ids_per_subject(mapping: Declared, subject_id: str) -> set[str]:
    """The ids that a mapping gives its facts per subject: records of older versions do not name the mapping."""
    return {digest(mapping.name, each.label, subject_id) for each in mapping.facts if each.per == "subject"}


def by_subject(facts: Sequence[AnyFact]) -> dict[str, list[SubjectFact]]:
    """The facts of an extract, by subject."""
    found: dict[str, list[SubjectFact]] = defaultdict(list)
    for fact in facts:
        found[cast(SubjectFact, fact).subject_id].append(cast(SubjectFact, fact))
    return found


def check_keys(
    facts: Sequence[AnyFact], mapping: Declared, log: Published, replaced: ReplacedPeriod | None = None
) -> None:
    """Check that the log has no other subject under a key of the extract: one that was opened at another time.

    Args:
        facts: everything that the extract reports.
        mapping: the mapping by which it was read; gives the longest time between two openings of one subject.
        log: what the log has about these subjects.
        replaced: the period that the extract replaces: what the mapping published about it may be moved.

    Raises:
        SettingError: keys were used again, so the extract would overwrite other subjects or be mixed with them.
    """
    longest = timedelta(hours=mapping.subject.opened_within_hours)
    clashes = [
        (subject_id, clash)
        for subject_id, own in by_subject(facts).items()
        if subject_id in log.timelines
        and (clash := _clash(own, _openings_kept(subject_id, log, mapping, replaced), mapping, longest))
    ]
    if clashes:
        subject_id, (earlier, later) = clashes[0]
        what = (
            f"The log already has other subjects under {number(len(clashes), 'key')} of this extract: {subject_id}, for example, was "
            f"opened at {earlier} and at {later}, more than {mapping.subject.opened_within_hours} hours apart."
        )
        hint = (
            f"Add to `subject.key` what distinguishes them, such as {day_of_opening(mapping)}, or set `prefix` if another source "
            "uses the same keys. If the extract corrects these times, replay it with --replace and a period that holds both."
        )
        raise SettingError(what, where=f"mapping {mapping.name}, subject.key", hint=hint)


def _openings_kept(
    subject_id: str, log: Published, mapping: Declared, replaced: ReplacedPeriod | None
) -> list[datetime]:
    """When the log says that a subject was opened, without what the extract replaces."""
    in_force = effective(log.timelines[subject_id])
    own = [fact for fact in in_force if fact.fact_id in log.own[subject_id]]
    gone = {fact.fact_id for fact in own} if replaced and replaced.has(own) else set()
    return [fact.at for fact in in_force if type(fact).__name__ == mapping.opening and fact.fact_id not in gone]


def _clash(
    own: Sequence[SubjectFact], before: Sequence[datetime], mapping: Declared, longest: timedelta
) -> tuple[datetime, datetime] | None:
    """Two successive openings of one subject, one in the extract and one in the log, that are too far apart."""
    openings = [(fact.at, True) for fact in own if type(fact).__name__ == mapping.opening]
    openings += [(at, False) for at in before]
    for (earlier, is_own), (later, is_other_own) in pairwise(sorted(openings)):
        if is_own != is_other_own and later - earlier > longest:
            return earlier, later
    return None


def count_outdated(facts: Sequence[AnyFact], mapping: Declared, log: Published) -> int:
    """The number of facts of an extract that do not count, because the log has others with their ids that were recorded later.

    Raises:
        SettingError: the log has others that were recorded at the same time, so nothing says which of them is right.
    """
    later = undecided = 0
    for fact in (cast(SubjectFact, each) for each in facts):
        stored = log.timelines.get(fact.subject_id, {}).get(fact.fact_id)
        if stored and fact.recorded_at and differs(stored, fact):
            later += stored.is_recorded_after(fact)
            undecided += stored.recorded_at == fact.recorded_at
    if undecided:
        raise undecided_error(undecided, mapping)
    return later


def differs(one: SubjectFact, other: SubjectFact) -> bool:
    """Whether two facts differ in more than the time at which they were recorded."""
    return replace(one, recorded_at=None) != replace(other, recorded_at=None)


def undecided_error(count: int, mapping: Declared) -> SettingError:
    """The error for an extract that differs from the log, although it was not recorded later."""
    what = f"The log has {count:,} of this extract's facts with different content, recorded when it was made or later."
    hint = (
        "If the extract was corrected, give the time at which it was made with --extracted-at. "
        "If the mapping was corrected, raise its `revision`."
    )
    return SettingError(what, where=f"mapping {mapping.name}", hint=hint)
