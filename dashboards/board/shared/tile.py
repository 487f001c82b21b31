"""A figure in words: its value or why there is none, its sample size, and its comparison with target and normal range."""

from datetime import datetime, timedelta

from msgspec import Struct

from dashboards.board.shared.page import View, error_words
from dashboards.report.targets import day_of, promise
from facts.errors import QuestionError
from facts.force import in_force
from measures.attention import is_worst_possible, limit_of, status_of
from measures.band import Band
from measures.catalogue import CATALOGUE
from measures.display import doubt_words, words
from measures.measure import Bands, Decided, External, Measure, OpenCount, OpenDue, OpenLongest, OpenSoonest, Where
from measures.outcome import instant, microseconds
from measures.reading import NO_EVENTS, Reading

NOW = "now"
"""Used in place of a window for what is open now."""
WINDOW_TITLES = {
    "15m": "15 min",
    "60m": "60 min",
    "shift": "Shift",
    "today": "Today",
    "24h": "24 hours",
    "7d": "7 days",
}
_STATE_WORDS = {"stale": "not live", "too_few": "too few", "no_data": "no data"}
VALUE_STATES = ("live", "in_part")
"""The states whose value is displayed; a value in part is displayed only with the time that it begins."""
_WAITING = "leg_waiting"
_ATTENTION = {"act": ("bad", "needs action"), "watch": ("odd", "needs watching")}


class Tile(Struct, frozen=True, omit_defaults=True):
    """One figure.

    Attributes:
        text: the value, or why there is none.
        state: the state of the reading.
        n: the sample size in words; empty for counts.
        doubt: the bounds of a share, and how many outcomes are not recorded; empty if all are.
        since: where the record begins, if that is inside the window; while history is loaded, the moment of the figure;
            otherwise empty.
        reason: why the figure cannot be relied on; empty if it can.
        title: the tooltip: reason, population, clock and target.
        verdict: `good`, `bad` or `odd`; empty for none.
        sign: one character with the meaning of `says`, so that colour is never the only sign.
        says: the comparison with target and normal range, in words.
        counts_from: when the oldest open item began, in milliseconds since 1970; the page counts its age up from there.
        counts_to: when the first open item is due, likewise; the page counts down to it.
        allowed_until: when the oldest open item passes its target, likewise.
    """

    text: str
    state: str
    n: str = ""
    doubt: str = ""
    since: str = ""
    reason: str = ""
    title: str = ""
    verdict: str = ""
    sign: str = ""
    says: str = ""
    counts_from: int | None = None
    counts_to: int | None = None
    allowed_until: int | None = None


def is_displayed(measure: Measure, view: View) -> bool:
    """Whether the force has feeds for a measure, and the measure is a single figure that does not show what people do."""
    is_figure = not isinstance(measure.statistic, Bands | External) and not measure.is_of_people()
    return bool(measure.feeds(view.profile)) and is_figure


def displayed_measures(view: View) -> list[Measure]:
    """Every such measure, in the catalogue's order."""
    return [measure for measure in CATALOGUE.values() if is_displayed(measure, view)]


def windows(view: View, names: tuple[str, ...]) -> dict[str, str]:
    """The titles of windows, without `shift` if the force has no shifts."""
    return {name: WINDOW_TITLES[name] for name in names if name != "shift" or view.profile.shifts}


def as_window(name: str) -> str:
    """A window that a reader accepts: what is open now has none, so any will do."""
    return "60m" if name == NOW else name


def read_tile(measure: Measure, window: str, view: View, where: Where | None = None) -> Tile:
    """The tile of a measure over a window, or `now`."""
    try:
        reading = view.reader.read(measure, as_window(window), where=where, force=view.force)[0]
    except QuestionError as error:
        return Tile(_STATE_WORDS["no_data"], "no_data", reason=error.what, title=error_words(error))
    band = view.background.band(measure) if window == "60m" and not where else None
    return _tile(reading, measure, band, view, is_coloured=window in ("60m", NOW))


