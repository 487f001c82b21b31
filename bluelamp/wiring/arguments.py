"""Parses the arguments of questions at the command line: names, filters and times."""

from datetime import datetime
from zoneinfo import ZoneInfo

from facts.errors import QuestionError
from measures.measure import Where


def split_names(text: str) -> tuple[str, ...]:
    """Names separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def parse_where(filters: tuple[str, ...]) -> Where:
    """Filters of the form `DIMENSION=LABEL`, by dimension.

    Raises:
        QuestionError: a filter has no `=`.
    """
    words: dict[str, tuple[str, ...]] = {}
    for each in filters:
        name, equals, word = each.partition("=")
        if not equals:
            raise QuestionError(f"{each!r} is not a filter.", where="--where", hint="Write it as area=moorlands.")
        words[name] = (*words.get(name, ()), word)
    return words


def parse_instant(text: str, zone: ZoneInfo, where: str) -> datetime:
    """A time in ISO 8601 form; without a zone it is local time.

    Raises:
        QuestionError: it is not a valid time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        hint = "Write it as 2024-12-01T09:59:59Z, or without the Z for local time."
        raise QuestionError(f"{text!r} is not a valid time.", where=where, hint=hint) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
