"""The API's document: it has every route of the board, and every real answer fits its declared type."""

from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator
from starlette.routing import BaseRoute, Mount, Route

from bluelamp.services.access import area_of
from dashboards.board.app import board
from measures.catalogue import CATALOGUE
from producers.http.answer import AnswerRoute, declared_routes
from tests.board.day import Day
from tests.board.desk import Desk
from tests.support.inbox import TOKENS

EXAMPLES = {
    "/api/contract/{name}": ["contact_999_offered_count", "in_custody_count"],
    "/api/measure/{name}": [
        "contact_999_answered_within_target_ratio?window=today",
        "grade_1_opened_to_arrived_median_seconds?window=24h",
        "grade_2_unattended_over_2_hours_count",
        "incident_count?by=area&where=grade:1",
    ],
    "/api/chart/{name}": ["incident_count?grain=week&last=4"],
    "/api/small_charts/{name}": ["incident_count?grain=week&last=4&by=area"],
    "/api/compare/{name}": ["incident_count?by=area", "contact_101_answer_mean_seconds"],
    "/api/explore/{name}": ["grade_1_opened_to_arrived_median_seconds?window=7d&by=area&within=900"],
    "/api/intervals/{name}": ["999", "triage?day=2024-12-02&compare=week_before", "digital?compare=52_weeks_before"],
    "/api/staffing/{name}": ["all", "emergency"],
    "/api/week/{name}": ["incident_count?weeks=1"],
}
EXAMPLES["/api/explain/{name}"] = [*EXAMPLES["/api/measure/{name}"], *(name for name in CATALOGUE if "custody" in name)]
NOT_JSON = "/events"
NEEDS_WEEKS = "/api/whatif"
"""The record of this day is too short for it: tests/laws/test_forecast.py compares its answer with its type."""


@pytest.fixture(scope="module")
def desk(day: Day) -> Desk:
    desk = Desk(day.client, day.reader)
    desk.fill()
    return desk


def undeclared(routes: list[BaseRoute], under: str = "") -> list[str]:
    """The routes that declare no answer."""
    found = []
    for route in routes:
        if isinstance(route, Mount):
            found += undeclared(route.routes, under + route.path)
        elif isinstance(route, Route) and not isinstance(route, AnswerRoute):
            found.append(under + route.path)
    return found


def test_every_route_is_in_the_document_and_every_answer_fits_it(day: Day, desk: Desk) -> None:
    application = board(day.reader, day.view.force, desk.mounts())
    assert undeclared(application.routes) == []
    declared = {(path, method) for path, method, _ in declared_routes(application.routes)}
    with day.served(desk.mounts()) as address:
        document = requests.get(f"{address}/api", timeout=60).json()
        listed = {(path, method) for path, methods in document["paths"].items() for method in methods}
        assert listed == declared
        assert {"/api/explain/{name}", "/api/alerts/{id}/escalate", "/", "/csv/{name}"} <= set(document["paths"])
        seen = [
            (path, place)
            for path, methods in document["paths"].items()
            if "get" in methods
            and "application/json" in methods["get"]["responses"].get("200", {"content": {}})["content"]
            for place in places(path, desk)
        ]
        wrong = {place: fault for path, place in seen if (fault := fault_of(document, path, address + place))}
        assert wrong == {}
        refused = requests.get(f"{address}/api/measure/nonsense", timeout=60).json()
        assert fits(document, document["paths"]["/api"]["get"]["responses"]["default"], refused) == ""


def places(path: str, desk: Desk) -> list[str]:
    """Addresses of a path to request."""
    if path.startswith("/api/alerts/{id}"):
        return [path.replace("{id}", desk.log.read_state(lambda state: state.active_alerts()[0].id))]
    if "{name}" in path:
        return [path.replace("{name}", example) for example in EXAMPLES[path]]
    return [path] if path != NEEDS_WEEKS else []


def fault_of(document: dict[str, Any], path: str, place: str) -> str:
    """How a real answer differs from its declared type; empty if it does not."""
    answer = requests.get(place, headers={"Authorization": f"Bearer {TOKENS['act']}"}, timeout=60)
    if not answer.ok:
        return answer.text
    return fits(document, document["paths"][path]["get"]["responses"]["200"], answer.json())


def fits(document: dict[str, Any], response: dict[str, Any], answer: object) -> str:
    """What is wrong with an answer by its schema; empty if nothing is."""
    (content,) = response["content"].values()
    types = document["components"]["schemas"]
    closed = {
        name: {**each, "additionalProperties": False} if "properties" in each else each for name, each in types.items()
    }
    schema = {**content["schema"], "components": {"schemas": closed}}
    errors = list(Draft202012Validator(schema).iter_errors(answer))
    return "; ".join(f"{error.json_path}: {error.message[:200]}" for error in errors[:5])


def test_an_explanation_adds_up_and_names_the_command_that_recounts_it(day: Day, desk: Desk) -> None:
    with day.served(desk.mounts()) as address:
        found = requests.get(f"{address}/api/measure/incident_count?window=today", timeout=60).json()["explain"]
        explained = requests.get(address + found, timeout=60).json()
    (reading,) = day.reader.read("incident_count", "today", force=day.view.force)
    assert (explained["value"], explained["n"], explained["state"]) == (reading.value, reading.n, "live")
    assert f"The rows add up to the total, {reading.value:,.0f}." in explained["parts"]["says"]
    assert "bluelamp explain incident_count --window today " in explained["recount"]


def test_an_explanation_of_custody_is_for_those_who_may_view_custody() -> None:
    assert (
        area_of("/api/explain/child_review_overdue_count")
        == area_of("/api/measure/child_review_overdue_count")
        == "custody"
    )
    assert area_of("/api/explain/incident_count") == "board"