def _tile(reading: Reading, measure: Measure, band: Band | None, view: View, *, is_coloured: bool) -> Tile:
    verdict, sign, says = _marked(reading, measure, band, view, is_coloured=is_coloured)
    counts_from, counts_to, allowed_until = _counted(reading, measure, view)
    return Tile(
        text=text(reading, measure),
        state=reading.state,
        n=n_words(reading, measure),
        doubt=_doubt(reading, measure),
        since=_since(reading),
        reason=reading.reason,
        title=_tooltip(reading, measure),
        verdict=verdict,
        sign=sign,
        says=says,
        counts_from=counts_from,
        counts_to=counts_to,
        allowed_until=allowed_until,
    )


def text(reading: Reading, measure: Measure) -> str:
    """The value if it is live or names its own moment, else why there is none: nothing stale may look live."""
    if reading.state in VALUE_STATES or _is_past(reading):
        return words(reading.value, measure.unit)
    if reading.state == "stale" and reading.stale_since is not None:
        return f"not live since {_time_or_date(reading.stale_since, reading.as_of)}"
    if measure.is_open() and reading.reason == NO_EVENTS:
        return "none"  # nothing is open on a live feed: that is not a lack of data
    return _STATE_WORDS[reading.state]


def _is_past(reading: Reading) -> bool:
    """Whether history is being loaded, so that the figure is as of a past moment, which it names."""
    return reading.is_loading and reading.value is not None


def _time_or_date(at: datetime, as_of: datetime) -> str:
    """The time of day if it is the same day, else the date as well."""
    return f"{at:%H:%M}" if at.date() == as_of.date() else f"{at.day} {at:%b %H:%M}"


def n_words(reading: Reading, measure: Measure) -> str:
    """The sample size in words; empty for counts, and where it must not be displayed."""
    has_n = reading.state in (*VALUE_STATES, "too_few") or _is_past(reading)
    if measure.unit == "count" or reading.n is None or not has_n:
        return ""
    oldest = ""
    if isinstance(measure.statistic, OpenLongest) and reading.value is not None:
        oldest = f", since {_time_or_date(reading.as_of - timedelta(seconds=reading.value), reading.as_of)}"
    return f"n {reading.n:,}{oldest}"


def _doubt(reading: Reading, measure: Measure) -> str:
    has_n = reading.state in (*VALUE_STATES, "too_few") or _is_past(reading)
    return doubt_words(reading.low, reading.high, reading.unrecorded, measure.unit) if has_n else ""


def _since(reading: Reading) -> str:
    """Where a figure really begins, if that is inside its window: the time if it is today, else the date; or its moment."""
    if _is_past(reading):
        return f"as of {reading.as_of.day} {reading.as_of:%b, %H:%M}"
    if reading.begins is None or reading.state not in (*VALUE_STATES, "too_few"):
        return ""
    is_today = reading.begins.date() == reading.as_of.date()
    return f"since {reading.begins:%H:%M}" if is_today else f"since {reading.begins.day} {reading.begins:%b}"


def _tooltip(reading: Reading, measure: Measure) -> str:
    parts = (reading.reason, reading.note, measure.population, measure.clock, measure.target)
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts if part)


def _marked(
    reading: Reading, measure: Measure, band: Band | None, view: View, *, is_coloured: bool
) -> tuple[str, str, str]:
    """Verdict, sign and words. A figure that asks for attention is always marked, and so is the worst possible share in any window."""
    verdict, sign, says = _judged(reading, measure, band)
    verdict = verdict if is_coloured else ""
    word = status_of(reading, measure, limit_of(measure, view.profile), band)
    is_marked = is_coloured or is_worst_possible(reading.value or 0.0, measure)
    if word not in _ATTENTION or verdict == "bad" or not is_marked:
        return verdict, sign, says
    verdict, words_of_attention = _ATTENTION[word]
    return verdict, sign or "!", ", ".join(each for each in (says, words_of_attention) if each)


