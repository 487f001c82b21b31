"""The window control of the analysts' pages: the window in an address, the dates in a form, and the window it is compared with."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple, cast, get_args

from starlette.datastructures import QueryParams

from dashboards.board.shared.page import View
from dashboards.board.shared.tile import NOW
from dashboards.report.compare import Chosen
from dashboards.report.periods import Comparison, moved
from facts.errors import QuestionError
from measures.chart import periods
from measures.measure import Measure
from measures.outcome import microseconds
from measures.pane import Grain
from measures.window import (
    DAYS_KEPT,
    KEPT_WORDS,
    LIVE_WINDOWS,
    Window,
    dropped_grain,
    kept_window,
    parse_day,
    resolve,
)

DATES = "dates"
"""In place of a window: use the dates of the form."""
TITLES = {
    "15m": "Last 15 minutes",
    "60m": "Last hour",
    "shift": "This shift",
    "today": "Today",
    "yesterday": "Yesterday",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
    "last_week": "Last week",
    "last_28_days": "Last 28 days",
    "this_month": "This month",
    "last_month": "Last month",
    "12m": "Last 12 months",
    "previous_12m": "12 months before",
}
COMPARISONS: Mapping[Comparison, str] = {
    "": "nothing",
    "period_before": "the period before",
    "week_before": "a week before",
    "month_before": "a month before",
    "year_before": "a year before",
}
_FIELDS = ("from", "to", "from_time", "to_time")
_MONTHS = 24
_DAY = timedelta(days=1)
_MIDNIGHT = "00:00"


class WindowChoice(NamedTuple):
    """The chosen window, and what it is compared with.

    Attributes:
        window: its name, or FROM/TO.
        compare: the comparison; empty for none.
    """

    window: str
    compare: Comparison = ""

    def query(self) -> list[str]:
        """Its parameters in an address."""
        return [f"window={self.window}", *([f"compare={self.compare}"] if self.compare else [])]

    def chosen(self, view: View) -> Chosen:
        """The windows to compare, as of the force's present.

        Raises:
            QuestionError: there is no such window or comparison.
        """
        as_of = view.reader.known_present(view.force)
        return Chosen(self.window, before(resolve(self.window, as_of, view.profile), self.compare))


def parse_window(query: QueryParams, default: str) -> WindowChoice:
    """The choice in an address: `window`, or the dates and times of the form, and `compare`.

    Raises:
        QuestionError: a date, a time or the comparison is malformed; `where` is `dates` or `compare`.
    """
    window = query.get("window") or default
    compare = query.get("compare", "")
    if compare not in get_args(Comparison):
        hint = f"Use one of {', '.join(each for each in get_args(Comparison) if each)}."
        raise QuestionError(f"There is no comparison {compare!r}.", where="compare", hint=hint)
    return WindowChoice(_dates(query) if window == DATES else window, cast(Comparison, compare))


def check_window(choice: WindowChoice, query: QueryParams, view: View, measure: Measure) -> None:
    """Refuse a window or a comparison for which no figure of a measure can be read.

    Raises:
        QuestionError: there is none, or it begins before what is kept; `where` is the field of the form.
    """
    as_of = view.reader.known_present(view.force)
    is_dated = query.get("window") == DATES or "/" in choice.window
    field = "dates" if is_dated else "window"
    try:
        chosen = resolve(choice.window, as_of, view.profile)
    except QuestionError as error:
        raise QuestionError(error.what, where=field, hint=error.hint) from None
    _check_kept(chosen, measure, view, field)
    if earlier := before(chosen, choice.compare):
        _check_kept(resolve(earlier, as_of, view.profile), measure, view, "compare")


def parse_chosen_day(query: QueryParams, view: View) -> date:
    """The local day in an address; today unless one is given.

    Raises:
        QuestionError: it is not a date, has not begun, or is no longer kept; `where` is `day`.
    """
    today = view.reader.known_present(view.force).astimezone(view.profile.zone()).date()
    text = query.get("day", "").strip()
    day = parse_day(text, "day") if text else today
    if day > today:
        raise QuestionError(f"{day} has not begun.", where="day", hint="Choose today or an earlier day.")
    check_days_kept(day, "day", view)
    return day


def check_days_kept(day: date, field: str, view: View) -> None:
    """Refuse a day whose counts are no longer kept.

    Raises:
        QuestionError: it is too early; `where` is the field of the form.
    """
    as_of = view.reader.known_present(view.force)
    if day < (as_of - DAYS_KEPT).date():
        raise QuestionError(f"{KEPT_WORDS['day']}.", where=field, hint=_KEPT_HINT["day"])


def _check_kept(window: Window, measure: Measure, view: View, field: str) -> None:
    """Refuse a window that begins before its panes are kept; the reader checks this again."""
    present, rules = microseconds(view.reader.known_present(view.force)), view.reader.rules[view.force]
    read = kept_window(window, present, rules) if measure.has_half_hours() else window
    if grain := dropped_grain(read, present, rules):
        raise QuestionError(f"{KEPT_WORDS[grain]}.", where=field, hint=_KEPT_HINT[grain])


_KEPT_HINT: Mapping[Grain, str] = {
    "minute": "Begin and end at a whole hour, or choose whole days.",
    "half_hour": "Choose whole days.",
    "hour": "Choose whole days.",
    "day": "Choose later days.",
}


def _dates(query: QueryParams) -> str:
    """FROM/TO from the form, where the last day is included; without times, the days are whole."""
    first, last = (_day(query.get(name, "").strip()) for name in ("from", "to"))
    start, end = (query.get(f"{name}_time", "").strip() for name in ("from", "to"))
    for text in (start, end):
        if text and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
            raise QuestionError(f"{text!r} is not a time of day.", where="dates", hint="Write it as 22:30.")
    if last < first or (last == first and end and end <= (start or _MIDNIGHT)):
        raise QuestionError("The window ends before it begins.", where="dates", hint="Give the earlier day first.")
    if not start and not end:
        return f"{first}/{last + _DAY}"
    until = f"{last}T{end}" if end else f"{last + _DAY}T{_MIDNIGHT}"
    return f"{first}T{start or _MIDNIGHT}/{until}"


def _day(text: str) -> date:
    if not text:
        raise QuestionError("A date is missing.", where="dates", hint="Give the first and the last day.")
    day = parse_day(text, "dates")
    if day == date.max:
        raise QuestionError(f"{text} is too late.", where="dates", hint="Check the year.")
    return day


def before(window: Window, compare: Comparison) -> str:
    """The window to compare a window with; empty for none.

    Raises:
        QuestionError: a live window is compared: minutes are kept for ten days only, and a day under way is not whole.
    """
    if not compare:
        return ""
    if window.kind == "live":
        what = "A window up to now, or with times, cannot be compared."
        raise QuestionError(what, where="compare", hint="Choose whole days, such as Yesterday or Last week.")
    first, end = moved(window.start.date(), window.end.date(), compare)
    return f"{first}/{end}"


def window_titles(view: View, measure: Measure) -> dict[str, str]:
    """The named windows that a measure can be read over, with their titles."""
    if measure.is_open():
        return {NOW: "Now"}
    return {name: title for name, title in TITLES.items() if name != "shift" or view.profile.shifts}


def day_titles() -> dict[str, str]:
    """The named windows of whole days, with their titles."""
    return {name: title for name, title in TITLES.items() if name not in LIVE_WINDOWS}


def month_titles(view: View) -> dict[str, str]:
    """The last whole months, the latest first, as FROM/TO with their titles."""
    today = view.reader.known_present(view.force).astimezone(view.profile.zone()).date()
    return {f"{start}/{end}": f"{start:%B %Y}" for start, end in reversed(periods("month", today, _MONTHS))}


def window_control(
    choice: WindowChoice, query: QueryParams, named: Mapping[str, str], view: View, *, has_times: bool = True
) -> dict[str, Any]:
    """What the form's window control displays.

    Args:
        choice: what is chosen; a refused choice is replaced by the default.
        query: the address, with what was typed.
        named: the named windows of the page, with their titles.
        view: what the page reads.
        has_times: whether the window may begin and end at a time of day.
    """
    is_open = NOW in named
    months = {} if is_open else month_titles(view)
    given = query.get("window", choice.window)
    window = given if given in (*named, *months) or "/" in given else choice.window
    is_dated = given == DATES or window not in (*named, *months)
    return {
        "named": named,
        "months": months,
        "window": DATES if is_dated else window,
        "dates": dict.fromkeys(_FIELDS, "") | (_typed(query) if query.get("window") == DATES else _fields(window)),
        "has_times": has_times,
        "comparisons": {} if is_open else COMPARISONS,
        "compare": query.get("compare", ""),
    }


def _typed(query: QueryParams) -> dict[str, str]:
    return {name: query.get(name, "") for name in _FIELDS}


def _fields(window: str) -> dict[str, str]:
    """The form's dates and times for FROM/TO."""
    start, slash, end = window.partition("/")
    if not slash:
        return {}
    try:
        if "T" in start:
            (first, from_time), (last, to_time) = (each.split("T") for each in (start, end))
            return {"from": first, "from_time": from_time, "to": last, "to_time": to_time}
        return {"from": start, "to": str(date.fromisoformat(end) - _DAY)}
    except ValueError:
        return {}
