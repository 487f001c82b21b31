"""Minutes of the disorder scenario in real time, while worker, inbox, Prometheus and Alertmanager are killed: no alert is lost."""

import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
import requests
from msgspec.structs import replace

from alerts.inbox.log.entry import AnyEntry, Ended, Raised
from alerts.table import RULES
from bluelamp.local.alert_engine import AlertSetup
from bluelamp.services.alerts import inbox_log
from bluelamp.wiring.clock import wall
from bluelamp.wiring.ports import free_ports
from bluelamp.wiring.settings import Settings
from tests.oracle.broadcast import Broadcast, broadcast
from tests.oracle.compare import Oracle, Place
from tests.oracle.judgement import BAD, Stretch
from tests.oracle.knowledge import SECOND, microseconds
from tests.oracle.test_live import LEAD_SECONDS, Playing, everything, present
from tests.real.parts import missing
from tests.support.fault_table import Fault
from tests.support.system import System, until
from tests.support.watched import RestartedProcess

pytestmark = [pytest.mark.faults, pytest.mark.real, pytest.mark.usefixtures("dropped_sockets")]
WATCHED_SECONDS = 420
LASTING_SECONDS = 120
"""An alert that is bad for this long must be raised, whatever was killed meanwhile."""
_JUST_SECONDS = 60
"""How old the good figure that resolves an alert may be: killed parts notice late."""
OF_FORCE = {rule.name: rule.series.by for rule in RULES if rule.measure}
"""The rules about the force's figures; those about the monitor itself rightly report the kills."""


def fullest(oracle: Oracle) -> int:
    """The start of the watched seconds in which most of the lasting alerts begin."""
    lasting = sorted(
        each.start
        for (name, _), found in oracle.exact(0).items()
        for each in found
        if name in OF_FORCE and each.end - each.start > LASTING_SECONDS * SECOND
    )
    later = [start for start in lasting if start > lasting[0] + 3600 * SECOND]
    span = (WATCHED_SECONDS - LASTING_SECONDS) * SECOND
    return max(later, key=lambda first: sum(first <= each <= first + span for each in later))


@contextmanager
def watchers(system: System, directory: Path) -> Iterator[tuple[Settings, dict[str, RestartedProcess]]]:
    """The programs that `bluelamp up --prometheus` runs for alerts, each restarted when it is killed."""
    alarm = AlertSetup({}, is_prometheus=True)
    exporter_port, _ = free_ports(2)
    settings = replace(alarm.settings(system.settings), exporter_port=exporter_port)
    environment = {**os.environ, **settings.environment(), **alarm.engine(), **alarm.people()}
    ours = {"exporter": ["exporter"], "inbox": ["inbox", "serve"]}
    programs = {name: [sys.executable, "-m", "bluelamp", *words] for name, words in ours.items()}
    programs |= {each.name: each.arguments for each in alarm.programs(settings, directory)}
    parts = {name: RestartedProcess(words, environment, directory / f"{name}.log") for name, words in programs.items()}
    with ExitStack() as stack:
        for part in parts.values():
            part.start()
            stack.callback(part.stop)
        until(lambda: responds(f"{settings.inbox}/api/alerts/"), 60, "the inbox")
        yield settings, parts


def responds(address: str) -> bool:
    """Whether a server responds at this address."""
    try:
        return requests.get(address, timeout=60).ok
    except requests.RequestException:
        return False


def killing(
    system: System, parts: dict[str, RestartedProcess], chance: random.Random
) -> tuple[Callable[[], None], Counter[str]]:
    """A callback that kills a part every few seconds, the least often killed first; and the number of kills of each."""
    kills: Counter[str] = Counter(dict.fromkeys(("worker", "inbox", "prometheus", "alertmanager"), 0))
    due = wall().timestamp() + LEAD_SECONDS

    def kill() -> None:
        nonlocal due
        if wall().timestamp() < due:
            return
        name = min(kills, key=lambda each: (kills[each], chance.random()))
        if name == "worker":
            (worker,) = system.workers
            worker.kill()
            worker.start()
        else:
            parts[name].kill()
        kills[name] += 1
        due = wall().timestamp() + chance.uniform(3, 9)

    return kill, kills


