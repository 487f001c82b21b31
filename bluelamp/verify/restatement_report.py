"""The restatements of a period, from the archive and the log: as lines for people, as CSV, or as data."""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

from msgspec import Struct

from bluelamp.archive.reading import ArchiveAndLog, open_archive
from bluelamp.verify.restatements import ChangedBy, Restatement, is_by_time_alone, open_days, read_partition, restated
from bluelamp.verify.words import dimension_words
from bluelamp.wiring.settings import Settings
from facts.errors import IncompleteError, QuestionError
from facts.union import TOPICS
from measures.display import number, words
from measures.measure import Measure
from measures.rules import Rules
from measures.spreadsheet import SafeRows
from streams.logreader import LogReader

COLUMNS = (
    ("day", "local day on which the subjects began"),
    ("measure", "name of the measure, as `bluelamp measures` lists it"),
    ("words", "breakdown, as dimension=label; empty for the whole figure"),
    ("unit", "unit of the values: count, seconds, or ratio (a share of 1)"),
    ("first", "figure when the day was first published, unrounded; empty where there was none"),
    ("first_n", "n of that figure"),
    ("now", "figure now, unrounded; empty where there is none"),
    ("now_n", "n of the figure now"),
    ("difference", "now minus first; empty where either is missing"),
    ("causes", "causes of the change, each with its number of subjects"),
    ("subjects", "ids of the subjects behind the change"),
)
"""The columns of the CSV file: name and meaning."""


class Restatements(Struct, frozen=True, kw_only=True):
    """The restatements of a period.

    Attributes:
        force: the force.
        start: the first day.
        end: the day after the last.
        as_of: the time of the current figures.
        restated: the figures that have changed.
        not_shown: the days that are not closed yet, each with the topics for which it is not closed.
    """

    force: str
    start: date
    end: date
    as_of: datetime
    restated: tuple[Restatement, ...]
    not_shown: dict[date, list[str]]


def restatements(
    settings: Settings,
    rules: Rules,
    period: tuple[date, date],
    measures: Iterable[Measure],
    by: tuple[str, ...],
    as_of: datetime,
    *,
    is_all: bool = False,
) -> Restatements:
    """Every daily figure of a period that has changed since it was first published.

    Args:
        settings: these name the log and the archive.
        rules: the rules of the force.
        period: the first local day, and the day after the last.
        measures: the measures to check.
        by: the dimensions to break them down by.
        as_of: the force's present.
        is_all: include figures that changed only because open items ended or fell due after the day.

    Raises:
        QuestionError: the period is empty, or no measure has these dimensions.
        IncompleteError: the archive and the log do not reach back to offset 0.
    """
    start, end = period
    days = [start + timedelta(days=number) for number in range((end - start).days)]
    if not days:
        hint = "--to is the day after the last day. For one day, use --from 2024-12-01 --to 2024-12-02."
        raise QuestionError("The period contains no day.", where="--from and --to", hint=hint)
    chosen = list(measures)
    if by and not any(set(by) <= set(each.dimensions()) for each in chosen):
        hint = "`bluelamp measures --json` lists the dimensions of each measure."
        what = f"No chosen measure can be broken down by {', '.join(by)}."
        raise QuestionError(what, where="--by", hint=hint)
    archive = open_archive(settings.archive)
    with LogReader(settings.log()) as log:
        identities = log.identities(TOPICS)
        if archive is not None:
            archive.check(identities)
        whole = ArchiveAndLog(archive, log)
        # A day is never closed on a topic that the force has no feed for.
        topics = {feed.topic for feed in rules.force.feeds}
        reach = {place: span for place, span in whole.reach(log.reach(identities)).items() if place[0] in topics}
        for place, (first, _) in reach.items():
            if first:
                what = (
                    f"The archive and the log begin at offset {first:,}, so the first published figures are not known."
                )
                hint = "Set BLUELAMP_ARCHIVE to the archive that contains the beginning."
                raise IncompleteError(what, where=f"partition {place[0]}:{place[1]}", hint=hint)
        parts = [
            read_partition(whole, place, identities[place[0]].partitions, span, rules, days)
            for place, span in reach.items()
        ]
    found = [each for each in restated(parts, rules, days, chosen, by, as_of) if is_all or each.is_restated()]
    return Restatements(
        force=rules.force.name,
        start=start,
        end=end,
        as_of=as_of,
        restated=tuple(found),
        not_shown=open_days(parts, days),
    )


