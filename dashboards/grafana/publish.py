"""Publishes to a running Grafana through its HTTP API: the folder, the dashboards, and a mark for each alert."""

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
_TOKEN_HINT = "Give a service account with the role Editor a token, and set BLUELAMP_GRAFANA_TOKEN to it."  # noqa: S105 - no token
_FILES_HINT = "Look in this Grafana's release notes; provisioning from files (docs/grafana.md) needs no API."


class GrafanaError(BlueLampError):
    """Grafana did not take what was published."""


class AlertMark(Struct, frozen=True, forbid_unknown_fields=True):
    """An alert to be marked on the dashboards.

    Attributes:
        alert_id: its lasting id: published again, it is one mark.
        force: whose.
        severity: of it.
        text: what people read; the measure and what is wrong with it, and no personal data.
        began_at: when it began to fire.
        ended_at: when it was resolved; absent while it fires.
    """

    alert_id: Identifier
    force: Label
    severity: Label
    text: str
    began_at: Instant
    ended_at: Instant | None = None


class PublishResult(Struct, frozen=True):
    """What became of one thing that was published.

    Attributes:
        kind: folder, dashboard or alert.
        name: its uid or id.
        outcome: what was done.
        url: where it can be looked at; empty where there is no page of it.
    """

    kind: Literal["folder", "dashboard", "alert"]
    name: str
    outcome: Outcome
    url: str = ""


