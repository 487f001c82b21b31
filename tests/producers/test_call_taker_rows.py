"""Call takers' states as Cisco Unified CCX records them, up to what the measures count."""

from datetime import UTC, datetime
from pathlib import Path

from measures.call_taker import outcomes
from measures.outcome import SECOND, microseconds
from measures.rules import Rules
from producers.extract import Extract, read_extract
from producers.packaged import packaged_mapping
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
