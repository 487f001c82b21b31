"""Row 12 of the fault table: producers use an older and a newer schema at once; each fact is counted or quarantined whole."""

import json
import random
import threading
from collections import Counter
from itertools import cycle
from typing import Any

import pytest

from tests.integration.conftest import FORCE
from tests.integration.refusals import Place, Refused, entries, incident, quarantine, send
from tests.integration.test_faults import publish, week
from tests.integration.test_kills import keep_settling
from tests.integration.test_week import compare_with_recount
from tests.support.fault_table import Fault
from tests.support.system import System

pytestmark = pytest.mark.usefixtures("dropped_sockets")


def records(chance: random.Random, count: int) -> list[Refused]:
    """Records whose schema has more, fewer or other fields than ours, alone and in one batch with valid ones."""
    numbers, kinds = iter(range(10_000)), cycle(range(8))
    made = [_record(next(kinds), numbers) for _ in range(count)]
    chance.shuffle(made)
    return made


def _record(kind: int, numbers: Any) -> Refused:
    def fact(**more: Any) -> dict[str, Any]:
        number = next(numbers)
        return incident(fact_id=f"schema-{number}", subject_id=f"schema-{number}", **more)

    plain, optional, null = fact(), fact(category="new_word", domestic=True), fact(category=None, area=None)
    newer, unknown = fact(drone="D1"), fact(fact="DroneLaunched")
    without = {name: value for name, value in fact().items() if name != "grade"}
    other_type = fact(domestic="no")
    return [
        Refused(json.dumps([plain, optional, null]).encode(), {}, good=3),
        Refused(json.dumps(optional).encode(), {}, good=1),
        Refused(json.dumps(newer).encode(), {0: "unknown_field"}),
        Refused(json.dumps(unknown).encode(), {0: "unknown_fact"}),
        Refused(json.dumps(without).encode(), {0: "missing_field"}),
        Refused(
            json.dumps([newer, plain, unknown, optional]).encode(), {0: "unknown_field", 2: "unknown_fact"}, good=2
        ),
        Refused(json.dumps([plain, {**optional, "corrects": plain["fact_id"]}]).encode(), {}, good=2),
        Refused(json.dumps([null, other_type, without]).encode(), {1: "bad_value", 2: "missing_field"}, good=1),
    ][kind]


@pytest.mark.faults
@pytest.mark.injects(12)
def test_older_and_newer_producers_are_counted_or_refused_and_never_half_read(system: System, fault: Fault) -> None:
    made = records(random.Random(12), 120)
    old = week()[:1500]
    due: dict[Place, str] = {}
    system.start_workers(2)
    newer = threading.Thread(target=lambda: due.update(send(system, made)))
    newer.start()
    publish(system, old)
    newer.join()
    keep_settling(system)

    found = compare_with_recount(system)
    fault.fired(len(due))
    fault.compared(found.cells, len(found.differences))
    assert {place: entry.reason for place, entry in entries(quarantine(system)).items()} == due
    assert system.count("quarantined") == len(due)
    for reason, times in Counter(due.values()).items():
        assert system.count(f"quarantined_{reason}") == times
    assert system.count("facts") == len(old) + sum(each.good for each in made)
    (domestic,) = system.reader().read(
        "incident_count", "2017-01-03/2017-01-04", where={"domestic": ("yes",)}, force=FORCE
    )
    assert (domestic.n or 0) > 0, "fields that only the newer producers send must be read"
    assert found.differences == []
