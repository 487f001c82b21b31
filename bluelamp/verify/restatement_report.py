"""The restatement log put together: archive and log read, and what came of it in words, as a table or as data."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

from msgspec import Struct

from bluelamp.archive.reading import ArchiveAndLog, open_archive
from bluelamp.verify.restatements import Because, Restatement, is_in_course, keep, open_days, restated
from bluelamp.wiring.settings import Settings
from facts.errors import IncompleteError, QuestionError
from facts.union import TOPICS
from measures.display import words
from measures.measure import Measure
from measures.rules import Rules
from streams.logreader import LogReader

COLUMNS = (
    ("day", "the local day on which the subjects began"),
    ("measure", "name of the measure, as `bluelamp measures` lists it"),
    ("words", "of the breakdown, dimension=word; empty for the whole"),
    ("unit", "of the values: count, seconds, ratio (a share of 1)"),
    ("first", "the figure when the day was first shown, unrounded; empty where there was none"),
    ("first_n", "how many it was taken from"),
    ("now", "the figure now, likewise"),
    ("now_n", "how many it is taken from"),
    ("difference", "now less first; empty where one of them is not there"),
    ("causes", "each with the number of subjects it is of"),
    ("subjects", "those behind it, as the force's systems tell them"),
)
"""What a row of the file holds: name and meaning."""


class Restatements(Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        force: whose figures.
        start: the first day.
        end: the first day after the period.
        as_of: the instant at which figures were taken now.
        restated: those that have changed.
        not_shown: days that are not closed yet, with the topics of which they are not.
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
    """Every daily figure of a period that has changed since it was first shown.

    Args:
        settings: name log and archive.
        rules: of the force.
        period: its first local day, and the first after it.
        measures: those asked about.
        by: the dimensions to break them down by.
        as_of: the force's present.
        is_all: also those that have only changed in the ordinary course of what was open when the day ended.

    Raises:
        QuestionError: there is no such period, or no measure has the dimensions.
        IncompleteError: archive and log do not reach back to the beginning.
    """
    start, end = period
    days = [start + timedelta(days=number) for number in range((end - start).days)]
    if not days:
        hint = "--from comes first, and --to is excluded: one day is --from 2024-12-01 --to 2024-12-02."
        raise QuestionError("The period holds no day.", where="--from, --to", hint=hint)
    asked = list(measures)
    if by and not any(set(by) <= set(each.dimensions()) for each in asked):
        raise QuestionError(f"No measure has {', '.join(by)}.", where="--by", hint="`bluelamp measures` lists them.")
    archive = open_archive(settings.archive)
    with LogReader(settings.kafka) as log:
        identities = log.identities(TOPICS)
        if archive is not None:
            archive.check(identities)
        whole = ArchiveAndLog(archive, log)
        # A topic that the force has no feed of tells it nothing, and would never be closed.
        topics = {feed.topic for feed in rules.force.feeds}
        reach = {place: span for place, span in whole.reach(log.reach(identities)).items() if place[0] in topics}
        for place, (first, _) in reach.items():
            if first:
                what = f"Archive and log begin at offset {first}: what was first shown is not known without all before."
                hint = "Name the archive that holds the rest (BLUELAMP_ARCHIVE)."
                raise IncompleteError(what, where=f"partition {place[0]}:{place[1]}", hint=hint)
        kept = [keep(whole, place, identities[place[0]].partitions, span, rules, days) for place, span in reach.items()]
    found = [each for each in restated(kept, rules, days, asked, by, as_of) if is_all or each.is_restated()]
    return Restatements(
        force=rules.force.name,
        start=start,
        end=end,
        as_of=as_of,
        restated=tuple(found),
        not_shown=open_days(kept, days),
    )


def lines(told: Restatements, limit: int) -> Iterator[str]:
    """What a person reads: day by day the figures, then the facts behind them.

    Args:
        told: what came of it.
        limit: of how many subjects a day the facts are told; 0 for all.
    """
    for _, some in groupby(told.restated, key=lambda each: each.day):
        figures = list(some)
        yield from (_line(each) for each in figures)
        yield from _facts(figures, limit)
    days = len({each.day for each in told.restated})
    yield f"Figures that are not what they were when they were first shown: {len(told.restated):,}, of {days:,} days."
    for day, topics in told.not_shown.items():
        yield f"{day} is not over for {', '.join(topics)}: its figures were not yet shown as a whole day's."


def _line(each: Restatement) -> str:
    limits = " ".join(f"{name}={word}" for name, word in each.words.items())
    first, now = (f"{words(value, each.unit)} (n {n:,})" for value, n in _values(each))
    causes = ", ".join(f"{cause} {count:,}" for cause, count in each.causes.items())
    parts = (f"{each.day}", each.measure, limits, f"first {first}, now {now}", causes)
    return "  ".join(part for part in parts if part)


def _values(each: Restatement) -> tuple[tuple[float | None, int], tuple[float | None, int]]:
    return (each.first, each.first_n), (each.now, each.now_n)


def _facts(figures: Sequence[Restatement], limit: int) -> Iterator[str]:
    """The facts behind a day's figures, each once, although many figures have changed by it."""
    told: dict[str, list[Because]] = {}
    for each in (one for figure in figures for one in figure.because):
        known = told.setdefault(each.subject_id, [])
        if each not in known:
            known.append(each)
    # What restates comes first: of what only went on there is much.
    for subject_id in sorted(told, key=lambda each: (is_in_course(told[each]), each))[: limit or None]:
        yield f"    {subject_id}"
        for each in told[subject_id]:
            if each.received_at is None or each.fact is None:
                yield f"      {each.cause}: it stood open, and could no longer be in time"
            else:
                received = f"{each.received_at:%Y-%m-%d %H:%M:%S}Z"
                yield f"      {each.cause}, received {received}: {bytes(each.fact).decode()}"
    if limit and len(told) > limit:
        yield f"    and {len(told) - limit:,} subjects more: --limit 0 lists all of them."


def table(told: Restatements) -> str:
    """A row for each figure as CSV, under a header that says what each column is."""
    text = io.StringIO()
    text.write(
        f"# {told.force}: daily figures from {told.start} to before {told.end} that have changed since first shown\r\n"
    )
    text.write(f"# Figures now as of {told.as_of.isoformat(timespec='seconds')}\r\n")
    for name, meaning in COLUMNS:
        text.write(f"# {name}: {meaning}\r\n")
    rows = csv.writer(text)
    rows.writerow(name for name, _ in COLUMNS)
    rows.writerows(_row(each) for each in told.restated)
    return text.getvalue()


def _row(each: Restatement) -> list[object]:
    difference = None if each.first is None or each.now is None else each.now - each.first
    limits = " ".join(f"{name}={word}" for name, word in each.words.items())
    causes = "; ".join(f"{cause} {count}" for cause, count in each.causes.items())
    subjects = " ".join(dict.fromkeys(one.subject_id for one in each.because))
    return [
        each.day, each.measure, limits, each.unit, each.first, each.first_n, each.now, each.now_n, difference, causes, subjects,
    ]  # fmt: skip
