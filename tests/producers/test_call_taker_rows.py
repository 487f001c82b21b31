"""Call takers' states as Cisco Unified CCX, Asterisk, Amazon Connect, Twilio and Genesys Cloud record them, up to what the measures count."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from facts.call_taker import CallTakerFact, CallTakerSignedOff, CallTakerSignedOn, CallTakerStateChanged
from facts.union import AnyFact
from measures.call_taker import outcomes
from measures.outcome import SECOND, microseconds
from measures.rules import Rules
from producers.adapters.growing import FileIdentity
from producers.adapters.position import Position, load_position, save_position
from producers.declaration import columns_used
from producers.explain import explain
from producers.extract import Extract, read_extract
from producers.live import RowFollower
from producers.packaged import packaged_mapping
from producers.rows import Row
from producers.sessions import OpenSessions
from tests.producers.platforms import BEGAN, followed, iso, milliseconds
from tests.support.forces import shipped

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
_FIRST, _NEXT_DAY = "2026-11-28 22:58:00.120", "2026-11-29 23:00:00.000"
_NIGHT = (
    f"{_FIRST},1,71,999 and local,{_FIRST}",
    f"{_FIRST},2,71,999 and local,{_FIRST}",
    f"2026-11-28 23:00:00.000,3,71,999 and local,{_FIRST}",
    f"2026-11-28 23:59:55.000,4,71,999 and local,{_FIRST}",
    f"2026-11-29 00:00:00.000,5,71,999 and local,{_FIRST}",
    f"2026-11-29 00:04:00.000,6,71,999 and local,{_FIRST}",
    f"2026-11-29 00:04:00.000,6,71,999 and local,{_FIRST}",
    f"2026-11-29 00:05:00.000,3,71,999 and local,{_FIRST}",
    f"2026-11-29 07:00:00.000,7,71,999 and local,{_FIRST}",
)


def _read(tmp_path: Path, *rows: str) -> Extract:
    path = tmp_path / "states.csv"
    path.write_text("\n".join(["eventdatetime,eventtype,agentid,teamname,login", *rows]) + "\n")
    return read_extract(path, packaged_mapping("cisco_uccx_agent_states"), now=NOW)


def test_a_night_shift_is_one_call_taker_with_its_contacts(tmp_path: Path) -> None:
    extract = _read(tmp_path, *_NIGHT)
    assert (extract.malformed, extract.rows_repeated, extract.rows_excluded) == ((), 1, 1)
    found = outcomes(extract.facts, Rules(shipped("staffordshire")))  # type: ignore[arg-type]
    assert [(each.kind, each.value) for each in found.finished if each.kind.startswith("handled")] == [
        ("handled", 300),
        ("handled_talk", 240),
        ("handled_hold", 0),
        ("handled_wrap", 60),
    ]
    began = [each for each in found.finished if each.kind == "call_taker_state_began"]
    assert [each.dimensions for each in began][:3] == [
        ("local_calls", "signed_on"),
        ("local_calls", "on_break"),
        ("local_calls", "available"),
    ]
    free = [each.at - began[2].at for each in began if each.dimensions[1] == "on_contact"]
    assert free == [3600 * SECOND], "while the telephone rings, the call taker still counts as available"
    assert found.open == []
    assert microseconds(extract.facts[0].at) == began[0].at


def test_each_login_is_a_call_taker_of_its_own_and_no_id_names_the_agent(tmp_path: Path) -> None:
    extract = _read(tmp_path, *_NIGHT, f"{_NEXT_DAY},1,71,Triage,{_NEXT_DAY}", f"{_NEXT_DAY},1,72,Triage,{_NEXT_DAY}")
    ids = {fact.subject_id for fact in extract.facts if hasattr(fact, "subject_id")}
    assert len(ids) == 3
    assert all(each.startswith("taker-") and len(each) > 20 for each in ids), "a digest of agent and login"


def test_a_new_team_and_a_row_without_its_login_are_refused(tmp_path: Path) -> None:
    extract = _read(tmp_path, f"{_FIRST},1,71,Night cover,{_FIRST}", f"{_FIRST},3,72,Triage,")
    assert [(each.column, each.fault) for each in extract.malformed] == [
        ("teamname", "unknown_value"),
        ("login", "missing_value"),
    ]
    assert extract.facts == ()


_ASTERISK = (
    "0|MANAGER|police-999|Jo Smith|ADDMEMBER|",
    "0|MANAGER|police-local|Jo Smith|ADDMEMBER|",
    "0|MANAGER|police-local|Jo Smith|ADDMEMBER|",
    "60|A|police-999|NONE|ENTERQUEUE||01632960001|1",
    "63|A|police-999|Jo Smith|CONNECT|3|A1|3",
    "100|NONE|police-999|Jo Smith|PAUSE|lunch",
    "100|NONE|police-local|Jo Smith|PAUSE|lunch",
    "100|NONE|NONE|Jo Smith|PAUSEALL|",
    "183|A|police-999|Jo Smith|COMPLETECALLER|3|120|1",
    "300|NONE|police-999|Jo Smith|UNPAUSE|",
    "310|B|police-local|Jo Smith|CONNECT|9|B1|4",
    "400|B|police-local|Jo Smith|COMPLETEAGENT|9|90|1",
    "400|NONE|police-999|Jo Smith|PAUSE|wrap-up",
    "430|NONE|police-999|Jo Smith|UNPAUSE|",
    "500|MANAGER|police-local|Jo Smith|REMOVEMEMBER|",
    "500|MANAGER|police-999|Jo Smith|REMOVEMEMBER|",
    "600|MANAGER|police-101|Jo Smith|ADDMEMBER|PAUSED",
    "630|NONE|police-101|Jo Smith|UNPAUSE|",
    "640|C|police-101|Sam Jones|CONNECT|9|C1|4",
)
_IN_ASTERISK = [
    ["0 on local_calls", "0 available", "63 on_contact emergency", "183 on_break", "300 available",
     "310 on_contact local", "400 available", "400 on_break", "430 available", "500 off"],
    ["600 on triage", "600 on_break", "630 available"],
]  # fmt: skip


def _event(number: int, seconds: int, kind: str, contact: str = "", **changes: str) -> str:
    """An event of Amazon Connect's agent event stream."""
    now = {"status": "Available", "profile": "999 and local", "queue": "emergency", "channel": "VOICE", **changes}

    def snapshot(profile: str) -> dict[str, Any]:
        contacts = [{"Channel": now["channel"], "State": contact, "Queue": {"ARN": "arn:q", "Name": now["queue"]}}]
        return {
            "AgentStatus": {"ARN": "arn:status", "Name": now["status"], "StartTimestamp": iso(seconds)},
            "Configuration": {
                "FirstName": "Jo",
                "LastName": "Smith",
                "Username": "smithj",
                "RoutingProfile": {"ARN": "arn:profile", "Name": profile},
            },
            "Contacts": contacts if contact else [],
        }

    event = {
        "AgentARN": "arn:aws:connect:eu-west-2:012345678901:instance/i/agent/a",
        "EventId": f"event-{number}",
        "EventTimestamp": iso(seconds),
        "EventType": kind,
        "CurrentAgentSnapshot": snapshot(now["profile"]),
        "PreviousAgentSnapshot": None if kind == "LOGIN" else snapshot(now.get("before", now["profile"])),
    }
    return json.dumps(event)


