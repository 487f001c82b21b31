"""Signing in at an OpenID Connect provider: the authorization code flow with PKCE, and what the provider says about a person."""

import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from alerts.inbox.api.people import Person, Role, as_group, highest
from producers.http.problem import problem
from producers.secret import Secret

CALLBACK = "oidc/callback"
_TIMEOUT_SECONDS = 5.0
_KEPT_SECONDS = 3600.0
_LEEWAY_SECONDS = 60
_SIGNATURES = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512")
"""Signatures with the provider's own key; `none`, and those with a shared secret, are not accepted."""
_LOGIN = re.compile(r"[\w.@+-]{1,60}")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Registration(Struct, frozen=True, kw_only=True):
    """How this system is registered at the provider.

    Attributes:
        issuer: the provider's address, as its tokens name it.
        client: the client's id.
        secret: the client's secret.
        address: the address at which people reach this system, without a path.
        login_claim: the claim with a person's login.
        groups_claim: the claim with a person's groups.
        roles: the role of each group.
    """

    issuer: str
    client: str
    secret: Secret
    address: str
    login_claim: str
    groups_claim: str
    roles: dict[str, Role]


class Begun(Struct, frozen=True):
    """A sign-in that has begun; a signed cookie of the browser holds it until the provider sends the person back.

    Attributes:
        state: names this sign-in.
        nonce: the provider repeats it in its token.
        verifier: proves to the provider that the same program asks for the token.
        next: the page to open afterwards.
    """

    state: str
    nonce: str
    verifier: str
    next: str


class Provider:
    """An OpenID Connect provider; nothing is requested before somebody signs in.

    Args:
        client: how this system is registered.
        path: the path below which the callback is.
        now: the wall clock.
        get: requests a URL.
    """

    def __init__(
        self,
        client: Registration,
        path: str,
        now: Callable[[], datetime],
        get: Callable[..., requests.Response] = requests.get,
    ) -> None:
        self._client, self._now, self._get = client, now, get
        self.redirect = f"{client.address}{path}/{CALLBACK}"
        self.is_secure = client.address.startswith("https://")
        self._lock = threading.Lock()
        self._kept: tuple[float, Mapping[str, Any], KeySet] | None = None

    def begin(self, next_page: str) -> tuple[str, Begun]:
        """The provider's address to which to send the browser, and what to keep until it comes back; blocking.

        Raises:
            ProblemError: the provider does not answer.
        """
        found, _ = self._about()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        begun = Begun(state, nonce, verifier, next_page)
        with self._session() as session:
            url, _ = session.create_authorization_url(
                found["authorization_endpoint"], state=begun.state, nonce=begun.nonce, code_verifier=begun.verifier
            )
        return url, begun

    def finish(self, begun: Begun, answer: Mapping[str, str]) -> Person:
        """The person whom the provider has sent back; blocking.

        Args:
            begun: what was kept when this browser began.
            answer: the query that the provider sent.

        Raises:
            ProblemError: the answer belongs to another sign-in, the provider refused, its token is not valid, or the person has no role.
        """
        if not secrets.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise _failed("The answer belongs to another sign-in.", 400)
        if "code" not in answer:
            raise _failed("The provider refused to sign you in.", 401)
        found, keys = self._about()
        try:
            with self._session() as session:
                tokens = session.fetch_token(
                    found["token_endpoint"],
                    code=answer["code"],
                    code_verifier=begun.verifier,
                    timeout=_TIMEOUT_SECONDS,
                    allow_redirects=False,
                )
            return self._person(self._claims(str(tokens.get("id_token", "")), keys, begun.nonce))
        except (AuthlibBaseError, requests.RequestException, JoseError, ValueError) as error:
            raise _failed(f"The provider's token is not valid ({type(error).__name__}).", 401) from error

    def _claims(self, token: str, keys: KeySet, nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token, once its signature, its issuer, its audience, its times and its nonce are checked."""
        try:
            read = jwt.decode(token, keys, algorithms=_SIGNATURES)
        except (JoseError, ValueError):
            # The provider may have changed its keys.
            read = jwt.decode(token, self._about(is_renewed=True)[1], algorithms=_SIGNATURES)
        client = self._client.client
        rules: dict[str, Any] = {
            "iss": {"essential": True, "value": self._client.issuer},
            "aud": {"essential": True, "value": client},
            "sub": {"essential": True},
            "exp": {"essential": True},
            "iat": {"essential": True},
            "nonce": {"essential": True, "value": nonce},
        }
        now = int(self._now().timestamp())
        jwt.JWTClaimsRegistry(now=now, leeway=_LEEWAY_SECONDS, **rules).validate(read.claims)
        if read.claims.get("azp", client) != client:
            raise ValueError("azp")
        return read.claims

    def _person(self, claims: Mapping[str, Any]) -> Person:
        login, groups = claims.get(self._client.login_claim), claims.get(self._client.groups_claim, ())
        if not isinstance(login, str) or not _LOGIN.fullmatch(login):
            raise _failed(f"The provider gives no usable login (claim {self._client.login_claim}).", 403)
        listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        role = highest(self._client.roles, (each for each in listed if isinstance(each, str)))
        if role is None:
            raise _failed(f"{login} is in no group that has a role here.", 403)
        return Person(login, role, known_as=tuple(as_group(each) for each in listed if isinstance(each, str)))

    def _session(self) -> OAuth2Session:
        return OAuth2Session(
            client_id=self._client.client,
            client_secret=self._client.secret.reveal(),
            scope="openid profile",
            redirect_uri=self.redirect,
            code_challenge_method="S256",
        )

    def _about(self, *, is_renewed: bool = False) -> tuple[Mapping[str, Any], KeySet]:
        """The provider's addresses and keys, asked for at most once an hour."""
        with self._lock:
            if is_renewed or self._kept is None or time.monotonic() - self._kept[0] > _KEPT_SECONDS:
                self._kept = (time.monotonic(), *self._discover())
            return self._kept[1], self._kept[2]

    def _discover(self) -> tuple[Mapping[str, Any], KeySet]:
        try:
            found = self._json(f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self._client.issuer:
                raise _failed("The provider's issuer is not BLUELAMP_OIDC_ISSUER.", 502)
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not is_safe_address(str(found.get(name, ""))):
                    raise _failed(f"The provider's {name} is not an https address.", 502)
            return found, KeySet.import_key_set(self._json(found["jwks_uri"]))  # type: ignore[arg-type]
        except (requests.RequestException, JoseError, ValueError) as error:
            raise _failed(f"The provider does not answer ({type(error).__name__}).", 502) from error

    def _json(self, url: str) -> Mapping[str, Any]:
        response = self._get(url, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
        response.raise_for_status()
        body: Mapping[str, Any] = response.json()
        return body


def is_safe_address(url: str) -> bool:
    """Whether an address is https, or of this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))


def _failed(title: str, status: int) -> Exception:
    return problem("not_signed_in", status, title, "Sign in again. If it keeps failing, ask an administrator.")
