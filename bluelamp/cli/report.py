"""`bluelamp report`: produce the monthly performance report."""

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
@click.option("--month", required=True, help="Last month of the report's 12 months, such as 2024-12.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(_FORMATS),
    help="Format of the report (default: the file's extension, or html when printed).",
)
@click.option(
    "--output",
    "outputs",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write. Repeat it to write the same figures in several formats (default: print to the terminal).",
)
@click.option(
    "--public",
    "is_public",
    is_flag=True,
    help="Suppress small numbers and round all others. The report states the rule.",
)
@FORCE
def report(month: str, kind: str | None, outputs: tuple[Path, ...], is_public: bool, force: str | None) -> None:
    """Produce the monthly performance report: 12 months, the 12 months before, the difference, each month, and published figures.

    PDF needs Chromium on this machine.
    """
    from dashboards.report.build import report
    from dashboards.report.figures import from_reader
    from dashboards.report.periods import check_month

    formats = _kinds(kind, outputs)
    check_month(month)
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
    for path, each in zip(outputs or (None,), formats, strict=True):
        if path is None:
            click.echo(_content(document, each).decode(), nl=False)
        else:
            _write(path, _content(document, each))
            click.echo(f"Wrote {document.title}, {month}, to {path}.")


def _kinds(kind: str | None, outputs: Sequence[Path]) -> list[str]:
    """The format of each file, or of the printed report. Checked first, because reading the figures takes a while."""
    if not outputs:
        if kind in ("xlsx", "pdf"):
            hint = f"Name a file, such as --output report.{kind}."
            raise SettingError(f"A report in {kind} cannot be printed to the terminal.", where="--output", hint=hint)
        return [kind or "html"]
    if kind and len(outputs) > 1:
        hint = "Leave --format out: the extension of each file decides its format."
        raise SettingError("--format cannot be used with several files.", where="--format", hint=hint)
    formats = [kind or path.suffix.removeprefix(".").lower() for path in outputs]
    for path, each in zip(outputs, formats, strict=True):
        if each not in _FORMATS:
            hint = f"Use the extension {', '.join('.' + each for each in _FORMATS[:-1])} or .{_FORMATS[-1]}, or add --format."
            raise SettingError("The file's extension is not a report format.", where=str(path), hint=hint)
    return formats


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
        hint = "Choose a file that you can write to."
        raise SettingError(f"The file cannot be written: {error.strerror}.", where=str(path), hint=hint) from None
