"""Who may view, act or administer: people by token, by session cookie, or by the headers of a named proxy."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Literal, get_args

import msgspec
from msgspec import Struct

from facts.errors import SettingError
from facts.times import is_future

Role = Literal["view", "act", "admin", "engine"]
"""Each of the first three may do what those before it may; an engine tells alerts, and nothing else."""
SESSION = timedelta(hours=12)
TOKEN_LENGTH_MIN = 24
_RANK = {"view": 0, "act": 1, "admin": 2}
_TRIPLE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._@-]{0,59}):(\w+):(\S+)")
_HINT = (
    f"Give `login:role:token` for each, separated by spaces; roles are {', '.join(get_args(Role))}, and a token has at least "
    f'{TOKEN_LENGTH_MIN} characters: `python -c "import secrets; print(secrets.token_urlsafe(32))"` makes one.'
)


class Person(Struct, frozen=True):
    """Somebody who asks.

    Attributes:
        login: as the audit log names them.
        role: what they may do.
        is_ambient: their browser says who they are by itself, so that another site could ask in their name.
        csrf: what only our own pages know, to be sent with whatever changes something.
    """

    login: str
    role: Role
    is_ambient: bool = False
    csrf: str = ""

    def may(self, role: Role) -> bool:
        """Whether they may do what a role may."""
        if "engine" in (role, self.role):
            return self.role == role
        return _RANK[self.role] >= _RANK[role]


class Proxy(Struct, frozen=True, kw_only=True):
    """A proxy in front of us that has asked an identity provider who somebody is.

    Attributes:
        addresses: where it speaks to us from, as addresses or networks; its headers from elsewhere count for nothing.
        login_header: holds the login.
        groups_header: holds the groups, separated by commas.
        roles: the role of each group.
    """

    addresses: tuple[str, ...]
    login_header: str = "x-forwarded-preferred-username"
    groups_header: str = "x-forwarded-groups"
    roles: dict[str, Role] = {}

    def is_secure(self, headers: Mapping[str, str], address: str) -> bool:
        """Whether it says that whoever asks speaks to it encrypted."""
        return headers.get("x-forwarded-proto", "") == "https" and self._is_from(address)

    def named_by(self, headers: Mapping[str, str], address: str) -> tuple[str, Role] | None:
        """Who is meant, and the highest role of their groups; None when it was not this proxy, or nobody is."""
        login = headers.get(self.login_header, "")
        if not login or not self._is_from(address) or not re.fullmatch(r"[\w.@+-]{1,60}", login):
            return None
        groups = [each.strip() for each in headers.get(self.groups_header, "").split(",")]
        roles = [self.roles[group] for group in groups if group in self.roles]
        return (login, max(roles, key=_RANK.__getitem__)) if roles else None

    def _is_from(self, address: str) -> bool:
        try:
            return any(ip_address(address) in ip_network(each) for each in self.addresses)
        except ValueError:
            return False


class _Session(Struct, array_like=True):
    """What a session cookie holds."""

    login: str
    role: Role
    until: datetime
    chance: str


class People:
    """Those who have a token, and those whom the proxy names; nothing printed of it shows a token.

    Args:
        tokens: login, role and token of each; a login may have two while one replaces the other.
        proxy: in front of us, if there is one.
        now: the wall clock.
    """

    def __init__(
        self, tokens: Iterable[tuple[str, Role, str]], now: Callable[[], datetime], proxy: Proxy | None = None
    ) -> None:
        self._digests = [(login, role, _digest(token)) for login, role, token in tokens]
        self._proxy, self._now = proxy, now
        # Of all people's tokens: whoever serves with the same knows the same sessions, and one taken away ends them all.
        known = b"".join(digest for _, role, digest in self._digests if role != "engine")
        self._key = hashlib.sha256(b"sessions" + known).digest() if known else secrets.token_bytes(32)

    def can_act(self) -> bool:
        """Whether there is anybody who could."""
        return self._proxy is not None or any(role in ("act", "admin") for _, role, _ in self._digests)

    def by_token(self, token: str) -> Person | None:
        """Whose token this is; None when it is nobody's."""
        given = _digest(token.strip())
        # Every digest is compared, so that the time taken tells nothing.
        found = [(login, role) for login, role, known in self._digests if hmac.compare_digest(given, known)]
        return Person(*found[0]) if found else None

    def by_cookie(self, cookie: str) -> Person | None:
        """Whose session this is; None when it has expired, is not one of ours, or was made by a clock that was ahead."""
        body, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature, self._sign("session", body)):
            return None
        told = msgspec.json.decode(base64.urlsafe_b64decode(body), type=_Session)
        if told.until <= self._now() or is_future(told.until, self._now() + SESSION):
            return None
        return Person(told.login, told.role, is_ambient=True, csrf=self._sign("csrf", cookie))

    def by_proxy(self, headers: Mapping[str, str], address: str) -> Person | None:
        """Whom the proxy names; None when nobody, or when it was not the proxy that asks."""
        found = self._proxy.named_by(headers, address) if self._proxy else None
        if found is None:
            return None
        login, role = found
        return Person(login, role, is_ambient=True, csrf=self._sign("csrf", f"proxy {login}"))

    def is_secure(self, headers: Mapping[str, str], address: str) -> bool:
        """Whether the proxy says that whoever asks speaks to it encrypted."""
        return self._proxy is not None and self._proxy.is_secure(headers, address)

    def session(self, person: Person) -> str:
        """The value of the cookie that says who somebody is until their shift is over."""
        told = _Session(person.login, person.role, self._now().astimezone(UTC) + SESSION, secrets.token_urlsafe(9))
        body = base64.urlsafe_b64encode(msgspec.json.encode(told)).decode()
        return f"{body}.{self._sign('session', body)}"

    def _sign(self, use: str, text: str) -> str:
        return hmac.new(self._key, f"{use} {text}".encode(), hashlib.sha256).hexdigest()


