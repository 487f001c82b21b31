"""A small OpenID Connect provider for tests: discovery, keys, the authorization code flow with PKCE, and tokens to tamper with."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "bluelamp", "a-secret-of-the-client"


@cache
def key(kid: str, number: int = 0) -> RSAKey:
    """A signing key, generated once."""
    del number
    return RSAKey.generate_key(2048, parameters={"kid": kid})


class TestProvider:
    """A provider at which one person is signed in.

    Attributes:
        issuer: its address.
        claims: the claims of its tokens, without those that every token has; a test changes them.
        key: its signing key; a test may replace it.
        published: the key that it publishes.
        refuses: whether it signs nobody in.
        header: the header of its tokens.
        requests: the paths that were requested.
    """

    __test__ = False

    def __init__(self) -> None:
        self.key = key("one")
        self.claims: dict[str, Any] = {"preferred_username": "j.smith", "groups": ["duty", "staff"]}
        self.refuses = False
        self.published = self.key
        self.requests: list[str] = []
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self._begun: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._get(self)

            def do_POST(self) -> None:
                provider._token(self)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}/realms/force"

    def _get(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        path = parts.path.removeprefix("/realms/force")
        self.requests.append(path)
        if path == "/.well-known/openid-configuration":
            names = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys"}
            _reply(handler, {"issuer": self.issuer, **{name: self.issuer + end for name, end in names.items()}})
        elif path == "/keys":
            _reply(handler, {"keys": [self.published.as_dict(private=False)]})
        else:
            self._authorise(handler, dict(parse_qsl(parts.query)))

    def _authorise(self, handler: BaseHTTPRequestHandler, asked: dict[str, str]) -> None:
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert asked["code_challenge_method"] == "S256"
        answer = {"state": asked["state"], "error": "access_denied"}
        if not self.refuses:
            code = secrets.token_urlsafe(9)
            self._begun[code] = asked
            answer = {"state": asked["state"], "code": code}
        handler.send_response(302)
        handler.send_header("Location", f"{asked['redirect_uri']}?{urlencode(answer)}")
        handler.end_headers()

    def _token(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
        sent = dict(parse_qsl(body))
        asked = self._begun.pop(sent.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(sent.get("code_verifier", "").encode()).digest())
        client = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        is_right = asked is not None and challenge.rstrip(b"=").decode() == asked["code_challenge"]
        if not is_right or asked is None or handler.headers["Authorization"] != client:
            _reply(handler, {"error": "invalid_grant"}, 400)
            return
        token = self.token(asked["nonce"])
        _reply(handler, {"access_token": "x", "token_type": "Bearer", "id_token": token})

    def token(self, nonce: str) -> str:
        """An ID token."""
        now = int(time.time())  # noqa: TID251 - the provider's own clock
        frame = {"iss": self.issuer, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 60, "nonce": nonce}
        signing = OctKey.import_key(SECRET) if self.header["alg"] == "HS256" else self.key
        if self.header["alg"] == "none":
            parts = [base64.urlsafe_b64encode(json.dumps(each).encode()) for each in (self.header, frame | self.claims)]
            return b".".join([*(each.rstrip(b"=") for each in parts), b""]).decode()
        return jwt.encode(self.header, frame | self.claims, signing)


def _reply(handler: BaseHTTPRequestHandler, body: object, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    handler.wfile.write(json.dumps(body).encode())


@contextmanager
def provider() -> Iterator[TestProvider]:
    """A running provider."""
    running = TestProvider()
    thread = threading.Thread(target=running.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.server.shutdown()
        running.server.server_close()
        thread.join()