_CHANGE = "STATE_CHANGE"
_CONNECT = (
    _event(1, 0, "LOGIN", status="Offline"),
    _event(2, 5, _CHANGE),
    _event(3, 60, _CHANGE, "CONNECTING"),
    _event(4, 63, _CHANGE, "CONNECTED"),
    _event(5, 100, _CHANGE, "CONNECTED_ONHOLD"),
    _event(6, 120, _CHANGE, "CONNECTED"),
    _event(6, 120, _CHANGE, "CONNECTED"),
    _event(7, 183, _CHANGE, "ENDED"),
    _event(8, 200, _CHANGE),
    _event(9, 210, _CHANGE, "CONNECTING", queue="local"),
    _event(10, 230, _CHANGE, "MISSED", queue="local"),
    _event(11, 300, _CHANGE, status="Lunch"),
    _event(12, 400, _CHANGE, profile="Triage", before="999 and local"),
    _event(13, 410, _CHANGE, "CONNECTED", channel="CHAT", profile="Triage"),
    _event(14, 500, "LOGOUT", profile="Triage", status="Offline"),
    _event(15, 620, "HEART_BEAT", profile="Triage", status="Offline"),
    _event(16, 900, "LOGIN", profile="Night cover"),
    _event(17, 910, _CHANGE, profile="Night cover"),
)
_IN_CONNECT = [
    ["0 on local_calls", "0 on_break", "5 available", "63 on_contact emergency", "100 on_hold emergency",
     "120 on_contact emergency", "183 wrapping_up emergency", "200 available", "230 on_break", "300 on_break",
     "400 on triage", "400 available", "500 off"],
]  # fmt: skip

