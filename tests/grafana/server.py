"""A small HTTP server that follows Grafana's documented API, as far as publishing uses it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

TOKEN = "glsa_a-token-that-must-not-be-printed"
Answer = tuple[int, Any]


class Request(NamedTuple):
    """A request that was received."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    headers: dict[str, str]


class Grafana:
    """The content of a Grafana and its responses; a test can replace any response.

    Attributes:
        folders: titles by uid.
        dashboards: what was saved, by uid: the dashboard and its meta.
        annotations: in the order of their ids.
        sources: types of data sources by uid.
        requests: every request.
        instead: called first with each request; if it returns a response, that is sent instead.
        prefix: the path below which it is served.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.folders: dict[str, str] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.annotations: list[dict[str, Any]] = []
        self.sources = {"prometheus": "prometheus"}
        self.requests: list[Request] = []
        self.instead: Callable[[Request], Answer | None] = lambda _: None

    def answer(self, request: Request) -> Answer:
        """The response to a request."""
        self.requests.append(request)
        spoilt = self.instead(request)
        if spoilt:
            return spoilt
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"message": "Invalid API key"}
        if not request.path.startswith(f"{self.prefix}/"):
            return 404, "<html>a gateway</html>"
        _, api, kind, *rest = request.path.removeprefix(self.prefix).split("/")
        handler = getattr(self, f"{request.method.lower()}_{kind}", None) if api == "api" else None
        answer: Answer = handler(request, rest) if handler else (404, {"message": "Not found"})
        return answer

    def get_health(self, _: Request, __: list[str]) -> Answer:
        """Documented under "Other HTTP API"."""
        return 200, {"commit": "a", "database": "ok", "version": "12.2.0"}

    def get_datasources(self, _: Request, rest: list[str]) -> Answer:
        """A data source by uid: Grafana 13 has no ids."""
        if rest[0] != "uid" or rest[1] not in self.sources:
            return 404, {"message": "Data source not found"}
        return 200, {"id": 1, "uid": rest[1], "type": self.sources[rest[1]]}

    def get_folders(self, _: Request, rest: list[str]) -> Answer:
        """A folder by uid."""
        if rest[0] not in self.folders:
            return 404, {"message": "folder not found", "status": "not-found"}
        return 200, {"id": 1, "uid": rest[0], "title": self.folders[rest[0]], "version": 1}

    def post_folders(self, request: Request, _: list[str]) -> Answer:
        """Create a folder."""
        self.folders[request.body["uid"]] = request.body["title"]
        return 200, {"id": 1, **request.body, "version": 1}

    def get_dashboards(self, _: Request, rest: list[str]) -> Answer:
        """A dashboard by uid."""
        if rest[1] not in self.dashboards:
            return 404, {"message": "Dashboard not found"}
        return 200, self.dashboards[rest[1]]

    def post_dashboards(self, request: Request, _: list[str]) -> Answer:
        """Save a dashboard, unless it was changed meanwhile or another has its title."""
        sent, folder = dict(request.body["dashboard"]), request.body["folderUid"]
        if folder not in self.folders:
            return 400, {"message": "folder not found"}
        present = self.dashboards.get(sent["uid"])
        for uid, other in self.dashboards.items():
            if uid != sent["uid"] and other["dashboard"]["title"] == sent["title"]:
                return 412, {"status": "name-exists", "message": "A dashboard with the same name already exists"}
        version = present["dashboard"]["version"] if present else 0
        if present and not request.body["overwrite"] and sent.get("version") != version:
            return 412, {"status": "version-mismatch", "message": "The dashboard has been changed by someone else"}
        if present and present["meta"]["provisioned"]:
            return 400, {"message": "Cannot save provisioned dashboard"}
        url = f"/d/{sent['uid']}/a-title"
        meta = {"provisioned": False, "folderUid": folder, "url": url}
        kept = {**sent, "id": present["dashboard"]["id"] if present else len(self.dashboards) + 1}
        self.dashboards[sent["uid"]] = {"dashboard": {**kept, "version": version + 1}, "meta": meta}
        return 200, {"uid": sent["uid"], "url": url, "status": "success", "version": version + 1}

    def get_annotations(self, request: Request, _: list[str]) -> Answer:
        """The annotations that have every requested tag."""
        wanted = set(request.query.get("tags", ()))
        found = [each for each in self.annotations if wanted <= set(each["tags"])]
        return 200, found[: int(request.query["limit"][0])]

    def post_annotations(self, request: Request, _: list[str]) -> Answer:
        """Create an annotation; without an end it marks a point in time."""
        self.annotations.append({"id": len(self.annotations) + 1, **_timed(request.body)})
        return 200, {"message": "Annotation added", "id": len(self.annotations)}

    def put_annotations(self, request: Request, rest: list[str]) -> Answer:
        """Replace an annotation."""
        self.annotations[int(rest[0]) - 1].update(_timed(request.body))
        return 200, {"message": "Annotation updated"}


def _timed(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "timeEnd": body.get("timeEnd") or body["time"]}


@contextmanager
def serving(grafana: Grafana) -> Iterator[str]:
    """The address of a running Grafana."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            parts = urlsplit(self.path)
            request = Request(self.command, parts.path, parse_qs(parts.query), body, dict(self.headers))
            self._send(*grafana.answer(request))

        do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815 - http.server finds them by these names

        def _send(self, status: int, body: Any) -> None:
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", str(body))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