def parse_tokens(text: str, where: str) -> list[tuple[str, Role, str]]:
    """Tokens as a setting tells them: `login:role:token`, separated by spaces.

    Args:
        text: the setting; empty names nobody.
        where: its variable, for errors.

    Raises:
        SettingError: it has a fault; never with a token.
    """
    found: list[tuple[str, Role, str]] = []
    for number, each in enumerate(text.split(), 1):
        triple = _TRIPLE.fullmatch(each)
        if triple is None or triple[2] not in get_args(Role):
            raise SettingError(f"Entry {number} is not of the form login:role:token.", where=where, hint=_HINT)
        if len(triple[3]) < TOKEN_LENGTH_MIN:
            raise SettingError(f"The token of {triple[1]} is too short.", where=where, hint=_HINT)
        found.append((triple[1], msgspec.convert(triple[2], Role), triple[3]))
    return found


class Attempts:
    """How often somebody may try to sign in and fail: a few times a minute for each address.

    Args:
        monotonic: a clock that never jumps.
        limit: failures in a minute.
    """

    _WINDOW_SECONDS = 60.0
    _ADDRESSES = 1_000

    def __init__(self, monotonic: Callable[[], float], limit: int = 5) -> None:
        self._monotonic, self._limit = monotonic, limit
        self._failures: dict[str, list[float]] = {}

    def wait_seconds(self, address: str) -> int:
        """How long an address must wait before it may try again; 0 when it may now."""
        now = self._monotonic()
        recent = [at for at in self._failures.get(address, ()) if now - at < self._WINDOW_SECONDS]
        return int(recent[-self._limit] + self._WINDOW_SECONDS - now) + 1 if len(recent) >= self._limit else 0

    def note_failure(self, address: str) -> None:
        """Somebody at an address has failed."""
        if address not in self._failures and len(self._failures) >= self._ADDRESSES:
            del self._failures[next(iter(self._failures))]
        self._failures[address] = [*self._failures.get(address, ())[-self._limit :], self._monotonic()]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
