"""`bluelamp feed`: check a feed before anyone relies on its figures."""

import sys
from pathlib import Path
from typing import Any, cast

import click

from bluelamp.cli.options import FORCE, JSON, log_to_stderr, say, settings_of
from bluelamp.wiring.clock import wall
from bluelamp.wiring.settings import load_forces
from bluelamp.wiring.stopping import stopping
from facts.errors import QuestionError


@click.group()
def feed() -> None:
    """Check a feed before anyone relies on its figures."""


@feed.command("check", short_help="Check an extract or a live feed.")
@click.argument("files", nargs=-1, metavar="[FILE...]")
@click.option("--mapping", help="How the extract's rows become facts: a TOML file, or the name of a supplied mapping.")
@click.option("--topic", help="Listen to this topic of the log instead of reading files.")
@click.option("--seconds", default=300.0, show_default=True, help="How long to listen.")
@click.option("--output", help="File to write the page to. Its extension sets the format: .html, .md or .txt.")
@FORCE
@JSON
def feed_check(
    files: tuple[str, ...],
    mapping: str | None,
    topic: str | None,
    seconds: float,
    output: str | None,
    force: str | None,
    as_json: bool,
) -> None:
    """Check an extract (FILE, or `sample`) or a live feed, and give a verdict on one page for the engineer and the analyst to sign.

    Each finding says which measures it affects, and how. Nothing is published, and no value of a fact is printed.
    Exit status 0: ready; 1: ready with limits; 2: not ready.
    """
    from bluelamp.feeding.feed_check.finding import status
    from bluelamp.feeding.feed_check.page import written
    from bluelamp.feeding.feed_check.sources import check_extract, check_topic

    log_to_stderr()
    if bool(files) == bool(topic):
        hint = "Give the files of an extract with --mapping, or the --topic to listen to."
        raise QuestionError("A feed check needs either files or a topic.", where="bluelamp feed check", hint=hint)
    settings = settings_of(force=force)
    forces = load_forces(settings)
    if topic:
        if settings.force not in forces:
            hint = f"Choose one of {', '.join(forces)}."
            raise QuestionError(f"There is no force {settings.force!r}.", where="--force", hint=hint)
        stop = stopping()
        result = check_topic(forces[settings.force], settings.log(), topic, seconds, wait=stop.wait, now=wall)
    else:
        result = check_extract(forces, files, mapping, wall())
    if output:
        _write(output, written(result, _form(output)))
    if as_json:
        say(result)
    elif not output:
        click.echo(written(result, "text"), nl=False)
    else:
        click.echo(f"Feed check: {result.verdict}. The page is in {output}.")
    sys.exit(status(result.verdict))


def _write(output: str, text: str) -> None:
    try:
        Path(output).write_text(text, "utf-8")
    except OSError as error:
        hint = "Choose a file in a directory that exists and can be written to."
        raise QuestionError(f"The page cannot be written: {error.strerror}.", where=output, hint=hint) from None


def _form(output: str) -> Any:
    forms = {".html": "html", ".md": "md", ".txt": "text"}
    suffix = Path(output).suffix
    if suffix not in forms:
        hint = f"Use one of {', '.join(forms)}."
        raise QuestionError(
            f"The page cannot be written as {suffix or 'a file without an extension'}.", where="--output", hint=hint
        )
    return cast("Any", forms[suffix])
