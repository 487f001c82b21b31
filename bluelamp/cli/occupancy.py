"""`bluelamp occupancy`: how many people were in custody in each suite at past hours."""

from datetime import UTC, datetime, timedelta

import click

from bluelamp.cli.options import FORCE, JSON, say, settings_of
from bluelamp.wiring.arguments import parse_instant
from bluelamp.wiring.connections import reader
from facts.errors import QuestionError
from measures.occupancy import Suites


@click.command("occupancy")
@click.option("--at", "moment", help="Last hour to list, such as 2026-11-29T22:00 (default: now).")
@click.option("--hours", type=click.IntRange(1, 24 * 7), default=24, show_default=True, help="Number of hours to list.")
@click.option(
    "--recount", "is_recounted", is_flag=True, help="Count from the whole log, which goes back further than the state."
)
@FORCE
@JSON
def occupancy(moment: str | None, hours: int, is_recounted: bool, force: str | None, as_json: bool) -> None:
    """List how many people were in custody in each suite at each whole hour, up to now or to a past time."""
    settings = settings_of(force=force)
    source = reader(settings)
    rules = source.rules_of(settings.force)
    source.refresh()
    zone, present = rules.force.zone(), source.present(settings.force)
    last = parse_instant(moment, zone, "--at") if moment else present
    times = whole_hours(last, hours)
    found: dict[datetime, Suites | None]
    if is_recounted:
        from bluelamp.archive.full_log import recount_of

        with recount_of(settings, [each.force for each in source.rules.values()], None) as recounted:
            found = {at: recounted.occupancy(settings.force, at) for at in times if at <= present}
    else:
        found = source.occupancy(settings.force, times[0], times[-1])
    if not found:
        what = "These hours have not come yet."
        raise QuestionError(what, where="--at", hint=f"The present is {present.astimezone(zone):%Y-%m-%d %H:%M}.")
    if as_json:
        say([{"at": at.isoformat(), "suites": suites} for at, suites in found.items()])
        return
    for at, suites in found.items():
        click.echo(f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}  {_words(suites)}")


def whole_hours(last: datetime, count: int) -> list[datetime]:
    """The last `count` whole hours up to a time, in UTC: a local night may have an hour twice."""
    hour = last.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return [hour - timedelta(hours=back) for back in reversed(range(count))]


def _words(suites: Suites | None) -> str:
    if suites is None:
        return "no record"
    parts = ", ".join(f"{suite} {count}" for suite, count in suites.items())
    return f"{sum(suites.values())} in custody{f': {parts}' if parts else ''}"
