"""The inbox over HTTP: a sub-application mounted at /api/alerts, documented in docs/run/inbox.md."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

import msgspec
from msgspec import Struct
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from alerts.inbox.api import sight, view
from alerts.inbox.api.body import JSON, PAYLOAD_BYTES, decode_body, read_body
from alerts.inbox.api.event_channel import CHANNEL, follower
from alerts.inbox.api.export import EXPORTS
from alerts.inbox.api.failure_page import failure_response
from alerts.inbox.api.guard import Guard
from alerts.inbox.api.oidc import CALLBACK, Provider
from alerts.inbox.api.people import Forces, Person, Role
from alerts.inbox.api.sign_in import SignIn
from alerts.inbox.figure import Samples
from alerts.inbox.log import action
from alerts.inbox.log.action import ActionContext, ActionError, Assignment, Escalation, Note, SuppressionRequest
from alerts.inbox.log.data_status import DataStatus
from alerts.inbox.log.entry import AnyEntry
from alerts.inbox.log.intake import by_name
from alerts.inbox.log.payload import Payload, decode_payload
from alerts.inbox.log.state import Alert, InboxState
from alerts.rule import Rule
from facts.errors import BlueLampError
from facts.fact import EndedByHand, EndReason, EndRole
from producers import tracing
from producers.http.answer import Answer, AnswerRoute
from producers.http.attempts import Attempts
from producers.http.headers import SecurityHeaders, page_headers
from producers.http.problem import Kind, ProblemError, problem, response_of
from streams.event_stream import Follower
from streams.refusal import refusal_of

_logger = logging.getLogger("bluelamp.inbox")
ENDED_LIMIT = 200
"""How many ended alerts are listed, unless the request sets another limit."""
_HEADERS = page_headers("style-src", "script-src", "form-action")
_STATUS: Mapping[str, int] = {"no_such_alert": 404, "has_ended": 409, "not_understood": 422}
_Body = TypeVar("_Body")
_Result = TypeVar("_Result")
Handler = Callable[[Request], Awaitable[Response]]


class LogLike(Protocol):
    """The log, as the API uses it."""

    last: str

    def read_state(self, read: Callable[[InboxState], _Result]) -> _Result: ...  # noqa: D102
    def refresh(self) -> set[str]: ...  # noqa: D102
    def append(self, decide: Callable[[InboxState], Iterable[AnyEntry]]) -> list[AnyEntry]: ...  # noqa: D102
    def wait(self, seconds: float, since: str) -> None: ...  # noqa: D102
    def entries(self) -> Iterable[AnyEntry]: ...  # noqa: D102
    def data_status(self) -> Mapping[str, DataStatus]: ...  # noqa: D102


class EndRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request to end a subject by hand.

    Attributes:
        force: its force.
        subject: what it is.
        subject_id: its id.
        reason: why no end was recorded.
        role: the role of the person who decided it.
    """

    force: str
    subject: Literal["contact", "incident"]
    subject_id: str
    reason: EndReason
    role: EndRole


class Parts(Struct, frozen=True, kw_only=True):
    """What the API uses.

    Attributes:
        log: the inbox's log.
        rules: the rule table.
        samples: the exporter's current samples of the series that rules evaluate; empty if they cannot be read.
        guard: decides whether a request is allowed.
        attempts: limits failed attempts to sign in.
        now: the wall clock.
        posts: the posts to which a person may escalate an alert.
        accept: records an engine's payload; None if engines send theirs to another address.
        end: ends by hand a subject whose end was never recorded.
        provider: the OpenID Connect provider at which people may sign in; None without one.
        forces: the forces whose alerts this address shows; None for all.
    """

    log: LogLike
    rules: tuple[Rule, ...]
    samples: Callable[[], Samples]
    guard: Guard
    attempts: Attempts
    now: Callable[[], datetime]
    posts: tuple[str, ...] = ()
    accept: Callable[[Payload], None] | None = None
    end: Callable[[EndRequest], EndedByHand] | None = None
    provider: Provider | None = None
    forces: Forces = None


