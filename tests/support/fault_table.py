"""The fault table: each test of a fault records what it did, and at the end of a run the table is printed.

A test names the faults it injects with `@pytest.mark.injects(1, 3)` and takes the fixture `fault`. It fails if one of
them never happened. `--fault-table FILE` also writes the table as Markdown.
"""

import os
import platform
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from bluelamp.wiring.clock import wall

FAULTS = {
    1: "Worker killed (kill -9)",
    2: "Workers join and leave, also in mid-batch",
    3: "Zombie: a worker stopped past its session, then continued",
    4: "Redis killed (kill -9), or its append-only file truncated",
    5: "Kafka killed (kill -9)",
    6: "Network: latency, reset, half-open, partition",
    7: "Disk full: Kafka's, Redis'",
    8: "Duplicates: a whole feed sent twice",
    9: "Any order, any batches",
    10: "Corrections and withdrawals, also before what they correct",
    11: "Poison records",
    12: "Schema change in mid-stream",
    13: "A producer's clock an hour wrong; a fact dated 2099",
    14: "Nights on which the clocks change",
    15: "Burst of fifty times the usual load",
    16: "Log cut short, or topic recreated",
    17: "Quiet feed, dead feed",
    18: "Kill between an alert's log entry and its delivery",
    19: "Prometheus, Alertmanager or the inbox killed",
    20: "Soak: far more subjects than a worker remembers",
    21: "Clock of the broker stepped by an hour",
    22: "Leader of a partition lost, of three brokers",
    23: "Redis restored from an old RDB file",
    24: "Rebalance from one worker to three and back",
}
_RECORD, _MARK = "fault_record", "injects"
_HEAD = ("#", "Fault", "Tests", "Fired", "Cells", "Wrong", "Longest pause", "Verdict")


class Line(Struct):
    """The results of the tests of one fault.

    Attributes:
        passed: the number of tests that passed.
        failed: the number of tests that failed.
        skipped: the number of skipped tests; like tests that were not selected, they do not count as run.
        fired: how often the fault happened.
        cells: figures compared with the independent recount.
        wrong: the number of figures that differ.
        pause_seconds: the longest time without progress while there was work; None where it was not measured.
    """

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    fired: int = 0
    cells: int = 0
    wrong: int = 0
    pause_seconds: float | None = None

    def verdict(self) -> str:
        """The verdict in a word or two; a fault that was not tested is never ok."""
        if self.failed or self.wrong:
            return "FAILED"
        return "ok" if self.passed else "not run"

    def add(self, outcome: str, fault: int, record: dict[str, Any]) -> None:
        """Add the result of one test."""
        if outcome == "skipped":
            self.skipped += 1
            return
        self.passed += outcome == "passed"
        self.failed += outcome != "passed"
        self.fired += record["fired"].get(str(fault), 0)
        self.cells += record["cells"]
        self.wrong += record["wrong"]
        if record["pause"] is not None:
            self.pause_seconds = max(record["pause"], self.pause_seconds or 0.0)


class Fault:
    """What one test records; provided by the fixture `fault`.

    Args:
        record: the test's record, of plain values, because it is passed between processes.
        faults: the faults that the test injects.
    """

    def __init__(self, record: dict[str, Any], faults: Sequence[int]) -> None:
        self._record, self._faults = record, faults

    def fired(self, times: int, fault: int | None = None) -> None:
        """Add to the number of times the fault happened; `fault` says which one if the test injects several."""
        (which,) = (fault,) if fault is not None else self._faults
        assert which in self._faults, f"the test's mark does not name fault {which}"
        fired = self._record["fired"]
        fired[str(which)] = fired.get(str(which), 0) + int(times)

    def compared(self, cells: int, wrong: int = 0) -> None:
        """Add to the number of figures compared, and of those that were wrong."""
        self._record["cells"] += cells
        self._record["wrong"] += wrong

    def paused(self, seconds: float) -> None:
        """Record the longest time without progress while there was work, in seconds."""
        self._record["pause"] = round(max(seconds, self._record["pause"] or 0.0), 1)


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> Fault:
    """Where a test records how often its faults happened and what was compared."""
    record = next(value for name, value in request.node.user_properties if name == _RECORD)
    return Fault(record, _faults(request.node))


