"""A figure in words: its value or why there is none, what it is taken from, and how it stands against target and custom."""

from datetime import datetime, timedelta

from msgspec import Struct

from dashboards.board.page import View, sentences
from dashboards.report.targets import day_of, promise
from facts.errors import QuestionError
from facts.force import in_force
from measures.band import Band
from measures.catalogue import CATALOGUE
from measures.display import words
from measures.measure import Bands, Decided, External, Measure, OpenCount, OpenDue, OpenLongest, OpenSoonest, Where
from measures.outcome import instant, microseconds
from measures.reading import NO_EVENTS, Reading

NOW = "now"
"""In place of a window, for what stands open now."""
WINDOW_TITLES = {
    "15m": "15 min",
    "60m": "60 min",
    "shift": "Shift",
    "today": "Today",
    "24h": "24 hours",
    "7d": "7 days",
}
_SAID = {"stale": "not live", "too_few": "too few", "no_data": "no data"}
SHOWN_STATES = ("live", "in_part")
"""Those whose value is shown; one in part only with the words that say since when it is."""
_WAITING = "leg_waiting"


class Tile(Struct, frozen=True, omit_defaults=True):
    """One figure.

    Attributes:
        text: the value; for what is not live, why not.
        state: of the reading.
        n: how many it is taken from, in words; empty for counts.
        since: where the record begins, when that is inside the window; while a history is loaded, of which moment it is;
            else empty.
        reason: why it cannot be relied on; empty when it can.
        title: the whole story, for whoever points at it.
        verdict: how it stands: `good`, `bad`, `odd`; empty when nothing is to be said.
        sign: one character for what `says` says, so that colour is never the only sign.
        says: how it stands against its target and what is normal, in words.
        counts_from: when what stands open longest began to, in milliseconds since 1970: its age is counted on from there.
        counts_to: when the first that stands open falls due, likewise.
        allowed_until: the end of the time that is allowed for it, likewise.
    """

    text: str
    state: str
    n: str = ""
    since: str = ""
    reason: str = ""
    title: str = ""
    verdict: str = ""
    sign: str = ""
    says: str = ""
    counts_from: int | None = None
    counts_to: int | None = None
    allowed_until: int | None = None


def is_shown(measure: Measure, view: View) -> bool:
    """Whether a force's feeds carry a measure that is one figure."""
    return bool(measure.feeds(view.profile)) and not isinstance(measure.statistic, Bands | External)


def shown(view: View) -> list[Measure]:
    """Every such measure, in the catalogue's order."""
    return [measure for measure in CATALOGUE.values() if is_shown(measure, view)]


def windows(view: View, chosen: tuple[str, ...]) -> dict[str, str]:
    """Of some windows those that a force has, with their titles: without shifts it has none of them."""
    return {name: WINDOW_TITLES[name] for name in chosen if name != "shift" or view.profile.shifts}


def as_window(name: str) -> str:
    """A window that a reader takes: what stands open now has none of its own, so any will do."""
    return "60m" if name == NOW else name


def take_tile(measure: Measure, window: str, view: View, where: Where | None = None) -> Tile:
    """The tile of a measure over a window, or `now`."""
    try:
        reading = view.reader.read(measure, as_window(window), where=where, force=view.force)[0]
    except QuestionError as error:
        return Tile(_SAID["no_data"], "no_data", reason=error.what, title=sentences(error))
    band = view.slow.band(measure) if window == "60m" and not where else None
    return _tile(reading, measure, band, view, is_coloured=window in ("60m", NOW))


def _tile(reading: Reading, measure: Measure, band: Band | None, view: View, *, is_coloured: bool) -> Tile:
    verdict, sign, says = _judged(reading, measure, band)
    counts_from, counts_to, allowed_until = _counted(reading, measure, view)
    return Tile(
        text=text(reading, measure),
        state=reading.state,
        n=n_words(reading, measure),
        since=_since(reading),
        reason=reading.reason,
        title=_story(reading, measure),
        verdict=verdict if is_coloured else "",
        sign=sign,
        says=says,
        counts_from=counts_from,
        counts_to=counts_to,
        allowed_until=allowed_until,
    )


def text(reading: Reading, measure: Measure) -> str:
    """The value only when it is live, or says itself of which moment it is: nothing stale may look live."""
    if reading.state in SHOWN_STATES or _is_past(reading):
        return words(reading.value, measure.unit)
    if reading.state == "stale" and reading.stale_since is not None:
        return f"not live since {_moment(reading.stale_since, reading.as_of)}"
    if measure.is_open() and reading.reason == NO_EVENTS:
        return "none"  # nothing stands open on a feed that is live: that is no lack of data
    return _SAID[reading.state]


def _is_past(reading: Reading) -> bool:
    """Whether a history is being loaded, so that the figure is of a moment that it names."""
    return reading.is_loading and reading.value is not None


def _moment(at: datetime, as_of: datetime) -> str:
    """The time of day when that was today, else the date as well."""
    return f"{at:%H:%M}" if at.date() == as_of.date() else f"{at.day} {at:%b %H:%M}"


def n_words(reading: Reading, measure: Measure) -> str:
    """How many a figure is taken from; empty for counts, and where it is not shown."""
    is_told = reading.state in (*SHOWN_STATES, "too_few") or _is_past(reading)
    if measure.unit == "count" or reading.n is None or not is_told:
        return ""
    oldest = ""
    if isinstance(measure.statistic, OpenLongest) and reading.value is not None:
        oldest = f", since {_moment(reading.as_of - timedelta(seconds=reading.value), reading.as_of)}"
    return f"n {reading.n:,}{oldest}"


