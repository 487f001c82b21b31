"""The simulate command: publish a simulated force, write it to a file, or compare it with the force's published figures."""

import gc
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from bluelamp.local.directory import SIMULATION
from bluelamp.local.older_history import fill, reach_of
from bluelamp.local.saved_simulation import PlannedSimulation, SavedSimulation, load_simulation, save_simulation
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
from producers.kafka import KafkaAddress
from producers.publish import PublisherSettings, connect
from producers.replay import Speed, parse_speed
from producers.simulate.parameters import packaged
from producers.simulate.planned import roster_lines
from producers.simulate.playing import SimulationProgress, play
from producers.simulate.scenario import NORMAL, load_scenario
from producers.simulate.simulation import Simulation
from streams.log import LogClient

_PUBLISHING = PublisherSettings(batch_facts=500)
"""Large batches for history; live facts go at once. Facts are not checked: a scenario's invalid facts must reach the log."""
_GC_THRESHOLDS = (200_000, 50, 100)
"""A month of facts stays in memory while it is published; with Python's defaults, scanning it took a fifth of the time."""
_SEED = 41
_SECONDS_BETWEEN_LINES = 5.0
_MONTH_DAYS = 30.44
_HISTORY_DAYS_MAX = 780
"""Older facts are too late to be counted: see docs/understand/semantics.md, section 1."""
_ROSTER_DAYS_BEFORE, _ROSTER_DAYS = 11, 108
"""Minutes, which a roster is compared with, are kept for ten days. A live simulation has a roster for three months."""
LIVE = "live"
RECENT_DAYS = 35
"""The history that a live simulation publishes before the present; older history is filled in behind it."""


def profile(forces: Mapping[str, Rules], name: str) -> Force:
    """The profile of the force to simulate.

    Raises:
        SettingError: no force has this name.
    """
    if name not in forces:
        hint = f"Choose one of {', '.join(forces)}."
        raise SettingError(f"There is no force {name!r}.", where="--force", hint=hint)
    return forces[name].force


def history_days(text: str) -> int:
    """The number of days in a length of history such as `35d` or `24mo`.

    Raises:
        SettingError: the text is not a length of history, or is too long.
    """
    for ending, days in (("mo", _MONTH_DAYS), ("d", 1.0)):
        number = text.removesuffix(ending)
        if (
            number != text
            and number.isdecimal()
            and len(number) <= len(str(_HISTORY_DAYS_MAX))
            and int(number) * days <= _HISTORY_DAYS_MAX
        ):
            return round(int(number) * days)
    hint = f"Give days, such as 35d, or months, such as 24mo; at most {_HISTORY_DAYS_MAX} days."
    raise SettingError(f"{text!r} is not a valid length of history.", where="--history", hint=hint)


def simulation_of(
    force: Force, seed: int | None, scenario: str, start: str | None, *, is_live: bool, history_days: int = 0
) -> Simulation:
    """The simulation that a person asked for.

    Args:
        force: the force's profile.
        seed: the random seed; None for the default.
        scenario: name of the scenario.
        start: first day, such as `2024-12-01`; by default the scenario's, or for a live simulation the start of its history.
        is_live: the simulation keeps up with the clock.
        history_days: days of history before today in a live simulation.

    Raises:
        SettingError: the scenario does not exist, or `start` is not a date.
    """
    chosen = load_scenario(scenario)
    today = wall().astimezone(force.zone()).date()
    first = today - timedelta(days=history_days) if is_live else chosen.start
    if start is not None:
        try:
            first = date.fromisoformat(start)
        except ValueError:
            hint = "Give a date such as 2024-12-01."
            raise SettingError(f"{start!r} is not a valid date.", where="--from", hint=hint) from None
    return Simulation(
        force=force, parameters=packaged(), scenario=chosen, seed=_SEED if seed is None else seed, start=first
    )


def restore(saved: SavedSimulation, forces: Mapping[str, Rules]) -> Simulation:
    """The simulation that was saved.

    Raises:
        SettingError: its force or its scenario no longer exists.
    """
    return Simulation(
        force=profile(forces, saved.force),
        parameters=packaged(),
        scenario=load_scenario(saved.scenario),
        seed=saved.seed,
        start=saved.start,
    )


