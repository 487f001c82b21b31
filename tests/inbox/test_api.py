"""The API as a page and an engine use it: permissions, actions recorded once, and errors that say what to do."""

import json
import socket
from collections.abc import Iterator

import pytest
import requests
from msgspec.structs import replace
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from starlette.applications import Starlette
from starlette.routing import Mount

from alerts.inbox.api.app import EndRequest, api
from alerts.inbox.api.guard import COOKIE, EVERYONE, Guard
from alerts.inbox.api.people import People, Person, Proxy
from alerts.inbox.api.sessions import SharedEndedSessions
from alerts.inbox.log.stream import InboxLog
from bluelamp.embedded.state import StateServer
from facts.errors import QuestionError
from facts.fact import EndedByHand
from producers.http.attempts import WRONG_TOKENS
from tests.support.inbox import PEOPLE, SCOPE, TOKENS, Clock, Desk, application, firing, parts, resolved, served

KEY = "test:inbox:api"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = StateServer(tmp_path_factory.mktemp("state"))
    server.start()
    try:
        with Redis.from_url(server.url, decode_responses=True) as client:
            yield client
    finally:
        server.stop()


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def root(state: Redis, clock: Clock) -> Iterator[str]:
    with served(application(InboxLog(state, KEY), clock)) as address:
        yield address


@pytest.fixture
def address(root: str, state: Redis, clock: Clock) -> str:
    """The API of an inbox with one alert."""
    state.delete(KEY)
    clock.at(5)
    assert Desk(root + "/api/alerts", "engine").send(firing()).status_code == 200
    return root + "/api/alerts"


def only(address: str, state: str = "active") -> dict[str, object]:
    """The only alert of the list."""
    (alert,) = Desk(address).get(f"/?state={state}").json()["alerts"]
    assert isinstance(alert, dict)
    return alert