def _since(reading: Reading) -> str:
    """Where a shown figure really begins: the time of day when that was today, else the date; or of when it is."""
    if _is_past(reading):
        return f"of {reading.as_of.day} {reading.as_of:%b, %H:%M}"
    if reading.begins is None or reading.state not in (*SHOWN_STATES, "too_few"):
        return ""
    is_today = reading.begins.date() == reading.as_of.date()
    return f"since {reading.begins:%H:%M}" if is_today else f"since {reading.begins.day} {reading.begins:%b}"


def _story(reading: Reading, measure: Measure) -> str:
    parts = (reading.reason, reading.note, measure.population, measure.clock, measure.target)
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts if part)


def _judged(reading: Reading, measure: Measure, band: Band | None) -> tuple[str, str, str]:
    """Verdict, sign and words. What is normal rules the colour where it is known: a target never met is red for ever."""
    if reading.state != "live" or reading.value is None:
        return "", "", ""
    value, aim, against = reading.value, _against_target(reading.value, measure), ""
    if is_breach(measure):
        return ("bad", "!", "none should be") if value else ("", "", "")
    verdict, sign = {"target met": ("good", "\u2713"), "target missed": ("bad", "\u2717")}.get(aim, ("", ""))
    if band is not None:
        against = "above normal" if value > band.upper else "below normal" if value < band.lower else "as usual"
        verdict = _custom(measure, against)
        sign = {"above normal": "\u25b2", "below normal": "\u25bc"}.get(against, "") + sign
    return verdict, sign, ", ".join(part for part in (against, aim) if part)


def _against_target(value: float, measure: Measure) -> str:
    if measure.target_value is None:
        return ""
    is_met = value >= measure.target_value if measure.good == "higher" else value <= measure.target_value
    return "target met" if is_met else "target missed"


def _custom(measure: Measure, against: str) -> str:
    if against == "as usual":
        return ""
    if measure.good == "neither":
        return "odd"
    return "good" if (against == "above normal") == (measure.good == "higher") else "bad"


def is_breach(measure: Measure) -> bool:
    """Whether it counts what has stood too long, so that none should be."""
    match measure.statistic:
        case OpenCount(_, least, _):
            return least > 0 and measure.good == "lower"
        case OpenDue():
            return True
    return False


def _counted(reading: Reading, measure: Measure, view: View) -> tuple[int | None, int | None, int | None]:
    """The instants that the page counts from or to: exact, because value and instant are of one reading."""
    if reading.state != "live" or reading.value is None:
        return None, None, None
    as_of, span = microseconds(reading.as_of), round(reading.value * 1_000_000)
    if isinstance(measure.statistic, OpenSoonest):
        return None, (as_of + span) // 1000, None
    if isinstance(measure.statistic, OpenLongest):
        allowed = allowed_wait_seconds(measure, view, instant(as_of - span))
        began = (as_of - span) // 1000
        return began, None, None if allowed is None else began + allowed * 1000
    return None, None, None


def allowed_wait_seconds(measure: Measure, view: View, offered: datetime) -> int | None:
    """The wait that the queues of a measure aim at for who is offered to them at an instant; None where none aims at any."""
    if not isinstance(measure.statistic, OpenLongest) or measure.statistic.of.kind != _WAITING:
        return None
    queues, day = measure.where.get("queue", ()), offered.astimezone(view.profile.zone()).date()
    targets = [
        in_force(queue.targets, day)
        for queue in view.profile.queues
        if queue.line in measure.lines() and (not queues or queue.label in queues)
    ]
    return min((each.seconds for each in targets if each and each.seconds), default=None)


class Custom(Struct, frozen=True):
    """What is normal for this hour of the week, and what is aimed at, in words; empty where nothing is known."""

    normal: str
    target: str


def custom(measure: Measure, view: View) -> Custom:
    """Beside a measure's figures over 60 minutes."""
    band, allowed = view.slow.band(measure), allowed_wait_seconds(measure, view, view.reader.present(view.force))
    target = _minutes(allowed) if allowed is not None else _share_target(measure, view)
    return Custom(_normal(band, measure) if band is not None else "", target)


def _share_target(measure: Measure, view: View) -> str:
    """How large a share is aimed at, and within what time today; each where it is said."""
    share = words(measure.target_value, measure.unit) if measure.target_value is not None else ""
    held = promise(measure, view.profile, day_of(view.reader.present(view.force), view.profile))
    within = held.words() if held and isinstance(measure.statistic, Decided) else ""
    return " ".join(part for part in (share, within) if part)


def _minutes(seconds: int) -> str:
    return f"{seconds} s" if seconds % 60 else f"{seconds // 60} min"


def _normal(band: Band, measure: Measure) -> str:
    """The limits in words; nothing where they hold whatever could be."""
    lower, upper = (words(_whole(limit, measure), measure.unit) for limit in (band.lower, band.upper))
    has_top = measure.unit != "ratio" or band.upper < 1
    if band.lower > 0:
        return f"{lower} to {upper}" if has_top else f"{lower} or more"
    return f"up to {upper}" if has_top else ""


def _whole(value: float, measure: Measure) -> float:
    """A limit of a count as a whole number: halves away from the middle would say more than is known."""
    return float(round(value)) if measure.unit == "count" else value
