"""Checks of rosters: whether each can be read, agrees with the profile, and has numbers for the present half-hour."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from bluelamp.verify.checks.plans import plan_results
from bluelamp.verify.checks.result import CheckResult
from bluelamp.wiring.plans import roster_of
from bluelamp.wiring.settings import Settings
from facts.force import Force
from facts.roster import Roster
from measures.display import local_words
from measures.rules import Rules

_PAGE = "docs/feed/roster.md describes the file."


def roster_results(
    settings: Settings, rules: Mapping[str, Rules], shown: Sequence[str], present: Callable[[str], datetime]
) -> Iterator[CheckResult]:
    """The check of the roster of each force that the board shows, as the board reads it.

    Args:
        settings: they name the directory of rosters.
        rules: the rules of every force.
        shown: the forces that the board shows; those without a profile are left out.
        present: the present of a force, which in a replay is the replay's.
    """
    return plan_results(
        "rosters", settings.rosters, rules, shown, lambda force: _of_force(settings, force, present(force.name))
    )


def _of_force(settings: Settings, force: Force, now: datetime) -> CheckResult:
    check, where = f"roster {force.name}", f"{settings.rosters}/{force.name}.csv"
    roster = roster_of(settings, force)()
    if not isinstance(roster, Roster):
        hint = f"Correct the file. For a force without a roster, write a file with only the header. {_PAGE}"
        return CheckResult(check, "bad", str(roster), where, hint, force.name)
    if not roster.planned:
        return CheckResult(check, "not set up", "The roster lists no half-hour.", force=force.name)
    first, last = _local(min(roster.planned), force), _local(max(roster.planned), force)
    covers = f"Its first half-hour begins at {first}, its last at {last}."
    planned = roster.at(now)
    if lacking := [each.label for each in force.skills if each.label not in planned]:
        what = f"It has no number for {', '.join(lacking)} in the present half-hour. {covers}"
        hint = (
            f"Replace the file. A half-hour that it does not list is not known: write 0 if nobody is planned. {_PAGE}"
        )
        return CheckResult(check, "warning", what, where, hint, force.name)
    return CheckResult(check, "good", f"It has a number for every skill now. {covers}", force=force.name)


def _local(at: datetime, force: Force) -> str:
    """The start of a half-hour in local time."""
    return local_words(at, force.zone(), "%Y-%m-%d %H:%M")