_ACTIVITY = "worker.activity.update"


def _streamed(number: int, seconds: int, kind: str, activity: str = "Available", before: str = "", **more: str) -> str:
    """An event of Twilio's TaskRouter, as Event Streams sends it."""
    skill = more.pop("skill", "local_calls")
    payload = {
        "eventtype": kind,
        "timestamp": str(int(BEGAN.timestamp() + seconds) * 1000),
        "worker_sid": "WK0001",
        "worker_name": "Jo Smith",
        "worker_activity_name": activity,
        "worker_attributes": json.dumps({"contact_uri": "client:smithj", "routing": {"skills": [skill, "other"]}}),
        **({"worker_previous_activity_name": before} if before else {}),
        **more,
    }
    event = {"specversion": "1.0", "type": f"com.twilio.taskrouter.{kind}", "id": f"EV{number}"}
    return json.dumps({**event, "data": {"payload": payload}})


_CALL = {"task_queue_name": "emergency", "task_channel_unique_name": "voice"}
_TWILIO = (
    _streamed(1, 0, _ACTIVITY, before="Offline"),
    _streamed(2, 50, "reservation.canceled", **_CALL),
    _streamed(3, 63, "reservation.accepted", **_CALL),
    _streamed(3, 63, "reservation.accepted", **_CALL),
    _streamed(4, 100, _ACTIVITY, "Lunch", "Available"),
    _streamed(5, 183, "reservation.wrapup", "Lunch", **_CALL),
    _streamed(6, 200, "reservation.completed", "Lunch", **_CALL),
    _streamed(7, 300, _ACTIVITY, "Available", "Lunch"),
    _streamed(8, 310, "reservation.accepted", task_queue_name="emergency", task_channel_unique_name="chat"),
    _streamed(9, 320, "reservation.accepted", **_CALL | {"task_queue_name": "local"}),
    _streamed(10, 330, "reservation.canceled", **_CALL | {"task_queue_name": "local"}),
    _streamed(11, 500, _ACTIVITY, "Offline", "Available"),
    _streamed(12, 600, _ACTIVITY, "Available", "Offline", skill="night"),
    _streamed(13, 610, "reservation.accepted", **_CALL),
)
_IN_TWILIO = [
    ["0 on local_calls", "0 available", "63 on_contact emergency", "183 wrapping_up emergency", "200 on_break",
     "300 available", "320 on_contact local", "330 available", "500 off"],
]  # fmt: skip

_NINES, _TRIAGE, _CHATS = (f"00000000-0000-0000-0000-000000000{code}" for code in ("999", "101", "555"))


def _activity(number: int, seconds: float, status: str, since: float, presence: str = "ON_QUEUE", **more: Any) -> str:
    """An event of Genesys Cloud about a user, with the status and the time at which it began."""
    body = {
        "id": more.get("user", "9ed7d9f6-0c59-4360-ac54-40dd35eb9c2f"),
        "routingStatus": {"status": status, "startTime": iso(since)},
        "presence": {"presenceDefinition": {"id": "p", "systemPresence": presence}, "modifiedDate": iso(seconds)},
        "outOfOffice": {"active": False},
        "activeQueueIds": more.get("queues", [_CHATS, _NINES]),
    }
    return _of_genesys(number, seconds, "users.{id}.activity", body)


def _conversation(number: int, seconds: float, kind: str, **more: Any) -> str:
    """An event of Genesys Cloud about a user's part in a conversation."""
    body = {"userId": "9ed7d9f6-0c59-4360-ac54-40dd35eb9c2f", "eventTime": milliseconds(seconds), "mediaType": "VOICE"}
    body |= {"queueId": _NINES, "ani": "tel:+441632960001", "wrapupNotes": "Mr Smith rang"}
    return _of_genesys(number, seconds, f"detail.events.conversation.{{id}}.{kind}", body | more)


def _of_genesys(number: int, seconds: float, topic: str, body: dict[str, Any]) -> str:
    event = {"id": f"event-{number}", "detail-type": f"v2.{topic}", "time": iso(int(seconds))}
    return json.dumps({**event, "detail": {"topicName": topic, "eventBody": body}})


