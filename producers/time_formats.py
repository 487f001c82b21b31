"""Reads the texts of times in the formats that a mapping lists, and refuses formats that would lose part of a time."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from producers.declaration import EPOCH, EXCEL, ISO, ExtractSource

_A_DAY = timedelta(days=1)
_1970, _1900 = datetime(1970, 1, 1, tzinfo=UTC), datetime(1899, 12, 30)  # noqa: DTZ001 - a serial counts local days
_SAMPLE = datetime(2024, 11, 23, 14, 5, 6, tzinfo=UTC)
_NO_DATE = date(1900, 1, 1)
_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
_EPOCH = re.compile(r"\d{1,19}(?:\.\d{1,9})?", re.ASCII)
_EPOCH_UNITS = ((Decimal(10**11), 1), (Decimal(10**14), 10**3), (Decimal(10**17), 10**6), (Decimal(10**20), 10**9))
"""The size below which a number since 1970 is in seconds, milliseconds, microseconds and nanoseconds: up to the year 5138."""
_SERIAL = re.compile(r"(\d{5})(?:\.(\d+))?(?: 0?\.(\d+)| 0)?", re.ASCII)
_SERIAL_OF_DAY = re.compile(r"0?(\.\d+)|0", re.ASCII)
_SERIALS = (32_874, 73_051)
"""From 1 January 1990 up to 1 January 2100, in days as a spreadsheet counts them."""
_DIGITS_OF_A_SECOND = 6
_SERIALS_FROM, _SERIALS_TO = 1990, 2100
_END_OF_DAY = re.compile(r"(?<!\d)24(?=([:.]?)00(?:\1?00(?:\.0+)?)?(?![\d:]|\.\d))", re.ASCII)
_HALF_OF_DAY = re.compile(r"\b([ap])\.? ?m\b\.?", re.ASCII | re.IGNORECASE)
_SPACE_BEFORE_OFFSET = re.compile(r" (?=[+-]\d\d(?::?\d\d)?$|Z$)", re.ASCII)
_DIRECTIVE = re.compile(r"%(.)", re.DOTALL)
_DROPPED = set("UWwcxX")


def parse(text: str, form: str, zone: ZoneInfo) -> datetime | None:
    """The time in a text of the given format, without a zone if the text has none; None if the text does not fit."""
    plain = _SPACES.sub(" ", text)
    at = _parse(plain, form, zone)
    if at is None and _END_OF_DAY.search(plain):
        # 24:00 is the end of the day.
        begun = _parse(_END_OF_DAY.sub("00", plain), form, zone)
        at = begun + _A_DAY if begun else None
    return at


def _parse(text: str, form: str, zone: ZoneInfo) -> datetime | None:
    try:
        if form == EPOCH:
            return _since_1970(text)
        if form == EXCEL:
            return _serial(text)
        return _iso(text) if form == ISO else _strptime(text, form, zone)
    except (ValueError, OverflowError):
        return None


def parse_time_of_day(text: str, form: str) -> time | None:
    """The time of day in a text of the given format; None if the text does not fit. 24:00 is the midnight that ends the day."""
    plain = _END_OF_DAY.sub("00", _SPACES.sub(" ", text))
    if form == EXCEL:
        match = _SERIAL_OF_DAY.fullmatch(plain)
        return (_1900 + _days(f"0{match[1] or ''}")).time() if match else None
    try:
        return time.fromisoformat(plain) if form == ISO else _strptime(plain, form, None).time()
    except ValueError:
        return None


def _since_1970(text: str) -> datetime | None:
    if not _EPOCH.fullmatch(text):
        return None
    number = Decimal(text)
    parts = next(parts for limit, parts in _EPOCH_UNITS if number < limit)
    return _1970 + timedelta(microseconds=int(number * 1_000_000 / parts))


def _serial(text: str) -> datetime | None:
    """A local time as a spreadsheet counts it: days since 30 December 1899, or a day and a part of a day in two cells."""
    match = _SERIAL.fullmatch(text)
    if not match or not _SERIALS[0] <= int(match[1]) < _SERIALS[1]:
        return None
    return _1900 + _days(f"{match[1]}.{match[2] or 0}") + _days(f"0.{match[3] or 0}")


def _days(text: str) -> timedelta:
    """A number of days, rounded because a spreadsheet's fractions cannot represent it exactly.

    It is rounded to the millisecond, or to the second if there are so few digits that a second is all they can mean: a spreadsheet
    writes no more than ten digits unless the column has a format.
    """
    days = Decimal(text)
    if len(text.partition(".")[2].rstrip("0")) <= _DIGITS_OF_A_SECOND:
        return timedelta(seconds=round(days * 86_400))
    return timedelta(milliseconds=round(days * 86_400_000))


def _iso(text: str) -> datetime | None:
    if text.isdigit() and len(text) != len("20241231"):
        return None
    return datetime.fromisoformat(_SPACE_BEFORE_OFFSET.sub("", text))


def _strptime(text: str, form: str, zone: ZoneInfo | None) -> datetime:
    directives = _DIRECTIVE.findall(form)
    if "p" in directives:
        text = _HALF_OF_DAY.sub(r"\1m", text)
    if "Z" in directives and zone:
        return _with_abbreviation(text, form, zone)
    at = datetime.strptime(text, form)  # noqa: DTZ007 - a local time
    if {"a", "A"} & set(directives) and f"{at:%a}".lower() not in text.lower():
        raise ValueError
    return at


def _with_abbreviation(text: str, form: str, zone: ZoneInfo) -> datetime:
    """A time with the abbreviation of a zone: GMT, UTC, or one of the mapping's own zone.

    strptime accepts an abbreviation, but then drops it, and which ones it accepts depends on the machine's zone.
    """
    bare = " ".join(_DIRECTIVE.sub(lambda match: "" if match[1] == "Z" else match[0], form).split())
    for name, offset in _abbreviations(zone):
        cut = re.sub(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z+-])", "", text)
        if cut != text:
            return _strptime(" ".join(cut.split()), bare, None).replace(tzinfo=timezone(offset))
    raise ValueError


@cache
def _abbreviations(zone: ZoneInfo) -> tuple[tuple[str, timedelta], ...]:
    seasons = [datetime(2024, month, 1, tzinfo=zone) for month in (1, 7)]
    own = {each.tzname() or "": each.utcoffset() or timedelta() for each in seasons}
    known = {name: offset for name, offset in own.items() if name.isalpha()} | {"UTC": timedelta(), "GMT": timedelta()}
    return tuple(known.items())


def _date_part(form: str) -> str:
    """The format up to its hour."""
    return re.split(r"[ T]?%[HI]", form)[0]


def faults_of_times(source: ExtractSource) -> Iterator[tuple[str, str, str]]:
    """What is wrong with the formats of times: the key at fault, what is wrong, and what to do."""
    zone = ZoneInfo(source.time_zone)
    for index, form in enumerate(source.times):
        path = f"times[{index}]"
        if form in (ISO, EPOCH, EXCEL):
            continue
        yield from _directive_faults(path, form)
        if any(_date_part(other) == _date_part(form) for other in _exchanged(source.times[:index])):
            what = f"The format {form!r} has day and month the other way round from an earlier one."
            yield (
                path,
                what,
                "Most dates fit both formats, and the first would be used. Use one mapping for each kind of file.",
            )
        read = _read_back(form, zone)
        if read is None or read.date() != _SAMPLE.date():
            what = f"The time format {form!r} is invalid or has no date."
            hint = f"Use {ISO!r}, {EPOCH!r}, {EXCEL!r}, or a strptime format with year, month and day, such as %d/%m/%Y %H:%M:%S."
            yield path, what, hint
    for index, form in enumerate(source.times_of_day):
        path = f"times_of_day[{index}]"
        if form in (ISO, EXCEL):
            continue
        yield from _directive_faults(path, form)
        read = _read_back(form, zone)
        is_right = read and read.date() == _NO_DATE and (read.hour, read.minute) == (_SAMPLE.hour, _SAMPLE.minute)
        if not is_right:
            what = f"The format {form!r} is invalid, or is not a time of day without a date."
            yield path, what, "Use one such as %H:%M:%S."
    for column, texts in source.absent_times_of_day.items():
        if any(_time_of_day(text) is None for text in texts):
            what = "One of these is not a time of day."
            yield (
                f"absent_times_of_day.{column}",
                what,
                'Write them as in ["00:00"], whatever the format of the column.',
            )


def _read_back(form: str, zone: ZoneInfo) -> datetime | None:
    """The sample time, written in a format and read again."""
    try:
        return _strptime(_SPACES.sub(" ", _SAMPLE.strftime(form)), form, zone)
    except (ValueError, re.error):
        return None


def _directive_faults(path: str, form: str) -> Iterator[tuple[str, str, str]]:
    """Directives that strptime matches and then ignores, so that the time read would not be the time written."""
    used = set(_DIRECTIVE.findall(form))
    ignored = used & _DROPPED
    if "u" in used and not {"G", "V"} <= used:
        ignored.add("u")
    if "j" in used and used & set("mbBd"):
        ignored.add("j")
    if ignored:
        names = ", ".join(f"%{each}" for each in sorted(ignored))
        what = f"The format {form!r} has {names}, which would be read and then ignored, or depends on the machine."
        yield path, what, "Leave it out of the extract, or write its parts with other directives, such as %d/%m/%Y."
    if ("p" in used) != ("I" in used) or {"H", "I"} <= used:
        what = f"The format {form!r} mixes the 12-hour and the 24-hour clock, so afternoon could be read as morning."
        yield (
            path,
            what,
            "Write %I with %p for a 12-hour clock and %H alone for a 24-hour clock; list both if both occur.",
        )


_VARIANTS = (
    ("%H", "%I"),
    (":%S", ""),
    ("%M", "%M:%S"),
    ("%Y", "%y"),
    ("/", "-"),
    ("/", "."),
    ("-", "/"),
    ("-", "."),
    (".", "/"),
)
_PLAIN = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")
_ENDS = ("", " %p", "%z", " %z", " %Z", ".%f", ".%f%z")
_NOT_KNOWN = re.compile(r"[-+]?[01]|\D*", re.ASCII)
_LEAP_SECOND = re.compile(r"\d\d:?59:?60(?!\d)", re.ASCII)


def advice_on(text: str, source: ExtractSource) -> str:
    """What to do about a text that none of the source's formats fits; empty if nothing can be said. It never quotes the text."""
    if _NOT_KNOWN.fullmatch(text):
        return '; if it means "not known", list it under `source.absent`'
    if _LEAP_SECOND.search(text):
        return "; second 60 is a leap second, which Blue Lamp does not count: write second 59 in the extract"
    zone = ZoneInfo(source.time_zone)
    for form in _exchanged(source.times):
        if parse(text, form, zone):
            return f"; it fits {form!r}: then day and month are exchanged in every row, also in those that can be read"
    for form in (ISO, EPOCH, EXCEL, *_PLAIN, *_variants(source.times)):
        at = parse(text, form, zone)
        if at and _SERIALS_FROM <= at.year < _SERIALS_TO:
            return f"; add {form!r} to `source.times` if that is what it is"
    for form in (EXCEL, *_variants(source.times_of_day)):
        if source.times_of_day and parse_time_of_day(text, form) is not None:
            return f"; add {form!r} to `source.times_of_day` if that is what it is"
    return ""


