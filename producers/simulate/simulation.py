"""The simulation of a force from a first day onwards, as facts in the order they are reported."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Struct
from simpy import Environment

from facts.errors import SettingError
from facts.fact import SubjectFact
from facts.force import Force
from facts.union import Topic
from producers.simulate.contacts import Contacts, Feeds
from producers.simulate.custody import CustodyRecord
from producers.simulate.incidents import Incidents
from producers.simulate.ledger import Ledger
from producers.simulate.months import Month, midnight, month_at
from producers.simulate.occurrences import Ledgers, Records
from producers.simulate.parameters import Parameters, Reporting
from producers.simulate.reporting import ReportedFact, Reporter
from producers.simulate.scenario import NORMAL, Effects, Scenario

_EARLIEST, _LATEST = date(2000, 1, 1), date(2090, 1, 1)


class Simulation(Struct, frozen=True, kw_only=True):
    """A simulation. The same simulation gives the same facts, byte for byte, however long it runs.

    It begins `warm_up_days` before the first day, with empty queues, and reports nothing about contacts, incidents and
    detentions that began before the first day.

    Attributes:
        force: the force's profile.
        parameters: the force's parameters.
        scenario: the scenario.
        seed: the random seed.
        start: first local day.
    """

    force: Force
    parameters: Parameters
    scenario: Scenario
    seed: int
    start: date

    def effects(self) -> Effects:
        """The scenario's effects, with their times."""
        return Effects(self.scenario, self.start, self.force.zone())

    def reporting(self) -> Reporting:
        """The rates of late, duplicated and corrected facts: the scenario's, or else the usual ones."""
        return msgspec.structs.replace(self.parameters.reporting, **self.scenario.reporting)

    def tag(self) -> str:
        """The prefix of every id, which differs between seeds and between scenarios."""
        return f"s{self.seed}-" if self.scenario.name == NORMAL else f"s{self.seed}-{self.scenario.name}-"

    def check(self) -> None:
        """Check that the simulation can run.

        Raises:
            SettingError: the parameters are for another force, or the first day is out of range.
        """
        if self.parameters.force != self.force.name:
            hint = f"Simulate {self.parameters.force}, or use --feeds-only. docs/feed/simulator.md explains the parameters."
            raise SettingError(f"There are no parameters for {self.force.name}.", where="--force", hint=hint)
        if not _EARLIEST <= self.start <= _LATEST:
            hint = f"Give a date from {_EARLIEST} to {_LATEST}."
            raise SettingError(f"{self.start} cannot be simulated.", where="--from", hint=hint)

    def reported(self) -> Iterator[ReportedFact]:
        """Every report, in order and without end; each day is simulated once the day before is used up.

        Raises:
            SettingError: the simulation cannot run: see `check`.
        """
        self.check()
        for day in _Days(self).days():
            yield from day

    def reported_before(self, second: float) -> Iterator[ReportedFact]:
        """The reports made before a time in seconds since 1970."""
        for reported in self.reported():
            if reported.at >= second:
                return
            yield reported

    def subjects_before(self, end: date) -> list[list[ReportedFact]]:
        """Everything that begins from the first day and before a local day, with all that follows from it, however late.

        This simulation and one that starts on that day share no subject, and together have those of a longer simulation.

        Returns:
            The reports of each subject in order; subjects in the order of their first reports.

        Raises:
            SettingError: the simulation cannot run: see `check`.
        """
        self.check()
        subjects: dict[tuple[Topic, str], list[ReportedFact]] = {}
        for day in _Days(self).days(end):
            for reported in day:
                if isinstance(reported.fact, SubjectFact):
                    subjects.setdefault((reported.topic, reported.fact.subject_id), []).append(reported)
        return list(subjects.values())

    def end_of(self, days: int) -> float:
        """The end of the simulation's first days, in seconds since 1970."""
        return midnight(self.start + timedelta(days=days), self.force.zone())


