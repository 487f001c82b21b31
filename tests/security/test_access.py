"""Who may view what on the board, by default and by setting, and the record of who did."""

import json
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from alerts.inbox.api.guard import EVERYONE, Guard, Viewers
from alerts.inbox.api.people import People
from bluelamp.services.access import AccessLog, BoardAccess, area_of, writer_to
from bluelamp.services.alerts import viewers
from bluelamp.wiring.settings import Settings, load
from dashboards.board.app import board
from facts.errors import SettingError
from tests.board.test_pages import FORCE, mounted, reader
from tests.support.asgi import get
from tests.support.inbox import PEOPLE, TOKENS, Clock

ALL = Viewers(board="view", custody="act", alerts="view", alert_log="admin")
CUSTODY = ("/custody", "/events/custody", "/handover", "/events/handover", "/api/handover")
CUSTODY_MEASURE = "in_custody_count"


def guarded(now: Viewers) -> BoardAccess:
    """The board, for which signing in is needed."""
    return BoardAccess(board(reader(), FORCE, {"/api/alerts": mounted()}), Guard(People(PEOPLE, Clock()), now), [FORCE])


def test_the_default_is_open_on_loopback_alone() -> None:
    closed = Viewers(board="view", custody="view", alerts="view", alert_log="view")
    for host in ("127.0.0.1", "::1", "localhost"):
        assert viewers(Settings(), host) == EVERYONE
        assert viewers(Settings(exporter="http://127.0.0.1:9118", hosts=socket.gethostname()), host) == EVERYONE
        for of_others in (
            Settings(proxy_addresses="127.0.0.1"),
            Settings(hosts="bluelamp.police.example"),
            Settings(board="https://bluelamp.police.example"),
        ):
            assert viewers(of_others, host) == closed, "a proxy on this machine passes on requests from other machines"
    for host in ("0.0.0.0", "::", "10.0.0.5", "board"):  # noqa: S104 - what must not be open
        assert viewers(Settings(), host) == closed
    assert viewers(Settings(view_board="everyone"), "::") == EVERYONE
    assert viewers(Settings(view_board="everyone", view_custody="act", view_alerts="view"), "::") == Viewers(
        board=None, custody="act", alerts="view", alert_log="view"
    )
    with pytest.raises(SettingError, match="everyone"):
        load({"BLUELAMP_VIEW_CUSTODY": "anybody"})


def test_a_setting_that_once_closed_the_board_is_not_ignored() -> None:
    with pytest.raises(SettingError, match="no longer used") as refused:
        load({"BLUELAMP_SIGN_IN_TO_VIEW": "yes"})
    assert "BLUELAMP_VIEW_BOARD" in refused.value.hint


def test_every_route_of_the_board_needs_a_role_but_those_that_show_nothing() -> None:
    """A route added later is closed too."""
    application = guarded(ALL)
    routes = board(reader(), FORCE, {"/api/alerts": mounted()}).routes
    paths = [each.path for each in routes if isinstance(each, Route)]
    assert {"/", "/csv/{name}", "/events/{name}", "/api/handover", "/custody"} <= set(paths)
    assert {each.path for each in routes if isinstance(each, Mount)} == {"/api/alerts", "/static"}
    for path in paths:
        answer = get(application, path.replace("{name}", "incident_count"))
        assert answer.status == (200 if path == "/health" else 401), path
    assert area_of("/static/frame.css") is None


def test_custody_needs_its_own_role() -> None:
    application = guarded(ALL)
    detained = [path.replace("NAME", CUSTODY_MEASURE) for path in ("/csv/NAME", "/api/measure/NAME", "/measure/NAME")]
    for path in (*CUSTODY, *detained):
        assert area_of(path) == "custody", path
        assert get(application, path, headers=token("view")).status == 403, path
    for path in ("/custody/", "//custody", "/static/../custody", "/api/alerts/../handover", "/health/../custody"):
        assert get(application, path).status in (401, 404), path
    assert get(application, "/handover", headers=token("act")).status == 200
    assert get(application, "/feeds", headers=token("view")).status == 200
    assert area_of("/alerts") == area_of("/events/alerts") == "alerts"


def token(role: str) -> dict[str, str]:
    """The header that a program sends."""
    return {"Authorization": f"Bearer {TOKENS[role]}"}  # type: ignore[index]


def test_a_person_is_led_to_the_sign_in_page_and_back() -> None:
    answer = get(guarded(ALL), "/custody", "shift=last", headers={"Accept": "text/html"})
    assert (answer.status, answer.headers["location"]) == (303, "/api/alerts/sign-in?next=%2Fcustody%3Fshift%3Dlast")


def recorded(application: ASGIApp, clock: Clock) -> tuple[AccessLog, list[str]]:
    """The board with a record of who viewed it."""
    lines: list[str] = []
    return AccessLog(application, Guard(People(PEOPLE, clock), EVERYONE), lines.append, clock), lines


def test_who_viewed_what_is_recorded_once_an_hour_and_each_export() -> None:
    clock = Clock()
    application, lines = recorded(guarded(replace(ALL, custody="view")), clock)
    for _ in range(3):
        get(application, "/handover", "shift=last", headers=token("view"))
        get(application, "/csv/unknown", headers=token("view"))
        get(application, "/health")
    get(application, "/handover", headers={"Authorization": "Bearer wrong"})
    entries = [json.loads(line) for line in lines]
    assert [(each["by"], each["path"], each["status"]) for each in entries] == [
        ("wall", "/handover", 200),
        ("wall", "/csv/unknown", 404),
        ("wall", "/csv/unknown", 404),
        ("wall", "/csv/unknown", 404),
        ("", "/handover", 401),
    ]
    assert entries[0] == {
        "at": "2024-12-03T10:00:00+00:00",
        "by": "wall",
        "role": "view",
        "from": "127.0.0.1",
        "method": "GET",
        "path": "/handover",
        "query": "shift=last",
        "status": 200,
    }
    clock.now += timedelta(hours=1)
    get(application, "/handover", "shift=last", headers=token("view"))
    assert len(lines) == 6
    assert not any(secret in line for secret in (*TOKENS.values(), "wrong") for line in lines)


def test_the_record_is_a_file_of_its_owner_alone_and_survives_rotation(tmp_path: Path) -> None:
    path = tmp_path / "access.jsonl"
    write = writer_to(str(path))
    write("one")
    path.rename(tmp_path / "access.1")
    write("two")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("two\n", 0o600)
    with pytest.raises(SettingError, match="cannot be written"):
        writer_to(str(tmp_path / "missing" / "access.jsonl"))
