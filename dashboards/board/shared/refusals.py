"""The refused parts of an address, field by field, so that the form keeps what was typed and says what is wrong next to it."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from starlette.datastructures import QueryParams

from dashboards.board.shared.page import error_words
from facts.errors import QuestionError

T = TypeVar("T")
Refusals = Mapping[str, str]
"""For each refused field, what is wrong and what to do."""
_PARAMETERS = {
    "window": ("window",),
    "dates": ("window", "from", "to", "from_time", "to_time"),
    "compare": ("compare",),
    "day": ("day",),
    "within": ("within", "time"),
    "weeks": ("weeks",),
    "grain": ("grain", "window"),
    "last": ("last",),
    "recalculate": ("recalculate",),
    "over": ("over",),
}
"""The fields of the forms, and the parameters that each covers."""


def accepted(query: QueryParams, parse: Callable[[QueryParams], T]) -> tuple[T, Refusals]:
    """The question in an address, with the default for each refused part, and what was refused.

    Args:
        query: the address.
        parse: reads the question; its errors name the field as their place.

    Raises:
        QuestionError: what is refused is not a field of a form.
    """
    refused: dict[str, str] = {}
    while True:
        try:
            return parse(query), refused
        except QuestionError as error:
            if error.where not in _PARAMETERS or error.where in refused:
                raise
            refused[error.where] = error_words(error)
            left_out = _PARAMETERS[error.where]
            query = QueryParams([(name, value) for name, value in query.multi_items() if name not in left_out])
