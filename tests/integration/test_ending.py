"""`bluelamp end`: a person ends a contact or incident by hand, and a real end that arrives later counts instead."""

from datetime import timedelta

from bluelamp.wiring.clock import wall
from facts.incident import IncidentClosed, IncidentOpened
from tests.integration.conftest import EMBEDDED, FORCE
from tests.integration.test_commands import command
from tests.support.system import System

pytestmark = EMBEDDED
_HOW = ("--reason", "not_recorded", "--role", "duty_inspector", "--force", FORCE)


def kinds(system: System) -> set[str]:
    """The kinds of what is open, of this incident."""
    reader = system.reader()
    found = {
        kind: [name for name, _ in reader.open_subjects(FORCE, kind)]
        for kind in ("incident_open", "incident_unattended")
    }
    return {kind for kind, names in found.items() if "i-7" in names}


def test_a_person_ends_an_incident_once(system: System) -> None:
    system.start_workers(1)
    opened = wall() - timedelta(hours=3)
    with system.publisher() as publisher:
        publisher.publish(IncidentOpened(fact_id="o", at=opened, grade="E", force=FORCE, subject_id="i-7"))
    system.settle()
    assert kinds(system) == {"incident_open", "incident_unattended"}

    unknown = command(system, "end", "incident", "i-8", *_HOW)
    assert (unknown.returncode, "No incident with this id is open" in unknown.stderr) == (2, True)
    ended = command(system, "end", "incident", "i-7", *_HOW)
    assert (ended.returncode, "Ended the incident i-7" in ended.stdout) == (0, True), ended.stderr
    system.settle()
    assert kinds(system) == set()
    assert command(system, "end", "incident", "i-7", *_HOW).returncode == 2

    with system.publisher() as publisher:
        closed = IncidentClosed(
            fact_id="c", at=opened + timedelta(hours=1), result="cancelled", force=FORCE, subject_id="i-7"
        )
        publisher.publish(closed)
    system.settle()
    explained = command(system, "explain", "incident_closed_count", "--window", "24h", "--force", FORCE)
    assert "i-7" in explained.stdout