def refused(answer: requests.Response, status: int, kind: str) -> None:
    """Check that the answer is a problem document that says what to do."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert problem["type"] == f"urn:bluelamp:problem:{kind}"
    assert problem["title"].endswith(".")
    assert len(problem["detail"]) > 20


def test_an_alert_says_what_to_do_and_who_does_it(address: str, clock: Clock) -> None:
    clock.at(65)
    alert = only(address)
    assert {name: alert[name] for name in ("severity", "state", "who", "owner", "scope", "age_seconds")} == {
        "severity": "critical",
        "state": "raised",
        "who": "duty inspector",
        "owner": "",
        "scope": SCOPE,
        "age_seconds": 65,
    }
    assert str(alert["what_to_do"]).startswith("Take command")


def test_an_acknowledgement_is_recorded_once_with_name_and_time(address: str, clock: Clock) -> None:
    name = only(address)["id"]
    clock.at(30)
    for _ in range(2):
        answer = Desk(address, "act").post(
            f"/{name}/acknowledge", {"note": "Two units sent."}, **{"Idempotency-Key": "k"}
        )
        assert answer.status_code == 200
    alert = only(address)
    assert (alert["state"], alert["owner"]) == ("acknowledged", "inspector")
    assert alert["acknowledged"] == {"by": "inspector", "at": "2024-12-03T10:00:30Z", "note": "Two units sent."}
    history = Desk(address).get(f"/{name}").json()["history"]
    assert [(each["entry"], each["by"]) for each in history] == [("Raised", "bluelamp"), ("Acknowledged", "inspector")]


def test_an_ended_alert_cannot_be_acknowledged(address: str, clock: Clock) -> None:
    name = only(address)["id"]
    Desk(address, "act").post(f"/{name}/acknowledge")
    clock.at(100)
    Desk(address, "engine").send(resolved(99))
    assert Desk(address).get("/").json()["alerts"] == []
    assert (only(address, "ended")["state"], only(address, "ended")["owner"]) == ("ended", "")
    refused(Desk(address, "act").post(f"/{name}/acknowledge"), 409, "has_ended")
    assert Desk(address, "act").post(f"/{name}/note", {"note": "A fault of the radio."}).status_code == 200


def test_escalation_by_hand_names_a_post_and_is_on_the_record(address: str, clock: Clock) -> None:
    name = only(address)["id"]
    refused(Desk(address, "view").post(f"/{name}/escalate", {"to": "chief officer"}), 403, "not_allowed")
    refused(Desk(address, "act").post(f"/{name}/escalate", {"to": "nobody"}), 422, "not_understood")
    posts = Desk(address, "act").get("/session").json()["posts"]
    Desk(address, "act").post(f"/{name}/escalate", {"to": posts[0], "note": "No unit is free"})
    clock.at(30)
    detail = Desk(address, "act").post(f"/{name}/escalate", {"to": posts[0]}).json()
    reached = detail["alert"]["escalated"]
    assert [(each["notify"], each["why"]) for each in reached] == [
        (posts[0], "inspector escalated it: No unit is free."), (posts[0], "inspector escalated it."),
    ]  # fmt: skip
    assert detail["history"][-1]["by"] == "inspector"


def test_assignment_and_suppression(address: str, clock: Clock) -> None:
    name = only(address)["id"]
    assert (
        Desk(address, "act").post(f"/{name}/assign", {"to": "sergeant north"}).json()["alert"]["owner"]
        == "sergeant north"
    )
    plan = {"rule": only(address)["rule"], "scope": SCOPE, "until": "2024-12-03T11:00:00Z", "note": "Radio work."}
    refused(Desk(address, "act").post("/suppressions", plan), 403, "not_allowed")
    planned = Desk(address, "admin").post("/suppressions", plan).json()
    assert (only(address)["state"], only(address)["suppressed_until"]) == ("suppressed", "2024-12-03T11:00:00Z")
    assert Desk(address, "admin").post(f"/suppressions/{planned['id']}/unsuppress").json()["is_in_force"] is False
    assert only(address)["state"] == "raised"
    clock.at(7200)
    refused(Desk(address, "admin").post("/suppressions", plan), 422, "not_understood")


@pytest.mark.parametrize("limit", ["0", "-1", "10001", "many", "9" * 5000])
def test_a_wrong_limit_of_a_list_is_refused(address: str, limit: str) -> None:
    refused(Desk(address, "act").get(f"?limit={limit}"), 422, "not_understood")


@pytest.mark.parametrize(
    ("role", "place", "status", "kind"),
    [
        (None, "/ID/acknowledge", 401, "not_signed_in"),
        ("view", "/ID/acknowledge", 403, "not_allowed"),
        ("engine", "/ID/acknowledge", 403, "not_allowed"),
        ("admin", "/webhook", 403, "not_allowed"),
        (None, "/webhook", 401, "not_signed_in"),
        ("act", "/0000000000000000/acknowledge", 404, "no_such_alert"),
        ("act", "/ID/assign", 422, "not_understood"),
        ("act", "/ID/dance", 404, "no_such_place"),
        ("engine", "/webhook", 422, "not_understood"),
    ],
)
def test_a_refused_request_says_why(address: str, role: str | None, place: str, status: int, kind: str) -> None:
    name = str(only(address)["id"])
    refused(Desk(address, role).post(place.replace("ID", name), {}), status, kind)  # type: ignore[arg-type]
    assert only(address)["state"] == "raised"


def test_the_whole_log_is_exported(address: str) -> None:
    name = only(address)["id"]
    Desk(address, "act").post(f"/{name}/note", {"note": "=1+1"})
    lines = [json.loads(line) for line in Desk(address).get("/export").text.splitlines()]
    assert [each["entry"] for each in lines] == ["Raised", "Noted"]
    table = Desk(address).get("/export?format=csv").text
    assert "'=1+1" in table, "a spreadsheet must not take a note for a formula"


def test_viewers_receive_every_change(address: str) -> None:
    name = only(address)["id"]
    with requests.get(f"{address}/events", stream=True, timeout=60) as answer:
        lines = answer.iter_lines()
        next(line for line in lines if line == b"event: alerts")
        Desk(address, "act").post(f"/{name}/acknowledge")
        while True:
            next(line for line in lines if line == b"event: alerts")
            (alert,) = json.loads(next(lines).removeprefix(b"data: "))["alerts"]
            if alert["state"] == "acknowledged":
                break


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),  # Chromium's form under `no-referrer`
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "HERE"}, False),
        ({"Origin": "HERE"}, True),
        ({"Origin": "null"}, False),
        ({"Origin": "http://elsewhere.example"}, False),
        ({}, False),
    ],
)
def test_the_browsers_statement_of_a_pages_origin_counts(address: str, headers: dict[str, str], is_own: bool) -> None:
    sent = {name: value.replace("HERE", address.removesuffix("/api/alerts")) for name, value in headers.items()}
    fields = {"login": "inspector", "token": TOKENS["act"]}
    answer = requests.post(f"{address}/sign-in", data=fields, headers=sent, allow_redirects=False, timeout=60)
    assert answer.status_code == (303 if is_own else 403)


def test_a_failed_sign_in_is_explained_on_the_page(address: str, clock: Clock) -> None:
    clock.at(5_000)
    headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    answer = requests.post(f"{address}/sign-in", data={"login": "<b>", "token": "<b>"}, headers=headers, timeout=60)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "do not match." in answer.text
    assert "form-action 'self'" in answer.headers["content-security-policy"]


class Browser(requests.Session):
    """A browser with Blue Lamp's page open."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.origin = address.removesuffix("/api/alerts")

    def send_form(self, place: str, origin: str | None = None, **fields: str) -> requests.Response:
        """Post a form from a page."""
        headers = {"Origin": origin or self.origin, "Sec-Fetch-Site": "cross-site" if origin else "same-origin"}
        return self.post(self.address + place, data=fields, headers=headers, allow_redirects=False, timeout=60)

    def ask(self, place: str, csrf: str | None, origin: str | None = None) -> requests.Response:
        """Post as the page's script does."""
        headers = {"Origin": origin or self.origin, "Sec-Fetch-Site": "cross-site" if origin else "same-origin"}
        return self.post(
            self.address + place, json={}, headers=headers | ({"X-CSRF-Token": csrf} if csrf else {}), timeout=60
        )


