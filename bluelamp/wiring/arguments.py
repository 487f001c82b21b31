"""Questions as a person writes them at the command line, put into the words of the measures."""

from datetime import datetime
from zoneinfo import ZoneInfo

from facts.errors import QuestionError
from measures.measure import Where


def split_names(text: str) -> tuple[str, ...]:
    """Names separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def parse_where(limits: tuple[str, ...]) -> Where:
    """`DIMENSION=WORD` limits by dimension.

    Raises:
        QuestionError: a limit without `=`.
    """
    found: dict[str, tuple[str, ...]] = {}
    for limit in limits:
        name, equals, word = limit.partition("=")
        if not equals:
            raise QuestionError(f"{limit!r} names no word.", where="--where", hint="Write it as area=moorlands.")
        found[name] = (*found.get(name, ()), word)
    return found


def parse_instant(text: str, zone: ZoneInfo, where: str = "--as-of") -> datetime:
    """An instant in ISO form; without a zone it is local time.

    Raises:
        QuestionError: it is no such thing.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        hint = "Write it as 2024-12-01T09:59:59Z."
        raise QuestionError(f"{text!r} is no instant.", where=where, hint=hint) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
