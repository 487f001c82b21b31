"""Checks who a request is from and whether they may make it, and refuses requests made by other sites."""

import hmac
import logging
import time
from collections.abc import Callable, Collection
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct
from starlette.requests import Request

from alerts.inbox.api.people import Forces, People, Person, Role, digest_of
from producers.http.attempts import TokenAttempts
from producers.http.problem import ProblemError, problem

_logger = logging.getLogger("bluelamp.inbox")
COOKIE = "bluelamp_session"
CSRF_HEADER = "x-csrf-token"
_SAFE_METHODS = ("GET", "HEAD")
_IDENTITY = "bluelamp.identity"
"""The key under which a request keeps its sender, once known."""
Area = Literal["board", "custody", "alerts", "alert_log"]


class Viewers(Struct, frozen=True, kw_only=True):
    """Who may view each area: the lowest role that may, or None for everyone.

    Attributes:
        board: figures.
        custody: detainees, each with their clocks.
        alerts: alerts and suppressions.
        alert_log: the export of everything that was done about alerts.
    """

    board: Role | None
    custody: Role | None
    alerts: Role | None
    alert_log: Role | None


EVERYONE = Viewers(board=None, custody=None, alerts=None, alert_log=None)


class Guard:
    """Decides whether a request is allowed.

    Args:
        people: everybody who may sign in.
        viewers: who may view what.
        monotonic: a clock that never jumps.
    """

    def __init__(self, people: People, viewers: Viewers, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.people, self.viewers = people, viewers
        self._tokens = TokenAttempts(monotonic, lambda address: _logger.warning("wrong token from %s", address))

    def identify(self, request: Request) -> Person | None:
        """Who a request is from; None if it does not say.

        Raises:
            ProblemError: its cookie cannot be one of ours, or there were too many wrong tokens from its address.
        """
        # Several layers ask about the same request, and a wrong token counts once.
        if _IDENTITY not in request.scope:
            try:
                request.scope[_IDENTITY] = self._identify(request)
            except ProblemError as error:
                request.scope[_IDENTITY] = error
        identity: Person | ProblemError | None = request.scope[_IDENTITY]
        if isinstance(identity, ProblemError):
            raise identity
        return identity

    def _identify(self, request: Request) -> Person | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        address = request.client.host if request.client else ""
        if scheme.lower() == "bearer":
            return self._by_token(token, address)
        cookie = request.cookies.get(COOKIE, "")
        if not cookie.isascii():
            title, detail = "The session cookie is not valid.", "Delete this site's cookies, and sign in again."
            raise problem("not_understood", 400, title, detail)
        return self.people.by_proxy(request.headers, address) or (self.people.by_cookie(cookie) if cookie else None)

    def _by_token(self, token: str, address: str) -> Person | None:
        digest = digest_of(token.strip())
        wait = self._tokens.wait_seconds(address, digest)
        if wait:
            title, headers = "There were too many wrong tokens from this address.", {"Retry-After": str(wait)}
            raise problem("too_many_attempts", 429, title, f"Try again in {wait} seconds.", headers)
        person = self.people.by_token(token)
        self._tokens.note(address, digest, is_right=person is not None)
        return person

    def require(self, request: Request, role: Role) -> Person:
        """Who a request is from, if they have the role.

        Raises:
            ProblemError: they do not have the role, or another site may have made the request.
        """
        person = self.identify(request)
        if person is None:
            raise self._not_signed_in(role)
        if not person.may(role):
            detail = f"{person.login} has the role {person.role}. Ask an administrator for the role {role}."
            raise problem("not_allowed", 403, f"You need the role {role} to do this.", detail)
        if request.method not in _SAFE_METHODS:
            _check_csrf(request, person)
        return person

    def require_view(self, request: Request, area: Area) -> Person | None:
        """Who a request to view an area is from; None if everyone may and it does not say.

        Raises:
            ProblemError: as `require`.
        """
        role: Role | None = getattr(self.viewers, area)
        return self.require(request, role) if role else self.identify(request)

    def forces_of(self, person: Person | None) -> Forces:
        """The forces that a person may see; None for all. The person is None if they have not signed in."""
        return person.forces if person else self.people.forces_of(())

    def require_forces(self, request: Request, forces: Collection[str]) -> None:
        """Check that the sender of a request may see every one of these forces.

        Raises:
            ProblemError: they may not, or their identity cannot be read.
        """
        person = self.identify(request)
        allowed = self.forces_of(person)
        if allowed is not None and not allowed.issuperset(forces):
            login = person.login if person else "Somebody without a sign-in"
            detail = f"{login} may not see every force that this address shows. Ask an administrator for access (BLUELAMP_PEOPLE_FORCES)."
            raise problem("not_allowed", 403, "You may not see this force.", detail)

    def _not_signed_in(self, role: Role) -> ProblemError:
        if role not in ("engine", "view") and not self.people.can_act():
            detail = "Set BLUELAMP_PEOPLE to the people's tokens (see docs/run/inbox.md), and restart."
            return problem("nobody_may_act", 403, "Nobody can act, because no tokens are set.", detail)
        detail = "Sign in on the page `sign-in`, or send `Authorization: Bearer` with a token from BLUELAMP_PEOPLE."
        return problem("not_signed_in", 401, "You are not signed in.", detail, {"WWW-Authenticate": "Bearer"})


def _check_csrf(request: Request, person: Person) -> None:
    """Refuse a request that another site's page makes for somebody who is signed in here."""
    if not person.is_ambient:
        return
    check_origin(request)
    if not hmac.compare_digest(request.headers.get(CSRF_HEADER, "").encode(), person.csrf.encode()):
        detail = f"Send the header `{CSRF_HEADER}` with the `csrf` value from GET session."
        raise problem("from_elsewhere", 403, "The request does not come from Blue Lamp's own page.", detail)


def check_origin(request: Request) -> None:
    """Refuse a request from a page of another site.

    Raises:
        ProblemError: its origin is another site, or unknown.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "")
    # Sec-Fetch-Site is the browser's own statement; older browsers send at least the page's origin.
    is_own = site == "same-origin" if site else urlsplit(origin).netloc == request.headers.get("host")
    if not is_own:
        detail = "Act on the board itself, or send a token from a program."
        raise problem("from_elsewhere", 403, "The request comes from another site.", detail)