def _judged(reading: Reading, measure: Measure, band: Band | None) -> tuple[str, str, str]:
    """Verdict, sign and words. A known normal range decides the colour: a target that is never met would always be red."""
    if reading.state != "live" or reading.value is None:
        return "", "", ""
    value, target_words, band_words = reading.value, _against_target(reading.value, measure), ""
    if is_breach(measure):
        return ("bad", "!", "should be 0") if value else ("", "", "")
    verdict, sign = {"target met": ("good", "\u2713"), "target missed": ("bad", "\u2717")}.get(target_words, ("", ""))
    if band is not None:
        band_words = "above normal" if value > band.upper else "below normal" if value < band.lower else "normal"
        verdict = _verdict_of_band(measure, band_words)
        sign = {"above normal": "\u25b2", "below normal": "\u25bc"}.get(band_words, "") + sign
    return verdict, sign, ", ".join(part for part in (band_words, target_words) if part)


def _against_target(value: float, measure: Measure) -> str:
    if measure.target_value is None:
        return ""
    is_met = value >= measure.target_value if measure.good == "higher" else value <= measure.target_value
    return "target met" if is_met else "target missed"


def _verdict_of_band(measure: Measure, band_words: str) -> str:
    if band_words == "normal":
        return ""
    if measure.good == "neither":
        return "odd"
    return "good" if (band_words == "above normal") == (measure.good == "higher") else "bad"


def is_breach(measure: Measure) -> bool:
    """Whether a measure counts what has been open too long, so that it should be 0."""
    match measure.statistic:
        case OpenCount(_, least):
            return least > 0 and measure.good == "lower"
        case OpenDue():
            return True
    return False


def _counted(reading: Reading, measure: Measure, view: View) -> tuple[int | None, int | None, int | None]:
    """The times that the page counts from or to: exact, because value and time come from one reading."""
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
    """The shortest target of a measure's queues for a contact offered at a time; None if no queue has a target."""
    if not isinstance(measure.statistic, OpenLongest) or measure.statistic.of.kind != _WAITING:
        return None
    queues, day = measure.where.get("queue", ()), offered.astimezone(view.profile.zone()).date()
    targets = [
        in_force(queue.targets, day)
        for queue in view.profile.queues
        if queue.line in measure.lines() and (not queues or queue.label in queues)
    ]
    return min((each.seconds for each in targets if each and each.seconds), default=None)


class ReferenceValues(Struct, frozen=True):
    """The normal range for this hour of the week, and the target, in words; empty where unknown."""

    normal: str
    target: str


def reference_values(measure: Measure, view: View) -> ReferenceValues:
    """What to compare a measure's figure over 60 minutes with."""
    band, allowed = view.background.band(measure), allowed_wait_seconds(measure, view, view.reader.present(view.force))
    target = _minutes(allowed) if allowed is not None else _share_target(measure, view)
    return ReferenceValues(_normal_range(band, measure) if band is not None else "", target)


def _share_target(measure: Measure, view: View) -> str:
    """The target share, and the time that it counts today; each only where there is one."""
    share = words(measure.target_value, measure.unit) if measure.target_value is not None else ""
    target = promise(measure, view.profile, day_of(view.reader.present(view.force), view.profile))
    within = target.words() if target and isinstance(measure.statistic, Decided) else ""
    return " ".join(part for part in (share, within) if part)


def _minutes(seconds: int) -> str:
    return f"{seconds} s" if seconds % 60 else f"{seconds // 60} min"


def _normal_range(band: Band, measure: Measure) -> str:
    """The band's limits in words; empty if every possible value is inside them."""
    lower, upper = (words(_rounded(limit, measure), measure.unit) for limit in (band.lower, band.upper))
    has_top = measure.unit != "ratio" or band.upper < 1
    if band.lower > 0:
        return f"{lower} to {upper}" if has_top else f"{lower} or more"
    return f"up to {upper}" if has_top else ""


def _rounded(value: float, measure: Measure) -> float:
    """A limit of a count as a whole number: more digits would claim more than is known."""
    return float(round(value)) if measure.unit == "count" else value
