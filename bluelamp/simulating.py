"""The simulate command: a simulated force played into the log, written to a file, or held against the published figures."""

import signal
import threading
import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from bluelamp.calibration import Found, calibrate, last_day, records, rows
from bluelamp.clock import wall
from bluelamp.recount.load import from_records
from bluelamp.settings import Settings, load_forces
from facts import wire
from facts.errors import SettingError
from facts.force import Force
from measures.rules import Rules
from producers.publish import PublisherSettings, connect
from producers.replay import Speed, parse_speed
from producers.simulate.parameters import packaged
from producers.simulate.playing import Played, play
from producers.simulate.scenario import NORMAL, load_scenario
from producers.simulate.simulation import Simulation
from streams.log import Log

_PARCELS = PublisherSettings(parcel_facts=500)
"""Large parcels while history is told, and at once what is live; poison is meant to reach the log."""
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


def live_arguments(settings: Settings, history: str, seed: int | None) -> tuple[str, ...]:
    """The arguments of a `bluelamp simulate` that tells a history and goes on with the clock.

    The first day is named, so that one that is started again tells the same simulation.

    Raises:
        SettingError: that is no length of a history, or there is no such force.
    """
    force = profile(load_forces(settings), settings.force)
    chosen = simulation_of(force, seed, NORMAL, None, is_live=True, history_days=history_days(history))
    return ("--speed", LIVE, "--from", chosen.start.isoformat(), "--seed", str(chosen.seed), "--force", force.name)


def run(
    bootstrap: str, partitions: int, simulation: Simulation, days: int | None, speed: str, say: Callable[[str], None]
) -> Played:
    """Play a simulation into the log; Ctrl-C and SIGTERM stop it with everything flushed.

    Args:
        bootstrap: addresses of Kafka.
        partitions: of a topic that must be created.
        simulation: what is played.
        days: how many; by default those of the scenario, or no end when it is live.
        speed: `live`, `max`, or times real time.
        say: is told now and then how far it has come.

    Raises:
        PartMissingError: Kafka does not answer.
        SettingError: the speed is none.
    """
    pace: Speed | Literal["live"] = "live" if speed == LIVE else parse_speed(speed)
    length = days if days is not None or pace == "live" else simulation.scenario.days
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with Log(bootstrap) as log:
        log.ensure_topics(partitions)
    with connect(bootstrap, _PARCELS, now=wall, monotonic=time.monotonic) as publisher:
        return play(
            simulation,
            publisher,
            speed=pace,
            until=None if length is None else simulation.end_of(length),
            now=wall,
            monotonic=time.monotonic,
            wait=stopping.wait,
            progress=_Lines(simulation, say),
        )


class _Lines:
    """A line of progress every few seconds, while history is told."""

    def __init__(self, simulation: Simulation, say: Callable[[str], None]) -> None:
        self._zone, self._say = simulation.force.zone(), say
        self._said_at = time.monotonic()

    def __call__(self, played: Played) -> None:
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


def calibration(force: Force, seed: int | None, *, since: date | None = None) -> list[Found]:
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


def line(found: Found) -> str:
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


def failures(found: list[Found]) -> list[Found]:
    """The rows that are off; those that the report itself contradicts are not among them."""
    return [each for each in found if not each.is_near and not each.row.contradiction]
