"""Who people are and what they may do: identified by token, by session cookie, or by a trusted proxy's headers."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any, Literal, TypeVar, get_args

import msgspec
from itsdangerous import BadData, Signer, TimestampSigner, URLSafeTimedSerializer
from msgspec import Struct

from alerts.inbox.api.sessions import SESSION, EndedSessions
from facts.errors import SettingError
from facts.times import is_future

Role = Literal["view", "act", "admin", "engine"]
"""View, act and admin each include the role before; an engine may only send alerts."""
TOKEN_LENGTH_MIN = 24
Forces = frozenset[str] | None
"""Forces that may be seen; None for all."""
ANYBODY = "*"
"""In BLUELAMP_PEOPLE_FORCES: as a login, everybody who has signed in; as a force, every force."""
_RANK = {"view": 0, "act": 1, "admin": 2}
_ENTRY = re.compile(r"([A-Za-z0-9][A-Za-z0-9._@-]{0,59}):(\w+):(\S+)")
_HINT = (
    f"Set it to `login:role:token` for each person, separated by spaces. The roles are {', '.join(get_args(Role))}. A token has at "
    f'least {TOKEN_LENGTH_MIN} characters; to make one: `python -c "import secrets; print(secrets.token_urlsafe(32))"`.'
)


class Person(Struct, frozen=True):
    """Somebody who makes a request.

    Attributes:
        login: their name in the alert log.
        role: what they may do.
        is_ambient: their browser or proxy identifies them by itself, so another site could make requests for them.
        csrf: a value that only Blue Lamp's own pages know, sent with every request that changes something.
        session: the name of their session, which signing out ends; empty without one.
        known_as: the names by which BLUELAMP_PEOPLE_FORCES may list them: their login if they have a token, otherwise their groups.
        forces: the forces that they may see; None for all.
    """

    login: str
    role: Role
    is_ambient: bool = False
    csrf: str = ""
    session: str = ""
    known_as: tuple[str, ...] = ()
    forces: Forces = None

    def may(self, role: Role) -> bool:
        """Whether they have the rights of a role."""
        if "engine" in (role, self.role):
            return self.role == role
        return _RANK[self.role] >= _RANK[role]


class ForceLimits(Struct, frozen=True):
    """Who may see which forces.

    Attributes:
        by_name: the forces by name: a login, `group:` and a group, or `*` for everybody who has signed in.
    """

    by_name: dict[str, Forces]

    def of(self, names: Iterable[str]) -> Forces:
        """The forces that somebody with these names may see; none without an entry."""
        found = [self.by_name[each] for each in (*names, ANYBODY) if each in self.by_name]
        return None if None in found else frozenset().union(*(each for each in found if each is not None))


def as_group(name: str) -> str:
    """The name of a group in BLUELAMP_PEOPLE_FORCES."""
    return f"group:{name}"


class Proxy(Struct, frozen=True, kw_only=True):
    """A reverse proxy that identifies people through an identity provider.

    Attributes:
        addresses: the addresses or networks it connects from; its headers are ignored from anywhere else.
        login_header: the header with the login.
        groups_header: the header with the groups, separated by commas.
        roles: the role of each group.
    """

    addresses: tuple[str, ...]
    login_header: str = "x-forwarded-preferred-username"
    groups_header: str = "x-forwarded-groups"
    roles: dict[str, Role] = {}

    def is_secure(self, headers: Mapping[str, str], address: str) -> bool:
        """Whether the client's connection to the proxy is encrypted."""
        return headers.get("x-forwarded-proto", "") == "https" and self._is_from(address)

    def named_by(self, headers: Mapping[str, str], address: str) -> tuple[str, Role, list[str]] | None:
        """The login, the highest role of their groups, and the groups; None if the request is not from this proxy, or names nobody."""
        login = headers.get(self.login_header, "")
        if not login or not self._is_from(address) or not re.fullmatch(r"[\w.@+-]{1,60}", login):
            return None
        groups = [each.strip() for each in headers.get(self.groups_header, "").split(",")]
        role = highest(self.roles, groups)
        return (login, role, groups) if role else None

    def _is_from(self, address: str) -> bool:
        try:
            return any(ip_address(address) in ip_network(each) for each in self.addresses)
        except ValueError:
            return False


def highest(roles: Mapping[str, Role], groups: Iterable[str]) -> Role | None:
    """The highest role of these groups; None if they have none."""
    return max((roles[group] for group in groups if group in roles), key=_RANK.__getitem__, default=None)


class _Session(Struct, array_like=True):
    """The content of a session cookie."""

    login: str
    role: Role
    nonce: str
    known_as: tuple[str, ...] = ()


class _ClockSigner(TimestampSigner):
    """A timestamp signer that reads the clock it is given.

    Args:
        secret_key: the key.
        now: the wall clock.
        options: of `TimestampSigner`.
    """

    def __init__(self, secret_key: bytes, now: Callable[[], datetime], **options: Any) -> None:
        super().__init__(secret_key, **options)
        self._now = now

    def get_timestamp(self) -> int:
        """The time now, in seconds since 1970."""
        return int(self._now().timestamp())


_Sealed = TypeVar("_Sealed")
_SINCE = timedelta(seconds=-1)
"""A time stamp has whole seconds."""
_HMAC_SHA256: dict[str, Any] = {"key_derivation": "hmac", "digest_method": hashlib.sha256}