_TALKED = {"interactingDurationMs": 100_000, "alertingDurationMs": 3_000}
_AWAY = {"presence": "MEAL"}
_GENESYS = (
    _activity(1, 0.4, "OFF_QUEUE", -50_000, "AVAILABLE"),
    _activity(2, 3, "OFF_QUEUE", -50_000, "BUSY"),
    _activity(3, 5.2, "IDLE", 5.1),
    _activity(4, 6, "OFF_QUEUE", -9, "AVAILABLE", queues=[_CHATS], user="somebody-else"),
    _conversation(5, 60, "user.start"),
    _activity(6, 63, "INTERACTING", 62.9),
    _activity(6, 63, "INTERACTING", 62.9),
    # The break is chosen during the contact, and begins when wrap-up is over.
    _activity(7, 100, "INTERACTING", 62.9, **_AWAY),
    _conversation(8, 183.2, "user.end", **_TALKED),
    _conversation(33, 190, "user.end", interactingDurationMs=0, alertingDurationMs=5_000),
    _activity(9, 200.3, "OFF_QUEUE", 200.1, **_AWAY),
    _conversation(10, 200.2, "acw"),
    _activity(11, 300, "IDLE", 299.9),
    # Nobody answers.
    _conversation(12, 310, "user.start", queueId=_TRIAGE),
    _activity(13, 330, "NOT_RESPONDING", 330),
    _conversation(14, 330, "user.end", interactingDurationMs=0, alertingDurationMs=20_000),
    _activity(15, 340, "IDLE", 340),
    # A supervisor changes the queues: during the contact that changes nothing.
    _conversation(16, 350, "user.start", queueId=_CHATS),
    _activity(17, 353, "INTERACTING", 353),
    _activity(18, 360, "INTERACTING", 353, queues=[_TRIAGE]),
    _conversation(19, 380, "user.end", **_TALKED),
    _conversation(20, 390, "acw"),
    # The next telephone rings before the status has changed.
    _conversation(21, 391, "user.start", queueId=_TRIAGE),
    _conversation(22, 396, "user.end", **_TALKED),
    _activity(23, 397.1, "IDLE", 397, queues=[_TRIAGE]),
    _activity(24, 400, "IDLE", 397, queues=[_CHATS]),
    _activity(25, 420, "IDLE", 397, queues=[_TRIAGE]),
    _activity(26, 430, "COMMUNICATING", 430, queues=[_TRIAGE]),
    _conversation(27, 431, "user.start", mediaType="CHAT"),
    _activity(28, 500.5, "IDLE", 440, "OFFLINE", queues=[_TRIAGE]),
    _activity(29, 501, "OFF_QUEUE", 500.6, "OFFLINE", queues=[_TRIAGE]),
    _conversation(30, 502, "acw"),
    # Another sign-on, whose beginning is not in the file.
    _activity(31, 600, "INTERACTING", 500, queues=[_TRIAGE]),
    _activity(32, 610, "INTERACTING", 500, queues=_TRIAGE),
)
_IN_GENESYS = [
    ["0 on local_calls", "0 on_break", "5 available", "62 on_contact emergency", "62 on_contact emergency",
     "183 wrapping_up", "200 on_break", "299 available", "330 on_break", "340 available", "353 on_contact",
     "353 on_contact", "380 wrapping_up", "391 on_contact", "397 on triage", "397 available", "397 available",
     "400 on_break", "420 on triage", "420 available", "430 on_break", "500 off"],
    ["600 on triage", "600 on_contact"],
]  # fmt: skip

_PLATFORMS = {
    "genesys_cloud_users": (
        list(_GENESYS),
        _IN_GENESYS,
        ["bad_value"],
        [("local_calls", "emergency", 137), ("local_calls", "none", 6), ("local_calls", "none", 38)],
    ),
    "twilio_taskrouter_workers": (
        list(_TWILIO),
        _IN_TWILIO,
        ["unknown_value", "no_session"],
        [("local_calls", "emergency", 137), ("local_calls", "local", 10)],
    ),
    "asterisk_queue_log_agents": (
        [f"{int(BEGAN.timestamp()) + int(row.partition('|')[0])}|{row.partition('|')[2]}" for row in _ASTERISK],
        _IN_ASTERISK,
        ["no_session"],
        [("local_calls", "emergency", 120), ("local_calls", "local", 90)],
    ),
    "amazon_connect_agent_events": (
        list(_CONNECT),
        _IN_CONNECT,
        ["unknown_value", "no_session"],
        [("local_calls", "emergency", 137)],
    ),
}


