"""Who may see which force: somebody of one force requests every route of the boards and of the inbox, and finds nothing about the other force."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
import requests
from msgspec.structs import replace
from redis import Redis
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from alerts.inbox.api.app import Parts, api
from alerts.inbox.api.guard import EVERYONE, Guard, Viewers
from alerts.inbox.api.people import ForceLimits, People, Person, Proxy
from alerts.inbox.log.payload import payload
from alerts.inbox.log.stream import InboxLog
from bluelamp.services.alerts import board_mounts, force_limits, viewers
from bluelamp.services.board import by_force, check_limits_said, region_of, shown_forces
from bluelamp.wiring.settings import Settings
from dashboards.board.app import board
from dashboards.board.forces import root_of
from dashboards.board.shared.page import ForcePlace
from facts.errors import SettingError
from facts.fact import EndedByHand
from facts.force import parse
from streams.readings import Reader
from tests.support.asgi import get
from tests.support.forces import STRICT_PROFILE, rules
from tests.support.inbox import START, Clock, firing, parts, served
from tests.support.memory import RECEIVED
from tests.support.stores import state_server

OWN, OTHER = "aford", "bford"
PROFILES = [parse(STRICT_PROFILE.replace("strict", name).replace("A small", name), name) for name in (OWN, OTHER)]
PLACES = [ForcePlace(each.name, each.title, root_of(each.name, OWN)) for each in PROFILES]
TOKENS = {who: f"a-token-for-tests-of-forces-{who}" for who in ("ann", "bob", "chief", "nobody", "engine")}
LIMITS = ForceLimits({"ann": frozenset({OWN}), "bob": frozenset({OTHER}), "chief": None})
VIEWERS = Viewers(board="view", custody="view", alerts="view", alert_log="view")
UNTIL = (START + timedelta(hours=3)).isoformat()
FORCES_WITH_A_PROFILE = ("san_francisco_fire", "staffordshire")
SHOW_NOTHING = ("/health", "/static", "/api/alerts/sign-in", "/api/alerts/oidc", "/api/alerts/session")


class Installation:
    """The boards of two forces and their inbox, with an alert of each force and one of Blue Lamp itself.

    Args:
        redis: holds the alerts, and no figures.
    """

    def __init__(self, redis: Redis) -> None:
        clock = Clock()
        people: list[Any] = [(who, "engine" if who == "engine" else "admin", token) for who, token in TOKENS.items()]
        self.guard = Guard(People(people, clock, limits=LIMITS), VIEWERS)
        self.log = InboxLog(redis, "test:forces")
        self.inbox: Parts = replace(parts(self.log, clock, self.guard), end=self._end)
        source = Reader(redis, "test", rules(*PROFILES), lambda: RECEIVED)
        together = region_of(source, PLACES)
        self.boards = {
            each.name: board(
                source,
                each.name,
                board_mounts(self.inbox, each.name),
                root=each.root,
                forces=PLACES,
                region_routes=() if each.root else together.routes,
            )
            for each in PLACES
        }
        self.application = by_force(self.boards, together, self.guard, PLACES)
        for name in (OWN, OTHER):
            self.raise_alert({"force": name, "feed": f"dispatch-{name}", "system": "cad"}, "feed_silent")
        self.raise_alert({}, "log_unreachable")

    def raise_alert(self, scope: dict[str, str], rule: str) -> None:
        """Raise an alert, as an engine."""
        assert self.inbox.accept
        self.inbox.accept(payload({}, [firing(0, rule, scope)]))

    @staticmethod
    def _end(_: object) -> EndedByHand:
        raise AssertionError("nothing may be ended")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    directory = tmp_path_factory.mktemp("forces")
    with state_server(directory) as server, Redis.from_url(server.url, decode_responses=True) as client:
        yield Installation(client)


@pytest.fixture(scope="module")
def address(installation: Installation) -> Iterator[str]:
    """The boards on a server."""
    with served(installation.application) as root:
        yield root


@pytest.fixture(scope="module")
def inbox(installation: Installation) -> Iterator[str]:
    """The inbox's own server, whose address shows every force."""
    with served(Starlette(routes=[Mount("/api/alerts", api(installation.inbox))])) as root:
        yield f"{root}/api/alerts"


