"""`make periods` writes the table of what the simulated force had in the published periods."""

import csv
import sys
from datetime import date
from hashlib import sha256
from pathlib import Path

import msgspec

from bluelamp.local.simulation import calibration, calibration_line, failures
from bluelamp.verify.calibration import CalibrationResult
from bluelamp.wiring.settings import Settings, load_forces
from facts import wire
from facts.force import Force
from producers.simulate import simulated_periods
from producers.simulate.parameters import packaged
from producers.simulate.scenario import NORMAL, load_scenario
from producers.simulate.simulated_periods import FORCE, SEED, SimulatedFigure
from producers.simulate.simulation import Simulation

TABLE = Path(simulated_periods.__file__).with_suffix(".csv")
DIGEST = Path(__file__).with_suffix(".json")
_START = date(2023, 1, 1)


def main() -> None:
    """Simulate the published periods, recount their figures, and write the table and its digest.

    Exits with 1, and writes nothing, if a figure is outside its tolerance.
    """
    force = load_forces(Settings())[FORCE].force
    found = calibration(force, SEED)
    if off := failures(found):
        sys.exit("\n".join(calibration_line(each) for each in off))
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(SimulatedFigure.__struct_fields__)
        table.writerows(dict.fromkeys(_line(each) for each in found if each.row.kind != "change"))
    DIGEST.write_text(f'{{"sha256": "{simulation_digest(force)}"}}\n', encoding="utf-8")


def simulation_digest(force: Force) -> str:
    """A digest of the simulation: of its parameters, and of the facts of its first day.

    The table takes minutes to calculate and this a second, so a changed digest shows that the table is out of date.
    A change that shows only after the first day goes unseen here; `make faults` calculates the table again.
    """
    parameters = packaged(FORCE)
    simulation = Simulation(force=force, parameters=parameters, scenario=load_scenario(NORMAL), seed=SEED, start=_START)
    found = sha256(msgspec.json.encode(parameters))
    for reported in simulation.reported_before(simulation.end_of(1)):
        found.update(wire.encode([reported.fact]))
    return found.hexdigest()


def table_digest() -> str:
    """The digest of the simulation from which the table was calculated."""
    return str(msgspec.json.decode(DIGEST.read_bytes())["sha256"])


def _line(found: CalibrationResult) -> tuple[str, str, str, str, int]:
    row = found.row
    return row.measure, row.where, row.period, f"{found.simulated:.10g}", found.n


if __name__ == "__main__":
    main()