class SessionAnswer(Struct, frozen=True, kw_only=True):
    """Who is signed in, and what they may do.

    Attributes:
        login: their login; None if nobody is signed in.
        role: their role; None if alerts may not be viewed without a sign-in.
        csrf: the value for the header `X-CSRF-Token`.
        may_act: whether they may act on alerts.
        may_administer: whether they may plan work.
        can_sign_in: whether anybody can sign in.
        posts: the posts to which an alert can be escalated.
    """

    login: str | None
    role: Role | None
    csrf: str
    may_act: bool
    may_administer: bool
    can_sign_in: bool
    posts: tuple[str, ...]


class ActiveAnswer(Struct, frozen=True):
    """An active alert: its rule, scope and start."""

    rule: str
    scope: dict[str, str]
    began: datetime


class WebhookAnswer(Struct, frozen=True):
    """The active alerts, so that an engine that has lost its memory can restore it."""

    active: tuple[ActiveAnswer, ...]


_LIST = Answer(
    summary="The list of alerts.",
    body=view.Listing,
    query={"state": "active, ended or all.", "limit": "The number of ended alerts."},
)
_EVENTS = Answer(summary="The list of alerts, live, as server-sent events.", media=("text/event-stream",))
_EXPORT = Answer(summary="The whole log.", media=("application/jsonl", "text/csv"), query={"format": "jsonl or csv."})
_SIGN_IN = Answer(summary="Sign in.", media=("text/html",), status=303)
_TO_PROVIDER = Answer(summary="Go to the identity provider to sign in.", media=("text/html",), status=303)
_FROM_PROVIDER = Answer(summary="Come back from the identity provider.", media=("text/html",), status=303)
_SIGN_OUT = Answer(summary="End this browser's session.", media=("text/html",), status=204)
_SUPPRESSIONS = Answer(summary="Past and present suppressions.", body=list[view.SuppressionRow])
_SUPPRESS = Answer(summary="Plan work.", body=view.SuppressionRow, sent=SuppressionRequest)
_UNSUPPRESS = Answer(summary="End planned work now.", body=view.SuppressionRow, sent=Note)
_END = Answer(summary="End a contact or an incident by hand.", body=EndedByHand, sent=EndRequest)
_WEBHOOK = Answer(summary="Report alerts, as Alertmanager does.", body=WebhookAnswer, sent=Payload)


def _acted(summary: str, sent: type[Struct]) -> Answer:
    return Answer(summary=summary, body=view.Detail, sent=sent)


def api(parts: Parts) -> Starlette:
    """The sub-application, for any Starlette application to mount."""
    inbox, sign_in = _Inbox(parts), SignIn(parts.guard, parts.attempts, parts.provider)
    routes: list[BaseRoute] = [
        AnswerRoute("/", _handler(inbox.index), _LIST),
        AnswerRoute("/events", _handler(inbox.events), _EVENTS),
        AnswerRoute("/export", _handler(inbox.export), _EXPORT),
        AnswerRoute("/session", _handler(inbox.session), Answer(summary="Who is signed in.", body=SessionAnswer)),
        AnswerRoute("/sign-in", _handler(sign_in.page), Answer(summary="The sign-in form.", media=("text/html",))),
        AnswerRoute("/sign-in", _handler(sign_in.sign_in), _SIGN_IN, ["POST"]),
        AnswerRoute("/oidc", _handler(sign_in.begin), _TO_PROVIDER),
        AnswerRoute(f"/{CALLBACK}", _handler(sign_in.finish), _FROM_PROVIDER),
        AnswerRoute("/sign-in.js", _handler(sign_in.script), Answer(summary="Its script.", media=("text/javascript",))),
        AnswerRoute("/sign-in.css", _handler(sign_in.style), Answer(summary="Its style.", media=("text/css",))),
        AnswerRoute("/sign-out", _handler(sign_in.sign_out), _SIGN_OUT, ["POST"]),
        AnswerRoute("/suppressions", _handler(inbox.suppressions), _SUPPRESSIONS),
        AnswerRoute("/suppressions", _handler(inbox.suppress), _SUPPRESS, ["POST"]),
        AnswerRoute("/suppressions/{id}", _handler(inbox.unsuppress), _UNSUPPRESS, ["DELETE"]),
        AnswerRoute("/suppressions/{id}/unsuppress", _handler(inbox.unsuppress), _UNSUPPRESS, ["POST"]),
        AnswerRoute("/ends", _handler(inbox.end), _END, ["POST"]),
        AnswerRoute("/{id}", _handler(inbox.alert), Answer(summary="An alert with its history.", body=view.Detail)),
        AnswerRoute("/{id}/acknowledge", _handler(inbox.acknowledge), _acted("Acknowledge an alert.", Note), ["POST"]),
        AnswerRoute("/{id}/assign", _handler(inbox.assign), _acted("Assign an alert.", Assignment), ["POST"]),
        AnswerRoute("/{id}/note", _handler(inbox.note), _acted("Add a note to an alert.", Note), ["POST"]),
        AnswerRoute("/{id}/escalate", _handler(inbox.escalate), _acted("Escalate an alert.", Escalation), ["POST"]),
    ]
    if parts.accept:
        routes.insert(0, AnswerRoute("/webhook", _handler(inbox.webhook), _WEBHOOK, ["POST"]))
    return Starlette(
        routes=routes,
        middleware=[Middleware(SecurityHeaders, headers=_HEADERS)],
        exception_handlers={HTTPException: _not_found},
    )


