"""The simulate command: a simulated force played into the log, written to a file, or held against the published figures."""

import gc
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from bluelamp.local.directory import SIMULATION
from bluelamp.local.saved_simulation import PlannedSimulation, SavedSimulation, load_kept, save_kept
from bluelamp.recount.load import from_records
from bluelamp.verify.calibration import CalibrationResult, calibrate, last_day, records, rows
from bluelamp.wiring.arguments import parse_instant
from bluelamp.wiring.clock import wall
from bluelamp.wiring.settings import Settings, load_forces
from bluelamp.wiring.stopping import stopping
from facts import wire
from facts.errors import SettingError
from facts.force import Force
from measures.rules import Rules
from producers.publish import PublisherSettings, connect
from producers.replay import Speed, parse_speed
from producers.simulate.parameters import packaged
from producers.simulate.playing import SimulationProgress, play
from producers.simulate.scenario import NORMAL, load_scenario
from producers.simulate.simulation import Simulation
from streams.log import LogClient

_PARCELS = PublisherSettings(parcel_facts=500)
"""Large parcels while history is told, and at once what is live; poison is meant to reach the log."""
_COLLECTED_EVERY = (200_000, 50, 100)
"""A month of a simulation stays alive while it is told: looking through all of it at every turn took a fifth of the time."""
_SEED = 41
_SECONDS_BETWEEN_LINES = 5.0
_MONTH_DAYS = 30.44
_HISTORY_DAYS_MAX = 780
"""What is older is too late for the state: semantics section 1."""
LIVE = "live"


def profile(forces: Mapping[str, Rules], name: str) -> Force:
    """The profile of the force that is simulated.

    Raises:
        SettingError: there is none of this name.
    """
    if name not in forces:
        hint = f"There are {', '.join(forces)}."
        raise SettingError(f"There is no force {name!r}.", where="--force", hint=hint)
    return forces[name].force


def history_days(text: str) -> int:
    """How long a history is, as a person writes it: `35d`, or `24mo`.

    Raises:
        SettingError: it is neither.
    """
    for ending, days in (("mo", _MONTH_DAYS), ("d", 1.0)):
        number = text.removesuffix(ending)
        if number != text and number.isdecimal() and int(number) * days <= _HISTORY_DAYS_MAX:
            return round(int(number) * days)
    hint = f"Give days, such as 35d, or months, such as 24mo; at most {_HISTORY_DAYS_MAX} days."
    raise SettingError(f"{text!r} is no length of a history.", where="--history", hint=hint)


def simulation_of(
    force: Force, seed: int | None, scenario: str, start: str | None, *, is_live: bool, history_days: int = 0
) -> Simulation:
    """What is asked for.

    Args:
        force: whose simulation.
        seed: of its randomness; None for the usual one.
        scenario: by name.
        start: the first day as `2024-12-01`; by default that of the scenario, or today when it is live.
        is_live: it goes on with the clock.
        history_days: how many days before today a live one begins.

    Raises:
        SettingError: there is no such scenario, or that is no day.
    """
    chosen = load_scenario(scenario)
    today = wall().astimezone(force.zone()).date()
    first = today - timedelta(days=history_days) if is_live else chosen.start
    if start is not None:
        try:
            first = date.fromisoformat(start)
        except ValueError:
            hint = "Give a day such as 2024-12-01."
            raise SettingError(f"{start!r} is not a day.", where="--from", hint=hint) from None
    return Simulation(
        force=force, parameters=packaged(), scenario=chosen, seed=_SEED if seed is None else seed, start=first
    )


def again(kept: SavedSimulation, forces: Mapping[str, Rules]) -> Simulation:
    """The simulation that was kept.

    Raises:
        SettingError: its force or its scenario is gone.
    """
    return Simulation(
        force=profile(forces, kept.force),
        parameters=packaged(),
        scenario=load_scenario(kept.scenario),
        seed=kept.seed,
        start=kept.start,
    )


