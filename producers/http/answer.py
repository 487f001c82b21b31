"""A route that declares its answer, and the OpenAPI document of such routes: one declaration serves both."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from starlette.routing import BaseRoute, Mount, Route

from producers.http.problem import MEDIA_TYPE, Problem

JSON = "application/json"
REFERENCE = "#/components/schemas/{name}"


class Answer(Struct, frozen=True, kw_only=True):
    """What a route answers.

    Attributes:
        summary: what it is for, as a sentence.
        body: the type of the JSON that it answers; None for other media.
        media: the media types of the answer.
        query: the query parameters, each with what it means.
        sent: the type of the JSON that is sent to it; None if nothing is.
        status: the status of the answer.
    """

    summary: str
    body: Any = None
    media: tuple[str, ...] = (JSON,)
    query: Mapping[str, str] = {}
    sent: Any = None
    status: int = 200


class AnswerRoute(Route):
    """A route with its answer.

    Args:
        path: the address.
        endpoint: the handler.
        answer: what it answers.
        methods: the methods that it handles.
        name: the name of the route; by default the endpoint's.
    """

    def __init__(
        self, path: str, endpoint: Any, answer: Answer, methods: list[str] | None = None, name: str | None = None
    ) -> None:
        super().__init__(path, endpoint, methods=methods, name=name)
        self.answer = answer


def openapi(title: str, description: str, routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """The document, in OpenAPI 3.1, of every route that declares its answer, also of mounted applications.

    Args:
        title: the name of the service.
        description: what a reader must know first.
        routes: the routes of its application.
    """
    declared = list(declared_routes(routes))
    types = [each for _, _, answer in declared for each in (answer.body, answer.sent) if each is not None]
    schemas, components = msgspec.json.schema_components([*types, Problem], ref_template=REFERENCE)
    schema_of = dict(zip(map(repr, [*types, Problem]), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for path, method, answer in declared:
        paths.setdefault(path, {})[method] = _operation(path, method, answer, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "description": description},
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": components,
        },
    }


def declared_routes(routes: Iterable[BaseRoute], under: str = "") -> Iterator[tuple[str, str, Answer]]:
    """Every declared answer, with its full path and its method in small letters."""
    for route in routes:
        if isinstance(route, Mount):
            yield from declared_routes(route.routes, under + route.path)
        elif isinstance(route, AnswerRoute):
            for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
                yield under + route.path, method.lower(), route.answer


def _operation(path: str, method: str, answer: Answer, schema_of: Mapping[str, Any]) -> dict[str, Any]:
    named = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    asked = [
        {"name": name, "in": "query", "description": words, "schema": {"type": "string"}}
        for name, words in answer.query.items()
    ]
    schema = {} if answer.body is None else {"schema": schema_of[repr(answer.body)]}
    sent = {} if answer.sent is None else {JSON: {"schema": schema_of[repr(answer.sent)]}}
    words = re.sub(r"\W+", "_", path).strip("_") or "now"
    return {
        "operationId": f"{method}_{words}",
        "summary": answer.summary,
        **({"parameters": [*named, *asked]} if named or asked else {}),
        **({"requestBody": {"required": True, "content": sent}} if sent else {}),
        "responses": {
            str(answer.status): {
                "description": answer.summary,
                "content": {media: schema if media == JSON else {} for media in answer.media},
            },
            "default": {
                "description": "What is wrong, and what to do.",
                "content": {MEDIA_TYPE: {"schema": schema_of[repr(Problem)]}},
            },
        },
    }
