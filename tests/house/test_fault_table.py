"""The fault table says what happened: what was not run is never ok, and a pause is seen wherever work waited."""

import pytest

from tests.support.fault_table import FAULTS, Fault, Line, Table, markdown, plain
from tests.support.pauses import Progress

PLACE, OTHER = ("incidents", 0), ("incidents", 1)


def record(faults: list[int], **more: object) -> dict[str, object]:
    return {"faults": faults, "fired": {}, "cells": 0, "wrong": 0, "pause": None, **more}


def report(outcome: str, recorded: dict[str, object], when: str = "call") -> pytest.TestReport:
    properties = [("fault_record", recorded)]
    return pytest.TestReport("t", ("t", 1, "t"), {}, outcome, None, when, user_properties=properties)  # type: ignore[arg-type]


def test_every_fault_has_a_row_and_is_never_ok_without_a_run() -> None:
    table = Table()
    table.add(report("skipped", record([6]), when="setup"))
    assert [row[0] for row in table.rows()] == [str(number) for number in FAULTS]
    assert {row[-1] for row in table.rows()} == {"not run"}
    assert not table.is_empty()
    assert Table().is_empty()


def test_the_tests_of_a_fault_are_added_up() -> None:
    table = Table()
    table.add(report("passed", record([1, 3], fired={"1": 50, "3": 2}, cells=1200, pause=2.5)))
    table.add(report("passed", record([1], fired={"1": 7}, cells=34, pause=4.0)))
    table.add(report("passed", record([1]), when="setup"))
    table.add(report("skipped", record([1])))
    assert table.lines[1] == Line(passed=2, skipped=1, fired=57, cells=1234, pause_seconds=4.0)
    assert table.rows()[0] == ("1", FAULTS[1], "2 of 3", "57", "1,234", "0", "4.0 s", "ok")
    assert "57" in "".join(plain(table.rows()))
    assert "| 1 | " + FAULTS[1] + " | 2 of 3 | 57 |" in markdown(table.rows(), "2026-11-29", "2 cores")


@pytest.mark.parametrize(
    ("outcome", "when", "more"),
    [("failed", "call", {}), ("failed", "setup", {}), ("failed", "teardown", {}), ("passed", "call", {"wrong": 1})],
)
def test_one_failure_or_one_wrong_cell_fails_the_row(outcome: str, when: str, more: dict[str, int]) -> None:
    table = Table()
    table.add(report("passed", record([2], fired={"2": 1}, cells=9)))
    table.add(report(outcome, record([2], fired={"2": 1}, cells=9, **more), when=when))
    assert table.rows()[1][-1] == "FAILED"


def test_a_test_records_only_faults_that_its_mark_names() -> None:
    recorded = record([4, 5])
    fault = Fault(recorded, [4, 5])
    fault.fired(2, 4)
    fault.fired(1, 4)
    fault.compared(10, 1)
    fault.paused(1.25)
    fault.paused(0.5)
    assert recorded == record([4, 5], fired={"4": 3}, cells=10, wrong=1, pause=1.2)
    with pytest.raises(AssertionError, match="mark does not name fault 6"):
        fault.fired(1, 6)


def looked(*looks: tuple[dict[tuple[str, int], int] | None, dict[tuple[str, int], int] | None]) -> float:
    """The longest pause between looks a second apart."""
    progress = Progress()
    for now, (offsets, ends) in enumerate(looks):
        progress.look(offsets, ends, float(now))
    return progress.longest


def test_a_partition_without_progress_is_a_pause_although_others_move() -> None:
    ends = {PLACE: 9, OTHER: 9}
    assert looked(*(({PLACE: 3, OTHER: at}, ends) for at in range(5))) == 4.0
    assert looked(*(({PLACE: at, OTHER: at}, ends) for at in range(5))) == 0.0
    assert looked(*(({PLACE: 9, OTHER: 9}, ends) for _ in range(5))) == 0.0


def test_no_answer_is_a_pause_and_a_state_set_back_is_not_progress() -> None:
    ends = {PLACE: 9}
    assert looked(({PLACE: 1}, ends), (None, ends), (None, ends), ({PLACE: 2}, ends)) == 2.0
    assert looked(({PLACE: 9}, ends), ({PLACE: 9}, None), ({PLACE: 9}, None), ({PLACE: 9}, ends)) == 2.0
    assert looked(({PLACE: 5}, ends), ({PLACE: 2}, ends), ({PLACE: 2}, ends), ({PLACE: 3}, ends)) == 2.0
