"""What a replay withdraws when it replaces a period: what its mapping published about it and the extract no longer reports."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from bluelamp.feeding.published import Published, ReplacedPeriod, by_subject, differs, ids_per_subject, undecided_error
from facts.fact import FactWithdrawn, SubjectFact
from facts.union import AnyFact
from measures.display import number
from measures.timeline import Timeline, add, effective
from producers.declaration import Mapping as Declared
from producers.row_facts import digest


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
    reported = by_subject(facts)
    found = Replacement(start=period.start, end=period.end)
    outranked = 0
    for subject_id, own in log.own.items():
        timeline, after = dict(log.timelines[subject_id]), reported.get(subject_id, [])
        before = [fact for fact in effective(timeline) if fact.fact_id in own]
        if period.has(before) or period.has(after):
            gone = [fact for fact in before if fact.fact_id not in {each.fact_id for each in after}]
            outranked += sum(not add(timeline, fact) and differs(timeline[fact.fact_id], fact) for fact in after)
            found.published += len(before)
            found.withdrawn += gone
            found.withdrawals += _withdrawals(timeline, gone, after, mapping, at)
    if outranked:
        raise undecided_error(outranked, mapping)
    return found


class LeftOut(Struct, kw_only=True):
    """What an extract no longer gives of subjects that it reports again.

    Attributes:
        facts: the facts in force that its mapping published about these subjects and that it does not give.
        withdrawals: the facts that withdraw them, if the mapping says that later rows replace earlier ones; otherwise none.
    """

    facts: list[SubjectFact] = []
    withdrawals: list[FactWithdrawn] = []


def left_out(facts: Sequence[AnyFact], mapping: Declared, log: Published, at: datetime) -> LeftOut:
    """What an extract no longer gives of the subjects that it reports again.

    Only facts of all the rows of a subject are compared: another row may be in another extract.

    Args:
        facts: everything that the extract reports, with the times of their records.
        mapping: the mapping by which it was read.
        log: what the log has about the same subjects.
        at: when the extract was made; what was recorded after it is kept.
    """
    found, is_whole = LeftOut(), mapping.rows.later == "replace"
    for subject_id, after in by_subject(facts).items():
        timeline, given = dict(log.timelines.get(subject_id, {})), {each.fact_id for each in after}
        own = log.own.get(subject_id, set())
        absent = (own if is_whole else own & ids_per_subject(mapping, subject_id)) - given
        gone = [fact for fact in effective(timeline) if fact.fact_id in absent and not _is_later(fact, at)]
        found.facts += gone
        if is_whole:
            for fact in after:
                add(timeline, fact)
            found.withdrawals += _withdrawals(timeline, gone, after, mapping, at)
    return found


def _is_later(fact: SubjectFact, at: datetime) -> bool:
    return fact.recorded_at is not None and fact.recorded_at > at


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


def lines(found: Replacement, limit: int) -> Iterator[str]:
    """What replacing a period does, for a person to read.

    Args:
        found: what it does.
        limit: the most facts to list.
    """
    gone = found.withdrawn
    count = f"{found.published:,} facts were published about subjects that began from {found.start} to {found.end}"
    yield f"{count}: {len(gone):,} of them are no longer in the extract and are withdrawn."
    yield from _listed(gone, limit)


def left_out_lines(found: LeftOut, limit: int) -> Iterator[str]:
    """What an extract no longer gives, and what becomes of it, for a person to read; nothing if there is nothing.

    Args:
        found: what it no longer gives.
        limit: the most facts to list.
    """
    if found.facts:
        count = f"{number(len(found.facts), 'fact')} of subjects that this extract reports again are not in it any more"
        yield (
            f"{count} and are withdrawn."
            if found.withdrawals
            else f"{count}, and still count: --replace FROM TO withdraws them."
        )
        yield from _listed(found.facts, limit)


def _listed(facts: Sequence[SubjectFact], limit: int) -> Iterator[str]:
    for fact in facts[:limit]:
        yield f"  {fact.subject_id}  {type(fact).__name__}  {fact.at}"
    if len(facts) > limit:
        yield f"  and {len(facts) - limit:,} more; use --json to list them all."