@pytest.fixture(scope="module")
def alerts(installation: Installation, inbox: str) -> dict[str, str]:
    """The ids of an alert and a suppression of each force, and of the alert without a force."""
    found = {each.raised.scope.get("force", ""): each.id for each in installation.log.state.active_alerts()}
    for name in (OWN, OTHER):
        made = ask(
            inbox,
            "/suppressions",
            "chief",
            {"rule": "feed_late", "scope": {"force": name}, "until": UNTIL, "note": f"work in {name}"},
        )
        assert made.status == 200
        found[f"work {name}"] = made.json()["id"]
        assert ask(inbox, f"/{found[name]}/note", "chief", {"note": f"about {name}"}).status == 200
    return found


class Asked(NamedTuple):
    """A response; for a stream, only its beginning."""

    status: int
    text: str

    def json(self) -> Any:
        """Its content."""
        return json.loads(self.text)


def ask(address: str, path: str, who: str, body: object = None) -> Asked:
    """The response to a request by somebody."""
    method, headers = "GET" if body is None else "POST", {"Authorization": f"Bearer {TOKENS[who]}"}
    with requests.request(
        method, address + path, json=body, headers=headers, stream=True, allow_redirects=False, timeout=60
    ) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            lines = answer.iter_lines()
            return Asked(answer.status_code, "\n".join(next(lines).decode() for _ in range(6)))
        return Asked(answer.status_code, answer.text)


def paths(routes: list[BaseRoute], under: str = "") -> Iterator[str]:
    """Every path of an application and of what is mounted in it; each parameter has a value that exists."""
    for each in routes:
        if isinstance(each, Mount):
            yield from paths(each.routes, under + each.path)
        elif isinstance(each, Route) and "GET" in (each.methods or ()):
            yield under + re.sub(
                r"\{[^}]+\}", "now" if each.path.startswith("/events") else "incident_count", each.path
            )


def test_every_route_of_another_force_is_refused_and_no_route_of_ones_own_shows_it(
    installation: Installation, address: str, alerts: dict[str, str]
) -> None:
    found = list(paths(installation.boards[OTHER].routes))
    assert len(found) > 40
    for path in found:
        answer = ask(address, f"/forces/{OTHER}{path}", "ann")
        is_open = path.startswith(SHOW_NOTHING)
        assert is_open or path.startswith("/api/alerts") or answer.status == (303 if path == "/" else 403), path
        assert is_open or OTHER not in answer.text, path
        own = ask(address, path, "ann")
        assert own.status != 403, path
        assert OTHER not in own.text, path
        assert ask(address, f"/forces/{OTHER}{path}", "bob").status != 403, path
        assert path.startswith(("/api/alerts", *SHOW_NOTHING)) or ask(address, path, "nobody").status == 403, path


@pytest.mark.parametrize("path", ["/region", "/api/region", "/csv/region"])
def test_the_region_is_for_those_who_may_see_every_force(address: str, path: str) -> None:
    """Somebody of one force could subtract their own force from the sum, and find the figure of the other."""
    assert [ask(address, path, who).status for who in ("ann", "bob", "nobody", "chief")] == [403, 403, 403, 200]


