"""Lists the outcomes, open items and subjects behind a figure."""

from datetime import date
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bluelamp.recount.cell import RecountOpenItem
from bluelamp.recount.question import RecountQuestion, Sql, check, chosen, key_words, within
from bluelamp.recount.statements import rows_of
from bluelamp.recount.times import SECOND
from facts.union import Topic
from measures.measure import Decided, External, OpenCount, OpenDue, OpenLongest, OpenSoonest, Selection, Share
from measures.outcome import KINDS


class ListedOutcome(Struct, frozen=True, kw_only=True):
    """An outcome or an open item behind a figure.

    Attributes:
        words: the labels of the figure, by dimension.
        topic: the topic of its subject.
        subject: the number of its subject in the recount.
        kind: a key of `measures.outcome.KINDS`.
        value: in the kind's whole units; 1 or 0 for met or missed; 0 for an open item.
        at: when it was decided, or the time since which it is open, in microseconds since 1970 in UTC.
        began: when its subject began, in microseconds.
        due: when an open item falls due, in microseconds; None if it never does.
        is_open: whether it is an open item.
        is_met: for a share, whether it counts towards the share.
        is_counted: whether n includes it; false for an outcome that counts towards a share but is not in its population.
    """

    words: dict[str, str]
    topic: Topic
    subject: int
    kind: str
    value: int
    at: int
    began: int
    due: int | None = None
    is_open: bool = False
    is_met: bool = False
    is_counted: bool = True


def outcomes(question: RecountQuestion) -> list[ListedOutcome]:
    """The outcomes and open items behind the figures of a question. For a share, those that count towards it are marked.

    Raises:
        QuestionError: the measure does not have one of the dimensions.
    """
    check(question)
    match question.measure.statistic:
        case External():
            return []
        case Share(met, of):
            met_rows = dict(row for selection in met for row in _finished(question, selection))
            whole = dict(row for selection in of for row in _finished(question, selection))
            counted = [replace(each, is_met=place in met_rows) for place, each in whole.items()]
            others = [each for place, each in met_rows.items() if place not in whole]
            return [*counted, *(replace(each, is_met=True, is_counted=False) for each in others)]
        case Decided(of):
            found = [each for _, each in _finished(question, of)]
            return [
                *(replace(each, is_met=each.value == 1) for each in found),
                *_open(question, of, within(question, "due")),
            ]
        case OpenCount() | OpenLongest() | OpenDue() | OpenSoonest() as statistic:
            items = [each for of in question.measure.selections() for each in _open(question, of, ("true", []))]
            return [each for each in items if _counts(statistic, each, question.as_of)]
        case statistic:
            return [each for _, each in _finished(question, statistic.of)]


_Place = tuple[str, int]
"""A row of a table of outcomes."""


def _finished(question: RecountQuestion, selection: Selection) -> list[tuple[_Place, ListedOutcome]]:
    kind = KINDS[selection.kind]
    columns = f"chosen.rowid, {key_words(question)}, subject, value, decided, began"
    rows = question.rows(chosen(question, selection, "finished", columns, within(question, "decided")))
    return [
        (
            (kind.topic, row),
            ListedOutcome(
                words=question.words(key),
                topic=kind.topic,
                subject=subject,
                kind=kind.name,
                value=value,
                at=at,
                began=began,
            ),
        )
        for row, key, subject, value, at, began in sorted(rows)
    ]


def _open(question: RecountQuestion, selection: Selection, condition: Sql) -> list[ListedOutcome]:
    """The open items; for a decided kind, only those that are overdue."""
    kind = KINDS[selection.kind]
    text, values = condition
    # Items whose end counts as unrecorded are not chosen at all.
    if text != "true":
        text, values = f"{text} AND chosen.due <= ?", [*values, question.as_of]
    columns = f"{key_words(question)}, subject, since, began, due"
    rows = question.rows(chosen(question, selection, "open", columns, (text, values)))
    return [
        ListedOutcome(
            words=question.words(key), topic=kind.topic, subject=subject, kind=kind.name, value=0, at=since, began=began,
            due=due, is_open=True,
        )
        for key, subject, since, began, due in sorted(rows, key=repr)
    ]  # fmt: skip


def _counts(statistic: Any, each: ListedOutcome, as_of: int) -> bool:
    """Whether an open item is old enough, or close enough to its due time, to count."""
    if isinstance(statistic, OpenDue | OpenSoonest):
        under = statistic.under_seconds * SECOND if isinstance(statistic, OpenDue) else None
        if statistic.until_due and each.kind == statistic.until_due.kind and each.due is not None and each.due < as_of:
            return False
        return each.due is not None and (under is None or each.due - as_of < under)
    least = statistic.at_least_seconds if isinstance(statistic, OpenCount) else 0
    return least * SECOND <= as_of - each.at


class Slot(Struct, frozen=True):
    """The smallest unit of report figures: the outcomes of one kind, local day, labels and value.

    Attributes:
        kind: a key of `measures.outcome.KINDS`.
        day: the local day on which their subjects began.
        words: the labels of the kind's dimensions, in order.
        value: in the kind's whole units.
    """

    kind: str
    day: date
    words: tuple[str, ...]
    value: int


def slots(connection: Any, topic: Topic, force: str, first: date, end: date) -> dict[Slot, int]:
    """The number of outcomes of each slot, for subjects that began on the days from `first` to before `end`."""
    found: dict[Slot, int] = {}
    for kind in (each for each in KINDS.values() if each.topic == topic):
        words = "".join(f', "{name}"' for name in kind.dimensions)
        text = (
            f"SELECT day, value, count(*){words} FROM {topic}_finished "  # noqa: S608 - names are ours
            "WHERE kind = ? AND force = ? AND day >= ? AND day < ? GROUP BY ALL"
        )
        for day, value, count, *those in rows_of(connection, text, [kind.name, force, first, end]):
            found[Slot(kind.name, day, tuple(those), value)] = count
    return found


def subjects_open(connection: Any, item: RecountOpenItem) -> list[int]:
    """The numbers of the subjects that have exactly this open item."""
    kind = KINDS[item.kind]
    words = "".join(f' AND "{name}" = ?' for name in kind.dimensions)
    text = (
        f"SELECT DISTINCT subject FROM {kind.topic}_open "  # noqa: S608 - names are ours
        f"WHERE kind = ? AND force = ? AND since = ? AND began = ? AND due IS NOT DISTINCT FROM ? "
        f"AND unrecorded_from IS NOT DISTINCT FROM ?{words} ORDER BY subject"
    )
    values = [item.kind, item.force, item.since, item.began, item.due, item.unrecorded_from, *item.dimensions]
    return [subject for (subject,) in rows_of(connection, text, values)]


def subjects_of(connection: Any, force: str, slot: Slot) -> list[int]:
    """The numbers of the subjects that a slot counts."""
    kind = KINDS[slot.kind]
    words = "".join(f' AND "{name}" = ?' for name in kind.dimensions)
    text = (
        f"SELECT DISTINCT subject FROM {kind.topic}_finished "  # noqa: S608 - names are ours
        f"WHERE kind = ? AND force = ? AND day = ? AND value = ?{words} ORDER BY subject"
    )
    values = [slot.kind, force, slot.day, slot.value, *slot.words]
    return [subject for (subject,) in rows_of(connection, text, values)]