def going_on(path: Path, forces: Mapping[str, Rules], asked: Simulation, *, is_seed_given: bool) -> Simulation:
    """The simulation that a file keeps, or what is asked for, which it then keeps.

    Args:
        path: the file.
        forces: rules by force.
        asked: for the case that there is none yet.
        is_seed_given: a person named the seed, so that another one may not be gone on with.

    Raises:
        SettingError: the file keeps another force, scenario or seed than is asked for.
    """
    kept = load_kept(path)
    if kept is None:
        save_kept(path, kept_of(asked))
        return asked
    found = again(kept, forces)
    is_other = (kept.force, kept.scenario) != (asked.force.name, asked.scenario.name)
    if is_other or (is_seed_given and kept.seed != asked.seed):
        what = f"It holds the simulation of {kept.force}, scenario {kept.scenario}, seed {kept.seed}: another would add up with it."
        hint = "Go on with that one, name another directory with --data, or say --fresh to forget it."
        raise SettingError(what, where=str(path), hint=hint)
    return found


def kept_of(simulation: Simulation) -> SavedSimulation:
    """A simulation as it is kept, before it is told."""
    return SavedSimulation(
        force=simulation.force.name,
        seed=simulation.seed,
        scenario=simulation.scenario.name,
        start=simulation.start,
    )


def plan(
    settings: Settings,
    *,
    seed: int | None,
    history: str,
    scenario: str | None,
    speed: str,
    fast_until: str | None,
    is_fresh: bool,
) -> PlannedSimulation:
    """The simulation of a directory: the one it holds, or a new one - a history that goes on live, or a scenario.

    Args:
        settings: name the directory and the force.
        seed: of a new one; None for the usual one.
        history: how long a history a new one begins with, such as `35d`.
        scenario: by name, played at a speed; None for ordinary days up to now, and on with the clock.
        speed: of a scenario: `max`, or times real time.
        fast_until: of a scenario: a local time; what is told before it is told as fast as it goes.
        is_fresh: what the directory holds will be forgotten.

    Raises:
        SettingError: there is no such force, scenario, history or speed, or the directory holds another simulation.
    """
    forces = load_forces(settings)
    force, path = profile(forces, settings.force), (Path(settings.data) / SIMULATION).resolve()
    is_live = scenario is None
    days = history_days(history) if is_live else 0
    asked = simulation_of(force, seed, scenario or NORMAL, None, is_live=is_live, history_days=days)
    kept = None if is_fresh else load_kept(path)
    if kept is not None:
        asked = going_on(path, forces, asked, is_seed_given=seed is not None)
    asked.check()
    pace = LIVE if is_live else speed
    arguments = ["--position", str(path), "--force", force.name, "--scenario", asked.scenario.name, "--speed", pace]
    if fast_until and not is_live:
        moment_of(fast_until, force)
        arguments += ["--fast-until", fast_until]
    if not is_live:
        parse_speed(speed)
    begun = "goes on" if kept else "begins"
    rest = "and on with the clock" if is_live else f"the scenario {asked.scenario.title!r}"
    words = f"A simulation {begun}: seed {asked.seed}, from {asked.start} {rest}. No figure is real."
    return PlannedSimulation(kept=kept or kept_of(asked), arguments=tuple(arguments), words=words)


def moment_of(text: str, force: Force) -> datetime:
    """A local time of a force, as a person writes it."""
    return parse_instant(text, force.zone())


class Playing(Struct, frozen=True, kw_only=True):
    """How a simulation is played.

    Attributes:
        days: how many; by default those of the scenario, or no end when it is live.
        speed: `live`, `max`, or times real time.
        fast_until: a local time; what is told before it is told as fast as it goes.
        position: the file that keeps how far the log has it; None for telling all of it.
    """

    days: int | None = None
    speed: str = "max"
    fast_until: str | None = None
    position: Path | None = None


