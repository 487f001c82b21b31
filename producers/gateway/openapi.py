"""The OpenAPI document of the gateway, derived from the facts' types and the gateway's limits."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from facts.force import Force
from facts.union import FACT_TYPES, TOPICS, Topic
from producers.gateway.events import cloud_event_schema, describe
from producers.gateway.limits import Limits
from producers.gateway.problem import FactsProblem
from producers.gateway.sent import CLOUDEVENT, CLOUDEVENTS, JSON
from producers.gateway.shapes import REFERENCE, facts_of, one_of, schemas_of, summary
from producers.http.problem import MEDIA_TYPE

_RETRY = {
    "Retry-After": {"description": "Seconds to wait before sending again.", "schema": {"type": "integer", "minimum": 1}}
}
_PROBLEMS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "400": ("The body is empty or is not JSON.", {}),
    "401": ("The token is missing or unknown, or the signature is missing or wrong.", {}),
    "408": ("The whole request did not arrive in time. Send smaller batches.", {}),
    "413": ("The request is too large. Send smaller batches.", {}),
    "415": ("The content type is not one that is accepted here.", {}),
    "422": (
        "The request has invalid facts or too many. None was accepted. `errors` lists each fault and what to do about it.",
        {},
    ),
    "429": ("The sender has exceeded its rate. Send the request again after the given time.", _RETRY),
    "500": ("The gateway failed. Send the request again.", {}),
    "503": (
        "The log has not acknowledged the facts; it may or may not have them. Send the whole request again.",
        _RETRY,
    ),
}


def openapi(forces: Iterable[Force], limits: Limits, webhooks: Iterable[str] = ()) -> dict[str, Any]:
    """The document, in OpenAPI 3.1.

    Args:
        forces: the forces that have a profile.
        limits: the limits of a request.
        webhooks: the names of the webhooks that this gateway serves.
    """
    profiles = list(forces)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Blue Lamp gateway",
            "version": "1",
            "description": (
                "Send facts to Blue Lamp over HTTP. A 202 response means that the log has every fact of the request. After "
                "any other response, or none, correct the request if it is at fault and send the whole of it again: a fact "
                "sent twice with the same `fact_id` counts once."
            ),
        },
        "security": [{"token": []}, {"password": []}],
        "paths": {
            **{f"/v1/{topic}": {"post": _operation(topic)} for topic in TOPICS},
            **{f"/v1/webhooks/{name}": {"post": _webhook(name)} for name in webhooks},
            **_documents(),
        },
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "password": {"type": "http", "scheme": "basic"},
            },
            "schemas": _schemas(profiles, limits),
        },
    }


def _operation(topic: Topic) -> dict[str, Any]:
    title = f"Send one fact or a batch of facts to the topic {topic}. A batch is accepted whole or not at all."
    batch = {"$ref": REFERENCE.format(name=f"{topic}_batch")}
    event = cloud_event_schema(batch)
    bodies = {JSON: batch, CLOUDEVENT: event, CLOUDEVENTS: {"type": "array", "items": event, "minItems": 1}}
    return _post(f"send_{topic}", title, bodies, "Bearer")


def _webhook(name: str) -> dict[str, Any]:
    title = f"Send events of the platform that the mapping {name} reads."
    return _post(f"push_{name}", title, dict(describe()))


def _post(name: str, title: str, bodies: Mapping[str, Any], challenge: str | None = None) -> dict[str, Any]:
    problems = {status: _problem(*problem) for status, problem in _PROBLEMS.items()}
    schema = {"const": challenge} if challenge else {"type": "string"}
    problems["401"]["headers"] = {"WWW-Authenticate": {"schema": schema}}
    return {
        "operationId": name,
        "summary": title,
        "requestBody": {"required": True, "content": {each: {"schema": body} for each, body in bodies.items()}},
        "responses": {"202": _accepted(), **problems},
    }


def _accepted() -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {"facts": {"type": "integer", "minimum": 0, "description": "Number of facts in the request."}},
        "required": ["facts"],
    }
    return {
        "description": "The log has every fact of the request.",
        "content": {"application/json": {"schema": schema}},
    }


def _problem(description: str, headers: Mapping[str, Any]) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(name="FactsProblem")}}}
    response = {"description": description, "content": content}
    return {**response, "headers": headers} if headers else response


def _documents() -> dict[str, Any]:
    documents = {
        "/openapi.json": ("openapi", "This document.", "application/json"),
        "/asyncapi.json": (
            "asyncapi",
            "The AsyncAPI document, for systems that write to Kafka directly.",
            "application/json",
        ),
        "/health": ("health", "Responds while the gateway runs, even if the log is down.", "text/plain"),
    }
    return {path: {"get": _document(*document)} for path, document in documents.items()}


def _document(name: str, title: str, media_type: str) -> dict[str, Any]:
    schema = {"type": "string" if media_type == "text/plain" else "object"}
    content = {media_type: {"schema": schema}}
    responses = {"200": {"description": title, "content": content}}
    return {"operationId": name, "summary": title, "security": [], "responses": responses}


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
    return schemas | {name: {**schema, "description": summary(schema)} for name, schema in problems.items()}


def _heartbeat(heartbeat: Mapping[str, Any], topic: Topic, forces: list[Force]) -> dict[str, Any]:
    """The schema of a heartbeat on a topic, from one of the feeds that its force's profile lists for it."""
    of_force = []
    for force in forces:
        feeds = sorted(feed.name for feed in force.feeds if feed.topic == topic)
        listed = {"enum": feeds, "description": f"A feed that the force's profile lists for the topic {topic}."}
        properties = heartbeat["properties"] | {"force": {"enum": [force.name]}, "feed": listed}
        if feeds:
            of_force.append({**heartbeat, "properties": properties})
    if len(of_force) == 1:
        return of_force[0]
    return {"oneOf": of_force, "description": heartbeat["description"]}


def _batch(topic: Topic, limits: Limits) -> dict[str, Any]:
    fact = {"$ref": REFERENCE.format(name=f"{topic}_fact")}
    several = {"type": "array", "items": fact, "minItems": 1, "maxItems": limits.batch_facts}
    return {"oneOf": [fact, several], "description": "One fact, or an array of facts. All are accepted, or none."}