def resume_or_save(
    path: Path, forces: Mapping[str, Rules], requested: Simulation, *, is_seed_given: bool
) -> Simulation:
    """The simulation saved in a file; if there is none yet, save the requested one and return it.

    Args:
        path: the file.
        forces: rules by force.
        requested: the simulation that was asked for.
        is_seed_given: a person chose the seed, so a saved simulation with another seed is refused.

    Raises:
        SettingError: the saved simulation has another force, scenario or seed than the requested one.
    """
    saved = load_simulation(path)
    if saved is None:
        save_simulation(path, saved_from(requested))
        return requested
    is_other = (saved.force, saved.scenario) != (requested.force.name, requested.scenario.name)
    restored = restore(saved, forces)
    if is_other or (is_seed_given and saved.seed != requested.seed):
        what = (
            f"This file holds another simulation (force {saved.force}, scenario {saved.scenario}, seed {saved.seed}): "
            "the facts of the two would be added together."
        )
        hint = "Resume that simulation, choose another directory with --data, or delete it with --fresh."
        raise SettingError(what, where=str(path), hint=hint)
    return restored


def saved_from(simulation: Simulation) -> SavedSimulation:
    """A simulation as it is saved before any of it is published."""
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
    """The simulation of a data directory: the saved one, or else a new one, live or of a scenario.

    Args:
        settings: give the directory and the force.
        seed: the seed of a new simulation; None for the default.
        history: how much history a new live simulation begins with, such as `35d`.
        scenario: name of the scenario; None for ordinary days up to now that then keep up with the clock.
        speed: speed of a scenario: `max`, or how many times faster than real time.
        fast_until: a local time in a scenario; everything before it is published at full speed.
        is_fresh: the directory's data will be deleted first.

    Raises:
        SettingError: the force, scenario, history or speed is not valid, or the directory holds another simulation.
    """
    forces = load_forces(settings)
    force, path = profile(forces, settings.force), (Path(settings.data) / SIMULATION).resolve()
    is_live = scenario is None
    days = history_days(history) if is_live else 0
    recent = min(days, RECENT_DAYS)
    chosen = simulation_of(force, seed, scenario or NORMAL, None, is_live=is_live, history_days=recent)
    older = chosen.start - timedelta(days=days - recent) if days > recent else None
    saved = None if is_fresh else load_simulation(path)
    if saved is not None:
        chosen = resume_or_save(path, forces, chosen, is_seed_given=seed is not None)
    chosen.check()
    pace = LIVE if is_live else speed
    arguments = ["--position", str(path), "--force", force.name, "--scenario", chosen.scenario.name, "--speed", pace]
    if fast_until and not is_live:
        local_time(fast_until, force)
        arguments += ["--fast-until", fast_until]
    if not is_live:
        parse_speed(speed)
    verb = "Resuming" if saved else "Starting"
    kind = "live simulation" if is_live else f"simulation of the scenario {chosen.scenario.title!r}"
    words = f"{verb} a {kind}: seed {chosen.seed}, from {chosen.start}. No figure is real."
    to_save = saved or replace(saved_from(chosen), history_from=older)
    behind = ("--position", str(path), "--force", force.name, "--older-history") if to_save.history_from else ()
    return PlannedSimulation(
        saved=to_save,
        arguments=tuple(arguments),
        older_arguments=behind,
        words=words,
        roster=_roster(chosen, is_live=is_live),
    )


def _roster(simulation: Simulation, *, is_live: bool) -> str:
    """The roster for the days that the board can show: those around today, or those of the scenario."""
    today = wall().astimezone(simulation.force.zone()).date()
    first = (today if is_live else simulation.start) - timedelta(days=_ROSTER_DAYS_BEFORE)
    days = _ROSTER_DAYS if is_live else simulation.scenario.days + 2 * _ROSTER_DAYS_BEFORE
    return "".join(f"{line}\n" for line in roster_lines(simulation.parameters, first, days))


def local_time(text: str, force: Force) -> datetime:
    """The time that a text such as `2024-12-01T09:00` names in a force's time zone."""
    return parse_instant(text, force.zone(), "--fast-until")


class Playing(Struct, frozen=True, kw_only=True):
    """How a simulation is published.

    Attributes:
        days: number of days; by default the scenario's length, or no limit for a live simulation.
        speed: `live`, `max`, or how many times faster than real time.
        fast_until: a local time; everything before it is published at full speed.
        position: the file that saves how much of it is in the log; None to publish all of it.
    """

    days: int | None = None
    speed: str = "max"
    fast_until: str | None = None
    position: Path | None = None