@pytest.mark.parametrize(
    "path",
    [
        f"/forces/{OTHER}", f"//forces/{OTHER}/feeds", f"/forces//{OTHER}/feeds", f"/forces/{OWN}/../{OTHER}/feeds", f"/forces/{OTHER}//feeds",
        "/forces/%62ford/feeds", f"/forces/{OTHER.upper()}/feeds", f"/static/../forces/{OTHER}/feeds", f"/health/../forces/{OTHER}/feeds",
        f"/feeds?force={OTHER}", f"/csv/incident_count?force={OTHER}", f"/csv/incident_count?where=force:{OTHER}", "/region/", "//region",
        f"/forces/{OWN}/forces/{OTHER}/feeds", f"/forces/{OTHER}/static/../feeds", f"/forces/{OTHER}/api/alerts/../../feeds",
    ],
)  # fmt: skip
def test_no_other_spelling_of_an_address_leads_there(installation: Installation, path: str) -> None:
    where, _, query = unquote(path).partition("?")
    answer = get(installation.application, where, query, {"Authorization": f"Bearer {TOKENS['ann']}"})
    assert answer.status in (200, 307, 403, 404, 503), answer.status
    assert answer.status == 307 or OTHER not in answer.text.replace(where, "").replace(path, "")
    if answer.status == 307:
        assert get(
            installation.application,
            answer.headers["location"].removeprefix("http://board"),
            "",
            {"Authorization": f"Bearer {TOKENS['ann']}"},
        ).status in (303, 403, 404, 200)


def test_alerts_of_another_force_can_neither_be_seen_nor_acted_on(
    address: str, inbox: str, alerts: dict[str, str]
) -> None:
    """At the board of either force, and at the inbox, which has the alerts of every force."""
    for root in (inbox, f"{address}/api/alerts", f"{address}/forces/{OTHER}/api/alerts"):
        for path in (
            "/",
            "/?state=all",
            "/events",
            "/export",
            "/export?format=csv",
            "/suppressions",
            f"/{alerts[OWN]}",
            f"/{alerts['']}",
        ):
            assert OTHER not in ask(root, path, "ann").text, (root, path)
        for path in ("", "/acknowledge", "/note", "/assign", "/escalate"):
            body = {"note": "x"} if path != "/assign" else {"to": "ann"}
            body = {**body, "to": "duty inspector"} if path == "/escalate" else body
            answer = ask(root, f"/{alerts[OTHER]}{path}", "ann", body if path else None)
            assert (answer.status, answer.json()["title"]) == (404, "There is no alert with this ID."), (
                root,
                path,
            )
        for scope in ({}, {"force": OTHER}):
            work = {"rule": "feed_late", "scope": scope, "until": UNTIL}
            assert ask(root, "/suppressions", "ann", work).status == 422, (root, scope)
        assert ask(root, f"/suppressions/{alerts['work ' + OTHER]}/unsuppress", "ann", {}).status == 422
        end = {"force": OTHER, "subject": "incident", "subject_id": "i1", "reason": "test", "role": "analyst"}
        assert ask(root, "/ends", "ann", end).status == 403
    own = ask(inbox, "/", "ann").json()
    assert {each["scope"].get("force", "") for each in own["alerts"]} == {OWN, ""}
    assert ask(inbox, f"/{alerts[OWN]}/acknowledge", "ann", {"note": ""}).status == 200
    assert {each["scope"].get("force", "") for each in ask(inbox, "/", "chief").json()["alerts"]} == {OWN, OTHER, ""}
    assert ask(inbox, "/", "nobody").json()["alerts"][0]["scope"] == {}


def test_the_list_of_forces_has_those_that_one_may_see(installation: Installation) -> None:
    def listed(who: str, path: str) -> list[str]:
        text = get(installation.application, path, "", {"Authorization": f"Bearer {TOKENS[who]}"}).text
        return re.findall(
            r'<a href="([^"]*)"', text.partition('<details class="forces">')[2].partition("</details>")[0]
        )

    assert listed("chief", "/feeds") == ["/feeds", f"/forces/{OTHER}/feeds", "/region"]
    assert listed("chief", f"/forces/{OTHER}/feeds") == ["/feeds", f"/forces/{OTHER}/feeds", "/region"]
    there = get(installation.application, "/", "", {"Authorization": f"Bearer {TOKENS['bob']}"})
    assert (there.status, there.headers["location"]) == (303, f"/forces/{OTHER}/")
    assert listed("ann", "/feeds") == listed("bob", f"/forces/{OTHER}/feeds") == []