@pytest.mark.injects(1, 19)
@pytest.mark.timeout(1200)
def test_kills_of_every_part_lose_no_alert_and_resolve_none_that_is_bad(tmp_path: Path, fault: Fault) -> None:
    for part in ("prometheus", "alertmanager"):
        if reason := missing(part):
            pytest.skip(reason)
    scenario, seed = broadcast("disorder"), random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - needed to repeat a failure
    first = fullest(Oracle(scenario))
    with ExitStack() as stack:
        system, publisher = stack.enter_context(everything(tmp_path))
        settings, parts = stack.enter_context(watchers(system, tmp_path))
        sent, shift = present(scenario, first, first + WATCHED_SECONDS * SECOND)
        look, kills = killing(system, parts, random.Random(seed))
        Playing(sent, publisher, look).run(first + shift)
        assert min(kills.values()) > 3, kills
        fault.fired(kills["worker"], 1)
        fault.fired(kills.total() - kills["worker"], 19)
        must = lasting(sent, first + shift)
        begun = sum(each.start > first + shift for each in must.values())
        assert begun > 2
        until(lambda: not lost(must, list(inbox_log(settings).entries())), 120, "every alert in the inbox")
        log = list(inbox_log(settings).entries())
    print(f"{len(must)} alerts that lasted, {begun} begun meanwhile, kills {dict(kills)}")  # noqa: T201 - for the record
    check(sent, log)


def lasting(sent: Broadcast, begin: int) -> dict[Place, Stretch]:
    """The alerts that must be raised: bad for long enough, also counting up to the end, while parts were killed."""
    found = {place: stretches[-1] for place, stretches in Oracle(sent).exact(0).items() if place[0] in OF_FORCE}
    enough = LASTING_SECONDS * SECOND
    return {place: each for place, each in found.items() if each.end - max(each.start, begin) >= enough}


def place_of(each: Raised) -> Place:
    """The rule and the scope of an alert."""
    return each.rule, tuple(each.scope[name] for name in OF_FORCE[each.rule])


def raised(log: list[AnyEntry]) -> list[tuple[Place, int]]:
    """The alerts about the force's figures that the log says were raised, and when they began."""
    return [
        (place_of(each), microseconds(each.began.timestamp()))
        for each in log
        if isinstance(each, Raised) and each.rule in OF_FORCE
    ]


def lost(must: dict[Place, Stretch], log: list[AnyEntry]) -> list[Place]:
    """The alerts that are missing from the log."""
    found = raised(log)
    return [
        place
        for place, stretch in must.items()
        if not any(name == place and stretch.start - SECOND <= began <= stretch.end for name, began in found)
    ]


def check(sent: Broadcast, log: list[AnyEntry]) -> None:
    """No entry is in the log twice; no alert is active twice at once, without cause, or resolved while it is bad."""
    assert [name for name, count in Counter(each.id for each in log).items() if count > 1] == []
    oracle = Oracle(sent)
    expected = oracle.exact(0)
    places = {each.alert: place_of(each) for each in log if isinstance(each, Raised) and each.rule in OF_FORCE}
    active: set[Place] = set()
    for each in log:
        place = places.get(each.alert)
        if place and isinstance(each, Raised):
            assert place in expected, place
            assert place not in active, (place, each)
            active.add(place)
        elif place and isinstance(each, Ended):
            ended = microseconds(each.ended.timestamp())
            before = np.arange(ended - _JUST_SECONDS * SECOND, ended, SECOND)
            assert (oracle.judged[place].series.at(before) != BAD).any(), (place, each)
            active.remove(place)
