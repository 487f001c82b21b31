"""Signing in and out: the page with its form, and the session cookie."""

import asyncio
import logging
from datetime import timedelta
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from alerts.inbox.api.body import read_form
from alerts.inbox.api.guard import COOKIE, Guard, check_origin
from alerts.inbox.api.oidc import Begun, Provider
from alerts.inbox.api.people import Person
from alerts.inbox.api.sessions import SESSION
from producers.http.attempts import Attempts
from producers.http.problem import ProblemError, problem

_logger = logging.getLogger("bluelamp.inbox")
_LOGIN_LENGTH_MAX = 60
_BEGUN = "bluelamp_sign_in"
_BEGUN_FOR = timedelta(minutes=10)


class SignIn:
    """The handlers for signing in and out.

    Args:
        guard: checks who a request is from.
        attempts: limits failed attempts.
        provider: the OpenID Connect provider at which people may sign in; None without one.
    """

    def __init__(self, guard: Guard, attempts: Attempts, provider: Provider | None = None) -> None:
        self._guard, self._attempts, self._provider = guard, attempts, provider

    async def page(self, request: Request) -> Response:
        """The page with the form."""
        return self._page(request.query_params.get("next", "/"))

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider."""
        provider = self._known_provider()
        try:
            url, begun = await asyncio.to_thread(provider.begin, _own_page(request.query_params.get("next", "/")))
        except ProblemError as error:
            return self._page("/", error)
        response = RedirectResponse(url, status_code=303)
        sealed = self._guard.people.sealed(begun)
        response.set_cookie(
            _BEGUN, sealed, max_age=int(_BEGUN_FOR.total_seconds()), path="/", httponly=True, samesite="lax",
            secure=provider.is_secure,
        )  # fmt: skip
        return response

    async def finish(self, request: Request) -> Response:
        """Start the session of a person whom the provider has sent back."""
        provider = self._known_provider()
        begun = self._guard.people.unsealed(request.cookies.get(_BEGUN, ""), Begun, _BEGUN_FOR)
        try:
            if begun is None:
                title = "This browser did not start this sign-in, or started it too long ago."
                raise problem("not_signed_in", 400, title, "Sign in again.")
            person = await asyncio.to_thread(provider.finish, begun, request.query_params)
        except ProblemError as error:
            _logger.warning("sign-in at the provider failed: %s", error.problem.title)
            response = self._page("/", error)
        else:
            _logger.info("%s signed in at the provider", person.login)
            # A page of ours opens the next one: a browser sends the session cookie only with a request that begins on this site.
            response = HTMLResponse(_templates().get_template("signed_in.html").render(next=_own_page(begun.next)))
            self._set_session(response, person, is_secure=provider.is_secure)
        response.delete_cookie(_BEGUN, path="/", httponly=True, samesite="lax")
        return response

    def _known_provider(self) -> Provider:
        if self._provider is None:
            title, detail = "There is no provider to sign in at.", "Set BLUELAMP_OIDC_ISSUER."
            raise problem("no_such_place", 404, title, detail)
        return self._provider

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
            return self._page("/", error)

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
        response = RedirectResponse(_own_page(next_page), status_code=303)
        is_secure = request.url.scheme == "https" or self._guard.people.is_secure(request.headers, address)
        self._set_session(response, person, is_secure=is_secure)
        return response

    def _set_session(self, response: Response, person: Person, *, is_secure: bool) -> None:
        response.set_cookie(
            COOKIE,
            self._guard.people.session(person),
            max_age=int(SESSION.total_seconds()),
            path="/",
            httponly=True,
            samesite="strict",
            secure=is_secure,
        )

    def _page(self, next_page: str, error: ProblemError | None = None) -> Response:
        message = f"{error.problem.title} {error.problem.detail}" if error else ""
        own, has_provider = _own_page(next_page), self._provider is not None
        page = _templates().get_template("sign_in.html").render(next=own, error=message, has_provider=has_provider)
        return HTMLResponse(page, error.problem.status if error else 200, error.headers if error else None)

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


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("alerts.inbox.api"), autoescape=True, undefined=StrictUndefined)