def run(
    kafka: KafkaAddress, partitions: int, simulation: Simulation, playing: Playing, say: Callable[[str], None]
) -> SimulationProgress:
    """Publish a simulation. Ctrl-C or SIGTERM stops it and flushes what was published.

    Args:
        kafka: Kafka's addresses, and how to connect.
        partitions: number of partitions of a topic that must be created.
        simulation: the simulation.
        playing: how to publish it.
        say: prints the progress every few seconds.

    Raises:
        PartMissingError: Kafka does not answer.
        SettingError: the speed is not valid.
    """
    gc.set_threshold(*_GC_THRESHOLDS)
    pace: Speed | Literal["live"] = "live" if playing.speed == LIVE else parse_speed(playing.speed)
    length = playing.days if playing.days is not None or pace == "live" else simulation.scenario.days
    saved = load_simulation(playing.position) if playing.position else None
    stop = stopping()
    with LogClient(kafka) as log:
        log.ensure_topics(partitions)
    with connect(kafka, _PUBLISHING, now=wall, monotonic=time.monotonic) as publisher:
        return play(
            simulation,
            publisher,
            speed=pace,
            until=None if length is None else simulation.end_of(length),
            now=wall,
            monotonic=time.monotonic,
            wait=stop.wait,
            since=saved.published_until.timestamp() if saved and saved.published_until else None,
            fast_until=local_time(playing.fast_until, simulation.force) if playing.fast_until else None,
            on_progress=_ProgressSaver(simulation, saved or saved_from(simulation), playing.position, say),
            history=lambda: reach_of(saved, playing.position, simulation.force) if saved and playing.position else None,
        )


def fill_older(settings: Settings, simulation: Simulation, position: Path | None, say: Callable[[str], None]) -> None:
    """Fill in the older history of a live simulation that another process publishes.

    Raises:
        SettingError: no simulation with older history is saved there.
        PartMissingError: Kafka does not answer.
    """
    saved = load_simulation(position) if position else None
    if position is None or saved is None or saved.history_from is None:
        hint = "`bluelamp up --history 24mo` saves one in its data directory: name that file with --position."
        raise SettingError("No simulation with older history is saved there.", where="--older-history", hint=hint)
    gc.set_threshold(*_GC_THRESHOLDS)
    fill(settings, simulation, position, saved.history_from, say)


class _ProgressSaver:
    """Saves how much of a simulation is in the log, and prints it every few seconds."""

    def __init__(
        self, simulation: Simulation, saved: SavedSimulation, path: Path | None, say: Callable[[str], None]
    ) -> None:
        self._zone, self._say = simulation.force.zone(), say
        self._saved, self._path = saved, path
        self._printed_at = time.monotonic()

    def __call__(self, played: SimulationProgress) -> None:
        if self._path:
            save_simulation(self._path, replace(self._saved, published_until=played.published_until))
        if time.monotonic() - self._printed_at >= _SECONDS_BETWEEN_LINES:
            self._printed_at = time.monotonic()
            self._say(
                f"{played.facts:,} facts published, up to {played.published_until.astimezone(self._zone):%Y-%m-%d %H:%M}"
            )


def write(simulation: Simulation, days: int | None, path: Path) -> int:
    """Write a simulation's facts as JSON lines, in the order they are reported. The same simulation gives the same bytes.

    Returns:
        The number of facts written.

    Raises:
        SettingError: the file cannot be written.
    """
    end, count = simulation.end_of(days or simulation.scenario.days), 0
    try:
        with path.open("wb") as lines:
            for reported in simulation.reported_before(end):
                lines.write(wire.encode([reported.fact]) + b"\n")
                count += 1
    except OSError as error:
        hint = "Choose a file that can be written."
        raise SettingError(f"The file cannot be written: {error.strerror}.", where=str(path), hint=hint) from None
    return count


def calibration(force: Force, seed: int | None, *, since: date | None = None) -> list[CalibrationResult]:
    """Compare the published figures with those of a simulated force, recounted from its facts.

    Args:
        force: the profile; its parameters must be those of the report's force.
        seed: the simulation's seed.
        since: leave out periods that begin before this date; by default all are compared.
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
    reported = simulation.reported_before(last_day(chosen).timestamp())
    with from_records(records(reported), [force]) as recount:
        return calibrate(recount, force.name, chosen)


def calibration_line(found: CalibrationResult) -> str:
    """One row of the calibration, as one line of text."""
    row = found.row
    simulated = "nothing" if found.simulated is None else f"{found.simulated:.6g}"
    difference = "" if found.difference is None else f"{found.difference * 100:+.2f} {_units(row.kind)}"
    verdict = "within tolerance" if found.is_near else "OUTSIDE"
    if row.contradiction:
        verdict = f"not compared ({row.contradiction})"
    parts = (
        row.measure,
        row.where,
        row.period,
        f"published {row.published}",
        f"= {row.value:.6g}",
        f"simulated {simulated}",
        f"n {found.n:,}",
        difference,
        f"tolerance {row.tolerance * 100:g} {_units(row.kind)}",
        verdict,
    )
    return "  ".join(part for part in parts if part)


def _units(kind: str) -> str:
    return "%" if kind == "relative" else "points"


def failures(found: list[CalibrationResult]) -> list[CalibrationResult]:
    """The rows outside their tolerance, except where the published report contradicts itself."""
    return [each for each in found if not each.is_near and not each.row.contradiction]
