"""Reads the events in a platform's request: JSON, a form, or CloudEvents in structured, batched or binary mode."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from facts.cloudevents import NotAnEventError, check_attributes, data_of, is_event
from producers.gateway.problem import FactError, problem
from producers.gateway.sent import CLOUDEVENT, CLOUDEVENTS, FORM, JSON, Sent, form_fields
from producers.http.problem import ProblemError

Event = dict[str, object]
MEDIA_TYPES = (JSON, CLOUDEVENT, CLOUDEVENTS, FORM)
"""The media types that a webhook accepts."""
_ATTRIBUTE = re.compile(r"ce-([a-z0-9]+)")
_HINT = "Send CloudEvents 1.0 with `specversion`, `id`, `source`, `type` and JSON in `data`."


def binary_attributes(headers: Mapping[str, str]) -> dict[str, str]:
    """The attributes of a CloudEvent in binary mode, or none (HTTP protocol binding, section 3.1.3).

    Raises:
        ProblemError: the event lacks a required attribute, or has another version.
    """
    named = ((_ATTRIBUTE.fullmatch(name), value) for name, value in headers.items())
    attributes = {match[1]: unquote(value) for match, value in named if match}
    if "specversion" not in attributes:
        return {}
    try:
        check_attributes(attributes)
    except NotAnEventError as error:
        detail = f"Send the headers ce-specversion, ce-id, ce-source and ce-type. {_HINT}"
        raise problem("event_refused", 422, str(error), detail) from None
    return attributes


def events_of(sent: Sent) -> list[Event]:
    """The events in a request.

    An event in binary mode gets the members that it would have in structured mode, so that one mapping reads both.

    Raises:
        ProblemError: the body cannot be read as its media type says.
    """
    attributes = binary_attributes(sent.headers)
    events = [_form(sent.body)] if sent.media_type == FORM else _json(sent.body)
    if attributes:
        return [{**attributes, "data": event} for event in events]
    if sent.media_type == CLOUDEVENTS and not sent.body.lstrip().startswith(b"["):
        raise problem("not_json", 400, "The batch is not an array.", "Send a batch of events as a JSON array.")
    return [_unwrapped(event, number, sent.media_type) for number, event in enumerate(events)]


def _form(body: bytes) -> Event:
    fields: dict[str, object] = {}
    try:
        for name, value in form_fields(body):
            earlier = fields.get(name, value)
            fields[name] = value if earlier == value else [earlier, value]
    except ValueError:
        title = "The body is not form-encoded, or has too many fields."
        raise problem("not_understood", 400, title, "Send fields as name=value, joined with &, in UTF-8.") from None
    return fields


def _json(body: bytes) -> list[Event]:
    try:
        decoded = msgspec.json.decode(body, type=dict[str, object] | list[dict[str, object]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        title = "The body is not a JSON object or an array of JSON objects."
        raise problem("not_json", 400, title, "Send one event as an object, or several as an array.") from None
    return decoded if isinstance(decoded, list) else [decoded]


def _unwrapped(event: Event, number: int, media_type: str) -> Event:
    if not is_event(event) and media_type not in (CLOUDEVENT, CLOUDEVENTS):
        return event
    try:
        return {**event, "data": data_of(event)}
    except NotAnEventError as error:
        raise _refused(error, number) from None


def _refused(error: NotAnEventError, number: int) -> ProblemError:
    fault = FactError(fact=number, field="", reason="bad_cloudevent", detail=str(error), hint=_HINT)
    title = "An event cannot be read, so none was accepted."
    return problem("event_refused", 422, title, "Correct what `errors` lists, then send the request again.", [fault])


def describe() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each media type that a webhook accepts, with the schema of its body without the events' own fields."""
    event = {"type": "object", "description": "One event in the platform's own format. The mapping says what is read."}
    cloud_event = cloud_event_schema(True)
    yield JSON, {"oneOf": [event, {"type": "array", "items": event}]}
    yield FORM, event
    yield CLOUDEVENT, cloud_event
    yield CLOUDEVENTS, {"type": "array", "items": cloud_event}


def cloud_event_schema(data: Any) -> dict[str, Any]:
    """The schema of a CloudEvent in structured mode.

    Args:
        data: the schema of the data that it carries.
    """
    text = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "description": "A CloudEvent 1.0 in the JSON format.",
        "properties": {"specversion": {"const": "1.0"}, "id": text, "source": text, "type": text, "data": data},
        "required": ["specversion", "id", "source", "type", "data"],
    }