def test_a_person_signs_in_and_no_other_site_can_act_for_them(address: str) -> None:
    name = only(address)["id"]
    browser = Browser(address)
    refused(
        browser.send_form("/sign-in", origin="http://elsewhere.example", login="inspector", token=TOKENS["act"]),
        403,
        "from_elsewhere",
    )
    answer = browser.send_form("/sign-in", login="inspector", token=TOKENS["act"], next="/alerts")
    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKENS["act"] not in cookie
    session = browser.get(address + "/session", timeout=60).json()
    assert (session["login"], session["may_act"], session["may_administer"]) == ("inspector", True, False)
    refused(browser.ask(f"/{name}/acknowledge", None), 403, "from_elsewhere")
    refused(browser.ask(f"/{name}/acknowledge", session["csrf"], "http://elsewhere.example"), 403, "from_elsewhere")
    assert browser.ask(f"/{name}/acknowledge", session["csrf"]).status_code == 200
    assert only(address)["owner"] == "inspector"
    assert browser.ask("/sign-out", session["csrf"]).status_code == 204
    refused(browser.ask(f"/{name}/acknowledge", session["csrf"]), 401, "not_signed_in")


def test_signing_out_ends_the_session_on_the_server(state: Redis, clock: Clock) -> None:
    """A copy of the cookie is worth nothing afterwards: at this server, at another one, and after a restart."""
    ended = [SharedEndedSessions(state, f"{KEY}:ended", clock) for _ in range(2)]
    here, there = [People(PEOPLE, clock, ended=each) for each in ended]
    copy, other = (here.session(Person("inspector", "act")) for _ in range(2))
    assert here.by_cookie(copy) is None  # it is not known yet which sessions have ended
    for each in ended:
        each.load()
    assert here.by_cookie(copy)
    assert there.by_cookie(copy)
    with served(application(InboxLog(state, KEY), clock, people=here)) as root:
        browser = Browser(root + "/api/alerts")
        browser.cookies.set(COOKIE, copy)
        csrf = browser.get(browser.address + "/session", timeout=60).json()["csrf"]
        assert browser.ask("/sign-out", csrf).status_code == 204
        browser.cookies.set(COOKIE, copy)
        assert browser.get(browser.address + "/session", timeout=60).json()["login"] is None
    ended[1].load()
    after_a_restart = SharedEndedSessions(state, f"{KEY}:ended", clock)
    after_a_restart.load()
    for people in (here, there, People(PEOPLE, clock, ended=after_a_restart)):
        assert people.by_cookie(copy) is None
        assert people.by_cookie(other)