def run(
    bootstrap: str, partitions: int, simulation: Simulation, playing: Playing, say: Callable[[str], None]
) -> SimulationProgress:
    """Play a simulation into the log; Ctrl-C and SIGTERM stop it with everything flushed.

    Args:
        bootstrap: addresses of Kafka.
        partitions: of a topic that must be created.
        simulation: what is played.
        playing: how.
        say: is told now and then how far it has come.

    Raises:
        PartMissingError: Kafka does not answer.
        SettingError: the speed is none.
    """
    gc.set_threshold(*_COLLECTED_EVERY)
    pace: Speed | Literal["live"] = "live" if playing.speed == LIVE else parse_speed(playing.speed)
    length = playing.days if playing.days is not None or pace == "live" else simulation.scenario.days
    kept = load_kept(playing.position) if playing.position else None
    told_to_stop = stopping()
    with LogClient(bootstrap) as log:
        log.ensure_topics(partitions)
    with connect(bootstrap, _PARCELS, now=wall, monotonic=time.monotonic) as publisher:
        return play(
            simulation,
            publisher,
            speed=pace,
            until=None if length is None else simulation.end_of(length),
            now=wall,
            monotonic=time.monotonic,
            wait=told_to_stop.wait,
            since=kept.told_to.timestamp() if kept and kept.told_to else None,
            fast_until=moment_of(playing.fast_until, simulation.force) if playing.fast_until else None,
            keep=_Keeping(simulation, playing.position, say),
        )


class _Keeping:
    """Keeps how far the log has a simulation, and says so every few seconds."""

    def __init__(self, simulation: Simulation, path: Path | None, say: Callable[[str], None]) -> None:
        self._zone, self._say = simulation.force.zone(), say
        self._kept, self._path = kept_of(simulation), path
        self._said_at = time.monotonic()

    def __call__(self, played: SimulationProgress) -> None:
        if self._path:
            save_kept(self._path, replace(self._kept, told_to=played.told_to))
        if time.monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            self._say(f"{played.facts:,} facts told, up to {played.told_to.astimezone(self._zone):%Y-%m-%d %H:%M}")


def write(simulation: Simulation, days: int | None, path: Path) -> int:
    """Write a simulation's facts as JSON lines, in order of telling: the same simulation gives the same bytes.

    Returns:
        how many.

    Raises:
        SettingError: the file cannot be written.
    """
    end, count = simulation.end_of(days or simulation.scenario.days), 0
    try:
        with path.open("wb") as lines:
            for told in simulation.told_before(end):
                lines.write(wire.encode([told.fact]) + b"\n")
                count += 1
    except OSError as error:
        hint = "Name a file that can be written."
        raise SettingError(f"The file cannot be written: {error.strerror}.", where=str(path), hint=hint) from None
    return count


def calibration(force: Force, seed: int | None, *, since: date | None = None) -> list[CalibrationResult]:
    """The published figures beside those of a simulated force, recounted from its facts.

    Args:
        force: the profile; its parameters must be those of the report's force.
        seed: of the simulation.
        since: leave out the periods that begin before; all are taken by default.
    """
    chosen = [row for row in rows() if since is None or row.period[:10] >= since.isoformat()]
    start = date.fromisoformat(min(row.period[:10] for row in chosen))
    simulation = Simulation(
        force=force,
        parameters=packaged(),
        scenario=load_scenario(NORMAL),
        seed=_SEED if seed is None else seed,
        start=start,
    )
    told = simulation.told_before(last_day(chosen).timestamp())
    with from_records(records(told), [force]) as recount:
        return calibrate(recount, force.name, chosen)


def line(found: CalibrationResult) -> str:
    """One row of the calibration as people read it."""
    row = found.row
    simulated = "nothing" if found.simulated is None else f"{found.simulated:.6g}"
    difference = "" if found.difference is None else f"{found.difference * 100:+.2f} {_units(row.kind)}"
    verdict = f"not followed ({row.contradiction})" if row.contradiction else "near" if found.is_near else "OFF"
    parts = (
        row.measure,
        row.where,
        row.period,
        f"published {row.published}",
        f"= {row.value:.6g}",
        f"simulated {simulated}",
        f"n {found.n:,}",
        difference,
        f"allowed {row.tolerance * 100:g} {_units(row.kind)}",
        verdict,
    )
    return "  ".join(part for part in parts if part)


def _units(kind: str) -> str:
    return "%" if kind == "relative" else "points"


def failures(found: list[CalibrationResult]) -> list[CalibrationResult]:
    """The rows that are off; those that the report itself contradicts are not among them."""
    return [each for each in found if not each.is_near and not each.row.contradiction]
