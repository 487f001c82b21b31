"""The inbox over HTTP: a sub-application that is mounted at /api/alerts; docs/inbox.md documents it."""

import asyncio
import csv
import io
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from html import escape
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from alerts.inbox import action, view
from alerts.inbox.action import Act, Assignment, Note, SuppressionRequest
from alerts.inbox.changes import Changes
from alerts.inbox.data_status import DataStatus
from alerts.inbox.entry import AnyEntry, encode
from alerts.inbox.guard import COOKIE, Guard, check_origin
from alerts.inbox.intake import by_name
from alerts.inbox.payload import Payload, decode_payload
from alerts.inbox.people import SESSION, Attempts, Role
from alerts.inbox.problem import Kind, ProblemError, response_of
from alerts.inbox.state import Alert, InboxState
from alerts.rule import Rule
from measures.spreadsheet import safe_cell
from streams.refusal import refusal_of

_logger = logging.getLogger("bluelamp.inbox")
BODY_BYTES, PAYLOAD_BYTES = 16_384, 4_194_304
ENDED_SHOWN = 200
"""How many alerts that have ended are listed unless more are asked for."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_JSON = "application/json"
_Body = TypeVar("_Body")
_Found = TypeVar("_Found")
Handler = Callable[[Request], Awaitable[Response]]


class LogLike(Protocol):
    """The log as the API uses it."""

    def look(self, read: Callable[[InboxState], _Found]) -> _Found: ...  # noqa: D102
    def refresh(self) -> set[str]: ...  # noqa: D102
    def append(self, decide: Callable[[InboxState], Iterable[AnyEntry]]) -> list[AnyEntry]: ...  # noqa: D102
    def wait(self, seconds: float) -> None: ...  # noqa: D102
    def every(self) -> Iterable[AnyEntry]: ...  # noqa: D102
    def heard(self) -> Mapping[str, DataStatus]: ...  # noqa: D102


class Parts(Struct, frozen=True, kw_only=True):
    """What the API stands on.

    Attributes:
        log: the inbox's.
        rules: the table.
        samples: what the exporter shows now of the series that rules look at; nothing where it cannot be had.
        guard: lets people in.
        attempts: to sign in.
        now: the wall clock.
        take: what an engine tells; None where engines tell it elsewhere.
    """

    log: LogLike
    rules: tuple[Rule, ...]
    samples: Callable[[], view.Samples]
    guard: Guard
    attempts: Attempts
    now: Callable[[], datetime]
    take: Callable[[Payload], None] | None = None


def api(parts: Parts) -> Starlette:
    """The sub-application, for any Starlette to mount."""
    inbox = _Inbox(parts)
    routes: list[BaseRoute] = [
        Route("/", _answering(inbox.index)),
        Route("/events", _answering(inbox.events)),
        Route("/export", _answering(inbox.export)),
        Route("/session", _answering(inbox.session)),
        Route("/sign-in", _answering(inbox.sign_in_page)),
        Route("/sign-in", _answering(inbox.sign_in), methods=["POST"]),
        Route("/sign-in.js", _answering(inbox.sign_in_script)),
        Route("/sign-out", _answering(inbox.sign_out), methods=["POST"]),
        Route("/suppressions", _answering(inbox.suppressions)),
        Route("/suppressions", _answering(inbox.suppress), methods=["POST"]),
        Route("/suppressions/{id}", _answering(inbox.unsuppress), methods=["DELETE"]),
        Route("/suppressions/{id}/unsuppress", _answering(inbox.unsuppress), methods=["POST"]),
        Route("/{id}", _answering(inbox.one)),
        Route("/{id}/acknowledge", _answering(inbox.acknowledge), methods=["POST"]),
        Route("/{id}/assign", _answering(inbox.assign), methods=["POST"]),
        Route("/{id}/note", _answering(inbox.note), methods=["POST"]),
    ]
    if parts.take:
        routes.insert(0, Route("/webhook", _answering(inbox.webhook), methods=["POST"]))
    return Starlette(routes=routes, exception_handlers={HTTPException: _no_such_place})


def _answering(handle: Handler) -> Handler:
    """A handler whose every failure is told as a problem, under our headers."""

    async def answered(request: Request) -> Response:
        try:
            response = await handle(request)
        except ProblemError as error:
            response = response_of(error)
        except (RedisError, OSError) as error:
            response = response_of(_state_unavailable(error))
        except ClientDisconnect:
            response = Response(status_code=499)
        except Exception:
            _logger.exception("a request failed")
            hint = "Look at the inbox's output; nothing was done."
            response = response_of(ProblemError("our_fault", 500, "Something of ours failed.", hint))
        response.headers.update(_HEADERS)
        return response

    return answered


def _state_unavailable(error: Exception) -> ProblemError:
    refusal = refusal_of(error)
    hint = f"Nothing was done: ask again. {refusal.advice()}"
    return ProblemError("state_unavailable", 503, refusal.sentence(), hint, {"Retry-After": "2"})


async def _no_such_place(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    kind: Kind = "no_such_method" if status == 405 else "no_such_place"  # noqa: PLR2004 - HTTP's own number
    title = "This is not done here." if kind == "no_such_method" else "There is nothing here."
    response = response_of(ProblemError(kind, status, title, "docs/inbox.md lists every place and what it takes."))
    response.headers.update(_HEADERS)
    return response


class _Inbox:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._log, self._guard = parts, parts.log, parts.guard
        self._rules = by_name(parts.rules)
        self._changes = Changes(self._listing, parts.log.wait)

    def _listing(self) -> view.Listing:
        samples, heard = self._parts.samples(), self._log.heard()
        return self._fresh(lambda book: view.listing(book, self._rules, samples, self._parts.now(), heard))

    def _fresh(self, read: Callable[[InboxState], _Found]) -> _Found:
        self._log.refresh()
        return self._log.look(read)

    async def index(self, request: Request) -> Response:
        self._guard.need(request, "view")
        which = request.query_params.get("state", "standing")
        if which not in ("standing", "ended", "all"):
            raise ProblemError("not_understood", 422, f"There is no state {which!r}.", "Use standing, ended or all.")
        return await _json(lambda: self._chosen(which, _limit(request)))

    def _chosen(self, which: str, limit: int) -> view.Listing:
        samples, heard = self._parts.samples(), self._log.heard()

        def chosen(book: InboxState) -> view.Listing:
            alerts = _chosen(book, which, limit)
            return view.listing(book, self._rules, samples, self._parts.now(), heard, alerts)

        return self._fresh(chosen)

    async def one(self, request: Request) -> Response:
        self._guard.need(request, "view")
        return await _json(lambda: self._detail(request.path_params["id"]))

    def _detail(self, name: str) -> view.Detail:
        samples = self._parts.samples()

        def detail(book: InboxState) -> view.Detail:
            alert = action.find(book, name)
            row = view.row(alert, book, self._rules, samples, self._parts.now())
            return view.Detail(alert=row, history=alert.entries)

        return self._fresh(detail)

    async def events(self, request: Request) -> Response:
        self._guard.need(request, "view")
        return StreamingResponse(self._changes.watch(), media_type="text/event-stream")

    async def export(self, request: Request) -> Response:
        self._guard.need(request, "view")
        kind = request.query_params.get("format", "jsonl")
        if kind not in EXPORTS:
            raise ProblemError("not_understood", 422, f"There is no format {kind!r}.", "Use jsonl or csv.")
        media_type, write = EXPORTS[kind]
        text = await asyncio.to_thread(lambda: write(self._log.every()))
        named = {"Content-Disposition": f'attachment; filename="alerts.{kind}"'}
        return Response(text, media_type=media_type, headers=named)

    async def session(self, request: Request) -> Response:
        person = self._guard.who(request)
        told = {
            "login": person.login if person else None,
            "role": person.role if person else ("view" if self._guard.is_open_to_view else None),
            "csrf": person.csrf if person else "",
            "may_act": bool(person and person.may("act")),
            "may_administer": bool(person and person.may("admin")),
            "can_sign_in": self._guard.people.can_act(),
        }
        return Response(view.encode(told), media_type=_JSON)

    async def sign_in_page(self, request: Request) -> Response:
        return _sign_in_page(request.query_params.get("next", "/"))

    async def sign_in_script(self, _: Request) -> Response:
        return Response(_SCRIPT, media_type="text/javascript")

    async def sign_in(self, request: Request) -> Response:
        """Sign in; a person at a page is told on the page what is wrong."""
        try:
            return await self._signed_in(request)
        except ProblemError as error:
            if "text/html" not in request.headers.get("accept", ""):
                raise
            return _sign_in_page("/", f"{error.problem.title} {error.problem.detail}", error)

    async def _signed_in(self, request: Request) -> Response:
        check_origin(request)
        address = request.client.host if request.client else ""
        wait = self._parts.attempts.wait_seconds(address)
        if wait:
            title, headers = "There were too many attempts to sign in.", {"Retry-After": str(wait)}
            raise ProblemError("too_many_attempts", 429, title, f"Wait {wait} s, and try again.", headers)
        told = await _form(request)
        person = self._guard.people.by_token(told.get("token", ""))
        if person is None or person.role == "engine":
            self._parts.attempts.note_failure(address)
            _logger.warning("somebody at %s could not sign in", address)
            raise ProblemError(
                "not_signed_in", 401, "This token is nobody's.", "Look at it again: it is one long word."
            )
        _logger.info("%s signed in", person.login)
        response = RedirectResponse(_local_place(told.get("next", "/")), status_code=303)
        response.set_cookie(
            COOKIE, self._guard.people.session(person), max_age=int(SESSION.total_seconds()), path="/",
            httponly=True, samesite="strict", secure=request.url.scheme == "https" or self._guard.people.is_secure(request.headers, address),
        )  # fmt: skip
        return response

    async def sign_out(self, request: Request) -> Response:
        self._guard.act(request, "view")
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    async def acknowledge(self, request: Request) -> Response:
        return await self._act(
            request, "act", Note, lambda book, told, act: action.acknowledge(book, _id(request), told.note, act)
        )

    async def assign(self, request: Request) -> Response:
        return await self._act(
            request, "act", Assignment, lambda book, told, act: action.assign(book, _id(request), told.to, act)
        )

    async def note(self, request: Request) -> Response:
        return await self._act(
            request, "act", Note, lambda book, told, act: action.note(book, _id(request), told.note, act)
        )

    async def _act(
        self,
        request: Request,
        role: Role,
        kind: type[_Body],
        decide: Callable[[InboxState, _Body, Act], AnyEntry | None],
    ) -> Response:
        """Do one thing, once, and answer with the alert as it then is."""
        told, act = await self._asked(request, role, kind)
        await asyncio.to_thread(self._append, lambda book: decide(book, told, act))
        return await _json(lambda: self._detail(_id(request)))

    async def _asked(self, request: Request, role: Role, kind: type[_Body]) -> tuple[_Body, Act]:
        person = self._guard.act(request, role)
        body = await _read(request, BODY_BYTES)
        name = request.headers.get("idempotency-key", "")[:80] or secrets.token_urlsafe(12)
        return _decoded(body, kind), Act(by=person.login, at=self._parts.now(), request=f"{person.login}:{name}")

    def _append(self, decide: Callable[[InboxState], AnyEntry | None]) -> None:
        self._log.append(lambda book: [each for each in [decide(book)] if each])

    async def suppressions(self, request: Request) -> Response:
        self._guard.need(request, "view")
        return await _json(self._planned)

    def _planned(self) -> list[view.PlannedWork]:
        now = self._parts.now()
        return self._fresh(
            lambda book: [view.planned(name, each, now) for name, each in book.suppressions.items()],
        )

    async def suppress(self, request: Request) -> Response:
        plan, act = await self._asked(request, "admin", SuppressionRequest)
        entry = action.suppress(self._rules, plan, act)
        await asyncio.to_thread(self._append, lambda _: entry)
        return await _json(lambda: next(each for each in self._planned() if each.id == entry.alert))

    async def unsuppress(self, request: Request) -> Response:
        _, act = await self._asked(request, "admin", Note)
        await asyncio.to_thread(self._append, lambda book: action.unsuppress(book, _id(request), act))
        return await _json(lambda: next(each for each in self._planned() if each.id == _id(request)))

    async def webhook(self, request: Request) -> Response:
        self._guard.act(request, "engine")
        body = await _read(request, PAYLOAD_BYTES)
        try:
            payload = decode_payload(body)
        except msgspec.DecodeError as error:
            hint = "Send what Alertmanager's webhook sends, version 4."
            raise ProblemError("not_understood", 422, f"This is no payload of Alertmanager: {error}.", hint) from None
        return await _json(lambda: self._taken(payload))

    def _taken(self, payload: Payload) -> dict[str, list[dict[str, Any]]]:
        """What stands once a payload is in the log: an engine that has forgotten what it told learns it again."""
        if self._parts.take:
            self._parts.take(payload)
        told = self._log.look(lambda book: [each.raised for each in book.standing()])
        return {"standing": [{"rule": each.rule, "scope": each.scope, "began": each.began} for each in told]}


def _chosen(book: InboxState, which: str, limit: int) -> list[Alert]:
    """Those that stand, the last that ended, or both."""
    over = [each for each in book.alerts.values() if each.ended] if which != "standing" else []
    over.sort(key=lambda each: each.entries[-1].at, reverse=True)
    return [*(book.standing() if which != "ended" else ()), *over[:limit]]


async def _json(take: Callable[[], Any]) -> Response:
    return Response(await asyncio.to_thread(lambda: view.encode(take())), media_type=_JSON)


def _id(request: Request) -> str:
    name: str = request.path_params["id"]
    return name


def _limit(request: Request) -> int:
    told = request.query_params.get("limit", str(ENDED_SHOWN))
    if not told.isdecimal() or not 0 < int(told) <= 10_000:  # noqa: PLR2004 - said in the sentence
        raise ProblemError("not_understood", 422, "The limit is not a number from 1 to 10000.", "Mend `limit`.")
    return int(told)


async def _read(request: Request, most: int) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise ProblemError("too_large", 413, f"The body is larger than {most:,} bytes.", "Send less.")
    return body


def _decoded(body: bytes, kind: type[_Body]) -> _Body:
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.DecodeError as error:
        title = f"The body cannot be read: {error}."
        raise ProblemError("not_understood", 422, title, "docs/inbox.md shows what is sent here.") from None


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form, or of a JSON object."""
    body = await _read(request, BODY_BYTES)
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind == _JSON:
        return _decoded(body, dict[str, str])
    if kind != "application/x-www-form-urlencoded":
        raise ProblemError("wrong_media_type", 415, "This is neither a form nor JSON.", "Send one of the two.")
    return dict(parse_qsl(body.decode(errors="replace")))


