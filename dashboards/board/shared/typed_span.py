"""A span as people type it: 90 or 1:30 or 1h30 for an hour and a half, 45 s for seconds."""

import re
from fractions import Fraction

from facts.errors import QuestionError

_NUMBER = r"\d{1,6}(?:\.\d{1,6})?"
_CLOCK = re.compile(r"(\d{1,5}):([0-5]\d)(?::([0-5]\d))?")
_HOURS = rf"(?P<h>{_NUMBER})(?:h|hr|hrs|hour|hours)"
_MINUTES = rf"(?P<m>{_NUMBER})(?:m|min|mins|minute|minutes)"
_PLAIN = rf"(?P<m>{_NUMBER})"
_LAST = rf"(?P<s>{_NUMBER})(?:s|sec|secs|second|seconds)"
# A unit may be left out only where it is clear: for minutes alone, or for minutes after hours.
_FORMS = [re.compile(each) for each in (_PLAIN, f"{_HOURS}{_PLAIN}", f"(?:{_HOURS})?(?:{_MINUTES})?(?:{_LAST})?")]
_SECONDS = {"h": 3600, "m": 60, "s": 1}
HINT = "Give minutes, such as 90, or 1h30, 1:30 or 45 s."


def parse_span(text: str, where: str) -> Fraction:
    """The seconds of a typed span; a number without a unit is in minutes.

    Raises:
        QuestionError: it is not a span.
    """
    compact = re.sub(r"\s*([a-z]+)\s*", r"\1", text.strip().lower())
    if clock := _CLOCK.fullmatch(compact):
        hours, minutes, seconds = (int(each or 0) for each in clock.groups())
        return Fraction(hours * 3600 + minutes * 60 + seconds)
    found = next((match for form in _FORMS if (match := form.fullmatch(compact))), None)
    if not compact or not found:
        raise QuestionError(f"{text!r} is not a length of time.", where=where, hint=HINT)
    return sum((Fraction(part) * _SECONDS[unit] for unit, part in found.groupdict().items() if part), Fraction())