class GrafanaPublisher:
    """Publishes to one Grafana.

    Args:
        url: of the Grafana, as `https://grafana.example` with the path under which it is served.
        token: of a service account; it travels in a header and is in no message.

    Raises:
        GrafanaError: the URL cannot be one of a Grafana.
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
        # A redirect turns a POST into a GET and may carry the token elsewhere.
        self._face.api.s.max_redirects = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._face.api.s.close()

    def publish(self, dashboards: Sequence[Dashboard], source: str, message: str) -> Iterator[PublishResult]:
        """Publish the folder and the dashboards in it.

        Args:
            dashboards: as they are generated.
            source: the uid of the data source they ask; it must be there.
            message: kept by Grafana with each new version.

        Raises:
            GrafanaError: Grafana does not answer, does not let us, or does not have what is needed; nothing after it was done.
        """
        with self._explained("/api/health"):
            self._face.api.GET("/health")
        self._check_source(source)
        yield self._folder()
        for each in dashboards:
            yield self._dashboard(each, message)

    def mark(self, alerts: Sequence[AlertMark]) -> Iterator[PublishResult]:
        """Put a mark on the dashboards for each alert, or move the one that is there to what is known now.

        Raises:
            GrafanaError: as `publish`.
        """
        for alert in alerts:
            yield self._alert(alert)

    def _check_source(self, uid: str) -> None:
        # An editor's token may not look at data sources: it is taken to be there, and a panel says so when it is not.
        found = self._found(
            f"/api/datasources/uid/{uid}",
            lambda: self._face.api.GET(f"/datasources/uid/{_quoted(uid)}"),
            unseen={"type": "prometheus"},
        )
        if found is None:
            hint = "Make a Prometheus data source with this uid, or name yours with --datasource UID."
            raise GrafanaError(f"There is no data source with the uid {uid!r}.", where=self.url, hint=hint)
        if found.get("type") != "prometheus":
            hint = "Name the uid of the Prometheus that scrapes Blue Lamp's exporter with --datasource UID."
            raise GrafanaError(f"The data source {uid!r} is no Prometheus.", where=self.url, hint=hint)

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
            hint = "It is kept up to date from there; to publish it instead, take its file out of the provisioning."
            raise GrafanaError(f"The dashboard {uid} is provisioned from a file.", where=self.url, hint=hint)
        present = (found or {}).get("dashboard", {})
        if _holds(present, dashboard) and meta.get("folderUid") == FOLDER[0]:
            return PublishResult("dashboard", uid, "unchanged", self._page(meta.get("url", "")))
        # With the version that was looked at, a change that somebody makes in between is refused, not overwritten.
        version = {"version": present["version"]} if found else {}
        body = {"dashboard": {**dashboard, "id": None, **version}, "folderUid": FOLDER[0], "message": message}
        with self._explained("/api/dashboards/db"):
            told = self._face.dashboard.update_dashboard({**body, "overwrite": False})
        return PublishResult("dashboard", uid, "updated" if found else "created", self._page(told.get("url", "")))

    def _alert(self, alert: AlertMark) -> PublishResult:
        tags = [TAG, f"alert:{alert.alert_id}", alert.force, alert.severity]
        began = int(alert.began_at.timestamp() * 1000)
        ended = int(alert.ended_at.timestamp() * 1000) if alert.ended_at else None
        with self._explained("/api/annotations"):
            found = self._face.annotations.get_annotation(tags=[_quoted(each) for each in tags[:2]], limit=1)
        told = {"time_from": began, "time_to": ended, "tags": tags, "text": alert.text}
        if not found:
            with self._explained("/api/annotations"):
                self._face.annotations.add_annotation(**told)
            return PublishResult("alert", alert.alert_id, "created")
        if _is_marked(found[0], told):
            return PublishResult("alert", alert.alert_id, "unchanged")
        with self._explained(f"/api/annotations/{found[0]['id']}"):
            self._face.annotations.update_annotation(found[0]["id"], **told)
        return PublishResult("alert", alert.alert_id, "updated")

    def _page(self, path: str) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{path}" if path else ""

    def _found(
        self, endpoint: str, look: Callable[[], Any], unseen: dict[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """What is there; none where nothing is, and `unseen`, where it is given, when the token may not look."""
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
        """Tells what went wrong at an endpoint, and what to do."""
        where = f"{self.url}{endpoint}"
        try:
            yield
        except GrafanaException as error:
            what, hint = _refusal(error, endpoint)
            raise GrafanaError(what.replace(self._token, "..."), where=where, hint=hint) from None
        except TooManyRedirects:
            hint = "Give the address that a browser ends up at."
            raise GrafanaError("It sends us elsewhere.", where=where, hint=hint) from None
        except RequestException as error:
            what = f"Grafana does not answer as it should ({type(error).__name__})."
            raise GrafanaError(what, where=where, hint="Is it running, and is this its address?") from None


def _checked(url: str) -> str:
    parts = urlsplit(url)
    hint = "Give it as http://127.0.0.1:3000 or https://grafana.example/path."
    if parts.username or parts.password:
        raise GrafanaError("The address holds a password or a name.", where="--url", hint=f"{_TOKEN_HINT} {hint}")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise GrafanaError(f"{url!r} is no address of a Grafana.", where="--url", hint=hint)
    return url


def _refusal(error: GrafanaException, endpoint: str) -> tuple[str, str]:
    """What a refusal means, and what to do about it."""
    status, said = int(error.status_code), _said(error)
    if status == HTTPStatus.UNAUTHORIZED:
        return "Grafana does not accept the token.", _TOKEN_HINT
    if status == HTTPStatus.FORBIDDEN:
        return f"The token may not do this: {said}", _TOKEN_HINT
    if status == HTTPStatus.PRECONDITION_FAILED:
        hint = "Look at what was changed there; published again, ours comes on top of it as a new version."
        return f"Something else stands in the way: {said}", hint
    if status in _GONE:
        return f"This Grafana has no {endpoint} ({status}: {said})", _FILES_HINT
    return f"Grafana refused with {status}: {said}", "Grafana's own log says more."


def _said(error: GrafanaException) -> str:
    response = error.response
    told = response.get("message", "") if isinstance(response, dict) else response
    # A gateway in between may answer with a page.
    return f"{str(told).strip()[:200].rstrip('.')}." if told else "it does not say why."


def _holds(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether Grafana has everything as we want it; what it adds of its own does not count."""
    return bool(present) and all(present.get(name) == each for name, each in wanted.items())


def _is_marked(found: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    ended = told["time_to"] or told["time_from"]
    times = found.get("time") == told["time_from"] and found.get("timeEnd", 0) in (ended, told["time_to"] or 0)
    return times and found.get("text") == told["text"] and set(found.get("tags", ())) == set(told["tags"])


def _quoted(text: str) -> str:
    """For a URL that grafana-api puts together as it stands."""
    return quote(text, safe="")
