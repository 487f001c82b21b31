"""`bluelamp grafana publish`: publishes the dashboards, and annotations for alerts from a file, to a running Grafana."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import msgspec

from bluelamp.wiring.settings import FILE, secret_in
from dashboards.grafana.dashboard import dashboards
from dashboards.grafana.publish import AlertMark, GrafanaError, GrafanaPublisher, PublishResult
from facts.errors import SettingError
from measures.catalogue import CATALOGUE

TOKEN = "BLUELAMP_GRAFANA_TOKEN"  # noqa: S105 - the variable's name


def publish(url: str, token: str, source: str, alerts: str | None) -> Iterator[PublishResult]:
    """Publish the folder, the dashboards and the alert annotations, yielding each result as it comes.

    Args:
        url: the address of Grafana.
        token: the token of a service account.
        source: the UID of the Prometheus data source.
        alerts: a file of alerts, one JSON object per line; None for no annotations.

    Raises:
        GrafanaError: a line of the file is not an alert, or Grafana refused a request.
    """
    marks = read_alerts(Path(alerts)) if alerts else []
    with GrafanaPublisher(url, token) as publisher:
        every = list(dashboards(CATALOGUE, source).values())
        yield from publisher.publish(every, source, f"Blue Lamp {version('bluelamp')}")
        yield from publisher.mark(marks)


def find_token(environment: Mapping[str, str]) -> str:
    """The token, from BLUELAMP_GRAFANA_TOKEN or the file that BLUELAMP_GRAFANA_TOKEN_FILE names.

    Raises:
        SettingError: neither is set, the file cannot be read, or the token is not one word.
    """
    found = secret_in(environment, TOKEN).strip()
    if not found:
        hint = f"Set it to the token of a Grafana service account, or set {TOKEN}{FILE} to a file that holds the token."
        raise SettingError("The token for Grafana is not set.", where=TOKEN, hint=hint)
    if not found.isascii() or len(found.split()) != 1:
        raise SettingError("The token must be one word.", where=TOKEN, hint="Copy it again from Grafana.")
    return found


def read_alerts(path: Path) -> list[AlertMark]:
    """The alerts in a file.

    Raises:
        GrafanaError: the file cannot be read, or a line is not an alert; names the line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        what = f"The file of alerts cannot be read: {error.strerror}."
        raise GrafanaError(what, where=str(path), hint="Choose a file that you can read.") from None
    return [_alert(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def _alert(line: bytes, where: str) -> AlertMark:
    try:
        return msgspec.json.decode(line, type=AlertMark)
    except msgspec.DecodeError as error:
        hint = "docs/use/grafana.md describes the fields of a line."
        raise GrafanaError(f"This line is not an alert: {error}.", where=where, hint=hint) from None
