"""CloudEvents 1.0: what an event in the JSON format holds (CloudEvents 1.0.2, and its JSON event format, sections 3 and 4)."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

import msgspec

SPEC_VERSION = "1.0"
REQUIRED = ("id", "source", "type")
"""The attributes that every event must have besides `specversion` (section 3.1.1 of the specification)."""
_JSON_TYPE = re.compile(r"\s*[\w.-]+/(?:[\w.-]+\+)?json\s*(?:;.*)?", re.IGNORECASE | re.DOTALL)


class NotAnEventError(Exception):
    """A CloudEvent cannot be read; the message says why, without a value."""


def is_event(item: object) -> bool:
    """Whether a JSON value is meant as a CloudEvent; a fact has no member `specversion`."""
    return isinstance(item, dict) and "specversion" in item and "fact" not in item


def data_of(event: Mapping[str, Any]) -> Any:
    """The JSON value that an event carries.

    Args:
        event: the event's members.

    Raises:
        NotAnEventError: a required attribute is missing, the version is another one, or the data is not JSON.
    """
    check_attributes(event)
    declared = event.get("datacontenttype")
    if declared is not None and not (isinstance(declared, str) and _JSON_TYPE.fullmatch(declared)):
        raise NotAnEventError("The event's `datacontenttype` is not JSON.")
    if "data" in event:
        return event["data"]
    if "data_base64" not in event:
        raise NotAnEventError("The event has no `data`.")
    try:
        return msgspec.json.decode(base64.b64decode(event["data_base64"], validate=True))
    except (TypeError, ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
        raise NotAnEventError("The event's `data_base64` is not JSON in base64.") from None


def check_attributes(event: Mapping[str, Any]) -> None:
    """Check the attributes that every event must have.

    Raises:
        NotAnEventError: one is missing, or the version is another one.
    """
    if event.get("specversion") != SPEC_VERSION:
        raise NotAnEventError(f"The event's `specversion` is not {SPEC_VERSION}.")
    for name in REQUIRED:
        value = event.get(name)
        if not isinstance(value, str) or not value:
            raise NotAnEventError(f"The event has no `{name}`.")
