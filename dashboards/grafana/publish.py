"""Publishes the folder, the dashboards and an annotation for each alert to a running Grafana, through its HTTP API."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Literal, Self, cast
from urllib.parse import quote, urlsplit

from grafana_api.grafana_api import GrafanaException
from grafana_api.grafana_face import GrafanaFace
from msgspec import Struct
from requests.exceptions import RequestException, TooManyRedirects

from dashboards.grafana.dashboard import FOLDER, TAG, Dashboard
from facts.errors import BlueLampError
from facts.fact import Identifier, Instant, Label

Outcome = Literal["created", "updated", "unchanged"]
_TIMEOUT_SECONDS = 10.0
_GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE)
_TOKEN_HINT = "Create a token for a service account with the role Editor, and set BLUELAMP_GRAFANA_TOKEN to it."  # noqa: S105 - no token
_FILES_HINT = "Use provisioning from files instead (docs/use/grafana.md), or check the release notes of this Grafana."


class GrafanaError(BlueLampError):
    """Publishing to Grafana failed."""


class AlertMark(Struct, frozen=True, forbid_unknown_fields=True):
    """An alert to annotate on the dashboards.

    Attributes:
        alert_id: its permanent id; publishing it again updates the same annotation.
        force: its force.
        severity: its severity.
        text: the text of the annotation: the measure and what is wrong, without personal data.
        began_at: when it began to fire.
        ended_at: when it was resolved; None while it fires.
    """

    alert_id: Identifier
    force: Label
    severity: Label
    text: str
    began_at: Instant
    ended_at: Instant | None = None


class PublishResult(Struct, frozen=True):
    """The result of publishing one item.

    Attributes:
        kind: folder, dashboard or alert.
        name: its UID or id.
        outcome: whether it was created, updated or unchanged.
        url: the address of its page; empty where it has none.
    """

    kind: Literal["folder", "dashboard", "alert"]
    name: str
    outcome: Outcome
    url: str = ""


class GrafanaPublisher:
    """Publishes to one Grafana.

    Args:
        url: the address of Grafana, such as `https://grafana.example`, including its path if it has one.
        token: the token of a service account. It is sent in a header and appears in no message.

    Raises:
        GrafanaError: the URL is not valid.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = _checked(url).rstrip("/")
        self._token = token
        parts = urlsplit(self.url)
        self._face = GrafanaFace(
            auth=token,
            host=parts.netloc,
            url_path_prefix=f"{parts.path.strip('/')}/".lstrip("/"),
            protocol=parts.scheme,
            timeout=_TIMEOUT_SECONDS,
        )
        # A redirect would turn a POST into a GET, and could send the token to another server.
        self._face.api.s.max_redirects = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._face.api.s.close()

    def publish(self, dashboards: Sequence[Dashboard], source: str, message: str) -> Iterator[PublishResult]:
        """Publish the folder and its dashboards.

        Args:
            dashboards: the generated dashboards.
            source: the UID of their data source, which must exist.
            message: the message that Grafana saves with each new version.

        Raises:
            GrafanaError: Grafana does not answer, refuses a request or lacks the data source; later items are not published.
        """
        with self._explained("/api/health"):
            self._face.api.GET("/health")
        self._check_source(source)
        yield self._folder()
        for each in dashboards:
            yield self._dashboard(each, message)

    def mark(self, alerts: Sequence[AlertMark]) -> Iterator[PublishResult]:
        """Create or update the annotation of each alert.

        Raises:
            GrafanaError: as in `publish`.
        """
        for alert in alerts:
            yield self._alert(alert)

    def _check_source(self, uid: str) -> None:
        # A token with the role Editor may not read data sources. Assume that it exists; if not, the panels show an error.
        found = self._found(
            f"/api/datasources/uid/{uid}",
            lambda: self._face.api.GET(f"/datasources/uid/{_quoted(uid)}"),
            unseen={"type": "prometheus"},
        )
        if found is None:
            hint = "Create a Prometheus data source with this UID, or give the UID of yours with --datasource."
            raise GrafanaError(f"No data source has the UID {uid!r}.", where=self.url, hint=hint)
        if found.get("type") != "prometheus":
            hint = "Use --datasource with the UID of the Prometheus that scrapes Blue Lamp's exporter."
            raise GrafanaError(f"The data source {uid!r} is not a Prometheus.", where=self.url, hint=hint)

    def _folder(self) -> PublishResult:
        uid, title = FOLDER
        if self._found(f"/api/folders/{uid}", lambda: self._face.folder.get_folder(uid)) is not None:
            return PublishResult("folder", uid, "unchanged")
        with self._explained("/api/folders"):
            self._face.folder.create_folder(title, uid)
        return PublishResult("folder", uid, "created")

    def _dashboard(self, dashboard: Dashboard, message: str) -> PublishResult:
        uid = dashboard["uid"]
        found = self._found(f"/api/dashboards/uid/{uid}", lambda: self._face.dashboard.get_dashboard(uid))
        meta = (found or {}).get("meta", {})
        if meta.get("provisioned"):
            hint = "It is updated from that file. To publish it through the API, remove the file from the provisioning."
            raise GrafanaError(f"The dashboard {uid} is provisioned from a file.", where=self.url, hint=hint)
        present = (found or {}).get("dashboard", {})
        if _holds(present, dashboard) and meta.get("folderUid") == FOLDER[0]:
            return PublishResult("dashboard", uid, "unchanged", self._page(meta.get("url", "")))
        # Send the version that we read, so that Grafana refuses the update if somebody has changed the dashboard since.
        version = {"version": present["version"]} if found else {}
        body = {"dashboard": {**dashboard, "id": None, **version}, "folderUid": FOLDER[0], "message": message}
        with self._explained("/api/dashboards/db"):
            saved = self._face.dashboard.update_dashboard({**body, "overwrite": False})
        return PublishResult("dashboard", uid, "updated" if found else "created", self._page(saved.get("url", "")))

    def _alert(self, alert: AlertMark) -> PublishResult:
        tags = [TAG, f"alert:{alert.alert_id}", alert.force, alert.severity]
        began = int(alert.began_at.timestamp() * 1000)
        ended = int(alert.ended_at.timestamp() * 1000) if alert.ended_at else None
        with self._explained("/api/annotations"):
            found = self._face.annotations.get_annotation(tags=[_quoted(each) for each in tags[:2]], limit=1)
        annotation = {"time_from": began, "time_to": ended, "tags": tags, "text": alert.text}
        if not found:
            with self._explained("/api/annotations"):
                self._face.annotations.add_annotation(**annotation)
            return PublishResult("alert", alert.alert_id, "created")
        if _is_up_to_date(found[0], annotation):
            return PublishResult("alert", alert.alert_id, "unchanged")
        with self._explained(f"/api/annotations/{found[0]['id']}"):
            self._face.annotations.update_annotation(found[0]["id"], **annotation)
        return PublishResult("alert", alert.alert_id, "updated")

    def _page(self, path: str) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{path}" if path else ""

    def _found(
        self, endpoint: str, look: Callable[[], Any], unseen: dict[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """An item in Grafana; None if it does not exist; `unseen`, if given, when the token may not read it."""
        with self._explained(endpoint):
            try:
                return cast(dict[str, Any], look())
            except GrafanaException as error:
                if error.status_code == HTTPStatus.FORBIDDEN and unseen:
                    return unseen
                if error.status_code != HTTPStatus.NOT_FOUND:
                    raise
                return None

    @contextmanager
    def _explained(self, endpoint: str) -> Iterator[None]:
        """Turn an error of an endpoint into a GrafanaError that says what happened and what to do."""
        where = f"{self.url}{endpoint}"
        try:
            yield
        except GrafanaException as error:
            what, hint = _refusal(error, endpoint)
            raise GrafanaError(what.replace(self._token, "..."), where=where, hint=hint) from None
        except TooManyRedirects:
            hint = "Use the address that a browser shows after the redirect."
            raise GrafanaError("This address redirects to another one.", where=where, hint=hint) from None
        except RequestException as error:
            what = f"Grafana does not answer, or not in the expected way ({type(error).__name__})."
            raise GrafanaError(what, where=where, hint="Check that Grafana is running at this address.") from None


def _checked(url: str) -> str:
    parts = urlsplit(url)
    hint = "Write it as http://127.0.0.1:3000 or https://grafana.example/path."
    if parts.username or parts.password:
        what = "The address must not contain a user name or a password."
        raise GrafanaError(what, where="--url", hint=f"{_TOKEN_HINT} {hint}")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise GrafanaError(f"{url!r} is not a valid address of Grafana.", where="--url", hint=hint)
    return url


def _refusal(error: GrafanaException, endpoint: str) -> tuple[str, str]:
    """The meaning of a refusal, and what to do about it."""
    status, said = int(error.status_code), _message(error)
    if status == HTTPStatus.UNAUTHORIZED:
        return "Grafana does not accept the token.", _TOKEN_HINT
    if status == HTTPStatus.FORBIDDEN:
        return f"The token does not allow this: {said}", _TOKEN_HINT
    if status == HTTPStatus.PRECONDITION_FAILED:
        hint = "Check what was changed in Grafana. Publishing again saves our version on top of it."
        return f"The dashboard was changed at the same time: {said}", hint
    if status in _GONE:
        return f"This Grafana does not have {endpoint} ({status}: {said})", _FILES_HINT
    return f"Grafana refused the request with status {status}: {said}", "Read Grafana's log."


def _message(error: GrafanaException) -> str:
    response = error.response
    message = response.get("message", "") if isinstance(response, dict) else response
    # A proxy may respond with a whole page, so cut it.
    return f"{str(message).strip()[:200].rstrip('.')}." if message else "no reason given."


def _holds(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the dashboard in Grafana has all of our values; values that Grafana added are ignored."""
    return bool(present) and all(present.get(name) == each for name, each in wanted.items())


def _is_up_to_date(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    ended = wanted["time_to"] or wanted["time_from"]
    times = found.get("time") == wanted["time_from"] and found.get("timeEnd", 0) in (ended, wanted["time_to"] or 0)
    return times and found.get("text") == wanted["text"] and set(found.get("tags", ())) == set(wanted["tags"])


def _quoted(text: str) -> str:
    """Text for a URL: grafana-api does not quote it."""
    return quote(text, safe="")