def lines(result: Restatements, limit: int) -> Iterator[str]:
    """The restatements for a person to read: for each day the figures, then the facts behind them.

    Args:
        result: the restatements.
        limit: the number of subjects a day to list with their facts; 0 for all.
    """
    for _, of_day in groupby(result.restated, key=lambda each: each.day):
        figures = list(of_day)
        yield from (_line(each) for each in figures)
        yield from _facts(figures, limit)
    days = len({each.day for each in result.restated})
    yield f"Figures changed since first published: {len(result.restated):,}, on {number(days, 'day')}."
    for day, topics in result.not_shown.items():
        yield f"{day} is not complete for {', '.join(topics)}: its figures have not been published yet."


def _line(each: Restatement) -> str:
    first, now = (f"{words(value, each.unit)} (n {n:,})" for value, n in _values(each))
    causes = ", ".join(f"{cause} {count:,}" for cause, count in each.causes.items())
    parts = (f"{each.day}", each.measure, dimension_words(each.words), f"first {first}, now {now}", causes)
    return "  ".join(part for part in parts if part)


def _values(each: Restatement) -> tuple[tuple[float | None, int], tuple[float | None, int]]:
    return (each.first, each.first_n), (each.now, each.now_n)


def _facts(figures: Sequence[Restatement], limit: int) -> Iterator[str]:
    """The facts behind a day's figures, each listed once even if it changed many figures."""
    by_subject: dict[str, list[ChangedBy]] = {}
    for each in (one for figure in figures for one in figure.because):
        changes = by_subject.setdefault(each.subject_id, [])
        if each not in changes:
            changes.append(each)
    # Restatements come first. Open items that simply ended are many, and matter less.
    for subject_id in sorted(by_subject, key=lambda each: (is_by_time_alone(by_subject[each]), each))[: limit or None]:
        yield f"    {subject_id}"
        for each in by_subject[subject_id]:
            if each.received_at is None or each.fact is None:
                yield f"      {each.cause}: it was still open when its target passed"
            else:
                received = f"{each.received_at:%Y-%m-%d %H:%M:%S}Z"
                yield f"      {each.cause}, received {received}: {bytes(each.fact).decode()}"
    if limit and len(by_subject) > limit:
        yield f"    and {number(len(by_subject) - limit, 'more subject')}: --limit 0 lists all."


def table(result: Restatements) -> str:
    """The restatements as CSV, one figure per row, under comments that explain each column."""
    text = io.StringIO()
    last = result.end - timedelta(days=1)
    text.write(f"# {result.force}: daily figures from {result.start} to {last} changed since first published\r\n")
    text.write(f"# Current figures as of {result.as_of.isoformat(timespec='seconds')}\r\n")
    for name, meaning in COLUMNS:
        text.write(f"# {name}: {meaning}\r\n")
    rows = SafeRows(text)
    rows.writerow(name for name, _ in COLUMNS)
    rows.writerows(_row(each) for each in result.restated)
    return text.getvalue()


def _row(each: Restatement) -> list[object]:
    difference = None if each.first is None or each.now is None else each.now - each.first
    breakdown = dimension_words(each.words)
    causes = "; ".join(f"{cause} {count}" for cause, count in each.causes.items())
    subjects = " ".join(dict.fromkeys(one.subject_id for one in each.because))
    return [
        each.day, each.measure, breakdown, each.unit, each.first, each.first_n, each.now, each.now_n, difference, causes, subjects,
    ]  # fmt: skip
