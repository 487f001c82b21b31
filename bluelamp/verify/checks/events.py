"""Checks of planned events: whether each file can be read and is valid, and which event comes next."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from bluelamp.verify.checks.plans import plan_results
from bluelamp.verify.checks.result import CheckResult
from bluelamp.wiring.plans import events_of
from bluelamp.wiring.settings import Settings
from facts.force import Force
from measures.forecast import event_time_words
from measures.rules import Rules


def event_results(
    settings: Settings, rules: Mapping[str, Rules], shown: Sequence[str], present: Callable[[str], datetime]
) -> Iterator[CheckResult]:
    """The check of the planned events of each force that the board shows, as the forecasts read them.

    Args:
        settings: they name the directory of events.
        rules: the rules of every force.
        shown: the forces that the board shows; those without a profile are left out.
        present: the present of a force, which in a replay is the replay's.
    """
    return plan_results(
        "events", settings.events, rules, shown, lambda force: _of_force(settings, force, present(force.name))
    )


def _of_force(settings: Settings, force: Force, now: datetime) -> CheckResult:
    check, events = f"events {force.name}", events_of(settings, force)()
    if events.error:
        where = f"{settings.events}/{force.name}.csv"
        hint = (
            "Correct the file: until then there are no forecasts. For a force without planned events, write a file with only the header. "
            "docs/feed/events.md describes the file."
        )
        return CheckResult(check, "bad", events.error, where, hint, force.name)
    to_come = [each for each in events.listed if each.end > now]
    if not to_come:
        return CheckResult(check, "good", "It lists no event that is still to come.", force=force.name)
    first = event_time_words(to_come[0], force.zone())
    return CheckResult(check, "good", f"{len(to_come)} to come. The first: {first}.", force=force.name)