@pytest.mark.parametrize("cookie", [b"\xff\xfe\xe9", b"\xc3\xa9.b.c", b"a.b.c", b"\x01\x02", b'"', b""])
def test_a_cookie_with_odd_bytes_is_refused_without_a_traceback(
    address: str, cookie: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = address.removeprefix("http://").removesuffix("/api/alerts").split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        start = b"GET /api/alerts/session HTTP/1.0\r\nHost: localhost\r\nCookie: bluelamp_session="
        connection.sendall(start + cookie + b"\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert answer.split(b" ")[1] == (b"400" if any(byte > 127 for byte in cookie) else b"200"), answer
    assert caplog.text == ""


def test_wrong_tokens_are_limited_and_logged_and_those_known_to_be_right_pass(
    state: Redis, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.at(20_000)
    with served(application(InboxLog(state, KEY), clock)) as root:
        address = root + "/api/alerts"
        known = Desk(address, "view")
        assert known.get("/").status_code == 200
        statuses = []
        for number in range(WRONG_TOKENS + 3):
            guess = Desk(address)
            guess.headers = {"Authorization": f"Bearer guess-{number}"}
            statuses.append(guess.get("/session").status_code)
        assert statuses[-3:] == [429] * 3
        assert known.get("/").status_code == 200
        assert Desk(address, "act").get("/session").status_code == 429  # it might be a guess that is right
        assert caplog.text.count("wrong token from 127.0.0.1") == WRONG_TOKENS
        assert "guess" not in caplog.text
        clock.at(20_061)
        assert Desk(address, "act").get("/session").status_code == 200


def test_sign_in_never_redirects_to_another_site(address: str) -> None:
    for target in ("//elsewhere.example", "/\\elsewhere.example", "http://elsewhere.example", "/a\r\nSet-Cookie: a=b"):
        answer = Browser(address).send_form("/sign-in", login="inspector", token=TOKENS["act"], next=target)
        assert answer.headers["location"] == "/"


def test_failed_sign_ins_are_limited(address: str, clock: Clock) -> None:
    clock.at(10_000)
    for _ in range(5):
        refused(
            Browser(address).send_form("/sign-in", login="inspector", token=TOKENS["act"][1:]), 401, "not_signed_in"
        )
    refused(Browser(address).send_form("/sign-in", login="inspector", token=TOKENS["act"]), 429, "too_many_attempts")
    # Nobody else behind the same address waits.
    assert Browser(address).send_form("/sign-in", login="chief", token=TOKENS["admin"]).status_code == 303
    clock.at(10_061)
    assert Browser(address).send_form("/sign-in", login="inspector", token=TOKENS["act"]).status_code == 303


def test_a_session_expires_and_a_forged_one_is_refused(clock: Clock) -> None:
    clock.at(0)
    people = People(PEOPLE, clock)
    person = people.by_token(TOKENS["act"])
    assert person
    cookie = people.session(person)
    assert people.by_cookie(cookie)
    other = People([("inspector", "act", "another-token-of-the-same-person")], clock)
    assert other.by_cookie(cookie) is None, "removing a token ends its sessions"
    body, _, rest = cookie.partition(".")
    for forged in (f"{body[:-4]}AAAA.{rest}", f"{cookie[:-4]}AAAA", body, "é", f"{body}.é", ""):
        assert people.by_cookie(forged) is None
    assert People((), clock).by_cookie(People((), clock).session(person)) is None, "without tokens the key is random"
    clock.at(-4)
    assert people.by_cookie(cookie), "the clocks of two servers may differ by seconds"
    clock.at(-60)
    assert people.by_cookie(cookie) is None, "signed by a clock that was ahead"
    clock.at(13 * 3600)
    assert people.by_cookie(cookie) is None


def test_proxy_headers_count_only_from_the_proxys_address() -> None:
    proxy = Proxy(addresses=("10.0.0.0/30",), roles={"inspectors": "act", "wall": "view"})
    people = People((), Clock(), proxy)
    headers = {"x-forwarded-preferred-username": "inspector", "x-forwarded-groups": "wall, inspectors"}
    person = people.by_proxy(headers, "10.0.0.2")
    assert person
    assert (person.login, person.role, person.is_ambient) == ("inspector", "act", True)
    assert people.by_proxy(headers, "10.0.0.9") is None
    assert people.is_secure({"x-forwarded-proto": "https"}, "10.0.0.2")
    assert not people.is_secure({"x-forwarded-proto": "https"}, "10.0.0.9")
    assert people.by_proxy({**headers, "x-forwarded-groups": "others"}, "10.0.0.2") is None


def test_nobody_can_act_without_tokens(state: Redis, clock: Clock, address: str) -> None:
    name = only(address)["id"]
    with served(application(InboxLog(state, KEY), clock, people=People((), clock))) as other:
        desk = Desk(other + "/api/alerts", "act")
        assert desk.get("/").status_code == 200
        refused(desk.post(f"/{name}/acknowledge"), 403, "nobody_may_act")
        refused(desk.post("/webhook"), 401, "not_signed_in")


def test_viewing_can_require_sign_in(state: Redis, clock: Clock, address: str) -> None:
    with served(application(InboxLog(state, KEY), clock, is_open_to_view=False)) as other:
        for place in ("/", "/events", "/export", "/suppressions"):
            refused(Desk(other + "/api/alerts").get(place), 401, "not_signed_in")
        assert Desk(other + "/api/alerts", "view").get("/").status_code == 200


def test_an_unreachable_state_server_is_a_problem_that_asks_to_retry(clock: Clock) -> None:
    nobody = Redis(port=9, decode_responses=True, retry=Retry(NoBackoff(), 0))
    with served(application(InboxLog(nobody, KEY), clock)) as address:
        refused(Desk(address + "/api/alerts").get("/"), 503, "state_unavailable")
        refused(Desk(address + "/api/alerts", "engine").send(firing()), 503, "state_unavailable")


def test_a_person_with_the_role_to_act_ends_a_subject_by_hand(state: Redis, clock: Clock) -> None:
    """The fact has the role and no name; the inbox's log has who was signed in."""
    received: list[EndRequest] = []

    def end(request: EndRequest) -> EndedByHand:
        if request.subject_id != "i-7":
            raise QuestionError("No incident with this id is open.", where=request.subject_id, hint="List them.")
        received.append(request)
        return EndedByHand(
            fact_id="e", force=request.force, at=clock(), subject_id="i-7", reason=request.reason, role=request.role
        )

    guard = Guard(People(PEOPLE, clock), EVERYONE)
    own = replace(parts(InboxLog(state, KEY), clock, guard), end=end)
    body = {
        "force": "staffordshire",
        "subject": "incident",
        "subject_id": "i-7",
        "reason": "system_fault",
        "role": "duty_inspector",
    }
    with served(Starlette(routes=[Mount("/api/alerts", api(own))])) as root:
        address = root + "/api/alerts"
        assert Desk(address).post("/ends", body).status_code == 401
        assert Desk(address, "view").post("/ends", body).status_code == 403
        answer = Desk(address, "act").post("/ends", body)
        assert (answer.status_code, answer.json()["role"]) == (200, "duty_inspector")
        assert "inspector" not in answer.text.replace("duty_inspector", "")
        assert Desk(address, "act").post("/ends", {**body, "subject_id": "i-8"}).status_code == 422
        assert Desk(address, "act").post("/ends", {**body, "role": "Sgt Smith"}).status_code == 422
        assert len(received) == 1
        entries = [json.loads(each) for each in Desk(address).get("/export?format=jsonl").text.splitlines()]
        (row,) = [each for each in entries if each["entry"] == "SubjectEnded"]
        assert (row["by"], row["subject_id"], row["reason"], row["role"]) == (
            "inspector", "i-7", "system_fault", "duty_inspector",
        )  # fmt: skip
        assert "i-7" in Desk(address).get("/export?format=csv").text


def test_an_unknown_address_is_a_page_for_people_and_a_problem_for_programs(address: str) -> None:
    page = Desk(address).get("/nothing/<b>", Accept="text/html")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<h1>There is no such address.</h1>" in page.text
    assert 'href="/api/alerts/sign-in"' in page.text
    assert "<b>" not in page.text
    refused(Desk(address).get("/nothing/<b>"), 404, "no_such_place")
