"""Signing in and out: the page with its form, and the session cookie."""

import asyncio
import logging
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from alerts.inbox.api.body import read_form
from alerts.inbox.api.guard import COOKIE, Guard, check_origin
from alerts.inbox.api.people import Person
from alerts.inbox.api.sessions import SESSION
from producers.http.attempts import Attempts
from producers.http.problem import ProblemError, problem

_logger = logging.getLogger("bluelamp.inbox")
_LOGIN_LENGTH_MAX = 60


class SignIn:
    """The handlers for signing in and out.

    Args:
        guard: checks who a request is from.
        attempts: limits failed attempts.
    """

    def __init__(self, guard: Guard, attempts: Attempts) -> None:
        self._guard, self._attempts = guard, attempts

    async def page(self, request: Request) -> Response:
        """The page with the form."""
        return _page(request.query_params.get("next", "/"))

    async def script(self, _: Request) -> Response:
        """The page's script."""
        return _file("sign_in.js", "text/javascript")

    async def style(self, _: Request) -> Response:
        """The page's style."""
        return _file("sign_in.css", "text/css")

    async def sign_in(self, request: Request) -> Response:
        """Sign a person in; a browser gets errors on the page."""
        try:
            return await self._sign_in(request)
        except ProblemError as error:
            if "text/html" not in request.headers.get("accept", ""):
                raise
            return _page("/", error)

    async def _sign_in(self, request: Request) -> Response:
        check_origin(request)
        address = request.client.host if request.client else ""
        fields = await read_form(request)
        login = fields.get("login", "").strip()[:_LOGIN_LENGTH_MAX]
        # One account at one address: nobody else behind the address waits, and nobody elsewhere can lock the account.
        account = f"{login} {address}"
        self._check_attempts(account)
        person = self._guard.people.by_token(fields.get("token", ""))
        if person is None or person.role == "engine" or person.login != login:
            self._attempts.note_failure(account)
            _logger.warning("sign-in failed for %r from %s", login, address)
            hint = "Check the name, and that you copied the whole token."
            raise problem("not_signed_in", 401, "This name and token do not match.", hint)
        _logger.info("%s signed in", person.login)
        return self._start_session(request, person, fields.get("next", "/"), address)

    def _check_attempts(self, account: str) -> None:
        wait = self._attempts.wait_seconds(account)
        if wait:
            title, headers = "There were too many failed attempts to sign in.", {"Retry-After": str(wait)}
            raise problem("too_many_attempts", 429, title, f"Try again in {wait} seconds.", headers)

    def _start_session(self, request: Request, person: Person, next_page: str, address: str) -> Response:
        people = self._guard.people
        response = RedirectResponse(_own_page(next_page), status_code=303)
        response.set_cookie(
            COOKIE,
            people.session(person),
            max_age=int(SESSION.total_seconds()),
            path="/",
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https" or people.is_secure(request.headers, address),
        )
        return response

    async def sign_out(self, request: Request) -> Response:
        """End this browser's session, on the server too: a copy of its cookie is worth nothing."""
        person = self._guard.require(request, "view")
        if person.session:
            await asyncio.to_thread(self._guard.people.ended.end, person.session)
            _logger.info("%s signed out", person.login)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response


def _file(name: str, media_type: str) -> Response:
    return Response(files("alerts.inbox.api").joinpath("templates", name).read_text(), media_type=media_type)


def _own_page(path: str) -> str:
    """The page to open next: a path of this site, never another site."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_own and path.isprintable() else "/"


def _page(next_page: str, error: ProblemError | None = None) -> Response:
    message = f"{error.problem.title} {error.problem.detail}" if error else ""
    page = _templates().get_template("sign_in.html").render(next=_own_page(next_page), error=message)
    return HTMLResponse(page, error.problem.status if error else 200, error.headers if error else None)


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("alerts.inbox.api"), autoescape=True, undefined=StrictUndefined)
