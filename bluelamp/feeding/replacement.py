"""What a replay withdraws when it replaces a period: what its mapping published about it and the extract no longer reports."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, cast

from msgspec import Struct
from msgspec.structs import replace

from bluelamp.archive.reading import ArchiveAndLog, open_archive
from bluelamp.wiring.settings import Settings
from facts.batch import BatchRecord, Entry
from facts.errors import IncompleteError, SettingError
from facts.fact import FactWithdrawn, SubjectFact
from facts.provenance import mapping_of
from facts.union import AnyFact
from facts.wire import decode
from measures.timeline import Timeline, add, effective
from producers.declaration import Mapping as Declared
from producers.row_facts import digest
from streams.logreader import LogReader
from streams.record import received


class ReplacedPeriod(NamedTuple):
    """The period that an extract replaces: from `start` up to but excluding `end`."""

    start: datetime
    end: datetime

    def has(self, facts: Sequence[SubjectFact]) -> bool:
        """Whether their subject began in it: the earliest of its facts did."""
        return bool(facts) and self.start <= min(fact.at for fact in facts) < self.end


class Published(Struct):
    """What the log has about the force and the topic of a mapping.

    Attributes:
        timelines: the facts of each subject, whoever published them.
        own: by subject, the ids of the facts that were read by this mapping.
    """

    timelines: dict[str, Timeline]
    own: dict[str, set[str]]


class Replacement(Struct, kw_only=True):
    """What replacing a period does.

    Attributes:
        start: the beginning of the period.
        end: its end, which is excluded.
        published: the number of facts in force that the mapping published about subjects that began in the period.
        withdrawn: those of them that the extract no longer reports.
        withdrawals: the facts that withdraw them, and those that end earlier withdrawals of what the extract reports again.
    """

    start: datetime
    end: datetime
    published: int = 0
    withdrawn: list[SubjectFact] = []
    withdrawals: list[FactWithdrawn] = []


def read_published(settings: Settings, mapping: Declared) -> Published:
    """Read what the archive and the log have about the force and the topic of a mapping.

    Raises:
        BlueLampError: the log cannot be read, or its beginning is missing.
    """
    with LogReader(settings.log()) as log:
        whole = ArchiveAndLog(open_archive(settings.archive), log)
        reach = whole.reach(log.reach(log.identities([mapping.topic])))
        missing = [place for place, (first, _) in reach.items() if first]
        if missing and not settings.first_start:
            what = (
                f"The log no longer has its beginning ({', '.join(f'{topic}:{number}' for topic, number in missing)})."
            )
            hint = "Set BLUELAMP_ARCHIVE to its archive: what was published before is not known otherwise."
            raise IncompleteError(what, where=f"topic {mapping.topic}", hint=hint)
        entries = (each for place, span in reach.items() for batch in whole.read(place, *span) for each in batch)
        return published(entries, mapping)


def published(entries: Iterable[Entry], mapping: Declared) -> Published:
    """What records of the topic of a mapping have about its force."""
    found = Published(defaultdict(dict), defaultdict(set))
    for entry in entries:
        if not isinstance(entry, BatchRecord):
            continue
        name = mapping_of(entry.headers)
        for _, fact in decode(entry.value, mapping.topic, received(entry.timestamp)).facts:
            if isinstance(fact, SubjectFact) and fact.force == mapping.force:
                add(found.timelines[fact.subject_id], fact)
                if name == mapping.name or (name is None and fact.fact_id in _ids(mapping, fact.subject_id)):
                    found.own[fact.subject_id].add(fact.fact_id)
    return found


def _ids(mapping: Declared, subject_id: str) -> set[str]:
    """The ids that a mapping gives its facts per subject: records of older versions do not name the mapping."""
    return {digest(mapping.name, each.label, subject_id) for each in mapping.facts if each.per == "subject"}


def replacement(
    facts: Sequence[AnyFact], mapping: Declared, log: Published, period: ReplacedPeriod, at: datetime
) -> Replacement:
    """Work out what to withdraw.

    Args:
        facts: everything that the extract reports, with the times of their records.
        mapping: the mapping by which it was read.
        log: what the log has.
        period: the period of the extract.
        at: when the extract was made.

    Raises:
        SettingError: the log has later records of the same facts, so the extract would not replace them.
    """
    reported: dict[str, list[SubjectFact]] = defaultdict(list)
    for fact in facts:
        reported[cast(SubjectFact, fact).subject_id].append(cast(SubjectFact, fact))
    found = Replacement(start=period.start, end=period.end)
    outranked = 0
    for subject_id, own in log.own.items():
        timeline, after = dict(log.timelines[subject_id]), reported.get(subject_id, [])
        before = [fact for fact in effective(timeline) if fact.fact_id in own]
        if period.has(before) or period.has(after):
            gone = [fact for fact in before if fact.fact_id not in {each.fact_id for each in after}]
            outranked += sum(not add(timeline, fact) and _differs(timeline[fact.fact_id], fact) for fact in after)
            found.published += len(before)
            found.withdrawn += gone
            found.withdrawals += _withdrawals(timeline, gone, after, mapping, at)
    if outranked:
        raise _outranked(outranked, mapping, at)
    return found


def _differs(one: SubjectFact, other: SubjectFact) -> bool:
    return replace(one, recorded_at=None) != replace(other, recorded_at=None)


def _withdrawals(
    timeline: Timeline, gone: Sequence[SubjectFact], after: Sequence[SubjectFact], mapping: Declared, at: datetime
) -> Iterator[FactWithdrawn]:
    """The withdrawals of what is gone, and of earlier withdrawals of what the extract reports again."""
    for fact in gone:
        withdrawal = _withdrawal(fact, mapping, at)
        add(timeline, withdrawal)
        yield withdrawal
    in_force = {fact.fact_id for fact in effective(timeline)}
    for fact in after:
        earlier = timeline.get(_withdrawal(fact, mapping, at).fact_id)
        if fact.fact_id not in in_force and earlier is not None:
            yield _withdrawal(earlier, mapping, at)


def _withdrawal(fact: SubjectFact, mapping: Declared, at: datetime) -> FactWithdrawn:
    """The withdrawal of a fact by this mapping. It has the fact's own time, so that it is too late only if the fact was."""
    return FactWithdrawn(
        fact_id=digest(mapping.name, "FactWithdrawn", fact.fact_id),
        force=fact.force,
        at=fact.at,
        subject_id=fact.subject_id,
        withdraws=fact.fact_id,
        recorded_at=at,
    )


def _outranked(count: int, mapping: Declared, at: datetime) -> SettingError:
    what = f"The log has {count:,} facts that differ from this extract and were recorded when it was made, or later."
    hint = f"Give the time of the extract with --extracted-at if {at} is wrong. If the mapping was corrected, raise its `revision`."
    return SettingError(what, where=f"mapping {mapping.name}", hint=hint)


def lines(found: Replacement, limit: int) -> Iterator[str]:
    """What replacing a period does, for a person to read.

    Args:
        found: what it does.
        limit: the most facts to list.
    """
    gone = found.withdrawn
    count = f"{found.published:,} facts were published about subjects that began from {found.start} to {found.end}"
    yield f"{count}: {len(gone):,} of them are no longer in the extract and are withdrawn."
    for fact in gone[:limit]:
        yield f"  {fact.subject_id}  {type(fact).__name__}  {fact.at}"
    if len(gone) > limit:
        yield f"  and {len(gone) - limit:,} more; use --json to list them all."
