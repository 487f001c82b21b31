"""Explains a figure: lists its outcomes, subjects and facts from a recount of the log, and compares it with the state."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from statistics import median
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct

from bluelamp.recount.cell import RecountCell
from bluelamp.recount.coverage import IN_WORDS, CoverageLevel, KnownFigure
from bluelamp.recount.listing import ListedOutcome
from bluelamp.recount.recount import Recount
from bluelamp.recount.subject import RecountSubject
from bluelamp.recount.times import SECOND, microseconds, moment_of
from bluelamp.verify.compare import Query, StateReadings, check_whole, is_same, numbers, pairs_of
from bluelamp.verify.state_and_log import NotCompared
from bluelamp.verify.words import dimension_words, exact
from facts.errors import BlueLampError
from measures.clock import NOTE_WORDS, Note
from measures.display import number
from measures.display import words as in_words
from measures.measure import (
    Bands,
    Count,
    Decided,
    Mean,
    Measure,
    Median,
    OpenCount,
    OpenDue,
    OpenLongest,
    OpenSoonest,
    Share,
    SpanWithin,
)
from measures.outcome import KINDS
from measures.reading import Reading

_BAND = "band"
Agreement = Literal["same", "differs", "not compared"]


class ExplainedOutcome(Struct, frozen=True, kw_only=True):
    """An outcome or open item behind a figure.

    Attributes:
        subject_id: the subject's id in the force's system.
        kind: a key of `measures.outcome.KINDS`.
        value: its span in seconds; for an open item, its age in seconds; None for an outcome without a span.
        at: when it was decided, or the time since which it is open.
        began: when its subject began.
        is_open: whether it is an open item.
        is_met: for a share, whether it counts towards the share; otherwise None.
        facts: every fact of the subject, as canonical JSON, in order.
        not_counted: the facts that do not count: those that are corrected or withdrawn, and the withdrawals.
    """

    subject_id: str
    kind: str
    value: float | None
    at: datetime
    began: datetime
    is_open: bool
    is_met: bool | None
    facts: tuple[msgspec.Raw, ...]
    not_counted: tuple[msgspec.Raw, ...]


class Compared(Struct, frozen=True, kw_only=True):
    """The same figure in the state, at the same applied offsets and the same time.

    Attributes:
        verdict: whether the state has the same figure as the log.
        value: in the measure's unit; None where there is no value.
        n: the n of the figure; None where the state has no such figure.
        reason: why nothing was compared, or why the state's figure cannot be relied on; otherwise empty.
        exactly: both figures to the last digit where they differ; otherwise empty.
        behind: the number of log records that are not yet in the state; neither figure includes them.
    """

    verdict: Agreement
    value: float | None = None
    n: int | None = None
    reason: str = ""
    exactly: str = ""
    behind: int = 0


class Explained(Struct, frozen=True, kw_only=True):
    """A figure with the outcomes behind it.

    Attributes:
        measure: the name of its measure.
        window: the window of the query.
        dimensions: the label of each dimension.
        value: the recounted value in the measure's unit; None where there is none or it is not known.
        n: the recounted n; None where it is not known.
        met: for a share, the number that count towards it.
        coverage: how much of the period the record covers.
        listed: the number of outcomes behind the figure.
        added: the value when the outcomes are added up one by one.
        agrees: whether that equals the recounted value, to the last digit.
        compared: the figure of the state.
        parts: the outcomes in order of time, up to the limit.
    """

    measure: str
    window: str
    dimensions: dict[str, str]
    value: float | int | None
    n: int | None
    met: int | None
    coverage: CoverageLevel
    listed: int
    added: float | int | None
    agrees: bool
    compared: Compared
    parts: tuple[ExplainedOutcome, ...]

    def is_confirmed(self) -> bool:
        """Whether its outcomes add up to it, and the state has the same figure."""
        return self.agrees and self.compared.verdict == "same"


def explain(
    recount: Recount,
    force: str,
    query: Query,
    as_of: datetime,
    state: StateReadings | NotCompared,
    limit: int | None = None,
) -> list[Explained]:
    """Each figure of a query with the outcomes behind it, including figures that only the state has.

    Args:
        recount: the recount up to the applied offsets of the state, with its facts kept.
        force: the force.
        query: the query.
        as_of: the time of the figures.
        state: the readings of the same query, or why there are none.
        limit: the number of outcomes to list with their facts for each figure; None for all. All are added up.

    Raises:
        QuestionError: the query is not valid.
    """
    arguments = (query.measure, force, query.window, as_of, query.by, query.where)
    cells = {tuple(each.dimensions.items()): each for each in recount.answer(*arguments)}
    complete_to = state.complete_to if isinstance(state, StateReadings) else None
    groups: dict[tuple[str, ...], list[ListedOutcome]] = defaultdict(list)
    for each in recount.outcomes(*arguments):
        groups[tuple(_words(each, query.measure).values())].append(each)
    moment = microseconds(as_of)
    in_order = {words: sorted(group, key=_in_time) for words, group in groups.items()}
    listed = {each.subject for group in in_order.values() for each in group[:limit]}
    subjects = recount.subjects(sorted(listed)) if listed else {}
    state = _comparable(recount, state)
    readings = [each for _, some in state.results for each in some] if isinstance(state, StateReadings) else []
    return [
        _explained(
            query,
            cells.get(tuple(words.items())) or _nothing(query.measure, words, moment),
            known,
            in_order.get(tuple(words.values()), []),
            subjects,
            moment,
            limit,
            _compared(reading, known, state, recount),
        )
        for words, reading, known in pairs_of(readings, recount.known(*arguments, complete_to=complete_to))
    ]


def _comparable(recount: Recount, state: StateReadings | NotCompared) -> StateReadings | NotCompared:
    """The readings of the state, unless the log lacks records that the state was built from."""
    try:
        check_whole(recount.loaded)
    except BlueLampError as error:
        return state if isinstance(state, NotCompared) else NotCompared(f"{error.what} ({error.where})")
    if isinstance(state, StateReadings) and recount.loaded.left_beyond and not recount.loaded.records:
        return NotCompared("The state has not applied any record of the log yet.")
    return state


def _nothing(measure: Measure, words: dict[str, str], moment: int) -> RecountCell:
    """The figure when the log has no outcome for it."""
    value, n, met = _added(measure, (), moment)
    return RecountCell(dimensions=words, value=value, n=n, met=met)


def _compared(
    reading: Reading | None, known: KnownFigure | None, state: StateReadings | NotCompared, recount: Recount
) -> Compared:
    behind = recount.loaded.left_beyond
    if isinstance(state, NotCompared):
        return Compared(verdict="not compared", reason=state.why, behind=behind)
    same = is_same(reading, known)
    read, recounted = (each and numbers(each) for each in (reading, known))
    return Compared(
        verdict="same" if same else "differs",
        value=reading.value if reading else None,
        n=reading.n if reading else None,
        reason=reading.reason if reading else "",
        exactly="" if same else f"state {exact(read)}, log {exact(recounted)}",
        behind=behind,
    )


def _in_time(listed: ListedOutcome) -> tuple[int, int]:
    return listed.at, listed.subject


def _explained(
    query: Query,
    cell: RecountCell,
    known: KnownFigure | None,
    group: Sequence[ListedOutcome],
    subjects: dict[int, RecountSubject],
    moment: int,
    limit: int | None,
    compared: Compared,
) -> Explained:
    value, n, met = _added(query.measure, group, moment)
    if isinstance(query.measure.statistic, Bands):
        n = cell.n  # every band has the n of all bands together, and lists only its own outcomes
    return Explained(
        measure=query.measure.name,
        window=query.window,
        dimensions=cell.dimensions,
        value=known.value if known else cell.value,
        n=known.n if known else cell.n,
        met=known.met if known else cell.met,
        coverage=known.coverage if known else "whole",
        listed=len(group),
        added=value,
        agrees=(value, n, met) == (cell.value, cell.n, cell.met),
        compared=compared,
        parts=tuple(_part(each, query.measure, subjects[each.subject], moment) for each in group[:limit]),
    )


def _words(listed: ListedOutcome, measure: Measure) -> dict[str, str]:
    """The labels of the figure that an outcome counts in, including its band."""
    if not isinstance(measure.statistic, Bands):
        return listed.words
    edges = measure.statistic.edges_seconds
    seconds = Fraction(listed.value, KINDS[listed.kind].per_second)
    place = max(place for place, edge in enumerate(edges) if edge <= seconds)
    upper = f"{edges[place + 1]:05}" if place + 1 < len(edges) else ""
    return {**listed.words, _BAND: f"{edges[place]:05}-{upper}"}


_Sum = tuple[float | int | None, int, int | None]
"""A value, its n, and the number that meet the condition of a share."""


def _added(measure: Measure, group: Sequence[ListedOutcome], moment: int) -> _Sum:
    """Add up outcomes one by one, without using the recount's own statistics."""
    n, met = sum(each.is_counted for each in group), sum(each.is_met for each in group)
    found: _Sum = (None, n, None)
    match measure.statistic:
        case Count() | OpenCount() | OpenDue():
            found = n, n, None
        case Bands():
            found = n, n, n
        case Share() | Decided():
            found = (met / n if n else None), n, met
        case SpanWithin(of, seconds, is_inclusive):
            limit = seconds * KINDS[of.kind].per_second
            met = sum(each.value < limit or (is_inclusive and each.value == limit) for each in group)
            found = (met / n if n else None), n, met
        case Mean(of) | Median(of):
            found = _middle(measure, [each.value for each in group], KINDS[of.kind].per_second), n, None
        case OpenLongest():
            found = (max(moment - each.at for each in group) / SECOND if n else None), n, None
        case OpenSoonest():
            found = (min((each.due or moment) - moment for each in group) / SECOND if n else None), n, None
    return found


