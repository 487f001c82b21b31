"""`bluelamp report`: the tables of the published report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bluelamp.cli.options import FORCE, settings_of
from bluelamp.wiring.connections import reader
from facts.errors import SettingError

if TYPE_CHECKING:
    from dashboards.report.document import Document

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
def report(month: str, kind: str | None, outputs: tuple[Path, ...], is_public: bool, force: str | None) -> None:
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
    from bluelamp.cli.pdf import pdf
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
