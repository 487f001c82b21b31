"""Who asks, and whether they may: a token, a session or a proxy, and no request that another site has made."""

from urllib.parse import urlsplit

from starlette.requests import Request

from alerts.inbox.people import People, Person, Role
from alerts.inbox.problem import ProblemError

COOKIE = "bluelamp_session"
CSRF_HEADER = "x-csrf-token"
_SAFE = ("GET", "HEAD")


class Guard:
    """Lets people in.

    Args:
        people: who they are.
        is_open_to_view: whoever reaches us may view, as they may the board's figures.
    """

    def __init__(self, people: People, *, is_open_to_view: bool) -> None:
        self.people, self.is_open_to_view = people, is_open_to_view

    def who(self, request: Request) -> Person | None:
        """Who asks; None when nobody says."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.people.by_token(token)
        address = request.client.host if request.client else ""
        cookie = request.cookies.get(COOKIE, "")
        return self.people.by_proxy(request.headers, address) or (self.people.by_cookie(cookie) if cookie else None)

    def need(self, request: Request, role: Role) -> Person | None:
        """Whoever asks, if they may; None where nobody need say who they are.

        Raises:
            ProblemError: they may not, or it cannot be told that it is they who ask.
        """
        person = self.who(request)
        if person and person.may(role):
            if request.method not in _SAFE:
                _check_own(request, person)
            return person
        if role == "view" and self.is_open_to_view:
            return None
        if person:
            detail = f"{person.login} may {person.role}: ask an administrator for a token that may {role}."
            raise ProblemError("not_allowed", 403, f"This needs the role {role}.", detail)
        raise self._not_signed_in(role)

    def act(self, request: Request, role: Role) -> Person:
        """Whoever asks for what changes something.

        Raises:
            ProblemError: as above.
        """
        person = self.need(request, role)
        if person is None:
            raise self._not_signed_in(role)
        return person

    def _not_signed_in(self, role: Role) -> ProblemError:
        if role != "engine" and not self.people.can_act():
            detail = "Give tokens in BLUELAMP_PEOPLE (docs/inbox.md), and start again."
            return ProblemError("nobody_may_act", 403, "No one has a token, so no one may act.", detail)
        detail = "Sign in at sign-in, or send `Authorization: Bearer` with a token of BLUELAMP_PEOPLE."
        return ProblemError("not_signed_in", 401, "It is not known who asks.", detail, {"WWW-Authenticate": "Bearer"})


def _check_own(request: Request, person: Person) -> None:
    """Refuse what another site's page asks in the name of somebody who is signed in here."""
    if not person.is_ambient:
        return
    check_origin(request)
    if request.headers.get(CSRF_HEADER, "") != person.csrf:
        detail = f"Send `{CSRF_HEADER}` with the `csrf` that GET session answers with."
        raise ProblemError("from_elsewhere", 403, "The request does not come from our own page.", detail)


def check_origin(request: Request) -> None:
    """Refuse what a page of another site sends.

    Raises:
        ProblemError: it says where it is from, and that is not here; or it does not say.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "")
    # The browser's own word counts; one that does not give it tells at least the page's origin.
    is_own = site == "same-origin" if site else urlsplit(origin).netloc == request.headers.get("host")
    if not is_own:
        detail = "Act from the board itself, or from a program with a token."
        raise ProblemError("from_elsewhere", 403, "The request comes from another site.", detail)
