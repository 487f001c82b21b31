"""An extract replayed again after it was corrected: the correction counts, and a period can be replaced."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.integration.conftest import EMBEDDED
from tests.integration.test_commands import command
from tests.integration.test_week import run
from tests.support.system import System

pytestmark = EMBEDDED

_MAPPING = """
name = "detentions"
force = "staffordshire"
topic = "custody"
feed = "custody"
[source]
format = "csv"
times = ["%d/%m/%Y %H:%M"]
time_zone = "Europe/London"
[subject]
key = ["No"]
prefix = "z-"
[[facts]]
fact = "DetaineeArrived"
per = "subject"
at = "Arrived"
[facts.fields]
suite = { constant = "north" }
child = { constant = false }
relevant_time = { column = "Relevant" }
[[facts]]
fact = "DetentionAuthorised"
per = "subject"
at = "Authorised"
[[facts]]
fact = "DetentionEnded"
per = "subject"
at = "Released"
when = [{ column = "Released", present = true }]
[facts.fields]
disposal = { constant = "charged" }
"""
_HEADER = "No,Arrived,Relevant,Authorised,Released\n"
FIRST = """\
r1,29/11/2024 09:00,29/11/2024 09:00,29/11/2024 10:30,
r2,29/11/2024 09:00,29/11/2024 09:00,29/11/2024 09:30,29/11/2024 12:00
r3,29/11/2024 09:00,29/11/2024 09:00,29/11/2024 09:30,29/11/2024 12:00
r4,29/11/2024 09:00,29/11/2024 09:00,29/11/2024 09:30,
"""
SECOND = """\
r1,29/11/2024 09:00,29/11/2024 09:00,29/11/2024 09:30,
r2,29/11/2024 09:00,29/11/2024 09:00,29/11/2024 09:30,29/11/2024 11:00
r3,29/11/2024 09:00,29/11/2024 09:00,29/11/2024 09:30,
r4,29/11/2024 09:00,29/11/2024 07:00,29/11/2024 09:30,
"""
NIGHT = ("--force", "staffordshire", "--as-of", "2024-11-29T23:00:00Z")
PERIOD = ("--replace", "2024-11-29", "2024-11-30")


def value(system: System, measure: str, *arguments: str) -> Any:
    (reading,) = run(system, "read", measure, *NIGHT, *arguments)
    return reading["value"]


def in_custody(system: System) -> set[str]:
    (explained,) = run(system, "explain", "in_custody_count", *NIGHT, "--limit", "0")
    return {part["subject_id"] for part in explained["parts"]}


def test_a_corrected_extract_counts_and_replaces(system: System, tmp_path: Path) -> None:
    system.start_workers(1)
    mapping, first, second = (tmp_path / name for name in ("detentions.toml", "first.csv", "second.csv"))
    mapping.write_text(_MAPPING)
    first.write_text(_HEADER + FIRST)
    second.write_text(_HEADER + SECOND)
    for path, day in ((first, 1), (second, 2)):
        changed = datetime(2024, 12, day, tzinfo=UTC).timestamp()
        os.utime(path, (changed, changed))

    def replay(path: Path, *arguments: str) -> Any:
        result = run(system, "replay", str(path), "--mapping", str(mapping), *arguments)
        system.settle()
        return result

    replay(first)
    assert in_custody(system) == {"z-r1", "z-r4"}
    assert value(system, "custody_waiting_mean_seconds", "--window", "24h") == 45 * 60

    # The later extract counts, though its times are the earlier ones; what it leaves out counts until the period is replaced.
    replay(second)
    assert value(system, "custody_waiting_mean_seconds", "--window", "24h") == 30 * 60
    assert in_custody(system) == {"z-r1", "z-r4"}
    facts = command(system, "explain", "in_custody_count", *NIGHT, "--facts").stdout
    assert '"relevant_time":"2024-11-29T07:00:00Z"' in facts

    # A replay of the earlier extract changes nothing.
    replay(first)
    assert value(system, "custody_waiting_mean_seconds", "--window", "24h") == 30 * 60

    dry = command(system, "replay", str(second), "--mapping", str(mapping), *PERIOD, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "1 of them are no longer in the extract and are withdrawn" in dry.stdout
    assert "z-r3  DetentionEnded" in dry.stdout
    system.settle()
    assert in_custody(system) == {"z-r1", "z-r4"}

    refused = command(system, "replay", str(first), "--mapping", str(mapping), *PERIOD)
    assert (refused.returncode, "--extracted-at" in refused.stderr) == (2, True)
    result = replay(second, *PERIOD)
    assert (result["replaced"]["published"], len(result["replaced"]["withdrawn"])) == (10, 1)
    assert in_custody(system) == {"z-r1", "z-r3", "z-r4"}
    assert replay(second, *PERIOD)["replaced"]["withdrawn"] == []

    # A later extract with the row again counts.
    replay(first, "--extracted-at", "2024-12-03")
    assert in_custody(system) == {"z-r1", "z-r4"}
    assert command(system, "audit", "--force", "staffordshire", "--window", "this_month").returncode == 0
