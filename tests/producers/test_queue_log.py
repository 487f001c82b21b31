"""Situations in Asterisk's queue_log, read as the file grows and as a whole, and the outcomes that each must give."""

from pathlib import Path

import pytest

from producers.extract import read_extract
from producers.packaged import packaged_mapping
from tests.producers.extracts import NOW
from tests.producers.platforms import BEGAN, followed, lines

_START = int(BEGAN.timestamp())

CONSULTATION_HANDED_OVER = (
    "0|A|police-101|NONE|ENTERQUEUE||01632960001|1",
    "9|A|police-101|PJSIP/2002|CONNECT|9|A1|7",
    "100|B|police-local|NONE|ENTERQUEUE||2002|1",
    "103|B|police-101|PJSIP/2002|ATTENDEDTRANSFER|APP|Queue|9|94|1",
    "121|A|police-local|PJSIP/3001|CONNECT|21|B|6",
    "300|A|police-local|PJSIP/3001|COMPLETECALLER|21|179|1",
    "310|C|police-101|NONE|ENTERQUEUE||01632960002|1",
    "315|C|police-101|PJSIP/2002|CONNECT|5|C1|4",
    "400|C|police-101|PJSIP/2002|COMPLETECALLER|5|85|1",
)
SITUATIONS = {
    "an attended transfer into a queue is one caller": (
        CONSULTATION_HANDED_OVER,
        ["answered local 21", "answered triage 5", "answered triage 9", "caller 101 triage", "caller 101 triage"],
    ),
    "a second transfer is still the same caller": (
        (
            *CONSULTATION_HANDED_OVER[:4],
            "110|D|police-101|NONE|ENTERQUEUE||3001|1",
            "121|B|police-local|PJSIP/3001|CONNECT|21|B1|6",
            "130|A|police-local|PJSIP/3001|CONNECT|30|B|6",
            "140|A|police-101|PJSIP/2009|CONNECT|30|D|6",
        ),
        ["answered local 21", "answered triage 9", "answered triage 30", "caller 101 triage"],
    ),
    "a withdrawal, a timeout, a key and an empty queue end the wait": (
        (
            "0|A|police-101|NONE|ENTERQUEUE||x|1",
            "10|A|police-101|NONE|WITHDRAW|1|1|10|supervisor",
            "1|B|police-101|NONE|ENTERQUEUE||x|1",
            "21|B|police-101|NONE|EXITWITHTIMEOUT|1|1|20",
            "2|C|police-101|NONE|ENTERQUEUE||x|1",
            "32|C|police-101|NONE|EXITWITHKEY|2|1|1|30",
            "3|D|police-101|NONE|ENTERQUEUE||x|1",
            "43|D|police-101|NONE|EXITEMPTY|1|1|40",
        ),
        [*["caller 101 triage"] * 4, *[f"left triage {seconds}" for seconds in (10, 20, 30, 40)]],
    ),
    "a bar at the end and events of a dial plan are tolerated": (
        (
            "0|A|police-101|NONE|ENTERQUEUE||x|1|",
            "0|A|police-101|NONE|MYEVENT|a|b|c|d|e|f|g|h|i|j|k|",
            "0|A|police-101|NONE|DID|01785960000",
            "2|A|police-101|PJSIP/1|RINGNOANSWER|2000|",
            "3|A|police-101|PJSIP/2|RINGCANCELED|1000",
            "4|A|police-101|PJSIP/2|CONNECT|4|A1|1|",
            "9|A|police-101|PJSIP/2|ATTENDEDTRANSFER|BRIDGE|5d1c-77|4|5|1|",
            "9|NONE|police-101|PJSIP/2|PAUSE|lunch|",
            "9|MANAGER|police-101|PJSIP/9|ADDMEMBER||",
        ),
        ["answered triage 4", "caller 101 triage"],
    ),
    "a caller who is dumped during the announcement still waits": (
        ("0|A|police-101|NONE|ENTERQUEUE||x|1", "8|A|police-101|PJSIP/2|AGENTDUMP"),
        ["caller 101 triage", "waiting triage"],
    ),
    "a caller who leaves and joins again within one second still waits": (
        (
            "0|A|police-101|NONE|ENTERQUEUE||x|1",
            "60|A|police-101|NONE|EXITWITHTIMEOUT|1|1|60",
            "60|A|police-101|NONE|ENTERQUEUE||x|1",
            "120|A|police-101|NONE|EXITWITHTIMEOUT|1|1|60",
            "120|A|police-101|NONE|ENTERQUEUE||x|1",
            "1|B|police-101|NONE|ENTERQUEUE||x|1",
            "5|B|police-101|PJSIP/2|CONNECT|5|B1|1",
            "60|B|police-101|PJSIP/2|BLINDTRANSFER|400|internal|5|55|1",
            "60|B|police-101|NONE|ENTERQUEUE||x|1",
        ),
        [
            *["caller 101 triage"] * 2,
            *["left triage 60"] * 2,
            "answered triage 4",
            *["waiting triage"] * 2,
        ],
    ),
    "a caller who is transferred back and gives up has two legs": (
        (
            "0|A|police-101|NONE|ENTERQUEUE||x|1",
            "5|A|police-101|PJSIP/2|CONNECT|5|A1|1",
            "60|A|police-101|PJSIP/2|BLINDTRANSFER|400|internal|5|55|1",
            "60|A|police-101|NONE|ENTERQUEUE||x|1",
            "90.250|A|police-101|NONE|ABANDON|1|1|30",
        ),
        ["abandoned triage 30.3", "answered triage 5", "caller 101 triage"],
    ),
}


def written(tmp_path: Path, rows: tuple[str, ...]) -> Path:
    """A queue_log with the rows, whose times are given after the beginning."""
    file = tmp_path / "queue_log"
    timed = [f"{_START + float(row.partition('|')[0]):.6f}|{row.partition('|')[2]}\n" for row in rows]
    file.write_text("".join(timed))
    return file


@pytest.mark.parametrize(("rows", "expected"), SITUATIONS.values(), ids=SITUATIONS)
def test_each_situation_gives_what_happened(tmp_path: Path, rows: tuple[str, ...], expected: list[str]) -> None:
    file = written(tmp_path, rows)
    facts, malformed = followed("asterisk_queue_log", file)
    whole = read_extract(file, packaged_mapping("asterisk_queue_log"), now=NOW)
    assert (malformed, whole.malformed) == ([], ())
    assert lines(facts) == lines(whole.facts) == lines([*whole.facts, *facts]) == sorted(expected)


def test_an_event_that_counts_and_has_too_many_cells_is_listed(tmp_path: Path) -> None:
    file = written(tmp_path, ("0|A|police-101|NONE|ENTERQUEUE|" + "|".join("abcdefghijk"),))
    facts, (malformed,) = followed("asterisk_queue_log", file)
    assert (facts, malformed.fault) == ([], "ragged_row")


@pytest.mark.parametrize("rows_seen", range(1, len(CONSULTATION_HANDED_OVER) + 1))
def test_an_extract_that_ended_before_the_transfer_leaves_nobody_waiting(tmp_path: Path, rows_seen: int) -> None:
    earlier = read_extract(
        written(tmp_path, CONSULTATION_HANDED_OVER[:rows_seen]), packaged_mapping("asterisk_queue_log"), now=NOW
    )
    whole = read_extract(written(tmp_path, CONSULTATION_HANDED_OVER), packaged_mapping("asterisk_queue_log"), now=NOW)
    expected = sorted(SITUATIONS["an attended transfer into a queue is one caller"][1])
    assert lines([*earlier.facts, *whole.facts]) == expected
