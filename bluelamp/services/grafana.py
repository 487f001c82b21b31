"""`bluelamp grafana publish`: the dashboards of the catalogue, and alerts from a file, to a running Grafana."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import msgspec

from dashboards.grafana.dashboard import dashboards
from dashboards.grafana.publish import AlertMark, GrafanaError, GrafanaPublisher, PublishResult
from facts.errors import SettingError
from measures.catalogue import CATALOGUE

TOKEN = "BLUELAMP_GRAFANA_TOKEN"  # noqa: S105 - the variable's name
TOKEN_FILE = f"{TOKEN}_FILE"


def publish(url: str, token: str, source: str, alerts: str | None) -> Iterator[PublishResult]:
    """Publish folder, dashboards and, from a file, alerts; tells of each as it is done.

    Args:
        url: of the Grafana.
        token: of a service account.
        source: the uid of the Prometheus data source.
        alerts: a file of alerts, one JSON object a line; none of them when absent.

    Raises:
        GrafanaError: a line of the file is no alert, or Grafana did not take something.
    """
    marks = read_alerts(Path(alerts)) if alerts else []
    with GrafanaPublisher(url, token) as publisher:
        made = list(dashboards(CATALOGUE, source).values())
        yield from publisher.publish(made, source, f"Blue Lamp {version('bluelamp')}")
        yield from publisher.mark(marks)


def find_token(environment: Mapping[str, str]) -> str:
    """The token, from its variable or from the file that another one names.

    Raises:
        SettingError: neither is set, the file cannot be read, or what they hold cannot be a token.
    """
    if TOKEN in environment:
        return _one_word(environment[TOKEN], TOKEN)
    if TOKEN_FILE not in environment:
        hint = f"Set it, or {TOKEN_FILE} to a file that holds it: a token of a Grafana service account."
        raise SettingError("There is no token for Grafana.", where=TOKEN, hint=hint)
    try:
        return _one_word(Path(environment[TOKEN_FILE]).read_text(), TOKEN_FILE)
    except OSError as error:
        raise SettingError(f"{error.strerror}.", where=TOKEN_FILE, hint="Name a file that can be read.") from None


def _one_word(text: str, where: str) -> str:
    found = text.strip()
    if not found or not found.isascii() or len(found.split()) != 1:
        raise SettingError("This is no token: it must be one word.", where=where, hint="Copy it again from Grafana.")
    return found


def read_alerts(path: Path) -> list[AlertMark]:
    """The alerts of a file.

    Raises:
        GrafanaError: it cannot be read, or names the line that is no alert.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise GrafanaError(f"{error.strerror}.", where=str(path), hint="Name a file that can be read.") from None
    return [_alert(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def _alert(line: bytes, where: str) -> AlertMark:
    try:
        return msgspec.json.decode(line, type=AlertMark)
    except msgspec.DecodeError as error:
        hint = "docs/grafana.md says what a line holds."
        raise GrafanaError(f"This is no alert: {error}.", where=where, hint=hint) from None
