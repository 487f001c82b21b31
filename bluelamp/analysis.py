"""The analyst's commands: the public report, one measure compared over time, its control chart."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bluelamp.connections import reader
from bluelamp.options import FORCE, JSON, WHERE, say, settings_of
from bluelamp.questions import parse_instant, parse_where, split_names
from facts.errors import SettingError
from measures.catalogue import CATALOGUE, find
from measures.chart import Grain
from measures.reading import SIMULATION
from measures.window import parse_day

if TYPE_CHECKING:
    from dashboards.report.document import Document, Drawn, Table

_FORMATS = ("html", "csv", "xlsx", "pdf")


@click.command("report")
@click.option("--month", required=True, help="The last month of its twelve, such as 2024-12.")
@click.option("--format", "kind", type=click.Choice(_FORMATS), help="Unless the file's name says it; printed, html.")
@click.option(
    "--output",
    "outputs",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file to write, its format by its name; several are of the same figures. Without it html and csv are printed.",
)
@click.option("--public", "is_public", is_flag=True, help="Withhold small numbers; the copy states the rule.")
@FORCE
def report_command(month: str, kind: str | None, outputs: tuple[Path, ...], is_public: bool, force: str | None) -> None:
    """The tables of the public report for a month: 12 months, the 12 before, differences, months, and what was published.

    A PDF is printed by the Chromium of this machine.
    """
    from dashboards.report.build import report
    from dashboards.report.figures import from_reader

    wanted = _kinds(kind, outputs)
    settings = settings_of(force=force)
    source = reader(settings)
    profile = source.rules_of(settings.force).force

    def document_now() -> "Document":
        as_of = source.present(profile.name)
        return report(
            from_reader(source, profile.name, as_of),
            profile,
            month,
            as_of,
            is_public=is_public,
            is_simulated=source.is_simulated(profile.name),
        )

    document = source.at_one_moment(document_now)
    for path, each in zip(outputs or (None,), wanted, strict=True):
        if path is None:
            click.echo(_content(document, each).decode(), nl=False)
        else:
            _write(path, _content(document, each))
            click.echo(f"{document.title}, {month}, written to {path}.")


def _kinds(kind: str | None, outputs: Sequence[Path]) -> list[str]:
    """The format of each file, or of what is printed: told before the figures are read, for that takes a while."""
    if not outputs:
        if kind in ("xlsx", "pdf"):
            hint = f"Name one, such as --output report.{kind}."
            raise SettingError(f"The format {kind} needs a file.", where="--output", hint=hint)
        return [kind or "html"]
    if kind and len(outputs) > 1:
        hint = "Leave --format out: each file's name says its format."
        raise SettingError("Several files are not all of one format.", where="--format", hint=hint)
    found = [kind or path.suffix.removeprefix(".").lower() for path in outputs]
    for path, each in zip(outputs, found, strict=True):
        if each not in _FORMATS:
            hint = f"Let the name end in one of {', '.join('.' + each for each in _FORMATS)}, or say --format."
            raise SettingError("The file's name does not say its format.", where=str(path), hint=hint)
    return found


def _content(document: "Document", kind: str) -> bytes:
    """The report in one format."""
    from bluelamp.printing import pdf
    from dashboards.report.file import table_file
    from dashboards.report.page import html
    from dashboards.report.workbook import workbook

    if kind == "xlsx":
        return workbook(document)
    if kind == "pdf":
        return pdf(html(document))
    return (table_file(document) if kind == "csv" else html(document)).encode()


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        hint = "Name a file that can be written."
        raise SettingError(f"The file cannot be written: {error.strerror}.", where=str(path), hint=hint) from None


@click.command("compare")
@click.argument("measure")
@click.option("--by", default="", help="Dimensions to break it down by, separated by commas; one is ranked.")
@WHERE
@FORCE
@JSON
def compare_command(measure: str, by: str, where: tuple[str, ...], force: str | None, as_json: bool) -> None:
    """One measure side by side: today, this month so far, last month, 12 months, the 12 before, and what was published."""
    from dashboards.report.compare import compare
    from dashboards.report.figures import from_reader
    from dashboards.report.text import lines, plain

    settings = settings_of(force=force)
    source = reader(settings)
    profile = source.rules_of(settings.force).force

    def compared() -> tuple[datetime, "Table", bool]:
        as_of = source.present(profile.name)
        ask = from_reader(source, profile.name, as_of)
        table = compare(ask, profile, find(measure), as_of, split_names(by), parse_where(where))
        return as_of, table, source.is_simulated(profile.name)

    as_of, table, is_simulated = source.at_one_moment(compared)
    if as_json:
        say({"measure": measure, "force": profile.name, "as_of": as_of, "simulated": is_simulated, **plain(table)})
        return
    click.echo(
        f"{profile.title}, {as_of.astimezone(profile.zone()):%Y-%m-%d %H:%M}"
        + (f"  {SIMULATION}" if is_simulated else "")
    )
    for line in lines(table):
        click.echo(line)


@click.command("chart")
@click.argument("measure")
@click.option("--by", "grain", type=click.Choice(["month", "week"]), default="month", show_default=True)
@click.option(
    "--last", "count", type=click.IntRange(2, 112), default=24, show_default=True, help="How many whole ones."
)
@click.option(
    "--recalculate", "dates", multiple=True, help="First day of the period to take new limits from, as 2024-07-01."
)
@click.option("--format", "kind", type=click.Choice(["text", "json", "svg"]), default="text", show_default=True)
@WHERE
@FORCE
def chart_command(
    measure: str, grain: Grain, count: int, dates: tuple[str, ...], kind: str, where: tuple[str, ...], force: str | None
) -> None:
    """The control chart of a measure (XmR): its limits, and the points that chance does not explain."""
    from dashboards.report.figures import from_reader
    from dashboards.report.series import Asked, series
    from dashboards.report.text import lines, plain

    settings = settings_of(force=force)
    source = reader(settings)
    profile = source.rules_of(settings.force).force
    asked = Asked(
        find(measure), parse_where(where), grain, count, tuple(parse_day(each, "--recalculate") for each in dates)
    )

    def charted() -> tuple[datetime, "Drawn"]:
        as_of = source.present(profile.name)
        return as_of, series(from_reader(source, profile.name, as_of), profile, asked, as_of)

    as_of, found = source.at_one_moment(charted)
    if kind == "svg":
        click.echo(found.svg)
    elif kind == "json":
        say({"measure": measure, "force": profile.name, "as_of": as_of, "summary": found.summary, **plain(found.table)})
    else:
        for line in (*lines(found.table), *found.summary):
            click.echo(line)


@click.command("explain")
@click.argument("measure")
@click.option("--window", default="60m", show_default=True, help="As for `bluelamp read`.")
@click.option("--by", default="", help="Dimensions to break it down by, separated by commas.")
@WHERE
@click.option("--as-of", help="The instant to count it at; the force's present unless given.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=20, show_default=True, help="Outcomes told of each cell; 0 for all."
)
@click.option("--facts", "has_facts", is_flag=True, help="Tell every fact of each subject too; --json always does.")
@FORCE
@JSON
def explain_command(
    measure: str,
    window: str,
    by: str,
    where: tuple[str, ...],
    as_of: str | None,
    limit: int,
    has_facts: bool,
    force: str | None,
    as_json: bool,
) -> None:
    """The subjects and facts that make one figure, from the log by another path than the product's, and whether the state agrees.

    All outcomes are added up again, one by one, and the figure is compared with the state's at the same place of the log. Exit
    status 0: both come to the figure; 1: one does not, or the state could not be read.
    """
    from bluelamp.comparison import Query, Taken, not_compared
    from bluelamp.explaining import explain, lines
    from bluelamp.history import recount_of
    from bluelamp.shown import answer

    settings = settings_of(force=force)
    source = reader(settings)
    rules = source.rules_of(settings.force)
    query = Query(measure=find(measure), window=window, by=split_names(by), where=parse_where(where))
    asked = parse_instant(as_of, rules.force.zone()) if as_of else None
    moment, state = answer(settings, source, rules.force.name, query, asked)
    until = state.fences if isinstance(state, Taken) else None
    with recount_of(settings, [each.force for each in source.rules.values()], until, keeps_facts=True) as counted:
        told = explain(counted, rules.force.name, query, moment, state, limit or None)
    if as_json:
        say(told)
    else:
        for each in told:
            for line in lines(each, query.measure, has_facts=has_facts):
                click.echo(line)
        for line in not_compared(counted.loaded.left_beyond, counted.loaded.left_out):
            click.echo(line)
        if not told:
            click.echo("Neither the log nor the state has a figure for this question.")
    sys.exit(0 if isinstance(state, Taken) and all(each.is_confirmed() for each in told) else 1)


@click.command("audit")
@click.option("--from", "start", required=True, help="The first local day, such as 2024-12-01.")
@click.option("--to", "end", required=True, help="The first day after the period, such as 2025-01-01.")
@click.option(
    "--measure", "names", multiple=True, help="Compare only its figures; counts and open items are all compared."
)
@FORCE
@JSON
def audit_command(start: str, end: str, names: tuple[str, ...], force: str | None, as_json: bool) -> None:
    """Recount every report figure of a period from the log by another path, and hold the state against it.

    Lists every figure, and every count and open item that figures are taken from, that differs, with the facts behind it.
    Live windows are not compared: `bluelamp recount --compare` does that. Exit status 0: nothing differs; 1: something does, or
    nothing could be compared.
    """
    from bluelamp.auditing import audit, hold, lines
    from bluelamp.history import recount_of
    from bluelamp.shown import check_same_log

    settings = settings_of(force=force)
    source = reader(settings)
    rules = source.rules_of(settings.force)
    source.refresh()
    first, last = parse_day(start, "--from"), parse_day(end, "--to")
    measures = [find(name) for name in names] or list(CATALOGUE.values())
    check_same_log(settings, source)
    held = hold(source, rules.force, first, last, source.present(rules.force.name), measures)
    every = [each.force for each in source.rules.values()]
    with recount_of(settings, every, held.taken.fences, keeps_facts=True) as counted:
        found = audit(held, counted, rules, first, last)
    if as_json:
        say(found)
    else:
        for line in lines(found):
            click.echo(line)
    sys.exit(0 if found.is_clean() else 1)


@click.command("restatements")
@click.option("--from", "start", required=True, help="The first local day, such as 2024-12-01.")
@click.option("--to", "end", required=True, help="The first day after the period, such as 2025-01-01.")
@click.option("--measure", "names", multiple=True, help="Only its figures.")
@click.option("--by", default="", help="Dimensions to break them down by, separated by commas.")
@click.option("--all", "is_all", is_flag=True, help="Also what only ended or fell due after the day, as it had to.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Subjects a day told with facts; 0 for all.",
)
@click.option("--format", "kind", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
@FORCE
def restatements_command(
    start: str, end: str, names: tuple[str, ...], by: str, is_all: bool, limit: int, kind: str, force: str | None
) -> None:
    """Daily figures that have changed since they were first shown, by how much, and because of which facts.

    A day is first shown once all of its feeds have said that nothing older is to come. Exit status 0, whatever has changed.
    """
    from bluelamp.restating import lines, restatements, table

    settings = settings_of(force=force)
    source = reader(settings)
    rules = source.rules_of(settings.force)
    source.refresh()
    period = parse_day(start, "--from"), parse_day(end, "--to")
    measures = [find(name) for name in names] or list(CATALOGUE.values())
    found = restatements(
        settings, rules, period, measures, split_names(by), source.present(rules.force.name), is_all=is_all
    )
    if kind == "json":
        say(found)
    elif kind == "csv":
        click.echo(table(found), nl=False)
    else:
        for line in lines(found, limit):
            click.echo(line)


COMMANDS = (report_command, compare_command, chart_command, explain_command, audit_command, restatements_command)