def _middle(measure: Measure, spans: Sequence[int], per_second: int) -> float | None:
    if not spans:
        return None
    middle = Fraction(sum(spans), len(spans)) if isinstance(measure.statistic, Mean) else median(map(Fraction, spans))
    return float(middle / per_second)


def _part(each: ListedOutcome, measure: Measure, subject: RecountSubject, moment: int) -> ExplainedOutcome:
    per_second = KINDS[each.kind].per_second
    is_share = measure.unit == "ratio" and not isinstance(measure.statistic, SpanWithin)
    span = each.value / per_second if per_second else None
    return ExplainedOutcome(
        subject_id=subject.subject_id,
        kind=each.kind,
        value=(moment - each.at) / SECOND if each.is_open else span,
        at=moment_of(each.at),
        began=moment_of(each.began),
        is_open=each.is_open,
        is_met=each.is_met if is_share else None,
        facts=tuple(msgspec.Raw(one.fact) for one in subject.facts),
        not_counted=tuple(msgspec.Raw(one.fact) for one in subject.facts if not one.counts),
    )


def lines(explained: Explained, measure: Measure, *, has_facts: bool) -> Iterable[str]:
    """The explanation of a figure for a person to read.

    Args:
        explained: the figure.
        measure: its measure.
        has_facts: whether to list the facts of each subject.
    """
    figure = _figure(explained.value, explained.n, measure)
    yield "  ".join(part for part in (measure.title, dimension_words(explained.dimensions), figure) if part)
    if note := NOTE_WORDS.get(cast("Note", explained.dimensions.get("note"))):
        yield f"  {note[0].upper()}{note[1:]}."
    for part in explained.parts:
        yield f"  {_line(part)}"
        for fact in part.facts if has_facts else ():
            mark = "does not count: " if fact in part.not_counted else ""
            yield f"      {mark}{bytes(fact).decode()}"
    if len(explained.parts) < explained.listed:
        yield f"  and {explained.listed - len(explained.parts):,} more: --limit 0 lists all."
    verdict = "this figure" if explained.agrees else f"a DIFFERENT figure: {explained.added}"
    yield f"  Adding up {number(explained.listed, 'outcome')} from the log gives {verdict}."
    if explained.coverage == "none":
        yield f"  {IN_WORDS['none']}"
    yield f"  {_verdict(explained, measure)}"


