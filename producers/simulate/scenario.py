"""Scenarios as data: what is out of the ordinary, when, and what a supervisor and an inspector should then see."""

import tomllib
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
from producers.simulate.months import midnight
from producers.simulate.random_draws import Floats

Touched = Literal[
    "emergency_calls", "triage_calls", "incidents", "custody", "call_takers", "units", "feed_silent", "feed_replayed"
]
NORMAL = "normal"
BACKLOG_SECONDS = 600.0
"""So soon after its silence a feed has told everything."""


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a scenario; unknown keys are refused, so that a misspelt one is reported and not ignored."""


class Effect(_Part, frozen=True, kw_only=True):
    """One thing that is out of the ordinary for some hours.

    Attributes:
        touches: calls and incidents that come in, people on duty, or a feed.
        day: counted from the first day of the scenario, which is 0.
        hour: local, and may be a fraction.
        hours: how long it lasts.
        factor: how many times the ordinary; 0 for none. Feeds take no notice.
        feed: for feeds, which one.
        grade: for incidents, that of those that come on top.
        group: likewise.
    """

    touches: Touched
    day: Annotated[int, Meta(ge=0)] = 0
    hour: Annotated[float, Meta(ge=0, lt=24)] = 0
    hours: Annotated[float, Meta(gt=0)]
    factor: Annotated[float, Meta(ge=0)] = 1
    feed: str | None = None
    grade: str = "1"
    group: str = "public_safety_welfare"


class Scenario(_Part, frozen=True, kw_only=True):
    """A stretch of days with something to see.

    Attributes:
        name: as it is asked for.
        title: as people read it.
        start: its first day, unless another is asked for.
        days: how many.
        supervisor: what a contact-centre supervisor should see.
        inspector: what a duty inspector should see.
        effects: what is out of the ordinary.
        reporting: rates of late, duplicated and corrected facts that differ from the ordinary ones.
        poison_share: of facts beside which one is told that nobody can read or may count.
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
    """The scenarios that come with the project."""
    found = (each.name for each in files("producers.simulate").joinpath("scenarios").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def load_scenario(name: str) -> Scenario:
    """A scenario that comes with the project.

    Raises:
        SettingError: there is none of this name, or its file has a fault.
    """
    if name not in scenario_names():
        known = ", ".join(scenario_names())
        raise SettingError(f"There is no scenario {name!r}.", where="--scenario", hint=f"There are {known}.")
    return parse_scenario(files("producers.simulate").joinpath("scenarios", f"{name}.toml").read_text("utf-8"), name)


def parse_scenario(text: str, name: str) -> Scenario:
    """Read a scenario.

    Args:
        text: the file, in TOML.
        name: of the scenario.

    Raises:
        SettingError: with the place of the fault.
    """
    try:
        return msgspec.convert({"name": name, **tomllib.loads(text)}, Scenario)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        hint = "producers/simulate/scenario.py says what each key may hold."
        raise SettingError(f"This is no scenario: {error}.", where=f"{name}.toml", hint=hint) from None


class Spell(Struct, frozen=True):
    """An effect at its place in time, in seconds since 1970."""

    effect: Effect
    start: float
    end: float


class Effects:
    """A scenario's effects at their places in time.

    Args:
        scenario: whose.
        start: the first day.
        zone: of the force.
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
        """How many times the ordinary there is of something at an instant."""
        found = 1.0
        for spell in self.spells(touches):
            found *= spell.effect.factor if spell.start <= second < spell.end else 1.0
        return found

    def arrivals(self, touches: Touched, at: Floats, rng: Generator) -> Floats:
        """Arrivals with those that an effect adds, and without those that it takes away."""
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
        """When a feed that is silent at an instant tells what it has to tell then; None when it speaks."""
        return self._backlog("feed_silent", feed, second)

    def repeated_at(self, feed: str, second: float) -> float | None:
        """When what a feed tells at an instant will be told again; None when it will not."""
        return self._backlog("feed_replayed", feed, second)

    def has_backlog(self, feed: str, second: float) -> bool:
        """A feed is silent, or has not yet told all that it kept back: it can say nothing of being complete."""
        return any(
            spell.effect.feed == feed and spell.start <= second <= spell.end + BACKLOG_SECONDS
            for spell in self.spells("feed_silent")
        )

    def _backlog(self, touches: Touched, feed: str, second: float) -> float | None:
        """After a silence, or a restart, a feed tells what there is in its order, within some minutes."""
        for spell in self.spells(touches):
            if spell.effect.feed == feed and spell.start <= second < spell.end:
                place = (second - spell.start) / (spell.end - spell.start)
                return spell.end + place * BACKLOG_SECONDS
        return None
