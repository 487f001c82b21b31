"""The analyst's commands: the public report, one measure compared over time, its control chart."""

from pathlib import Path

import click

from bluelamp.connections import reader
from bluelamp.options import FORCE, settings_of
from facts.errors import SettingError

_FORMATS = ("html", "csv", "pdf")


@click.command("report")
@click.option("--month", required=True, help="The last month of its twelve, such as 2024-12.")
@click.option("--format", "kind", type=click.Choice(_FORMATS), default="html", show_default=True)
@click.option(
    "--output", type=click.Path(dir_okay=False), help="The file to write; without it html and csv are printed."
)
@click.option("--public", "is_public", is_flag=True, help="Withhold small numbers; the copy states the rule.")
@FORCE
def report_command(month: str, kind: str, output: str | None, is_public: bool, force: str | None) -> None:
    """The tables of the public report for a month: 12 months, the 12 before, differences, months, and what was published.

    A PDF is printed by the Chromium of this machine.
    """
    from bluelamp.printing import pdf
    from dashboards.report.build import report
    from dashboards.report.figures import from_reader
    from dashboards.report.file import table_file
    from dashboards.report.page import html

    if kind == "pdf" and not output:
        raise SettingError("A PDF needs a file.", where="--output", hint="Name one, such as --output report.pdf.")
    settings = settings_of(force=force)
    source = reader(settings)
    profile = source.rules_of(settings.force).force
    with source.steady():
        as_of = source.present(profile.name)
        document = report(
            from_reader(source, profile.name, as_of),
            profile,
            month,
            as_of,
            is_public=is_public,
            is_simulated=source.is_simulated(profile.name),
        )
    text = table_file(document) if kind == "csv" else html(document)
    if output is None:
        click.echo(text, nl=False)
        return
    _write(Path(output), pdf(text) if kind == "pdf" else text.encode())
    click.echo(f"{document.title}, {month}, written to {output}.")


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        hint = "Name a file that can be written."
        raise SettingError(f"The file cannot be written: {error.strerror}.", where=str(path), hint=hint) from None


COMMANDS = (report_command,)
