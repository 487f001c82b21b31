"""Section 7 of the semantics: the outcomes of custody, derived from the facts of each custody number."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec import Struct, field

from facts.force import Force

_MINUTE = 60_000_000
_HOUR = 60 * _MINUTE
_BATCH = 50_000
_SILENT_SECONDS = 24 * 3600


class _Fact(NamedTuple):
    """A row of custody_fact; times in microseconds since 1970, `minutes` is the length of a warrant."""

    subject: int
    force: str
    fact: str
    happened: int
    suite: str | None
    word: str
    child: bool | None
    disposal: str | None
    reason: str | None
    basis: str | None
    continues: bool | None
    indictable: bool | None
    relevant_time: int | None
    until: int | None
    sits_at: int | None
    minutes: int


class _Row(NamedTuple):
    """A row of custody_finished (with `value`) or custody_open (with `due`), without its day."""

    is_open: bool
    subject: int
    force: str
    kind: str
    at: int
    began: int
    suite: str | None = None
    child: str | None = None
    word: str | None = None
    number: int | None = None


class _Spell(Struct):
    """A stay: its first fact, its facts, the suites with the time of arrival at each, and how it ended."""

    opened: _Fact
    child: str
    rooms: list[tuple[int, str | None, str]]
    facts: list[_Fact] = field(default_factory=list)
    end: int | None = None
    disposal: str | None = None
    is_new: bool = True


def derive(connection: Any, forces: Iterable[Force]) -> None:
    """Fill the tables of outcomes of custody.

    Args:
        connection: the database with the table custody_fact.
        forces: the profiles, which say when a record is silent.
    """
    ages = {force.name: (force.detention_silent_after_seconds or _SILENT_SECONDS) * 1_000_000 for force in forces}
    names = ", ".join(_Fact._fields)
    found = connection.execute(f"SELECT {names} FROM custody_fact ORDER BY subject, place").fetchall()  # noqa: S608 - names are ours
    rows: list[_Row] = []
    for _, facts in groupby(map(_Fact._make, found), attrgetter("subject")):
        rows += _subject(list(facts), ages)
        if len(rows) > _BATCH:
            _insert(connection, rows)
            rows = []
    _insert(connection, rows)
    connection.execute("DROP TABLE custody_fact")


def _insert(connection: Any, rows: Sequence[_Row]) -> None:
    if not rows:
        return
    types = ("BOOLEAN", "BIGINT", "VARCHAR", "VARCHAR", "BIGINT", "BIGINT", "VARCHAR", "VARCHAR", "VARCHAR", "BIGINT")
    columns = ", ".join(f'unnest(?::{kind}[]) AS "{name}"' for name, kind in zip(_Row._fields, types, strict=True))
    connection.execute(
        f"CREATE TABLE custody_row AS SELECT {columns}", [list(each) for each in zip(*rows, strict=True)]
    )
    further = """
        CASE WHEN kind = 'custody_note' THEN word END AS note,
        CASE WHEN kind = 'detention_ended' THEN word END AS disposal,
        CASE WHEN kind = 'detention_contradiction' THEN word END AS contradiction
    """
    connection.execute(
        f"""
        INSERT INTO custody_finished BY NAME
        SELECT subject, kind, force, "at" AS decided, began, day, suite, child, {further}, coalesce(number, 0) AS value
        FROM with_day('custody_row') WHERE NOT is_open
        """  # noqa: S608 - a constant
    )
    connection.execute(
        f"""
        INSERT INTO custody_open BY NAME
        SELECT subject, kind, force, "at" AS since, began, day, number AS due, suite, child, {further}
        FROM with_day('custody_row') WHERE is_open
        """  # noqa: S608 - a constant
    )
    connection.execute("DROP TABLE custody_row")


def _subject(facts: list[_Fact], ages: Mapping[str, int]) -> Iterator[_Row]:
    spells = _spells(facts)
    attended = [each for each in facts if each.fact == "VoluntaryAttended"]
    began = spells[0].opened.happened if spells else (attended or facts)[0].happened
    if attended:
        first = attended[0]
        words = (first.word, _yes_no(first.child))
        yield _Row(False, first.subject, first.force, "voluntary_attended", first.happened, began, *words)
    if spells:
        for stays in _detentions(spells):
            yield from _detention(stays, ages)
    else:
        yield from _without_arrival([each for each in facts if each.fact != "VoluntaryAttended"], began, ages)


def _yes_no(child: bool | None) -> str:
    return "yes" if child else "no"


def _is_bail(fact: _Fact) -> bool:
    return fact.fact == "ClockPaused" and fact.reason == "bail"


def _spells(facts: Sequence[_Fact]) -> list[_Spell]:
    """The stays of a custody number, with their facts."""
    spells: list[_Spell] = []
    early: list[_Fact] = []
    used: list[_Fact] = []
    for fact in facts:
        latest = spells[-1] if spells else None
        inside = latest is not None and latest.end is None
        if fact.fact == "DetaineeArrived":
            used += _arrive(spells, fact, facts)
        elif latest and inside:
            _move_or_end(latest, fact, used)
        elif latest and fact.fact == "ClockResumed" and _was_paused_for_bail(latest):
            _, suite, word = latest.rooms[-1]
            spells.append(_Spell(fact, latest.child, [(fact.happened, suite, word)], is_new=False))
        (spells[-1].facts if spells else early).append(fact)
    if spells:
        spells[0].facts[:0] = early
    if len(spells) == 1 and spells[0].end is None:
        _end_by_an_earlier_one(spells[0], early)
    return spells


def _arrive(spells: list[_Spell], arrival: _Fact, facts: Sequence[_Fact]) -> list[_Fact]:
    """Begin a stay, or move to another suite; returns the end that an earlier stay had at the same time."""
    now = spells[-1] if spells and spells[-1].end is None else None
    ends = [each for each in facts if each.fact == "DetentionEnded" and each.happened == arrival.happened]
    has_ended = now is not None and now.opened.happened < arrival.happened and bool(ends)
    if now and has_ended:
        now.end, now.disposal = arrival.happened, ends[0].disposal
    if now is None or has_ended:
        spells.append(_Spell(arrival, _yes_no(arrival.child), [(arrival.happened, arrival.suite, arrival.word)]))
    else:
        _enter(now, arrival)
    return ends[:1] if has_ended else []


def _move_or_end(spell: _Spell, fact: _Fact, used: Sequence[_Fact]) -> None:
    """Move a person in custody to another suite, or end the stay."""
    if fact.fact == "DetaineeTransferred":
        _enter(spell, fact)
    elif _is_bail(fact):
        spell.end, spell.disposal = fact.happened, "bail"
    elif fact.fact == "DetentionEnded" and not any(fact is each for each in used):
        spell.end, spell.disposal = fact.happened, fact.disposal


def _enter(spell: _Spell, fact: _Fact) -> None:
    if spell.rooms[-1][1] != fact.suite:
        spell.rooms.append((fact.happened, fact.suite, fact.word))


def _was_paused_for_bail(spell: _Spell) -> bool:
    """Whether a stay ended when its clock was paused for bail, and no `DetentionEnded` came first."""
    for fact in spell.facts:
        if fact.happened == spell.end and _is_bail(fact):
            return True
        if fact.happened == spell.end and fact.fact == "DetentionEnded":
            return False
    return False


def _end_by_an_earlier_one(spell: _Spell, early: Iterable[_Fact]) -> None:
    recorded = spell.opened.continues
    for fact in early:
        continues = recorded is None and fact.disposal in ("bail", "transferred")
        if fact.fact == "DetentionEnded" and not recorded and not continues:
            spell.end, spell.disposal = fact.happened, fact.disposal
            return


def _detentions(spells: Sequence[_Spell]) -> list[list[_Spell]]:
    """Stays in groups of one detention each; a stay after a transfer needs no new authorisation."""
    groups: list[list[_Spell]] = []
    for before, spell in zip([None, *spells], spells, strict=False):
        recorded = spell.opened.continues
        if before is None:
            continues = False
        elif spell.opened.fact == "ClockResumed":
            continues = True
        else:
            continues = before.disposal in ("bail", "transferred") if recorded is None else recorded
        if continues and before is not None:
            spell.is_new = spell.is_new and before.disposal != "transferred"
            groups[-1].append(spell)
        else:
            groups.append([spell])
    return groups


class _Clock:
    """A clock: the stretches in which it runs, from its start."""

    def __init__(self, start: int, breaks: Sequence[tuple[int, int | None]]) -> None:
        self.start = start
        self.runs: list[tuple[int, int | None]] = []
        begins: int | None = start
        for halt, again in breaks:
            if begins is not None and halt > begins:
                self.runs.append((begins, halt))
            if begins is not None:
                begins = None if again is None else max(begins, again)
        if begins is not None:
            self.runs.append((begins, None))

    def shows(self, at: int) -> int:
        """What it shows at a time."""
        if at < self.start:
            return at - self.start
        return sum(max(0, min(at, at if ends is None else ends) - begins) for begins, ends in self.runs)

    def reaches(self, limit: int) -> int | None:
        """The last time at which it shows no more than a limit."""
        left = limit
        for begins, ends in self.runs if limit >= 0 else ():
            if ends is None or left < ends - begins:
                return begins + left
            left -= ends - begins
        return self.start + limit if limit < 0 else None


def _breaks(stays: Sequence[_Spell]) -> list[tuple[int, int | None]]:
    """The times that no clock of a detention counts: in hospital, and out of custody except on the way to another suite."""
    found: list[tuple[int, int | None]] = []
    for number, stay in enumerate(stays):
        found += _in_hospital(stay.facts, stay.end)
        if stay.end is not None and stay.disposal != "transferred" and number + 1 < len(stays):
            found.append((stay.end, stays[number + 1].opened.happened))
    return found


def _in_hospital(facts: Sequence[_Fact], end: int | None) -> list[tuple[int, int | None]]:
    found: list[tuple[int, int | None]] = []
    since: int | None = None
    for fact in facts:
        if end is not None and fact.happened > end:
            break
        if fact.fact == "ClockPaused" and fact.reason == "hospital" and since is None:
            since = fact.happened
        elif fact.fact == "ClockResumed" and since is not None:
            found.append((since, fact.happened))
            since = None
    return found if since is None else [*found, (since, end)]


def _detention(stays: Sequence[_Spell], ages: Mapping[str, int]) -> Iterator[_Row]:
    facts = [fact for stay in stays for fact in stay.facts]
    authorised = _first(facts, "DetentionAuthorised")
    for number, stay in enumerate(stays):
        subject, force, came = stay.opened.subject, stay.opened.force, stay.opened.happened
        first, last = (stay.rooms[0][2], stay.child), (stay.rooms[-1][2], stay.child)
        if number == 0:
            yield _Row(False, subject, force, "detainee_arrived", came, came, *first)
        allowed = _first(stay.facts, "DetentionAuthorised")
        if stay.is_new and allowed:
            yield from _span(stay, "arrived_to_authorised", allowed.happened, first)
        if stay.end is None or stay.end >= came:
            yield from _rooms(stay)
        if stay.end is not None:
            yield from _span(stay, "arrived_to_ended", stay.end, last)
            yield _Row(False, subject, force, "detention_ended", stay.end, came, *last, stay.disposal)
            continue
        yield _Row(True, subject, force, "in_custody", came, came, *last)
        if not allowed and (stay.is_new or not authorised):
            yield _Row(True, subject, force, "awaiting_authorisation", came, came, *last)
        yield _note(stay.opened, came, last, "record_silent", facts[-1].happened + ages[force])
        yield from _limits(stays, facts, stay, last)
        yield from _reviews(facts, _breaks(stays), stay.opened, came, last)


def _span(stay: _Spell, kind: str, until: int, words: tuple[str, str]) -> Iterator[_Row]:
    who, came = stay.opened, stay.opened.happened
    if until < came:
        what = f"{kind}_ends_before_it_starts"
        yield _Row(False, who.subject, who.force, "detention_contradiction", until, came, word=what)
        # Section 12: the span is not counted at all, which is the value 2.
        yield _Row(False, who.subject, who.force, f"{kind}_unrecorded", came, came, *words, number=2)
        return
    seconds = (2 * (until - came) + 1_000_000) // 2_000_000
    yield _Row(False, who.subject, who.force, kind, until, came, *words, number=seconds)


def _rooms(stay: _Spell) -> Iterator[_Row]:
    who, came = stay.opened, stay.opened.happened
    exits = [*(at for at, _, _ in stay.rooms[1:]), stay.end]
    for (at, _, word), left in zip(stay.rooms, exits, strict=True):
        yield _Row(False, who.subject, who.force, "suite_entered", at, came, word, stay.child)
        if left is not None:
            yield _Row(False, who.subject, who.force, "suite_left", left, came, word, stay.child)


def _first(facts: Iterable[_Fact], kind: str) -> _Fact | None:
    return next((fact for fact in facts if fact.fact == kind), None)


def _note(who: _Fact, began: int, words: tuple[str, str], note: str, since: int, due: int | None = None) -> _Row:
    return _Row(True, who.subject, who.force, "custody_note", since, began, *words, note, due)


def _limits(stays: Sequence[_Spell], facts: Sequence[_Fact], stay: _Spell, words: tuple[str, str]) -> Iterator[_Row]:
    opened, came = stays[0].opened, stay.opened.happened
    charged = _first(facts, "DetaineeCharged")
    if opened.basis in (None, "arrest") and opened.relevant_time is not None and not charged:
        clock = _Clock(opened.relevant_time, _breaks(stays))
        limit, notes = _allowed(clock, facts)
        due = clock.reaches(limit)
        yield _Row(True, opened.subject, opened.force, "detention_limit", clock.start, came, *words, number=due)
        if due is None:
            yield _note(opened, came, words, "limit_clock_paused", *_left(clock, limit, _breaks(stays)))
        for note, since in notes:
            yield _note(opened, came, words, note, since, due if note == "application_pending" else None)
    if charged:
        yield _note(opened, came, words, "charged", charged.happened)
    if opened.continues:  # only the first arrival of a number can both continue and begin a detention
        yield _note(opened, came, words, "earlier_detention_unrecorded", opened.happened)
    if opened.basis not in (None, "arrest"):
        yield _note(opened, came, words, "not_arrest", opened.happened)
    elif opened.relevant_time is not None and opened.relevant_time >= opened.happened + _HOUR:
        yield _note(opened, came, words, "relevant_time_after_arrival", opened.happened)


def _allowed(clock: _Clock, facts: Sequence[_Fact]) -> tuple[int, list[tuple[str, int]]]:
    """The limit on the clock, and the notes on it with their times."""
    limit, has_warrant, notes = 24 * _HOUR, False, list[tuple[str, int]]()
    pending: _Fact | None = None
    for fact in facts:
        shows = clock.shows(fact.happened)
        if fact.fact == "ExtensionAuthorised" and fact.until is not None:
            why = _without_effect(fact, shows > limit, has_warrant, facts)
            if why:
                notes.append((why, fact.happened))
            else:
                limit = max(limit, min(36 * _HOUR, shows + fact.until - fact.happened))
        elif fact.fact == "WarrantIssued":
            length = min(fact.minutes * _MINUTE, 36 * _HOUR)
            counted_from = max(shows, limit) if has_warrant else shows
            limit, has_warrant, pending = min(96 * _HOUR, counted_from + length), True, None
        elif fact.fact == "WarrantApplied":
            pending = fact
        elif fact.fact == "WarrantRefused":
            pending = None
            notes.append(("warrant_refused", fact.happened))
    if pending and not has_warrant and pending.sits_at is not None and clock.shows(pending.sits_at) > limit:
        is_heard = limit == 36 * _HOUR and clock.shows(pending.sits_at) <= 42 * _HOUR
        notes.append(("application_pending" if is_heard else "application_without_effect", pending.happened))
        limit = 42 * _HOUR if is_heard else limit
    return limit, notes


def _without_effect(fact: _Fact, is_late: bool, has_warrant: bool, facts: Sequence[_Fact]) -> str:
    authorised = _first(facts, "DetentionAuthorised")
    held = [
        each
        for each in facts
        if each.fact == "ReviewHeld" and authorised and authorised.happened <= each.happened <= fact.happened
    ]
    reasons = {
        "extension_after_warrant": has_warrant,
        "extension_too_late": is_late,
        "extension_not_indictable": fact.indictable is False,
        "extension_before_second_review": len(held) <= 1,
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def _reviews(
    facts: Sequence[_Fact], breaks: Sequence[tuple[int, int | None]], who: _Fact, began: int, words: tuple[str, str]
) -> Iterator[_Row]:
    authorised = _first(facts, "DetentionAuthorised")
    if authorised:
        yield from _review(facts, _Clock(authorised.happened, breaks), who, began, words, breaks)
    if breaks and breaks[-1][1] is None:
        yield _Row(True, who.subject, who.force, "custody_clock_paused", breaks[-1][0], began, *words)


def _left(clock: _Clock, limit: int, breaks: Sequence[tuple[int, int | None]]) -> tuple[int, int]:
    """The time since which a clock is paused, and when it would be due if it continued from there."""
    since = max(breaks[-1][0], clock.start)
    return since, since + limit - clock.shows(since)


def _review(
    facts: Sequence[_Fact],
    clock: _Clock,
    who: _Fact,
    began: int,
    words: tuple[str, str],
    breaks: Sequence[tuple[int, int | None]],
) -> Iterator[_Row]:
    since, limit, put_off = clock.start, 6 * _HOUR, None
    for fact in facts:
        if fact.happened < clock.start:
            continue
        if fact.fact == "ReviewPostponed" and put_off is None:
            put_off = fact.happened
        elif fact.fact == "ReviewHeld":
            shown = clock.shows(fact.happened)
            limit = (shown if put_off is None else min(limit, shown)) + 9 * _HOUR
            since, put_off = fact.happened, None
    due = clock.reaches(limit)
    if put_off is not None:
        if due is not None and put_off < due:
            yield _Row(True, who.subject, who.force, "review_due_ahead", since, began, *words, number=due)
        since = put_off if due is None else max(put_off, due)
        yield _Row(True, who.subject, who.force, "review_postponed", since, began, *words, number=due)
        limit += 9 * _HOUR
        due = clock.reaches(limit)
    yield _Row(True, who.subject, who.force, "review_due", since, began, *words, number=due)
    if due is None:
        yield _note(who, began, words, "review_clock_paused", *_left(clock, limit, breaks))


def _without_arrival(facts: Sequence[_Fact], began: int, ages: Mapping[str, int]) -> Iterator[_Row]:
    if not facts:
        return
    who = facts[0]
    yield _Row(False, who.subject, who.force, "detention_incomplete", who.happened, began)
    for what in ("arrived_to_authorised", "arrived_to_ended", "disposal"):  # section 12
        yield _Row(False, who.subject, who.force, f"{what}_unrecorded", who.happened, began, "none", "none", number=2)
    ends = [place for place, fact in enumerate(facts) if fact.fact == "DetentionEnded" or _is_bail(fact)]
    present = facts[ends[-1] + 1 :] if ends else facts
    if present:
        moves = [fact.word for fact in present if fact.fact == "DetaineeTransferred"]
        words = (moves[-1] if moves else "none", "none")
        yield _note(who, began, words, "arrival_unrecorded", present[0].happened)
        yield _note(who, began, words, "record_silent", present[-1].happened + ages[who.force])
        yield from _reviews(present, _in_hospital(present, None), who, began, words)
