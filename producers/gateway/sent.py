"""What a sender sent: the body of a request, and what its headers say about it."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from msgspec import Struct

JSON = "application/json"
CLOUDEVENT = "application/cloudevents+json"
CLOUDEVENTS = "application/cloudevents-batch+json"
FORM = "application/x-www-form-urlencoded"
_FIELDS_MAX = 1000


class Sent(Struct, frozen=True, kw_only=True):
    """One request.

    Attributes:
        body: its body.
        media_type: the media type of the body, without parameters and in lower case; empty if the request gives none.
        headers: its headers, by name in lower case.
        target: its path, with the query if it has one.
    """

    body: bytes
    media_type: str = JSON
    headers: Mapping[str, str] = {}
    target: str = ""


def form_fields(body: bytes) -> list[tuple[str, str]]:
    """The fields of a form-encoded body, in its order.

    Raises:
        ValueError: it is not form-encoded UTF-8, or has too many fields.
    """
    return parse_qsl(
        body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_FIELDS_MAX
    )