def _in_words(facts: Iterable[AnyFact]) -> list[list[str]]:
    """The facts of each call taker in order, the first to begin first."""
    found: dict[str, list[tuple[datetime, int, str]]] = {}
    for fact in facts:
        assert isinstance(fact, CallTakerSignedOn | CallTakerStateChanged | CallTakerSignedOff)
        seconds = int((fact.at - BEGAN).total_seconds())
        place, text = _word(fact)
        found.setdefault(fact.subject_id, []).append((fact.at, place, f"{seconds} {text}"))
    return [[text for _, _, text in sorted(each)] for each in sorted(found.values(), key=min)]


def _word(fact: CallTakerFact) -> tuple[int, str]:
    """The fact's place among facts with the same time, and what the fact says."""
    if isinstance(fact, CallTakerSignedOn):
        return 0, f"on {fact.skill}"
    if isinstance(fact, CallTakerStateChanged):
        return 1, f"{fact.state} {fact.queue or ''}".strip()
    return 2, "off"


def _handled(facts: Iterable[AnyFact]) -> Iterator[tuple[str, str, int]]:
    subjects: dict[str, list[Any]] = {}
    for fact in facts:
        assert isinstance(fact, CallTakerSignedOn | CallTakerStateChanged | CallTakerSignedOff)
        subjects.setdefault(fact.subject_id, []).append(fact)
    for own in subjects.values():
        found = outcomes(tuple(own), Rules(shipped("staffordshire")))
        yield from ((*each.dimensions, each.value) for each in found.finished if each.kind == "handled")  # type: ignore[misc]


@pytest.mark.parametrize("mapping", _PLATFORMS)
def test_the_states_are_those_that_a_person_reads_in_the_log(mapping: str, tmp_path: Path) -> None:
    """In the whole file, and as the file grows. A pause that is pressed during a call counts from the end of the call."""
    rows, expected, faults, handled = _PLATFORMS[mapping]
    path = tmp_path / "log"
    path.write_text("".join(f"{row}\n" for row in rows))
    extract = read_extract(path, packaged_mapping(mapping), now=NOW)
    facts, malformed = followed(mapping, path)
    for given in (extract.facts, facts):
        assert _in_words(given) == expected
    assert [each.fault for each in extract.malformed] == [each.fault for each in malformed] == faults
    assert extract.are_keys_from_one is False
    assert sorted(_handled(facts)) == handled
    if mapping == "asterisk_queue_log_agents":  # the pause comes after the end of the call in the same second
        ended, paused = (fact.at for fact in extract.facts if int((fact.at - BEGAN).total_seconds()) == 400)
        assert (paused - ended).microseconds == 1
    declared = packaged_mapping(mapping)
    explained = explain([path], declared, force=None, now=NOW)
    assert {each.column for each in explained.columns if each.became} >= set(columns_used(declared)), "the dry run"
    text = repr(extract.facts)
    assert not [word for word in ("Smith", "smithj", "Sam", "arn:aws", "WK0001", "9ed7d9f6", "0163296") if word in text]


def test_a_call_taker_stays_the_same_over_a_rotated_file_and_a_restart(tmp_path: Path) -> None:
    """The position keeps the sessions that were open where the file begins."""
    mapping, rows = packaged_mapping("asterisk_queue_log_agents"), _PLATFORMS["asterisk_queue_log_agents"][0]
    whole, sessions = [], OpenSessions()
    for part in (rows[:8], rows[8:16]):
        save_position(
            tmp_path / "position",
            Position(file=FileIdentity(device=1, inode=2, head_bytes=0, head=""), line=0, sessions=sessions),
        )
        saved = load_position(tmp_path / "position")
        assert saved is not None
        follower = RowFollower(mapping, lambda: NOW, sessions=saved.sessions)
        for line, text in enumerate(part, 1):
            cells = dict(zip(mapping.source.columns, text.split("|"), strict=False))
            result = follower.read(Row(line, {column: cell for column, cell in cells.items() if cell}))
            assert result.malformed == []
            whole += result.facts
        sessions = follower.sessions
    assert _in_words(whole) == _IN_ASTERISK[:1]
    assert sessions == {}