def _handler(handle: Handler) -> Handler:
    """A handler that answers every error with a problem document."""

    async def handler(request: Request) -> Response:
        try:
            return await handle(request)
        except ProblemError as error:
            return response_of(error)
        except ActionError as error:
            return response_of(problem(error.kind, _STATUS[error.kind], error.what, error.hint))
        except (RedisError, OSError) as error:
            return response_of(_state_unavailable(error))
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception:
            _logger.exception("a request failed")
            hint = "Nothing was changed. The inbox's output has the details."
            return response_of(problem("our_fault", 500, "Blue Lamp failed to handle the request.", hint))

    return handler


def _state_unavailable(error: Exception) -> ProblemError:
    refusal = refusal_of(error)
    hint = f"Nothing was changed: try again. {refusal.advice()}"
    return problem("state_unavailable", 503, refusal.sentence(), hint, {"Retry-After": "2"})


async def _not_found(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    kind: Kind = "no_such_method" if status == 405 else "no_such_place"  # noqa: PLR2004 - HTTP's own number
    title = "This address does not support that method." if kind == "no_such_method" else "There is no such address."
    found = problem(kind, status, title, "docs/run/inbox.md lists every address and what to send.")
    return failure_response(request, found, request.scope.get("root_path", ""))


class _Inbox:
    """The handlers for alerts and suppressions."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._log, self._guard = parts, parts.log, parts.guard
        self._rules = by_name(parts.rules)
        self._followers: dict[Forces, Follower[view.Listing]] = {}

    def _sight_of(self, person: Person | None) -> Forces:
        """The forces whose alerts somebody may see at this address; None for all."""
        return sight.both(self._parts.forces, self._guard.forces_of(person))

    def _viewer(self, request: Request) -> Forces:
        """The forces whose alerts the sender of a request may see."""
        return self._sight_of(self._guard.require_view(request, "alerts"))

    def _follower(self, forces: Forces) -> Follower[view.Listing]:
        """Follows the active alerts of these forces. Each set of forces that people may see has one follower."""
        if forces not in self._followers:
            position = self._log.last

            def followed() -> view.Listing:
                """The active alerts for the event stream, which waits for entries after these."""

                def choose(state: InboxState) -> list[Alert]:
                    nonlocal position
                    position = self._log.last
                    return state.active_alerts()

                return self._listing(choose, forces)

            self._followers[forces] = follower(followed, lambda seconds: self._log.wait(seconds, position))
        return self._followers[forces]

    def _listing(self, choose: Callable[[InboxState], list[Alert]], forces: Forces) -> view.Listing:
        samples, status, now = self._parts.samples(), self._log.data_status(), self._parts.now()

        def read(state: InboxState) -> view.Listing:
            alerts = sight.seen(choose(state), forces)
            return sight.limited(view.listing(state, self._rules, samples, now, status, alerts), forces)

        return self._refreshed(read)

    def _refreshed(self, read: Callable[[InboxState], _Result]) -> _Result:
        self._log.refresh()
        return self._log.read_state(read)

    async def index(self, request: Request) -> Response:
        forces = self._viewer(request)
        which = request.query_params.get("state", "active")
        if which not in ("active", "ended", "all"):
            raise problem("not_understood", 422, f"There is no state {which!r}.", "Use active, ended or all.")
        limit = _limit(request)
        return await _json(lambda: self._listing(lambda state: _chosen(state, which, limit, forces), forces))

    async def alert(self, request: Request) -> Response:
        forces = self._viewer(request)
        return await _json(lambda: self._detail(_id(request), forces))

    def _detail(self, alert_id: str, forces: Forces) -> view.Detail:
        samples = self._parts.samples()

        def detail(state: InboxState) -> view.Detail:
            alert = sight.find_seen(state, alert_id, forces)
            row = view.row(alert, state, self._rules, samples, self._parts.now())
            return view.Detail(alert=row, history=alert.entries)

        return self._refreshed(detail)

    async def events(self, request: Request) -> Response:
        follows = self._follower(self._viewer(request))
        follows.start()
        return StreamingResponse(follows.watch(CHANNEL), media_type="text/event-stream")

    async def export(self, request: Request) -> Response:
        forces = self._sight_of(self._guard.require_view(request, "alert_log"))
        kind = request.query_params.get("format", "jsonl")
        if kind not in EXPORTS:
            raise problem("not_understood", 422, f"There is no format {kind!r}.", "Use jsonl or csv.")
        media_type, write = EXPORTS[kind]

        def entries() -> list[AnyEntry]:
            found = list(self._log.entries())
            return self._refreshed(lambda state: sight.entries_seen(found, state, forces))

        text = await asyncio.to_thread(lambda: write(entries()))
        headers = {"Content-Disposition": f'attachment; filename="alerts.{kind}"'}
        return Response(text, media_type=media_type, headers=headers)

    async def session(self, request: Request) -> Response:
        person = self._guard.identify(request)
        session = SessionAnswer(
            login=person.login if person else None,
            role=person.role if person else ("view" if self._guard.viewers.alerts is None else None),
            csrf=person.csrf if person else "",
            may_act=bool(person and person.may("act")),
            may_administer=bool(person and person.may("admin")),
            can_sign_in=self._guard.people.can_act(),
            posts=self._parts.posts,
        )
        return Response(view.encode(session), media_type=JSON)

    async def acknowledge(self, request: Request) -> Response:
        return await self._act(
            request, Note, lambda state, body, context: action.acknowledge(state, _id(request), body.note, context)
        )

    async def assign(self, request: Request) -> Response:
        return await self._act(
            request, Assignment, lambda state, body, context: action.assign(state, _id(request), body.to, context)
        )

    async def note(self, request: Request) -> Response:
        return await self._act(
            request, Note, lambda state, body, context: action.note(state, _id(request), body.note, context)
        )

    async def escalate(self, request: Request) -> Response:
        posts = self._parts.posts
        return await self._act(
            request, Escalation, lambda state, body, context: action.escalate(state, _id(request), body, posts, context)
        )

    async def _act(
        self, request: Request, kind: type[_Body], decide: Callable[[InboxState, _Body, ActionContext], AnyEntry]
    ) -> Response:
        """Record one action, once, and answer with the alert after it."""
        body, context, person = await self._read(request, "act", kind)
        forces = self._sight_of(person)

        def decided(state: InboxState) -> AnyEntry:
            sight.find_seen(state, _id(request), forces)
            return decide(state, body, context)

        await asyncio.to_thread(self._append, decided)
        return await _json(lambda: self._detail(_id(request), forces))

    async def _read(self, request: Request, role: Role, kind: type[_Body]) -> tuple[_Body, ActionContext, Person]:
        person = self._guard.require(request, role)
        body = await read_body(request)
        key = request.headers.get("idempotency-key", "")[:80] or secrets.token_urlsafe(12)
        context = ActionContext(by=person.login, at=self._parts.now(), request=f"{person.login}:{key}")
        return decode_body(body, kind), context, person

    def _append(self, decide: Callable[[InboxState], AnyEntry | None]) -> None:
        self._log.append(lambda state: [entry for entry in [decide(state)] if entry])

    async def suppressions(self, request: Request) -> Response:
        forces = self._viewer(request)
        return await _json(lambda: self._suppressions(forces))

    def _suppressions(self, forces: Forces) -> list[view.SuppressionRow]:
        now = self._parts.now()
        return self._refreshed(
            lambda state: [
                view.suppression_row(key, each, now)
                for key, each in state.suppressions.items()
                if sight.is_seen(each.entry.scope, forces)
            ],
        )

    def _suppression(self, suppression_id: str, forces: Forces) -> view.SuppressionRow:
        return next(each for each in self._suppressions(forces) if each.id == suppression_id)

    async def suppress(self, request: Request) -> Response:
        body, context, person = await self._read(request, "admin", SuppressionRequest)
        forces = self._sight_of(person)
        sight.check_may_suppress(body.scope, self._guard.forces_of(person), forces)
        entry = action.suppress(self._rules, body, context)
        await asyncio.to_thread(self._append, lambda _: entry)
        return await _json(lambda: self._suppression(entry.alert, forces))

    async def unsuppress(self, request: Request) -> Response:
        _, context, person = await self._read(request, "admin", Note)
        forces = self._sight_of(person)

        def decided(state: InboxState) -> AnyEntry | None:
            ended = action.unsuppress(state, _id(request), context)
            scope = state.suppressions[_id(request)].entry.scope
            sight.check_may_suppress(scope, self._guard.forces_of(person), forces)
            return ended

        await asyncio.to_thread(self._append, decided)
        return await _json(lambda: self._suppression(_id(request), forces))

    async def end(self, request: Request) -> Response:
        """End a subject by hand; the fact contains the role, and the inbox's log says who was signed in."""
        body, context, person = await self._read(request, "act", EndRequest)
        end = self._parts.end
        if not sight.is_seen({"force": body.force}, self._sight_of(person)):
            title, detail = "You may not act for this force.", "Use the board of this force, or ask an administrator."
            raise problem("not_allowed", 403, title, detail)
        if end is None:
            raise problem("no_such_place", 404, "Nothing can be ended here.", "Use the board's or the inbox's address.")
        try:
            fact = await asyncio.to_thread(lambda: end(body))
        except BlueLampError as error:
            raise problem("not_understood", 422, error.what, error.hint) from None
        _logger.info("%s ended the %s %s (%s)", context.by, body.subject, body.subject_id, body.reason)
        await asyncio.to_thread(self._append, lambda _: action.ended_by_hand(fact, body.subject, context))
        return Response(view.encode(fact), media_type=JSON)

    async def webhook(self, request: Request) -> Response:
        self._guard.require(request, "engine")
        body = await read_body(request, PAYLOAD_BYTES)
        try:
            payload = decode_payload(body)
        except msgspec.DecodeError as error:
            hint = "Send the payload of Alertmanager's webhook, version 4."
            raise problem("not_understood", 422, f"This is not an Alertmanager payload: {error}.", hint) from None
        before = filter(None, [request.headers.get(tracing.HEADER)])
        with tracing.span("accept", before, {"alerts": len(payload.alerts)}):
            return await _json(lambda: self._accept(payload))

    def _accept(self, payload: Payload) -> WebhookAnswer:
        """Record a payload, and return the active alerts."""
        if self._parts.accept:
            self._parts.accept(payload)
        active = self._log.read_state(lambda state: [each.raised for each in state.active_alerts()])
        return WebhookAnswer(tuple(ActiveAnswer(each.rule, each.scope, each.began) for each in active))


def _chosen(state: InboxState, which: str, limit: int, forces: Forces) -> list[Alert]:
    """The active alerts, the latest ended alerts that somebody may see, or both."""
    ended = [each for each in sight.seen(state.alerts.values(), forces) if each.ended] if which != "active" else []
    ended.sort(key=lambda each: each.entries[-1].at, reverse=True)
    return [*(state.active_alerts() if which != "ended" else ()), *ended[:limit]]


async def _json(read: Callable[[], Any]) -> Response:
    return Response(await asyncio.to_thread(lambda: view.encode(read())), media_type=JSON)


def _id(request: Request) -> str:
    alert_id: str = request.path_params["id"]
    return alert_id


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(ENDED_LIMIT))
    if not text.isdecimal() or len(text) > 5 or not 0 < int(text) <= 10_000:  # noqa: PLR2004 - named in the error
        raise problem(
            "not_understood", 422, f"The limit {text!r} is not valid.", "Set `limit` to a number from 1 to 10000."
        )
    return int(text)
