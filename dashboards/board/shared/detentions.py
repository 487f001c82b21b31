"""Everyone in custody with their review clock and detention clock, the most urgent first."""

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from msgspec import Struct

from dashboards.board.shared.page import View
from dashboards.board.shared.table import name_of
from facts.force import DETENTION_SILENT_AFTER, NONE
from measures.catalogue import find
from measures.clock import NOTE_WORDS, Note
from measures.custody import ClockName, deadline_of
from measures.display import local_words, rough_words
from measures.outcome import KINDS, SECOND, OpenItem, instant, microseconds
from measures.reading import NO_EVENTS

_KINDS = (
    "in_custody",
    "awaiting_authorisation",
    "custody_clock_paused",
    "review_postponed",
    "review_due",
    "detention_limit",
)
_NEVER = 1 << 52
WARNING_MINUTES = (10, 30, 60)
"""How long before a deadline each warning begins, the most urgent first; the alert rules use the same times."""
_CHILD = {"yes": "Child", "no": "Adult"}
_NOT_KNOWN = "Not known"


class CustodyClock(Struct, frozen=True):
    """A clock of a detention. Times are in milliseconds since 1970, each also in local time.

    Attributes:
        state: `due` with a time, `postponed`, `paused`, or `none` if there is no such clock.
        due: the deadline that counts now: of a postponed review, that of the review after it; None for none.
        at: the same in local time.
        paused_since: when it was paused, if it was overdue by then: the time overdue does not grow while it is paused.
        left: for a paused clock, the time left on it in words.
        postponed: for a postponed review, when it was postponed and when it was due, in words; for one that was postponed before it was due,
            that it was.
    """

    state: str
    due: int | None = None
    at: str = ""
    paused_since: int | None = None
    left: str = ""
    postponed: str = ""

    def urgency(self, now: int) -> int:
        """How near the deadline is, in steps from 0 for overdue, at a time in milliseconds since 1970."""
        if self.due is None:
            return len(WARNING_MINUTES) + 1
        left = self.due - now
        return 0 if left < 0 else 1 + sum(left >= minutes * 60_000 for minutes in WARNING_MINUTES)


class ListedDetention(Struct, frozen=True):
    """A detention that has not ended.

    Attributes:
        detainee: the opaque id.
        suite: the custody suite where the detainee is.
        child: whether the detainee is known to be under 18.
        age: `Child`, `Adult`, or `Not known` without a recorded arrival.
        arrived: in local time; says so if no arrival is recorded.
        status: whether clocks are paused or an authorisation is awaited, and every note; empty if there is nothing to say.
        review: the review clock.
        detention: the detention clock.
        is_recorded: whether an arrival is recorded.
    """

    detainee: str
    suite: str
    child: bool
    age: str
    arrived: str
    status: str
    review: CustodyClock
    detention: CustodyClock
    is_recorded: bool = True

    def order(self, now: int) -> tuple[int, bool, int, str]:
        """The sort key: the most urgent warning first, children first in each, then the earliest deadline."""
        clocks = (self.review, self.detention)
        step = min(clock.urgency(now) for clock in clocks)
        is_warned = step <= len(WARNING_MINUTES)
        due = min(clock.due if clock.due is not None else _NEVER for clock in clocks)
        return step, is_warned and not self.child, due, self.detainee


class ListStatus(Struct, frozen=True):
    """Whether the list of detentions is up to date.

    Attributes:
        state: the state of the reading of the number in custody.
        says: the number in custody, or why it cannot be relied on.
        mark: the note on each detention while the feed is not live; empty otherwise.
    """

    state: str
    says: str
    mark: str = ""


def read_list_status(detentions: Sequence[ListedDetention], view: View) -> ListStatus:
    """The status of a list of detentions: deadlines stay listed when their feed is silent."""
    count = len(detentions)
    reading = view.reader.read(find("in_custody_count"), force=view.force)[0]
    if reading.state == "live" or reading.reason == NO_EVENTS:
        return ListStatus("live", _count_words(detentions))
    if not count:
        return ListStatus(reading.state, f"{reading.reason} It is not known who is in custody.")
    zone = view.profile.zone()
    known_at = f" at {local_words(reading.stale_since, zone, '%d %b %H:%M:%S')}" if reading.stale_since else ""
    says = f"{reading.reason} The deadlines below are as last known{known_at}. Later changes are missing."
    return ListStatus(reading.state, says, f"as last known{known_at}")