def _exchanged(forms: Iterable[str]) -> list[str]:
    """The formats with the day and the month exchanged."""
    return [
        _DIRECTIVE.sub(lambda match: {"%d": "%m", "%m": "%d"}.get(match[0], match[0]), form)
        for form in forms
        if {"d", "m"} <= set(_DIRECTIVE.findall(form))
    ]


def _variants(forms: tuple[str, ...]) -> Iterator[str]:
    """Formats a little different from the given ones, that a mapping may have."""
    for form in (form for form in forms if "%" in form):
        changed = [form, *(form.replace(old, new) for old, new in _VARIANTS if old in form)]
        changed += [each.replace(":%S", "") for each in changed if "%I" in each]
        for each in changed:
            for end in _ENDS:
                used = _DIRECTIVE.findall(each + end)
                if len(used) == len(set(used)) and each + end != form and not list(_directive_faults("", each + end)):
                    yield each + end


def is_absent_by_time_of_day(text: str, column: str, source: ExtractSource) -> bool:
    """Whether a cell holds a time of day that means "not known" in its column."""
    listed = source.absent_times_of_day.get(column)
    if not listed:
        return False
    zone = ZoneInfo(source.time_zone)
    own_forms = (ISO,) if source.format == "xlsx" else ()
    at = next((at for form in (*source.times, *own_forms) if (at := parse(text, form, zone))), None)
    of_day = next(
        (day for form in (*source.times_of_day, *own_forms) if (day := parse_time_of_day(text, form)) is not None), None
    )
    own = (at.astimezone(zone) if at.tzinfo else at).time() if at else of_day
    return own is not None and own in [_time_of_day(each) for each in listed]


@cache
def _time_of_day(text: str) -> time | None:
    try:
        return time.fromisoformat(text)
    except ValueError:
        return None