class _Days:
    """Runs the parts of a simulation, a local day at a time.

    Args:
        simulation: the simulation.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation, self._zone = simulation, simulation.force.zone()
        parameters, effects = simulation.parameters, simulation.effects()
        self._first = simulation.start - timedelta(days=parameters.warm_up_days)
        self._environment = Environment(initial_time=midnight(self._first, self._zone))
        self._ledger = Ledger()
        ledgers = Ledgers(self._ledger, parties=Ledger(), counted=Ledger(), contracts=Ledger())
        takers = Ledger()
        feeds, tag, seed = feeds_of(simulation.force), simulation.tag(), simulation.seed
        common: tuple[Any, ...] = (self._ledger, seed, tag)
        of_contacts = Feeds(
            feeds["contacts", "999"], feeds["contacts", "101"], feeds["contacts", "digital"], feeds["call_takers", ""]
        )
        self._contacts = contacts = Contacts(
            self._environment, parameters, effects, of_contacts, self._ledger, seed, tag, takers
        )
        incidents = Incidents(self._environment, parameters, effects, feeds["incidents", ""], *common)
        custody = CustodyRecord(parameters, feeds["custody", ""], *common)
        records = Records(parameters, feeds["occurrences", ""], ledgers, seed, tag)
        self._processes: tuple[Callable[[Month], Iterable[Any]], ...] = (contacts.month, incidents.month)
        self._drawn: tuple[Callable[[Month], None], ...] = (custody.month, records.month)
        # Each ledger has its own reporter, so that facts added to one do not change how another is reported.
        names = (
            "reporting",
            "reporting of parties",
            "reporting of counts",
            "reporting of contracts",
            "reporting of call takers",
        )
        self._reporters = tuple(
            (ledger, Reporter(simulation.reporting(), effects, seed, name))
            for ledger, name in zip((*ledgers, takers), names, strict=True)
        )

    def days(self, end: date | None = None) -> Iterator[Sequence[ReportedFact]]:
        """The reports of each day, from the first day.

        Args:
            end: report only what began before this local day, and stop once all of that is reported; None for no end.
        """
        began_before, own = set[str](), set[str]()
        day, last_month = self._first, None
        while end is None or day < end or not self._is_over():
            month = month_at(midnight(day, self._zone), self._zone)
            if month is not last_month and (end is None or day < end):
                self._begin(month)
                last_month = month
            if day == self._simulation.start:
                self._contacts.sign_on_again()
            if day == end:
                self._contacts.sign_everybody_off()
            day += timedelta(days=1)
            second = midnight(day, self._zone)
            self._environment.run(until=second)
            removed = [(reporter, ledger.remove_before(second)) for ledger, reporter in self._reporters]
            if day <= self._simulation.start:
                facts = (fact for _, happened in removed for *_, fact in happened)
                began_before.update(fact.subject_id for fact in facts if isinstance(fact, SubjectFact))
                continue
            reported: list[ReportedFact] = []
            for reporter, happened in removed:
                new = [each for each in happened if each[3].subject_id not in began_before]  # type: ignore[union-attr]
                if end is not None and day <= end:
                    own.update(each[3].subject_id for each in new)  # type: ignore[union-attr]
                elif end is not None:
                    new = [each for each in new if each[3].subject_id in own]  # type: ignore[union-attr]
                reported += reporter.report(new, second)
            yield sorted(reported, key=_reported_at)

    def _is_over(self) -> bool:
        """Whether everything that will follow has been reported; the last to follow are closures, months after everything else."""
        return all(ledger.is_empty() and reporter.is_idle() for ledger, reporter in self._reporters)

    def _begin(self, month: Month) -> None:
        for process in (process for processes in self._processes for process in processes(month)):
            self._environment.process(process)
        for draw in self._drawn:
            draw(month)


_reported_at = attrgetter("at")


def feeds_of(force: Force) -> dict[tuple[Topic, str], str]:
    """The feed that carries each topic, and each line of contacts.

    Raises:
        SettingError: the profile lists no feed for one of them.
    """
    feeds: dict[tuple[Topic, str], str] = {}
    needed: tuple[tuple[Topic, str], ...] = (
        ("contacts", "999"),
        ("contacts", "101"),
        ("contacts", "digital"),
        ("incidents", ""),
        ("custody", ""),
        ("occurrences", ""),
        ("call_takers", ""),
    )
    for topic, line in needed:
        for feed in force.feeds:
            if feed.topic == topic and (not line or not feed.lines or line in feed.lines):
                feeds.setdefault((topic, line), feed.name)
        if (topic, line) not in feeds:
            what = f"No feed of {force.name} carries {line or topic}."
            raise SettingError(what, where="feeds of the profile", hint="List a feed for each topic and line.")
    return feeds