def _count_words(detentions: Sequence[ListedDetention]) -> str:
    """How many people are in custody, apart from those whose arrival is not recorded: the total does not count them."""
    unrecorded = sum(not each.is_recorded for each in detentions)
    count = len(detentions) - unrecorded
    if not unrecorded:
        return f"{count} in custody." if count else "Nobody is in custody."
    people = "1 person is" if unrecorded == 1 else f"{unrecorded} people are"
    return f"{count} in custody, and {people} listed without a recorded arrival: check whether they are here."


def read_detentions(view: View) -> list[ListedDetention]:
    """Everyone in custody, the most urgent first; blocking."""
    by_subject: dict[str, dict[str, OpenItem]] = {}
    for kind in _KINDS:
        for name, item in view.reader.open_subjects(view.force, kind):
            by_subject.setdefault(name, {})[kind] = item
    notes: dict[str, dict[str, OpenItem]] = {}
    for name, item in view.reader.open_subjects(view.force, "custody_note"):
        # An extension may be refused twice for one reason: the last is shown.
        notes.setdefault(name, {})[item.dimensions[-1]] = item
    now = microseconds(view.reader.present(view.force))
    present = [name for name, items in by_subject.items() if "in_custody" in items]
    present += [name for name, noted in notes.items() if "arrival_unrecorded" in noted]
    detentions = [_detention(name, by_subject.get(name, {}), notes.get(name, {}), now, view) for name in present]
    return sorted(detentions, key=lambda each: each.order(now // 1000))


def _detention(
    name: str, items: Mapping[str, OpenItem], notes: Mapping[str, OpenItem], now: int, view: View
) -> ListedDetention:
    item = items["in_custody"] if "in_custody" in items else notes["arrival_unrecorded"]
    words = dict(zip(KINDS[item.kind].dimensions, item.dimensions, strict=True))
    is_recorded = "in_custody" in items
    return ListedDetention(
        detainee=name,
        suite=_NOT_KNOWN if words["suite"] == NONE else name_of("suite", words["suite"], view),
        child=words["child"] == "yes",
        age=_CHILD.get(words["child"], _NOT_KNOWN),
        arrived=_local(item.since, view) if is_recorded else f"not recorded; known since {_local(item.since, view)}",
        status=_status(items, notes, now, view),
        review=_clock("review", items, notes, now, view),
        detention=_clock("detention", items, notes, now, view),
        is_recorded=is_recorded,
    )


def _status(items: Mapping[str, OpenItem], notes: Mapping[str, OpenItem], now: int, view: View) -> str:
    titles = {"awaiting_authorisation": "awaiting authorisation", "custody_clock_paused": "clocks paused"}
    parts = [f"{title} since {_local(items[kind].since, view)}" for kind, title in titles.items() if kind in items]
    for note in get_args(Note):
        if note == "record_silent" or note.endswith("_clock_paused"):
            continue
        if note in notes:
            due = notes[note].due
            until = f", until {_local(due, view)} at the latest" if due else ""
            parts.append(f"{NOTE_WORDS[note]}{until}, since {_local(notes[note].since, view)}")
    return "; ".join([*_silence(notes, now, view), *parts])


def _silence(notes: Mapping[str, OpenItem], now: int, view: View) -> Iterator[str]:
    """Since when nothing has been recorded, if that is too long."""
    item = notes.get("record_silent")
    if item and item.since <= now:
        age_seconds = view.profile.detention_silent_after_seconds or DETENTION_SILENT_AFTER
        yield f"{NOTE_WORDS['record_silent']}, last record {_local(item.since - age_seconds * SECOND, view)}"


def _clock(
    name: ClockName, items: Mapping[str, OpenItem], notes: Mapping[str, OpenItem], now: int, view: View
) -> CustodyClock:
    kind, paused = (
        ("review_due", "review_clock_paused") if name == "review" else ("detention_limit", "limit_clock_paused")
    )
    if kind not in items:
        return CustodyClock("none")
    due, pause = deadline_of(items, name, now), items.get("custody_clock_paused")
    postponed = items.get("review_postponed") if name == "review" else None
    words = _postponed(postponed, now, view) if postponed else ""
    if due is None:
        note = notes.get(paused)
        left = rough_words((note.due - note.since) / SECOND) if note and note.due is not None else ""
        return CustodyClock("paused", left=left, postponed=words)
    since = pause.since // 1000 if pause else None
    is_due = postponed is None or postponed.since > now
    return CustodyClock("due" if is_due else "postponed", due // 1000, _local(due, view), since, postponed=words)


def _postponed(item: OpenItem, now: int, view: View) -> str:
    if item.since > now:
        return "postponed before it was due"
    was_due = f", was due {_local(item.due, view)}" if item.due is not None else ""
    return f"postponed since {_local(item.since, view)}{was_due}"


def _local(at: int, view: View) -> str:
    return local_words(instant(at), view.profile.zone(), "%d %b %H:%M:%S")