class People:
    """Everybody with a token, and everybody whom the proxy identifies; printing it shows no token.

    Args:
        tokens: login, role and token of each person; a login may have two while one replaces the other.
        now: the wall clock.
        proxy: the reverse proxy, if there is one.
        ended: the sessions that people have ended by signing out.
        provider_secret: the secret of the OpenID Connect provider at which people sign in; empty without one.
        limits: who may see which forces; None if everybody may see all.
    """

    def __init__(
        self,
        tokens: Iterable[tuple[str, Role, str]],
        now: Callable[[], datetime],
        proxy: Proxy | None = None,
        ended: EndedSessions | None = None,
        provider_secret: str = "",
        limits: ForceLimits | None = None,
    ) -> None:
        self._limits = limits
        self._has_provider = bool(provider_secret)
        self.ended = ended or EndedSessions()
        self._digests = [(login, role, digest_of(token)) for login, role, token in tokens]
        self._proxy, self._now = proxy, now
        # Derived from all people's tokens: every server with the same tokens accepts the same sessions, and removing a token
        # ends every session.
        digests = b"".join(digest for _, role, digest in self._digests if role != "engine")
        digests += digest_of(provider_secret) if provider_secret else b""
        self._key = hashlib.sha256(b"sessions" + digests).digest() if digests else secrets.token_bytes(32)
        self._sessions = URLSafeTimedSerializer(
            self._key, salt="session", signer=_ClockSigner, signer_kwargs={"now": now, **_HMAC_SHA256}
        )

        self._sealing = URLSafeTimedSerializer(
            self._key, salt="sealed", signer=_ClockSigner, signer_kwargs={"now": now, **_HMAC_SHA256}
        )

    def can_act(self) -> bool:
        """Whether anybody can have the role to act."""
        return (
            self._has_provider
            or self._proxy is not None
            or any(role in ("act", "admin") for _, role, _ in self._digests)
        )

    def forces_of(self, names: Iterable[str]) -> Forces:
        """The forces that somebody with these names may see. If there are limits, somebody without a name sees no force."""
        if self._limits is None:
            return None
        known = tuple(names)
        return self._limits.of(known) if known else frozenset()

    def by_token(self, token: str) -> Person | None:
        """The person with a token; None if nobody has it."""
        given = digest_of(token.strip())
        # Every digest is compared, so that the time this takes reveals nothing.
        matches = [(login, role) for login, role, digest in self._digests if hmac.compare_digest(given, digest)]
        if not matches:
            return None
        login, role = matches[0]
        return Person(login, role, known_as=(login,), forces=self.forces_of([login]))

    def by_cookie(self, cookie: str) -> Person | None:
        """The person whose session this is; None if it is forged, has expired, or was signed by a clock that was ahead."""
        try:
            content, signed_at = self._sessions.loads(cookie, return_timestamp=True)
            session = msgspec.convert(content, _Session)
        except (BadData, msgspec.ValidationError):
            return None
        now = self._now()
        if now - signed_at >= SESSION or is_future(signed_at, now) or self.ended.has_ended(session.nonce):
            return None
        return Person(
            session.login, session.role, is_ambient=True, csrf=self._csrf(cookie), session=session.nonce,
            known_as=session.known_as, forces=self.forces_of(session.known_as),
        )  # fmt: skip

    def by_proxy(self, headers: Mapping[str, str], address: str) -> Person | None:
        """The person whom the proxy identifies; None if it names nobody, or the request is not from the proxy."""
        identity = self._proxy.named_by(headers, address) if self._proxy else None
        if identity is None:
            return None
        login, role, groups = identity
        names = tuple(map(as_group, groups))
        csrf = self._csrf(f"proxy {login}")
        return Person(login, role, is_ambient=True, csrf=csrf, known_as=names, forces=self.forces_of(names))

    def is_secure(self, headers: Mapping[str, str], address: str) -> bool:
        """Whether the client's connection to the proxy is encrypted."""
        return self._proxy is not None and self._proxy.is_secure(headers, address)

    def session(self, person: Person) -> str:
        """The value of a session cookie for somebody."""
        # Only the names that the setting lists: a cookie holds 4 kB, and a person may be in hundreds of groups.
        listed = tuple(each for each in person.known_as if self._limits and each in self._limits.by_name)
        names = listed or person.known_as[:1]
        content = msgspec.to_builtins(_Session(person.login, person.role, secrets.token_urlsafe(9), names))
        return self._sessions.dumps(content)

    def sealed(self, content: object) -> str:
        """A value that only this system can have made, for a cookie that lasts some minutes."""
        return self._sealing.dumps(msgspec.to_builtins(content))

    def unsealed(self, text: str, kind: type[_Sealed], most: timedelta) -> _Sealed | None:
        """The content of a sealed value; None if this system did not seal it, or sealed it longer ago than this."""
        try:
            content, at = self._sealing.loads(text, return_timestamp=True)
            return msgspec.convert(content, kind) if _SINCE <= self._now() - at <= most else None
        except (BadData, msgspec.ValidationError):
            return None

    def _csrf(self, session: str) -> str:
        return Signer(self._key, salt="csrf", **_HMAC_SHA256).get_signature(session).decode()


def parse_tokens(text: str, where: str) -> list[tuple[str, Role, str]]:
    """The tokens in a setting: `login:role:token`, separated by spaces.

    Args:
        text: the setting's value; empty for nobody.
        where: its variable, for errors.

    Raises:
        SettingError: an entry is wrong; the error never contains a token.
    """
    tokens: list[tuple[str, Role, str]] = []
    for number, each in enumerate(text.split(), 1):
        entry = _ENTRY.fullmatch(each)
        if entry is None or entry[2] not in get_args(Role):
            raise SettingError(f"Entry {number} does not have the form login:role:token.", where=where, hint=_HINT)
        if len(entry[3]) < TOKEN_LENGTH_MIN:
            raise SettingError(f"The token of {entry[1]} is too short.", where=where, hint=_HINT)
        tokens.append((entry[1], msgspec.convert(entry[2], Role), entry[3]))
    return tokens


def digest_of(token: str) -> bytes:
    """The digest of a token, which is kept in its place."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