def _figure(value: float | None, n: int | None, measure: Measure) -> str:
    return f"{in_words(value, measure.unit)} (n {'not known' if n is None else f'{n:,}'})"


def _verdict(explained: Explained, measure: Measure) -> str:
    """A sentence that says whether the state has the same figure."""
    compared = explained.compared
    log = _figure(explained.value, explained.n, measure)
    state = "no figure" if compared.n is None else _figure(compared.value, compared.n, measure)
    match compared.verdict:
        case "not compared":
            return f"NOT COMPARED with the state: {compared.reason}"
        case "same" if explained.n is None:
            return f"The state does not know this figure either: {compared.reason}"
        case "same":
            return "The state has the same figure."
        case _:
            exactly = f" To the last digit: {compared.exactly}." if state == log else ""
            return f"DIFFERENT: the state has {state}, the log has {log}.{exactly}"


def _line(part: ExplainedOutcome) -> str:
    value: Any = "" if part.value is None else in_words(part.value, "seconds")
    missed = "missed" if part.kind.endswith("_decided") else "not met"
    met = "" if part.is_met is None else "met" if part.is_met else missed
    moment = f"{'open since' if part.is_open else 'at'} {part.at:%Y-%m-%d %H:%M:%S}Z"
    return "  ".join(word for word in (part.subject_id, part.kind, moment, value, met) if word)
