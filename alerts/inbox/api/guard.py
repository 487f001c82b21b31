"""Checks who a request is from and whether they may make it, and refuses requests made by other sites."""

import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from alerts.inbox.api.people import People, Person, Role
from producers.http.problem import ProblemError, problem

COOKIE = "bluelamp_session"
CSRF_HEADER = "x-csrf-token"
_SAFE_METHODS = ("GET", "HEAD")


class Guard:
    """Decides whether a request is allowed.

    Args:
        people: everybody who may sign in.
        is_open_to_view: anybody may view without signing in, as they may view the board's figures.
    """

    def __init__(self, people: People, *, is_open_to_view: bool) -> None:
        self.people, self.is_open_to_view = people, is_open_to_view

    def identify(self, request: Request) -> Person | None:
        """Who a request is from; None if it does not say."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.people.by_token(token)
        address = request.client.host if request.client else ""
        cookie = request.cookies.get(COOKIE, "")
        return self.people.by_proxy(request.headers, address) or (self.people.by_cookie(cookie) if cookie else None)

    def require(self, request: Request, role: Role) -> Person | None:
        """Who a request is from, if they have the role; None if nobody needs to sign in for it.

        Raises:
            ProblemError: they do not have the role, or another site may have made the request.
        """
        person = self.identify(request)
        if person and person.may(role):
            if request.method not in _SAFE_METHODS:
                _check_csrf(request, person)
            return person
        if role == "view" and self.is_open_to_view:
            return None
        if person:
            detail = f"{person.login} has the role {person.role}. Ask an administrator for the role {role}."
            raise problem("not_allowed", 403, f"You need the role {role} to do this.", detail)
        raise self._not_signed_in(role)

    def require_person(self, request: Request, role: Role) -> Person:
        """Who a request is from, for requests that nobody may make without signing in.

        Raises:
            ProblemError: as `require`, or they are not signed in.
        """
        person = self.require(request, role)
        if person is None:
            raise self._not_signed_in(role)
        return person

    def _not_signed_in(self, role: Role) -> ProblemError:
        if role != "engine" and not self.people.can_act():
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
