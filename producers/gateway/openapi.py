"""The OpenAPI document: what the gateway takes and answers, from the facts' own types."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from facts.force import Force
from facts.union import FACT_TYPES, TOPICS, Topic
from producers.gateway.limits import Limits
from producers.gateway.problem import FactsProblem
from producers.gateway.shapes import REFERENCE, facts_of, one_of, schemas_of
from producers.http.problem import MEDIA_TYPE

_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
_CHALLENGE = {"WWW-Authenticate": {"schema": {"const": "Bearer"}}}
_PROBLEMS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "400": ("The body is not JSON, or is empty.", {}),
    "401": ("The token is missing, or nobody's.", _CHALLENGE),
    "408": ("The request did not arrive in time.", {}),
    "413": ("Too many bytes for one request.", {}),
    "415": ("The body is not said to be application/json.", {}),
    "422": (
        "Facts that cannot be taken, or too many; `errors` lists each with its field and what to do. None was taken.",
        {},
    ),
    "429": ("The sender tells more than its rate.", _RETRY),
    "500": ("A fault of the gateway's own.", {}),
    "503": ("The log has not acknowledged it. It may have it, or not: send all of it again.", _RETRY),
}


def openapi(forces: Iterable[Force], limits: Limits, webhooks: Iterable[str] = ()) -> dict[str, Any]:
    """The document, in version 3.1 of OpenAPI.

    Args:
        forces: those that have a profile.
        limits: how much is taken.
        webhooks: the names of those that are served.
    """
    profiles = list(forces)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Blue Lamp: the gateway",
            "version": "1",
            "description": (
                "Facts from systems that push. 202 means that the log has all of them; anything else, that none is "
                "known to be there, and that all may be sent again: a fact that is told twice counts once."
            ),
        },
        "security": [{"token": []}],
        "paths": {
            **{f"/v1/{topic}": {"post": _operation(topic)} for topic in TOPICS},
            **{f"/v1/webhooks/{name}": {"post": _webhook(name, limits)} for name in webhooks},
            **_documents(),
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(profiles, limits),
        },
    }


def _operation(topic: Topic) -> dict[str, Any]:
    summary = f"Tell facts of the topic {topic}: one, or a batch that is taken whole or not at all."
    return _post(f"tell_{topic}", summary, {"$ref": REFERENCE.format(name=f"{topic}_batch")})


def _webhook(name: str, limits: Limits) -> dict[str, Any]:
    event = {"type": "object", "description": "Whatever the platform sends; the mapping says what is read of it."}
    several = {"type": "array", "items": event, "maxItems": limits.batch_facts}
    return _post(f"push_{name}", f"Push events, as the mapping {name} reads them.", {"oneOf": [event, several]})


def _post(name: str, summary: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"202": _accepted(), **{status: _problem(*told) for status, told in _PROBLEMS.items()}},
    }


def _accepted() -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {"facts": {"type": "integer", "minimum": 0, "description": "How many the log now has."}},
        "required": ["facts"],
    }
    return {"description": "The log has every fact of it.", "content": {"application/json": {"schema": schema}}}


def _problem(description: str, headers: Mapping[str, Any]) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(name="FactsProblem")}}}
    told = {"description": description, "content": content}
    return {**told, "headers": headers} if headers else told


def _documents() -> dict[str, Any]:
    places = {
        "/openapi.json": ("openapi", "This document.", "application/json"),
        "/asyncapi.json": (
            "asyncapi",
            "The same facts for systems that write to Kafka themselves.",
            "application/json",
        ),
        "/health": ("health", "Answers while the gateway runs, whether or not the log does.", "text/plain"),
    }
    return {path: {"get": _document(*told)} for path, told in places.items()}


def _document(name: str, summary: str, media_type: str) -> dict[str, Any]:
    schema = {"type": "string" if media_type == "text/plain" else "object"}
    content = {media_type: {"schema": schema}}
    responses = {"200": {"description": summary, "content": content}}
    return {"operationId": name, "summary": summary, "security": [], "responses": responses}


def _schemas(forces: list[Force], limits: Limits) -> dict[str, Any]:
    schemas = schemas_of(FACT_TYPES, (force.name for force in forces))
    heartbeat = schemas.pop("FeedHeartbeat")
    for topic in TOPICS:
        own = f"{topic}_heartbeat"
        schemas[own] = _heartbeat(heartbeat, topic, forces)
        names = [each.__name__ for each in facts_of(topic) if each.__name__ in schemas]
        fact = one_of(names)
        fact["oneOf"].append({"$ref": REFERENCE.format(name=own)})
        fact["discriminator"]["mapping"]["FeedHeartbeat"] = REFERENCE.format(name=own)
        schemas[f"{topic}_fact"] = fact
        schemas[f"{topic}_batch"] = _batch(topic, limits)
    _, problems = msgspec.json.schema_components([FactsProblem], ref_template=REFERENCE)
    return schemas | problems


def _heartbeat(heartbeat: Mapping[str, Any], topic: Topic, forces: list[Force]) -> dict[str, Any]:
    """A heartbeat of one of the feeds that the profiles list for a topic."""
    feeds = sorted({feed.name for force in forces for feed in force.feeds if feed.topic == topic})
    properties = heartbeat["properties"] | {
        "feed": {"enum": feeds, "description": f"A feed of the topic {topic}, as the force's profile lists it."}
    }
    return {**heartbeat, "properties": properties}


def _batch(topic: Topic, limits: Limits) -> dict[str, Any]:
    fact = {"$ref": REFERENCE.format(name=f"{topic}_fact")}
    several = {"type": "array", "items": fact, "minItems": 1, "maxItems": limits.batch_facts}
    return {"oneOf": [fact, several], "description": "One fact, or several: all are taken, or none."}