def test_every_address_on_a_page_of_a_force_stays_with_that_force(installation: Installation) -> None:
    headers = {"Authorization": f"Bearer {TOKENS['bob']}"}
    for path in paths(installation.boards[OTHER].routes):
        if path.startswith(("/api/alerts", "/events", "/static", "/parquet", "/xlsx")):
            continue
        text = get(installation.application, f"/forces/{OTHER}{path}", "", headers).text
        found = re.findall(r'(?:href|action|src|data-[a-z]+|"explain"|"link")(?:=|:)"(/[^"]*)"', text)
        assert [each for each in found if not f"{each}/".startswith(("/static/", f"/forces/{OTHER}/"))] == [], path


def test_groups_and_sessions_have_their_forces_and_a_login_is_not_a_group() -> None:
    limits = ForceLimits({"group:staff": frozenset({OWN}), "ann": frozenset({OTHER}), "group:all": None})
    proxy = Proxy(addresses=("10.0.0.2",), roles={"staff": "view", "all": "view", "others": "view"})
    people = People([("ann", "view", TOKENS["ann"])], Clock(), proxy, limits=limits, provider_secret="s" * 24)

    def by_proxy(login: str, groups: str) -> Person:
        found = people.by_proxy({"x-forwarded-preferred-username": login, "x-forwarded-groups": groups}, "10.0.0.2")
        assert found
        return found

    assert by_proxy("x", "staff,others").forces == frozenset({OWN})
    assert by_proxy("x", "all,staff").forces is None
    assert by_proxy("ann", "others").forces == by_proxy("staff", "others").forces == frozenset()
    for person in (by_proxy("ann", "staff"), by_proxy("ann", "others"), people.by_token(TOKENS["ann"])):
        assert person
        again = people.by_cookie(people.session(person))
        assert again
        assert again.forces == person.forces
    assert People([], Clock(), limits=limits).forces_of(()) == frozenset()
    assert People([], Clock(), limits=ForceLimits({"*": frozenset({OWN})})).forces_of(["x"]) == frozenset({OWN})


def test_settings_that_would_show_too_much_are_refused() -> None:
    known = dict.fromkeys(FORCES_WITH_A_PROFILE)
    settings = Settings(people_forces="ann=staffordshire, ann=san_francisco_fire,group:region=*")
    limits = force_limits(settings)
    assert limits
    assert limits.by_name == {"ann": frozenset(FORCES_WITH_A_PROFILE), "group:region": None}
    assert viewers(settings, "127.0.0.1") == VIEWERS, "people are limited, so they must sign in"
    for wrong in ("ann", "=staffordshire", "ann=nowhere", "ann=staffordshire+", "ann=staffordshire,"):
        with pytest.raises(SettingError, match="does not have the form"):
            force_limits(Settings(people_forces=wrong))
    with pytest.raises(SettingError, match="everyone"):
        force_limits(replace(settings, view_custody="everyone"))
    several = Settings(board_forces="staffordshire,san_francisco_fire")
    forces = shown_forces(several, known)
    assert forces == ["staffordshire", "san_francisco_fire"]
    assert shown_forces(Settings(), known) == ["staffordshire"]
    people = People([], Clock())
    with pytest.raises(SettingError, match="who may see which"):
        check_limits_said(several, Guard(people, VIEWERS), forces)
    check_limits_said(several, Guard(people, EVERYONE), forces)
    check_limits_said(replace(several, people_forces="*=*"), Guard(people, VIEWERS), forces)
    for wrong in ("nowhere", "staffordshire,staffordshire"):
        with pytest.raises(SettingError):
            shown_forces(Settings(board_forces=wrong), known)
