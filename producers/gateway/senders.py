"""The gateway's senders, each with its own token; only digests of the tokens are stored."""

import base64
import hashlib
import hmac
import re

from facts.errors import SettingError

TOKEN_LENGTH_MIN = 24
_PAIR = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,39}):(\S+)")
_HINT = (
    f"Give `name:token` for each sender or force, separated by spaces. A token has at least {TOKEN_LENGTH_MIN} characters; "
    '`python -c "import secrets; print(secrets.token_urlsafe(32))"` makes one.'
)


class Senders:
    """The senders and their tokens. Its printed form never contains a token.

    A sender may be listed twice with two tokens: both are valid while one replaces the other.

    Args:
        tokens: pairs of a sender's name and a token.
    """

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._digests = [(name, digest_of(token)) for name, token in tokens]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the senders, each once."""
        return tuple(dict.fromkeys(name for name, _ in self._digests))

    def authenticate(self, authorization: str | None) -> str | None:
        """The sender whose token an Authorization header carries, as a bearer token or as a password of its own name."""
        scheme, _, given = (authorization or "").partition(" ")
        user, token = _user_and_password(given) if scheme.lower() == "basic" else ("", given.strip())
        digest = digest_of(token)
        # Every digest is compared, so that the time taken reveals nothing about them.
        names = [name for name, own in self._digests if hmac.compare_digest(digest, own)]
        if scheme.lower() == "basic":
            return user if user in names else None
        return names[0] if names and scheme.lower() == "bearer" else None


def parse_senders(text: str, where: str) -> Senders:
    """Read the senders from a setting: `name:token` pairs, separated by spaces.

    Args:
        text: the setting.
        where: the name of its variable, for errors.

    Raises:
        SettingError: the setting is invalid or lists no sender. The error never contains a token.
    """
    if not text.strip():
        raise SettingError("No sender has a token, so nobody could send facts.", where=where, hint=_HINT)
    return Senders(parse_pairs(text, where))


def parse_pairs(text: str, where: str) -> list[tuple[str, str]]:
    """Read `name:token` pairs, separated by spaces.

    Args:
        text: the setting.
        where: the name of its variable, for errors.

    Raises:
        SettingError: the setting is invalid. The error never contains a token.
    """
    pairs = [_PAIR.fullmatch(each) for each in text.split()]
    tokens = [(pair[1], pair[2]) for pair in pairs if pair]
    if len(tokens) < len(pairs):
        raise SettingError(f"Entry {pairs.index(None) + 1} is not of the form name:token.", where=where, hint=_HINT)
    short = next((name for name, token in tokens if len(token) < TOKEN_LENGTH_MIN), None)
    if short:
        raise SettingError(f"The token of {short} is too short.", where=where, hint=_HINT)
    return tokens


def _user_and_password(given: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(given.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return user, password


def digest_of(token: str) -> bytes:
    """The digest of a token, which is kept in its place."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