def _local_place(asked: str) -> str:
    """Where to go next: a place of ours, never another site."""
    is_ours = asked.startswith("/") and not asked.startswith(("//", "/\\"))
    return asked if is_ours and asked.isprintable() else "/"


def as_json_lines(entries: Iterable[AnyEntry]) -> str:
    """The log as JSON lines."""
    return "".join(f"{encode(each)}\n" for each in entries)


_COLUMNS = ("at", "by", "entry", "alert", "id")


def as_csv(entries: Iterable[AnyEntry]) -> str:
    """The log as CSV: when, who, what, of which alert, and what else the entry says."""
    rows: list[Mapping[str, Any]] = [msgspec.to_builtins(each) for each in entries]
    more = sorted({name for row in rows for name in row} - set(_COLUMNS))
    text = io.StringIO()
    writer = csv.DictWriter(text, [*_COLUMNS, *more], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    """The text of a value, safe to open in a spreadsheet."""
    return safe_cell(
        " ".join(f"{name}={word}" for name, word in value.items()) if isinstance(value, dict) else str(value)
    )


EXPORTS: dict[str, tuple[str, Callable[[Iterable[AnyEntry]], str]]] = {
    "jsonl": ("application/jsonl", as_json_lines),
    "csv": ("text/csv", as_csv),
}


def _sign_in_page(back: str, trouble: str = "", error: ProblemError | None = None) -> Response:
    said = f'<p role="alert"><strong>{escape(trouble)}</strong></p>' if trouble else ""
    text = _SIGN_IN.format(next=escape(_local_place(back), quote=True), trouble=said)
    return HTMLResponse(text, error.problem.status if error else 200, error.headers if error else None)


_SIGN_IN = """<!doctype html>
<html lang="en-GB">
<head><meta charset="utf-8"><title>Sign in - Blue Lamp</title>
<meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width, initial-scale=1">
<script src="sign-in.js" defer></script></head>
<body><main>
<h1>Sign in</h1>
{trouble}
<form method="post" action="sign-in">
<p><label for="token">Your token</label><br>
<input id="token" name="token" type="password" size="50" autocomplete="off" required autofocus></p>
<input type="hidden" name="next" value="{next}">
<p><button type="submit">Sign in</button></p>
</form>
</main></body></html>
"""
_SCRIPT = """// A sign-in link carries its token behind the #, which no server is sent and no log sees.
const token = location.hash.slice(1);
if (token) {
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("token").value = decodeURIComponent(token);
  document.forms[0].submit();
}
"""
