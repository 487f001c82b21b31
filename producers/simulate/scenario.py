"""Scenarios: what is out of the ordinary in a simulation, when, and what supervisors and inspectors should then see."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from importlib.resources import files
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.random import Generator

from facts.errors import SettingError
from facts.toml import TOMLDecodeError, read_toml
from producers.packaged import names_in
from producers.simulate.months import midnight
from producers.simulate.random_draws import Floats
from producers.strict import Strict

Touched = Literal[
    "emergency_calls", "triage_calls", "incidents", "custody", "call_takers", "units", "feed_silent", "feed_replayed"
]
NORMAL = "normal"
BACKLOG_SECONDS = 600.0
"""How long a feed takes, after a silence, to report everything it held back."""


class Effect(Strict, frozen=True, kw_only=True):
    """One thing that is out of the ordinary for some hours.

    Attributes:
        touches: what it affects: incoming calls or incidents, people on duty, or a feed.
        day: day of the scenario, counted from 0.
        hour: local hour at which it begins; may be a fraction.
        hours: how long it lasts, in hours.
        factor: multiple of the usual number; 0 for none. Not used for feeds.
        feed: name of the feed, if it affects one.
        grade: grade of the incidents it adds.
        group: group of the incidents it adds.
    """

    touches: Touched
    day: Annotated[int, Meta(ge=0)] = 0
    hour: Annotated[float, Meta(ge=0, lt=24)] = 0
    hours: Annotated[float, Meta(gt=0)]
    factor: Annotated[float, Meta(ge=0)] = 1
    feed: str | None = None
    grade: str = "1"
    group: str = "public_safety_welfare"


class Scenario(Strict, frozen=True, kw_only=True):
    """Some days on which something out of the ordinary happens.

    Attributes:
        name: name of the scenario, as in `--scenario`.
        title: title for people.
        start: first day, unless another is given.
        days: number of days.
        supervisor: what a contact-centre supervisor should see.
        inspector: what a duty inspector should see.
        effects: what is out of the ordinary.
        reporting: rates of late, duplicated and corrected facts that differ from the usual ones.
        poison_share: share of facts that are followed by an invalid copy, which must not be counted.
    """

    name: str
    title: str
    start: date
    days: Annotated[int, Meta(ge=1)]
    supervisor: tuple[str, ...]
    inspector: tuple[str, ...]
    effects: tuple[Effect, ...] = ()
    reporting: Mapping[str, float] = {}
    poison_share: Annotated[float, Meta(ge=0, le=1)] = 0


def scenario_names() -> tuple[str, ...]:
    """The names of the supplied scenarios."""
    return names_in("simulate/scenarios", ".toml")


def load_scenario(name: str) -> Scenario:
    """Load a supplied scenario.

    Raises:
        SettingError: no scenario has this name, or its file is invalid.
    """
    if name not in scenario_names():
        hint = f"Choose one of {', '.join(scenario_names())}."
        raise SettingError(f"There is no scenario {name!r}.", where="--scenario", hint=hint)
    return parse_scenario(files("producers.simulate").joinpath("scenarios", f"{name}.toml").read_text("utf-8"), name)


def parse_scenario(text: str, name: str) -> Scenario:
    """Read a scenario.

    Args:
        text: the file's content, in TOML.
        name: name of the scenario.

    Raises:
        SettingError: the scenario is invalid; the error says where.
    """
    try:
        return msgspec.convert({"name": name, **read_toml(text)}, Scenario)
    except (TOMLDecodeError, msgspec.ValidationError) as error:
        hint = "producers/simulate/scenario.py describes every key."
        raise SettingError(f"The scenario is invalid: {error}.", where=f"{name}.toml", hint=hint) from None


class Spell(Struct, frozen=True):
    """An effect with its start and end, in seconds since 1970."""

    effect: Effect
    start: float
    end: float


class Effects:
    """A scenario's effects, with their times.

    Args:
        scenario: the scenario.
        start: its first day.
        zone: the force's time zone.
    """

    def __init__(self, scenario: Scenario, start: date, zone: ZoneInfo) -> None:
        self.scenario = scenario
        self._spells: dict[str, list[Spell]] = {}
        for effect in scenario.effects:
            begins = midnight(start + timedelta(days=effect.day), zone) + effect.hour * 3600
            spell = Spell(effect, begins, begins + effect.hours * 3600)
            self._spells.setdefault(effect.touches, []).append(spell)

    def spells(self, touches: Touched) -> Sequence[Spell]:
        """The effects on one thing."""
        return self._spells.get(touches, ())

    def factor(self, touches: Touched, second: float) -> float:
        """The multiple of the usual number at a time in seconds since 1970."""
        factor = 1.0
        for spell in self.spells(touches):
            factor *= spell.effect.factor if spell.start <= second < spell.end else 1.0
        return factor

    def arrivals(self, touches: Touched, at: Floats, rng: Generator) -> Floats:
        """Arrivals, with those that effects add and without those that effects remove."""
        for spell in self.spells(touches):
            inside = (at >= spell.start) & (at < spell.end)
            factor, count = spell.effect.factor, int(inside.sum())
            if factor < 1:
                at = at[~inside | (rng.random(len(at)) < factor)]
            else:
                more = spell.start + rng.random(round((factor - 1) * count)) * (spell.end - spell.start)
                at = np.sort(np.round(np.concatenate([at, more]), 1))
        return at

    def delayed_until(self, feed: str, second: float) -> float | None:
        """When a feed sends a report that it could not send at the given time; None if the feed is not silent then."""
        return self._backlog("feed_silent", feed, second)

    def repeated_at(self, feed: str, second: float) -> float | None:
        """When a feed repeats a report of the given time; None if it does not."""
        return self._backlog("feed_replayed", feed, second)

    def has_backlog(self, feed: str, second: float) -> bool:
        """Whether a feed is silent or still catching up, so that it cannot send heartbeats."""
        return any(
            spell.effect.feed == feed and spell.start <= second <= spell.end + BACKLOG_SECONDS
            for spell in self.spells("feed_silent")
        )

    def _backlog(self, touches: Touched, feed: str, second: float) -> float | None:
        """When a feed sends a report again, or late: in order, within some minutes after a restart or a silence."""
        for spell in self.spells(touches):
            if spell.effect.feed == feed and spell.start <= second < spell.end:
                place = (second - spell.start) / (spell.end - spell.start)
                return spell.end + place * BACKLOG_SECONDS
        return None