class Table:
    """Collects the results of a run.

    Attributes:
        lines: the line of each fault.
    """

    def __init__(self) -> None:
        self.lines = {number: Line() for number in FAULTS}

    def add(self, report: pytest.TestReport) -> None:
        """Add the result of a test. Its set-up counts only if it kept the test from running."""
        if report.when != "call" and report.passed:
            return
        for name, record in report.user_properties:
            if name == _RECORD and isinstance(record, dict):
                for number in record["faults"]:
                    self.lines[number].add(report.outcome, number, record)

    def is_empty(self) -> bool:
        """Whether no test of a fault was even selected."""
        return not any(line.passed + line.failed + line.skipped for line in self.lines.values())

    def rows(self) -> list[tuple[str, ...]]:
        """The cells of the table, in words."""
        return [_words(number, line) for number, line in self.lines.items()]


def _words(number: int, line: Line) -> tuple[str, ...]:
    run = line.passed + line.failed
    if not run:
        tests = f"{line.skipped} skipped" if line.skipped else ""
        return str(number), FAULTS[number], tests, "", "", "", "", line.verdict()
    pause = "" if line.pause_seconds is None else f"{line.pause_seconds:.1f} s"
    counts = (f"{line.fired:,}", f"{line.cells:,}" if line.cells else "", str(line.wrong) if line.cells else "")
    return str(number), FAULTS[number], f"{line.passed} of {run + line.skipped}", *counts, pause, line.verdict()


def plain(rows: Iterable[Sequence[str]]) -> list[str]:
    """The table as text for a terminal."""
    every = [_HEAD, *rows]
    widths = [max(len(row[column]) for row in every) for column in range(len(_HEAD))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in every]


def markdown(rows: Iterable[Sequence[str]], when: str, where: str) -> str:
    """The table as a Markdown page."""
    lines = [f"| {' | '.join(row)} |" for row in (_HEAD, ["---"] * len(_HEAD), *rows)]
    return "\n".join([_TITLE, "", f"Run on {when}, {where}.", "", *lines, "", _LEGEND])


_TITLE = "# The fault table\n\nWhat `make faults` found when it was last run. Do not edit: it writes this page."
_LEGEND = """\
- **Tests**: passed, of those that were selected. A test that is skipped lacks a real part (`make parts`).
- **Fired**: how often the fault happened. A test whose fault never happened fails.
- **Cells**: figures compared with a recount of the log by separate code (`bluelamp/recount`). **Wrong**: those that differ.
- **Longest pause**: the longest time without any progress of the state while the log held work for it.
- **not run**: nothing is known about this fault from this run.
"""


# The hooks.


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the file."""
    parser.addoption("--fault-table", default=None, metavar="FILE", help="write the fault table as Markdown")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark; and, in the process that prints, the collector of results."""
    config.addinivalue_line("markers", "injects(*numbers): the faults of the fault table that this test injects")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Printer(), "fault-table-printer")


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Attach a record to each test of a fault; the test's reports carry it."""
    if faults := _faults(item):
        unknown = [number for number in faults if number not in FAULTS]
        assert not unknown, f"{item.nodeid}: there is no fault {unknown}"
        record: Any = {"faults": faults, "fired": {}, "cells": 0, "wrong": 0, "pause": None}
        item.user_properties.append((_RECORD, record))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that passes although its fault never happened: it has proved nothing."""
    yield
    for name, record in item.user_properties:
        if name == _RECORD and isinstance(record, dict):
            never = [FAULTS[number] for number in record["faults"] if not record["fired"].get(str(number))]
            assert not never, f"never happened: {', '.join(never)}"


def _faults(item: pytest.Item) -> list[int]:
    return [number for mark in item.iter_markers(_MARK) for number in mark.args]


class _Printer:
    """Prints and writes the table."""

    def __init__(self) -> None:
        self._table = Table()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a report, from this process or from another."""
        self._table.add(report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """Print the table, if any fault was tested."""
        if self._table.is_empty():
            return
        terminalreporter.section("fault table")
        for line in plain(self._table.rows()):
            terminalreporter.write_line(line)
        if place := config.getoption("--fault-table"):
            where = f"{os.cpu_count()} cores, Python {platform.python_version()}, Linux {platform.release()}"
            Path(place).write_text(markdown(self._table.rows(), wall().date().isoformat(), where))
